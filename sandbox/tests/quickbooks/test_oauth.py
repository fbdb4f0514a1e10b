"""OAuth: consent, codes, and the daily change of the refresh token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from werkzeug.test import TestResponse

from quickbooks_sandbox.testing import World

DAY = 24 * 3600
CALLBACK = "http://127.0.0.1:5000/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""The pair of RFC 7636, appendix B."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def authorization(world: World, **changes: str) -> dict[str, str]:
    return {
        "client_id": world.credentials["client_id"],
        "redirect_uri": CALLBACK,
        "state": "s t",
        "scope": "com.intuit.quickbooks.accounting",
        "response_type": "code",
        **changes,
    }


def decide(world: World, decision: str) -> dict[str, str]:
    answer = world.client.post("/connect/oauth2", data={**authorization(world), "decision": decision})
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def exchange(world: World, code: str, redirect_uri: str = CALLBACK) -> TestResponse:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return world.client.post("/oauth2/v1/tokens/bearer", data=form, headers=world.basic())


@pytest.mark.parametrize(
    ("checked", "verifier", "status"), [(True, VERIFIER, 200), (True, CHALLENGE, 400), (False, "", 200)]
)
def test_a_challenge_is_answered_by_its_verifier_where_challenges_are_checked(
    world: World, checked: bool, verifier: str, status: int
) -> None:
    world.order("switches", {"code_challenges": checked})
    document = world.client.get("/.well-known/openid_configuration").get_json()
    assert ("code_challenge_methods_supported" in document) == checked
    asked = authorization(world, code_challenge=CHALLENGE, code_challenge_method="S256")
    there = world.client.post("/connect/oauth2", data={**asked, "decision": "connect"}).headers["Location"]
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(there).query)["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }
    assert world.client.post("/oauth2/v1/tokens/bearer", data=form, headers=world.basic()).status_code == status


def test_the_consent_page_carries_the_request_through(world: World) -> None:
    page = world.client.get("/connect/oauth2", query_string=authorization(world, state='"><b>')).text
    assert 'value="&quot;&gt;&lt;b&gt;"' in page
    assert ">Connect</button>" in page
    assert ">Cancel</button>" in page
    assert world.credentials["realm_id"] in page


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "x"},
        {"redirect_uri": "https://example.com/cb"},
        {"scope": "openid"},
        {"state": ""},
        {"code_challenge": CHALLENGE},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE[1:], "code_challenge_method": "S256"},
        {"code_challenge_method": "S256"},
    ],
)
def test_a_wrong_authorization_request_shows_an_error_and_redirects_nowhere(
    world: World, changes: dict[str, str]
) -> None:
    answer = world.client.get("/connect/oauth2", query_string=authorization(world, **changes))
    assert answer.status_code == 400


def test_connecting_returns_code_state_and_company(world: World) -> None:
    answer = decide(world, "connect")
    assert (answer["state"], answer["realmId"]) == ("s t", world.credentials["realm_id"])
    tokens = exchange(world, answer["code"]).get_json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    assert tokens["x_refresh_token_expires_in"] == 100 * DAY
    assert "x_refresh_token_hard_expires_in" not in tokens
    assert world.services.tokens.realm_of(tokens["access_token"]) == world.credentials["realm_id"]


def test_cancelling_returns_access_denied(world: World) -> None:
    assert decide(world, "cancel") == {"error": "access_denied", "state": "s t"}


def test_a_code_works_once_for_its_own_address_and_ten_minutes(world: World) -> None:
    code = decide(world, "connect")["code"]
    assert exchange(world, code).status_code == 200
    assert exchange(world, code).get_json()["error"] == "invalid_grant"
    assert exchange(world, decide(world, "connect")["code"], CALLBACK + "/x").status_code == 400
    late = decide(world, "connect")["code"]
    world.time += 601
    assert exchange(world, late).status_code == 400


def test_a_refresh_within_the_day_returns_the_same_value(world: World) -> None:
    first = world.credentials["refresh_token"]
    world.time += DAY - 60
    assert world.refresh(first).get_json()["refresh_token"] == first


def test_the_value_changes_daily_and_the_previous_one_dies_a_day_later(world: World) -> None:
    first = world.credentials["refresh_token"]
    world.time += DAY
    second = world.refresh(first).get_json()["refresh_token"]
    assert second != first
    world.time += DAY - 60
    assert world.refresh(first).get_json()["refresh_token"] == second
    world.time += 61
    dead = world.refresh(first)
    assert (dead.status_code, dead.get_json()["error"]) == (400, "invalid_grant")
    assert world.refresh(second).status_code == 200


def test_a_hundred_days_without_a_refresh_end_the_grant(world: World) -> None:
    first = world.credentials["refresh_token"]
    world.time += 99 * DAY
    second = world.refresh(first).get_json()["refresh_token"]
    world.time += 99 * DAY
    third = world.refresh(second).get_json()["refresh_token"]
    world.time += 100 * DAY
    assert world.refresh(third).status_code == 400


def test_five_years_are_the_end_whatever_happens(world: World) -> None:
    token = world.credentials["refresh_token"]
    for _ in range(20):
        world.time += 90 * DAY
        token = world.refresh(token).get_json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    headers = {**world.basic(), "x-include-refresh-token-hard-expires-in": "true"}
    tokens = world.client.post("/oauth2/v1/tokens/bearer", data=form, headers=headers).get_json()
    assert tokens["x_refresh_token_hard_expires_in"] == (5 * 365 - 20 * 90) * DAY
    world.time += 26 * DAY
    assert world.refresh(tokens["refresh_token"]).status_code == 400


def test_an_access_token_lives_an_hour(world: World) -> None:
    token = world.refresh(world.credentials["refresh_token"]).get_json()["access_token"]
    world.time += 3599
    assert world.services.tokens.realm_of(token) is not None
    world.time += 1
    assert world.services.tokens.realm_of(token) is None


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(world: World, which: str) -> None:
    tokens = world.refresh(world.credentials["refresh_token"]).get_json()
    answer = world.client.post("/v2/oauth2/tokens/revoke", json={"token": tokens[which]}, headers=world.basic())
    assert answer.status_code == 200
    assert world.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert world.services.tokens.realm_of(tokens["access_token"]) is None
    assert world.refresh(world.services.credentials()["refresh_token"]).status_code == 200


def test_a_wrong_secret_is_an_invalid_client(world: World) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": world.credentials["refresh_token"]}
    answer = world.client.post("/oauth2/v1/tokens/bearer", data=form, auth=("x", "y"))
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_the_discovery_document_leads_to_everything(world: World) -> None:
    document: Any = world.client.get("/.well-known/openid_sandbox_configuration/").get_json()
    assert document["token_endpoint"].endswith("/oauth2/v1/tokens/bearer")
    assert document["revocation_endpoint"].endswith("/v2/oauth2/tokens/revoke")
    assert world.client.get("/.well-known/openid_configuration").status_code in (200, 308)


OPENID = "com.intuit.quickbooks.accounting openid"


def identity_of(world: World) -> str:
    form = {**authorization(world, scope=OPENID), "decision": "connect"}
    location = world.client.post("/connect/oauth2", data=form).headers["Location"]
    answer = exchange(world, parse_qs(urlsplit(location).query)["code"][0]).get_json()
    return str(answer["id_token"])


def verified(world: World, token: str) -> Any:
    """The claims, if the key that discovery leads to signed them."""
    header = jwt.get_unverified_header(token)
    keys = jwt.PyJWKSet.from_dict(world.client.get("/op/v1/jwks").get_json())
    return jwt.decode(
        token,
        keys[header["kid"]].key,
        algorithms=["RS256"],
        audience=world.credentials["client_id"],
        options={"verify_exp": False, "verify_iat": False},  # the sandbox's clock stands where the test put it
    )


def test_the_scope_openid_tells_who_consented(world: World) -> None:
    claims = verified(world, identity_of(world))
    document: Any = world.client.get("/.well-known/openid_sandbox_configuration/").get_json()
    assert claims["iss"] == document["issuer"]
    assert urlsplit(document["jwks_uri"]).path == "/op/v1/jwks"
    assert set(document["claims_supported"]) == set(claims)
    assert claims["realmid"] == world.credentials["realm_id"]
    assert (claims["iat"], claims["exp"] - claims["iat"]) == (int(world.time), 3600)
    assert claims["sub"] == world.client.get("/v1/openid_connect/userinfo", headers=world.bearer()).get_json()["sub"]


def test_a_token_of_another_key_is_not_verified(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    token = identity_of(other)
    other.close()
    with pytest.raises((KeyError, jwt.PyJWTError)):
        verified(world, token)


def test_without_the_scope_there_is_no_identity_and_a_refresh_brings_none(world: World) -> None:
    assert "id_token" not in exchange(world, decide(world, "connect")["code"]).get_json()
    identity_of(world)
    assert "id_token" not in world.refresh(world.services.credentials()["refresh_token"]).get_json()


def test_the_key_outlives_a_restart_and_identities_stay_out_of_the_journal(world: World, tmp_path: Path) -> None:
    token = identity_of(world)
    assert token not in world.client.get("/sandbox/journal").text
    world.close()
    again = World(tmp_path)
    assert verified(again, token)["aud"] == [world.credentials["client_id"]]
    again.close()


def test_a_client_may_name_itself_in_the_form(world: World) -> None:
    app = {name: world.credentials[name] for name in ("client_id", "client_secret")}
    form = {"grant_type": "refresh_token", "refresh_token": world.credentials["refresh_token"]}
    assert world.client.post("/oauth2/v1/tokens/bearer", data={**form, **app}).status_code == 200
    wrong = {**app, "client_secret": "another"}
    assert world.client.post("/oauth2/v1/tokens/bearer", data={**form, **wrong}).status_code == 401
