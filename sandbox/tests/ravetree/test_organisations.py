"""Several organisations in one sandbox: each with its own books, events, token and subscription."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ravetree_sandbox.testing import World
from tests.ravetree.contract import problems


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


def headers(token: str, account: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} | ({"Ravetree-Account": account} if account else {})


@contextmanager
def speaking_for(world: World, made: dict[str, str]) -> Iterator[None]:
    before, world.headers = world.headers, headers(made["api_token"], made["account_id"])
    yield
    world.headers = before


@pytest.fixture
def second(world: World) -> dict[str, str]:
    made: dict[str, str] = world.ok("POST", "/sandbox/organisations", {"account_id": "org_second"})
    return made


def test_each_has_its_own_books_events_and_deliveries(world: World, second: dict[str, str]) -> None:
    world.subscribe()
    with speaking_for(world, second):
        invoice = world.invoice("70.00")
        assert [row["id"] for row in world.ok("GET", "/v1/invoices")] == [invoice["id"]]
        assert {event["account_id"] for event in world.events()} == {"org_second"}
        assert world.ok("GET", "/sandbox/deliveries")["deliveries"][0]["state"] == "unsubscribed"
        world.subscribe()
        world.invoice("71.00")
    assert world.ok("GET", "/v1/invoices") == world.events() == []
    for courier in world.organisations.couriers():
        courier.deliver_due()
    assert [url for url, _headers, _body in world.receiver.received] == [
        "https://books.example/webhooks/ravetree/org_second"
    ]


def test_a_token_opens_its_own_organisation_only(world: World, second: dict[str, str]) -> None:
    first = world.organisation
    ours, theirs = (first.api_token, first.account_id), (second["api_token"], "org_second")
    statuses = {
        (token, account): world.client.get("/v1/account", headers=headers(token, account)).status_code
        for token in (ours[0], theirs[0], "rvt_wrong")
        for account in (ours[1], theirs[1], "org_nobody", None)
    }
    assert {pair for pair, status in statuses.items() if status == 200} == {ours, theirs}
    assert set(statuses.values()) <= {200, 401, 403}


def test_the_account_says_whose_token_it_is(world: World, second: dict[str, str]) -> None:
    with speaking_for(world, second):
        account = world.ok("GET", "/v1/account")
    assert account["id"] == "org_second"
    assert problems("Account", account) == []


def test_steering_without_a_name_is_about_the_first(world: World, second: dict[str, str]) -> None:
    assert world.client.get("/sandbox/credentials").get_json()["account_id"] == world.organisation.account_id
    with speaking_for(world, second):
        assert world.ok("GET", "/sandbox/credentials") == second
        world.ok("POST", "/sandbox/outage", {"on": True})
        world.refused(503, "GET", "/v1/account")
    assert world.ok("GET", "/v1/account")["id"] == world.organisation.account_id


@pytest.mark.parametrize("account_id", ["", "a" * 65, "../x", "a.b", "организация", 7, None])
def test_a_name_that_is_none_is_refused(world: World, account_id: Any) -> None:
    world.refused(400, "POST", "/sandbox/organisations", {"account_id": account_id})


def test_a_name_is_given_once(world: World, second: dict[str, str]) -> None:
    for account_id in ("org_second", world.organisation.account_id):
        world.refused(409, "POST", "/sandbox/organisations", {"account_id": account_id})
    listed = world.ok("GET", "/sandbox/organisations")["organisations"]
    assert [row["account_id"] for row in listed] == [world.organisation.account_id, "org_second"]


def test_all_of_them_outlive_the_process(tmp_path: Path) -> None:
    with World(tmp_path) as before:
        made = before.ok("POST", "/sandbox/organisations", {"account_id": "org_second"})
        with speaking_for(before, made):
            before.invoice()
    with World(tmp_path) as after, speaking_for(after, made):
        assert after.ok("GET", "/sandbox/credentials") == made
        assert len(after.ok("GET", "/v1/invoices")) == 1
