"""Events: what each act emits, how they are signed, repeated, disturbed and replayed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ravetree_sandbox.courier import RETRY_AFTER, sign
from ravetree_sandbox.testing import START, World
from tests.ravetree.contract import problems_of_answer, problems_of_event


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.subscribe()
        yield world


def deliver(world: World) -> int:
    return world.organisation.courier.deliver_due()


def states(world: World) -> list[str]:
    return [row["state"] for row in world.ok("GET", "/sandbox/deliveries")["deliveries"]]


def test_acts_of_a_user_emit_their_events(world: World) -> None:
    invoice = world.invoice("10.00")
    path = f"/sandbox/app/invoices/{invoice['id']}"
    world.ok("PATCH", path, {"memo": "Thanks"})
    world.ok("PATCH", path, {"status": "sent", "notify": True})
    world.ok("POST", f"{path}/sync")
    payment = world.ok("POST", "/sandbox/app/payments", world.payment_of("10.00", (invoice["id"], "10.00")))
    world.ok("DELETE", f"/sandbox/app/payments/{payment['id']}")
    world.ok("PATCH", path, {"status": "void"})
    world.ok("DELETE", path)
    assert world.event_types() == [
        "invoice.created",
        "invoice.updated",
        "invoice.status_changed",
        "invoice.sync_requested",
        "payment.created",
        "invoice.status_changed",
        "payment.deleted",
        "invoice.status_changed",
        "invoice.voided",
        "invoice.deleted",
    ]
    origins = [event["data"]["origin"] for event in world.events()]
    assert all(origin == {"kind": "user", "id": "usr_1", "operation_id": None} for origin in origins)
    assert payment["origin"] == "ravetree"
    versions = [event["data"]["version"] for event in world.events() if event["data"]["id"] == invoice["id"]]
    assert versions == [1, 2, 3, 3, 4, 5, 6, 7]


def test_a_write_of_the_integration_is_known_by_its_key(world: World) -> None:
    invoice = world.invoice("10.00")
    body = world.payment_of("10.00", (invoice["id"], "10.00"))
    assert world.ok("POST", "/v1/payments", body, key="op-1")["origin"] == "quickbooks"
    payment, status = world.events()[-2:]
    assert [event["type"] for event in (payment, status)] == ["payment.created", "invoice.status_changed"]
    for event in (payment, status):
        assert event["data"]["origin"] == {"kind": "integration", "id": "ravebooks", "operation_id": "op-1"}
    assert status["data"]["number"] == invoice["number"]
    world.ok("POST", "/v1/payments", body, key="op-1")
    assert world.events()[-1] == status


def test_deliveries_are_signed_for_the_address_that_was_given(world: World) -> None:
    world.invoice()
    assert deliver(world) == 1
    url, headers, body = world.receiver.received[0]
    assert url == f"https://books.example/webhooks/ravetree/{world.organisation.account_id}"
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    secret = world.ok("GET", "/sandbox/credentials")["webhook_secret"]
    assert headers == sign(secret, headers["webhook-id"], START, body)
    assert problems_of_event(json.loads(body)) == []


def test_signatures_satisfy_the_standards_own_library() -> None:
    """Its verifier reads the real clock, so that an old signature shows as too old and nothing worse."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    webhook = Webhook(secret)
    assert sign(secret, "evt_1", START, b"{}")["webhook-signature"] == webhook.sign("evt_1", START, "{}")
    with pytest.raises(WebhookVerificationError, match=r"too old|too new"):
        webhook.verify(b"{}", sign(secret, "evt_1", START.replace(year=2020), b"{}"))


def test_a_new_secret_counts_from_the_next_attempt(world: World) -> None:
    world.invoice()
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    full = f"https://new.example/webhooks/ravetree/{world.organisation.account_id}"
    world.ok("POST", "/sandbox/webhooks", {"url": full, "secret": secret})
    deliver(world)
    url, headers, body = world.receiver.received[0]
    assert (url, headers) == (full, sign(secret, headers["webhook-id"], START, body))
    assert world.ok("GET", "/sandbox/credentials")["webhook_secret"] == secret
    world.refused(400, "POST", "/sandbox/webhooks", {"url": full, "secret": "whsec_!"})
    world.refused(400, "POST", "/sandbox/webhooks", {"url": "ftp://x"})


def test_a_refused_delivery_is_repeated_by_the_schedule(world: World) -> None:
    world.receiver.statuses = [500, OSError("timed out"), *[503] * 20]
    world.invoice()
    assert deliver(world) == 1
    for wait in RETRY_AFTER:
        seconds = wait.total_seconds()
        world.advance(seconds=seconds - 0.5)
        assert deliver(world) == 0
        world.advance(seconds=0.5)
        assert deliver(world) == 1
    assert states(world) == ["failed"]
    assert len(set(world.receiver.ids)) == 1
    assert len(world.receiver.received) == 10


def test_each_attempt_is_signed_afresh(world: World) -> None:
    world.receiver.statuses = [500]
    world.invoice()
    deliver(world)
    world.now = START.replace(minute=30)
    deliver(world)
    first, second = (headers for _url, headers, _body in world.receiver.received)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert first["webhook-signature"] != second["webhook-signature"]


def test_gone_stops_the_repetition(world: World) -> None:
    world.receiver.statuses = [410]
    world.invoice()
    deliver(world)
    world.advance(days=2)
    assert (deliver(world), states(world)) == (0, ["gone"])


def test_deliveries_do_not_wait_for_each_other(world: World) -> None:
    world.receiver.statuses = [500, 204]
    world.invoice()
    world.invoice()
    deliver(world)
    assert states(world) == ["pending", "delivered"]


def test_duplicates_lateness_and_loss_on_order(world: World) -> None:
    for kind, seconds in (("duplicate", 0), ("late", 60), ("lose", None)):
        world.ok("POST", "/sandbox/faults", {"endpoint": "webhook", "kind": kind, "seconds": seconds})
        world.invoice()
        world.ok("DELETE", "/sandbox/faults")
    assert deliver(world) == 2
    assert world.receiver.ids == ["evt_000000001", "evt_000000001"]
    world.advance(seconds=60)
    deliver(world)
    assert world.receiver.ids[2:] == ["evt_000000002"]
    assert states(world)[-1] == "lost"


def test_reordered_events_change_places(world: World) -> None:
    world.ok("POST", "/sandbox/faults", {"endpoint": "webhook", "kind": "reorder"})
    world.invoice()
    assert deliver(world) == 0
    world.invoice()
    deliver(world)
    deliver(world)
    assert world.receiver.ids == ["evt_000000002", "evt_000000001"]


def test_replay_is_in_order_and_ends_after_thirty_days(world: World) -> None:
    for _ in range(5):
        world.invoice()
    whole = world.call("GET", "/v1/events").get_json()
    assert problems_of_answer("/events", whole) == []
    ids = [event["id"] for event in whole["data"]]
    page = world.call("GET", f"/v1/events?after={ids[0]}&limit=2").get_json()
    assert [event["id"] for event in page["data"]] == ids[1:3]
    rest = world.ok("GET", f"/v1/events?after={ids[0]}&cursor={page['next_cursor']}")
    assert [event["id"] for event in rest] == ids[3:]
    world.refused(404, "GET", "/v1/events?after=evt_none")
    world.advance(days=31)
    world.refused(410, "GET", f"/v1/events?after={ids[-1]}")
    assert world.ok("GET", "/v1/events") == []


def test_without_a_subscription_events_are_only_logged(tmp_path: Path) -> None:
    with World(tmp_path / "other") as world:
        world.invoice()
        world.subscribe()
        assert (deliver(world), states(world)) == (0, ["unsubscribed"])
        assert world.event_types() == ["invoice.created"]


def test_contacts_and_estimates_have_a_sync_button(world: World) -> None:
    world.ok("POST", f"/sandbox/app/contacts/{world.client_id()}/sync")
    estimate = world.ok("POST", "/sandbox/app/estimates", {"client_id": world.client_id()})
    world.ok("PATCH", f"/sandbox/app/estimates/{estimate['id']}", {"memo": "m", "status": "declined"})
    world.ok("POST", f"/sandbox/app/estimates/{estimate['id']}/sync")
    world.refused(404, "POST", "/sandbox/app/payments/pay_1/sync")
    assert world.event_types() == [
        "contact.sync_requested",
        "estimate.created",
        "estimate.updated",
        "estimate.status_changed",
        "estimate.sync_requested",
    ]
