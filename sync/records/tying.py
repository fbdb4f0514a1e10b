"""Makes the pair of a document with one that stood in QuickBooks already, or takes it apart: as people decide."""

from typing import Any

from sqlalchemy.orm import Session

from reconcile.decisions import Decision
from reconcile.model import Attention, Kind, Record, Side, TaxedTotal
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import asked_with, decisions, pairs, pending
from sync.books import Books
from sync.entities import ENTITIES
from sync.records.documents import Documents
from sync.records.seen import Wish


def carry_out_decision(documents: Documents[Any], books: Books, subject: Record, wish: Wish) -> Wish | Attention:
    """Take apart, link or write anew, before the first plan: what is wished from here on, or what cannot be done."""
    found = books.decided({subject, *books.handling})
    if found is None:
        return wish
    match found.decision:
        case Decision.UNLINK:
            forget_pair(books, subject)
        case Decision.PUSH:
            _write_anew(books, subject)
            return Wish(True)
        case Decision.LINK:
            refusal = _link(documents, books, subject, found.target)
            return refusal if refusal is not None else Wish(wish.requested)
    said = {"by": found.decided_by, "at": found.decided_at.isoformat(), "note": found.note}
    return Wish(wish.requested, found.decision, found.code, found.target, said)


def forget_pair(books: Books, subject: Record) -> None:
    """Take a document apart from its partner, with the payment that stands for its mark."""
    with books.writing() as session:
        _forget_pair(session, books, subject)


def _forget_pair(session: Session, books: Books, subject: Record) -> None:
    pairs.remove(session, books.id, subject.kind, subject.id)
    pairs.remove(session, books.id, pairs.PLACEHOLDER, subject.id)


def adopt(documents: Documents[Any], books: Books, subject: Record, ours: Body, theirs: Body) -> None:
    """Make the pair with a document that stood in QuickBooks already. Ravetree's content is written to it next."""
    quickbooks_id = str(theirs["Id"])
    books.quickbooks.keep(subject.kind, {quickbooks_id: theirs})
    lines = [line for line in theirs.get("Line", []) if line.get("DetailType") == "SalesItemLineDetail"]
    keys = [line["id"] for line in ours.get("lines", [])]
    unit = documents.unit(books, subject, theirs)
    with books.writing() as session:
        pairs.store(
            session,
            books.id,
            subject.kind,
            subject.id,
            quickbooks_id,
            books.now(),
            # Ravetree's content was not written to it yet: the next plan does that, keeping its lines.
            base_ravetree=ours | {"lines": []},
            base_quickbooks=theirs,
            line_ids={key: str(line["Id"]) for key, line in zip(keys, lines, strict=False)},
        )
        for record in unit:
            pending.note(session, books.id, record, books.now())


def accept(kind: Kind, books: Books, subject: Record, gap: TaxedTotal, wish: Wish) -> None:
    """A pair keeps what a person lets differ, with who said so."""
    accepted = {"total": str(gap.total), "tax": str(gap.tax), **wish.said}
    with books.writing() as session:
        pairs.accept(session, books.id, kind, subject.id, accepted)


def release_placeholder(books: Books, subject: Record, *, forgets_mark: bool) -> None:
    """The payment that stood for a mark as paid is no longer ours: it is looked at as anybody's."""
    pair = books.pair(pairs.PLACEHOLDER, Side.RAVETREE, subject.id)
    with books.writing() as session:
        pairs.remove(session, books.id, pairs.PLACEHOLDER, subject.id)
        if forgets_mark:
            pairs.keep(session, books.id, Kind.INVOICE, subject.id, mark={})
        if pair is not None:
            payment = Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id)
            pending.note(session, books.id, payment, books.now())
            asked_with.look_again(session, books.id, [payment], books.now())


def _write_anew(books: Books, subject: Record) -> None:
    """What was decided is carried out, and its wish stays with the note, whatever is asked before it is fulfilled."""
    is_deleted = _is_deleted_there(books, subject)
    with books.writing() as session:
        pending.request(session, books.id, subject, books.now())
        if is_deleted:
            _forget_pair(session, books, subject)
        decisions.use_up(session, books.id, {subject, *books.handling})


def _is_deleted_there(books: Books, subject: Record) -> bool:
    pair = books.pair(subject.kind, Side.RAVETREE, subject.id)
    if pair is None:
        return False
    copy = books.quickbooks.copy_or_read(Record(Side.QUICKBOOKS, subject.kind, pair.quickbooks_id))
    return copy is not None and copy.deleted


def _link(documents: Documents[Any], books: Books, subject: Record, quickbooks_id: str) -> Attention | None:
    """Tie it to the record that a person named: Ravetree's content is written to that one next."""
    kind: Kind = subject.kind
    found = books.neighbours.quickbooks.by_ids(ENTITIES[kind], [quickbooks_id])
    holder = books.pair(kind, Side.QUICKBOOKS, quickbooks_id)
    taken = holder is not None and holder.ravetree_id != subject.id
    if not found or taken or quickbooks.is_void(found[0]):
        why = "is not there" if not found else "belongs to another document" if taken else "is void"
        return Attention(
            "parked",
            "link_not_possible",
            f"{kind.capitalize()} {subject.id} cannot be linked: QuickBooks' Id {quickbooks_id} {why}.",
            "Choose another one, or decide `push`.",
            (Decision.PUSH,),
        )
    ours = books.ravetree.body(kind, subject.id) or {}
    forget_pair(books, subject)
    adopt(documents, books, subject, ours, found[0])
    books.use_up({subject, *books.handling})
    return None
