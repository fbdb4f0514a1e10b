"""Documents that wait for each other's numbers: in a line for the one before, in a ring with a number for a moment.

In a ring one document gets a temporary number, the others theirs, and then its ordinary work gives it its own. What
each had before is stored with the pair of that one first, so that whatever is refused, or whoever dies between,
everything can be put back.
"""

from dataclasses import dataclass
from typing import Any

from clients.errors import Refused
from clients.quickbooks.faults import BooksClosed
from reconcile.documents import NUMBER_LIMIT
from reconcile.model import Gone, Kind, Record, Side
from reconcile.numbers import temporary_number
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import pairs, pending
from storage.models import Pair
from sync import closing
from sync.books import Books
from sync.outcomes import Waits
from sync.records.documents import Documents, numbering
from sync.records.seen import Seen

LONGEST = 30
"""Documents in a line that are looked at: each may cost a read."""

_BEFORE = "numbers"
"""Where the numbers that a ring had before are kept with a pair."""


@dataclass(frozen=True)
class Member:
    """A document that is in both books, QuickBooks' as it is `now`, and the number that Ravetree gives it."""

    pair: Pair
    now: Body
    wanted: str
    is_edited: bool
    """Whether its content is to be written for another reason: its number goes with that."""

    @property
    def record(self) -> Record:
        """Its name in Ravetree."""
        return Record(Side.RAVETREE, Kind(self.pair.kind), self.pair.ravetree_id)

    @property
    def quickbooks_id(self) -> str:
        """Its id in QuickBooks."""
        return str(self.now["Id"])

    @property
    def number(self) -> str:
        """The number that it has in QuickBooks."""
        return str(self.now.get("DocNumber") or "")

    @property
    def temporary(self) -> str:
        """The number that it has there for a moment."""
        return temporary_number(self.pair.id)

    @property
    def is_moving(self) -> bool:
        """Whether its number is still to be written. One that only a bookkeeper changed stays until the next edit."""
        written = {self.pair.base_ravetree.get("number"), self.pair.base_quickbooks.get("DocNumber")}
        return self.wanted != self.number and (self.is_edited or written != {self.wanted})


def moves(documents: Documents[Any], books: Books, raw: Body) -> bool:
    """Whether a document of QuickBooks is one of ours that gets another number."""
    member = _member(documents, books, raw)
    return member is not None and member.is_moving


def step_on(documents: Documents[Any], books: Books, seen: Seen[Any], holder: Body) -> Waits | None:
    """Have a ring change its numbers, or say whom this document waits for. Raises what is refused of its own."""
    line, is_free = _line(documents, books, seen, holder)
    own = _member(documents, books, seen.body) if seen.body is not None else None
    if own is None or not is_free or (own.number != own.temporary and not _is_ring(own, line)):
        return _wait(books, line[0], may_go_on=is_free)
    books.quickbooks.refresh(Record(Side.QUICKBOOKS, one.record.kind, one.quickbooks_id) for one in (own, *line))
    if _copy(books, own.record.kind, own.quickbooks_id) != own.now:
        # What it is now is looked at first.
        return None
    if closing.covers(books, own.now):
        raise BooksClosed("its date lies in a period that is closed in QuickBooks")
    for one in line:
        if not _can_be_written(books, one):
            return _wait(books, one, may_go_on=True)
    return _change(books, own, line)


def _member(documents: Documents[Any], books: Books, raw: Body) -> Member | None:
    """A document that lives in both books."""
    kind = documents.KIND
    pair = books.pair(kind, Side.QUICKBOOKS, str(raw["Id"]))
    if pair is None or quickbooks.is_void(raw):
        return None
    ours = documents.own(books, pair.ravetree_id)
    if isinstance(ours, Gone) or getattr(ours, "void", False):
        return None
    before = documents.load_own(pair.base_ravetree).owned() if pair.base_ravetree else None
    return Member(pair, raw, ours.number, before is not None and before != ours.owned())


def _line(documents: Documents[Any], books: Books, seen: Seen[Any], holder: Body) -> tuple[list[Member], bool]:
    """Who stands before a document, the next one first; and whether the number of the last is free, or its own."""
    own = seen.copy.record_id if seen.copy is not None else ""
    line: list[Member] = []
    names = {own}
    raw: Body | None = holder
    while raw is not None and len(line) < LONGEST:
        member = _member(documents, books, raw)
        if str(raw["Id"]) in names or member is None or not member.is_moving:
            return line, str(raw["Id"]) == own
        line.append(member)
        names.add(str(raw["Id"]))
        others = books.numbers.holders(documents.KIND, member.wanted)
        raw = next((other for other in others if other["Id"] != member.now["Id"]), None)
    return line, raw is None


def _is_ring(own: Member, line: list[Member]) -> bool:
    return line[-1].wanted == own.number


def _can_be_written(books: Books, one: Member) -> bool:
    """Whether nothing but its number stands between a document and its number."""
    if not 0 < len(one.wanted) <= NUMBER_LIMIT:
        return False
    if closing.covers(books, one.now) or str(one.record) in books.journal.blocked_until(books.id):
        return False
    with books.reading() as session:
        rows = pending.rows(session, books.id, pairs.names(session, books.id, one.record))
    return all(row.state not in pending.ATTENTION or row.code == "duplicate_number" for row in rows)


def _wait(books: Books, before: Member, *, may_go_on: bool) -> Waits:
    """Wait for the one before. It is looked at where nobody does, or where what it was asked about may be over."""
    with books.writing() as session:
        rows = pending.rows(session, books.id, pairs.names(session, books.id, before.record))
        asked = any(row.code == "duplicate_number" and row.state in pending.ATTENTION for row in rows)
        if not rows or (asked and may_go_on):
            pending.note(session, books.id, before.record, books.now())
    kind = before.record.kind
    return Waits(before.record, f"waits until {kind} {before.wanted} has given up its number {before.number}")


def _change(books: Books, own: Member, line: list[Member]) -> Waits | None:
    """Make room for the first of a ring. What is refused of another one is asked about by that one's own work."""
    kind, begun = own.record.kind, own.number == own.temporary
    before = {one.quickbooks_id: one.number for one in (own, *line)} | (own.pair.kept.get(_BEFORE, {}) if begun else {})
    with books.writing() as session:
        pairs.keep(session, books.id, kind, own.record.id, **{_BEFORE: before})
    if not begun:
        _give(books, kind, own.quickbooks_id, own.temporary, is_first=True)
    for one in reversed(line):
        try:
            _give(books, kind, one.quickbooks_id, one.wanted)
        except Refused:
            put_back(books, own.record)
            books.look_at([one.record])
            return _wait(books, one, may_go_on=True)
    books.look_at([one.record for one in line])
    return None


def put_back(books: Books, record: Record) -> None:
    """Each of a ring gets the number that it had, as soon as no other one has it, if `record` has its temporary one."""
    pair = books.pair(record.kind, Side.RAVETREE, record.id)
    if pair is None or _number_of(books, record.kind, pair.quickbooks_id) != temporary_number(pair.id):
        return
    left = dict(pair.kept.get(_BEFORE, {}))
    while left:
        now = {name: _number_of(books, record.kind, name) for name in left}
        free = [name for name in left if all(now[other] != left[name] for other in left if other != name)]
        if not free:
            return
        _give(books, record.kind, free[0], left.pop(free[0]), is_first=free[0] == pair.quickbooks_id)


def _copy(books: Books, kind: Kind, quickbooks_id: str) -> Body:
    copy = books.quickbooks.copy(Record(Side.QUICKBOOKS, kind, quickbooks_id))
    return copy.body if copy is not None and not copy.deleted else {}


def _number_of(books: Books, kind: Kind, quickbooks_id: str) -> str:
    return str(_copy(books, kind, quickbooks_id).get("DocNumber") or "")


def _give(books: Books, kind: Kind, quickbooks_id: str, number: str, *, is_first: bool = False) -> None:
    """A number for one document, unless it has it.

    Of the first of a ring the base says the same: whatever Ravetree calls it by then is written.
    """
    pair, now = books.pair(kind, Side.QUICKBOOKS, quickbooks_id), _copy(books, kind, quickbooks_id)
    had = str(now.get("DocNumber") or "")
    if pair is None or not now or had == number:
        return
    base = pair.base_ravetree | {"number": number} if is_first else None
    books.write(numbering(Record(Side.RAVETREE, kind, pair.ravetree_id), now, number, base_ravetree=base))
    books.numbers.forget(kind, had, number)
