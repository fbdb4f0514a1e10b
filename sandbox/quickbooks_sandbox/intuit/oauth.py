"""Intuit's OAuth 2.0: codes, access tokens of an hour, refresh tokens whose value changes daily."""

from __future__ import annotations

import base64
import hashlib
import random
from typing import Any

from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.credentials import secret
from quickbooks_sandbox.intuit.grants import DAY_SECONDS, Grant, Grants
from quickbooks_sandbox.intuit.identity import OPENID, Identity
from sandbox_kit.clock import SandboxClock

SCOPE = "com.intuit.quickbooks.accounting"
ACCESS_SECONDS = 3600
CODE_SECONDS = 600


class InvalidGrantError(Exception):
    """The code or the refresh token is unknown, used, expired or revoked."""


class TokenServer:
    """The codes and the tokens of grants, on disk; times are the sandbox's clock in seconds."""

    def __init__(self, storage: Storage, clock: SandboxClock, randomness: random.Random) -> None:
        self.identity = Identity(storage)
        self._storage = storage
        self._clock = clock
        self._randomness = randomness
        self._grants = Grants(storage, clock, randomness)

    def new_code(self, client_id: str, realm: str, redirect_uri: str, scope: str, challenge: str = "") -> str:
        code = self._secret("XAB11", 45)
        with self._storage.transaction() as connection:
            connection.execute(
                "INSERT INTO codes (code, realm, redirect_uri, expires, client_id, scope, challenge)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (code, realm, redirect_uri, self._clock.seconds() + CODE_SECONDS, client_id, scope, challenge),
            )
        return code

    def exchange(self, client_id: str, code: str, redirect_uri: str, issuer: str, verifier: str = "") -> dict[str, Any]:
        """A code works once, for ten minutes, and for the app, the redirect URI and the challenge it was given to.

        With the scope ``openid`` the answer also tells who consented, in the name of ``issuer``.
        """
        with self._storage.transaction() as connection:
            found = self._storage.rows(
                "SELECT realm, redirect_uri, client_id, expires, scope, challenge FROM codes WHERE code = ?", code
            )
            connection.execute("DELETE FROM codes WHERE code = ?", (code,))
            usable = found and found[0][1:3] == (redirect_uri, client_id) and self._clock.seconds() < found[0][3]
            usable = usable and (not found[0][5] or found[0][5] == challenge_of(verifier))
            answer = self._tokens(self._grants.new(client_id, found[0][0])) if usable else None
        if answer is None:
            raise InvalidGrantError
        if OPENID in found[0][4].split():
            answer["id_token"] = self.identity.token(issuer, client_id, found[0][0], self._clock.seconds())
        return answer

    def refresh(self, client_id: str, token: str) -> dict[str, Any]:
        """Within a day the same value comes back; then a new one, and the old one lives a day longer."""
        now = self._clock.seconds()
        with self._storage.transaction():
            grant = self._grants.usable(client_id, token, now)
            if grant is None:
                raise InvalidGrantError
            return self._tokens(self._grants.renew(grant, now))

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        now = self._clock.seconds()
        access = self._secret("eyJlbmMiOi.", 64)
        with self._storage.transaction() as connection:
            connection.execute("DELETE FROM access_tokens WHERE expires <= ?", (now - DAY_SECONDS,))
            connection.execute("INSERT INTO access_tokens VALUES (?, ?, ?)", (access, grant.id, now + ACCESS_SECONDS))
        return {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": ACCESS_SECONDS,
            "refresh_token": grant.refresh,
            "x_refresh_token_expires_in": int(min(grant.expires, grant.hard_expires) - now),
            "x_refresh_token_hard_expires_in": int(grant.hard_expires - now),
        }

    def realm_of(self, access_token: str) -> str | None:
        """The realm that a living access token opens."""
        opened = self.opened_by(access_token)
        return opened[1] if opened else None

    def opened_by(self, access_token: str) -> tuple[str, str] | None:
        """The app that a living access token is of and the realm that it opens."""
        found = self._storage.rows(
            "SELECT g.client_id, g.realm FROM access_tokens a JOIN grants g ON g.id = a.grant_id"
            " WHERE a.token = ? AND a.expires > ? AND NOT g.revoked",
            access_token,
            self._clock.seconds(),
        )
        return (found[0][0], found[0][1]) if found else None

    def connected(self, realm: str) -> list[str]:
        """The client ids of the apps that the company is connected to, by a grant that lives."""
        return self._grants.connected(realm)

    def revoke(self, client_id: str, token: str) -> bool:
        """Either token of a grant ends the whole grant. False when nothing of this app has this token."""
        return self._grants.revoke(client_id, token)

    def handed_out(self, client_id: str, realm: str) -> str:
        """A refresh token that works: that of the app's oldest living grant for the realm, or of a new one."""
        return self._grants.handed_out(client_id, realm)

    def _secret(self, prefix: str, length: int) -> str:
        return prefix + secret(self._randomness.choice, length)


def challenge_of(verifier: str) -> str:
    """The challenge of method S256 (RFC 7636) that a verifier answers."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
