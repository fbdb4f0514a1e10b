"""Estimates: one way, Ravetree to QuickBooks. What is edited there is drift, and overwritten by the next edit here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from reconcile.actions import Action
from reconcile.documents import (
    content_of,
    deleted_in_quickbooks,
    difference_after_write,
    not_to_push,
    tax_notices,
    without_lines,
)
from reconcile.model import (
    NOTHING,
    Answer,
    Attention,
    CompanyTax,
    EstimateContent,
    Gone,
    Plan,
    QuickBooksEstimate,
    RavetreeEstimate,
    Record,
    Side,
    TaxedTotal,
    write,
)

CLOSED = "Closed"
STATUS: Mapping[str, str] = {
    "draft": "Pending",
    "sent": "Pending",
    "accepted": "Accepted",
    "declined": "Rejected",
    "invoiced": CLOSED,
}
"""QuickBooks' TxnStatus for each of Ravetree's."""


@dataclass(frozen=True)
class EstimateBase:
    """What a paired estimate looked like on both sides when Ravetree's content was last written, as for invoices."""

    ravetree: RavetreeEstimate
    quickbooks: QuickBooksEstimate
    line_ids: Mapping[str, str] = field(default_factory=dict)
    accepted: TaxedTotal | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class EstimateCase:
    """All that decides about one estimate; the fields are those of an invoice's case."""

    ravetree: RavetreeEstimate | Gone | None
    quickbooks: QuickBooksEstimate | Gone | None
    base: EstimateBase | None
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
    decision: str = ""
    decided_on: str = ""
    decision_target: str = ""
    answers: tuple[Answer, ...] = ()


def plan(case: EstimateCase) -> Plan:
    """The next step for one estimate."""
    if case.base is None:
        return _plan_unpaired(case)
    if isinstance(case.quickbooks, Gone):
        if case.ravetree is None or isinstance(case.ravetree, Gone):
            return NOTHING
        return deleted_in_quickbooks(case, case.ravetree)
    if case.quickbooks is None:
        raise ValueError("a paired estimate is planned with QuickBooks' copy of it")
    if case.ravetree is None or isinstance(case.ravetree, Gone):
        return _plan_deleted_in_ravetree(case.quickbooks)
    return _plan_live(case, case.ravetree, case.quickbooks, case.base)


def _plan_unpaired(case: EstimateCase) -> Plan:
    estimate = case.ravetree
    if estimate is None:
        return Plan(ignored="made in QuickBooks")
    if isinstance(estimate, Gone):
        return Plan(ignored="not in Ravetree")
    if why := not_to_push(case, estimate.created_at):
        return Plan(ignored=why)
    if not estimate.lines:
        return Plan(ignored="no lines yet")
    content = _content(case, estimate, {}, None)
    if isinstance(content, Plan):
        return content
    return write(Side.QUICKBOOKS, Action.ESTIMATE_CREATE, content=content)


def _plan_live(case: EstimateCase, estimate: RavetreeEstimate, remote: QuickBooksEstimate, base: EstimateBase) -> Plan:
    if estimate.owned() == base.ravetree.owned():
        return difference_after_write(case, base, remote) or Plan(notices=(*base.notices, *tax_notices(case, remote)))
    if not estimate.lines:
        return without_lines(estimate)
    content = _content(case, estimate, base.line_ids, remote)
    if isinstance(content, Plan):
        return content
    return write(Side.QUICKBOOKS, Action.ESTIMATE_UPDATE, remote.id, remote.sync_token, content)


def _plan_deleted_in_ravetree(remote: QuickBooksEstimate) -> Plan:
    """Deleted if nothing hangs on it; the estimate behind an invoice stays, closed."""
    if not remote.invoice_ids:
        return write(Side.QUICKBOOKS, Action.ESTIMATE_DELETE, remote.id, remote.sync_token)
    if remote.status != CLOSED:
        return write(Side.QUICKBOOKS, Action.ESTIMATE_CLOSE, remote.id, remote.sync_token)
    return NOTHING


def _content(
    case: EstimateCase, estimate: RavetreeEstimate, line_ids: Mapping[str, str], remote: QuickBooksEstimate | None
) -> EstimateContent | Plan:
    content = content_of(case, estimate, line_ids)
    if isinstance(content, Plan):
        return content
    return EstimateContent(**vars(content), expires_on=estimate.expires_on, status=_status(case, estimate, remote))


def _status(case: EstimateCase, estimate: RavetreeEstimate, remote: QuickBooksEstimate | None) -> str:
    """Its TxnStatus: Ravetree's where that has changed, else what a bookkeeper, or an invoice, has made of it."""
    wanted = STATUS.get(estimate.status, "Pending")
    if remote is None or case.base is None:
        return wanted
    before = case.base.ravetree
    was_written = bool(before.lines)
    if was_written and STATUS.get(before.status, "Pending") == wanted:
        return remote.status
    # QuickBooks closes an estimate when an invoice links to it, and nothing else may be said of it then.
    return CLOSED if remote.invoice_ids else wanted
