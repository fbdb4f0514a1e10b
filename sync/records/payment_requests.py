"""The writes of a payment, ready for the journal."""

from dataclasses import replace

from reconcile.actions import Action
from reconcile.model import Kind, PaymentContent, Record, Side, Write
from reconcile.payment_facts import spent_elsewhere
from schemas import ids, quickbooks, ravetree
from schemas.quickbooks import Body
from sync.books import Books
from sync.records.payment_names import reference
from sync.records.payment_sides import SeenPayment, own_id
from sync.writes.context import Context
from sync.writes.journal import Request


def request(books: Books, seen: SeenPayment, write: Write) -> Request:
    """A write of a payment on either side. Raises `ValueError` where it lacks what it is made from."""
    context = Context(
        ravetree_id=str(seen.raw.get("id") or own_id(seen.subject, Side.RAVETREE) or ""),
        # What is deleted in Ravetree stands in the pair as it was: its part of QuickBooks' payment is told by that.
        base_ravetree=seen.raw or _base(books, seen),
        touches=tuple(sorted(invoice.quickbooks_id for invoice in seen.invoices)),
        ravetree_invoices=tuple(sorted(invoice.ravetree_id for invoice in seen.invoices)),
        spent=str(spent_elsewhere(seen.case) or ""),
    )
    if write.side is Side.RAVETREE:
        return _to_ravetree(books, seen, write, context)
    if write.action == Action.PAYMENT_DELETE:
        path, body = "payment?operation=delete", quickbooks.identity_body(seen.body)
    else:
        now = None
        if write.action == Action.PAYMENT_UPDATE:
            now = seen.body
        elif write.action == Action.PAYMENT_APPLY:
            now = _named(books, write)
        elif write.action == Action.PAYMENT_TAKE_PLACEHOLDER:
            invoice_id, now = _placeholder(books, seen, write)
            context = replace(context, placeholder_of=invoice_id)
        path, body = "payment", quickbooks.payment_body(_content(write), now)
    return Request(seen.subject, write.side, write.action, path, body, "POST", context)


def _base(books: Books, seen: SeenPayment) -> Body:
    pair = books.pair(Kind.PAYMENT, seen.subject.side, seen.subject.id)
    return pair.base_ravetree if pair is not None else {}


def _to_ravetree(books: Books, seen: SeenPayment, write: Write, context: Context) -> Request:
    context = replace(
        context,
        if_match=write.version,
        ravetree_id=write.record_id or "",
        base_quickbooks=seen.body,
        quickbooks_id=str(seen.body["Id"]),
    )
    path = ids.path("payments", *([write.record_id] if write.record_id else []))
    if write.action == Action.PAYMENT_DELETE:
        method, body = "DELETE", {}
    elif write.action == Action.PAYMENT_CREATE:
        method, body = "POST", ravetree.payment_body(_content(write), reference(books, seen.body["Id"]))
    else:
        method, body = "PATCH", ravetree.payment_body(_content(write))
    return Request(seen.subject, write.side, write.action, path, body, method, context)


def _content(write: Write) -> PaymentContent:
    if not isinstance(write.content, PaymentContent):
        raise ValueError(f"{write.action} needs content")
    return write.content


def _named(books: Books, write: Write) -> Body:
    """QuickBooks' own words of the payment that a person named."""
    copy = books.quickbooks.copy(Record(Side.QUICKBOOKS, Kind.PAYMENT, str(write.record_id)))
    if copy is None:
        raise ValueError("this write needs our copy of the payment")
    return copy.body


def _placeholder(books: Books, seen: SeenPayment, write: Write) -> tuple[str, Body]:
    """The invoice whose placeholder is taken, and that placeholder as it is now."""
    for invoice in seen.invoices:
        if invoice.placeholder is not None and invoice.placeholder.id == write.record_id:
            _, copy = books.placeholder_of(invoice.ravetree_id)
            if copy is not None:
                return invoice.ravetree_id, copy.body
    raise ValueError("the placeholder's copy is missing")
