"""The canonical model: what both sides' records mean, free of either side's spelling.

Money is `Decimal` beside a currency code, dates are `date`, instants are aware UTC datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from reconcile.actions import Action
from reconcile.decisions import Decision

ZERO = Decimal(0)


class Side(StrEnum):
    """Whose record it is."""

    RAVETREE = "ravetree"
    QUICKBOOKS = "quickbooks"

    @property
    def spelled(self) -> str:
        """Its name as people write it."""
        return "Ravetree" if self is Side.RAVETREE else "QuickBooks"


class Kind(StrEnum):
    """What it is a record of. `CREDIT`: a credit memo of QuickBooks', which is copied and never synced."""

    CONTACT = "contact"
    ESTIMATE = "estimate"
    INVOICE = "invoice"
    PAYMENT = "payment"
    CREDIT = "credit"


SYNCED = (Kind.CONTACT, Kind.ESTIMATE, Kind.INVOICE, Kind.PAYMENT)
"""The kinds that stand in both books."""


class Likeness(StrEnum):
    """What a document whose number is taken has in common with the one that has it.

    `SAME` customer, total and date; the `CUSTOMER` alone; `VOID` is a document of ours; `NONE`: nothing that helps.
    """

    SAME = "same"
    CUSTOMER = "customer"
    VOID = "void"
    NONE = "none"


@dataclass(frozen=True, order=True)
class Record:
    """The name of one record on one side; what is waited for can be none of them, but `any_of`, `switch_on_of` …"""

    side: Side
    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.side}:{self.kind}:{self.id}"

    @property
    def is_one(self) -> bool:
        """Whether it names a record."""
        return self.id not in (_ANY, _SWITCH_ON) and not self.is_release

    @property
    def is_any(self) -> bool:
        """Whether it stands for whichever record of its kind gets on first."""
        return self.id == _ANY

    @property
    def is_switch_on(self) -> bool:
        """Whether it stands for the next time that its kind is switched on."""
        return self.id == _SWITCH_ON

    @property
    def is_release(self) -> bool:
        """Whether it stands for the moment in which an operator lets writes go on."""
        return self.id.startswith(_RELEASE)


_ANY, _SWITCH_ON, _RELEASE = "*", "switch-on", "brake "
"""In place of an id, the last one with what is stopped behind it. Neither side has ids like these."""


def any_of(side: Side, kind: Kind) -> Record:
    """What is waited for while any record of a kind may help."""
    return Record(side, kind, _ANY)


def switch_on_of(kind: Kind) -> Record:
    """What is waited for while a kind is switched off."""
    return Record(Side.RAVETREE, kind, _SWITCH_ON)


def release_of(side: Side, kind: Kind, part: str) -> Record:
    """What is waited for while writes of `part`, a side or a kind, are stopped."""
    return Record(side, kind, f"{_RELEASE}{part}")


ANY_PAYMENT = any_of(Side.RAVETREE, Kind.PAYMENT)
"""What waits for it goes on whenever a payment has got on."""


@dataclass(frozen=True)
class Gone:
    """A record that was deleted on its side."""

    id: str


@dataclass(frozen=True)
class TaxedTotal:
    """What a document comes to, and the tax in it."""

    total: Decimal
    tax: Decimal

    def above(self, other: "TaxedTotal") -> "TaxedTotal":
        """By how much it is more."""
        return TaxedTotal(self.total - other.total, self.tax - other.tax)


EVEN = TaxedTotal(ZERO, ZERO)
"""No difference."""


# --- Ravetree ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RavetreeContact:
    """A client: a person or an account. `email` is the bill-to contact's where there is one."""

    id: str
    version: int
    kind: str
    name: str
    email: str
    phone: str
    currency: str
    active: bool
    address: Mapping[str, str] = field(default_factory=dict)
    merged_into: str | None = None


@dataclass(frozen=True)
class RavetreeLine:
    """One line of an invoice. `type` is one of Ravetree's line item types."""

    id: str
    type: str
    description: str
    quantity: Decimal | None
    unit_price: Decimal | None
    amount: Decimal
    service_date: date | None
    taxable: bool
    tax_rate: str | None


@dataclass(frozen=True)
class RavetreeInvoice:
    """An invoice as Ravetree has it; `sent` is a fact that stays once it is true."""

    id: str
    version: int
    number: str
    client_id: str
    status: str
    issue_date: date
    due_date: date | None
    currency: str
    memo: str
    lines: tuple[RavetreeLine, ...]
    discount: tuple[tuple[str, str], ...]
    tax_inclusive: bool
    tax_amount: Decimal
    total: Decimal
    balance: Decimal
    sent: bool
    marked_paid_at: datetime | None
    created_at: datetime
    estimate_id: str | None = None

    @property
    def void(self) -> bool:
        """Whether it was voided in Ravetree."""
        return self.status == "void"

    @property
    def marked_paid(self) -> bool:
        """Whether a user set it to paid by hand."""
        return self.marked_paid_at is not None

    @property
    def paid_amount(self) -> Decimal:
        """What is settled of it, in its currency."""
        return self.total - self.balance

    def owned(self) -> tuple[Any, ...]:
        """What Ravetree decides: a change of any of it goes to QuickBooks."""
        return (
            self.number,
            self.client_id,
            self.issue_date,
            self.due_date,
            self.currency,
            self.memo,
            self.lines,
            self.discount,
            self.tax_inclusive,
            self.tax_amount,
            self.total,
        )


@dataclass(frozen=True)
class RavetreeEstimate:
    """An estimate as Ravetree has it."""

    id: str
    version: int
    number: str
    client_id: str
    status: str
    issue_date: date
    expires_on: date | None
    currency: str
    memo: str
    lines: tuple[RavetreeLine, ...]
    discount: tuple[tuple[str, str], ...]
    tax_inclusive: bool
    tax_amount: Decimal
    total: Decimal
    created_at: datetime

    def owned(self) -> tuple[Any, ...]:
        """What goes to QuickBooks when it changes: all that it says, its status included."""
        return (
            self.number,
            self.client_id,
            self.status,
            self.issue_date,
            self.expires_on,
            self.currency,
            self.memo,
            self.lines,
            self.discount,
            self.tax_inclusive,
            self.tax_amount,
            self.total,
        )


@dataclass(frozen=True)
class Allocation:
    """A part of a payment that settles one invoice, by that side's invoice id."""

    invoice_id: str
    amount: Decimal


@dataclass(frozen=True)
class RavetreePayment:
    """Money received as Ravetree has it: Σ allocations = amount + credit_amount − unapplied."""

    id: str
    version: int
    client_id: str
    date: date
    amount: Decimal
    credit_amount: Decimal
    unapplied: Decimal
    currency: str
    reference: str
    memo: str
    allocations: tuple[Allocation, ...]
    origin: str
    external_id: str | None
    voided: bool
    method: str | None = None
    created_at: datetime | None = None


# --- QuickBooks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class QuickBooksCustomer:
    """A customer of the company's list."""

    id: str
    sync_token: int
    name: str
    email: str
    currency: str
    active: bool
    company_name: str = ""
    phone: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    is_project: bool = False
    parent_id: str = ""
    is_taxable: bool = True


@dataclass(frozen=True)
class QuickBooksLine:
    """One sales line; generated subtotals are left out. `gross` is its amount with tax, where its price includes it."""

    id: str
    item_id: str
    description: str
    quantity: Decimal | None
    unit_price: Decimal | None
    amount: Decimal
    service_date: date | None
    tax_code: str | None
    class_id: str | None
    gross: Decimal | None = None


@dataclass(frozen=True)
class QuickBooksInvoice:
    """An invoice as QuickBooks has it."""

    id: str
    sync_token: int
    number: str
    customer_id: str
    issue_date: date
    due_date: date | None
    currency: str
    memo: str
    lines: tuple[QuickBooksLine, ...]
    discount: Decimal
    tax_amount: Decimal
    total: Decimal
    balance: Decimal
    emailed: bool
    voided: bool
    payment_ids: tuple[str, ...]
    to_be_sent: bool = False
    deposit: Decimal = ZERO
    estimate_ids: tuple[str, ...] = ()

    @property
    def paid_amount(self) -> Decimal:
        """What is settled of it, by payments and by credit, in its currency."""
        return self.total - self.balance


@dataclass(frozen=True)
class QuickBooksEstimate:
    """An estimate as QuickBooks has it; `status` is its TxnStatus."""

    id: str
    sync_token: int
    number: str
    customer_id: str
    status: str
    issue_date: date
    expires_on: date | None
    currency: str
    memo: str
    lines: tuple[QuickBooksLine, ...]
    discount: Decimal
    tax_amount: Decimal
    total: Decimal
    invoice_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuickBooksPayment:
    """Money received as QuickBooks has it. `credit` is what its lines take from credit memos.

    `others` are the kinds of transactions beside invoices and credit memos that its lines are about.
    """

    id: str
    sync_token: int
    customer_id: str
    date: date
    amount: Decimal
    unapplied: Decimal
    currency: str
    reference: str
    note: str
    allocations: tuple[Allocation, ...]
    credit: Decimal
    deposited: bool
    voided: bool
    created_at: datetime
    method: str | None = None
    others: tuple[str, ...] = ()

    @property
    def is_credit_link(self) -> bool:
        """Whether QuickBooks made it to link a credit memo: it moves no money."""
        return self.amount == ZERO and not self.voided


@dataclass(frozen=True)
class Percent:
    """What a tax rate charges, from one day to another; None where it has no beginning or no end."""

    value: Decimal
    since: date | None = None
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether this is what the rate charges on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class CompanyTax:
    """How a company charges tax: `is_charged` says whether at all, `codes` the rates of each tax code by their ids.

    `after_discount` is what was learned of the company, empty as long as nothing was.
    """

    is_charged: bool = True
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rates: Mapping[str, tuple[Percent, ...]] = field(default_factory=dict)
    after_discount: str = ""

    def percents(self, code: str | None, day: date) -> Mapping[str, Decimal] | None:
        """What each rate of a code charges on a day, by the rate's id; None where that is not known."""
        if code is None or code not in self.codes:
            return None
        found = {}
        for rate in self.codes[code]:
            valid = [percent.value for percent in self.rates.get(rate, ()) if percent.holds_on(day)]
            if not valid:
                return None
            found[rate] = valid[-1]
        return found

    def is_free(self, code: str | None, day: date) -> bool:
        """Whether a code charges nothing on a day: at 0 %, or without any rate."""
        percents = self.percents(code, day)
        return percents is not None and not any(percents.values())


# --- The plan ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ContentLine:
    """A line as it is to stand in QuickBooks. `key` is Ravetree's line id, `line_id` QuickBooks' if it has one.

    `below` is what of the description goes into lines of text behind it.
    Outside the US, where prices include tax, `gross` is the amount with it and `amount` what is left.
    """

    key: str
    line_id: str | None
    item_id: str
    description: str
    quantity: Decimal | None
    unit_price: Decimal | None
    amount: Decimal
    service_date: date | None
    tax_code: str | None
    below: tuple[str, ...] = ()
    gross: Decimal | None = None


@dataclass(frozen=True)
class Foreseen:
    """What QuickBooks will come to, by what that would show of the company; `known` is what was learned of it before.

    `is_accepted` says that a person keeps what differs from Ravetree's total and tax.
    """

    outcomes: Mapping[str, TaxedTotal] = field(default_factory=dict)
    known: str = ""
    is_accepted: bool = False

    @property
    def likely(self) -> tuple[TaxedTotal, ...]:
        """All that may come out: one, unless no source says which and nothing was learned."""
        if self.known in self.outcomes:
            return (self.outcomes[self.known],)
        return tuple(dict.fromkeys(self.outcomes.values()))


@dataclass(frozen=True)
class DocumentContent:
    """What Ravetree decides about an invoice or an estimate, in QuickBooks' references.

    `address` is the customer's, given where the document gets another customer. `own_lines` are the ids of the lines
    in QuickBooks that are Ravetree's: whatever else stands there is a bookkeeper's. `notices` say what of it QuickBooks
    does not keep.
    `tax_method` is its GlobalTaxCalculation, empty in the US, where the tax is sent as an amount.
    """

    customer_id: str
    email: str
    number: str
    issue_date: date
    currency: str
    memo: str
    lines: tuple[ContentLine, ...]
    discount: Decimal
    tax_amount: Decimal
    total: Decimal
    address: Mapping[str, str] | None
    own_lines: frozenset[str]
    notices: tuple[str, ...]
    discount_before_tax: bool = field(default=True, kw_only=True)
    tax_method: str = field(default="", kw_only=True)
    foreseen: Foreseen = field(default_factory=Foreseen, kw_only=True)


@dataclass(frozen=True)
class InvoiceContent(DocumentContent):
    """The content of an invoice; `estimate_id` is QuickBooks' estimate behind it.

    `email_status` is what of it is to change, if anything. `drops_due_date` says that Ravetree has taken it away.
    """

    due_date: date | None
    email_status: str = ""
    drops_due_date: bool = False
    estimate_id: str | None = None


@dataclass(frozen=True)
class EstimateContent(DocumentContent):
    """The content of an estimate; `status` is QuickBooks' TxnStatus."""

    expires_on: date | None
    status: str


@dataclass(frozen=True)
class ContactContent:
    """A customer or a contact as it is to be made or changed, in the words of the side that it is for."""

    name: str
    company_name: str
    email: str
    phone: str
    currency: str
    address: Mapping[str, str]


@dataclass(frozen=True)
class PaymentContent:
    """What both sides say about a payment, in the ids of the side it is for.

    `party_id` is QuickBooks' customer or Ravetree's client. `marker` is the note by which we know our own.
    """

    party_id: str
    date: date
    amount: Decimal
    credit: Decimal
    unapplied: Decimal
    currency: str
    reference: str
    marker: str
    allocations: tuple[Allocation, ...]
    method: str | None = None
    deposit_account: str | None = None


Content = InvoiceContent | EstimateContent | PaymentContent | ContactContent


@dataclass(frozen=True)
class Write:
    """One write that would bring a pair closer to agreement."""

    side: Side
    action: Action
    record_id: str | None = None
    version: int | None = None
    content: Content | None = None


@dataclass(frozen=True)
class Adopt:
    """Tie two records together without writing to either.

    `takes_theirs`: where they differ, what QuickBooks says is copied next.
    """

    ravetree_id: str
    quickbooks_id: str
    takes_theirs: bool = False


@dataclass(frozen=True)
class Attention:
    """Why a record cannot go on by itself: a sentence for a bookkeeper and one action.

    `state` is `held` when a person has to decide between two truths, `parked` when something has to be repaired.
    `decisions` are the answers that it takes, other than a repair. `about` is the record that it is a question of,
    where that is another one than the record that waits. `several`: `one` has to name which record it means.
    """

    state: str
    code: str
    cause: str
    remedy: str
    decisions: tuple[Decision, ...] = ()
    about: Record | None = None
    several: bool = False


SENTENCE_LIMIT = 200
"""Characters of a cause and its remedy together: what a bookkeeper reads at one glance."""


def fitted(attention: Attention) -> Attention:
    """The same, its cause cut where the two together would be too long: the remedy is what is needed."""
    room = SENTENCE_LIMIT - len(attention.remedy) - 1
    if len(attention.cause) <= room:
        return attention
    return replace(attention, cause=f"{attention.cause[: room - 1].rstrip(' .,')}…")


@dataclass(frozen=True)
class Answer:
    """What a person said of a record for as long as it is so: `other` is the record that the question was also about.

    `amounts` are plain numbers as they were then: where they change, the question is asked again.
    """

    code: str
    decision: str
    other: str = ""
    amounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to do for one pair now. After its writes the pair is planned again, until nothing is left.

    `unpair` takes the two records apart before anything else, so that the one that is left is planned as a new one.
    `remember` is an answer to keep before anything else, `and_remember` others that were given with it.
    `releases_placeholder`: the payment that stood for the mark as paid is no longer ours; `forgets_mark`: another one
    may be made for that mark.
    `notices` say what of a record at rest had to be shortened, left out or kept otherwise, each in a sentence.
    `accepts` is what QuickBooks has more than Ravetree, and a person keeps so.
    """

    writes: tuple[Write, ...] = ()
    adopt: Adopt | None = None
    attention: Attention | None = None
    waits_for: Record | None = None
    waits_because: str = ""
    look_at: tuple[Record, ...] = ()
    ignored: str = ""
    unpair: bool = False
    remember: Answer | None = None
    and_remember: tuple[Answer, ...] = ()
    releases_placeholder: bool = False
    forgets_mark: bool = False
    notices: tuple[str, ...] = ()
    accepts: TaxedTotal | None = None

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is to be done, though a record was looked at that concerns us."""
        return replace(self, notices=()) == NOTHING


NOTHING = Plan()


def held(code: str, cause: str, remedy: str, *decisions: Decision, several: bool = False) -> Plan:
    """A plan that writes nothing until a person has decided."""
    return Plan(attention=Attention("held", code, cause, remedy, decisions, several=several))


def parked(code: str, cause: str, remedy: str, *decisions: Decision) -> Plan:
    """A plan that writes nothing until something is repaired, or a person has decided otherwise."""
    return Plan(attention=Attention("parked", code, cause, remedy, decisions))


def write(
    side: Side,
    action: Action,
    record_id: str | None = None,
    version: int | None = None,
    content: Content | None = None,
) -> Plan:
    """A plan of one write."""
    return Plan(writes=(Write(side, action, record_id, version, content),))


THOUSANDTHS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
"""ISO 4217 currencies whose minor unit is the thousandth."""


def money(amount: Decimal, currency: str) -> str:
    """An amount for a sentence: `1,250.00 USD`, `8.606 KWD`."""
    return f"{amount:,.{_places(currency)}f} {currency}"


def more_or_less(difference: Decimal, currency: str) -> str:
    """By how much an amount is more, or less: `+0.01`, `-0.004`."""
    return f"{difference:+,.{_places(currency)}f}"


def _places(currency: str) -> int:
    return 3 if currency in THOUSANDTHS else 2


def plain(amount: Decimal) -> str:
    """An amount as an answer keeps it: the same text however many zeros came with it."""
    spelled = f"{amount:.2f}"
    return spelled if Decimal(spelled) == amount else f"{amount.normalize():f}"
