"""What one slice of work has at hand: one connection, its neighbours, our copies of its records."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from clients.errors import NeighbourError
from config.ports import Clock
from reconcile.model import Answer, Gone, Kind, QuickBooksPayment, RavetreeContact, Record, Side
from schemas.quickbooks import Body
from storage import answers, connections, decisions, pairs, pending, steps
from storage.models import Connection, Copy, Decided, Pair
from storage.unit import UnitOfWork
from sync.document_numbers import DocumentNumbers
from sync.neighbours import Neighbours
from sync.quickbooks_records import QuickBooksRecords
from sync.ravetree_records import RavetreeRecords
from sync.restored import Restored
from sync.slice import Slice
from sync.writes.journal import Request


class Writes(Protocol):
    """Who sends writes: the journal, or nobody in a preview."""

    def write(self, request: Request) -> None:
        """Send one write. Raises what the neighbour says."""

    def write_batch(self, requests: Sequence[Request]) -> None:
        """Send creations in QuickBooks together."""

    def resolve_due(self) -> None:
        """Find out what became of writes without an answer."""

    def blocked_until(self, connection_id: str) -> dict[str, datetime]:
        """Records with a write that has no answer, and until when they wait for it."""


class NoWrites:
    """For whoever only looks: a write is a fault of ours."""

    def write(self, request: Request) -> None:
        """Raise `TypeError`."""
        raise TypeError(f"{request.action} of {request.subject} where nothing is to be written")

    def write_batch(self, requests: Sequence[Request]) -> None:
        """Raise `TypeError`."""
        self.write(requests[0])

    def resolve_due(self) -> None:
        """Nothing was ever sent."""

    def blocked_until(self, _connection_id: str) -> dict[str, datetime]:
        """Nothing waits for an answer."""
        return {}


class Books(Slice):
    """What a slice of work reads and writes: both neighbours' records, pairs, decisions and the journal.

    `wrote` says whether anything was written for the record that is being worked on.
    """

    def __init__(
        self,
        unit: UnitOfWork,
        clock: Clock,
        connection: Connection,
        neighbours: Neighbours,
        journal: Writes,
        *,
        fresh: set[Record] | None = None,
        known_contacts: dict[str, RavetreeContact] | None = None,
        numbers: dict[tuple[Kind, str], list[Body]] | None = None,
    ) -> None:
        super().__init__(unit, clock, connection, neighbours)
        if fresh is not None:
            self.fresh = fresh
        self.journal = journal
        self.wrote = False
        self.restored = Restored(self)
        self.quickbooks = QuickBooksRecords(self, self.restored)
        self.ravetree = RavetreeRecords(self, known_contacts)
        self.numbers = DocumentNumbers(self, numbers)

    def write(self, request: Request) -> None:
        """Journal and send one write. Raises what the neighbour says."""
        try:
            self.journal.write(request)
        except NeighbourError:
            # Something is not as it was when it was read.
            self.ravetree.forget()
            raise
        self.wrote = True
        if request.side is Side.RAVETREE:
            self.ravetree.forget()

    def begin_again(self) -> None:
        """Notes were taken: what was read before may be older than what they speak of."""
        self.fresh.clear()
        self.absent.clear()
        self.money_read.clear()
        self.ravetree.forget()

    def note_read(self) -> None:
        """QuickBooks is asked something: what comes within the window after it shares the next read."""
        with self.writing() as session:
            connections.note_read(session, self.connection, self.now())

    def decided(self, names: Iterable[Record]) -> Decided | None:
        """What a person said of a record under any of its names."""
        named = tuple(names)
        return self.unit.once(("decided", named), lambda session: decisions.find(session, self.id, named))

    def answers(self, names: Iterable[Record]) -> tuple[Answer, ...]:
        """What a person said for good of a record under any of its names."""
        named = tuple(names)
        return self.unit.once(("answers", named), lambda session: answers.of(session, self.id, named))

    def remember(self, subject: Record, *given: Answer) -> None:
        """Keep answers for good: the decision that gave them has been carried out."""
        names = {subject, *self.handling}
        with self.writing() as session:
            decided = decisions.find(session, self.id, names)
            for answer in given:
                answers.keep(session, self.id, subject, answer, decided, self.now())
            decisions.use_up(session, self.id, names)

    def use_up(self, names: Iterable[Record]) -> None:
        """The decision has been carried out."""
        with self.writing() as session:
            decisions.use_up(session, self.id, names)

    def payments_pending(self) -> bool:
        """Whether payments of this connection are still to be looked at."""
        with self.reading() as session:
            return pending.others_pending(session, self.id, Kind.PAYMENT)

    def circumstances_changed(self) -> bool:
        """Whether something that many records depend on has changed since this slice last knew.

        What is stored next in the same transaction is stored before it can change again.
        """
        self.unit.commit()
        with self.writing() as session:
            connection = connections.lock(session, self.id)
            changed = connection.circumstances != self.connection.circumstances
            if changed:
                self.connection = connection
        return changed

    def waits_for_a_person(self, record: Record, since: datetime | None = None) -> bool:
        """Whether this record, or its partner, is held or parked, and was looked at since then."""
        with self.reading() as session:
            rows = pending.rows(session, self.id, pairs.names(session, self.id, record))
            return any(row.state in pending.ATTENTION and (since is None or row.updated_at >= since) for row in rows)

    def is_asked(self, record: Record) -> bool:
        """Whether a person was asked about this record, or its partner, and it was not in agreement since."""
        with self.reading() as session:
            return steps.is_asked(session, self.id, pairs.names(session, self.id, record))

    def look_at(self, records: Sequence[Record], *, must_read: bool = False, requested: bool = False) -> None:
        """Put records on the list of what must be looked at, as if a person had asked for them if `requested`."""
        self.looked_at.update(records)
        with self.writing() as session:
            for record in records:
                pending.note(
                    session,
                    self.id,
                    record,
                    self.now(),
                    must_read=must_read and record.side is Side.QUICKBOOKS,
                    requested=requested,
                )

    def placeholder_of(self, invoice_id: str) -> tuple[QuickBooksPayment | Gone | None, Copy | None]:
        """The payment that stands for "marked as paid" on a Ravetree invoice."""
        pair = self.pair(pairs.PLACEHOLDER, Side.RAVETREE, invoice_id)
        return self.quickbooks.payment(pair.quickbooks_id) if pair else (None, None)


def base_of(pair: Pair) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Both bodies of a pair's base, if it has one."""
    return (pair.base_ravetree, pair.base_quickbooks) if pair.base_quickbooks else None
