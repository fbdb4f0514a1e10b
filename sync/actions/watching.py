"""What an operator looks at: whether it is well, queues, charts, events and what became of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clients.broker_management import QueueState
from config.errors import RavebooksError
from config.ports import Clock
from reconcile.model import Kind, Record, Side
from reconcile.wellness import Brake, Company, Facts, Finding, judge
from storage import (
    acts,
    brakes,
    connections,
    depths,
    duties,
    events,
    journal,
    pairs,
    pending,
    retention,
    samples,
)
from storage import timeline as timelines
from storage.database import Database
from storage.depths import Depth
from storage.events import Wanted
from storage.models import Act, Connection, Event, Operation, PendingChange, RetentionPass, RunningProcess
from storage.paging import Asked, Page
from sync.operating import charts, facts, support
from sync.operating.charts import Chart, Percentiles

HOUR = timedelta(hours=1)
ACTS_SHOWN, CONNECTIONS_SHOWN = 20, 50

AskQueues = Callable[[], list[QueueState] | None]
"""The broker's own queues; None where there is no broker. Raises `RavebooksError`."""


class NoSuchEvent(RavebooksError):
    """No event has this id."""

    remedy = "Look for it on the page Events."


@dataclass(frozen=True)
class Wellness:
    """Whether it is well, and what changed in the last hour: who did what, and how much was done."""

    facts: Facts
    findings: Sequence[Finding]
    acts: Sequence[Act]
    counted: Mapping[str, float]


@dataclass(frozen=True)
class BrokerQueues:
    """The broker's queues; without an answer `trouble` says why. `asked` is whether there is a broker."""

    asked: bool
    rows: Sequence[QueueState]
    trouble: str


@dataclass(frozen=True)
class Queues:
    """How much waits where, who works, and how long it takes."""

    pending: Mapping[str, Depth]
    past_due: Depth
    outbox: Depth
    dead: Depth
    uncertain: Depth
    untold: Depth
    leases: int
    processes: Sequence[RunningProcess]
    connections: Sequence[tuple[Connection, Mapping[str, datetime]]]
    latency: Percentiles
    counted: Mapping[str, float]


STORY = 100
"""How much of what followed an event is told with it."""


@dataclass(frozen=True)
class EventStory:
    """One event, and what became of it: the note that is left of it, and what happened to its record since.

    It `goes_on` where that is more than `STORY` entries.
    """

    event: Event
    pending: PendingChange | None
    entries: Sequence[Mapping[str, Any]]
    goes_on: bool = False


@dataclass(frozen=True)
class KeptView:
    """How long something is kept, what of it stays for good, and the last pass that removed what is older."""

    words: str
    stays: str
    days: int
    last: RetentionPass | None


@dataclass(frozen=True)
class WatchingActions:
    """What an operator looks at.

    `ask_queues` asks the broker, within a moment or not at all; `settings` are told to whoever helps; `keeps` says how
    long what is kept.
    """

    database: Database
    clock: Clock
    ask_queues: AskQueues
    settings: Mapping[str, str]
    keeps: Mapping[str, timedelta]

    def wellness(self) -> Wellness:
        """Whether it is well."""
        now = self.clock.now()
        with self.database.reading() as session:
            seen = facts.gather(session, now)
            newest = acts.page(session, Asked(ACTS_SHOWN)).rows
            counted = samples.summed(session, now - HOUR)
        return Wellness(seen, judge(seen), [act for act in newest if now - act.at <= HOUR], counted)

    def companies(self) -> list[Company]:
        """Every connection that something is done for, by account, without counting its work."""
        with self.database.reading() as session:
            return sorted(facts.companies_of(session), key=lambda one: one.account)

    def stopped(self) -> list[Brake]:
        """What a person stopped."""
        with self.database.reading() as session:
            return [Brake(row.name, row.by, row.cause, row.at) for row in brakes.every(session)]

    def queues(self) -> Queues:
        """How much waits where."""
        now = self.clock.now()
        with self.database.reading() as session:
            return Queues(
                depths.by_state(session),
                depths.past_due(session, now),
                depths.outbox(session),
                depths.dead_letters(session),
                depths.uncertain(session),
                depths.untold(session),
                depths.leases(session, now),
                facts.processes_of(session),
                [(row, duties.planned(session, row.id)) for row in connections.working(session, CONNECTIONS_SHOWN)],
                charts.percentiles(session, now),
                samples.summed(session, now - HOUR),
            )

    def broker_queues(self) -> BrokerQueues:
        """The broker's own queues, if it says anything in a moment."""
        try:
            found = self.ask_queues()
        except RavebooksError as error:
            return BrokerQueues(True, [], f"{error}. {error.remedy}")
        return BrokerQueues(found is not None, found or [], "")

    def charts(self, span: str) -> list[Chart]:
        """What was sampled in the last `hour` or `day`."""
        with self.database.reading() as session:
            return charts.charts(session, self.clock.now(), span)

    def support(self) -> str:
        """The support bundle, redacted, as JSON."""
        with self.database.reading() as session:
            return support.spelled(support.bundle(session, self.clock.now(), self.settings))

    def kept(self) -> list[KeptView]:
        """What is kept how long, and what was removed."""
        with self.database.reading() as session:
            passes = retention.passes(session)
        return [
            KeptView(rule.words, rule.stays, rule.kept.days, passes.get(rule.what))
            for rule in retention.rules(self.keeps)
        ]

    def attempts(self, connection_id: str, record: Record) -> Sequence[Operation]:
        """Every write that was tried for a record, the newest first."""
        with self.database.reading() as session:
            names = [str(name) for name in pairs.names(session, connection_id, record)]
            return journal.tries(session, connection_id, names)

    def events(self, wanted: Wanted, asked: Asked) -> Page[Event]:
        """Events that fit, newest first."""
        with self.database.reading() as session:
            return events.search(session, wanted, asked)

    def story(self, event_id: int) -> EventStory:
        """What became of an event, from its delivery to the write. Raises `NoSuchEvent`."""
        with self.database.reading() as session:
            event = events.find(session, event_id)
            if event is None:
                raise NoSuchEvent(f"there is no event {event_id}")
            if not event.connection_id or event.kind not in set(Kind):
                return EventStory(event, None, [])
            record = Record(Side(event.source), Kind(event.kind), event.subject)
            rows = pending.rows(session, event.connection_id, [record])
            begin = timelines.since(event.occurred_at or event.received_at)
            found = timelines.page(session, event.connection_id, record, Asked(STORY, begin))
        return EventStory(event, rows[0] if rows else None, found.rows, found.next is not None)
