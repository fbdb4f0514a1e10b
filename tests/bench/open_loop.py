"""An open loop: deliveries are sent by the clock, whether those before them are answered or not.

How long one takes is counted from its scheduled time. A loop that waits for each answer sends less to a server that
hangs, and so would leave out those deliveries that had to wait ("coordinated omission").
"""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.bench.percentiles import percentile
from webhooks.signatures import quickbooks_signature

SENDERS = 64
"""Connections, each with a thread: with so many, deliveries that take 0.6 s are still sent in time at 100 a second."""
TIMEOUT = 10.0
PATH = "/webhooks/quickbooks"

Events = Callable[[], list[dict[str, Any]]]


@dataclass
class Sent:
    """What came of the deliveries: `seconds` each took, the ids `taken` with a 2xx, and what was said else."""

    seconds: list[float] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        """In milliseconds, what is told."""
        found = {f"p{percent}": percentile(self.seconds, percent) * 1000 for percent in (50, 99)}
        return found | {"max": max(self.seconds) * 1000, "sent": len(self.seconds), "failed": len(self.failed)}


def send(url: str, verifier_token: str, events: Events, rate: float, seconds: float) -> Sent:
    """Deliver what `events` gives, `rate` a second for so long; returns when the last one is answered."""
    loop = _Loop(url, verifier_token, events, rate, int(rate * seconds))
    threads = [threading.Thread(target=loop.work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return loop.sent


class _Loop:
    def __init__(self, url: str, verifier_token: str, events: Events, rate: float, count: int) -> None:
        self.sent = Sent()
        self._address = urlsplit(url).netloc
        self._token, self._events = verifier_token, events
        self._rate, self._count = rate, count
        self._numbers = itertools.count()
        self._begun = time.monotonic()
        self._lock = threading.Lock()

    def work(self) -> None:
        """Send what is next, until nothing is left."""
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        while (number := self._next()) is not None:
            events = self._events()
            body = json.dumps(events).encode()
            due = self._begun + number / self._rate
            time.sleep(max(0.0, due - time.monotonic()))
            said = self._deliver(connection, body)
            taken = time.monotonic() - due
            with self._lock:
                self.sent.seconds.append(taken)
                if said == "":
                    self.sent.taken.update(event["id"] for event in events)
                else:
                    self.sent.failed.append(said)
        connection.close()

    def _next(self) -> int | None:
        with self._lock:
            number = next(self._numbers)
        return number if number < self._count else None

    def _deliver(self, connection: http.client.HTTPConnection, body: bytes) -> str:
        """Empty for a 2xx, else what was said."""
        headers = {"Content-Type": "application/json", "intuit-signature": quickbooks_signature(body, self._token)}
        try:
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return type(error).__name__
        return "" if 200 <= answer.status < 300 else str(answer.status)
