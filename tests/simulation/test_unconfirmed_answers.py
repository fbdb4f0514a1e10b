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
        world.clock.advance(301)
        world.settle()
        assert world.attention() == []
        assert [row for row in world.compare().differing if not only_unsent(row.differences, answer)] == []
    finally:
        world.close()


def only_unsent(differences: tuple[str, ...], answer: dict[str, Any]) -> bool:
    """Where QuickBooks keeps no EmailStatus that is written to it, it does not show what was sent elsewhere."""
    return "email_status_writable" in answer and all(text.startswith("sent: ") for text in differences)


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
    assert [row["code"] for row in world.attention()] == ["DuplicateNumber"]
