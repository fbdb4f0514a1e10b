"""Payments and their allocations: what keeps an invoice's balance true."""

from collections import defaultdict
from decimal import Decimal

from ravetree_sandbox.books import Book
from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import invalid
from ravetree_sandbox.invoices import Invoices
from ravetree_sandbox.journal import Actor, Journal
from ravetree_sandbox.records import Record, changed_fields, require_version
from ravetree_sandbox.shapes import component
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json

_WRITE = component("PaymentWrite")
_SUM_FIELDS = ("amount", "credit_amount", "allocations")


class Payments(Book):
    kind = "payments"
    record_shape = component("Payment")

    def __init__(self, store: Store, clock: SandboxClock, journal: Journal, invoices: Invoices) -> None:
        super().__init__(store, clock, journal)
        self._invoices = invoices

    def enter(self, actor: Actor, given: Json) -> Json:
        """A user's new payment: today's, in the client's currency, unless said otherwise."""
        client_id = given.get("client_id")
        prefilled: Json = {"date": self._clock.now().date().isoformat(), "origin": "ravetree"}
        if isinstance(client_id, str):
            prefilled["currency"] = self._client(client_id).body["currency"]
        return self.create(actor, {**prefilled, **given})

    def create(self, actor: Actor, given: Json) -> Json:
        values = self._checked({"origin": "quickbooks", **given}, None)
        record = self._records.create(self.kind, _WRITE.dump(values))
        self._emit("created", record, actor)
        self._allocate(actor, record)
        return record.shown()

    def update(self, actor: Actor, record_id: str, given: Json, if_match: int | None = None) -> Json:
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        current = {name: record.body[name] for name in _WRITE.fields}
        if any(name in given for name in _SUM_FIELDS):
            # Left out, what is unapplied follows from the new sums.
            del current["unapplied"]
        body: Json = _WRITE.dump(self._checked({**current, **given}, record_id))
        changed = changed_fields(record.body, body)
        if not changed:
            return record.shown()
        saved = self._records.update(record, body)
        self._emit("updated", saved, actor, changed)
        self._allocate(actor, saved)
        return saved.shown()

    def _checked(self, given: Json, own_id: str | None) -> Json:
        values = _WRITE.load(given, self.record_shape)
        self._client(values["client_id"])
        self._known_key("payment_methods", values["method"], "method")
        self._free_external_id(values["external_id"], own_id)
        _check_signs(values)
        _balance_sums(values)
        return values

    def _allocate(self, actor: Actor, record: Record) -> None:
        """Replaces the payment's allocations and settles every invoice that gains or loses by it."""
        live = not record.body["voided"] and not record.deleted
        before = self._allocated(record.id)
        if live:
            self._check_invoices(record.body)
        self._store.run("DELETE FROM allocations WHERE payment_id = ?", record.id)
        for row in record.body["allocations"]:
            self._store.run(
                "INSERT INTO allocations (payment_id, invoice_id, amount, live) VALUES (?, ?, ?, ?)",
                record.id,
                row["invoice_id"],
                row["amount"],
                live,
            )
        after = self._allocated(record.id)
        for invoice_id in dict.fromkeys((*before, *after)):
            self._settle(actor, invoice_id, after[invoice_id] - before[invoice_id])

    def _settle(self, actor: Actor, invoice_id: str, gain: Decimal) -> None:
        # A user may have lowered the total below what is paid: that stands, but no payment may add to it.
        if gain and self._invoices.settle(actor, invoice_id) < 0 < gain:
            raise invalid(f"The allocation to {invoice_id} is more than is open.", "allocations")

    def _allocated(self, payment_id: str) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in self._store.rows(
            "SELECT invoice_id, amount FROM allocations WHERE payment_id = ? AND live = 1", payment_id
        ):
            sums[row["invoice_id"]] += Decimal(row["amount"])
        return sums

    def _check_invoices(self, body: Json) -> None:
        for index, row in enumerate(body["allocations"]):
            invoice = self._records.find("invoices", row["invoice_id"])
            path = f"allocations.{index}.invoice_id"
            if invoice is None or invoice.deleted:
                raise invalid(f"There is no invoice {row['invoice_id']}.", path)
            if invoice.body["status"] == "void":
                raise invalid(f"The invoice {invoice.id} is void and takes no payment.", path)
            if invoice.body["currency"] != body["currency"]:
                message = f"The invoice {invoice.id} is in {invoice.body['currency']}, not {body['currency']}."
                raise invalid(message, "currency")

    def _after_delete(self, actor: Actor, record: Record) -> None:
        self._allocate(actor, record)


def _check_signs(values: Json) -> None:
    for name in ("amount", "credit_amount", "unapplied"):
        if values.get(name, 0) < 0:
            raise invalid(f"{name} cannot be negative.", name)
    for index, row in enumerate(values["allocations"]):
        if row["amount"] <= 0:
            raise invalid("An allocation is above zero.", f"allocations.{index}.amount")


def _balance_sums(values: Json) -> None:
    """Σ allocations = amount + credit_amount − unapplied."""
    allocated = sum((row["amount"] for row in values["allocations"]), Decimal(0))
    rest = values["amount"] + values["credit_amount"] - allocated
    if rest < 0:
        raise invalid(f"The allocations are {-rest} more than the payment.", "allocations")
    if values.setdefault("unapplied", rest) != rest:
        message = f"unapplied is amount + credit_amount − allocations, {rest}: correct or omit it."
        raise invalid(message, "unapplied")
