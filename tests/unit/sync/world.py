"""The engine on a real database between both neighbours in memory: no HTTP, no broker, no process.

What either side tells of lies with it until a test has it heard.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from reconcile.model import Kind, Record, Side
from schemas import ravetree_events
from schemas.envelopes import Delivery, Envelope
from schemas.quickbooks import Body
from storage import connections, copies, decisions, duties, inbox, installation, journal, pairs, pending
from storage.decisions import Said
from storage.installation import Claimant
from storage.models import Connection, Copy, Echo, Operation, Pair, PendingChange
from storage.unit import UnitOfWork
from sync.books import Books, NoWrites
from sync.duties import Duty
from sync.lease import Claims, Timings
from sync.neighbours import Neighbours
from sync.worker import Worker
from tests.unit.fakes.account import InMemoryAccount
from tests.unit.fakes.company import InMemoryCompany
from tests.unit.ports import SeededEntropy
from tests.unit.storing import ACCOUNT, CONNECTION, REALM, add_connection
from tests.unit.sync.place import Place

TIMINGS = Timings(
    lease=60.0, http=10.0, slice=20.0, uncertain=150.0, read_window=0.0, echo_confirm=60.0, cdc=3600.0, events=300.0
)
OURS = "ab12cd34"
HOURS, CUSTOMER = "2", "3"
PAGES = "https://qbo.test/app"
ROUNDS = 60
HOUR = 3600.0


class World:
    """One connection, switched on long ago, with nothing due."""

    def __init__(self, place: Place, timings: Timings = TIMINGS) -> None:
        self.clock = place.clock
        self.database = place.database
        self.quickbooks = InMemoryCompany(self.clock)
        self.ravetree = InMemoryAccount(self.clock, ACCOUNT)
        self.timings = timings
        self.defects_expected = False
        self._heard_of_quickbooks = self._heard_of_ravetree = 0
        self.quickbooks.add("Item", HOURS, Name="Hours")
        self.quickbooks.add("Customer", CUSTOMER, DisplayName="Aster", CurrencyRef={"value": "USD"})
        self.worker = Worker(
            self.database, self.clock, SeededEntropy(), self.neighbours_of, timings, Claims("tests"), PAGES
        )

    def begin(self) -> None:
        """Make the connection: once for all worlds of a place."""
        with self.database.transaction() as session:
            installation.claim(session, Claimant("local"), new_id=OURS, now=self.clock.now())
        add_connection(self.database)
        self.set(
            environment="local",
            created_at=self.clock.now() - timedelta(days=30),
            invoices_since=self.clock.now() - timedelta(days=1),
            estimates_since=self.clock.now() - timedelta(days=1),
        )
        with self.database.transaction() as session:
            connections.set_mapping(session, CONNECTION, "line_type", "time", HOURS, "Hours")

    def neighbours_of(self, connection: Connection, before_a_call: Callable[[], object] = lambda: None) -> Neighbours:
        """Both neighbours, as a process would open them."""
        assert connection.id == CONNECTION
        self.quickbooks.calls.before_a_call = self.ravetree.calls.before_a_call = before_a_call
        return Neighbours(self.quickbooks, self.ravetree)

    # --- people ----------------------------------------------------------------------------------

    def client(self, name: str = "Aster", **fields: Any) -> str:
        """A user of Ravetree makes a client."""
        return str(self.ravetree.create("contacts", {"name": name} | fields)["id"])

    def invoice(self, client: str, *prices: str, **fields: Any) -> Body:
        """A user makes an invoice with a line for each price."""
        return self._document("invoices", client, prices, fields)

    def estimate(self, client: str, *prices: str, **fields: Any) -> Body:
        """A user makes an estimate."""
        return self._document("estimates", client, prices, fields)

    def _document(self, resource: str, client: str, prices: tuple[str, ...], fields: Mapping[str, Any]) -> Body:
        return self.ravetree.create(resource, {"client_id": client, "lines": lines(*prices)} | dict(fields))

    def receive(self, amounts: Mapping[str, str], **fields: Any) -> Body:
        """A user receives a payment over invoices, by id."""
        first = self.ravetree.row("invoices", next(iter(amounts)))
        body = {
            "client_id": first["client_id"],
            "amount": f"{sum(float(amount) for amount in amounts.values()):.2f}",
            "currency": first["currency"],
            "allocations": [{"invoice_id": name, "amount": amount} for name, amount in amounts.items()],
        }
        return self.ravetree.create("payments", body | fields)

    def pay(self, amounts: Mapping[str, str], **fields: Any) -> Body:
        """A bookkeeper receives a payment over invoices, by QuickBooks' id."""
        first = self.quickbooks.row("Invoice", next(iter(amounts)))
        body = {
            "CustomerRef": first["CustomerRef"],
            "CurrencyRef": first["CurrencyRef"],
            "TotalAmt": sum(float(amount) for amount in amounts.values()),
            "TxnDate": "2026-11-21",
            "Line": [
                {"Amount": float(amount), "LinkedTxn": [{"TxnId": name, "TxnType": "Invoice"}]}
                for name, amount in amounts.items()
            ],
        }
        return self.quickbooks.save("Payment", body | fields)

    def decide(self, record: Record, decision: str, target: str = "") -> bool:
        """A person answers."""
        with self.database.transaction() as session:
            return decisions.decide(
                session, CONNECTION, record, Said(decision, by="eva", target=target), self.clock.now()
            )

    def press(self, record: Record) -> None:
        """A person asks for a record."""
        with self.database.transaction() as session:
            decisions.request_sync(session, CONNECTION, record, self.clock.now(), "eva")

    def retry(self, record: Record) -> bool:
        """A person presses retry."""
        with self.database.transaction() as session:
            return decisions.retry(session, CONNECTION, record, self.clock.now(), "eva")

    # --- what happens ----------------------------------------------------------------------------

    def hear(self) -> None:
        """Record what both sides have told of since the last time."""
        told = self.quickbooks.changed[self._heard_of_quickbooks :]
        logged = self.ravetree.log[self._heard_of_ravetree :]
        start, self._heard_of_quickbooks = self._heard_of_quickbooks, len(self.quickbooks.changed)
        self._heard_of_ravetree = len(self.ravetree.log)
        now = self.clock.now()
        events = [
            Envelope(f"qb_{place}", change.type, change.id, change.time, data=change.data)
            for place, change in enumerate(told, start)
        ]
        rows = [ravetree_events.parse(row, row["id"], ACCOUNT) for row in logged]
        deliveries = [
            Delivery("d" * 32, Side.QUICKBOOKS, REALM, now, tuple(events)),
            Delivery("e" * 32, Side.RAVETREE, ACCOUNT, now, tuple(rows)),
        ]
        with self.database.transaction() as session:
            inbox.record(session, deliveries, now)

    def miss(self) -> None:
        """What was told so far never arrives."""
        self._heard_of_quickbooks = len(self.quickbooks.changed)
        self._heard_of_ravetree = len(self.ravetree.log)

    def work(self) -> bool:
        """One slice. What nobody expected fails the test, unless it is about that."""
        more = self.worker.work(CONNECTION)
        if not self.defects_expected:
            met = [row.cause for row in self.pending() if row.cause.startswith("unexpected") or row.code == "defect"]
            assert not met, met
            assert not self.connection().stall_cause
        return more

    def settle(self) -> None:
        """Hear and work until nothing is due within a minute."""
        for _ in range(ROUNDS):
            self.hear()
            if not self.work() and not self._is_told() and not self._is_due_soon():
                return
            self.clock.advance(2)
        raise AssertionError(f"not quiet after {ROUNDS} rounds: {[row.cause for row in self.pending()]}")

    def _is_told(self) -> bool:
        return (len(self.quickbooks.changed), len(self.ravetree.log)) != (
            self._heard_of_quickbooks,
            self._heard_of_ravetree,
        )

    def _is_due_soon(self) -> bool:
        soon = self.clock.now() + timedelta(seconds=60)
        return any(row.state == pending.DUE and row.due_at <= soon for row in self.pending())

    def after(self, seconds: float) -> None:
        """Time passes, then all settles."""
        self.clock.advance(seconds)
        self.settle()

    def plan(self, duty: Duty) -> None:
        """The clock asks for a duty now."""
        with self.database.transaction() as session:
            duties.schedule(session, CONNECTION, duty.name, self.clock.now())

    def look_at(self, record: Record, **how: Any) -> None:
        """A record is noted."""
        with self.database.transaction() as session:
            pending.note(session, CONNECTION, record, self.clock.now(), **how)

    def forget_pairs(self, *kinds: str) -> None:
        """As after a restore from a backup that is older."""
        with self.database.transaction() as session:
            session.execute(sa.delete(Pair).where(Pair.kind.in_(kinds)))

    def forget(self, *records: Record) -> None:
        """Our copies of records are lost."""
        with self.database.transaction() as session:
            for record in records:
                session.execute(sa.delete(Copy).where(Copy.side == record.side, Copy.record_id == record.id))

    def forget_journal(self) -> None:
        """What was written is lost."""
        with self.database.transaction() as session:
            session.execute(sa.delete(Operation))

    # --- what stands -----------------------------------------------------------------------------

    def set(self, **columns: Any) -> None:
        """The connection is as a test needs it."""
        with self.database.transaction() as session:
            for name, value in columns.items():
                setattr(connections.get(session, CONNECTION), name, value)

    def connection(self) -> Connection:
        with self.database.reading() as session:
            return connections.get(session, CONNECTION)

    def pending(self) -> list[PendingChange]:
        with self.database.reading() as session:
            return list(pending.every(session, CONNECTION))

    def codes(self) -> dict[str, str]:
        """Why what waits for a person does, by record."""
        return {
            f"{row.side}:{row.kind}:{row.record_id}": row.code
            for row in self.pending()
            if row.state in pending.ATTENTION
        }

    def attention(self, record: Record) -> PendingChange:
        """The question that a record asks."""
        with self.database.reading() as session:
            names = pairs.names(session, CONNECTION, record)
            (row,) = [r for r in pending.rows(session, CONNECTION, names) if r.state in pending.ATTENTION]
            return row

    def pairs(self, kind: str) -> dict[str, str]:
        """QuickBooks' ids by Ravetree's."""
        return {row.ravetree_id: row.quickbooks_id for row in self.pair_rows() if row.kind == kind}

    def pair_rows(self) -> list[Pair]:
        with self.database.reading() as session:
            return list(session.execute(sa.select(Pair).order_by(Pair.id)).scalars())

    def operations(self) -> list[Operation]:
        with self.database.reading() as session:
            return list(session.execute(sa.select(Operation).order_by(Operation.id)).scalars())

    def written(self, state: str = journal.DONE) -> list[str]:
        """Actions of the journal in that state, oldest first."""
        return [str(row.action) for row in self.operations() if row.state == state]

    def echoes(self) -> list[tuple[str, str, str]]:
        with self.database.reading() as session:
            found = session.execute(sa.select(Echo).order_by(Echo.id)).scalars()
            return [(row.kind, row.record_id, row.change) for row in found]

    def copy(self, record: Record) -> Copy | None:
        with self.database.reading() as session:
            return copies.get(session, CONNECTION, record)

    def state(self, record: Record) -> Body:
        """What Ravetree was told of a record."""
        return self.ravetree.states[str(record.kind), record.id]

    def books(self) -> Books:
        """The books as a question sees them: nothing is written."""
        unit = UnitOfWork(self.database)
        connection = self.connection()
        return Books(unit, self.clock, connection, self.neighbours_of(connection, unit.commit), NoWrites())

    # --- beginnings ------------------------------------------------------------------------------

    def paired(self, *prices: str, **fields: Any) -> tuple[Body, Body]:
        """An invoice of Aster that stands in both books, as both have it."""
        ours = self.invoice(self.aster(), *(prices or ("100.00",)), **fields)
        self.settle()
        return ours, self.quickbooks.row("Invoice", self.pairs("invoice")[ours["id"]])

    def aster(self) -> str:
        """The client that is QuickBooks' customer 3 by its name."""
        found = [raw["id"] for raw in self.ravetree.every("contacts") if raw["name"] == "Aster"]
        return str(found[0]) if found else self.client()


def lines(*prices: str) -> list[Body]:
    """A line for each price."""
    return [
        {"type": "time", "description": f"Line {place}", "quantity": "1", "unit_price": price, "taxable": False}
        for place, price in enumerate(prices)
    ]


def ours(kind: Kind, record: Body | str) -> Record:
    """Ravetree's record."""
    return Record(Side.RAVETREE, kind, record if isinstance(record, str) else record["id"])


def theirs(kind: Kind, record: Body | str) -> Record:
    """QuickBooks' record."""
    return Record(Side.QUICKBOOKS, kind, record if isinstance(record, str) else record["Id"])
