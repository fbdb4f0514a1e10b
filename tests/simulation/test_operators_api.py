"""What an operator does in JSON: the console's own actions, with a token that may."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from storage import brakes, dead_letters
from storage.paging import Asked
from tests.simulation.test_operators_pages import good_delivery, letters
from tests.simulation.world import World


def groups(world: World) -> list[tuple[str, int]]:
    found = world.api("GET", "/api/dead-letters/groups").get_json()["groups"]
    return [(one["fingerprint"], one["count"]) for one in found]


def newest_act(world: World) -> str:
    act = world.parts.console.actions.installation.acts(Asked(1)).rows[0]
    return f"{act.through}: {act.what} {act.subject}"


def job_of(world: World, number: int) -> dict[str, Any]:
    found: dict[str, Any] = world.api("GET", f"/api/bulk-jobs/{number}").get_json()
    return found


def test_a_group_is_driven_again_the_number_first(world: World) -> None:
    letters(world, *(good_delivery(world) + b" " * number for number in range(60)), b"{")
    letters(world, b"[]", reason="delivery_limit")
    assert groups(world) == [("inbound: rejected", 61), ("inbound: delivery_limit", 1)]
    (other,) = world.api("GET", "/api/dead-letters?fingerprint=inbound: delivery_limit").get_json()["data"]
    assert other["fingerprint"] == "inbound: delivery_limit"
    wanted = {"what": "redrive", "fingerprint": "inbound: rejected"}
    assert world.api("POST", "/api/bulk-jobs/preview", wanted).get_json() == {"count": 61}
    answer = world.api("POST", "/api/bulk-jobs", wanted | {"by": "Kim"})
    begun = answer.get_json()
    assert (answer.status_code, begun["state"], begun["done"], begun["total"], begun["by"]) == (
        201,
        "running",
        0,
        61,
        "Kim",
    )
    assert newest_act(world) == f"api: POST bulk-jobs job:{begun['id']} redrive inbound: rejected"
    for _ in range(2):
        world.parts.operating.bulk.step()
    ended = job_of(world, begun["id"])
    assert (ended["what"], ended["state"], ended["done"], ended["failed"]) == ("redrive", "done", 60, 1)
    assert ended["last_error"]
    assert world.api("GET", "/api/bulk-jobs").get_json() == {"jobs": [ended]}
    assert groups(world) == [("inbound: delivery_limit", 1), ("inbound: rejected", 1)]


def test_one_is_discarded_and_a_job_is_stopped(world: World) -> None:
    first, *_ = letters(world, *(b"x" * number for number in range(1, 80)))
    assert world.api("POST", f"/api/dead-letters/{first}/discard").status_code == 204
    with world.parts.database.reading() as session:
        assert dead_letters.count(session) == 78
    number = world.api("POST", "/api/bulk-jobs", {"what": "discard"}).get_json()["id"]
    world.parts.operating.bulk.step()
    world.api("POST", f"/api/bulk-jobs/{number}/stop")
    assert world.parts.operating.bulk.step() == 0
    assert (job_of(world, number)["state"], job_of(world, number)["done"]) == ("stopped", 50)
    with world.parts.database.reading() as session:
        assert dead_letters.count(session) == 28


def test_what_waits_for_a_person_is_looked_at_again(world: World) -> None:
    with world.parts.database.transaction() as session:
        session.execute(sa.text("delete from mappings where key = 'time'"))
    world.invoice(world.client("Aster"), "10.00")
    world.settle()
    (group,) = world.api("GET", "/api/parked").get_json()["groups"]
    assert (group["state"], group["code"], group["count"]) == ("parked", "line_type_not_mapped", 1)
    wanted = {"what": "look_again", "code": group["code"], "connection": world.connection_id}
    assert world.api("POST", "/api/bulk-jobs/preview", wanted).get_json() == {"count": 1}
    assert world.api("POST", "/api/bulk-jobs/preview", wanted | {"code": "other"}).get_json() == {"count": 0}
    world.api("POST", "/api/bulk-jobs", wanted)
    world.parts.operating.bulk.step()
    assert world.connection()["work"]["due"] == 1


def test_a_connection_is_recovered_from_a_moment_on(world: World) -> None:
    since = world.clock.now().isoformat()
    world.clock.advance(5)
    world.invoice(world.client("Aster"), "10.00")
    world.settle()
    wanted = {"what": "recover", "connection": world.connection_id, "since": since}
    assert world.api("POST", "/api/bulk-jobs/preview", wanted).get_json()["count"] > 0
    before = world.planned()
    assert world.api("POST", "/api/bulk-jobs", wanted).get_json()["what"] == "recover"
    world.parts.operating.bulk.step()
    assert world.connection()["work"]["due"] > 0
    assert world.planned()["cdc"] <= world.clock.now() < before["cdc"]
    world.settle()
    assert world.compare().differing == []
    for days in (-30, 1):
        wrong = wanted | {"since": (world.clock.now() + timedelta(days=days)).isoformat()}
        answer = world.web.post("/api/bulk-jobs", json=wrong, headers={"Authorization": "Bearer api"})
        assert (answer.status_code, answer.get_json()["code"]) == (409, "bulk_refused")


@pytest.mark.parametrize("part", brakes.PARTS)
def test_a_part_is_stopped_and_goes_on(world: World, part: str) -> None:
    world.api("POST", f"/api/brakes/{part}/pause", {"by": "Kim", "cause": "audit"})
    (stopped,) = world.api("GET", "/api/brakes").get_json()["stopped"]
    assert (stopped["part"], stopped["by"], stopped["cause"]) == (part, "Kim", "audit")
    assert newest_act(world) == f"api: POST pause {part}"
    invoice = world.invoice(world.client("Stopped"), "10.00")
    for _ in range(5):
        for letter in world.collect():
            world.deliver(letter)
        world.work()
        world.clock.advance(1)
    comes = part in ("ravetree", "estimate", "payment")
    assert bool(world.quickbooks.invoice(invoice["number"])) is comes
    world.api("POST", f"/api/brakes/{part}/resume")
    assert world.api("GET", "/api/brakes").get_json() == {"stopped": []}
    world.settle()
    assert world.quickbooks.invoice(invoice["number"])


def test_status_says_what_the_page_says(world: World) -> None:
    letters(world, b"{")
    said = world.api("GET", "/api/status").get_json()
    found = world.parts.console.actions.watching.wellness().findings
    assert not said["well"]
    assert [(one["code"], one["cause"], one["remedy"]) for one in said["findings"]] == [
        (one.code, one.cause, one.remedy) for one in found
    ]
    assert "dead_letters" in [one["code"] for one in said["findings"]]
