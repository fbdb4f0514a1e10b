"""The parts that reach QuickBooks and Ravetree."""

import threading
from collections.abc import Callable
from functools import cached_property

import requests

from clients import http
from clients.quickbooks.company import Bearer, Company, unmetered
from clients.quickbooks.oauth import OAuthClient
from clients.quickbooks.pacing import Pacer
from clients.ravetree.account import Account
from ravebooks.parts.shared import SharedParts
from storage.installation import check_connection
from storage.models import Connection
from sync.metering import ReadMeter
from sync.neighbours import Neighbours
from sync.tokens import TokenKeeper


class NeighbourParts:
    """Companies and accounts, with their tokens, at their pace, through one HTTP session a thread."""

    def __init__(self, shared: SharedParts) -> None:
        self._shared = shared
        self._threads = threading.local()

    @cached_property
    def oauth(self) -> OAuthClient:
        shared = self._shared
        s = shared.settings
        return OAuthClient(
            s.quickbooks_client_id,
            s.quickbooks_client_secret,
            s.effective_quickbooks_discovery_url,
            shared.clock,
            s.http_seconds,
            shared.adapter,
        )

    @cached_property
    def tokens(self) -> TokenKeeper:
        shared = self._shared
        return TokenKeeper(shared.database, shared.vault, self.oauth, shared.clock, shared.lease_owner)

    @cached_property
    def pacer(self) -> Pacer:
        return Pacer(self._shared.clock)

    def company(
        self,
        realm_id: str,
        bearer: Bearer,
        connection_id: str | None = None,
        before_a_call: Callable[[], object] = lambda: None,
    ) -> Company:
        """A company through this thread's HTTP session; its reads are counted for the connection, once there is one."""
        shared = self._shared
        s = shared.settings
        return Company(
            self._session(),
            s.effective_quickbooks_api_url,
            realm_id,
            bearer,
            self.pacer,
            shared.clock,
            s.http_seconds,
            ReadMeter(shared.database, shared.clock, connection_id) if connection_id else unmetered,
            before_a_call,
        )

    def account(self, account_id: str, token: str, before_a_call: Callable[[], object] = lambda: None) -> Account:
        """An account through this thread's HTTP session."""
        s = self._shared.settings
        return Account(
            self._session(), s.ravetree_api_url, account_id, token, self._shared.clock, s.http_seconds, before_a_call
        )

    def of(self, connection: Connection, before_a_call: Callable[[], object] = lambda: None) -> Neighbours:
        """Both neighbours of a connection."""
        check_connection(connection, self._shared.settings.quickbooks_environment)
        bearer = self.tokens.bearer(connection)
        return Neighbours(
            self.company(connection.realm_id, bearer, connection.id, before_a_call),
            self.account(connection.account_id, self.tokens.ravetree_token(connection), before_a_call),
        )

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = http.open_session(self._shared.adapter)
        session: requests.Session = self._threads.session
        return session
