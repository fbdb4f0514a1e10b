"""What every other part of a process stands on."""

import os
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy.orm import Session

from clients import http
from clients.broker_management import Management, QueueState
from config.errors import RavebooksError
from config.keyring import KeyRing
from config.ports import Clock, Entropy, SystemClock, SystemEntropy
from config.settings import Settings
from config.tally import Tally
from config.telemetry import Progress
from consumers.nudges import BrokerNudger
from consumers.wakeups import Nudger, Wakeups
from publishers import marks, topology
from storage import installation
from storage.database import Database
from storage.installation import Claimant
from storage.models import Installation
from storage.vault import Vault


@dataclass
class SharedParts:
    """Ports, database, keys, and how those who work are woken. The ports can be filled otherwise."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    adapter: http.AdapterFactory = http.network_adapter
    owner: str = ""

    def __post_init__(self) -> None:
        if self.settings.quickbooks_environment == "local":
            # oauthlib refuses plain HTTP; the sandbox is on loopback.
            os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.effective_database_url, self.clock)

    @cached_property
    def installation_id(self) -> str:
        """This installation's id, 12 hexadecimal digits: markers carry it. Raises `OtherEnvironment`."""
        with self.database.transaction() as session:
            return self.claim(session).id

    def claim(self, session: Session) -> Installation:
        """This installation's row, made when it is first asked for. Raises `OtherEnvironment`."""
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

    def ask_queues(self) -> list[QueueState] | None:
        """The broker's queues, by its management API where there is one. Raises `RavebooksError`."""
        s = self.settings
        if s.embedded:
            return None
        if s.broker_management_url:
            names = [queue.name for queue in topology.QUEUES]
            return Management(s.broker_management_url, s.broker_url, self.adapter).queues(names)
        return [QueueState(name, depth, consumers) for name, depth, consumers in marks.depths(s.broker_url)]

    @cached_property
    def vault(self) -> Vault:
        return Vault(ring_of(self.settings.token_keys), self.entropy)

    @cached_property
    def lease_owner(self) -> str:
        """Whose leases this process takes: its own, unless it goes on with those of one before it."""
        return self.owner or self.entropy.token(8)


def ring_of(ring: KeyRing | None) -> KeyRing:
    """The ring, where the settings have one."""
    if ring is None:
        raise RavebooksError(
            "a key ring is missing", remedy="Set RAVEBOOKS_TOKEN_KEYS and RAVEBOOKS_RAVETREE_WEBHOOK_KEYS."
        )
    return ring
