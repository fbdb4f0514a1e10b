"""A document whose number is taken in QuickBooks: whose it is, and whether that one can be taken over."""

from typing import Any

from clients.quickbooks.faults import DuplicateNumber, Likeness
from reconcile.actions import creation_of
from reconcile.decisions import Decision
from reconcile.model import Kind, Plan, Side, money
from schemas.quickbooks import Body
from storage import journal
from sync.books import Books
from sync.entities import ENTITIES
from sync.records import tying
from sync.records.documents import Documents
from sync.records.seen import Seen


def taken(books: Books, seen: Seen[Any], plan: Plan) -> DuplicateNumber | None:
    """Before the button, the back-fill and after a restore: whether QuickBooks checks numbers is a setting."""
    write = plan.writes[0] if plan.writes else None
    if write is None or not write.action.creates:
        return None
    if not seen.wish.requested and not books.restored.may_be_forgotten(seen.raw):
        return None
    found = books.numbers.holders(seen.subject.kind, getattr(write.content, "number", ""))
    if not found:
        return None
    return DuplicateNumber("its number is taken in QuickBooks", code="6140", taken_by=str(found[0]["Id"]))


def take_over(documents: Documents[Any], books: Books, seen: Seen[Any], error: DuplicateNumber) -> bool:
    """Take over the document that has the number: what an own write made whose answer was lost, or if told to."""
    if error.taken_by is None or not (_was_sent_before(books, seen) or seen.wish.decision == Decision.ADOPT):
        return False
    found = _holder(books, seen, error)
    if found is None or not _is_same(documents, books, seen, found):
        return False
    tying.adopt(documents, books, seen.subject, seen.raw, found)
    return True


def offer(documents: Documents[Any], books: Books, seen: Seen[Any], error: DuplicateNumber) -> DuplicateNumber:
    """The same refusal in words that say whether the other document could be taken over."""
    found = _holder(books, seen, error)
    if found is None:
        return error
    same = _is_same(documents, books, seen, found)
    customer = documents.load(found, books.home_currency).customer_id == _customer_id(documents, books, seen)
    total = money(found["TotalAmt"], found.get("CurrencyRef", {}).get("value", books.home_currency))
    return DuplicateNumber(
        f"its number is taken in QuickBooks by {seen.subject.kind} Id {error.taken_by} over {total}",
        remedy="It has the same customer, total and date: decide `adopt`, or give one of the two another number."
        if same
        else "Give one of the two another number, then press retry.",
        taken_by=error.taken_by,
        code=error.code,
        detail=error.detail,
        trace=error.trace,
        likeness=Likeness.SAME if same else Likeness.CUSTOMER if customer else Likeness.NONE,
    )


def _holder(books: Books, seen: Seen[Any], error: DuplicateNumber) -> Body | None:
    wanted = [error.taken_by] if error.taken_by else []
    found = books.neighbours.quickbooks.by_ids(ENTITIES[seen.subject.kind], wanted)
    return found[0] if found else None


def _was_sent_before(books: Books, seen: Seen[Any]) -> bool:
    if books.restored.may_be_forgotten(seen.raw):
        return True
    with books.reading() as session:
        return journal.may_have_made(session, books.id, str(seen.subject), creation_of(seen.subject.kind))


def _is_same(documents: Documents[Any], books: Books, seen: Seen[Any], raw: Body) -> bool:
    theirs, ours = documents.load(raw, books.home_currency), documents.load_own(seen.raw)
    return (
        books.pair(seen.subject.kind, Side.QUICKBOOKS, theirs.id) is None
        and theirs.customer_id == _customer_id(documents, books, seen)
        and theirs.total == ours.total
        and theirs.issue_date == ours.issue_date
        and theirs.currency == ours.currency
    )


def _customer_id(documents: Documents[Any], books: Books, seen: Seen[Any]) -> str | None:
    """The customer that the document's client is linked to."""
    ours = documents.load_own(seen.raw)
    link = books.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
    return link.quickbooks_id if link is not None else None
