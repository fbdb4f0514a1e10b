"""Steering: faults, outage, usage, and books that outlive the process."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from waitress.channel import ClientDisconnected

from ravetree_sandbox import RavetreeSandbox
from ravetree_sandbox.testing import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


@pytest.fixture
def no_hanging(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Takes the real waiting out of time-outs; the list tells how long they were."""
    hangs: list[Any] = []
    monkeypatch.setattr(Event, "wait", lambda _self, seconds=None: hangs.append(seconds))
    return hangs


def order(world: World, **rule: Any) -> Any:
    return world.ok("POST", "/sandbox/faults", rule)


def test_a_time_out_before_the_write_writes_nothing(world: World, no_hanging: list[Any]) -> None:
    body = world.payment_of("5.00")
    order(world, endpoint="payments.create", kind="timeout_before", seconds=7)
    with pytest.raises(ClientDisconnected):
        world.call("POST", "/v1/payments", body, key="k")
    assert no_hanging == [7.0]
    assert world.ok("GET", "/v1/payments") == []
    world.ok("POST", "/v1/payments", body, key="k")


def test_a_time_out_after_the_write_leaves_it_done(world: World, no_hanging: list[Any]) -> None:
    body = world.payment_of("5.00")
    order(world, endpoint="payments.*", kind="timeout_after")
    with pytest.raises(ClientDisconnected):
        world.call("POST", "/v1/payments", body, key="k")
    assert no_hanging == [30.0]
    (written,) = world.ok("GET", "/v1/payments")
    assert world.ok("POST", "/v1/payments", body, key="k") == written


@pytest.mark.parametrize(("kind", "retry_after"), [("429", "3"), ("500", None), ("503", "3"), ("401", None)])
def test_statuses_on_order(world: World, kind: str, retry_after: str | None) -> None:
    order(world, endpoint="*", kind=kind, count=2, seconds=2.5)
    for _ in range(2):
        answer = world.call("GET", "/v1/contacts")
        assert (answer.status_code, answer.headers.get("Retry-After")) == (int(kind), retry_after)
    assert world.call("GET", "/v1/contacts").status_code == 200
    assert world.ok("GET", "/sandbox/faults") == {"faults": []}


def test_probability_strikes_now_and_then(world: World) -> None:
    order(world, endpoint="contacts.list", kind="500", probability=0.5)
    statuses = {world.call("GET", "/v1/contacts").status_code for _ in range(30)}
    assert statuses == {200, 500}
    assert world.ok("DELETE", "/sandbox/faults") == {"faults": []}


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "502"},
        {"kind": "500", "endpoint": "webhook"},
        {"kind": "lose", "endpoint": "payments.create"},
        {"kind": "500", "count": 0},
        {"kind": "500", "probability": -1},
        {"kind": "500", "colour": "red"},
    ],
)
def test_rules_without_sense_are_refused(world: World, rule: dict[str, Any]) -> None:
    world.refused(400, "POST", "/sandbox/faults", rule)


def test_an_outage_leaves_the_users_side_working(world: World) -> None:
    invoice = world.invoice()
    assert world.ok("POST", "/sandbox/outage", {"on": True}) == {"on": True}
    world.refused(503, "GET", f"/v1/invoices/{invoice['id']}")
    world.ok("PATCH", f"/sandbox/app/invoices/{invoice['id']}", {"memo": "meanwhile"})
    world.ok("POST", "/sandbox/outage", {"on": False})
    assert world.get_invoice(invoice["id"])["memo"] == "meanwhile"


def test_usage_counts_v1_only(world: World) -> None:
    invoice = world.invoice()
    world.ok("DELETE", "/sandbox/usage")
    world.get_invoice(invoice["id"])
    world.ok("PATCH", f"/v1/invoices/{invoice['id']}", {"status": "sent"})
    world.ok("GET", "/v1/events")
    world.ok("GET", "/sandbox/app/invoices")
    assert world.ok("GET", "/sandbox/usage") == {
        "reads": {"events.list": 1, "invoices.get": 1},
        "writes": {"invoices.update": 1},
        "total_reads": 2,
        "total_writes": 1,
    }


def test_the_clock_is_advanced_but_never_set_back(world: World) -> None:
    world.advance(hours=1)
    assert world.ok("GET", "/sandbox/clock") == {"now": "2026-11-20T15:13:20.000Z", "offset_seconds": 3600.0}
    world.refused(400, "POST", "/sandbox/clock", {"advance_seconds": -1})
    world.refused(400, "POST", "/sandbox/clock", {"advance_seconds": "1"})


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with World(tmp_path) as before:
        before.subscribe()
        before.invoice()
        before.advance(hours=2)
        credentials = before.ok("GET", "/sandbox/credentials")
    with World(tmp_path) as after:
        assert after.ok("GET", "/sandbox/credentials") == credentials
        assert after.ok("GET", "/sandbox/clock")["offset_seconds"] == 7200.0
        assert len(after.ok("GET", "/v1/contacts")) == 7
        assert after.organisation.courier.deliver_due() == 1
        assert after.invoice()["number"] == "1002"


def test_a_started_sandbox_keeps_its_port(tmp_path: Path) -> None:
    sandbox = RavetreeSandbox(tmp_path)
    with pytest.raises(RuntimeError, match="start"):
        sandbox.credentials()
    sandbox.start()
    credentials = sandbox.credentials()
    sandbox.stop()
    sandbox.start()
    try:
        assert sandbox.credentials() == credentials
        assert credentials["api_url"] == f"http://127.0.0.1:{sandbox.port}/v1"
    finally:
        sandbox.stop()
        sandbox.stop()
