"""One customer of QuickBooks: imported once, linked by a person, merged with another, inactive or gone."""

from collections.abc import Mapping, Sequence

from reconcile import contacts as rules
from reconcile.actions import Action
from reconcile.contacts import CreateContact, UseContact
from reconcile.decisions import Decision
from reconcile.markers import external_id
from reconcile.model import Attention, Kind, QuickBooksCustomer, RavetreeContact, Record, Side
from schemas import quickbooks, ravetree
from storage import copies, pairs, pending
from storage.models import Decided, Pair
from sync.books import Books
from sync.echoes import Entry
from sync.outcomes import Agreed, NeedsAttention, Outcome
from sync.records.customers import contact_of, link_customer, links_of, take_apart, unlinked
from sync.writes.context import Context
from sync.writes.journal import Request


class CustomerWork:
    """The work on one customer of QuickBooks."""

    def __init__(self, books: Books, subject: Record, entries: Sequence[Entry], *, requested: bool) -> None:
        self._books = books
        self._subject = subject
        self._entries = entries
        self._requested = requested

    def run(self, decided: Decided | None) -> Outcome:
        """Import, link or re-point, as what is known of it asks for."""
        self._merged_in_quickbooks()
        copy = self._books.quickbooks.copy_or_read(self._subject)
        links = links_of(self._books, self._subject)
        if copy is None or copy.deleted:
            return self._lost(links, str(copy.body.get("DisplayName", "")) if copy else "")
        if decided is not None and decided.decision == Decision.UNLINK:
            return take_apart(self._books, self._subject, links)
        customer = quickbooks.load_customer(copy.body, self._books.home_currency)
        if links and not (decided is not None and decided.decision == Decision.LINK):
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
            linked = links_of(self._books, Record(Side.QUICKBOOKS, Kind.CONTACT, str(merged)))
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
                called = rules.plain_name(name) or self._subject.id
                return NeedsAttention(
                    Attention(
                        "parked",
                        "customer_inactive",
                        f"Customer {called} of client {contact.name} is inactive in QuickBooks.",
                        f"Make it active again, or link client {contact.id} to another customer.",
                    )
                )
        return Agreed("inactive on both sides" if links else "inactive in QuickBooks")

    def _import(self, customer: QuickBooksCustomer, decided: Decided | None) -> Outcome:
        contacts = self._books.ravetree.contacts()
        if decided is not None and decided.decision == Decision.LINK:
            if decided.target not in contacts:
                return NeedsAttention(
                    Attention(
                        "parked",
                        "link_not_possible",
                        f"Customer {customer.name} cannot be linked: Ravetree has no contact {decided.target}.",
                        "Choose another contact, or decide `two` to make a new one.",
                        (Decision.TWO,),
                    )
                )
            return self._take(customer, decided.target)
        said = decided.decision if decided is not None else ""
        decision = rules.match_contact(
            customer, contacts.values(), self._linked(customer.currency), said, others=self._others(customer, contacts)
        )
        match decision:
            case Attention():
                return NeedsAttention(decision)
            case UseContact(contact_id=contact_id):
                said_of_it = self._books.decided([Record(Side.RAVETREE, Kind.CONTACT, contact_id)])
                if said_of_it is not None and said_of_it.decision == Decision.UNLINK:
                    cause = f"Customer {customer.name} was taken apart from the contact of its name."
                    return NeedsAttention(unlinked(cause))
                return self._take(customer, contact_id)
            case CreateContact(content=content):
                reference = external_id(self._books.connection.realm_id, Kind.CONTACT, customer.id)
                self._books.write(
                    Request(
                        subject=self._subject,
                        side=Side.RAVETREE,
                        action=Action.CONTACT_CREATE,
                        path="contacts",
                        body=ravetree.contact_body(content, reference),
                        context=Context(quickbooks_id=customer.id, currency=customer.currency),
                    )
                )
                for pair in links_of(self._books, self._subject):
                    self._books.ravetree.remember_contact(pair.ravetree_id)
                return Agreed()

    def _others(self, customer: QuickBooksCustomer, contacts: Mapping[str, RavetreeContact]) -> set[str]:
        """The names of the company's other customers, where a mailbox that several share would be asked about."""
        if not any(rules.shares_mail(contact, customer) for contact in contacts.values()):
            return set()
        with self._books.reading() as session:
            known = copies.every(session, self._books.id, Side.QUICKBOOKS, Kind.CONTACT)
        loaded = [quickbooks.load_customer(copy.body, self._books.home_currency) for copy in known if not copy.deleted]
        return {rules.folded(other.name) for other in loaded if other.active and other.id != customer.id}

    def _take(self, customer: QuickBooksCustomer, contact_id: str) -> Outcome:
        link_customer(self._books, contact_id, customer.currency, customer.id)
        self._books.use_up([self._subject, Record(Side.RAVETREE, Kind.CONTACT, contact_id)])
        return Agreed()

    def _linked(self, currency: str) -> set[str]:
        with self._books.reading() as session:
            return pairs.linked_contacts(session, self._books.id, currency)
