"""Whatever stands in a signed delivery, or lies on a queue, is taken, refused or kept aside: never a crash."""

import base64
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import envelopes
from schemas.envelopes import UndecodableMessage
from storage import inbox
from tests.simulation.posting import event
from tests.simulation.world import World
from webhooks.signatures import current_ravetree_secret, quickbooks_signature

MANY = settings(
    max_examples=400, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TAKEN = frozenset({200, 400, 401, 413, 415})

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def spoiled(whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """`whole`, each of its parts in one of six cases replaced by anything, and in one of three cases one left out."""

    def part(value: Any) -> st.SearchStrategy[Any]:
        return st.sampled_from([True, False, False, False, False, False]).flatmap(
            lambda bad: anything if bad else st.just(value)
        )

    def without(made: dict[str, Any]) -> st.SearchStrategy[Any]:
        left_out = st.sampled_from([*[""] * 2 * len(made), *made])
        return left_out.map(lambda out: {key: value for key, value in made.items() if key != out})

    return st.fixed_dictionaries({name: part(value) for name, value in whole.items()}).flatmap(without)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("received"))
    yield made
    made.close()


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def post_quickbooks(world: World, body: bytes) -> int:
    token = world.quickbooks.credentials["verifier_token"]
    headers = {"intuit-signature": quickbooks_signature(body, token), "Content-Type": "application/json"}
    return world.web.post("/webhooks/quickbooks", data=body, headers=headers).status_code


def post_ravetree(world: World, body: bytes, message_id: str) -> int:
    account, ring = world.ravetree.credentials["account_id"], world.parts.settings.ravetree_webhook_keys
    assert ring is not None
    now, secret = world.clock.now(), current_ravetree_secret(account, ring)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{int(now.timestamp())}.".encode() + body
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode(),
        "Content-Type": "application/json",
    }
    return world.web.post(f"/webhooks/ravetree/{account}", data=body, headers=headers).status_code


def test_a_signed_delivery_of_quickbooks_is_never_answered_with_a_crash(world: World) -> None:
    seen: set[int] = set()
    legacy = {"realmId": "1", "dataChangeEvent": {"entities": [{"name": "Invoice", "id": "1", "operation": "Update"}]}}

    @MANY
    @given(
        anything.map(body_of)
        | st.binary(max_size=200)
        | st.lists(spoiled(event(world, "invoice", "1")), min_size=1, max_size=3).map(body_of)
        | st.lists(spoiled(legacy), min_size=1, max_size=2).map(lambda rows: body_of({"eventNotifications": rows}))
    )
    def hold(body: bytes) -> None:
        seen.add(post_quickbooks(world, body))

    hold()
    assert {200, 400} <= seen <= TAKEN


def test_a_signed_event_of_ravetree_is_never_answered_with_a_crash(world: World) -> None:
    seen: set[int] = set()
    account = world.ravetree.credentials["account_id"]
    data = {"id": "inv_1", "version": 7, "number": "1043", "changed": ["lines"], "origin": {"kind": "user"}}
    whole = {"type": "invoice.updated", "timestamp": "2026-11-20T14:13:20Z", "account_id": account, "data": data}
    names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)

    @MANY
    @given(
        anything.map(body_of)
        | st.binary(max_size=200)
        | spoiled(whole).map(body_of)
        | spoiled(data).map(lambda inner: body_of(whole | {"data": inner})),
        names,
    )
    def hold(body: bytes, message_id: str) -> None:
        seen.add(post_ravetree(world, body, message_id))

    hold()
    assert {200, 400} <= seen <= TAKEN


def test_what_lies_on_a_queue_is_a_delivery_that_can_be_recorded_or_undecodable(world: World) -> None:
    one = {"id": "e1", "type": "invoice.updated", "subject": "145", "time": "2026-11-20T14:13:20Z"}
    whole = {
        "v": envelopes.VERSION,
        "id": "d1",
        "source": "quickbooks",
        "account": world.quickbooks.credentials["realm_id"],
        "received_at": "2026-11-20T14:13:20Z",
        "events": [one],
    }

    decoded = 0

    @MANY
    @given(
        anything.map(body_of)
        | st.binary(max_size=200)
        | spoiled(whole).map(body_of)
        | spoiled(one).map(lambda inner: body_of(whole | {"events": [inner]}))
    )
    def hold(body: bytes) -> None:
        try:
            delivery = envelopes.decode(body)
        except UndecodableMessage:
            return
        nonlocal decoded
        decoded += 1
        with world.parts.database.transaction() as session:
            inbox.record(session, [delivery], world.clock.now())

    hold()
    assert decoded > 20, decoded


def test_a_world_that_took_all_of_that_goes_on(world: World) -> None:
    """What was taken is worked on, and a new invoice still comes across."""
    for _ in range(20):
        world.work()
        world.clock.advance(5)
    ours = world.invoice(world.client("After the storm"), "10.00")
    for letter in world.collect():
        world.deliver(letter)
    for _ in range(10):
        world.work()
        world.clock.advance(3)
    assert world.quickbooks.invoice(ours["number"]) is not None
    assert world.connection()["state"] == "active"
