"""Creations of a back-fill go together, and each is settled by its own answer."""

import pytest

from clients.errors import OutcomeUnknown
from reconcile.model import Kind
from schemas.quickbooks import Body
from tests.unit.sync.records.test_numbers import there_already
from tests.unit.sync.world import World, ours


def old_invoices(world: World, *amounts: str, **fields: str) -> list[Body]:
    """Invoices from before the switch-on that somebody asks for."""
    made = [world.invoice(world.aster(), amount, created_at="2026-01-01T00:00:00.000Z", **fields) for amount in amounts]
    world.miss()
    for invoice in made:
        world.press(ours(Kind.INVOICE, invoice))
    return made


def test_they_share_a_request(world: World) -> None:
    made = old_invoices(world, "1.00", "2.00", "3.00")
    world.settle()
    assert world.quickbooks.calls.names("batch", "write") == ["batch 3"]
    assert world.pairs("invoice").keys() == {invoice["id"] for invoice in made}
    assert world.written() == ["invoice.create"] * 3


def test_one_that_is_refused_takes_no_other_with_it(world: World) -> None:
    first, second, third = old_invoices(world, "1.00", "2.00", "3.00")
    there_already(world, third["number"], 500)
    world.quickbooks.row("Item", "2")
    world.settle()
    assert world.pairs("invoice").keys() == {first["id"], second["id"]}
    assert world.attention(ours(Kind.INVOICE, third)).code == "duplicate_number"


@pytest.mark.parametrize("after", [False, True])
def test_without_an_answer_the_same_bytes_go_again_under_the_same_key(world: World, after: bool) -> None:
    old_invoices(world, "1.00", "2.00")
    world.quickbooks.calls.fail("batch", OutcomeUnknown("no answer"), after=after)
    world.work()
    assert world.written("journalled") == ["invoice.create"] * 2
    world.after(300)
    first, second = [call for call in world.quickbooks.calls.every if call.name == "batch"]
    assert (first.key, first.sent) == (second.key, second.sent)
    assert len(world.quickbooks.every("Invoice")) == 2
    assert world.written() == ["invoice.create"] * 2


def test_past_the_hour_each_is_looked_up(world: World) -> None:
    old_invoices(world, "1.00", "2.00")
    world.quickbooks.calls.fail("batch", OutcomeUnknown("no answer"), after=True)
    world.work()
    world.after(3700)
    assert world.quickbooks.calls.names("batch") == ["batch 2"]
    assert len(world.quickbooks.every("Invoice")) == len(world.pairs("invoice")) == 2
