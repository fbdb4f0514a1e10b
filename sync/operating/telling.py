"""Told in time: what is not well is told once by every way, and once more when it is over.

What was told is stored, so that neither a restart nor another process tells it again. What is over for a moment only is
not over: what comes and goes is told once. A way that fails is tried again, and holds up no other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from clients.telling import News, NotTold, Way, news_id
from config import telemetry
from config.logging import logger
from config.ports import Clock
from reconcile.wellness import Finding, judge
from storage import processes, tellings
from storage.database import Database
from storage.models import RunningProcess, Telling
from sync.operating import facts

FIRST_TO_TELL = ("sweeper", "up", "worker", "web")
"""Who tells, of those that are here: when no sweeper is, a worker says so."""

log = logger("telling")

Key = tuple[str, str]


class Teller:
    """Tells what is not well. `name` is this process's, by which it knows whether it is its turn.

    `over` is for how long something has to be gone before it is over.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ways: Sequence[Way],
        name: str,
        console: Callable[[], str],
        over: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ways = tuple(ways)
        self._name = name
        self._console = console
        self._over = over

    def step(self) -> int:
        """One round; returns how many messages went out."""
        if not self._ways:
            return 0
        now = self._clock.now()
        with self._database.transaction() as session:
            if teller_of(processes.every(session), now) != self._name:
                return 0
            seen = [finding for finding in judge(facts.gather(session, now)) if finding.is_told]
            _keep(session, seen, now, {way.name for way in self._ways}, self._over)
        return sum(self._tell(way, now) for way in self._ways)

    def _tell(self, way: Way, now: datetime) -> bool:
        with self._database.reading() as session:
            rows = tellings.every(session)
        begun = [row for row in rows if row.over_at is None and way.name not in tellings.ways(row.told)]
        over = [row for row in rows if _is_over(row, now, self._over) and _has_to_say_over(row, way.name)]
        if not begun and not over:
            return False
        error = ""
        try:
            way.tell(_news(begun, over, now, self._console()))
        except NotTold as failed:
            error = f"{way.name}: {failed}"
            log.error("operators could not be told", way=way.name, error=error, remedy=failed.remedy)
        except Exception as failed:
            error = f"{way.name}: it met an unexpected error ({type(failed).__name__})"
            telemetry.loop_errors.labels("telling").inc()
            log.error("operators could not be told", way=way.name, error=error, exc_info=failed)
        telemetry.told.labels(way.name, "failed" if error else "done").inc()
        with self._database.transaction() as session:
            for row in begun:
                _mark(session, row, way.name, error, over=False)
            for row in over:
                _mark(session, row, way.name, error, over=True)
        if not error:
            log.info("told", way=way.name, begun=[row.code for row in begun], over=[row.code for row in over])
        return not error


def teller_of(running: Sequence[RunningProcess], now: datetime) -> str:
    """The name of the one process that tells; empty while none is known."""
    live = [(FIRST_TO_TELL.index(row.role), row.id) for row in running if facts.is_live(row, now)]
    return min(live)[1] if live else ""


def _keep(session: Session, seen: Sequence[Finding], now: datetime, ways: set[str], over: timedelta) -> None:
    """What is new is noted, what is gone is over since now, what is back goes on as if it had never been over."""
    known = {(row.code, row.subject): row for row in tellings.every(session)}
    here: dict[Key, Finding] = {(str(one.code), one.subject): one for one in seen}
    for key, finding in here.items():
        row = known.get(key)
        if row is None:
            since = finding.since or now
            row = Telling(code=key[0], subject=key[1], since=since, noted_at=now, told="", told_over="", error="")
            session.add(row)
        elif row.over_at is not None:
            # Whoever was told that it is over is told anew, as something new.
            row.noted_at = now if row.told_over else row.noted_at
            row.told = " ".join(sorted(tellings.ways(row.told) - tellings.ways(row.told_over)))
            row.over_at, row.told_over = None, ""
        row.cause, row.remedy = finding.cause, finding.remedy
    for key, row in known.items():
        if key in here:
            continue
        if row.over_at is None:
            row.over_at = now
        owed = (tellings.ways(row.told) & ways) - tellings.ways(row.told_over)
        if _is_over(row, now, over) and not owed:
            tellings.forget(session, row)


def _is_over(row: Telling, now: datetime, over: timedelta) -> bool:
    return row.over_at is not None and now - row.over_at >= over


def _has_to_say_over(row: Telling, way: str) -> bool:
    return way in tellings.ways(row.told) and way not in tellings.ways(row.told_over)


def _mark(session: Session, row: Telling, way: str, error: str, *, over: bool) -> None:
    kept = session.get(Telling, (row.code, row.subject))
    if kept is None:
        return
    if error:
        kept.error = error
        return
    if kept.error.startswith(f"{way}: "):
        kept.error = ""
    if over:
        kept.told_over = " ".join(sorted({*tellings.ways(kept.told_over), way}))
    else:
        kept.told = " ".join(sorted({*tellings.ways(kept.told), way}))


def _news(begun: Sequence[Telling], over: Sequence[Telling], now: datetime, console: str) -> News:
    """One message for all that is new."""
    names = [f"{row.code}:{row.subject}:{row.noted_at.isoformat()}:begun" for row in begun]
    names += [f"{row.code}:{row.subject}:{row.noted_at.isoformat()}:over" for row in over]
    first = [f"{len(begun)} not well"] if begun else []
    subject = f"Ravebooks: {' and '.join(first + ([f'{len(over)} well again'] if over else []))}"
    lines = [f"NOT WELL  {row.cause}\n          {row.remedy}\n" for row in begun]
    lines += [f"WELL      {row.cause}\n          Over since {row.over_at:%d %b %Y %H:%M} UTC.\n" for row in over]
    text = "\n".join([*lines, f"Is it well? {console}\n"])
    return News(
        news_id(*names),
        now,
        subject,
        text,
        {"begun": [_said(row) for row in begun], "over": [_said(row) for row in over], "console": console},
    )


def _said(row: Telling) -> dict[str, Any]:
    over = {"over_at": row.over_at.isoformat()} if row.over_at else {}
    said = {"finding": row.code, "subject": row.subject, "cause": row.cause, "remedy": row.remedy}
    return said | {"since": row.since.isoformat()} | over
