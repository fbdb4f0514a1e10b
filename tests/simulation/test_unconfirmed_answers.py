"""Where no source says what QuickBooks does, the sandbox can do either: the books agree both ways."""

from pathlib import Path
from typing import Any

import pytest
from quickbooks_sandbox import SWITCHES

from tests.simulation import test_any_order as morning
from tests.simulation.world import World

ANSWERS: list[dict[str, Any]] = [{name: position} for name, positions in SWITCHES.items() for position in positions[1:]]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: "-".join(map(str, *answer.items())))
def test_a_busy_morning_ends_in_agreement_whatever_quickbooks_answers(answer: dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        world.quickbooks.steer("switches", answer)
        world.quickbooks.write("vendor", {"DisplayName": "Harbour Theatre"})
        for phase in (morning._invoicing, morning._paying, morning._correcting):
            phase(world)
            world.quickbooks.steer("faults", {"endpoint": "payment.*", "kind": "timeout_after", "count": 1})
            world.settle()
            world.quickbooks.session.delete(f"{world.quickbooks.root}/sandbox/faults")
            world.clock.advance(answer.get("readable_after_seconds", 0))  # the bookkeeper reads what was made, too
        world.clock.advance(301)
        world.settle()
        assert world.attention() == []
        assert [row for row in world.compare().differing if not only_unsent(row.differences, answer)] == []
    finally:
        world.close()


def only_unsent(differences: tuple[str, ...], answer: dict[str, Any]) -> bool:
    """Where QuickBooks keeps no EmailStatus that is written to it, it does not show what was sent elsewhere."""
    return "email_status_writable" in answer and all(text.startswith("sent: ") for text in differences)


@pytest.mark.parametrize("position", SWITCHES["unit_price"])
def test_a_price_that_quickbooks_works_out_again_is_nobodys_change(world: World, position: str) -> None:
    world.quickbooks.steer("switches", {"unit_price": position})
    line = {"type": "time", "description": "A third", "quantity": "3", "unit_price": "33.333", "taxable": False}
    invoice = world.invoice(world.client("Bright Harbor"), lines=[line])
    world.settle()
    made = world.quickbooks.invoice(invoice["number"])
    assert made is not None
    price = made["Line"][0]["SalesItemLineDetail"]["UnitPrice"]
    assert str(price) == {"as_sent": "33.333", "recomputed": "33.3333333"}[position]
    world.ravetree.change("invoices", invoice["id"], {"memo": "Thank you"})
    world.settle()
    changed = world.quickbooks.invoice(invoice["number"])
    assert changed is not None
    assert changed["CustomerMemo"] == {"value": "Thank you"}
    assert world.attention() == []
    assert world.compare().differing == []


def test_a_strangers_invoice_of_the_same_number_is_not_taken_for_the_one_whose_answer_was_lost(world: World) -> None:
    client = world.client("Bright Harbor")
    first = world.invoice(client, "10.00")
    world.settle()
    bill = world.quickbooks.invoice(first["number"])
    assert bill is not None
    number = str(int(first["number"]) + 1)
    item = bill["Line"][0]["SalesItemLineDetail"]["ItemRef"]
    line = {"Amount": 77, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": item}}
    world.quickbooks.write("invoice", {"CustomerRef": bill["CustomerRef"], "DocNumber": number, "Line": [line]})
    world.settle()
    world.quickbooks.steer("faults", {"endpoint": "invoice.create", "kind": "timeout_before", "count": 1})
    world.invoice(client, "20.00")
    world.settle()
    assert [row["code"] for row in world.attention()] == ["duplicate_number"]


def test_characters_that_quickbooks_refuses_are_asked_about_and_never_left_out(world: World) -> None:
    world.quickbooks.steer("switches", {"latin1_only": True})
    invoice = world.invoice(world.client("Bright Harbor"), "10.00", memo="Grüße aus 東京")
    world.settle()
    (row,) = world.attention()
    assert (row["id"], row["state"], "characters" in row["cause"]) == (invoice["id"], "parked", True)
    assert world.quickbooks.invoice(invoice["number"]) is None
    world.ravetree.change("invoices", invoice["id"], {"memo": "Grüße aus Tokio"})
    world.settle()
    made = world.quickbooks.invoice(invoice["number"])
    assert made is not None
    assert (made["CustomerMemo"]["value"], world.attention()) == ("Grüße aus Tokio", [])
