"""One writer for each connection: who has no lease, or has it no longer, writes nothing."""

import pytest
import sqlalchemy as sa

from ravebooks.demo.sides import Body
from reconcile.actions import Action
from reconcile.model import Kind, Record, Side
from storage import connections, leases
from storage.leases import HeldLease, LeaseLost
from storage.models import Operation
from storage.unit import UnitOfWork
from sync.writes.journal import Journal, Request
from tests.simulation.world import World

SECONDS = 60.0


def take(world: World, owner: str) -> HeldLease:
    """The lease on the connection as another process takes it."""
    with world.parts.database.transaction() as session:
        lease = leases.acquire(world.parts.database, session, world.connection_id, leases.WORK, owner, SECONDS)
    assert lease is not None
    return lease


def test_a_connection_that_another_process_holds_is_left_to_it(world: World) -> None:
    """Nor is it asked for at once again: whoever holds it looks once more before it ends."""
    client = world.client("Northwind Galleries")
    world.settle()
    take(world, "another process")
    invoice = world.invoice(client, "10.00")
    for letter in world.collect():
        world.deliver(letter)
    assert not world.reconciler.work(world.connection_id)
    assert world.quickbooks.invoice(invoice["number"]) is None
    world.clock.advance(SECONDS)
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None


@pytest.mark.parametrize("how", ["one", "batch"])
def test_whoever_lost_the_lease_between_two_looks_at_it_writes_nothing(world: World, paired: Body, how: str) -> None:
    """As a process that was stopped for longer than its lease, and goes on where it was."""
    lost = take(world, "a process that is stopped")
    world.clock.advance(SECONDS)
    take(world, "the next one")
    with world.parts.database.reading() as session:
        neighbours = world.parts.neighbours.of(connections.get(session, world.connection_id))
    unit = UnitOfWork(world.parts.database)
    journal = Journal(unit, world.clock, neighbours, lambda: lost, 150.0)
    contact = Record(Side.RAVETREE, Kind.CONTACT, "con_1")
    request = Request(contact, Side.QUICKBOOKS, Action.CUSTOMER_CREATE, "customer", {"DisplayName": "Twice"})
    with pytest.raises(LeaseLost):
        journal.write(request) if how == "one" else journal.write_batch([request, request])
    unit.commit()
    with world.parts.database.transaction() as session:
        assert session.execute(sa.select(Operation).where(Operation.subject == str(contact))).all() == []
    assert world.quickbooks.query("select * from Customer where DisplayName = 'Twice'") == []
