"""Connecting an account to a company: OAuth, what the company is like, and the way back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clients.errors import NeighbourError
from clients.quickbooks.company import Bearer, Company
from clients.quickbooks.oauth import OAuthClient
from clients.ravetree.account import Account
from config.logging import logger
from config.ports import Clock, Entropy
from console import ravetree_accounts
from console.states import CONSENT, START, UNDO, ConnectRefused, Kept, States
from reconcile.model import Side
from reconcile.preflight import Finding
from schemas import ids
from storage import connections, forgetting, oauth_states
from storage.connections import NotActive
from storage.database import Database, again_when_contended
from storage.installation import check_connection
from storage.models import Connection
from sync import duties
from sync.questions.preflight import time_zone_of
from sync.tokens import TokenKeeper

VERIFIER_BYTES = 32
UNDOER = "whoever undid the connect"
UNTOLD = timedelta(days=1)
"""How far back changes are looked for at first where QuickBooks does not tell its time: our clocks may differ."""

log = logger("connect")


class CompanyOpener(Protocol):
    """Opens a company; with a connection's id its reads are counted."""

    def __call__(self, realm_id: str, bearer: Bearer, connection_id: str | None = None) -> Company: ...


@dataclass(frozen=True)
class Connected:
    """Who was joined. `undo` is a token that takes a new connection back; a renewed one, or the console's, has none."""

    connection_id: str
    account_id: str
    account_name: str
    realm_id: str
    company_name: str
    undo: str | None = field(repr=False)


@dataclass(frozen=True)
class Undone:
    """What an undo came to: `forgotten`, or `archived` if anything was written; and whether Intuit was told.

    While a write has no answer the connection stays `disconnected`: `open` says which.
    """

    account_id: str
    realm_id: str
    outcome: str
    revoked: bool
    open: str = ""


@dataclass(frozen=True)
class Connecting:
    """The steps of a connect. `company` and `account` open a neighbour for the calling thread.

    `environment` is QuickBooks', kept with each connection; `claim` makes sure that the database is of it.
    """

    database: Database
    oauth: OAuthClient
    tokens: TokenKeeper
    states: States
    company: CompanyOpener
    account: Callable[[str, str], Account]
    clock: Clock
    entropy: Entropy
    public_url: str
    secret_key: str
    inspect: Callable[[str], Sequence[Finding]] = lambda _connection_id: ()
    environment: str = ""
    claim: Callable[[Session], object] = lambda _session: None

    @property
    def redirect_uri(self) -> str:
        """Where Intuit sends the browser back to."""
        return f"{self.public_url}/connect/callback"

    def begin(self, account_id: str, ravetree_token: str, *, in_console: bool = False) -> str:
        """A start link, once Ravetree has said that the token is this account's. Raises `ConnectRefused`."""
        ravetree_accounts.look(self.account, account_id, ravetree_token)
        return self.start_link(account_id, ravetree_token, in_console=in_console)

    def renew(self, connection_id: str, ravetree_token: str = "") -> str:
        """A start link for the consent of a connection anew, begun in the console; its API token stays unless given.

        Raises `ConnectRefused`, also when it keeps no API token any more.
        """
        with self.database.reading() as session:
            connection = connections.get_current(session, connection_id)
        if not ravetree_token and connection.ravetree_token is None:
            raise ConnectRefused(
                "the API token was dropped when the connection was ended",
                remedy="Enter an API token of the Ravetree account.",
                field="ravetree_token",
            )
        token = ravetree_token or self.tokens.ravetree_token(connection)
        return self.begin(connection.account_id, token, in_console=True)

    def start_link(self, account_id: str, ravetree_token: str, *, in_console: bool = False) -> str:
        """Where a user is sent: our own address, good once and for ten minutes."""
        with self.database.transaction() as session:
            nonce = self.states.keep(session, START, Kept(account_id, ravetree_token, in_console=in_console))
        return f"{self.public_url}/connect/start?token={self._signer().dumps({'nonce': nonce})}"

    def start(self, token: str, browser: str) -> str:
        """Where a start link leads on to: Intuit's page of consent, whose answer `browser` alone can bring back.

        Raises `ConnectRefused`, and `NeighbourError` while Intuit cannot be reached: the link is then still good.
        """
        try:
            nonce = str(self._signer().loads(token)["nonce"])
        except (BadData, KeyError, TypeError):
            raise ConnectRefused("this link was not made here") from None
        verifier = self.entropy.token(VERIFIER_BYTES) if self.oauth.takes_challenges() else ""
        with self.database.transaction() as session:
            begun = self.states.take(session, nonce, START)
            state = self.states.keep(session, CONSENT, replace(begun, verifier=verifier), browser)
        return self.oauth.authorisation_url(state, self.redirect_uri, verifier)

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret_key, salt="connect-start")

    def come_back(self, state: str, browser: str) -> Kept:
        """What was begun and comes back from Intuit, with a yes or a no: the state is used up.

        Raises `ConnectRefused`.
        """
        self.states.check_form(state, CONSENT)
        with self.database.transaction() as session:
            return self.states.take(session, state, CONSENT, browser)

    def finish(self, begun: Kept, browser: str, code: str, realm_id: str) -> Connected:
        """Exchange the code and make the connection, or renew it. Raises `ConnectRefused`."""
        account_id = begun.account_id
        if not code or not ids.is_quickbooks_id(realm_id):
            # A realm is part of every address: nothing but a number becomes one.
            raise ConnectRefused("Intuit did not say which company was chosen, or not with a code for it")
        with self.database.transaction() as session:
            self.claim(session)
            _check_free(session, account_id, realm_id)
        try:
            account_name = ravetree_accounts.check(self.account, account_id, begun.ravetree_token)
        except NeighbourError as error:
            raise ConnectRefused(
                f"the Ravetree account {account_id} could not be looked at: {error}",
                remedy="Begin the connect again when Ravetree answers.",
            ) from None
        tokens = self.oauth.exchange(code, self.redirect_uri, begun.verifier)
        company = self.company(realm_id, lambda expired=None: tokens.access)  # noqa: ARG005 - the token is new
        info = company.get("companyinfo/1")
        country, time_zone = str(info.get("Country", "US")), time_zone_of(info)
        preferences = company.get("preferences")
        home = preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value", "USD")

        @again_when_contended  # the code of a consent is good once
        def keep() -> Connected:
            with _one_at_a_time(self.database, account_id, realm_id) as session:
                connection, is_new = self._connection(session, account_id, realm_id, company.told_at)
                connection.country = "US" if country in ("US", "USA") else country[:8]
                connection.home_currency = home
                # What a person set stays: where the company is now changes no day by itself.
                connection.time_zone = connection.time_zone or time_zone
                connection.ravetree_token = self.tokens.seal_ravetree_token(begun.ravetree_token, connection.id)
                self.tokens.store(connection, tokens)
                session.flush()
                duties.reconnect(session, connection.id, self.clock.now())
                # What an earlier connect offered to undo is no longer what stands.
                oauth_states.forget_connection(session, connection.id)
                offered = Kept(account_id, connection_id=connection.id)
                # The console has buttons of its own for that.
                offers = is_new and not begun.in_console
                undo = self.states.keep(session, UNDO, offered, browser) if offers else None
                company_name = str(info.get("CompanyName", ""))
                return Connected(connection.id, account_id, account_name, realm_id, company_name, undo)

        connected = keep()
        try:
            self.inspect(connected.connection_id)
        except NeighbourError as error:
            # It is connected all the same; the worker looks again by itself.
            log.warning("not looked at after the connect", connection=connected.connection_id, error=str(error))
        return connected

    def undo(self, token: str, browser: str) -> Undone:
        """Take back a connect that made a new connection: disconnected and forgotten. Raises `ConnectRefused`."""
        self.states.check_form(token, UNDO)

        @again_when_contended
        def end() -> tuple[Kept, str, str, str | None]:
            with self.database.transaction() as session:
                offered = self.states.take(session, token, UNDO, browser)
                connection = connections.get(session, str(offered.connection_id))
                return offered, connection.id, connection.realm_id, self._end(session, connection.id, UNDOER)

        offered, connection_id, realm_id, refresh_token = end()
        # Ended whatever comes now: nothing more is written from here on.
        revoked = self._revoke(connection_id, refresh_token)
        try:
            outcome, left = self.forget(connection_id, UNDOER), ""
        except NotActive as error:
            outcome, left = connections.DISCONNECTED, str(error)
        log.info("connect undone", connection=connection_id, outcome=outcome)
        return Undone(offered.account_id, realm_id, outcome, revoked, left)

    def disconnect(self, connection_id: str, by: str) -> bool:
        """End the connection, then the consent at Intuit; False when Intuit could not be told of it.

        Nothing is written from the first moment on: a consent that lives on does no harm without its tokens.
        """

        @again_when_contended
        def end() -> str | None:
            with self.database.transaction() as session:
                return self._end(session, connection_id, by)

        return self._revoke(connection_id, end())

    def _end(self, session: Session, connection_id: str, by: str) -> str | None:
        """End a connection here; what it had to refresh its consent with."""
        refresh_token = self.tokens.refresh_token(connections.get(session, connection_id))
        connections.disconnect(session, connection_id, by)
        return refresh_token

    def _revoke(self, connection_id: str, refresh_token: str | None) -> bool:
        if refresh_token is None:
            return True
        try:
            self.oauth.revoke(refresh_token)
        except NeighbourError as error:
            log.warning("consent not revoked", connection=connection_id, error=str(error))
            return False
        return True

    def _connection(
        self, session: Session, account_id: str, realm_id: str, told_at: datetime | None
    ) -> tuple[Connection, bool]:
        """The account's connection, and whether it is a new one. Changes are looked for from `told_at` on,
        which is by QuickBooks' clock.
        """
        _check_free(session, account_id, realm_id)
        connection = connections.find(session, Side.RAVETREE, account_id)
        is_new = connection is None
        if connection is None:
            now = self.clock.now()
            connection = Connection(
                id=self.entropy.token(8),
                account_id=account_id,
                realm_id=realm_id,
                environment=self.environment,
                state=connections.ACTIVE,
                pause_cause="",
                pause_remedy="",
                created_at=now,
                cdc_watermark=told_at or now - UNTOLD,
            )
            session.add(connection)
        check_connection(connection, self.environment)
        return connection, is_new

    @again_when_contended
    def forget(self, connection_id: str, by: str) -> str:
        """End a disconnected connection for good: `forgotten`, or `archived` if anything was ever written for it."""
        with self.database.transaction() as session:
            return forgetting.forget(session, connection_id, by, self.clock.now())


@contextmanager
def _one_at_a_time(database: Database, account_id: str, realm_id: str) -> Iterator[Session]:
    """A transaction; of two new connections that are made at once for one account or company one is refused."""
    try:
        with database.transaction() as session:
            yield session
    except IntegrityError:
        # The one that was first holds the consent; this one's tokens are kept nowhere.
        raise ConnectRefused(
            f"another connect of the account {account_id} or the company {realm_id} was finished at this moment"
        ) from None


def _check_free(session: Session, account_id: str, realm_id: str) -> None:
    by_realm = connections.find(session, Side.QUICKBOOKS, realm_id)
    if by_realm is not None and by_realm.account_id != account_id:
        raise ConnectRefused(
            f"the company {realm_id} is connected to another Ravetree account",
            remedy="Choose another company on Intuit's page.",
        )
    by_account = connections.find(session, Side.RAVETREE, account_id)
    if by_account is not None and by_account.realm_id != realm_id:
        raise ConnectRefused(
            f"the account {account_id} is connected to another QuickBooks company",
            remedy="Choose that company on Intuit's page.",
        )
