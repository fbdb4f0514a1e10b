"""Structs: what does not fit is said by field, and nothing that strict JSON takes stops them."""

from typing import Any

import pytest

from schemas import quickbooks_webhooks, ravetree_events
from schemas.envelopes import UndecodableMessage, decode, encode
from schemas.structs import DoesNotFit
from tests.unit.webhooks.receiving import ACCOUNT, cloud_event, legacy, ravetree_event


def reason(payload: Any) -> str:
    ((envelope,),) = quickbooks_webhooks.parse(payload, 5).values()
    return envelope.reason


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"time": "yesterday"}, "its time is not a time with an offset from UTC"),
        ({"time": 7}, "its time is not a text"),
        ({"intuitaccountid": "12a"}, "its intuitaccountid is not a number"),
        ({"intuitentityid": "x"}, "its intuitentityid is not a number"),
        ({"type": "\x00"}, "its type is not a printable name of up to 255 characters"),
        ({"data": [1]}, "its data is not an object"),
        ({"type": 7, "data": 7}, "its type is not a printable name of up to 255 characters; its data is not an object"),
    ],
)
def test_a_reason_names_the_fields_the_event_and_what_to_do(changes: dict[str, Any], fault: str) -> None:
    told = reason([cloud_event(**changes)])
    assert told == f"unusable event: {fault} (id '88cd52aa-33b6-4351-9aa4-47572edbd068'). {DoesNotFit.remedy}"


def test_a_field_that_is_missing_is_named_in_either_format() -> None:
    event = cloud_event()
    del event["id"], event["time"]
    assert reason([event]) == f"unusable event: its id is missing; its time is missing. {DoesNotFit.remedy}"
    told = reason({"eventNotifications": [legacy(lastUpdated=None)]})
    assert told == f"unusable event: its lastUpdated is not a text (id '145'). {DoesNotFit.remedy}"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"id": "a b"}, "its data.id is not an id of Ravetree's"),
        ({"id": "inv_1", "origin": {"kind": 7}}, "its data.origin.kind is not a text"),
        ({"id": "inv_1", "changed": ["lines", 7]}, "its data.changed[1] is not a text"),
        ({"id": "inv_1", "version": True}, "its data.version is not a whole number"),
        (7, "its data is not an object"),
    ],
)
def test_a_place_inside_of_an_event_is_named(data: Any, fault: str) -> None:
    found = ravetree_events.parse(ravetree_event(data=data), "msg_1", ACCOUNT)
    assert found.reason == f"unusable event: {fault} (id 'msg_1'). {DoesNotFit.remedy}"


@pytest.mark.parametrize("version", [7, "7"])
def test_a_version_may_be_spelled_as_a_text(version: Any) -> None:
    found = ravetree_events.parse(ravetree_event(data={"id": "inv_1", "version": version}), "msg_1", ACCOUNT)
    assert (found.reason, found.data["version"]) == ("", 7)


def test_half_a_surrogate_pair_where_nobody_looks_makes_no_event_unusable() -> None:
    half = "\ud800"
    assert reason([cloud_event(**{half: 1}, data={half: half})]) == ""
    event = ravetree_event() | {half: 1}
    event["data"] |= {half: 1, "origin": {"kind": "user", "id": "usr_5", half: half}}
    found = ravetree_events.parse(event, "msg_1", ACCOUNT)
    assert (found.reason, found.data["user"]) == ("", "usr_5")


def test_an_unusable_event_with_half_a_surrogate_pair_survives_its_message() -> None:
    (delivered,) = quickbooks_webhooks.parse([cloud_event(type="\ud800")], 5).values()
    whole = decode(MESSAGE)
    carried = type(whole)(whole.id, whole.source, whole.account, whole.received_at, delivered)
    assert decode(encode(carried)) == carried


MESSAGE = (
    b'{"v":1,"id":"d","source":"ravetree","account":"a","received_at":"2026-11-20T14:13:20.000000Z",'
    b'"events":[{"id":"e","type":"t","subject":"s","time":null,"legacy":false,"data":{},"reason":""}]}'
)


@pytest.mark.parametrize(
    ("spelled", "spoiled", "fault"),
    [
        (b'"v":1', b'"v":true', "no message of version 1"),
        (b'"v":1,', b"", "no message of version 1"),
        (b'"id":"e"', b'"id":7', "its events[0].id is not a text"),
        (b'"id":"e",', b"", "its events[0].id is missing"),
        (b'"reason"', b'"reasons"', "its events[0] has a field too many, 'reasons'"),
        (b'"reason"', b'"\\ud800"', "its events[0] has a field too many"),
        (b'"source":"ravetree"', b'"source":"\\ud800"', "its source is not one of its values"),
        (b'"time":null', b'"time":"\\ud800"', "its events[0].time is not a time with an offset from UTC"),
        (b"2026-11", b"1999-11", "outside of this century"),
        (b'"account":"a"', b'"account":"a","account":"b"', "stands twice"),
    ],
)
def test_a_message_that_is_no_delivery_says_why(spelled: bytes, spoiled: bytes, fault: str) -> None:
    assert decode(MESSAGE).events[0].id == "e"
    with pytest.raises(UndecodableMessage) as raised:
        decode(MESSAGE.replace(spelled, spoiled))
    assert fault in str(raised.value)
