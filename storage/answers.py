"""Answers that last: what a person said of a record once, and is not asked again for as long as it is so."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Answer, Record
from storage.models import Decided, LastingAnswer
from storage.statements import any_given, given


def keep(
    session: Session, connection_id: str, subject: Record, answer: Answer, decided: Decided | None, now: datetime
) -> None:
    """Keep an answer of a record, with who gave it and why; a later one to the same question takes its place."""
    session.merge(
        LastingAnswer(
            connection_id=connection_id,
            subject=str(subject),
            code=answer.code,
            other=answer.other,
            decision=answer.decision,
            data={"amounts": list(answer.amounts)},
            said_by=decided.decided_by if decided is not None else "",
            note=decided.note if decided is not None else "",
            said_at=decided.decided_at if decided is not None else now,
        )
    )


def of(session: Session, connection_id: str, subjects: Iterable[Record]) -> tuple[Answer, ...]:
    """What was said of a record, under any of its names."""
    return tuple(said_in(row) for row in rows(session, connection_id, subjects))


def said_in(row: LastingAnswer) -> Answer:
    """The answer alone, without who gave it."""
    return Answer(row.code, row.decision, row.other, tuple(row.data.get("amounts", ())))


def rows(session: Session, connection_id: str, subjects: Iterable[Record]) -> list[LastingAnswer]:
    """The same with who said it and when."""
    asked = {"connection_id": connection_id, "names": [str(name) for name in subjects]}
    return list(session.execute(_OF, asked).scalars())


_OF = (
    sa.select(LastingAnswer)
    .where(LastingAnswer.connection_id == given("connection_id"), LastingAnswer.subject.in_(any_given("names")))
    .order_by(LastingAnswer.said_at)
)


def every(session: Session, connection_id: str, decision: str) -> list[LastingAnswer]:
    """All answers of a connection that say so, the oldest first."""
    query = sa.select(LastingAnswer).where(
        LastingAnswer.connection_id == connection_id, LastingAnswer.decision == decision
    )
    return list(session.execute(query.order_by(LastingAnswer.said_at)).scalars())


def forget(session: Session, connection_id: str, subjects: Iterable[Record], code: str = "", other: str = "") -> None:
    """What was said of a record says nothing more: all of it, or the answer to one question about `other`."""
    names = [str(name) for name in subjects]
    gone = sa.delete(LastingAnswer).where(
        LastingAnswer.connection_id == connection_id, LastingAnswer.subject.in_(names)
    )
    session.execute(gone.where(LastingAnswer.code == code, LastingAnswer.other == other) if code else gone)
