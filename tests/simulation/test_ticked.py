"""Ticked before mapped, as the help article has it: the switch-on comes by itself, with the last mapping."""

import pytest
import sqlalchemy as sa

from ravebooks.demo.sides import Body
from ravebooks.local.sandbox_connection import ITEMS
from storage import connections, duties
from storage.models import Job, Mapping
from tests.simulation.test_connecting import ask, begin, consent, edit, found, item, set_preferences
from tests.simulation.world import World

TYPES = {"time", "expense", "retainer", "overage", "other"}


@pytest.fixture
def world(new_world: World) -> World:
    """One that is connected, and of which nothing was ever mapped or ticked."""
    with new_world.parts.database.transaction() as session:
        connection = connections.get(session, new_world.connection_id)
        connection.invoices_since = connection.estimates_since = connection.contacts_imported_at = None
        session.execute(sa.delete(Mapping))
        session.execute(sa.delete(Job))
    return new_world


@pytest.fixture
def path(world: World) -> str:
    return f"/api/connections/{world.connection_id}"


def items(world: World, *keys: str) -> Body:
    by_name = {row["Name"]: row["Id"] for row in world.quickbooks.query("select * from Item")}
    return {"line_types": {key: by_name[ITEMS[key]] for key in keys}}


def tick(world: World, path: str, **on: bool) -> Body:
    answer = ask(world, "PUT", f"{path}/switches", on)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.get_json())


def missing(connection: Body) -> set[str]:
    return {key["key"] for key in connection["waiting_for_mappings"]}


def in_quickbooks(world: World, *documents: Body) -> list[bool]:
    return [world.quickbooks.invoice(document["number"]) is not None for document in documents]


def test_ticked_first_it_is_on_with_the_last_mapping_and_contacts_come_then(world: World, path: str) -> None:
    shown = tick(world, path, invoices=True)
    assert (missing(shown), shown["invoices_since"]) == (TYPES, None)
    assert {key["kind"] for key in shown["waiting_for_mappings"]} == {"line_type"}
    before = len(world.ravetree.every("contacts"))
    world.settle()
    assert len(world.ravetree.every("contacts")) == before
    world.api("PUT", f"{path}/mappings", items(world, *TYPES - {"other"}))
    assert missing(world.connection()) == {"other"}
    world.api("PUT", f"{path}/mappings", items(world, "other"))
    shown = world.connection()
    assert (shown["waiting_for_mappings"], bool(shown["invoices_since"])) == ([], True)
    assert shown["estimates_since"] is None
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    assert in_quickbooks(world, invoice) == [True]
    assert world.connection()["contacts_imported_at"]
    assert len(world.ravetree.every("contacts")) > before + 1


def test_put_by_the_command_line_the_last_mapping_does_the_same(world: World, path: str) -> None:
    """Nobody is nudged from there."""
    tick(world, path, invoices=True, estimates=True)
    mappings = world.parts.console.unhurried_actions.mappings
    mappings.map_keys(world.connection_id, {"line_type": items(world, *TYPES)["line_types"]})
    assert world.connection()["invoices_since"]
    assert world.connection()["estimates_since"]


def test_what_was_made_meanwhile_is_offered_as_one_previewed_back_fill(world: World, path: str) -> None:
    client = world.client("Bright Harbor")
    older = world.invoice(client, "10.00")
    world.settle()
    world.clock.advance(60)
    tick(world, path, invoices=True)
    meanwhile = world.invoice(client, "20.00")
    world.settle()
    world.clock.advance(60)
    assert world.connection()["offered_backfill"] is None
    world.api("PUT", f"{path}/mappings", items(world, *TYPES))
    newer = world.invoice(client, "30.00")
    world.settle()
    assert in_quickbooks(world, older, meanwhile, newer) == [False, False, True]
    offered = world.connection()["offered_backfill"]
    assert offered["kinds"] == ["invoice"]
    asked = {"kind": "backfill", "made_while_waiting": True}
    preview = world.api("POST", f"{path}/jobs/preview", asked).get_json()
    assert [(row["name"], row["outcome"]) for row in preview["records"]] == [(meanwhile["number"], "create")]
    world.api("POST", f"{path}/jobs", asked | {"by": "Kim"})
    world.settle()
    assert in_quickbooks(world, older, meanwhile, newer) == [False, True, True]
    assert world.connection()["offered_backfill"] is None


def test_nothing_is_offered_where_nothing_was_made_meanwhile(world: World, path: str) -> None:
    tick(world, path, invoices=True, estimates=True)
    world.clock.advance(60)
    world.api("PUT", f"{path}/mappings", items(world, *TYPES))
    assert world.connection()["offered_backfill"] is None
    refused = ask(world, "POST", f"{path}/jobs", {"kind": "backfill", "made_while_waiting": True})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "job_refused")


def test_unticked_it_waits_for_nothing_any_more(world: World, path: str) -> None:
    tick(world, path, invoices=True)
    shown = tick(world, path, invoices=False)
    assert (shown["waiting_for_mappings"], shown["invoices_ticked_at"]) == ([], None)
    world.api("PUT", f"{path}/mappings", items(world, *TYPES))
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    assert (world.connection()["invoices_since"], in_quickbooks(world, invoice)) == (None, [False])


@pytest.mark.parametrize("by", ["event", "day"])
def test_what_blocks_beside_the_mappings_is_looked_at_again_by_itself(world: World, path: str, by: str) -> None:
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": False})
    tick(world, path, invoices=True)
    world.api("PUT", f"{path}/mappings", items(world, *TYPES))
    shown = world.connection()
    assert (shown["waiting_for_mappings"], shown["invoices_since"]) == ([], None)
    assert [finding["code"] for finding in shown["waiting_for_settings"]] == ["custom_numbers_off"]
    if by == "day":
        world.settle()
        world.quickbooks.session.delete(f"{world.quickbooks.root}/sandbox/webhooks")
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": True})
    if by == "day":
        world.settle()
        assert world.connection()["invoices_since"] is None
        world.clock.advance(86_401)
    world.settle()
    assert (world.connection()["waiting_for_settings"], bool(world.connection()["invoices_since"])) == ([], True)


def test_an_item_that_is_active_again_is_looked_at_too(world: World, path: str) -> None:
    hours = item(world, "Hours")
    world.api("PUT", f"{path}/mappings", items(world, *TYPES - {"other"}))
    edit(world, "Item", hours, Active=False)
    tick(world, path, invoices=True)
    world.api("PUT", f"{path}/mappings", items(world, "other"))
    assert [finding["code"] for finding in world.connection()["waiting_for_settings"]] == ["mapping_inactive"]
    edit(world, "Item", hours, Active=True)
    world.settle()
    assert world.connection()["invoices_since"]


def test_after_a_process_that_died_over_the_last_mapping_it_takes_effect_all_the_same(world: World, path: str) -> None:
    tick(world, path, invoices=True)
    mapping = items(world, *TYPES)["line_types"]
    with world.parts.database.transaction() as session:
        # What it leaves between the mapping and the look.
        for key, name in mapping.items():
            connections.set_mapping(session, world.connection_id, "line_type", key, name, "")
        duties.schedule(session, world.connection_id, duties.SETTINGS, world.clock.now())
    world.settle()
    assert world.connection()["invoices_since"]


def test_a_type_that_appears_later_parks_its_document_and_nothing_waits_again(world: World, path: str) -> None:
    tick(world, path, invoices=True)
    world.api("PUT", f"{path}/mappings", items(world, *TYPES))
    since = world.connection()["invoices_since"]
    with world.parts.database.transaction() as session:
        session.execute(sa.delete(Mapping).where(Mapping.key == "other"))
    client = world.client("Bright Harbor")
    line = {"type": "other", "description": "New", "quantity": "1", "unit_price": "5.00", "taxable": False}
    world.ravetree.create("invoices", {"client_id": client, "currency": "USD", "lines": [line]} | DATES)
    world.settle()
    assert [row["code"] for row in world.attention()] == ["line_type_not_mapped"]
    world.clock.advance(86_401)
    world.settle()
    assert world.connection()["invoices_since"] == since
    assert world.connection()["waiting_for_mappings"] == []


DATES = {"issue_date": "2026-11-20", "due_date": "2026-12-20"}


def test_outside_the_us_lines_without_tax_have_to_be_mapped_too(world: World) -> None:
    realm = world.quickbooks.session.post(f"{world.quickbooks.root}/sandbox/companies", json={"country": "GB"}).json()
    assert consent(world, begin(world, "org_second"), realm=realm["realm_id"]).status_code == 200
    rows = world.api("GET", "/api/connections").get_json()["data"]
    path = f"/api/connections/{next(row['id'] for row in rows if row['account_id'] == 'org_second')}"
    found = {row["name"]: row["id"] for row in world.api("GET", f"{path}/items").get_json()["data"]}
    world.api("PUT", f"{path}/mappings", {"line_types": {key: found[name] for key, name in ITEMS.items()}})
    shown = tick(world, path, invoices=True)
    assert shown["waiting_for_mappings"] == [
        {"kind": "tax_rate", "key": "", "label": "Lines without a tax rate"},
    ]
    choices = world.api("GET", f"{path}/choices/tax_rate").get_json()
    assert "" in {row["key"] for row in choices["keys"]}
    world.api("PUT", f"{path}/mappings", {"tax_rates": {"": choices["entries"][0]["id"]}})
    assert world.api("GET", path).get_json()["invoices_since"]


# --- the company's time zone ---------------------------------------------------------------------


def test_a_time_zone_is_set_by_its_name(world: World, path: str) -> None:
    refused = ask(world, "PUT", f"{path}/settings", {"time_zone": "Mars/Olympus"})
    assert (refused.status_code, refused.get_json()["field"]) == (422, "time_zone")
    assert world.api("PUT", f"{path}/settings", {"time_zone": "Europe/London"}).get_json()["time_zone"]
    assert world.connection()["time_zone"] == "Europe/London"
    codes = {row["code"] for row in world.api("POST", f"{path}/preflight").get_json()["findings"]}
    assert "time_zone_unknown" not in codes


def test_the_time_zone_that_the_company_says_is_kept_at_the_connect(world: World) -> None:
    (company,) = world.quickbooks.query("select * from CompanyInfo")
    assert world.connection()["time_zone"] == company["DefaultTimeZone"]


def test_a_time_zone_that_nobody_has_said_is_asked_for_and_blocks_nothing(world: World, path: str) -> None:
    (company,) = world.quickbooks.query("select * from CompanyInfo")
    world.quickbooks.write("companyinfo", company | {"DefaultTimeZone": "Mars/Olympus"})
    with world.parts.database.transaction() as session:
        connections.get(session, world.connection_id).time_zone = ""
    assert found(world, path)["time_zone_unknown"] == "warning"
    world.api("PUT", f"{path}/mappings", items(world, *TYPES))
    tick(world, path, invoices=True)
    assert (world.connection()["time_zone"], bool(world.connection()["invoices_since"])) == (None, True)
