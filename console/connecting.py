"""Connecting an account to a company: OAuth, what the company is like, mappings and switches."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clients.errors import NeighbourError, NotAuthorised, NotSent, OutcomeUnknown, Throttled
from clients.quickbooks.company import Bearer, Company
from clients.quickbooks.oauth import OAuthClient
from clients.ravetree.account import Account
from config.errors import RavebooksError
from config.logging import logger
from config.ports import Clock, Entropy
from console.states import CONSENT, START, UNDO, ConnectRefused, Kept, States
from reconcile.model import Kind, Record, Side
from reconcile.preflight import Finding, blocking
from schemas import ids
from storage import connections, forgetting, jobs, oauth_states, parity, pending
from storage.connections import NotActive
from storage.database import Database
from storage.installation import check_connection
from storage.models import Connection
from sync.tokens import TokenKeeper

VERIFIER_BYTES = 32
UNDOER = "whoever undid the connect"
UNTOLD = timedelta(days=1)
"""How far back changes are looked for at first where QuickBooks does not tell its time: our clocks may differ."""
API_TOKEN = re.compile(r"[!-~]+")
LINE_TYPE, TAX_RATE = "line_type", "tax_rate"
PAYMENT_METHOD, DEPOSIT_ACCOUNT = "payment_method", "deposit_account"
DEPOSIT_ACCOUNTS = frozenset({"Bank", "Other Current Asset"})
REMAPPING = "A new mapping affects later writes only: what is in QuickBooks keeps its entry until it is written again."


@dataclass(frozen=True)
class MappingKind:
    """What a kind of mapping leads from and to. `resource` is Ravetree's list, `entity` QuickBooks'."""

    resource: str
    entity: str
    where: str = ""


KINDS = {
    LINE_TYPE: MappingKind("line_item_types", "Item", "Type = 'Service'"),
    TAX_RATE: MappingKind("tax_rates", "TaxCode"),
    PAYMENT_METHOD: MappingKind("payment_methods", "PaymentMethod"),
    DEPOSIT_ACCOUNT: MappingKind("payment_methods", "Account"),
}
WITH_ALL_OTHERS = frozenset({TAX_RATE, DEPOSIT_ACCOUNT})
"""Kinds that take an empty key: lines without a tax rate, and payments by any method that is not mapped."""

log = logger("connect")


class SwitchRefused(RavebooksError):
    """Not everything that the sync needs is set."""

    remedy = "Map what is named, then switch on."


class CompanyOpener(Protocol):
    """Opens a company; with a connection's id its reads are counted."""

    def __call__(self, realm_id: str, bearer: Bearer, connection_id: str | None = None) -> Company: ...


@dataclass(frozen=True)
class Connected:
    """Who was joined. `undo` is a token that takes a new connection back; a renewed one has none."""

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
        return f"{self.public_url}/connect/callback"

    def start_link(self, account_id: str, ravetree_token: str) -> str:
        """Where Ravetree sends its user: our own address, good once and for ten minutes."""
        with self.database.transaction() as session:
            nonce = self.states.keep(session, START, Kept(account_id, ravetree_token))
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

    def look_at_account(self, account_id: str, ravetree_token: str) -> None:
        """Refuse a token that Ravetree does not take, or that is another account's, before anybody consents.

        When Ravetree is out of reach the connect goes on: the callback looks again. Raises `ConnectRefused`.
        """
        if not ids.is_ravetree_id(account_id):
            raise ConnectRefused(
                "the account id is none of Ravetree's", remedy="It has 1 to 64 of A-Z, a-z, 0-9, _ and -."
            )
        if not API_TOKEN.fullmatch(ravetree_token):
            raise ConnectRefused(
                "the API token has characters that no header can carry", remedy="Copy it once more from Ravetree."
            )
        try:
            # Somebody waits for the link: one try.
            self._check_account(account_id, ravetree_token, attempts=1)
        except (NotSent, OutcomeUnknown, Throttled) as error:
            log.warning("account not looked at before the consent", account=account_id, error=str(error))
        except NeighbourError as error:
            raise ConnectRefused(
                f"Ravetree does not say whose API token this is: {error}",
                remedy="Correct RAVEBOOKS_RAVETREE_API_URL, or ask Ravetree's support; then begin the connect again.",
            ) from None

    def _check_account(self, account_id: str, ravetree_token: str, attempts: int = 3) -> str:
        """The account's name. Raises `ConnectRefused` unless Ravetree says that the token is this account's."""
        try:
            said = self.account(account_id, ravetree_token).describe(attempts)
        except NotAuthorised:
            raise ConnectRefused(
                f"Ravetree does not accept this API token for the account {account_id}",
                remedy="Begin the connect again with a valid API token of that account.",
            ) from None
        found = said.get("id")
        if found != account_id:
            whose = f"the account {found}" if found else "nobody that Ravetree names"
            raise ConnectRefused(
                f"the API token belongs to {whose}, not to {account_id}",
                remedy="Begin the connect again with an API token of that account.",
            )
        return str(said.get("name") or "")

    def finish(self, state: str, browser: str, code: str, realm_id: str) -> Connected:
        """Exchange the code and make the connection, or renew it. Raises `ConnectRefused`."""
        begun = self._take(state, CONSENT, browser)
        account_id = begun.account_id
        if not code or not ids.is_quickbooks_id(realm_id):
            # A realm is part of every address: nothing but a number becomes one.
            raise ConnectRefused("Intuit did not say which company was chosen, or not with a code for it")
        with self.database.transaction() as session:
            self.claim(session)
            self._check_free(session, account_id, realm_id)
        try:
            account_name = self._check_account(account_id, begun.ravetree_token)
        except NeighbourError as error:
            raise ConnectRefused(
                f"the Ravetree account {account_id} could not be looked at: {error}",
                remedy="Begin the connect again when Ravetree answers.",
            ) from None
        tokens = self.oauth.exchange(code, self.redirect_uri, begun.verifier)
        company = self.company(realm_id, lambda expired=None: tokens.access)  # noqa: ARG005 - the token is new
        info = company.get("companyinfo/1")
        country = str(info.get("Country", "US"))
        preferences = company.get("preferences")
        home = preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value", "USD")
        with self._one_at_a_time(account_id, realm_id) as session:
            connection, is_new = self._connection(session, account_id, realm_id, company.told_at)
            connection.country = "US" if country in ("US", "USA") else country[:8]
            connection.home_currency = home
            connection.ravetree_token = self.tokens.seal_ravetree_token(begun.ravetree_token, connection.id)
            self.tokens.store(connection, tokens)
            session.flush()
            connections.reconnect(session, connection.id, self.clock.now())
            # What an earlier connect offered to undo is no longer what stands.
            oauth_states.forget_connection(session, connection.id)
            undo = self._offer_undo(session, connection, browser) if is_new else None
            connected = Connected(
                connection.id, account_id, account_name, realm_id, str(info.get("CompanyName", "")), undo
            )
        try:
            self.inspect(connected.connection_id)
        except NeighbourError as error:
            # It is connected all the same; the worker looks again by itself.
            log.warning("not looked at after the connect", connection=connected.connection_id, error=str(error))
        return connected

    @contextmanager
    def _one_at_a_time(self, account_id: str, realm_id: str) -> Iterator[Session]:
        """A transaction; of two new connections that are made at once for one account or company one is refused."""
        try:
            with self.database.transaction() as session:
                yield session
        except IntegrityError:
            # The one that was first holds the consent; this one's tokens are kept nowhere.
            raise ConnectRefused(
                f"another connect of the account {account_id} or the company {realm_id} was finished at this moment"
            ) from None

    def _offer_undo(self, session: Session, connection: Connection, browser: str) -> str:
        return self.states.keep(session, UNDO, Kept(connection.account_id, connection_id=connection.id), browser)

    def undo(self, token: str, browser: str) -> Undone:
        """Take back a connect that made a new connection: disconnected and forgotten. Raises `ConnectRefused`."""
        self.states.check_form(token, UNDO)
        with self.database.transaction() as session:
            offered = self.states.take(session, token, UNDO, browser)
            connection = connections.get(session, str(offered.connection_id))
            connection_id, realm_id = connection.id, connection.realm_id
            refresh_token = self._end(session, connection_id, UNDOER)
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
        with self.database.transaction() as session:
            refresh_token = self._end(session, connection_id, by)
        return self._revoke(connection_id, refresh_token)

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

    def denied(self, state: str, browser: str) -> None:
        """The user said no, or Intuit did: the state is used up. Raises `ConnectRefused`."""
        self._take(state, CONSENT, browser)

    def _take(self, token: str, purpose: str, browser: str) -> Kept:
        self.states.check_form(token, purpose)
        with self.database.transaction() as session:
            return self.states.take(session, token, purpose, browser)

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

    def _connection(
        self, session: Session, account_id: str, realm_id: str, told_at: datetime | None
    ) -> tuple[Connection, bool]:
        """The account's connection, and whether it is a new one. Changes are looked for from `told_at` on,
        which is by QuickBooks' clock.
        """
        self._check_free(session, account_id, realm_id)
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

    def forget(self, connection_id: str, by: str) -> str:
        """End a disconnected connection for good: `forgotten`, or `archived` if anything was ever written for it."""
        with self.database.transaction() as session:
            return forgetting.forget(session, connection_id, by, self.clock.now())

    # --- mappings and switches -------------------------------------------------------------------

    def map_keys(self, connection_id: str, kind: str, mapping: dict[str, str]) -> None:
        """Map Ravetree's keys to active QuickBooks entries; a line type needs a service item."""
        self._check_keys(connection_id, kind, mapping.keys())
        names = self._active_entries(connection_id, kind, set(mapping.values()))
        with self.database.transaction() as session:
            for key, quickbooks_id in mapping.items():
                connections.set_mapping(session, connection_id, kind, key, quickbooks_id, names.get(quickbooks_id, ""))
            for code in (f"{kind}_not_mapped", *pending.MAPPING_CODES):
                pending.reconsider_code(session, connection_id, code, self.clock.now())

    def _check_keys(self, connection_id: str, kind: str, named: Iterable[str]) -> None:
        """A mapping of what Ravetree does not have would lie there for ever and map nothing."""
        keys = [str(row["key"]) for row in self.keys(connection_id, kind)]
        if unknown := sorted(set(named) - set(keys) - ({""} if kind in WITH_ALL_OTHERS else set())):
            raise SwitchRefused(
                f"{', '.join(map(repr, unknown))} is none of Ravetree's {KINDS[kind].resource.replace('_', ' ')}",
                remedy=f"They are: {', '.join(key for key in keys if key) or 'none yet'}.",
            )

    def items(self, connection_id: str) -> list[dict[str, str]]:
        """The company's active service items, to map line types to."""
        return self.entries(connection_id, LINE_TYPE)

    def entries(self, connection_id: str, kind: str, search: str = "") -> list[dict[str, str]]:
        """The active entries of QuickBooks that a kind of key can be mapped to, whose name has `search` in it."""
        listed = KINDS[kind]
        where = " and ".join(part for part in (listed.where, "Active = true") if part)
        rows = self._company_of(connection_id).query(listed.entity, where, limit=10**9)
        named = [
            {"id": str(row["Id"]), "name": str(row.get("FullyQualifiedName") or row.get("Name", ""))}
            for row in rows
            if _fits(kind, row)
        ]
        found = [entry for entry in named if search.casefold() in entry["name"].casefold()]
        return sorted(found, key=lambda entry: entry["name"].casefold())

    def keys(self, connection_id: str, kind: str) -> list[dict[str, str | None]]:
        """Ravetree's keys of a kind with their labels, and what each is mapped to."""
        with self.database.transaction() as session:
            connection = self._working(session, connection_id)
            mapped = connections.mappings(session, connection_id, kind)
        account = self.account(connection.account_id, self.tokens.ravetree_token(connection))
        rows = [(str(row["key"]), str(row["label"])) for row in account.listing(KINDS[kind].resource)]
        if kind == DEPOSIT_ACCOUNT:
            rows.append(("", "All other methods"))
        return [{"key": key, "label": label, "quickbooks_id": mapped.get(key)} for key, label in rows]

    def _working(self, session: Session, connection_id: str) -> Connection:
        """A connection whose neighbours may be called from here."""
        connections.check_connected(session, connection_id)
        connection = connections.get(session, connection_id)
        check_connection(connection, self.environment)
        return connection

    def _company_of(self, connection_id: str) -> Company:
        with self.database.transaction() as session:
            realm_id = self._working(session, connection_id).realm_id
        return self.company(
            realm_id, lambda expired=None: self.tokens.access_token(connection_id, expired), connection_id
        )

    def _active_entries(self, connection_id: str, kind: str, ids: set[str]) -> dict[str, str]:
        company, entity = self._company_of(connection_id), KINDS[kind].entity
        what = {"Item": "item", "TaxCode": "tax code", "PaymentMethod": "payment method"}.get(entity, "account")
        found = {str(raw["Id"]): raw for raw in company.by_ids(entity, ids)}
        for entry_id in sorted(ids):
            entry = found.get(entry_id)
            if entry is None or not entry.get("Active", True):
                raise SwitchRefused(f"QuickBooks has no active {what} {entry_id}", remedy=f"Choose an active {what}.")
            if kind == LINE_TYPE and entry.get("Type") != "Service":
                raise SwitchRefused(
                    f"the item {entry.get('Name', entry_id)} is not of type Service",
                    remedy="Choose a service item.",
                )
            if not _fits(kind, entry):
                raise SwitchRefused(
                    f"the account {entry.get('Name', entry_id)} takes no deposits",
                    remedy="Choose a bank account or undeposited funds.",
                )
        return {entry_id: str(raw.get("Name", "")) for entry_id, raw in found.items()}

    def switch(self, connection_id: str, *, invoices: bool | None, estimates: bool | None) -> None:
        """Switch on or off. On means: from now on; what is older waits for the button or a back-fill.

        Off means that nothing of the kind moves, on either side: what changes meanwhile waits for the next switch-on.
        """
        if invoices or estimates:
            self._check_mapped(connection_id)
            self._check_settings(connection_id)
        now = self.clock.now()
        with self.database.transaction() as session:
            connection = connections.get_current(session, connection_id)
            if invoices is not None:
                connection.invoices_since = _since(connection.invoices_since, invoices, now)
            if estimates is not None:
                connection.estimates_since = _since(connection.estimates_since, estimates, now)
            parity.schedule(connection, now)
            on = [kind for kind, turned in ((Kind.INVOICE, invoices), (Kind.ESTIMATE, estimates)) if turned]
            pending.wake(session, connection_id, [Record(Side.RAVETREE, kind, pending.SWITCH_ON) for kind in on], now)
            if (invoices or estimates) and connection.contacts_imported_at is None:
                self._begin_import(session, connection_id, now)

    def _begin_import(self, session: Session, connection_id: str, now: datetime) -> None:
        """Contacts come once, when the integration is switched on for the first time."""
        try:
            jobs.begin(session, connection_id, jobs.IMPORT_CONTACTS, {}, "the first switch-on", now)
        except jobs.JobRefused:
            # It is under way already, or a person paused it.
            return

    def _check_settings(self, connection_id: str) -> None:
        """What would make wrong books holds the switch-on."""
        if found := blocking(self.inspect(connection_id)):
            raise SwitchRefused(found[0].cause.rstrip("."), remedy=found[0].remedy)

    def _check_mapped(self, connection_id: str) -> None:
        with self.database.transaction() as session:
            connection = self._working(session, connection_id)
            mapped = connections.mappings(session, connection_id, LINE_TYPE)
        account = self.account(connection.account_id, self.tokens.ravetree_token(connection))
        missing = [row["label"] for row in account.listing("line_item_types") if row["key"] not in mapped]
        if missing:
            raise SwitchRefused(f"not mapped yet: {', '.join(missing)}")


def _fits(kind: str, row: Mapping[str, Any]) -> bool:
    return kind != DEPOSIT_ACCOUNT or row.get("AccountType") in DEPOSIT_ACCOUNTS


def _since(before: datetime | None, on: bool, now: datetime) -> datetime | None:
    return (before or now) if on else None
