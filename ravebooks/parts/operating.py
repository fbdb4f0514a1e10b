"""The parts that operators see and are told by."""

from datetime import timedelta
from functools import cached_property

from clients.telling import Mail, SignedWebhook, Way
from config.errors import RavebooksError
from config.logging import logger
from ravebooks.parts.console import ConsoleParts
from ravebooks.parts.publishing import PublishingParts
from ravebooks.parts.shared import SharedParts
from sync.operating.bulk import Bulk
from sync.operating.signs import Signs
from sync.operating.telling import Teller

log = logger("process")


class OperatingParts:
    """The signs of life of this process, work over many, and who is told."""

    def __init__(self, shared: SharedParts, publishing: PublishingParts, console: ConsoleParts) -> None:
        self._shared = shared
        self._publishing = publishing
        self._console = console
        self._signs: Signs | None = None

    @cached_property
    def bulk(self) -> Bulk:
        shared, console = self._shared, self._console
        redrive = console.actions.installation.redrive
        return Bulk(shared.database, shared.clock, redrive, console.nudge)

    @cached_property
    def teller(self) -> Teller:
        shared = self._shared
        s = shared.settings
        ways: list[Way] = [Mail(s.mail_url, s.mail_from, s.mail_to)] if s.mail_url else []
        if s.tell_webhook_url:
            ways.append(SignedWebhook(s.tell_webhook_url, s.tell_webhook_secret, shared.adapter))
        over = timedelta(seconds=s.tell_over_seconds)
        return Teller(shared.database, shared.clock, ways, shared.lease_owner, self._well, over)

    def _well(self) -> str:
        return f"{self._shared.settings.public_url.rstrip('/')}/console/well"

    def signs(self, role: str) -> Signs:
        """The signs that this process gives, as what it is."""
        shared = self._shared
        name = shared.lease_owner
        self._signs = Signs(shared.database, shared.clock, shared.progress, name, role, self._reaches_broker)
        return self._signs

    def _reaches_broker(self) -> bool | None:
        return None if self._shared.settings.embedded else self._publishing.confirmed.connected

    def close(self) -> None:
        """Say that this process ends; with the database away nobody is told."""
        if self._signs is None:
            return
        try:
            self._signs.end()
        except RavebooksError as error:
            log.debug("no last sign of life", error=str(error))
