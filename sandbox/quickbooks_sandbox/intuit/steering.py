"""What a tester can order: faults by endpoint, an outage, and the books about requests made."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

API_KINDS = frozenset({"timeout_before", "timeout_after", "429", "500", "401", "503"})
WEBHOOK_KINDS = frozenset({"duplicate", "late", "reorder", "lose"})
DEFAULT_SECONDS = {"timeout_before": 0.2, "timeout_after": 0.2, "late": 30.0, "reorder": 5.0}
JOURNAL_LENGTH = 2000


@dataclass
class FaultRule:
    """One ordered fault. ``count`` is how often it still strikes; None is for ever."""

    endpoint: str
    kind: str
    count: int | None = None
    probability: float = 1.0
    seconds: float = 0.0

    @classmethod
    def from_json(cls, order: Any) -> FaultRule:
        """Raises ValueError that says what is wrong with the order."""
        if not isinstance(order, dict) or not (order.keys() <= {"endpoint", "kind", "count", "probability", "seconds"}):
            raise ValueError("A fault has endpoint, kind, count, probability and seconds, nothing else.")
        kind = str(order.get("kind"))
        if kind not in API_KINDS | WEBHOOK_KINDS and not (kind.startswith("fault:") and kind[6:].isdigit()):
            raise ValueError(f"Unknown kind of fault {kind!r}.")
        count = order.get("count")
        return cls(
            endpoint=str(order.get("endpoint", "*")).lower(),
            kind=kind,
            count=None if count is None else int(count),
            probability=float(order.get("probability", 1)),
            seconds=float(order.get("seconds", DEFAULT_SECONDS.get(kind, 0))),
        )


class OrderedFaults:
    def __init__(self, randomness: random.Random) -> None:
        self._rules: list[FaultRule] = []
        self._randomness = randomness
        self._lock = threading.Lock()

    def add(self, rules: list[FaultRule]) -> None:
        with self._lock:
            self._rules.extend(rules)

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def strike(self, endpoint: str, business_faults_only: bool = False) -> FaultRule | None:
        """The first rule that hits this request; its count goes down.

        An item of a batch is only hit by faults of its own: a time-out or a 503 belongs to the whole request.
        """
        kinds = WEBHOOK_KINDS if endpoint == "webhook" else API_KINDS
        with self._lock:
            for rule in self._rules:
                fits = rule.kind.startswith("fault:") if endpoint != "webhook" else False
                if not business_faults_only:
                    fits = fits or rule.kind in kinds
                if fits and fnmatch.fnmatchcase(endpoint, rule.endpoint) and self._hits(rule):
                    return rule
        return None

    def _hits(self, rule: FaultRule) -> bool:
        if rule.count == 0 or (rule.probability < 1 and self._randomness.random() >= rule.probability):
            return False
        if rule.count is not None:
            rule.count -= 1
            if rule.count == 0:
                self._rules.remove(rule)
        return True


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


class Journal:
    """The last requests and answers, newest last, without tokens."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=JOURNAL_LENGTH)

    def add(self, entry: dict[str, Any]) -> None:
        self._entries.append(entry)

    def last(self, limit: int) -> list[dict[str, Any]]:
        entries = list(self._entries)
        return entries[max(len(entries) - limit, 0) :]
