"""Marked as paid: the QuickBooks payment that stands for what Ravetree calls paid without having a payment for it.

It is made at most once for a mark, raised and lowered as Ravetree's invoice changes, and never over an edit of a
bookkeeper's. See the table in docs/rules.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.markers import placeholder_marker
from reconcile.model import (
    ANY_PAYMENT,
    NOTHING,
    ZERO,
    Allocation,
    Answer,
    Gone,
    PaymentContent,
    Plan,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    Side,
    held,
    money,
    parked,
    plain,
    write,
)
from reconcile.payment_facts import is_tied, shares_of, with_shares
from reconcile.payments import FELL
from reconcile.questions import Asked, answered, says
from reconcile.time_zones import day_in

CHANGED, NOT_COVERED, CLOSED = "placeholder_changed", "mark_not_covered", "placeholder_in_closed_period"
REMOVED, IN_CLOSED_PERIOD = "placeholder_removed", "mark_in_closed_period"
TIME_ZONE_UNKNOWN = "time_zone_unknown"
BESIDE, CREDIT_BESIDE = "unapplied_money_beside_mark", "credit_beside_mark"
DIFFER = "open_balances_differ"


@dataclass(frozen=True)
class Placeholder:
    """The payment that stands for the mark, and what QuickBooks answered to our last write of it."""

    payment: QuickBooksPayment | Gone
    written: QuickBooksPayment | None = None


@dataclass(frozen=True)
class Mark:
    """For which mark a placeholder was written last: when it was set, and the day that the placeholder bears.

    `moving` says that it was taken away for an edit of the invoice, and comes back after that. `wanted` is what
    Ravetree wanted of it then, with what QuickBooks made open there since; None where that was not kept.
    """

    at: datetime
    day: date | None = None
    moving: bool = False
    wanted: Decimal | None = None


class MarkCase(Asked, Protocol):
    """What of an invoice's case decides about its mark."""

    @property
    def placeholder(self) -> Placeholder | None:
        """The placeholder, if there is one."""
        ...

    @property
    def mark(self) -> Mark | None:
        """For which mark there was one last."""
        ...

    @property
    def payments_pending(self) -> bool:
        """Whether payments are still to be looked at."""
        ...

    @property
    def unapplied(self) -> tuple[QuickBooksPayment, ...]:
        """The customer's payments that are not applied in full, in the invoice's currency."""
        ...

    @property
    def below(self) -> frozenset[str]:
        """The Ids of those of them whose customer cannot pay for the invoice's: a project of it, or of its client."""
        ...

    @property
    def credit_left(self) -> Decimal:
        """What remains of the customer's credit memos in the invoice's currency."""
        ...

    @property
    def time_zone(self) -> str:
        """In which an instant becomes a day."""
        ...

    @property
    def today(self) -> date | None:
        """The day there."""
        ...

    @property
    def books_closed(self) -> date | None:
        """Up to and including which day nothing is posted."""
        ...

    @property
    def accepted_gap(self) -> Decimal:
        """By how much QuickBooks' total is more, as a person decided, and as it still is."""
        ...

    @property
    def wanted_here(self) -> Decimal:
        """What Ravetree wants of the placeholder, whatever was done in QuickBooks since its content was written."""
        ...

    @property
    def takes_less(self) -> bool:
        """Whether QuickBooks' invoice takes less than we wrote, and no more: its total fell, or a deposit was typed."""
        ...

    @property
    def installation(self) -> str:
        """The id that our markers bear."""
        ...


def live_placeholder(case: MarkCase) -> QuickBooksPayment | None:
    """The placeholder, if it is there and not void."""
    payment = case.placeholder.payment if case.placeholder is not None else None
    return payment if isinstance(payment, QuickBooksPayment) and not payment.voided else None


def is_closed(case: MarkCase, day: date | None) -> bool:
    """Whether a day lies in a closed period, as far as we know."""
    return day is not None and case.books_closed is not None and day <= case.books_closed


def marked_open(case: MarkCase, invoice: RavetreeInvoice) -> Decimal:
    """What the placeholder is to be: what is only marked as paid, and the accepted difference of the totals with it."""
    return wanted_of(invoice, case.accepted_gap)


def wanted_of(invoice: RavetreeInvoice, gap: Decimal) -> Decimal:
    """The same where QuickBooks' total is more by `gap`."""
    if not invoice.marked_paid or invoice.balance == ZERO:
        return ZERO
    return max(ZERO, invoice.balance + gap)


def open_here(invoice: RavetreeInvoice) -> Decimal:
    """What is open in Ravetree: nothing of what is marked as paid."""
    return ZERO if invoice.marked_paid else invoice.balance


# --- at rest otherwise ---------------------------------------------------------------------------


def plan_mark(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    """Keep the placeholder at what Ravetree calls paid without having a payment for it."""
    wanted = marked_open(case, invoice)
    if (step := _carry_out(case, invoice, remote)) is not None:
        return step
    payment = live_placeholder(case)
    if payment is None:
        if wanted == ZERO:
            return NOTHING
        if case.placeholder is not None:
            return _removed(case, invoice, remote, wanted)
        return _new(case, invoice, remote, wanted)
    if payment.deposited:
        return NOTHING if payment.amount == wanted else _deposited(case, invoice, payment, wanted)
    if (question := changed(case, invoice) or fell(case, invoice, remote, wanted)) is not None:
        return question
    if payment.amount == wanted:
        return _beside(case, invoice, payment) or NOTHING
    if wanted > payment.amount:
        return _raise(case, invoice, remote, payment, wanted)
    return resize(case, invoice, remote, payment, wanted)


def _raise(
    case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, payment: QuickBooksPayment, wanted: Decimal
) -> Plan:
    """It is raised by what Ravetree's own changes ask for; about what else is open in QuickBooks a person is asked."""
    most = payment.amount + risen(case, invoice, payment)
    if wanted <= most or says(case, NOT_COVERED, Decision.PLACEHOLDER):
        return resize(case, invoice, remote, payment, wanted)
    if most > payment.amount:
        return resize(case, invoice, remote, payment, most)
    if remote.balance == ZERO or _is_left_uncovered(case, remote):
        return NOTHING
    return _wait_or(case, lambda: _not_covered(case, invoice, remote))


def risen(case: MarkCase, invoice: RavetreeInvoice, payment: QuickBooksPayment) -> Decimal:
    """By how much more Ravetree wants of the placeholder because of what changed in Ravetree itself."""
    mark = case.mark
    if mark is None or mark.wanted is None or mark.at != invoice.marked_paid_at:
        return max(ZERO, case.wanted_here - payment.amount)
    return max(ZERO, case.wanted_here - mark.wanted)


def resize(
    case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, payment: QuickBooksPayment, wanted: Decimal
) -> Plan:
    """Bring the placeholder to an amount that Ravetree's changes ask for."""
    if wanted == ZERO or is_closed(case, payment.date):
        return take_away(case, invoice.number, payment, wanted)
    if wanted - payment.amount > remote.balance:
        return _ask_apart(case, invoice, remote)
    content = placeholder_content(case, invoice, remote, wanted, payment.date)
    return write(Side.QUICKBOOKS, Action.PLACEHOLDER_UPDATE, payment.id, payment.sync_token, content)


def take_away(case: MarkCase, number: str, payment: QuickBooksPayment, wanted: Decimal = ZERO) -> Plan:
    """Delete the placeholder; nothing of it is changed in a closed period."""
    if is_closed(case, payment.date):
        return held(
            CLOSED,
            f"Invoice {number}: {money(wanted, payment.currency)} are only marked as paid now; the payment of "
            f"{money(payment.amount, payment.currency)} for it lies in a closed period.",
            "Open the period in QuickBooks and press retry, or set the invoice as it was.",
        )
    return write(Side.QUICKBOOKS, Action.PLACEHOLDER_DELETE, payment.id, payment.sync_token)


def let_go(case: MarkCase, invoice: RavetreeInvoice | None, number: str) -> Plan | None:
    """The placeholder of an invoice that has ended in QuickBooks goes: nobody has got that money."""
    payment = live_placeholder(case)
    if payment is None or payment.deposited:
        return None
    written = case.placeholder.written if case.placeholder is not None else None
    # That nothing of it is on the invoice any more follows from the end.
    if written is None or _lost_shares_alone(payment, written):
        return take_away(case, number, payment)
    if (step := _said_to_be_the_payment(case, payment)) is not None:
        return step
    return held(
        CHANGED,
        f"{_marked(invoice, number)}, and has ended in QuickBooks; its payment of "
        f"{money(written.amount, written.currency)} {_edit(payment, written)}.",
        "Decide `payment` if it is the real money, or delete it in QuickBooks.",
        Decision.PAYMENT,
    )


def _said_to_be_the_payment(case: MarkCase, payment: QuickBooksPayment) -> Plan | None:
    if says(case, CHANGED, Decision.PAYMENT):
        return Plan(remember=Answer(CHANGED, Decision.PAYMENT, payment.id))
    if answered(case, CHANGED, payment.id) is not None:
        return Plan(releases_placeholder=True)
    return None


def changed(case: MarkCase, invoice: RavetreeInvoice | None) -> Plan | None:
    """The question that everything about the mark waits for: a bookkeeper has changed the placeholder."""
    payment = live_placeholder(case)
    written = case.placeholder.written if case.placeholder is not None else None
    if payment is None or written is None or not is_edited(payment, written) or _fell(case, payment):
        return None
    if (step := _said_to_be_the_payment(case, payment)) is not None:
        return step
    free = (
        not payment.credit and set(shares_of(payment)) <= set(shares_of(written)) and not is_closed(case, payment.date)
    )
    if free and invoice is not None and says(case, CHANGED, Decision.RESTORE):
        content = _as_written(written, payment)
        return write(Side.QUICKBOOKS, Action.PLACEHOLDER_UPDATE, payment.id, payment.sync_token, content)
    return held(
        CHANGED,
        f"{_marked(invoice)}; its payment of {money(written.amount, written.currency)} {_edit(payment, written)}.",
        "Decide `payment` if it is the real money" + (", or `restore` to undo the edit." if free else "."),
        Decision.PAYMENT,
        *((Decision.RESTORE,) if free else ()),
    )


def _marked(invoice: RavetreeInvoice | None, number: str = "") -> str:
    """Which invoice it is, and whether its mark stands still."""
    is_marked = invoice is not None and invoice.marked_paid and not invoice.void
    name = invoice.number if invoice is not None else number
    return f"Invoice {name} is marked as paid" if is_marked else f"Invoice {name} is not marked as paid any more"


def _edit(payment: QuickBooksPayment, written: QuickBooksPayment) -> str:
    """What a bookkeeper did to the placeholder."""
    if _lost_shares_alone(payment, written):
        return f"was taken off it in QuickBooks, where {money(payment.unapplied, payment.currency)} of it are unapplied"
    now = f"{money(payment.amount, payment.currency)} of {payment.date.isoformat()}"
    return f"was edited in QuickBooks (now {now})"


def fell(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, wanted: Decimal) -> Plan | None:
    """What of the placeholder came off because QuickBooks' invoice takes less is nobody's word about the payment."""
    payment = live_placeholder(case)
    if payment is None or payment.deposited or not _fell(case, payment):
        return None
    share = shares_of(payment).get(remote.id, ZERO)
    if wanted == share or says(case, FELL, Decision.QUICKBOOKS):
        return resize(case, invoice, remote, payment, share)
    form = f"a deposit of {money(remote.deposit, remote.currency)} was typed on its form"
    lowered = form if remote.deposit else f"it was lowered to {money(remote.total, remote.currency)}"
    return held(
        FELL,
        f"Invoice {invoice.number} is marked as paid; {lowered} in QuickBooks, so that "
        f"{money(payment.unapplied, payment.currency)} of the mark's payment are unapplied.",
        "Set that right on one side, or decide `quickbooks` to lower the payment for the mark.",
        Decision.QUICKBOOKS,
    )


def _fell(case: MarkCase, payment: QuickBooksPayment) -> bool:
    written = case.placeholder.written if case.placeholder is not None else None
    return written is not None and case.takes_less and lost_shares(payment, written)


def lost_shares(payment: QuickBooksPayment, written: QuickBooksPayment) -> bool:
    """Whether less of the placeholder is on its invoice than we wrote, and nothing else of it has changed."""
    return shares_of(payment) != shares_of(written) and _lost_shares_alone(payment, written)


def takes_less(now: QuickBooksInvoice, then: QuickBooksInvoice) -> bool:
    """Whether QuickBooks' invoice takes less than it did, and no more: its total fell, or a deposit was typed."""
    return now.balance <= ZERO and now.total - now.deposit < then.total - then.deposit


def is_edited(payment: QuickBooksPayment, written: QuickBooksPayment) -> bool:
    """Whether a bookkeeper has changed what the placeholder says since we wrote it; a deposited one is real money."""
    return not payment.deposited and (_says(payment), shares_of(payment)) != (_says(written), shares_of(written))


def _lost_shares_alone(payment: QuickBooksPayment, written: QuickBooksPayment) -> bool:
    """Whether all is as we wrote it, but that less of it is on its invoice."""
    was = shares_of(written)
    less = all(share <= was.get(name, ZERO) for name, share in shares_of(payment).items())
    return less and _says(payment) == _says(written) and not payment.others


def _says(payment: QuickBooksPayment) -> tuple[object, ...]:
    """What of it beside shares is a bookkeeper's edit; a merged customer, an account, a class and a rate are not."""
    return (
        payment.amount,
        payment.credit,
        payment.date,
        payment.method,
        payment.reference,
        payment.note,
    )


# --- one that is not there -----------------------------------------------------------------------


def _new(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, wanted: Decimal) -> Plan:
    if remote.balance == ZERO and remote.total > ZERO and not case.payments_pending:
        return NOTHING
    mark = case.mark
    again = mark is not None and mark.at == invoice.marked_paid_at and not mark.moving
    if again and not says(case, NOT_COVERED, Decision.PLACEHOLDER):
        if remote.balance == ZERO or _is_left_uncovered(case, remote):
            return NOTHING
        return _wait_or(case, lambda: _not_covered(case, invoice, remote))
    amount = remote.balance if again else wanted
    if remote.balance != amount:
        return _ask_apart(case, invoice, remote)
    if (question := _beside(case, invoice, None)) is not None:
        return question
    day = mark.day if mark is not None and mark.moving else None
    if day is None and not case.time_zone:
        return parked(
            TIME_ZONE_UNKNOWN,
            f"Invoice {invoice.number} was marked as paid; on which day depends on the time zone of the company.",
            "Set the company's time zone in the settings of the connection.",
        )
    day = day or day_of_mark(invoice, case.time_zone)
    if is_closed(case, day):
        if (step := _in_closed_period(case, invoice, day, amount)) is not None:
            return step
        day = case.today or day
    content = placeholder_content(case, invoice, remote, amount, day)
    return write(Side.QUICKBOOKS, Action.PLACEHOLDER_CREATE, content=content)


def _in_closed_period(case: MarkCase, invoice: RavetreeInvoice, day: date, amount: Decimal) -> Plan | None:
    """Ask about a mark of a day on which nothing is posted; None once its payment is to bear another day."""
    mark, amounts = _spelled(invoice.marked_paid_at), (plain(amount),)
    left = answered(case, IN_CLOSED_PERIOD, mark)
    if left is not None and left.amounts == amounts:
        return NOTHING
    if says(case, IN_CLOSED_PERIOD, Decision.LEAVE):
        return Plan(remember=Answer(IN_CLOSED_PERIOD, Decision.LEAVE, mark, amounts))
    today_too = is_closed(case, case.today)
    if says(case, IN_CLOSED_PERIOD, Decision.TODAY) and not today_too:
        return None
    remedy = (
        "Open the period in QuickBooks and press retry, or decide `leave` to leave it without a payment."
        if today_too
        else "Decide `today` to date its payment today, or `leave` it without one."
    )
    return held(
        IN_CLOSED_PERIOD,
        f"Invoice {invoice.number} was marked as paid on {day.isoformat()}, in a period that is closed in QuickBooks.",
        remedy,
        *(() if today_too else (Decision.TODAY,)),
        Decision.LEAVE,
    )


def _removed(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, wanted: Decimal) -> Plan:
    mark = case.mark
    if mark is not None and mark.at != invoice.marked_paid_at:
        # It was taken away and set again since: this is another mark.
        return Plan(releases_placeholder=True)
    if says(case, REMOVED, Decision.PLACEHOLDER):
        return Plan(releases_placeholder=True, forgets_mark=True)
    left, amounts = answered(case, REMOVED, ""), (plain(wanted), plain(remote.balance))
    if left is not None and left.amounts == amounts:
        return NOTHING
    if says(case, REMOVED, Decision.LEAVE):
        return Plan(remember=Answer(REMOVED, Decision.LEAVE, amounts=amounts))
    return held(
        REMOVED,
        f"Invoice {invoice.number} is marked as paid in Ravetree; its payment was removed in QuickBooks.",
        "Take the mark away in Ravetree, enter the payment, or decide `placeholder` (make it again) or `leave`.",
        Decision.PLACEHOLDER,
        Decision.LEAVE,
    )


def is_left(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> bool:
    """Whether a person left open in QuickBooks what the payment for the mark does not cover, as it is."""
    return _is_left_uncovered(case, remote) or _is_left_apart(case, invoice, remote)


def _is_left_uncovered(case: MarkCase, remote: QuickBooksInvoice) -> bool:
    left = answered(case, NOT_COVERED, "")
    return left is not None and left.amounts == (plain(remote.balance),)


def _is_left_apart(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> bool:
    left = answered(case, DIFFER, _spelled(invoice.marked_paid_at))
    return left is not None and left.amounts == _apart(case, invoice, remote)


def _apart(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> tuple[str, str]:
    """What the mark is to cover, and what the payment for it can cover in QuickBooks."""
    payment = live_placeholder(case)
    covers = remote.balance + (payment.amount if payment is not None else ZERO)
    return plain(marked_open(case, invoice)), plain(covers)


def _not_covered(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    if says(case, NOT_COVERED, Decision.LEAVE):
        return Plan(remember=Answer(NOT_COVERED, Decision.LEAVE, amounts=(plain(remote.balance),)))
    return held(
        NOT_COVERED,
        f"Invoice {invoice.number} is marked as paid in Ravetree; {money(remote.balance, invoice.currency)} of it are "
        "open in QuickBooks.",
        "Decide `placeholder` to enter a payment for the rest, or `leave` it open.",
        Decision.PLACEHOLDER,
        Decision.LEAVE,
    )


# --- money beside it -----------------------------------------------------------------------------


def _beside(case: MarkCase, invoice: RavetreeInvoice, holder: QuickBooksPayment | None) -> Plan | None:
    """Whether the customer has money that may be what the mark stands for: asked once for each payment."""
    asking = [p for p in case.unapplied if answered(case, BESIDE, p.id) is None]
    if asking:
        named = [p for p in asking if not case.decision_target or p.id == case.decision_target]
        if says(case, BESIDE, Decision.TWO):
            first, *others = (Answer(BESIDE, Decision.TWO, payment.id) for payment in named or asking)
            return Plan(remember=first, and_remember=tuple(others))
        meant = named[0] if len(named) == 1 else asking[0]
        if says(case, BESIDE, Decision.ONE) and len(named) == 1 and not is_tied(meant, case.below):
            most = holder.amount if holder is not None else marked_open(case, invoice)
            share = min(meant.unapplied, most)
            return Plan(remember=Answer(BESIDE, Decision.ONE, meant.id, (plain(share),)))
        return _ask_beside(case, invoice, holder, asking, meant)
    if case.credit_left > ZERO and holder is None:
        if says(case, CREDIT_BESIDE, Decision.PLACEHOLDER):
            return None
        return held(
            CREDIT_BESIDE,
            f"Invoice {invoice.number} is marked as paid; its customer has "
            f"{money(case.credit_left, invoice.currency)} of credit left in QuickBooks.",
            "Apply the credit memo in QuickBooks, or decide `placeholder` to enter a payment.",
            Decision.PLACEHOLDER,
        )
    return None


def _ask_beside(
    case: MarkCase,
    invoice: RavetreeInvoice,
    holder: QuickBooksPayment | None,
    asking: Sequence[QuickBooksPayment],
    meant: QuickBooksPayment,
) -> Plan:
    several = len(asking) > 1
    cause = (
        f"Invoice {invoice.number} is marked as paid; its customer has {money(meant.unapplied, meant.currency)} "
        f"unapplied in QuickBooks, payment Id {meant.id}" + (f" (and {len(asking) - 1} more)." if several else ".")
    )
    if is_tied(meant, case.below):
        first = "take the mark away and " if holder is not None else ""
        remedy = f"If it is for it, {first}apply Id {meant.id} in QuickBooks by hand; if not, decide `two`."
        return held(BESIDE, cause, remedy, *([Decision.ONE] if several else []), Decision.TWO, several=several)
    moves = " (it moves to the invoice's customer)" if meant.id in case.below else ""
    remedy = f"If it is the money for it, decide `one`{moves}; if it is other money, `two`."
    return held(BESIDE, cause, remedy, Decision.ONE, Decision.TWO, several=several)


def _carry_out(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan | None:
    """What was decided to be one: the placeholder makes room, then that payment is applied; it is copied by itself."""
    for answer in case.answers:
        if answer.code != BESIDE or answer.decision != Decision.ONE:
            continue
        payment = next((p for p in case.unapplied if p.id == answer.other), None)
        if payment is None:
            continue
        share = min(Decimal(answer.amounts[0]), payment.unapplied)
        holder = live_placeholder(case)
        if remote.balance < share and holder is not None and not holder.deposited:
            rest = max(ZERO, holder.amount - (share - remote.balance))
            return resize(case, invoice, remote, holder, rest)
        if ZERO < share <= remote.balance:
            return write(
                Side.QUICKBOOKS,
                Action.MONEY_APPLY,
                payment.id,
                payment.sync_token,
                _with_share(case, payment, remote, share),
            )
    return None


def _with_share(
    case: MarkCase, payment: QuickBooksPayment, remote: QuickBooksInvoice, share: Decimal
) -> PaymentContent:
    shares = shares_of(payment)
    shares[remote.id] = shares.get(remote.id, ZERO) + share
    payer = remote.customer_id if payment.id in case.below else payment.customer_id
    return with_shares(payment, shares, payment.unapplied - share, payer)


# --- what it is ----------------------------------------------------------------------------------


def day_of_mark(invoice: RavetreeInvoice, time_zone: str) -> date:
    """The day on which it was marked as paid, where the company is."""
    if invoice.marked_paid_at is None:
        return invoice.issue_date
    return day_in(time_zone, invoice.marked_paid_at)


def placeholder_content(
    case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, amount: Decimal, day: date
) -> PaymentContent:
    """The payment that stands for "marked as paid"."""
    return PaymentContent(
        party_id=remote.customer_id,
        date=day,
        amount=amount,
        credit=ZERO,
        unapplied=ZERO,
        currency=invoice.currency,
        reference="",
        marker=placeholder_marker(invoice.id, invoice.number, case.installation),
        allocations=(Allocation(remote.id, amount),),
    )


def put_back(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    """The placeholder that made room for an edit which QuickBooks then refused, as it was."""
    payment, wanted = live_placeholder(case), remote.balance
    if wanted == ZERO or not invoice.marked_paid:
        return NOTHING
    if payment is not None:
        content = placeholder_content(case, invoice, remote, payment.amount + wanted, payment.date)
        return write(Side.QUICKBOOKS, Action.PLACEHOLDER_UPDATE, payment.id, payment.sync_token, content)
    day = case.mark.day if case.mark is not None else None
    content = placeholder_content(case, invoice, remote, wanted, day or day_of_mark(invoice, case.time_zone))
    return write(Side.QUICKBOOKS, Action.PLACEHOLDER_CREATE, content=content)


def _as_written(written: QuickBooksPayment, payment: QuickBooksPayment) -> PaymentContent:
    """As it was, for the customer that it has now: a merge is no edit."""
    return replace(with_shares(written, shares_of(written), written.unapplied), party_id=payment.customer_id)


def _deposited(case: MarkCase, invoice: RavetreeInvoice, payment: QuickBooksPayment, wanted: Decimal) -> Plan:
    """It is the real money by now: nothing of ours changes it, and the books do not say the same."""
    got = money(payment.amount, payment.currency)
    if wanted == ZERO:
        cause = f"Invoice {invoice.number} is not marked as paid any more; {got} for it are deposited in QuickBooks."
    else:
        cause = (
            f"Invoice {invoice.number} is marked as paid with {money(wanted, invoice.currency)} open; "
            f"{got} for it are deposited in QuickBooks."
        )
    remedy = f"Enter the payment of {got} in Ravetree, or correct the deposit."
    return _wait_or(case, lambda: held("placeholder_deposited", cause, remedy))


def _ask_apart(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    """What is open there is not what the mark is to cover: a person has left it so, or is asked."""
    if _is_left_apart(case, invoice, remote):
        return NOTHING
    return _wait_or(case, lambda: _balances_differ(case, invoice, remote))


def _balances_differ(case: MarkCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    mark, amounts = _spelled(invoice.marked_paid_at), _apart(case, invoice, remote)
    if says(case, DIFFER, Decision.LEAVE):
        return Plan(remember=Answer(DIFFER, Decision.LEAVE, mark, amounts))
    here, there = (money(Decimal(amount), invoice.currency) for amount in amounts)
    if remote.total != invoice.total + case.accepted_gap:
        mine, other = (money(one.total, one.currency) for one in (invoice, remote))
        return held(
            DIFFER,
            f"Invoice {invoice.number} was marked as paid; {here} of {mine} are open in Ravetree, {there} of {other} "
            "in QuickBooks.",
            "Set the total right on one side and press retry, or decide `leave`.",
            Decision.LEAVE,
        )
    deposit = f" (a deposit of {money(remote.deposit, remote.currency)} stands on its form)" if remote.deposit else ""
    missing = "Take the deposit off its form" if deposit else "Enter the missing payment on one side"
    return held(
        DIFFER,
        f"Invoice {invoice.number} was marked as paid with {here} open in Ravetree and {there} in QuickBooks{deposit}.",
        f"{missing} and press retry, or decide `leave`.",
        Decision.LEAVE,
    )


def _wait_or(case: MarkCase, otherwise: Callable[[], Plan]) -> Plan:
    """Payments that are still to be looked at may be what is missing."""
    return Plan(waits_for=ANY_PAYMENT) if case.payments_pending else otherwise()


def _spelled(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
