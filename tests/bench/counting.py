"""What a block takes of this process's processor, and of a database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass
class Taken:
    """`processor` and `passed` in seconds; how many transactions were begun and statements sent."""

    processor: float = 0.0
    passed: float = 0.0
    transactions: int = 0
    statements: int = 0


@contextmanager
def counted(engine: sa.Engine) -> Iterator[Taken]:
    """What the block takes; complete once it has ended."""
    taken = Taken()

    def begun(_connection: Any) -> None:
        taken.transactions += 1

    def executed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        taken.statements += not statement.startswith(("BEGIN", "PRAGMA"))

    listeners: list[tuple[str, Callable[..., None]]] = [("begin", begun), ("before_cursor_execute", executed)]
    for name, listener in listeners:
        sa.event.listen(engine, name, listener)
    processor, passed = time.process_time(), time.perf_counter()
    try:
        yield taken
    finally:
        taken.processor, taken.passed = time.process_time() - processor, time.perf_counter() - passed
        for name, listener in listeners:
            sa.event.remove(engine, name, listener)
