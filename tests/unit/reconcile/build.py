"""Model values with defaults: a test says only what it is about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reconcile.invoices import InvoiceBase, InvoiceCase
from reconcile.markers import payment_marker, placeholder_marker
from reconcile.model import (
    ZERO,
    Allocation,
    Plan,
    QuickBooksCustomer,
    QuickBooksInvoice,
    QuickBooksLine,
    QuickBooksPayment,
    RavetreeContact,
    RavetreeInvoice,
    RavetreeLine,
    RavetreePayment,
    Side,
    Write,
)
from reconcile.payment_facts import KnownInvoice, PaymentBase, PaymentCase

SWITCHED_ON = datetime(2026, 11, 1, tzinfo=UTC)
CREATED = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)
MARKED_AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
CUSTOMER = "C1"
ITEMS = {"time": "I1", "expense": "I2"}


def amount(value: str | int | Decimal) -> Decimal:
    return Decimal(value)


# --- Ravetree ------------------------------------------------------------------------------------


def line(value: str | int = 100, **changes: Any) -> RavetreeLine:
    """One hour at `value`, taxable."""
    made = RavetreeLine("l1", "time", "Work", amount(1), amount(value), amount(value), None, True, None)
    return replace(made, **changes)


def ravetree_invoice(worth: str | int = 100, /, *, paid: str | int = 0, **changes: Any) -> RavetreeInvoice:
    """A draft over one line, `paid` of its total settled by payments."""
    changes.setdefault("total", amount(worth))
    changes.setdefault("balance", changes["total"] - amount(paid))
    made = RavetreeInvoice(
        id="R1",
        version=3,
        number="1043",
        client_id="client_1",
        status="draft",
        issue_date=DAY,
        due_date=None,
        currency="USD",
        memo="",
        lines=(line(worth),),
        discount=(),
        tax_inclusive=False,
        tax_amount=ZERO,
        total=ZERO,
        balance=ZERO,
        sent=False,
        marked_paid_at=None,
        created_at=CREATED,
    )
    return replace(made, **changes)


def ravetree_payment(value: str | int = 40, *shares: tuple[str, str | int], **changes: Any) -> RavetreePayment:
    """Money on invoice R1, or on the given `shares`; what they leave is unapplied."""
    allocations = tuple(Allocation(name, amount(part)) for name, part in (shares or (("R1", value),)))
    made = RavetreePayment(
        id="RP1",
        version=2,
        client_id="client_1",
        date=DAY,
        amount=amount(value),
        credit_amount=ZERO,
        unapplied=ZERO,
        currency="USD",
        reference="",
        memo="",
        allocations=allocations,
        origin="ravetree",
        external_id=None,
        voided=False,
    )
    changes.setdefault("unapplied", made.amount - sum((a.amount for a in allocations), ZERO))
    return replace(made, **changes)


def contact(name: str = "Bright Harbor", email: str = "", **changes: Any) -> RavetreeContact:
    return replace(RavetreeContact("client_1", 1, "account", name, email, "", "USD", True), **changes)


# --- QuickBooks ----------------------------------------------------------------------------------


def quickbooks_line(value: str | int = 100, **changes: Any) -> QuickBooksLine:
    made = QuickBooksLine("1", "I1", "Work", amount(1), amount(value), amount(value), None, "TAX", None)
    return replace(made, **changes)


def quickbooks_invoice(total: str | int = 100, /, *, paid: str | int = 0, **changes: Any) -> QuickBooksInvoice:
    """The invoice in QuickBooks, `paid` of it settled."""
    made = QuickBooksInvoice(
        id="Q1",
        sync_token=5,
        number="1043",
        customer_id=CUSTOMER,
        issue_date=DAY,
        due_date=None,
        currency="USD",
        memo="",
        lines=(quickbooks_line(total),),
        discount=ZERO,
        tax_amount=ZERO,
        total=amount(total),
        balance=amount(total) - amount(paid),
        emailed=False,
        voided=False,
        payment_ids=(),
    )
    return replace(made, **changes)


def quickbooks_payment(value: str | int = 40, *shares: tuple[str, str | int], **changes: Any) -> QuickBooksPayment:
    """Money on invoice Q1, or on the given `shares`; what they leave is unapplied."""
    allocations = tuple(Allocation(name, amount(part)) for name, part in (shares or (("Q1", value),)))
    made = QuickBooksPayment(
        id="QP1",
        sync_token=7,
        customer_id=CUSTOMER,
        date=DAY,
        amount=amount(value),
        unapplied=ZERO,
        currency="USD",
        reference="",
        note="",
        allocations=allocations,
        credit=ZERO,
        deposited=False,
        voided=False,
        created_at=CREATED,
    )
    changes.setdefault("unapplied", made.amount - sum((a.amount for a in allocations), ZERO))
    return replace(made, **changes)


def copied_payment(value: str | int = 40, *shares: tuple[str, str | int], **changes: Any) -> QuickBooksPayment:
    """The QuickBooks payment that we made for Ravetree's RP1."""
    return quickbooks_payment(value, *shares, note=payment_marker("RP1"), **changes)


def placeholder(value: str | int = 100, **changes: Any) -> QuickBooksPayment:
    """The payment that stands for "marked as paid"."""
    return quickbooks_payment(value, id="PH1", note=placeholder_marker("R1", "1043"), **changes)


def voided_payment(**changes: Any) -> QuickBooksPayment:
    return quickbooks_payment(0, allocations=(), unapplied=ZERO, voided=True, note="Voided", **changes)


def customer(name: str = "Bright Harbor", email: str = "", **changes: Any) -> QuickBooksCustomer:
    return replace(QuickBooksCustomer("C1", 0, name, email, "USD", True), **changes)


# --- Cases ---------------------------------------------------------------------------------------


def invoice_case(**changes: Any) -> InvoiceCase:
    """A new invoice whose client, items and switch-on are in order."""
    made = InvoiceCase(
        ravetree=ravetree_invoice(), quickbooks=None, base=None, customer=CUSTOMER, items=ITEMS, since=SWITCHED_ON
    )
    return replace(made, **changes)


def paired_case(
    now: RavetreeInvoice | Any = None,
    remote: QuickBooksInvoice | Any = None,
    *,
    was: RavetreeInvoice | None = None,
    remote_was: QuickBooksInvoice | None = None,
    line_ids: Mapping[str, str] | None = None,
    **changes: Any,
) -> InvoiceCase:
    """An invoice in both books; unless said otherwise nothing has changed since the last write."""
    base = InvoiceBase(was or ravetree_invoice(), remote_was or quickbooks_invoice(), line_ids or {"l1": "1"})
    return invoice_case(
        ravetree=now or ravetree_invoice(), quickbooks=remote or quickbooks_invoice(), base=base, **changes
    )


def known(ravetree_id: str = "R1", quickbooks_id: str = "Q1", **changes: Any) -> KnownInvoice:
    """An invoice that stands in both books, still open there."""
    remote = quickbooks_invoice(id=quickbooks_id)
    return replace(KnownInvoice(ravetree_id, quickbooks_id, "1043", "client_1", remote), **changes)


def payment_case(**changes: Any) -> PaymentCase:
    """A payment over the one known invoice R1/Q1."""
    case = replace(PaymentCase(ravetree=None, quickbooks=None, base=None, invoices=(known(),)), **changes)
    payers = tuple(dict.fromkeys(invoice.quickbooks.customer_id for invoice in case.invoices))
    return replace(case, payers=changes.get("payers", payers))


def paired_payment_case(
    now: Any = None,
    remote: Any = None,
    *,
    was: RavetreePayment | None = None,
    remote_was: QuickBooksPayment | None = None,
    **changes: Any,
) -> PaymentCase:
    """A payment in both books; unless said otherwise nothing has changed since they agreed."""
    base = PaymentBase(was or ravetree_payment(), remote_was or copied_payment())
    return payment_case(ravetree=now or ravetree_payment(), quickbooks=remote or copied_payment(), base=base, **changes)


# --- Plans ---------------------------------------------------------------------------------------


def the_write(plan: Plan) -> Write:
    """The one write of a plan that holds nothing else."""
    assert plan == Plan(writes=plan.writes), plan
    (write,) = plan.writes
    return write


def written(plan: Plan) -> tuple[Side, str, str | None, int | None]:
    """Where the plan's one write goes, what it does, to which record, at which version."""
    write = the_write(plan)
    return write.side, write.action, write.record_id, write.version


def attention(plan: Plan) -> tuple[str, str]:
    """State and code of a plan that writes nothing and asks for a person in whole sentences."""
    assert plan.attention is not None, plan
    assert plan == Plan(attention=plan.attention)
    for text in (plan.attention.cause, plan.attention.remedy):
        assert text.endswith((".", "?"))
        assert len(text) <= 200
    return plan.attention.state, plan.attention.code
