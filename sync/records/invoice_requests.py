"""The writes of an invoice and of the payment that stands for its mark, ready for the journal."""

from collections.abc import Sequence
from dataclasses import replace

from reconcile.actions import Action
from reconcile.invoices import InvoiceCase
from reconcile.model import InvoiceContent, PaymentContent, RavetreeInvoice, Side, Write
from schemas import ids, quickbooks, ravetree
from schemas.quickbooks import Body
from sync.records.documents import named, with_content
from sync.records.seen import Seen
from sync.writes.context import Context
from sync.writes.journal import Request

STATUSES = {Action.INVOICE_MARK_SENT: "sent", Action.INVOICE_VOID: "void"}
"""What becomes of Ravetree's invoice, by the action."""


def request(seen: Seen[InvoiceCase], write: Write, payments: Sequence[str], beside: Body | None = None) -> Request:
    """A write of an invoice. `payments` are Ravetree's that come with one that is made as a unit with them.

    `beside` is our copy of the payment that is applied to it.
    """
    context = Context(ravetree_id=seen.subject.id)
    if write.side is Side.RAVETREE:
        body = ravetree.status_body(STATUSES[write.action])
        path = ids.path("invoices", str(write.record_id))
        return named(seen, write, path, body, replace(context, if_match=write.version), method="PATCH")
    if isinstance(write.content, PaymentContent) or write.action.of_placeholder:
        return _placeholder(seen, write, context, beside)
    if isinstance(write.content, InvoiceContent):
        context = replace(
            with_content(context, seen, write.content),
            closes_estimate=write.content.estimate_id or "",
            payments=tuple(payments),
        )
        return named(seen, write, "invoice", quickbooks.invoice_body(write.content, seen.body), context)
    if seen.body is None:
        raise ValueError(f"{write.action} needs our copy of the invoice")
    if write.action == Action.INVOICE_MARK_SENT:
        return named(seen, write, "invoice", quickbooks.sent_body(seen.body), context)
    return named(seen, write, f"invoice?operation={write.action.verb}", quickbooks.identity_body(seen.body), context)


def _placeholder(seen: Seen[InvoiceCase], write: Write, context: Context, beside: Body | None) -> Request:
    now = beside or (seen.placeholder.body if write.record_id and seen.placeholder is not None else None)
    touching = replace(
        context,
        # One that is deleted in QuickBooks is changed by nothing any more.
        touches=(seen.copy.record_id,) if seen.copy is not None and not seen.copy.deleted else (),
        mark=str(seen.raw.get("marked_paid_at") or ""),
        day=str((now or {}).get("TxnDate", "")),
        wanted=str(seen.case.wanted_here),
        moving="yes" if _is_moving(seen) else "",
    )
    if write.action == Action.PLACEHOLDER_DELETE:
        if now is None:
            raise ValueError("a placeholder is deleted with our copy of it")
        return named(seen, write, "payment?operation=delete", quickbooks.identity_body(now), touching)
    if not isinstance(write.content, PaymentContent):
        raise ValueError(f"{write.action} needs content")
    return named(seen, write, "payment", quickbooks.payment_body(write.content, now), touching)


def _is_moving(seen: Seen[InvoiceCase]) -> bool:
    """Whether the invoice goes on to another client: its placeholder comes back there."""
    invoice, base = seen.case.ravetree, seen.case.base
    if not isinstance(invoice, RavetreeInvoice) or base is None or not invoice.marked_paid:
        return False
    then = base.ravetree
    return (invoice.client_id, invoice.currency) != (then.client_id, then.currency)
