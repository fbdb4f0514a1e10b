"""What a payment says in terms that both sides share, and all that decides about it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from reconcile.model import (
    ZERO,
    Allocation,
    Answer,
    Gone,
    PaymentContent,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreePayment,
    Record,
    Side,
)

REFERENCE_LIMIT = 21
"""Characters that QuickBooks keeps of a payment's reference number."""


@dataclass(frozen=True)
class PaymentBase:
    """What a paired payment looked like on both sides when they last agreed."""

    ravetree: RavetreePayment
    quickbooks: QuickBooksPayment


@dataclass(frozen=True)
class KnownInvoice:
    """An invoice that stands in both books.

    `open_here` and `total_here` are Ravetree's now, None while not asked. `placeholder_changed`: a bookkeeper edited
    the payment that stands for its mark as paid, and a person is asked what it is; `placeholder_fell`: what changed in
    it came with the invoice's total alone. `ended_here`: void or deleted in Ravetree, and not in QuickBooks;
    `other_currency_here`: it has another currency there than in QuickBooks by now; `deleted_there`: QuickBooks has it
    no more, and a person is asked about that.
    `accepted` is by how much QuickBooks' total is more than Ravetree's, as a person decided.
    """

    ravetree_id: str
    quickbooks_id: str
    number: str
    client_id: str
    quickbooks: QuickBooksInvoice
    placeholder: QuickBooksPayment | None = None
    marked_open: Decimal = ZERO
    open_here: Decimal | None = None
    total_here: Decimal | None = None
    placeholder_changed: bool = False
    placeholder_fell: bool = False
    ended_here: bool = False
    other_currency_here: bool = False
    deleted_there: bool = False
    accepted: Decimal = ZERO


APART = "Its invoice was taken apart, or tied to another one: what is edited in it is not copied."


@dataclass(frozen=True)
class PaymentCase:
    """All that decides about one payment.

    `invoices` are the paired ones among those it names. `coming` are Ravetree invoices that it names and that
    will be paired. `twins` are payments of the other side that may be the same receipt; `one`, with the Id `one_id`, is
    the one of them that a person said it is, `twin_asked` that the first of them asks already. `payers` are the
    customers that can pay all of its invoices, the nearest first; `client_below_payer` says that its client's customer
    is the payer, or below it.
    `since` is when invoices were switched on, `requested` that a person asks for it whatever its age.
    `is_placeholder`: it stands for a mark as paid, and `released`: it did, until a person said that it is the real
    money. `known_then` are QuickBooks' invoices that both sides knew when it was last written, `lost` those of them
    whose pair was taken apart, or tied otherwise, since. `spent` is what of Ravetree's unapplied money QuickBooks had
    applied to documents that Ravetree lacks by then; `elsewhere` names them now. `was_asked` is the code of the
    question about it, where a share of it in QuickBooks is less than at the base. `twin_mute` says that the first of
    the twins was taken apart from any sync and asks nothing. `below` are the Ids of QuickBooks' payments among the
    twins and `one` that belong to a project of the customer who is invoiced, or to another of its family that cannot
    pay for it: QuickBooks applies them once they belong to that one.
    `marked_twin` and `marked_copy_id` are the other side's
    record that our own note names, so that what we wrote once is known again after its answer was lost. `methods`
    are QuickBooks' payment methods by Ravetree's key, `deposit_accounts` its accounts by that key, or by "" for others.
    `installation` is the id that our markers bear.
    """

    ravetree: RavetreePayment | Gone | None
    quickbooks: QuickBooksPayment | Gone | None
    base: PaymentBase | None
    invoices: tuple[KnownInvoice, ...] = ()
    coming: tuple[Record, ...] = ()
    client_customer_id: str | None = None
    client_below_payer: bool = True
    payers: tuple[str, ...] = ()
    since: datetime | None = None
    requested: bool = False
    books_closed: date | None = None
    is_placeholder: bool = False
    released: bool = False
    known_then: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    was_asked: str = ""
    spent: Decimal = ZERO
    elsewhere: str = ""
    one: QuickBooksPayment | None = None
    one_id: str = ""
    twin_asked: bool = False
    twin_mute: bool = False
    twins: tuple[RavetreePayment | QuickBooksPayment, ...] = ()
    below: frozenset[str] = frozenset()
    decision: str = ""
    decided_on: str = ""
    decision_target: str = ""
    answers: tuple[Answer, ...] = ()
    marked_twin: RavetreePayment | Gone | None = None
    marked_copy_id: str | None = None
    methods: Mapping[str, str] = field(default_factory=dict)
    deposit_accounts: Mapping[str, str] = field(default_factory=dict)
    installation: str = ""


@dataclass(frozen=True)
class Facts:
    """What a payment says, in terms that both sides share. `allocations` are by QuickBooks' invoice id."""

    date: date
    amount: Decimal
    credit: Decimal
    unapplied: Decimal
    currency: str
    reference: str
    allocations: Mapping[str, Decimal] = field(default_factory=dict)
    method: str | None = field(default=None, compare=False)

    def agrees(self, other: "Facts") -> bool:
        """Whether both say the same. A method that is not mapped says nothing."""
        return self == other and (self.method is None or other.method is None or self.method == other.method)


# --- what each side says -------------------------------------------------------------------------


def ravetree_facts(
    payment: RavetreePayment, invoices: tuple[KnownInvoice, ...], methods: Mapping[str, str] | None = None
) -> Facts:
    """What Ravetree says. What it has on invoices that QuickBooks lacks is unapplied money there."""
    known = {invoice.ravetree_id: invoice.quickbooks_id for invoice in invoices}
    shares: dict[str, Decimal] = {}
    for allocation in payment.allocations:
        if allocation.invoice_id in known and allocation.amount:
            name = known[allocation.invoice_id]
            shares[name] = shares.get(name, ZERO) + allocation.amount
    rest = payment.amount + payment.credit_amount - sum(shares.values(), ZERO)
    return _facts(payment, payment.amount, rest, shares, (methods or {}).get(payment.method or ""))


def quickbooks_facts(
    payment: QuickBooksPayment,
    invoices: tuple[KnownInvoice, ...],
    methods: Mapping[str, str] | None = None,
    spent: Decimal = ZERO,
) -> Facts:
    """What QuickBooks says, as far as it is Ravetree's matter; what was `spent` elsewhere is unapplied there."""
    known = {invoice.quickbooks_id for invoice in invoices}
    shares = {name: amount for name, amount in shares_of(payment).items() if name in known}
    visible = max(ZERO, payment.amount - foreign_part(payment, invoices) + spent)
    mapped = payment.method in (methods or {}).values()
    return _facts(payment, visible, payment.unapplied + spent, shares, payment.method if mapped else None)


def _facts(
    payment: RavetreePayment | QuickBooksPayment,
    amount: Decimal,
    rest: Decimal,
    shares: Mapping[str, Decimal],
    method: str | None,
) -> Facts:
    """`rest` is what is on no invoice that both sides know: its money, and credit that is left."""
    return Facts(
        date=payment.date,
        amount=amount,
        credit=max(ZERO, sum(shares.values(), ZERO) + rest - amount),
        unapplied=rest,
        currency=payment.currency,
        reference=kept_reference(payment.reference),
        allocations=dict(shares),
        method=method,
    )


def foreign_part(payment: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]) -> Decimal:
    """Whatever is applied elsewhere: to other invoices, or to a journal entry, which is no allocation here."""
    known = {invoice.quickbooks_id for invoice in invoices}
    shares = sum((a.amount for a in payment.allocations if a.invoice_id in known), ZERO)
    return max(ZERO, payment.amount + payment.credit - payment.unapplied - shares)


def shares_of(payment: QuickBooksPayment) -> dict[str, Decimal]:
    """What of it settles each invoice, by Id."""
    shares: dict[str, Decimal] = {}
    for allocation in payment.allocations:
        if allocation.amount:
            shares[allocation.invoice_id] = shares.get(allocation.invoice_id, ZERO) + allocation.amount
    return shares


def kept_reference(reference: str) -> str:
    """A reference as QuickBooks keeps it."""
    return reference[:REFERENCE_LIMIT].strip()


def with_shares(
    payment: QuickBooksPayment, shares: Mapping[str, Decimal], unapplied: Decimal, payer: str = ""
) -> PaymentContent:
    """A payment of QuickBooks' as it is, applied to invoices by their Ids otherwise; of `payer` where one is named."""
    return PaymentContent(
        party_id=payer or payment.customer_id,
        date=payment.date,
        amount=payment.amount,
        credit=payment.credit,
        unapplied=unapplied,
        currency=payment.currency,
        reference=payment.reference,
        marker=payment.note,
        allocations=tuple(Allocation(key, amount) for key, amount in sorted(shares.items())),
        method=payment.method,
    )


def is_tied(payment: QuickBooksPayment, below: Container[str]) -> bool:
    """Whether only a person can apply it: it is deposited, or of a project (in `below`) and on more than invoices."""
    return payment.deposited or (payment.id in below and bool(payment.others))


# --- what was spent elsewhere --------------------------------------------------------------------


def spent_elsewhere(case: PaymentCase) -> Decimal:
    """What of Ravetree's unapplied money QuickBooks applied to documents that Ravetree lacks, by now."""
    theirs = case.quickbooks
    if case.base is None or not isinstance(theirs, QuickBooksPayment):
        return ZERO
    return spent_since(case.base.quickbooks, theirs, case.invoices, case.spent)


def spent_since(
    then: QuickBooksPayment, now: QuickBooksPayment, invoices: tuple[KnownInvoice, ...], spent: Decimal
) -> Decimal:
    """The same from two states of QuickBooks' payment: `spent` is what was so at the first of them.

    What a bookkeeper added to the payment's total is a bookkeeper's money, and no part of it.
    """
    foreign = foreign_part(now, invoices)
    grown = foreign - foreign_part(then, invoices) - max(ZERO, now.amount - then.amount)
    return min(spent + max(ZERO, grown), foreign)


# --- over an accepted difference -----------------------------------------------------------------


def within(facts: Facts, room: Mapping[KnownInvoice, Decimal], where: Side) -> Facts:
    """What one side says, for the other one, where an invoice is less by what a person accepted.

    Its share there is what is open, and the rest stays unapplied: at most the accepted difference.
    """
    shares, unapplied = dict(facts.allocations), facts.unapplied
    for invoice, most in room.items():
        over = shares.get(invoice.quickbooks_id, ZERO) - most
        less = -invoice.accepted if where is Side.QUICKBOOKS else invoice.accepted
        if ZERO < over <= less:
            unapplied += over
            shares = {name: part for name, part in (shares | {invoice.quickbooks_id: most}).items() if part}
    return replace(facts, allocations=shares, unapplied=unapplied)


def agree(mine: Facts, other: Facts, invoices: tuple[KnownInvoice, ...]) -> bool:
    """Whether Ravetree and QuickBooks say the same, where totals differ as a person accepted."""
    taken = {i: other.allocations.get(i.quickbooks_id, ZERO) for i in invoices if i.accepted < ZERO}
    given = {i: mine.allocations.get(i.quickbooks_id, ZERO) for i in invoices if i.accepted > ZERO}
    return within(mine, taken, Side.QUICKBOOKS).agrees(within(other, given, Side.RAVETREE))
