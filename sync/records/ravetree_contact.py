"""One contact of Ravetree: linked or taken apart by a person, pushed by the button, merged with another."""

from dataclasses import dataclass

from clients.errors import Moved
from clients.quickbooks.faults import DuplicateName
from reconcile import contacts as rules
from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.model import (
    Attention,
    ContactContent,
    Kind,
    Plan,
    QuickBooksCustomer,
    RavetreeContact,
    Record,
    Side,
    Write,
)
from schemas import quickbooks
from storage.models import Copy, Decided
from sync.books import Books
from sync.jobs import is_advance
from sync.outcomes import Agreed, NeedsAttention, Outcome
from sync.records.customers import active_customer, contact_of, customer_for, link_customer, links_of, take_apart
from sync.records.loop import work_through
from sync.writes.context import Context
from sync.writes.journal import Request


class ContactWork:
    """The work on one contact of Ravetree."""

    def __init__(self, books: Books, subject: Record, *, requested: bool) -> None:
        self._books = books
        self._subject = subject
        self._requested = requested

    def run(self, decided: Decided | None) -> Outcome:
        """Link, take apart or push, as people ask for."""
        contact = contact_of(self._books, self._subject.id)
        if contact is None:
            return Agreed("deleted in Ravetree")
        if contact.merged_into is not None:
            return self._merged(contact, contact.merged_into)
        currency = contact.currency or self._books.home_currency
        if decided is not None and decided.decision == Decision.UNLINK:
            return take_apart(self._books, self._subject, links_of(self._books, self._subject))
        if decided is not None and decided.decision == Decision.LINK:
            return self._link(contact, currency, decided.target)
        if not self._requested:
            linked = links_of(self._books, self._subject)
            return Agreed(
                "goes to QuickBooks by the button, or with a document", rules.notices(contact) if linked else ()
            )
        customer, _ = customer_for(self._books, contact.id, currency)
        if isinstance(customer, Attention):
            return NeedsAttention(customer)
        outcome = work_through(CustomerPush(self._books, self._subject, contact, customer))
        if isinstance(outcome, Agreed):
            self._bring_advances()
        return outcome

    def _bring_advances(self) -> None:
        """The client's money that is on no invoice comes along: what is older than the switch-on by no other way."""
        if self._books.connection.invoices_since is None:
            return
        rows = self._books.neighbours.ravetree.payments_by(self._subject.id)
        names = [str(row["id"]) for row in rows if is_advance(row)]
        paired = {pair.ravetree_id for pair in self._books.pairs_among(Kind.PAYMENT, Side.RAVETREE, names)}
        missing = [Record(Side.RAVETREE, Kind.PAYMENT, name) for name in names if name not in paired]
        if missing:
            self._books.look_at(missing, requested=True)

    def _link(self, contact: RavetreeContact, currency: str, customer_id: str) -> Outcome:
        customer = active_customer(self._books, contact, customer_id)
        if isinstance(customer, Attention):
            return NeedsAttention(customer)
        link_customer(self._books, contact.id, customer.currency or currency, customer_id)
        self._books.use_up([self._subject])
        return Agreed()

    def _merged(self, contact: RavetreeContact, survivor: str) -> Outcome:
        """The surviving contact takes over the links; one that has a customer of its own needs a person."""
        for pair in links_of(self._books, self._subject):
            other = self._books.pair(Kind.CONTACT, Side.RAVETREE, survivor, pair.currency)
            if other is None:
                link_customer(self._books, survivor, pair.currency, pair.quickbooks_id)
            elif other.quickbooks_id != pair.quickbooks_id:
                return NeedsAttention(
                    Attention(
                        "parked",
                        "merged_apart",
                        f"Client {contact.name} was merged in Ravetree, but QuickBooks has two customers for it.",
                        "Merge the two customers in QuickBooks too.",
                    )
                )
        return Agreed()


@dataclass(frozen=True)
class SeenCustomer:
    """The customer of a contact as it is now, with our copy of it, or why it cannot be used."""

    customer: QuickBooksCustomer | Attention
    copy: Copy | None
    asked_with: frozenset[Record] = frozenset()


class CustomerPush:
    """The button on a contact: its content is written to the customer that it is linked to."""

    looks_afresh = False

    def __init__(self, books: Books, subject: Record, contact: RavetreeContact, customer_id: str) -> None:
        self.books = books
        self._subject = subject
        self._contact = contact
        self._record = Record(Side.QUICKBOOKS, Kind.CONTACT, customer_id)

    @property
    def name(self) -> str:
        """`Client Aster`."""
        return f"Client {self._contact.name}"

    def gather(self) -> SeenCustomer:
        """The customer as it is now."""
        customer = active_customer(self.books, self._contact, self._record.id)
        return SeenCustomer(customer, self.books.quickbooks.copy(self._record))

    def plan(self, seen: SeenCustomer) -> Plan:
        """Write what differs."""
        if isinstance(seen.customer, Attention):
            return Plan(attention=seen.customer)
        content = rules.pushed(self._contact, seen.customer)
        if content is None or seen.copy is None:
            return Plan(notices=rules.notices(self._contact))
        return Plan(writes=(Write(Side.QUICKBOOKS, Action.CUSTOMER_UPDATE, self._record.id, content=content),))

    def reads_first(self, seen: SeenCustomer, plan: Plan) -> bool:  # noqa: ARG002 - what others need
        """It has just been read."""
        return False

    def ties(self, seen: SeenCustomer, plan: Plan) -> bool:  # noqa: ARG002
        """It is linked."""
        return False

    def write(self, seen: SeenCustomer, write: Write) -> Outcome | None:
        """Send the content; a name that somebody else has needs a person."""
        if not isinstance(write.content, ContactContent) or isinstance(seen.customer, Attention) or seen.copy is None:
            raise TypeError("a customer is written with its content and our copy")
        request = Request(
            subject=self._subject,
            side=write.side,
            action=write.action,
            path="customer",
            body=quickbooks.customer_body(write.content, seen.copy.body),
            context=Context(ravetree_id=self._contact.id, currency=seen.customer.currency),
        )
        try:
            self.books.write(request)
        except Moved:
            self.books.quickbooks.refresh([self._record])
        except DuplicateName as error:
            cause = f"Client {self._contact.name}: {error}."
            return NeedsAttention(Attention("parked", "duplicate_name", cause, error.remedy))
        return None

    def reads_before_asking(self, seen: SeenCustomer) -> bool:  # noqa: ARG002
        """What a person is asked about has just been read."""
        return False

    def agreed(self, seen: SeenCustomer, plan: Plan) -> None:
        """The customer says what the contact says."""
