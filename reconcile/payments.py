"""Payments: entered on either side, on both once. Neither side is the master; see the table in docs/rules.md."""

from collections.abc import Mapping
from dataclasses import replace
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
    QuickBooksPayment,
    RavetreePayment,
    Record,
    Side,
    held,
    money,
    parked,
    write,
)
from reconcile.payment_facts import (
    APART,
    Facts,
    KnownInvoice,
    PaymentBase,
    PaymentCase,
    agree,
    foreign_part,
    kept_reference,
    quickbooks_facts,
    ravetree_facts,
    spent_elsewhere,
    with_shares,
    within,
)
from reconcile.questions import answered, says
from reconcile.receipts import one_or_two, one_or_two_here, plan_one_receipt

SEVERAL_PAYERS = "several_payers"
SHARED, FELL = "removed_here_shared_there", "share_fell_with_total"
EDITED_THERE, EDITED_HERE = "removed_here_edited_there", "removed_there_edited_here"
EDITED_TWICE = "edited_on_both_sides"
_ITS_INVOICE_WAITS = "Waits for the question about its invoice."
_SAME_RECEIPT_WAITS = "Waits for the question whether it is the receipt that Ravetree has."


def plan(case: PaymentCase) -> Plan:
    """The next step for one payment."""
    if case.decision == Decision.UNLINK:
        return Plan(ignored="taken apart by a person")
    if (step := plan_one_receipt(case)) is not None:
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
            return one_or_two_here(case, payment)
        asking = Record(Side.RAVETREE, Kind.PAYMENT, case.twins[0].id)
        look_at = () if case.twin_asked else (asking,)
        return Plan(look_at=look_at, waits_for=asking, waits_because=_SAME_RECEIPT_WAITS)
    if not case.invoices:
        return Plan(ignored="over no known invoice")
    facts = quickbooks_facts(payment, case.invoices, case.methods)
    if payment.is_credit_link and not facts.allocations:
        return Plan(ignored="links a credit to no known invoice")
    facts = within(facts, {i: i.open_here for i in case.invoices if i.open_here is not None}, Side.RAVETREE)
    for invoice in case.invoices:
        share = facts.allocations.get(invoice.quickbooks_id, ZERO)
        if share > ZERO and (invoice.ended_here or invoice.other_currency_here):
            return _after_its_invoice(invoice)
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
    if not case.invoices and payment.allocations and payment.unapplied == ZERO:
        return Plan(ignored="over no known invoice")
    if payment.amount == ZERO and case.twins:
        return Plan(adopt=Adopt(payment.id, case.twins[0].id))
    if payment.amount == ZERO and not case.invoices:
        return Plan(ignored="applies credit to no known invoice")
    if not case.invoices and (plan := _plan_advance(case, payment)) is not None:
        return plan
    if case.twins:
        return one_or_two(case, payment)
    if payment.credit_amount > ZERO:
        return parked(
            "credit_only_in_ravetree",
            f"Credit of {money(payment.credit_amount, payment.currency)} was applied to invoice "
            f"{case.invoices[0].number if case.invoices else '?'} in Ravetree; QuickBooks knows of no such credit.",
            "Make a credit memo in QuickBooks and apply it to the invoice.",
        )
    facts = ravetree_facts(payment, case.invoices, case.methods)
    for invoice in case.invoices:
        if invoice.other_currency_here or invoice.deleted_there:
            return _after_its_invoice(invoice)
        if step := _with_placeholder(case, payment, facts, invoice):
            return step
    facts = within(facts, {i: i.quickbooks.balance for i in case.invoices}, Side.QUICKBOOKS)
    for invoice in case.invoices:
        share = facts.allocations.get(invoice.quickbooks_id, ZERO)
        if share > invoice.quickbooks.balance:
            return _more_than_open(invoice, facts, Side.RAVETREE, invoice.quickbooks.balance)
    if case.invoices and not case.payers:
        return _several_payers(case, payment)
    return write(Side.QUICKBOOKS, Action.PAYMENT_CREATE, content=_for_quickbooks(facts, case, payment.id))


def _after_its_invoice(invoice: KnownInvoice) -> Plan:
    """The other side would refuse it as its invoice is; a person is asked about that one."""
    record = Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id)
    return Plan(waits_for=record, waits_because=_ITS_INVOICE_WAITS, look_at=(record,))


def _plan_advance(case: PaymentCase, payment: RavetreePayment) -> Plan | None:
    """Money that is on no invoice goes when its client is a customer; what is older than the switch-on if asked for."""
    # With invoices switched off all of it will be older than the next switch-on.
    older = case.since is None or (payment.created_at is not None and payment.created_at < case.since)
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
    takes_it = payment.amount == placeholder.amount and not invoice.placeholder_changed
    if takes_it and placeholder.deposited:
        return Plan(adopt=Adopt(payment.id, placeholder.id))
    closed = case.books_closed is not None and placeholder.date <= case.books_closed
    alone = facts.allocations.keys() == {invoice.quickbooks_id}
    if takes_it and alone and invoice.marked_open == ZERO and not closed:
        content = _for_quickbooks(facts, case, payment.id, placeholder)
        return write(Side.QUICKBOOKS, Action.PAYMENT_TAKE_PLACEHOLDER, placeholder.id, placeholder.sync_token, content)
    return _behind_placeholder(payment, invoice)


def _behind_placeholder(payment: RavetreePayment, invoice: KnownInvoice) -> Plan | None:
    """What comes before a payment while something stands for the mark of its invoice."""
    placeholder = invoice.placeholder
    if placeholder is None:
        return None
    record = Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id)
    if invoice.placeholder_fell:
        return Plan(waits_for=record, waits_because=_ITS_INVOICE_WAITS)
    if invoice.placeholder_changed:
        return Plan(waits_for=record, waits_because="Waits for the question what the payment for the mark as paid is.")
    if placeholder.deposited:
        return _deposited(invoice, f"Ravetree got {money(payment.amount, payment.currency)}")
    if placeholder.amount > invoice.marked_open:
        # The invoice's own plan takes the placeholder down to what is still only marked as paid, or asks.
        return Plan(look_at=(record,), waits_for=record)
    return None


def _deposited(invoice: KnownInvoice, what: str) -> Plan:
    """The payment for the mark is real money by now, and `what` came beside it."""
    paid = money(invoice.placeholder.amount, invoice.placeholder.currency) if invoice.placeholder is not None else ""
    return held(
        "placeholder_deposited",
        f"Invoice {invoice.number} was marked as paid and its payment of {paid} is deposited in QuickBooks; {what}.",
        "Correct the payment in Ravetree or the deposit in QuickBooks.",
    )


def _more_than_open(
    invoice: KnownInvoice, facts: Facts, got_in: Side, open_elsewhere: Decimal, remedy: str = ""
) -> Plan:
    share = facts.allocations[invoice.quickbooks_id]
    deposit = invoice.quickbooks.deposit if got_in is Side.RAVETREE else ZERO
    form = f" (a deposit of {money(deposit, facts.currency)} stands on its form)" if deposit else ""
    here, there = ("Ravetree", "QuickBooks") if got_in is Side.RAVETREE else ("QuickBooks", "Ravetree")
    return held(
        "more_than_open",
        f"{money(share, facts.currency)} were received on invoice {invoice.number} in {here}; {there} "
        f"has only {money(open_elsewhere, facts.currency)} open on it{form}.",
        remedy or f"See whether {there} has this payment already; then press retry.",
    )


# --- paired --------------------------------------------------------------------------------------


def _plan_paired(case: PaymentCase, base: PaymentBase) -> Plan:
    ours, theirs = case.ravetree, case.quickbooks
    ravetree_gone = ours is None or isinstance(ours, Gone) or ours.voided
    quickbooks_gone = theirs is None or isinstance(theirs, Gone) or theirs.voided
    if ravetree_gone and quickbooks_gone:
        return NOTHING
    if isinstance(theirs, QuickBooksPayment) and ravetree_gone:
        if base.quickbooks.voided:
            # It was void when both were gone: what a bookkeeper has entered on it since is another payment.
            return Plan(unpair=True)
        return _plan_removed_in_ravetree(case, base, theirs)
    if isinstance(ours, RavetreePayment) and quickbooks_gone:
        return _plan_removed_in_quickbooks(case, base, ours)
    if not isinstance(ours, RavetreePayment) or not isinstance(theirs, QuickBooksPayment):
        raise ValueError("a paired payment is planned with both sides' records")
    return _plan_edited(case, base, ours, theirs)


def _plan_removed_in_ravetree(case: PaymentCase, base: PaymentBase, theirs: QuickBooksPayment) -> Plan:
    if _is_taken_out(base.quickbooks, case.invoices):
        return Plan(ignored="what is left of it in QuickBooks is a bookkeeper's")
    then = quickbooks_facts(base.quickbooks, case.invoices, spent=case.spent)
    edited = quickbooks_facts(theirs, case.invoices, spent=spent_elsewhere(case)) != then
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
    return payment.amount > ZERO and foreign_part(payment, invoices) >= payment.amount and payment.unapplied == ZERO


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
    content = replace(
        with_shares(theirs, {}, ZERO),
        amount=rest,
        credit=ZERO,
        marker="" if marked_payment(theirs.note) else theirs.note,
        allocations=foreign,
    )
    return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)


def _plan_removed_in_quickbooks(case: PaymentCase, base: PaymentBase, ours: RavetreePayment) -> Plan:
    edited = ravetree_facts(ours, case.invoices) != ravetree_facts(base.ravetree, case.invoices)
    if (edited or case.lost) and says(case, EDITED_HERE, Decision.RAVETREE):
        return Plan(unpair=True)
    if (edited or case.lost) and not says(case, EDITED_HERE, Decision.QUICKBOOKS):
        # What a bookkeeper does to money of an invoice that is none of Ravetree's any more is not copied unasked.
        what = "its invoice was taken apart, or tied to another one" if case.lost else "edited in Ravetree"
        keeps = "keep it" if case.lost else "have it again there"
        return held(
            EDITED_HERE,
            f"A payment of {money(ours.amount, ours.currency)} was deleted in QuickBooks and {what}.",
            f"Decide `quickbooks` to delete it here too, or `ravetree` to {keeps}.",
            Decision.QUICKBOOKS,
            Decision.RAVETREE,
        )
    return write(Side.RAVETREE, Action.PAYMENT_DELETE, ours.id, ours.version)


def _plan_edited(case: PaymentCase, base: PaymentBase, ours: RavetreePayment, theirs: QuickBooksPayment) -> Plan:
    if case.lost:
        # Its share there would count as a bookkeeper's, and here as unapplied: nobody can say what it comes to.
        return NOTHING
    mine = ravetree_facts(ours, case.invoices, case.methods)
    other = quickbooks_facts(theirs, case.invoices, case.methods, spent_elsewhere(case))
    if case.twins:
        return one_or_two(case, ours)
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
        mine = within(mine, room, Side.QUICKBOOKS)
        if (step := _without_room(ours, mine, other, room, Side.RAVETREE)) is not None:
            return step
        content = _for_quickbooks(mine, case, ours.id, theirs)
        return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)
    if other_changed:
        if (question := _fell_with_the_total(case, mine, other)) is not None:
            return question
        if _is_set_right(case, mine, other):
            content = _for_quickbooks(mine, case, ours.id, theirs)
            return write(Side.QUICKBOOKS, Action.PAYMENT_UPDATE, theirs.id, theirs.sync_token, content)
        room = {
            i: i.open_here + mine.allocations.get(i.quickbooks_id, ZERO)
            for i in case.invoices
            if i.open_here is not None
        }
        other = within(other, room, Side.RAVETREE)
        if (step := _without_room(ours, other, mine, room, Side.QUICKBOOKS)) is not None:
            return step
        content = _for_ravetree(other, case, ours)
        return write(Side.RAVETREE, Action.PAYMENT_UPDATE, ours.id, ours.version, content)
    return (
        _plan_newly_known(case, ours, theirs)
        or _plan_applied_by_itself(case, ours, mine, other)
        or _plan_difference_after_write(mine, other)
    )


def _without_room(
    ours: RavetreePayment, wanted: Facts, now: Facts, room: Mapping[KnownInvoice, Decimal], got_in: Side
) -> Plan | None:
    """What comes before more of a payment, as `got_in` has it, is put on an invoice than the other side has open."""
    for invoice, most in room.items():
        share = wanted.allocations.get(invoice.quickbooks_id, ZERO)
        if share <= max(most, now.allocations.get(invoice.quickbooks_id, ZERO)):
            continue
        where = "QuickBooks" if got_in is Side.RAVETREE else "Ravetree"
        remedy = f"Take another payment off it in {where}, set its total right, or lower the share; then press retry."
        asked = _more_than_open(invoice, wanted, got_in, most, remedy)
        if invoice.deleted_there:
            return _after_its_invoice(invoice)
        if got_in is Side.QUICKBOOKS:
            ended = invoice.ended_here or invoice.other_currency_here
            return _after_its_invoice(invoice) if ended else asked
        if invoice.placeholder is not None and invoice.placeholder.deposited:
            return _deposited(invoice, f"Ravetree put {money(share, wanted.currency)} of another on it")
        return _behind_placeholder(ours, invoice) or asked
    return None


def _may_not_go(
    case: PaymentCase, ours: RavetreePayment, theirs: QuickBooksPayment, mine: Facts, *, moved: bool
) -> Plan | None:
    """Why Ravetree's edit cannot be written by itself."""
    foreign = foreign_part(theirs, case.invoices)
    if moved and (foreign or theirs.deposited or theirs.currency != ours.currency):
        return held(
            "client_of_payment_changed",
            f"A payment of {_spell(mine)} got another client in Ravetree; in QuickBooks it is "
            f"{'deposited' if theirs.deposited else 'applied to other records too'} (Id {theirs.id}).",
            "Set the client back in Ravetree, or take it apart in QuickBooks and press retry.",
        )
    if moved and case.client_customer_id is None:
        client = Record(Side.RAVETREE, Kind.CONTACT, ours.client_id)
        return Plan(waits_for=client, waits_because="Waits until its client is in QuickBooks.")
    spent = spent_elsewhere(case)
    if spent > ZERO and mine.unapplied < spent:
        where = case.elsewhere or "a record that Ravetree lacks"
        return held(
            "spent_elsewhere",
            f"A payment of {_spell(mine)} has {money(mine.unapplied, mine.currency)} unapplied in Ravetree now; in "
            f"QuickBooks {money(spent, mine.currency)} of it are on {where}.",
            "Take it off there in QuickBooks, or undo the change in Ravetree.",
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


def _is_set_right(case: PaymentCase, mine: Facts, other: Facts) -> bool:
    """Whether a share fell with the total, which was asked about, and there is room for it again."""
    fell = {
        invoice: mine.allocations.get(invoice.quickbooks_id, ZERO) - other.allocations.get(invoice.quickbooks_id, ZERO)
        for invoice in case.invoices
    }
    return (
        case.was_asked == FELL
        and mine.amount == other.amount
        and all(ZERO <= less <= invoice.quickbooks.balance for invoice, less in fell.items() if less)
    )


def _notices(case: PaymentCase) -> tuple[str, ...]:
    if case.lost:
        return (APART,)
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


def _plan_applied_by_itself(case: PaymentCase, ours: RavetreePayment, mine: Facts, other: Facts) -> Plan | None:
    """QuickBooks applied what was unapplied, as a company may have it do: that is copied."""
    more = {
        invoice: other.allocations.get(invoice.quickbooks_id, ZERO) - mine.allocations.get(invoice.quickbooks_id, ZERO)
        for invoice in case.invoices
    }
    gained = {invoice: share for invoice, share in more.items() if share}
    if not gained or min(gained.values()) < ZERO or (mine.amount, mine.credit) != (other.amount, other.credit):
        return None
    if sum(gained.values(), ZERO) != mine.unapplied - other.unapplied:
        return None
    for invoice, share in gained.items():
        if invoice.open_here is not None and share > invoice.open_here:
            return _more_than_open(invoice, other, Side.QUICKBOOKS, invoice.open_here)
    return write(Side.RAVETREE, Action.PAYMENT_UPDATE, ours.id, ours.version, _for_ravetree(other, case, ours))


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
        "Apply it there too, or remove one if this payment stands twice in QuickBooks.",
    )


def _spell(facts: Facts) -> str:
    return f"{money(facts.amount, facts.currency)} on {facts.date.isoformat()}"


# --- what is written -----------------------------------------------------------------------------


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
        method=_key_of(case.methods, facts.method, now),
    )


def _key_of(methods: Mapping[str, str], quickbooks_id: str | None, now: RavetreePayment | None) -> str | None:
    """Ravetree's key of a payment method: its own where that is mapped to it, else the first of those that are."""
    if now is not None and now.method is not None and methods.get(now.method) == quickbooks_id:
        return now.method
    return next((key for key, mapped in sorted(methods.items()) if mapped == quickbooks_id), None)


def _for_quickbooks(
    facts: Facts, case: PaymentCase, ravetree_id: str, now: QuickBooksPayment | None = None
) -> PaymentContent:
    shares = tuple(Allocation(key, amount) for key, amount in sorted(facts.allocations.items()))
    known = {invoice.quickbooks_id for invoice in case.invoices}
    foreign = () if now is None else tuple(a for a in now.allocations if a.invoice_id not in known)
    spent = spent_elsewhere(case) if now is not None else ZERO
    shown = None if now is None else quickbooks_facts(now, case.invoices, spent=spent)
    ours = case.ravetree if isinstance(case.ravetree, RavetreePayment) else None
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
            _key_of(case.methods, facts.method, ours) or "", case.deposit_accounts.get("")
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
    return now.reference if now is not None and kept_reference(now.reference) == reference else reference


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
