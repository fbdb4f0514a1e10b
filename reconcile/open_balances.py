"""What is open on an invoice says the same in both books, or a person is asked."""

from decimal import Decimal
from typing import Protocol

from reconcile.decisions import Decision
from reconcile.marks import DIFFER, MarkCase, is_left, live_placeholder, marked_open, open_here
from reconcile.model import (
    ANY_PAYMENT,
    NOTHING,
    ZERO,
    Answer,
    Plan,
    QuickBooksInvoice,
    RavetreeInvoice,
    Record,
    held,
    money,
    plain,
)
from reconcile.questions import answered, says

WAITS = "Waits for a payment on it."
"""Why an invoice waits before its balances are compared: nothing is going to be written to it."""

DEPOSIT = "deposit_on_form"


class OpenCase(MarkCase, Protocol):
    """What of an invoice's case says whether its balances can be compared."""

    @property
    def is_current(self) -> bool:
        """Whether our copy is known to be what QuickBooks says now."""
        ...

    @property
    def unseen_payments(self) -> tuple[Record, ...]:
        """Payments on it that were not looked at yet."""
        ...

    @property
    def payments_under_way(self) -> bool:
        """Whether a payment on it is still worked on, or waits for a person: that comes first."""
        ...

    @property
    def left_alone(self) -> Decimal:
        """By how much more QuickBooks has open because a person left payments on one side."""
        ...


def differs(case: OpenCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> bool:
    """Whether what is open differs, by more than an accepted difference of the totals explains.

    Of a mark as paid that has no placeholder, or whose placeholder a person let cover less, and of a deposited one
    without a mark, their own rules say more.
    """
    holder = live_placeholder(case)
    is_marked = invoice.marked_paid and marked_open(case, invoice) > ZERO
    if is_marked and (holder is None or is_left(case, invoice, remote)):
        return False
    if holder is not None and holder.deposited and not invoice.marked_paid:
        return False
    here = open_here(invoice) + case.left_alone
    return remote.balance not in (here, max(ZERO, here + case.accepted_gap))


def plan_open(case: OpenCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    """Ask where the balances differ and nothing that is under way explains it."""
    if not case.is_current or not differs(case, invoice, remote):
        return NOTHING
    if case.unseen_payments:
        return Plan(look_at=case.unseen_payments, waits_for=ANY_PAYMENT, waits_because=WAITS)
    if case.payments_under_way:
        return Plan(waits_for=ANY_PAYMENT, waits_because=WAITS)
    code = DEPOSIT if remote.deposit > ZERO else DIFFER
    wanted = open_here(invoice)
    amounts = (plain(wanted), plain(remote.balance))
    if _is_left(case, code, remote.balance - wanted):
        return NOTHING
    if says(case, code, Decision.LEAVE):
        return Plan(remember=Answer(code, Decision.LEAVE, amounts=amounts))
    if code == DEPOSIT:
        return held(
            DEPOSIT,
            f"Invoice {invoice.number} has a deposit of {money(remote.deposit, remote.currency)} on its form in "
            f"QuickBooks; Ravetree has {money(wanted, invoice.currency)} open, QuickBooks "
            f"{money(remote.balance, remote.currency)}.",
            "Take it off the form and enter it as a payment, or decide `leave`.",
            Decision.LEAVE,
        )
    total = "" if remote.total == invoice.total else f" of a total of {money(remote.total, remote.currency)}"
    return held(
        DIFFER,
        f"Invoice {invoice.number} has {money(wanted, invoice.currency)} open in Ravetree and "
        f"{money(remote.balance, remote.currency)}{total} in QuickBooks.",
        "Enter what is missing on one side and press retry, or decide `leave`.",
        Decision.LEAVE,
    )


def _is_left(case: OpenCase, code: str, apart: Decimal) -> bool:
    """Whether a person left them apart by as much: a payment of the same on both sides changes nothing of that."""
    left = answered(case, code)
    if left is None:
        return False
    here, there = map(Decimal, left.amounts)
    return there - here == apart
