"""Tokens for the API, each with its scope and account; who did what; the way of Ravetree's users into the console."""

import re

import pytest

from storage import users as roles
from storage.paging import Asked
from tests.simulation.test_console import TOKEN, Visit
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


# --- every route with every role -----------------------------------------------------------------

OPEN = frozenset(
    {
        ("begin", "GET"),
        ("bootstrap.static", "GET"),
        ("consent.callback", "GET"),
        ("consent.start", "GET"),
        ("consent.undo", "POST"),
        ("console.enter", "GET"),
        ("console.enter", "POST"),
        ("console.nothing_here", "GET"),
        ("console.nothing_here", "POST"),
        ("console.nothing_here", "PUT"),
        ("console.nothing_here", "PATCH"),
        ("console.nothing_here", "DELETE"),
        ("console.sign_in", "GET"),
        ("console.sign_in", "POST"),
        ("console.sign_out", "POST"),
        ("console.static", "GET"),
        ("contract.events", "GET"),
        ("contract.rest", "GET"),
        ("document.openapi", "GET"),
        ("health.healthz", "GET"),
        ("health.metrics", "GET"),
        ("health.readyz", "GET"),
        ("webhooks.quickbooks", "POST"),
        ("webhooks.ravetree", "POST"),
    }
)
"""What nobody signs in for: public, or with a signature or a link of its own."""
OWN = frozenset(
    {
        ("console.all_parts", "GET"),
        ("console.home", "GET"),
        ("console.sign_out_everywhere", "POST"),
        ("console.you", "GET"),
        ("console.you", "POST"),
    }
)
"""Pages of whoever is signed in, of no account."""
OTHERWISE = {
    ("console.connect", "GET"): roles.BOOKKEEPER,
    ("console.connect", "POST"): roles.BOOKKEEPER,
    ("console.parked_record", "GET"): roles.OPERATOR,
    ("console.reconnect", "GET"): roles.BOOKKEEPER,
}
"""Who is needed where it is otherwise: a viewer looks, a bookkeeper acts on an account, an operator does the rest."""
VALUES = {"side": "ravetree", "kind": "invoice", "record_id": "inv_1", "report_id": "1", "job_id": "1"}
CHOICES = {"letter_id": "1", "token_id": "1", "event_id": "1"}


def routes(world: World, *, api: bool) -> list[tuple[str, str, str]]:
    """Every route of the console, or of the API, that is not open: its endpoint, a method, an address."""
    values = VALUES | CHOICES | {"connection_id": world.connection_id, "owner": world.connection_id}
    values |= {"kind": "line_type"} if api else {}
    found = []
    for rule in world.web.application.url_map.iter_rules():
        path = re.sub(r"<any\((\w+),[^>]*>", lambda named: named[1], rule.rule)
        path = re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda named: values.get(named[1], "x"), path)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if (rule.endpoint, method) not in OPEN and path.startswith("/api/") == api:
                found.append((rule.endpoint, method, path))
    return found


def needed(endpoint: str, method: str, path: str, connection_id: str) -> str:
    if (endpoint, method) in OTHERWISE:
        return OTHERWISE[endpoint, method]
    if connection_id not in path:
        return roles.VIEWER if (endpoint, method) in OWN else roles.OPERATOR
    return roles.VIEWER if method == "GET" else roles.BOOKKEEPER


def test_what_is_open_is_there(world: World) -> None:
    """What stands in the list and nowhere else would open the next page of that name."""
    there = {
        (rule.endpoint, method) for rule in world.web.application.url_map.iter_rules() for method in rule.methods or ()
    }
    assert (OPEN | OWN | OTHERWISE.keys()) - there == set()


@pytest.mark.parametrize("role", ["", *roles.ROLES])
def test_every_page_lets_in_whom_it_is_for_and_nobody_else(world: World, role: str) -> None:
    """A new page is walked by itself: it is for those who are needed elsewhere, or stands in a list above."""
    account = "" if role in ("", roles.OPERATOR) else world.connection()["account_id"]
    browser, found = Walker(world, role, account), []
    for endpoint, method, path in routes(world, api=False):
        need = needed(endpoint, method, path, world.connection_id)
        if not role:
            expected = "way in"
        elif roles.ROLES.index(role) >= roles.ROLES.index(need):
            expected = "let in"
        else:
            expected = "refused"
        if (became := browser.walk(method, path)) != expected:
            found.append((endpoint, method, expected, became))
    assert found == []


def test_no_page_is_shown_to_a_bookkeeper_of_another_account(world: World) -> None:
    browser = Walker(world, roles.BOOKKEEPER, "org_of_somebody_else")
    before = world.connection()
    shown = [
        (endpoint, method)
        for endpoint, method, path in routes(world, api=False)
        if world.connection_id in path and browser.walk(method, path) not in ("not there", "refused")
    ]
    assert shown == []
    assert world.connection() == before


class Walker:
    """Somebody who tries every door; `role` and the account are theirs."""

    def __init__(self, world: World, role: str, account: str) -> None:
        self.world, self.role, self.account = world, role, account
        self._enter()

    def _enter(self) -> None:
        self.visit = Visit(self.world)
        if self.role:
            users = self.world.parts.console.users
            name = f"walker {len(users.every())}"
            users.add(name, self.role, self.account)
            token = users.link_for(name)
            assert self.visit.post("enter", f"enter?token={token}", token=token).status_code == 303
        found = TOKEN.search(self.visit.get("you" if self.role else "sign-in").text)
        self._csrf = found[1] if found else ""

    def walk(self, method: str, path: str) -> str:
        """What became of it."""
        data = {"csrf_token": self._csrf, "connection": self.world.connection_id} if method == "POST" else None
        answer = self.visit.browser.open(path, method=method, data=data)
        answer.close()
        leads_in = "/console/sign-in" in answer.headers.get("Location", "")
        if leads_in and path.endswith("sign-out-everywhere") and self.role:
            self._enter()
            return "let in"
        if leads_in:
            return "way in"
        if answer.status_code == 404 and "There is no connection" in answer.text:
            return "not there"
        return "refused" if answer.status_code == 403 else "let in" if answer.status_code < 500 else answer.status


def test_every_route_of_the_api_takes_the_tokens_that_may_and_no_other(world: World) -> None:
    own, other = world.connection()["account_id"], "org_of_somebody_else"
    tokens = {
        "": "",
        "read": token(world, "read"),
        "act": token(world, "act", own),
        "other": token(world, "act", other),
    }
    found = []
    for endpoint, method, path in routes(world, api=True):
        own_path, reads = world.connection_id in path, method == "GET"
        lists = (endpoint, method) == ("connections.Connections", "GET")
        expected = {
            "": {401},
            "read": {200, 404, 409, 422} if reads else {403},
            "act": {200, 202, 204, 400, 404, 409, 415, 422} if own_path or lists else {403},
            "other": {404} if own_path else {200} if lists else {403},
        }
        for whose, given in tokens.items():
            headers = {"Authorization": f"Bearer {given}"} if given else {}
            answer = world.web.open(path, method=method, headers=headers)
            if answer.status_code not in expected[whose]:
                found.append((endpoint, method, whose, answer.status_code))
    assert found == []
