"""Makes pairs of payments, or takes them apart: by a mark, by a decision, or because one side has lost its own."""

from reconcile.decisions import Decision
from reconcile.markers import marked_placeholder
from reconcile.model import Adopt, Attention, Kind, QuickBooksPayment, RavetreePayment, Record, Side
from reconcile.payment_facts import KnownInvoice, agree, quickbooks_facts, ravetree_facts, spent_elsewhere
from schemas.quickbooks import Body
from storage import asked_with, decisions, pairs, pending
from storage.models import Copy
from sync.books import Books
from sync.records import receipts
from sync.records.payment_sides import SeenPayment


def carry_out_decision(books: Books, subject: Record) -> Attention | None:
    """Take apart or tie together, before the first plan; what cannot be done is said to a person."""
    found = books.decided({subject, *books.handling})
    if found is None:
        return None
    if found.decision == Decision.UNLINK:
        _know_partner(books, subject)
        _forget(books, subject)
    elif found.decision == Decision.PUSH:
        books.use_up({subject, *books.handling})
    elif found.decision == Decision.LINK:
        return _link(books, subject, found.target)
    return None


def know_placeholder_again(books: Books, subject: Record) -> None:
    """A placeholder on an invoice that was taken apart and tied again: by its note it belongs to it."""
    if subject.side is not Side.QUICKBOOKS:
        return
    theirs, _ = books.quickbooks.payment(subject.id)
    if not isinstance(theirs, QuickBooksPayment) or theirs.voided:
        return
    invoice_id = marked_placeholder(theirs.note) or ""
    if receipts.is_released(books, theirs):
        return
    pair = books.pair(Kind.INVOICE, Side.RAVETREE, invoice_id)
    if pair is None or books.pair(pairs.PLACEHOLDER, Side.RAVETREE, invoice_id) is not None:
        return
    if [allocation.invoice_id for allocation in theirs.allocations] != [pair.quickbooks_id]:
        return
    with books.writing() as session:
        now = books.now()
        pairs.store(session, books.id, pairs.PLACEHOLDER, invoice_id, theirs.id, now)
        pending.note(session, books.id, Record(Side.RAVETREE, Kind.INVOICE, invoice_id), now)


def adopt(books: Books, found: Adopt, invoices: tuple[KnownInvoice, ...]) -> None:
    """Make the pair of two payments as they are now."""
    _, ours = books.ravetree.payment(found.ravetree_id)
    _, copy = books.quickbooks.payment(found.quickbooks_id)
    holder = books.pair(pairs.PLACEHOLDER, Side.QUICKBOOKS, found.quickbooks_id)
    with books.writing() as session:
        if holder is not None:
            pairs.remove(session, books.id, pairs.PLACEHOLDER, holder.ravetree_id)
        pairs.store(
            session,
            books.id,
            Kind.PAYMENT,
            found.ravetree_id,
            found.quickbooks_id,
            books.now(),
            base_ravetree=ours,
            base_quickbooks=_base_of(copy, takes_theirs=found.takes_theirs),
        )
        names = [
            Record(Side.RAVETREE, Kind.PAYMENT, found.ravetree_id),
            Record(Side.QUICKBOOKS, Kind.PAYMENT, found.quickbooks_id),
        ]
        # The one that waited for a person under its own name alone is answered with it.
        others = [name for name in names if name not in books.handling]
        others += [Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id) for invoice in invoices]
        pending.reconsider_records(session, books.id, others, books.now())
        # It is nobody else's any more.
        asked_with.look_again(session, books.id, names, books.now())


def _base_of(copy: Copy | None, *, takes_theirs: bool) -> Body:
    """QuickBooks' payment as it is, or as if all of it had been entered since: then it is copied next."""
    if copy is None:
        return {}
    return copy.body | {"Line": [], "TotalAmt": 0, "UnappliedAmt": 0} if takes_theirs else copy.body


def renew_base(books: Books, seen: SeenPayment) -> None:
    """Both say the same, and not what the pair's base says: from now on an edit of either is told by what they say."""
    case, base, copy = seen.case, seen.case.base, seen.copy
    ours, theirs = case.ravetree, case.quickbooks
    if base is None or case.lost or copy is None or copy.stale:
        return
    if not isinstance(theirs, QuickBooksPayment):
        return
    if theirs.voided and (not isinstance(ours, RavetreePayment) or ours.voided):
        # Both are gone: what a bookkeeper enters on the void one later is another payment.
        _keep_void(books, copy)
        return
    if not isinstance(ours, RavetreePayment):
        return
    spent = spent_elsewhere(case)
    mine, other = ravetree_facts(ours, case.invoices), quickbooks_facts(theirs, case.invoices, spent=spent)
    then = quickbooks_facts(base.quickbooks, case.invoices, spent=case.spent)
    before = (ravetree_facts(base.ravetree, case.invoices), then)
    if not agree(mine, other, case.invoices) or before == (mine, other):
        return
    with books.writing() as session:
        now, name = books.now(), ours.id
        pairs.store(
            session, books.id, Kind.PAYMENT, name, theirs.id, now, base_ravetree=seen.raw, base_quickbooks=copy.body
        )
        known = sorted(invoice.quickbooks_id for invoice in case.invoices)
        pairs.keep(session, books.id, Kind.PAYMENT, name, invoices=known, spent=str(spent))


def _keep_void(books: Books, copy: Copy) -> None:
    pair = books.pair(Kind.PAYMENT, Side.QUICKBOOKS, copy.record_id)
    if pair is None or pair.base_quickbooks == copy.body:
        return
    with books.writing() as session:
        ours, before = pair.ravetree_id, pair.base_ravetree
        pairs.store(
            session,
            books.id,
            Kind.PAYMENT,
            ours,
            copy.record_id,
            books.now(),
            base_ravetree=before,
            base_quickbooks=copy.body,
        )


def take_apart(books: Books, subject: Record) -> None:
    """A person wants the side that still has it to be copied anew: the other one is gone for good."""
    pair = books.pair(Kind.PAYMENT, subject.side, subject.id)
    if pair is None:
        return
    _forget(books, Record(Side.RAVETREE, Kind.PAYMENT, pair.ravetree_id))
    books.look_at(
        [
            Record(Side.RAVETREE, Kind.PAYMENT, pair.ravetree_id),
            Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id),
        ]
    )


def _know_partner(books: Books, subject: Record) -> None:
    pair = books.pair(Kind.PAYMENT, Side.RAVETREE, subject.id) if subject.side is Side.RAVETREE else None
    if pair is not None:
        with books.writing() as session:
            decisions.know_partner(session, books.id, subject, pair.quickbooks_id)


def _forget(books: Books, subject: Record) -> None:
    with books.writing() as session:
        pairs.remove(session, books.id, Kind.PAYMENT, subject.id)


def _link(books: Books, subject: Record, quickbooks_id: str) -> Attention | None:
    """Tie it to the payment that a person named, as both are now."""
    theirs = Record(Side.QUICKBOOKS, Kind.PAYMENT, quickbooks_id)
    books.quickbooks.refresh([theirs])
    found, _ = books.quickbooks.payment(quickbooks_id)
    ours, _ = books.ravetree.payment(subject.id)
    holder = books.pair(Kind.PAYMENT, Side.QUICKBOOKS, quickbooks_id)
    taken = holder is not None and holder.ravetree_id != subject.id
    live = (
        isinstance(found, QuickBooksPayment)
        and isinstance(ours, RavetreePayment)
        and not found.voided
        and not ours.voided
        and found.currency == ours.currency
    )
    if taken or not live:
        why = "belongs to another payment" if taken else "is void, deleted or in another currency"
        return Attention(
            "parked",
            "link_not_possible",
            f"The payment cannot be linked: QuickBooks' Id {quickbooks_id}, or Ravetree's own, {why}.",
            "Choose another one, or decide `unlink`.",
            (Decision.UNLINK,),
        )
    before = books.pair(Kind.PAYMENT, Side.RAVETREE, subject.id)
    _forget(books, subject)
    adopt(books, Adopt(subject.id, quickbooks_id), ())
    books.use_up({subject, theirs, *books.handling})
    if before is not None and before.quickbooks_id != quickbooks_id:
        # It is money without a partner from now on.
        books.look_at([Record(Side.QUICKBOOKS, Kind.PAYMENT, before.quickbooks_id)])
    return None
