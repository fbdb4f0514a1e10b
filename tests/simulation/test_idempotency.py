"""`Idempotency-Key`: what begins something is done once, however often it is sent."""

from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from storage.models import Act, IdempotencyKey, Job, OAuthState
from sync.operating.retaining import STEADY_SECONDS, Retaining
from tests.simulation.test_api_shape import HEAD, ask, problem
from tests.simulation.world import World

JOB = {"kind": "backfill", "by": "Kim"}
DAY = 86400


def send(world: World, path: str, body: dict[str, Any], key: str = "k-1", token: str = "") -> TestResponse:
    head = HEAD if not token else {"Authorization": f"Bearer {token}"}
    return ask(world, "POST", path, json=body, headers=head | {"Idempotency-Key": key})


def begin(world: World, body: dict[str, Any] = JOB, key: str = "k-1", token: str = "") -> TestResponse:
    return send(world, "/api/connections/ID/jobs", body, key, token)


def count(world: World, model: Any) -> int:
    with world.parts.database.reading() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def stop(world: World, job: int) -> None:
    assert ask(world, "POST", f"/api/connections/ID/jobs/{job}/stop").status_code == 200


def test_a_job_that_is_begun_again_under_its_key_is_one(world: World) -> None:
    before, acts = count(world, Job), count(world, Act)
    first = begin(world)
    assert (first.status_code, count(world, Job)) == (201, before + 1)
    # Another spelling of the same thing, also when the job has long ended.
    stop(world, first.get_json()["id"])
    again = begin(world, dict(reversed(JOB.items())))
    assert (again.status_code, again.get_data()) == (201, first.get_data())
    assert again.content_type == first.content_type
    assert (count(world, Job), count(world, Act)) == (before + 1, acts + 2)
    other = begin(world, key="k-2")
    assert other.get_json()["id"] != first.get_json()["id"]


def test_another_body_under_the_same_key_is_refused_and_begins_nothing(world: World) -> None:
    begin(world)
    before = count(world, Job)
    refused = begin(world, JOB | {"by": "Jo"})
    assert (refused.status_code, problem(refused)["code"], problem(refused)["field"]) == (
        409,
        "key_refused",
        "Idempotency-Key",
    )
    assert count(world, Job) == before


def test_a_connect_under_its_key_has_one_link_and_nobody_finds_it_in_the_database(world: World) -> None:
    said = world.ravetree.credentials
    body = {"account_id": said["account_id"], "ravetree_token": said["api_token"]}
    before = count(world, OAuthState)
    first = send(world, "/api/connections", body, "a-key-of-the-caller")
    again = send(world, "/api/connections", body, "a-key-of-the-caller")
    assert first.get_json() == again.get_json()
    link = first.get_json()["start_url"]
    with world.parts.database.reading() as session:
        (row,) = session.execute(sa.select(IdempotencyKey)).scalars()
    stored = repr((row.digest, row.body)).encode() + (row.answer or b"")
    secrets = (link, link.partition("=")[2], "a-key-of-the-caller")
    assert [secret for secret in secrets if secret.encode() in stored] == []
    assert count(world, OAuthState) == before + 1


def test_after_a_day_the_key_is_free_and_nothing_of_it_is_kept(world: World) -> None:
    first = begin(world).get_json()
    stop(world, first["id"])
    world.clock.advance(DAY - 1)
    assert begin(world).get_json()["id"] == first["id"]
    world.clock.advance(2)
    second = begin(world, JOB | {"by": "Jo"}).get_json()
    assert second["id"] != first["id"]
    world.clock.advance(DAY + 1)
    retaining = Retaining(world.parts.database, world.clock, world.parts.settings.kept)
    retaining.step_if_due()
    world.clock.advance(STEADY_SECONDS)
    retaining.step_if_due()
    assert count(world, IdempotencyKey) == 0


def test_what_was_refused_is_judged_anew(world: World) -> None:
    running = begin(world, key="other").get_json()["id"]
    assert problem(begin(world))["code"] == "job_refused"
    stop(world, running)
    assert begin(world).status_code == 201


def test_while_it_is_answered_it_is_not_begun_twice_and_after_a_death_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers dies before the answer is kept."""
    with monkeypatch.context() as patch:
        patch.setattr("storage.idempotency.keep", lambda *_: None)
        first = begin(world).get_json()
    assert problem(begin(world))["code"] == "key_refused"
    stop(world, first["id"])
    world.clock.advance(119)
    assert problem(begin(world))["code"] == "key_refused"
    world.clock.advance(2)
    assert begin(world).status_code == 201


def test_a_key_is_its_callers_own(world: World) -> None:
    token, _ = world.parts.console.tokens.make("other", "operate", "", "Kim")
    first = begin(world).get_json()
    stop(world, first["id"])
    assert begin(world, token=token).get_json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
def test_a_key_that_cannot_be_compared_is_refused(world: World, key: str) -> None:
    refused = begin(world, key=key)
    assert (refused.status_code, problem(refused)["code"]) == (422, "bad_key")
    assert count(world, IdempotencyKey) == 0
