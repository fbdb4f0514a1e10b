"""Wake-ups inside a process: which connections somebody should look at. Each stands there once."""

import threading
from collections import OrderedDict
from typing import Protocol


class Nudger(Protocol):
    """Says "look at this connection". A lost nudge costs time, never data: the sweeper repeats it."""

    def nudge(self, *connection_ids: str) -> None: ...

    def waiting(self) -> int:
        """How many nudges nobody has taken yet. Raises `OSError` when nobody knows."""
        ...


class Wakeups:
    """An ordered set of connections with a condition to wait on."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._condition = threading.Condition()

    def nudge(self, *connection_ids: str) -> None:
        """Look at these connections."""
        with self._condition:
            for connection_id in connection_ids:
                self._waiting.setdefault(connection_id)
            self._condition.notify(len(connection_ids))

    def take(self, timeout: float) -> str | None:
        """The connection that waits longest, or None after `timeout` seconds."""
        with self._condition:
            if not self._waiting:
                self._condition.wait(timeout)
            if not self._waiting:
                return None
            return self._waiting.popitem(last=False)[0]

    def waiting(self) -> int:
        """How many connections stand there."""
        return len(self)

    def __len__(self) -> int:
        with self._condition:
            return len(self._waiting)
