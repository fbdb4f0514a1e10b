"""The loop that every record goes through: gather, plan, write, until both sides agree or somebody else has to act."""

from typing import Protocol, TypeVar

from reconcile.model import Plan, Record, Write
from sync.books import Books
from sync.outcomes import MAX_ROUNDS, Agreed, NeedsAttention, Outcome, Waits, does_not_settle


class Gathered(Protocol):
    """What a round has gathered."""

    @property
    def asked_with(self) -> frozenset[Record]:
        """Other records that decide with it: when one of them changes, a question may be gone."""
        ...


Seen = TypeVar("Seen", bound=Gathered)


class Work(Protocol[Seen]):
    """The work on one record. What a round has gathered is a value: nothing of it is left for the next round."""

    books: Books
    looks_afresh: bool
    """Whether what a plan has looked at is read again first."""

    @property
    def name(self) -> str:
        """What the record is called, at the beginning of a sentence."""

    def gather(self) -> Seen:
        """Read what the next step depends on. It writes to neither side."""

    def plan(self, seen: Seen) -> Plan | Outcome:
        """The next step, or how the work ends without one."""

    def reads_first(self, seen: Seen, plan: Plan) -> bool:
        """Read again what is known to be too old for this plan; whether there was anything."""

    def ties(self, seen: Seen, plan: Plan) -> bool:
        """Make a pair, or take one apart, where this is what comes next; whether it was."""

    def write(self, seen: Seen, write: Write) -> Outcome | None:
        """Send one write; how the work ends, if the answer ends it. Raises what the neighbours say."""

    def reads_before_asking(self, seen: Seen) -> bool:
        """Look whether QuickBooks still says what a person would be asked about; whether that was to be read."""

    def agreed(self, seen: Seen, plan: Plan) -> None:
        """Nothing is left to do: what was decided is used up, and what waits for this goes on."""


def work_through(work: Work[Seen]) -> Outcome:
    """Bring one record into agreement, as far as it goes now. Raises what the neighbours say, and `Stop`."""
    for _ in range(MAX_ROUNDS):
        seen = work.gather()
        plan = work.plan(seen)
        if not isinstance(plan, Plan):
            return plan
        if work.reads_first(seen, plan) or work.ties(seen, plan):
            continue
        if plan.writes:
            if (ended := work.write(seen, plan.writes[0])) is not None:
                return ended
            continue
        if plan.look_at:
            work.books.look_at(plan.look_at, must_read=work.looks_afresh)
        if plan.attention:
            if work.reads_before_asking(seen):
                continue
            return NeedsAttention(plan.attention, seen.asked_with)
        if plan.waits_for:
            return Waits(plan.waits_for, plan.waits_because)
        work.agreed(seen, plan)
        return Agreed(plan.ignored, plan.notices)
    return does_not_settle(work.name)
