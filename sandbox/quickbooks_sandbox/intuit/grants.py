"""Grants: what a company consented to, with the refresh token by which an app stays connected to it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.credentials import secret
from sandbox_kit.clock import SandboxClock

DAY_SECONDS = 24 * 3600
REFRESH_SECONDS = 100 * DAY_SECONDS
HARD_SECONDS = 5 * 365 * DAY_SECONDS


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


class Grants:
    """Those of all apps and companies, on disk; times are the sandbox's clock in seconds."""

    def __init__(self, storage: Storage, clock: SandboxClock, randomness: random.Random) -> None:
        self._storage = storage
        self._clock = clock
        self._randomness = randomness

    def new(self, client_id: str, realm: str) -> Grant:
        now = self._clock.seconds()
        with self._storage.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO grants (realm, refresh, issued, expires, hard_expires, client_id)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (realm, self._secret(), now, now + REFRESH_SECONDS, now + HARD_SECONDS, client_id),
            )
            return self._grants("id = ?", cursor.lastrowid)[0]

    def usable(self, client_id: str, token: str, now: float) -> Grant | None:
        """The grant that this refresh token is of, if it may be used still."""
        for grant in self._grants("(refresh = ? OR previous = ?) AND client_id = ?", token, token, client_id):
            alive = not grant.revoked and now < min(grant.expires, grant.hard_expires)
            current = token == grant.refresh or (grant.previous_dies is not None and now < grant.previous_dies)
            if alive and current:
                return grant
        return None

    def renew(self, grant: Grant, now: float) -> Grant:
        """Within a day the same value lives longer; then there is a new one, and the old one lives a day longer."""
        if now - grant.issued >= DAY_SECONDS:
            self._rotate(grant, now)
        else:
            self._extend(grant, now)
        return self._grants("id = ?", grant.id)[0]

    def _rotate(self, grant: Grant, now: float) -> None:
        with self._storage.transaction() as connection:
            connection.execute(
                "UPDATE grants SET previous = refresh, previous_dies = ?, refresh = ?, issued = ?,"
                " expires = ? WHERE id = ?",
                (now + DAY_SECONDS, self._secret(), now, now + REFRESH_SECONDS, grant.id),
            )

    def _extend(self, grant: Grant, now: float) -> None:
        with self._storage.transaction() as connection:
            connection.execute("UPDATE grants SET expires = ? WHERE id = ?", (now + REFRESH_SECONDS, grant.id))

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
        return self.new(client_id, realm).refresh

    def _grants(self, where: str, *values: Any) -> list[Grant]:
        sql = f"SELECT {_COLUMNS} FROM grants WHERE {where}"  # noqa: S608  # both parts are of this module
        return [Grant(*row) for row in self._storage.rows(sql, *values)]

    def _secret(self) -> str:
        return "RT1-" + secret(self._randomness.choice, 40)
