"""The parts behind what people ask for and do, through the API and the command line."""

from collections.abc import Callable
from functools import cached_property
from getpass import getuser

from config import settings
from console.access.sessions import Sessions
from console.access.tokens import Tokens
from console.access.users import Users
from console.connecting import Connecting
from console.states import States
from ravebooks.parts.neighbours import NeighbourParts
from ravebooks.parts.noting import noted
from ravebooks.parts.publishing import PublishingParts
from ravebooks.parts.shared import SharedParts
from storage.acts import COMMAND_LINE
from storage.users import OPERATOR
from sync import actions, switching
from sync.actions import Actions
from sync.questions.parity import Parity
from sync.questions.preflight import Preflight
from sync.questions.previews import Previews
from sync.record_addresses import RecordAddresses

LOCAL_OPERATOR = "operator"
"""Whoever starts `ravebooks up` enters the console as this user, by a link."""


def record_addresses(of: settings.Settings) -> RecordAddresses:
    """Where people open records in both books."""
    return RecordAddresses(of.quickbooks_pages_url, of.ravetree_record_url)


class ConsoleParts:
    """Connecting, the questions, and the actions."""

    def __init__(self, shared: SharedParts, neighbours: NeighbourParts, publishing: PublishingParts) -> None:
        self._shared = shared
        self._neighbours = neighbours
        self._publishing = publishing

    @cached_property
    def connecting(self) -> Connecting:
        shared = self._shared
        return Connecting(
            shared.database,
            self._neighbours.oauth,
            self._neighbours.tokens,
            States(shared.vault, shared.clock, shared.entropy, shared.settings.secret_key),
            self._neighbours.company,
            self._neighbours.account,
            shared.clock,
            shared.entropy,
            shared.settings.public_url,
            shared.settings.secret_key,
            self.preflight.run,
            shared.settings.quickbooks_environment,
            shared.claim,
        )

    @cached_property
    def preflight(self) -> Preflight:
        return Preflight(self._shared.database, self._shared.clock, self._neighbours.of, switching.settle)

    @cached_property
    def previews(self) -> Previews:
        return Previews(self._shared.database, self._shared.clock, self._neighbours.of)

    @cached_property
    def parity(self) -> Parity:
        shared = self._shared
        return Parity(shared.database, shared.clock, self._neighbours.of, record_addresses(shared.settings))

    @cached_property
    def users(self) -> Users:
        shared = self._shared
        return Users(shared.database, shared.clock, shared.entropy, shared.settings.secret_key)

    @cached_property
    def sessions(self) -> Sessions:
        shared = self._shared
        return Sessions(shared.database, shared.clock, shared.entropy, shared.settings.secret_key)

    def operators_link(self) -> str:
        """An address that lets whoever has started this installation in once, as its operator."""
        known = [user for user in self.users.every() if user.name == LOCAL_OPERATOR]
        if not known:
            self.users.add(LOCAL_OPERATOR, OPERATOR)
        elif known[0].ended_at is not None:
            return ""
        return self.enter_url(self.users.link_for(LOCAL_OPERATOR))

    def enter_url(self, token: str) -> str:
        """The address at which a token lets its user in."""
        return f"{self._shared.settings.public_url.rstrip('/')}/console/enter?token={token}"

    @cached_property
    def tokens(self) -> Tokens:
        shared = self._shared
        return Tokens(shared.database, shared.clock, shared.entropy, shared.settings.api_token)

    @cached_property
    def actions(self) -> Actions:
        """What people do, for the API: whoever works is nudged."""
        return self._actions(self.nudge)

    @cached_property
    def unhurried_actions(self) -> Actions:
        """The same for the command line: nobody is nudged, the sweeper finds what is due within its next round."""
        return noted(self._actions(lambda _connection_id: None), self.note)

    def note(self, what: str, connection_id: str = "", subject: str = "") -> None:
        """Note in the action log what whoever is at this terminal did."""
        installation = self.actions.installation
        installation.note(getuser(), COMMAND_LINE, what, connection_id=connection_id, subject=subject)

    def _actions(self, nudge: Callable[[str], None]) -> Actions:
        return actions.build(
            self._shared.database,
            self._shared.clock,
            neighbours_of=self._neighbours.of,
            inspect=self.preflight.run,
            previews=self.previews,
            parity=self.parity,
            # A publisher is made when something is published.
            publish=lambda deliveries: self._publishing.publisher.publish(deliveries),
            nudge=nudge,
            ask_queues=self._shared.ask_queues,
            settings=settings.told(self._shared.settings),
            keeps=self._shared.settings.kept,
        )

    def nudge(self, connection_id: str) -> None:
        """Wake whoever works on a connection."""
        try:
            self._shared.nudger.nudge(connection_id)
        except OSError:
            # The sweeper finds what is due within its next round.
            return
