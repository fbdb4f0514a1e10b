"""The access token of a connection: one refresh at a time, stored before it is used."""

import threading
from datetime import timedelta

from clients.errors import NotSent
from clients.quickbooks.company import Bearer
from clients.quickbooks.oauth import ConsentLost, OAuthClient, Tokens
from config import telemetry
from config.errors import RavebooksError
from config.logging import logger
from config.ports import Clock
from storage import connections, leases
from storage.database import Database
from storage.models import Connection
from storage.vault import Vault

EARLY = timedelta(minutes=5)
"""Refresh this long before the access token dies, so that no call begins with a token that ends under way."""
LONGEST = timedelta(hours=1)
"""No access token lives longer: one that seems to was stored while our clock ran ahead."""
LEASE_SECONDS = 90.0
WAIT_SECONDS = 0.2
TRIES = 300

log = logger("tokens")


class RefreshUnderWay(NotSent):
    """Another worker has been refreshing this connection's token for too long."""

    remedy = "Nothing to do: it is tried again when that worker's lease ends."


class TokenKeeper:
    """Reads, refreshes and stores tokens of all connections."""

    def __init__(self, database: Database, vault: Vault, oauth: OAuthClient, clock: Clock, owner: str) -> None:
        self._database = database
        self._vault = vault
        self._oauth = oauth
        self._clock = clock
        self._owner = owner
        # An owner takes a lease once at a time: the threads of this process take turns.
        self._turn = threading.Lock()

    def access_token(self, connection_id: str, expired: str | None = None) -> str:
        """A token that is good for a call; `expired` is one that QuickBooks has just refused.

        Raises `ConsentLost` when only the user can help.
        """
        for _ in range(TRIES):
            token = self._current(connection_id, expired)
            if token is not None:
                return token
            with self._turn:
                token = self._refresh_alone(connection_id, expired)
            if token is not None:
                return token
            self._clock.sleep(WAIT_SECONDS)
        raise RefreshUnderWay(f"the token of connection {connection_id} is being refreshed elsewhere")

    def _refresh_alone(self, connection_id: str, expired: str | None) -> str | None:
        """A new token, or None while another process refreshes it."""
        with self._database.transaction() as session:
            lease = leases.acquire(self._database, session, connection_id, leases.TOKEN, self._owner, LEASE_SECONDS)
        if lease is None:
            return None
        try:
            # Whoever had the lease before may have stored a newer token.
            return self._current(connection_id, expired) or self._refresh(connection_id, lease)
        except RavebooksError:
            telemetry.token_refreshes.labels("failed").inc()
            raise
        finally:
            with self._database.transaction() as session:
                leases.release(session, lease)

    def store(self, connection: Connection, tokens: Tokens) -> None:
        """Seal new tokens into the connection's row; the caller commits."""
        connection.access_token = self._vault.seal(tokens.access, connection.id, "access_token")
        connection.access_expires_at = tokens.access_expires_at
        connection.refresh_token = self._vault.seal(tokens.refresh, connection.id, "refresh_token")
        connection.refresh_expires_at = tokens.refresh_expires_at
        connection.refresh_hard_expires_at = tokens.hard_expires_at

    def refresh_token(self, connection: Connection) -> str | None:
        """The refresh token of a connection, if it has one."""
        sealed = connection.refresh_token
        return self._vault.open(sealed, connection.id, "refresh_token") if sealed is not None else None

    def ravetree_token(self, connection: Connection) -> str:
        """The connection's API token for Ravetree."""
        return self._vault.open(connection.ravetree_token, connection.id, "ravetree_token")

    def seal_ravetree_token(self, token: str, owner: str) -> bytes:
        """An API token for Ravetree as it is stored for `owner`."""
        return self._vault.seal(token, owner, "ravetree_token")

    def bearer(self, connection: Connection) -> Bearer:
        """Gives the token of a connection: the one that was read with it for as long as that is good."""

        def token(expired: str | None = None) -> str:
            held = self._good(connection) if expired is None else None
            return held or self.access_token(connection.id, expired)

        return token

    def _current(self, connection_id: str, expired: str | None) -> str | None:
        with self._database.reading() as session:
            connection = connections.get(session, connection_id)
        token = self._good(connection)
        return None if token == expired else token

    def _good(self, connection: Connection) -> str | None:
        sealed, expires_at = connection.access_token, connection.access_expires_at
        now = self._clock.now()
        if sealed is None or expires_at is None or not now < expires_at - EARLY < now + LONGEST:
            return None
        return self._vault.open(sealed, connection.id, "access_token")

    def _refresh(self, connection_id: str, lease: leases.HeldLease) -> str:
        refresh_token = self._refresh_token(connection_id)
        try:
            tokens = self._oauth.refresh(refresh_token)
        except ConsentLost:
            newer = self._refresh_token(connection_id)
            if newer == refresh_token:
                raise
            tokens = self._oauth.refresh(newer)
        with self._database.transaction() as session:
            # Stored whatever became of the lease: the old token may be dead already.
            connection = connections.get(session, connection_id)
            if connection.state in (connections.DISCONNECTED, connections.ARCHIVED):
                raise ConsentLost("the connection was disconnected meanwhile")
            self.store(connection, tokens)
        telemetry.token_refreshes.labels("done").inc()
        log.info("token refreshed", connection=connection_id, fence=lease.fence)
        return tokens.access

    def _refresh_token(self, connection_id: str) -> str:
        with self._database.transaction() as session:
            connection = connections.get(session, connection_id)
            return self._vault.open(connection.refresh_token, connection_id, "refresh_token")
