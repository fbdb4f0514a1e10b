"""The estimate behind an invoice, and what others have invoiced of it in QuickBooks."""

from reconcile.model import Gone, Kind, QuickBooksEstimate, QuickBooksInvoice, RavetreeInvoice, Record, Side
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import pending
from sync.books import Books

Estimate = QuickBooksEstimate | Record | None


def estimate_of(books: Books, invoice: RavetreeInvoice | Gone, *, is_new: bool) -> Estimate:
    """QuickBooks' estimate, or Ravetree's that is about to be pushed.

    For a `new` invoice it is read: no source says that QuickBooks tells of an estimate that is invoiced there.
    """
    if not isinstance(invoice, RavetreeInvoice) or invoice.estimate_id is None:
        return None
    pair = books.pair(Kind.ESTIMATE, Side.RAVETREE, invoice.estimate_id)
    if pair is not None:
        record = Record(Side.QUICKBOOKS, Kind.ESTIMATE, pair.quickbooks_id)
        if is_new and record not in books.fresh:
            books.quickbooks.refresh([record])
        copy = books.quickbooks.copy_or_read(record)
        if copy is None or copy.deleted:
            return None
        return quickbooks.load_estimate(copy.body, books.home_currency)
    waiting = Record(Side.RAVETREE, Kind.ESTIMATE, invoice.estimate_id)
    with books.reading() as session:
        under_way = [row for row in pending.rows(session, books.id, [waiting]) if row.state == pending.DUE]
    # One that waits for a person does not hold up the invoice: the link is a convenience, the money is not.
    return waiting if under_way and books.connection.estimates_since is not None else None


def invoiced_by_others(books: Books, estimate: Estimate, raw: Body) -> tuple[QuickBooksInvoice, ...]:
    """The live invoices of an estimate that are not ours; after a restore the one of our number may be."""
    if not isinstance(estimate, QuickBooksEstimate):
        return ()
    ours = {pair.quickbooks_id for pair in books.pairs_among(Kind.INVOICE, Side.QUICKBOOKS, estimate.invoice_ids)}
    records = [Record(Side.QUICKBOOKS, Kind.INVOICE, name) for name in estimate.invoice_ids if name not in ours]
    books.quickbooks.refresh(record for record in records if record not in books.fresh)
    found = [books.quickbooks.invoice(record.id)[0] for record in records]
    number = raw.get("number") if books.restored.may_be_forgotten(raw) else None
    return tuple(one for one in found if isinstance(one, QuickBooksInvoice) and not one.voided and one.number != number)
