"""What records of a connection are compared by: listed once for one question."""

from collections import defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from clients.ravetree.account import RESOURCES
from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.invoices import is_left_for_good
from reconcile.model import ZERO, Answer, Kind, QuickBooksPayment, RavetreePayment, Record, Side
from reconcile.payment_facts import KnownInvoice
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import answers, connections, copies, journal, models, pairs, pending
from storage.models import Copy, Pair, PendingChange
from sync.books import Books

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lists:
    """Lists of a connection's records, links and mappings. It reads nothing that is metered."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._listed: dict[Kind, dict[str, Body]] = {}
        self._copies: dict[Kind, dict[str, Copy]] = {}
        self._known: dict[str, KnownInvoice] = {}

    @cached_property
    def mappings(self) -> list[models.Mapping]:
        """Every key of Ravetree with the entry that it is mapped to."""
        with self.books.reading() as session:
            return connections.every_mapping(session, self.books.id)

    @cached_property
    def methods(self) -> dict[str, str]:
        """Payment methods by Ravetree's keys."""
        return {row.key: row.quickbooks_id for row in self.mappings if row.kind == "payment_method"}

    @cached_property
    def customers(self) -> Mapping[tuple[str, str], str]:
        """Customers by contact and currency."""
        with self.books.reading() as session:
            found = pairs.every(session, self.books.id, Kind.CONTACT)
        return {(pair.ravetree_id, pair.currency): pair.quickbooks_id for pair in found}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Customers by id, and items as `item ID`."""
        with self.books.reading() as session:
            known = copies.every(session, self.books.id, Side.QUICKBOOKS, Kind.CONTACT)
        names = {copy.record_id: str(copy.body["DisplayName"]) for copy in known if copy.body.get("DisplayName")}
        return names | {f"item {row.quickbooks_id}": row.name for row in self.mappings if row.name}

    @cached_property
    def sent_written(self) -> Container[str]:
        """Invoices that we marked as sent."""
        with self.books.reading() as session:
            return journal.done_subjects(session, self.books.id, Action.INVOICE_MARK_SENT)

    @cached_property
    def invoice_pairs(self) -> tuple[Mapping[str, Pair], Mapping[str, Pair]]:
        """The pairs of invoices by Ravetree's ids, and by QuickBooks'."""
        with self.books.reading() as session:
            found = pairs.every(session, self.books.id, Kind.INVOICE)
        return {pair.ravetree_id: pair for pair in found}, {pair.quickbooks_id: pair for pair in found}

    def known_invoices(self, records: Iterable[Any], was: QuickBooksPayment | None = None) -> tuple[KnownInvoice, ...]:
        """The paired invoices that any of these payments names, without those that a person left for good.

        `was` is what QuickBooks said of the payment when both sides last agreed.
        """
        by_ours, by_theirs = self.invoice_pairs
        found: dict[str, Pair] = {}
        for record in records:
            if isinstance(record, RavetreePayment | QuickBooksPayment):
                by = by_ours if isinstance(record, RavetreePayment) else by_theirs
                named = [by.get(allocation.invoice_id) for allocation in record.allocations]
                found |= {pair.ravetree_id: pair for pair in named if pair is not None and pair.base_quickbooks}
        return tuple(
            self._known_invoice(pair)
            for name, pair in sorted(found.items())
            if not is_left_for_good(
                self._left.get(str(Record(Side.RAVETREE, Kind.INVOICE, name)), ()), pair.quickbooks_id, was
            )
        )

    @cached_property
    def _left(self) -> Mapping[str, list[Answer]]:
        """What people left as it is, by the name of the record."""
        found: defaultdict[str, list[Answer]] = defaultdict(list)
        with self.books.reading() as session:
            for row in answers.every(session, self.books.id, Decision.LEAVE):
                found[row.subject].append(answers.said_in(row))
        return found

    def _known_invoice(self, pair: Pair) -> KnownInvoice:
        accepted = pairs.accepted_gap(pair)
        if pair.ravetree_id not in self._known:
            self._known[pair.ravetree_id] = KnownInvoice(
                pair.ravetree_id,
                pair.quickbooks_id,
                str(pair.base_ravetree["number"]),
                str(pair.base_ravetree["client_id"]),
                quickbooks.load_invoice(pair.base_quickbooks, self.books.home_currency),
                accepted=accepted.total if accepted is not None else ZERO,
            )
        return self._known[pair.ravetree_id]

    def listed(self, kind: Kind) -> dict[str, Body]:
        """Ravetree's records of a kind by id, listed once: reads there are free."""
        if kind not in self._listed:
            rows = self.books.neighbours.ravetree.listing(RESOURCES[kind])
            self._listed[kind] = {row["id"]: row for row in rows if not row.get("deleted")}
        return self._listed[kind]

    def copies(self, kind: Kind) -> dict[str, Copy]:
        """Our copies of QuickBooks' records of a kind, by id."""
        if kind not in self._copies:
            with self.books.reading() as session:
                found = copies.every(session, self.books.id, Side.QUICKBOOKS, kind)
            self._copies[kind] = {copy.record_id: copy for copy in found}
        return self._copies[kind]

    @cached_property
    def under_way(self) -> Mapping[Record, PendingChange]:
        """All that is not at rest, by record."""
        with self.books.reading() as session:
            return {pending.record_of(row): row for row in pending.every(session, self.books.id)}


class LookedUp(Lists):
    """The same for one record: each entry is looked up when it is asked for, however many there are."""

    @cached_property
    def customers(self) -> Mapping[tuple[str, str], str]:
        """Customers by contact and currency."""

        def find(named: tuple[str, str]) -> str | None:
            with self.books.reading() as session:
                pair = pairs.find(session, self.books.id, Kind.CONTACT, Side.RAVETREE, *named)
            return pair.quickbooks_id if pair is not None else None

        return _LookedUp(find)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Customers by id, and items as `item ID`."""
        items = {f"item {row.quickbooks_id}": row.name for row in self.mappings if row.name}

        def find(name: str) -> str | None:
            if name.startswith("item "):
                return items.get(name)
            with self.books.reading() as session:
                copy = copies.get(session, self.books.id, Record(Side.QUICKBOOKS, Kind.CONTACT, name))
            return str(copy.body["DisplayName"]) if copy is not None and copy.body.get("DisplayName") else None

        return _LookedUp(find)

    @cached_property
    def sent_written(self) -> Container[str]:
        """Invoices that we marked as sent."""

        def find(subject: str) -> bool | None:
            with self.books.reading() as session:
                return journal.was_done(session, self.books.id, subject, Action.INVOICE_MARK_SENT) or None

        return _LookedUp(find)

    @cached_property
    def invoice_pairs(self) -> tuple[Mapping[str, Pair], Mapping[str, Pair]]:
        """The pairs of invoices by Ravetree's ids, and by QuickBooks'."""

        def finding(side: Side) -> Callable[[str], Pair | None]:
            return lambda name: self.books.pair(Kind.INVOICE, side, name)

        return _LookedUp(finding(Side.RAVETREE)), _LookedUp(finding(Side.QUICKBOOKS))

    @cached_property
    def under_way(self) -> Mapping[Record, PendingChange]:
        """What is not at rest, by record."""

        def find(record: Record) -> PendingChange | None:
            with self.books.reading() as session:
                return next(iter(pending.rows(session, self.books.id, [record])), None)

        return _LookedUp(find)


class _LookedUp(Mapping[K, V]):
    """Finds each value once; it lists only what was found."""

    def __init__(self, find: Callable[[K], V | None]) -> None:
        self._find = find
        self._found: dict[K, V | None] = {}

    def __getitem__(self, key: K) -> V:
        if key not in self._found:
            self._found[key] = self._find(key)
        value = self._found[key]
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[K]:
        return (key for key, value in self._found.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
