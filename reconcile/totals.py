"""What QuickBooks comes to: tax and total of a document before it is written, and net amounts where prices include tax.

It reckons as QuickBooks does: outside the US once for each rate, on the sum of its lines, rounded half up to the cent.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import cycle

from reconcile.model import ZERO, TaxedTotal

HUNDRED = Decimal(100)
CENT = Decimal("0.01")
PRICE = Decimal("0.0000001")
"""The finest price that QuickBooks keeps."""


class AfterDiscount(StrEnum):
    """What a company outside the US taxes where the discount comes after tax: no source says which."""

    FULL = "full"
    REDUCED = "reduced"


@dataclass(frozen=True)
class Priced:
    """The amount of a line and what each rate takes of it, in percent. With `gross`, `amount` is what is left of it."""

    amount: Decimal
    percents: Mapping[str, Decimal]
    gross: Decimal | None = None

    @property
    def percent(self) -> Decimal:
        """All its rates together."""
        return sum(self.percents.values(), ZERO)


def cents(amount: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def comes_to(lines: Sequence[Priced], discount: Decimal, *, before_tax: bool) -> TaxedTotal:
    """Total and tax of net lines, or of lines with their gross amounts beside them, less a net discount."""
    net = sum((line.amount for line in lines), ZERO)
    rest = 1 - discount / net if before_tax and net else Decimal(1)
    tax = _taxes(lines, rest)
    return TaxedTotal(net - discount + tax, tax)


def _taxes(lines: Sequence[Priced], rest: Decimal = Decimal(1)) -> Decimal:
    """The tax on what is left of the lines: of each rate once, on all that bear it."""
    taxes: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        borne, whole = (line.amount, HUNDRED) if line.gross is None else (line.gross, HUNDRED + line.percent)
        for rate, percent in line.percents.items():
            taxes[rate] += borne * percent / whole * rest
    return sum((cents(one) for one in taxes.values()), ZERO)


# --- prices that include tax ---------------------------------------------------------------------


def taken_out(lines: Sequence[Priced]) -> tuple[Priced, ...]:
    """Gross amounts made net, so that net amounts and taxes come to them: cents left over go on the largest lines.

    A line that has its gross amount beside it stays as it is.
    """
    made = [_net(line) if line.gross is None else line for line in lines]
    net, gross = sum((line.amount for line in made), ZERO), sum((line.gross or ZERO for line in made), ZERO)
    over = cents(gross - _taxes(made) - net)
    bearing = [place for place, line in enumerate(lines) if line.gross is None and line.percent]
    step = CENT if over > ZERO else -CENT
    for place in cycle(sorted(bearing, key=lambda place: -abs(made[place].amount))):
        if not over:
            break
        made[place] = replace(made[place], amount=made[place].amount + step)
        over -= step
    return tuple(made)


def _net(line: Priced) -> Priced:
    return Priced(cents(line.amount * HUNDRED / (HUNDRED + line.percent)), line.percents, line.amount)


def _tax_in(gross: Decimal, percent: Decimal) -> Decimal:
    return cents(gross * percent / (HUNDRED + percent))


def net_discount(lines: Sequence[Priced], discount: Decimal) -> Decimal:
    """What of a discount on gross amounts is to be taken off the net ones; the cent at which the total comes out."""
    net = sum((line.amount for line in lines), ZERO)
    gross = sum((line.gross if line.gross is not None else line.amount for line in lines), ZERO)
    if not gross or not discount:
        return discount
    near = cents(discount * net / gross)
    return min(
        (near, min(near + CENT, max(near, net)), max(near - CENT, ZERO)),
        key=lambda net: abs(comes_to(lines, net, before_tax=True).total - (gross - discount)),
    )


@dataclass(frozen=True)
class WithoutTax:
    """A document of a US company whose prices include tax: the amounts of its lines without, and the net discount."""

    amounts: tuple[Decimal, ...]
    discount: Decimal


def without_tax(
    lines: Sequence[tuple[Decimal, Decimal | None]], discount: Decimal, wanted: TaxedTotal, *, before_tax: bool
) -> WithoutTax | None:
    """Take the tax out of the taxable lines, by each one's percent; left-over cents go on the largest.

    Lines are gross amounts and percents, None for one that is not taxable. None when they bear less than the tax.
    """
    gross = sum((amount for amount, _ in lines), ZERO)
    taxable = [place for place, (_, percent) in enumerate(lines) if percent is not None]
    taxes = [_tax_in(amount, percent) if percent is not None else ZERO for amount, percent in lines]
    net = discount
    if before_tax and gross:
        # A rate that nobody knows takes nothing out: then the tax itself says what is in the lines.
        inside = sum(taxes, ZERO) or wanted.tax
        net = cents(discount * (gross - inside) / gross)
    over = gross - (wanted.total - wanted.tax + net) - sum(taxes, ZERO)
    if over and taxable:
        taxes[max(taxable, key=lambda place: lines[place][0])] += over
    amounts = tuple(amount - tax for (amount, _), tax in zip(lines, taxes, strict=True))
    borne = sum((lines[place][0] for place in taxable), ZERO)
    if (
        wanted.tax > borne
        or (over and not taxable)
        or any(amounts[place] < ZERO < lines[place][0] for place in taxable)
    ):
        return None
    return WithoutTax(amounts, net)
