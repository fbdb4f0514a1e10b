"""A document whose number is taken in QuickBooks: whose it is, and whether that one is taken over or gives way."""

from typing import Any

from clients.quickbooks.faults import DuplicateNumber
from reconcile.actions import creation_of, renumbering_of
from reconcile.decisions import Decision
from reconcile.model import Kind, Likeness, Record, Side, Write, money
from reconcile.numbers import Holder, freed_note, freed_number, told
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import journal
from sync import closing
from sync.books import Books
from sync.entities import ENTITIES
from sync.outcomes import Waits
from sync.records import number_line, tying
from sync.records.documents import Documents, numbering
from sync.records.seen import Seen


def taken(books: Books, seen: Seen[Any], write: Write) -> DuplicateNumber | None:
    """Before the button, the back-fill and after a restore: whether QuickBooks checks numbers is a setting.

    Before what a person decided of the number too: a preview, which nothing is refused to, shows what comes of it.
    """
    if write.action != creation_of(seen.subject.kind):
        return None
    is_decided = seen.wish.decision in (Decision.ADOPT, Decision.FREE)
    if not (seen.wish.requested or is_decided or books.restored.may_be_forgotten(seen.raw)):
        return None
    found = books.numbers.holders(seen.subject.kind, getattr(write.content, "number", ""))
    if not found:
        return None
    return DuplicateNumber("its number is taken in QuickBooks", code="6140", taken_by=str(found[0]["Id"]))


def given(documents: Documents[Any], books: Books, seen: Seen[Any], write: Write) -> None:
    """What is known of numbers after a write that was taken."""
    kind = seen.subject.kind
    books.numbers.forget(kind, getattr(write.content, "number", ""), str((seen.body or {}).get("DocNumber") or ""))
    if write.action == renumbering_of(kind) and seen.remote is not None:
        # If it was not kept after all, a person is asked again.
        copy, number = books.quickbooks.copy(seen.remote), documents.load_own(seen.raw).number
        books.numbers.are_kept = copy is not None and copy.body.get("DocNumber") == number


def make_way(documents: Documents[Any], books: Books, seen: Seen[Any], error: DuplicateNumber) -> Waits | None:
    """Take over the document that has the number, or have it give way; whom this one waits for, if for any.

    Raises the refusal in words that say whose number it is, where a person has to decide.
    """
    number = documents.load_own(seen.raw).number
    # Whoever presses retry has changed something meanwhile.
    books.numbers.forget(seen.subject.kind, number)
    found = _holder(books, seen, number, error)
    if found is None:
        raise error
    if _may_be_taken_over(books, seen) and _is_same(documents, books, seen, found):
        tying.adopt(documents, books, seen.subject, seen.raw, found)
        return None
    if number_line.moves(documents, books, found):
        return number_line.step_on(documents, books, seen, found)
    holder = _described(documents, books, seen, found)
    if holder.likeness is Likeness.VOID and seen.wish.decision == Decision.FREE:
        _free(books, seen.subject.kind, found, holder.freed)
        return None
    cause, remedy = told(holder, number)
    raise DuplicateNumber(
        cause,
        remedy=remedy,
        taken_by=holder.id,
        code=error.code,
        detail=error.detail,
        trace=error.trace,
        likeness=holder.likeness,
    ) from error


def _holder(books: Books, seen: Seen[Any], number: str, error: DuplicateNumber) -> Body | None:
    """The document that has the number: as QuickBooks says it, or as it is found by it."""
    kind, own = seen.subject.kind, str((seen.body or {}).get("Id", ""))
    if error.taken_by:
        found = books.neighbours.quickbooks.by_ids(ENTITIES[kind], [error.taken_by])
    else:
        found = [raw for raw in books.numbers.holders(kind, number) if str(raw["Id"]) != own]
    return found[0] if found else None


def _may_be_taken_over(books: Books, seen: Seen[Any]) -> bool:
    """What an own write made whose answer was lost, or what a person says is the same; a pair has its partner."""
    if seen.copy is not None and not seen.copy.deleted:
        return False
    if seen.wish.decision == Decision.ADOPT or books.restored.may_be_forgotten(seen.raw):
        return True
    with books.reading() as session:
        return journal.may_have_made(session, books.id, str(seen.subject), creation_of(seen.subject.kind))


def _described(documents: Documents[Any], books: Books, seen: Seen[Any], raw: Body) -> Holder:
    """The document that has the number, as far as a person has to know it."""
    kind, name = seen.subject.kind, str(raw["Id"])
    total = money(raw["TotalAmt"], raw.get("CurrencyRef", {}).get("value", books.home_currency))
    says = f"{total}, {raw.get('TxnDate', '')}"
    ours = books.pair(kind, Side.QUICKBOOKS, name) is not None
    if ours and quickbooks.is_void(raw) and not _is_closed(books, raw):
        number = str(raw["DocNumber"])
        freed = freed_number(number, lambda other: bool(books.numbers.holders(kind, other)))
        return Holder(kind, name, says, Likeness.VOID if freed else Likeness.NONE, freed)
    return Holder(kind, name, says, _likeness(documents, books, seen, raw))


def _is_closed(books: Books, raw: Body) -> bool:
    """Nothing is offered that QuickBooks would refuse: whether its books are closed is read first."""
    closing.look_again(books)
    return closing.covers(books, raw)


def _likeness(documents: Documents[Any], books: Books, seen: Seen[Any], raw: Body) -> Likeness:
    """Whether the two may be one: not if either has its partner already."""
    paired = seen.copy is not None and not seen.copy.deleted
    if paired or quickbooks.is_void(raw) or not _is_of_customer(documents, books, seen, raw):
        return Likeness.NONE
    return Likeness.SAME if _is_same(documents, books, seen, raw) else Likeness.CUSTOMER


def _is_of_customer(documents: Documents[Any], books: Books, seen: Seen[Any], raw: Body) -> bool:
    """Whether nobody's partner is a document of the same customer in the same currency."""
    theirs, ours = documents.load(raw, books.home_currency), documents.load_own(seen.raw)
    return (
        books.pair(seen.subject.kind, Side.QUICKBOOKS, theirs.id) is None
        and theirs.customer_id == _customer_id(documents, books, seen)
        and theirs.currency == ours.currency
    )


def _is_same(documents: Documents[Any], books: Books, seen: Seen[Any], raw: Body) -> bool:
    theirs, ours = documents.load(raw, books.home_currency), documents.load_own(seen.raw)
    alike = theirs.total == ours.total and theirs.issue_date == ours.issue_date
    return alike and _is_of_customer(documents, books, seen, raw)


def _customer_id(documents: Documents[Any], books: Books, seen: Seen[Any]) -> str | None:
    """The customer that the document's client is linked to."""
    ours = documents.load_own(seen.raw)
    link = books.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
    return link.quickbooks_id if link is not None else None


def _free(books: Books, kind: Kind, raw: Body, number: str) -> None:
    """A void document of ours gives its number away, and its note says which that was."""
    pair = books.pair(kind, Side.QUICKBOOKS, str(raw["Id"]))
    if pair is None:
        raise ValueError("only a document of ours gives its number away")
    had = str(raw["DocNumber"])
    note = freed_note(str(raw.get("PrivateNote") or ""), had)
    books.write(numbering(Record(Side.RAVETREE, kind, pair.ravetree_id), raw, number, note))
    books.numbers.forget(kind, had, number)
