"""OAuth in front of the sandbox's token endpoint."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from clients import http
from clients.errors import NotSent, OutcomeUnknown, Redirected
from clients.quickbooks.oauth import AppRefused, CodeRefused, ConsentLost, OAuthClient
from tests.unit.clients.neighbours import QUICKBOOKS, QuickBooks
from tests.unit.clients.test_http import failing, refused_connection
from tests.unit.ports import FakeClock
from tests.unit.wsgi_adapter import AnswerAdapter

CALLBACK = "http://127.0.0.1:5000/callback"


def test_the_user_is_sent_to_the_discovered_page_with_our_state(quickbooks: QuickBooks) -> None:
    url = quickbooks.oauth().authorisation_url("state-1", CALLBACK)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{QUICKBOOKS}/connect/oauth2?")
    assert (asked["state"], asked["redirect_uri"]) == ("state-1", CALLBACK)
    assert asked["scope"] == "com.intuit.quickbooks.accounting"
    assert asked["response_type"] == "code"


def test_a_code_is_exchanged_for_tokens_with_their_ends(quickbooks: QuickBooks) -> None:
    oauth = quickbooks.oauth()
    page = urlsplit(oauth.authorisation_url("state-1", CALLBACK))
    asked = {name: values[0] for name, values in parse_qs(page.query).items()}
    consent = quickbooks.world.client.post(page.path, data=asked | {"decision": "connect"})
    code = parse_qs(urlsplit(consent.headers["Location"]).query)["code"][0]
    tokens = oauth.exchange(code, CALLBACK)
    now = quickbooks.clock.now()
    assert tokens.access_expires_at == now + timedelta(hours=1)
    assert tokens.refresh_expires_at == now + timedelta(days=100)
    assert tokens.hard_expires_at is not None
    assert tokens.hard_expires_at > now + timedelta(days=5 * 365 - 2)
    with pytest.raises(CodeRefused) as caught:
        oauth.exchange(code, CALLBACK)
    assert "Begin the connect again" in caught.value.remedy


VERIFIER = "f" * 64


def code_for(quickbooks: QuickBooks, url: str) -> str:
    page = urlsplit(url)
    asked = {name: values[0] for name, values in parse_qs(page.query).items()}
    consent = quickbooks.world.client.post(page.path, data=asked | {"decision": "connect"})
    return parse_qs(urlsplit(consent.headers["Location"]).query)["code"][0]


def test_a_challenged_code_is_exchanged_with_its_verifier_alone(quickbooks: QuickBooks) -> None:
    oauth = quickbooks.oauth()
    assert oauth.takes_challenges()
    url = oauth.authorisation_url("state-1", CALLBACK, VERIFIER)
    assert VERIFIER not in url
    for wrong in ("", "e" * 64):
        with pytest.raises(CodeRefused):
            oauth.exchange(code_for(quickbooks, url), CALLBACK, wrong)
    assert oauth.exchange(code_for(quickbooks, url), CALLBACK, VERIFIER).access


@pytest.mark.parametrize("listed", [None, [], ["plain"], "S256", {"S256": True}])
def test_challenges_are_sent_only_where_the_discovery_document_lists_them(
    quickbooks: QuickBooks, listed: object
) -> None:
    oauth = quickbooks.oauth()
    oauth._document = oauth.discover() | {"code_challenge_methods_supported": listed}
    assert not oauth.takes_challenges()


def test_a_refresh_gives_a_token_that_works(quickbooks: QuickBooks) -> None:
    tokens = quickbooks.oauth().refresh(quickbooks.world.credentials["refresh_token"])
    assert quickbooks.world.services.tokens.realm_of(tokens.access) == quickbooks.world.credentials["realm_id"]
    assert tokens.refresh == quickbooks.world.credentials["refresh_token"]


def test_after_a_day_a_refresh_gives_a_new_refresh_token(quickbooks: QuickBooks) -> None:
    quickbooks.world.time += 24 * 3600
    old = quickbooks.world.credentials["refresh_token"]
    assert quickbooks.oauth().refresh(old).refresh != old


def test_a_dead_refresh_token_needs_the_user(quickbooks: QuickBooks) -> None:
    with pytest.raises(ConsentLost) as caught:
        quickbooks.oauth().refresh("RT1-dead")
    assert "RT1-dead" not in str(caught.value)
    assert caught.value.remedy == "Connect QuickBooks again."


def test_a_wrong_secret_names_the_setting(quickbooks: QuickBooks) -> None:
    with pytest.raises(AppRefused) as caught:
        quickbooks.oauth(client_secret="wrong").refresh(quickbooks.world.credentials["refresh_token"])
    assert "RAVEBOOKS_QUICKBOOKS_CLIENT_ID" in caught.value.remedy


def test_tokens_are_not_shown_by_repr(quickbooks: QuickBooks) -> None:
    tokens = quickbooks.oauth().refresh(quickbooks.world.credentials["refresh_token"])
    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in repr(tokens)


def test_the_discovery_document_is_read_once(quickbooks: QuickBooks) -> None:
    oauth = quickbooks.oauth()
    assert oauth.discover() is oauth.discover()
    assert len(quickbooks.adapter.requests) == 1


def test_a_broken_discovery_document_is_no_document(clock: FakeClock) -> None:
    adapter = AnswerAdapter(lambda _request: (200, {}, b"<html></html>"))
    with pytest.raises(OutcomeUnknown):
        OAuthClient("id", "secret", f"{QUICKBOOKS}/x", clock, 5, lambda: adapter).discover()


def token_endpoint_that(answering: http.AdapterFactory, clock: FakeClock, quickbooks: QuickBooks) -> OAuthClient:
    """The sandbox's discovery document in front of another token endpoint."""
    document = quickbooks.oauth().discover()
    oauth = OAuthClient("id", "secret", f"{QUICKBOOKS}/x", clock, 5, answering)
    oauth._document = document
    return oauth


@pytest.mark.parametrize(
    ("error", "kind"),
    [(refused_connection(), NotSent), (requests.exceptions.ReadTimeout("slow"), OutcomeUnknown)],
)
def test_a_token_endpoint_that_does_not_answer_costs_no_consent(
    quickbooks: QuickBooks, clock: FakeClock, error: Exception, kind: type[Exception]
) -> None:
    oauth = token_endpoint_that(lambda: AnswerAdapter(failing(error)), clock, quickbooks)
    with pytest.raises(kind):
        oauth.refresh("RT1")


ELSEWHERE = "https://elsewhere.example/steal"


def led_elsewhere(status: int, clock: FakeClock, quickbooks: QuickBooks) -> tuple[OAuthClient, AnswerAdapter]:
    """The sandbox's discovery document before endpoints that all answer with a redirect."""
    body = b'{"access_token": "a", "refresh_token": "r", "token_type": "bearer"}'
    adapter = AnswerAdapter(lambda _request: (status, {"Location": ELSEWHERE} if status != 304 else {}, body))
    return token_endpoint_that(lambda: adapter, clock, quickbooks), adapter


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize(
    "call",
    [
        lambda oauth: oauth.refresh("RT1"),
        lambda oauth: oauth.exchange("code", CALLBACK, VERIFIER),
        lambda oauth: oauth.revoke("RT1"),
    ],
    ids=["refresh", "exchange", "revoke"],
)
def test_tokens_and_codes_follow_no_redirect(
    quickbooks: QuickBooks, clock: FakeClock, status: int, call: Callable[[OAuthClient], object]
) -> None:
    """A 307 would carry the refresh token in its body, a 301 with our secret in its headers, to wherever it says."""
    oauth, adapter = led_elsewhere(status, clock, quickbooks)
    with pytest.raises(Redirected) as caught:
        call(oauth)
    assert str(status) in str(caught.value)
    assert [urlsplit(str(request.url)).netloc for request in adapter.requests] == [urlsplit(QUICKBOOKS).netloc]


def test_the_discovery_document_is_not_looked_for_elsewhere(clock: FakeClock) -> None:
    adapter = AnswerAdapter(lambda _request: (302, {"Location": ELSEWHERE}, b""))
    with pytest.raises(Redirected):
        OAuthClient("id", "secret", f"{QUICKBOOKS}/x", clock, 5, lambda: adapter).discover()
    assert len(adapter.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'{"error":"server_error"}', b"[]"])
def test_a_token_endpoint_that_fails_pauses_nobody(
    quickbooks: QuickBooks, clock: FakeClock, status: int, body: bytes
) -> None:
    """Only `invalid_grant` says that the user has to connect again."""
    oauth = token_endpoint_that(lambda: AnswerAdapter(lambda _request: (status, {}, body)), clock, quickbooks)
    with pytest.raises(OutcomeUnknown):
        oauth.refresh("RT1")
