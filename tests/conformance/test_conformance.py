"""`ravebooks conformance` passes the sandbox, and finds each fault that is planted in it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from clients.http import open_session
from ravebooks.commands.conformance import conformance
from ravebooks.conformance import reading, writing
from ravebooks.conformance.asking import Implementation, Verdict, tried
from tests.simulation.spoiling import JSON, Answer, Spoil, spoiled
from tests.simulation.world import RAVETREE, World

Ask = Callable[[], Answer]


def implementation(world: World) -> Implementation:
    organisation = world._organisations.first
    session = open_session(world.adapter)
    waits = world.clock.advance
    return Implementation(
        session, f"http://{RAVETREE}/v1", organisation.account_id, organisation.api_token, "conformance-1", waits
    )


def verdicts(world: World, spoil: Spoil | None = None) -> list[Verdict]:
    there = implementation(world)
    claims = reading.CLAIMS.every + writing.CLAIMS.every
    if spoil is None:
        return list(tried(claims, there))
    with spoiled(world, spoil, RAVETREE):
        found = list(tried(claims, there))
    assert writing.remove(there) == ""
    return found


@pytest.fixture
def busy(world: World) -> World:
    """One with invoices, payments and events to look at."""
    client = world.client("Northwind Galleries")
    made = [world.invoice(client, f"{number}0.00") for number in (1, 2, 3, 4, 5)]
    world.receive({made[0]["id"]: "4.00", made[1]["id"]: "20.00"}, "CHK 1")
    world.receive({made[2]["id"]: "5.00"}, "CHK 2")
    world.receive({made[3]["id"]: "5.00"}, "CHK 3")
    world.settle()
    return world


def payments(world: World) -> list[str]:
    return sorted(row["id"] for row in world.ravetree.every("payments"))


def test_the_sandbox_keeps_the_contract_and_is_left_as_it_was(busy: World) -> None:
    before = payments(busy)
    found = verdicts(busy)
    assert [verdict for verdict in found if verdict.result == "failed"] == []
    assert {verdict.claim for verdict in found if verdict.result == "skipped"} == {"pages of estimates"}
    assert payments(busy) == before
    busy.settle()
    assert (busy.attention(), busy.compare().differing) == ([], [])


def asked(request: requests.PreparedRequest, method: str, path: str) -> bool:
    return request.method == method and f"/v1/{path}" in (request.url or "")


def without_header(name: str, value: str | None = None) -> Spoil:
    """An implementation that does not look at a header, or finds another in it."""

    def spoil(request: requests.PreparedRequest, ask: Ask) -> Answer:
        request.headers.pop(name, None)
        if value is not None:
            request.headers[name] = value
        return ask()

    return spoil


def without_parameter(name: str) -> Spoil:
    def spoil(request: requests.PreparedRequest, ask: Ask) -> Answer:
        head, _, query = (request.url or "").partition("?")
        request.url = head + "?" + "&".join(part for part in query.split("&") if not part.startswith(f"{name}="))
        return ask()

    return spoil


def sending(method: str, path: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoil:
    """One that reads something else than was sent."""

    def spoil(request: requests.PreparedRequest, ask: Ask) -> Answer:
        if asked(request, method, path):
            body = json.dumps(change(json.loads(request.body or b"{}"))).encode()
            request.body, request.headers["Content-Length"] = body, str(len(body))
        return ask()

    return spoil


def answering(method: str, path: str, change: Callable[[int, Any], tuple[int, Any]]) -> Spoil:
    """One that answers something else than it should."""

    def spoil(request: requests.PreparedRequest, ask: Ask) -> Answer:
        if not asked(request, method, path):
            return ask()
        status, headers, body = ask()
        status, changed = change(status, json.loads(body))
        return status, headers | JSON, json.dumps(changed).encode()

    return spoil


def rows(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[int, Any], tuple[int, Any]]:
    """A change of each row of a list."""

    def changed(status: int, body: Any) -> tuple[int, Any]:
        if status == 200 and isinstance(body.get("data"), list):
            body["data"] = [change(row) for row in body["data"]]
        return status, body

    return changed


def unkeyed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"data": row["data"] | {"origin": {"kind": "integration", "id": "us", "operation_id": None}}}


def pretending(method: str, path: str, status: int, body: Any) -> Spoil:
    """One that does nothing and says that it did."""

    def spoil(request: requests.PreparedRequest, ask: Ask) -> Answer:
        if asked(request, method, path):
            return status, JSON, json.dumps(body).encode()
        return ask()

    return spoil


def second_is_another(world: World) -> Spoil:
    """Each payment has an external_id that nobody has had."""
    count = iter(range(100))
    return sending("POST", "payments", lambda body: body | {"external_id": f"x{next(count)}"})


FAULTS: dict[str, tuple[Spoil, str]] = {
    "another account's token": (
        answering("GET", "account", lambda s, b: (s, {"data": b["data"] | {"id": "org_1"}} if s == 200 else b)),
        "the token's account",
    ),
    "no account in the answer": (
        answering("GET", "account", lambda s, b: (s, {} if s == 200 else b)),
        "the token's account",
    ),
    "the account is not looked at": (
        answering("GET", "invoices", lambda s, b: (200, {"data": [], "next_cursor": None}) if s == 403 else (s, b)),
        "a token opens its own account",
    ),
    "errors without a body": (
        answering("GET", "invoices/conformance_nobody", lambda s, _: (s, {"detail": "no"})),
        "what is not there is 404",
    ),
    "a record without its balance": (
        answering("GET", "invoices", rows(lambda row: {k: v for k, v in row.items() if k != "balance"})),
        "lists of invoices",
    ),
    "money as numbers": (
        answering("GET", "payments", rows(lambda row: row | {"amount": 5.0} if "amount" in row else row)),
        "lists of payments",
    ),
    "an id that is none": (
        answering("GET", "contacts", rows(lambda row: row | {"id": "a/b"})),
        "lists of contacts",
    ),
    "the cursor is not looked at": (without_parameter("cursor"), "pages of invoices"),
    "updated_since is not looked at": (without_parameter("updated_since"), "lists since a time"),
    "a key twice": (
        answering("GET", "line_item_types", lambda s, b: (s, b | {"data": b["data"] * 2})),
        "the list of line_item_types",
    ),
    "a balance that is not": (
        answering("GET", "invoices", rows(lambda row: row | {"balance": "1.23"})),
        "totals of invoices",
    ),
    "invoice_id is not looked at": (without_parameter("invoice_id"), "totals of invoices"),
    "unapplied is forgotten": (
        answering("GET", "payments", rows(lambda row: row | {"unapplied": "3.00"} if "amount" in row else row)),
        "sums of payments",
    ),
    "after is not looked at": (without_parameter("after"), "the log of events"),
    "events of another account": (
        answering("GET", "events", rows(lambda row: row | {"account_id": "org_1"})),
        "the log of events",
    ),
    "keys are not kept": (without_header("Idempotency-Key"), "the same key is answered the same"),
    "what cannot be is stored": (
        answering("POST", "payments", lambda s, b: (201, {"data": {}}) if s == 422 else (s, b)),
        "what cannot be is refused",
    ),
    "a change of everything": (
        sending("PATCH", "payments", lambda body: body | {"memo": ""}),
        "a change is a PATCH of some fields",
    ),
    "versions are not looked at": (without_header("If-Match"), "a version that moved"),
    "the last word counts": (
        sending("PUT", "sync_states", lambda body: {k: v for k, v in body.items() if k != "sequence"}),
        "how a record's sync stands",
    ),
    "tombstones are left out": (
        answering(
            "GET", "payments?", lambda s, b: (s, b | {"data": [row for row in b["data"] if not row.get("deleted")]})
        ),
        "a payment is deleted",
    ),
    "events do not say who": (answering("GET", "events", rows(unkeyed)), "events name the write that caused them"),
    "records without an id": (
        answering("GET", "invoices", rows(lambda row: {k: v for k, v in row.items() if k != "id"})),
        "pages of invoices",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_where_it_is(busy: World, fault: str) -> None:
    before = payments(busy)
    spoil, claim = FAULTS[fault]
    found = {verdict.claim: verdict for verdict in verdicts(busy, spoil)}
    assert found[claim].result == "failed"
    assert found[claim].remedy.endswith(".")
    assert payments(busy) == before, "what was made is removed"


def test_a_second_payment_is_found_and_removed(busy: World) -> None:
    before = payments(busy)
    found = {verdict.claim: verdict.result for verdict in verdicts(busy, second_is_another(busy))}
    assert found["external_id is unique"] == "failed"
    assert payments(busy) == before


def test_a_payment_that_stays_is_named(busy: World) -> None:
    there = implementation(busy)
    with spoiled(busy, pretending("DELETE", "payments", 200, {"data": {}}), RAVETREE):
        found = {verdict.claim: verdict for verdict in tried(reading.CLAIMS.every + writing.CLAIMS.every, there)}
        assert found["a payment is deleted"].result == "failed"
        (left,) = there.made
        assert writing.remove(there) == f"Payment {left} could not be deleted: delete it by hand."
    assert writing.remove(there) == ""


def test_one_that_is_busy_is_asked_again(busy: World) -> None:
    waits = iter([429, 429])

    def spoil(request: requests.PreparedRequest, ask: Ask) -> Answer:
        if asked(request, "GET", "account") and (status := next(waits, None)):
            return status, JSON | {"Retry-After": "2"}, b"{}"
        return ask()

    assert {verdict.result for verdict in verdicts(busy, spoil)} == {"passed", "skipped"}


def test_one_that_nobody_answers_for_fails_every_claim_with_its_cause(busy: World) -> None:
    there = implementation(busy)
    with busy.away(RAVETREE):
        found = list(tried(reading.CLAIMS.every, there))
    assert "cannot be reached" in found[0].found
    assert {verdict.result for verdict in found} <= {"failed", "skipped", "passed"}
    assert [verdict.claim for verdict in found if verdict.result == "passed"] == ["sums of payments"]


def test_the_command_says_what_holds_and_ends_with_status_1_when_something_does_not(tmp_path: Path) -> None:
    """On the sandbox as a process, over a socket."""
    command = [sys.executable, "-c", "from ravebooks.command_line import run; run()", "conformance"]
    with subprocess.Popen(  # noqa: S603 - the sandbox of this environment
        [Path(sys.executable).with_name("ravetree-sandbox"), "--directory", tmp_path], stdout=subprocess.PIPE, text=True
    ) as sandbox:
        assert sandbox.stdout is not None
        ready = json.loads(sandbox.stdout.readline())["ravetree"]
        environment = os.environ | {"RAVETREE_TOKEN": ready["api_token"]}

        def run(*more: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(  # noqa: S603 - this interpreter and the command above
                [*command, ready["api_url"], *more], env=environment, capture_output=True, text=True, check=False
            )

        good = run("--account", ready["account_id"])
        assert (good.returncode, good.stderr) == (0, "")
        assert "ok    a payment is deleted" in good.stdout
        assert re.search(r"\d+ passed, 0 failed, \d+ skipped\n$", good.stdout)
        bad = run("--account", "org_of_somebody_else", "--read-only", "--json")
        assert bad.returncode == 1
        lines = [json.loads(line) for line in bad.stdout.splitlines()]
        assert lines[0]["result"] == "failed"
        assert lines[0]["remedy"].startswith("Let GET /account answer")
        assert ready["api_token"] not in bad.stdout + bad.stderr
        sandbox.terminate()


@pytest.mark.parametrize("url", ["http://ravetree.example/v1", "ftp://127.0.0.1/v1", "ravetree"])
def test_a_token_goes_nowhere_that_anybody_may_read_it(url: str) -> None:
    done = CliRunner().invoke(conformance, [url, "--account", "org_1", "--token", "rvt_secret"])
    assert (done.exit_code, "rvt_secret" in done.output) == (2, False)


def test_a_payment_whose_answer_was_lost_is_removed_or_named(busy: World) -> None:
    before, there = payments(busy), implementation(busy)

    def lost(request: requests.PreparedRequest, ask: Ask) -> Answer:
        answer = ask()
        return (500, JSON, b"{}") if asked(request, "POST", "payments") else answer

    with spoiled(busy, lost, RAVETREE):
        found = {verdict.claim: verdict.result for verdict in tried(reading.CLAIMS.every + writing.CLAIMS.every, there)}
        assert found["a payment is created"] == "failed"
        assert "conformance-1 may have been made" in writing.remove(there)
    assert len(payments(busy)) == len(before) + 1
    assert writing.remove(there) == ""
    assert payments(busy) == before
