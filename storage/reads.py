"""Metered reads of QuickBooks, counted by connection, month and cause. Writes are free and stand in the journal."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import journal
from storage.database import insert_into
from storage.models import Connection, MeteredReads, Operation
from storage.statements import given

WARN_PERCENT = 80
"""How much of a budget is spent when a person is warned."""


@dataclass(frozen=True)
class Usage:
    """One month of one connection. `warning` is empty while the budget is far away, or when there is none."""

    month: str
    reads: dict[str, int]
    writes: dict[str, int]
    budget: int | None

    @property
    def total_reads(self) -> int:
        return sum(self.reads.values())

    @property
    def warning(self) -> str:
        if self.budget is None or self.total_reads * 100 < self.budget * WARN_PERCENT:
            return ""
        if self.total_reads >= self.budget:
            return f"The budget of {self.budget} reads for {self.month} is spent: {self.total_reads} were made."
        return f"{self.total_reads} of {self.budget} reads for {self.month} are spent."


def month_of(moment: datetime) -> str:
    """`2026-11`."""
    return f"{moment:%Y-%m}"


def count(session: Session, connection_id: str, cause: str, now: datetime) -> bool:
    """One more read; True when it is the one that brings the month to where a person is warned."""
    month = month_of(now)
    session.execute(
        _one_more(session.get_bind().dialect.name), {"connection": connection_id, "in": month, "because": cause}
    )
    budget = session.execute(_BUDGET, {"id": connection_id}).scalar_one_or_none()
    if budget is None:
        return False
    total = sum(_reads(session, connection_id, month).values())
    return (total - 1) * 100 < budget * WARN_PERCENT <= total * 100


_BUDGET = sa.select(Connection.reads_budget).where(Connection.id == given("id"))


@cache
def _one_more(dialect: str) -> Any:
    named = {"connection_id": given("connection"), "month": given("in"), "cause": given("because")}
    new = insert_into(dialect, MeteredReads).values(**named, count=1)
    return new.on_conflict_do_update(index_elements=list(named), set_={"count": MeteredReads.count + 1})


def usage(session: Session, connection_id: str, month: str) -> Usage:
    """What a connection read and wrote in a month."""
    connection = session.get_one(Connection, connection_id)
    begin = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    writes = session.execute(
        sa.select(Operation.action, sa.func.count().label("made"))
        .where(
            Operation.connection_id == connection_id,
            Operation.side == "quickbooks",
            Operation.state == journal.DONE,
            Operation.answered_at >= begin,
            Operation.answered_at < end,
        )
        .group_by(Operation.action)
    )
    reads = _reads(session, connection_id, month)
    return Usage(month, reads, {row.action: row.made for row in writes}, connection.reads_budget)


def metered(session: Session, connection_id: str, month: str) -> Usage:
    """What a connection read in a month; its writes are not looked for."""
    connection = session.get_one(Connection, connection_id)
    return Usage(month, _reads(session, connection_id, month), {}, connection.reads_budget)


def percent(session: Session, month: str) -> dict[str, int]:
    """How much of its budget each connection that has one has spent in a month."""
    query = (
        sa.select(Connection.id, Connection.reads_budget, sa.func.sum(MeteredReads.count).label("made"))
        .join(MeteredReads, MeteredReads.connection_id == Connection.id)
        .where(Connection.reads_budget > 0, MeteredReads.month == month)
        .group_by(Connection.id, Connection.reads_budget)
    )
    return {row.id: int(row.made) * 100 // row.reads_budget for row in session.execute(query)}


def months(session: Session, connection_id: str) -> list[str]:
    """The months with reads, newest first."""
    query = sa.select(MeteredReads.month).where(MeteredReads.connection_id == connection_id).distinct()
    return sorted(session.execute(query).scalars(), reverse=True)


def _reads(session: Session, connection_id: str, month: str) -> dict[str, int]:
    rows = session.execute(
        sa.select(MeteredReads.cause, MeteredReads.count.label("made"))
        .where(MeteredReads.connection_id == connection_id, MeteredReads.month == month)
        .order_by(MeteredReads.cause)
    )
    return {row.cause: row.made for row in rows}
