"""The parts that record what came in and bring both books into agreement."""

from datetime import timedelta
from functools import cached_property

from consumers.recorder import Recorder
from consumers.sweeper import Sweeper
from ravebooks.parts.neighbours import NeighbourParts
from ravebooks.parts.shared import SharedParts
from storage import due_times
from sync import duties
from sync.lease import Claims, Timings
from sync.worker import Worker


class ConsumingParts:
    """Recorder, sweeper and the workers, a worker for one thread."""

    def __init__(self, shared: SharedParts, neighbours: NeighbourParts) -> None:
        self._shared = shared
        self._neighbours = neighbours

    @cached_property
    def recorder(self) -> Recorder:
        shared = self._shared
        return Recorder(shared.database, shared.clock, shared.nudger)

    @cached_property
    def sweeper(self) -> Sweeper:
        shared = self._shared
        s = shared.settings
        longest = due_times.longest(
            duties.intervals(self.timings()), uncertain=timedelta(seconds=s.effective_uncertain_seconds)
        )
        return Sweeper(shared.database, shared.clock, shared.nudger, s.quickbooks_environment, longest, s.kept)

    @cached_property
    def claims(self) -> Claims:
        return Claims(self._shared.lease_owner)

    def timings(self) -> Timings:
        """How long what belongs to a slice may take, and how long it waits."""
        s = self._shared.settings
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
        shared = self._shared
        pages_url = shared.settings.quickbooks_pages_url
        return Worker(
            shared.database,
            shared.clock,
            shared.entropy,
            self._neighbours.of,
            self.timings(),
            self.claims,
            pages_url,
        )
