"""The processes of the installation: each says every few seconds that it is here, and whether it gets anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import insert
from storage.models import RunningProcess

FORGOTTEN_AFTER = timedelta(hours=1)
"""How long one stays that says nothing any more: until then an operator sees that it was there."""


@dataclass(frozen=True)
class Sign:
    """A sign of life: `stuck` names the loops that get nowhere, `broker` is `yes`, `no`, or empty without one."""

    id: str
    role: str
    version: str
    started_at: datetime
    stuck: str
    broker: str


def note(session: Session, sign: Sign, now: datetime) -> None:
    """A process is here; it gets somewhere if none of its loops is stuck."""
    said = {"role": sign.role, "version": sign.version, "started_at": sign.started_at, "stuck": sign.stuck}
    said |= {"seen_at": now, "broker": sign.broker}
    new = insert(session, RunningProcess).values(id=sign.id, progress_at=now, **said)
    got_on = {} if sign.stuck else {"progress_at": now}
    session.execute(new.on_conflict_do_update(index_elements=["id"], set_=said | got_on))


def ended(session: Session, process_id: str) -> None:
    """A process ends in order: nobody misses it."""
    session.execute(sa.delete(RunningProcess).where(RunningProcess.id == process_id))


def forget_old(session: Session, now: datetime) -> None:
    """What has not been seen for an hour."""
    session.execute(sa.delete(RunningProcess).where(RunningProcess.seen_at < now - FORGOTTEN_AFTER))


def every(session: Session) -> Sequence[RunningProcess]:
    """All that were seen of late, by role."""
    return session.execute(sa.select(RunningProcess).order_by(RunningProcess.role, RunningProcess.id)).scalars().all()
