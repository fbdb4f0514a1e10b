"""Taking what is due, and reading what QuickBooks' hints ask for."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from clients.errors import NotSent, OutcomeUnknown, Refused, Throttled
from reconcile.model import Kind
from storage import duties, reads
from sync.duties import CHANGES
from sync.lease import Timings
from sync.metering import ReadMeter
from sync.reading import BATCH
from tests.unit.storing import CONNECTION
from tests.unit.sync.place import Place
from tests.unit.sync.world import TIMINGS, World, ours, theirs


def reads_of(world: World) -> list[str]:
    return world.quickbooks.calls.names("query", "changes", "get")


def two_payments(world: World) -> list[Any]:
    """Payments that a bookkeeper has received on two invoices."""
    made = [world.paired(amount)[1] for amount in ("50.00", "60.00")]
    return [world.pay({there["Id"]: "5"}) for there in made]


def test_an_echo_of_our_own_write_asks_for_no_read(world: World) -> None:
    world.paired()
    before = reads_of(world)
    world.settle()
    assert reads_of(world) == before
    with world.database.reading() as session:
        confirm = duties.planned(session, CONNECTION)["cdc"]
    assert confirm <= world.clock.now() + timedelta(seconds=TIMINGS.echo_confirm)


def test_a_burst_of_one_kind_shares_a_read(world: World) -> None:
    two_payments(world)
    before = len(reads_of(world))
    world.hear()
    world.work()
    assert len(world.ravetree.every("payments")) == 2
    assert len(reads_of(world)) - before <= 2


def pay_often(world: World) -> Any:
    """A burst: more payments on an invoice than are taken at a time. Returns the last."""
    _, made = world.paired("500.00")
    return [world.pay({made["Id"]: "5"}) for _ in range(BATCH + 10)][-1]


def test_a_burst_that_is_over_is_read_once(world: World) -> None:
    """What waits behind the first batch was told by the look that was made for it."""
    pay_often(world)
    world.clock.advance(10)
    before = len(reads_of(world))
    world.hear()
    world.work()
    assert len(world.ravetree.every("payments")) == BATCH + 10
    assert len(reads_of(world)) - before == 1


def test_a_burst_that_has_no_room_in_one_answer_is_read_page_by_page(world: World) -> None:
    pay_often(world)
    world.quickbooks.most_changes = BATCH
    world.clock.advance(10)
    before = len(reads_of(world))
    world.hear()
    world.work()
    assert len(world.ravetree.every("payments")) == BATCH + 10
    # The look, and a page of each kind.
    assert len(reads_of(world)) - before == 3


def test_what_changes_in_the_second_in_which_it_was_told_is_read_again(world: World) -> None:
    """Both events have one time, and the second one comes when the first has been read and copied."""
    last = pay_often(world)
    second = world.clock.now()
    world.hear()
    world.work()
    assert len(world.ravetree.every("payments")) == BATCH + 10
    assert world.clock.now().replace(microsecond=0) == second.replace(microsecond=0)
    world.quickbooks.save("Payment", {"Id": last["Id"], "PaymentRefNum": "CHK 2"})
    world.clock.advance(10)
    world.hear()
    world.work()
    assert "CHK 2" in [row["reference"] for row in world.ravetree.every("payments")]


def test_an_event_behind_what_was_told_is_read(world: World) -> None:
    """QuickBooks' answer is older than the event says, whenever it was told."""
    last = pay_often(world)
    world.clock.advance(10)
    world.hear()
    world.work()
    row = world.quickbooks.row("Payment", last["Id"])
    updated = row["MetaData"]["LastUpdatedTime"]
    world.clock.advance(5)
    world.quickbooks.save("Payment", {"Id": last["Id"], "PaymentRefNum": "CHK 2"})
    shown = world.quickbooks.row("Payment", last["Id"])
    before = copy.deepcopy(shown)
    shown.pop("PaymentRefNum")
    shown |= {"SyncToken": row["SyncToken"]}
    shown["MetaData"]["LastUpdatedTime"] = updated
    world.clock.advance(5)
    world.plan(CHANGES)
    world.work()
    world.quickbooks.show("Payment", before)
    world.hear()
    world.work()
    assert "CHK 2" in [row["reference"] for row in world.ravetree.every("payments")]


def test_what_comes_within_the_window_shares_the_next_read(place: Place) -> None:
    place.clear()
    world = World(place, Timings(**(vars(TIMINGS) | {"read_window": 30.0})))
    _, made = world.paired()
    world.clock.advance(40)
    first = world.pay({made["Id"]: "5"})
    world.hear()
    world.work()
    assert len(world.pairs("payment")) == 1
    second = world.pay({made["Id"]: "6"})
    world.clock.advance(5)
    world.hear()
    world.work()
    assert [row.cause for row in world.pending() if row.record_id == second["Id"]] == ["shares the next read"]
    world.clock.advance(30)
    world.settle()
    assert set(world.pairs("payment").values()) == {first["Id"], second["Id"]}


def test_one_that_cannot_be_read_takes_no_other_with_it(world: World) -> None:
    first, second = two_payments(world)
    world.hear()
    world.quickbooks.calls.fail("query", Refused("not this one"), about="Payment")
    world.quickbooks.calls.fail("changes", Refused("not these"))
    world.quickbooks.calls.fail("query", Refused("not this one"), about="Payment")
    world.work()
    world.settle()
    assert set(world.pairs("payment").values()) | {row.record_id for row in world.pending()} >= {
        first["Id"],
        second["Id"],
    }
    assert len(world.pairs("payment")) >= 1


@pytest.mark.parametrize(
    "error", [NotSent("nobody is there"), OutcomeUnknown("no answer"), Throttled("too many", wait_seconds=20)]
)
def test_while_quickbooks_is_away_nothing_is_lost(world: World, error: Exception) -> None:
    two_payments(world)
    world.hear()
    for name in ("query", "changes"):
        world.quickbooks.calls.fail(name, error)
    world.work()
    assert all(row.due_at > world.clock.now() for row in world.pending() if row.state == "due")
    world.quickbooks.calls.heal()
    world.after(90)
    assert len(world.ravetree.every("payments")) == 2
    assert world.codes() == {}


def test_one_that_is_not_there_yet_is_read_again_later(world: World) -> None:
    _, made = world.paired()
    there = world.pay({made["Id"]: "5"})
    world.hear()
    row = world.quickbooks.hide("Payment", there["Id"])
    world.work()
    assert "QuickBooks does not give it yet" in [row.cause for row in world.pending()]
    world.quickbooks.show("Payment", row)
    world.after(30)
    assert list(world.pairs("payment").values()) == [there["Id"]]


@pytest.mark.parametrize("deleted", [True, False])
def test_one_that_never_comes_is_given_up(world: World, deleted: bool) -> None:
    world.quickbooks.tell("Payment", "404", "deleted" if deleted else "created")
    world.hear()
    for _ in range(1 if deleted else 14):
        world.work()
        world.clock.advance(7200)
    assert world.pending() == []
    assert world.codes() == {}


def test_each_read_is_counted_with_its_cause(world: World) -> None:
    meter = ReadMeter(world.database, world.clock, CONNECTION)
    world.set(reads_budget=10)
    for _ in range(9):
        meter("events")
    with world.database.reading() as session:
        usage = reads.usage(session, CONNECTION, reads.month_of(world.clock.now()))
    assert usage.total_reads == 9
    assert usage.warning


def test_what_was_read_for_says_why(world: World) -> None:
    two_payments(world)
    world.settle()
    assert {"events", "customer lookup"} <= set(world.quickbooks.causes)


def test_a_switched_on_kind_is_judged_as_it_is_now(world: World) -> None:
    world.set(estimates_since=None)
    estimate = world.estimate(world.client(), "5.00")
    world.settle()
    assert world.quickbooks.every("Estimate") == []
    world.set(estimates_since=world.clock.now() - timedelta(days=2))
    world.look_at(ours(Kind.ESTIMATE, estimate))
    world.settle()
    assert theirs(Kind.ESTIMATE, world.quickbooks.every("Estimate")[0]).id in world.pairs("estimate").values()
