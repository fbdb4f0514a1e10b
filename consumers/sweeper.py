"""The sweeper: finds what is due and nudges. It calls nobody outside."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from config import telemetry
from config.every import Every
from config.logging import logger
from config.ports import Clock
from consumers.wakeups import Nudger
from storage import brakes, connections, due_times, installation, journal, oauth_states, pending, sync_states
from storage.database import Database
from storage.due_times import Longest
from sync import duties
from sync.operating.looking import Looker
from sync.operating.retaining import Retaining
from sync.questions.parity import Metric

log = logger("sweeper")

TIMES_EVERY = 10.0
"""Seconds between two looks at our own due times."""
PARITY_EVERY = 10.0
"""Seconds between two looks for a new parity report."""
FORGET_EVERY = 60.0
"""Seconds between two looks for what never came, or was abandoned."""
BEGIN_EVERY = 600.0
"""Seconds between two looks for connections that lack a duty: those that are made have theirs from the start."""
ANALYSE_EVERY = 3600.0
"""Seconds between two looks at how full the tables are."""
ECHOES_KEPT = timedelta(days=1)
NUDGE_AGAIN = timedelta(seconds=5)
"""A connection that was nudged is left alone this long: its slice may be under way."""


class Sweeper:
    """One round at a time; harmless to run twice at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        nudger: Nudger,
        environment: str = "",
        longest: Iterable[Longest] = (),
        kept: Mapping[str, timedelta] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._nudger = nudger
        self._environment = environment
        self._longest = tuple(longest)
        self._times, self._beginning = Every(clock, TIMES_EVERY), Every(clock, BEGIN_EVERY)
        self._forgetting, self._showing = Every(clock, FORGET_EVERY), Every(clock, PARITY_EVERY)
        self._analysing = Every(clock, ANALYSE_EVERY)
        self._parity = Metric()
        self._looker = Looker(database, clock)
        self._retaining = Retaining(database, clock, kept or {})

    def sweep(self) -> int:
        """Nudge every connection with something due; returns how many."""
        # The broker is asked first: what is planned meanwhile would lie ahead of a time that was taken before.
        waiting = self._waiting()
        now = self._clock.now()
        with self._database.transaction() as session:
            if installation.look_after(session, now):
                log.warning("nobody has looked after this database for a while: both books are read first")
            self._put_right(session, now)
            self._begin_duties(session, now)
            due = set(pending.due_connections(session, now)) | set(journal.connections_with_unsettled(session, now))
            # What was done before a person paused is told, and nothing else is done.
            left = set(sync_states.left_after_a_pause(session, now))
            due |= left
            stopped = brakes.pulled(session) is not None
            telemetry.all_paused.set(stopped)
            if stopped:
                due = set()
            nudged = []
            for connection_id in sorted(due):
                connection = connections.get(session, connection_id)
                if connection.state != connections.ACTIVE and connection_id not in left:
                    continue
                if connections.is_put_off(connection, now):
                    continue
                if connection.environment not in ("", self._environment):
                    continue
                again = connection.nudged_at is not None
                if again and waiting >= len(due):
                    # Nobody takes nudges: those that wait are enough, and more would lie on the queue for ever.
                    continue
                if connection.nudged_at is None or connection.nudged_at <= now - NUDGE_AGAIN:
                    connection.nudged_at = now
                    nudged.append(connection_id)
            if self._forgetting.is_due():
                journal.forget_old_echoes(session, now - ECHOES_KEPT)
                oauth_states.forget_expired(session, now)
            telemetry.stalled.set(len(connections.stalled(session)))
        try:
            self._nudger.nudge(*nudged)
        except OSError as error:
            log.warning("nudges lost, a later round repeats them", connections=nudged, error=str(error))
        # Afterwards: nobody's work waits for figures, or for what keeps them from being made.
        self._look(self._show_parity)
        self._look(self._analyse)
        self._look(self._looker.look_if_due)
        self._look(self._retaining.step_if_due)
        return len(nudged)

    def _look(self, look: Callable[[], object]) -> None:
        """One look that fails keeps nobody from the others."""
        try:
            look()
        except Exception as failed:
            telemetry.loop_errors.labels("sweeper").inc()
            log.error("a look of the sweeper's failed; it is repeated", error=str(failed), exc_info=failed)

    def _put_right(self, session: Session, now: datetime) -> None:
        """What nobody would live to see: due times that a clock left which ran ahead, what waits for no brake."""
        if not self._times.is_due():
            return
        brakes.let_go(session, now)
        if wrong := due_times.put_right(session, now, self._longest):
            log.warning("due times lay too far ahead and are due now: has the clock been wrong?", count=wrong)

    def _begin_duties(self, session: Session, now: datetime) -> None:
        """Connections of an earlier version lack what is asked of them now; during an upgrade both versions run."""
        if self._beginning.is_due():
            duties.begin_everywhere(session, now)

    def _show_parity(self) -> None:
        if self._showing.is_due():
            self._parity.show(self._database)

    def _analyse(self) -> None:
        """A list that is filtered is quick if the database knows which filter leaves the fewest rows."""
        if self._analysing.is_due():
            self._database.analyse()

    def _waiting(self) -> int:
        try:
            return self._nudger.waiting()
        except OSError as error:
            log.debug("nobody knows how many nudges wait", error=str(error))
            return 0
