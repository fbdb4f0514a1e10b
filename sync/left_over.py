"""What lay in QuickBooks before the consent: payments and credit memos of which something is left.

No event tells of it, and change data capture reaches back no further than the consent. Copied once, it is asked about
like what is entered afterwards.
"""

from decimal import Decimal

from reconcile.model import ZERO, Kind
from sync.books import Books
from sync.entities import COPIED

LEFT = {Kind.PAYMENT: "UnappliedAmt", Kind.CREDIT: "RemainingCredit"}
"""What a record of each kind calls that of it which is not applied."""

PAGE = 1000
OVERLAP = 100
"""Records that two pages have in common: so many may be deleted meanwhile without another one being passed over."""


def copy_page(books: Books, kind: Kind, start: int) -> int | None:
    """Copy those of a page of which something is left: one metered read for a thousand of all that there are.

    QuickBooks does not select by it. Answers where the next page begins, None behind the last one.
    """
    company = books.neighbours.quickbooks
    with company.because("contact import"):
        rows = company.page(COPIED[kind], "", start, PAGE)
    lying = {str(raw["Id"]): raw for raw in rows if Decimal(str(raw.get(LEFT[kind]) or 0)) > ZERO}
    books.quickbooks.keep(kind, lying)
    return start + PAGE - OVERLAP if len(rows) == PAGE else None
