"""What the books look things up by: names, numbers, customers, days and times of change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from quickbooks_sandbox.books.amounts import ZERO, Doc, amount_of
from quickbooks_sandbox.books.ledger import Ledger, postings
from quickbooks_sandbox.books.schema import TRANSACTIONS

Key = tuple[str, str]  # entity and Id
IndexKey = tuple[str, str]  # index and value
Entry = tuple[float | str, int, str]  # what is sorted by, the Id as a number, the Id
BOOKED = frozenset(TRANSACTIONS) - {"Estimate"}
PEOPLE = ("Customer", "Vendor", "Employee")
CHANGED, DAY, ID = "MetaData.LastUpdatedTime", "TxnDate", "Id"


def name_space(entity: str) -> str:
    """Within this index a name is unique."""
    return f"name:{'People' if entity in PEOPLE else entity}"


def name_field(entity: str) -> str:
    if entity == "CompanyCurrency":
        return "Code"
    return "DisplayName" if entity in PEOPLE or entity == "TaxAgency" else "Name"


def shown_name(entity: str, doc: Doc) -> str:
    """What references to a record call it: with its parents, but for items."""
    full = None if entity in ("Item", "Vendor", "Employee") else doc.get("FullyQualifiedName")
    return str(full or doc[name_field(entity)])


def unique_name(entity: str, doc: Doc) -> str | None:
    """What must be unique: a person's name, anything else with the names of its parents before its own."""
    name = doc.get(name_field(entity))
    return name if entity in PEOPLE or not name else doc.get("FullyQualifiedName") or name


def name_key(name: str) -> str:
    return name.strip().casefold()


def index_keys(entity: str, doc: Doc) -> Iterator[IndexKey]:
    if entity in TRANSACTIONS:
        if doc.get("DocNumber"):
            yield f"DocNumber:{entity}", doc["DocNumber"]
        if doc.get("CustomerRef"):
            yield f"CustomerRef:{entity}", doc["CustomerRef"]["value"]
        return
    if name := unique_name(entity, doc):
        yield name_space(entity), name_key(name)
    if parent := (doc.get("ParentRef") or {}).get("value"):
        yield f"below:{entity}", parent


def receivable(entity: str, doc: Doc | None) -> tuple[str, Decimal] | None:
    """The customer and what this document adds to what the customer owes."""
    if doc is None or not doc.get("CustomerRef"):
        return None
    customer = doc["CustomerRef"]["value"]
    match entity:
        case "Invoice":
            return customer, amount_of(doc.get("Balance"))
        case "Payment":
            return customer, -amount_of(doc.get("UnappliedAmt"))
        case "CreditMemo":
            return customer, -amount_of(doc.get("RemainingCredit"))
    return None


def id_order(object_id: str) -> int:
    """Ids count upwards; only the tax codes TAX and NON and the rates have words for Ids."""
    return int(object_id) if object_id.isdecimal() else 0


def updated_seconds(doc: Doc) -> float:
    return datetime.fromisoformat(doc["MetaData"]["LastUpdatedTime"]).timestamp()


def created_seconds(doc: Doc) -> float:
    return datetime.fromisoformat(doc["MetaData"]["CreateTime"]).timestamp()


class Indexes:
    """Of living documents; the order of change also of deleted ones."""

    def __init__(self) -> None:
        self._exact: dict[IndexKey, dict[Key, None]] = {}
        self._sorted: dict[tuple[str, str], list[Entry]] = {}
        self._owed: dict[str, Decimal] = {}
        self.ledger = Ledger()

    def found(self, key: IndexKey) -> list[Key]:
        return list(self._exact.get(key, ()))

    def below(self, entity: str, parent: str) -> list[str]:
        """The Ids of a list's records that have this one for their parent."""
        return [object_id for _, object_id in self._exact.get((f"below:{entity}", parent), ())]

    def owed(self, customer: str) -> Decimal:
        return self._owed.get(customer, ZERO)

    def add(self, entity: str, doc: Doc) -> None:
        for key in index_keys(entity, doc):
            self._exact.setdefault(key, {})[entity, doc["Id"]] = None
        self._owe(receivable(entity, doc), 1)
        if entity in BOOKED:
            self.ledger.book(postings(entity, doc))
        for index, entry in _entries(entity, doc):
            insort(self._sorted.setdefault((entity, index), []), entry)

    def add_deleted(self, entity: str, doc: Doc) -> None:
        insort(self._sorted.setdefault((entity, CHANGED), []), _changed_entry(doc))

    def remove(self, entity: str, doc: Doc) -> None:
        for key in index_keys(entity, doc):
            self._exact.get(key, {}).pop((entity, doc["Id"]), None)
        self._owe(receivable(entity, doc), -1)
        if entity in BOOKED:
            self.ledger.book(posting.less() for posting in postings(entity, doc))
        for index, entry in _entries(entity, doc):
            entries = self._sorted[entity, index]
            entries.pop(bisect_left(entries, entry))

    def between(
        self, entity: str, index: str, least: float | str | None = None, most: float | str | None = None, skip: int = 0
    ) -> Iterable[str]:
        """Ids in order, from ``least`` to ``most``, both inclusive, without the first ``skip``."""
        entries = self._sorted.get((entity, index), [])
        start = (0 if least is None else bisect_left(entries, (least, -1, ""))) + skip
        end = len(entries) if most is None else bisect_right(entries, most, key=lambda entry: entry[0])
        return (entries[at][2] for at in range(start, end))

    def backwards(self, entity: str, index: str) -> Iterable[str]:
        return (entry[2] for entry in reversed(self._sorted.get((entity, index), [])))

    def _owe(self, part: tuple[str, Decimal] | None, sign: int) -> None:
        if part is not None:
            self._owed[part[0]] = self._owed.get(part[0], ZERO) + sign * part[1]


def _entries(entity: str, doc: Doc) -> Iterator[tuple[str, Entry]]:
    yield CHANGED, _changed_entry(doc)
    yield ID, (id_order(doc["Id"]), 0, doc["Id"])
    if entity in TRANSACTIONS and doc.get(DAY):
        yield DAY, (str(doc[DAY]), id_order(doc["Id"]), doc["Id"])


def _changed_entry(doc: Doc) -> Entry:
    return updated_seconds(doc), id_order(doc["Id"]), doc["Id"]
