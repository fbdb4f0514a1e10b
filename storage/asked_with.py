"""What each question was asked with: when our copy of that changes, the question is looked at again."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from storage import pending
from storage.models import AskedWith
from storage.statements import any_given, given


def keep(session: Session, connection_id: str, asking: Record, others: Iterable[Record]) -> None:
    """What the question of `asking` was asked with this time; it goes with the note of that record."""
    of_it = {"connection_id": connection_id, "side": asking.side, "kind": asking.kind, "record_id": asking.id}
    session.execute(_FORGET, of_it)
    rows = [of_it | {"other": name} for name in sorted({str(other) for other in others} - {str(asking)})]
    if rows:
        session.execute(sa.insert(AskedWith), rows)


def look_again(session: Session, connection_id: str, changed: Iterable[Record], now: datetime) -> None:
    """Look again at the questions that were asked with one of these, which is not what it was then."""
    names = [str(record) for record in changed]
    if not names:
        return
    found = session.execute(_ASKING, {"connection_id": connection_id, "names": names})
    asking = [Record(Side(side), Kind(kind), record_id) for side, kind, record_id in found]
    pending.reconsider_records(session, connection_id, asking, now)


_OURS = AskedWith.connection_id == given("connection_id")
_FORGET = (
    sa.delete(AskedWith)
    .where(
        _OURS,
        AskedWith.side == given("side"),
        AskedWith.kind == given("kind"),
        AskedWith.record_id == given("record_id"),
    )
    .execution_options(synchronize_session=False)
)
_ASKING = (
    sa.select(AskedWith.side, AskedWith.kind, AskedWith.record_id)
    .where(_OURS, AskedWith.other.in_(any_given("names")))
    .distinct()
)
