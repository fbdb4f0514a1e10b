"""OAuth 2.0 with Intuit, by requests-oauthlib. Tokens are returned, never kept here."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

from clients import http
from clients.errors import NotAuthorised, NotSent, OutcomeUnknown
from clients.quickbooks.faults import AccessRevoked
from config.ports import Clock
from schemas import strict_json
from schemas.times import seconds_of

SCOPE = "com.intuit.quickbooks.accounting"
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 100 * 86400
HARD_SECONDS = 5 * 366 * 86400
CHALLENGE_METHOD = "S256"


class ConsentLost(AccessRevoked):
    """The refresh token is dead: only the user can connect again."""

    remedy = "Connect QuickBooks again."


class CodeRefused(NotAuthorised):
    """A code opens nothing (any more), or not with this verifier."""

    remedy = "Begin the connect again."


class AppRefused(NotAuthorised):
    """Intuit does not know the app, or not with this secret."""


@dataclass(frozen=True)
class Tokens:
    """A pair of tokens and when each dies."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime
    hard_expires_at: datetime | None


class OAuthClient:
    """The app's side of the authorisation code flow."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        discovery_url: str,
        clock: Clock,
        timeout: float,
        adapter: http.AdapterFactory = http.network_adapter,
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._discovery_url = discovery_url
        self._clock = clock
        self._timeout = timeout
        self._adapter = adapter
        self._document: dict[str, Any] | None = None

    def discover(self) -> dict[str, Any]:
        """Intuit's endpoints, read once."""
        if self._document is None:
            with http.open_session(self._adapter) as session:
                answer = http.call(session, "QuickBooks", "GET", self._discovery_url, headers={}, timeout=self._timeout)
            if answer.status != 200 or not isinstance(answer.body, dict):
                raise OutcomeUnknown(f"the discovery document answered HTTP {answer.status}")
            self._document = answer.body
        return self._document

    def takes_challenges(self) -> bool:
        """Whether Intuit says that it checks a code challenge (PKCE, RFC 7636) of the kind that hides its verifier."""
        listed = self.discover().get("code_challenge_methods_supported")
        return isinstance(listed, list) and CHALLENGE_METHOD in listed

    def authorisation_url(self, state: str, redirect_uri: str, verifier: str = "") -> str:
        """Where the user says yes or no; with a `verifier`, the code that comes of it is good with that alone."""
        with self._session(redirect_uri) as session:
            url: str = session.authorization_url(
                self.discover()["authorization_endpoint"],
                state=state,
                code_challenge=self._challenge(verifier) if verifier else None,
                code_challenge_method=CHALLENGE_METHOD if verifier else None,
            )[0]
        return url

    def exchange(self, code: str, redirect_uri: str, verifier: str = "") -> Tokens:
        """The first tokens for an authorisation code. Raises `CodeRefused` on `invalid_grant`."""
        with self._session(redirect_uri) as session:
            return self._fetch(
                lambda: session.fetch_token(
                    self.discover()["token_endpoint"],
                    code=code,
                    auth=self._basic(),
                    headers=_HEADERS,
                    timeout=self._timeout,
                    code_verifier=verifier or None,
                ),
                CodeRefused("QuickBooks does not take the code that it sent back: it was used, is too old or not ours"),
            )

    def refresh(self, refresh_token: str) -> Tokens:
        """New tokens. Store them before they are used. Raises `ConsentLost` on `invalid_grant`."""
        with self._session() as session:
            return self._fetch(
                lambda: session.refresh_token(
                    self.discover()["token_endpoint"],
                    refresh_token=refresh_token,
                    auth=self._basic(),
                    headers=_HEADERS,
                    timeout=self._timeout,
                ),
                ConsentLost("QuickBooks no longer accepts the connection's refresh token"),
            )

    def revoke(self, refresh_token: str) -> None:
        """End the consent at Intuit's side. Raises `NeighbourError` when that is not certain."""
        with http.open_session(self._adapter) as session:
            session.auth = self._basic()
            answer = http.call(
                session,
                "QuickBooks",
                "POST",
                self.discover()["revocation_endpoint"],
                headers={"Accept": "application/json", "Content-Type": "application/json"},
                timeout=self._timeout,
                data=strict_json.dumps({"token": refresh_token}).encode(),
            )
        if answer.status != 200:
            raise OutcomeUnknown(f"QuickBooks' revocation endpoint answered HTTP {answer.status}")

    def _session(self, redirect_uri: str | None = None) -> OAuth2Session:
        session = OAuth2Session(self._client_id, scope=[SCOPE], redirect_uri=redirect_uri)
        http.open_session(self._adapter, session)
        # The library follows redirects with the tokens in its hands, unless there are too many with the first one.
        session.max_redirects = 0
        for hook in ("access_token_response", "refresh_token_response"):
            session.register_compliance_hook(hook, _answered)
        return session

    def _challenge(self, verifier: str) -> str:
        """The session's own support of PKCE keeps the verifier in memory; ours comes back to another process."""
        client = WebApplicationClient(self._client_id)
        challenge: str = client.create_code_challenge(verifier, CHALLENGE_METHOD)
        return challenge

    def _basic(self) -> requests.auth.HTTPBasicAuth:
        return requests.auth.HTTPBasicAuth(self._client_id, self._client_secret)

    def _fetch(self, fetch: Any, invalid_grant: NotAuthorised) -> Tokens:
        try:
            token = fetch()
        except OAuth2Error as error:
            if error.error == "invalid_grant":
                raise invalid_grant from None
            raise AppRefused(
                f"QuickBooks refused a token: {error.error}",
                remedy="Check RAVEBOOKS_QUICKBOOKS_CLIENT_ID and its secret.",
            ) from None
        except requests.exceptions.TooManyRedirects as error:
            status = error.response.status_code if error.response is not None else None
            raise http.redirected("QuickBooks", "POST", self.discover()["token_endpoint"], status) from None
        except requests.exceptions.ConnectionError:
            raise NotSent("QuickBooks' token endpoint cannot be reached") from None
        except requests.exceptions.RequestException as error:
            raise OutcomeUnknown(f"QuickBooks' token endpoint did not answer ({type(error).__name__})") from None
        now = self._clock.now()

        def until(name: str, default: float, most: float) -> datetime:
            return now + timedelta(seconds=seconds_of(token.get(name), default, most))

        hard = token.get("x_refresh_token_hard_expires_in")
        return Tokens(
            access=token["access_token"],
            refresh=token["refresh_token"],
            access_expires_at=until("expires_in", ACCESS_SECONDS, ACCESS_SECONDS),
            refresh_expires_at=until("x_refresh_token_expires_in", REFRESH_SECONDS, REFRESH_SECONDS),
            hard_expires_at=until("x_refresh_token_hard_expires_in", HARD_SECONDS, HARD_SECONDS) if hard else None,
        )


def _answered(response: requests.Response) -> requests.Response:
    """Only what Intuit says in JSON is a refusal: an outage must not cost the user's consent."""
    if http.is_redirect(response):
        raise http.redirected("QuickBooks", "POST", response.url, response.status_code)
    try:
        spoken = isinstance(response.json(), dict)
    except requests.exceptions.JSONDecodeError:
        spoken = False
    if not spoken or response.status_code == 429 or response.status_code >= 500:
        raise OutcomeUnknown(f"QuickBooks' token endpoint failed with HTTP {response.status_code}")
    return response


_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "x-include-refresh-token-hard-expires-in": "true",
}
