"""The sweeper's look at the whole installation: gauges for who scrapes, samples for the console's charts."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from config import telemetry
from config.every import Every
from config.ports import Clock
from reconcile.wellness import Area, Code, Facts, Finding, judge
from storage import connections, depths, processes, samples
from storage.database import Database
from storage.depths import Depth
from storage.pending import ATTENTION
from sync.operating import facts

EVERY = 15.0
"""Seconds between two looks: a scrape finds figures that are not older."""
FORGET_EVERY = timedelta(minutes=10)


class Looker:
    """Looks every few seconds, whoever calls it how often."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._looking = Every(clock, EVERY)
        self._forgot: datetime | None = None

    def look_if_due(self) -> None:
        """Gather, judge, show and keep, unless somebody did a moment ago."""
        if not self._looking.is_due():
            return
        now = self._clock.now()
        with self._database.reading() as session:
            seen = facts.gather(session, now)
            states, pending = connections.states(session), depths.by_state(session)
            behind = facts.worst_age(session, now)
            leases = depths.leases(session, now)
        show(seen, judge(seen), states, pending, behind)
        with self._database.transaction() as session:
            samples.add(session, now, _figures(seen, pending) | {"leases": leases})
            self._forget(session, now)

    def _forget(self, session: Session, now: datetime) -> None:
        if self._forgot is None or not timedelta(0) <= now - self._forgot < FORGET_EVERY:
            samples.forget_old(session, now)
            processes.forget_old(session, now)
            self._forgot = now


def show(
    seen: Facts,
    findings: list[Finding],
    states: dict[str, int],
    pending: dict[str, Depth],
    behind: timedelta | None,
) -> None:
    """Set the gauges: every one each time, so that what is over says so."""
    now = seen.now
    counts = [finding.code for finding in findings]
    for code in Code:
        telemetry.unwell.labels(str(code)).set(counts.count(code))
    stalled = sum(company.state == connections.STALLED for company in seen.companies)
    for state in (connections.ACTIVE, connections.PAUSED, connections.DISCONNECTED):
        telemetry.connections.labels(state).set(states.get(state, 0))
    telemetry.connections.labels(connections.STALLED).set(stalled)
    for state, depth in pending.items():
        telemetry.pending_changes.labels(state).set(depth.count)
        if state in ATTENTION:
            telemetry.parked.labels(state).set(depth.count)
    telemetry.past_due.set(seen.past_due.count)
    telemetry.due_oldest.set(_age(seen.past_due.oldest, now))
    telemetry.outbox_size.set(seen.outbox.count)
    telemetry.outbox_oldest.set(_age(seen.outbox.oldest, now))
    telemetry.dead_waiting.set(seen.dead.count)
    telemetry.uncertain.set(seen.unanswered.count)
    telemetry.uncertain_oldest.set(_age(seen.unanswered.oldest, now))
    telemetry.untold_oldest.set(_age(seen.untold.oldest, now))
    telemetry.cdc_age.set(behind.total_seconds() if behind is not None else 0.0)
    telemetry.reads_percent.set(max((one.reads_percent or 0 for one in seen.companies), default=0))
    live = [one.role for one in seen.processes if one.is_live(now)]
    for role in ROLES:
        telemetry.processes.labels(role).set(live.count(role))
    telemetry.swept.set(now.timestamp())


ROLES = ("web", "worker", "sweeper", "up")


def _figures(seen: Facts, pending: dict[str, Depth]) -> dict[str, float]:
    """What is sampled of depths and ages, by the names that charts ask for."""
    now = seen.now
    depth = {f"depth.{state}": float(one.count) for state, one in pending.items()}
    return depth | {
        "depth.past_due": float(seen.past_due.count),
        "depth.outbox": float(seen.outbox.count),
        "depth.dead": float(seen.dead.count),
        "depth.uncertain": float(seen.unanswered.count),
        "depth.untold": float(seen.untold.count),
        "age.due": _age(seen.past_due.oldest, now),
        "age.outbox": _age(seen.outbox.oldest, now),
        "age.uncertain": _age(seen.unanswered.oldest, now),
    }


def _age(oldest: datetime | None, now: datetime) -> float:
    return max((now - oldest).total_seconds(), 0.0) if oldest is not None else 0.0


def by_area(findings: list[Finding]) -> dict[Area, list[Finding]]:
    """The findings of each area, none left out."""
    return {area: [one for one in findings if one.area is area] for area in Area}
