"""A read that QuickBooks refuses stops what it is about, not the company's books."""

import pytest

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import codes, order, remote
from tests.simulation.world import World


def test_change_data_capture_that_is_refused_stops_nothing_else(world: World, paired: Body) -> None:
    order(world, "cdc", "fault:2010", 1000)
    world.clock.advance(2 * 86400)
    invoice = world.invoice(world.client("Harbour Theatre"), "70.00")
    for letter in world.collect():
        world.deliver(letter)
    for _ in range(10):
        world.work()
        world.clock.advance(1)
    assert remote(world, invoice)["TotalAmt"] == 70


@pytest.mark.usefixtures("paired")
def test_a_record_whose_read_is_refused_is_parked(world: World) -> None:
    order(world, "query", "fault:2010", 4)
    customer = "11"
    world.quickbooks.write("payment", {"CustomerRef": {"value": customer}, "TotalAmt": 5, "TxnDate": "2026-11-21"})
    for letter in world.collect():
        world.deliver(letter)
    for _ in range(10):
        world.work()
        world.clock.advance(1)
    assert codes(world) == ["wrong_request"]
