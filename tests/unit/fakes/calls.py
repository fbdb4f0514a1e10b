"""What was asked of a neighbour in memory, and what a test has it answer instead."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call: `query` of `Invoice`, `write` to `payment?operation=delete` with what was sent, under its key."""

    name: str
    target: str
    sent: Any = None
    key: str = ""


@dataclass(frozen=True)
class _Fault:
    error: Exception
    after: bool
    about: str


@dataclass
class Calls:
    """A log of calls, and the faults that the next ones meet; `meanwhile` is what happens while one is on its way."""

    every: list[Call] = field(default_factory=list)
    before_a_call: Callable[[], object] = lambda: None
    meanwhile: Callable[[Call], object] = lambda _call: None
    _faults: dict[str, deque[_Fault]] = field(default_factory=dict)

    def fail(self, name: str, error: Exception, *, times: int = 1, after: bool = False, about: str = "") -> None:
        """The next calls of `name` raise `error`: `after` they were carried out, or instead of that.

        `about` is a part of the target that the call has to have.
        """
        self._faults.setdefault(name, deque()).extend([_Fault(error, after, about)] * times)

    def heal(self) -> None:
        """All is well again."""
        self._faults.clear()

    def made(self, call: Call, carry_out: Callable[[], Any]) -> Any:
        """Note a call, carry it out, and raise what a test has ordered."""
        self.before_a_call()
        self.every.append(call)
        self.meanwhile(call)
        waiting = self._faults.get(call.name, deque())
        fault = waiting.popleft() if waiting and waiting[0].about in call.target else None
        if fault is not None and not fault.after:
            raise fault.error
        answer = carry_out()
        if fault is not None:
            raise fault.error
        return answer

    def names(self, *wanted: str) -> list[str]:
        """Calls as `write invoice`, oldest first: all, or those with one of these names."""
        return [f"{call.name} {call.target}" for call in self.every if not wanted or call.name in wanted]
