"""Brings one estimate to QuickBooks: one way."""

from datetime import datetime

from reconcile import estimates as rules
from reconcile.estimates import EstimateBase, EstimateCase
from reconcile.model import EstimateContent, Gone, Kind, Plan, QuickBooksEstimate, RavetreeEstimate, Write
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from sync.records.documents import DocumentWork, Partner, content_context
from sync.writes.journal import Request


class EstimateWork(DocumentWork):
    """The work on one estimate."""

    KIND = Kind.ESTIMATE

    def next_plan(self) -> Plan:
        """Gather both sides and plan the next step."""
        estimate, self._raw = self._books.ravetree_estimate(self._subject.id)
        partner = self._partner()
        self._copy = partner.copy
        remote: QuickBooksEstimate | Gone | None = None
        if self._copy is not None:
            remote = Gone(self._copy.record_id) if self._copy.deleted else self._load(self._copy.body)
        base = self._base(partner)
        case = EstimateCase(
            ravetree=estimate,
            quickbooks=remote,
            base=base,
            **self._references(estimate, base.ravetree.owned() if base else None),
        )
        return rules.plan(case)

    def _base(self, partner: Partner) -> EstimateBase | None:
        if partner.base is None:
            return None
        ours, theirs = partner.base
        return EstimateBase(ravetree.load_estimate(ours), self._load(theirs), partner.line_ids)

    def _must_read_first(self, plan: Plan) -> bool:
        return self._copy is not None and self._copy.stale and bool(plan.writes or plan.attention)

    def _since(self) -> datetime | None:
        return self._books.connection.estimates_since

    def _load(self, raw: Body) -> QuickBooksEstimate:
        return quickbooks.load_estimate(raw, self._books.home_currency)

    def _load_own(self, raw: Body) -> RavetreeEstimate:
        return ravetree.load_estimate(raw)

    def request(self, write: Write) -> Request:
        """The write, ready for the journal."""
        now = self._copy.body if self._copy is not None else None
        context = {"ravetree_id": self._subject.id}
        if isinstance(write.content, EstimateContent):
            body = quickbooks.estimate_body(write.content, now)
            return self._named(write, "estimate", body, context | content_context(self._raw, write))
        if now is None:
            raise ValueError(f"{write.action} needs our copy of the estimate")
        if write.action == "estimate.close":
            return self._named(write, "estimate", quickbooks.closed_body(now), context)
        return self._named(write, "estimate?operation=delete", quickbooks.identity_body(now), context)
