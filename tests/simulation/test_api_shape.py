"""The one shape of the API: errors, lists, request ids, and what its document says of them."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from config import logging as logs
from config.errors import RavebooksError
from reconcile.model import Attention, Kind, Record, Side
from schemas.envelopes import Delivery, Envelope
from schemas.problems import MEDIA_TYPE, ProblemSchema
from storage import connections, dead_letters, duties, inbox, jobs, pending
from storage.models import Connection
from sync.duties import CHANGES, EVENTS
from tests.simulation.world import World
from tests.unit.config.test_logging import lines, restored

__all__ = ["lines", "restored"]

HEAD = {"Authorization": "Bearer api"}
JSON = {"content_type": "application/json"}
CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def ask(world: World, method: str, path: str, **more: Any) -> TestResponse:
    path = path.replace("/ID", f"/{world.connection_id}")
    return world.web.open(path, method=method, **{"headers": HEAD} | more)


def problem(answer: TestResponse) -> dict[str, Any]:
    """The body of an error, which has the shape of all errors."""
    assert answer.content_type == MEDIA_TYPE
    body: dict[str, Any] = json.loads(answer.get_data())
    assert ProblemSchema().validate(body) == {}
    assert (body["status"], body["type"]) == (answer.status_code, "about:blank")
    assert CODE.fullmatch(body["code"])
    assert body["detail"].endswith(".")
    assert body["remedy"].endswith(".")
    return body


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        (
            "PUT",
            "/api/connections/ID/settings",
            {"data": "{"} | JSON,
            400,
            "malformed_json",
        ),
        ("GET", "/api/connections", {"headers": {}}, 401, "unauthorised"),
        ("GET", "/api/nowhere", {}, 404, "not_found"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/api/connections/x", {}, 404, "unknown_connection"),
        ("GET", "/api/connections/ID/jobs/7", {}, 404, "unknown_job"),
        ("GET", "/api/connections/ID/parity/7", {}, 404, "unknown_report"),
        ("GET", "/api/connections/ID/records/nowhere/invoice/1", {}, 404, "not_an_id"),
        ("POST", "/api/connections/ID/records/ravetree/invoice/inv_9/retry", {}, 404, "no_such_record"),
        ("POST", "/api/dead-letters/7/redrive", {}, 404, "unknown_dead_letter"),
        ("POST", "/api/dead-letters/7/discard", {}, 404, "unknown_dead_letter"),
        ("GET", "/api/bulk-jobs/7", {}, 404, "unknown_bulk_job"),
        ("POST", "/api/bulk-jobs/7/stop", {}, 404, "unknown_bulk_job"),
        ("POST", "/api/brakes/nothing/pause", {"json": {}}, 404, "unknown_part"),
        ("POST", "/api/brakes/nothing/resume", {}, 404, "unknown_part"),
        ("POST", "/api/bulk-jobs", {"json": {"what": "redrive"}}, 409, "bulk_refused"),
        ("POST", "/api/bulk-jobs", {"json": {"what": "dance"}}, 422, "invalid_request"),
        ("POST", "/api/bulk-jobs", {"json": {"what": "recover"}}, 422, "invalid_request"),
        ("DELETE", "/api/connections", {}, 405, "method_not_allowed"),
        ("GET", "/webhooks/quickbooks", {}, 405, "method_not_allowed"),
        ("DELETE", "/api/connections/ID", {}, 409, "not_active"),
        ("POST", "/api/pause", {"data": b" " * 2**20 + b"{}"} | JSON, 413, "too_large"),
        ("POST", "/api/pause", {"data": "{}", "content_type": "text/plain"}, 415, "not_json"),
        ("POST", "/api/connections", {"json": {}}, 422, "invalid_request"),
        ("POST", "/api/connections", {"json": []}, 422, "invalid_request"),
        ("GET", "/api/connections?limit=0", {}, 422, "invalid_request"),
        ("GET", "/api/connections?limt=5", {}, 422, "unknown_parameter"),
        ("GET", "/api/connections?cursor=x", {}, 422, "bad_cursor"),
    ],
)
def test_every_error_is_a_problem(
    world: World, method: str, path: str, more: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(world, method, path, **more)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "body", "field", "named"),
    [
        ("/api/connections/ID/settings", {"removals_limit": 0}, "removals_limit", ["removals_limit"]),
        ("/api/connections/ID/settings", {"removals_limit": 0, "x": 1}, None, ["removals_limit", "x"]),
        ("/api/connections/ID/mappings", {"line_types": {"time": ""}}, "line_types.time", ["line_types.time"]),
        ("/api/connections/ID/settings", [], None, [None]),
    ],
)
def test_the_fields_at_fault_are_named(world: World, path: str, body: Any, field: str | None, named: list[Any]) -> None:
    said = problem(ask(world, "PUT", path, json=body))
    assert said["field"] == field
    assert [(row["field"], row["location"]) for row in said["errors"]] == [(name, "body") for name in named]
    assert all(row["detail"] in said["detail"] for row in said["errors"])


def test_a_parameter_at_fault_is_named(world: World) -> None:
    said = problem(ask(world, "GET", "/api/connections?limt=5"))
    assert (said["field"], said["errors"][0]["location"]) == ("limt", "query")
    assert problem(ask(world, "GET", "/api/connections?cursor=x"))["field"] == "cursor"
    begun = {"account_id": "org 1", "ravetree_token": "t"}
    assert problem(ask(world, "POST", "/api/connections", json=begun))["field"] == "account_id"


def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(world: World) -> None:
    answer = ask(world, "DELETE", "/api/connections")
    assert problem(answer)["remedy"] == "It takes: GET, HEAD, OPTIONS, POST."
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_neighbour_that_is_away_and_a_database_that_is_away_are_no_faults_of_ours(world: World) -> None:
    world.ravetree.steer("faults", {"endpoint": "*", "kind": "503", "count": 100})
    away = ask(world, "GET", "/api/connections/ID/choices/line_type")
    assert (away.status_code, problem(away)["code"]) == (502, "failed")
    file = world.directory / "ravebooks.db"
    world.parts.database.close()
    file.rename(file.with_suffix(".moved"))
    file.mkdir()
    down = ask(world, "GET", "/api/connections")
    assert (down.status_code, problem(down)["code"]) == (503, "database_down")


def test_what_nobody_expected_is_a_500_that_says_so_and_is_in_the_log_under_its_id(
    world: World, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    with world.parts.database.transaction() as session:
        connections.get(session, world.connection_id).preflight = {"written by": "nobody"}
    logs.configure()
    answer = ask(world, "GET", "/api/connections/ID/preflight")
    said = problem(answer)
    assert (answer.status_code, said["code"]) == (500, "internal_error")
    assert answer.headers["Request-Id"] in said["detail"]
    (line,) = [line for line in lines() if line["level"] == "error"]
    assert line["request_id"] == answer.headers["Request-Id"]
    assert "KeyError" in line["exception"]


def test_an_error_of_ours_that_nobody_expected_here_is_a_500_with_its_own_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> str:
        raise RavebooksError("the ring is missing", remedy="Find it.")

    monkeypatch.setattr(type(world.parts.console.actions.connections), "one", broken)
    with capture_logs() as written:
        answer = ask(world, "GET", "/api/connections/ID")
    said = problem(answer)
    assert (answer.status_code, said["code"], said["remedy"]) == (500, "ravebooks_error", "Find it.")
    assert said["detail"].startswith("The ring is missing. ")
    assert answer.headers["Request-Id"] in said["detail"]
    assert [line["log_level"] for line in written if "exc_info" in line] == ["error"]


# --- request ids -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/connections", "/api/nowhere", "/healthz", "/connect/start", "/nowhere"])
def test_every_answer_has_an_id_of_its_own(world: World, path: str) -> None:
    ids = [ask(world, "GET", path).headers.get_all("Request-Id") for _ in range(2)]
    assert all(len(each) == 1 and re.fullmatch("[0-9a-f]{16}", each[0]) for each in ids)
    assert ids[0] != ids[1]


def test_an_id_that_a_caller_brings_is_taken_if_a_log_may_repeat_it(world: World) -> None:
    def answered(given: str) -> str:
        return ask(world, "GET", "/api/connections", headers=HEAD | {"Request-Id": given}).headers["Request-Id"]

    for given in ("req-7.a_B", "x" * 64, "7"):
        assert answered(given) == given
    for given in ("x" * 65, "a b", "", "-x", '{"a"', "a\u00e9"):
        assert re.fullmatch("[0-9a-f]{16}", answered(given)), given


def test_a_requests_id_stands_on_every_line_that_is_written_meanwhile_and_on_none_after_it(
    world: World, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    logs.configure()
    ask(world, "POST", "/api/connections/ID/preflight", headers=HEAD | {"Request-Id": "mine"})
    during = lines()
    logs.logger("test").info("afterwards")
    assert during
    assert {line["request_id"] for line in during} == {"mine"}
    assert "request_id" not in lines()[0]


# --- lists ---------------------------------------------------------------------------------------


@pytest.fixture
def full(world: World, paired: dict[str, Any]) -> World:
    """A world with more than a page of everything, a page being one row."""
    ours = world.invoice(paired["client_id"], "20.00")
    world.settle()
    now = world.clock.now()
    with world.parts.database.transaction() as session:
        for number in range(3):
            at = now + timedelta(seconds=number // 2)
            session.add(_connection(f"con_{number}", at))
            dead_letters.keep(
                session, message_id=f"m{number}", queue="q", routing_key="", reason="rejected", body=b"{}", now=now
            )
            _hold(session, world.connection_id, f"inv_{number}", at)
        for source in ("9", "unusable"):
            why = "" if source == "9" else "it is odd"
            envelopes = [Envelope(f"{source}{number}", "invoice.updated", "1", reason=why) for number in (1, 2)]
            inbox.record(session, [Delivery(source, Side.QUICKBOOKS, "9", now, tuple(envelopes))], now)
        for _ in range(2):
            job = jobs.begin(session, world.connection_id, jobs.BACKFILL, {}, "Kim", now)
            records = [Record(Side.RAVETREE, Kind.INVOICE, f"inv_{number}") for number in range(3)]
            jobs.add_records(session, job, dict.fromkeys(records, "1043"), now)
            jobs.move(session, world.connection_id, job.id, "stop", now)
        soon = now + timedelta(hours=1)
        for duty in (CHANGES, EVENTS):
            duties.failed(session, world.connection_id, duty.name, "it fails", now - timedelta(hours=2), soon)
    for invoice in (paired, ours):
        found = world.quickbooks.invoice(invoice["number"])
        assert found is not None
        changed = {
            "Id": found["Id"],
            "SyncToken": found["SyncToken"],
            "sparse": True,
            "CustomerMemo": {"value": "call first"},
        }
        world.quickbooks.write("invoice", changed)
    world.settle()
    for _ in range(2):
        world.parity()
    return world


def _connection(name: str, at: Any) -> Connection:
    return Connection(id=name, account_id=name, realm_id=name, state="archived", created_at=at, cdc_watermark=at)


def _hold(session: Any, connection_id: str, name: str, at: Any) -> None:
    record = Record(Side.RAVETREE, Kind.INVOICE, name)
    pending.note(session, connection_id, record, at)
    pending.need_attention(session, connection_id, record, 1, Attention("held", "odd", "It is odd.", "See."), at)


LISTS = {
    "/api/connections": 4,
    "/api/connections/ID/items": 3,
    "/api/connections/ID/usage": 1,
    "/api/connections/ID/attention": 5,
    "/api/connections/ID/jobs": 3,
    "/api/connections/ID/jobs/JOB/records": 3,
    "/api/connections/ID/parity": 2,
    "/api/connections/ID/drift": 2,
    "/api/connections/ID/records/ravetree/invoice/PAIRED/timeline": 3,
    "/api/events/kept-aside": 4,
    "/api/dead-letters": 3,
}
"""Every list, and how many rows the world above has of it at least."""


def pages(world: World, path: str, limit: int) -> Iterator[list[Any]]:
    cursor = ""
    while True:
        answer = ask(world, "GET", f"{path}{'&' if '?' in path else '?'}limit={limit}&cursor={cursor}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        page = answer.get_json()
        assert set(page) == {"data", "next_cursor"}
        assert len(page["data"]) <= limit
        yield page["data"]
        if page["next_cursor"] is None:
            return
        cursor = page["next_cursor"]


def test_every_list_is_answered_in_pages_that_together_are_the_list(full: World, paired: dict[str, Any]) -> None:
    number = ask(full, "GET", "/api/connections/ID/jobs").get_json()["data"][0]["id"]
    for path, least in LISTS.items():
        path = path.replace("JOB", str(number)).replace("PAIRED", paired["id"])
        (whole,) = pages(full, path, 1000)
        assert len(whole) >= least, (path, whole)
        for limit in (1, 2):
            assert [row for page in pages(full, path, limit) for row in page] == whole, path


def test_no_list_of_the_document_is_without_pages(world: World) -> None:
    document = world.web.get("/api/openapi.json").get_json()
    shapes = document["components"]["schemas"]
    listed = {
        path: {each["name"] for each in operations["get"].get("parameters", []) if each.get("in") == "query"}
        for path, operations in document["paths"].items()
        if _shape(operations.get("get")).endswith("Page")
    }
    assert len(listed) == len(LISTS)
    assert all({"limit", "cursor"} <= named for named in listed.values())
    assert not [path for path, each in document["paths"].items() if _schema(each.get("get")).get("type") == "array"]
    of_pages = [set(each["properties"]) for name, each in shapes.items() if name.endswith("Page")]
    assert all(names == {"data", "next_cursor"} for names in of_pages)


def _schema(operation: Any) -> dict[str, Any]:
    if operation is None:
        return {}
    contents = operation["responses"].get("200", {}).get("content", {})
    found: dict[str, Any] = contents.get("application/json", {}).get("schema", {})
    return found


def _shape(operation: Any) -> str:
    return str(_schema(operation).get("$ref", ""))


def test_what_is_added_between_two_pages_neither_hides_nor_doubles_a_row(full: World) -> None:
    """Newest first a new row would push an old one onto the next page; oldest first it comes at the end."""
    newest = pages(full, "/api/connections/ID/jobs", 1)
    oldest = pages(full, "/api/connections/ID/attention", 2)
    before = [row["id"] for row in ask(full, "GET", "/api/connections/ID/jobs").get_json()["data"]]
    seen, waits = [row["id"] for row in next(newest)], list(next(oldest))
    full.clock.advance(60)
    with full.parts.database.transaction() as session:
        jobs.begin(session, full.connection_id, jobs.BACKFILL, {}, "Kim", full.clock.now())
        _hold(session, full.connection_id, "inv_new", full.clock.now())
    assert seen + [row["id"] for page in newest for row in page] == before
    waits += [row for page in oldest for row in page]
    assert [row["id"] for row in waits] == [*[full.connection_id] * 2, "inv_0", "inv_1", "inv_2", "inv_new"]


@pytest.mark.parametrize(
    "other",
    [
        "/api/connections/ID/parity?",
        "/api/connections/OTHER/jobs?",
        "/api/events/kept-aside?outcome=unknown&",
        "/api/events/kept-aside?outcome=unusable&",
    ],
)
def test_a_cursor_is_good_for_the_list_that_gave_it_alone(full: World, other: str) -> None:
    path = "/api/events/kept-aside?" if "events" in other else "/api/connections/ID/jobs?"
    cursor = ask(full, "GET", f"{path}limit=1").get_json()["next_cursor"]
    assert ask(full, "GET", f"{path}cursor={cursor}").status_code == 200
    answer = ask(full, "GET", f"{other.replace('OTHER', 'con_0')}cursor={cursor}")
    assert (answer.status_code, problem(answer)["code"]) == (422, "bad_cursor")


def test_a_cursor_that_was_altered_is_refused(full: World) -> None:
    cursor = ask(full, "GET", "/api/connections/ID/jobs?limit=1").get_json()["next_cursor"]
    for altered in (cursor[:-1], f"{cursor}x", cursor.partition(".")[0], "WzFd.x", cursor.swapcase()):
        assert ask(full, "GET", f"/api/connections/ID/jobs?cursor={altered}").status_code == 422, altered
