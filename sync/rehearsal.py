"""Rehearsals: the work on a record to its end, on both books as they are, and nothing of it kept.

What a preview shows, and what drift says comes next, is what the work itself does: it runs in a transaction that is
rolled back, against neighbours that answer every write as we ask for it. No transaction spans a call: a rehearsal that
has to ask a neighbour is given up, the neighbour is asked, and it begins again with the answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clients.quickbooks.faults import DuplicateNumber
from config.errors import RavebooksError
from config.ports import Clock
from reconcile.actions import Action
from reconcile.model import Kind, RavetreeContact, Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage import brakes, decisions, journal, pairs, pending
from storage.database import Contended, Database
from storage.decisions import Said
from storage.models import Connection, Operation, PendingChange
from storage.unit import UnitOfWork
from sync import echoes
from sync.books import Books, NoWrites, Writes
from sync.endings import Endings, Outage
from sync.entities import ENTITIES
from sync.neighbours import Neighbours
from sync.noted import Noted, noted_records
from sync.outcomes import NeedsAttention, Outcome
from sync.reconciling import reconcile
from sync.supposed import KnownAnswers, MustAsk, Supposed, SupposedAccount, SupposedCompany
from sync.writes import settlement
from sync.writes.journal import Request

MOST_QUESTIONS = 500
"""Questions to neighbours for one record. More would mean that it does not come to an end."""
ROUNDS = 20
"""Rounds over what the work on a record makes due: its payments, and then the record again."""


@dataclass(frozen=True)
class RehearsedWrite:
    """One write: `before` is what the record said there, empty for a new one, `sent` what is sent."""

    subject: Record
    side: Side
    action: Action
    before: Body
    sent: Body


@dataclass
class Rehearsed:
    """What the work on a record would come to: its writes in their order, and how it would end.

    `outcome` is None where it would only be tried again, `waits` says why; `refusal` is what it would be refused with.
    `tied` says that it would get a partner that it does not have yet, without a write that makes one.
    `unknown` says that QuickBooks would have to be asked first, and was not.
    """

    record: Record
    steps: list[RehearsedWrite] = field(default_factory=list)
    outcome: Outcome | None = None
    waits: str = ""
    refusal: RavebooksError | None = None
    tied: bool = False
    unknown: bool = False


class _Wants(BaseException):
    """It has something to store: it begins again in a transaction that may."""


class _Forgotten(UnitOfWork):
    """One transaction for the whole of a rehearsal; nothing of it is committed."""

    def __init__(self, database: Database, *, writes: bool) -> None:
        super().__init__(database)
        self._may_write = writes

    def commit(self) -> None:
        """Nothing is."""

    def _begin(self, *, writes: bool) -> Session:
        if writes and not self._may_write:
            raise _Wants
        return super()._begin(writes=self._may_write)


class _Chorus(Endings):
    """Stores as the worker does, counts and says nothing, and remembers how the record ended."""

    def __init__(self, clock: Clock, rehearsed: Rehearsed) -> None:
        super().__init__(clock, lambda: 1.0, "")
        self._rehearsed = rehearsed

    def became(self, subject: Noted, outcome: Outcome) -> None:
        """Remember it."""
        if self._is_about(subject):
            self._rehearsed.outcome, self._rehearsed.waits = outcome, ""

    def goes_on(self, subject: Noted, due_at: datetime, cause: str) -> None:  # noqa: ARG002 - nothing waits here
        """Remember it."""
        if self._is_about(subject):
            self._rehearsed.outcome, self._rehearsed.waits = None, cause

    def after_error(self, books: Books, subject: Noted, error: RavebooksError) -> None:
        """As the worker, and remember what refused it."""
        if self._is_about(subject):
            self._rehearsed.refusal = error
        super().after_error(books, subject, error)

    def _is_about(self, subject: Noted) -> bool:
        names = {subject.record, *(entry.record for entry in subject.entries)}
        return self._rehearsed.record in names


class _Supposing:
    """Takes the place of the journal: writes are settled at once by the answer that is asked for."""

    books: Books

    def __init__(self, clock: Clock, supposed: Supposed, rehearsed: Rehearsed, blocked: dict[str, datetime]) -> None:
        self._clock = clock
        self._supposed = supposed
        self._rehearsed = rehearsed
        self._blocked = blocked

    def write(self, request: Request) -> None:
        """Settle a write as if it had been answered. Raises what stops it before it is sent."""
        books, now = self.books, self._clock.now()
        kind = settlement.kind_of(request.action)
        before = self._before(books, request, kind)
        step = RehearsedWrite(request.subject, request.side, request.action, dict(before or {}), dict(request.body))
        with books.writing() as session:
            brakes.check_removal(session, books.id, request.action, now)
            self._rehearsed.steps.append(step)
            if request.side is Side.QUICKBOOKS:
                answer = self._supposed.quickbooks_answer(request, kind, before, now)
            else:
                answer = self._supposed.ravetree_answer(request, kind, before, now)
            operation = self._operation(books, request, answer, now)
            session.add(operation)
            session.flush()
            settlement.apply(session, operation, strict_json.loads(strict_json.dumps(answer)), now, now)

    def write_batch(self, requests: Any) -> None:
        """One after the other."""
        for request in requests:
            self.write(request)

    def resolve_due(self) -> None:
        """What has no answer waits, here as there."""

    def blocked_until(self, _connection_id: str) -> dict[str, datetime]:
        """Records with a write that has no answer."""
        return self._blocked

    def _before(self, books: Books, request: Request, kind: Kind) -> Body | None:
        if request.side is Side.QUICKBOOKS:
            if "Id" not in request.body:
                return None
            copy = books.quickbooks.copy(Record(Side.QUICKBOOKS, kind, str(request.body["Id"])))
            return copy.body if copy is not None else None
        if request.action.creates:
            return None
        return books.ravetree.body(kind, request.context.ravetree_id or request.subject.id)

    def _operation(self, books: Books, request: Request, answer: Body, now: datetime) -> Operation:
        return Operation(
            connection_id=books.id,
            subject=str(request.subject),
            side=request.side,
            action=request.action,
            key=f"rehearsed {len(self._rehearsed.steps)}",
            attempt=0,
            method=request.method,
            path=request.path,
            body="",
            digest="",
            context=strict_json.loads(strict_json.dumps(request.context.stored())),
            fence=0,
            state=journal.DONE,
            journalled_at=now,
            answered_at=now,
            answer=strict_json.loads(strict_json.dumps(answer)),
        )


class Rehearsal:
    """Rehearses records of one connection; what the neighbours answered once is not asked for again.

    With `reads` false QuickBooks is not asked: where it would have to be, the rehearsal says so.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        connection: Connection,
        neighbours: Neighbours,
        *,
        reads: bool = True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._connection = connection
        self._neighbours = neighbours
        self._reads = reads
        self.answers = KnownAnswers()
        self.numbers: dict[tuple[Kind, str], list[Body]] = {}
        self._contacts: dict[str, RavetreeContact] | None = None

    def look(self, ask: Callable[[Books], Any]) -> Any:
        """What `ask` finds in the books as they are: a value, since rows are forgotten with the transaction.

        Raises what the neighbours say.
        """
        return self._until_answered(lambda unit: ask(self._books(unit, Supposed(), NoWrites())))

    def run(self, record: Record, *, requested: bool = False, said: Said | None = None) -> Rehearsed:
        """What the work on `record` comes to: when somebody asks for it, or after a person has `said` something.

        Raises what the neighbours say of themselves, and what stops all work.
        """
        try:
            found: Rehearsed = self._until_answered(lambda unit: self._attempt(unit, record, requested, said))
        except _Unknown:
            return Rehearsed(record, unknown=True)
        return found

    def look_up(self, records: Iterable[Record]) -> None:
        """Read these of QuickBooks' as few times as possible, for all that is rehearsed afterwards."""
        wanted = set(records)
        for kind, entity in ENTITIES.items():
            if names := [record.id for record in wanted if record.kind is kind]:
                self.answers.know(entity, self._neighbours.quickbooks.by_ids(entity, names))

    def look_up_numbers(self, kind: Kind, numbers: list[str]) -> None:
        """Look up the numbers of many documents in one read, for all that is rehearsed afterwards."""

        def look(books: Books) -> None:
            books.numbers.look_up(kind, numbers)
            self.numbers |= books.numbers.known

        self.look(look)

    def _until_answered(self, attempt: Callable[[UnitOfWork], Any]) -> Any:
        writes = False
        for _ in range(MOST_QUESTIONS):
            unit = _Forgotten(self._database, writes=writes)
            try:
                return attempt(unit)
            except MustAsk as asked:
                unit.rollback()
                if asked.side is Side.QUICKBOOKS and not self._reads:
                    raise _Unknown from None
                self.answers.ask(asked)
            except _Wants:
                writes = True
            except (IntegrityError, Contended):
                # The worker was there meanwhile: as it is now.
                continue
            finally:
                unit.rollback()
        raise RecursionError("a rehearsal does not come to an end")

    def _books(self, unit: UnitOfWork, supposed: Supposed, writes: Writes) -> Books:
        neighbours = Neighbours(
            SupposedCompany(self._neighbours.quickbooks, self.answers, supposed),
            SupposedAccount(self._neighbours.ravetree, self.answers, supposed),
        )
        return Books(
            unit,
            self._clock,
            self._connection,
            neighbours,
            writes,
            known_contacts=self._contacts,
            numbers=dict(self.numbers),
            fresh=set() if self._reads else _AllIsKnown(),
        )

    def _attempt(self, unit: UnitOfWork, record: Record, requested: bool, said: Said | None) -> Rehearsed:
        rehearsed, supposed = Rehearsed(record), Supposed()
        with unit.reading() as session:
            blocked = {
                row.subject: row.retry_at or row.journalled_at
                for row in journal.unsettled(session, self._connection.id)
            }
        writes = _Supposing(self._clock, supposed, rehearsed, blocked)
        books = writes.books = self._books(unit, supposed, writes)
        endings = _Chorus(self._clock, rehearsed)
        with unit.reading() as session:
            before = pending.generations(session, books.id)
        partners = books.pairs_among(record.kind, record.side, [record.id])
        self._ask_for(books, record, requested, said)
        for _ in range(ROUNDS):
            subjects = self._due(books, before)
            if not subjects:
                break
            for subject in subjects:
                try:
                    reconcile(books, endings, subject)
                except Outage as outage:
                    raise outage.error from outage
        rehearsed.tied = not partners and bool(books.pairs_among(record.kind, record.side, [record.id]))
        if not any(step.action == Action.CONTACT_CREATE for step in rehearsed.steps):
            self._contacts = books.ravetree.known_contacts
        return rehearsed

    def _ask_for(self, books: Books, record: Record, requested: bool, said: Said | None) -> None:
        """As the API does: a record is noted, what was decided is kept."""
        now = books.now()
        with books.writing() as session:
            if said is not None:
                names = decisions.keep(session, books.id, record, said, now)
                record = names[0]
                if pending.retry(session, books.id, names, now):
                    return
                requested = True
            pending.note(session, books.id, record, now, requested=requested)

    def _due(self, books: Books, before: Mapping[Record, int]) -> list[Noted]:
        """What this rehearsal has made due, with all that is noted of it, read first where the worker would."""
        with books.reading() as session:
            due = pending.generations(session, books.id, books.now())
            ours = [record for record, generation in due.items() if generation != before.get(record)]
            rows = sorted(pending.rows(session, books.id, ours), key=lambda row: (row.created_at, row.record_id))
            subjects = noted_records(books, [echoes.note_entry(session, row) for row in rows])
            entries = [entry for subject in subjects for entry in subject.entries]
            entries += [echoes.note_entry(session, row) for row in self._of_customers(session, books, subjects)]
            asking = [entry.record for entry in entries if echoes.needs_read(session, books.id, entry, books.fresh)]
        if asking and not self._reads:
            raise _Unknown
        books.handling = set(asking)
        books.quickbooks.refresh(asking)
        books.handling = set()
        return subjects

    def _of_customers(self, session: Session, books: Books, subjects: list[Noted]) -> list[PendingChange]:
        """What is noted of the customers of these clients: they are records of their own, and read with them."""
        clients = [subject.record.id for subject in subjects if subject.record.kind is Kind.CONTACT]
        linked = pairs.among(session, books.id, Kind.CONTACT, Side.RAVETREE, clients)
        return pending.rows(
            session, books.id, [Record(Side.QUICKBOOKS, Kind.CONTACT, pair.quickbooks_id) for pair in linked]
        )


class _AllIsKnown(set[Record]):
    """Whoever may not read takes what is known for what is there."""

    def __contains__(self, _record: object) -> bool:
        return True


class _Unknown(Exception):
    """QuickBooks would have to be asked."""


def attention_of(rehearsed: Rehearsed) -> Any:
    """Why a person would be asked, if one would be."""
    return rehearsed.outcome.attention if isinstance(rehearsed.outcome, NeedsAttention) else None


def taken_number(rehearsed: Rehearsed) -> DuplicateNumber | None:
    """The refusal of a number that is taken, if that is how it would end."""
    error = rehearsed.refusal
    return error if isinstance(error, DuplicateNumber) and attention_of(rehearsed) is not None else None
