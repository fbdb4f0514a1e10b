"""What people do, in one place for the API and the command line: each action is checked, stored, and nudged for.

`build` puts the actions together; whoever asks says in words what was done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from config.ports import Clock
from reconcile.preflight import Finding
from schemas.envelopes import Delivery
from storage.database import Database
from sync.actions.books import BookActions
from sync.actions.connections import ConnectionActions
from sync.actions.installation import InstallationActions
from sync.actions.jobs import JobActions
from sync.actions.lists import ListActions
from sync.actions.many import ManyActions
from sync.actions.mappings import MappingActions
from sync.actions.records import RecordActions
from sync.actions.watching import AskQueues, WatchingActions
from sync.neighbours import NeighboursOf
from sync.questions.parity import Parity
from sync.questions.previews import Previews

__all__ = ["Actions", "build"]


@dataclass(frozen=True)
class Actions:
    """Everything that a person can do, by what it is done to."""

    installation: InstallationActions
    connections: ConnectionActions
    mappings: MappingActions
    lists: ListActions
    records: RecordActions
    jobs: JobActions
    books: BookActions
    watching: WatchingActions
    many: ManyActions


def build(
    database: Database,
    clock: Clock,
    *,
    neighbours_of: NeighboursOf,
    inspect: Callable[[str], Sequence[Finding]],
    previews: Previews,
    parity: Parity,
    publish: Callable[[Sequence[Delivery]], None],
    nudge: Callable[[str], None],
    ask_queues: AskQueues = lambda: None,
    settings: Mapping[str, str] | None = None,
    keeps: Mapping[str, timedelta] | None = None,
) -> Actions:
    """The actions on one database. `inspect` looks at a connection's settings now, `nudge` wakes who works on it."""
    mappings = MappingActions(database, clock, neighbours_of, inspect, nudge)
    return Actions(
        InstallationActions(database, clock, publish),
        ConnectionActions(database, clock, inspect, nudge),
        mappings,
        ListActions(database, clock, mappings.entries),
        RecordActions(database, clock, previews, nudge),
        JobActions(database, clock, previews, nudge),
        BookActions(database, parity, nudge),
        WatchingActions(database, clock, ask_queues, settings or {}, keeps or {}),
        ManyActions(database, clock),
    )
