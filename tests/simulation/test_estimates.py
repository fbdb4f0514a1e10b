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
    assert (copy["CustomerMemo"]["value"], copy["TxnStatus"]) == ("ours", "Accepted")
    world.ravetree.change("estimates", made["id"], {"status": "declined"})
    world.settle()
    assert there(world, made["number"])["TxnStatus"] == "Rejected"


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
    assert [row["code"] for row in world.attention()] == ["books_closed"]
    assert len(all_there(world, "Invoice", invoice["number"])) == 1


def invoiced_there(world: World, estimate_there: dict[str, Any], total: int, number: str) -> dict[str, Any]:
    """A bookkeeper invoices an estimate in QuickBooks, and no event of the estimate has come yet."""
    detail = {"ItemRef": {"value": estimate_there["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"]}}
    return world.quickbooks.write(
        "invoice",
        {
            "CustomerRef": estimate_there["CustomerRef"],
            "DocNumber": number,
            "TxnDate": "2026-11-19",
            "Line": [{"DetailType": "SalesItemLineDetail", "Amount": total, "SalesItemLineDetail": detail}],
            "LinkedTxn": [{"TxnId": estimate_there["Id"], "TxnType": "Estimate"}],
        },
    )


def decide(world: World, invoice: dict[str, Any], decision: str, target: str = "") -> None:
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim", "target": target})
    world.settle()


def income(world: World, customer_id: str) -> float:
    rows = world.quickbooks.query(f"select * from Invoice where CustomerRef = '{customer_id}'")  # noqa: S608
    return float(sum(row["TotalAmt"] for row in rows))


def test_an_estimate_invoiced_in_quickbooks_is_asked_about_before_ours_is_posted(world: World) -> None:
    client = world.client("Bright Harbor")
    made = estimate(world, client, status="accepted")
    world.settle()
    copy = there(world, made["number"])
    theirs = [invoiced_there(world, copy, 60, "QB-1"), invoiced_there(world, copy, 40, "QB-2")]
    invoice = world.invoice(client, "100.00", estimate_id=made["id"])
    world.settle()
    (row,) = world.attention()
    assert (row["code"], row["state"]) == ("estimate_invoiced_in_quickbooks", "held")
    for one, total in zip(theirs, ("60.00", "40.00"), strict=True):
        assert f"{one['DocNumber']} of 2026-11-19, {total} (Id {one['Id']})" in row["cause"]
    assert income(world, copy["CustomerRef"]["value"]) == 100
    decide(world, invoice, "two")
    (bill,) = all_there(world, "Invoice", invoice["number"])
    assert [link for link in bill.get("LinkedTxn", []) if link["TxnType"] == "Estimate"] == []
    assert (income(world, copy["CustomerRef"]["value"]), world.attention()) == (200, [])
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    assert world.attention() == []


@pytest.mark.parametrize("total", [100, 90])
def test_an_invoice_made_of_the_estimate_in_quickbooks_is_taken_over(world: World, total: int) -> None:
    client = world.client("Bright Harbor")
    made = estimate(world, client, status="accepted")
    world.settle()
    theirs = invoiced_there(world, there(world, made["number"]), total, "QB-1")
    invoice = world.invoice(client, "100.00", estimate_id=made["id"])
    world.settle()
    (row,) = world.attention()
    changes = "number, date, lines" if total == 100 else "number, date, total, lines"
    assert row["remedy"] == f"Decide `link` with its Id ({changes} change there), or `two`: both stand."
    decide(world, invoice, "link", theirs["Id"])
    if total != 100:
        (row,) = world.attention()
        assert (row["code"], "from 90.00 USD to 100.00" in row["cause"]) == ("drift_before_overwrite", True)
        decide(world, invoice, "overwrite")
    (bill,) = all_there(world, "Invoice", invoice["number"])
    assert (bill["Id"], float(bill["TotalAmt"]), bill["TxnDate"]) == (theirs["Id"], 100.0, "2026-11-20")
    assert (income(world, bill["CustomerRef"]["value"]), world.attention()) == (100, [])


def test_our_own_second_invoice_of_an_estimate_asks_nothing(world: World) -> None:
    client = world.client("Bright Harbor")
    made = estimate(world, client, status="accepted")
    for _ in range(2):
        world.invoice(client, "50.00", estimate_id=made["id"])
        world.settle()
    assert world.attention() == []
    assert len(there(world, made["number"])["LinkedTxn"]) == 2


def test_an_invoice_for_another_client_than_its_estimate_is_not_linked_and_says_so(world: World) -> None:
    made = estimate(world, world.client("Bright Harbor"), status="accepted")
    world.settle()
    other = world.client("Harbor Group")
    invoice = world.invoice(other, "100.00", estimate_id=made["id"])
    world.settle()
    (bill,) = all_there(world, "Invoice", invoice["number"])
    assert ("LinkedTxn" in bill and bill["LinkedTxn"]) in (False, [])
    state = world.ravetree.sync_state("invoice", invoice["id"])
    said = f"It is not linked to estimate {made['number']} in QuickBooks, which is another customer's."
    assert (state["state"], state["notices"]) == ("synced", [said])
    world.ravetree.change("estimates", made["id"], {"client_id": other})
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    assert (world.ravetree.sync_state("invoice", invoice["id"])["notices"], world.attention()) == ([], [])
