"""What a person does with one record: retry, decide, look before, press the button; and what waits for a person."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.ports import Clock
from reconcile.choices import Choice, choices
from reconcile.decisions import AT_ANY_TIME
from reconcile.model import Record
from storage import brakes, connections, decisions, jobs, listing, paging, pairs, pending, steps
from storage.database import Database, again_when_contended
from storage.decisions import Said
from storage.listing import Filter, Listed
from storage.models import Connection, PendingChange
from storage.paging import Asked, Page
from sync import duties
from sync.questions.previews import PreviewOfMany, Previews

RETRYING = "retrying"
"""How a record is shown that has failed for an hour and is tried on."""
POLL_SECONDS = 0.1


class NoSuchRecord(RavebooksError):
    """Nothing is known of this record, or it waits for nobody."""

    remedy = "List what needs attention and take the record from there."


@dataclass(frozen=True)
class AttentionView:
    """What waits for a person: a record, or with the kind `connection` and no side the connection itself."""

    side: str
    kind: str
    id: str
    state: str
    code: str
    cause: str
    remedy: str
    since: datetime | None
    decisions: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How many records agree, how many are on their way, and how many wait for a person, by the code of their cause.

    Where `more` agree they are not all counted: every look at home would take as long as the account is old.
    `doubt` says why that is not all: the connection does not work, or the last report found what nobody asks about.
    Empty is no doubt.
    """

    agree: int
    coming: int
    causes: Mapping[str, int]
    doubt: str = ""
    more: bool = False

    @property
    def waiting(self) -> int:
        """How many wait for a person."""
        return sum(self.causes.values())


COUNTED, AGREE_COUNTED = 2_000, 5_000
"""How far records are counted, and those that agree, which takes less: a number beyond says no more than "more"."""


@dataclass(frozen=True)
class RecordList:
    """A page of records, the names of their clients by id, and how many there are, or more than `COUNTED`."""

    page: Page[Listed]
    clients: Mapping[str, str]
    count: int
    more: bool


@dataclass(frozen=True)
class Questions:
    """How many records wait for a person, by the code of their cause, most first; and a page of each."""

    causes: Mapping[str, int]
    pages: Mapping[str, Page[AttentionView]]


@dataclass(frozen=True)
class Became:
    """What the last work on a record came to, in words for a bookkeeper."""

    outcome: str
    message: str
    remedy: str


@dataclass(frozen=True)
class RecordActions:
    """The records of a connection."""

    database: Database
    clock: Clock
    previews: Previews
    nudge: Callable[[str], None]

    def attention(self, connection_id: str, asked: Asked) -> Page[AttentionView]:
        """What waits for a person, newest last; before it the connection itself, if it gets no further."""
        with self.database.reading() as session:
            connection = connections.get(session, connection_id)
            stands = _stands_still(session, connection) + _fails(session, connection_id, self.clock.now())
            return _attention(session, connection_id, stands, asked)

    def standing(self, connection_id: str) -> Standing:
        """Whether both books agree, as far as it is known without reading them."""
        with self.database.reading() as session:
            connection = connections.get(session, connection_id)
            causes, open_ = pending.causes(session, connection_id), pending.counts(session, connection_id)
            apart = pending.count_paired(session, connection_id)
            agree = pairs.count(session, connection_id, AGREE_COUNTED + 1 + apart) - apart
            fails = _stands_still(session, connection) + _fails(session, connection_id, self.clock.now())
            condition = connections.condition(session, connection)
            jobs_running = jobs.count_running(session, connection_id)
        doubt = " ".join(row.cause for row in fails)
        if not doubt and condition.state != connections.ACTIVE:
            doubt = condition.cause or f"The connection is {condition.state}."
        coming = open_[pending.DUE] + open_[pending.WAITING] - causes.get(pending.KEEPS_FAILING, 0) + jobs_running
        return Standing(min(agree, AGREE_COUNTED), max(0, coming), causes, doubt, agree > AGREE_COUNTED)

    def listed(self, connection_id: str, wanted: Filter, asked: Asked) -> RecordList:
        """The records that were seen, newest first, as `wanted`; how many there are is counted to a limit."""
        with self.database.reading() as session:
            found = listing.page(session, connection_id, wanted, asked)
            clients = {str(row.body.get("client_id") or "") for row in found.rows} - {""}
            names = listing.names_of(session, connection_id, clients)
            count = listing.count(session, connection_id, wanted, COUNTED + 1)
        return RecordList(found, names, min(count, COUNTED), count > COUNTED)

    def questions(self, connection_id: str, asked: Asked, code: str = "") -> Questions:
        """A page of the records that wait for each cause, or for the one with `code`, those that wait longest first."""
        with self.database.reading() as session:
            causes, pages = pending.causes(session, connection_id), {}
            for each in [code] if code else causes:
                found = pending.attention_page(session, connection_id, asked, each)
                if found.rows:
                    pages[each] = Page([_waiting(row) for row in found.rows], found.next)
        return Questions(causes, pages)

    def called(self, connection_id: str, records: Collection[Record]) -> dict[Record, str]:
        """What people call these records: number, reference or name, and of whom they are, as far as it was seen."""
        with self.database.reading() as session:
            return listing.called(session, connection_id, records)

    def asks(self, connection_id: str, record: Record) -> list[AttentionView]:
        """What a record asks a person now, under either of its names."""
        with self.database.reading() as session:
            rows = pending.rows(session, connection_id, pairs.names(session, connection_id, record))
            return [_waiting(row) for row in rows if row.state in pending.ATTENTION]

    @again_when_contended
    def retry(self, connection_id: str, record: Record, by: str = "") -> None:
        """Look at a record now, with a fresh read. Raises `NoSuchRecord` when nothing waits for it."""
        with self.database.transaction() as session:
            if not decisions.retry(session, connection_id, record, self.clock.now(), by):
                raise NoSuchRecord(f"nothing waits for {record}")
        self.nudge(connection_id)

    @again_when_contended
    def decide(self, connection_id: str, record: Record, said: Said) -> None:
        """Answer what a record asks.

        Raises `NoSuchRecord` when it asks nothing and the answer needs a question, `NotTaken` when it asks another one.
        """
        if said.decision in AT_ANY_TIME:
            self.check_is_there(connection_id, record)
        with self.database.transaction() as session:
            if not decisions.decide(session, connection_id, record, said, self.clock.now()):
                raise NoSuchRecord(f"nothing waits for {record}")
        self.nudge(connection_id)

    def preview(self, connection_id: str, record: Record, decision: str = "", target: str = "") -> dict[str, Any]:
        """What the next sync of a record, or that decision, would do. Writes nothing. Raises `NoSuchRecord`."""
        self.check_is_there(connection_id, record)
        return self.previews.record(connection_id, record, decision, target)

    def preview_many(self, connection_id: str, records: Sequence[Record], decision: str) -> PreviewOfMany:
        """What a decision would do with each of these, for as many as there is time. Writes nothing."""
        return self.previews.many(connection_id, records, decision)

    def check_is_there(self, connection_id: str, record: Record) -> None:
        """Raise `NoSuchRecord` for one that neither book nor ours ever had, and `NotActive` when disconnected."""
        with self.database.reading() as session:
            connections.check_connected(session, connection_id)
        if not self.previews.is_there(connection_id, record):
            raise NoSuchRecord(
                f"{record.side.spelled} has no {record.kind} {record.id}", remedy="Look its id up there."
            )

    def ask_for(
        self, connection_id: str, record: Record, by: str, *, wait_seconds: float = 0.0, look: bool = True
    ) -> Became:
        """The button: ask for a record, and wait a little for what becomes of it.

        Unless `look` is false, its side is asked first whether there is such a record: raises `NoSuchRecord`. While
        the connection does not write, the wish is kept, and why is said at once.
        """
        with self.database.reading() as session:
            connection = connections.get_current(session, connection_id)
            why = _why_not_now(session, connection)
        if look and connection.state != connections.DISCONNECTED:
            self.check_is_there(connection_id, record)
        self._wish_for(connection_id, record, by)
        self.nudge(connection_id)
        if why:
            return Became("paused", why, "It goes on by itself afterwards.")
        return self._wait_for(connection_id, record, wait_seconds)

    @again_when_contended
    def _wish_for(self, connection_id: str, record: Record, by: str) -> None:
        with self.database.transaction() as session:
            decisions.request_sync(session, connection_id, record, self.clock.now(), by)

    def _wait_for(self, connection_id: str, record: Record, seconds: float) -> Became:
        """What became of a record, as soon as it is no longer pending or `seconds` are over."""
        begun = self.clock.monotonic()
        while (answer := self._became(connection_id, record)).outcome == "pending":
            waited = self.clock.monotonic() - begun
            if waited >= seconds:
                break
            # What has taken long already may take a little longer: many callers wait at a time.
            self.clock.sleep(min(max(POLL_SECONDS, waited / 5), 1.0, seconds - waited))
        return answer

    def _became(self, connection_id: str, record: Record) -> Became:
        with self.database.reading() as session:
            rows = pending.rows(session, connection_id, pairs.names(session, connection_id, record))
            last = steps.last(session, connection_id, [record])
        waiting = next((row for row in rows if row.state != pending.DUE), None)
        if waiting is not None:
            return Became(waiting.state, waiting.cause, waiting.remedy)
        if rows:
            cause = next((row.cause for row in rows if row.cause), "It is being worked on.")
            return Became("pending", cause, "Nothing to do: it goes on by itself.")
        if last is not None and last.what == "ignored":
            return Became("ignored", f"Nothing was done: {last.text}.", "")
        return Became("synced", "Both books agree on it.", "")


def _attention(session: Session, connection_id: str, stands: list[AttentionView], asked: Asked) -> Page[AttentionView]:
    """A page over two lists, the connection's rows before its records': a key begins with the place of its list."""
    place, behind = (0, None) if asked.after is None else (asked.after[0], asked.after[1:])
    first = paging.cut(stands, _key, Asked(asked.limit, behind)) if place == 0 else Page[AttentionView]([])
    if first.next is not None:
        return Page(first.rows, (0, *first.next))
    left = asked.limit - len(first.rows)
    rest = pending.attention_page(session, connection_id, Asked(left, behind if place == 1 else None))
    shown = [*first.rows, *map(_waiting, rest.rows)]
    if rest.next is None:
        return Page(shown)
    return Page(shown, (1, *rest.next) if rest.rows else (0, *_key(shown[-1])))


def _key(stands: AttentionView) -> tuple[str, str]:
    return stands.code, stands.cause


def _waiting(row: PendingChange) -> AttentionView:
    state = RETRYING if row.state == pending.DUE else row.state
    taken = choices(row.code, row.decisions.split())
    names = row.side, row.kind, row.record_id
    return AttentionView(*names, state, row.code, row.cause, row.remedy, row.updated_at, taken)


def _stands_still(session: Session, connection: Connection) -> list[AttentionView]:
    """The connection as one more row, of no side, while an unexpected error, or an operator, holds all of it up."""
    said = connections.condition(session, connection)
    stopped = brakes.pulled(session)
    if said.state == connections.STALLED:
        code, since = said.state, connection.stalled_since
    elif stopped is not None and connection.state == connections.ACTIVE:
        code, since = "all_paused", stopped.at
    else:
        return []
    return [AttentionView("", "connection", connection.id, said.state, code, said.cause, said.remedy, since)]


def _fails(session: Session, connection_id: str, now: datetime) -> list[AttentionView]:
    """What is looked at by the clock and has failed for an hour."""
    return [
        AttentionView("", "connection", connection_id, RETRYING, "look_failing", look.cause, look.remedy, look.since)
        for look in duties.failing(session, connection_id, now)
    ]


def _why_not_now(session: Session, connection: Connection) -> str:
    said = connections.condition(session, connection)
    if said.state in (connections.ACTIVE, connections.VERIFYING, connections.STALLED):
        return ""
    return said.cause or f"The connection is {said.state}."
