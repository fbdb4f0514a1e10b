"""Every record of a connection compared, for a parity report: pairs, and records that should have a partner."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property

from reconcile.decisions import Decision
from reconcile.invoices import WHEN_SENT
from reconcile.markers import marked_placeholder
from reconcile.model import (
    ZERO,
    Kind,
    QuickBooksPayment,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
)
from reconcile.parity import Compared, Waiting, missing
from storage import answers, decisions, pairs, pending, steps
from storage.models import LastingAnswer
from sync.questions.comparison import DOCUMENTS, BothBooks, SideBySide, figures
from sync.records.payment_sides import lost_of


class AllCompared:
    """What a parity report is made of."""

    def __init__(self, both: BothBooks) -> None:
        self._both = both
        self._lists = both.lists
        self._books = both.books

    def compared(self) -> Iterator[Compared]:
        """Every pair, and every record that should have a partner and has none."""
        paired: defaultdict[tuple[Kind, Side], set[str]] = defaultdict(set)
        for held in self._both.everything():
            paired[held.kind, Side.RAVETREE].add(held.ravetree_id)
            paired[held.kind, Side.QUICKBOOKS].add(held.quickbooks_id)
            yield self._compared(held)
        for kind in DOCUMENTS:
            for name, raw in self._lists.listed(kind).items():
                if name not in paired[kind, Side.RAVETREE]:
                    held = self._both.hold_alone(Record(Side.RAVETREE, kind, name), raw, None)
                    if self._should_be_there(held):
                        yield missing(self._compared(held))
        for held in self._payments_alone(paired):
            if self._decided(held) or not self._was_left_alone(held):
                yield missing(self._compared(held))

    def _compared(self, held: SideBySide) -> Compared:
        invoice = held.kind is Kind.INVOICE
        return Compared(
            kind=held.kind,
            ravetree_id=held.ravetree_id,
            quickbooks_id=held.quickbooks_id,
            client=self._both.client_name(held),
            currency=held.currency,
            ravetree=figures(held.ours),
            quickbooks=figures(held.theirs),
            differences=held.differences,
            own=self._waiting(held.names),
            payments=tuple(self._payments_under_way.get(held.ravetree_id, ())) if invoice else (),
            credit=self._credit.get(held.ravetree_id, ZERO) if invoice else ZERO,
            decided=self._decided(held),
            # Asked for only of those that differ: a report goes through every pair.
            apart=held.kind is Kind.PAYMENT and bool(held.differences and lost_of(self._books, held.names[0])),
        )

    def _decided(self, held: SideBySide) -> str:
        """Who left it as it is, when and why: it itself, or a payment on it."""
        names = {str(name) for name in held.names}
        said = [row for row in self._answers if row.subject in names]
        if held.kind is Kind.INVOICE:
            said += [row for row in self._answers if held.ravetree_id in self._invoices_left.get(row.subject, ())]
        return " ".join(dict.fromkeys(spell_answer(row) for row in said))

    @cached_property
    def _answers(self) -> list[LastingAnswer]:
        """What people left as it is."""
        with self._books.reading() as session:
            return answers.every(session, self._books.id, Decision.LEAVE)

    @cached_property
    def _invoices_left(self) -> dict[str, set[str]]:
        """The invoices of payments that people left as they are, by the payment's name."""
        payments = [_named(row.subject) for row in self._answers]
        return {str(one): self._invoices_of(one) for one in payments if one.kind is Kind.PAYMENT}

    def _waiting(self, names: Iterable[Record]) -> Waiting | None:
        rows = [self._lists.under_way[name] for name in names if name in self._lists.under_way]
        # What a person has to see to is said before what goes on by itself.
        rows.sort(key=lambda row: row.state not in pending.ATTENTION)
        return Waiting(rows[0].state, rows[0].cause, rows[0].remedy) if rows else None

    @cached_property
    def _payments_under_way(self) -> dict[str, list[Waiting]]:
        """What is under way for payments, by the Ravetree id of the paired invoices that they name."""
        found: defaultdict[str, list[Waiting]] = defaultdict(list)
        for record in self._lists.under_way:
            waiting = self._waiting([record])
            if record.kind is Kind.PAYMENT and waiting is not None:
                for name in self._invoices_of(record):
                    found[name].append(waiting)
        return dict(found)

    def _invoices_of(self, payment: Record) -> set[str]:
        """The Ravetree ids of the paired invoices that a payment names on either side: one may have it deleted."""
        pair = self._books.pair(Kind.PAYMENT, payment.side, payment.id)
        names = {payment.side: payment.id}
        if pair is not None:
            names = {Side.RAVETREE: pair.ravetree_id, Side.QUICKBOOKS: pair.quickbooks_id}
        sides = []
        for side, name in names.items():
            raw = self._lists.listed(Kind.PAYMENT).get(name) if side is Side.RAVETREE else None
            copy = self._lists.copies(Kind.PAYMENT).get(name) if side is Side.QUICKBOOKS else None
            held = self._both.hold_alone(Record(side, Kind.PAYMENT, name), raw, copy)
            sides += [held.ours, held.theirs]
        return {invoice.ravetree_id for invoice in self._lists.known_invoices(sides)}

    @cached_property
    def _credit(self) -> dict[str, Decimal]:
        """By how much credit makes QuickBooks' balance of an invoice smaller than Ravetree's."""
        by_ours, by_theirs = self._lists.invoice_pairs
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        for name, copy in self._lists.copies(Kind.PAYMENT).items():
            theirs = self._both.hold_alone(Record(Side.QUICKBOOKS, Kind.PAYMENT, name), None, copy).theirs
            if isinstance(theirs, QuickBooksPayment) and theirs.is_credit_link:
                for share in theirs.allocations:
                    if (pair := by_theirs.get(share.invoice_id)) is not None:
                        found[pair.ravetree_id] += share.amount
        for name, raw in self._lists.listed(Kind.PAYMENT).items():
            ours = self._both.hold_alone(Record(Side.RAVETREE, Kind.PAYMENT, name), raw, None).ours
            if isinstance(ours, RavetreePayment) and ours.amount == ZERO and not ours.voided:
                for share in ours.allocations:
                    if share.invoice_id in by_ours:
                        found[share.invoice_id] -= share.amount
        return dict(found)

    def _should_be_there(self, held: SideBySide) -> bool:
        """Whether a document of Ravetree that has no partner is one that the sync is about."""
        ours, connection = held.ours, self._books.connection
        waiting = self._waiting(held.names)
        if waiting is not None and waiting.state in pending.ATTENTION:
            return True
        since = connection.invoices_since if held.kind is Kind.INVOICE else connection.estimates_since
        if not isinstance(ours, RavetreeInvoice | RavetreeEstimate) or since is None or ours.created_at < since:
            return False
        if isinstance(ours, RavetreeInvoice):
            held_back = connection.draft_policy == WHEN_SENT and not (ours.sent or ours.marked_paid)
            if ours.void or held_back:
                return False
        return bool(ours.lines) and not self._was_left_alone(held)

    def _payments_alone(self, paired: dict[tuple[Kind, Side], set[str]]) -> Iterator[SideBySide]:
        """Money on a paired invoice that stands on one side only."""
        with self._books.reading() as session:
            held_by_marks = {pair.quickbooks_id for pair in pairs.every(session, self._books.id, pairs.PLACEHOLDER)}
        known_ours = paired.get((Kind.PAYMENT, Side.RAVETREE), set())
        known_theirs = paired.get((Kind.PAYMENT, Side.QUICKBOOKS), set()) | held_by_marks
        for name, raw in self._lists.listed(Kind.PAYMENT).items():
            if name not in known_ours:
                held = self._both.hold_alone(Record(Side.RAVETREE, Kind.PAYMENT, name), raw, None)
                ours = held.ours
                if (
                    isinstance(ours, RavetreePayment)
                    and ours.amount
                    and not ours.voided
                    and self._lists.known_invoices([ours])
                ):
                    yield held
        for name, copy in self._lists.copies(Kind.PAYMENT).items():
            if name not in known_theirs and not copy.deleted:
                held = self._both.hold_alone(Record(Side.QUICKBOOKS, Kind.PAYMENT, name), None, copy)
                theirs = held.theirs
                if not isinstance(theirs, QuickBooksPayment) or theirs.voided or theirs.is_credit_link:
                    continue
                if self._lists.known_invoices([theirs]) and not marked_placeholder(theirs.note):
                    yield held

    def _was_left_alone(self, held: SideBySide) -> bool:
        """Whether the rules, or a person, left it out on purpose the last time."""
        with self._books.reading() as session:
            last = steps.last(session, self._books.id, held.names)
            apart = decisions.taken_apart(session, self._books.id, held.names)
        return bool(apart) or (last is not None and last.what == "ignored")


def spell_answer(row: LastingAnswer) -> str:
    """Who left something as it is, when and why."""
    note = f": {row.note}" if row.note else ""
    return f"Left as it is by {row.said_by or 'a person'} on {row.said_at:%Y-%m-%d}{note}."


def _named(subject: str) -> Record:
    side, kind, name = subject.split(":", 2)
    return Record(Side(side), Kind(kind), name)
