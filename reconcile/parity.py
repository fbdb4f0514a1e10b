"""Both books held against each other: every pair by total, balance, status and number, each with its cause."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from reconcile.compare import FROM_OTHERS, Cause, Difference
from reconcile.model import ZERO
from reconcile.payment_facts import APART

_SAID_ALREADY = frozenset({Cause.ROUNDED, Cause.ACCEPTED, Cause.MARKED, Cause.OLD_COPY})
"""What explains a difference whatever a person said of its record."""

COMPARED = frozenset({"number", "total", "balance", "status", "amount", "unapplied", "reference"})
"""What a report compares: of a payment its amount, what of it is unapplied, its reference and its status."""

ORDER = (
    Cause.UNEXPLAINED,
    Cause.HELD,
    Cause.PARKED,
    Cause.WAITING,
    Cause.ENDED,
    Cause.DRIFT,
    Cause.OLD_COPY,
    Cause.DECIDED,
    Cause.ROUNDED,
    Cause.ACCEPTED,
    Cause.CREDIT,
    Cause.MARKED,
)
"""The cause of a pair is the first of its differences' causes in this order."""


@dataclass(frozen=True)
class Waiting:
    """A record that is not at rest: `state` is `due`, `waiting`, `held` or `parked`."""

    state: str
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Figures:
    """What one side says of a record. `receivable` is what its client still owes there."""

    number: str
    status: str
    total: Decimal
    balance: Decimal
    receivable: Decimal = ZERO


@dataclass(frozen=True)
class Compared:
    """One pair, or a record that should have a partner and has none.

    `own` is what is under way for the pair itself, `payments` for payments on it. `credit` is by how much credit
    that is applied on one side only makes QuickBooks' balance smaller than Ravetree's. `decided` says who left it so,
    when and why, of it or of a payment on it; empty if nobody did. `apart`: a payment's invoice is not tied as it was.
    """

    kind: str
    ravetree_id: str
    quickbooks_id: str
    client: str
    currency: str
    ravetree: Figures | None
    quickbooks: Figures | None
    differences: tuple[Difference, ...] = ()
    own: Waiting | None = None
    payments: tuple[Waiting, ...] = ()
    credit: Decimal = ZERO
    decided: str = ""
    apart: bool = False


@dataclass(frozen=True)
class Row:
    """A pair that differs, with the cause, a sentence and a remedy for the whole of it."""

    compared: Compared
    differences: tuple[Difference, ...]
    cause: Cause
    text: str
    remedy: str


@dataclass
class Sums:
    """One currency: invoices that live on both sides, and what is open on them."""

    ravetree_total: Decimal = ZERO
    quickbooks_total: Decimal = ZERO
    ravetree_receivable: Decimal = ZERO
    quickbooks_receivable: Decimal = ZERO


@dataclass(frozen=True)
class Report:
    """`compared` are all pairs, `rows` those that differ; `causes` counts the rows."""

    compared: int
    rows: tuple[Row, ...]
    causes: dict[str, int]
    sums: dict[str, Sums] = field(default_factory=dict)

    @property
    def equal(self) -> int:
        """How many pairs say the same on both sides."""
        return self.compared - len(self.rows)


def report(pairs: Iterable[Compared]) -> Report:
    """Explain every difference, count by cause, sum up by currency."""
    count, rows = 0, []
    sums: defaultdict[str, Sums] = defaultdict(Sums)
    for one in pairs:
        count += 1
        if one.kind == "invoice":
            _add(sums[one.currency], one)
        if (row := explain(one)) is not None:
            rows.append(row)
    causes = Counter(str(row.cause) for row in rows)
    return Report(count, tuple(rows), dict(sorted(causes.items())), dict(sorted(sums.items())))


def _add(sums: Sums, one: Compared) -> None:
    if one.ravetree is not None:
        sums.ravetree_total += one.ravetree.total
        sums.ravetree_receivable += one.ravetree.receivable
    if one.quickbooks is not None:
        sums.quickbooks_total += one.quickbooks.total
        sums.quickbooks_receivable += one.quickbooks.receivable


def explain(one: Compared) -> Row | None:
    """Why a pair differs, or None if it does not."""
    shown = [difference for difference in one.differences if difference.field in COMPARED]
    if not shown:
        return None
    explained = []
    for difference in shown:
        cause, text, remedy = _explain(one, difference)
        explained.append((replace(difference, cause=cause), text, remedy))
    first = min(explained, key=lambda each: ORDER.index(each[0].cause))
    return Row(one, tuple(each[0] for each in explained), first[0].cause, first[1], first[2])


def missing(one: Compared) -> Compared:
    """The same record with the difference that it stands on one side only."""
    here, there = ("–", "missing") if one.quickbooks is None else ("missing", "–")
    mine = one.ravetree.status if one.ravetree is not None else here
    other = one.quickbooks.status if one.quickbooks is not None else there
    then = "Nothing by itself: press `Sync to QuickBooks`, or look into what happened to it."
    return replace(one, differences=(Difference("status", mine, other, "", "both", then, Cause.UNEXPLAINED),))


# --- causes --------------------------------------------------------------------------------------


def _explain(one: Compared, difference: Difference) -> tuple[Cause, str, str]:
    if (certain := _certain(one, difference)) is not None:
        return certain
    found = [one.own, *(one.payments if difference.field in FROM_OTHERS else ())]
    # What waits for a person says more than what waits for that.
    for waiting in sorted(filter(None, found), key=lambda each: each.state not in ("held", "parked")):
        return _under_way(waiting, is_own=waiting is one.own)
    if one.apart:
        return Cause.DECIDED, APART, "Link its invoice again, or enter by hand what changes in it."
    if one.decided and difference.cause not in _SAID_ALREADY:
        return Cause.DECIDED, one.decided, "Nothing to do: it is asked about again when its amount changes."
    match difference.cause:
        case Cause.WAITING | Cause.HELD | Cause.UNEXPLAINED:
            # The two records alone would say so, and yet nothing is under way.
            return Cause.UNEXPLAINED, _unexplained(difference), "Press retry or `Sync to QuickBooks`; then report it."
        case Cause.OLD_COPY:
            text = "A write of ours changed it in QuickBooks after we last saw it there."
            return Cause.OLD_COPY, text, "Wait ten minutes, or make the report with a full read."
        case Cause.ROUNDED:
            return Cause.ROUNDED, "Tax or lines are rounded otherwise in QuickBooks.", difference.next
        case Cause.DRIFT:
            return Cause.DRIFT, f"{difference.field.capitalize()} was edited in QuickBooks.", difference.next
        case _:
            text = f"It is {difference.ravetree} in Ravetree and {difference.quickbooks} in QuickBooks."
            return difference.cause, text, difference.next


def _certain(one: Compared, difference: Difference) -> tuple[Cause, str, str] | None:
    """What explains a balance to the cent, whatever else is under way."""
    if difference.field not in FROM_OTHERS:
        return None
    if difference.cause is Cause.MARKED:
        return Cause.MARKED, "It is only marked as paid in Ravetree.", difference.next
    # While a payment is under way, it may be the very one that applies the credit.
    if one.credit and not one.payments and one.ravetree is not None and one.quickbooks is not None:
        apart = one.ravetree.balance - one.quickbooks.balance
        if apart == one.credit + (one.ravetree.total - one.quickbooks.total):
            where = "QuickBooks" if one.credit > ZERO else "Ravetree"
            text = f"Credit of {abs(one.credit):,.2f} {one.currency} is applied in {where} alone."
            return Cause.CREDIT, text, "Apply the same credit on the other side, or press retry on that payment."
    return None


def _under_way(waiting: Waiting, *, is_own: bool) -> tuple[Cause, str, str]:
    match waiting.state:
        case "held" | "parked":
            return Cause(waiting.state), f"{'' if is_own else 'A payment on it: '}{waiting.cause}", waiting.remedy
        case _:
            why = f" ({waiting.cause})" if waiting.cause else ""
            text = f"A change of {'it' if is_own else 'a payment on it'} is under way{why}."
            return Cause.WAITING, text, "Nothing to do: it goes on by itself."


def _unexplained(difference: Difference) -> str:
    if difference.cause is Cause.WAITING:
        return f"{difference.field.capitalize()} was changed, and no event told of it yet."
    return f"{difference.field.capitalize()} differs, and nothing that is known explains it."
