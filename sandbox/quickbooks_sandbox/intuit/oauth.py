"""Intuit's OAuth 2.0: codes, access tokens of an hour, refresh tokens whose value changes daily."""

from __future__ import annotations

import base64
import hashlib
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.identity import OPENID, Identity
from sandbox_kit.clock import SandboxClock

SCOPE = "com.intuit.quickbooks.accounting"
ACCESS_SECONDS = 3600
CODE_SECONDS = 600
DAY_SECONDS = 24 * 3600
REFRESH_SECONDS = 100 * DAY_SECONDS
HARD_SECONDS = 5 * 365 * DAY_SECONDS

_ALPHABET = string.ascii_letters + string.digits


class InvalidGrantError(Exception):
    """The code or the refresh token is unknown, used, expired or revoked."""


@dataclass(frozen=True)
class Grant:
    id: int
    realm: str
    refresh: str
    issued: float
    expires: float
    hard_expires: float
    previous: str | None
    previous_dies: float | None
    revoked: int
    client_id: str


_COLUMNS = "id, realm, refresh, issued, expires, hard_expires, previous, previous_dies, revoked, client_id"


class TokenServer:
    """Grants and their tokens, on disk; times are the sandbox's clock in seconds."""

    def __init__(self, storage: Storage, clock: SandboxClock, randomness: random.Random) -> None:
        self.identity = Identity(storage)
        self._storage = storage
        self._clock = clock
        self._randomness = randomness

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
            answer = self._tokens(self.new_grant(client_id, found[0][0])) if usable else None
        if answer is None:
            raise InvalidGrantError
        if OPENID in found[0][4].split():
            answer["id_token"] = self.identity.token(issuer, client_id, found[0][0], self._clock.seconds())
        return answer

    def new_grant(self, client_id: str, realm: str) -> Grant:
        now = self._clock.seconds()
        with self._storage.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO grants (realm, refresh, issued, expires, hard_expires, client_id)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (realm, self._secret("RT1-", 40), now, now + REFRESH_SECONDS, now + HARD_SECONDS, client_id),
            )
            return self._grants("id = ?", cursor.lastrowid)[0]

    def refresh(self, client_id: str, token: str) -> dict[str, Any]:
        """Within a day the same value comes back; then a new one, and the old one lives a day longer."""
        now = self._clock.seconds()
        with self._storage.transaction():
            grant = self._usable(client_id, token, now)
            if grant is None:
                raise InvalidGrantError
            if now - grant.issued >= DAY_SECONDS:
                self._rotate(grant, now)
            else:
                self._extend(grant, now)
            return self._tokens(self._grants("id = ?", grant.id)[0])

    def _usable(self, client_id: str, token: str, now: float) -> Grant | None:
        for grant in self._grants("(refresh = ? OR previous = ?) AND client_id = ?", token, token, client_id):
            alive = not grant.revoked and now < min(grant.expires, grant.hard_expires)
            current = token == grant.refresh or (grant.previous_dies is not None and now < grant.previous_dies)
            if alive and current:
                return grant
        return None

    def _rotate(self, grant: Grant, now: float) -> None:
        with self._storage.transaction() as connection:
            connection.execute(
                "UPDATE grants SET previous = refresh, previous_dies = ?, refresh = ?, issued = ?,"
                " expires = ? WHERE id = ?",
                (now + DAY_SECONDS, self._secret("RT1-", 40), now, now + REFRESH_SECONDS, grant.id),
            )

    def _extend(self, grant: Grant, now: float) -> None:
        with self._storage.transaction() as connection:
            connection.execute("UPDATE grants SET expires = ? WHERE id = ?", (now + REFRESH_SECONDS, grant.id))

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
        rows = self._storage.rows(
            "SELECT client_id FROM grants WHERE realm = ?1 AND NOT revoked AND min(expires, hard_expires) > ?2"
            " GROUP BY client_id ORDER BY min(id)",
            realm,
            self._clock.seconds(),
        )
        return [row[0] for row in rows]

    def revoke(self, client_id: str, token: str) -> bool:
        """Either token of a grant ends the whole grant. False when nothing of this app has this token."""
        with self._storage.transaction() as connection:
            found = self._storage.rows(
                "SELECT id FROM grants WHERE refresh = ?1 OR previous = ?1"
                " UNION SELECT grant_id FROM access_tokens WHERE token = ?1",
                token,
            )
            ended = connection.executemany(
                "UPDATE grants SET revoked = 1 WHERE id = ? AND client_id = ?", [(row[0], client_id) for row in found]
            )
        return ended.rowcount > 0

    def handed_out(self, client_id: str, realm: str) -> str:
        """A refresh token that works: that of the app's oldest living grant for the realm, or of a new one."""
        now = self._clock.seconds()
        for grant in self._grants("client_id = ? AND realm = ? AND NOT revoked ORDER BY id", client_id, realm):
            if now < min(grant.expires, grant.hard_expires):
                return grant.refresh
        return self.new_grant(client_id, realm).refresh

    def _grants(self, where: str, *values: Any) -> list[Grant]:
        sql = f"SELECT {_COLUMNS} FROM grants WHERE {where}"  # noqa: S608  # both parts are of this module
        return [Grant(*row) for row in self._storage.rows(sql, *values)]

    def _secret(self, prefix: str, length: int) -> str:
        return prefix + secret(self._randomness.choice, length)


def challenge_of(verifier: str) -> str:
    """The challenge of method S256 (RFC 7636) that a verifier answers."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def secret(choice: Callable[[str], str], length: int) -> str:
    return "".join(choice(_ALPHABET) for _ in range(length))
