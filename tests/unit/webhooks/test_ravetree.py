"""`POST /webhooks/ravetree/<account>`: Standard Webhooks 1.0.0, signed here with the published library."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from reconcile.model import Side
from tests.unit.webhooks.receiving import (
    ACCOUNT,
    RING,
    Receivers,
    base64_of,
    error_of,
    ravetree_event,
    ravetree_headers,
)
from tests.unit.webhooks.test_quickbooks import JSON, REFUSED_BODIES
from webhooks import signatures

TOLERANCE = 300
BAD_SIGNATURE = ("unauthorised", "The signature does not match.")
PARSED_AS_AN_EVENT = {"a number", "an object without notifications", "notifications that are no list"}


def test_an_event_becomes_an_envelope_with_version_and_operation(receivers: Receivers) -> None:
    event = ravetree_event()
    event["data"]["origin"] = {"kind": "integration", "id": None, "operation_id": "abc"}
    assert receivers.ravetree(event).status_code == 200
    (delivery,) = receivers.publisher.deliveries
    (envelope,) = delivery.events
    assert (delivery.source, delivery.account) == (Side.RAVETREE, ACCOUNT)
    assert (envelope.id, envelope.type, envelope.subject) == ("msg_1", "invoice.updated", "inv_9001")
    assert envelope.data == {"version": 7, "operation_id": "abc"}


@pytest.mark.parametrize("version", [1, 2])
def test_both_secrets_of_a_rotation_are_good(receivers: Receivers, version: int) -> None:
    assert receivers.ravetree(ravetree_event(), version=version).status_code == 200


def test_the_secret_to_hand_out_is_the_newest(receivers: Receivers) -> None:
    assert signatures.current_ravetree_secret(ACCOUNT, RING) == signatures.ravetree_secret(ACCOUNT, 2, RING.keys[2])


def test_one_good_signature_in_a_list_is_enough(receivers: Receivers) -> None:
    body = json.dumps(ravetree_event()).encode()
    good = ravetree_headers(receivers.clock, body)["webhook-signature"]
    answer = receivers.ravetree(body, {"webhook-signature": f"v1,{base64_of('other')} v1a,xyz {good}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("age", [0, TOLERANCE, -TOLERANCE])
def test_a_signature_up_to_five_minutes_off_is_good(receivers: Receivers, age: float) -> None:
    assert receivers.ravetree(ravetree_event(), age=age).status_code == 200


@pytest.mark.parametrize("age", [TOLERANCE + 1, -TOLERANCE - 1, 86_400])
def test_a_signature_further_off_in_either_direction_is_refused(receivers: Receivers, age: float) -> None:
    answer = receivers.ravetree(ravetree_event(), age=age)
    assert (answer.status_code, error_of(answer), answer.get_json()["detail"]) == (401, *BAD_SIGNATURE)


def test_a_delivery_grows_too_old_while_time_passes(receivers: Receivers) -> None:
    body = json.dumps(ravetree_event()).encode()
    headers = ravetree_headers(receivers.clock, body)
    receivers.clock.advance(TOLERANCE + 1)
    assert receivers.client.post(f"/webhooks/ravetree/{ACCOUNT}", data=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1," + base64_of("nonsense")},
        {"webhook-id": ""},
        {"webhook-id": "another"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "999999999999"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "١٢٣"},
    ],
)
def test_a_changed_header_gets_one_generic_401(receivers: Receivers, headers: dict[str, str]) -> None:
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    answer = receivers.ravetree(ravetree_event(), encoded)
    assert (answer.status_code, error_of(answer), answer.get_json()["detail"]) == (401, *BAD_SIGNATURE)
    assert receivers.publisher.deliveries == []


def test_a_changed_body_is_refused(receivers: Receivers) -> None:
    body = json.dumps(ravetree_event()).encode()
    headers = ravetree_headers(receivers.clock, body)
    assert receivers.client.post(f"/webhooks/ravetree/{ACCOUNT}", data=body + b" ", headers=headers).status_code == 401


@pytest.mark.parametrize("account", ["org_43", "%00", "x" * 256])
def test_an_accounts_secret_is_good_for_its_own_address_only(receivers: Receivers, account: str) -> None:
    answer = receivers.ravetree(ravetree_event(), account=account)
    assert (answer.status_code, error_of(answer), answer.get_json()["detail"]) == (401, *BAD_SIGNATURE)


def test_an_event_of_another_account_is_kept_as_unusable(receivers: Receivers) -> None:
    assert receivers.ravetree(ravetree_event(account_id="org_43")).status_code == 200
    (envelope,) = receivers.publisher.envelopes
    assert envelope.reason == "unusable event: it is of account 'org_43'"


def test_what_nobody_can_store_does_not_reach_the_reason(receivers: Receivers) -> None:
    """Half a surrogate pair has no UTF-8 form, and PostgreSQL takes no NUL: neither may stop a delivery."""
    assert receivers.ravetree(ravetree_event(account_id="\ud800\x00")).status_code == 200
    (envelope,) = receivers.publisher.envelopes
    assert envelope.reason.isascii()
    assert envelope.reason.isprintable()


@pytest.mark.parametrize("operation_id", ["\ud800", "a\x00b", "", "x" * 256])
def test_an_operation_id_that_cannot_be_a_key_is_none_of_ours(receivers: Receivers, operation_id: str) -> None:
    event = ravetree_event()
    event["data"]["origin"]["operation_id"] = operation_id
    receivers.ravetree(event)
    assert receivers.publisher.envelopes[0].data["operation_id"] is None


UNUSABLE: dict[str, Any] = {
    "a number": 7,
    "a list": [],
    "no type": {k: v for k, v in ravetree_event().items() if k != "type"},
    "a strange type": ravetree_event(type="Invoice Updated"),
    "no data": ravetree_event(data=None),
    "no id": ravetree_event(data={"version": 1}),
    "an unprintable id": ravetree_event(data={"id": "inv\x00"}),
    "a time without offset": ravetree_event(timestamp="2026-11-20T14:13:20"),
}


@pytest.mark.parametrize("event", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_event_is_answered_200_and_kept(receivers: Receivers, event: Any) -> None:
    assert receivers.ravetree(event).status_code == 200
    assert receivers.publisher.envelopes[0].reason.startswith("unusable event: ")


def test_an_unknown_type_is_accepted_and_handed_on(receivers: Receivers) -> None:
    assert receivers.ravetree(ravetree_event(type="robot.built")).status_code == 200
    assert receivers.publisher.envelopes[0].reason == ""


MALFORMED = {
    name: body
    for name, body in REFUSED_BODIES.items()
    if not name.startswith("too many") and name not in PARSED_AS_AN_EVENT | {"not UTF-8"}
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_json_is_refused_with_a_reason(receivers: Receivers, body: bytes) -> None:
    answer = receivers.ravetree(body)
    assert (answer.status_code, error_of(answer)) == (400, "unusable")


def test_a_signed_body_that_is_not_utf8_is_refused_as_unsigned(receivers: Receivers) -> None:
    """The library that senders use signs text: nothing else can carry its signature."""
    assert receivers.ravetree(REFUSED_BODIES["not UTF-8"]).status_code == 401


def test_an_id_that_cannot_be_a_key_is_refused(receivers: Receivers) -> None:
    body = json.dumps(ravetree_event()).encode()
    long_id = "m" * 256
    secret = signatures.current_ravetree_secret(ACCOUNT, RING)
    signed = Webhook(secret).sign(long_id, receivers.clock.now(), body.decode())
    answer = receivers.ravetree(body, {"webhook-id": long_id, "webhook-signature": signed})
    assert (answer.status_code, error_of(answer)) == (400, "unusable")


def test_when_nothing_takes_it_the_sender_is_asked_to_repeat(receivers: Receivers) -> None:
    receivers.publisher.down = True
    answer = receivers.ravetree(ravetree_event())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


@given(st.binary(max_size=300))
def test_random_bytes_never_break_the_receiver(body: bytes) -> None:
    assert Receivers().ravetree(body).status_code in {200, 400, 401}


@given(
    st.one_of(
        JSON,
        st.dictionaries(st.sampled_from(sorted(ravetree_event())), JSON).map(lambda c: ravetree_event(**c)),
        st.dictionaries(st.sampled_from(sorted(ravetree_event()["data"])), JSON).map(
            lambda c: ravetree_event(data=ravetree_event()["data"] | c)
        ),
    )
)
def test_whatever_json_is_signed_is_accepted_or_refused(body: Any) -> None:
    assert Receivers().ravetree(json.dumps(body).encode()).status_code in {200, 400}


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30))
def test_no_header_breaks_the_receiver(value: str) -> None:
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert Receivers().ravetree(ravetree_event(), {name: value}).status_code in {200, 400, 401}
