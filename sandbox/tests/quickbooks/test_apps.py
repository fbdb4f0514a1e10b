"""Several apps: each with its own secrets, grants and webhooks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.intuit.deliveries import signature
from quickbooks_sandbox.testing import CUSTOMER, World, line

FIRST_URL, SECOND_URL = "http://receiver.example/first", "http://receiver.example/second"
CALLBACK = "http://127.0.0.1:5000/callback"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.order("webhooks", {"url": FIRST_URL})
    yield world
    world.close()


def second_app(world: World, **subscription: Any) -> Any:
    app = world.order("apps", {"name": "Second"})
    world.order("webhooks", {"client_id": app["client_id"], "url": SECOND_URL, **subscription})
    return app


def connect(world: World, app: Any, **query: str) -> Any:
    """Asking for an app's credentials grants it the company."""
    return decode(world.client.get("/sandbox/credentials", query_string={"client_id": app["client_id"], **query}).data)


def token_request(world: World, app: Any, **form: str) -> TestResponse:
    pair = b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    return world.client.post("/oauth2/v1/tokens/bearer", data=form, headers={"Authorization": f"Basic {pair}"})


def deliver(world: World, seconds: float = 0.5) -> None:
    world.time += seconds
    world.services.webhooks.run_due()


def told(world: World) -> list[tuple[str, list[str]]]:
    bodies = (decode(body) for body in world.receiver.bodies)
    names = [[event["type"].split(".")[1] for event in body] for body in bodies]
    return sorted(zip(world.receiver.urls, names, strict=True))


def test_a_company_is_announced_to_the_apps_it_is_connected_to(world: World) -> None:
    app = second_app(world)
    world.invoice(1)
    deliver(world)
    assert told(world) == [(FIRST_URL, ["invoice"])]
    connect(world, app)
    world.invoice(2)
    deliver(world)
    assert told(world) == [(FIRST_URL, ["invoice"]), (FIRST_URL, ["invoice"]), (SECOND_URL, ["invoice"])]
    ids = [event["id"] for body in world.receiver.bodies for event in decode(body)]
    assert len(set(ids)) == 3


def test_any_app_may_name_itself_in_the_form(world: World) -> None:
    app = second_app(world)
    form = {"grant_type": "refresh_token", "refresh_token": connect(world, app)["refresh_token"]}
    for secret, status in (("another", 401), (world.credentials["client_secret"], 401), (app["client_secret"], 200)):
        named = {**form, "client_id": app["client_id"], "client_secret": secret}
        assert world.client.post("/oauth2/v1/tokens/bearer", data=named).status_code == status


def test_only_the_connected_company_is_announced(world: World) -> None:
    app = second_app(world)
    realm = world.order("companies", {})["realm_id"]
    connect(world, app, realm_id=realm)
    assert world.client.get("/sandbox/apps").get_json()[1]["companies"] == [realm]
    world.invoice(1)
    deliver(world)
    assert told(world) == [(FIRST_URL, ["invoice"])]


def test_revoking_ends_the_announcements_to_that_app_alone(world: World) -> None:
    app = second_app(world)
    refresh_token = connect(world, app)["refresh_token"]
    pair = b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    mine = {"token": world.services.credentials()["refresh_token"]}
    assert world.client.post("/v2/oauth2/tokens/revoke", data=mine, headers=headers).status_code == 400
    assert (
        world.client.post("/v2/oauth2/tokens/revoke", data={"token": refresh_token}, headers=headers).status_code == 200
    )
    world.invoice(1)
    deliver(world)
    assert told(world) == [(FIRST_URL, ["invoice"])]


def test_each_app_has_its_own_token_format_and_entities(world: World) -> None:
    app = second_app(world, format="legacy", entities=["Customer"], verifier_token="t")
    connect(world, app)
    world.save("Customer", {"DisplayName": "New"})
    world.invoice(1)
    deliver(world)
    at = world.receiver.urls.index(SECOND_URL)
    [notification] = decode(world.receiver.bodies[at])["eventNotifications"]
    assert [entity["name"] for entity in notification["dataChangeEvent"]["entities"]] == ["Customer"]
    assert world.receiver.headers[at]["intuit-signature"] == signature("t", world.receiver.bodies[at])
    first = world.receiver.urls.index(FIRST_URL)
    assert [event["type"].split(".")[1] for event in decode(world.receiver.bodies[first])] == ["customer", "invoice"]
    assert connect(world, app)["verifier_token"] == "t"
    assert world.services.credentials()["verifier_token"] != "t"


def test_later_events_of_an_app_wait_while_another_ones_go_on(world: World) -> None:
    app = second_app(world)
    connect(world, app)
    world.receiver.down.add(FIRST_URL)
    for amount in (1, 2):
        world.invoice(amount)
        deliver(world, 1)
    attempts = [url for url in world.receiver.urls if url == SECOND_URL]
    assert len(attempts) == 2
    listed = world.client.get("/sandbox/deliveries").get_json()
    assert [one["client_id"] for one in listed["pending"]] == [world.credentials["client_id"]]
    assert [one["client_id"] for one in listed["acknowledged"]] == [app["client_id"]] * 2
    assert len(listed["waiting_events"]) == 1


def test_a_code_and_a_refresh_token_work_for_their_own_app_only(world: World) -> None:
    app = second_app(world)
    form = {
        "client_id": app["client_id"],
        "redirect_uri": CALLBACK,
        "state": "s",
        "scope": "com.intuit.quickbooks.accounting",
        "decision": "connect",
    }
    page = world.client.get("/connect/oauth2", query_string=form)
    assert "Second asks" in page.text

    def code() -> str:
        location = world.client.post("/connect/oauth2", data=form).headers["Location"]
        return parse_qs(urlsplit(location).query)["code"][0]

    exchange = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    assert token_request(world, world.credentials, code=code(), **exchange).status_code == 400
    tokens = token_request(world, app, code=code(), **exchange).get_json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert token_request(world, world.credentials, **refresh).get_json()["error"] == "invalid_grant"
    assert token_request(world, {**app, "client_secret": "x"}, **refresh).status_code == 401
    assert token_request(world, app, **refresh).status_code == 200


def test_ten_requests_a_second_are_each_apps_own(world: World) -> None:
    app = second_app(world)
    refresh = {"grant_type": "refresh_token", "refresh_token": connect(world, app)["refresh_token"]}
    other = {"Authorization": f"Bearer {token_request(world, app, **refresh).get_json()['access_token']}"}
    world.bearer()
    world.services.set_limits(enabled=True)
    statuses = [world.get("preferences").status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    path = f"/v3/company/{world.credentials['realm_id']}/preferences"
    assert world.client.get(path, headers=other).status_code == 200


def test_the_test_button_speaks_to_the_app_that_was_named(world: World) -> None:
    app = second_app(world)
    world.order("webhooks/test", {"client_id": app["client_id"], "entity": "Payment", "id": "7"})
    world.order("webhooks/test", {"entity": "Item", "id": "8"})
    deliver(world)
    assert told(world) == [(FIRST_URL, ["item"]), (SECOND_URL, ["payment"])]


def test_apps_and_their_subscriptions_outlive_a_restart(world: World, tmp_path: Path) -> None:
    app = second_app(world, entities=["Invoice"])
    before = world.client.get("/sandbox/apps").get_json()
    connect(world, app)
    world.invoice(1)
    world.close()
    again = World(tmp_path)
    after = again.client.get("/sandbox/apps").get_json()
    assert [one["webhooks"] for one in after] == [one["webhooks"] for one in before]
    assert after[1]["name"] == "Second"
    deliver(again)
    assert told(again) == [(FIRST_URL, ["invoice"]), (SECOND_URL, ["invoice"])]
    again.close()


def test_unknown_apps_and_entities_are_refused(world: World) -> None:
    for body in ({"client_id": "x"}, {"entities": ["Painting"]}, {"entities": "Invoice"}, {"format": "xml"}):
        assert world.client.post("/sandbox/webhooks", json=body).status_code == 400
    assert world.client.get("/sandbox/credentials?client_id=x").status_code == 400


def test_a_directory_of_one_app_goes_on_as_the_first_app(world: World, tmp_path: Path) -> None:
    """As an earlier sandbox left it: grants, events and deliveries name no app."""
    token = world.services.credentials()["refresh_token"]
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    world.post("invoice", body)
    with world.services.storage.transaction() as connection:
        for table in ("codes", "grants", "events", "deliveries"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN client_id")
    world.close()
    again = World(tmp_path)
    assert again.services.credentials()["refresh_token"] == token
    deliver(again)
    assert told(again) == [(FIRST_URL, ["invoice"])]
    again.close()
