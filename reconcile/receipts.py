"""One receipt that may have been typed on both sides: when it is asked about, and what each answer does."""

from datetime import timedelta
from decimal import Decimal

from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.model import (
    ZERO,
    Adopt,
    Answer,
    PaymentContent,
    Plan,
    QuickBooksPayment,
    RavetreePayment,
    Side,
    held,
    money,
    write,
)
from reconcile.payment_facts import (
    KnownInvoice,
    PaymentCase,
    is_tied,
    quickbooks_facts,
    ravetree_facts,
    shares_of,
    with_shares,
)
from reconcile.questions import says

ONE_OR_TWO = "one_or_two_payments"
"""The code of the question."""

SAME_RECEIPT_DAYS = 7
"""Two payments of one amount on one invoice this close together may be one receipt typed twice."""


def same_receipt(
    ours: RavetreePayment, theirs: QuickBooksPayment, invoices: tuple[KnownInvoice, ...], *, same_payer: bool = False
) -> bool:
    """Whether two payments may be one receipt that was typed on both sides.

    `same_payer`: QuickBooks' customer is the client's, its parent or a project of it.
    """
    mine, other = ravetree_facts(ours, invoices), quickbooks_facts(theirs, invoices)
    if ours.voided or theirs.voided or mine.currency != other.currency:
        return False
    if abs(mine.date - other.date) > timedelta(days=SAME_RECEIPT_DAYS):
        return False
    if mine.allocations.keys() & other.allocations.keys():
        return mine.amount == other.amount and mine.credit == other.credit
    if not same_payer or theirs.unapplied <= ZERO or ours.amount == ZERO:
        return False
    on_invoices = sum(mine.allocations.values(), ZERO) or ours.amount
    return (
        theirs.unapplied == on_invoices
        or theirs.amount == ours.amount
        or (_is_telling(mine.reference) and mine.reference == other.reference and theirs.unapplied >= ours.amount)
    )


def _is_telling(reference: str) -> bool:
    """Whether a reference says which receipt it is: at least four characters, one of them a digit."""
    return len(reference) >= 4 and any(character.isdigit() for character in reference)


def one_or_two(case: PaymentCase, payment: RavetreePayment) -> Plan:
    """Ask whether a payment of QuickBooks' is this receipt, or carry out what was said."""
    twins = [twin for twin in case.twins if isinstance(twin, QuickBooksPayment)]
    named = [twin for twin in twins if case.decision_target in ("", twin.id)]
    if says(case, ONE_OR_TWO, Decision.TWO):
        first, *others = (Answer(ONE_OR_TWO, Decision.TWO, twin.id) for twin in named or twins)
        return Plan(remember=first, and_remember=tuple(others))
    fixed = _cannot_go(case)
    meant = named[0] if len(named) == 1 else twins[0]
    tied = meant if _is_tied(case, payment, meant) else None
    if says(case, ONE_OR_TWO, Decision.ONE) and len(named) == 1 and not (fixed or tied):
        return Plan(remember=Answer(ONE_OR_TWO, Decision.ONE, meant.id))
    number = f" on invoice {case.invoices[0].number}" if case.invoices else ""
    there = f"payment Id {twins[0].id}" + (f" (and {len(twins) - 1} more)" if len(twins) > 1 else "")
    got = money(payment.amount, payment.currency)
    cause = f"Ravetree got {got}{number}, QuickBooks {money(twins[0].amount, twins[0].currency)}, {there}: one or two?"
    if fixed:
        remedy = f"If it is one receipt, delete QuickBooks' payment Id {fixed} by hand; if there are two, decide `two`."
        return held(ONE_OR_TWO, cause, remedy, Decision.TWO)
    several = len(twins) > 1
    if tied:
        remedy = f"If it is one receipt, apply payment Id {tied.id} in QuickBooks by hand; if two, decide `two`."
        return held(ONE_OR_TWO, cause, remedy, *([Decision.ONE] if several else []), Decision.TWO, several=several)
    moves = " (it moves to the invoice's customer)" if twins[0].id in case.below else " or delete it on one side"
    return held(
        ONE_OR_TWO,
        cause,
        f"If it is one receipt, decide `one`{moves}; if there are two, decide `two`.",
        Decision.ONE,
        Decision.TWO,
        several=several,
    )


def one_or_two_here(case: PaymentCase, payment: QuickBooksPayment) -> Plan:
    """The same question of a payment of QuickBooks', whose twin was taken apart and asks nothing."""
    if says(case, ONE_OR_TWO, Decision.TWO):
        return Plan(remember=Answer(ONE_OR_TWO, Decision.TWO, case.twins[0].id))
    return held(
        ONE_OR_TWO,
        f"QuickBooks got {money(payment.amount, payment.currency)}, payment Id {payment.id}; Ravetree has such a "
        "payment that was taken apart from any sync: one or two?",
        "If it is one receipt, decide `unlink`; if there are two, decide `two`.",
        Decision.TWO,
        Decision.UNLINK,
    )


def _cannot_go(case: PaymentCase) -> str:
    """The Id of our copy, if it is deposited or lies in a closed period."""
    copy = case.quickbooks if case.base is not None else None
    if not isinstance(copy, QuickBooksPayment) or copy.voided:
        return ""
    closed = case.books_closed is not None and copy.date <= case.books_closed
    return copy.id if copy.deposited or closed else ""


def _is_tied(case: PaymentCase, payment: RavetreePayment, twin: QuickBooksPayment) -> bool:
    """Whether it would have to be applied for `one`, and only a person can do that."""
    return is_tied(twin, case.below) and twin.unapplied > ZERO and bool(_missing(case, payment, twin))


def plan_one_receipt(case: PaymentCase) -> Plan | None:
    """What was said to be one: our copy goes, theirs is applied to the invoices, and the two are paired."""
    one, payment = case.one, case.ravetree
    if not isinstance(payment, RavetreePayment) or payment.voided:
        return None
    copy = case.quickbooks if case.base is not None else None
    if one is None or one.voided:
        # Our copy made room for one that is gone by now: Ravetree's receipt is written anew, and not deleted after it.
        made_room = case.one_id and case.base is not None and case.base.quickbooks.id != case.one_id
        gone = not isinstance(copy, QuickBooksPayment) or copy.voided
        return Plan(unpair=True) if made_room and gone else None
    if isinstance(copy, QuickBooksPayment) and copy.id == one.id:
        return None
    if isinstance(copy, QuickBooksPayment) and not copy.voided:
        return write(Side.QUICKBOOKS, Action.PAYMENT_DELETE, copy.id, copy.sync_token)
    content = _applied(case, payment, one)
    if content is None:
        return Plan(adopt=Adopt(payment.id, one.id, takes_theirs=True))
    return write(Side.QUICKBOOKS, Action.PAYMENT_APPLY, one.id, one.sync_token, content)


def _applied(case: PaymentCase, payment: RavetreePayment, one: QuickBooksPayment) -> PaymentContent | None:
    """QuickBooks' payment on Ravetree's invoices, as far as it goes; None where it is on them."""
    left, shares, missing = one.unapplied, shares_of(one), _missing(case, payment, one)
    for invoice in case.invoices:
        share = min(missing.get(invoice.quickbooks_id, ZERO), left, invoice.quickbooks.balance)
        if share > ZERO:
            shares[invoice.quickbooks_id] = shares.get(invoice.quickbooks_id, ZERO) + share
            left -= share
    payer = case.payers[0] if one.id in case.below else one.customer_id
    return with_shares(one, shares, left, payer) if left != one.unapplied else None


def _missing(case: PaymentCase, payment: RavetreePayment, one: QuickBooksPayment) -> dict[str, Decimal]:
    """By how much Ravetree's payment has more on invoices, by QuickBooks' Id."""
    there = quickbooks_facts(one, case.invoices).allocations
    wanted = ravetree_facts(payment, case.invoices).allocations
    return {name: amount - there.get(name, ZERO) for name, amount in wanted.items() if amount > there.get(name, ZERO)}
