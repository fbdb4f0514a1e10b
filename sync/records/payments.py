"""Brings one payment into agreement."""

from clients.errors import Missing, Moved, Refused
from clients.quickbooks.faults import BooksClosed, DepositedPayment, StaleReference
from reconcile import payments as rules
from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.model import Gone, Kind, Plan, Record, Side, Write
from reconcile.payments import SHARED
from reconcile.receipts import ONE_OR_TWO
from schemas import quickbooks
from storage import pending
from storage.models import PendingChange
from sync import closing
from sync.books import Books
from sync.outcomes import NeedsAttention, Outcome, switched_off
from sync.records import beside_marks, payment_pairs, payment_requests, payment_sides, stale_references
from sync.records.loop import work_through
from sync.records.payment_sides import SeenPayment
from sync.writes.journal import Request


class PaymentWork:
    """The work on one payment, named by its Ravetree id, or by QuickBooks' alone if it has no pair."""

    looks_afresh = False

    def __init__(self, books: Books, subject: Record, *, requested: bool = False) -> None:
        self.books = books
        self.subject = subject
        self._requested = requested
        self._closing_looked_at = False
        self._wrote = False

    @property
    def name(self) -> str:
        """`Payment 12`."""
        return f"Payment {self.subject.id}"

    def run(self) -> Outcome:
        """Plan and write until the sides agree or somebody else has to act."""
        if (refusal := payment_pairs.carry_out_decision(self.books, self.subject)) is not None:
            return NeedsAttention(refusal)
        payment_pairs.know_placeholder_again(self.books, self.subject)
        return work_through(self)

    def gather(self) -> SeenPayment:
        """Both sides as they are now."""
        return payment_sides.gather(self.books, self.subject, requested=self._requested)

    def plan(self, seen: SeenPayment) -> Plan | Outcome:
        """The next step. Payments are a matter of their invoices: with those switched off, they wait."""
        if self.books.connection.invoices_since is None and (seen.case.base is not None or seen.invoices):
            return switched_off(Kind.INVOICE)
        return rules.plan(seen.case)

    def reads_first(self, seen: SeenPayment, plan: Plan) -> bool:
        """What it is planned with was read for it, but for the closing date, of which no event tells."""
        asks = plan.attention is not None and plan.attention.code in (SHARED, ONE_OR_TWO)
        if not asks or seen.case.books_closed is None or self._closing_looked_at:
            return False
        self._closing_looked_at = True
        return closing.look_again(self.books)

    def ties(self, seen: SeenPayment, plan: Plan) -> bool:
        """Keep an answer, take the pair apart, or make it, where the plan says so."""
        if plan.remember is not None:
            self.books.remember(self.subject, plan.remember, *plan.and_remember)
            return True
        if plan.unpair:
            payment_pairs.take_apart(self.books, self.subject)
            self._use_up_decision(seen)
        elif plan.adopt:
            payment_pairs.adopt(self.books, plan.adopt, seen.invoices)
        return plan.unpair or plan.adopt is not None

    def request(self, seen: SeenPayment, write: Write) -> Request:
        """The write, ready for the journal."""
        return payment_requests.request(self.books, seen, write)

    def write(self, seen: SeenPayment, write: Write) -> None:
        """Send one write. Raises what the neighbours say when nothing that we know has changed."""
        if self._is_locked(seen, write):
            if self.reads_before_asking(seen):
                return
            raise DepositedPayment("the payment is deposited in QuickBooks and locked")
        request = self.request(seen, write)
        try:
            self.books.write(request)
            self._wrote = True
            self._use_up_decision(seen)
        except (Moved, Missing, Refused) as error:
            before = self._versions(seen)
            self.reads_before_asking(seen)
            if isinstance(error, BooksClosed) and closing.look_again(self.books):
                return
            if not isinstance(error, Moved) and self._versions(seen) == before:
                if isinstance(error, (Missing, StaleReference)) and write.side is Side.QUICKBOOKS:
                    raise stale_references.explain(self.books, request, error) from error
                raise
            if self._versions(seen) == before:
                # QuickBooks says that it moved, yet what we read is the same: wait for it to be visible.
                self.books.fresh.clear()

    def reads_before_asking(self, seen: SeenPayment) -> bool:
        """Before a person is asked, look whether QuickBooks still says what we think it says."""
        names = set(seen.remotes)
        # A payment on these invoices that no event has spoken of yet may be the same receipt.
        linked = {name for invoice in seen.invoices for name in invoice.quickbooks.payment_ids}
        records = {Record(Side.QUICKBOOKS, Kind.PAYMENT, name) for name in linked}
        names |= {record for record in records if self.books.quickbooks.copy(record) is None}
        old = {name for name in names if name not in self.books.fresh}
        self.books.quickbooks.refresh(old)
        return bool(old)

    def agreed(self, seen: SeenPayment, plan: Plan) -> None:
        """A decision is used up, and a payment that is gone answers the question whether it was one or two."""
        beside_marks.look_at_marks(self.books, seen.case.quickbooks)
        payment_pairs.renew_base(self.books, seen)
        if seen.case.decision == Decision.UNLINK:
            beside_marks.look_at_what_differs(self.books, payment_sides.invoices_of_apart(self.books, seen))
        if self._wrote:
            beside_marks.look_at_what_differs(self.books, seen.invoices)
            self._reconsider("more_than_open")
        sides = (seen.case.ravetree, seen.case.quickbooks)
        if any(isinstance(p, Gone) or (p is not None and p.voided) for p in sides):
            self._reconsider("one_or_two_payments", "more_than_open")
        if seen.case.decision and not plan.ignored:
            self.books.use_up({self.subject, *self.books.handling})

    def _reconsider(self, *codes: str) -> None:
        with self.books.writing() as session:
            pending.reconsider(session, self.books.id, self.books.now(), PendingChange.code.in_(codes))

    def _is_locked(self, seen: SeenPayment, write: Write) -> bool:
        """Whether QuickBooks would refuse it, as far as we know: nobody changes a payment that is deposited."""
        if write.side is not Side.QUICKBOOKS or write.action not in (Action.PAYMENT_UPDATE, Action.PAYMENT_DELETE):
            return False
        return quickbooks.load_payment(seen.body, self.books.home_currency).deposited

    def _versions(self, seen: SeenPayment) -> list[tuple[int, bool] | None]:
        found = [self.books.quickbooks.copy(name) for name in seen.remotes]
        return [(copy.version, copy.deleted) if copy else None for copy in found]

    def _use_up_decision(self, seen: SeenPayment) -> None:
        """Which side is right has been said and done."""
        if seen.case.decision in tuple(Side):
            self.books.use_up({self.subject, *self.books.handling})
