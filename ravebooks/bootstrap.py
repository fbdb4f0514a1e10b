"""Puts the parts together. Nothing connects here: each part does so when it is first used."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import requests
from flask import Flask
from flask_smorest import Api
from sqlalchemy.orm import Session

from clients import http
from clients.quickbooks.company import Bearer, Company, unmetered
from clients.quickbooks.oauth import OAuthClient
from clients.quickbooks.pacing import Pacer
from clients.ravetree.account import Account
from config.errors import RavebooksError
from config.keyring import KeyRing
from config.ports import Clock, Entropy, SystemClock, SystemEntropy
from config.settings import Settings
from config.tally import Tally
from config.telemetry import Progress
from console import api, consent, contract
from console.connecting import Connecting
from console.states import States
from consumers.nudges import BrokerNudger
from consumers.recorder import Recorder
from consumers.sweeper import Sweeper
from consumers.wakeups import Nudger, Wakeups
from publishers.confirms import ConfirmedPublisher
from publishers.deliveries import BrokerPublisher, Relay
from publishers.messages import BrokerDown
from publishers.publisher import DirectPublisher, Publisher
from storage import brakes, connections, due_times, installation, migrations, outbox
from storage.database import Database, DatabaseDown
from storage.installation import Claimant, check_connection
from storage.models import Connection, Installation
from storage.vault import Vault
from sync import actions, duties
from sync.actions import Actions
from sync.lease import Claims, Timings
from sync.metering import ReadMeter
from sync.neighbours import Neighbours
from sync.questions.parity import Parity
from sync.questions.preflight import Preflight
from sync.questions.previews import Previews
from sync.tokens import TokenKeeper
from sync.worker import Worker
from webhooks import headers, health, problems, receivers, request_ids


@dataclass
class Parts:
    """Every part of one process. The ports (clock, entropy, HTTP adapter) can be filled otherwise."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    adapter: http.AdapterFactory = http.network_adapter
    owner: str = ""

    def __post_init__(self) -> None:
        if self.settings.quickbooks_environment == "local":
            # oauthlib refuses plain HTTP; the sandbox is on loopback.
            os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
        self._threads = threading.local()

    # --- shared ----------------------------------------------------------------------------------

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.effective_database_url, self.clock)

    @cached_property
    def installation_id(self) -> str:
        """This installation's id, 12 hexadecimal digits: markers carry it. Raises `OtherEnvironment`."""
        with self.database.transaction() as session:
            return self._claim(session).id

    def _claim(self, session: Session) -> Installation:
        claimant = Claimant(self.settings.quickbooks_environment)
        return installation.claim(session, claimant, new_id=self.entropy.token(6), now=self.clock.now())

    @cached_property
    def progress(self) -> Progress:
        return Progress(self.clock)

    @cached_property
    def tally(self) -> Tally:
        return Tally(self.clock)

    @cached_property
    def wakeups(self) -> Wakeups:
        return Wakeups()

    @cached_property
    def nudger(self) -> Nudger:
        """To whoever works: through the broker where there is one."""
        return self.wakeups if self.settings.embedded else BrokerNudger(self.settings.broker_url)

    @cached_property
    def tokens(self) -> TokenKeeper:
        return TokenKeeper(self.database, self.vault, self.oauth, self.clock, self.lease_owner)

    @cached_property
    def vault(self) -> Vault:
        return Vault(_ring(self.settings.token_keys), self.entropy)

    @cached_property
    def oauth(self) -> OAuthClient:
        s = self.settings
        return OAuthClient(
            s.quickbooks_client_id,
            s.quickbooks_client_secret,
            s.effective_quickbooks_discovery_url,
            self.clock,
            s.http_seconds,
            self.adapter,
        )

    @cached_property
    def pacer(self) -> Pacer:
        return Pacer(self.clock)

    # --- neighbours ------------------------------------------------------------------------------

    def company(
        self,
        realm_id: str,
        bearer: Bearer,
        connection_id: str | None = None,
        before_a_call: Callable[[], object] = lambda: None,
    ) -> Company:
        """A company through this thread's HTTP session; its reads are counted for the connection, once there is one."""
        s = self.settings
        return Company(
            self._session(),
            s.effective_quickbooks_api_url,
            realm_id,
            bearer,
            self.pacer,
            self.clock,
            s.http_seconds,
            ReadMeter(self.database, self.clock, connection_id) if connection_id else unmetered,
            before_a_call,
        )

    def account(self, account_id: str, token: str, before_a_call: Callable[[], object] = lambda: None) -> Account:
        """An account through this thread's HTTP session."""
        s = self.settings
        return Account(
            self._session(), s.ravetree_api_url, account_id, token, self.clock, s.http_seconds, before_a_call
        )

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = http.open_session(self.adapter)
        session: requests.Session = self._threads.session
        return session

    def neighbours_of(self, connection: Connection, before_a_call: Callable[[], object] = lambda: None) -> Neighbours:
        """Both neighbours of a connection."""
        check_connection(connection, self.settings.quickbooks_environment)
        bearer = self.tokens.bearer(connection)
        return Neighbours(
            self.company(connection.realm_id, bearer, connection.id, before_a_call),
            self.account(connection.account_id, self.tokens.ravetree_token(connection), before_a_call),
        )

    # --- publishing ------------------------------------------------------------------------------

    @cached_property
    def confirmed(self) -> ConfirmedPublisher:
        return ConfirmedPublisher(self.settings.broker_url, self._look_everywhere, self.progress)

    def _look_everywhere(self) -> None:
        with self.database.transaction() as session:
            duties.look_everywhere(session, self.clock.now())

    @cached_property
    def publisher(self) -> Publisher:
        if self.settings.embedded:
            return DirectPublisher(self.recorder.record, DatabaseDown)
        return BrokerPublisher(self.confirmed, self.database, self.clock, self.settings.confirm_seconds)

    @cached_property
    def relay(self) -> Relay:
        return Relay(self.confirmed, self.database)

    # --- consuming -------------------------------------------------------------------------------

    @cached_property
    def recorder(self) -> Recorder:
        return Recorder(self.database, self.clock, self.nudger)

    @cached_property
    def sweeper(self) -> Sweeper:
        s = self.settings
        longest = due_times.longest(
            duties.intervals(self.timings()), uncertain=timedelta(seconds=s.effective_uncertain_seconds)
        )
        return Sweeper(self.database, self.clock, self.nudger, s.quickbooks_environment, longest)

    @cached_property
    def lease_owner(self) -> str:
        """Whose leases this process takes: its own, unless it goes on with those of one before it."""
        return self.owner or self.entropy.token(8)

    @cached_property
    def claims(self) -> Claims:
        return Claims(self.lease_owner)

    def timings(self) -> Timings:
        """How long what belongs to a slice may take, and how long it waits."""
        s = self.settings
        return Timings(
            lease=s.lease_seconds,
            http=s.http_seconds,
            slice=s.slice_seconds,
            uncertain=s.effective_uncertain_seconds,
            read_window=s.read_window_seconds,
            echo_confirm=s.echo_confirm_seconds,
            cdc=s.effective_cdc_seconds,
            events=s.ravetree_events_seconds,
        )

    def reconciler(self) -> Worker:
        """A reconciler for one thread."""
        pages_url = self.settings.quickbooks_pages_url
        return Worker(
            self.database, self.clock, self.entropy, self.neighbours_of, self.timings(), self.claims, pages_url
        )

    # --- serving ---------------------------------------------------------------------------------

    @cached_property
    def connecting(self) -> Connecting:
        return Connecting(
            self.database,
            self.oauth,
            self.tokens,
            States(self.vault, self.clock, self.entropy, self.settings.secret_key),
            self.company,
            self.account,
            self.clock,
            self.entropy,
            self.settings.public_url,
            self.settings.secret_key,
            self.preflight.run,
            self.settings.quickbooks_environment,
            self._claim,
        )

    @cached_property
    def preflight(self) -> Preflight:
        return Preflight(self.database, self.clock, self.neighbours_of)

    @cached_property
    def actions(self) -> Actions:
        """What people do, for the API: whoever works is nudged."""
        return self._actions(self._nudge)

    @cached_property
    def unhurried_actions(self) -> Actions:
        """The same for the command line: nobody is nudged, the sweeper finds what is due within its next round."""
        return self._actions(lambda _connection_id: None)

    def _actions(self, nudge: Callable[[str], None]) -> Actions:
        return actions.build(
            self.database,
            self.clock,
            neighbours_of=self.neighbours_of,
            inspect=self.preflight.run,
            previews=self.previews,
            parity=self.parity,
            # A publisher is made when something is published.
            publish=lambda deliveries: self.publisher.publish(deliveries),
            nudge=nudge,
        )

    @cached_property
    def previews(self) -> Previews:
        return Previews(self.database, self.clock, self.neighbours_of)

    @cached_property
    def parity(self) -> Parity:
        return Parity(self.database, self.clock, self.neighbours_of, self.settings.quickbooks_pages_url)

    def web(self) -> Flask:
        """Receivers, API, consent, health."""
        app = self._app()
        self._add_public(app, with_document=True)
        self._add_health(app)
        return app

    def web_apart(self) -> tuple[Flask, Flask]:
        """The same in two: what the world is to reach, and what is for operators (health, metrics, API document)."""
        public, operations = self._app(), self.health()
        operations.register_blueprint(api.document(self._add_public(public, with_document=False)))
        return public, operations

    def health(self) -> Flask:
        """Health and metrics alone, for a process that serves nothing else."""
        app = self._app()
        self._add_health(app)
        return app

    def _app(self) -> Flask:
        app = Flask("ravebooks", static_folder=None)
        headers.install(app)
        problems.install(app)
        request_ids.install(app, self.entropy)
        return app

    def _add_public(self, app: Flask, *, with_document: bool) -> Api:
        s = self.settings
        app.register_blueprint(
            receivers.blueprint(
                receivers.Receiving(
                    self.publisher,
                    self.clock,
                    self.entropy,
                    s.quickbooks_verifier_tokens,
                    _ring(s.ravetree_webhook_keys),
                    s.body_limit_bytes,
                    s.events_limit,
                    self.tally,
                )
            )
        )
        app.register_blueprint(consent.blueprint(self.connecting, self.tally))
        app.register_blueprint(contract.blueprint())
        return api.install(
            app,
            api.Serving(
                self.actions,
                self.connecting,
                s.api_token,
                self.tally,
            ),
            with_document=with_document,
        )

    def _add_health(self, app: Flask) -> None:
        app.register_blueprint(health.blueprint(self.progress, self.checks(), self.notices))

    def _nudge(self, connection_id: str) -> None:
        try:
            self.nudger.nudge(connection_id)
        except OSError:
            # The sweeper finds what is due within its next round.
            return

    def checks(self) -> Mapping[str, Callable[[], None]]:
        """What `/readyz` looks at."""
        checks: dict[str, Callable[[], None]] = {"database": self._check_database}
        if not self.settings.embedded:
            checks["broker"] = self._check_broker
        return checks

    def notices(self) -> dict[str, list[str]]:
        """What `/readyz` says beside that: who stopped every write, and the connections that get no further."""
        with self.database.reading() as session:
            stopped = brakes.why(session)
            return {
                "paused": [f"{stopped}. {brakes.AllPaused.remedy}"] if stopped else [],
                "stalled": [f"{row.id}: {row.stall_cause}" for row in connections.stalled(session)],
                "failing": [f"{name}: {look.cause}" for name, look in duties.every_failing(session, self.clock.now())],
            }

    def _check_database(self) -> None:
        migrations.check(self.database)
        outbox.check_writable(self.database)

    def _check_broker(self) -> None:
        self.confirmed.start()
        if not self.confirmed.connected:
            raise BrokerDown("the broker is out of reach", remedy="Start RabbitMQ or correct RAVEBOOKS_BROKER_URL.")

    def close(self) -> None:
        """Give back what was opened."""
        if "confirmed" in self.__dict__:
            self.confirmed.stop()
        if "database" in self.__dict__:
            self.database.close()


def _ring(ring: KeyRing | None) -> KeyRing:
    if ring is None:
        raise RavebooksError(
            "a key ring is missing", remedy="Set RAVEBOOKS_TOKEN_KEYS and RAVEBOOKS_RAVETREE_WEBHOOK_KEYS."
        )
    return ring
