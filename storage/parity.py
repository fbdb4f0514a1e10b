"""Parity reports: the history of both books held against each other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from storage import paging
from storage.database import StorageError
from storage.models import ParityReport
from storage.paging import Asked, Page


class UnknownReport(StorageError):
    """No parity report of this connection has this id."""

    remedy = "List the reports of the connection."


def add(
    session: Session,
    connection_id: str,
    now: datetime,
    source: str,
    summary: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> ParityReport:
    """Keep a report; `source` is `copies` or `full`. Amounts in it are texts, so that they stay exact."""
    made = ParityReport(
        connection_id=connection_id,
        day=now.date().isoformat(),
        made_at=now,
        source=source,
        summary=dict(summary),
        rows=[dict(row) for row in rows],
    )
    session.add(made)
    session.flush()
    return made


def get(session: Session, connection_id: str, report_id: int) -> ParityReport:
    """One report. Raises `UnknownReport`."""
    found = session.get(ParityReport, report_id)
    if found is None or found.connection_id != connection_id:
        raise UnknownReport(f"connection {connection_id} has no parity report {report_id}")
    return found


def history(session: Session, connection_id: str, asked: Asked) -> Page[ParityReport]:
    """The newest reports first, without their rows."""
    query = (
        sa.select(ParityReport)
        .options(defer(ParityReport.rows, raiseload=True))
        .where(ParityReport.connection_id == connection_id)
    )
    return paging.select(session, query, [ParityReport.made_at, ParityReport.id], asked, descending=True)


def newest_id(session: Session) -> int | None:
    """The id of the report that was made last, of any connection."""
    return session.execute(sa.select(sa.func.max(ParityReport.id))).scalar_one()


def of_cause(session: Session, cause: str) -> dict[str, int]:
    """How many pairs differ for this cause in the newest report of each connection, where any do."""
    newest = sa.select(sa.func.max(ParityReport.id)).group_by(ParityReport.connection_id)
    query = sa.select(ParityReport.connection_id, ParityReport.summary).where(ParityReport.id.in_(newest))
    found = {row.connection_id: int(row.summary.get("causes", {}).get(cause, 0)) for row in session.execute(query)}
    return {connection_id: count for connection_id, count in found.items() if count}


def causes(session: Session) -> Counter[str]:
    """Differing pairs by cause, in the newest report of each connection."""
    newest = sa.select(sa.func.max(ParityReport.id)).group_by(ParityReport.connection_id)
    found: Counter[str] = Counter()
    for summary in session.execute(sa.select(ParityReport.summary).where(ParityReport.id.in_(newest))).scalars():
        found.update(summary.get("causes", {}))
    return found
