"""What events did not say is found by looking."""

from datetime import timedelta

import pytest

from clients.errors import Refused
from reconcile.model import Kind
from storage import duties
from sync.duties import CHANGES, EVENTS
from tests.unit.storing import CONNECTION
from tests.unit.sync.world import World, ours, theirs


def look(world: World, *duties_: object) -> None:
    for duty in duties_ or (EVENTS, CHANGES):
        world.plan(duty)  # type: ignore[arg-type]
    world.work()
    world.settle()


def test_change_data_capture_finds_what_no_event_has_said(world: World) -> None:
    invoice, made = world.paired()
    world.clock.advance(10)
    world.pay({made["Id"]: "40"})
    world.miss()
    look(world, CHANGES)
    assert world.ravetree.row("invoices", invoice["id"])["balance"] == "60.00"
    assert world.connection().cdc_watermark >= world.clock.now() - timedelta(minutes=2)


def test_the_log_finds_what_no_webhook_has_said(world: World) -> None:
    invoice = world.invoice(world.client(), "100.00")
    world.miss()
    look(world, EVENTS)
    assert world.pairs("invoice").keys() == {invoice["id"]}
    assert world.connection().events_cursor


def test_a_log_that_is_too_short_is_made_up_for_by_lists(world: World) -> None:
    look(world, EVENTS)
    invoice = world.invoice(world.client(), "100.00")
    world.miss()
    world.ravetree.oldest_event = len(world.ravetree.log)
    look(world, EVENTS)
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_beyond_the_reach_of_change_data_capture_all_is_compared(world: World) -> None:
    invoice, made = world.paired()
    other, gone = world.paired("7.00")
    world.clock.advance(10)
    world.pay({made["Id"]: "40"})
    world.quickbooks.save("Invoice", {"Id": gone["Id"]}, "delete")
    world.miss()
    world.set(cdc_watermark=world.clock.now() - timedelta(days=40))
    look(world, CHANGES)
    assert world.ravetree.row("invoices", invoice["id"])["balance"] == "60.00"
    assert world.attention(ours(Kind.INVOICE, other)).code == "deleted_in_quickbooks"
    assert world.connection().cdc_watermark >= world.clock.now() - timedelta(minutes=2)


def test_a_time_that_cannot_be_moves_no_watermark(world: World) -> None:
    before = world.connection().cdc_watermark
    world.quickbooks.ahead = timedelta(days=3)
    look(world, CHANGES)
    assert world.connection().cdc_watermark == before


def test_a_look_that_fails_is_tried_again_and_holds_up_nothing(world: World) -> None:
    world.quickbooks.calls.fail("changes", Refused("not today"))
    invoice = world.invoice(world.client(), "100.00")
    look(world, CHANGES)
    assert world.pairs("invoice").keys() == {invoice["id"]}
    with world.database.reading() as session:
        again = duties.planned(session, CONNECTION)["cdc"]
    assert again <= world.clock.now() + timedelta(seconds=world.timings.echo_confirm)


def test_an_object_without_an_id_is_said_and_passed_over(world: World) -> None:
    _, made = world.paired()
    world.clock.advance(10)
    world.pay({made["Id"]: "40"})
    world.miss()
    world.quickbooks.show("Payment", world.quickbooks.row("Invoice", made["Id"]) | {"Id": ""})
    look(world, CHANGES)
    assert len(world.pairs("payment")) == 1


# --- after a restore -----------------------------------------------------------------------------


def test_after_a_restore_both_books_are_read_before_anything_is_written(world: World) -> None:
    invoice, _ = world.paired()
    payment = world.receive({invoice["id"]: "40.00"})
    world.settle()
    world.forget_pairs("payment")
    world.forget(*[theirs(Kind.PAYMENT, raw) for raw in world.quickbooks.every("Payment")])
    world.forget_journal()
    world.set(verify_since=world.clock.now())
    world.settle()
    assert world.connection().verify_since is None
    assert world.pairs("payment").keys() == {payment["id"]}
    assert len(world.quickbooks.every("Payment")) == 1


def test_a_payment_of_ours_that_we_never_heard_of_is_the_sign_of_a_restore(world: World) -> None:
    invoice, _ = world.paired()
    world.receive({invoice["id"]: "40.00"})
    world.settle()
    (there,) = world.quickbooks.every("Payment")
    world.forget_pairs("payment")
    world.forget(theirs(Kind.PAYMENT, there))
    world.forget_journal()
    world.plan(CHANGES)
    world.work()
    assert world.connection().verify_since is not None
    world.settle()
    assert (world.connection().verify_since, len(world.pairs("payment"))) == (None, 1)


@pytest.mark.parametrize("side", ["changes", "page"])
def test_what_cannot_be_read_after_a_restore_is_asked_for_otherwise(world: World, side: str) -> None:
    world.paired()
    invoice = world.invoice(world.aster(), "5.00")
    world.miss()
    world.set(verify_since=world.clock.now())
    calls = world.quickbooks.calls if side == "changes" else world.ravetree.calls
    calls.fail(side, Refused("not like that"), about="events" if side == "page" else "")
    world.settle()
    assert world.connection().verify_since is None
    assert invoice["id"] in world.pairs("invoice")
