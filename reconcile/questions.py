"""What a person has said to a question: just now, or for good."""

from typing import Protocol

from reconcile.decisions import Decision
from reconcile.model import Answer


class Asked(Protocol):
    """What of a case says how its questions were answered."""

    @property
    def decision(self) -> str:
        """The decision that waits to be carried out; empty without one."""
        ...

    @property
    def decided_on(self) -> str:
        """The code of the question that it answers; empty for one that needs no question."""
        ...

    @property
    def decision_target(self) -> str:
        """The record of the other side that it names; empty for most."""
        ...

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What was answered for good."""
        ...


def says(case: Asked, code: str, *decisions: Decision) -> bool:
    """Whether the question `code` is answered by one of these; a decision on another question says nothing."""
    return case.decision in decisions and case.decided_on in ("", code)


def answered(case: Asked, code: str, other: str = "") -> Answer | None:
    """The answer that was given for good to a question, about the record `other` if it is about one."""
    return next((answer for answer in case.answers if (answer.code, answer.other) == (code, other)), None)
