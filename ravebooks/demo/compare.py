"""The comparer: holds every record of one side against the other, through their HTTP APIs alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ravebooks.demo.sides import Body, QuickBooksSide, RavetreeSide

ZERO = Decimal(0)
Allocations = tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True)
class DemoRow:
    """One record compared: what each side says, and how they differ."""

    kind: str
    name: str
    ravetree: str
    quickbooks: str
    differences: tuple[str, ...]


@dataclass
class DemoReport:
    """All rows, and sums by currency."""

    rows: list[DemoRow] = field(default_factory=list)
    sums: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def differing(self) -> list[DemoRow]:
        return [row for row in self.rows if row.differences]


@dataclass(frozen=True)
class _Payment:
    """A payment in terms that both sides share: allocations by invoice number."""

    day: str
    amount: Decimal
    currency: str
    reference: str
    allocations: Allocations

    def __str__(self) -> str:
        shares = ", ".join(f"{amount} on {number}" for number, amount in self.allocations)
        return f"{self.day} {self.amount} {self.currency} ({shares or 'unapplied'})"


def compare(ravetree: RavetreeSide, quickbooks: QuickBooksSide) -> DemoReport:
    """Hold the books against each other."""
    ours = {row["number"]: row for row in ravetree.every("invoices") if row["lines"]}
    theirs = _by_number(quickbooks.query("select * from Invoice"))
    report = DemoReport()
    for number in sorted(ours.keys() | theirs.keys()):
        report.rows.append(_invoice_row(number, ours.get(number), theirs.get(number, []), ravetree))
    placeholders = {
        number: Decimal(row["balance"])
        for number, row in ours.items()
        if row.get("marked_paid_at") and row["status"] != "void" and Decimal(row["balance"]) > 0
    }
    _compare_payments(report, ravetree, quickbooks, ours, theirs, placeholders)
    _compare_sums(report, ours.values(), [row for rows in theirs.values() for row in rows])
    return report


def _by_number(rows: Iterable[Body]) -> dict[str, list[Body]]:
    found: defaultdict[str, list[Body]] = defaultdict(list)
    for row in rows:
        found[row.get("DocNumber", "")].append(row)
    return dict(found)


# --- invoices ------------------------------------------------------------------------------------


def _invoice_row(number: str, ours: Body | None, found: list[Body], ravetree: RavetreeSide) -> DemoRow:
    if ours is not None and ours["status"] == "void" and not found:
        return DemoRow("invoice", number, _spell_ours(ours), "–", ())  # void before it ever came across
    if ours is None or not found:
        missing = "Ravetree" if ours is None else "QuickBooks"
        return DemoRow("invoice", number, "–" if ours is None else ours["status"], "–", (f"missing in {missing}",))
    theirs = found[0]
    differences = [f"{len(found)} times in QuickBooks"] if len(found) > 1 else []
    voided = _voided(theirs)
    if (ours["status"] == "void") != voided:
        differences.append("void on one side only")
    if ours["status"] != "void" and not voided:
        differences += _content_differences(ours, theirs)
    state = ravetree.sync_state("invoice", ours["id"])
    if state.get("state") != "synced":
        differences.append(f"sync state {state.get('state', 'none')}: {state.get('message') or ''}")
    return DemoRow("invoice", number, _spell_ours(ours), _spell_theirs(theirs), tuple(differences))


def _content_differences(ours: Body, theirs: Body) -> list[str]:
    lines = [line for line in theirs["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    open_amount = ZERO if ours.get("marked_paid_at") else Decimal(ours["balance"])
    pairs = {
        "total": (Decimal(ours["total"]), Decimal(theirs["TotalAmt"])),
        "open balance": (open_amount, Decimal(theirs["Balance"])),
        "currency": (ours["currency"], theirs["CurrencyRef"]["value"]),
        "date": (ours["issue_date"], theirs["TxnDate"]),
        "due date": (ours["due_date"], theirs.get("DueDate")),
        "lines": (
            [(line["description"], Decimal(line["amount"])) for line in ours["lines"]],
            [(line.get("Description", ""), Decimal(line["Amount"])) for line in lines],
        ),
        "sent": (ours["sent_at"] is not None, theirs.get("EmailStatus") == "EmailSent"),
    }
    return [f"{name}: {mine} / {other}" for name, (mine, other) in pairs.items() if mine != other]


def _voided(theirs: Body) -> bool:
    return bool(
        theirs["TotalAmt"] == 0 and theirs["Balance"] == 0 and theirs.get("PrivateNote", "").startswith("Voided")
    )


def _spell_ours(ours: Body) -> str:
    return f"{ours['total']} {ours['currency']}, {ours['status']}"


def _spell_theirs(theirs: Body) -> str:
    state = "void" if _voided(theirs) else "paid" if theirs["Balance"] == 0 else f"{theirs['Balance']} open"
    sent = ", sent" if theirs.get("EmailStatus") == "EmailSent" else ""
    return f"{theirs['TotalAmt']} {theirs['CurrencyRef']['value']}, {state}{sent}"


# --- payments ------------------------------------------------------------------------------------


def _compare_payments(
    report: DemoReport,
    ravetree: RavetreeSide,
    quickbooks: QuickBooksSide,
    ours: dict[str, Body],
    theirs: dict[str, list[Body]],
    placeholders: dict[str, Decimal],
) -> None:
    numbers = {row["id"]: number for number, row in ours.items()}
    remote_numbers = {row["Id"]: number for number, rows in theirs.items() for row in rows}
    # What applies credit alone moves no money on either side; the balances of its invoices are compared with them.
    paid = [row for row in ravetree.every("payments") if not row["voided"] and Decimal(row["amount"])]
    mine = Counter(_ours(row, numbers) for row in paid)
    other: Counter[_Payment] = Counter()
    for row in quickbooks.query("select * from Payment"):
        if row["TotalAmt"] == 0:
            continue
        payment = _theirs(row, remote_numbers)
        if len(payment.allocations) == 1 and placeholders.get(payment.allocations[0][0]) == payment.amount:
            number = payment.allocations[0][0]
            report.rows.append(DemoRow("placeholder", number, "marked as paid", str(payment), ()))
            del placeholders[number]
        else:
            other[payment] += 1
    for number in sorted(placeholders):
        report.rows.append(DemoRow("placeholder", number, "marked as paid", "–", ("missing in QuickBooks",)))
    for payment in sorted(mine.keys() | other.keys(), key=str):
        report.rows.extend(_payment_rows(payment, mine[payment], other[payment]))


def _payment_rows(payment: _Payment, mine: int, other: int) -> list[DemoRow]:
    same = min(mine, other)
    rows = [DemoRow("payment", str(payment), "1", "1", ())] * same
    if mine > same:
        rows += [DemoRow("payment", str(payment), "1", "–", ("missing in QuickBooks",))] * (mine - same)
    if other > same:
        rows += [DemoRow("payment", str(payment), "–", "1", ("missing in Ravetree",))] * (other - same)
    return rows


def _ours(row: Body, numbers: dict[str, str]) -> _Payment:
    shares = sorted((numbers.get(a["invoice_id"], "?"), Decimal(a["amount"])) for a in row["allocations"])
    return _Payment(row["date"], _cents(row["amount"]), row["currency"], row["reference"], _normal(shares))


def _theirs(row: Body, numbers: dict[str, str]) -> _Payment:
    shares = sorted(
        (numbers.get(link["TxnId"], "?"), Decimal(line["Amount"]))
        for line in row["Line"]
        for link in line["LinkedTxn"]
        if link["TxnType"] == "Invoice"
    )
    return _Payment(
        row["TxnDate"],
        _cents(row["TotalAmt"]),
        row["CurrencyRef"]["value"],
        row.get("PaymentRefNum", ""),
        _normal(shares),
    )


def _normal(shares: list[tuple[str, Decimal]]) -> Allocations:
    return tuple((number, _cents(amount)) for number, amount in shares)


def _cents(amount: str | Decimal) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"))


# --- sums ----------------------------------------------------------------------------------------


def _compare_sums(report: DemoReport, ours: Iterable[Body], theirs: Iterable[Body]) -> None:
    mine: defaultdict[str, Decimal] = defaultdict(Decimal)
    other: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in ours:
        if row["status"] != "void":
            mine[row["currency"]] += ZERO if row.get("marked_paid_at") else Decimal(row["balance"])
    for row in theirs:
        other[row["CurrencyRef"]["value"]] += Decimal(row["Balance"])
    for currency in sorted(mine.keys() | other.keys()):
        report.sums[currency] = (mine[currency], other[currency])
        if mine[currency] != other[currency]:
            report.rows.append(
                DemoRow("sum", currency, str(mine[currency]), str(other[currency]), ("open balances differ in sum",))
            )
