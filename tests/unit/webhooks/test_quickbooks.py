"""`POST /webhooks/quickbooks`: both formats, as Intuit posts them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from reconcile.model import Side
from tests.unit.webhooks.receiving import EVENTS_LIMIT, NEW_TOKEN, OLD_TOKEN, Receivers, cloud_event, error_of, legacy
from tests.unit.webhooks.test_signatures import VECTORS
from webhooks import signatures


@pytest.mark.parametrize(("token", "body", "signature"), VECTORS)
def test_intuits_own_examples_are_accepted(receivers: Receivers, token: str, body: bytes, signature: str) -> None:
    answer = receivers.client.post("/webhooks/quickbooks", data=body, headers={"intuit-signature": signature})
    assert answer.status_code == 200
    assert [d.account for d in receivers.publisher.deliveries] == [
        json.loads(body)["eventNotifications"][0]["realmId"],
    ]


def test_a_cloud_event_becomes_an_envelope_with_its_instant(receivers: Receivers) -> None:
    assert receivers.quickbooks([cloud_event()]).status_code == 200
    (envelope,) = receivers.publisher.envelopes
    assert (envelope.id, envelope.type, envelope.subject) == (
        "88cd52aa-33b6-4351-9aa4-47572edbd068",
        "invoice.updated",
        "1234",
    )
    assert envelope.time == datetime(2026, 11, 20, 14, 13, 20, 123456, UTC)
    assert not envelope.legacy
    assert receivers.publisher.deliveries[0].source is Side.QUICKBOOKS
    assert receivers.publisher.deliveries[0].received_at == receivers.clock.now()


def test_a_legacy_entity_becomes_an_envelope_that_says_so(receivers: Receivers) -> None:
    receivers.quickbooks({"eventNotifications": [legacy(name="Payment", operation="Void")]})
    (envelope,) = receivers.publisher.envelopes
    assert (envelope.type, envelope.subject, envelope.legacy) == ("payment.void", "145", True)
    assert envelope.time == datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("spelling", ["2026-11-20T07:13:20-0700", "2026-11-20T14:13:20.000Z", "2026-11-20T14:13:20Z"])
def test_the_same_legacy_instant_has_the_same_id_in_every_spelling(receivers: Receivers, spelling: str) -> None:
    receivers.quickbooks({"eventNotifications": [legacy(lastUpdated=spelling)]})
    assert receivers.publisher.envelopes[0].id == "310687-Invoice-145-updated-1795184000000"


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("void", "void"),
        ("voided", "void"),
        ("create", "created"),
        ("update", "updated"),
        ("delete", "deleted"),
        ("merge", "merged"),
        ("emailed", "emailed"),
    ],
)
def test_every_spelling_of_an_operation_means_the_same(receivers: Receivers, spelled: str, meant: str) -> None:
    receivers.quickbooks([cloud_event(type=f"qbo.invoice.{spelled}.v1")])
    assert receivers.publisher.envelopes[0].type == f"invoice.{meant}"


def test_a_merge_keeps_whom_it_removed_in_either_format(receivers: Receivers) -> None:
    receivers.quickbooks([cloud_event(type="qbo.customer.merged.v1", data={"deletedid": "27"})])
    receivers.quickbooks({"eventNotifications": [legacy(name="Customer", operation="Merge", deletedId="27")]})
    assert [e.data for e in receivers.publisher.envelopes] == [{"deletedid": "27"}] * 2
    assert {e.type for e in receivers.publisher.envelopes} == {"customer.merged"}


def test_events_of_several_realms_go_to_their_realms(receivers: Receivers) -> None:
    events = [cloud_event(id=f"e{n}", intuitaccountid=realm) for n, realm in enumerate(["1", "2", "1"])]
    assert receivers.quickbooks(events).get_json() == {"accepted": 3}
    found = {d.account: [e.id for e in d.events] for d in receivers.publisher.deliveries}
    assert found == {"1": ["e0", "e2"], "2": ["e1"]}
    assert len({d.id for d in receivers.publisher.deliveries}) == 2


def test_legacy_notifications_of_several_realms_go_to_their_realms(receivers: Receivers) -> None:
    receivers.quickbooks({"eventNotifications": [legacy("1"), legacy("2"), legacy("1", id="9")]})
    found = {d.account: [e.subject for e in d.events] for d in receivers.publisher.deliveries}
    assert found == {"1": ["145", "9"], "2": ["145"]}


@pytest.mark.parametrize("token", [OLD_TOKEN, NEW_TOKEN])
def test_both_tokens_of_a_rotation_are_good(receivers: Receivers, token: str) -> None:
    assert receivers.quickbooks([cloud_event()], token=token).status_code == 200


@pytest.mark.parametrize(
    "signature", [None, "", "AAAA", "nonsense\xe9", "JC2GUwciPmRBwEO7WvrRmKqu9tGOKL8FFallocTFi8Q="]
)
def test_a_bad_signature_gets_one_generic_401_and_is_not_published(receivers: Receivers, signature: str | None) -> None:
    headers = {} if signature is None else {"intuit-signature": signature}
    answer = receivers.client.post("/webhooks/quickbooks", json=[cloud_event()], headers=headers)
    assert answer.status_code == 401
    assert error_of(answer) == "unauthorised"
    assert answer.get_json()["detail"] == "The signature does not match."
    assert receivers.publisher.deliveries == []


def test_the_signature_comes_before_any_parse(receivers: Receivers) -> None:
    """Whoever has no token learns nothing of what we would have thought of the body."""
    answer = receivers.client.post("/webhooks/quickbooks", data=b"{nonsense", headers={"intuit-signature": "x"})
    assert answer.status_code == 401


@pytest.mark.parametrize("mimetype", ["application/json", "application/cloudevents-batch+json", "text/plain", ""])
def test_the_mimetype_does_not_matter(receivers: Receivers, mimetype: str) -> None:
    assert receivers.quickbooks([cloud_event()], **{"Content-Type": mimetype}).status_code == 200


REFUSED_BODIES = {
    "not JSON": b"{",
    "empty": b"",
    "not UTF-8": b'[{"id":"\xff"}]',
    "a duplicate key": b'[{"id":"1","id":"2"}]',
    "a duplicate key deep inside": b'[{"data":{"a":{"b":1,"b":1}}}]',
    "NaN": b'[{"id":NaN}]',
    "Infinity": b'[{"id":-Infinity}]',
    "too deep": b"[" * 33 + b"]" * 33,
    "absurdly deep": b"[" * 9_000,
    "an exponent beyond any machine": b"[1e99999999999999999999]",
    "an exponent that would fill the memory": b"[1e999999]",
    "an integer of ten thousand digits": b"[" + b"1" * 10_000 + b"]",
    "a number": b"7",
    "an object without notifications": b"{}",
    "notifications that are no list": b'{"eventNotifications":{}}',
    "too many events": json.dumps([cloud_event()] * (EVENTS_LIMIT + 1)).encode(),
    "too many legacy events": json.dumps({"eventNotifications": [legacy()] * (EVENTS_LIMIT + 1)}).encode(),
}


@pytest.mark.parametrize("body", REFUSED_BODIES.values(), ids=REFUSED_BODIES.keys())
def test_a_body_that_is_no_delivery_is_refused_with_a_reason(receivers: Receivers, body: bytes) -> None:
    answer = receivers.quickbooks(body)
    assert answer.status_code == 400
    assert error_of(answer) == "unusable"
    assert receivers.publisher.deliveries == []


def test_a_refusal_names_the_duplicate_key(receivers: Receivers) -> None:
    answer = receivers.quickbooks(b'[{"intuitentityid":"1","intuitentityid":"2"}]')
    assert "'intuitentityid' stands twice" in answer.get_json()["detail"]


def test_as_many_events_as_allowed_are_accepted(receivers: Receivers) -> None:
    events = [cloud_event(id=f"e{n}") for n in range(EVENTS_LIMIT)]
    assert receivers.quickbooks(events).get_json() == {"accepted": EVENTS_LIMIT}


@pytest.mark.parametrize("body", [[], {"eventNotifications": []}])
def test_a_delivery_without_events_is_accepted(receivers: Receivers, body: Any) -> None:
    assert receivers.quickbooks(body).get_json() == {"accepted": 0}


@pytest.mark.parametrize("type_", ["qbo.invoice.exploded.v1", "qbo.preferences.updated.v1", "com.example.other"])
def test_an_unknown_type_is_accepted_and_handed_on(receivers: Receivers, type_: str) -> None:
    assert receivers.quickbooks([cloud_event(type=type_)]).status_code == 200
    assert [e.reason for e in receivers.publisher.envelopes] == [""]


UNUSABLE_EVENTS: dict[str, Any] = {
    "a number": 7,
    "nothing": None,
    "no id": {k: v for k, v in cloud_event().items() if k != "id"},
    "an empty id": cloud_event(id=""),
    "an unprintable id": cloud_event(id="a\x00b"),
    "an endless id": cloud_event(id="x" * 256),
    "no time": cloud_event(time=None),
    "a time without offset": cloud_event(time="2026-11-20T14:13:20"),
    "a time before the calendar": cloud_event(time="0001-01-01T00:00:00+14:00"),
    "an object for an entity id": cloud_event(intuitentityid={}),
    "a list for data": cloud_event(data=[]),
    "half a surrogate pair": cloud_event(intuitentityid="\ud800"),
    "a large amount": cloud_event(id=None, data={"amount": 1.5e200}),
}


@pytest.mark.parametrize("event", UNUSABLE_EVENTS.values(), ids=UNUSABLE_EVENTS.keys())
def test_an_unusable_event_is_kept_with_its_reason_and_spoils_nothing(receivers: Receivers, event: Any) -> None:
    """Intuit repeats a whole delivery until it is acknowledged, and may hold back what follows."""
    answer = receivers.quickbooks([cloud_event(id="good"), event])
    assert (answer.status_code, answer.get_json()) == (200, {"accepted": 2})
    by_id = {e.id: e for e in receivers.publisher.envelopes}
    assert by_id.pop("good").reason == ""
    (other,) = by_id.values()
    assert other.reason.startswith("unusable event: ")


UNUSABLE_LEGACY: dict[str, Any] = {
    "a number": 7,
    "no entities": {"realmId": "1", "dataChangeEvent": {}},
    "an entity without a name": {"realmId": "1", "dataChangeEvent": {"entities": [{"id": "1"}]}},
    "an entity that is a text": {"realmId": "1", "dataChangeEvent": {"entities": ["x"]}},
    "names too long for one key": legacy("r" * 255, name="n" * 255),
}


@pytest.mark.parametrize("notification", UNUSABLE_LEGACY.values(), ids=UNUSABLE_LEGACY.keys())
def test_an_unusable_legacy_notification_spoils_nothing(receivers: Receivers, notification: Any) -> None:
    answer = receivers.quickbooks({"eventNotifications": [notification, legacy()]})
    assert answer.get_json() == {"accepted": 2}
    assert sorted(bool(e.reason) for e in receivers.publisher.envelopes) == [False, True]
    assert all(len(e.id) <= 255 and len(e.type) <= 255 for e in receivers.publisher.envelopes)


def test_a_legacy_notification_without_a_realm_is_kept_under_unknown(receivers: Receivers) -> None:
    notification = legacy()
    del notification["realmId"]
    assert receivers.quickbooks({"eventNotifications": [notification]}).status_code == 200
    assert [d.account for d in receivers.publisher.deliveries] == ["unknown"]


def test_when_nothing_takes_it_the_sender_is_asked_to_repeat(receivers: Receivers) -> None:
    receivers.publisher.down = True
    answer = receivers.quickbooks([cloud_event()])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert error_of(answer) == "unavailable"
    receivers.publisher.down = False
    assert receivers.quickbooks([cloud_event()]).status_code == 200


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELD_VALUES = st.dictionaries(st.sampled_from(sorted(cloud_event())), JSON, max_size=4)
ENTITY_VALUES = st.dictionaries(st.sampled_from(["name", "id", "operation", "lastUpdated", "deletedId"]), JSON)


@given(st.binary(max_size=300))
def test_random_bytes_never_break_the_receiver(body: bytes) -> None:
    receivers = Receivers()
    assert receivers.quickbooks(body).status_code in {200, 400}
    unsigned = receivers.client.post("/webhooks/quickbooks", data=body, headers={"intuit-signature": "x"})
    assert unsigned.status_code == 401


@given(
    st.one_of(
        JSON,
        FIELD_VALUES.map(lambda changes: [cloud_event(**changes)]),
        ENTITY_VALUES.map(lambda changes: {"eventNotifications": [legacy(**changes)]}),
    )
)
def test_whatever_json_is_signed_is_accepted_or_refused(body: Any) -> None:
    receivers = Receivers()
    answer = receivers.quickbooks(json.dumps(body, ensure_ascii=True).encode())
    assert answer.status_code in {200, 400}


@given(st.binary(min_size=1, max_size=60).filter(lambda value: b"\n" not in value and b"\r" not in value))
def test_no_signature_breaks_the_comparison(signature: bytes) -> None:
    assert not signatures.is_from_quickbooks(b"[]", signature.decode("latin-1"), [NEW_TOKEN])


def test_a_flood_without_a_signature_is_one_line_and_its_count(receivers: Receivers) -> None:
    with capture_logs() as logs:
        for _ in range(500):
            assert receivers.quickbooks([cloud_event()], token="another").status_code == 401
        assert [(line["event"], line["times"]) for line in logs] == [("bad signature", 1)]
        receivers.clock.advance(61)
        receivers.quickbooks([cloud_event()], token="another")
    assert [line["times"] for line in logs] == [1, 500]


def test_a_flood_of_signed_nonsense_is_told_the_same_way(receivers: Receivers) -> None:
    with capture_logs() as logs:
        for _ in range(500):
            assert receivers.quickbooks(b"{").status_code == 400
    assert [line["event"] for line in logs] == ["refused"]
    assert logs[0]["error"]
