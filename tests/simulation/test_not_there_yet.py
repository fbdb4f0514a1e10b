"""Records of QuickBooks that are spoken of, or looked for, before they can be read."""

import pytest
import sqlalchemy as sa

from ravebooks.demo.sides import Body
from storage.models import Copy
from tests.simulation.posting import (
    BothSides,
    event,
    legacy,
    next_id,
    pay,
    post,
    reads,
    rows_of_all_tables,
    work_for,
)
from tests.simulation.world import World


def preview(world: World, record: str) -> int:
    """Ask what a sync would do with a record that may not be there; returns the status."""
    path = f"/api/connections/{world.connection_id}/records/{record}/preview"
    return world.web.get(path, headers={"Authorization": "Bearer api"}).status_code


@pytest.mark.parametrize("kind", ["payment", "invoice", "estimate", "contact"])
def test_a_preview_writes_nothing_anywhere(world: World, both_sides: BothSides, kind: str) -> None:
    ours, theirs = both_sides
    before = rows_of_all_tables(world)
    for side, record_id in (("quickbooks", next_id(world)), ("quickbooks", theirs["Id"]), ("ravetree", ours["id"])):
        assert preview(world, f"{side}/{kind}/{record_id}") in (200, 404)
    assert rows_of_all_tables(world) == before


def test_a_payment_that_was_looked_for_before_it_existed_arrives(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    name = next_id(world)
    assert preview(world, f"quickbooks/payment/{name}") == 404
    assert pay(world, theirs, 25)["Id"] == name
    world.settle()
    assert world.ravetree.get("invoices", ours["id"])["balance"] == "75.00"


def test_a_payment_whose_event_comes_before_it_can_be_read_arrives(world: World, both_sides: BothSides) -> None:
    """As Intuit's eventual consistency does by itself; no second event follows."""
    ours, theirs = both_sides
    name = next_id(world)
    post(world, [event(world, "payment", name)])
    work_for(world, 3)
    assert pay(world, theirs, 25)["Id"] == name
    world.collect()
    work_for(world, 20)
    assert world.ravetree.get("invoices", ours["id"])["balance"] == "75.00"
    assert world.attention() == []


def test_a_record_that_never_comes_is_looked_for_a_bounded_number_of_times(world: World, paired: Body) -> None:
    post(world, [event(world, "payment", "4711")])
    before = reads(world, "events")
    work_for(world, 40_000, 200)
    assert world.connection()["work"]["due"] == 0
    assert 10 <= reads(world, "events") - before <= 14
    with world.parts.database.transaction() as session:
        assert session.execute(sa.select(Copy).where(Copy.record_id == "4711")).all() == []


def test_what_was_deleted_before_it_was_read_is_looked_for_once(world: World, paired: Body) -> None:
    post(world, [event(world, "payment", "4711"), event(world, "payment", "4711", "deleted")])
    before = reads(world)
    work_for(world, 100)
    assert (world.connection()["work"]["due"], reads(world) - before) == (0, 1)


def test_a_record_that_was_taken_for_deleted_is_revived_by_a_fresh_read(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    payment = pay(world, theirs, 25)
    world.settle()
    with world.parts.database.transaction() as session:
        session.get_one(Copy, (world.connection_id, "quickbooks", "payment", payment["Id"])).deleted = True
    line = {"Amount": 30, "LinkedTxn": [{"TxnId": theirs["Id"], "TxnType": "Invoice"}]}
    changed = {"Id": payment["Id"], "SyncToken": payment["SyncToken"], "TotalAmt": 30, "Line": [line], "sparse": True}
    world.quickbooks.write("payment", changed | {"CustomerRef": payment["CustomerRef"]})
    world.settle()
    assert world.ravetree.get("invoices", ours["id"])["balance"] == "70.00"


@pytest.mark.parametrize("operation", ["Update", "Void"])
def test_replayed_legacy_events_cost_one_read_a_minute(world: World, both_sides: BothSides, operation: str) -> None:
    """They have no id of their own, so each may speak of a later change of the same second."""
    _, theirs = both_sides
    payment = pay(world, theirs, 25)
    world.settle()
    before = reads(world)
    for _ in range(120):
        post(world, legacy(world, "Payment", payment["Id"], operation, payment["MetaData"]["LastUpdatedTime"]))
        work_for(world, 1)
    assert reads(world) - before <= 3
