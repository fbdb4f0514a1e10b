"""A company of QuickBooks in memory: balances, numbers, names, SyncTokens and links as far as `sync` looks at them."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from clients.errors import NeighbourError
from clients.quickbooks import faults
from clients.quickbooks.company import CDC_LIMIT, LISTS, Changes, Company, Written
from config.ports import Clock
from schemas import strict_json
from schemas.quickbooks import Body
from schemas.times import parse_instant
from tests.unit.fakes.calls import Call, Calls

ZERO = Decimal(0)
PREFERENCES: Body = {
    "SalesFormsPrefs": {"CustomTxnNumbers": True},
    "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}, "MultiCurrencyEnabled": True},
    "TaxPrefs": {"UsingSalesTax": True},
}


@dataclass(frozen=True)
class Change:
    """What QuickBooks tells of by a webhook: `invoice.updated` of an id."""

    type: str
    id: str
    time: datetime
    data: Body


class InMemoryCompany(Company):
    """One company; `real` methods that only page and spell queries are the client's own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cause = "settings"
        self.told_at: datetime | None = None
        self.most_changes = CDC_LIMIT
        self.ahead = timedelta()
        self.calls = Calls()
        self.changed: list[Change] = []
        self.causes: list[str] = []
        self.preferences: Body = {name: dict(value) for name, value in PREFERENCES.items()}
        self.info: Body = {"Country": "US"}
        self._rows: dict[str, dict[str, Body]] = {
            name: {}
            for name in ("Customer", "Item", "TaxCode", "Account", "Estimate", "Invoice", "Payment", "CreditMemo")
        }
        self._answered: dict[str, Any] = {}
        self._last_id = 100

    # --- what people do and see ------------------------------------------------------------------

    def row(self, entity: str, name: str) -> Body:
        """An object as it is."""
        return self._rows[entity][name]

    def every(self, entity: str) -> list[Body]:
        """All that are not deleted."""
        return [raw for raw in self._rows[entity].values() if raw.get("status") != "Deleted"]

    def numbered(self, number: str, entity: str = "Invoice") -> Body:
        """The one document with this number."""
        (found,) = [raw for raw in self.every(entity) if raw.get("DocNumber") == number]
        return found

    def add(self, entity: str, name: str, **fields: Any) -> Body:
        """An entry of a list, under an id that a test chooses: it tells nobody."""
        self._last_id = max(self._last_id, int(name))
        stamp = self._stamp()
        meta = {"CreateTime": stamp, "LastUpdatedTime": stamp}
        self._rows[entity][name] = {"Id": name, "SyncToken": "0", "Active": True, "MetaData": meta} | fields
        return self._rows[entity][name]

    def hide(self, entity: str, name: str) -> Body:
        """An object is not visible yet; `show` makes it so."""
        return self._rows[entity].pop(name)

    def show(self, entity: str, raw: Body) -> None:
        """An object is visible."""
        self._rows[entity][raw["Id"]] = raw

    def save(self, entity: str, body: Body, operation: str = "") -> Body:
        """A bookkeeper writes; an object that is there is written as it is now."""
        known = self._rows[entity].get(str(body.get("Id", "")))
        if known is not None:
            body = {"SyncToken": known["SyncToken"], "sparse": True} | body
        return self._write(entity, strict_json.loads(strict_json.dumps(body)), operation)

    def tell(self, entity: str, name: str, change: str, **data: Any) -> None:
        """A webhook says that an object has changed."""
        self.changed.append(Change(f"{entity.lower()}.{change}", name, self._now(), data))

    # --- reads -----------------------------------------------------------------------------------

    @contextmanager
    def because(self, cause: str) -> Iterator[None]:
        """As the client's; the causes of reads are remembered."""
        with super().because(cause):
            yield

    def get(self, path: str) -> Body:
        """`preferences` and `companyinfo`."""
        asked = self.info if path.startswith("companyinfo/") else self.preferences
        found: Body = self._reading(Call("get", path), lambda: dict(asked))
        return found

    def _reading(self, call: Call, read: Callable[[], Any]) -> Any:
        self.causes.append(self._cause)
        answer = self.calls.made(call, read)
        self.told_at = self._now()
        # A copy, and decimals as the wire has them.
        return strict_json.loads(strict_json.dumps(answer))

    def _page(self, entity: str, where: str, start: int, limit: int, order: str) -> tuple[list[Body], datetime | None]:
        def read() -> list[Body]:
            found = [raw for raw in self.every(entity) if _matches(raw, where, entity)]
            found.sort(key=lambda raw: (_field(raw, order) if order != "Id" else "", int(raw["Id"])))
            return found[start : start + limit]

        rows: list[Body] = self._reading(Call("query", entity, where), read)
        return rows, self.told_at

    def changes(self, entities: Iterable[str], since: datetime) -> Changes:
        """As the client's."""
        names = list(entities)

        def read() -> dict[str, list[Body]]:
            return {
                name: [raw for raw in self._rows[name].values() if parse_instant(_updated(raw)) >= since]
                for name in names
            }

        objects: dict[str, list[Body]] = self._reading(Call("changes", ",".join(names)), read)
        room, complete = self.most_changes, sum(map(len, objects.values())) < self.most_changes
        for name in names:
            objects[name] = objects[name][:room]
            room -= len(objects[name])
        return Changes(self.told_at, objects, complete)

    # --- writes ----------------------------------------------------------------------------------

    def write(self, path: str, body: str, request_id: str) -> Written:
        """As the client's: under a key that was answered once, the same answer again."""
        entity, _, operation = path.partition("?operation=")
        sent = strict_json.loads(body)

        def carry_out() -> Written:
            if request_id not in self._answered:
                if path == "invoice?operation=void":
                    self._refuse_with_payments(sent["Id"])
                made = self._write(entity.capitalize(), sent, operation)
                self._answered[request_id] = Written(200, _plain(made), self._now(), "tid")
            answer: Written = self._answered[request_id]
            return answer

        written: Written = self.calls.made(Call("write", path, sent, request_id), carry_out)
        return written

    def batch(self, body: str, request_id: str) -> dict[str, Written | NeighbourError]:
        """As the client's: each item is done or refused by itself."""
        items = strict_json.loads(body)["BatchItemRequest"]

        def carry_out() -> dict[str, Written | NeighbourError]:
            if request_id not in self._answered:
                self._answered[request_id] = {item["bId"]: self._item(item) for item in items}
            answers: dict[str, Written | NeighbourError] = self._answered[request_id]
            return answers

        answers: dict[str, Written | NeighbourError] = self.calls.made(
            Call("batch", str(len(items)), items, request_id), carry_out
        )
        return answers

    def _item(self, item: Body) -> Written | NeighbourError:
        entity = next(name for name in self._rows if name in item)
        try:
            made = self._write(entity, item[entity], "")
        except NeighbourError as error:
            return error
        return Written(200, _plain(made), self._now(), "tid")

    # --- its rules -------------------------------------------------------------------------------

    def _write(self, entity: str, sent: Body, operation: str) -> Body:
        if "Id" in sent:
            return self._change(entity, sent, operation)
        raw: Body = {name: value for name, value in sent.items() if name != "sparse"}
        self._check(entity, raw, "")
        self._last_id += 1
        raw.setdefault("CurrencyRef", {"value": "USD"})
        raw |= {"Id": str(self._last_id), "SyncToken": "-1", "MetaData": {"CreateTime": self._stamp()}}
        if entity == "Customer":
            raw.setdefault("Active", True)
        self._rows[entity][str(raw["Id"])] = raw
        return self._stored(entity, raw, {}, "created")

    def _change(self, entity: str, sent: Body, operation: str) -> Body:
        old = self._rows[entity].get(sent["Id"])
        if old is None or old.get("status") == "Deleted":
            raise faults.NotFoundOrInactive("QuickBooks says that something it needs is deleted", code="610")
        if sent.get("SyncToken") != old["SyncToken"]:
            raise faults.StaleSyncToken("it was changed in QuickBooks meanwhile", code="5010")
        if entity == "Payment" and any(link["TxnType"] == "Deposit" for link in old.get("LinkedTxn", [])):
            raise faults.DepositedPayment("the payment is deposited in QuickBooks and locked", code="6540")
        if operation == "delete":
            gone = {"Id": old["Id"], "status": "Deleted", "MetaData": {"LastUpdatedTime": self._stamp()}}
            self._rows[entity][old["Id"]] = gone
            self._unlink(entity, old)
            self.tell(entity, old["Id"], "deleted")
            return {"Id": old["Id"], "status": "Deleted", "domain": "QBO"}
        if operation == "void":
            raw = old | _void(old)
            self._unlink(entity, old)
            return self._stored(entity, raw, old, "void")
        raw = old | {name: value for name, value in sent.items() if name != "sparse"}
        self._check(entity, raw, old["Id"])
        emailed = raw.get("EmailStatus") == "EmailSent" != old.get("EmailStatus")
        stored = self._stored(entity, raw, old, "updated")
        if emailed:
            self.tell(entity, old["Id"], "emailed")
        return stored

    def _stored(self, entity: str, raw: Body, old: Body, change: str) -> Body:
        if entity in ("Invoice", "Estimate") and change != "void":
            raw = raw | self._totals(raw, old)
        if entity == "Payment" and change != "void":
            self._apply(old, -1)
            raw = raw | {
                "UnappliedAmt": _number(raw["TotalAmt"]) - _applied(raw),
                "LinkedTxn": raw.get("LinkedTxn", []),
            }
            self._apply(raw, 1)
        raw["SyncToken"] = str(int(raw["SyncToken"]) + 1)
        raw["MetaData"] = raw["MetaData"] | {"LastUpdatedTime": self._stamp()}
        self._rows[entity][str(raw["Id"])] = raw
        self.tell(entity, raw["Id"], change)
        if entity == "Invoice" and change == "created":
            self._close_estimates(raw)
        return raw

    def _check(self, entity: str, raw: Body, own: str) -> None:
        """What QuickBooks refuses: a taken number or name, and what refers to nothing."""
        others = [other for other in self.every(entity) if other["Id"] != own]
        if entity == "Customer":
            if any(other["DisplayName"] == raw["DisplayName"] for other in others):
                raise faults.DuplicateName("its name is taken in QuickBooks", code="6240")
            return
        customer = self._rows["Customer"].get(raw["CustomerRef"]["value"])
        if customer is None or not customer["Active"]:
            raise faults.NotFoundOrInactive("QuickBooks says that something it needs is deleted", code="610")
        for other in others:
            if raw.get("DocNumber") and other.get("DocNumber") == raw["DocNumber"]:
                detail = f"DocNumber={raw['DocNumber']} is assigned to TxnType={entity} with TxnId={other['Id']}"
                raise faults.DuplicateNumber("its number is taken in QuickBooks", code="6140", detail=detail)
        for line in raw.get("Line", []):
            if line.get("DetailType") == "SalesItemLineDetail":
                self._check_item(line["SalesItemLineDetail"]["ItemRef"]["value"])

    def _refuse_with_payments(self, name: str) -> None:
        """A bookkeeper is asked whether payments come off; a program is refused."""
        links = self._rows["Invoice"].get(name, {}).get("LinkedTxn", [])
        if any(link["TxnType"] == "Payment" for link in links):
            raise faults.BusinessRule("QuickBooks refuses: other transactions are linked to it", code="6000")

    def _check_item(self, name: str) -> None:
        item = self._rows["Item"].get(name)
        if item is None:
            raise faults.StaleReference("it refers to an entry that no longer exists in QuickBooks", code="2500")
        if not item["Active"]:
            raise faults.NotFoundOrInactive("QuickBooks says that something it needs is inactive", code="610")

    def _totals(self, raw: Body, old: Body) -> Body:
        """Lines with their ids and the subtotal that QuickBooks adds; what was settled stays settled."""
        lines, total, subtotal = [], _number(raw.get("TxnTaxDetail", {}).get("TotalTax")), ZERO
        for line in raw["Line"]:
            if line["DetailType"] == "SubTotalLineDetail":
                continue
            self._last_id += 0 if line.get("Id") else 1
            lines.append({"Id": str(self._last_id)} | line)
            amount = _number(line["Amount"])
            subtotal += amount if line["DetailType"] == "SalesItemLineDetail" else ZERO
            total += amount if line["DetailType"] == "SalesItemLineDetail" else -amount
        lines.append({"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
        paid = _number(old.get("TotalAmt")) - _number(old.get("Balance"))
        return {"Line": lines, "TotalAmt": total, "Balance": total - paid, "LinkedTxn": raw.get("LinkedTxn", [])}

    def _close_estimates(self, invoice: Body) -> None:
        for link in invoice.get("LinkedTxn", []):
            if link["TxnType"] == "Estimate":
                estimate = self._rows["Estimate"][link["TxnId"]]
                linked = [*estimate.get("LinkedTxn", []), {"TxnId": invoice["Id"], "TxnType": "Invoice"}]
                self._touch("Estimate", estimate, TxnStatus="Closed", LinkedTxn=linked)

    def _apply(self, payment: Body, sign: int) -> None:
        """What a payment settles of invoices, or no longer settles."""
        for name, amount in _shares(payment):
            invoice = self._rows["Invoice"][name]
            if invoice.get("status") == "Deleted":
                continue
            balance = _number(invoice["Balance"]) - sign * amount
            if balance < ZERO:
                raise faults.BusinessRule("QuickBooks refuses: the payment exceeds the balance", code="6000")
            links = [link for link in invoice["LinkedTxn"] if link["TxnId"] != payment["Id"]]
            if sign > 0:
                links.append({"TxnId": payment["Id"], "TxnType": "Payment"})
            self._touch("Invoice", invoice, Balance=balance, LinkedTxn=links)

    def _unlink(self, entity: str, old: Body) -> None:
        if entity == "Payment":
            self._apply(old, -1)
        elif entity == "Invoice":
            for payment in self.every("Payment"):
                lines = [line for line in payment["Line"] if not _is_on(line, old["Id"])]
                if len(lines) != len(payment["Line"]):
                    unapplied = _number(payment["TotalAmt"]) - _applied(payment | {"Line": lines})
                    self._touch("Payment", payment, Line=lines, UnappliedAmt=unapplied)

    def _touch(self, entity: str, raw: Body, **fields: Any) -> None:
        """It changes because something else did."""
        raw |= fields
        raw["SyncToken"] = str(int(raw["SyncToken"]) + 1)
        raw["MetaData"] = raw["MetaData"] | {"LastUpdatedTime": self._stamp()}
        self.tell(entity, raw["Id"], "updated")

    def _now(self) -> datetime:
        """QuickBooks' times have whole seconds; its clock may be `ahead` of ours."""
        return self._clock.now().replace(microsecond=0) + self.ahead

    def _stamp(self) -> str:
        return self._now().isoformat()


def _plain(raw: Body) -> Body:
    found: Body = strict_json.loads(strict_json.dumps(raw))
    return found


def _number(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def _updated(raw: Body) -> str:
    return str(raw["MetaData"]["LastUpdatedTime"])


def _shares(payment: Body) -> Iterator[tuple[str, Decimal]]:
    for line in payment.get("Line", []):
        for link in line.get("LinkedTxn", []):
            if link["TxnType"] == "Invoice":
                yield link["TxnId"], _number(line["Amount"])


def _applied(payment: Body) -> Decimal:
    return sum((amount for _, amount in _shares(payment)), ZERO)


def _is_on(line: Body, invoice_id: str) -> bool:
    return any(link == {"TxnId": invoice_id, "TxnType": "Invoice"} for link in line.get("LinkedTxn", []))


def _void(old: Body) -> Body:
    lines = [line | {"Amount": ZERO} for line in old.get("Line", [])]
    note = f"Voided {old.get('PrivateNote', '')}".rstrip()
    zero: Body = {"TotalAmt": ZERO, "PrivateNote": note, "Line": lines, "LinkedTxn": []}
    return zero | ({"UnappliedAmt": ZERO, "Line": []} if "UnappliedAmt" in old else {"Balance": ZERO})


# --- the query language, as far as it is asked ---------------------------------------------------------

_TERM = re.compile(
    r"\s*(?P<field>[\w.]+)\s+(?P<operator>=|>=|in)\s+(?P<value>\((?:'(?:\\.|[^'\\])*'|[^')])*\)|'(?:\\.|[^'\\])*'|\w+)(?:\s+and\b|\s*$)",
    re.IGNORECASE,
)


def _matches(raw: Body, where: str, entity: str) -> bool:
    if entity in LISTS and "Active" not in where and not raw.get("Active", True):
        return False
    place = 0
    while place < len(where):
        term = _TERM.match(where, place)
        if term is None:
            raise AssertionError(f"QuickBooks in memory does not understand {where[place:]!r}")
        if not _holds(_field(raw, term["field"]), term["operator"].lower(), term["value"]):
            return False
        place = term.end()
    return True


def _holds(has: str, operator: str, value: str) -> bool:
    literals = re.findall(r"'((?:\\.|[^'\\])*)'|(\w+)", value)
    wanted = [re.sub(r"\\(.)", r"\1", text) if text else word for text, word in literals]
    if operator == ">=":
        return parse_instant(has) >= parse_instant(wanted[0])
    return has in wanted


def _field(raw: Body, name: str) -> str:
    found: Any = raw
    for part in name.split("."):
        found = found.get(part, "")
    if isinstance(found, dict):
        found = found.get("value", found.get("Address", ""))
    return str(found).lower() if isinstance(found, bool) else str(found)
