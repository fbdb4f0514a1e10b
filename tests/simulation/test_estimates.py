"""Estimates go one way; the one behind an invoice is linked; QuickBooks' edits stay there."""

from typing import Any

import pytest

from tests.simulation.world import World

LINE = {"type": "time", "description": "Work", "quantity": "2", "unit_price": "50.00", "taxable": False}


def estimate(world: World, client: str, **fields: Any) -> dict[str, Any]:
    body = {"client_id": client, "issue_date": "2026-11-20", "currency": "USD", "lines": [LINE]}
    return world.ravetree.create("estimates", body | fields)


def all_there(world: World, entity: str, number: str) -> list[dict[str, Any]]:
    rows = world.quickbooks.query(f"select * from {entity}")  # noqa: S608 - an entity of this file's own
    return [row for row in rows if row["DocNumber"] == number]


def there(world: World, number: str) -> dict[str, Any]:
    (found,) = all_there(world, "Estimate", number)
    return found


@pytest.mark.parametrize(
    ("status", "there_is"),
    [("draft", "Pending"), ("sent", "Pending"), ("accepted", "Accepted"), ("declined", "Rejected")],
)
def test_an_estimate_is_there_with_its_number_total_and_status(world: World, status: str, there_is: str) -> None:
    made = estimate(world, world.client("Bright Harbor"), status=status)
    world.settle()
    copy = there(world, made["number"])
    assert (f"{copy['TotalAmt']:.2f}", copy["TxnStatus"]) == (made["total"], there_is)


def test_edits_and_status_changes_follow(world: World) -> None:
    made = estimate(world, world.client("Bright Harbor"))
    world.settle()
    world.ravetree.change(
        "estimates", made["id"], {"status": "accepted", "lines": [LINE, LINE | {"unit_price": "10.00"}]}
    )
    world.settle()
    copy = there(world, made["number"])
    assert (float(copy["TotalAmt"]), copy["TxnStatus"]) == (120.0, "Accepted")


def test_the_estimate_behind_an_invoice_is_linked_and_closed(world: World) -> None:
    client = world.client("Bright Harbor")
    made = estimate(world, client, status="accepted")
    invoice = world.invoice(client, "100.00", estimate_id=made["id"])
    world.settle()
    copy = there(world, made["number"])
    bill = all_there(world, "Invoice", invoice["number"])[0]
    assert copy["TxnStatus"] == "Closed"
    assert [(link["TxnId"], link["TxnType"]) for link in bill["LinkedTxn"]] == [(copy["Id"], "Estimate")]
    assert world.attention() == []


def test_what_is_edited_in_quickbooks_never_comes_back_and_the_next_edit_overwrites_it(world: World) -> None:
    made = estimate(world, world.client("Bright Harbor"))
    world.settle()
    copy = there(world, made["number"])
    named = {"Id": copy["Id"], "SyncToken": copy["SyncToken"], "sparse": True}
    edit = {"CustomerMemo": {"value": "edited there"}, "TxnStatus": "Accepted"}
    world.quickbooks.write("estimate", named | edit)
    world.settle()
    now = world.ravetree.get("estimates", made["id"])
    assert (now["memo"], now["status"], now["version"]) == (made["memo"], "draft", made["version"])
    world.ravetree.change("estimates", made["id"], {"memo": "ours"})
    world.settle()
    copy = there(world, made["number"])
    assert (copy["CustomerMemo"]["value"], copy["TxnStatus"]) == ("ours", "Pending")


def test_deleted_in_ravetree_is_deleted_there_unless_an_invoice_hangs_on_it(world: World) -> None:
    made = estimate(world, world.client("Bright Harbor"))
    world.settle()
    world.ravetree.delete("estimates", made["id"])
    world.settle()
    assert all_there(world, "Estimate", made["number"]) == []


def test_deleted_in_quickbooks_waits_for_a_person_who_has_it_written_again(world: World) -> None:
    made = estimate(world, world.client("Bright Harbor"))
    world.settle()
    copy = there(world, made["number"])
    world.quickbooks.write("estimate?operation=delete", {"Id": copy["Id"], "SyncToken": copy["SyncToken"]})
    world.settle()
    row = world.attention()[0]
    assert (row["code"], row["kind"]) == ("deleted_in_quickbooks", "estimate")
    path = f"/api/connections/{world.connection_id}/records/ravetree/estimate/{made['id']}/decision"
    world.api("POST", path, {"decision": "push", "by": "Kim"})
    world.settle()
    assert there(world, made["number"])["TotalAmt"] == 100
    assert world.attention() == []


def test_an_invoice_does_not_wait_for_an_estimate_that_ends_with_a_person(world: World) -> None:
    client = world.client("Bright Harbor")
    for kind, count in (("timeout_before", 1), ("fault:6210", 2)):
        world.quickbooks.steer("faults", {"endpoint": "estimate.create", "kind": kind, "count": count})
    made = estimate(world, client, status="accepted")
    invoice = world.invoice(client, "100.00", estimate_id=made["id"])
    world.settle()
    assert [row["code"] for row in world.attention()] == ["BooksClosed"]
    assert len(all_there(world, "Invoice", invoice["number"])) == 1
