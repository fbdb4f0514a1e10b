"""The loop that every record goes through."""

from dataclasses import dataclass
from typing import Any

from reconcile.model import NOTHING, Attention, Kind, Plan, Record, Side, Write
from sync.outcomes import MAX_ROUNDS, Agreed, NeedsAttention, Waits
from sync.records.loop import work_through

RECORD = Record(Side.RAVETREE, Kind.INVOICE, "inv_1")
OTHER = Record(Side.QUICKBOOKS, Kind.PAYMENT, "7")
ATTENTION = Attention("held", "why", "Why.", "So.")
WRITING = Plan(writes=(Write(Side.QUICKBOOKS, "invoice.update", "1"),))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Round:
    """What was gathered: how many plans are left."""

    left: int
    asked_with: frozenset[Record] = frozenset({OTHER})


class Work:
    """Plans one after the other; what it did is remembered."""

    looks_afresh = True
    name = "Invoice 1"

    def __init__(self, *plans: Any, ends: Any = None, old: int = 0, unread: int = 0, untied: int = 0) -> None:
        self.books: Any = self
        self.did: list[Any] = []
        self._plans, self._ends = list(plans), ends
        self.gathered = 0
        self._old, self._unread, self._untied = old, unread, untied

    def look_at(self, records: Any, *, must_read: bool) -> None:
        self.did.append((records, must_read))

    def gather(self) -> Round:
        self.gathered += 1
        return Round(len(self._plans))

    def plan(self, _seen: Round) -> Any:
        return self._plans.pop(0) if len(self._plans) > 1 else self._plans[0]

    def reads_first(self, _seen: Round, _plan: Plan) -> bool:
        self._old -= 1
        return self._old >= 0

    def ties(self, _seen: Round, _plan: Plan) -> bool:
        self._untied -= 1
        return self._untied >= 0

    def write(self, _seen: Round, write: Write) -> Any:
        self.did.append(write)
        return self._ends

    def reads_before_asking(self, _seen: Round) -> bool:
        self._unread -= 1
        return self._unread >= 0

    def agreed(self, _seen: Round, plan: Plan) -> None:
        self.did.append(plan)


def test_it_writes_until_nothing_is_left() -> None:
    work = Work(WRITING, WRITING, NOTHING)
    assert work_through(work) == Agreed()
    assert work.did == [WRITING.writes[0], WRITING.writes[0], NOTHING]


def test_a_write_may_end_it() -> None:
    ended = NeedsAttention(ATTENTION)
    assert work_through(Work(WRITING, ends=ended)) == ended


def test_it_writes_nothing_before_it_has_read_and_tied() -> None:
    work = Work(WRITING, WRITING, WRITING, NOTHING, old=1, untied=1)
    assert work_through(work) == Agreed()
    assert work.did == [WRITING.writes[0], NOTHING]


def test_it_reads_once_more_before_it_asks() -> None:
    work = Work(Plan(attention=ATTENTION), unread=1)
    assert work_through(work) == NeedsAttention(ATTENTION, frozenset({OTHER}))
    assert (work.did, work.gathered) == ([], 2)


def test_it_waits_and_has_others_looked_at() -> None:
    other = Record(Side.RAVETREE, Kind.PAYMENT, "*")
    work = Work(Plan(look_at=(RECORD,), waits_for=other))
    assert work_through(work) == Waits(other)
    assert work.did == [((RECORD,), True)]


def test_an_outcome_instead_of_a_plan_ends_it() -> None:
    assert work_through(Work(Waits(RECORD))) == Waits(RECORD)


def test_plans_that_undo_each_other_come_to_an_end() -> None:
    work = Work(WRITING)
    ended = work_through(work)
    assert isinstance(ended, NeedsAttention)
    assert (ended.attention.code, len(work.did)) == ("does_not_settle", MAX_ROUNDS)
