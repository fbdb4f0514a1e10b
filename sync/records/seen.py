"""What is known of a document before its next step is planned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeGuard, TypeVar

from reconcile.decisions import Decision
from reconcile.model import Attention, Gone, Kind, RavetreeEstimate, RavetreeInvoice, Record, Side, TaxedTotal
from schemas.quickbooks import Body
from storage import pairs
from storage.models import Copy
from sync.books import Books, base_of
from sync.records import company_tax
from sync.records.customers import address_of, customer_for, is_below

Case = TypeVar("Case")


@dataclass(frozen=True)
class Wish:
    """What people want of a document: that it is synced whatever its age, and what they decided, if they did.

    `decided_on` is the code of the question that the decision answers, `target` the record that it names, `said` who
    decided, when and why, as it is kept.
    """

    requested: bool = False
    decision: str = ""
    decided_on: str = ""
    target: str = ""
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen(Generic[Case]):
    """A document as it is now on both sides.

    `raw` is Ravetree's, empty for one that is gone; `copy` is ours of QuickBooks', `placeholder` ours of the payment
    that stands for "marked as paid". `case` is what the rules are asked about, `asked_with` are the other records whose
    change may end a question.
    """

    subject: Record
    wish: Wish
    raw: Body
    copy: Copy | None
    case: Case
    placeholder: Copy | None = None
    asked_with: frozenset[Record] = frozenset()

    @property
    def remote(self) -> Record | None:
        """The document's record in QuickBooks."""
        return None if self.copy is None else Record(Side.QUICKBOOKS, self.subject.kind, self.copy.record_id)

    @property
    def remotes(self) -> list[Record]:
        """Every record of QuickBooks that the work on it writes to."""
        placeholder = (
            [] if self.placeholder is None else [Record(Side.QUICKBOOKS, Kind.PAYMENT, self.placeholder.record_id)]
        )
        return ([self.remote] if self.remote is not None else []) + placeholder

    @property
    def body(self) -> Body | None:
        """QuickBooks' own words, as far as we have a copy of them."""
        return None if self.copy is None else self.copy.body


@dataclass(frozen=True)
class Partner:
    """What stands behind a document: both bodies of its base, its lines' ids, and our copy of its partner.

    `accepted` is what QuickBooks has more, as a person decided.
    """

    base: tuple[Body, Body] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    line_ids: Mapping[str, str] = field(default_factory=dict)
    copy: Copy | None = None
    notices: tuple[str, ...] = ()
    accepted: TaxedTotal | None = None


def partner_of(books: Books, subject: Record) -> Partner:
    """A document's partner in QuickBooks, read first if we have no copy of it."""
    pair = books.pair(subject.kind, Side.RAVETREE, subject.id)
    if pair is None:
        return Partner()
    found = books.quickbooks.copy_or_read(Record(Side.QUICKBOOKS, subject.kind, pair.quickbooks_id))
    return Partner(
        base_of(pair), dict(pair.kept), dict(pair.line_ids), found, tuple(pair.notices), pairs.accepted_gap(pair)
    )


def references(
    books: Books,
    document: RavetreeInvoice | RavetreeEstimate | Gone,
    partner: Partner,
    owned_before: tuple[Any, ...] | None,
    since: datetime | None,
    wish: Wish,
) -> dict[str, Any]:
    """What a case needs to spell Ravetree's words in QuickBooks' references. May make the customer in QuickBooks."""
    items, tax_codes = books.mappings("line_type"), books.mappings("tax_rate")
    us_company = books.connection.country == "US"
    said: dict[str, Any] = {"customer": None}
    if is_written(document, owned_before, since, wish):
        customer, email = customer_for(books, document.client_id, document.currency)
        customer, address = _moved(books, document, partner, customer)
        said = {"customer": customer, "customer_email": email, "customer_address": address}
        said |= company_tax.facts(books, document, customer, tax_codes, us_company=us_company)
    return said | {
        "items": items,
        "tax_codes": tax_codes,
        "us_company": us_company,
        "since": since,
        "requested": wish.requested,
        "numbers_kept": bool(books.numbers.are_kept),
        "decision": wish.decision,
        "decided_on": wish.decided_on,
        "decision_target": wish.target,
        "answers": books.answers(books.handling),
    }


def _moved(
    books: Books, document: RavetreeInvoice | RavetreeEstimate, partner: Partner, customer: str | Attention
) -> tuple[str | Attention, Mapping[str, str] | None]:
    """Which customer a paired document is to have, with its address where that is another one than it has there.

    A project, or another customer below the client's, is a bookkeeper's choice, as long as the client stays.
    """
    copy = partner.copy
    if not isinstance(customer, str) or partner.base is None or copy is None or copy.deleted:
        return customer, None
    there = str((copy.body.get("CustomerRef") or {}).get("value", ""))
    if there == customer:
        return customer, None
    if partner.base[0].get("client_id") == document.client_id and is_below(books, there, customer):
        return there, None
    return customer, address_of(books, customer)


def is_written(
    document: RavetreeInvoice | RavetreeEstimate | Gone,
    owned_before: tuple[Any, ...] | None,
    since: datetime | None,
    wish: Wish,
) -> TypeGuard[RavetreeInvoice | RavetreeEstimate]:
    """Whether content may be written: only then is asked for what may read QuickBooks and create the customer."""
    if isinstance(document, Gone) or not document.lines or wish.decision == Decision.UNLINK:
        return False
    if isinstance(document, RavetreeInvoice) and document.void:
        return False
    if owned_before is not None:
        return document.owned() != owned_before
    return wish.requested or (since is not None and document.created_at >= since)
