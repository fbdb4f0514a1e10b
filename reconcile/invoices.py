"""Invoices: Ravetree decides what they say, both sides decide sent and void. See the table in docs/rules.md."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.documents import (
    DELETED,
    content_of,
    deleted_in_quickbooks,
    difference_after_write,
    not_to_push,
    tax_notices,
    without_lines,
)
from reconcile.invoiced_estimates import link_notices, link_of, plan_invoiced
from reconcile.marks import (
    CLOSED,
    IN_CLOSED_PERIOD,
    Mark,
    Placeholder,
    changed,
    fell,
    is_closed,
    let_go,
    live_placeholder,
    marked_open,
    plan_mark,
    resize,
    risen,
    take_away,
    takes_less,
    wanted_of,
)
from reconcile.model import (
    ANY_PAYMENT,
    NOTHING,
    ZERO,
    Answer,
    Attention,
    CompanyTax,
    DocumentContent,
    Gone,
    InvoiceContent,
    PaymentContent,
    Plan,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    Record,
    Side,
    TaxedTotal,
    held,
    money,
    plain,
    write,
)
from reconcile.open_balances import plan_open
from reconcile.payment_facts import shares_of
from reconcile.questions import answered, says

ENDED_IN_CLOSED_PERIOD = "ended_in_closed_period"
"""The code of the question what becomes of an invoice that ended in Ravetree after its period was closed."""

DRIFT = "drift_before_overwrite"
"""The code of the question whether Ravetree's content goes over an edit of a bookkeeper's."""

VALID_AGAIN = "valid_again_in_quickbooks"
"""The code of the question what becomes of an invoice that was void in both books, and is not any more in one."""

CLOSED_CODES = frozenset({CLOSED, IN_CLOSED_PERIOD, ENDED_IN_CLOSED_PERIOD})
"""Questions that are asked because of the closing date."""

MAYBE_VOIDED = "maybe_voided"
"""The code of the question whether an invoice of nothing is void."""

ON_CREATE, WHEN_SENT = "create", "sent"
"""When a draft goes to QuickBooks."""

EMAIL_SENT, NOT_SET = "EmailSent", "NotSet"
"""What QuickBooks says of an invoice's sending."""

_NOT_SENT = "QuickBooks was to send it, and does not: its new client has no e-mail address."

VOID, DELETE = "void", "delete"
"""What becomes in QuickBooks of an invoice that is deleted in Ravetree."""


def is_left_for_good(said: Collection[Answer], quickbooks_id: str, was: QuickBooksPayment | None) -> bool:
    """Whether a person left an invoice so for good: a payment that comes over it later is no matter of ours.

    That is one that ended in Ravetree alone, and one that stands in Ravetree alone, unless the payment lay on it in
    both books before: `was` is what QuickBooks said of it then.
    """
    if any(answer.code in (ENDED_IN_CLOSED_PERIOD, VALID_AGAIN) for answer in said):
        return True
    is_left = any((answer.code, answer.other) == (DELETED, quickbooks_id) for answer in said)
    return is_left and (was is None or quickbooks_id not in shares_of(was))


@dataclass(frozen=True)
class InvoiceBase:
    """What a paired invoice looked like on both sides when Ravetree's content was last written.

    `accepted` is what QuickBooks has more, as a person decided.
    """

    ravetree: RavetreeInvoice
    quickbooks: QuickBooksInvoice
    line_ids: Mapping[str, str] = field(default_factory=dict)
    accepted: TaxedTotal | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class InvoiceCase:
    """All that decides about one invoice.

    `customer` is the linked customer's id, a record to wait for, or why a person must look; None while unknown.
    `payments_pending` says that payments of this connection are still to be looked at, so that what
    seems to disagree may be under way. `decision` is what a person said of this invoice: `overwrite` an edit made
    in QuickBooks, `leave` it deleted there, or that unapplied money and the mark as paid are `two` things.
    `sent_written` says that QuickBooks took our mark as sent: no source says that it keeps it. `estimate` is the
    QuickBooks estimate behind the invoice, or Ravetree's that is still to be pushed, `estimate_invoices` what others
    have invoiced of it in QuickBooks. The two policies are the
    bookkeeper's: `draft_policy` `create` or `sent`, `delete_policy` `void` or `delete`. `installation` is the id that
    our markers bear. `time_zone` is the company's, in which an instant has its date (`day_in`); empty while unknown.
    `void_told` says that an event told of its void, `void_before` that QuickBooks' was void once both had ended.
    `tax`, `customer_taxable` and `percents` are what `References` says of them. `left_alone` is by how
    much more QuickBooks has open because a person left payments on one side.
    """

    ravetree: RavetreeInvoice | Gone | None
    quickbooks: QuickBooksInvoice | Gone | None
    base: InvoiceBase | None
    customer: str | Record | Attention | None = None
    customer_email: str = ""
    customer_address: Mapping[str, str] | None = None
    items: Mapping[str, str] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    us_company: bool = True
    tax: CompanyTax = field(default_factory=CompanyTax)
    customer_taxable: bool = True
    percents: Mapping[str, Decimal] = field(default_factory=dict)
    since: datetime | None = None
    requested: bool = False
    numbers_kept: bool = False
    payments_pending: bool = False
    paired_payments: tuple[Record, ...] = ()
    placeholder: Placeholder | None = None
    mark: Mark | None = None
    unapplied: tuple[QuickBooksPayment, ...] = ()
    below: frozenset[str] = frozenset()
    credit_left: Decimal = ZERO
    time_zone: str = "UTC"
    today: date | None = None
    books_closed: date | None = None
    is_current: bool = True
    unseen_payments: tuple[Record, ...] = ()
    payments_under_way: bool = False
    left_alone: Decimal = ZERO
    decision: str = ""
    decided_on: str = ""
    decision_target: str = ""
    answers: tuple[Answer, ...] = ()
    sent_written: bool = False
    void_told: bool = False
    void_before: bool = False
    estimate: QuickBooksEstimate | Record | None = None
    estimate_invoices: tuple[QuickBooksInvoice, ...] = ()
    draft_policy: str = ON_CREATE
    delete_policy: str = VOID
    installation: str = ""

    @property
    def accepted_gap(self) -> Decimal:
        """By how much QuickBooks' total is more, as a person decided, and as it still is."""
        now, base = self.quickbooks, self.base
        if isinstance(now, QuickBooksInvoice) and base is not None and now.total != base.quickbooks.total:
            return ZERO
        return _accepted(base)

    @property
    def wanted_here(self) -> Decimal:
        """What Ravetree wants of the placeholder, whatever was done in QuickBooks since its content was written."""
        return wanted_of(self.ravetree, _accepted(self.base)) if isinstance(self.ravetree, RavetreeInvoice) else ZERO

    @property
    def takes_less(self) -> bool:
        """Whether QuickBooks' invoice takes less than we wrote, and no more: its total fell, or a deposit was typed."""
        now, base = self.quickbooks, self.base
        return isinstance(now, QuickBooksInvoice) and base is not None and takes_less(now, base.quickbooks)


def plan(case: InvoiceCase) -> Plan:
    """The next step for one invoice."""
    if case.base is None:
        return _plan_unpaired(case)
    if isinstance(case.quickbooks, Gone):
        return _plan_deleted_in_quickbooks(case)
    if case.quickbooks is None:
        raise ValueError("a paired invoice is planned with QuickBooks' copy of it")
    if case.ravetree is None or isinstance(case.ravetree, Gone) or case.ravetree.void:
        return _plan_ended_in_ravetree(case, case.quickbooks)
    if case.quickbooks.voided and (case.void_told or answered(case, MAYBE_VOIDED) is None):
        return _plan_voided_in_quickbooks(case, case.ravetree, case.quickbooks, case.base)
    found = _plan_live(case, case.ravetree, case.quickbooks, case.base)
    notices = (*_notices(case.base), *link_notices(case), *found.notices)
    return replace(found, notices=notices) if found.is_at_rest else found


def _notices(base: InvoiceBase) -> tuple[str, ...]:
    """What of the invoice is not in QuickBooks as it is in Ravetree, for good."""
    kept = base.quickbooks.due_date
    if base.ravetree.due_date is not None or kept is None:
        return base.notices
    return (*base.notices, f"It is due on {kept.isoformat()} in QuickBooks, which wants a date; Ravetree has none.")


# --- not yet in QuickBooks -----------------------------------------------------------------------


def _plan_unpaired(case: InvoiceCase) -> Plan:
    invoice = case.ravetree
    if invoice is None:
        return Plan(ignored="made in QuickBooks")
    if isinstance(invoice, Gone) or invoice.void:
        return Plan(ignored="not in Ravetree" if isinstance(invoice, Gone) else "void in Ravetree")
    if why := not_to_push(case, invoice.created_at):
        return Plan(ignored=why)
    if not invoice.lines:
        return Plan(ignored="no lines yet")
    begun = invoice.sent or invoice.marked_paid or invoice.paid_amount > ZERO
    if case.draft_policy == WHEN_SENT and not (begun or case.requested):
        return Plan(ignored="a draft: it is pushed when it is sent")
    if isinstance(case.estimate, Record):
        return Plan(waits_for=case.estimate)
    if (question := plan_invoiced(case, invoice)) is not None:
        return question
    content = _content(case, invoice, None, None)
    if isinstance(content, Plan):
        return content
    return write(Side.QUICKBOOKS, Action.INVOICE_CREATE, content=content)


# --- in both books -------------------------------------------------------------------------------


def _plan_live(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> Plan:
    if invoice.owned() != base.ravetree.owned():
        return _plan_overwrite(case, invoice, remote, base)
    to_mark_sent = invoice.sent and not (remote.emailed or remote.to_be_sent or case.sent_written)
    sent = write(Side.QUICKBOOKS, Action.INVOICE_MARK_SENT, remote.id, remote.sync_token)
    # In a closed period QuickBooks refuses it: what is asked about money comes first there.
    if to_mark_sent and not is_closed(case, remote.issue_date):
        return sent
    if remote.emailed and not invoice.sent:
        return write(Side.RAVETREE, Action.INVOICE_MARK_SENT, invoice.id, invoice.version)
    if difference := difference_after_write(case, base, remote):
        return difference
    step = plan_mark(case, invoice, remote)
    if step == NOTHING:
        step = plan_open(case, invoice, remote)
    if step.is_at_rest and to_mark_sent:
        return sent
    if step.is_at_rest:
        more = (*tax_notices(case, remote), *_open_cents(invoice, remote, base))
        return replace(step, notices=(*step.notices, *more))
    return step


def _accepted(base: InvoiceBase | None) -> Decimal:
    """By how much QuickBooks' total is more, as a person decided."""
    return base.accepted.total if base is not None and base.accepted is not None else ZERO


def _open_cents(invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> tuple[str, ...]:
    """An accepted difference that is all that one side has open, once the other side is paid."""
    gap = _accepted(base)
    open_ones = (("Ravetree", invoice.balance, -gap), ("QuickBooks", remote.balance, gap))
    return tuple(
        f"Invoice {invoice.number}: {money(left, invoice.currency)} stay open in {where}, the accepted difference."
        for where, left, part in open_ones
        if ZERO < left <= part and invoice.balance != remote.balance
    )


def _plan_overwrite(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> Plan:
    name = f"Invoice {invoice.number}"
    if not invoice.lines:
        return without_lines(invoice)
    # What a person is asked, or has said, about the placeholder comes before what is asked about the edit.
    if (step := _about_placeholder(case, invoice, remote, base)) is not None:
        return step
    room = _make_room(case, invoice, remote, base)
    if room is not None and not room.writes:
        return room
    settled = remote.paid_amount - _freed(case, room)
    content = _content(case, invoice, base, remote)
    moves = isinstance(content, Plan) or content.customer_id != remote.customer_id
    if settled > ZERO and invoice.client_id != base.ravetree.client_id and moves:
        return held(
            "client_changed_with_payments",
            f"{name} got another client in Ravetree, but QuickBooks has {_paid_by(remote)} on it.",
            f"{_take_off(remote)} or set the client back.",
        )
    if settled > ZERO and invoice.currency != base.ravetree.currency:
        return held(
            "currency_changed_with_payments",
            f"{name} got another currency in Ravetree, but QuickBooks has {_paid_by(remote)} on it.",
            f"{_take_off(remote)} or set the currency back.",
        )
    if invoice.total + _accepted(base) < settled:
        if case.payments_pending:
            return Plan(waits_for=ANY_PAYMENT)
        return held(
            "total_below_paid",
            f"{name} fell to {money(invoice.total, invoice.currency)} in Ravetree, but "
            f"{money(settled, invoice.currency)} of it are paid in QuickBooks{_as_deposit(remote)}.",
            "Correct the lines, or take the payment back first.",
        )
    if isinstance(content, Plan):
        return content
    if settled > ZERO and content.customer_id != remote.customer_id:
        return held(
            "customer_differs_with_payments",
            f"{name} has another customer in QuickBooks, and {_paid_by(remote)} on it.",
            f"{_take_off(remote)} in QuickBooks, or set its customer right there; then press retry.",
        )
    overwrites = says(case, DRIFT, Decision.OVERWRITE)
    if not overwrites and (weighty := _weighty_changes(invoice, base, remote, content)):
        return held(
            DRIFT,
            f"{name} is linked to {remote.number} in QuickBooks, where its content would change {weighty}.",
            "Set it right in QuickBooks and press retry, or decide `overwrite`.",
            Decision.OVERWRITE,
        )
    if not overwrites and _shows_weighty_drift(base.quickbooks, remote, content):
        return held(
            DRIFT,
            f"{name} was edited in QuickBooks (now {money(remote.total, remote.currency)}) and then in Ravetree.",
            "Undo the edit in QuickBooks and press retry, or decide `overwrite`.",
            Decision.OVERWRITE,
        )
    # Nothing makes room for an edit that a person is asked about first.
    return room or write(Side.QUICKBOOKS, Action.INVOICE_UPDATE, remote.id, remote.sync_token, content)


def _about_placeholder(
    case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase
) -> Plan | None:
    """The question what the placeholder is, where an edit touches it, or what was answered to that."""
    payment = live_placeholder(case)
    if payment is None or payment.deposited:
        return None
    moved, wanted = _wanted_then(case, invoice, base)
    if _raises_closed(case, payment) and not moved:
        return changed(case, invoice)
    if payment.amount <= wanted:
        return None
    return changed(case, invoice) or (None if moved else fell(case, invoice, remote, wanted))


def _make_room(
    case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase
) -> Plan | None:
    """Before an edit the placeholder comes down to what is marked as paid then, or away for another client.

    One that cannot be raised afterwards, in a closed period, is asked about before anything is written.
    """
    payment = live_placeholder(case)
    if payment is None or payment.deposited:
        return None
    moved, wanted = _wanted_then(case, invoice, base)
    if _raises_closed(case, payment) and not moved:
        return take_away(case, invoice.number, payment, wanted)
    return resize(case, invoice, remote, payment, wanted) if payment.amount > wanted else None


def _wanted_then(case: InvoiceCase, invoice: RavetreeInvoice, base: InvoiceBase) -> tuple[bool, Decimal]:
    """Whether an edit gives the invoice another client or currency, and what is wanted of its placeholder before it."""
    moved = (invoice.client_id, invoice.currency) != (base.ravetree.client_id, base.ravetree.currency)
    return moved, ZERO if moved else marked_open(case, invoice)


def _raises_closed(case: InvoiceCase, payment: QuickBooksPayment) -> bool:
    return raises_mark(case) and is_closed(case, payment.date)


def _freed(case: InvoiceCase, room: Plan | None) -> Decimal:
    """How much less is paid in QuickBooks once the placeholder has made room."""
    payment = live_placeholder(case)
    if room is None or payment is None:
        return ZERO
    content = room.writes[0].content
    left = content.amount if isinstance(content, PaymentContent) else ZERO
    return sum((a.amount for a in payment.allocations), ZERO) - left


def raises_mark(case: InvoiceCase) -> bool:
    """Whether a placeholder is to be raised behind an edit: a closed period is to be known before that is written."""
    payment, invoice = live_placeholder(case), case.ravetree
    if payment is None or payment.deposited or not isinstance(invoice, RavetreeInvoice):
        return False
    return marked_open(case, invoice) > payment.amount and bool(risen(case, invoice, payment))


def _weighty_changes(
    invoice: RavetreeInvoice, base: InvoiceBase, remote: QuickBooksInvoice, wanted: InvoiceContent
) -> str:
    """What of an invoice that a person tied to ours, of an estimate, is not changed in passing."""
    if base.ravetree.lines or invoice.estimate_id is None:
        return ""
    changes = []
    if remote.total != wanted.total:
        changes.append(f"the total from {money(remote.total, remote.currency)} to {wanted.total:,.2f}")
    if remote.customer_id != wanted.customer_id:
        changes.append("the customer")
    if remote.paid_amount > ZERO:
        changes.append(f"what {remote.paid_amount:,.2f} was paid for")
    return " and ".join(changes)


def _shows_weighty_drift(base: QuickBooksInvoice, now: QuickBooksInvoice, wanted: InvoiceContent) -> bool:
    """Whether somebody changed the total or added lines in QuickBooks, other than to what we want anyway."""
    if now.total != base.total and now.total != wanted.total:
        return True
    # Lines without a charge are kept where they are.
    before, charged = (sum(1 for line in one.lines if line.amount) for one in (base, now))
    return charged > before and charged != sum(1 for line in wanted.lines if line.amount)


def _as_deposit(remote: QuickBooksInvoice) -> str:
    """How much of what is paid stands on the form, where no payment can be removed."""
    return f", {money(remote.deposit, remote.currency)} as a deposit on its form" if remote.deposit else ""


def _paid_by(remote: QuickBooksInvoice) -> str:
    """What of QuickBooks' pays it."""
    deposit = f"a deposit of {money(remote.deposit, remote.currency)} on the form"
    payments = remote.paid_amount > remote.deposit
    return " and ".join([*(["payments"] if payments else []), *([deposit] if remote.deposit else [])])


def _take_off(remote: QuickBooksInvoice) -> str:
    """How a person makes it unpaid."""
    if remote.paid_amount <= remote.deposit:
        return "Take the deposit off the form"
    return "Remove the payments" + (" and the deposit on the form" if remote.deposit else "")


# --- void and deleted ----------------------------------------------------------------------------


def _plan_ended_in_ravetree(case: InvoiceCase, remote: QuickBooksInvoice) -> Plan:
    """Void and deleted in Ravetree both become void in QuickBooks; payments on it stop that."""
    if remote.voided:
        return _let_go(case, remote.number) or NOTHING
    if (step := _valid_again(case, remote)) is not None:
        return step
    if (done := _left_in_closed_period(case, remote)) is not None:
        return done
    holder = live_placeholder(case)
    if holder is not None and not holder.deposited:
        void = case.ravetree if isinstance(case.ravetree, RavetreeInvoice) else None
        return changed(case, void) or take_away(case, remote.number, holder)
    if remote.paid_amount > ZERO:
        if case.payments_pending:
            return Plan(waits_for=ANY_PAYMENT)
        return held(
            "void_with_payments",
            f"Invoice {remote.number} was voided in Ravetree, but "
            f"{money(remote.paid_amount, remote.currency)} of it are paid in QuickBooks{_as_deposit(remote)}.",
            f"{_take_off(remote)} in QuickBooks, then press retry.",
        )
    # What is void already stays as it is: a deletion after a void takes nothing more off the books.
    deletes = case.delete_policy == DELETE and isinstance(case.ravetree, Gone)
    ended = Action.INVOICE_DELETE if deletes else Action.INVOICE_VOID
    return write(Side.QUICKBOOKS, ended, remote.id, remote.sync_token)


def _valid_again(case: InvoiceCase, remote: QuickBooksInvoice) -> Plan | None:
    """What was void in both books and is valid again in QuickBooks: nobody has said that it is to be void there too."""
    if not case.void_before or says(case, VALID_AGAIN, Decision.RAVETREE):
        return None
    left, amounts = answered(case, VALID_AGAIN), (plain(remote.total),)
    if left is not None and left.amounts == amounts:
        return Plan(ignored="left as it is in QuickBooks")
    if says(case, VALID_AGAIN, Decision.LEAVE):
        return Plan(remember=Answer(VALID_AGAIN, Decision.LEAVE, amounts=amounts))
    return held(
        VALID_AGAIN,
        f"Invoice {remote.number} had ended in both books; in QuickBooks it comes to "
        f"{money(remote.total, remote.currency)} again.",
        "Decide `leave` to keep it in QuickBooks alone, or `ravetree` to void it there again.",
        Decision.LEAVE,
        Decision.RAVETREE,
    )


def _left_in_closed_period(case: InvoiceCase, remote: QuickBooksInvoice) -> Plan | None:
    """Nothing is taken off the books of a closed period: it stays there for good if a person says so."""
    if not is_closed(case, remote.issue_date):
        return None
    if answered(case, ENDED_IN_CLOSED_PERIOD) is not None:
        return Plan(ignored="left as it is in a closed period")
    if says(case, ENDED_IN_CLOSED_PERIOD, Decision.LEAVE):
        return Plan(remember=Answer(ENDED_IN_CLOSED_PERIOD, Decision.LEAVE))
    return held(
        ENDED_IN_CLOSED_PERIOD,
        f"Invoice {remote.number} was voided in Ravetree; its date {remote.issue_date.isoformat()} is in a period that "
        "is closed in QuickBooks.",
        "Enter a credit memo for it in the open period, then decide `leave`.",
        Decision.LEAVE,
    )


def is_known_void(now: QuickBooksInvoice, then: QuickBooksInvoice) -> bool:
    """Whether an invoice is void beyond doubt: it came to something, and nothing is left of that."""
    return now.voided and bool(then.total or any(line.amount for line in then.lines))


def _plan_voided_in_quickbooks(
    case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase
) -> Plan:
    """Void is final: Ravetree's payments lose the invoice first, since a void invoice takes none there."""
    if not (is_known_void(remote, base.quickbooks) or case.void_told):
        if says(case, MAYBE_VOIDED, Decision.LEAVE):
            return Plan(remember=Answer(MAYBE_VOIDED, Decision.LEAVE))
        if not says(case, MAYBE_VOIDED, Decision.QUICKBOOKS):
            return held(
                MAYBE_VOIDED,
                f"Invoice {invoice.number} comes to nothing, and its note in QuickBooks begins as that of a void one.",
                "Decide `quickbooks` if it is void there, or `leave` if it is not.",
                Decision.QUICKBOOKS,
                Decision.LEAVE,
            )
    if (step := _let_go(case, invoice.number)) is not None:
        return step
    if invoice.paid_amount > ZERO:
        if case.paired_payments:
            return Plan(look_at=case.paired_payments, waits_for=ANY_PAYMENT)
        return held(
            "voided_in_quickbooks_with_payments",
            f"Invoice {invoice.number} was voided in QuickBooks, but Ravetree has "
            f"{money(invoice.paid_amount, invoice.currency)} on it that cannot be taken off by itself.",
            "Settle or remove that payment in Ravetree, then press retry.",
        )
    return write(Side.RAVETREE, Action.INVOICE_VOID, invoice.id, invoice.version)


def _let_go(case: InvoiceCase, number: str) -> Plan | None:
    """What stood for the mark of an invoice that has ended in QuickBooks."""
    return let_go(case, case.ravetree if isinstance(case.ravetree, RavetreeInvoice) else None, number)


def _plan_deleted_in_quickbooks(case: InvoiceCase) -> Plan:
    number = case.ravetree.number if isinstance(case.ravetree, RavetreeInvoice) else ""
    if (step := _let_go(case, number or (case.base.quickbooks.number if case.base is not None else ""))) is not None:
        return step
    if case.ravetree is None or isinstance(case.ravetree, Gone) or case.ravetree.void:
        return NOTHING
    return deleted_in_quickbooks(case, case.ravetree)


# --- content -------------------------------------------------------------------------------------


def _content(
    case: InvoiceCase, invoice: RavetreeInvoice, base: InvoiceBase | None, remote: QuickBooksInvoice | None
) -> InvoiceContent | Plan:
    """The invoice in QuickBooks' references, or what is missing for that."""
    content = content_of(case, invoice, base.line_ids if base else {})
    if isinstance(content, Plan):
        return content
    status = _email_status(invoice, remote, content)
    if status == NOT_SET:
        content = replace(content, notices=(*content.notices, _NOT_SENT))
    return InvoiceContent(
        **vars(content),
        due_date=invoice.due_date,
        email_status=status,
        drops_due_date=base is not None and base.ravetree.due_date is not None and invoice.due_date is None,
        estimate_id=link_of(case, content.customer_id) if case.base is None else None,
    )


def _email_status(invoice: RavetreeInvoice, remote: QuickBooksInvoice | None, content: DocumentContent) -> str:
    """What is said of its sending: that it is sent, over nothing; never that QuickBooks should send it."""
    if remote is not None and remote.to_be_sent:
        # QuickBooks takes no invoice that it should send to nobody.
        return NOT_SET if content.address is not None and not content.email else ""
    return EMAIL_SENT if invoice.sent and not (remote is not None and remote.emailed) else ""
