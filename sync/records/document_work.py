"""The work on one document: an invoice or an estimate of Ravetree's, and its partner in QuickBooks."""

from dataclasses import replace
from typing import Generic

from clients.errors import Missing, Moved, Refused
from clients.quickbooks.faults import BooksClosed, DuplicateNumber, StaleReference
from reconcile.decisions import Decision
from reconcile.documents import NUMBER_NOT_KEPT
from reconcile.model import Kind, Plan, Record, Side, Write
from sync import closing
from sync.books import Books
from sync.outcomes import Agreed, NeedsAttention, Outcome, Waits, switched_off
from sync.records import number_line, numbers, stale_references, tying
from sync.records.documents import Documents
from sync.records.loop import work_through
from sync.records.seen import Case, Seen, Wish
from sync.writes.journal import Request

_LASTING = (Decision.LEAVE, Decision.UNLINK)
"""Decisions that stay for as long as nothing is to be done because of them."""

_ON_CONTENT = (Decision.OVERWRITE, Decision.ACCEPT, Decision.ADOPT, Decision.FREE)
"""Decisions that only the content of a document carries out, whatever makes room for it first."""


class DocumentWork(Generic[Case]):
    """The work on one document, named by its Ravetree id, or by QuickBooks' alone if it has no pair."""

    looks_afresh = True

    def __init__(self, documents: Documents[Case], books: Books, subject: Record, *, requested: bool) -> None:
        self.documents = documents
        self.books = books
        self.subject = subject
        self.wish = Wish(requested)
        self._closing_looked_at = False

    @property
    def name(self) -> str:
        """`Invoice 12`."""
        return f"{self.documents.KIND.capitalize()} {self.subject.id}"

    def run(self) -> Outcome:
        """Plan and write until the sides agree or somebody else has to act."""
        if self.subject.side is Side.QUICKBOOKS:
            return Agreed(ignored="made in QuickBooks")
        paired = self.books.pair(self.documents.KIND, Side.RAVETREE, self.subject.id) is not None
        if paired and self.documents.since(self.books.connection) is None and not self.wish.requested:
            return switched_off(self.documents.KIND)
        said = tying.carry_out_decision(self.documents, self.books, self.subject, self.wish)
        if not isinstance(said, Wish):
            return NeedsAttention(said)
        self.wish = said
        return work_through(self)

    def gather(self) -> Seen[Case]:
        """Both sides as they are now."""
        return self.documents.gather(self.books, self.subject, self.wish)

    def plan(self, seen: Seen[Case]) -> Plan:
        """The next step."""
        return self.documents.plan(seen)

    def reads_first(self, seen: Seen[Case], plan: Plan) -> bool:
        """Never write to, or stop because of, what we know to be out of date."""
        if not self._closing_looked_at and self.documents.depends_on_closing_date(seen, plan):
            self._closing_looked_at = True
            if closing.look_again(self.books):
                return True
        if (
            plan.attention is not None
            and plan.attention.code == NUMBER_NOT_KEPT
            and self.books.numbers.are_kept is None
        ):
            self.books.numbers.look_whether_kept()
            return True
        if not self.documents.is_too_old(self.books, seen, plan):
            return False
        self.books.quickbooks.refresh(seen.remotes[:1])
        return True

    def ties(self, seen: Seen[Case], plan: Plan) -> bool:  # noqa: ARG002 - a payment's work asks it
        """Keep an answer, or what a person lets differ, or let go of a placeholder."""
        if plan.remember is not None:
            self.books.remember(self.subject, plan.remember, *plan.and_remember)
            self.wish = replace(self.wish, decision="")
            return True
        if plan.accepts is not None:
            tying.accept(self.documents.KIND, self.books, self.subject, plan.accepts, self.wish)
            self._use_up_decision()
            return True
        if plan.releases_placeholder:
            tying.release_placeholder(self.books, self.subject, forgets_mark=plan.forgets_mark)
            if self.wish.decision and plan.forgets_mark:
                self._use_up_decision()
            return True
        return False

    def request(self, seen: Seen[Case], write: Write) -> Request:
        """The write, ready for the journal."""
        return self.documents.request(self.books, seen, write)

    def write(self, seen: Seen[Case], write: Write) -> Waits | None:
        """Send one write. Raises what the neighbours say, in words that name what is to be mended."""
        try:
            if (taken := numbers.taken(self.books, seen, write)) is not None:
                waits = numbers.make_way(self.documents, self.books, seen, taken)
            else:
                waits = self._send(seen, write)
        except Refused as error:
            if isinstance(error, BooksClosed) and closing.look_again(self.books):
                return None
            self._put_back(seen, write)
            raise
        if waits is not None:
            self._put_back(seen, write)
        return waits

    def _send(self, seen: Seen[Case], write: Write) -> Waits | None:
        """Send it, and say what a refusal is about; whom it waits for, where others have its number for now."""
        request = self.request(seen, write)
        try:
            self.books.write(request)
        except Moved:
            self.books.quickbooks.refresh([*seen.remotes, *_beside(write)])
        except (Missing, StaleReference) as error:
            before = self._versions(seen)
            self.books.quickbooks.refresh(seen.remotes)
            if self._versions(seen) == before:
                # Nothing of ours is gone: it is an entry of a list that a person has to see to.
                raise stale_references.explain(self.books, request, error) from error
        except DuplicateNumber as error:
            return numbers.make_way(self.documents, self.books, seen, error)
        else:
            numbers.given(self.documents, self.books, seen, write)
            if _carries_out(write, self.wish.decision):
                self._use_up_decision()
        return None

    def reads_before_asking(self, seen: Seen[Case]) -> bool:
        """Before a person is asked, look whether QuickBooks still says what we think it says."""
        if seen.remote is None or seen.remote in self.books.fresh:
            return False
        self.books.quickbooks.refresh(seen.remotes[:1])
        return True

    def agreed(self, seen: Seen[Case], plan: Plan) -> None:
        """What was decided is done, other than what lasts for as long as nothing comes of it."""
        self.documents.at_rest(self.books, seen)
        decision = seen.wish.decision
        if decision and not (plan.ignored and decision in _LASTING):
            self._use_up_decision()

    def _put_back(self, seen: Seen[Case], write: Write) -> None:
        """What had made room for a write that QuickBooks refuses is put back as it was."""
        number_line.put_back(self.books, self.subject)
        for back in self.documents.put_back(self.books, seen, write).writes:
            self.books.write(self.request(seen, back))

    def _versions(self, seen: Seen[Case]) -> list[tuple[int, bool]]:
        """Which versions we hold of all that this work writes to."""
        found = [self.books.quickbooks.copy(record) for record in seen.remotes]
        return [(copy.version, copy.deleted) for copy in found if copy is not None]

    def _use_up_decision(self) -> None:
        self.wish = replace(self.wish, decision="", said={})
        self.books.use_up({self.subject, *self.books.handling})


def _beside(write: Write) -> list[Record]:
    """The payment that a write on behalf of a mark changes: it may be one that the document does not know."""
    if not write.action.of_placeholder or write.record_id is None:
        return []
    return [Record(Side.QUICKBOOKS, Kind.PAYMENT, write.record_id)]


def _carries_out(write: Write, decision: str) -> bool:
    """Whether a decision is used up by a write: one on the content is not by what makes room for that."""
    makes_room = write.action.of_placeholder and decision in _ON_CONTENT
    return bool(decision) and write.content is not None and not makes_room
