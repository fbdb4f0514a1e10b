"""The QuickBooks client in front of the sandbox's books."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from quickbooks_sandbox.testing import CUSTOMER, line, named, sparse

from clients.errors import NotSent, OutcomeUnknown, Throttled
from clients.quickbooks import company as company_port
from clients.quickbooks.company import CDC_LIMIT, Written, quoted
from clients.quickbooks.faults import (
    DuplicateName,
    DuplicateNumber,
    NotFoundOrInactive,
    StaleSyncToken,
    TokenExpired,
    WrongRequest,
)
from schemas import strict_json
from tests.unit.clients.neighbours import QuickBooks, json_answer, scripted
from tests.unit.clients.test_http import failing, refused_connection
from tests.unit.ports import FakeClock

NEW = {"CustomerRef": {"value": CUSTOMER}, "DocNumber": "1043", "Line": [line(10)]}


def parameters(request: requests.PreparedRequest) -> dict[str, str]:
    query = (request.url or "").partition("?")[2]
    return dict(part.split("=", 1) for part in query.split("&") if part)


# --- writes --------------------------------------------------------------------------------------


def test_a_write_answers_the_whole_object_with_its_time_and_trace(quickbooks: QuickBooks) -> None:
    written = quickbooks.company.write("invoice", strict_json.dumps(NEW), "k" * 32)
    assert written.status == 200
    assert (written.body["DocNumber"], written.body["SyncToken"], written.body["TotalAmt"]) == ("1043", "0", 10)
    assert written.trace.startswith("1-")
    assert written.time == datetime.fromtimestamp(quickbooks.world.time, UTC)


def test_a_write_carries_its_key_the_minor_version_and_exactly_its_bytes(quickbooks: QuickBooks) -> None:
    body = strict_json.dumps(NEW)
    quickbooks.company.write("invoice", body, "k" * 32)
    (request,) = quickbooks.adapter.requests
    assert parameters(request) == {"minorversion": "75", "requestid": "k" * 32}
    assert request.body == body.encode()


def test_an_answer_that_was_lost_is_replayed_under_the_same_key(quickbooks: QuickBooks) -> None:
    quickbooks.adapter.losing = 1
    with pytest.raises(OutcomeUnknown):
        quickbooks.create("invoice", NEW)
    again = quickbooks.create("invoice", NEW)
    assert quickbooks.company.query("Invoice") == [again]
    assert quickbooks.world.services.usage.shown()["replays"] == 1


def test_a_write_is_never_repeated_by_itself_once_it_may_have_arrived(quickbooks: QuickBooks) -> None:
    quickbooks.order_fault("500", count=5)
    with pytest.raises(OutcomeUnknown):
        quickbooks.create("invoice", NEW)
    assert len(quickbooks.adapter.requests) == 1


def test_a_write_that_never_left_is_tried_twice(clock: FakeClock) -> None:
    company, adapter = scripted(failing(refused_connection()), clock)
    with pytest.raises(NotSent):
        company.write("invoice", "{}", "k")
    assert len(adapter.requests) == 2
    assert len(clock.slept) == 1


def test_a_stale_sync_token_is_told_apart(quickbooks: QuickBooks) -> None:
    made = quickbooks.world.invoice(10)
    quickbooks.world.change("Invoice", made, PrivateNote="x")
    with pytest.raises(StaleSyncToken) as caught:
        quickbooks.create("invoice", sparse(made, PrivateNote="y"))
    assert caught.value.code == "5010"
    assert caught.value.trace.startswith("1-")


def test_a_taken_number_names_the_transaction_that_has_it(quickbooks: QuickBooks) -> None:
    first = quickbooks.create("invoice", NEW, "1")
    with pytest.raises(DuplicateNumber) as caught:
        quickbooks.create("invoice", NEW, "2")
    assert caught.value.taken_by == first["Id"]


def test_a_taken_name_and_a_wrong_request_are_told_apart(quickbooks: QuickBooks) -> None:
    with pytest.raises(DuplicateName):
        quickbooks.create("customer", {"DisplayName": "Paper & Co."})
    with pytest.raises(WrongRequest):
        quickbooks.create("invoice", {**NEW, "Colour": "red"})


def test_void_and_delete_go_by_their_operation(quickbooks: QuickBooks) -> None:
    made = quickbooks.world.invoice(10)
    voided = quickbooks.create("invoice?operation=void", named(made), "1")
    assert (voided["TotalAmt"], voided["PrivateNote"][:6]) == (0, "Voided")
    deleted = quickbooks.create("invoice?operation=delete", named(voided), "2")
    assert deleted["status"] == "Deleted"
    with pytest.raises(NotFoundOrInactive):
        quickbooks.create("invoice?operation=void", named(made), "3")


def test_an_answer_without_the_object_leaves_the_outcome_unknown(clock: FakeClock) -> None:
    company, _ = scripted(lambda _request: json_answer({"time": "2026-11-20T06:13:20-08:00"}), clock)
    with pytest.raises(OutcomeUnknown):
        company.write("invoice", "{}", "k")


def test_a_fault_in_an_http_200_is_an_error(clock: FakeClock) -> None:
    fault = {"Fault": {"Error": [{"Message": "Stale", "code": "5010"}], "type": "ValidationFault"}}
    company, _ = scripted(lambda _request: json_answer(fault), clock)
    with pytest.raises(StaleSyncToken):
        company.write("invoice", "{}", "k")


# --- batches -------------------------------------------------------------------------------------


def batch_of(*bodies: Any) -> str:
    rows = [{"bId": str(place), "operation": "create", "Invoice": body} for place, body in enumerate(bodies, 1)]
    return strict_json.dumps({"BatchItemRequest": rows})


def test_each_item_of_a_batch_has_its_object_or_its_fault(quickbooks: QuickBooks) -> None:
    answers = quickbooks.company.batch(batch_of(NEW, NEW), "k" * 32)
    made, refused = answers["1"], answers["2"]
    assert isinstance(made, Written)
    assert (made.body["DocNumber"], made.trace[:2]) == ("1043", "1-")
    assert made.time == datetime.fromtimestamp(quickbooks.world.time, UTC)
    assert isinstance(refused, DuplicateNumber)
    assert refused.taken_by == made.body["Id"]
    (request,) = quickbooks.adapter.requests
    assert parameters(request) == {"minorversion": "75", "requestid": "k" * 32}
    again = quickbooks.company.batch(batch_of(NEW, NEW), "k" * 32)["1"]
    assert isinstance(again, Written)
    assert again.body == made.body


@pytest.mark.parametrize(
    "item",
    [
        {"bId": "1"},
        {"bId": "1", "Invoice": {"SyncToken": "0"}},
        {"bId": "1", "Invoice": {"Id": "7"}},
        {"bId": "1", "Fault": {"type": "SystemFault", "Error": [{"code": "10000"}]}},
        {"bId": "1", "Fault": {"type": "SystemFault", "Error": [{"code": "98765"}]}},
        {"bId": "1", "Fault": {}},
    ],
)
def test_an_item_without_a_clear_answer_is_unknown(clock: FakeClock, item: Any) -> None:
    company, _ = scripted(lambda _request: json_answer({"BatchItemResponse": [item]}), clock)
    assert isinstance(company.batch("{}", "k")["1"], OutcomeUnknown)


def test_a_batch_without_items_in_its_answer_is_unknown(clock: FakeClock) -> None:
    company, _ = scripted(lambda _request: json_answer({"Invoice": {"Id": "1"}}), clock)
    with pytest.raises(OutcomeUnknown):
        company.batch("{}", "k")


def test_batches_are_paced_by_their_own_limit(clock: FakeClock) -> None:
    company, _ = scripted(lambda _request: json_answer({"BatchItemResponse": []}), clock)
    for _ in range(41):
        company.batch("{}", "k")
    assert sum(clock.slept) >= 60 - 1e-6


# --- tokens and limits -----------------------------------------------------------------------------


def test_an_expired_token_is_refreshed_once_and_the_call_repeated(quickbooks: QuickBooks) -> None:
    quickbooks.bearer.stale = "dead"
    assert quickbooks.company.get("companyinfo/1")["Country"] == "US"
    assert quickbooks.bearer.asked == [None, "dead"]
    assert len(quickbooks.adapter.requests) == 2


def test_a_second_refusal_of_the_token_is_not_repeated(quickbooks: QuickBooks) -> None:
    quickbooks.order_fault("401", count=5)
    with pytest.raises(TokenExpired) as caught:
        quickbooks.company.get("companyinfo/1")
    assert len(quickbooks.adapter.requests) == 2
    token = quickbooks.world.bearer()["Authorization"].removeprefix("Bearer ")
    assert token not in caught.value.detail
    assert "[redacted]" in caught.value.detail


def test_after_a_429_nothing_is_sent_for_a_minute(quickbooks: QuickBooks) -> None:
    quickbooks.order_fault("429")
    with pytest.raises(Throttled) as first:
        quickbooks.company.query("Invoice")
    assert first.value.wait_seconds == 60
    quickbooks.clock.advance(20)
    with pytest.raises(Throttled) as second:
        quickbooks.company.query("Invoice")
    assert second.value.wait_seconds == 40
    assert len(quickbooks.adapter.requests) == 1
    quickbooks.clock.advance(40)
    assert quickbooks.company.query("Invoice") == []


# --- reads ---------------------------------------------------------------------------------------


def test_a_read_is_tried_three_times(quickbooks: QuickBooks) -> None:
    quickbooks.order_fault("500", count=2)
    assert quickbooks.company.query("Invoice") == []
    assert len(quickbooks.adapter.requests) == 3
    quickbooks.order_fault("500", count=3)
    with pytest.raises(OutcomeUnknown):
        quickbooks.company.query("Invoice")
    assert len(quickbooks.adapter.requests) == 6


def test_a_refusal_is_not_tried_again(quickbooks: QuickBooks) -> None:
    with pytest.raises(NotFoundOrInactive):
        quickbooks.company.get("invoice/999")
    assert len(quickbooks.adapter.requests) == 1


@pytest.mark.parametrize("name", ["O'Neill Construction", "Atelier Lumière"])
def test_a_name_with_odd_letters_is_found(quickbooks: QuickBooks, name: str) -> None:
    found = quickbooks.company.query("Customer", f"DisplayName = {quoted(name)}")
    assert [customer["DisplayName"] for customer in found] == [name]


@pytest.mark.parametrize(("text", "literal"), [("a", "'a'"), ("O'Neill", r"'O\'Neill'"), ("a\\'", r"'a\\\''")])
def test_a_literal_cannot_end_early(text: str, literal: str) -> None:
    assert quoted(text) == literal


def test_records_are_read_by_id_in_one_call_and_deleted_ones_are_missing(quickbooks: QuickBooks) -> None:
    first, second, third = (quickbooks.world.invoice(10) for _ in range(3))
    quickbooks.world.save("Invoice", named(second), operation="delete")
    found = quickbooks.company.by_ids("Invoice", [first["Id"], second["Id"], third["Id"], first["Id"]])
    assert {invoice["Id"] for invoice in found} == {first["Id"], third["Id"]}
    assert len(quickbooks.adapter.requests) == 1


def test_no_ids_need_no_call(quickbooks: QuickBooks) -> None:
    assert quickbooks.company.by_ids("Invoice", []) == []
    assert quickbooks.adapter.requests == []


def pages_of(count: int) -> Any:
    """A QuickBooks with `count` invoices, a thousand a page."""

    def answering(request: requests.PreparedRequest) -> Any:
        statement = parameters(request)["query"]
        start = int(statement.split("startposition+")[1].split("+")[0])
        rows = [{"Id": str(number)} for number in range(start, min(start + 1000, count + 1))]
        return json_answer({"QueryResponse": {"Invoice": rows} if rows else {}})

    return answering


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (999, 1), (1000, 2), (2500, 3)])
def test_a_long_answer_is_read_page_by_page(clock: FakeClock, count: int, calls: int) -> None:
    company, adapter = scripted(pages_of(count), clock)
    assert len(company.query("Invoice", limit=10_000)) == count
    assert len(adapter.requests) == calls


def test_pages_have_an_order_that_stays(clock: FakeClock) -> None:
    company, adapter = scripted(pages_of(1500), clock)
    company.query("Invoice", "Balance > '0'", limit=10_000)
    company.query("Invoice", order="MetaData.LastUpdatedTime", limit=10_000)
    orders = [parameters(one)["query"].split("orderby+")[1].split("+")[0] for one in adapter.requests]
    assert orders == ["Id", "Id", "MetaData.LastUpdatedTime", "MetaData.LastUpdatedTime"]


def test_many_ids_go_in_queries_that_a_url_can_hold(clock: FakeClock) -> None:
    company, adapter = scripted(lambda _request: json_answer({"QueryResponse": {}}), clock)
    company.by_ids("Invoice", [str(number) for number in range(250)])
    assert len(adapter.requests) == 3
    assert all(len(request.url or "") < 4000 for request in adapter.requests)


def test_an_answer_holds_only_what_was_asked_for(clock: FakeClock) -> None:
    rows = [{"Id": "7"}, {"Id": "9"}, {"Id": 7}, {}]
    company, _ = scripted(lambda _request: json_answer({"QueryResponse": {"Invoice": rows}}), clock)
    assert company.by_ids("Invoice", ["7", "8"]) == [{"Id": "7"}]


def test_change_data_capture_brings_what_changed_and_what_was_deleted(quickbooks: QuickBooks) -> None:
    since = datetime.fromtimestamp(quickbooks.world.time, UTC) - timedelta(minutes=1)
    kept, gone = quickbooks.world.invoice(10), quickbooks.world.invoice(20)
    quickbooks.world.save("Invoice", named(gone), operation="delete")
    quickbooks.world.payment(5, (kept, 5))
    changes = quickbooks.company.changes(["Invoice", "Payment"], since)
    assert changes.complete
    assert {(row["Id"], row.get("status")) for row in changes.objects["Invoice"]} == {
        (kept["Id"], None),
        (gone["Id"], "Deleted"),
    }
    assert len(changes.objects["Payment"]) == 1
    assert changes.time is not None
    assert changes.time >= since


def test_change_data_capture_at_its_limit_is_not_complete(clock: FakeClock) -> None:
    rows = [{"Id": str(number)} for number in range(CDC_LIMIT)]
    answer = {"CDCResponse": [{"QueryResponse": [{"Invoice": rows}, {}]}], "time": "2026-11-20T06:13:20-08:00"}
    company, _ = scripted(lambda _request: json_answer(answer), clock)
    changes = company.changes(["Invoice", "Payment"], clock.now())
    assert not changes.complete
    assert changes.time == datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


def test_reads_and_writes_are_paced_together(clock: FakeClock) -> None:

    company, _ = scripted(lambda _request: json_answer({"QueryResponse": {}}), clock)
    for _ in range(11):
        company.query("Invoice")
    assert sum(clock.slept) == 1.0


def test_nothing_that_changes_while_it_is_paged_slips_through(
    quickbooks: QuickBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page that was read moves one of its rows to the end, so that those behind it move up by one."""
    monkeypatch.setattr(company_port, "PAGE", 4)
    since = datetime.fromtimestamp(quickbooks.world.time, UTC)
    made = []
    for amount in range(1, 21):
        made.append(quickbooks.world.invoice(amount))
        quickbooks.world.time += 1
    whole = quickbooks.company._page

    def page(*asked: Any) -> tuple[list[dict[str, Any]], datetime | None]:
        answer = whole(*asked)
        if answer[0]:
            quickbooks.world.time += 1
            first = quickbooks.world.save("Invoice", sparse(answer[0][0], CustomerMemo={"value": "meanwhile"}))
            assert first["Id"] == answer[0][0]["Id"]
        return answer

    edits = iter(range(8))
    monkeypatch.setattr(
        quickbooks.company, "_page", lambda *asked: (whole if next(edits, None) is None else page)(*asked)
    )
    pages = list(quickbooks.company.changed_since("Invoice", since))
    assert {row["Id"] for rows, _ in pages for row in rows} == {row["Id"] for row in made}
    assert all(time is not None for _, time in pages)


def test_more_rows_of_one_second_than_a_page_holds_are_all_found(
    quickbooks: QuickBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_port, "PAGE", 4)
    since = datetime.fromtimestamp(quickbooks.world.time, UTC)
    made = [quickbooks.world.invoice(amount) for amount in range(1, 12)]
    pages = list(quickbooks.company.changed_since("Invoice", since))
    assert {row["Id"] for rows, _ in pages for row in rows} == {row["Id"] for row in made}


@pytest.mark.parametrize(
    "made",
    [{}, {"Id": "7"}, {"Id": "x/y", "SyncToken": "0"}, {"Id": "8", "SyncToken": "0"}, {"Id": "7", "SyncToken": 0}],
)
def test_an_answer_that_is_not_about_what_was_written_leaves_the_outcome_unknown(
    clock: FakeClock, made: dict[str, Any]
) -> None:
    answering, _ = scripted(lambda _request: json_answer({"Invoice": made}), clock)
    with pytest.raises(OutcomeUnknown):
        answering.write("invoice", '{"Id":"7","SyncToken":"0"}', "k" * 32)
