"""Tokens for the API, each with its scope and account; who did what; the way of Ravetree's users into the console."""

import pytest

from storage.paging import Asked
from tests.simulation.world import World

PAUSE = {"by": "Kim", "cause": ""}


def status(world: World, token: str, method: str, path: str, **more: object) -> int:
    answer = world.web.open(
        path.replace("/ID", f"/{world.connection_id}"),
        method=method,
        headers={"Authorization": f"Bearer {token}"},
        **more,  # type: ignore[arg-type]  # what werkzeug takes
    )
    return answer.status_code


def token(world: World, scope: str, account: str = "") -> str:
    return world.parts.console.tokens.make("test", scope, account)[0]


@pytest.mark.parametrize(
    ("scope", "statuses"), [("read", [200, 403, 403]), ("act", [200, 200, 403]), ("operate", [200, 200, 204])]
)
def test_a_token_does_what_its_scope_says(world: World, scope: str, statuses: list[int]) -> None:
    given = token(world, scope)
    assert [
        status(world, given, "GET", "/api/connections/ID"),
        status(world, given, "POST", "/api/connections/ID/pause", json=PAUSE),
        status(world, given, "POST", "/api/pause", json=PAUSE),
    ] == statuses


def test_a_token_for_one_account_knows_of_no_other(world: World) -> None:
    own, other = token(world, "act", world.connection()["account_id"]), token(world, "act", "org_of_somebody_else")
    assert [status(world, given, "GET", "/api/connections/ID") for given in (own, other)] == [200, 404]
    assert [status(world, given, "POST", "/api/connections/ID/pause", json=PAUSE) for given in (own, other)] == [
        200,
        404,
    ]
    lists = [
        world.web.get("/api/connections", headers={"Authorization": f"Bearer {given}"}).get_json()["data"]
        for given in (own, other)
    ]
    assert [len(found) for found in lists] == [1, 0]
    assert [status(world, given, "GET", "/api/dead-letters") for given in (own, other)] == [403, 403]


def test_a_revoked_token_opens_nothing(world: World) -> None:
    given, row = world.parts.console.tokens.make("test", "read")
    world.parts.console.tokens.revoke(row.id)
    assert status(world, given, "GET", "/api/connections/ID") == 401


def test_every_act_is_noted_with_who_did_it_and_what_is_read_or_refused_is_not(world: World) -> None:
    given = token(world, "act")
    before = world.parts.console.actions.installation.acts(Asked(50)).rows
    status(world, given, "GET", "/api/connections/ID")
    status(world, given, "POST", "/api/pause", json=PAUSE)
    status(world, given, "POST", "/api/connections/ID/pause", json=PAUSE)
    status(world, "api", "POST", "/api/connections/ID/resume")
    found = world.parts.console.actions.installation.acts(Asked(50), world.connection_id).rows
    new = [act for act in found if act.id not in {row.id for row in before}]
    assert [(act.who, act.through, act.what) for act in new] == [
        ("RAVEBOOKS_API_TOKEN", "api", "POST resume"),
        ("test", "api", "POST pause"),
    ]


def test_ravetree_sends_a_bookkeeper_into_the_console(world: World) -> None:
    answer = world.web.post(
        f"/api/connections/{world.connection_id}/console-links",
        json={"name": "Ann"},
        headers={"Authorization": f"Bearer {token(world, 'act', world.connection()['account_id'])}"},
    )
    assert answer.status_code == 201
    address, _, given = answer.get_json()["url"].partition("?token=")
    assert address.endswith("/console/enter")
    user, _ = world.parts.console.users.open_link(given)
    assert (user.shown, user.role) == (f"Ann ({world.connection()['account_id']})", "bookkeeper")
