"""A delivery is read as a whole where all of it fits, and event by event where one does not: with the same outcome."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import quickbooks_webhooks
from schemas.envelopes import Envelope

EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "intuit",
    "type": "qbo.invoice.updated.v1",
    "time": "2026-11-20T14:13:20.123456789Z",
    "intuitentityid": "77",
    "intuitaccountid": "310",
    "data": {},
}
ODD: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(["", "e", "e" * 255, "e" * 256, "\u00e9", "a\nb", "a\x7f", "\ud800", 7]),
    "type": st.sampled_from(
        ["qbo.invoice.voided.v1", "qbo.customer.merge.v2", "qbo.term.update.v1", "invoice", "x\n", ""]
    ),
    "time": st.sampled_from(["2026-11-20T14:13:20Z", "2026-11-20T14:13:20", "1999-01-01T00:00:00Z", "soon", 7]),
    "intuitentityid": st.sampled_from(["1", "1" * 20, "1" * 21, "\u0661", "-1", "x", "a b", ""]),
    "intuitaccountid": st.sampled_from(["310", "1" * 21, "\u0661", "31\n", "", None]),
    "data": st.sampled_from([None, {}, {"deletedid": "5"}, {"deletedid": "x", "a": 1}, []]),
}
EVENTS = st.lists(st.fixed_dictionaries({}, optional=ODD).map(lambda odd: EVENT | odd), max_size=3)
SPOILED = 7


def by_itself(event: Any) -> tuple[str, Envelope]:
    """How an event is judged in a delivery that cannot be read as a whole."""
    found = quickbooks_webhooks.parse([event, SPOILED], 10)
    ((realm, envelope),) = [
        (realm, each) for realm, envelopes in found.items() for each in envelopes if each.data.get("event") != SPOILED
    ]
    return realm, envelope


@given(EVENTS)
def test_an_event_is_judged_alike_by_itself_and_among_others(events: list[Any]) -> None:
    together = quickbooks_webhooks.parse(events, 10)
    apart: dict[str, list[Envelope]] = {}
    for realm, envelope in map(by_itself, events):
        apart.setdefault(realm, []).append(envelope)
    assert {realm: list(envelopes) for realm, envelopes in together.items()} == apart


@pytest.mark.parametrize(
    ("said", "is_a_type"),
    [("qbo.invoice.voided.v1", "invoice.void"), ("qbo.invoice.updated.v1", "invoice.updated"), ("else", "else")],
)
def test_a_type_is_told_in_our_words_each_time(said: str, is_a_type: str) -> None:
    for _ in range(2):
        ((_, (envelope,)),) = quickbooks_webhooks.parse([EVENT | {"type": said}], 10).items()
        assert envelope.type == is_a_type
