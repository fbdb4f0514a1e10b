"""How the work on a record ends: what is stored of an outcome or an error, who is told, and who goes on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from config import telemetry
from config.errors import RavebooksError
from config.logging import logger
from config.ports import Clock
from reconcile.model import ANY_PAYMENT, Attention, Kind, fitted, release_of
from storage import asked_with, connections, journal, pending, steps
from storage import jobs as storage_jobs
from storage.brakes import Braked
from sync import sync_states
from sync.books import Books
from sync.echoes import Entry
from sync.naming import spell
from sync.noted import Noted
from sync.outcomes import Agreed, NeedsAttention, Outcome, Waits
from sync.retries import Park, Pause, Replan, Retry, backoff, decide

UNEXPECTED_TRIES = 5
NOT_THERE_TRIES = 12
"""An hour and more: what cannot be read by then is not there. Change data capture brings it if it comes later."""
FAILING_TRIES = 12
"""An hour and more, after which a person sees that it goes on failing."""
FAILING_AFTER = timedelta(hours=1)
"""After this long without an answer to a write a person sees it."""

log = logger("reconciler")


class Outage(Exception):
    """A neighbour is out of reach: end the slice and postpone what is due."""

    def __init__(self, error: RavebooksError, seconds: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.seconds = seconds


class Endings:
    """Stores how the work on one record after the other ended."""

    def __init__(self, clock: Clock, jitter: Callable[[], float], pages_url: str) -> None:
        self._clock = clock
        self._jitter = jitter
        self._pages_url = pages_url

    def conclude(self, books: Books, subject: Noted, outcome: Outcome) -> None:
        """Store an outcome: the notes, what is told, the step, the job's count, and who is woken."""
        if isinstance(outcome, NeedsAttention):
            outcome = replace(outcome, attention=fitted(outcome.attention))
        now = self._clock.now()
        if not isinstance(outcome, Agreed) and books.circumstances_changed():
            self.retry(books, subject, now, "something that it depends on has changed meanwhile", count=False)
            return
        with books.writing() as session:
            generation = None if isinstance(outcome, Agreed) else _kept_under_its_name(session, books, subject, now)
            for entry in subject.entries:
                if generation is None or entry.record != subject.record:
                    pending.clear(session, books.id, entry.record, entry.generation)
            if generation is not None and isinstance(outcome, NeedsAttention):
                if pending.need_attention(session, books.id, subject.record, generation, outcome.attention, now):
                    asked_with.keep(session, books.id, subject.record, outcome.asked_with)
            elif generation is not None and isinstance(outcome, Waits):
                pending.wait(session, books.id, subject.record, generation, outcome.target, now, outcome.why)
            sync_states.note(session, books, subject.record, outcome, self._pages_url)
            names = {subject.record, *(entry.record for entry in subject.entries)}
            storage_jobs.conclude(session, books.id, names, _label(outcome), _reason(outcome), now)
            steps.add_outcome(session, books.id, subject.record, _label(outcome), _reason(outcome), now)
            _wake_waiting(session, books, subject, outcome, now)
        if books.wrote and isinstance(outcome, Agreed):
            _measure(subject, now)
        self.became(subject, outcome)

    def after_error(self, books: Books, subject: Noted, error: RavebooksError) -> None:
        """Store what an error means for a record. Raises `Outage` when it means all of them."""
        if isinstance(error, Braked):
            why = f"{str(error)[:1].upper()}{str(error)[1:]}."
            self.conclude(books, subject, Waits(release_of(subject.record.side, subject.record.kind, error.part), why))
            return
        what = spell(books, subject.record)
        decision = decide(error, what, subject.attempts, self._jitter())
        match decision:
            case Retry(seconds=seconds, everything=everything):
                self.retry(books, subject, self._clock.now() + timedelta(seconds=seconds), str(error))
                if everything:
                    raise Outage(error, seconds)
            case Replan():
                self.retry_later(books, subject, str(error))
            case Park(code=code, cause=cause, remedy=remedy, state=state, decisions=decisions):
                self.conclude(books, subject, NeedsAttention(Attention(state, code, cause, remedy, decisions)))
            case Pause(cause=cause, remedy=remedy):
                self.pause(books, cause, remedy)

    def not_there_yet(self, books: Books, subject: Noted) -> None:
        """QuickBooks speaks of a record that it does not give yet, or that was gone before it could be read."""
        if any(event.type.endswith(".deleted") for entry in subject.entries for event in entry.events):
            self.conclude(books, subject, Agreed("was deleted in QuickBooks before it was read"))
        elif subject.attempts >= NOT_THERE_TRIES:
            self.conclude(books, subject, Agreed("QuickBooks has no such record"))
        else:
            self.retry_later(books, subject, "QuickBooks does not give it yet")

    def retry_later(self, books: Books, subject: Noted, cause: str) -> None:
        """Look at a record again, after longer each time."""
        seconds = backoff(subject.attempts, self._jitter())
        self.retry(books, subject, self._clock.now() + timedelta(seconds=seconds), cause)

    def after_defect(self, books: Books, subject: Noted, error: Exception) -> None:
        """Try a few times what nobody expected; then a person sees it."""
        telemetry.loop_errors.labels("reconcile").inc()
        log.error("unexpected error", error=type(error).__name__, exc_info=error)
        if subject.attempts < UNEXPECTED_TRIES:
            self.retry_later(books, subject, f"unexpected: {type(error).__name__}")
            return
        attention = Attention(
            "parked",
            "defect",
            f"{spell(books, subject.record)} met an unexpected error.",
            "Report it: this is a fault of Ravebooks. Then press retry.",
        )
        self.conclude(books, subject, NeedsAttention(attention))

    def retry(self, books: Books, subject: Noted, due_at: datetime, cause: str, *, count: bool = True) -> None:
        """Look at a record again at `due_at`; what has failed for an hour is shown to a person meanwhile."""
        keeper = _keeper(subject)
        now, failing = self._clock.now(), self._keeps_failing(books, subject, cause)
        with books.writing() as session:
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
                sync_states.note(session, books, subject.record, NeedsAttention(failing), self._pages_url)
                steps.add_outcome(session, books.id, subject.record, pending.KEEPS_FAILING, failing.cause, now)
        self.goes_on(subject, due_at, cause)

    def _keeps_failing(self, books: Books, subject: Noted, cause: str) -> Attention | None:
        """What a person is told of a record that has failed for an hour, while it is tried on."""
        with books.reading() as session:
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

    def became(self, subject: Noted, outcome: Outcome) -> None:
        """Count and say how the work on a record ended."""
        telemetry.changes.labels(subject.record.kind, _label(outcome)).inc()
        log.info("reconciled", outcome=_label(outcome), reason=_reason(outcome))

    def goes_on(self, subject: Noted, due_at: datetime, cause: str) -> None:
        """Count and say that a record is looked at again."""
        telemetry.changes.labels(subject.record.kind, "retry").inc()
        log.info("will retry", due_at=due_at.isoformat(), cause=cause)

    def pause(self, books: Books, cause: str, remedy: str) -> None:
        """The neighbour lets nobody in: the connection stands still until a person has connected it again."""
        sync_states.tell_before_a_stop(books)
        with books.writing() as session:
            connections.pause(session, books.id, cause, remedy)
        telemetry.slices.labels("paused").inc()
        log.error("connection paused", cause=cause, remedy=remedy)


_ASK_SUPPORT = "If it lasts, save the record anew on the side that fails, or ask that side's support."


def _wake_waiting(session: Session, books: Books, subject: Noted, outcome: Outcome, now: datetime) -> None:
    """Who waits for this record looks again, whether or not anything was written for it."""
    got_on = [ANY_PAYMENT] if subject.record.kind is Kind.PAYMENT else []
    # An estimate that waits for a person does not hold up its invoice.
    lets_go = isinstance(outcome, NeedsAttention) and subject.record.kind is Kind.ESTIMATE
    # An invoice that was set right waits for its payment: that one must not go on waiting for the invoice.
    # Once in a slice, unless it was written: each may be waiting for the other.
    lets_go_again = books.wrote or subject.record not in books.let_go
    may_let_go = isinstance(outcome, Waits) and lets_go_again and any(entry.events for entry in subject.entries)
    if isinstance(outcome, Agreed) or lets_go or may_let_go:
        got_on.append(subject.record)
    if may_let_go:
        books.let_go.add(subject.record)
    pending.wake(session, books.id, got_on, now)


def _kept_under_its_name(session: Session, books: Books, subject: Noted, now: datetime) -> int:
    """What is still to be done is kept, and asked, under the record's own name, whichever its news came under."""
    own = next((entry for entry in subject.entries if entry.record == subject.record), None)
    if own is not None:
        return own.generation
    requested = any(entry.requested for entry in subject.entries)
    pending.note(session, books.id, subject.record, now, requested=requested)
    return next(row.generation for row in pending.rows(session, books.id, [subject.record]))


def _measure(subject: Noted, now: datetime) -> None:
    """How long it took from the first delivery that spoke of it; a person's own time is not the product's."""
    came = [event.received_at for entry in subject.entries if not entry.asked for event in entry.events]
    if came:
        telemetry.webhook_to_write.observe((now - min(came)).total_seconds())


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
        case Agreed(ignored=ignored, notices=notices):
            return ignored or " ".join(notices)
        case NeedsAttention(attention=attention):
            return attention.cause
        case Waits(target=target, why=why):
            return why or f"waits for {target.kind} {target.id}"


def _keeper(subject: Noted) -> Entry:
    """The note that carries what is still to be done: the one under the subject's own name, if there is one."""
    return next((e for e in subject.entries if e.record == subject.record), subject.entries[0])
