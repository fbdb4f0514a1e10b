"""The reconciler: one slice of work for one connection, under its lease."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from clients.errors import Failed, NeighbourError, NotAuthorised, NotSent, OutcomeUnknown, Throttled
from clients.quickbooks.faults import TokenExpired
from config import telemetry
from config.errors import RavebooksError
from config.logging import bound, logger
from config.ports import Clock, Entropy
from reconcile.model import Attention, Kind, Record, Side, fitted
from storage import brakes, connections, installation, journal, leases, pairs, pending, steps
from storage import jobs as storage_jobs
from storage.brakes import AllPaused
from storage.connections import NotActive
from storage.database import Database, DatabaseDown
from storage.installation import OtherEnvironment
from storage.leases import LeaseLost
from storage.vault import UnreadableSecret
from sync import catching_up, echoes, jobs, sync_states, verifying
from sync.books import ENTITIES, Books, RestoreFound
from sync.echoes import Entry
from sync.lease import Claims, LeaseHolder, Timings
from sync.naming import spell
from sync.neighbours import NeighboursOf
from sync.outcomes import Agreed, NeedsAttention, Outcome, Waits
from sync.questions import parity, preflight
from sync.records import batches
from sync.records.contacts import ContactWork
from sync.records.documents import DocumentWork
from sync.records.estimates import EstimateWork
from sync.records.invoices import InvoiceWork
from sync.records.payments import PaymentWork
from sync.retries import Park, Pause, Replan, Retry, backoff, decide
from sync.writes.journal import Journal

BATCH = 50
ORDER = (Kind.CONTACT, Kind.ESTIMATE, Kind.INVOICE, Kind.PAYMENT)
"""What others need comes first."""

UNEXPECTED_TRIES = 5
NOT_THERE_TRIES = 12
"""An hour and more: what cannot be read by then is not there. Change data capture brings it if it comes later."""
FAILING_TRIES = 12
"""An hour and more, after which a person sees that it goes on failing."""
FAILING_AFTER = timedelta(hours=1)
"""After this long without an answer to a write a person sees it."""
CDC_SLACK = timedelta(seconds=2)
_OUTAGE = (NotSent, OutcomeUnknown, Throttled, TokenExpired)
_STOPS_THE_SLICE = (NotAuthorised, *_OUTAGE)
"""What a neighbour says of itself; anything else it says of one request."""
_ENDS_THE_SLICE = (RestoreFound, AllPaused, NotActive, LeaseLost, DatabaseDown, NotAuthorised, UnreadableSecret)
"""What no record has caused."""

log = logger("reconciler")


@dataclass
class Noted:
    """A record to reconcile, under its Ravetree name where it has one, with all the notes about it."""

    record: Record
    entries: list[Entry] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        return max(entry.attempts for entry in self.entries)


class _Outage(Exception):
    """A neighbour is out of reach: end the slice and postpone what is due."""

    def __init__(self, error: RavebooksError, seconds: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.seconds = seconds


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
        remote_urls: str = "",
    ) -> None:
        self._remote_urls = remote_urls
        self._database = database
        self._clock = clock
        self._entropy = entropy
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
            with self._database.transaction() as session:
                if not connections.is_current(session, connection_id):
                    # A wake-up that was on its way while the connection was forgotten or archived.
                    return False
                if connections.is_put_off(connections.get(session, connection_id), self._clock.now()):
                    telemetry.slices.labels("put off").inc()
                    return False
                lease = leases.acquire(
                    self._database, session, connection_id, leases.WORK, self._claims.owner, self._timings.lease
                )
            if lease is None:
                # Whoever holds it looks once more after releasing it.
                telemetry.slices.labels("leased elsewhere").inc()
                return False
            holder = LeaseHolder(self._database, lease, self._timings)
            try:
                self._slice(connection_id, holder)
                self._went_well(connection_id)
            except OtherEnvironment as error:
                telemetry.slices.labels("other environment").inc()
                log.warning("not ours to work on", cause=str(error))
                return False
            except _ENDS_THE_SLICE:
                raise
            except Exception as error:  # noqa: BLE001 - the connection's own border: its fault stops no other one
                self._stall(connection_id, error)
            finally:
                with self._database.transaction() as session:
                    leases.release(session, holder.lease)
                    # What this slice put off may be due in a moment: the sweeper need not hold its nudge back.
                    if connections.is_current(session, connection_id):
                        connections.get(session, connection_id).nudged_at = None
            with self._database.transaction() as session:
                now = self._clock.now()
                return brakes.pulled(session) is None and connection_id in pending.due_connections(session, now)

    def _went_well(self, connection_id: str) -> None:
        with self._database.transaction() as session:
            connections.went_well(session, connection_id)

    def _stall(self, connection_id: str, error: Exception) -> None:
        """What no record's border caught: this connection waits, longer each time, and is seen to."""
        telemetry.loop_errors.labels("slice").inc()
        telemetry.slices.labels("failed").inc()
        cause = f"A look at this connection ended with an unexpected error ({type(error).__name__})."
        with self._database.transaction() as session:
            failures = connections.note_failure(session, connection_id, cause, self._clock.now(), self._jitter())
        # Once with all that helps to mend it; afterwards it is the same again.
        log.error("slice failed", failures=failures, error=type(error).__name__, exc_info=failures == 1)

    # --- one slice -------------------------------------------------------------------------------

    def _slice(self, connection_id: str, holder: LeaseHolder) -> None:
        with self._database.transaction() as session:
            installation.look_after(session, self._clock.now())
            connection = connections.get(session, connection_id)
            stopped = brakes.pulled(session) is not None
        if connection.state != connections.ACTIVE or stopped:
            telemetry.slices.labels("paused").inc()
            return
        try:
            neighbours = self._neighbours_of(connection_id)
            writes = Journal(self._database, self._clock, neighbours, holder.for_a_call, self._timings.uncertain)
            books = Books(self._database, self._clock, connection, neighbours, writes, before_a_call=holder.for_a_call)
            self._work_through(books, holder)
            telemetry.slices.labels("done").inc()
        except RestoreFound as error:
            telemetry.slices.labels("restored").inc()
            log.error("the database was restored from a backup", cause=str(error), remedy=error.remedy)
        except (AllPaused, NotActive) as error:
            telemetry.slices.labels("paused").inc()
            log.warning("stopped under way", cause=str(error))
        except LeaseLost as error:
            telemetry.slices.labels("lease lost").inc()
            log.warning("lease lost", error=str(error))
        except (NotAuthorised, UnreadableSecret) as error:
            self._pause(connection_id, str(error)[:1].upper() + str(error)[1:] + ".", error.remedy)
        except _Outage as outage:
            self._wait_out(connection_id, outage)
        except _OUTAGE as error:
            self._wait_out(connection_id, _Outage(error, self._outage_seconds(connection_id, error)))

    def _work_through(self, books: Books, holder: LeaseHolder) -> None:
        begun = self._clock.monotonic()
        if books.connection.verify_since is not None:
            self._verify(books)
        with books.neighbours.quickbooks.because("uncertain write"):
            books.journal.resolve_due()
        books.handling = set()
        self._catch_up(books)
        sync_states.tell(books)
        while self._clock.monotonic() - begun < self._timings.slice:
            entries = self._take(books)
            if not entries:
                if jobs.go_on(books):
                    continue
                return
            subjects = self._subjects(books, self._read(books, entries))
            self._create_together(books, holder, subjects)
            for subject in subjects:
                holder.for_a_call()
                self._reconcile(books, subject)
                sync_states.tell(books)

    def _verify(self, books: Books) -> None:
        now = self._clock.now()
        self._note_read(books)
        verifying.verify(
            books, now + timedelta(seconds=self._timings.events), now + timedelta(seconds=self._timings.cdc)
        )
        with self._database.transaction() as session:
            books.connection = connections.get(session, books.id)

    def _catch_up(self, books: Books) -> None:
        now = self._clock.now()
        connection = books.connection
        if connection.events_due_at is not None and connection.events_due_at <= now:
            again = now + timedelta(seconds=self._timings.events)
            with self._unless_refused(books, "events_due_at", again):
                catching_up.look_at_events(books, again)
        if connection.cdc_due_at is not None and connection.cdc_due_at <= now:
            self._note_read(books)
            again = now + timedelta(seconds=self._timings.echo_confirm)
            cause = books.neighbours.quickbooks.because("change data capture")
            with self._unless_refused(books, "cdc_due_at", again), cause:
                catching_up.look_at_changes(books, now + timedelta(seconds=self._timings.cdc))
        if connection.preflight_due_at is not None and connection.preflight_due_at <= now:
            with self._unless_refused(books, "preflight_due_at", now + timedelta(hours=1)):
                preflight.look(self._database, self._clock, connection, books.neighbours)
        if connection.parity_due_at is not None and connection.parity_due_at <= now:
            with self._unless_refused(books, "parity_due_at", now + parity.AGAIN):
                parity.make_daily(books)

    @contextmanager
    def _unless_refused(self, books: Books, look: str, again: datetime) -> Iterator[None]:
        """A look by the clock that fails is made `again` later: what events say is worked on all the same."""
        with self._own_border(look) as met:
            yield
        with self._database.transaction() as session:
            if met:
                connections.look_failed(session, books.id, look, met[0], self._clock.now(), again)
            elif look in (books.connection.failing_looks or {}):
                connections.look_went_well(session, books.id, look)

    @contextmanager
    def _own_border(self, look: str) -> Iterator[list[str]]:
        """What cannot be read of a log stops no record; its cause is put on the list."""
        met: list[str] = []
        try:
            yield met
        except (NotSent, Throttled, TokenExpired, *_ENDS_THE_SLICE):
            raise
        except Exception as error:  # a log's own border
            telemetry.loop_errors.labels("catching up").inc()
            known = isinstance(error, RavebooksError)
            met.append(str(error) if known else f"unexpected: {type(error).__name__}")
            log.error(
                "a look at a log failed",
                error=met[0],
                look=look,
                remedy=getattr(error, "remedy", ""),
                fault=getattr(error, "code", ""),
                exc_info=not known,
            )

    def _take(self, books: Books) -> list[Entry]:
        """The due notes with their generations, without the echoes of our own writes."""
        entries, echoes = self._take_some(books)
        while echoes and not entries:
            entries, echoes = self._take_some(books)
        return entries

    def _take_some(self, books: Books) -> tuple[list[Entry], bool]:
        """One batch of the due notes, and whether echoes of QuickBooks were among them."""
        now = self._clock.now()
        # What was read before these notes were taken may be older than what they speak of.
        books.fresh.clear()
        books.absent.clear()
        with self._database.transaction() as session:
            # As it is now: what was noted after a switch was turned must not be judged by how it stood before.
            books.connection = connections.get(session, books.id)
            entries, presumed = [], False
            for change in pending.due(session, books.id, now, BATCH):
                entry = echoes.note_entry(session, change)
                if echoes.is_echo(session, books.id, entry):
                    pending.clear(session, books.id, entry.record, entry.generation)
                    presumed = presumed or entry.record.side is Side.QUICKBOOKS
                    if entry.record.kind is Kind.PAYMENT:
                        pending.wake(session, books.id, [ANY_PAYMENT], now)
                    telemetry.changes.labels(entry.record.kind, "echo").inc()
                else:
                    entries.append(entry)
            if presumed:
                confirm = now + timedelta(seconds=self._timings.echo_confirm)
                connection = connections.get(session, books.id)
                connection.cdc_due_at = min(connection.cdc_due_at or confirm, confirm)
        return entries, presumed

    # --- reading ---------------------------------------------------------------------------------

    def _read(self, books: Books, entries: list[Entry]) -> list[Entry]:
        """Read what QuickBooks' hints ask for, in one call for the burst; what comes too soon is put off."""
        with self._database.transaction() as session:
            asking = [e for e in entries if echoes.needs_read(session, books.id, e, books.fresh)]
        if not asking:
            return entries
        if (free_at := self._window_ends(books)) is not None:
            with self._database.transaction() as session:
                for entry in asking:
                    pending.retry_at(
                        session,
                        books.id,
                        entry.record,
                        entry.generation,
                        free_at,
                        "shares the next read",
                        self._clock.now(),
                        count=False,
                    )
            return [entry for entry in entries if entry not in asking]
        self._note_read(books)
        try:
            with books.neighbours.quickbooks.because("events"):
                self._read_burst(books, asking)
        except (NotSent, Throttled, TokenExpired, *_ENDS_THE_SLICE):
            raise
        except Exception as error:
            if isinstance(error, OutcomeUnknown) and not isinstance(error, Failed):
                raise
            # One of them may be what cannot be read: each is read alone, and only that one waits or is parked.
            return [entry for entry in entries if entry not in asking or self._read_alone(books, entry)]
        return entries

    def _read_alone(self, books: Books, entry: Entry) -> bool:
        subject = Noted(entry.record, [entry])
        try:
            books.refresh([entry.record])
        except Failed as error:
            self._retry_later(books, subject, str(error))
        except (*_STOPS_THE_SLICE, *_ENDS_THE_SLICE):
            raise
        except RavebooksError as error:
            self._after_error(books, subject, error)
        except Exception as error:  # noqa: BLE001 - the record's own border
            self._after_defect(books, subject, error)
        else:
            return True
        return False

    def _window_ends(self, books: Books) -> datetime | None:
        """The first read of a quiet connection is made at once; the next ones wait for the window to end."""
        if books.connection.read_at is None:
            return None
        now, window = self._clock.now(), timedelta(seconds=self._timings.read_window)
        ends = books.connection.read_at + window
        # Further ahead than that it was noted while the clock ran ahead.
        return ends if now < ends <= now + window else None

    def _note_read(self, books: Books) -> None:
        books.connection.read_at = self._clock.now()
        with self._database.transaction() as session:
            connections.get(session, books.id).read_at = books.connection.read_at

    def _read_burst(self, books: Books, asking: list[Entry]) -> None:
        records = {entry.record for entry in asking}
        books.handling = set(records)
        first = echoes.earliest(asking)
        kinds = {record.kind for record in records}
        recent = first is not None and first.recorded_at > self._clock.now() - timedelta(days=1)
        if len(kinds) > 1 and recent and first is not None and first.occurred_at is not None:
            # One look at change data capture brings both kinds, deletions included.
            since = min(first.occurred_at, self._clock.now()) - CDC_SLACK
            with self._own_border("a burst"):
                catching_up.absorb(
                    books, books.neighbours.quickbooks.changes([ENTITIES[kind] for kind in sorted(kinds)], since)
                )
        books.refresh(records - books.fresh)

    # --- reconciling -----------------------------------------------------------------------------

    def _subjects(self, books: Books, entries: Iterable[Entry]) -> list[Noted]:
        """The records behind the notes, each once, with every note about it on either side."""
        subjects: dict[Record, Noted] = {}
        for entry in entries:
            names = self._names(books, entry.record)
            subject = subjects.setdefault(names[0], Noted(names[0]))
            known = {e.record for e in subject.entries}
            if entry.record not in known:
                subject.entries.append(entry)
                known.add(entry.record)
            with self._database.transaction() as session:
                for row in pending.rows(session, books.id, [n for n in names if n not in known]):
                    subject.entries.append(echoes.note_entry(session, row))
        return sorted(subjects.values(), key=lambda subject: ORDER.index(subject.record.kind))

    def _names(self, books: Books, record: Record) -> list[Record]:
        """A record's names, Ravetree's first. A placeholder is a matter of its invoice."""
        pair = books.pair(record.kind, record.side, record.id)
        if pair is not None:
            return [
                Record(Side.RAVETREE, record.kind, pair.ravetree_id),
                Record(Side.QUICKBOOKS, record.kind, pair.quickbooks_id),
            ]
        if record.side is Side.QUICKBOOKS and record.kind is Kind.PAYMENT:
            holder = books.pair(pairs.PLACEHOLDER, Side.QUICKBOOKS, record.id)
            if holder is not None:
                return [Record(Side.RAVETREE, Kind.INVOICE, holder.ravetree_id), record]
        return [record]

    def _create_together(self, books: Books, holder: LeaseHolder, subjects: list[Noted]) -> None:
        """Requested documents that QuickBooks does not have go there in batches; then each is worked on as ever."""
        gathering = batches.Gathering(books)
        asked = [s for s in subjects if any(e.requested for e in s.entries) and gathering.may_hold(s.record)]
        while len(asked) > 1:
            gathering = batches.Gathering(books)
            while asked and not gathering.full:
                subject = asked.pop(0)
                holder.for_a_call()
                with bound(record=str(subject.record)):
                    self._gather(books, gathering, subject)
            try:
                gathering.send()
            except _STOPS_THE_SLICE:
                raise
            except NeighbourError as error:
                log.info("not sent together", error=str(error), fault=error.code)

    def _gather(self, books: Books, gathering: batches.Gathering, subject: Noted) -> None:
        try:
            work = self._work_on(books, subject)
            if isinstance(work, DocumentWork):
                with books.neighbours.quickbooks.because("freshness"):
                    gathering.take(work)
        except _OUTAGE as error:
            self._after_error(books, subject, error)
        except _ENDS_THE_SLICE:
            raise
        except Exception as error:  # its ordinary work meets it again, and says what it is
            log.info("goes alone", error=type(error).__name__, exc_info=not isinstance(error, RavebooksError))

    def _reconcile(self, books: Books, subject: Noted) -> None:
        events = [event.event_id for entry in subject.entries for event in entry.events]
        with bound(record=str(subject.record), event_id=events[-1] if events else None):
            until = books.journal.blocked_until(books.id).get(str(subject.record))
            if until is not None:
                self._retry(books, subject, until, "waits for the answer to an earlier write", count=False)
                return
            if any(entry.record in books.absent for entry in subject.entries):
                self._not_there_yet(books, subject)
                return
            try:
                with books.neighbours.quickbooks.because("freshness"):
                    outcome = self._run(books, subject)
            except _ENDS_THE_SLICE:
                raise
            except RavebooksError as error:
                self._after_error(books, subject, error)
            except Exception as error:  # noqa: BLE001 - the record's own border: one defect stops no other record
                self._after_defect(books, subject, error)
            else:
                self._conclude(books, subject, outcome)

    def _run(self, books: Books, subject: Noted) -> Outcome:
        return self._work_on(books, subject).run()

    def _work_on(self, books: Books, subject: Noted) -> ContactWork | DocumentWork | PaymentWork:
        books.handling = {*self._names(books, subject.record), *(entry.record for entry in subject.entries)}
        requested = any(entry.requested for entry in subject.entries)
        match subject.record.kind:
            case Kind.CONTACT:
                return ContactWork(books, subject.record, subject.entries, requested)
            case Kind.ESTIMATE:
                return EstimateWork(books, subject.record, requested)
            case Kind.INVOICE:
                return InvoiceWork(books, subject.record, requested)
            case Kind.PAYMENT:
                return PaymentWork(books, subject.record)

    def _conclude(self, books: Books, subject: Noted, outcome: Outcome) -> None:
        if isinstance(outcome, NeedsAttention):
            outcome = NeedsAttention(fitted(outcome.attention))
        now = self._clock.now()
        kind = subject.record.kind
        with self._database.transaction() as session:
            keeper = None if isinstance(outcome, Agreed) else self._keeper(subject)
            for entry in subject.entries:
                if entry is not keeper:
                    pending.clear(session, books.id, entry.record, entry.generation)
            if keeper is not None and isinstance(outcome, NeedsAttention):
                pending.need_attention(session, books.id, keeper.record, keeper.generation, outcome.attention, now)
            elif keeper is not None and isinstance(outcome, Waits):
                pending.wait(session, books.id, keeper.record, keeper.generation, outcome.target, now)
            sync_states.note(session, books, subject.record, outcome, self._remote_urls)
            names = {subject.record, *(entry.record for entry in subject.entries)}
            storage_jobs.conclude(session, books.id, names, _label(outcome), _reason(outcome), now)
            steps.add_outcome(session, books.id, subject.record, _label(outcome), _reason(outcome), now)
            _wake_waiting(session, books, subject, outcome, now)
        telemetry.changes.labels(kind, _label(outcome)).inc()
        log.info("reconciled", outcome=_label(outcome), reason=_reason(outcome))

    def _keeper(self, subject: Noted) -> Entry:
        """The note that carries what is still to be done: the one under the subject's own name, if there is one."""
        return next((e for e in subject.entries if e.record == subject.record), subject.entries[0])

    # --- when it fails ---------------------------------------------------------------------------

    def _after_error(self, books: Books, subject: Noted, error: RavebooksError) -> None:
        what = spell(books, subject.record)
        decision = decide(error, what, subject.attempts, self._jitter())
        match decision:
            case Retry(seconds=seconds, everything=everything):
                self._retry(books, subject, self._clock.now() + timedelta(seconds=seconds), str(error))
                if everything:
                    raise _Outage(error, seconds)
            case Replan():
                self._retry_later(books, subject, str(error))
            case Park(code=code, cause=cause, remedy=remedy, state=state):
                self._conclude(books, subject, NeedsAttention(Attention(state, code, cause, remedy)))
            case Pause(cause=cause, remedy=remedy):
                self._pause(books.id, cause, remedy)

    def _not_there_yet(self, books: Books, subject: Noted) -> None:
        """QuickBooks speaks of a record that it does not give yet, or that was gone before it could be read."""
        if any(event.type.endswith(".deleted") for entry in subject.entries for event in entry.events):
            self._conclude(books, subject, Agreed("was deleted in QuickBooks before it was read"))
        elif subject.attempts >= NOT_THERE_TRIES:
            self._conclude(books, subject, Agreed("QuickBooks has no such record"))
        else:
            self._retry_later(books, subject, "QuickBooks does not give it yet")

    def _retry_later(self, books: Books, subject: Noted, cause: str) -> None:
        seconds = backoff(subject.attempts, self._jitter())
        self._retry(books, subject, self._clock.now() + timedelta(seconds=seconds), cause)

    def _after_defect(self, books: Books, subject: Noted, error: Exception) -> None:
        telemetry.loop_errors.labels("reconcile").inc()
        log.error("unexpected error", error=type(error).__name__, exc_info=error)
        if subject.attempts < UNEXPECTED_TRIES:
            self._retry_later(books, subject, f"unexpected: {type(error).__name__}")
            return
        attention = Attention(
            "parked",
            "defect",
            f"{spell(books, subject.record)} met an unexpected error.",
            "Report it: this is a fault of Ravebooks. Then press retry.",
        )
        self._conclude(books, subject, NeedsAttention(attention))

    def _retry(self, books: Books, subject: Noted, due_at: datetime, cause: str, *, count: bool = True) -> None:
        keeper = self._keeper(subject)
        now, failing = self._clock.now(), self._keeps_failing(books, subject, cause)
        with self._database.transaction() as session:
            for entry in subject.entries:
                pending.retry_at(
                    session,
                    books.id,
                    entry.record,
                    entry.generation,
                    due_at,
                    cause,
                    now,
                    count=count and entry is keeper,
                    failing=failing if entry is keeper else None,
                )
            if failing is not None:
                sync_states.note(session, books, subject.record, NeedsAttention(failing), self._remote_urls)
                steps.add_outcome(session, books.id, subject.record, pending.KEEPS_FAILING, failing.cause, now)
        telemetry.changes.labels(subject.record.kind, "retry").inc()
        log.info("will retry", due_at=due_at.isoformat(), cause=cause)

    def _keeps_failing(self, books: Books, subject: Noted, cause: str) -> Attention | None:
        """What a person is told of a record that has failed for an hour, while it is tried on."""
        with self._database.transaction() as session:
            tried = journal.unanswered(session, books.id, str(subject.record))
        what = spell(books, subject.record)
        if tried is not None and self._clock.now() - tried.since >= FAILING_AFTER:
            since = f"{tried.since:%d %b %H:%M} UTC"
            text = f"{what}: {tried.sends} tries to write it since {since}: {tried.error or cause}."
        elif tried is None and subject.attempts >= FAILING_TRIES:
            text = f"{what} has failed {subject.attempts} times. The last time: {cause}."
        else:
            return None
        return fitted(Attention("parked", pending.KEEPS_FAILING, text, "It is tried on. " + _ASK_SUPPORT))

    def _outage_seconds(self, connection_id: str, error: RavebooksError) -> float:
        if isinstance(error, Throttled):
            return error.wait_seconds
        with self._database.transaction() as session:
            due = pending.due(session, connection_id, self._clock.now(), 1)
        return backoff(due[0].attempts if due else 2, self._jitter())

    def _wait_out(self, connection_id: str, outage: _Outage) -> None:
        """A neighbour is out of reach: nothing is due before it may be back; then look what was missed."""
        now = self._clock.now()
        until = now + timedelta(seconds=min(outage.seconds, 60.0))
        with self._database.transaction() as session:
            pending.postpone_all(session, connection_id, until)
            storage_jobs.postpone(session, connection_id, until)
            connection = connections.get(session, connection_id)
            if not isinstance(outage.error, Throttled) or (connection.cdc_due_at and connection.cdc_due_at <= now):
                connection.cdc_due_at = until
            for name in ("events_due_at", "preflight_due_at", "parity_due_at", "verify_since"):
                due_at = getattr(connection, name)
                if due_at and due_at <= now:
                    setattr(connection, name, until)
        telemetry.slices.labels("outage").inc()
        log.warning("a neighbour is out of reach", error=str(outage.error), until=until.isoformat())

    def _pause(self, connection_id: str, cause: str, remedy: str) -> None:
        with self._database.transaction() as session:
            connections.pause(session, connection_id, cause, remedy)
        telemetry.slices.labels("paused").inc()
        log.error("connection paused", cause=cause, remedy=remedy)

    def _jitter(self) -> float:
        return self._entropy.uniform(0.5, 1.5)


_ASK_SUPPORT = "If it lasts, save the record anew on the side that fails, or ask that side's support."
ANY_PAYMENT = Record(Side.RAVETREE, Kind.PAYMENT, "*")


def _wake_waiting(session: Session, books: Books, subject: Noted, outcome: Outcome, now: datetime) -> None:
    """Who waits for this record looks again, whether or not anything was written for it."""
    if subject.record.kind is Kind.PAYMENT:
        pending.wake(session, books.id, [ANY_PAYMENT], now)
    if isinstance(outcome, Agreed) or (isinstance(outcome, NeedsAttention) and subject.record.kind is Kind.ESTIMATE):
        # An estimate that waits for a person does not hold up its invoice.
        pending.wake(session, books.id, [subject.record], now)


def _label(outcome: Outcome) -> str:
    match outcome:
        case Agreed(ignored=ignored):
            return "ignored" if ignored else "agreed"
        case NeedsAttention(attention=attention):
            return attention.state
        case Waits():
            return "waiting"


def _reason(outcome: Outcome) -> str:
    match outcome:
        case Agreed(ignored=ignored):
            return ignored
        case NeedsAttention(attention=attention):
            return attention.cause
        case Waits(target=target):
            return f"waits for {target.kind} {target.id}"
