"""The reconciler: one slice of work for one connection, under its lease."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from clients.errors import Away, NotAuthorised, Throttled
from config import telemetry
from config.errors import RavebooksError, Stop
from config.logging import bound, logger
from config.ports import Clock, Entropy
from reconcile.model import Record
from storage import connections, leases, pending, slices, switches
from storage import jobs as storage_jobs
from storage import sync_states as states
from storage.brakes import AllPaused
from storage.connections import NotActive
from storage.database import Database
from storage.installation import OtherEnvironment
from storage.leases import LeaseLost
from storage.models import Connection
from storage.unit import UnitOfWork
from storage.vault import UnreadableSecret
from sync import duties, jobs, switching, sync_states, verifying
from sync.books import Books
from sync.endings import Endings, Outage
from sync.lease import Claims, LeaseHolder, Timings
from sync.neighbours import NeighboursOf
from sync.noted import Noted, noted_records
from sync.reading import Reading
from sync.reconciling import create_together, reconcile
from sync.restored import RestoreFound
from sync.retries import backoff
from sync.writes.journal import Journal

log = logger("reconciler")

LEFT_AGAIN_AFTER = timedelta(minutes=1)
"""When what could not be told after a pause is tried again."""
MOST_TURNS = 20
"""How often one record is looked at in a slice: more are for one that changes all the time, or that goes round."""
REST = timedelta(seconds=30)
"""How long such a record waits for its next turn."""
TELL_EVERY = 1.0
"""Seconds of work after which Ravetree is told how records stand; else when all of it is done, once for each."""


class Worker:
    """Works on connections, a slice at a time. Several may run on several machines: the lease keeps one writer."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        entropy: Entropy,
        neighbours_of: NeighboursOf,
        timings: Timings,
        claims: Claims,
        pages_url: str = "",
    ) -> None:
        self._database = database
        self._clock = clock
        self._jitter = partial(entropy.uniform, 0.5, 1.5)
        self._endings = Endings(clock, self._jitter, pages_url)
        self._reading = Reading(clock, timings, self._endings)
        self._neighbours_of = neighbours_of
        self._timings = timings
        self._claims = claims

    def work(self, connection_id: str) -> bool:
        """One slice. True when more is due now, so that the caller nudges again."""
        with (
            bound(connection=connection_id),
            telemetry.tracer.start_as_current_span("slice"),
            self._claims.claim(connection_id) as claimed,
        ):
            if not claimed:
                # Whoever works on it looks once more before it ends.
                telemetry.slices.labels("claimed here").inc()
                return False
            unit = UnitOfWork(self._database)
            try:
                return self._work(connection_id, unit)
            except BaseException:
                unit.rollback()
                raise
            finally:
                unit.commit()

    def _work(self, connection_id: str, unit: UnitOfWork) -> bool:
        taken = self._take_lease(connection_id, unit)
        if taken is None:
            return False
        lease, beginning = taken
        holder = LeaseHolder(unit, lease, self._timings, self._clock)
        more = False
        try:
            self._slice(beginning, unit, holder)
            if beginning.connection.failures:
                with unit.writing() as session:
                    connections.went_well(session, connection_id)
        except OtherEnvironment as error:
            telemetry.slices.labels("other environment").inc()
            log.warning("not ours to work on", cause=str(error))
            return False
        except Stop:
            raise
        except Exception as error:  # noqa: BLE001 - the connection's own border: its fault stops no other one
            self._stall(connection_id, unit, error)
        finally:
            more = self._end(connection_id, unit, holder)
        return more

    def _take_lease(self, connection_id: str, unit: UnitOfWork) -> tuple[leases.HeldLease, slices.Beginning] | None:
        with unit.writing() as session:
            lease = leases.acquire(
                self._database, session, connection_id, leases.WORK, self._claims.owner, self._timings.lease
            )
            beginning = slices.begin(session, connection_id, self._clock.now())
            if beginning is None:
                # A wake-up that was on its way while the connection was forgotten or archived.
                outcome = ""
            elif connections.is_put_off(beginning.connection, self._clock.now()):
                outcome = "put off"
            elif lease is None:
                # Whoever holds it looks once more after releasing it.
                outcome = "leased elsewhere"
            else:
                return lease, beginning
            if lease is not None:
                leases.release(session, lease)
        if outcome:
            telemetry.slices.labels(outcome).inc()
        return None

    def _end(self, connection_id: str, unit: UnitOfWork, holder: LeaseHolder) -> bool:
        """Give the lease back; says whether more is due now."""
        with unit.writing() as session:
            leases.release(session, holder.lease)
            more = slices.end(session, connection_id, self._clock.now())
        unit.commit()
        return more

    def _stall(self, connection_id: str, unit: UnitOfWork, error: Exception) -> None:
        """What no record's border caught: this connection waits, longer each time, and is seen to."""
        telemetry.loop_errors.labels("slice").inc()
        telemetry.slices.labels("failed").inc()
        cause = f"A look at this connection ended with an unexpected error ({type(error).__name__})."
        with unit.writing() as session:
            failures = connections.note_failure(session, connection_id, cause, self._clock.now(), self._jitter())
        # Once with all that helps to mend it; afterwards it is the same again.
        log.error("slice failed", failures=failures, error=type(error).__name__, exc_info=failures == 1)

    # --- one slice -------------------------------------------------------------------------------

    def _slice(self, beginning: slices.Beginning, unit: UnitOfWork, holder: LeaseHolder) -> None:
        connection, connection_id = beginning.connection, beginning.connection.id
        if connection.state != connections.ACTIVE or beginning.stopped:
            telemetry.slices.labels("paused").inc()
            self._tell_what_is_left(connection_id, unit, holder)
            return
        try:
            self._work_through(self._books_of(connection, unit, holder), beginning, holder)
            telemetry.slices.labels("done").inc()
        except RestoreFound as error:
            telemetry.slices.labels("restored").inc()
            log.error("the database was restored from a backup", cause=str(error), remedy=error.remedy)
        except (AllPaused, NotActive) as error:
            telemetry.slices.labels("paused").inc()
            log.warning("stopped under way", cause=str(error))
            self._tell_what_is_left(connection_id, unit, holder)
        except LeaseLost as error:
            _lost(error)
        except (NotAuthorised, UnreadableSecret) as error:
            self._pause(connection_id, unit, str(error)[:1].upper() + str(error)[1:] + ".", error.remedy)
        except Outage as outage:
            self._wait_out(connection_id, unit, outage)
        except Away as error:
            self._wait_out(connection_id, unit, Outage(error, self._outage_seconds(connection_id, unit, error)))

    def _books_of(self, connection: Connection, unit: UnitOfWork, holder: LeaseHolder) -> Books:
        def before_a_call() -> None:
            unit.commit()
            holder.for_a_call()

        neighbours = self._neighbours_of(connection, before_a_call)
        writes = Journal(unit, self._clock, neighbours, holder.for_a_call, self._timings.uncertain)
        return Books(unit, self._clock, connection, neighbours, writes)

    def _tell_what_is_left(self, connection_id: str, unit: UnitOfWork, holder: LeaseHolder) -> None:
        """What was done before a person paused the connection, perhaps under way, is told; nothing else is done."""
        with unit.reading() as session:
            connection = connections.get(session, connection_id)
            speaks = connections.is_paused_by_a_person(connection) and connection.verify_since is None
            is_left = speaks and bool(states.unsent(session, connection_id, self._clock.now(), 1))
        if not is_left:
            return
        try:
            sync_states.tell_after_a_pause(partial(self._books_of, connection, unit, holder), self._timings.slice)
        except LeaseLost as error:
            _lost(error)
            return
        with unit.writing() as session:
            # Whatever kept it: the sweeper would have it tried again and again.
            states.postpone(session, connection_id, self._clock.now() + LEFT_AGAIN_AFTER)

    def _work_through(self, books: Books, beginning: slices.Beginning, holder: LeaseHolder) -> None:
        begun = self._clock.monotonic()
        left = _left(books) if self._came_before(books, beginning) else beginning.left
        if left.words:
            sync_states.tell(books)
        try:
            if left.work:
                self._work_on_what_is_due(books, holder, begun)
        except NotAuthorised:
            sync_states.tell_before_a_stop(books)
            raise
        if left.work or left.words:
            sync_states.tell(books)

    def _came_before(self, books: Books, beginning: slices.Beginning) -> bool:
        """Do what comes before the work on records; whether anything may have come of it for this slice.

        If not, what was left at its beginning is left now; what others have noted meanwhile is found at its end.
        """
        verifies = books.connection.verify_since is not None
        if verifies:
            _verify(books, self._timings)
        if uncertain := verifies or beginning.uncertain:
            with books.neighbours.quickbooks.because("uncertain write"):
                books.journal.resolve_due()
        books.handling = set()
        found = duties.carry_out(books, self._timings, None if verifies else beginning.due)
        if waits := bool(switches.waiting(books.connection)):
            switching.settle(books.unit, books.clock, books.id, books.neighbours.ravetree)
        return found or uncertain or waits

    def _work_on_what_is_due(self, books: Books, holder: LeaseHolder, begun: float) -> None:
        told = self._clock.monotonic()
        turns: Counter[Record] = Counter()
        while self._clock.monotonic() - begun < self._timings.slice:
            entries = self._reading.take(books)
            if not entries:
                if jobs.go_on(books):
                    continue
                return
            subjects = _in_turn(books, turns, noted_records(books, self._reading.read(books, entries)))
            create_together(books, self._endings, subjects)
            for subject in subjects:
                holder.for_a_call()
                reconcile(books, self._endings, subject)
                if self._clock.monotonic() - told >= TELL_EVERY:
                    sync_states.tell(books)
                    told = self._clock.monotonic()

    # --- when it fails ---------------------------------------------------------------------------

    def _outage_seconds(self, connection_id: str, unit: UnitOfWork, error: RavebooksError) -> float:
        if isinstance(error, Throttled):
            return error.wait_seconds
        with unit.reading() as session:
            due = pending.due(session, connection_id, self._clock.now(), 1)
        return backoff(due[0].attempts if due else 2, self._jitter())

    def _wait_out(self, connection_id: str, unit: UnitOfWork, outage: Outage) -> None:
        """A neighbour is out of reach: nothing is due before it may be back; then look what was missed."""
        now = self._clock.now()
        until = now + timedelta(seconds=min(outage.seconds, 60.0))
        with unit.writing() as session:
            pending.postpone_all(session, connection_id, until)
            storage_jobs.postpone(session, connection_id, until)
            duties.wait_out(session, connection_id, outage.error, now, until)
            connections.postpone_verification(session, connection_id, now, until)
        telemetry.slices.labels("outage").inc()
        log.warning("a neighbour is out of reach", error=str(outage.error), until=until.isoformat())

    def _pause(self, connection_id: str, unit: UnitOfWork, cause: str, remedy: str) -> None:
        with unit.writing() as session:
            connections.pause(session, connection_id, cause, remedy)
        telemetry.slices.labels("paused").inc()
        log.error("connection paused", cause=cause, remedy=remedy)


def _verify(books: Books, timings: Timings) -> None:
    books.note_read()
    verifying.verify(books, timings)
    with books.reading() as session:
        books.connection = connections.get(session, books.id)


def _left(books: Books) -> slices.Left:
    with books.reading() as session:
        return slices.left(session, books.id, books.now())


def _in_turn(books: Books, turns: Counter[Record], subjects: Sequence[Noted]) -> list[Noted]:
    """Those that did not have all of their turns in this slice: what wakes each other has a rest, and others go on."""
    turns.update(subject.record for subject in subjects)
    spent = [subject for subject in subjects if turns[subject.record] > MOST_TURNS]
    if spent:
        with books.writing() as session:
            # A note may stand under either name.
            for record in {entry.record for subject in spent for entry in subject.entries}:
                pending.postpone(session, books.id, record, books.now() + REST)
        log.warning("records go round", records=[str(one.record) for one in spent], seconds=REST.total_seconds())
    return [subject for subject in subjects if subject not in spent]


def _lost(error: LeaseLost) -> None:
    telemetry.slices.labels("lease lost").inc()
    log.warning("lease lost", error=str(error))
