"""What invoices and estimates share: numbers, lines and totals."""

from datetime import date
from decimal import Decimal
from typing import Any

from ravetree_sandbox.books import Book
from ravetree_sandbox.errors import invalid
from ravetree_sandbox.journal import Actor
from ravetree_sandbox.records import Record
from ravetree_sandbox.shapes import Shape
from ravetree_sandbox.totals import price_line, total_up
from ravetree_sandbox.values import Json

FIRST_NUMBER = 1001
_MONEY_FIELDS = ("lines", "discount", "tax_inclusive", "currency")


class Documents(Book):
    form: Shape

    def _enter(self, given: Json) -> Json:
        """A new document's form with what the program fills in by itself."""
        client_id = given.get("client_id")
        client = self._client(client_id) if isinstance(client_id, str) else None
        currency = client.body["currency"] if client else None
        return {
            "issue_date": self._today().isoformat(),
            **({"currency": currency} if currency else {}),
            **given,
            "number": self._next_number() if given.get("number") is None else given["number"],
        }

    def _revise(self, record: Record, given: Json) -> Json:
        """The form of a stored document with a user's changes laid over it."""
        current = {name: record.body[name] for name in self.form.fields if name in record.body}
        if not record.body["_tax_given"] or any(name in given for name in _MONEY_FIELDS):
            current["tax_amount"] = None
        revised = {**current, **given}
        if isinstance(given.get("lines"), list):
            revised["lines"] = _merge_lines(record.body["lines"], given["lines"])
        return revised

    def _complete(self, entered: Json, own_id: str | None) -> Json:
        """The stored form of what was entered: checked, its lines numbered, its totals worked out."""
        values = self.form.load(entered, self.record_shape)
        self._client(values["client_id"])
        self._free_number(values["number"], own_id)
        self._complete_lines(values)
        rates = self._keys("tax_rates")
        totals = total_up(values, {key: Decimal(rate["percent"]) for key, rate in rates.items()})
        tax_given = values["tax_amount"] is not None
        values.update(tax_amount=totals.tax, subtotal=totals.subtotal, total=totals.total)
        return {**self._dump(values), "_tax_given": tax_given}

    def _complete_lines(self, values: Json) -> None:
        types, rates = self._keys("line_item_types"), self._keys("tax_rates")
        for index, line in enumerate(values["lines"]):
            path = f"lines.{index}"
            if line["type"] not in types:
                raise invalid(f"There is no line item type {line['type']!r}.", f"{path}.type")
            if line["tax_rate"] is not None and line["tax_rate"] not in rates:
                raise invalid(f"There is no tax rate {line['tax_rate']!r}.", f"{path}.tax_rate")
            if line["taxable"] is None:
                line["taxable"] = line["tax_rate"] is not None
            price_line(line, values["currency"], path)
            if line["id"] is None:
                line["id"] = f"lin_{self._store.count_up('lines', 1)}"

    def _dump(self, values: Json) -> Json:
        dumped = self.record_shape.dump(values)
        return {name: dumped[name] for name in values}

    def _next_number(self) -> str:
        number = str(self._store.count_up(f"{self.kind}_number", FIRST_NUMBER))
        while self._records.holder(self.kind, "number", number) is not None:
            number = str(self._store.count_up(f"{self.kind}_number", FIRST_NUMBER))
        return number

    def _free_number(self, number: str, own_id: str | None) -> None:
        holder = self._records.holder(self.kind, "number", number)
        if holder is not None and holder != own_id:
            raise invalid(f"The number {number} is taken by {holder}.", "number", holder)

    def _today(self) -> date:
        return self._clock.now().date()

    def _emit_created(self, record: Record, actor: Actor) -> Json:
        self._emit("created", record, actor)
        return self.show(record)


def _merge_lines(stored: list[Json], given: list[Any]) -> list[Any]:
    """Lines that name the id of a stored one keep what they do not say; the array replaces the set."""
    known = {line["id"]: line for line in stored}
    return [_merge_line(known, line, index) for index, line in enumerate(given)]


def _merge_line(known: dict[str, Json], given: Any, index: int) -> Any:
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        return given
    if given["id"] not in known:
        raise invalid(f"There is no line {given['id']}.", f"lines.{index}.id")
    merged = {**known.pop(given["id"]), **given}
    if "amount" not in given:
        merged["amount"] = None
    elif "unit_price" not in given and given["amount"] is not None:
        merged["unit_price"] = None
    return merged
