"""The Ravetree client in front of the sandbox's organisation."""

from typing import Any

import pytest
import requests

from clients import http
from clients.errors import Failed, NeighbourError, NotAuthorised, NotSent, OutcomeUnknown, Throttled
from clients.ravetree.account import (
    Account,
    AccountClosed,
    Invalid,
    LogExpired,
    NotAllowed,
    RecordGone,
    Taken,
    VersionMoved,
    WrongAnswer,
)
from config.errors import RavebooksError
from reconcile.model import Kind
from schemas import strict_json
from sync.retries import Park, Pause, Replan, Retry, decide
from tests.unit.clients.neighbours import RAVETREE, Ravetree, json_answer
from tests.unit.clients.test_http import failing, refused_connection
from tests.unit.ports import FakeClock
from tests.unit.wsgi_adapter import AnswerAdapter


def write(ravetree: Ravetree, method: str, path: str, body: Any, key: str, if_match: int | None = None) -> Any:
    return ravetree.account.write(method, path, strict_json.dumps(body) if body else "", key, if_match).body


def test_a_payment_is_created_once_under_its_key(ravetree: Ravetree) -> None:
    invoice = ravetree.world.invoice()
    body = ravetree.world.payment_of("40.00", (invoice["id"], "40.00"))
    ravetree.adapter.losing = 1
    with pytest.raises(OutcomeUnknown):
        write(ravetree, "POST", "payments", body, "k1")
    made = write(ravetree, "POST", "payments", body, "k1")
    assert [payment["id"] for payment in ravetree.account.payments_of(invoice["id"])] == [made["id"]]
    assert [payment["id"] for payment in ravetree.account.payments_by(invoice["client_id"])] == [made["id"]]


def test_a_write_carries_key_and_version(ravetree: Ravetree) -> None:
    invoice = ravetree.world.invoice()
    sent = write(ravetree, "PATCH", f"invoices/{invoice['id']}", {"status": "sent"}, "k1", invoice["version"])
    assert sent["sent_at"] is not None
    headers = ravetree.adapter.requests[-1].headers
    assert headers["Idempotency-Key"] == "k1"
    assert headers["If-Match"] == f'"{invoice["version"]}"'
    assert headers["Ravetree-Account"] == ravetree.world.organisation.account_id


def test_the_event_of_a_write_names_its_key(ravetree: Ravetree) -> None:
    invoice = ravetree.world.invoice()
    write(ravetree, "PATCH", f"invoices/{invoice['id']}", {"status": "sent"}, "k1")
    last = list(ravetree.account.events_after(None))[-1]
    assert last["data"]["origin"]["operation_id"] == "k1"


def test_a_version_that_moved_is_told_apart(ravetree: Ravetree) -> None:
    invoice = ravetree.world.invoice()
    with pytest.raises(VersionMoved):
        write(ravetree, "PATCH", f"invoices/{invoice['id']}", {"status": "sent"}, "k1", invoice["version"] + 1)


def test_a_deletion_answers_its_tombstone(ravetree: Ravetree) -> None:
    invoice = ravetree.world.invoice()
    payment = ravetree.world.pay("40.00", (invoice["id"], "40.00"))
    assert write(ravetree, "DELETE", f"payments/{payment['id']}", None, "k1")["deleted"] is True
    assert ravetree.account.get(Kind.PAYMENT, payment["id"]) is None
    assert ravetree.account.payments_of(invoice["id"]) == []


def test_a_record_that_is_not_there_is_none(ravetree: Ravetree) -> None:
    assert ravetree.account.get(Kind.INVOICE, "inv_none") is None


def test_an_external_id_that_is_taken_names_who_has_it(ravetree: Ravetree) -> None:
    body = ravetree.world.payment_of("40.00", external_id="quickbooks:1:payment:7", origin="quickbooks")
    first = write(ravetree, "POST", "payments", body, "k1")
    with pytest.raises(Taken) as caught:
        write(ravetree, "POST", "payments", body, "k2")
    assert caught.value.existing_id == first["id"]


def test_what_ravetree_does_not_accept_says_which_field(ravetree: Ravetree) -> None:
    body = ravetree.world.payment_of("forty")
    with pytest.raises(Invalid) as caught:
        write(ravetree, "POST", "payments", body, "k1")
    assert caught.value.detail == "amount"


def test_a_wrong_token_closes_the_account(ravetree: Ravetree) -> None:
    with pytest.raises(AccountClosed):
        ravetree.account_with("wrong").get(Kind.INVOICE, "inv_1")


def test_what_is_kept_from_the_token_is_that_records_matter(clock: FakeClock) -> None:
    """And the account's only when the token does not open that either."""

    def answering(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        if (request.url or "").endswith("/account"):
            return 200, {}, b'{"data": {"id": "org_42"}}'
        return 403, {}, b'{"error": {"code": "hidden", "message": "No."}}'

    account, adapter = account_that(answering, clock)
    for attempt in (
        lambda: account.get(Kind.INVOICE, "inv_7"),
        lambda: account.write("POST", "payments", "{}", "k", None),
        lambda: account.tell(Kind.INVOICE, "inv_7", {"state": "synced"}, "k"),
    ):
        with pytest.raises(NotAllowed) as caught:
            attempt()
        assert caught.value.code == "hidden"
        assert type(decide(caught.value, "Payment 7", 0, 1.0)) is Park
    assert [request.url for request in adapter.requests[1::2]] == [f"{RAVETREE}/v1/account"] * 3
    with pytest.raises(AccountClosed, match="no list of payments"):
        account.payments_of("inv_7")


def test_lists_are_read_to_their_end(ravetree: Ravetree) -> None:
    for _ in range(3):
        ravetree.world.invoice()
    events = list(ravetree.account.events_after(None))
    rest = list(ravetree.account.events_after(events[0]["id"]))
    assert rest == events[1:]
    assert {row["key"] for row in ravetree.account.listing("line_item_types")} >= {"time", "expense"}


def test_events_older_than_ravetree_keeps_say_so(ravetree: Ravetree) -> None:
    ravetree.world.invoice()
    first = next(ravetree.account.events_after(None))
    ravetree.world.advance(days=31)
    with pytest.raises(LogExpired):
        list(ravetree.account.events_after(first["id"]))


def test_a_read_is_tried_three_times_and_a_write_once(ravetree: Ravetree) -> None:
    ravetree.order_fault("500", count=2)
    assert ravetree.account.get(Kind.INVOICE, "inv_none") is None
    assert len(ravetree.clock.slept) == 2
    body = ravetree.world.payment_of("1.00")
    before = len(ravetree.adapter.requests)
    ravetree.order_fault("500")
    with pytest.raises(Failed):
        write(ravetree, "POST", "payments", body, "k1")
    assert len(ravetree.adapter.requests) == before + 1


def account_that(answering: Any, clock: FakeClock) -> tuple[Account, AnswerAdapter]:
    adapter = AnswerAdapter(answering)
    session = http.open_session(lambda: adapter)
    return Account(session, f"{RAVETREE}/v1", "org_42", "token", clock, 5), adapter


def test_pages_are_followed_by_their_cursor(clock: FakeClock) -> None:
    pages = iter(
        [
            json_answer({"data": [{"id": "a"}], "next_cursor": "c1"}),
            json_answer({"data": [{"id": "b"}], "next_cursor": None}),
        ]
    )
    account, adapter = account_that(lambda _request: next(pages), clock)
    assert [row["id"] for row in account.listing("contacts")] == ["a", "b"]
    assert "cursor=c1" in (adapter.requests[1].url or "")
    assert "limit=200" in (adapter.requests[1].url or "")


@pytest.mark.parametrize("data", [{"id": "inv_2"}, {"id": 1}, {}, [], "inv_1", None])
def test_an_answer_about_another_record_is_no_answer(clock: FakeClock, data: Any) -> None:
    """Nothing is done by it: it would be another record's money."""
    account, _ = account_that(lambda _request: json_answer({"data": data}), clock)
    with pytest.raises(WrongAnswer, match="answered invoice inv_1 with another record"):
        account.get(Kind.INVOICE, "inv_1")


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0), (None, 60.0)])
def test_a_429_waits_as_long_as_it_says(clock: FakeClock, header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"Retry-After": header}
    account, _ = account_that(lambda _request: (429, headers, b""), clock)
    with pytest.raises(Throttled) as caught:
        account.get(Kind.INVOICE, "1")
    assert caught.value.wait_seconds == seconds


def test_a_write_that_never_left_is_tried_twice(clock: FakeClock) -> None:
    account, adapter = account_that(failing(refused_connection()), clock)
    with pytest.raises(NotSent):
        account.write("POST", "payments", "{}", "k", None)
    assert len(adapter.requests) == 2


ERRORS = [
    (401, AccountClosed, Pause),
    (403, AccountClosed, Pause),  # for the account as well
    (404, RecordGone, Park),
    (409, Taken, Park),
    (412, VersionMoved, Replan),
    (422, Invalid, Park),
    (400, Invalid, Park),
    (429, Throttled, Retry),
    (500, Failed, Retry),
    (503, Failed, Retry),
]


@pytest.mark.parametrize(("status", "kind", "decision"), ERRORS)
@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"error": "text"}', b'{"error": {"message": "No."}}'])
def test_each_status_is_its_error_and_its_decision_whatever_the_body(
    clock: FakeClock, status: int, kind: type[NeighbourError], decision: type[Any], body: bytes
) -> None:
    account, _ = account_that(lambda _request: (status, {}, body), clock)
    with pytest.raises(kind) as caught:
        account.write("POST", "payments", "{}", "k", None)
    assert type(caught.value) is kind
    made = decide(caught.value, "Payment 7", 0, 1.0)
    assert type(made) is decision
    if isinstance(made, Park | Pause):
        assert not made.cause.endswith("..")
        assert len(made.cause) <= 200
        assert made.remedy


def test_every_neighbour_error_has_a_remedy_of_its_own() -> None:
    """The root's remedy speaks to an operator; these are read by a bookkeeper."""

    def branches(kind: type[NeighbourError]) -> Any:
        yield kind
        for sub in kind.__subclasses__():
            yield from branches(sub)

    shown = {kind for kind in branches(NeighbourError) if kind.remedy == RavebooksError.remedy}
    assert shown <= {NeighbourError, LogExpired}
    assert issubclass(AccountClosed, NotAuthorised)
