"""What invoices and estimates each say for themselves, to whoever works on documents."""

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Generic

from reconcile.actions import renumbering_of
from reconcile.invoices import CLOSED_CODES
from reconcile.model import (
    NOTHING,
    DocumentContent,
    Gone,
    Kind,
    Plan,
    QuickBooksEstimate,
    QuickBooksInvoice,
    RavetreeEstimate,
    RavetreeInvoice,
    Record,
    Side,
    Write,
)
from schemas import quickbooks
from schemas.quickbooks import Body
from storage.models import Connection
from sync.books import Books
from sync.records.seen import Case, Seen, Wish
from sync.writes.context import Context
from sync.writes.journal import Request


class Documents(ABC, Generic[Case]):
    """What one kind of document says for itself. It keeps nothing: whatever it needs is handed to it."""

    KIND: ClassVar[Kind]

    @abstractmethod
    def since(self, connection: Connection) -> datetime | None:
        """When this kind was switched on."""

    @abstractmethod
    def load(self, raw: Body, home_currency: str) -> QuickBooksInvoice | QuickBooksEstimate:
        """QuickBooks' document."""

    @abstractmethod
    def load_own(self, raw: Body) -> RavetreeInvoice | RavetreeEstimate:
        """Ravetree's document."""

    @abstractmethod
    def own(self, books: Books, record_id: str) -> RavetreeInvoice | RavetreeEstimate | Gone:
        """Ravetree's document as it is there now."""

    @abstractmethod
    def gather(self, books: Books, subject: Record, wish: Wish) -> Seen[Case]:
        """Both sides as they are now. It writes to neither of them."""

    @abstractmethod
    def plan(self, seen: Seen[Case]) -> Plan:
        """The next step."""

    @abstractmethod
    def is_too_old(self, books: Books, seen: Seen[Case], plan: Plan) -> bool:
        """Whether our copy is known to be too old for this plan."""

    def depends_on_closing_date(self, seen: Seen[Case], plan: Plan) -> bool:  # noqa: ARG002 - an invoice asks it
        """Whether it is to be known, before anything is written or asked, up to which day the books are closed."""
        return plan.attention is not None and plan.attention.code in CLOSED_CODES

    @abstractmethod
    def request(self, books: Books, seen: Seen[Case], write: Write) -> Request:
        """The write, ready for the journal."""

    def renumbering(self, seen: Seen[Case]) -> Request:
        """Ravetree's number, where QuickBooks had made up its own."""
        return numbering(seen.subject, seen.body or {}, self.load_own(seen.raw).number)

    def at_rest(self, books: Books, seen: Seen[Case]) -> None:
        """What is kept of a document that needs nothing any more."""

    def put_back(self, books: Books, seen: Seen[Case], write: Write) -> Plan:  # noqa: ARG002
        """What had made room for `write`, which QuickBooks refuses, as it was."""
        return NOTHING

    def unit(self, books: Books, subject: Record, raw: Body | None = None) -> list[Record]:  # noqa: ARG002
        """The payments that come with a document, `raw` in QuickBooks: only an invoice has them."""
        return []


def numbering(subject: Record, now: Body, number: str, note: str = "", base_ravetree: Body | None = None) -> Request:
    """Another number for a document that is `now` in QuickBooks, and nothing else, unless a private note is given.

    `base_ravetree` is what the base says of Ravetree's from then on, if that is not what it says now.
    """
    body = quickbooks.renumbered_body(now, number, note)
    context = Context(ravetree_id=subject.id, base_ravetree=base_ravetree)
    return Request(subject, Side.QUICKBOOKS, renumbering_of(subject.kind), subject.kind, body, context=context)


def named(seen: Seen[Any], write: Write, path: str, body: Body, context: Context, method: str = "POST") -> Request:
    """The request of a write on a document."""
    return Request(seen.subject, write.side, write.action, path, body, method, context)


def with_content(context: Context, seen: Seen[Any], content: DocumentContent) -> Context:
    """What the settlement of a content write needs.

    The new base, the keys of the lines in the order sent, what is foreseen, and notices.
    """
    keys, foreseen = quickbooks.sent_keys(content, seen.body), foreseen_body(content, seen.wish)
    return replace(context, base_ravetree=seen.raw, line_keys=keys, foreseen=foreseen, notices=content.notices)


def foreseen_body(content: DocumentContent, wish: Wish) -> Body | None:
    """What QuickBooks would come to, as it is stored with the write; nothing where nobody can say."""
    foreseen = content.foreseen
    if not foreseen.outcomes:
        return None
    outcomes = {name: [str(one.total), str(one.tax)] for name, one in foreseen.outcomes.items()}
    likely = [[str(one.total), str(one.tax)] for one in foreseen.likely]
    accepted = {"accepted": dict(wish.said)} if foreseen.is_accepted else {}
    return {"outcomes": outcomes, "likely": likely} | accepted
