"""The back-fill's creations, gathered so that they go to QuickBooks in one request.

Gathering plans each document by the rules of its ordinary work and writes no document. Whatever is gathered, sent or
refused here, each record goes through its ordinary work afterwards, which finds what was made and says what was not.
"""

from dataclasses import dataclass
from typing import Any

from reconcile.actions import creation_of
from reconcile.model import Kind, Record, Side
from storage import decisions, journal
from sync.books import Books
from sync.records.document_work import DocumentWork
from sync.writes.journal import Request

MOST = 30
"""QuickBooks takes no more items in one request."""


@dataclass(frozen=True)
class Creation:
    """A document that QuickBooks does not have yet."""

    number: str
    request: Request

    @property
    def kind(self) -> Kind:
        """Of which kind it is."""
        return self.request.subject.kind


class Gathering:
    """The creations of one round that may share a request."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._blocked = books.journal.blocked_until(books.id)
        self._found: list[Creation] = []

    @property
    def full(self) -> bool:
        """Whether a request has no room for another one."""
        return len(self._found) == MOST

    def may_hold(self, record: Record) -> bool:
        """Whether this may be a document to create, at the first try; what has a history goes alone."""
        if record.kind not in (Kind.ESTIMATE, Kind.INVOICE) or record.side is not Side.RAVETREE:
            return False
        books, name = self._books, str(record)
        with books.reading() as session:
            known = decisions.find(session, books.id, [record]) or journal.was_tried(
                session, books.id, name, creation_of(record.kind)
            )
        return not known and name not in self._blocked and books.pair(record.kind, record.side, record.id) is None

    def take(self, work: DocumentWork[Any]) -> None:
        """Plan it, and keep it if a creation is what comes next. Raises what the neighbours say."""
        seen = work.gather()
        plan = work.plan(seen)
        write = plan.writes[0] if plan.writes else None
        if write is None or write.action != creation_of(seen.subject.kind) or plan.waits_for is not None:
            return
        number = getattr(write.content, "number", "")
        # Of two with one number the second is offered to a person, once the first is there.
        if number and all((kept.kind, kept.number) != (seen.subject.kind, number) for kept in self._found):
            self._found.append(Creation(number, work.request(seen, write)))

    def send(self) -> None:
        """Send those whose numbers are free, if they are two or more. Raises what is said of the whole request."""
        books = self._books
        if len(self._found) < 2:
            return
        for kind in {creation.kind for creation in self._found}:
            books.numbers.look_up(kind, [creation.number for creation in self._found if creation.kind is kind])
        free = [creation for creation in self._found if not books.numbers.holders(creation.kind, creation.number)]
        if len(free) < 2:
            return
        for creation in free:
            books.numbers.forget(creation.kind, creation.number)
        books.journal.write_batch([creation.request for creation in free])
