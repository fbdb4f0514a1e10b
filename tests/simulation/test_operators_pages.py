"""The operator's pages, as a browser without a script asks for them."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from clients.errors import Away
from console.pages.showing import EXTENSION
from storage import brakes, bulk_jobs, dead_letters, users
from storage.paging import Asked
from sync.duties import EVENTS
from tests.simulation.spoiling import Answer, spoiled
from tests.simulation.test_batches import BatchWorld
from tests.simulation.test_console import Visit, asked_on_both_sides, text_of
from tests.simulation.world import RAVETREE, World, as_settled

PAGES = ("well", "queues", "queues?span=day", "dead", "parked", "events", "brakes", "kept", "support")
LIVE = ("well/now", "queues/now")


@pytest.fixture
def operator(world: World) -> Visit:
    return Visit(world, users.OPERATOR)


def letters(world: World, *bodies: bytes, reason: str = "rejected") -> list[int]:
    """Dead letters with these bodies; their ids."""
    with world.parts.database.transaction() as session:
        for number, body in enumerate(bodies):
            dead_letters.keep(
                session,
                message_id=f"{reason}{number}",
                queue="ravebooks.inbound",
                routing_key="quickbooks.1",
                reason=reason,
                body=body,
                now=world.clock.now(),
                fingerprint=f"inbound: {reason}",
                headers={"x-death": [{"count": 20, "reason": reason}]},
            )
        return dead_letters.some(session, 0, dead_letters.newest(session), f"inbound: {reason}", 1000)


def good_delivery(world: World) -> bytes:
    """A delivery about an invoice of nobody's, as a message has it."""
    said = {"v": 1, "id": "d1", "source": "quickbooks", "account": "99", "received_at": "2026-11-20T14:13:20Z"}
    event: dict[str, Any] = {
        "id": "e1",
        "type": "invoice.updated",
        "subject": "7",
        "time": None,
        "legacy": False,
        "data": {},
    }
    return json.dumps(said | {"events": [event | {"reason": ""}]}).encode()


def acts(world: World) -> list[str]:
    """What was done in the console, newest first."""
    found = world.parts.console.actions.installation.acts(Asked(50)).rows
    return [f"{act.what} {act.subject}".strip() for act in found if act.through == "console" and act.what != "sign in"]


@pytest.mark.parametrize("path", [*PAGES, *LIVE])
def test_only_operators_of_all_accounts_see_them(world: World, path: str) -> None:
    assert Visit(world).get(path).status_code == 302
    account = world.connection()["account_id"]
    others = ((users.VIEWER, account), (users.BOOKKEEPER, account), (users.VIEWER, ""))
    assert [Visit(world, *whose).get(path).status_code for whose in others] == [403, 403, 403]
    assert Visit(world, users.OPERATOR).get(path).status_code == 200


@pytest.mark.parametrize("path", LIVE)
def test_what_has_not_changed_is_not_sent_again(operator: Visit, path: str) -> None:
    first = operator.get(path)
    again = operator.browser.get(f"/console/{path}", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)


def test_it_is_well_or_says_what_is_not_with_one_button(operator: Visit) -> None:
    world = operator.world
    assert "All is well" in text_of(operator.get("well"))
    world.api("POST", f"/api/connections/{world.connection_id}/pause", {"by": "Kim", "cause": "the audit"})
    letters(world, b"{")
    page = text_of(operator.get("well"))
    assert "2 things are not well" in page
    assert "Paused by Kim: the audit" in page
    assert "1 message could not be handled" in page
    operator.post("brakes/connection?do=resume", "well", connection=world.connection_id, **{"from": "well"})
    assert world.connection()["state"] == "active"
    assert "1 thing is not well" in text_of(operator.get("well"))
    assert acts(world)[0] == "resume connection"
    assert "resume connection" in text_of(operator.get("well")), "what changed in the last hour"


def test_queues_say_how_much_waits_and_charts_draw_what_was_sampled(operator: Visit) -> None:
    world = operator.world
    world.parts.operating.signs("worker").give()
    world.invoice(world.client("Aster"), "10.00")
    for letter in world.collect():
        world.deliver(letter)
    world.clock.advance(120)
    world.parts.consuming.sweeper.sweep()
    page = text_of(operator.get("queues"))
    assert re.search(r"Changes past due [1-9]\d* 2 min", page)
    assert "There is no broker" in page
    assert "worker" in page
    chart = operator.get("queues").text.partition("Past due of the last hour")[2][:200]
    assert re.match(r": now [1-9]", chart)


def test_what_is_kept_says_how_long_and_what_was_removed(world: World) -> None:
    for _ in range(4):
        world.parts.consuming.sweeper.sweep()
        world.clock.advance(91 * 86400)
    page = text_of(Visit(world, users.OPERATOR).get("kept"))
    assert "Events of records that are followed 90 days" in page
    assert "none yet" not in page
    assert re.search(
        r"kept aside: unusable, of nobody known, or not followed 90 days a digest of its id \S.* [1-9]", page
    )


def test_a_broker_that_does_not_answer_is_told_and_hides_nothing_else(operator: Visit) -> None:
    def away() -> Any:
        raise Away("RabbitMQ cannot be reached", remedy="Start it.")

    application = operator.world.web.application
    actions = application.extensions[EXTENSION].actions
    watching = replace(actions.watching, ask_queues=away)
    application.extensions[EXTENSION] = replace(
        application.extensions[EXTENSION], actions=replace(actions, watching=watching)
    )
    page = text_of(operator.get("queues"))
    assert "RabbitMQ cannot be reached. Start it." in page
    assert "Changes past due" in page


# --- dead letters and parked work ----------------------------------------------------------------


def test_dead_letters_are_grouped_shown_redacted_and_driven_again_one_by_one(operator: Visit) -> None:
    world = operator.world
    first, second = letters(world, good_delivery(world), b'{"access_token": "abcdefghijklmnopqrstuvwxyz"}')
    letters(world, b"[]", reason="delivery_limit")
    page = text_of(operator.get("dead"))
    assert "inbound: rejected 2" in page
    assert "inbound: delivery_limit 1" in page
    assert "abcdefghijkl" not in operator.get(f"dead/{second}").text
    assert "x-death" in operator.get(f"dead/{second}").text
    assert operator.post(f"dead/{first}/redrive", "dead").status_code == 303
    assert operator.post(f"dead/{second}/redrive", "dead").status_code == 409
    assert operator.post(f"dead/{second}/discard", "dead").status_code == 303
    page = text_of(operator.get("dead"))
    assert "rejected" not in page
    assert "delivery_limit 1" in page
    assert "Discarded" in text_of(operator.get(f"dead/{second}"))
    assert acts(world)[:2] == [f"discard dead letter dead letter:{second}", f"redrive dead letter dead letter:{first}"]
    assert operator.get("dead/999").status_code == 404


def test_a_whole_group_is_driven_again_the_number_first_as_a_job(operator: Visit) -> None:
    world = operator.world
    letters(world, *(good_delivery(world) + b" " * number for number in range(60)), b"{")
    letters(world, b"[]", reason="delivery_limit")
    wanted = {"what": "redrive", "fingerprint": "inbound: rejected"}
    assert "61 are published again" in text_of(operator.get("many?what=redrive&fingerprint=inbound: rejected"))
    answer = operator.post("many/begin", "dead", **wanted)
    job = answer.headers["Location"].rpartition("/")[2]
    # What comes later is not among them.
    later = letters(world, b"later", reason="rejected")[-1]
    assert "0 done of 61" in text_of(operator.get(f"many/{job}"))
    world.parts.operating.bulk.step()
    assert "50 done of 61" in text_of(operator.get(f"many/{job}/now"))
    world.parts.operating.bulk.step()
    page = text_of(operator.get(f"many/{job}"))
    assert "done begun" in page
    assert "60 done of 61, 1 could not be" in page
    assert world.parts.operating.bulk.step() == 0
    with world.parts.database.reading() as session:
        assert [group.count for group in dead_letters.groups(session)] == [2, 1]
        letter = dead_letters.find(session, later)
        assert letter is not None
        assert letter.redriven_at is None
    assert acts(world)[0] == f"redrive many job:{job} inbound: rejected"


def test_a_job_is_stopped_and_what_was_done_stays_done(operator: Visit) -> None:
    world = operator.world
    letters(world, *(b"x" * number for number in range(1, 80)))
    job = operator.post("many/begin", "dead", what="discard").headers["Location"].rpartition("/")[2]
    world.parts.operating.bulk.step()
    operator.post(f"many/{job}/stop", "dead")
    assert world.parts.operating.bulk.step() == 0
    with world.parts.database.reading() as session:
        assert dead_letters.count(session) == 29
        assert bulk_jobs.get(session, int(job)).state == bulk_jobs.STOPPED


def test_nothing_is_begun_that_would_do_nothing_or_that_nobody_knows(operator: Visit) -> None:
    assert operator.post("many/begin", "dead", what="redrive").status_code == 409
    assert operator.post("many/begin", "dead", what="explode").status_code == 409
    assert operator.get("many?what=explode").status_code == 404
    assert acts(operator.world) == []


def test_parked_work_is_looked_at_again_and_every_attempt_is_shown(operator: Visit) -> None:
    world = operator.world
    row = asked_on_both_sides(world)
    code = row["code"]
    assert "Look again at 1" in text_of(operator.get("parked"))
    assert row["cause"] in text_of(operator.get(f"parked?code={code}"))
    page = text_of(operator.get(f"parked/{world.connection_id}/{row['side']}/{row['kind']}/{row['id']}"))
    assert "payment.create in Ravetree" in page
    world.clock.advance(60)
    job = operator.post("many/begin", "parked", what="look again", code=code).headers["Location"].rpartition("/")[2]
    world.parts.operating.bulk.step()
    assert "1 done of 1" in text_of(operator.get(f"many/{job}"))
    assert not world.attention()
    world.settle()
    assert [one["code"] for one in world.attention()] == [code], "looked at, it asks again"


# --- events --------------------------------------------------------------------------------------


def test_an_event_is_found_and_what_became_of_it_stands_on_one_page(operator: Visit) -> None:
    world = operator.world
    invoice = world.invoice(world.client("Aster"), "10.00")
    world.settle()
    page = operator.get(f"events?record={invoice['id']}").text
    (address,) = {f"events/{number}" for number in re.findall(r"/console/events/(\d+)", page)}
    story = text_of(operator.get(address))
    assert "invoice.created" in story
    assert "invoice.create: done" in story
    assert "HTTP 200" in story
    assert operator.get("events?until=yesterday").status_code == 400
    assert operator.get("events/99999").status_code == 400
    assert "Nothing is found" in text_of(operator.get("events?id=nobody"))


def test_a_connection_is_looked_at_anew_from_a_moment_on(operator: Visit) -> None:
    world = operator.world
    since = world.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    known = len(world.ravetree.every("events"))
    world.clock.advance(5)
    world.invoice(world.client("Aster"), "10.00")
    world.settle()
    world.plan(EVENTS)
    world.settle()
    world.plan(EVENTS, world.clock.now() + timedelta(days=1))
    wanted = {"what": "recover", "connection": world.connection_id, "since": since}
    shown = text_of(operator.get(f"many?what=recover&connection={world.connection_id}&since={since}"))
    count = int(re.search(r"Recover (\d+) are of the events", shown)[1])  # type: ignore[index]
    assert count > 0
    before = world.planned()
    operator.post("many/begin", "events", **wanted)
    world.parts.operating.bulk.step()
    assert world.connection()["work"]["due"] > 0
    assert world.planned()["cdc"] <= world.clock.now() < before["cdc"]
    told: list[str] = []

    def listening(request: requests.PreparedRequest, ask: Any) -> Answer:
        status, headers, body = ask()
        if "/events" in (request.url or ""):
            told.extend(row["id"] for row in json.loads(body)["data"])
        return status, headers, body

    with spoiled(world, listening, RAVETREE):
        world.work()
    assert set(told) == {event["id"] for event in world.ravetree.every("events")[known:]}, (
        "what came since is read again"
    )
    world.settle()
    assert world.attention() == []
    assert world.compare().differing == []
    for wrong in ("never", (world.clock.now() + timedelta(days=1)).isoformat(), "2020-01-01"):
        assert operator.post("many/begin", "events", **wanted | {"since": wrong}).status_code == 409


# --- brakes --------------------------------------------------------------------------------------


def test_a_banner_is_on_every_page_while_something_is_stopped(operator: Visit) -> None:
    world = operator.world
    viewer = Visit(world, users.VIEWER, world.connection()["account_id"])
    assert operator.post("brakes/pull", "brakes", part="invoice", cause="the audit").status_code == 303
    for visit, path in ((operator, "well"), (operator, "people"), (viewer, "ID/"), (viewer, "ID/records")):
        assert "stopped writes of invoice" in text_of(visit.get(path)), path
    operator.post("brakes/release", "brakes", part="invoice")
    assert "stopped writes" not in text_of(viewer.get("ID/"))
    assert acts(world) == ["go on invoice", "stop invoice"]
    assert operator.post("brakes/pull", "brakes", part="the moon").status_code == 404


@pytest.mark.parametrize(
    ("part", "comes"), [("invoice", False), ("quickbooks", False), ("ravetree", True), ("payment", True)]
)
def test_what_is_stopped_waits_and_goes_on_where_it_stood(world: World, part: str, comes: bool) -> None:
    installation = world.parts.console.actions.installation
    world.client("Warm")
    world.settle()
    installation.stop_part(part, "Kim", "the audit")
    invoice = world.invoice(world.client("Aster"), "10.00")
    world.settle()
    assert (world.quickbooks.invoice(invoice["number"]) is not None) is comes
    assert world.attention() == []
    assert world.connection()["work"]["waiting"] == (0 if comes else 1)
    installation.resume_part(part)
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None
    assert world.connection()["work"]["waiting"] == 0


def test_what_found_the_brake_pulled_after_it_was_released_goes_on_too(world: World) -> None:
    installation = world.parts.console.actions.installation
    installation.stop_part("invoice", "Kim", "")
    invoice = world.invoice(world.client("Aster"), "10.00")
    world.settle()
    with world.parts.database.transaction() as session:
        brakes.release(session, "invoice")
    world.clock.advance(60)
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None


def test_a_write_without_an_answer_is_not_sent_again_while_its_side_is_stopped(world: World) -> None:
    installation = world.parts.console.actions.installation
    client = world.client("Aster")
    world.invoice(client, "1.00")
    world.settle()
    world.quickbooks.steer("faults", {"endpoint": "invoice.create", "kind": "timeout_before", "count": 1, "seconds": 0})
    invoice = world.invoice(client, "10.00")
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    assert world.connection()["work"]["uncertain"] == 1
    installation.stop_part("quickbooks", "Kim", "")
    for _ in range(20):
        world.clock.advance(60)
        world.work()
    assert world.quickbooks.invoice(invoice["number"]) is None
    assert world.connection()["state"] == "active", "what is stopped stalls nothing"
    installation.resume_part("quickbooks")
    world.clock.advance(3600)
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None
    assert len(world.quickbooks.query("select * from Invoice")) == 2


def test_a_back_fill_waits_too_and_comes_once(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path, prepare=as_settled)
    world.make_old(5)
    world.parts.console.actions.installation.stop_part("invoice", "Kim", "")
    world.begin()
    world.settle()
    assert world.quickbooks.query("select * from Invoice") == []
    assert world.connection()["state"] == "active"
    world.parts.console.actions.installation.resume_part("invoice")
    world.settle()
    assert len(world.quickbooks.query("select * from Invoice")) == 5
    world.close()


def test_the_support_bundle_has_no_secret_and_no_name(operator: Visit) -> None:
    world = operator.world
    world.invoice(world.client("Secretive & Sons"), "10.00")
    world.settle()
    letters(world, b'{"access_token": "abcdefghijklmnopqrstuvwxyz"}')
    said = operator.get("support").text
    settings = world.parts.settings
    for secret in (settings.secret_key, settings.quickbooks_client_secret, "Secretive", "abcdefgh"):
        assert secret
        assert secret not in said
    found = json.loads(said)
    assert found["settings"]["RAVEBOOKS_SECRET_KEY"] in ("[set]", "[redacted]")
    assert [one["finding"] for one in found["findings"]] == ["dead_letters"]
