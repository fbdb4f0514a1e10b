"""What operators see of a system that works, and what it costs those who work."""

from config import telemetry
from tests.simulation.test_console import asked_on_both_sides
from tests.simulation.world import World


def latencies() -> float:
    """How many changes were measured from their webhook to their write."""
    return sum(count for name, count in telemetry.totals().items() if name.startswith(telemetry.LATENCY))


def test_from_webhook_to_write_is_measured_once_a_change_that_wrote(world: World) -> None:
    before = latencies()
    invoice = world.invoice(world.client("Measured"), "10.00")
    world.settle()
    # The invoice and the payment-less echo of it: one change wrote, its customer with it.
    assert latencies() - before == 1
    world.ravetree.change("invoices", invoice["id"], {"memo": "again"})
    world.settle()
    assert latencies() - before == 2


def test_what_a_person_took_their_time_over_is_not_our_latency(world: World) -> None:
    asked = asked_on_both_sides(world)
    before = latencies()
    world.clock.advance(86_400)
    address = f"/api/connections/{world.connection_id}/records/{asked['side']}/{asked['kind']}/{asked['id']}/decision"
    world.api("POST", address, {"decision": "ravetree", "by": "Kim"})
    world.settle()
    assert world.attention() == []
    assert latencies() == before
