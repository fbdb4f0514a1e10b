"""Brings one payment into agreement: gather, plan, write, until nothing is left to do."""

from dataclasses import replace
from typing import Any

from clients.errors import Missing, Moved, Refused
from clients.quickbooks.faults import DepositedPayment
from reconcile import payments as rules
from reconcile.documents import LINK, PUSH, UNLINK
from reconcile.markers import external_id, marked_payment, marked_placeholder
from reconcile.model import (
    ZERO,
    Adopt,
    Attention,
    Gone,
    Kind,
    PaymentContent,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
    Write,
)
from reconcile.payments import KnownInvoice, PaymentBase, PaymentCase
from schemas import ids, quickbooks, ravetree
from schemas.quickbooks import Body
from storage import connections, pairs, pending
from storage.models import Copy, Pair
from sync.books import Books, base_of
from sync.outcomes import MAX_ROUNDS, Agreed, NeedsAttention, Outcome, Waits, does_not_settle, switched_off
from sync.writes.journal import Request


class PaymentWork:
    """The work on one payment, named by its Ravetree id, or by QuickBooks' alone if it has no pair."""

    def __init__(self, books: Books, subject: Record) -> None:
        self._books = books
        self._subject = subject
        self._raw: Body = {}
        self._copy: Copy | None = None
        self._invoices: tuple[KnownInvoice, ...] = ()
        self._decision = ""

    def run(self) -> Outcome:
        """Plan and write until the sides agree or somebody else has to act."""
        if (refusal := self.carry_out_decision()) is not None:
            return NeedsAttention(refusal)
        self._know_placeholder_again()
        outcome = self._work_through()
        if isinstance(outcome, Agreed) and self._decision and not outcome.ignored:
            self._books.use_up({self._subject, *self._books.handling})
        return outcome

    def _work_through(self) -> Outcome:
        for _ in range(MAX_ROUNDS):
            case = self._gather()
            if self._books.connection.invoices_since is None and (case.base is not None or case.invoices):
                # Payments are a matter of their invoices.
                return switched_off(Kind.INVOICE)
            plan = rules.plan(case)
            if plan.unpair:
                self._unpair()
                continue
            if plan.adopt:
                self._adopt(plan.adopt)
                continue
            if plan.writes:
                self._write(plan.writes[0])
                continue
            if plan.look_at:
                self._books.look_at(plan.look_at)
            if plan.attention:
                if self._refresh_once():
                    continue
                return NeedsAttention(plan.attention)
            if plan.waits_for:
                return Waits(plan.waits_for)
            self._free_twins(case)
            return Agreed(plan.ignored)
        return does_not_settle(f"Payment {self._subject.id}")

    # --- what a person decided -------------------------------------------------------------------

    def carry_out_decision(self) -> Attention | None:
        """Take apart or tie together, before the first plan; what cannot be done is said to a person."""
        found = self._books.decided({self._subject, *self._books.handling})
        if found is None:
            return None
        if found.decision == UNLINK:
            self._forget_pair()
        elif found.decision == PUSH:
            self._books.use_up({self._subject, *self._books.handling})
        elif found.decision == LINK:
            return self._link(found.target)
        return None

    def _know_placeholder_again(self) -> None:
        """A placeholder on an invoice that was taken apart and tied again: by its note it belongs to it."""
        if self._subject.side is not Side.QUICKBOOKS:
            return
        theirs, _ = self._books.quickbooks_payment(self._subject.id)
        if not isinstance(theirs, QuickBooksPayment) or theirs.voided:
            return
        invoice_id = marked_placeholder(theirs.note) or ""
        pair = self._books.pair(Kind.INVOICE, Side.RAVETREE, invoice_id)
        if pair is None or self._books.pair(pairs.PLACEHOLDER, Side.RAVETREE, invoice_id) is not None:
            return
        if [allocation.invoice_id for allocation in theirs.allocations] != [pair.quickbooks_id]:
            return
        with self._books.writing() as session:
            now = self._books.now()
            pairs.store(session, self._books.id, pairs.PLACEHOLDER, invoice_id, theirs.id, now)
            pending.note(session, self._books.id, Record(Side.RAVETREE, Kind.INVOICE, invoice_id), now)

    def _forget_pair(self) -> None:
        with self._books.writing() as session:
            pairs.remove(session, self._books.id, Kind.PAYMENT, self._subject.id)

    def _link(self, quickbooks_id: str) -> Attention | None:
        """Tie it to the payment that a person named, as both are now."""
        theirs = Record(Side.QUICKBOOKS, Kind.PAYMENT, quickbooks_id)
        self._books.refresh([theirs])
        found, _ = self._books.quickbooks_payment(quickbooks_id)
        ours, _ = self._books.ravetree_payment(self._subject.id)
        holder = self._books.pair(Kind.PAYMENT, Side.QUICKBOOKS, quickbooks_id)
        taken = holder is not None and holder.ravetree_id != self._subject.id
        live = (
            isinstance(found, QuickBooksPayment)
            and isinstance(ours, RavetreePayment)
            and not found.voided
            and not ours.voided
            and found.currency == ours.currency
        )
        if taken or not live:
            why = "belongs to another payment" if taken else "is void, deleted or in another currency"
            return Attention(
                "parked",
                "link_not_possible",
                f"The payment cannot be linked: QuickBooks' Id {quickbooks_id}, or Ravetree's own, {why}.",
                "Choose another one, or decide `unlink`.",
            )
        adopt = Adopt(self._subject.id, quickbooks_id)
        self._forget_pair()
        self._adopt(adopt)
        self._books.use_up({self._subject, theirs, *self._books.handling})
        return None

    # --- gathering -------------------------------------------------------------------------------

    def _gather(self) -> PaymentCase:
        books = self._books
        pair = books.pair(Kind.PAYMENT, self._subject.side, self._subject.id)
        ours: RavetreePayment | Gone | None = None
        theirs: QuickBooksPayment | Gone | None = None
        self._raw, self._copy = {}, None
        ravetree_id = pair.ravetree_id if pair else self._own_id(Side.RAVETREE)
        quickbooks_id = pair.quickbooks_id if pair else self._own_id(Side.QUICKBOOKS)
        if ravetree_id is not None:
            ours, self._raw = books.ravetree_payment(ravetree_id)
        if quickbooks_id is not None:
            theirs, self._copy = books.quickbooks_payment(quickbooks_id)
        base = self._base(pair)
        self._invoices = self._known_invoices(ours, theirs, base)
        self._decision = self._decided()
        with books.reading() as session:
            methods = connections.mappings(session, books.id, "payment_method")
            deposit_accounts = connections.mappings(session, books.id, "deposit_account")
        return PaymentCase(
            ravetree=ours,
            quickbooks=theirs,
            base=base,
            invoices=self._invoices,
            coming=self._coming(ours),
            client_customer_id=self._customer_of(ours),
            twins=self._twins(ours, theirs, base),
            decision=self._decision,
            marked_twin=self._marked_twin(theirs, base),
            marked_copy_id=self._marked_copy(ours, base),
            methods=methods,
            deposit_accounts=deposit_accounts,
            installation=books.installation,
        )

    def _own_id(self, side: Side) -> str | None:
        return self._subject.id if self._subject.side is side else None

    def _decided(self) -> str:
        found = self._books.decided({self._subject, *self._books.handling})
        return found.decision if found else ""

    def _base(self, pair: Pair | None) -> PaymentBase | None:
        bodies = base_of(pair) if pair is not None else None
        if bodies is None:
            return None
        return PaymentBase(
            ravetree.load_payment(bodies[0]), quickbooks.load_payment(bodies[1], self._books.home_currency)
        )

    def _known_invoices(
        self,
        ours: RavetreePayment | Gone | None,
        theirs: QuickBooksPayment | Gone | None,
        base: PaymentBase | None,
    ) -> tuple[KnownInvoice, ...]:
        """The paired invoices that either side names now or named at the base."""
        mine = [p for p in (ours, base.ravetree if base else None) if isinstance(p, RavetreePayment)]
        other = [p for p in (theirs, base.quickbooks if base else None) if isinstance(p, QuickBooksPayment)]
        found = self._books.pairs_among(
            Kind.INVOICE, Side.RAVETREE, {a.invoice_id for p in mine for a in p.allocations}
        ) + self._books.pairs_among(Kind.INVOICE, Side.QUICKBOOKS, {a.invoice_id for p in other for a in p.allocations})
        known = {pair.ravetree_id: self._known_invoice(pair) for pair in found}
        return tuple(invoice for _, invoice in sorted(known.items()) if invoice is not None)

    def _known_invoice(self, pair: Pair) -> KnownInvoice | None:
        remote, _ = self._books.quickbooks_invoice(pair.quickbooks_id)
        if not isinstance(remote, QuickBooksInvoice):
            # Deleted there, and yet both sides know it: as a stranger its share would count as other money.
            if not pair.base_quickbooks:
                return None
            remote = replace(quickbooks.load_invoice(pair.base_quickbooks, self._books.home_currency), balance=ZERO)
        placeholder, _ = self._books.placeholder_of(pair.ravetree_id)
        client_id, marked_open, open_here = pair.base_ravetree["client_id"], ZERO, ZERO
        invoice, _ = self._books.ravetree_invoice(pair.ravetree_id)
        if isinstance(invoice, RavetreeInvoice) and not invoice.void:
            open_here = invoice.balance
            if isinstance(placeholder, QuickBooksPayment) and invoice.marked_paid:
                marked_open = invoice.balance
        return KnownInvoice(
            ravetree_id=pair.ravetree_id,
            quickbooks_id=pair.quickbooks_id,
            number=pair.base_ravetree["number"],
            client_id=client_id,
            quickbooks=remote,
            placeholder=placeholder if isinstance(placeholder, QuickBooksPayment) else None,
            marked_open=marked_open,
            open_here=open_here,
        )

    def _coming(self, ours: RavetreePayment | Gone | None) -> tuple[Record, ...]:
        """Invoices of a Ravetree payment that have no pair yet and are going to have one."""
        if not isinstance(ours, RavetreePayment) or ours.voided:
            return ()
        known = {invoice.ravetree_id for invoice in self._invoices}
        since = self._books.connection.invoices_since
        coming = []
        for allocation in ours.allocations:
            if allocation.invoice_id in known or self._books.pair(Kind.INVOICE, Side.RAVETREE, allocation.invoice_id):
                continue
            invoice, _ = self._books.ravetree_invoice(allocation.invoice_id)
            said = self._books.decided([Record(Side.RAVETREE, Kind.INVOICE, allocation.invoice_id)])
            if said is not None and said.decision == UNLINK:
                continue
            if isinstance(invoice, RavetreeInvoice) and not invoice.void and since and invoice.created_at >= since:
                coming.append(Record(Side.RAVETREE, Kind.INVOICE, invoice.id))
        return tuple(coming)

    def _customer_of(self, ours: RavetreePayment | Gone | None) -> str | None:
        if not isinstance(ours, RavetreePayment):
            return None
        link = self._books.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
        return link.quickbooks_id if link else None

    def _marked_twin(
        self, theirs: QuickBooksPayment | Gone | None, base: PaymentBase | None
    ) -> RavetreePayment | Gone | None:
        """The Ravetree payment that an unpaired QuickBooks payment's note names, if that has no pair either."""
        name = marked_payment(theirs.note) if isinstance(theirs, QuickBooksPayment) and base is None else None
        if name is None or self._books.pair(Kind.PAYMENT, Side.RAVETREE, name) is not None:
            return None
        return self._books.ravetree_payment(name)[0]

    def _marked_copy(self, ours: RavetreePayment | Gone | None, base: PaymentBase | None) -> str | None:
        """The QuickBooks payment without a pair whose note names this Ravetree payment, or that it was copied from."""
        if base is not None or not isinstance(ours, RavetreePayment):
            return None
        origin = self._origin_of(ours)
        if origin is not None:
            return origin
        for candidate in self._unpaired_copies():
            if marked_payment(candidate.note) == ours.id and not candidate.voided:
                return candidate.id
        return self._books.marked("payment", ours.id) if self._books.may_be_forgotten(self._raw) else None

    def _origin_of(self, ours: RavetreePayment) -> str | None:
        """The QuickBooks payment that `ours` is our copy of, known before the answer to our write is."""
        own, prefix = ours.external_id or "", self._external_id("")
        name = own.removeprefix(prefix)
        if not own.startswith(prefix) or not name:
            return None
        if self._books.pair(Kind.PAYMENT, Side.QUICKBOOKS, name) is not None:
            return None
        copy = self._books.quickbooks_payment(name)[1]
        return name if copy is not None and not copy.deleted else None

    # --- one receipt typed twice -----------------------------------------------------------------

    def _twins(
        self,
        ours: RavetreePayment | Gone | None,
        theirs: QuickBooksPayment | Gone | None,
        base: PaymentBase | None,
    ) -> tuple[RavetreePayment | QuickBooksPayment, ...]:
        if base is not None:
            return ()
        if isinstance(theirs, QuickBooksPayment):
            return tuple(p for p in self._ravetree_candidates(theirs) if rules.same_receipt(p, theirs, self._invoices))
        if isinstance(ours, RavetreePayment):
            return tuple(p for p in self._quickbooks_candidates() if rules.same_receipt(ours, p, self._invoices))
        return ()

    def _ravetree_candidates(self, theirs: QuickBooksPayment) -> list[RavetreePayment]:
        """Ravetree's payments on these invoices that QuickBooks got from nobody, or got after it had this one."""
        found = []
        for invoice in self._invoices:
            for row in self._books.neighbours.ravetree.payments_of(invoice.ravetree_id):
                pair = self._books.pair(Kind.PAYMENT, Side.RAVETREE, row["id"])
                candidate = ravetree.load_payment(row)
                if candidate.external_id == self._external_id(theirs.id):
                    continue
                if pair is None or self._copied_later(pair, theirs):
                    found.append(candidate)
        return found

    def _copied_later(self, pair: Pair, theirs: QuickBooksPayment) -> bool:
        if not pair.base_quickbooks or not marked_payment(str(pair.base_quickbooks.get("PrivateNote", ""))):
            return False
        return quickbooks.load_payment(pair.base_quickbooks, self._books.home_currency).created_at >= theirs.created_at

    def _quickbooks_candidates(self) -> list[QuickBooksPayment]:
        """QuickBooks' payments on these invoices that Ravetree does not know and that we did not write."""
        return [
            payment
            for payment in self._unpaired_copies()
            if not marked_placeholder(payment.note) and marked_payment(payment.note) is None
        ]

    def _unpaired_copies(self) -> list[QuickBooksPayment]:
        seen = [
            copy
            for invoice in self._invoices
            for copy in self._books.payments_on(invoice.quickbooks_id)
            if self._books.pair(Kind.PAYMENT, Side.QUICKBOOKS, copy.record_id) is None
        ]
        return [quickbooks.load_payment(copy.body, self._books.home_currency) for copy in seen]

    def _free_twins(self, case: PaymentCase) -> None:
        """A payment that is gone answers the question whether it was one or two."""
        gone = [p for p in (case.ravetree, case.quickbooks) if isinstance(p, Gone) or (p is not None and p.voided)]
        if gone:
            with self._books.writing() as session:
                pending.reconsider_code(session, self._books.id, "one_or_two_payments", self._books.now())

    # --- freshness -------------------------------------------------------------------------------

    def _refresh_once(self) -> bool:
        """Before a person is asked, look whether QuickBooks still says what we think it says."""
        names = {Record(Side.QUICKBOOKS, Kind.INVOICE, invoice.quickbooks_id) for invoice in self._invoices}
        if self._copy is not None:
            names.add(Record(Side.QUICKBOOKS, Kind.PAYMENT, self._copy.record_id))
        # A payment on these invoices that no event has spoken of yet may be the same receipt.
        linked = {name for invoice in self._invoices for name in invoice.quickbooks.payment_ids}
        records = {Record(Side.QUICKBOOKS, Kind.PAYMENT, name) for name in linked}
        names |= {record for record in records if self._books.copy(record) is None}
        old = {name for name in names if name not in self._books.fresh}
        self._books.refresh(old)
        return bool(old)

    # --- writing ---------------------------------------------------------------------------------

    def _adopt(self, adopt: Adopt) -> None:
        _, ours = self._books.ravetree_payment(adopt.ravetree_id)
        _, copy = self._books.quickbooks_payment(adopt.quickbooks_id)
        holder = self._books.pair(pairs.PLACEHOLDER, Side.QUICKBOOKS, adopt.quickbooks_id)
        with self._books.writing() as session:
            if holder is not None:
                pairs.remove(session, self._books.id, pairs.PLACEHOLDER, holder.ravetree_id)
            pairs.store(
                session,
                self._books.id,
                Kind.PAYMENT,
                adopt.ravetree_id,
                adopt.quickbooks_id,
                self._books.now(),
                base_ravetree=ours,
                base_quickbooks=copy.body if copy else {},
            )
            names = [
                Record(Side.RAVETREE, Kind.PAYMENT, adopt.ravetree_id),
                Record(Side.QUICKBOOKS, Kind.PAYMENT, adopt.quickbooks_id),
            ]
            # The one that waited for a person under its own name alone is answered with it.
            others = [name for name in names if name not in self._books.handling]
            others += [Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id) for invoice in self._invoices]
            pending.reconsider_records(session, self._books.id, others, self._books.now())

    def _unpair(self) -> None:
        """A person wants the side that still has it to be copied anew: the other one is gone for good."""
        pair = self._books.pair(Kind.PAYMENT, self._subject.side, self._subject.id)
        if pair is not None:
            with self._books.writing() as session:
                pairs.remove(session, self._books.id, Kind.PAYMENT, pair.ravetree_id)
            self._books.look_at(
                [
                    Record(Side.RAVETREE, Kind.PAYMENT, pair.ravetree_id),
                    Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id),
                ]
            )
        self._use_up_decision()

    def _use_up_decision(self) -> None:
        if self._decision in tuple(Side):
            self._books.use_up({self._subject, *self._books.handling})

    def _write(self, write: Write) -> None:
        if self._is_locked(write):
            if self._refresh_once():
                return
            raise DepositedPayment("the payment is deposited in QuickBooks and locked")
        try:
            self._books.write(self.request(write))
            self._use_up_decision()
        except (Moved, Missing, Refused) as error:
            before = self._state()
            self._refresh_once()
            if not isinstance(error, Moved) and self._state() == before:
                raise
            if self._state() == before:
                # QuickBooks says that it moved, yet what we read is the same: wait for it to be visible.
                self._books.fresh.clear()

    def _is_locked(self, write: Write) -> bool:
        """Whether QuickBooks would refuse it, as far as we know: nobody changes a payment that is deposited."""
        if write.side is not Side.QUICKBOOKS or write.action not in ("payment.update", "payment.delete"):
            return False
        now = self._copy.body if self._copy is not None else {}
        return quickbooks.load_payment(now, self._books.home_currency).deposited

    def _state(self) -> list[tuple[int, bool] | None]:
        names = [Record(Side.QUICKBOOKS, Kind.INVOICE, invoice.quickbooks_id) for invoice in self._invoices]
        if self._copy is not None:
            names.append(Record(Side.QUICKBOOKS, Kind.PAYMENT, self._copy.record_id))
        found = [self._books.copy(name) for name in names]
        return [(copy.version, copy.deleted) if copy else None for copy in found]

    def request(self, write: Write) -> Request:
        """The write, ready for the journal."""
        context = self._context()
        if write.side is Side.RAVETREE:
            return self._ravetree_request(write, context)
        if write.action == "payment.delete":
            path, body = "payment?operation=delete", quickbooks.identity_body(self._body())
        elif isinstance(write.content, PaymentContent):
            now = None
            if write.action == "payment.update":
                now = self._body()
            elif write.action == "payment.take_placeholder":
                now = self._placeholder_body(write, context)
            path, body = "payment", quickbooks.payment_body(write.content, now)
        else:
            raise ValueError(f"{write.action} needs content")
        return Request(self._subject, write.side, write.action, path, body, "POST", context)

    def _ravetree_request(self, write: Write, context: dict[str, Any]) -> Request:
        context["if_match"] = write.version
        context["ravetree_id"] = write.record_id
        context["base_quickbooks"] = self._body()
        context["quickbooks_id"] = self._body()["Id"]
        path = ids.path("payments", *([write.record_id] if write.record_id else []))
        if write.action == "payment.delete":
            return Request(self._subject, write.side, write.action, path, {}, "DELETE", context)
        if not isinstance(write.content, PaymentContent):
            raise ValueError(f"{write.action} needs content")
        if write.action == "payment.create":
            body = ravetree.payment_body(write.content, self._external_id(self._body()["Id"]))
            return Request(self._subject, write.side, write.action, path, body, "POST", context)
        body = ravetree.payment_body(write.content)
        return Request(self._subject, write.side, write.action, path, body, "PATCH", context)

    def _context(self) -> dict[str, Any]:
        return {
            "ravetree_id": self._raw.get("id") or self._own_id(Side.RAVETREE),
            "base_ravetree": self._raw,
            "touches": sorted(invoice.quickbooks_id for invoice in self._invoices),
            "ravetree_invoices": sorted(invoice.ravetree_id for invoice in self._invoices),
        }

    def _body(self) -> Body:
        if self._copy is None:
            raise ValueError("this write needs our copy of QuickBooks' payment")
        return self._copy.body

    def _placeholder_body(self, write: Write, context: dict[str, Any]) -> Body:
        for invoice in self._invoices:
            if invoice.placeholder is not None and invoice.placeholder.id == write.record_id:
                context["placeholder_of"] = invoice.ravetree_id
                _, copy = self._books.placeholder_of(invoice.ravetree_id)
                if copy is not None:
                    return copy.body
        raise ValueError("the placeholder's copy is missing")

    def _external_id(self, quickbooks_id: str) -> str:
        return external_id(self._books.connection.realm_id, Kind.PAYMENT, quickbooks_id)
