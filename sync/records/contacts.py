"""Contacts: the import from QuickBooks, the button in Ravetree, merges on both sides."""

from collections.abc import Sequence

from clients.errors import Moved
from clients.quickbooks.faults import DuplicateName
from reconcile import contacts as rules
from reconcile.contacts import CreateContact, UseContact
from reconcile.documents import LINK, UNLINK
from reconcile.markers import external_id
from reconcile.model import Attention, Kind, QuickBooksCustomer, RavetreeContact, Record, Side
from schemas import quickbooks, ravetree
from storage import decisions, pairs, pending
from storage.models import Decision, Pair, PendingChange
from sync.books import Books
from sync.echoes import Entry
from sync.outcomes import MAX_ROUNDS, Agreed, NeedsAttention, Outcome, does_not_settle
from sync.records.customers import active_customer, contact_of, customer_for, link_customer, unlinked
from sync.writes.journal import Request

_CURED_BY_A_CONTACT = (
    "contact_ambiguous",
    "contact_unlinked",
    "contact_without_name",
    "customer_gone",
    "customer_inactive",
    "merged_apart",
)


class ContactWork:
    """The work on one contact of Ravetree, or on one customer of QuickBooks."""

    def __init__(self, books: Books, subject: Record, entries: Sequence[Entry], requested: bool) -> None:
        self._books = books
        self._subject = subject
        self._entries = entries
        self._requested = requested

    def run(self) -> Outcome:
        """Link, import, push or re-point, as what is known of it asks for."""
        decided = self._books.decided([self._subject])
        outcome = self._run_contact(decided) if self._subject.side is Side.RAVETREE else self._run_customer(decided)
        said_so = decided is not None or any(entry.events for entry in self._entries)
        if isinstance(outcome, Agreed) and said_so:
            # Not after each customer of an import: what waits would be planned again a thousand times.
            self._look_again()
        return outcome

    def _look_again(self) -> None:
        """What waits for a person because of a contact may go on now."""
        own = (PendingChange.side == self._subject.side) & (PendingChange.record_id == self._subject.id)
        others = ~((PendingChange.kind == Kind.CONTACT) & own)
        with self._books.writing() as session:
            for code in _CURED_BY_A_CONTACT:
                pending.reconsider(session, self._books.id, self._books.now(), PendingChange.code == code, others)

    # --- a contact of Ravetree -------------------------------------------------------------------

    def _run_contact(self, decided: Decision | None) -> Outcome:
        contact = contact_of(self._books, self._subject.id)
        if contact is None:
            return Agreed("deleted in Ravetree")
        if contact.merged_into is not None:
            return self._merged_in_ravetree(contact, contact.merged_into)
        currency = contact.currency or self._books.home_currency
        if decided is not None and decided.decision == UNLINK:
            return self._unlink(self._links(Side.RAVETREE, contact.id))
        if decided is not None and decided.decision == LINK:
            return self._link(contact, currency, decided.target)
        if not self._requested:
            return Agreed("goes to QuickBooks by the button, or with a document")
        customer, _ = customer_for(self._books, contact.id, currency)
        if isinstance(customer, Attention):
            return NeedsAttention(customer)
        return self._push(contact, customer)

    def _push(self, contact: RavetreeContact, customer_id: str) -> Outcome:
        for _ in range(MAX_ROUNDS):
            customer = active_customer(self._books, contact, customer_id)
            if isinstance(customer, Attention):
                return NeedsAttention(customer)
            content = rules.pushed(contact, customer)
            copy = self._books.copy(Record(Side.QUICKBOOKS, Kind.CONTACT, customer_id))
            if content is None or copy is None:
                return Agreed()
            try:
                self._books.write(
                    Request(
                        subject=self._subject,
                        side=Side.QUICKBOOKS,
                        action="customer.update",
                        path="customer",
                        body=quickbooks.customer_body(content, copy.body),
                        context={"ravetree_id": contact.id, "currency": customer.currency},
                    )
                )
            except Moved:
                self._books.refresh([Record(Side.QUICKBOOKS, Kind.CONTACT, customer_id)])
            except DuplicateName as error:
                cause = f"Client {contact.name}: {error}."
                return NeedsAttention(Attention("parked", "DuplicateName", cause, error.remedy))
        return does_not_settle(f"Client {contact.name}")

    def _link(self, contact: RavetreeContact, currency: str, customer_id: str) -> Outcome:
        customer = active_customer(self._books, contact, customer_id)
        if isinstance(customer, Attention):
            return NeedsAttention(customer)
        link_customer(self._books, contact.id, customer.currency or currency, customer_id)
        self._use_up()
        return Agreed()

    def _unlink(self, links: Sequence[Pair]) -> Outcome:
        """Take them apart, and let no name tie them again: the decision stays until somebody links them."""
        now = self._books.now()
        with self._books.writing() as session:
            for pair in links:
                pairs.remove(session, self._books.id, Kind.CONTACT, pair.ravetree_id, pair.currency)
                contact = Record(Side.RAVETREE, Kind.CONTACT, pair.ravetree_id)
                if contact != self._subject:
                    decisions.store(session, self._books.id, contact, UNLINK, "", "", now)
        return Agreed("taken apart by a person")

    def _use_up(self, *others: Record) -> None:
        self._books.use_up([self._subject, *others])

    def _merged_in_ravetree(self, contact: RavetreeContact, survivor: str) -> Outcome:
        """The surviving contact takes over the links; one that has a customer of its own needs a person."""
        for pair in self._links(Side.RAVETREE, contact.id):
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

    # --- a customer of QuickBooks ----------------------------------------------------------------

    def _run_customer(self, decided: Decision | None) -> Outcome:
        self._merged_in_quickbooks()
        copy = self._books.copy_or_read(self._subject)
        links = self._links(Side.QUICKBOOKS, self._subject.id)
        if copy is None or copy.deleted:
            return self._lost(links, str(copy.body.get("DisplayName", "")) if copy else "")
        if decided is not None and decided.decision == UNLINK:
            return self._unlink(links)
        customer = quickbooks.load_customer(copy.body, self._books.home_currency)
        if links and not (decided is not None and decided.decision == LINK):
            return self._lost(links, customer.name) if not customer.active else Agreed()
        if not self._requested and decided is None:
            return Agreed("made in QuickBooks after the import")
        if why := rules.not_imported(customer):
            return Agreed(why)
        return self._import(customer, decided)

    def _merged_in_quickbooks(self) -> None:
        """The survivor keeps its Id: every link to the one that is gone is pointed to it."""
        for event in (event for entry in self._entries for event in entry.events):
            merged = event.data.get("deletedid")
            if not merged or event.subject != self._subject.id:
                continue
            linked = self._links(Side.QUICKBOOKS, str(merged))
            for pair in linked:
                link_customer(self._books, pair.ravetree_id, pair.currency, self._subject.id)
            waiting = [Record(Side.QUICKBOOKS, Kind.CONTACT, str(merged))]
            waiting += [Record(Side.RAVETREE, Kind.CONTACT, pair.ravetree_id) for pair in linked]
            with self._books.writing() as session:
                pending.reconsider_records(session, self._books.id, waiting, self._books.now())

    def _lost(self, links: Sequence[Pair], name: str) -> Outcome:
        """A linked customer is inactive or gone: only its live contacts care."""
        for pair in links:
            contact = contact_of(self._books, pair.ravetree_id)
            if contact is not None and contact.active:
                return NeedsAttention(
                    Attention(
                        "parked",
                        "customer_inactive",
                        f"Customer {name or self._subject.id} of client {contact.name} is inactive in QuickBooks.",
                        f"Make it active again, or link client {contact.id} to another customer.",
                    )
                )
        return Agreed("inactive on both sides" if links else "inactive in QuickBooks")

    def _import(self, customer: QuickBooksCustomer, decided: Decision | None) -> Outcome:
        contacts = self._books.contacts()
        if decided is not None and decided.decision == LINK:
            if decided.target not in contacts:
                return NeedsAttention(
                    Attention(
                        "parked",
                        "link_not_possible",
                        f"Customer {customer.name} cannot be linked: Ravetree has no contact {decided.target}.",
                        "Choose another contact, or decide `two` to make a new one.",
                    )
                )
            return self._take(customer, decided.target)
        said = decided.decision if decided is not None else ""
        decision = rules.match_contact(customer, contacts.values(), self._linked(customer.currency), said)
        match decision:
            case Attention():
                return NeedsAttention(decision)
            case UseContact(contact_id=contact_id):
                said_of_it = self._books.decided([Record(Side.RAVETREE, Kind.CONTACT, contact_id)])
                if said_of_it is not None and said_of_it.decision == UNLINK:
                    cause = f"Customer {customer.name} was taken apart from the contact of its name."
                    return NeedsAttention(unlinked(cause))
                return self._take(customer, contact_id)
            case CreateContact(content=content):
                reference = external_id(self._books.connection.realm_id, Kind.CONTACT, customer.id)
                self._books.write(
                    Request(
                        subject=self._subject,
                        side=Side.RAVETREE,
                        action="contact.create",
                        path="contacts",
                        body=ravetree.contact_body(content, reference),
                        context={"quickbooks_id": customer.id, "currency": customer.currency},
                    )
                )
                for pair in self._links(Side.QUICKBOOKS, customer.id):
                    self._books.remember_contact(pair.ravetree_id)
                return Agreed()

    def _take(self, customer: QuickBooksCustomer, contact_id: str) -> Outcome:
        link_customer(self._books, contact_id, customer.currency, customer.id)
        self._use_up(Record(Side.RAVETREE, Kind.CONTACT, contact_id))
        return Agreed()

    def _linked(self, currency: str) -> set[str]:
        with self._books.reading() as session:
            return pairs.linked_contacts(session, self._books.id, currency)

    def _links(self, side: Side, record_id: str) -> list[Pair]:
        return self._books.pairs_among(Kind.CONTACT, side, [record_id])
