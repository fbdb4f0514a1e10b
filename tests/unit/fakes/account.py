"""An account of Ravetree in memory: versions, balances, references and its log of events."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from clients.ravetree.account import RESOURCES, Accepted, Account, Invalid, LogExpired, RecordGone, Taken, VersionMoved
from config.ports import Clock
from reconcile.model import Kind
from schemas import strict_json
from schemas.quickbooks import Body
from schemas.ravetree_contract import format_time
from schemas.times import parse_instant
from tests.unit.fakes.calls import Call, Calls

KINDS = {resource: kind for kind, resource in RESOURCES.items()}
PREFIXES = {"contacts": "con", "estimates": "est", "invoices": "inv", "payments": "pay"}
PAGE = 200
ZERO = Decimal(0)


@dataclass
class _Settings:
    """Lists that an account has for its documents."""

    line_item_types: list[Body] = field(default_factory=lambda: [{"key": "time", "label": "Time"}])
    tax_rates: list[Body] = field(default_factory=list)


class InMemoryAccount(Account):
    """One account. What its users do tells of itself in `log`, as what we write does."""

    def __init__(self, clock: Clock, account_id: str) -> None:
        self._clock = clock
        self._id = account_id
        self.calls = Calls()
        self.log: list[Body] = []
        self.oldest_event = 0
        self.states: dict[tuple[str, str], Body] = {}
        self.settings = _Settings()
        self._rows: dict[str, dict[str, Body]] = {resource: {} for resource in KINDS}
        self._answered: dict[str, Accepted] = {}
        self._made = 1000

    # --- what its users do and see ---------------------------------------------------------------

    def row(self, resource: str, name: str) -> Body:
        """A record as it is."""
        return self._rows[resource][name]

    def every(self, resource: str) -> list[Body]:
        """All live records."""
        return [raw for raw in self._rows[resource].values() if not raw.get("deleted")]

    def create(self, resource: str, body: Body, operation_id: str | None = None) -> Body:
        """A user makes a record."""
        self._made += 1
        now = format_time(self._clock.now())
        raw: Body = (
            {"id": f"{PREFIXES[resource]}_{self._made}", "version": 0, "created_at": now} | _DEFAULTS[resource] | body
        )
        if resource in ("invoices", "estimates"):
            raw.setdefault("number", str(self._made))
            raw |= self._totals(raw)
        self._rows[resource][str(raw["id"])] = raw
        return self._store(resource, raw, "created", operation_id)

    def change(self, resource: str, name: str, body: Body, operation_id: str | None = None) -> Body:
        """A user edits a record."""
        old = self._rows[resource][name]
        if resource == "payments":
            self._apply(old, -1, operation_id)
        raw = old | body
        if resource in ("invoices", "estimates") and body.keys() & {"lines", "discount", "tax_amount"}:
            raw |= self._totals(raw)
        if resource == "invoices":
            raw |= self._facts(raw, body.get("status"))
        is_fact = body.keys() <= {"status", "marked_paid_at"}
        verb = "voided" if body.get("status") == "void" else ("status_changed" if is_fact else "updated")
        return self._store(resource, raw, verb, operation_id)

    def delete(self, resource: str, name: str, operation_id: str | None = None) -> None:
        """A user deletes a record."""
        old = self._rows[resource][name]
        if resource == "payments":
            self._apply(old, -1, operation_id)
        gone = {"id": name, "version": old["version"], "deleted": True}
        self._store(resource, gone, "deleted", operation_id)

    def mark_as_paid(self, name: str) -> Body:
        """A user marks an invoice as paid: no payment is made."""
        return self.change("invoices", name, {"marked_paid_at": format_time(self._clock.now())})

    def press_the_button(self, kind: Kind, name: str) -> None:
        """A user asks that a record be synced."""
        self._tell(RESOURCES[kind], self.row(RESOURCES[kind], name), "sync_requested", None)

    # --- reads -----------------------------------------------------------------------------------

    def describe(self, attempts: int = 3) -> Body:
        """Whose account it is."""
        found: Body = self.calls.made(Call("describe", self._id), lambda: {"id": self._id, "default_currency": "USD"})
        return found

    def get(self, kind: Kind, record_id: str) -> Body | None:
        """As the client's."""
        rows = self._rows[RESOURCES[kind]]

        def read() -> Body | None:
            raw = rows.get(record_id)
            return None if raw is None or raw.get("deleted") else raw

        found: Body | None = _copied(self.calls.made(Call("get", f"{kind} {record_id}"), read))
        return found

    def page(
        self, resource: str, cursor: str | None, params: dict[str, str] | None = None
    ) -> tuple[list[Body], str | None]:
        """As the client's: 200 rows, tombstones only where `updated_since` asks for them."""

        def read() -> list[Body]:
            return self._listed(resource, params or {})

        rows = _copied(self.calls.made(Call("page", resource, params), read))
        start = int(cursor or 0)
        following = start + PAGE
        return rows[start:following], str(following) if following < len(rows) else None

    def _listed(self, resource: str, params: dict[str, str]) -> list[Body]:
        if resource == "events":
            return self._events_after(params.get("after"))
        if resource in ("line_item_types", "tax_rates"):
            found: list[Body] = getattr(self.settings, resource)
            return found
        since, on = params.get("updated_since"), params.get("invoice_id")
        rows = [raw for raw in self._rows[resource].values() if since or not raw.get("deleted")]
        if since:
            rows = [raw for raw in rows if parse_instant(raw["updated_at"]) >= parse_instant(since)]
        if on:
            rows = [raw for raw in rows if any(share["invoice_id"] == on for share in raw.get("allocations", []))]
        return rows

    def _events_after(self, event_id: str | None) -> list[Body]:
        ids = [row["id"] for row in self.log]
        start = ids.index(event_id) + 1 if event_id in ids else 0
        if start < self.oldest_event:
            raise LogExpired("Ravetree no longer keeps the events since our last look")
        return self.log[start:]

    # --- writes ----------------------------------------------------------------------------------

    def write(self, method: str, path: str, body: str, key: str, if_match: int | None) -> Accepted:
        """As the client's: under a key that was answered once, the same answer again."""
        sent = strict_json.loads(body) if body else {}

        def carry_out() -> Accepted:
            if key not in self._answered:
                self._answered[key] = self._write(method, path, sent, key, if_match)
            return self._answered[key]

        written: Accepted = self.calls.made(Call("write", f"{method} {path}", sent, key), carry_out)
        return written

    def _write(self, method: str, path: str, sent: Body, key: str, if_match: int | None) -> Accepted:
        resource, _, name = path.partition("/")
        body = {field: value for field, value in sent.items() if field != "notify"}
        if method == "POST":
            self._check_reference(resource, body)
            return Accepted(201, _copied(self.create(resource, body, key)))
        name = unquote(name)
        old = self._rows[resource].get(name)
        if old is None or old.get("deleted"):
            raise RecordGone(f"Ravetree has no {path}")
        if if_match is not None and old["version"] != if_match:
            raise VersionMoved("it was changed in Ravetree meanwhile")
        if method == "DELETE":
            self.delete(resource, name, key)
            return Accepted(204, {})
        return Accepted(200, _copied(self.change(resource, name, body, key)))

    def _check_reference(self, resource: str, body: Body) -> None:
        reference = body.get("external_id")
        for raw in self.every(resource):
            if reference and raw.get("external_id") == reference:
                raise Taken("Ravetree refuses: the external_id is taken", raw["id"], code="external_id_taken")

    def tell(self, kind: Kind, record_id: str, state: Body, key: str) -> None:
        """As the client's."""

        def carry_out() -> None:
            if record_id not in self._rows[RESOURCES[kind]]:
                raise RecordGone(f"Ravetree has no sync_states/{kind}/{record_id}")
            self.states[str(kind), record_id] = state

        self.calls.made(Call("tell", f"{kind} {record_id}", state, key), carry_out)

    # --- its rules -------------------------------------------------------------------------------

    def _totals(self, raw: Body) -> Body:
        lines = [
            {"id": f"{raw['id']}_{place}"} | line | {"amount": _spell(_amount_of(line))}
            for place, line in enumerate(raw["lines"], 1)
        ]
        total = sum((Decimal(line["amount"]) for line in lines), ZERO) + Decimal(raw["tax_amount"])
        paid = Decimal(raw.get("total", "0")) - Decimal(raw.get("balance", "0"))
        return {"lines": lines, "total": _spell(total), "balance": _spell(total - paid)}

    def _facts(self, raw: Body, wanted: str | None) -> Body:
        """An invoice's status follows from facts; being sent and being void are such."""
        now = format_time(self._clock.now())
        if wanted == "void":
            return {"status": "void", "balance": "0.00"}
        if wanted == "sent" and raw["sent_at"] is None:
            raw = raw | {"sent_at": now}
        return {"sent_at": raw["sent_at"], "status": _status_of(raw)}

    def _apply(self, payment: Body, sign: int, operation_id: str | None) -> None:
        for share in payment.get("allocations", []):
            invoice = self._rows["invoices"][share["invoice_id"]]
            if invoice.get("deleted"):
                continue
            balance = Decimal(invoice["balance"]) - sign * Decimal(share["amount"])
            if balance < ZERO:
                raise Invalid("Ravetree refuses: more is allocated than is open", code="invalid")
            settled = invoice | {"balance": _spell(balance)}
            settled["status"] = _status_of(settled)
            verb = "status_changed" if settled["status"] != invoice["status"] else ""
            self._store("invoices", settled, verb, operation_id)

    def _store(self, resource: str, raw: Body, verb: str, operation_id: str | None) -> Body:
        if resource == "payments" and not raw.get("deleted"):
            applied = sum((Decimal(share["amount"]) for share in raw["allocations"]), ZERO)
            raw["unapplied"] = _spell(Decimal(raw["amount"]) - applied)
            self._apply(raw, 1, operation_id)
        raw = raw | {"version": raw["version"] + 1, "updated_at": format_time(self._clock.now())}
        self._rows[resource][str(raw["id"])] = raw
        if verb:
            self._tell(resource, raw, verb, operation_id)
        return raw

    def _tell(self, resource: str, raw: Body, verb: str, operation_id: str | None) -> None:
        origin = {"kind": "integration", "operation_id": operation_id} if operation_id else {"kind": "user", "id": "u"}
        self.log.append(
            {
                "id": f"evt_{len(self.log) + 1}",
                "type": f"{KINDS[resource]}.{verb}",
                "timestamp": format_time(self._clock.now()),
                "account_id": self._id,
                "data": {"id": raw["id"], "version": raw["version"], "origin": origin},
            }
        )


_DOCUMENT: Body = {
    "status": "draft",
    "issue_date": "2026-11-20",
    "currency": "USD",
    "memo": "",
    "lines": [],
    "discount": None,
    "tax_inclusive": False,
    "tax_amount": "0.00",
}
_DEFAULTS: dict[str, Body] = {
    "contacts": {"kind": "account", "active": True, "currency": "USD", "merged_into": None},
    "estimates": _DOCUMENT | {"expires_on": None},
    "invoices": _DOCUMENT | {"due_date": "2026-12-20", "sent_at": None, "marked_paid_at": None, "estimate_id": None},
    "payments": {
        "date": "2026-11-21",
        "currency": "USD",
        "credit_amount": "0.00",
        "reference": "",
        "memo": "",
        "allocations": [],
        "origin": "ravetree",
        "external_id": None,
    },
}


def _status_of(invoice: Body) -> str:
    total, balance = Decimal(invoice["total"]), Decimal(invoice["balance"])
    if invoice["status"] == "void":
        return "void"
    if invoice["marked_paid_at"] is not None or (total > ZERO and balance <= ZERO):
        return "paid"
    if balance < total:
        return "partially_paid"
    return "sent" if invoice["sent_at"] else "draft"


def _amount_of(line: Body) -> Decimal:
    return (
        Decimal(line["amount"]) if "quantity" not in line else Decimal(line["quantity"]) * Decimal(line["unit_price"])
    )


def _spell(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _copied(value: Any) -> Any:
    return strict_json.loads(strict_json.dumps(value))
