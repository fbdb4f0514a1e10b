"""Payments: entered on either side, on both once. Neither side is the master; see the table in docs/rules.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.markers import marked_payment, marked_placeholder, payment_marker
from reconcile.model import (
    NOTHING,
    ZERO,
    Adopt,
    Allocation,
    Answer,
    Gone,
    Kind,
    PaymentContent,
    Plan,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreePayment,
    Record,
    Side,
    held,
    money,
    parked,
    write,
)
from reconcile.questions import answered, says

REFERENCE_LIMIT = 21
"""Characters that QuickBooks keeps of a payment's reference number."""

ONE_OR_TWO, SEVERAL_PAYERS = "one_or_two_payments", "several_payers"
SHARED, FELL = "removed_here_shared_there", "share_fell_with_total"
EDITED_THERE, EDITED_HERE = "removed_here_edited_there", "removed_there_edited_here"
EDITED_TWICE = "edited_on_both_sides"
_SAME_RECEIPT_WAITS = "Waits for the question whether it is the receipt that Ravetree has."

SAME_RECEIPT_DAYS = 7
"""Two payments of one amount on one invoice this close together may be one receipt typed twice."""


@dataclass(frozen=True)
class PaymentBase:
    """What a paired payment looked like on both sides when they last agreed."""

    ravetree: RavetreePayment
    quickbooks: QuickBooksPayment


@dataclass(frozen=True)
class KnownInvoice:
    """An invoice that stands in both books.

    `open_here` and `total_here` are Ravetree's now, None while not asked. `placeholder_changed`: a bookkeeper edited
    the payment that stands for its mark as paid, and a person is asked what it is. `ended_here`: void or deleted in
    Ravetree, and not in QuickBooks. `accepted` is by how much
    QuickBooks' total is more than Ravetree's, as a person decided.
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
    ended_here: bool = False
    accepted: Decimal = ZERO


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
    money. `known_then` are QuickBooks' invoices that both sides knew when it was last written, `spent` is what of
    Ravetree's unapplied money QuickBooks had applied to documents that Ravetree lacks by then; `elsewhere` names them
    now. `twin_mute` says that the first of the twins was taken apart from any sync and asks nothing.
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
    spent: Decimal = ZERO
    elsewhere: str = ""
    one: QuickBooksPayment | None = None
    one_id: str = ""
    twin_asked: bool = False
    twin_mute: bool = False
    twins: tuple[RavetreePayment | QuickBooksPayment, ...] = ()
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


def plan(case: PaymentCase) -> Plan:
    """The next step for one payment."""
    if case.decision == Decision.UNLINK:
        return Plan(ignored="taken apart by a person")
    if (step := _plan_one_receipt(case)) is not None:
        return step
    if case.base is not None:
        found = _plan_paired(case, case.base)
        return replace(found, notices=_notices(case)) if found.is_at_rest else found
    if isinstance(case.quickbooks, QuickBooksPayment):
        return _plan_new_in_quickbooks(case, case.quickbooks)
    if isinstance(case.ravetree, RavetreePayment):
        return _plan_new_in_ravetree(case, case.ravetree)
    return NOTHING


# --- new -----------------------------------------------------------------------------------------


def _plan_new_in_quickbooks(case: PaymentCase, payment: QuickBooksPayment) -> Plan:
    if payment.voided:
        return NOTHING
    if case.is_placeholder or (marked_placeholder(payment.note) and not case.released):
        return Plan(ignored="placeholder for an invoice marked as paid")
    if marked_payment(payment.note) and isinstance(case.marked_twin, RavetreePayment):
        return Plan(adopt=Adopt(case.marked_twin.id, payment.id))
    if payment.is_credit_link and case.twins:
        # Credit that was applied here first and then made good there: no money moves, so there is nothing to ask.
        return Plan(adopt=Adopt(case.twins[0].id, payment.id))
    if case.twins:
        # Ravetree's payment asks which it is: one question for both.
        if case.twin_mute:
            return _one_or_two_here(case, payment)
        asking = Record(Side.RAVETREE, Kind.PAYMENT, case.twins[0].id)
        look_at = () if case.twin_asked else (asking,)
        return Plan(look_at=look_at, waits_for=asking, waits_because=_SAME_RECEIPT_WAITS)
    if not case.invoices:
        return Plan(ignored="over no known invoice")
    facts = quickbooks_facts(payment, case.invoices, case.methods)
    if payment.is_credit_link and not facts.allocations:
        return Plan(ignored="links a credit to no known invoice")
    facts = _within(facts, {i: i.open_here for i in case.invoices if i.open_here is not None}, Side.RAVETREE)
    for invoice in case.invoices:
        share = facts.allocations.get(invoice.quickbooks_id, ZERO)
        if share > ZERO and invoice.ended_here:
            ended = Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id)
            return Plan(waits_for=ended, waits_because="Waits for the question about its invoice.", look_at=(ended,))
        if invoice.open_here is not None and share > invoice.open_here:
            return _more_than_open(invoice, facts, Side.QUICKBOOKS, invoice.open_here)
    content = _for_ravetree(facts, case)
    return write(Side.RAVETREE, Action.PAYMENT_CREATE, content=content)


def _plan_new_in_ravetree(case: PaymentCase, payment: RavetreePayment) -> Plan:
    if payment.voided:
        return NOTHING
    if case.marked_copy_id is not None:
        return Plan(adopt=Adopt(payment.id, case.marked_copy_id))
    if case.coming:
        return Plan(waits_for=case.coming[0])
    if not case.invoices and payment.allocations:
        return Plan(ignored="over no known invoice")
    if payment.amount == ZERO and case.twins:
        return Plan(adopt=Adopt(payment.id, case.twins[0].id))
    if payment.amount == ZERO and not case.invoices:
        return Plan(ignored="applies credit to no known invoice")
    if not case.invoices and (plan := _plan_advance(case, payment)) is not None:
        return plan
    if case.twins:
        return _one_or_two(case, payment)
    if payment.credit_amount > ZERO:
        return parked(
            "credit_only_in_ravetree",
            f"Credit of {money(payment.credit_amount, payment.currency)} was applied to invoice "
            f"{case.invoices[0].number if case.invoices else '?'} in Ravetree; QuickBooks knows of no such credit.",
            "Make a credit memo in QuickBooks and apply it to the invoice.",
        )
    facts = ravetree_facts(payment, case.invoices, case.methods)
    for invoice in case.invoices:
        if step := _with_placeholder(case, payment, facts, invoice):
            return step
    facts = _within(facts, {i: i.quickbooks.balance for i in case.invoices}, Side.QUICKBOOKS)
    for invoice in case.invoices:
        share = facts.allocations.get(invoice.quickbooks_id, ZERO)
        if share > invoice.quickbooks.balance:
            return _more_than_open(invoice, facts, Side.RAVETREE, invoice.quickbooks.balance)
    if case.invoices and not case.payers:
        return _several_payers(case, payment)
    return write(Side.QUICKBOOKS, Action.PAYMENT_CREATE, content=_for_quickbooks(facts, case, payment.id))


def _plan_advance(case: PaymentCase, payment: RavetreePayment) -> Plan | None:
    """Money that is on no invoice goes when its client is a customer; what is older than the switch-on if asked for."""
    older = case.since is not None and payment.created_at is not None and payment.created_at < case.since
    if older and not case.requested:
        return Plan(ignored="older than the switch-on")
    if case.client_customer_id is None:
        client = Record(Side.RAVETREE, Kind.CONTACT, payment.client_id)
        return Plan(waits_for=client, waits_because="Waits until its client is in QuickBooks.")
    return None


def _several_payers(case: PaymentCase, payment: RavetreePayment) -> Plan:
    if answered(case, SEVERAL_PAYERS) is not None:
        return Plan(ignored="left in Ravetree alone")
    if says(case, SEVERAL_PAYERS, Decision.LEAVE):
        return Plan(remember=Answer(SEVERAL_PAYERS, Decision.LEAVE))
    numbers = ", ".join(invoice.number for invoice in case.invoices)
    return held(
        SEVERAL_PAYERS,
        f"A payment of {money(payment.amount, payment.currency)} is on invoices {numbers} of several clients; no one "
        "customer can pay them in QuickBooks.",
        "Enter one payment for each client in Ravetree, or decide `leave`.",
        Decision.LEAVE,
    )


def _with_placeholder(case: PaymentCase, payment: RavetreePayment, facts: Facts, invoice: KnownInvoice) -> Plan | None:
    """A real payment takes the place of the placeholder, or waits until that has made room."""
    placeholder = invoice.placeholder
    if placeholder is None:
        return None
    if invoice.placeholder_changed:
        record = Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id)
        return Plan(waits_for=record, waits_because="Waits for the question what the payment for the mark as paid is.")
    if placeholder.deposited:
        if payment.amount == placeholder.amount:
            return Plan(adopt=Adopt(payment.id, placeholder.id))
        return held(
            "placeholder_deposited",
            f"Invoice {invoice.number} was marked as paid and its payment of "
            f"{money(placeholder.amount, placeholder.currency)} is deposited in QuickBooks; Ravetree got "
            f"{money(payment.amount, payment.currency)}.",
            "Correct the payment in Ravetree or the deposit in QuickBooks.",
        )
    alone = facts.allocations.keys() == {invoice.quickbooks_id}
    if alone and invoice.marked_open == ZERO and payment.amount == placeholder.amount:
        content = _for_quickbooks(facts, case, payment.id, placeholder)
        return write(Side.QUICKBOOKS, Action.PAYMENT_TAKE_PLACEHOLDER, placeholder.id, placeholder.sync_token, content)
    if placeholder.amount > invoice.marked_open:
        # The invoice's own plan takes the placeholder down to what is still only marked as paid.
        return Plan(
            look_at=(Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id),),
            waits_for=Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id),
        )
    return None


def _more_than_open(invoice: KnownInvoice, facts: Facts, got_in: Side, open_elsewhere: Decimal) -> Plan:
    share = facts.allocations[invoice.quickbooks_id]
    deposit = invoice.quickbooks.deposit if got_in is Side.RAVETREE else ZERO
    form = f" (a deposit of {money(deposit, facts.currency)} stands on its form)" if deposit else ""
    here, there = ("Ravetree", "QuickBooks") if got_in is Side.RAVETREE else ("QuickBooks", "Ravetree")
    return held(
        "more_than_open",
        f"{money(share, facts.currency)} were received on invoice {invoice.number} in {here}; {there} "
        f"has only {money(open_elsewhere, facts.currency)} open on it{form}.",
        f"See whether {there} has this payment already; then press retry.",
    )


def _one_or_two(case: PaymentCase, payment: RavetreePayment) -> Plan:
    """Ask whether a payment of QuickBooks' is this receipt, or carry out what was said."""
    twins = [twin for twin in case.twins if isinstance(twin, QuickBooksPayment)]
    named = [twin for twin in twins if case.decision_target in ("", twin.id)]
    if says(case, ONE_OR_TWO, Decision.TWO):
        first, *others = (Answer(ONE_OR_TWO, Decision.TWO, twin.id) for twin in named or twins)
        return Plan(remember=first, and_remember=tuple(others))
    fixed = _cannot_go(case)
    if says(case, ONE_OR_TWO, Decision.ONE) and len(named) == 1 and not fixed:
        return Plan(remember=Answer(ONE_OR_TWO, Decision.ONE, named[0].id))
    number = f" on invoice {case.invoices[0].number}" if case.invoices else ""
    there = f"payment Id {twins[0].id}" + (f" (and {len(twins) - 1} more)" if len(twins) > 1 else "")
    got = money(payment.amount, payment.currency)
    cause = f"Ravetree got {got}{number}, QuickBooks {money(twins[0].amount, twins[0].currency)}, {there}: one or two?"
    if fixed:
        remedy = f"If it is one receipt, delete QuickBooks' payment Id {fixed} by hand; if there are two, decide `two`."
        return held(ONE_OR_TWO, cause, remedy, Decision.TWO)
    return held(
        ONE_OR_TWO,
        cause,
        "If it is one receipt, decide `one` or delete it on one side; if there are two, decide `two`.",
        Decision.ONE,
        Decision.TWO,
        several=len(twins) > 1,
    )


def _one_or_two_here(case: PaymentCase, payment: QuickBooksPayment) -> Plan:
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


def _plan_one_receipt(case: PaymentCase) -> Plan | None:
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
    theirs, left, shares = quickbooks_facts(one, case.invoices), one.unapplied, dict(_by_invoice(one))
    for invoice in case.invoices:
        wanted = ravetree_facts(payment, case.invoices).allocations.get(invoice.quickbooks_id, ZERO)
        missing = wanted - theirs.allocations.get(invoice.quickbooks_id, ZERO)
        share = min(missing, left, invoice.quickbooks.balance)
        if share > ZERO:
            shares[invoice.quickbooks_id] = shares.get(invoice.quickbooks_id, ZERO) + share
            left -= share
    if left == one.unapplied:
        return Plan(adopt=Adopt(payment.id, one.id, takes_theirs=True))
    content = PaymentContent(
        party_id=one.customer_id,
        date=one.date,
        amount=one.amount,
        credit=one.credit,
        unapplied=left,
        currency=one.currency,
        reference=one.reference,
        marker=one.note,
        allocations=tuple(Allocation(key, amount) for key, amount in sorted(shares.items())),
        method=one.method,
    )
    return write(Side.QUICKBOOKS, Action.PAYMENT_APPLY, one.id, one.sync_token, content)


def _by_invoice(payment: QuickBooksPayment) -> dict[str, Decimal]:
    shares: dict[str, Decimal] = {}
    for allocation in payment.allocations:
        shares[allocation.invoice_id] = shares.get(allocation.invoice_id, ZERO) + allocation.amount
    return shares


# --- paired --------------------------------------------------------------------------------------


def _plan_paired(case: PaymentCase, base: PaymentBase) -> Plan:
    ours, theirs = case.ravetree, case.quickbooks
    ravetree_gone = ours is None or isinstance(ours, Gone) or ours.voided
    quickbooks_gone = theirs is None or isinstance(theirs, Gone) or theirs.voided
    if ravetree_gone and quickbooks_gone:
        return NOTHING
    if isinstance(theirs, QuickBooksPayment) and ravetree_gone:
        return _plan_removed_in_ravetree(case, base, theirs)
    if isinstance(ours, RavetreePayment) and quickbooks_gone:
        return _plan_removed_in_quickbooks(case, base, ours)
    if not isinstance(ours, RavetreePayment) or not isinstance(theirs, QuickBooksPayment):
        raise ValueError("a paired payment is planned with both sides' records")
    return _plan_edited(case, base, ours, theirs)


def _plan_removed_in_ravetree(case: PaymentCase, base: PaymentBase, theirs: QuickBooksPayment) -> Plan:
    if _is_taken_out(base.quickbooks, case.invoices):
        return Plan(ignored="what is left of it in QuickBooks is a bookkeeper's")
    edited = quickbooks_facts(theirs, case.invoices) != quickbooks_facts(base.quickbooks, case.invoices)
    if edited and says(case, EDITED_THERE, Decision.QUICKBOOKS):
        return Plan(unpair=True)
    if edited and not says(case, EDITED_THERE, Decision.RAVETREE):
        return held(
            EDITED_THERE,
            f"A payment of {money(base.ravetree.amount, base.ravetree.currency)} was deleted in Ravetree and "
            "edited in QuickBooks.",
            "Decide `ravetree` to delete it there too, or `quickbooks` to have it again here.",
            Decision.RAVETREE,
            Decision.QUICKBOOKS,
        )
    return _plan_taking_out(case, base, theirs)


def _is_taken_out(payment: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]) -> bool:
    """Whether nothing of it is Ravetree's: all of it is on documents that Ravetree lacks."""
    return payment.amount > ZERO and _foreign(payment, invoices) >= payment.amount and payment.unapplied == ZERO


def _plan_taking_out(case: PaymentCase, base: PaymentBase, theirs: QuickBooksPayment) -> Plan:
    """Ravetree's part of it goes: what a bookkeeper applied to other documents stays where it is."""
    if answered(case, SHARED) is not None:
        return Plan(ignored="left as it is in QuickBooks")
    if says(case, SHARED, Decision.LEAVE):
        return Plan(remember=Answer(SHARED, Decision.LEAVE))
    known = {invoice.quickbooks_id for invoice in case.invoices}
    foreign = tuple(a for a in theirs.allocations if a.invoice_id not in known and a.amount)
    closed = case.books_closed is not None and theirs.date <= case.books_closed
    rest = sum((a.amount for a in foreign), ZERO)
    mixed = bool(foreign) and (theirs.credit > ZERO or bool(theirs.others))
    if theirs.deposited or closed or mixed or (theirs.others and not foreign):
        where = "deposited" if theirs.deposited else "in a closed period" if closed else "applied to other records too"
        return held(
            SHARED,
            f"A payment of {money(base.ravetree.amount, base.ravetree.currency)} was deleted in Ravetree; in "
            f"QuickBooks it is {where} (Id {theirs.id}).",
            "Take it out in QuickBooks by hand, or decide `leave`.",
            Decision.LEAVE,
        )
    if not foreign:
        return write(Side.QUICKBOOKS, Action.PAYMENT_DELETE, theirs.id, theirs.sync_token)
    content = PaymentContent(
        party_id=theirs.customer_id,
        date=theirs.date,
        amount=rest,
        credit=ZERO,
        unapplied=ZERO,
        currency=theirs.currency,
        reference=theirs.reference,
        marker="" if marked_payment(theirs.note) else theirs.note,
        allocations=foreign,
        method=theirs.method,
    )
    return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)


def _plan_removed_in_quickbooks(case: PaymentCase, base: PaymentBase, ours: RavetreePayment) -> Plan:
    edited = ravetree_facts(ours, case.invoices) != ravetree_facts(base.ravetree, case.invoices)
    if edited and says(case, EDITED_HERE, Decision.RAVETREE):
        return Plan(unpair=True)
    if edited and not says(case, EDITED_HERE, Decision.QUICKBOOKS):
        return held(
            EDITED_HERE,
            f"A payment of {money(ours.amount, ours.currency)} was deleted in QuickBooks and edited in Ravetree.",
            "Decide `quickbooks` to delete it here too, or `ravetree` to have it again there.",
            Decision.QUICKBOOKS,
            Decision.RAVETREE,
        )
    return write(Side.RAVETREE, Action.PAYMENT_DELETE, ours.id, ours.version)


def _plan_edited(case: PaymentCase, base: PaymentBase, ours: RavetreePayment, theirs: QuickBooksPayment) -> Plan:
    mine = ravetree_facts(ours, case.invoices, case.methods)
    other = quickbooks_facts(theirs, case.invoices, case.methods, spent_elsewhere(case))
    if case.twins:
        return _one_or_two(case, ours)
    moved = ours.client_id != base.ravetree.client_id and not case.client_below_payer
    if agree(mine, other, case.invoices) and not moved:
        return NOTHING
    before = ravetree_facts(base.ravetree, case.invoices, case.methods)
    mine_changed = moved or not mine.agrees(before)
    other_changed = not other.agrees(quickbooks_facts(base.quickbooks, case.invoices, case.methods, case.spent))
    if mine_changed and other_changed and not says(case, EDITED_TWICE, Decision.RAVETREE, Decision.QUICKBOOKS):
        return held(
            EDITED_TWICE,
            f"A payment was changed on both sides: {_spell(mine)} in Ravetree, {_spell(other)} in QuickBooks.",
            "Decide `ravetree` or `quickbooks`, or set one side to what is right.",
            Decision.RAVETREE,
            Decision.QUICKBOOKS,
        )
    if mine_changed and not (other_changed and says(case, EDITED_TWICE, Decision.QUICKBOOKS)):
        if case.coming:
            return Plan(waits_for=case.coming[0])
        if mine.credit not in (before.credit, other.credit):
            return _credit_changed(case, mine, other)
        if (question := _may_not_go(case, ours, theirs, mine, moved=moved)) is not None:
            return question
        # What it pays itself is open for it again.
        room = {i: i.quickbooks.balance + other.allocations.get(i.quickbooks_id, ZERO) for i in case.invoices}
        content = _for_quickbooks(_within(mine, room, Side.QUICKBOOKS), case, ours.id, theirs)
        return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)
    if other_changed:
        if (question := _fell_with_the_total(case, mine, other)) is not None:
            return question
        room = {
            i: i.open_here + mine.allocations.get(i.quickbooks_id, ZERO)
            for i in case.invoices
            if i.open_here is not None
        }
        content = _for_ravetree(_within(other, room, Side.RAVETREE), case, ours)
        return write(Side.RAVETREE, Action.PAYMENT_UPDATE, ours.id, ours.version, content)
    return _plan_newly_known(case, ours, theirs) or _plan_difference_after_write(mine, other)


def _may_not_go(
    case: PaymentCase, ours: RavetreePayment, theirs: QuickBooksPayment, mine: Facts, *, moved: bool
) -> Plan | None:
    """Why Ravetree's edit cannot be written by itself."""
    foreign = _foreign(theirs, case.invoices)
    if moved and case.client_customer_id is None:
        client = Record(Side.RAVETREE, Kind.CONTACT, ours.client_id)
        return Plan(waits_for=client, waits_because="Waits until its client is in QuickBooks.")
    if moved and (foreign or theirs.deposited or theirs.currency != ours.currency):
        return held(
            "client_of_payment_changed",
            f"A payment of {_spell(mine)} got another client in Ravetree; in QuickBooks it is "
            f"{'deposited' if theirs.deposited else 'applied to other records too'} (Id {theirs.id}).",
            "Set the client back in Ravetree, or take it apart in QuickBooks and press retry.",
        )
    spent = spent_elsewhere(case)
    if spent > ZERO and mine.unapplied < spent:
        return held(
            "spent_elsewhere",
            f"A payment of {_spell(mine)} was applied in Ravetree; in QuickBooks {money(spent, mine.currency)} of it "
            f"are on {case.elsewhere or 'a record that Ravetree lacks'}.",
            "Take it off there in QuickBooks, or undo it in Ravetree.",
        )
    if mine.allocations and not case.payers:
        return _several_payers(case, ours)
    return None


def _fell_with_the_total(case: PaymentCase, mine: Facts, other: Facts) -> Plan | None:
    """A share that fell only because QuickBooks' total was lowered is nobody's word about the payment."""
    for invoice in case.invoices:
        had, has = (facts.allocations.get(invoice.quickbooks_id, ZERO) for facts in (mine, other))
        lowered = invoice.total_here is not None and invoice.quickbooks.total < invoice.total_here
        lowered = lowered and not invoice.quickbooks.voided
        if not lowered or has >= had or invoice.quickbooks.balance > ZERO or mine.amount != other.amount:
            continue
        if says(case, FELL, Decision.QUICKBOOKS):
            return None
        there = money(invoice.quickbooks.total, mine.currency)
        return held(
            FELL,
            f"Invoice {invoice.number} was lowered to {there} in QuickBooks, and its payment of "
            f"{money(had, mine.currency)} with it.",
            "Set the total right on one side, or decide `quickbooks` to have the payment so in Ravetree.",
            Decision.QUICKBOOKS,
        )
    return None


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
    foreign = _foreign(now, invoices)
    grown = foreign - _foreign(then, invoices) - max(ZERO, now.amount - then.amount)
    return min(spent + max(ZERO, grown), foreign)


def _notices(case: PaymentCase) -> tuple[str, ...]:
    spent = spent_elsewhere(case)
    if spent == ZERO or not isinstance(case.quickbooks, QuickBooksPayment):
        return ()
    where = case.elsewhere or "a record that Ravetree lacks"
    return (f"QuickBooks has applied {money(spent, case.quickbooks.currency)} of it to {where}.",)


def _credit_changed(case: PaymentCase, mine: Facts, other: Facts) -> Plan:
    """Credit comes from a memo there: the payment that applies it cannot make or take any."""
    number = case.invoices[0].number if case.invoices else "?"
    return parked(
        "credit_changed_in_ravetree",
        f"Credit of {money(mine.credit, mine.currency)} is applied to invoice {number} in Ravetree, "
        f"{money(other.credit, other.currency)} in QuickBooks.",
        "Apply the same credit from a credit memo in QuickBooks, or set it back.",
    )


def _plan_newly_known(case: PaymentCase, ours: RavetreePayment, theirs: QuickBooksPayment) -> Plan | None:
    """An invoice that only one side's payment names has got its partner since: its share is copied."""
    spent = spent_elsewhere(case)
    mine, other = ravetree_facts(ours, case.invoices), quickbooks_facts(theirs, case.invoices, spent=spent)
    here, there = (
        tuple(i for i in case.invoices if i.quickbooks_id in one.allocations and i.quickbooks_id not in two.allocations)
        for one, two in ((mine, other), (other, mine))
    )
    if any(invoice.quickbooks_id in case.known_then for invoice in here):
        return None
    before = tuple(invoice for invoice in case.invoices if invoice not in here + there)
    if bool(here) is bool(there) or ravetree_facts(ours, before) != quickbooks_facts(theirs, before, spent=spent):
        return None
    if case.coming:
        return Plan(waits_for=case.coming[0])
    for invoice in here:
        if mine.allocations[invoice.quickbooks_id] > invoice.quickbooks.balance:
            return _more_than_open(invoice, mine, Side.RAVETREE, invoice.quickbooks.balance)
    for invoice in there:
        if invoice.open_here is not None and other.allocations[invoice.quickbooks_id] > invoice.open_here:
            return _more_than_open(invoice, other, Side.QUICKBOOKS, invoice.open_here)
    if here:
        if mine.credit != other.credit:
            return _credit_changed(case, mine, other)
        if (question := _may_not_go(case, ours, theirs, mine, moved=False)) is not None:
            return question
        facts = ravetree_facts(ours, case.invoices, case.methods)
        content = _for_quickbooks(facts, case, ours.id, theirs)
        return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)
    facts = quickbooks_facts(theirs, case.invoices, case.methods)
    return write(Side.RAVETREE, Action.PAYMENT_UPDATE, ours.id, ours.version, _for_ravetree(facts, case, ours))


def _plan_difference_after_write(mine: Facts, other: Facts) -> Plan:
    """Nobody edited it and yet it differs: QuickBooks applied the money otherwise than we said.

    It does so when the invoice was paid already, so this may be one receipt that stands there twice.
    """
    if mine.amount == other.amount and mine.allocations == other.allocations:
        return NOTHING
    return held(
        "possible_double_payment",
        f"QuickBooks applied a payment of {money(mine.amount, mine.currency)} otherwise than Ravetree: "
        f"{money(other.unapplied, other.currency)} of it are unapplied.",
        "See whether this payment stands twice in QuickBooks, and remove one.",
    )


def _spell(facts: Facts) -> str:
    return f"{money(facts.amount, facts.currency)} on {facts.date.isoformat()}"


# --- over an accepted difference -------------------------------------------------------------------


def _within(facts: Facts, room: Mapping[KnownInvoice, Decimal], where: Side) -> Facts:
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
    return _within(mine, taken, Side.QUICKBOOKS).agrees(_within(other, given, Side.RAVETREE))


# --- facts ---------------------------------------------------------------------------------------


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
    shares = {name: amount for name, amount in _by_invoice(payment).items() if name in known and amount}
    visible = max(ZERO, payment.amount - _foreign(payment, invoices) + spent)
    mapped = payment.method in (methods or {}).values()
    return _facts(payment, visible, payment.unapplied + spent, shares, payment.method if mapped else None)


def _foreign(payment: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]) -> Decimal:
    """Whatever is applied elsewhere: to other invoices, or to a journal entry, which is no allocation here."""
    known = {invoice.quickbooks_id for invoice in invoices}
    shares = sum((a.amount for a in payment.allocations if a.invoice_id in known), ZERO)
    return max(ZERO, payment.amount + payment.credit - payment.unapplied - shares)


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
        reference=_kept(payment.reference),
        allocations=dict(shares),
        method=method,
    )


def _for_ravetree(facts: Facts, case: PaymentCase, now: RavetreePayment | None = None) -> PaymentContent:
    ids = {invoice.quickbooks_id: invoice.ravetree_id for invoice in case.invoices}
    shares = tuple(Allocation(ids[key], amount) for key, amount in sorted(facts.allocations.items()))
    foreign = () if now is None else tuple(a for a in now.allocations if a.invoice_id not in ids.values())
    # The client is the invoice's: a merge or a paying parent changes the payment's customer, not the debtor.
    party = now.client_id if now else case.invoices[0].client_id
    return PaymentContent(
        party_id=party,
        date=facts.date,
        amount=facts.amount,
        credit=facts.credit,
        # What Ravetree has on invoices that QuickBooks lacks stays there.
        unapplied=facts.unapplied - sum((a.amount for a in foreign), ZERO),
        currency=facts.currency,
        reference=_whole(facts.reference, now),
        marker="",
        allocations=shares + foreign,
        method=_key_of(case.methods, facts.method),
    )


def _key_of(methods: Mapping[str, str], quickbooks_id: str | None) -> str | None:
    """Ravetree's key of a payment method; the first one where several are mapped to it."""
    return next((key for key, mapped in sorted(methods.items()) if mapped == quickbooks_id), None)


def _for_quickbooks(
    facts: Facts, case: PaymentCase, ravetree_id: str, now: QuickBooksPayment | None = None
) -> PaymentContent:
    shares = tuple(Allocation(key, amount) for key, amount in sorted(facts.allocations.items()))
    known = {invoice.quickbooks_id for invoice in case.invoices}
    foreign = () if now is None else tuple(a for a in now.allocations if a.invoice_id not in known)
    spent = spent_elsewhere(case) if now is not None else ZERO
    shown = None if now is None else quickbooks_facts(now, case.invoices, spent=spent)
    return PaymentContent(
        party_id=_payer(case, facts, now),
        date=facts.date,
        # What a bookkeeper has applied elsewhere, by money or by credit, stays as it was.
        amount=facts.amount + (now.amount - shown.amount if now and shown else ZERO),
        credit=facts.credit + (now.credit - shown.credit if now and shown else ZERO),
        unapplied=facts.unapplied - spent,
        currency=facts.currency,
        reference=facts.reference,
        marker=_note(now, case, ravetree_id),
        allocations=shares + foreign,
        method=facts.method,
        deposit_account=case.deposit_accounts.get(
            _key_of(case.methods, facts.method) or "", case.deposit_accounts.get("")
        ),
    )


def _note(now: QuickBooksPayment | None, case: PaymentCase, ravetree_id: str) -> str:
    """What the note says already, nothing included: a payment that came from QuickBooks is no copy of Ravetree's.

    A new payment, and one that takes a placeholder's place, gets our marker.
    """
    if now is not None and not marked_placeholder(now.note):
        return now.note
    return payment_marker(ravetree_id, case.installation)


def _whole(reference: str, now: RavetreePayment | None) -> str:
    """Ravetree's own, longer reference, where QuickBooks still says what it keeps of it."""
    return now.reference if now is not None and _kept(now.reference) == reference else reference


def _kept(reference: str) -> str:
    """A reference as QuickBooks keeps it."""
    return reference[:REFERENCE_LIMIT].strip()


def _payer(case: PaymentCase, facts: Facts, now: QuickBooksPayment | None) -> str:
    """Who pays: whoever does, if it can pay all of its invoices and its client is still below it."""
    able = case.payers or ((case.client_customer_id,) if case.client_customer_id is not None else ())
    if now is not None and case.client_below_payer:
        there = {allocation.invoice_id for allocation in now.allocations}
        if now.customer_id in able or facts.allocations.keys() <= there:
            return now.customer_id
    if case.client_customer_id in able and case.client_customer_id is not None:
        return case.client_customer_id
    if not able:
        raise ValueError("a payment needs a customer")
    return able[0]


# --- one receipt typed twice ---------------------------------------------------------------------


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
