"""Previews: what the next sync would do, planned like the real one and written nowhere."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clients.errors import NeighbourError
from config.logging import logger
from config.ports import Clock
from reconcile import contacts as contact_rules
from reconcile.documents import UNLINK
from reconcile.model import Attention, Kind, Plan, Record, Side
from schemas import quickbooks
from schemas.changes import changes
from storage import connections, copies, decisions, jobs, pairs, pending
from storage.database import Database
from storage.decisions import Said
from storage.unit import UnitOfWork
from storage.vault import UnreadableSecret
from sync.books import ENTITIES, Books, Unwritten
from sync.jobs import RESOURCES, is_asked_for
from sync.neighbours import NeighboursOf
from sync.records.contacts import ContactWork
from sync.records.documents import DocumentWork
from sync.records.estimates import EstimateWork
from sync.records.invoices import InvoiceWork
from sync.records.payments import PaymentWork

SHOWN = 200
"""Records that a preview of many names one by one; the counts are of all."""

_NUMBERS = 100

log = logger("previews")


class Previews:
    """Plans without writing anything anywhere: what it reads of either side is forgotten with it."""

    def __init__(self, database: Database, clock: Clock, neighbours_of: NeighboursOf) -> None:
        self._database = database
        self._clock = clock
        self._neighbours_of = neighbours_of

    @contextmanager
    def _books(self, connection_id: str) -> Iterator[Books]:
        with self._database.reading() as session:
            connections.check_connected(session, connection_id)
            connection = connections.get(session, connection_id)
        unit = UnitOfWork(self._database)
        neighbours = self._neighbours_of(connection, unit.commit)
        try:
            yield Books(unit, self._clock, connection, neighbours, Unwritten(), dry=True, keeps=False)
        finally:
            unit.commit()

    # --- one record ------------------------------------------------------------------------------

    def is_there(self, connection_id: str, record: Record) -> bool:
        """Whether there is, or was, such a record: one that nobody knows would be answered as if both books agreed.

        Where its own side is out of reach, or its token cannot be read, it is believed: whoever asks hears of that
        soon enough.
        """
        with self._database.reading() as session:
            names = pairs.names(session, connection_id, record)
            if (
                len(names) > 1
                or copies.get(session, connection_id, record)
                or pending.rows(session, connection_id, names)
            ):
                return True
            connection = connections.get(session, connection_id)
        try:
            neighbours = self._neighbours_of(connection)
            if record.side is Side.RAVETREE:
                return neighbours.ravetree.get(record.kind, record.id) is not None
            with neighbours.quickbooks.because("button"):
                return bool(neighbours.quickbooks.by_ids(ENTITIES[record.kind], [record.id]))
        except (NeighbourError, UnreadableSecret) as error:
            log.warning("not looked for", record=str(record), error=str(error))
            return True

    def record(self, connection_id: str, record: Record, decision: str = "", target: str = "") -> dict[str, Any]:
        """What pressing the button would do, or with `decision` what that decision would do."""
        with self._books(connection_id) as books, books.neighbours.quickbooks.because("preview"):
            return self._one(books, record, decision, target)

    def _one(self, books: Books, record: Record, decision: str, target: str) -> dict[str, Any]:
        with books.reading() as session:
            if decision:
                said = Said(decision, target=target)
                record, said = decisions.addressed(session, books.id, record, said)
                books.supposed = {record: decisions.row(books.id, record, said, books.now())}
            else:
                names = decisions.names_of(session, books.id, record)
                record, stored = names[0], decisions.find(session, books.id, names)
                books.supposed = {record: stored} if stored is not None else {}
        if decision == UNLINK:
            text = "The two records are taken apart; nothing is written to either, and no sync touches it any more."
            return _said(record, "unlink", text)
        if record.kind is Kind.CONTACT:
            return self._contact(books, record)
        if record.kind is Kind.PAYMENT:
            payment = PaymentWork(books, record)
            refusal = payment.carry_out_decision()
            return _attention(record, refusal) if refusal else _spelled(books, record, payment.next_plan(), payment)
        work: DocumentWork = (InvoiceWork if record.kind is Kind.INVOICE else EstimateWork)(books, record, True)
        if record.side is Side.QUICKBOOKS:
            return _said(record, "nothing", "It was made in QuickBooks: Ravebooks leaves it alone.")
        refusal = work.carry_out_decision()
        if refusal is not None:
            return _attention(record, refusal)
        plan = work.next_plan()
        taken = work.number_taken(plan)
        if taken is not None:
            return _said(record, *taken)
        return _spelled(books, record, plan, work)

    def _contact(self, books: Books, record: Record) -> dict[str, Any]:
        if record.side is Side.QUICKBOOKS:
            return self._customer(books, record)
        try:
            outcome = ContactWork(books, record, (), True).run()
        except Unwritten.Stopped as stopped:
            request = stopped.request
            action = request.action.rpartition(".")[2]
            step = {"side": str(request.side), "action": request.action}
            before = books.copy(Record(Side.QUICKBOOKS, Kind.CONTACT, str(request.body.get("Id", ""))))
            step["changes"] = changes(before.body if before else {}, request.body)  # type: ignore[assignment]
            return _said(record, action, "") | {"steps": [step]}
        attention = getattr(outcome, "attention", None)
        if attention is not None:
            return _attention(record, attention)
        created = [request for request in books.would_write if request.action == "customer.create"]
        return _said(record, "create" if created else "nothing", "A new customer is made." if created else "")

    def _customer(self, books: Books, record: Record) -> dict[str, Any]:
        copy = books.copy_or_read(record)
        if copy is None or copy.deleted:
            return _said(record, "nothing", "QuickBooks has no such customer.")
        customer = quickbooks.load_customer(copy.body, books.home_currency)
        if why := contact_rules.not_imported(customer):
            return _said(record, "nothing", why)
        with books.reading() as session:
            if pairs.among(session, books.id, Kind.CONTACT, Side.QUICKBOOKS, [customer.id]):
                return _said(record, "already", "has a contact in Ravetree")
            linked = pairs.linked_contacts(session, books.id, customer.currency)
        match contact_rules.match_contact(customer, books.contacts().values(), linked):
            case Attention() as attention:
                return _attention(record, attention)
            case contact_rules.UseContact(contact_id=contact_id):
                return _said(record, "adopt", f"becomes contact {contact_id}")
            case _:
                return _said(record, "create", "A new contact is made in Ravetree.")

    # --- many ------------------------------------------------------------------------------------

    def job(self, connection_id: str, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a job would do: `counts` by outcome, and the first records one by one."""
        with self._books(connection_id) as books, books.neighbours.quickbooks.because("preview"):
            records = self._customers(books) if kind == jobs.IMPORT_CONTACTS else self._documents(books, params)
            counts: Counter[str] = Counter()
            shown: list[dict[str, Any]] = []
            passed_over = self._already(books, records) if kind == jobs.BACKFILL else set()
            for record, name in records:
                if record in passed_over:
                    found = _said(record, "already", "is in QuickBooks already") | {"name": name}
                else:
                    found = self._one(books, record, "", "") | {"name": name}
                counts[found["outcome"]] += 1
                if len(shown) < SHOWN:
                    shown.append(found)
        return {"counts": dict(counts), "records": shown}

    def _already(self, books: Books, records: list[tuple[Record, str]]) -> set[Record]:
        """What a back-fill passes over: it has its partner."""
        found: set[Record] = set()
        for start in range(0, len(records), _NUMBERS):
            part = [record for record, _ in records[start : start + _NUMBERS]]
            for kind in {record.kind for record in part}:
                names = [record.id for record in part if record.kind is kind]
                found |= {
                    Record(Side.RAVETREE, kind, pair.ravetree_id)
                    for pair in books.pairs_among(kind, Side.RAVETREE, names)
                }
        return found

    def _customers(self, books: Books) -> list[tuple[Record, str]]:
        rows = books.neighbours.quickbooks.query("Customer", "Active = true", limit=10**9)
        books.keep(Kind.CONTACT, {str(raw["Id"]): raw for raw in rows})
        return [(Record(Side.QUICKBOOKS, Kind.CONTACT, str(raw["Id"])), str(raw["DisplayName"])) for raw in rows]

    def _documents(self, books: Books, params: Mapping[str, Any]) -> list[tuple[Record, str]]:
        found = []
        for kind in (Kind(name) for name in params["kinds"]):
            rows = [
                row
                for row in books.neighbours.ravetree.listing(RESOURCES[kind])
                if is_asked_for(kind, row, dict(params))
            ]
            numbers = [str(row["number"]) for row in rows if row.get("number")]
            for start in range(0, len(numbers), _NUMBERS):
                books.look_up_numbers(kind, numbers[start : start + _NUMBERS])
            found += [
                (Record(Side.RAVETREE, kind, row["id"]), str(row.get("number") or row.get("name", ""))) for row in rows
            ]
        return found


def _said(record: Record, outcome: str, message: str) -> dict[str, Any]:
    return {"record": str(record), "outcome": outcome, "message": message, "remedy": "", "steps": []}


def _attention(record: Record, attention: Attention) -> dict[str, Any]:
    outcome = "ask" if attention.state == "held" else "parked"
    return _said(record, outcome, attention.cause) | {"remedy": attention.remedy}


def _spelled(books: Books, record: Record, plan: Plan, work: DocumentWork | PaymentWork) -> dict[str, Any]:
    if plan.attention is not None:
        return _attention(record, plan.attention)
    if plan.waits_for is not None:
        return _said(record, "wait", f"waits for {plan.waits_for.kind} {plan.waits_for.id}")
    if plan.adopt is not None:
        return _said(record, "adopt", "the two records are tied together")
    steps = [
        {"side": str(request.side), "action": request.action, "changes": changes({}, request.body)}
        for request in books.take_would_write()
    ]
    for write in plan.writes:
        body = work.request(write).body
        before = work.remote_body() if write.side is Side.QUICKBOOKS else work.own_body()
        if write.record_id is None:
            before = {}
        steps.append({"side": str(write.side), "action": write.action, "changes": changes(before, body)})
    if plan.unpair:
        return _said(record, "create", "The payment that is left is copied to the other side again.")
    if not plan.writes:
        return _said(record, "nothing", plan.ignored or "both books agree")
    if isinstance(work, InvoiceWork) and plan.writes[0].action == "invoice.create":
        steps += work.payments_to_come()
    return _said(record, plan.writes[0].action.partition(".")[2], "") | {"steps": steps}
