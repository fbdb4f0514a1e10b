"""Gathers the facts that `reconcile.wellness` judges: a handful of questions over indexes, whoever asks."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reconcile.wellness import PARKED_LATE, Brake, Company, Facts, Look, Running, Waiting
from storage import brakes, connections, depths, installation, parity, processes, reads, tellings
from storage.depths import Depth
from storage.models import Connection, RunningProcess
from sync import duties
from sync.duties import FailingLook

UNEXPLAINED = "unexplained"
"""The cause of a difference in a parity report that nothing explains."""


def gather(session: Session, now: datetime) -> Facts:
    """Everything that an operator must know, as it is now."""
    row = installation.find(session)
    count, oldest, why = tellings.failing(session)
    return Facts(
        now,
        outbox=_waiting(depths.outbox(session)),
        past_due=_waiting(depths.past_due(session, now)),
        dead=_waiting(depths.dead_letters(session)),
        unanswered=_waiting(depths.uncertain(session)),
        untold=_waiting(depths.untold(session)),
        brakes=tuple(Brake(one.name, one.by, one.cause, one.at) for one in brakes.every(session)),
        companies=tuple(_companies(session, now)),
        processes=tuple(_running(one) for one in processes.every(session)),
        swept=row.alive_at if row else None,
        not_told=Waiting(count, oldest),
        not_told_why=why,
    )


def processes_of(session: Session) -> Sequence[RunningProcess]:
    """The processes that were seen of late."""
    return processes.every(session)


def is_live(row: RunningProcess, now: datetime) -> bool:
    """Whether a process has said something within the minute."""
    return _running(row).is_live(now)


def _waiting(depth: Depth) -> Waiting:
    return Waiting(depth.count, depth.oldest)


def _running(row: RunningProcess) -> Running:
    broker = {"yes": True, "no": False}.get(row.broker)
    return Running(row.role, row.id, row.seen_at, row.stuck, broker)


def _companies(session: Session, now: datetime) -> list[Company]:
    parked = depths.parked_before(session, now - PARKED_LATE)
    unexplained = parity.of_cause(session, UNEXPLAINED)
    percent = reads.percent(session, reads.month_of(now))
    looks: dict[str, list[FailingLook]] = defaultdict(list)
    for connection_id, look in duties.every_failing(session, now):
        looks[connection_id].append(look)
    found = []
    for row in connections.every(session):
        if row.state in (connections.ARCHIVED, connections.DISCONNECTED):
            continue
        state, cause, remedy = _state(row)
        found.append(
            Company(
                row.id,
                row.account_id,
                state,
                cause,
                remedy,
                row.stalled_since,
                cause.startswith(connections.PAUSED_BY),
                _waiting(parked.get(row.id, Depth(0, None))),
                unexplained.get(row.id, 0),
                percent.get(row.id),
                tuple(Look(one.since, one.cause, one.remedy) for one in looks[row.id]),
            )
        )
    return found


def companies_of(session: Session) -> list[Company]:
    """Every connection that something is done for, as it stands."""
    gone = (connections.ARCHIVED, connections.DISCONNECTED)
    rows = [row for row in connections.every(session) if row.state not in gone]
    return [Company(row.id, row.account_id, *_state(row)) for row in rows]


def _state(row: Connection) -> tuple[str, str, str]:
    """As `connections.condition` says it, without a brake on the whole installation, which is a fact of its own."""
    if row.state == connections.ACTIVE and row.stalled_since is not None:
        return connections.STALLED, row.stall_cause, row.stall_remedy
    return row.state, row.pause_cause, row.pause_remedy


def worst_age(session: Session, now: datetime) -> timedelta | None:
    """How long ago change data capture of the worst connection was read up to; None when nothing is switched on."""
    oldest = connections.oldest_watermark(session)
    return now - oldest if oldest is not None else None
