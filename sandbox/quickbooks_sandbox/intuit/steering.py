"""What a tester can order, faults by endpoint, and the count of requests made."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import asdict, replace
from typing import Any

from sandbox_kit.faults import CALL_KINDS, DELIVERIES, DELIVERY_KINDS, FIELDS, OrderedFault

DEFAULT_SECONDS = {"timeout_before": 0.2, "timeout_after": 0.2, "late": 30.0, "reorder": 5.0}
_BUSINESS = "fault:"
"""How a fault of the API's own begins, its code behind it."""


def fault_of(order: Any) -> OrderedFault:
    """The fault that was ordered. Raises ValueError that says what is wrong with the order."""
    if not isinstance(order, dict) or not order.keys() <= FIELDS:
        raise ValueError("A fault has endpoint, kind, count, probability and seconds, nothing else.")
    kind = str(order.get("kind"))
    if kind not in CALL_KINDS + DELIVERY_KINDS and not (kind.startswith(_BUSINESS) and kind[6:].isdigit()):
        raise ValueError(f"Unknown kind of fault {kind!r}.")
    count = order.get("count")
    return OrderedFault(
        endpoint=str(order.get("endpoint", "*")).lower(),
        kind=kind,
        count=None if count is None else int(count),
        probability=float(order.get("probability", 1)),
        seconds=float(order.get("seconds", DEFAULT_SECONDS.get(kind, 0))),
    )


class OrderedFaults:
    def __init__(self, randomness: random.Random) -> None:
        self._faults: list[OrderedFault] = []
        self._randomness = randomness
        self._lock = threading.Lock()

    def add(self, faults: list[OrderedFault]) -> None:
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def strike(self, endpoint: str, business_faults_only: bool = False) -> OrderedFault | None:
        """The first fault that hits this request; its count goes down.

        An item of a batch is only hit by faults of its own: a time-out or a 503 belongs to the whole request.
        """
        with self._lock:
            for index, fault in enumerate(self._faults):
                fits = _fits(fault, endpoint, business_faults_only) and fault.concerns(endpoint)
                if fits and fault.count != 0 and fault.hits(self._randomness):
                    self._use_up(index, fault)
                    return fault
        return None

    def _use_up(self, index: int, fault: OrderedFault) -> None:
        if fault.count == 1:
            del self._faults[index]
        elif fault.count is not None:
            self._faults[index] = replace(fault, count=fault.count - 1)


def _fits(fault: OrderedFault, endpoint: str, business_faults_only: bool) -> bool:
    if endpoint == DELIVERIES:
        return fault.kind in DELIVERY_KINDS and not business_faults_only
    return fault.kind.startswith(_BUSINESS) or (fault.kind in CALL_KINDS and not business_faults_only)


class Usage:
    """Successful requests by endpoint: reads are metered by Intuit, writes are free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: Counter[str] = Counter()
        self._writes: Counter[str] = Counter()
        self._replays = 0

    def read(self, endpoint: str) -> None:
        with self._lock:
            self._reads[endpoint] += 1

    def wrote(self, endpoint: str) -> None:
        with self._lock:
            self._writes[endpoint] += 1

    def replayed(self) -> None:
        with self._lock:
            self._replays += 1

    def reset(self) -> None:
        with self._lock:
            self._reads.clear()
            self._writes.clear()
            self._replays = 0

    def shown(self) -> dict[str, Any]:
        with self._lock:
            return {
                "reads": dict(self._reads),
                "writes": dict(self._writes),
                "total_reads": self._reads.total(),
                "total_writes": self._writes.total(),
                "replays": self._replays,
            }
