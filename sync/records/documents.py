"""What the work on invoices and on estimates has in common: gather, plan, write, until nothing is left to do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from clients.errors import Missing, Moved
from clients.quickbooks.faults import DuplicateNumber, Likeness, StaleReference
from reconcile.documents import ADOPT, LEAVE, LINK, PUSH, UNLINK
from reconcile.model import (
    Attention,
    Gone,
    Kind,
    Plan,
    QuickBooksEstimate,
    QuickBooksInvoice,
    RavetreeEstimate,
    RavetreeInvoice,
    Record,
    Side,
    Write,
    money,
)
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import connections, journal, pairs, pending
from storage.models import Copy
from sync.books import ENTITIES, Books, base_of
from sync.outcomes import MAX_ROUNDS, Agreed, NeedsAttention, Outcome, Waits, does_not_settle, switched_off
from sync.records import mapped_items
from sync.records.customers import customer_for
from sync.writes.journal import Request

_LASTING = (LEAVE, UNLINK)
"""Decisions that stay for as long as nothing is to be done because of them."""


@dataclass(frozen=True)
class Partner:
    """What stands behind a document: both bodies of its base, its lines' ids, and our copy of its partner."""

    base: tuple[Body, Body] | None = None
    line_ids: Mapping[str, str] = field(default_factory=dict)
    copy: Copy | None = None


class DocumentWork(ABC):
    """The work on one document, named by its Ravetree id, or by QuickBooks' alone if it has no pair."""

    KIND: ClassVar[Kind]

    def __init__(self, books: Books, subject: Record, requested: bool) -> None:
        self._books = books
        self._subject = subject
        self._requested = requested
        self._raw: Body = {}
        self._copy: Copy | None = None
        self._decision = ""

    def run(self) -> Outcome:
        """Plan and write until the sides agree or somebody else has to act."""
        if self._subject.side is Side.QUICKBOOKS:
            return Agreed(ignored="made in QuickBooks")
        paired = self._books.pair(self.KIND, Side.RAVETREE, self._subject.id) is not None
        if paired and self._since() is None and not self._requested:
            return switched_off(self.KIND)
        if (refusal := self.carry_out_decision()) is not None:
            return NeedsAttention(refusal)
        outcome = self._work_through()
        if isinstance(outcome, Agreed) and self._decision and not (outcome.ignored and self._decision in _LASTING):
            self._use_up_decision()
        return outcome

    def _work_through(self) -> Outcome:
        for _ in range(MAX_ROUNDS):
            plan = self.next_plan()
            if self._must_read_first(plan):
                # Never write to, or stop because of, what we know to be out of date.
                self._refresh()
                continue
            if plan.writes:
                if not self._take_over(plan):
                    self._write(plan.writes[0])
                continue
            if plan.look_at:
                self._books.look_at(plan.look_at, must_read=True)
            if plan.attention:
                if self._refresh_once():
                    continue
                return NeedsAttention(plan.attention)
            if plan.waits_for:
                return Waits(plan.waits_for)
            return Agreed(plan.ignored)
        return does_not_settle(f"{self.KIND.capitalize()} {self._subject.id}")

    def _customer_id(self) -> str | None:
        """The customer that the document's client is linked to."""
        ours = self._load_own(self._raw)
        link = self._books.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
        return link.quickbooks_id if link is not None else None

    # --- what each kind of document says for itself ------------------------------------------------

    @abstractmethod
    def next_plan(self) -> Plan:
        """Gather both sides and plan the next step. It reads, and writes to neither side."""

    @abstractmethod
    def _must_read_first(self, plan: Plan) -> bool:
        """Whether our copy is known to be too old for this plan."""

    @abstractmethod
    def request(self, write: Write) -> Request:
        """The write, ready for the journal."""

    @abstractmethod
    def _load(self, raw: Body) -> QuickBooksInvoice | QuickBooksEstimate: ...

    @abstractmethod
    def _load_own(self, raw: Body) -> RavetreeInvoice | RavetreeEstimate: ...

    @abstractmethod
    def _since(self) -> datetime | None:
        """When this kind was switched on."""

    # --- what a person decided -------------------------------------------------------------------

    def carry_out_decision(self) -> Attention | None:
        """Take apart, link or write anew, before the first plan; what cannot be done is said to a person."""
        found = self._books.decided({self._subject, *self._books.handling})
        self._decision = found.decision if found else ""
        if found is None:
            return None
        if self._decision == UNLINK:
            self._forget_pair()
        elif self._decision == PUSH:
            self._requested = True
            if self._is_deleted_there():
                self._forget_pair()
        elif self._decision == LINK:
            return self._link(found.target)
        return None

    def _is_deleted_there(self) -> bool:
        pair = self._books.pair(self.KIND, Side.RAVETREE, self._subject.id)
        if pair is None:
            return False
        copy = self._books.copy_or_read(Record(Side.QUICKBOOKS, self.KIND, pair.quickbooks_id))
        return copy is not None and copy.deleted

    def _forget_pair(self) -> None:
        with self._books.writing() as session:
            pairs.remove(session, self._books.id, self.KIND, self._subject.id)
            pairs.remove(session, self._books.id, pairs.PLACEHOLDER, self._subject.id)

    def _link(self, quickbooks_id: str) -> Attention | None:
        """Tie it to the record that a person named: Ravetree's content is written to that one next."""
        found = self._books.neighbours.quickbooks.by_ids(ENTITIES[self.KIND], [quickbooks_id])
        holder = self._books.pair(self.KIND, Side.QUICKBOOKS, quickbooks_id)
        taken = holder is not None and holder.ravetree_id != self._subject.id
        if not found or taken or quickbooks.is_void(found[0]):
            why = "is not there" if not found else "belongs to another document" if taken else "is void"
            return Attention(
                "parked",
                "link_not_possible",
                f"{self.KIND.capitalize()} {self._subject.id} cannot be linked: QuickBooks' Id {quickbooks_id} {why}.",
                "Choose another one, or decide `push`.",
            )
        self._raw = self._books.ravetree_body(self.KIND, self._subject.id) or {}
        self._forget_pair()
        self._adopt(found[0])
        self._use_up_decision()
        return None

    def _use_up_decision(self) -> None:
        self._decision = ""
        self._books.use_up({self._subject, *self._books.handling})

    # --- gathering -------------------------------------------------------------------------------

    def _partner(self) -> Partner:
        """The document's partner in QuickBooks, read first if we have no copy of it."""
        pair = self._books.pair(self.KIND, Side.RAVETREE, self._subject.id)
        if pair is None:
            return Partner()
        found = self._books.copy_or_read(Record(Side.QUICKBOOKS, self.KIND, pair.quickbooks_id))
        return Partner(base_of(pair), dict(pair.line_ids), found)

    def _taken_over(self, raw: Body) -> tuple[tuple[Body, Body], dict[str, str]]:
        """The base of a document that is tied to one that stood in QuickBooks already, and its lines by place."""
        lines = [line for line in raw.get("Line", []) if line.get("DetailType") == "SalesItemLineDetail"]
        keys = [line["id"] for line in self._raw.get("lines", [])]
        line_ids = {key: str(line["Id"]) for key, line in zip(keys, lines, strict=False)}
        # Ravetree's content was not written to it yet: the next plan does that, keeping its lines.
        return (self._raw | {"lines": []}, raw), line_ids

    def _references(
        self, document: RavetreeInvoice | RavetreeEstimate | Gone, owned_before: tuple[Any, ...] | None
    ) -> dict[str, Any]:
        """What the case needs to spell Ravetree's words in QuickBooks' references."""
        books = self._books
        with books.reading() as session:
            items = connections.mappings(session, books.id, "line_type")
            tax_codes = connections.mappings(session, books.id, "tax_rate")
        customer, email = self._customer(document, owned_before)
        return {
            "customer": customer,
            "customer_email": email,
            "items": items,
            "tax_codes": tax_codes,
            "us_company": books.connection.country == "US",
            "since": self._since(),
            "requested": self._requested,
            "decision": self._decision,
        }

    def _customer(
        self, document: RavetreeInvoice | RavetreeEstimate | Gone, owned_before: tuple[Any, ...] | None
    ) -> tuple[str | Attention | None, str]:
        """Only asked for when content is going to be written: it may read QuickBooks and create the customer."""
        if isinstance(document, Gone) or not document.lines or self._decision == UNLINK:
            return None, ""
        if owned_before is not None and document.owned() == owned_before:
            return None, ""
        since = self._since()
        if owned_before is None and not self._requested and (since is None or document.created_at < since):
            return None, ""
        return customer_for(self._books, document.client_id, document.currency)

    # --- freshness -------------------------------------------------------------------------------

    def _remote_record(self) -> Record | None:
        return None if self._copy is None else Record(Side.QUICKBOOKS, self.KIND, self._copy.record_id)

    def _refresh(self) -> None:
        if (record := self._remote_record()) is not None:
            self._books.refresh([record])

    def _refresh_once(self) -> bool:
        """Before a person is asked, look whether QuickBooks still says what we think it says."""
        record = self._remote_record()
        if record is None or record in self._books.fresh:
            return False
        self._refresh()
        return True

    def _refresh_all(self) -> None:
        """Read again all that this work writes to."""
        self._refresh()

    def _state(self) -> list[tuple[int, bool]]:
        """Which versions we hold of all that this work writes to."""
        record = self._remote_record()
        copy = self._books.copy(record) if record is not None else None
        return [(copy.version, copy.deleted)] if copy is not None else []

    # --- writing ---------------------------------------------------------------------------------

    def _write(self, write: Write) -> None:
        request = self.request(write)
        try:
            self._books.write(request)
        except Moved:
            self._refresh_all()
        except (Missing, StaleReference) as error:
            before = self._state()
            self._refresh_all()
            if self._state() == before:
                # Nothing of ours is gone: it is an entry of a list that a person has to see to.
                raise mapped_items.explain(self._books, request, error) from error
        except DuplicateNumber as error:
            if not self._adopt_taken(error):
                raise self._offer(error) from error
        else:
            if self._requested:
                self._books.forget_number(self.KIND, getattr(write.content, "number", ""))
            if self._decision and write.content is not None:
                self._use_up_decision()

    def _unit(self, raw: Body | None = None) -> list[Record]:  # noqa: ARG002 - an estimate has none
        """The payments that come with a document, `raw` in QuickBooks: only an invoice has them."""
        return []

    def _named(self, write: Write, path: str, body: Body, context: Mapping[str, Any], method: str = "POST") -> Request:
        return Request(self._subject, write.side, write.action, path, body, method, context)

    # --- a number that is taken ------------------------------------------------------------------

    def _taken(self, plan: Plan) -> DuplicateNumber | None:
        """Before the button, the back-fill and after a restore: whether QuickBooks checks numbers is a setting."""
        write = plan.writes[0] if plan.writes else None
        if write is None or not write.action.endswith(".create"):
            return None
        if not self._requested and not self._books.may_be_forgotten(self._raw):
            return None
        number = getattr(write.content, "number", "")
        found = self._books.with_number(self.KIND, number)
        if not found:
            return None
        return DuplicateNumber("its number is taken in QuickBooks", code="6140", taken_by=str(found[0]["Id"]))

    def _take_over(self, plan: Plan) -> bool:
        """Take over the document that has the number, if a person said so. Raises the offer if nobody did."""
        error = self._taken(plan)
        if error is None:
            return False
        if not self._adopt_taken(error):
            raise self._offer(error)
        return True

    def _adopt_taken(self, error: DuplicateNumber) -> bool:
        """Take over the document that has the number: what an own write made whose answer was lost, or if told to."""
        if error.taken_by is None or not (self._was_sent_before() or self._decision == ADOPT):
            return False
        found = self._books.neighbours.quickbooks.by_ids(ENTITIES[self.KIND], [error.taken_by])
        if not found or not self._is_same(found[0]):
            return False
        self._adopt(found[0])
        return True

    def _adopt(self, raw: Body) -> None:
        """Make the pair with a document that stood in QuickBooks already."""
        quickbooks_id = str(raw["Id"])
        self._books.keep(self.KIND, {quickbooks_id: raw})
        (ours, theirs), line_ids = self._taken_over(raw)
        unit = self._unit(raw)
        with self._books.writing() as session:
            pairs.store(
                session,
                self._books.id,
                self.KIND,
                self._subject.id,
                quickbooks_id,
                self._books.now(),
                base_ravetree=ours,
                base_quickbooks=theirs,
                line_ids=line_ids,
            )
            for record in unit:
                pending.note(session, self._books.id, record, self._books.now())

    def _was_sent_before(self) -> bool:
        if self._books.may_be_forgotten(self._raw):
            return True
        with self._books.reading() as session:
            return journal.may_have_made(session, self._books.id, str(self._subject), f"{self.KIND}.create")

    def _is_same(self, raw: Body) -> bool:
        theirs, ours = self._load(raw), self._load_own(self._raw)
        return (
            self._books.pair(self.KIND, Side.QUICKBOOKS, theirs.id) is None
            and theirs.customer_id == self._customer_id()
            and theirs.total == ours.total
            and theirs.issue_date == ours.issue_date
            and theirs.currency == ours.currency
        )

    def _offer(self, error: DuplicateNumber) -> DuplicateNumber:
        """The same refusal in words that say whether the other document could be taken over."""
        entity = ENTITIES[self.KIND]
        found = self._books.neighbours.quickbooks.by_ids(entity, [error.taken_by] if error.taken_by else [])
        if not found:
            return error
        same = self._is_same(found[0])
        customer = self._load(found[0]).customer_id == self._customer_id()
        total = money(found[0]["TotalAmt"], found[0].get("CurrencyRef", {}).get("value", self._books.home_currency))
        return DuplicateNumber(
            f"its number is taken in QuickBooks by {self.KIND} Id {error.taken_by} over {total}",
            remedy="It has the same customer, total and date: decide `adopt`, or give one of the two another number."
            if same
            else "Give one of the two another number, then press retry.",
            taken_by=error.taken_by,
            code=error.code,
            detail=error.detail,
            trace=error.trace,
            likeness=Likeness.SAME if same else Likeness.CUSTOMER if customer else Likeness.NONE,
        )


def content_context(raw: Body, write: Write) -> dict[str, Any]:
    """What the settlement of a content write needs: the new base and the keys of the lines in the order sent."""
    lines = getattr(write.content, "lines", ())
    return {"base_ravetree": raw, "line_keys": [line.key for line in lines]}
