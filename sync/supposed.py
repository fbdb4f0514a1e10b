"""What the two neighbours would say if a write were sent: for a rehearsal, which sends none.

Answers are supposed to be what we ask for. What QuickBooks makes of it by itself (its own tax, its own numbers) nobody
knows before.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from clients.errors import NeighbourError
from clients.quickbooks.company import PAGE, Company
from clients.ravetree.account import RESOURCES, Account
from reconcile.model import ZERO, Kind, Record, Side
from schemas.quickbooks import Body
from sync.entities import ENTITIES
from sync.writes.journal import Request

NEW = "(new)"
"""Begins the id of a record that only a rehearsal has made."""


class MustAsk(BaseException):
    """A neighbour has to be asked first, which no transaction may span: whoever rehearses asks, and begins again."""

    def __init__(self, side: Side, key: tuple[Any, ...], call: Callable[[], Any]) -> None:
        super().__init__(side)
        self.side = side
        self.key = key
        self.call = call


class KnownAnswers:
    """What the neighbours have said so far, kept for as long as one question of a person is answered."""

    def __init__(self) -> None:
        self._said: dict[tuple[Any, ...], Any] = {}

    def of(self, side: Side, key: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """The answer to a question, or what was raised. Raises `Asked` while nobody has asked it."""
        if (side, *key) not in self._said:
            raise MustAsk(side, key, call)
        answer = self._said[side, *key]
        if isinstance(answer, NeighbourError):
            raise answer
        return answer

    def ask(self, asked: MustAsk) -> None:
        """Ask, and keep what is said."""
        try:
            answer = asked.call()
        except NeighbourError as error:
            answer = error
        self._said[asked.side, *asked.key] = answer

    def know(self, entity: str, rows: Iterable[Body]) -> None:
        """Rows of QuickBooks that were read before, each by its id."""
        for raw in rows:
            self._said[Side.QUICKBOOKS, "row", entity, str(raw["Id"])] = raw

    def row(self, entity: str, name: str) -> Body | None:
        """A row that is known already."""
        return self._said.get((Side.QUICKBOOKS, "row", entity, name))


class Supposed:
    """Both books as they would be after the writes of one rehearsal, over what the neighbours say."""

    def __init__(self) -> None:
        self.records: dict[Record, Body | None] = {}
        self._settled: defaultdict[Record, Decimal] = defaultdict(Decimal)
        self._made = 0

    def seen(self, record: Record, real: Body | None) -> Body | None:
        """A record as it would be read: what was written here, else the `real` one, less what is settled here."""
        body = self.records.get(record, real)
        settled = self._settled.pop(record, ZERO)
        if body is not None and settled:
            balance = "Balance" if record.side is Side.QUICKBOOKS else "balance"
            body = self.records[record] = body | {balance: _number(body.get(balance)) - settled}
        return body

    def new_id(self) -> str:
        """The id of a record that is not there."""
        self._made += 1
        return NEW if self._made == 1 else f"{NEW} {self._made}"

    # --- QuickBooks ------------------------------------------------------------------------------

    def quickbooks_answer(self, request: Request, kind: Kind, before: Body | None, now: datetime) -> Body:
        """QuickBooks' object after a write."""
        _, _, operation = request.path.partition("?operation=")
        name = str(request.body["Id"]) if "Id" in request.body else self.new_id()
        record = Record(Side.QUICKBOOKS, kind, name)
        if operation == "delete":
            self.records[record] = None
            self._settle(Side.QUICKBOOKS, before, None)
            return {"Id": name, "status": "Deleted"}
        made = {"CreateTime": now.isoformat(), "LastUpdatedTime": now.isoformat()}
        was = dict(before or {"MetaData": made})
        body = was | {k: v for k, v in request.body.items() if k != "sparse"} | {"Id": name}
        body["SyncToken"] = str(int(was.get("SyncToken", -1)) + 1)
        if operation == "void":
            body |= {"TotalAmt": ZERO, "Balance": ZERO, "PrivateNote": "Voided", "LinkedTxn": []}
            body["Line"] = [line | {"Amount": ZERO} for line in was.get("Line", [])]
        elif kind is Kind.PAYMENT:
            body["UnappliedAmt"] = _number(body.get("TotalAmt")) - _applied(body)
        elif kind in (Kind.INVOICE, Kind.ESTIMATE) and "Line" in request.body:
            body |= _totals(body, was, request.context.foreseen)
            self._number_lines(body)
        self.records[record] = body
        if kind is Kind.PAYMENT:
            self._settle(Side.QUICKBOOKS, before, body)
        return self.seen(record, body) or body

    def _number_lines(self, body: Body) -> None:
        body["Line"] = [line if line.get("Id") else line | {"Id": self.new_id()} for line in body["Line"]]

    def _settle(self, side: Side, before: Body | None, after: Body | None) -> None:
        """What a payment settles of invoices, and what it no longer does."""
        for sign, body in ((-1, before), (1, after)):
            for name, amount in _shares(body or {}):
                self._settled[Record(side, Kind.INVOICE, name)] += sign * amount

    # --- Ravetree --------------------------------------------------------------------------------

    def ravetree_answer(self, request: Request, kind: Kind, before: Body | None, now: datetime) -> Body:
        """Ravetree's record after a write."""
        name = str(before["id"]) if before is not None else self.new_id()
        record = Record(Side.RAVETREE, kind, name)
        if request.method == "DELETE":
            self.records[record] = None
            self._settle(Side.RAVETREE, before, None)
            return {}
        body = {"id": name, "created_at": now.isoformat(), "kind": "contact", **(before or {}), **request.body}
        body["version"] = int((before or {}).get("version", 0)) + 1
        if request.body.get("status") == "sent":
            body["sent_at"] = now.isoformat()
        if request.body.get("status") == "void":
            body |= {"balance": "0.00"}
        self.records[record] = body
        if kind is Kind.PAYMENT:
            self._settle(Side.RAVETREE, before, body)
        return self.seen(record, body) or body


def _number(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def _shares(payment: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """What a payment of either side settles of each invoice."""
    for allocation in payment.get("allocations", []):
        yield str(allocation["invoice_id"]), _number(allocation["amount"])
    for line in payment.get("Line", []):
        for link in line.get("LinkedTxn", []):
            if link.get("TxnType") == "Invoice":
                yield str(link["TxnId"]), _number(line.get("Amount"))


def _applied(payment: Mapping[str, Any]) -> Decimal:
    lines = payment.get("Line", [])
    credit = {"CreditMemo", "JournalEntry", "Deposit"}
    used = sum((_number(line["Amount"]) for line in lines if not _links(line) & credit), ZERO)
    given = sum((_number(line["Amount"]) for line in lines if _links(line) & credit), ZERO)
    return used - given


def _links(line: Mapping[str, Any]) -> set[str]:
    return {str(link.get("TxnType")) for link in line.get("LinkedTxn", [])}


def _totals(body: Body, was: Body, foreseen: Body | None) -> Body:
    """What a document comes to: as the rules foresee it, else by what we say of its lines, discount and tax.

    What is paid of it stays paid.
    """
    tax = _number((body.get("TxnTaxDetail") or {}).get("TotalTax"))
    total = tax
    for line in body["Line"]:
        amount = _number(line.get("Amount"))
        total += {"SalesItemLineDetail": amount, "DiscountLineDetail": -amount}.get(line["DetailType"], ZERO)
    if foreseen is not None:
        total, tax = (_number(one) for one in foreseen["likely"][0])
    paid = _number(was.get("TotalAmt")) - _number(was.get("Balance"))
    detail = (body.get("TxnTaxDetail") or {}) | {"TotalTax": tax}
    return {"TotalAmt": total, "Balance": total - paid, "TxnTaxDetail": detail}


# --- the neighbours of a rehearsal ---------------------------------------------------------------


class SupposedCompany(Company):
    """QuickBooks' company as a rehearsal sees it: real answers, with the writes of the rehearsal laid over them."""

    def __init__(self, real: Company, answers: KnownAnswers, supposed: Supposed) -> None:
        self._real = real
        self._answers = answers
        self._supposed = supposed

    @contextmanager
    def because(self, cause: str) -> Iterator[None]:  # noqa: ARG002 - whoever rehearses says what it is for
        """The reads of a rehearsal have one cause: the question that it answers."""
        yield

    def get(self, path: str) -> Body:
        """As the company's."""
        found: Body = self._answers.of(Side.QUICKBOOKS, ("get", path), lambda: self._real.get(path))
        return found

    def query(self, entity: str, where: str = "", *, order: str = "Id", limit: int = PAGE) -> list[Body]:
        """As the company's."""
        key = ("query", entity, where, order, limit)
        rows = self._answers.of(Side.QUICKBOOKS, key, lambda: self._real.query(entity, where, order=order, limit=limit))
        return self._laid_over(entity, rows)

    def by_ids(self, entity: str, ids: Iterable[str]) -> list[Body]:
        """As the company's; only those are asked for that nobody knows."""
        names = sorted(set(ids))
        kind = _KIND_OF.get(entity)
        made = {name for name in names if kind and Record(Side.QUICKBOOKS, kind, name) in self._supposed.records}
        known = {name: row for name in names if (row := self._answers.row(entity, name)) is not None}
        ask = tuple(name for name in names if name not in made and name not in known)
        found = [row for name, row in known.items() if name not in made]
        if ask:
            found += self._answers.of(Side.QUICKBOOKS, ("ids", entity, ask), lambda: self._real.by_ids(entity, ask))
        return self._laid_over(entity, [*found, *({"Id": name} for name in made)])

    def _laid_over(self, entity: str, rows: list[Body]) -> list[Body]:
        kind = _KIND_OF.get(entity)
        if kind is None:
            return rows
        now = [self._supposed.seen(Record(Side.QUICKBOOKS, kind, str(raw["Id"])), raw) for raw in rows]
        return [raw for raw in now if raw is not None]


_KIND_OF = {entity: kind for kind, entity in ENTITIES.items()}


class SupposedAccount(Account):
    """Ravetree's account as a rehearsal sees it: real answers, with the writes of the rehearsal laid over them."""

    def __init__(self, real: Account, answers: KnownAnswers, supposed: Supposed) -> None:
        self._real = real
        self._answers = answers
        self._supposed = supposed

    def get(self, kind: Kind, record_id: str) -> Body | None:
        """As the account's."""
        record = Record(Side.RAVETREE, kind, record_id)
        if record in self._supposed.records:
            return self._supposed.seen(record, None)
        found: Body | None = self._answers.of(
            Side.RAVETREE, ("get", kind, record_id), lambda: self._real.get(kind, record_id)
        )
        return self._supposed.seen(record, found)

    def payments_of(self, invoice_id: str) -> list[Body]:
        """As the account's."""
        rows: list[Body] = self._answers.of(
            Side.RAVETREE, ("payments of", invoice_id), lambda: self._real.payments_of(invoice_id)
        )
        made = [
            body
            for record, body in self._supposed.records.items()
            if body is not None
            and record.side is Side.RAVETREE
            and record.kind is Kind.PAYMENT
            and record.id.startswith(NEW)
            and any(name == invoice_id for name, _ in _shares(body))
        ]
        return self._laid_over(Kind.PAYMENT, rows) + made

    def payments_by(self, client_id: str) -> list[Body]:
        """As the account's."""
        rows: list[Body] = self._answers.of(
            Side.RAVETREE, ("payments by", client_id), lambda: self._real.payments_by(client_id)
        )
        return self._laid_over(Kind.PAYMENT, rows)

    def listing(self, resource: str, params: dict[str, str] | None = None) -> Iterator[Body]:
        """As the account's."""
        key = ("listing", resource, tuple(sorted((params or {}).items())))
        rows = self._answers.of(Side.RAVETREE, key, lambda: list(self._real.listing(resource, params)))
        kind = next((kind for kind, name in RESOURCES.items() if name == resource), None)
        return iter(rows if kind is None else self._laid_over(kind, rows))

    def _laid_over(self, kind: Kind, rows: list[Body]) -> list[Body]:
        now = [self._supposed.seen(Record(Side.RAVETREE, kind, str(raw["id"])), raw) for raw in rows]
        return [raw for raw in now if raw is not None]
