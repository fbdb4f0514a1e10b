"""Connecting an account to a company: OAuth, what the company is like, mappings and switches."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from clients.quickbooks.company import Bearer, Company
from clients.quickbooks.oauth import OAuthClient, Tokens
from clients.ravetree.account import Account
from config.errors import RavebooksError
from config.ports import Clock, Entropy
from reconcile.model import Side
from storage import connections, jobs, parity, pending
from storage.database import Database
from storage.models import Connection, OAuthState

STATE_SECONDS = 600
LINE_TYPE = "line_type"
TAX_RATE = "tax_rate"


class ConnectRefused(RavebooksError):
    """The connect cannot go on."""

    remedy = "Begin the connect again from Ravetree."


class SwitchRefused(RavebooksError):
    """Not everything that the sync needs is set."""

    remedy = "Map what is named, then switch on."


class TokenStore(Protocol):
    """Keeps tokens sealed."""

    def store(self, connection: Connection, tokens: Tokens) -> None: ...

    def access_token(self, connection_id: str, expired: str | None = None) -> str: ...

    def ravetree_token(self, connection_id: str) -> str: ...

    def seal_ravetree_token(self, token: str, owner: str) -> bytes: ...

    def open_ravetree_token(self, sealed: bytes, owner: str) -> str: ...


class CompanyOpener(Protocol):
    """Opens a company; with a connection's id its reads are counted."""

    def __call__(self, realm_id: str, bearer: Bearer, connection_id: str | None = None) -> Company: ...


@dataclass(frozen=True)
class Connecting:
    """The steps of a connect. `company` and `account` open a neighbour for the calling thread."""

    database: Database
    oauth: OAuthClient
    tokens: TokenStore
    company: CompanyOpener
    account: Callable[[str, str], Account]
    clock: Clock
    entropy: Entropy
    public_url: str
    secret_key: str

    def _digest(self, state: str) -> str:
        """What is stored of a state: whoever reads the database cannot make one."""
        return hmac.new(self.secret_key.encode(), state.encode(), hashlib.sha256).hexdigest()

    @property
    def redirect_uri(self) -> str:
        return f"{self.public_url}/connect/callback"

    def begin(self, account_id: str, ravetree_token: str) -> str:
        """Where to send the user. The state is signed by being known here alone, short-lived and used once."""
        state = self.entropy.token(24)
        with self.database.transaction() as session:
            session.add(
                OAuthState(
                    digest=self._digest(state),
                    account_id=account_id,
                    ravetree_token=self.tokens.seal_ravetree_token(ravetree_token, self._digest(state)),
                    expires_at=self.clock.now() + timedelta(seconds=STATE_SECONDS),
                )
            )
        return self.oauth.authorisation_url(state, self.redirect_uri)

    def finish(self, state: str, code: str, realm_id: str) -> str:
        """Exchange the code and make the connection, or renew it; returns its id. Raises `ConnectRefused`."""
        account_id, ravetree_token = self._take_state(state)
        with self.database.transaction() as session:
            self._check_free(session, account_id, realm_id)
        tokens = self.oauth.exchange(code, self.redirect_uri)
        company = self.company(realm_id, lambda expired=None: tokens.access)  # noqa: ARG005 - the token is new
        country = str(company.get("companyinfo/1").get("Country", "US"))
        preferences = company.get("preferences")
        home = preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value", "USD")
        with self.database.transaction() as session:
            connection = self._connection(session, account_id, realm_id)
            connection.country = "US" if country in ("US", "USA") else country[:8]
            connection.home_currency = home
            connection.ravetree_token = self.tokens.seal_ravetree_token(ravetree_token, connection.id)
            self.tokens.store(connection, tokens)
            session.flush()
            connections.resume(session, connection.id, self.clock.now())
            return connection.id

    def denied(self, state: str) -> None:
        """The user said no: the state is used up."""
        self._take_state(state)

    def _take_state(self, state: str) -> tuple[str, str]:
        with self.database.transaction() as session:
            row = session.get(OAuthState, self._digest(state))
            if row is None or row.expires_at < self.clock.now():
                raise ConnectRefused("this connect was never begun here, took too long, or was finished already")
            session.delete(row)
            return row.account_id, self.tokens.open_ravetree_token(row.ravetree_token, row.digest)

    def _check_free(self, session: Session, account_id: str, realm_id: str) -> None:
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

    def _connection(self, session: Session, account_id: str, realm_id: str) -> Connection:
        self._check_free(session, account_id, realm_id)
        connection = connections.find(session, Side.RAVETREE, account_id)
        if connection is None:
            now = self.clock.now()
            connection = Connection(
                id=self.entropy.token(8),
                account_id=account_id,
                realm_id=realm_id,
                state=connections.ACTIVE,
                pause_cause="",
                pause_remedy="",
                created_at=now,
                cdc_watermark=now,
            )
            session.add(connection)
        return connection

    # --- mappings and switches -------------------------------------------------------------------

    def map_keys(self, connection_id: str, kind: str, mapping: dict[str, str]) -> None:
        """Map Ravetree's keys to QuickBooks entries; a line type needs an active service item."""
        names: dict[str, str] = {}
        if kind == LINE_TYPE:
            names = self._active_items(connection_id, set(mapping.values()))
        with self.database.transaction() as session:
            for key, quickbooks_id in mapping.items():
                connections.set_mapping(session, connection_id, kind, key, quickbooks_id, names.get(quickbooks_id, ""))
            pending.reconsider_code(session, connection_id, f"{kind}_not_mapped", self.clock.now())

    def items(self, connection_id: str) -> list[dict[str, str]]:
        """The company's active service items, to map line types to."""
        rows = self._company_of(connection_id).query("Item", "Type = 'Service'")
        return [{"id": str(row["Id"]), "name": str(row.get("Name", ""))} for row in rows]

    def _company_of(self, connection_id: str) -> Company:
        with self.database.transaction() as session:
            realm_id = connections.get(session, connection_id).realm_id
        return self.company(
            realm_id, lambda expired=None: self.tokens.access_token(connection_id, expired), connection_id
        )

    def _active_items(self, connection_id: str, ids: set[str]) -> dict[str, str]:
        company = self._company_of(connection_id)
        found = {str(raw["Id"]): raw for raw in company.by_ids("Item", ids)}
        for item_id in sorted(ids):
            item = found.get(item_id)
            if item is None or not item.get("Active", True):
                raise SwitchRefused(f"QuickBooks has no active item {item_id}", remedy="Choose an active service item.")
            if item.get("Type") != "Service":
                raise SwitchRefused(
                    f"the item {item.get('Name', item_id)} is not of type Service",
                    remedy="Choose a service item.",
                )
        return {item_id: str(raw.get("Name", "")) for item_id, raw in found.items()}

    def switch(self, connection_id: str, *, invoices: bool | None, estimates: bool | None) -> None:
        """Switch on or off. On means: from now on; what is older waits for the button or a back-fill."""
        if invoices or estimates:
            self._check_mapped(connection_id)
        now = self.clock.now()
        with self.database.transaction() as session:
            connection = connections.get(session, connection_id)
            if invoices is not None:
                connection.invoices_since = _since(connection.invoices_since, invoices, now)
            if estimates is not None:
                connection.estimates_since = _since(connection.estimates_since, estimates, now)
            parity.schedule(connection, now)
            if (invoices or estimates) and connection.contacts_imported_at is None:
                self._begin_import(session, connection_id, now)

    def _begin_import(self, session: Session, connection_id: str, now: datetime) -> None:
        """Contacts come once, when the integration is switched on for the first time."""
        try:
            jobs.begin(session, connection_id, jobs.IMPORT_CONTACTS, {}, "the first switch-on", now)
        except jobs.JobRefused:
            # It is under way already, or a person paused it.
            return

    def _check_mapped(self, connection_id: str) -> None:
        with self.database.transaction() as session:
            account_id = connections.get(session, connection_id).account_id
            mapped = connections.mappings(session, connection_id, LINE_TYPE)
        account = self.account(account_id, self.tokens.ravetree_token(connection_id))
        missing = [row["label"] for row in account.listing("line_item_types") if row["key"] not in mapped]
        if missing:
            raise SwitchRefused(f"not mapped yet: {', '.join(missing)}")


def _since(before: datetime | None, on: bool, now: datetime) -> datetime | None:
    return (before or now) if on else None
