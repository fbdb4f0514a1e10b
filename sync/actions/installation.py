"""What is done to the whole installation: every write stopped, what was kept aside, dead letters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from config import traces
from config.errors import RavebooksError
from config.ports import Clock
from schemas import envelopes
from schemas.envelopes import Delivery
from storage import acts, brakes, connections, dead_letters, inbox, pending
from storage.database import Database, again_when_contended
from storage.models import Act, Connection, DeadLetter, Event, PendingChange
from storage.paging import Asked, Page
from sync import duties
from sync.duties import FailingLook

DEAD_LIMIT = 1000


class UnknownDeadLetter(RavebooksError):
    """No dead letter has this id."""

    remedy = "List them at `/api/dead-letters`."


@dataclass(frozen=True)
class Backlog:
    """All that waits for a person, of every connection. `stopped` says who stopped every write; empty if nobody did."""

    stopped: str
    stalled: Sequence[Connection]
    failing: Sequence[tuple[str, FailingLook]]
    records: Sequence[PendingChange]
    aside: Mapping[str, int]
    dead: Sequence[DeadLetter]


@dataclass(frozen=True)
class InstallationActions:
    """What an operator does to the installation. `publish` hands a delivery over for good."""

    database: Database
    clock: Clock
    publish: Callable[[Sequence[Delivery]], None]

    @again_when_contended
    def stop_all(self, by: str, cause: str) -> None:
        """Stop every write, before the next one is sent."""
        with self.database.transaction() as session:
            brakes.pull(session, cause, by, self.clock.now())

    @again_when_contended
    def resume_all(self) -> None:
        """Let writes go on."""
        with self.database.transaction() as session:
            brakes.release(session)

    @again_when_contended
    def stop_part(self, part: str, by: str, cause: str) -> None:
        """Stop writes of everything, of a side or of a kind, before the next one is sent. Raises `UnknownPart`."""
        with self.database.transaction() as session:
            brakes.pull(session, cause, by, self.clock.now(), part)

    @again_when_contended
    def resume_part(self, part: str) -> None:
        """Let them go on, and look again at what waited for it. Raises `UnknownPart`."""
        with self.database.transaction() as session:
            brakes.release(session, part)
            brakes.let_go(session, self.clock.now())

    @again_when_contended
    def verify_all(self) -> int:
        """The database comes from a backup: both books are read before anything is written. How many connections do."""
        with self.database.transaction() as session:
            return connections.verify(session, self.clock.now())

    def waiting(self) -> Backlog:
        """All that waits for a person."""
        now = self.clock.now()
        with self.database.reading() as session:
            return Backlog(
                brakes.why(session),
                connections.stalled(session),
                duties.every_failing(session, now),
                pending.attention(session),
                inbox.aside_counts(session),
                dead_letters.waiting(session, DEAD_LIMIT),
            )

    def kept_aside(self, asked: Asked, outcome: str | None = None) -> Page[Event]:
        """Events that were not followed: those that nobody can use first, each outcome's newest first."""
        with self.database.reading() as session:
            return inbox.kept_aside(session, asked, (outcome,) if outcome else inbox.ASIDE)

    def redrive(self, letter_id: int) -> datetime:
        """Publish a dead letter again. Raises `UnknownDeadLetter`, `UndecodableMessage` and `NothingTakesIt`."""
        with self.database.reading() as session:
            letter = dead_letters.find(session, letter_id)
        if letter is None:
            raise UnknownDeadLetter(f"there is no dead letter {letter_id}")
        trace = traces.checked((letter.headers or {}).get(traces.TRACEPARENT))
        self.publish([envelopes.decode(letter.body, trace)])
        now = self.clock.now()
        with self.database.transaction() as session:
            dead_letters.note_redriven(session, letter_id, now)
        return now

    @again_when_contended
    def note(self, who: str, through: str, what: str, *, connection_id: str = "", subject: str = "") -> None:
        """Note in the action log what somebody did."""
        with self.database.transaction() as session:
            acts.add(session, self.clock.now(), who, through, what, connection_id=connection_id, subject=subject)

    def acts(self, asked: Asked, connection_id: str | None = None) -> Page[Act]:
        """Who did what, newest first: everywhere, or to one connection."""
        with self.database.reading() as session:
            return acts.page(session, asked, connection_id)
