"""A working day: what people do on both sides, step by step, each waited for until both books show it.

The script talks to the two sides alone, so it neither knows nor minds whether the product is restarted meanwhile.
"""

from collections.abc import Callable

from ravebooks.demo.hands import Eyes, Hands
from ravebooks.demo.sides import QuickBooksSide, RavetreeSide, Say
from ravebooks.demo.steps import InvoiceSteps, PaymentSteps, TroubleSteps

RECORDS = 24
"""What the comparer finds at the end: 13 invoices, 10 payments, 1 placeholder."""


class WorkingDay:
    """One working day. `say` shows each step; `patience` is how many seconds a step may take."""

    def __init__(self, ravetree: RavetreeSide, quickbooks: QuickBooksSide, say: Say, patience: float = 60.0) -> None:
        eyes = Eyes(ravetree, quickbooks, patience)
        hands = Hands(ravetree, eyes)
        self._invoices = InvoiceSteps(ravetree, quickbooks, hands, eyes, say)
        self._payments = PaymentSteps(ravetree, quickbooks, hands, eyes, say)
        self._trouble = TroubleSteps(ravetree, quickbooks, hands, eyes, say)

    def steps(self) -> list[Callable[[], None]]:
        """The steps in order."""
        invoices, payments, trouble = self._invoices, self._payments, self._trouble
        return [
            invoices.new_client_and_invoice,
            invoices.lines_edited,
            payments.partial_payment_in_quickbooks,
            payments.rest_paid_in_ravetree,
            invoices.sent_in_ravetree,
            invoices.sent_in_quickbooks,
            invoices.marked_as_paid,
            invoices.voided_in_ravetree,
            invoices.voided_in_quickbooks,
            payments.one_payment_over_two_invoices,
            invoices.foreign_currency,
            trouble.duplicate_and_reordered_deliveries,
            payments.payment_edited_and_deleted,
            payments.real_payment_after_marked_as_paid,
            trouble.quickbooks_outage,
        ]
