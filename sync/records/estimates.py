"""Brings one estimate to QuickBooks: one way."""

from datetime import datetime

from reconcile import estimates as rules
from reconcile.actions import Action
from reconcile.estimates import EstimateBase, EstimateCase
from reconcile.model import EstimateContent, Gone, Kind, Plan, QuickBooksEstimate, RavetreeEstimate, Record, Write
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage.models import Connection
from sync.books import Books
from sync.records.documents import Documents, named, with_content
from sync.records.seen import Partner, Seen, Wish, partner_of, references
from sync.writes.context import Context
from sync.writes.journal import Request


class Estimates(Documents[EstimateCase]):
    """What estimates say for themselves."""

    KIND = Kind.ESTIMATE

    def since(self, connection: Connection) -> datetime | None:
        """When estimates were switched on."""
        return connection.estimates_since

    def load(self, raw: Body, home_currency: str) -> QuickBooksEstimate:
        """QuickBooks' estimate."""
        return quickbooks.load_estimate(raw, home_currency)

    def load_own(self, raw: Body) -> RavetreeEstimate:
        """Ravetree's estimate."""
        return ravetree.load_estimate(raw)

    def own(self, books: Books, record_id: str) -> RavetreeEstimate | Gone:
        """Ravetree's estimate as it is there now."""
        return books.ravetree.estimate(record_id)[0]

    def gather(self, books: Books, subject: Record, wish: Wish) -> Seen[EstimateCase]:
        """Both sides as they are now."""
        estimate, raw = books.ravetree.estimate(subject.id)
        partner = partner_of(books, subject)
        copy = partner.copy
        remote: QuickBooksEstimate | Gone | None = None
        if copy is not None:
            remote = Gone(copy.record_id) if copy.deleted else self.load(copy.body, books.home_currency)
        base = _base(partner, books.home_currency)
        owned_before = base.ravetree.owned() if base else None
        named_there = references(books, estimate, partner, owned_before, self.since(books.connection), wish)
        case = EstimateCase(ravetree=estimate, quickbooks=remote, base=base, **named_there)
        return Seen(subject, wish, raw, copy, case)

    def plan(self, seen: Seen[EstimateCase]) -> Plan:
        """The next step."""
        return rules.plan(seen.case)

    def is_too_old(self, books: Books, seen: Seen[EstimateCase], plan: Plan) -> bool:
        """Whether our copy is known to be too old for this plan."""
        if seen.copy is None or not seen.copy.stale:
            return False
        # What a person was asked ends with an agreement that is seen, not with one that nobody knows of.
        return not plan.is_at_rest or books.is_asked(seen.subject)

    def request(self, books: Books, seen: Seen[EstimateCase], write: Write) -> Request:  # noqa: ARG002
        """The write, ready for the journal."""
        if write.action == Action.ESTIMATE_RENUMBER:
            return self.renumbering(seen)
        now = seen.body
        context = Context(ravetree_id=seen.subject.id)
        if isinstance(write.content, EstimateContent):
            body = quickbooks.estimate_body(write.content, now)
            return named(seen, write, "estimate", body, with_content(context, seen, write.content))
        if now is None:
            raise ValueError(f"{write.action} needs our copy of the estimate")
        if write.action == Action.ESTIMATE_CLOSE:
            return named(seen, write, "estimate", quickbooks.closed_body(now), context)
        return named(seen, write, "estimate?operation=delete", quickbooks.identity_body(now), context)


def _base(partner: Partner, home_currency: str) -> EstimateBase | None:
    if partner.base is None:
        return None
    ours, theirs = partner.base
    return EstimateBase(
        ravetree.load_estimate(ours),
        quickbooks.load_estimate(theirs, home_currency),
        partner.line_ids,
        partner.accepted,
        partner.notices,
    )
