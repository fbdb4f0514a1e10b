"""Rows of the journal as a version has stored them, and what settling them comes to in a database of this one.

`python -m tests.unit.sync.writes.kept_rows` plays every kind of write and keeps a row of each that is not kept yet.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reconcile.actions import Action
from reconcile.model import Kind, Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage import copies, journal, migrations, pairs, pending
from storage.database import Database
from storage.models import Copy, Echo, Operation, Pair, PendingChange
from sync.writes import settlement
from tests.unit.fakes.calls import Call
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, add_connection
from tests.unit.sync.place import Place
from tests.unit.sync.world import World, lines, ours, theirs

FOLDER = Path(__file__).parents[1] / "journal_rows"
COLUMNS = ("subject", "side", "action", "key", "attempt", "method", "path", "body", "context", "status", "answer")
PAIR = ("kind", "ravetree_id", "quickbooks_id", "currency")
BASES = ("base_ravetree", "base_quickbooks", "line_ids")


def kept() -> dict[str, Body]:
    """Every kept row by the name of its file."""
    return {path.stem: strict_json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}


def settled(database: Database, one: Body) -> Body:
    """What settling a kept row comes to: pairs, copies, expected echoes, and who looks again."""
    add_connection(database)
    with database.transaction() as session:
        for pair in one["before"]:
            pairs.store(session, CONNECTION, pair["kind"], pair["ravetree_id"], pair["quickbooks_id"], START)
        row = {name: one["row"][name] for name in COLUMNS if name not in ("status", "answer")}
        operation = Operation(
            connection_id=CONNECTION, digest="", fence=1, state=journal.JOURNALLED, journalled_at=START, **row
        )
        session.add(operation)
        session.flush()
        for record in settlement.touched(operation):
            copies.store(session, CONNECTION, record, 0, {}, START)
        for target in _named(operation):
            waiting = Record(Side.RAVETREE, Kind.ESTIMATE, f"waits for {target.kind} {target.id}")
            pending.note(session, CONNECTION, waiting, START)
            pending.wait(session, CONNECTION, waiting, 1, target, START)
        settlement.apply(session, operation, one["row"]["answer"], START, START)
    with database.reading() as session:
        found = {
            "pairs": [_columns(row, PAIR + BASES) for row in session.execute(sa.select(Pair)).scalars()],
            "copies": sorted(
                [f"{row.side}:{row.kind}:{row.record_id}", int(row.version), row.deleted, row.stale]
                for row in session.execute(sa.select(Copy)).scalars()
            ),
            "echoes": sorted(
                [row.kind, row.record_id, row.change] for row in session.execute(sa.select(Echo)).scalars()
            ),
            "looked_at": sorted(
                row.record_id if row.record_id.startswith("waits") else f"{row.side}:{row.kind}:{row.record_id}"
                for row in session.execute(sa.select(PendingChange).where(PendingChange.state == pending.DUE)).scalars()
            ),
        }
    plain: Body = strict_json.loads(strict_json.dumps(found))
    return plain


def _named(operation: Operation) -> list[Record]:
    """Whom somebody may wait for: what the row is about, under each kind, and the invoices that it names."""
    context = operation.context
    about = context.get("ravetree_id")
    invoices = [context.get("placeholder_of"), *context.get("ravetree_invoices", [])]
    records = [Record(Side.RAVETREE, kind, about) for kind in Kind if about]
    records += [Record(Side.RAVETREE, Kind.INVOICE, name) for name in dict.fromkeys(invoices) if name]
    return [*records, Record(Side.RAVETREE, Kind.PAYMENT, "*")]


def _columns(row: Any, names: tuple[str, ...]) -> Body:
    return {name: getattr(row, name) for name in names}


# --- keeping them --------------------------------------------------------------------------------


def played(world: World) -> Iterator[Body]:
    """A row of every kind of write, with the pairs that there were before it was settled."""
    before: dict[str, list[Body]] = {}

    def look(call: Call) -> None:
        if call.name == "write":
            before[call.key] = [_columns(row, PAIR) for row in world.pair_rows()]

    world.quickbooks.calls.meanwhile = world.ravetree.calls.meanwhile = look
    _play_documents(world)
    _play_money(world)
    for row in world.operations():
        if row.state == journal.DONE:
            spelled = _columns(row, COLUMNS)
            # What the settlement may look at; other pairs would only stand beside it.
            names = [pair for pair in before[row.key] if pair["ravetree_id"] in strict_json.dumps(spelled)]
            yield {"row": spelled, "before": [pair for pair in names if pair["kind"] == pairs.PLACEHOLDER]}


def _play_documents(world: World) -> None:
    client = world.client("Bright Harbor", email="ap@bright.test")
    estimates = [world.estimate(client, "80.00", "5.00") for _ in range(2)]
    world.settle()
    world.ravetree.change("estimates", estimates[0]["id"], {"lines": lines("90.00")})
    world.ravetree.delete("estimates", estimates[1]["id"])
    world.settle()
    third = world.estimate(client, "10.00")
    world.settle()
    made = [world.invoice(client, "100.00", "20.00", estimate_id=third["id"]), world.invoice(client, "7.00")]
    made += [world.invoice(client, "8.00"), world.invoice(client, "9.00")]
    world.settle()
    there = world.pairs("invoice")
    world.ravetree.change("invoices", made[0]["id"], {"memo": "Thanks"})
    world.ravetree.change("invoices", made[1]["id"], {"status": "sent"})
    world.quickbooks.save("Invoice", {"Id": there[made[2]["id"]], "EmailStatus": "EmailSent"})
    world.settle()
    world.ravetree.change("invoices", made[1]["id"], {"status": "void"})
    world.quickbooks.save("Invoice", {"Id": there[made[2]["id"]]}, "void")
    world.set(delete_policy="delete")
    world.ravetree.delete("invoices", made[3]["id"])
    world.settle()
    world.quickbooks.save("Estimate", {"Id": world.pairs("estimate")[third["id"]], "TxnStatus": "Accepted"})
    world.look_at(theirs(Kind.ESTIMATE, world.pairs("estimate")[third["id"]]), must_read=True)
    world.ravetree.delete("estimates", third["id"])
    world.settle()
    world.ravetree.change("contacts", client, {"email": "new@bright.test"})
    world.press(ours(Kind.CONTACT, client))
    _play_rings(world, client)
    world.quickbooks.add("Customer", "77", DisplayName="Fjord", CompanyName="Fjord AS")
    world.press(theirs(Kind.CONTACT, "77"))
    world.settle()


def _play_rings(world: World, client: str) -> None:
    for resource, make in (("invoices", world.invoice), ("estimates", world.estimate)):
        pair = [make(client, "11.00", number=name) for name in ("A", "B")]
        world.settle()
        for document, name in zip(pair, ("B", "A"), strict=True):
            world.ravetree.change(resource, document["id"], {"number": name})
        world.settle()


def _play_money(world: World) -> None:
    invoice, made = world.paired("100.00")
    payment = world.receive({invoice["id"]: "40.00"}, reference="A 7")
    world.settle()
    world.ravetree.change("payments", payment["id"], {"reference": "A 8"})
    world.settle()
    world.ravetree.delete("payments", payment["id"])
    world.settle()
    there = world.pay({made["Id"]: "30"})
    world.settle()
    world.quickbooks.save("Payment", {"Id": there["Id"], "PaymentRefNum": "B 2"})
    world.settle()
    world.quickbooks.save("Payment", {"Id": there["Id"]}, "delete")
    world.settle()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"lines": lines("120.00")})
    world.settle()
    world.receive({invoice["id"]: "120.00"})
    world.settle()
    other, _ = world.paired("60.00")
    world.ravetree.mark_as_paid(other["id"])
    world.settle()
    world.ravetree.change("invoices", other["id"], {"marked_paid_at": None})
    world.settle()
    third, made = world.paired("50.00")
    money = {"CustomerRef": made["CustomerRef"], "TotalAmt": 50, "TxnDate": "2026-11-20", "Line": []}
    lying = world.quickbooks.save("Payment", money)
    world.ravetree.mark_as_paid(third["id"])
    world.settle()
    world.decide(ours(Kind.INVOICE, third), "one", lying["Id"])
    world.settle()
    fourth, made = world.paired("70.00")
    lying = world.quickbooks.save("Payment", money | {"CustomerRef": made["CustomerRef"], "TotalAmt": 70})
    world.settle()
    receipt = world.receive({fourth["id"]: "70.00"}, day="2026-11-20")
    world.settle()
    world.decide(ours(Kind.PAYMENT, receipt), "one", lying["Id"])
    world.settle()
    old = world.invoice(world.aster(), "30.00", created_at="2026-01-01T00:00:00.000Z")
    world.receive({old["id"]: "10.00"})
    world.press(ours(Kind.INVOICE, old))
    world.settle()


def _empty_database(path: Path) -> Database:
    database = Database(f"sqlite:///{path}", FakeClock())
    migrations.upgrade(database)
    return database


def main() -> None:
    """Keep a row of each kind of write that is not kept yet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.db"
        database, clock = _empty_database(path), FakeClock()
        database.close()
        place = Place(path, Database(f"sqlite:///{path}", clock), clock, path.read_bytes())
        world = World(place)
        world.begin()
        found = list(played(world))
        place.database.close()
        for number, one in enumerate(found):
            name = f"{one['row']['side']}.{one['row']['action']}"
            name += ".with_payments" if "payments" in one["row"]["context"] else ""
            if not (FOLDER / f"{name}.json").exists():
                empty = _empty_database(Path(folder) / f"{number}.db")
                text = strict_json.dumps(one | {"settled": settled(empty, strict_json.loads(strict_json.dumps(one)))})
                empty.close()
                (FOLDER / f"{name}.json").write_text(_indented(text))
                sys.stdout.write(f"kept {name}\n")
        missing = set(Action) - {one["row"]["action"] for one in found}
        sys.stdout.write(f"never written here: {sorted(missing) or 'nothing'}\n")


def _indented(text: str) -> str:
    return json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    main()
