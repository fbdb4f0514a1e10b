"""The look at the settings of both sides."""

from typing import Any

import pytest

from clients.quickbooks.faults import AccessRevoked
from reconcile.model import Kind
from storage import connections
from storage.database import Contended
from sync.duties import PREFLIGHT
from sync.questions.preflight import Preflight
from sync.records.invoices import Invoices
from sync.records.seen import Wish
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
    assert list(world.codes().values()) == ["item_inactive"]
    world.quickbooks.row("Item", HOURS)["Active"] = True
    world.plan(PREFLIGHT)
    world.work()
    world.settle()
    assert world.pairs("invoice").keys() == {invoice["id"]}
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "synced"


def test_what_was_refused_because_of_a_mapping_has_it_read_though_nothing_was_written(world: World) -> None:
    client = world.aster()
    world.clock.advance(3600)
    world.plan(PREFLIGHT)
    world.work()
    world.quickbooks.row("Item", HOURS)["Active"] = False
    invoice = world.invoice(client, "5.00")
    world.settle()
    assert list(world.codes().values()) == ["item_inactive"]
    world.quickbooks.row("Item", HOURS)["Active"] = True
    world.plan(PREFLIGHT)
    world.work()
    world.settle()
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "synced"


def test_what_mappings_lead_to_is_read_where_a_write_may_have_met_it(world: World) -> None:
    def items_read() -> int:
        begun = len(world.quickbooks.calls.every)
        world.clock.advance(86400)
        world.plan(PREFLIGHT)
        world.work()
        return sum("Item" in str(call) for call in world.quickbooks.calls.every[begun:])

    world.invoice(world.client(), "5.00")
    world.settle()
    assert items_read() == 1
    assert items_read() == 0, "nothing was written since"
    world.quickbooks.row("Item", HOURS)["Active"] = False
    assert "mapping_inactive" in codes(world), "a person looks at everything"
    assert items_read() == 1, "it is looked whether it is active again"


@pytest.mark.parametrize("said", [None, "Mars/Olympus", 7])
def test_a_time_zone_that_quickbooks_does_not_say_is_asked_for(world: World, said: Any) -> None:
    world.set(time_zone="")
    world.quickbooks.info["DefaultTimeZone"] = said
    assert "time_zone_unknown" in codes(world)
    assert world.connection().time_zone == ""


def test_the_time_zone_that_quickbooks_says_is_kept_unless_a_person_set_another(world: World) -> None:
    world.set(time_zone="")
    world.quickbooks.info["DefaultTimeZone"] = "America/New_York"
    assert "time_zone_unknown" not in codes(world)
    assert world.connection().time_zone == "America/New_York"
    world.set(time_zone="Europe/London")
    codes(world)
    assert world.connection().time_zone == "Europe/London"


def test_an_invoice_is_planned_in_the_companys_time_zone(world: World) -> None:
    world.set(time_zone="Europe/London")
    invoice = world.invoice(world.aster(), "5.00")
    books = world.books()
    seen = Invoices().gather(books, ours(Kind.INVOICE, invoice), Wish())
    books.unit.commit()
    assert seen.case.time_zone == "Europe/London"


def test_no_access_is_a_finding_and_is_kept(world: World) -> None:
    world.quickbooks.calls.fail("get", AccessRevoked("QuickBooks no longer lets Ravebooks in"))
    assert "no_access" in codes(world)
    with world.database.reading() as session:
        kept: Any = connections.get(session, CONNECTION).preflight
    assert [finding["code"] for finding in kept["findings"]][:1] == ["no_access"]


def test_what_the_database_ends_is_stored_again_and_nothing_is_read_twice(world: World) -> None:
    """A worker that stores at the same moment: `PUT …/switches` was refused because of it."""
    ended: list[str] = []

    def then(*_: object) -> None:
        if len(ended) < 2:
            ended.append("once more")
            raise Contended("Two transactions waited for each other.")

    found = Preflight(world.database, world.clock, world.neighbours_of, then).run(CONNECTION)
    assert len(ended) == 2
    assert world.quickbooks.calls.names("get").count("get preferences") == 1
    with world.database.reading() as session:
        kept: Any = connections.get(session, CONNECTION).preflight
    assert [finding["code"] for finding in kept["findings"]] == [finding.code for finding in found]
