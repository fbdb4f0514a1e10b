"""The estimate behind a new invoice: whether QuickBooks takes the link, and who has invoiced it there already."""

from collections.abc import Sequence
from typing import Protocol

from reconcile.decisions import Decision
from reconcile.model import (
    SENTENCE_LIMIT,
    Answer,
    Plan,
    QuickBooksEstimate,
    QuickBooksInvoice,
    RavetreeInvoice,
    Record,
    held,
)
from reconcile.questions import Asked, answered, says

INVOICED = "estimate_invoiced_in_quickbooks"
"""The code of the question whether somebody in QuickBooks has invoiced the same work."""

_BOTH = "or `two`: both stand."


class FromEstimate(Asked, Protocol):
    """What of an invoice's case is about its estimate."""

    @property
    def customer(self) -> object:
        """QuickBooks' id of the invoice's customer, if it is known."""
        ...

    @property
    def quickbooks(self) -> object:
        """The invoice in QuickBooks."""
        ...

    @property
    def estimate(self) -> QuickBooksEstimate | Record | None:
        """QuickBooks' estimate behind it, or Ravetree's that is still to be pushed."""
        ...

    @property
    def estimate_invoices(self) -> tuple[QuickBooksInvoice, ...]:
        """What is invoiced of that estimate in QuickBooks by others than us."""
        ...


def plan_invoiced(case: FromEstimate, invoice: RavetreeInvoice) -> Plan | None:
    """Asked before an invoice is made of an estimate that somebody in QuickBooks has invoiced; else None."""
    others = case.estimate_invoices
    if not others or not isinstance(case.estimate, QuickBooksEstimate):
        return None
    ids = tuple(sorted(other.id for other in others))
    said = answered(case, INVOICED)
    if said is not None and set(ids) <= set(said.amounts):
        return None
    if says(case, INVOICED, Decision.TWO):
        return Plan(remember=Answer(INVOICED, Decision.TWO, amounts=ids))
    remedy = f"Decide `link` with its Id ({_changes(case, invoice)} change there), {_BOTH}"
    cause = _cause(case.estimate, others, SENTENCE_LIMIT - len(remedy) - 1)
    if " more." in cause:
        remedy = f"Decide `link` with its Id, {_BOTH}"
        cause = _cause(case.estimate, others, SENTENCE_LIMIT - len(remedy) - 1)
    return held(INVOICED, cause, remedy, Decision.LINK, Decision.TWO)


def link_of(case: FromEstimate, customer_id: str) -> str | None:
    """The estimate that a new invoice is linked to: QuickBooks takes one of the same customer, and closes it."""
    if not isinstance(case.estimate, QuickBooksEstimate) or case.estimate_invoices:
        return None
    return case.estimate.id if case.estimate.customer_id == customer_id else None


def link_notices(case: FromEstimate) -> tuple[str, ...]:
    """Why an invoice that is there is not linked to its estimate."""
    estimate, remote = case.estimate, case.quickbooks
    if not isinstance(estimate, QuickBooksEstimate) or not isinstance(remote, QuickBooksInvoice):
        return ()
    if estimate.id in remote.estimate_ids or estimate.customer_id == remote.customer_id:
        return ()
    return (f"It is not linked to estimate {estimate.number} in QuickBooks, which is another customer's.",)


def _cause(estimate: QuickBooksEstimate, others: Sequence[QuickBooksInvoice], room: int) -> str:
    """All of them, as many as fit by name."""
    named = [f"{one.number} of {one.issue_date.isoformat()}, {one.total:,.2f} (Id {one.id})" for one in others]
    for shown in range(len(named), 0, -1):
        left = f" and {len(named) - shown} more" if shown < len(named) else ""
        cause = f"Estimate {estimate.number} is invoiced in QuickBooks: {'; '.join(named[:shown])}{left}."
        if len(cause) <= room:
            break
    return cause


def _changes(case: FromEstimate, invoice: RavetreeInvoice) -> str:
    """What would be another in any of them with Ravetree's content."""
    others = case.estimate_invoices
    differing = {
        "number": any(other.number != invoice.number for other in others),
        "date": any(other.issue_date != invoice.issue_date for other in others),
        "total": any(other.total != invoice.total for other in others),
        "customer": any(other.customer_id != case.customer for other in others),
    }
    return ", ".join([*(name for name, differs in differing.items() if differs), "lines"])
