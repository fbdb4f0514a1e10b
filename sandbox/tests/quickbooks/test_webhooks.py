"""Webhooks: Intuit's signature, the events of every write, and the schedule of repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.intuit.deliveries import signature
from quickbooks_sandbox.testing import CUSTOMER, World, line, named

URL = "http://receiver.example/webhooks"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.order("webhooks", {"url": URL})
    yield world
    world.close()


def deliver(world: World, seconds: float = 0.5) -> None:
    world.time += seconds
    world.services.webhooks.run_due()


@pytest.mark.parametrize(
    ("token", "body", "expected"),
    [
        (
            "b5771f19b12ddb4bcdb9f08bdc50bc63878a",
            b'{"eventNotifications":[{"realmId":"1185883450","dataChangeEvent":{"entities":[{"name":"Customer",'
            b'"id":"1","operation":"Create","lastUpdated":"2015-10-05T14:42:19-0700"}]}}]}',
            "JC2GUwciPmRBwEO7WvrRmKqu9tGOKL8FFallocTFi8Q=",
        ),
        (
            "00faeec4-08d0-4996-bb37-698ae19f0149",
            b'{"eventNotifications":[{"realmId":"1269959970","dataChangeEvent":{"entities":[{"name":"Vendor",'
            b'"id":"40","operation":"Update","lastUpdated":"2016-10-05T03:09:04.000Z"},{"name":"Customer",'
            b'"id":"43","operation":"Create","lastUpdated":"2016-10-05T03:07:04.000Z"}]}}]}',
            "6q+xGyMirJupwKTh2/WBl2NcdxzxqdIbk3sneKTxLWM=",
        ),
    ],
)
def test_the_signature_is_intuits(token: str, body: bytes, expected: str) -> None:
    assert signature(token, body) == expected


def test_an_event_is_a_hint_in_cloudevents_form(world: World) -> None:
    invoice = world.invoice(10)
    deliver(world)
    [body] = world.receiver.bodies
    [event] = decode(body)
    assert set(event) == {
        "specversion", "id", "source", "type", "datacontenttype", "time", "intuitentityid", "intuitaccountid",
        "data",
    }  # fmt: skip
    assert event["type"] == "qbo.invoice.created.v1"
    assert (event["intuitentityid"], event["intuitaccountid"]) == (
        invoice["Id"],
        world.credentials["realm_id"],
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", event["time"])
    assert event["data"] == {}
    headers = world.receiver.headers[0]
    assert headers["intuit-signature"] == signature(world.credentials["verifier_token"], body)


def test_a_payment_also_tells_of_its_invoices_and_an_invoice_of_its_estimate(world: World) -> None:
    estimate = world.save("Estimate", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]})
    invoice = world.invoice(10, LinkedTxn=[{"TxnId": estimate["Id"], "TxnType": "Estimate"}])
    payment = world.payment(10, (invoice, 10))
    world.save("Payment", {**named(payment), "sparse": True}, operation="update", include="void")
    world.post(f"invoice/{invoice['Id']}/send", {})
    deliver(world)
    assert world.receiver.events() == [
        ("qbo.estimate.created.v1", estimate["Id"]),
        ("qbo.invoice.created.v1", invoice["Id"]),
        ("qbo.estimate.updated.v1", estimate["Id"]),
        ("qbo.payment.created.v1", payment["Id"]),
        ("qbo.invoice.updated.v1", invoice["Id"]),
        ("qbo.invoice.updated.v1", invoice["Id"]),
        ("qbo.payment.void.v1", payment["Id"]),
        ("qbo.invoice.emailed.v1", invoice["Id"]),
    ]


def test_events_of_a_short_window_travel_together(world: World) -> None:
    world.invoice(1)
    deliver(world, 0.25)
    assert world.receiver.bodies == []
    world.invoice(2)
    deliver(world, 0.25)
    world.invoice(3)
    deliver(world)
    assert [len(decode(body)) for body in world.receiver.bodies] == [2, 1]


def test_a_failed_delivery_is_repeated_whole_on_intuits_schedule(world: World) -> None:
    world.receiver.answers = [500] * 20
    world.invoice(1)
    deliver(world)
    assert len(world.receiver.bodies) == 2  # the first repeat comes at once
    for wait in (10, 20, 30, 300, 1200, 7200, 14400, 21600, 21600, 21600):
        before = len(world.receiver.bodies)
        deliver(world, wait - 1)
        assert len(world.receiver.bodies) == before
        deliver(world, 1)
        assert len(world.receiver.bodies) == before + 1
    assert len(set(world.receiver.bodies)) == 1


def test_only_a_200_acknowledges(world: World) -> None:
    world.receiver.answers = [204]
    world.invoice(1)
    deliver(world)
    assert len(world.receiver.bodies) == 2


def test_later_events_wait_for_the_first_delivery(world: World) -> None:
    world.receiver.answers = [503, 503, 200]
    world.invoice(1)
    deliver(world)
    world.invoice(2)
    deliver(world, 5)
    assert len(world.receiver.bodies) == 2
    shown = world.client.get("/sandbox/deliveries").get_json()
    assert (len(shown["pending"]), len(shown["waiting_events"])) == (1, 1)
    deliver(world, 5)
    deliver(world)
    assert [event[1] for event in world.receiver.events()] == ["1", "1", "1", "2"]


def test_outstanding_deliveries_survive_a_restart_and_go_to_the_new_address(world: World, tmp_path: Path) -> None:
    world.receiver.answers = [500, 500]
    world.invoice(1)
    deliver(world)
    world.invoice(2)
    world.services.close()
    again = World(tmp_path, seed=2)
    again.time = world.time
    again.order("webhooks", {"url": "http://elsewhere.example"})
    deliver(again, 10)
    assert [event[1] for event in again.receiver.events()] == ["1", "2"]
    again.close()


def test_an_advanced_clock_makes_repeats_due(world: World) -> None:
    world.receiver.answers = [500] * 6
    world.invoice(1)
    deliver(world)
    deliver(world, 10)
    deliver(world, 20)
    deliver(world, 30)
    world.order("clock", {"advance_seconds": 300})
    world.services.webhooks.run_due()
    assert len(world.receiver.bodies) == 6


@pytest.mark.parametrize(
    ("kind", "ids"),
    [("duplicate", ["1", "1", "2"]), ("lose", ["2"]), ("late", ["2", "1"]), ("reorder", ["2", "1"])],
)
def test_deliveries_go_wrong_to_order(world: World, kind: str, ids: list[str]) -> None:
    world.order("faults", {"endpoint": "webhook", "kind": kind, "count": 1, "seconds": 5})
    world.invoice(1)
    deliver(world)
    world.invoice(2)
    deliver(world)
    deliver(world, 10)
    assert [event[1] for event in world.receiver.events()] == ids


def test_the_legacy_format_has_names_and_operations_in_capitals(world: World) -> None:
    world.order("webhooks", {"format": "legacy", "verifier_token": "t"})
    world.invoice(1)
    deliver(world)
    [body] = world.receiver.bodies
    [notification] = decode(body)["eventNotifications"]
    [entity] = notification["dataChangeEvent"]["entities"]
    assert notification["realmId"] == world.credentials["realm_id"]
    assert (entity["name"], entity["id"], entity["operation"]) == ("Invoice", "1", "Create")
    assert world.receiver.headers[0]["intuit-signature"] == signature("t", body)


def test_without_a_subscription_nothing_is_kept(world: World) -> None:
    world.client.delete("/sandbox/webhooks")
    world.invoice(1)
    world.order("webhooks", {"url": URL})
    deliver(world)
    assert world.receiver.bodies == []


def test_a_refused_write_tells_nobody(world: World) -> None:
    world.post("invoice", {"CustomerRef": {"value": CUSTOMER}})
    deliver(world)
    assert world.receiver.bodies == []
