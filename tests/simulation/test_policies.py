"""How a connection behaves: drafts that wait to be sent, deletions that delete, lines that keep their ids."""

from typing import Any

import pytest

from ravebooks.demo.sides import Body
from sync import duties
from tests.simulation.test_scenarios import codes
from tests.simulation.world import World


def settings(world: World, **values: Any) -> None:
    world.api("PUT", f"/api/connections/{world.connection_id}/settings", values)


def bill(world: World, invoice: Body) -> Body:
    found = world.quickbooks.invoice(invoice["number"])
    assert found is not None
    return found


def line_ids(row: Body) -> dict[str, str]:
    lines = [line for line in row["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    return {line["Description"]: line["Id"] for line in lines}


def test_a_draft_waits_until_it_is_sent_where_the_policy_says_so(world: World) -> None:
    settings(world, draft_policy="sent")
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is None
    world.ravetree.change("invoices", invoice["id"], {"status": "sent"})
    world.settle()
    assert bill(world, invoice)["EmailStatus"] == "EmailSent"


def test_a_draft_that_is_asked_for_goes_at_once(world: World) -> None:
    settings(world, draft_policy="sent")
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/sync"
    world.api("POST", path, {"by": "Kim", "wait_seconds": 0})
    world.settle()
    assert bill(world, invoice)["TotalAmt"] == 10


@pytest.mark.parametrize(("policy", "stands"), [("void", True), ("delete", False)])
def test_deleted_in_ravetree_is_void_or_deleted_as_the_policy_says(world: World, policy: str, stands: bool) -> None:
    settings(world, delete_policy=policy)
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    world.ravetree.delete("invoices", invoice["id"])
    world.settle()
    assert (world.quickbooks.invoice(invoice["number"]) is not None) is stands
    assert codes(world) == []


def test_lines_keep_their_ids_when_others_are_added_removed_and_reordered(world: World) -> None:
    invoice = world.invoice(world.client("Bright Harbor"), "10.00", "20.00", "30.00")
    world.settle()
    before = line_ids(bill(world, invoice))
    first, _, third = world.ravetree.get("invoices", invoice["id"])["lines"]
    more = {"type": "other", "description": "More", "quantity": "1", "unit_price": "5.00", "taxable": False}
    world.ravetree.change("invoices", invoice["id"], {"lines": [third, more, first]})
    world.settle()
    after = line_ids(bill(world, invoice))
    assert list(after) == ["Line 2", "More", "Line 0"]
    assert (after["Line 0"], after["Line 2"]) == (before["Line 0"], before["Line 2"])
    assert after["More"] not in before.values()


def test_an_unlinked_invoice_is_left_alone_and_can_be_linked_or_pushed_again(world: World) -> None:
    client = world.client("Bright Harbor")
    invoice, other = world.invoice(client, "10.00"), world.invoice(client, "10.00")
    world.settle()
    theirs = bill(world, invoice)
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}"

    def decide(decision: str, target: str = "") -> None:
        seen = world.api("GET", f"{path}/preview?decision={decision}&target={target}").get_json()
        assert seen["outcome"] in ("unlink", "update", "parked", "nothing")
        world.api("POST", f"{path}/decision", {"decision": decision, "by": "Kim", "target": target})
        world.settle()

    decide("unlink")
    world.ravetree.change("invoices", invoice["id"], {"memo": "edited"})
    world.settle()
    assert "CustomerMemo" not in bill(world, invoice)
    decide("link", bill(world, other)["Id"])
    assert codes(world) == ["link_not_possible"]
    decide("link", theirs["Id"])
    assert codes(world) == []
    assert bill(world, invoice)["CustomerMemo"]["value"] == "edited"
    assert len(world.quickbooks.query("select * from Invoice")) == 2
    assert world.compare().differing == []


def test_reads_are_counted_by_cause_and_the_budget_warns_in_time(world: World) -> None:
    path = f"/api/connections/{world.connection_id}"
    world.settle()
    (before,) = world.api("GET", f"{path}/usage").get_json()["data"]
    world.invoice(world.client("Bright Harbor", email="a@b.example"), "10.00")
    world.settle()
    (after,) = world.api("GET", f"{path}/usage").get_json()["data"]
    assert after["reads"]["customer lookup"] == before["reads"].get("customer lookup", 0) + 2
    assert after["writes"]["invoice.create"] == 1
    assert (after["total_reads"], after["warning"]) == (sum(after["reads"].values()), "")
    settings(world, reads_budget=after["total_reads"])
    assert "is spent" in world.api("GET", f"{path}/usage").get_json()["data"][0]["warning"]
    findings = world.api("POST", f"{path}/preflight").get_json()["findings"]
    assert "reads_budget" in {row["code"] for row in findings}


def test_a_draft_that_is_paid_is_no_draft_any_more(world: World) -> None:
    world.api("PUT", f"/api/connections/{world.connection_id}/settings", {"draft_policy": "sent"})
    client = world.client("Bright Harbor")
    paid, marked, draft = (world.invoice(client, "100.00") for _ in range(3))
    world.settle()
    assert world.quickbooks.query("select * from Invoice") == []
    world.receive({paid["id"]: "40.00"}, "CHK 1")
    world.ravetree.change("invoices", marked["id"], {"marked_paid": True})
    world.settle()
    assert (bill(world, paid)["Balance"], bill(world, marked)["Balance"]) == (60, 0)
    assert world.quickbooks.invoice(draft["number"]) is None


def test_an_invoice_without_lines_goes_with_its_first_one(world: World) -> None:
    client = world.client("Bright Harbor")
    world.invoice(client, "1.00")
    world.settle()
    invoice = world.invoice(client, lines=[])
    world.settle()
    assert (world.quickbooks.invoice(invoice["number"]), codes(world)) == (None, [])
    line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "10.00", "taxable": False}
    world.ravetree.change("invoices", invoice["id"], {"lines": [line]})
    world.settle()
    assert bill(world, invoice)["TotalAmt"] == 10


def test_the_button_goes_through_while_its_kind_is_switched_off(world: World) -> None:
    client = world.client("Bright Harbor")
    path = f"/api/connections/{world.connection_id}"
    world.api("PUT", f"{path}/switches", {"invoices": False})
    invoice = world.invoice(client, "10.00")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is None
    world.api("POST", f"{path}/records/ravetree/invoice/{invoice['id']}/sync", {"by": "Kim", "wait_seconds": 0})
    world.settle()
    assert bill(world, invoice)["TotalAmt"] == 10


def test_switched_off_nothing_moves_and_the_next_switch_on_brings_it(world: World) -> None:
    client = world.client("Bright Harbor")
    invoice = world.invoice(client, "100.00")
    world.settle()
    path = f"/api/connections/{world.connection_id}/switches"
    world.api("PUT", path, {"invoices": False})
    world.ravetree.change("invoices", invoice["id"], {"memo": "meanwhile"})
    world.quickbooks.pay({invoice["number"]: "40.00"}, "2026-11-21", "CHK 1")
    world.receive({invoice["id"]: "30.00"}, "CHK 2")
    born = world.invoice(client, "50.00")
    world.settle()
    assert "CustomerMemo" not in bill(world, invoice)
    assert len(world.ravetree.every("payments")) == len(world.quickbooks.query("select * from Payment")) == 1
    world.clock.advance(60)
    world.api("PUT", path, {"invoices": True})
    world.settle()
    assert bill(world, invoice)["CustomerMemo"]["value"] == "meanwhile"
    assert {row["reference"] for row in world.ravetree.every("payments")} == {"CHK 1", "CHK 2"}
    assert bill(world, invoice)["Balance"] == 30
    # What was made while it was off is older than the switch-on: the button or the back-fill brings it.
    assert world.quickbooks.invoice(born["number"]) is None


def test_what_is_made_right_after_the_switch_on_goes_though_the_slice_began_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/connections/{world.connection_id}/switches"
    world.api("PUT", path, {"invoices": False})
    client = world.client("Bright Harbor")
    world.settle()
    made: list[Body] = []
    carry_out = duties.carry_out

    def meanwhile(books: Any, *given: Any) -> bool:
        carry_out(books, *given)
        books.unit.commit()
        if not made:
            world.api("PUT", path, {"invoices": True})
            made.append(world.invoice(client, "10.00"))
            for letter in world.collect():
                world.deliver(letter)
        return True

    monkeypatch.setattr(duties, "carry_out", meanwhile)
    world.ravetree.change("contacts", client, {"phone": "555-0100"})
    world.settle()
    assert bill(world, made[0])["TotalAmt"] == 10
