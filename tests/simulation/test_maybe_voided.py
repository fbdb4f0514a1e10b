"""An invoice of nothing with a note that begins "Voided": QuickBooks has no other sign of a void."""

from typing import Any

import pytest

from tests.simulation.world import World


def decide(world: World, invoice: dict[str, Any], decision: str) -> None:
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim"})
    world.settle()


def there(world: World, invoice: dict[str, Any]) -> dict[str, Any]:
    rows = world.quickbooks.query("select * from Invoice")
    (found,) = [row for row in rows if row["DocNumber"] == invoice["number"]]
    return found


def noted(world: World, *prices: str, note: str = "Voided the pledge of May") -> dict[str, Any]:
    """An invoice in both books, into which a bookkeeper types a note."""
    invoice = world.invoice(world.client("Bright Harbor"), *prices)
    world.settle()
    copy = there(world, invoice)
    body = {"Id": copy["Id"], "SyncToken": copy["SyncToken"], "sparse": True, "PrivateNote": note}
    world.quickbooks.write("invoice", body)
    world.settle()
    return invoice


def status(world: World, invoice: dict[str, Any]) -> str:
    return str(world.ravetree.get("invoices", invoice["id"])["status"])


def test_a_note_alone_asks_and_is_no_void(world: World) -> None:
    invoice = noted(world, "0.00")
    assert [row["code"] for row in world.attention()] == ["maybe_voided"]
    decide(world, invoice, "leave")
    assert (world.attention(), status(world, invoice) == "void") == ([], False)
    world.ravetree.change("invoices", invoice["id"], {"memo": "Thank you"})
    world.settle()
    assert there(world, invoice)["CustomerMemo"]["value"] == "Thank you"
    assert (world.attention(), status(world, invoice) == "void") == ([], False)


def test_a_person_says_that_it_is_void(world: World) -> None:
    invoice = noted(world, "0.00")
    decide(world, invoice, "quickbooks")
    assert (world.attention(), status(world, invoice)) == ([], "void")


@pytest.mark.parametrize("prices", [("0.00",), ("100.00",)])
def test_a_void_of_quickbooks_own_asks_nothing(world: World, prices: tuple[str, ...]) -> None:
    invoice = world.invoice(world.client("Bright Harbor"), *prices)
    world.settle()
    copy = there(world, invoice)
    world.quickbooks.write("invoice?operation=void", {"Id": copy["Id"], "SyncToken": copy["SyncToken"]})
    world.settle()
    assert (world.attention(), status(world, invoice)) == ([], "void")


def test_an_invoice_of_something_whose_discount_takes_all_is_not_void(world: World) -> None:
    invoice = noted(world, "100.00", "-100.00")
    assert (world.attention(), status(world, invoice) == "void") == ([], False)
