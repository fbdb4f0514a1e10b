"""The parts that pass a delivery on, to the broker or straight to the recorder."""

from functools import cached_property

from publishers.confirms import ConfirmedPublisher
from publishers.deliveries import BrokerPublisher, Relay
from publishers.publisher import DirectPublisher, Publisher
from ravebooks.parts.consuming import ConsumingParts
from ravebooks.parts.shared import SharedParts
from storage.database import DatabaseDown
from sync import duties


class PublishingParts:
    """The publisher of this process, and the relay of what waits in the outbox."""

    def __init__(self, shared: SharedParts, consuming: ConsumingParts) -> None:
        self._shared = shared
        self._consuming = consuming

    @cached_property
    def confirmed(self) -> ConfirmedPublisher:
        return ConfirmedPublisher(self._shared.settings.broker_url, self.look_everywhere, self._shared.progress)

    @cached_property
    def publisher(self) -> Publisher:
        shared = self._shared
        if shared.settings.embedded:
            return DirectPublisher(self._consuming.recorder.record, DatabaseDown)
        return BrokerPublisher(self.confirmed, shared.database, shared.clock, shared.settings.confirm_seconds)

    @cached_property
    def relay(self) -> Relay:
        return Relay(self.confirmed, self._shared.database, self._shared.clock)

    def look_everywhere(self) -> None:
        """Queues were missing: what was in them is found by looking at both books of every connection."""
        with self._shared.database.transaction() as session:
            duties.look_everywhere(session, self._shared.clock.now())

    def close(self) -> None:
        """End the publisher's thread, where there is one."""
        if "confirmed" in self.__dict__:
            self.confirmed.stop()
