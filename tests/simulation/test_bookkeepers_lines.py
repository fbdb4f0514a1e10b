"""What a bookkeeper adds to a form, and what is longer than QuickBooks takes: nothing goes without a word."""

from typing import Any

import pytest

from tests.simulation.world import World

TEXT = {"DetailType": "DescriptionOnly", "Description": "With thanks", "DescriptionLineDetail": {}}


def there(world: World, invoice: dict[str, Any]) -> dict[str, Any]:
    rows = world.quickbooks.query("select * from Invoice")
    (found,) = [row for row in rows if row["DocNumber"] == invoice["number"]]
    return found


def lines(world: World, invoice: dict[str, Any]) -> list[str]:
    """The descriptions of all lines that are somebody's, in their order."""
    kept = [line for line in there(world, invoice)["Line"] if line["DetailType"] != "SubTotalLineDetail"]
    return [str(line.get("Description") or line["DetailType"]) for line in kept]


def made(world: World, *descriptions: str, memo: str = "") -> dict[str, Any]:
    rows = [line(text) for text in descriptions]
    client = world.client("Bright Harbor")
    body = {"client_id": client, "issue_date": "2026-11-20", "currency": "USD", "lines": rows, "memo": memo}
    invoice = world.ravetree.create("invoices", body)
    world.settle()
    return invoice


def line(description: str) -> dict[str, Any]:
    return {"type": "time", "description": description, "quantity": "1", "unit_price": "50.00", "taxable": False}


def add(world: World, invoice: dict[str, Any], place: int, *more: dict[str, Any]) -> None:
    """A bookkeeper puts lines in between."""
    copy = there(world, invoice)
    kept = [one for one in copy["Line"] if "Id" in one]
    body = {
        "Id": copy["Id"],
        "SyncToken": copy["SyncToken"],
        "sparse": True,
        "Line": kept[:place] + list(more) + kept[place:],
    }
    world.quickbooks.write("invoice", body)
    world.settle()


def test_a_text_line_stays_behind_the_line_that_it_stood_behind(world: World) -> None:
    invoice = made(world, "First", "Second")
    add(world, invoice, 1, TEXT)
    ours = world.ravetree.get("invoices", invoice["id"])["lines"]
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew", "lines": [line("Before"), *ours]})
    world.settle()
    assert lines(world, invoice) == ["Before", "First", "With thanks", "Second"]
    assert world.attention() == []


def test_a_text_line_behind_a_line_that_is_removed_goes_last(world: World) -> None:
    invoice = made(world, "First", "Second")
    add(world, invoice, 1, TEXT)
    ours = world.ravetree.get("invoices", invoice["id"])["lines"]
    world.ravetree.change("invoices", invoice["id"], {"lines": ours[1:]})
    world.settle()
    assert lines(world, invoice) == ["Second", "With thanks"]


def test_a_long_description_goes_on_below_and_goes_with_its_line(world: World) -> None:
    long = "".join(chr(ord("a") + place % 26) for place in range(5000))
    invoice = made(world, "First", long)
    add(world, invoice, 1, TEXT)
    assert lines(world, invoice) == ["First", "With thanks", long[:4000], long[4000:]]
    assert world.ravetree.sync_state("invoice", invoice["id"])["notices"] == []
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    assert lines(world, invoice) == ["First", "With thanks", long[:4000], long[4000:]]
    ours = world.ravetree.get("invoices", invoice["id"])["lines"]
    world.ravetree.change("invoices", invoice["id"], {"lines": ours[:1]})
    world.settle()
    assert (lines(world, invoice), world.attention()) == (["First", "With thanks"], [])


@pytest.mark.parametrize(("memo", "kept"), [("m" * 1500, 1000), ("m" * 1001, 1000)])
def test_a_memo_that_is_cut_is_a_notice_for_as_long_as_it_is(world: World, memo: str, kept: int) -> None:
    invoice = made(world, "First", memo=memo)
    said = [f"The memo has {len(memo):,} characters; QuickBooks keeps the first {kept:,}."]
    state = world.ravetree.sync_state("invoice", invoice["id"])
    assert (state["state"], state["message"], state["notices"]) == ("synced", said[0], said)
    assert len(there(world, invoice)["CustomerMemo"]["value"]) == kept
    record = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}"
    assert f"agreed: {said[0]}" in [step["text"] for step in world.api("GET", f"{record}/timeline").get_json()["data"]]
    world.ravetree.change("invoices", invoice["id"], {"due_date": "2026-12-24"})
    world.settle()
    assert world.ravetree.sync_state("invoice", invoice["id"])["notices"] == said
    world.ravetree.change("invoices", invoice["id"], {"memo": "short"})
    world.settle()
    state = world.ravetree.sync_state("invoice", invoice["id"])
    assert (state["state"], state["message"], state["notices"]) == ("synced", None, [])
    assert world.attention() == []


def test_a_question_outranks_a_notice(world: World) -> None:
    invoice = made(world, "First", memo="m" * 1500)
    world.ravetree.change("invoices", invoice["id"], {"lines": []})
    world.settle()
    state = world.ravetree.sync_state("invoice", invoice["id"])
    assert (state["state"], "no lines left" in state["message"]) == ("needs_attention", True)


def test_a_deposit_on_the_form_is_sent_again_as_it_was_read(world: World) -> None:
    invoice = made(world, "First", "Second")
    copy = there(world, invoice)
    named = {"Id": copy["Id"], "SyncToken": copy["SyncToken"], "sparse": True}
    world.quickbooks.write("invoice", named | {"Deposit": 40})
    world.settle()
    assert [row["code"] for row in world.attention()] == ["deposit_on_form"]
    ours = world.ravetree.get("invoices", invoice["id"])["lines"]
    world.ravetree.change("invoices", invoice["id"], {"lines": [*ours, line("Third")]})
    world.settle()
    copy = there(world, invoice)
    assert (copy["Deposit"], copy["TotalAmt"], copy["Balance"]) == (40, 150, 110)


def test_a_due_date_that_quickbooks_has_though_it_was_removed_is_a_notice_and_is_left_alone(world: World) -> None:
    invoice = world.invoice(world.client("Bright Harbor"), "50.00")
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"due_date": None})
    world.settle()
    kept = there(world, invoice)
    said = [f"It is due on {kept['DueDate']} in QuickBooks, which wants a date; Ravetree has none."]
    assert (kept["DueDate"] != "2026-12-20", world.ravetree.sync_state("invoice", invoice["id"])["notices"]) == (
        True,
        said,
    )
    world.clock.advance(86_401)
    world.settle()
    assert (there(world, invoice)["SyncToken"], world.attention()) == (kept["SyncToken"], [])
    world.ravetree.change("invoices", invoice["id"], {"due_date": "2026-12-24"})
    world.settle()
    assert there(world, invoice)["DueDate"] == "2026-12-24"
    assert world.ravetree.sync_state("invoice", invoice["id"])["notices"] == []


def bundle(world: World, price: str) -> dict[str, Any]:
    """A line that is a bundle of two items of this price."""
    income = world.quickbooks.query("select * from Item where Type = 'Service'")[0]["IncomeAccountRef"]
    item = {"Name": "Part", "Type": "Service", "UnitPrice": price, "IncomeAccountRef": income}
    part = world.quickbooks.write("item", item)
    parts = {"ItemGroupLine": [{"ItemRef": {"value": part["Id"]}, "Qty": 2}]}
    group = world.quickbooks.write("item", {"Name": "Welcome pack", "Type": "Group", "ItemGroupDetail": parts})
    return {"DetailType": "GroupLineDetail", "GroupLineDetail": {"GroupItemRef": {"value": group["Id"]}}}


def test_a_bundle_of_no_charge_stays(world: World) -> None:
    invoice = made(world, "First", "Second")
    add(world, invoice, 1, bundle(world, "0"))
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    assert lines(world, invoice) == ["First", "Welcome pack", "Second"]
    copy = there(world, invoice)
    assert (len(copy["Line"][1]["GroupLineDetail"]["Line"]), copy["CustomerMemo"]["value"]) == (1, "anew")
    assert world.attention() == []


def test_a_bundle_with_a_charge_is_asked_about_before_it_is_overwritten(world: World) -> None:
    invoice = made(world, "First")
    add(world, invoice, 1, bundle(world, "10"))
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    assert [row["code"] for row in world.attention()] == ["drift_before_overwrite"]
    assert float(there(world, invoice)["TotalAmt"]) == 70.0
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/decision"
    world.api("POST", path, {"decision": "overwrite", "by": "Kim"})
    world.settle()
    assert (lines(world, invoice), world.attention()) == (["First"], [])
