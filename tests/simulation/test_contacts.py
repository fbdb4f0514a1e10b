"""Contacts: imported once at the switch-on, linked, merged, pushed by the button."""

from typing import Any

import pytest

from tests.simulation.world import World


@pytest.fixture
def world(new_world: World) -> World:
    """One whose customers are still to be imported while the test begins."""
    return new_world


def links(world: World) -> dict[str, str]:
    """Ravetree's contact by QuickBooks' customer."""
    found = {}
    for row in world.ravetree.every("contacts"):
        reference = row.get("external_id") or ""
        if reference.startswith("quickbooks:"):
            found[reference.rpartition(":")[2]] = row["id"]
    return found


def customer(world: World, name: str, **fields: Any) -> dict[str, Any]:
    """A bookkeeper makes one, after the first import."""
    world.settle()
    return world.quickbooks.write("customer", {"DisplayName": name} | fields)


def begin_import(world: World) -> dict[str, Any]:
    world.settle()
    job: dict[str, Any] = world.api(
        "POST", f"/api/connections/{world.connection_id}/jobs", {"kind": "import_contacts", "by": "Kim"}
    ).get_json()
    world.settle()
    shown: dict[str, Any] = world.api("GET", f"/api/connections/{world.connection_id}/jobs/{job['id']}").get_json()
    return shown


def decide(world: World, record: str, decision: str, target: str = "") -> None:
    side, kind, name = record.split(":")
    path = f"/api/connections/{world.connection_id}/records/{side}/{kind}/{name}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim", "target": target})
    world.settle()


def test_every_active_customer_becomes_a_contact_once(world: World) -> None:
    world.settle()
    ours = {row["Id"] for row in world.quickbooks.query("select * from Customer")}
    before = len(world.ravetree.every("contacts"))
    customer(world, "Old Town Bakery", CompanyName="Old Town Bakery Ltd", PrimaryEmailAddr={"Address": "a@b.example"})
    customer(world, "Lena Voss", PrimaryPhone={"FreeFormNumber": "555-0101"})
    job = begin_import(world)
    contacts = {row["name"]: row for row in world.ravetree.every("contacts")}
    assert (job["state"], job["counts"]) == ("done", {"left": 0, "agreed": len(ours) + 2})
    assert contacts["Old Town Bakery"]["kind"] == "account"
    assert contacts["Old Town Bakery"]["email"] == "a@b.example"
    assert (contacts["Lena Voss"]["kind"], contacts["Lena Voss"]["phone"]) == ("contact", "555-0101")
    assert begin_import(world)["counts"] == {"left": 0, "agreed": len(ours) + 2}
    assert len(world.ravetree.every("contacts")) == before + 2


def test_a_customer_with_a_contacts_name_is_linked_to_it(world: World) -> None:
    client = world.client("Bright Harbor")
    customer(world, "bright harbor")
    begin_import(world)
    invoice = world.invoice(client, "100.00")
    world.settle()
    (row,) = [row for row in world.quickbooks.query("select * from Invoice") if row["DocNumber"] == invoice["number"]]
    assert row["CustomerRef"]["name"] == "bright harbor"
    assert [row["name"] for row in world.ravetree.every("contacts")].count("bright harbor") == 0


def test_a_customer_with_a_contacts_mail_address_is_asked_about_and_linked_by_a_person(world: World) -> None:
    client = world.client("Harbor", email="pay@harbor.example")
    made = customer(world, "Bright Harbor", PrimaryEmailAddr={"Address": "pay@harbor.example"})
    job = begin_import(world)
    (row,) = world.attention()
    assert (row["code"], row["state"], job["counts"]["held"]) == ("contact_ambiguous", "held", 1)
    decide(world, f"quickbooks:contact:{made['Id']}", "link", client)
    assert world.attention() == []
    invoice = world.invoice(client, "100.00")
    world.settle()
    (row,) = [row for row in world.quickbooks.query("select * from Invoice") if row["DocNumber"] == invoice["number"]]
    assert row["CustomerRef"]["value"] == made["Id"]


def test_a_person_may_say_that_they_are_two(world: World) -> None:
    world.client("Harbor", email="pay@harbor.example")
    made = customer(world, "Bright Harbor", PrimaryEmailAddr={"Address": "pay@harbor.example"})
    begin_import(world)
    decide(world, f"quickbooks:contact:{made['Id']}", "two")
    assert world.attention() == []
    assert made["Id"] in links(world)


def test_a_merge_in_quickbooks_points_the_link_to_the_survivor(world: World) -> None:
    client = world.client("Bright Harbor")
    first = world.invoice(client, "100.00")
    world.settle()
    survivor = customer(world, "Harbor Group")
    merged = next(
        row for row in world.quickbooks.query("select * from Customer") if row["DisplayName"] == "Bright Harbor"
    )
    world.quickbooks.steer("merge", {"survivor": survivor["Id"], "merged": merged["Id"]})
    world.settle()
    second = world.invoice(client, "50.00")
    world.settle()
    rows = {row["DocNumber"]: row["CustomerRef"]["value"] for row in world.quickbooks.query("select * from Invoice")}
    assert rows[first["number"]] == rows[second["number"]] == survivor["Id"]
    assert world.attention() == []


def test_a_merge_in_ravetree_gives_the_survivor_the_customer(world: World) -> None:
    old, new = world.client("Bright Harbour"), world.client("Bright Harbor")
    world.invoice(old, "100.00")
    world.settle()
    before = len(world.quickbooks.query("select * from Customer"))
    world.ravetree.change("contacts", old, {"merged_into": new})
    world.settle()
    world.invoice(new, "50.00")
    world.settle()
    assert len(world.quickbooks.query("select * from Customer")) == before
    assert world.attention() == []


def test_the_button_pushes_a_contact_and_later_edits_wait_for_it(world: World) -> None:
    client = world.client("Bright Harbor", email="a@harbor.example")
    press = f"{world.ravetree.root}/sandbox/app/contacts/{client}/sync"
    world.ravetree.session.post(press).raise_for_status()
    world.settle()
    (row,) = [r for r in world.quickbooks.query("select * from Customer") if r["DisplayName"] == "Bright Harbor"]
    world.ravetree.change("contacts", client, {"name": "Bright Harbor Ltd", "email": "b@harbor.example"})
    world.settle()
    (row,) = [r for r in world.quickbooks.query("select * from Customer") if r["Id"] == row["Id"]]
    assert row["DisplayName"] == "Bright Harbor"
    world.ravetree.session.post(press).raise_for_status()
    world.settle()
    (row,) = [r for r in world.quickbooks.query("select * from Customer") if r["Id"] == row["Id"]]
    assert (row["DisplayName"], row["PrimaryEmailAddr"]["Address"]) == ("Bright Harbor Ltd", "b@harbor.example")
    assert world.ravetree.sync_state("contact", client)["state"] == "synced"


def test_an_inactive_customer_of_a_live_client_is_shown(world: World) -> None:
    client = world.client("Bright Harbor")
    world.ravetree.session.post(f"{world.ravetree.root}/sandbox/app/contacts/{client}/sync").raise_for_status()
    world.settle()
    (row,) = [r for r in world.quickbooks.query("select * from Customer") if r["DisplayName"] == "Bright Harbor"]
    named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    world.quickbooks.write("customer", named | {"Active": False})
    world.clock.advance(7 * 86400)
    world.settle()
    (waiting,) = world.attention()
    assert waiting["code"] == "customer_inactive"
    assert world.ravetree.sync_state("contact", client)["state"] == "needs_attention"


def test_a_project_and_an_inactive_customer_are_no_contacts(world: World) -> None:
    above = customer(world, "Bright Harbor")
    customer(world, "New pier", ParentRef={"value": above["Id"]}, Job=True, IsProject=True)
    gone = customer(world, "Old Town Bakery")
    named = {"Id": gone["Id"], "SyncToken": gone["SyncToken"], "sparse": True}
    world.quickbooks.write("customer", named | {"Active": False})
    begin_import(world)
    names = [row["name"] for row in world.ravetree.every("contacts")]
    assert "Bright Harbor" in names
    assert [name for name in names if "New pier" in name or "Bakery" in name] == []
    assert world.attention() == []


def test_what_is_edited_in_quickbooks_never_comes_back(world: World) -> None:
    made = customer(world, "Bright Harbor", PrimaryEmailAddr={"Address": "a@harbor.example"})
    begin_import(world)
    before = world.ravetree.get("contacts", links(world)[made["Id"]])
    edit = {"Id": made["Id"], "SyncToken": made["SyncToken"], "sparse": True, "DisplayName": "Harbor Group"}
    world.quickbooks.write("customer", edit | {"PrimaryEmailAddr": {"Address": "b@harbor.example"}})
    world.clock.advance(86_401)
    world.settle()
    begin_import(world)
    assert world.ravetree.get("contacts", before["id"]) == before
