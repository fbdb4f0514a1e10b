"""Payments: entered on either side, on both once. Neither side is the master; see the table in docs/rules.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.markers import marked_payment, marked_placeholder, payment_marker
from reconcile.model import (
    NOTHING,
    ZERO,
    Adopt,
    Allocation,
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

REFERENCE_LIMIT = 21
"""Characters that QuickBooks keeps of a payment's reference number."""

SAME_RECEIPT_DAYS = 7
"""Two payments of one amount on one invoice this close together may be one receipt typed twice."""


@dataclass(frozen=True)
class PaymentBase:
    """What a paired payment looked like on both sides when they last agreed."""

    ravetree: RavetreePayment
    quickbooks: QuickBooksPayment


@dataclass(frozen=True)
class KnownInvoice:
    """An invoice that stands in both books. `open_here` is what Ravetree has open on it, None while not asked.

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
    accepted: Decimal = ZERO


@dataclass(frozen=True)
class PaymentCase:
    """All that decides about one payment.

    `invoices` are the paired ones among those it names. `coming` are Ravetree invoices that it names and that
    will be paired. `twins` are payments of the other side that may be the same receipt; `decision` is what a
    person said of them: `two` for two payments, else empty. `marked_twin` and `marked_copy_id` are the other side's
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
    twins: tuple[RavetreePayment | QuickBooksPayment, ...] = ()
    decision: str = ""
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
    if case.base is not None:
        return _plan_paired(case, case.base)
    if isinstance(case.quickbooks, QuickBooksPayment):
        return _plan_new_in_quickbooks(case, case.quickbooks)
    if isinstance(case.ravetree, RavetreePayment):
        return _plan_new_in_ravetree(case, case.ravetree)
    return NOTHING


# --- new -----------------------------------------------------------------------------------------


def _plan_new_in_quickbooks(case: PaymentCase, payment: QuickBooksPayment) -> Plan:
    if payment.voided:
        return NOTHING
    if marked_placeholder(payment.note):
        return Plan(ignored="placeholder for an invoice marked as paid")
    if marked_payment(payment.note) and isinstance(case.marked_twin, RavetreePayment):
        return Plan(adopt=Adopt(case.marked_twin.id, payment.id))
    if not case.invoices:
        return Plan(ignored="over no known invoice")
    if payment.is_credit_link and case.twins:
        # Credit that was applied here first and then made good there: no money moves, so there is nothing to ask.
        return Plan(adopt=Adopt(case.twins[0].id, payment.id))
    if case.twins and case.decision != "two":
        return _one_or_two(payment.amount, payment.currency, case.invoices[0].number)
    facts = quickbooks_facts(payment, case.invoices, case.methods)
    if payment.is_credit_link and not facts.allocations:
        return Plan(ignored="links a credit to no known invoice")
    facts = _within(facts, {i: i.open_here for i in case.invoices if i.open_here is not None}, Side.RAVETREE)
    for invoice in case.invoices:
        share = facts.allocations.get(invoice.quickbooks_id, ZERO)
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
    if not case.invoices and (payment.allocations or case.client_customer_id is None):
        return Plan(ignored="over no known invoice")
    if payment.amount == ZERO and case.twins:
        return Plan(adopt=Adopt(payment.id, case.twins[0].id))
    if case.twins and case.decision != "two":
        return _one_or_two(payment.amount, payment.currency, case.invoices[0].number)
    if payment.amount == ZERO and not case.invoices:
        return Plan(ignored="applies credit to no known invoice")
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
    return write(Side.QUICKBOOKS, Action.PAYMENT_CREATE, content=_for_quickbooks(facts, case, payment.id))


def _with_placeholder(case: PaymentCase, payment: RavetreePayment, facts: Facts, invoice: KnownInvoice) -> Plan | None:
    """A real payment takes the place of the placeholder, or waits until that has made room."""
    placeholder = invoice.placeholder
    if placeholder is None:
        return None
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
    here, there = ("Ravetree", "QuickBooks") if got_in is Side.RAVETREE else ("QuickBooks", "Ravetree")
    return held(
        "more_than_open",
        f"{money(share, facts.currency)} were received on invoice {invoice.number} in {here}; {there} "
        f"has only {money(open_elsewhere, facts.currency)} open on it.",
        f"See whether {there} has this payment already; then press retry.",
    )


def _one_or_two(amount: Decimal, currency: str, number: str) -> Plan:
    return held(
        "one_or_two_payments",
        f"Ravetree and QuickBooks each got {money(amount, currency)} on invoice {number}: one payment or two?",
        "If it is one, decide `link` or delete it on one side; if there are two, decide `two`.",
        Decision.LINK,
        Decision.TWO,
    )


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
    edited = quickbooks_facts(theirs, case.invoices) != quickbooks_facts(base.quickbooks, case.invoices)
    if edited and case.decision == Side.QUICKBOOKS:
        return Plan(unpair=True)
    if edited and case.decision != Side.RAVETREE:
        return held(
            "removed_here_edited_there",
            f"A payment of {money(base.ravetree.amount, base.ravetree.currency)} was deleted in Ravetree and "
            "edited in QuickBooks.",
            "Decide `ravetree` to delete it there too, or `quickbooks` to have it again here.",
            Decision.RAVETREE,
            Decision.QUICKBOOKS,
        )
    return write(Side.QUICKBOOKS, Action.PAYMENT_DELETE, theirs.id, theirs.sync_token)


def _plan_removed_in_quickbooks(case: PaymentCase, base: PaymentBase, ours: RavetreePayment) -> Plan:
    edited = ravetree_facts(ours, case.invoices) != ravetree_facts(base.ravetree, case.invoices)
    if edited and case.decision == Side.RAVETREE:
        return Plan(unpair=True)
    if edited and case.decision != Side.QUICKBOOKS:
        return held(
            "removed_there_edited_here",
            f"A payment of {money(ours.amount, ours.currency)} was deleted in QuickBooks and edited in Ravetree.",
            "Decide `quickbooks` to delete it here too, or `ravetree` to have it again there.",
            Decision.QUICKBOOKS,
            Decision.RAVETREE,
        )
    return write(Side.RAVETREE, Action.PAYMENT_DELETE, ours.id, ours.version)


def _plan_edited(case: PaymentCase, base: PaymentBase, ours: RavetreePayment, theirs: QuickBooksPayment) -> Plan:
    mine = ravetree_facts(ours, case.invoices, case.methods)
    other = quickbooks_facts(theirs, case.invoices, case.methods)
    if agree(mine, other, case.invoices):
        return NOTHING
    before = ravetree_facts(base.ravetree, case.invoices, case.methods)
    mine_changed = not mine.agrees(before)
    other_changed = not other.agrees(quickbooks_facts(base.quickbooks, case.invoices, case.methods))
    if mine_changed and other_changed and case.decision not in (Side.RAVETREE, Side.QUICKBOOKS):
        return held(
            "edited_on_both_sides",
            f"A payment was changed on both sides: {_spell(mine)} in Ravetree, {_spell(other)} in QuickBooks.",
            "Decide `ravetree` or `quickbooks`, or set one side to what is right.",
            Decision.RAVETREE,
            Decision.QUICKBOOKS,
        )
    if mine_changed and not (other_changed and case.decision == Side.QUICKBOOKS):
        if case.coming:
            return Plan(waits_for=case.coming[0])
        if mine.credit not in (before.credit, other.credit):
            return _credit_changed(case, mine, other)
        # What it pays itself is open for it again.
        room = {i: i.quickbooks.balance + other.allocations.get(i.quickbooks_id, ZERO) for i in case.invoices}
        content = _for_quickbooks(_within(mine, room, Side.QUICKBOOKS), case, ours.id, theirs)
        return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)
    if other_changed:
        room = {
            i: i.open_here + mine.allocations.get(i.quickbooks_id, ZERO)
            for i in case.invoices
            if i.open_here is not None
        }
        content = _for_ravetree(_within(other, room, Side.RAVETREE), case, ours)
        return write(Side.RAVETREE, Action.PAYMENT_UPDATE, ours.id, ours.version, content)
    return _plan_newly_known(case, ours, theirs) or _plan_difference_after_write(mine, other)


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
    mine, other = ravetree_facts(ours, case.invoices), quickbooks_facts(theirs, case.invoices)
    here, there = (
        tuple(i for i in case.invoices if i.quickbooks_id in one.allocations and i.quickbooks_id not in two.allocations)
        for one, two in ((mine, other), (other, mine))
    )
    before = tuple(invoice for invoice in case.invoices if invoice not in here + there)
    if bool(here) is bool(there) or ravetree_facts(ours, before) != quickbooks_facts(theirs, before):
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
    """What Ravetree says, as far as it is about invoices that both sides know."""
    known = {invoice.ravetree_id: invoice.quickbooks_id for invoice in invoices}
    shares = {known[a.invoice_id]: a.amount for a in payment.allocations if a.invoice_id in known and a.amount}
    foreign = sum((a.amount for a in payment.allocations if a.invoice_id not in known), ZERO)
    return _facts(payment, foreign, shares, (methods or {}).get(payment.method or ""))


def quickbooks_facts(
    payment: QuickBooksPayment, invoices: tuple[KnownInvoice, ...], methods: Mapping[str, str] | None = None
) -> Facts:
    """What QuickBooks says, as far as it is about invoices that both sides know."""
    known = {invoice.quickbooks_id for invoice in invoices}
    shares: dict[str, Decimal] = {}
    for allocation in payment.allocations:
        if allocation.invoice_id in known and allocation.amount:
            shares[allocation.invoice_id] = shares.get(allocation.invoice_id, ZERO) + allocation.amount
    # Whatever is applied elsewhere: to other invoices, or to a journal entry, which is no allocation here.
    foreign = max(ZERO, payment.amount + payment.credit - payment.unapplied - sum(shares.values(), ZERO))
    mapped = payment.method in (methods or {}).values()
    return _facts(payment, foreign, shares, payment.method if mapped else None)


def _facts(
    payment: RavetreePayment | QuickBooksPayment, foreign: Decimal, shares: Mapping[str, Decimal], method: str | None
) -> Facts:
    """Leave out what goes to invoices that the other side does not know; the rest has to add up there."""
    visible = max(ZERO, payment.amount - foreign)
    return Facts(
        date=payment.date,
        amount=visible,
        credit=max(ZERO, sum(shares.values(), ZERO) + payment.unapplied - visible),
        unapplied=payment.unapplied,
        currency=payment.currency,
        reference=payment.reference[:REFERENCE_LIMIT],
        allocations=dict(shares),
        method=method,
    )


def _for_ravetree(facts: Facts, case: PaymentCase, now: RavetreePayment | None = None) -> PaymentContent:
    ids = {invoice.quickbooks_id: invoice.ravetree_id for invoice in case.invoices}
    shares = tuple(Allocation(ids[key], amount) for key, amount in sorted(facts.allocations.items()))
    foreign = () if now is None else tuple(a for a in now.allocations if a.invoice_id not in ids.values())
    shown = None if now is None else ravetree_facts(now, case.invoices)
    # The client is the invoice's: a merge or a paying parent changes the payment's customer, not the debtor.
    party = now.client_id if now else case.invoices[0].client_id
    return PaymentContent(
        party_id=party,
        date=facts.date,
        # What is settled elsewhere, by money or by credit, stays as it was.
        amount=facts.amount + (now.amount - shown.amount if now and shown else ZERO),
        credit=facts.credit + (now.credit_amount - shown.credit if now and shown else ZERO),
        unapplied=facts.unapplied,
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
    shown = None if now is None else quickbooks_facts(now, case.invoices)
    party = now.customer_id if now else _customer(case)
    return PaymentContent(
        party_id=party,
        date=facts.date,
        amount=facts.amount + (now.amount - shown.amount if now and shown else ZERO),
        credit=facts.credit + (now.credit - shown.credit if now and shown else ZERO),
        unapplied=facts.unapplied,
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
    return now.reference if now is not None and now.reference[:REFERENCE_LIMIT] == reference else reference


def _customer(case: PaymentCase) -> str:
    if case.invoices:
        return case.invoices[0].quickbooks.customer_id
    if case.client_customer_id is None:
        raise ValueError("an unapplied payment needs its client's customer")
    return case.client_customer_id


# --- one receipt typed twice ---------------------------------------------------------------------


def same_receipt(ours: RavetreePayment, theirs: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]) -> bool:
    """Whether two payments may be one receipt that was typed on both sides."""
    mine, other = ravetree_facts(ours, invoices), quickbooks_facts(theirs, invoices)
    return (
        not ours.voided
        and not theirs.voided
        and mine.amount == other.amount
        and mine.credit == other.credit
        and mine.currency == other.currency
        and abs(mine.date - other.date) <= timedelta(days=SAME_RECEIPT_DAYS)
        and bool(mine.allocations.keys() & other.allocations.keys())
    )
