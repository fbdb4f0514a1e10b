"""A write is journalled before it is sent, and settled by its answer."""

from datetime import timedelta

import pytest

from clients.errors import Failed, NotAuthorised, NotSent, OutcomeUnknown, Throttled
from clients.quickbooks.faults import AccessRevoked, BooksClosed
from clients.ravetree.account import NotAllowed
from reconcile.model import Kind
from schemas import strict_json
from storage import brakes, leases
from storage.models import Lease
from sync.lease import Claims
from tests.unit.fakes.calls import Call
from tests.unit.storing import CONNECTION
from tests.unit.sync.world import World, ours


def test_it_is_in_the_journal_before_it_is_sent(world: World) -> None:
    found: list[str] = []

    def look(call: Call) -> None:
        if call.name == "write":
            (row,) = [row for row in world.operations() if row.key == call.key]
            found.append(row.state)
            assert (row.path, strict_json.loads(row.body)) == (call.target, call.sent)

    world.quickbooks.calls.meanwhile = look
    world.paired()
    assert found == ["journalled"]
    assert world.written() == ["invoice.create"]


def test_a_refusal_is_stored_and_parks_the_record(world: World) -> None:
    world.quickbooks.calls.fail("write", BooksClosed("its date lies in a closed period", code="6210"))
    invoice = world.invoice(world.client(), "10.00")
    world.settle()
    row = world.attention(ours(Kind.INVOICE, invoice))
    assert (row.state, row.code) == ("parked", "books_closed")
    (operation,) = world.operations()
    assert (operation.state, operation.error) == ("refused", "6210 its date lies in a closed period")
    world.retry(ours(Kind.INVOICE, invoice))
    world.settle()
    assert (world.codes(), world.written()) == ({}, ["invoice.create"])


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("no answer"),
        Failed("QuickBooks failed"),
        NotSent("nobody is there"),
        Throttled("too many", wait_seconds=30),
    ],
)
def test_one_without_an_answer_blocks_its_record_until_it_has_one(world: World, error: Exception) -> None:
    world.quickbooks.calls.fail("write", error)
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    assert world.written("journalled") == ["invoice.create"]
    assert world.pairs("invoice") == {}
    world.after(400)
    first, second = [call for call in world.quickbooks.calls.every if call.name == "write"]
    assert (first.key, first.sent) == (second.key, second.sent)
    assert world.pairs("invoice").keys() == {invoice["id"]}
    assert (world.written(), world.pending()) == (["invoice.create"], [])


def test_what_was_lost_after_the_write_is_not_written_twice(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=True)
    invoice = world.invoice(world.client(), "10.00")
    world.settle()
    world.after(400)
    assert len(world.quickbooks.every("Invoice")) == 1
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_what_ravetree_keeps_from_us_now_may_have_been_written_before(world: World) -> None:
    """A refusal of the repetition says nothing of the first try."""
    _, made = world.paired("100.00")
    world.ravetree.calls.fail("write", OutcomeUnknown("no answer"), after=True)
    world.pay({made["Id"]: "40"})
    world.hear()
    world.work()
    world.ravetree.calls.fail("write", NotAllowed("Ravetree allows the token nothing with payments"))
    world.after(200)
    assert world.written("journalled") == ["payment.create"]
    world.after(2000)
    assert (world.written("journalled"), len(world.ravetree.every("payments"))) == ([], 1)
    assert len(world.pairs("payment")) == 1


def test_it_is_sent_again_later_each_time(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), times=3)
    world.invoice(world.client(), "10.00")
    world.hear()
    waits = []
    for _ in range(3):
        world.work()
        (row,) = world.operations()
        assert row.retry_at is not None
        waits.append((row.retry_at - world.clock.now()).total_seconds())
        world.clock.advance(waits[-1])
    assert waits == [150, 300, 600]


def test_somebody_who_is_not_let_in_pauses_the_connection(world: World) -> None:
    world.quickbooks.calls.fail("write", AccessRevoked("QuickBooks no longer lets Ravebooks in"))
    world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    connection = world.connection()
    assert (connection.state, connection.pause_cause[:10]) == ("paused", "QuickBooks")
    assert world.written("journalled") == ["invoice.create"]
    assert issubclass(AccessRevoked, NotAuthorised)


def test_while_all_is_stopped_nothing_is_sent(world: World) -> None:
    world.invoice(world.client(), "10.00")
    world.hear()
    with world.database.transaction() as session:
        brakes.pull(session, "the month is closed", "eva", world.clock.now())
    world.work()
    assert world.quickbooks.calls.names("write") == []
    with world.database.transaction() as session:
        brakes.release(session)
    world.settle()
    assert world.written() == ["invoice.create"]


def test_too_many_removals_are_held(world: World) -> None:
    world.set(removals_limit=1)
    made = [world.invoice(world.aster(), "10.00") for _ in range(2)]
    world.settle()
    for invoice in made:
        world.ravetree.change("invoices", invoice["id"], {"status": "void"})
    world.settle()
    assert list(world.codes().values()) == ["too_many_removals"]
    assert world.written().count("invoice.void") == 1


def test_nothing_is_journalled_under_a_lease_that_somebody_else_took(world: World) -> None:
    world.invoice(world.client(), "10.00")
    world.hear()
    taken: list[bool] = []

    def take(call: Call) -> None:
        if call.target.startswith("invoice") and not taken:
            taken.append(True)
            world.clock.advance(world.timings.lease - 5)
            with world.database.transaction() as session:
                row = session.get(Lease, (CONNECTION, leases.WORK))
                assert row is not None
                row.owner, row.fence = "somebody", row.fence + 1
                row.expires_at = world.clock.now() + timedelta(seconds=60)

    world.ravetree.calls.meanwhile = take
    world.work()
    assert taken
    assert world.operations() == []


def test_a_connection_has_one_worker_here(world: World) -> None:
    claims = Claims("tests")
    with claims.claim(CONNECTION) as first, claims.claim(CONNECTION) as second:
        assert (first, second) == (True, False)


def test_ravetrees_answer_that_our_reference_is_taken_is_the_record_that_we_made(world: World) -> None:
    """The answer to the first try was lost, and its key forgotten."""
    invoice, made = world.paired()
    there = world.pay({made["Id"]: "40"})
    world.ravetree.create(
        "payments",
        {
            "client_id": invoice["client_id"],
            "amount": "40.00",
            "date": "2026-11-21",
            "allocations": [{"invoice_id": invoice["id"], "amount": "40.00"}],
            "origin": "quickbooks",
            "external_id": f"quickbooks:310687:payment:{there['Id']}",
        },
    )
    world.miss()
    world.look_at(ours(Kind.PAYMENT, world.ravetree.every("payments")[0]))
    world.settle()
    assert len(world.ravetree.every("payments")) == 1
    assert list(world.pairs("payment").values()) == [there["Id"]]
