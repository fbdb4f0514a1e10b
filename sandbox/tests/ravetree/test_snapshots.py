"""The journal of requests, snapshots, and the way back to a new organisation."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from waitress.channel import ClientDisconnected

from ravetree_sandbox.http import BODY_LIMIT_BYTES
from ravetree_sandbox.testing import World
from sandbox_kit.journal import KEPT


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


def entries(world: World, query: str = "") -> list[Any]:
    found: list[Any] = world.ok("GET", f"/sandbox/journal{query}")["entries"]
    return found


# The journal


def test_a_request_is_in_the_journal_with_its_answer(world: World) -> None:
    invoice = world.invoice()
    world.call("PATCH", f"/v1/invoices/{invoice['id']}?x=1", {"status": "sent"}, key="k1", if_match=1)
    entry = entries(world)[-1]
    assert (entry["method"], entry["path"], entry["query"]) == ("PATCH", f"/v1/invoices/{invoice['id']}", {"x": "1"})
    assert (entry["idempotency_key"], entry["if_match"], entry["body"]) == ("k1", '"1"', '{"status": "sent"}')
    assert (entry["status"], entry["dropped"], entry["time"]) == (200, False, "2026-11-20T14:13:20.000Z")
    assert '"status":"sent"' in entry["answer"]


def test_refusals_and_the_users_side_are_in_the_journal_and_its_steering_is_not(world: World) -> None:
    world.refused(404, "GET", "/v1/invoices/inv_7")
    world.invoice()
    world.ok("GET", "/sandbox/clock")
    paths = [(entry["path"], entry["status"]) for entry in entries(world)]
    assert paths == [("/v1/invoices/inv_7", 404), ("/v1/contacts", 200), ("/sandbox/app/invoices", 201)]


def test_secrets_stay_out_of_the_journal(world: World) -> None:
    organisation = world.organisation
    secret = organisation.subscription()["secret"]
    told = f"{organisation.api_token} and {secret} in Bearer {organisation.api_token}"
    invoice = world.invoice(memo=told)
    assert invoice["memo"] == told
    world.call("GET", "/v1/invoices", if_match=None)
    world.call("GET", f"/v1/invoices/{secret}?cursor={organisation.api_token}")
    text = str(entries(world))
    assert "rvt_***" in text
    assert organisation.api_token not in text
    assert secret not in text


def test_an_answer_that_never_arrived_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Event, "wait", lambda _self, _seconds=None: None)
    world.ok("POST", "/sandbox/faults", {"endpoint": "payments.*", "kind": "timeout_after"})
    with pytest.raises(ClientDisconnected):
        world.call("POST", "/v1/payments", world.payment_of("5.00"))
    entry = entries(world)[-1]
    assert (entry["status"], entry["dropped"]) == (201, True)


def test_a_body_beyond_the_limit_is_refused_and_noted(world: World) -> None:
    world.refused(413, "POST", "/v1/payments", {"memo": "x" * BODY_LIMIT_BYTES})
    assert entries(world)[-1]["body"].endswith("bytes, refused)")


def test_the_journal_is_bounded_and_read_from_its_end(world: World) -> None:
    for _ in range(KEPT + 1):
        world.call("GET", "/v1/nothing")
    assert len(entries(world, f"?limit={KEPT}")) == KEPT
    assert len(entries(world)) == 100
    world.call("GET", "/v1/last")
    assert [entry["path"] for entry in entries(world, "?limit=1")] == ["/v1/last"]
    for limit in ("0", "x", str(KEPT + 1)):
        world.refused(400, "GET", f"/sandbox/journal?limit={limit}")


# Snapshots


def books(world: World) -> Any:
    kinds = ("contacts", "invoices", "estimates", "payments", "events")
    return {kind: world.ok("GET", f"/v1/{kind}?limit=200") for kind in kinds}


def test_a_restore_brings_records_versions_and_events_back_and_tells_nobody(world: World) -> None:
    world.subscribe()
    invoice = world.invoice()
    world.organisation.courier.deliver_due()
    before = books(world)
    assert world.ok("POST", "/sandbox/snapshot", {"name": "morning"}) == ["morning"]
    world.pay("100.00", (invoice["id"], "100.00"))
    world.ok("PATCH", f"/sandbox/app/invoices/{invoice['id']}", {"memo": "later"})
    told = list(world.receiver.ids)
    [restored] = world.ok("POST", "/sandbox/restore", {"name": "morning"})
    assert restored["account_id"] == world.organisation.account_id
    assert (restored["records"]["invoices"], restored["records"].get("payments")) == (1, None)
    assert books(world) == before
    world.advance(days=3)
    assert world.organisation.courier.deliver_due() == 0
    assert world.receiver.ids == told
    delivered = world.ok("GET", "/sandbox/deliveries")["deliveries"]
    assert [(one["event_id"], one["state"]) for one in delivered] == [(told[0], "delivered")]


def test_what_happens_after_a_restore_is_told_under_ids_that_were_never_used(world: World) -> None:
    """A receiver drops an event whose id it knows."""
    world.subscribe()
    invoice = world.invoice()
    world.ok("POST", "/sandbox/snapshot")
    world.pay("1.00", (invoice["id"], "1.00"))
    known = {event["id"] for event in world.events()}
    world.ok("POST", "/sandbox/restore")
    version = world.get_invoice(invoice["id"])["version"]
    changed = world.ok("PATCH", f"/sandbox/app/invoices/{invoice['id']}", {"memo": "new"}, if_match=version)
    assert changed["version"] == version + 1
    assert world.events()[-1]["id"] not in known
    world.organisation.courier.deliver_due()
    assert world.receiver.ids == [world.events()[-1]["id"]]


def test_keys_and_sync_states_are_those_of_the_snapshot(world: World) -> None:
    invoice = world.invoice()
    body = world.payment_of("5.00", (invoice["id"], "5.00"))
    state = f"/v1/sync_states/invoice/{invoice['id']}"
    world.ok("PUT", state, {"state": "pending", "message": "waits"})
    world.ok("POST", "/sandbox/snapshot")
    first = world.ok("POST", "/v1/payments", body, key="k")
    world.ok("PUT", state, {"state": "synced"})
    world.ok("POST", "/sandbox/restore")
    assert world.ok("GET", "/v1/payments") == []
    assert world.ok("GET", state)["state"] == "pending"
    again = world.ok("POST", "/v1/payments", body, key="k")
    assert again["id"] == first["id"]
    assert [one["id"] for one in world.ok("GET", "/v1/payments")] == [first["id"]]


def test_snapshots_outlive_a_restart_and_a_second_of_a_name_replaces_the_first(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.ok("POST", "/sandbox/snapshot", {"name": "a"})
        world.invoice()
        world.ok("POST", "/sandbox/snapshot", {"name": "a"})
        world.invoice()
    with World(tmp_path) as world:
        assert world.ok("GET", "/sandbox/snapshot") == ["a"]
        world.ok("POST", "/sandbox/restore", {"name": "a"})
        assert len(world.ok("GET", "/v1/invoices")) == 1
        world.refused(400, "POST", "/sandbox/restore", {"name": "b"})
        world.refused(400, "POST", "/sandbox/snapshot", {"name": 7})


def test_a_reset_leaves_a_new_organisation_with_its_credentials(world: World) -> None:
    new = books(world)
    credentials = world.ok("GET", "/sandbox/credentials")
    world.subscribe()
    invoice = world.invoice()
    world.pay("1.00", (invoice["id"], "1.00"))
    world.advance(hours=1)
    answer = world.ok("POST", "/sandbox/reset")
    assert answer["records"]["contacts"] == 7
    assert "invoices" not in answer["records"]
    after = books(world)
    assert after["events"] == []
    assert [one["id"] for one in after["contacts"]] == [one["id"] for one in new["contacts"]]
    assert {one["version"] for one in after["contacts"]} == {1}
    assert world.ok("GET", "/sandbox/credentials") == credentials
    assert world.organisation.courier.deliver_due() == 0
    assert world.invoice()["number"] == "1001"
    world.refused(400, "POST", "/sandbox/reset", {"sample": True})
