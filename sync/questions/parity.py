"""Parity, drift and one record held against its partner: what people and the daily round ask about both books."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from config import telemetry
from config.logging import logger
from config.ports import Clock
from reconcile import parity as rules
from reconcile.choices import choices
from reconcile.model import Kind, QuickBooksPayment, RavetreePayment, Record, Side
from reconcile.parity import Compared, Figures, Report, Row
from reconcile.receipts import same_receipt
from storage import answers, brakes, connections, copies, decisions, duties, paging, pairs, pending
from storage import parity as reports
from storage.database import Database
from storage.models import LastingAnswer, ParityReport, PendingChange
from storage.paging import Asked, Page
from storage.unit import UnitOfWork
from sync.books import Books, NoWrites
from sync.neighbours import NeighboursOf
from sync.questions import drift, kept
from sync.questions.all_compared import AllCompared
from sync.questions.comparison import (
    COMPARED,
    BothBooks,
    SideBySide,
    figures,
    read_in_full,
    spell_amount,
    spell_differences,
)
from sync.questions.lists import LookedUp
from sync.record_addresses import RecordAddresses
from sync.rehearsal import Rehearsal

COPIES, FULL = "copies", "full"
"""What a report was made from: our copies of QuickBooks' records, or a fresh read of all."""

DUTY = "parity"
EVERY = timedelta(days=1)
TRIED_AGAIN_AFTER = timedelta(hours=1)
_BY_ITSELF = ("due", "waiting")
ONE_OR_TWO = "one_or_two_payments"

log = logger("parity")


def make(books: Books, *, full: bool = False) -> ParityReport:
    """Hold both books against each other now and keep the report."""
    if full:
        with books.neighbours.quickbooks.because("parity"):
            read_in_full(books)
    report = rules.report(AllCompared(BothBooks(books, _rehearsal(books))).compared())
    rows = [_spell_row(row) for row in report.rows]
    with books.writing() as session:
        made = reports.add(session, books.id, books.now(), FULL if full else COPIES, _spell_summary(report), rows)
        log.info("parity report made", report=made.id, compared=report.compared, causes=report.causes)
        return made


def make_daily(books: Books) -> None:
    """The report of the day, from our copies; the next one is due tomorrow."""
    with books.writing() as session:
        # Whatever becomes of this one: the next slice is for the books, not for another try.
        duties.schedule(session, books.id, DUTY, books.now() + TRIED_AGAIN_AFTER)
    make(books)
    with books.writing() as session:
        duties.schedule(session, books.id, DUTY, books.now() + EVERY)


class Metric:
    """Shows the newest reports of all connections. It looks them up only when there is a new one."""

    def __init__(self) -> None:
        # No report's id: without any report every cause stands at nothing.
        self._shown: int | None = 0

    def show(self, database: Database) -> None:
        """Set the gauge for every cause, also for those that have gone."""
        with database.reading() as session:
            newest = reports.newest_id(session)
            if newest == self._shown:
                return
            found = reports.causes(session)
        for cause in rules.ORDER:
            telemetry.parity_differences.labels(str(cause)).set(found.get(str(cause), 0))
        self._shown = newest


class Parity:
    """What the API and the command line ask about both books. It writes to neither side."""

    def __init__(
        self, database: Database, clock: Clock, neighbours_of: NeighboursOf, addresses: RecordAddresses
    ) -> None:
        self._database = database
        self._clock = clock
        self._neighbours_of = neighbours_of
        self._addresses = addresses

    @contextmanager
    def _books(self, connection_id: str) -> Iterator[Books]:
        with self._database.reading() as session:
            connections.check_connected(session, connection_id)
            connection = connections.get(session, connection_id)
        unit = UnitOfWork(self._database)
        try:
            yield Books(unit, self._clock, connection, self._neighbours_of(connection, unit.commit), NoWrites())
        finally:
            unit.commit()

    def make(self, connection_id: str, *, full: bool) -> int:
        """Make a report now; returns its id. With `full` QuickBooks is read first, a thousand records a call."""
        with self._books(connection_id) as books:
            return make(books, full=full).id

    # --- drift -----------------------------------------------------------------------------------

    def drift(self, connection_id: str, *, fresh: bool) -> list[dict[str, Any]]:
        """Every pair that differs in any field, with what the next sync would do with each."""
        return list(paging.through(lambda asked: self.drift_page(connection_id, asked, fresh=fresh)))

    def drift_page(self, connection_id: str, asked: Asked, *, fresh: bool) -> Page[dict[str, Any]]:
        """The same, a page at a time; with `fresh` QuickBooks is read before the first one."""
        with self._books(connection_id) as books:
            if fresh and asked.after is None:
                with books.neighbours.quickbooks.because("drift"):
                    read_in_full(books)
            both = BothBooks(books, _rehearsal(books), LookedUp(books))
            found = drift.page(both, asked)
            return Page([self._spell(both, held) for held in found.rows], found.next)

    def _spell(self, both: BothBooks, held: SideBySide) -> dict[str, Any]:
        return {
            "kind": str(held.kind),
            "number": held.number,
            "client": both.client_name(held),
            "currency": held.currency,
            "ravetree": self._spell_ravetree(both, held),
            "quickbooks": self._spell_quickbooks(held),
            "state": _state(both, held),
            "differences": spell_differences(held.differences),
        }

    def _spell_ravetree(self, both: BothBooks, held: SideBySide) -> dict[str, Any] | None:
        if not held.ravetree_id:
            return None
        url = self._addresses.in_ravetree(both.books.connection.account_id, held.kind, held.ravetree_id)
        return _spell_side(held.ravetree_id, figures(held.ours)) | {"url": url}

    def _spell_quickbooks(self, held: SideBySide) -> dict[str, Any] | None:
        if not held.quickbooks_id:
            return None
        said = figures(held.theirs)
        shown = _spell_side(held.quickbooks_id, said)
        shown["url"] = self._addresses.in_quickbooks(held.kind, held.quickbooks_id)
        if held.copy is not None:
            shown |= {"seen_at": held.copy.seen_at.isoformat(), "old_copy": held.copy.stale}
        elif said is None:
            shown["status"] = "unknown"
        return shown

    # --- one record ------------------------------------------------------------------------------

    def record(self, connection_id: str, record: Record) -> dict[str, Any] | None:
        """Both sides of a record, what waits for a person, and the differences with base and both versions.

        None when neither book nor ours has such a record. Of a connection that has ended it is what was seen last.
        """
        with self._database.reading() as session:
            connection = connections.get(session, connection_id)
        if connection.state not in (connections.DISCONNECTED, connections.ARCHIVED):
            with self._books(connection_id) as books:
                return self._record(BothBooks(books, _rehearsal(books), LookedUp(books)), record)
        unit = UnitOfWork(self._database)
        neighbours = kept.neighbours(self._database, connection_id, unit.commit)
        try:
            books = Books(unit, self._clock, connection, neighbours, NoWrites())
            return self._record(BothBooks(books, lists=LookedUp(books)), record)
        finally:
            unit.commit()

    def _record(self, both: BothBooks, record: Record) -> dict[str, Any] | None:
        books = both.books
        with books.reading() as session:
            names = pairs.names(session, books.id, record)
            rows = pending.rows(session, books.id, names)
            decided = decisions.find(session, books.id, names)
            answered = [_spell_answer(row) for row in answers.rows(session, books.id, names)]
        shown: dict[str, Any] = {"record": str(names[0]), "answers": answered}
        if record.kind in COMPARED:
            held = _held(both, record)
            if not (rows or held.pair or figures(held.ours) or figures(held.theirs)):
                return None
            shown |= self._spell(both, held) | {"twins": self._twins(both, held, rows)}
        else:
            if not (rows or len(names) > 1 or books.quickbooks.copy(record) or both.contact(record.id)):
                return None
            shown |= self._spell_contact(both, names, rows)
        if decided is not None:
            shown["decided"] = {
                "decision": decided.decision,
                "by": decided.decided_by,
                "note": decided.note,
                "at": decided.decided_at.isoformat(),
            }
        return _unless_stopped(books, shown | {"waits": [_spell_waiting(row) for row in rows]})

    def _spell_contact(self, both: BothBooks, names: list[Record], rows: list[PendingChange]) -> dict[str, Any]:
        """Clients are linked, not compared: later edits go by the button."""
        by_side = {name.side: name.id for name in names}
        ours = by_side.get(Side.RAVETREE)
        contact = both.contact(ours) if ours is not None else None
        there = by_side.get(Side.QUICKBOOKS)
        url = self._addresses.in_ravetree(both.books.connection.account_id, Kind.CONTACT, ours)
        return {
            "kind": str(Kind.CONTACT),
            "number": "",
            "client": contact.name if contact is not None else "",
            "currency": contact.currency if contact is not None else "",
            "ravetree": {"id": ours, "url": url} if ours else None,
            "quickbooks": {"id": there, "url": self._addresses.in_quickbooks(Kind.CONTACT, there)} if there else None,
            "state": rows[0].state if rows else "linked" if len(names) > 1 else "unpaired",
            "differences": [],
            "twins": [],
        }

    def _twins(self, both: BothBooks, held: SideBySide, rows: list[PendingChange]) -> list[dict[str, Any]]:
        """The other side's payments that may be the same receipt, while a person is asked."""
        asking = str(Record(Side.RAVETREE, Kind.PAYMENT, ""))
        if not any(row.code == ONE_OR_TWO or row.waits_for.startswith(asking) for row in rows):
            return []
        return [
            self._spell(both, other) for other in _unpaired_payments(both, held) if _is_same_receipt(both, held, other)
        ]


def _spell_side(name: str, said: Figures | None) -> dict[str, Any]:
    shown = {"id": name, "status": said.status if said else "deleted"}
    if said is not None:
        shown |= {"number": said.number, "total": spell_amount(said.total), "balance": spell_amount(said.balance)}
    return shown


def _rehearsal(books: Books) -> Rehearsal:
    """What comes next is rehearsed on what we know: nobody who only looks pays for reads."""
    return Rehearsal(books.unit.database, books.clock, books.connection, books.neighbours, reads=False)


def _unless_stopped(books: Books, shown: dict[str, Any]) -> dict[str, Any]:
    """What would go on by itself is paused while a person has stopped every write."""
    with books.reading() as session:
        why = brakes.why(session)
    if not why or shown["state"] not in _BY_ITSELF:
        return shown
    stopped = {"state": "paused", "cause": why, "remedy": brakes.AllPaused.remedy}
    waits = [row | (stopped if row["state"] in _BY_ITSELF else {}) for row in shown["waits"]]
    return shown | {"state": "paused", "waits": waits}


# --- one record ----------------------------------------------------------------------------------


def _held(both: BothBooks, record: Record) -> SideBySide:
    books = both.books
    pair = books.pair(record.kind, record.side, record.id)
    if pair is None:
        raw = books.neighbours.ravetree.get(record.kind, record.id) if record.side is Side.RAVETREE else None
        copy = books.quickbooks.copy(record) if record.side is Side.QUICKBOOKS else None
        return both.hold_alone(record, raw, copy)
    raw = books.neighbours.ravetree.get(record.kind, pair.ravetree_id)
    return both.hold(pair, raw, books.quickbooks.copy(Record(Side.QUICKBOOKS, record.kind, pair.quickbooks_id)))


def _unpaired_payments(both: BothBooks, held: SideBySide) -> Iterator[SideBySide]:
    """The other side's payments on the same invoices that have no partner."""
    books = both.books
    for invoice in both.lists.known_invoices([held.ours, held.theirs]):
        if held.ours is None:
            for raw in books.neighbours.ravetree.payments_of(invoice.ravetree_id):
                record = Record(Side.RAVETREE, Kind.PAYMENT, raw["id"])
                if books.pair(Kind.PAYMENT, Side.RAVETREE, record.id) is None:
                    yield both.hold_alone(record, raw, None)
            continue
        with books.reading() as session:
            found = copies.unpaired_on(session, books.id, invoice.quickbooks_id)
        for copy in found:
            yield both.hold_alone(Record(Side.QUICKBOOKS, Kind.PAYMENT, copy.record_id), None, copy)


def _is_same_receipt(both: BothBooks, held: SideBySide, other: SideBySide) -> bool:
    ours = held.ours if held.ours is not None else other.ours
    theirs = held.theirs if held.theirs is not None else other.theirs
    if not isinstance(ours, RavetreePayment) or not isinstance(theirs, QuickBooksPayment):
        return False
    return same_receipt(ours, theirs, both.lists.known_invoices([ours, theirs]))


def _state(both: BothBooks, held: SideBySide) -> str:
    """`held`, `parked`, `waiting` or `due` while something is under way, else `paired` or `unpaired`."""
    states = [both.lists.under_way[name].state for name in held.names if name in both.lists.under_way]
    rest = "paired" if held.pair is not None else "unpaired"
    return min(states, key=("held", "parked", "waiting", "due").index) if states else rest


def _spell_answer(row: LastingAnswer) -> dict[str, Any]:
    """What a person said for good: `other` is the record that the question was also about."""
    return {
        "code": row.code,
        "decision": row.decision,
        "other": row.other,
        "amounts": list(row.data.get("amounts", ())),
        "by": row.said_by,
        "note": row.note,
        "at": row.said_at.isoformat(),
    }


def _spell_waiting(row: PendingChange) -> dict[str, Any]:
    """A note with the decisions that it takes."""
    asks = row.state in pending.ATTENTION
    return {
        "side": row.side,
        "kind": row.kind,
        "id": row.record_id,
        "state": row.state,
        "code": row.code if asks else "",
        "cause": row.cause,
        "remedy": row.remedy if asks else "",
        "since": row.updated_at.isoformat(),
        "decisions": [vars(each) for each in choices(row.code, row.decisions.split())] if asks else [],
    }


# --- a report as it is kept ----------------------------------------------------------------------


def _spell_summary(report: Report) -> dict[str, Any]:
    return {
        "compared": report.compared,
        "equal": report.equal,
        "differing": len(report.rows),
        "causes": report.causes,
        "currencies": {
            currency: {name: spell_amount(amount) for name, amount in vars(sums).items()}
            for currency, sums in report.sums.items()
        },
    }


def _spell_row(row: Row) -> dict[str, Any]:
    one = row.compared
    return {
        "kind": one.kind,
        "number": _number(one),
        "client": one.client,
        "currency": one.currency,
        "ravetree_id": one.ravetree_id,
        "quickbooks_id": one.quickbooks_id,
        **_spell_figures("ravetree", one),
        **_spell_figures("quickbooks", one),
        "cause": str(row.cause),
        "text": row.text,
        "remedy": row.remedy,
        "differences": spell_differences(row.differences),
    }


def _number(one: Compared) -> str:
    side = one.ravetree or one.quickbooks
    return side.number if side is not None else ""


def _spell_figures(side: str, one: Compared) -> dict[str, str]:
    said = one.ravetree if side == "ravetree" else one.quickbooks
    there = one.ravetree_id if side == "ravetree" else one.quickbooks_id
    return {
        f"{side}_status": said.status if said else "deleted" if there else "missing",
        f"{side}_total": spell_amount(said.total) if said else "",
        f"{side}_balance": spell_amount(said.balance) if said else "",
    }
