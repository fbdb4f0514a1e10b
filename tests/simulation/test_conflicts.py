"""Payments that were changed on both sides: held with both versions, decided by a person, with either side."""

import pytest

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import codes, payments
from tests.simulation.world import World


@pytest.fixture
def copied(world: World, paired: Body) -> tuple[Body, Body]:
    """A payment that stands in both books."""
    world.quickbooks.pay({paired["number"]: "60.00"}, "2026-11-21", "CHK 1")
    world.settle()
    return world.ravetree.every("payments")[0], payments(world)[0]


def edit_there(world: World, row: Body, reference: str) -> None:
    named = {name: row[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": reference})


def remove_there(world: World, row: Body) -> None:
    world.quickbooks.write("payment?operation=delete", {name: row[name] for name in ("Id", "SyncToken")})


def decide(world: World, decision: str) -> None:
    (row,) = world.attention()
    path = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim", "note": "asked the client"})
    world.settle()


@pytest.mark.parametrize(("decision", "reference"), [("ravetree", "OURS"), ("quickbooks", "THEIRS")])
def test_an_edit_on_both_sides_is_resolved_with_either(
    world: World, copied: tuple[Body, Body], decision: str, reference: str
) -> None:
    world.ravetree.change("payments", copied[0]["id"], {"reference": "OURS"})
    edit_there(world, copied[1], "THEIRS")
    world.settle()
    assert codes(world) == ["edited_on_both_sides"]
    decide(world, decision)
    assert codes(world) == []
    assert [row["reference"] for row in world.ravetree.every("payments")] == [reference]
    assert [row["PaymentRefNum"] for row in payments(world)] == [reference]


@pytest.mark.parametrize(("decision", "left"), [("ravetree", 0), ("quickbooks", 1)])
def test_deleted_here_and_edited_there(world: World, copied: tuple[Body, Body], decision: str, left: int) -> None:
    world.ravetree.delete("payments", copied[0]["id"])
    edit_there(world, copied[1], "THEIRS")
    world.settle()
    assert codes(world) == ["removed_here_edited_there"]
    differ = {(row["kind"], row["cause"]) for row in world.parity()["rows"]}
    assert differ == {("invoice", "held"), ("payment", "held")}, "its invoice's balance waits for the same decision"
    decide(world, decision)
    assert codes(world) == []
    assert (len(world.ravetree.every("payments")), len(payments(world))) == (left, left)


@pytest.mark.parametrize(("decision", "left"), [("quickbooks", 0), ("ravetree", 1)])
def test_deleted_there_and_edited_here(world: World, copied: tuple[Body, Body], decision: str, left: int) -> None:
    world.ravetree.change("payments", copied[0]["id"], {"reference": "OURS"})
    remove_there(world, copied[1])
    world.settle()
    assert codes(world) == ["removed_there_edited_here"]
    decide(world, decision)
    assert codes(world) == []
    assert (len(world.ravetree.every("payments")), len(payments(world))) == (left, left)


def test_a_decision_holds_for_one_conflict_only(world: World, copied: tuple[Body, Body]) -> None:
    for number in (1, 2):
        ours, theirs = world.ravetree.every("payments")[0], payments(world)[0]
        world.ravetree.change("payments", ours["id"], {"reference": f"OURS {number}"})
        edit_there(world, theirs, f"THEIRS {number}")
        world.settle()
        assert codes(world) == ["edited_on_both_sides"]
        decide(world, "ravetree")
    assert [row["PaymentRefNum"] for row in payments(world)] == ["OURS 2"]
