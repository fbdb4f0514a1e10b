"""The look at the settings of both sides."""

from typing import Any

from clients.quickbooks.faults import AccessRevoked
from reconcile.model import Kind
from storage import connections
from sync.duties import PREFLIGHT
from sync.questions.preflight import Preflight
from tests.unit.storing import CONNECTION
from tests.unit.sync.world import HOURS, World, ours


def codes(world: World) -> set[str]:
    return {finding.code for finding in Preflight(world.database, world.clock, world.neighbours_of).run(CONNECTION)}


def test_what_would_make_wrong_books_is_found(world: World) -> None:
    before = codes(world)
    world.quickbooks.preferences["SalesFormsPrefs"] = {"CustomTxnNumbers": False, "AutoApplyCredit": True}
    world.quickbooks.preferences["AccountingInfoPrefs"] = {"BookCloseDate": "2026-12-31"}
    world.quickbooks.row("Item", HOURS)["Active"] = False
    world.ravetree.settings.line_item_types.append({"key": "travel", "label": "Travel"})
    found = codes(world) - before
    assert {"mapping_inactive"} < found
    assert len(found) >= 4


def test_an_entry_that_is_active_again_lets_go_on_what_waited_for_it(world: World) -> None:
    world.quickbooks.row("Item", HOURS)["Active"] = False
    invoice = world.invoice(world.client(), "5.00")
    world.settle()
    assert list(world.codes().values()) == ["ItemInactive"]
    world.quickbooks.row("Item", HOURS)["Active"] = True
    world.plan(PREFLIGHT)
    world.work()
    world.settle()
    assert world.pairs("invoice").keys() == {invoice["id"]}
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "synced"


def test_no_access_is_a_finding_and_is_kept(world: World) -> None:
    world.quickbooks.calls.fail("get", AccessRevoked("QuickBooks no longer lets Ravebooks in"))
    assert "no_access" in codes(world)
    with world.database.reading() as session:
        kept: Any = connections.get(session, CONNECTION).preflight
    assert [finding["code"] for finding in kept["findings"]][:1] == ["no_access"]
