"""Undoing a mistake: take apart, tie to another, push again; decisions that last, and decisions that are used up."""

from typing import Any

import pytest

from ravebooks.demo.sides import Body
from reconcile.model import Kind, Record, Side
from storage import decisions, steps
from tests.simulation.test_scenarios import codes, ours, payments, plain, remote
from tests.simulation.world import World


def decide(world: World, record: str, decision: str, target: str = "") -> None:
    side, kind, name = record.split(":")
    path = f"/api/connections/{world.connection_id}/records/{side}/{kind}/{name}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim", "target": target})
    world.settle()


def preview(world: World, record: str, decision: str = "", target: str = "") -> Any:
    side, kind, name = record.split(":")
    path = f"/api/connections/{world.connection_id}/records/{side}/{kind}/{name}/preview"
    return world.api("GET", f"{path}?decision={decision}&target={target}").get_json()


def delete_there(world: World, invoice: Body) -> None:
    found = remote(world, invoice)
    world.quickbooks.write("invoice?operation=delete", {"Id": found["Id"], "SyncToken": found["SyncToken"]})
    world.settle()


def there_too(world: World, invoice: Body, number: str, amount: float = 100) -> Body:
    """A bookkeeper types the invoice in QuickBooks too, for the customer of `invoice`."""
    bill = remote(world, invoice)
    line = plain({name: value for name, value in bill["Line"][0].items() if name != "Id"}) | {"Amount": amount}
    line["SalesItemLineDetail"] |= {"Qty": 1, "UnitPrice": amount}
    body = {"CustomerRef": bill["CustomerRef"], "DocNumber": number, "TxnDate": "2026-11-20", "Line": [line]}
    return world.quickbooks.write("invoice", plain(body))


# --- decisions that are used up ------------------------------------------------------------------


def test_a_push_that_had_nothing_to_do_does_not_write_a_deleted_invoice_again_later(world: World, paired: Body) -> None:
    decide(world, f"ravetree:invoice:{paired['id']}", "push")
    delete_there(world, paired)
    assert codes(world) == ["deleted_in_quickbooks"]


def test_two_decisions_on_one_payment_under_its_two_names_are_one_the_later(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "30.00"}, "mine")
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    for row in world.attention():
        decide(world, f"{row['side']}:payment:{row['id']}", "two")
    theirs = next(row for row in payments(world) if row["PaymentRefNum"] == "theirs")
    mine = next(row for row in world.ravetree.every("payments") if row["reference"] == "theirs")
    world.ravetree.change("payments", mine["id"], {"reference": "OURS"})
    named = {name: theirs[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "THEIRS"})
    world.settle()
    (row,) = world.attention()
    decide(world, f"{row['side']}:payment:{row['id']}", "ravetree")
    assert codes(world) == []
    assert "OURS" in [row["PaymentRefNum"] for row in payments(world)]


# --- payments ------------------------------------------------------------------------------------


def test_payments_that_are_taken_apart_stay_apart_and_are_not_copied(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "30.00"}, "CHK 1")
    world.settle()
    (mine,), (theirs,) = world.ravetree.every("payments"), payments(world)
    decide(world, f"ravetree:payment:{mine['id']}", "unlink")
    world.ravetree.change("payments", mine["id"], {"reference": "OURS"})
    named = {name: theirs[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "THEIRS"})
    world.settle()
    assert [row["reference"] for row in world.ravetree.every("payments")] == ["OURS"]
    assert [row["PaymentRefNum"] for row in payments(world)] == ["THEIRS"]
    assert preview(world, f"ravetree:payment:{mine['id']}")["outcome"] == "nothing"
    decide(world, f"ravetree:payment:{mine['id']}", "link", theirs["Id"])
    world.ravetree.change("payments", mine["id"], {"reference": "AGAIN"})
    world.settle()
    assert [row["PaymentRefNum"] for row in payments(world)] == ["AGAIN"]
    assert codes(world) == []


def test_the_same_receipt_on_both_sides_is_made_one(world: World, paired: Body) -> None:
    mine = world.receive({paired["id"]: "30.00"}, "mine")
    theirs = world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    assert preview(world, f"ravetree:payment:{mine['id']}", "link", theirs["Id"])["outcome"] == "update"
    decide(world, f"ravetree:payment:{mine['id']}", "link", theirs["Id"])
    assert (len(world.ravetree.every("payments")), len(payments(world))) == (1, 1)
    assert codes(world) == []
    assert float(ours(world, paired)["balance"]) == float(remote(world, paired)["Balance"]) == 70


# --- documents -----------------------------------------------------------------------------------


def test_an_invoice_that_is_tied_to_another_one_brings_that_ones_payments(world: World, paired: Body) -> None:
    other = there_too(world, paired, "X-1")
    world.quickbooks.pay({"X-1": "60.00"}, "2026-11-21", "CHK 1")
    world.settle()
    delete_there(world, paired)
    assert world.ravetree.every("payments") == []
    decide(world, f"ravetree:invoice:{paired['id']}", "link", other["Id"])
    assert [row["amount"] for row in world.ravetree.every("payments")] == ["60.00"]
    assert codes(world) == []


def test_an_invoice_is_not_tied_to_a_void_one(world: World, paired: Body) -> None:
    other = there_too(world, paired, "X-1")
    world.quickbooks.write("invoice?operation=void", {"Id": other["Id"], "SyncToken": other["SyncToken"]})
    decide(world, f"ravetree:invoice:{paired['id']}", "link", other["Id"])
    assert codes(world) == ["link_not_possible"]
    assert ours(world, paired)["status"] != "void"


def test_what_was_taken_apart_is_previewed_as_it_is_run(world: World, paired: Body) -> None:
    name = f"ravetree:invoice:{paired['id']}"
    decide(world, name, "unlink")
    shown = preview(world, name)
    assert (shown["outcome"], shown["steps"]) == ("nothing", [])
    world.receive({paired["id"]: "10.00"}, "CHK 1")
    world.settle()
    assert payments(world) == []
    assert world.connection()["work"]["waiting"] == 0


def test_a_push_of_an_invoice_deleted_in_quickbooks_is_previewed_as_a_new_one(world: World, paired: Body) -> None:
    delete_there(world, paired)
    assert preview(world, f"ravetree:invoice:{paired['id']}", "push")["outcome"] == "create"


# --- clients -------------------------------------------------------------------------------------


def customers(world: World) -> dict[str, Body]:
    return {row["DisplayName"]: row for row in world.quickbooks.query("select * from Customer")}


def test_a_client_that_was_taken_apart_is_not_tied_to_the_same_customer_again_by_its_name(
    world: World, paired: Body
) -> None:
    name = f"ravetree:contact:{paired['client_id']}"
    decide(world, name, "unlink")
    second = world.invoice(paired["client_id"], "50.00")
    world.settle()
    assert world.quickbooks.invoice(second["number"]) is None
    assert codes(world) == ["contact_unlinked"]
    other = world.quickbooks.write("customer", {"DisplayName": "Other"})
    decide(world, name, "link", other["Id"])
    assert codes(world) == []
    assert remote(world, second)["CustomerRef"]["value"] == other["Id"]


def test_a_link_to_a_customer_that_is_not_there_ties_nothing(world: World, paired: Body) -> None:
    decide(world, f"ravetree:contact:{paired['client_id']}", "unlink")
    second = world.invoice(paired["client_id"], "50.00")
    decide(world, f"ravetree:contact:{paired['client_id']}", "link", "99999")
    assert world.quickbooks.invoice(second["number"]) is None
    assert "customer_gone" in codes(world)


def test_a_preview_carries_nothing_out(world: World, paired: Body) -> None:
    name = f"ravetree:contact:{paired['client_id']}"
    path = f"/api/connections/{world.connection_id}/records/ravetree/contact/{paired['client_id']}/decision"
    world.api("POST", path, {"decision": "unlink", "by": "Kim"})
    preview(world, name)
    world.settle()
    second = world.invoice(paired["client_id"], "50.00")
    world.settle()
    assert world.quickbooks.invoice(second["number"]) is None


@pytest.mark.parametrize("decision", ["link", "unlink"])
def test_a_linked_customer_that_is_decided_on_does_not_push_its_client(
    world: World, paired: Body, decision: str
) -> None:
    row = customers(world)["Northwind Galleries"]
    edit = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True, "PrimaryEmailAddr": {"Address": "a@b.co"}}
    world.quickbooks.write("customer", edit)
    decide(world, f"quickbooks:contact:{row['Id']}", decision, paired["client_id"] if decision == "link" else "")
    assert customers(world)["Northwind Galleries"]["PrimaryEmailAddr"]["Address"] == "a@b.co"


def test_a_record_that_is_nowhere_is_not_said_to_agree(world: World) -> None:
    """One whose button was pressed in Ravetree, and that is gone when it is looked at."""
    nowhere = Record(Side.RAVETREE, Kind.INVOICE, "inv_nowhere")
    with world.parts.database.transaction() as session:
        decisions.request_sync(session, world.connection_id, nowhere, world.clock.now())
    world.settle()
    with world.parts.database.transaction() as session:
        said = steps.last(session, world.connection_id, [nowhere])
    assert said is not None
    assert said.what == "ignored"


def test_a_placeholder_is_known_again_when_its_invoice_is_tied_again(world: World, paired: Body) -> None:
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    bill = remote(world, paired)
    assert bill["Balance"] == 0
    decide(world, f"ravetree:invoice:{paired['id']}", "unlink")
    decide(world, f"ravetree:invoice:{paired['id']}", "link", bill["Id"])
    world.ravetree.change("invoices", paired["id"], {"status": "sent"})
    world.settle()
    assert (codes(world), payments(world)) == ([], [])
    assert remote(world, paired)["Balance"] == 100


def test_what_is_written_for_a_second_currency_uses_the_customer_that_has_its_name_already(world: World) -> None:
    client = world.client("Bright Harbor")
    world.invoice(client, "10.00")
    world.settle()
    made = world.quickbooks.write("customer", {"DisplayName": "Bright Harbor (EUR)", "CurrencyRef": {"value": "EUR"}})
    invoice = world.invoice(client, "20.00", currency="EUR")
    world.settle()
    assert codes(world) == []
    assert remote(world, invoice)["CustomerRef"]["value"] == made["Id"]
