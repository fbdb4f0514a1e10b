"""Writes whose answer was lost: looked up once the key may be forgotten."""

from typing import Any

import pytest

from clients.errors import Failed, OutcomeUnknown
from clients.quickbooks.faults import BusinessRule, DuplicateNumber
from reconcile.model import Kind
from tests.unit.sync.world import World, ours

PAST_THE_HORIZON = 3700


@pytest.mark.parametrize("after", [True, False])
def test_an_invoice_is_looked_up_by_its_number(world: World, after: bool) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=after)
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    world.after(PAST_THE_HORIZON)
    assert world.pairs("invoice").keys() == {invoice["id"]}
    assert len(world.quickbooks.every("Invoice")) == 1
    assert world.written("abandoned") == ["invoice.create"] * (not after)
    assert len(world.quickbooks.calls.names("write")) == 1 + (not after)


def test_another_document_with_that_number_is_not_ours(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"))
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    line = {"DetailType": "SalesItemLineDetail", "Amount": 99, "SalesItemLineDetail": {"ItemRef": {"value": "2"}}}
    body = {"CustomerRef": {"value": "3"}, "TxnDate": "2026-11-20", "DocNumber": invoice["number"], "Line": [line]}
    world.quickbooks.save("Invoice", body)
    world.miss()
    world.after(PAST_THE_HORIZON)
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "duplicate_number"
    assert world.pairs("invoice") == {}


@pytest.mark.parametrize("after", [True, False])
def test_a_customer_is_looked_up_by_its_name(world: World, after: bool) -> None:
    client = world.client("Quartz")
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=after)
    world.invoice(client, "10.00")
    world.hear()
    world.work()
    world.after(PAST_THE_HORIZON)
    assert [raw["DisplayName"] for raw in world.quickbooks.every("Customer")].count("Quartz") == 1
    assert client in world.pairs("contact")
    assert len(world.quickbooks.every("Invoice")) == 1


@pytest.mark.parametrize("after", [True, False])
def test_a_payment_is_looked_up_by_its_note(world: World, after: bool) -> None:
    invoice, _ = world.paired()
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=after)
    payment = world.receive({invoice["id"]: "40.00"})
    world.hear()
    world.work()
    world.after(PAST_THE_HORIZON)
    assert world.pairs("payment").keys() == {payment["id"]}
    assert len(world.quickbooks.every("Payment")) == 1


def test_an_update_that_is_past_the_hour_is_planned_anew(world: World) -> None:
    invoice, _ = world.paired()
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=True)
    world.ravetree.change("invoices", invoice["id"], {"memo": "New"})
    world.hear()
    world.work()
    world.after(PAST_THE_HORIZON)
    assert world.written("abandoned") == ["invoice.update"]
    assert world.quickbooks.numbered(invoice["number"])["CustomerMemo"] == {"value": "New"}
    assert (world.codes(), world.pending()) == ({}, [])


def test_a_refusal_of_what_is_sent_again_does_not_say_that_it_never_happened(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=True)
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    world.quickbooks.calls.fail("write", DuplicateNumber("its number is taken in QuickBooks", code="6140"))
    world.after(400)
    assert world.pairs("invoice").keys() == {invoice["id"]}
    assert world.written() == ["invoice.create"]
    assert world.codes() == {}


def test_one_that_fails_again_and_again_holds_up_no_other(world: World) -> None:
    invoice = world.invoice(world.client(), "10.00")
    world.quickbooks.calls.fail("write", Failed("QuickBooks failed"), times=3, about="invoice")
    world.hear()
    world.work()
    world.clock.advance(200)
    world.work()
    other = world.estimate(world.aster(), "7.00")
    world.clock.advance(400)
    world.hear()
    world.work()
    assert world.pairs("estimate").keys() == {other["id"]}
    world.after(1200)
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_what_nobody_expected_of_a_look_up_is_put_aside(world: World) -> None:
    world.defects_expected = True
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=True)
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    world.clock.advance(PAST_THE_HORIZON)
    world.quickbooks.calls.fail("query", ValueError("no such answer"), about="Invoice")
    world.work()
    (row,) = world.operations()
    assert (row.state, "unexpected: ValueError" in row.error) == ("journalled", True)
    world.after(1000)
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_a_look_up_that_is_refused_comes_again_later(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), after=True)
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    world.clock.advance(PAST_THE_HORIZON)
    world.quickbooks.calls.fail("query", BusinessRule("not now"), about="Invoice")
    world.work()
    (row,) = world.operations()
    assert row.state == "journalled"
    world.after(1000)
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_meanwhile_the_record_waits_and_a_person_is_told_after_an_hour(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"), times=30)
    invoice = world.invoice(world.client(), "10.00")
    world.hear()
    world.work()
    record, told = ours(Kind.INVOICE, invoice), []
    for _ in range(8):
        world.clock.advance(700)
        world.look_at(record)
        world.work()
        told.append(world.ravetree.states.get(("invoice", invoice["id"]), {}).get("state"))
    assert "needs_attention" in told
    found: Any = world.state(record)
    assert "tries to write it since" in found["message"]
