"""Previews: what the next sync would do, rehearsed to its end and kept nowhere."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clients.errors import NeighbourError
from clients.ravetree.account import RESOURCES
from config.errors import RavebooksError
from config.logging import logger
from config.ports import Clock
from reconcile.decisions import Decision
from reconcile.model import Attention, Kind, Likeness, Record, Side
from schemas.changes import changes
from storage import connections, copies, jobs, pairs, pending
from storage.database import Database
from storage.decisions import Said
from storage.vault import UnreadableSecret
from sync.books import Books
from sync.entities import ENTITIES
from sync.jobs import is_asked_for, listed_kinds, name_of, passed_over
from sync.neighbours import Neighbours, NeighboursOf
from sync.outcomes import Agreed, Waits
from sync.rehearsal import Rehearsal, Rehearsed, RehearsedWrite, attention_of, taken_number

SHOWN = 200
"""Records that a preview of many names one by one; the counts are of all."""

_NUMBERS = 100
_LIKENESS = {Likeness.SAME: "adopt", Likeness.CUSTOMER: "differ", Likeness.VOID: "ask", Likeness.NONE: "ask"}

MANY_SECONDS = 10.0
"""How long somebody waits for a preview of many answers."""

log = logger("previews")


@dataclass(frozen=True)
class PreviewOfMany:
    """What would become of each record, what would be refused, and how many were not looked at."""

    found: Mapping[Record, dict[str, Any]]
    refused: Mapping[Record, RavebooksError]
    left: int


class Previews:
    """Rehearses without writing anything anywhere: what it reads of either side is forgotten with it."""

    def __init__(self, database: Database, clock: Clock, neighbours_of: NeighboursOf) -> None:
        self._database = database
        self._clock = clock
        self._neighbours_of = neighbours_of

    def _rehearsal(self, connection_id: str) -> tuple[Rehearsal, Neighbours]:
        with self._database.reading() as session:
            connections.check_connected(session, connection_id)
            connection = connections.get(session, connection_id)
        neighbours = self._neighbours_of(connection)
        return Rehearsal(self._database, self._clock, connection, neighbours), neighbours

    # --- one record ------------------------------------------------------------------------------

    def is_there(self, connection_id: str, record: Record) -> bool:
        """Whether there is, or was, such a record: one that nobody knows would be answered as if both books agreed.

        Where its own side is out of reach, or its token cannot be read, it is believed: whoever asks hears of that
        soon enough.
        """
        with self._database.reading() as session:
            names = pairs.names(session, connection_id, record)
            if (
                len(names) > 1
                or copies.get(session, connection_id, record)
                or pending.rows(session, connection_id, names)
            ):
                return True
            connection = connections.get(session, connection_id)
        try:
            neighbours = self._neighbours_of(connection)
            if record.side is Side.RAVETREE:
                return neighbours.ravetree.get(record.kind, record.id) is not None
            with neighbours.quickbooks.because("button"):
                return bool(neighbours.quickbooks.by_ids(ENTITIES[record.kind], [record.id]))
        except (NeighbourError, UnreadableSecret) as error:
            log.warning("not looked for", record=str(record), error=str(error))
            return True

    def record(self, connection_id: str, record: Record, decision: str = "", target: str = "") -> dict[str, Any]:
        """What pressing the button would do, or with `decision` what that decision would do."""
        rehearsal, neighbours = self._rehearsal(connection_id)
        said = Said(decision, target=target) if decision else None
        with neighbours.quickbooks.because("preview"):
            return self._one(rehearsal, record, said)

    def _one(self, rehearsal: Rehearsal, record: Record, said: Said | None = None) -> dict[str, Any]:
        before = rehearsal.look(lambda books: _partner(books, record))
        rehearsed = rehearsal.run(record, requested=True, said=said)
        if said is not None and said.decision == Decision.UNLINK and not rehearsed.steps:
            text = "The two records are taken apart; nothing is written to either, and no sync touches it any more."
            return _said(record, "unlink", text)
        return spelled(rehearsed, before)

    # --- many ------------------------------------------------------------------------------------

    def many(self, connection_id: str, records: Sequence[Record], decision: str) -> PreviewOfMany:
        """What `decision` would do with each of these, one by one; those that time does not allow are left.

        QuickBooks is read a hundred records a call before. Raises what the neighbours say of themselves, and what
        stops all work.
        """
        rehearsal, neighbours = self._rehearsal(connection_id)
        found: dict[Record, dict[str, Any]] = {}
        refused: dict[Record, RavebooksError] = {}
        until = self._clock.monotonic() + MANY_SECONDS
        with neighbours.quickbooks.because("preview"):
            rehearsal.look_up(rehearsal.look(lambda books: _there(books, records)))
            for record in records:
                if self._clock.monotonic() >= until:
                    break
                try:
                    found[record] = self._one(rehearsal, record, Said(decision))
                except NeighbourError:
                    raise
                except RavebooksError as error:
                    refused[record] = error
        return PreviewOfMany(found, refused, len(records) - len(found) - len(refused))

    def job(self, connection_id: str, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a job would do: `counts` by outcome, and the first records one by one."""
        rehearsal, neighbours = self._rehearsal(connection_id)
        with neighbours.quickbooks.because("preview"):
            if kind == jobs.IMPORT_CONTACTS:
                records = _customers(rehearsal, neighbours)
            else:
                records = _documents(rehearsal, neighbours, params)
            counts: Counter[str] = Counter()
            shown: list[dict[str, Any]] = []
            already = _already(rehearsal, records) if kind == jobs.BACKFILL else {}
            for record, name in records:
                if record in already:
                    found = _said(record, "already", already[record]) | {"name": name}
                else:
                    found = self._one(rehearsal, record) | {"name": name}
                counts[found["outcome"]] += 1
                if len(shown) < SHOWN:
                    shown.append(found)
        return {"counts": dict(counts), "records": shown}


def _already(rehearsal: Rehearsal, records: list[tuple[Record, str]]) -> dict[Record, str]:
    """What a back-fill passes over, and why."""
    found: dict[Record, str] = {}
    for start in range(0, len(records), _NUMBERS):
        part = [record for record, _ in records[start : start + _NUMBERS]]
        for kind in {record.kind for record in part}:
            names = [record.id for record in part if record.kind is kind]
            paired: dict[str, str] = rehearsal.look(_passed_over(kind, names))
            found |= {Record(Side.RAVETREE, kind, name): why for name, why in paired.items()}
    return found


def _passed_over(kind: Kind, names: list[str]) -> Callable[[Books], dict[str, str]]:
    return lambda books: passed_over(books, kind, names)


def _there(books: Books, records: Sequence[Record]) -> set[Record]:
    """QuickBooks' names of these records, as far as they have any."""
    with books.reading() as session:
        return {
            name
            for record in records
            for name in pairs.names(session, books.id, record)
            if name.side is Side.QUICKBOOKS
        }


def _customers(rehearsal: Rehearsal, neighbours: Neighbours) -> list[tuple[Record, str]]:
    rows = neighbours.quickbooks.query("Customer", "Active = true", limit=10**9)
    rehearsal.answers.know("Customer", rows)
    return [(Record(Side.QUICKBOOKS, Kind.CONTACT, str(raw["Id"])), str(raw["DisplayName"])) for raw in rows]


def _documents(rehearsal: Rehearsal, neighbours: Neighbours, params: Mapping[str, Any]) -> list[tuple[Record, str]]:
    found = []
    for kind in listed_kinds(params):
        rows = [row for row in neighbours.ravetree.listing(RESOURCES[kind]) if is_asked_for(kind, row, dict(params))]
        numbers = [str(row["number"]) for row in rows if row.get("number")]
        for start in range(0, len(numbers), _NUMBERS):
            rehearsal.look_up_numbers(kind, numbers[start : start + _NUMBERS])
        found += [(Record(Side.RAVETREE, kind, row["id"]), name_of(row)) for row in rows]
    return found


# --- in words ------------------------------------------------------------------------------------


def _partner(books: Books, record: Record) -> str:
    """The other side's id of a record, empty if it has none."""
    found = books.pairs_among(record.kind, record.side, [record.id])
    return (found[0].quickbooks_id if record.side is Side.RAVETREE else found[0].ravetree_id) if found else ""


def _said(record: Record, outcome: str, message: str) -> dict[str, Any]:
    return {"record": str(record), "outcome": outcome, "message": message, "remedy": "", "steps": []}


def spelled(rehearsed: Rehearsed, partner: str = "") -> dict[str, Any]:
    """A rehearsal as the API shows it; `partner` is the other side's id that the record had before."""
    record, steps = rehearsed.record, [_step(step) for step in rehearsed.steps]
    attention: Attention | None = attention_of(rehearsed)
    if (taken := taken_number(rehearsed)) is not None and attention is not None:
        text = f"{attention.cause.rstrip('.')}. {attention.remedy}"
        return _said(record, _LIKENESS[taken.likeness], text) | {"steps": steps}
    if attention is not None:
        outcome = "ask" if attention.state == "held" else "parked"
        return _said(record, outcome, attention.cause) | {"remedy": attention.remedy, "steps": steps}
    if rehearsed.waits:
        return _said(record, "wait", rehearsed.waits) | {"steps": steps}
    if isinstance(rehearsed.outcome, Waits) and not steps:
        target = rehearsed.outcome.target
        return _said(record, "wait", f"waits for {target.kind} {target.id}")
    own = [step for step in rehearsed.steps if _is_own(step, record)] or rehearsed.steps
    if own:
        return _said(record, own[0].action.verb, "") | {"steps": steps}
    if rehearsed.tied:
        return _said(record, "adopt", "the two records are tied together")
    if record.kind is Kind.CONTACT and partner:
        return _said(record, "already" if record.side is Side.QUICKBOOKS else "nothing", "has its partner already")
    ignored = rehearsed.outcome.ignored if isinstance(rehearsed.outcome, Agreed) else ""
    return _said(record, "nothing", ignored or "both books agree")


def _is_own(step: RehearsedWrite, record: Record) -> bool:
    noun = step.action.noun
    nouns = {Kind.CONTACT: ("contact", "customer"), Kind.INVOICE: ("invoice", "placeholder")}
    # Others of its kind make room for it by their numbers.
    makes_room = step.action.verb == "renumber" and step.subject != record
    return noun in nouns.get(record.kind, (str(record.kind),)) and not makes_room


def _step(step: RehearsedWrite) -> dict[str, Any]:
    return {"side": str(step.side), "action": step.action, "changes": changes(step.before, step.sent)}
