"""Books whose past is no longer kept: nothing is written again, whatever comes late and whatever is looked at anew."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Side
from schemas.envelopes import Delivery
from storage import connections, inbox
from storage.models import Event, Operation, PendingChange
from sync.operating.retaining import STEADY_SECONDS, Retaining
from sync.writes import settlement
from tests.simulation.dying import Killed
from tests.simulation.posting import BothSides, legacy, pay, post, work_for
from tests.simulation.world import World

NOTHING_IS_KEPT = dict.fromkeys(
    ("payloads", "events", "aside", "operations", "steps", "dead", "reports"), timedelta(hours=1)
)


@pytest.fixture
def posted(world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """Everything that either side told us while payments, marks and edits went both ways: some of each."""
    ours, theirs = both_sides
    told: list[Delivery] = []
    record = inbox.record

    def listen(session: Session, deliveries: Sequence[Delivery], now: datetime) -> inbox.Recorded:
        told.extend(deliveries)
        return record(session, deliveries, now)

    monkeypatch.setattr(inbox, "record", listen)
    paid = pay(world, theirs, 40)
    world.settle()
    world.receive({ours["id"]: "25.00"}, "cheque 7")
    world.settle()
    second = world.invoice(ours["client_id"], "70.00")
    world.settle()
    world.ravetree.change("invoices", second["id"], {"status": "paid"})
    world.ravetree.change("invoices", ours["id"], {"memo": "Edited"})
    world.settle()
    gone = world.receive({ours["id"]: "5.00"}, "typed in error")
    world.settle()
    world.ravetree.delete("payments", gone["id"])
    world.settle()
    post(world, legacy(world, "Payment", paid["Id"], "Update", world.clock.now().isoformat()))
    world.clock.advance(120)
    world.settle()
    monkeypatch.setattr(inbox, "record", record)
    return told


def forget_the_past(world: World) -> None:
    """Some hours later nothing is kept that may go."""
    world.clock.advance(2 * 3600)
    remove_all(world)
    with world.parts.database.reading() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Event)).scalar_one() == 0
        assert {row.body for row in session.execute(sa.select(Operation)).scalars()} == {""}


def remove_all(world: World) -> None:
    """An hour in which nothing else happens."""
    retaining = Retaining(world.parts.database, world.clock, NOTHING_IS_KEPT)
    retaining.step_if_due()
    world.clock.advance(STEADY_SECONDS)
    for _ in range(20):
        retaining.step_if_due()


def books(world: World) -> dict[str, Any]:
    """All that stands in both, without when it was looked at."""
    queries = ("select * from Invoice", "select * from Payment", "select * from Customer")
    return {query: world.quickbooks.query(query) for query in queries} | {
        kind: world.ravetree.every(kind) for kind in ("invoices", "payments", "contacts")
    }


def writes(world: World) -> int:
    with world.parts.database.reading() as session:
        return session.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one()


def test_each_event_of_either_side_that_comes_again_changes_nothing(world: World, posted: list[Delivery]) -> None:
    forget_the_past(world)
    before, written = books(world), writes(world)
    assert {delivery.source for delivery in posted} == set(Side)
    assert any(event.legacy for delivery in posted for event in delivery.events)
    for delivery in posted:
        world.parts.consuming.recorder.record([delivery])
    with world.parts.database.reading() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(PendingChange)).scalar_one() == 0
    world.settle()
    assert (books(world), writes(world), world.attention()) == (before, written, [])


def test_a_verification_of_both_books_writes_nothing_anew(world: World, posted: list[Delivery]) -> None:
    """Everything is looked at again, as after a restore, by rows that say only that it was written once."""
    forget_the_past(world)
    world.quickbooks.steer("switches", {"requestid_hours": 1})
    before, written = books(world), writes(world)
    with world.parts.database.transaction() as session:
        connections.verify(session, world.clock.now())
    work_for(world, 60)
    world.settle()
    assert world.connection()["state"] == "active"
    assert (books(world), writes(world), world.attention()) == (before, written, [])
    assert world.parity()["summary"]["causes"].get("unexplained", 0) == 0


def test_the_work_goes_on_with_what_has_no_past(world: World, both_sides: BothSides, posted: list[Delivery]) -> None:
    ours, theirs = both_sides
    forget_the_past(world)
    world.receive({ours["id"]: "10.00"}, "cheque 8")
    pay(world, theirs, 20)
    world.ravetree.change("invoices", ours["id"], {"memo": "Edited again"})
    world.settle()
    assert world.ravetree.get("invoices", ours["id"])["balance"] == "5.00"
    assert (world.quickbooks.invoice(ours["number"]) or {})["Balance"] == 5
    assert (world.attention(), world.compare().differing) == ([], [])


def test_a_write_without_an_answer_is_settled_however_long_it_took(
    world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its body stays: QuickBooks has forgotten the key by then, and the payment is looked for by what was written."""
    ours, _ = both_sides
    world.quickbooks.steer("switches", {"requestid_hours": 1})
    world.receive({ours["id"]: "40.00"})
    for letter in world.collect():
        world.deliver(letter)

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(settlement, "apply", dies)
        with pytest.raises(Killed):
            world.work()
    world.clock.advance(2 * 3600)
    remove_all(world)
    work_for(world, 60)
    world.settle()
    assert [row["TotalAmt"] for row in world.quickbooks.query("select * from Payment")] == [40]
    assert (world.attention(), world.connection()["work"]["uncertain"]) == ([], 0)
