"""The customer of a client: linked, found, created, or a person's question."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from clients.errors import NeighbourError
from clients.quickbooks.company import quoted
from clients.quickbooks.faults import DuplicateName
from reconcile import contacts
from reconcile.actions import Action
from reconcile.contacts import CreateCustomer, UseCustomer
from reconcile.decisions import Decision
from reconcile.model import Attention, Kind, QuickBooksCustomer, QuickBooksPayment, RavetreeContact, Record, Side
from schemas import quickbooks, ravetree
from storage import decisions, pairs, pending
from storage.models import Pair, PendingChange
from sync.books import Books
from sync.outcomes import Agreed, Outcome
from sync.writes.context import Context
from sync.writes.journal import Request


def customer_for(books: Books, client_id: str, currency: str) -> tuple[str | Attention, str]:
    """The customer's id, or why a person must look; and the e-mail address for its documents.

    Reads QuickBooks only for a client that is not linked yet. Raises what the neighbours say.
    """
    link = books.pair(Kind.CONTACT, Side.RAVETREE, client_id, currency)
    contact = contact_of(books, client_id)
    if link is not None:
        return link.quickbooks_id, contact.email if contact else ""
    if contact is None:
        return Attention("parked", "client_missing", f"Client {client_id} is not in Ravetree.", "Choose a client."), ""
    found = _customer_of(books, contact, currency)
    if isinstance(found, Attention):
        return replace(found, about=Record(Side.RAVETREE, Kind.CONTACT, contact.id)), contact.email
    return found, contact.email


def _customer_of(books: Books, contact: RavetreeContact, currency: str) -> str | Attention:
    record = Record(Side.RAVETREE, Kind.CONTACT, contact.id)
    decided = books.decided([record])
    said = decided.decision if decided is not None else ""
    if said == Decision.UNLINK:
        return unlinked(f"Client {contact.name} was taken apart from its customer.")
    if decided is not None and said == Decision.LINK:
        customer = active_customer(books, contact, decided.target)
        if isinstance(customer, Attention):
            return customer
        if customer.currency == currency:
            _link(books, contact, currency, customer.id)
            return customer.id
    candidates = _candidates(books, contact, currency)
    decision = contacts.match(
        contact,
        currency,
        candidates,
        said,
        taken=_taken(books, contact, currency, candidates),
        others=_others(books, contact) if candidates else (),
    )
    if isinstance(decision, CreateCustomer):
        decision = _create(books, contact, currency, decision.name)
        if said:
            books.use_up([record])
    if isinstance(decision, UseCustomer):
        _link(books, contact, currency, decision.customer_id)
        return decision.customer_id
    return decision


def _link(books: Books, contact: RavetreeContact, currency: str, customer_id: str) -> None:
    """Tie them, and look at the client: Ravetree draws its icon from what it is told then."""
    link_customer(books, contact.id, currency, customer_id)
    record = Record(Side.RAVETREE, Kind.CONTACT, contact.id)
    if record not in books.handling:
        books.look_at([record])


def _taken(
    books: Books, contact: RavetreeContact, currency: str, candidates: Sequence[QuickBooksCustomer]
) -> dict[str, bool]:
    """Those of the candidates that are customers of other live clients, and whether we made them."""
    found = books.pairs_among(Kind.CONTACT, Side.QUICKBOOKS, [customer.id for customer in candidates])
    others = {pair.ravetree_id: pair for pair in found if pair.ravetree_id != contact.id and pair.currency == currency}
    live = [pair for name, pair in others.items() if _is_live(contact_of(books, name))]
    return {pair.quickbooks_id: bool(pair.base_quickbooks) for pair in live}


def _others(books: Books, contact: RavetreeContact) -> set[str]:
    """The names of all other live clients, folded."""
    return {
        contacts.folded(other.name)
        for other in books.ravetree.contacts().values()
        if other.id != contact.id and _is_live(other)
    }


def _is_live(contact: RavetreeContact | None) -> bool:
    return contact is not None and contact.active and contact.merged_into is None


def unlinked(cause: str) -> Attention:
    """A person took them apart: only a person ties them again."""
    return Attention(
        "held",
        "contact_unlinked",
        cause,
        "Decide `link` to the right one, or `two` to make a new one.",
        (Decision.LINK, Decision.TWO),
    )


def active_customer(books: Books, contact: RavetreeContact, customer_id: str) -> QuickBooksCustomer | Attention:
    """The customer that a client is linked to, as it is now, or why it cannot be used."""
    record = Record(Side.QUICKBOOKS, Kind.CONTACT, customer_id)
    copy = books.quickbooks.copy(record)
    if copy is None or copy.stale or copy.deleted:
        books.quickbooks.refresh([record])
        copy = books.quickbooks.copy(record)
    if copy is None or copy.deleted:
        return Attention(
            "parked",
            "customer_gone",
            f"Client {contact.name}: QuickBooks has no customer with Id {customer_id}.",
            "Decide `link` to another customer.",
            (Decision.LINK,),
        )
    customer = quickbooks.load_customer(copy.body, books.home_currency)
    if not customer.active:
        return Attention(
            "parked",
            "customer_inactive",
            f"Client {contact.name}: its customer {contacts.plain_name(customer.name)} is inactive in QuickBooks.",
            "Make the customer active again, or decide `link` to another one.",
            (Decision.LINK,),
        )
    return customer


def is_below(books: Books, customer_id: str, ancestor: str) -> bool:
    """Whether a customer is a project, or a sub-customer, of another one, however deep."""
    return ancestor in above(books, customer_id)


def of_others(books: Books, payments: Iterable[QuickBooksPayment], customer_id: str) -> frozenset[str]:
    """The Ids of those payments whose customer cannot pay for this one: it is neither that one nor above it."""
    other = [payment for payment in payments if payment.customer_id != customer_id]
    able = set(above(books, customer_id)) if other else set()
    return frozenset(payment.id for payment in other if payment.customer_id not in able)


def above(books: Books, customer_id: str) -> list[str]:
    """The customers above one, the nearest first; a customer that is not known yet is read."""
    found: list[str] = []
    customer = _known(books, customer_id)
    while customer is not None and customer.parent_id and customer.parent_id not in found:
        found.append(customer.parent_id)
        customer = _known(books, customer.parent_id)
    return found


def address_of(books: Books, customer_id: str) -> Mapping[str, str]:
    """The postal address of a customer, as QuickBooks puts it on a new document."""
    customer = _known(books, customer_id)
    return customer.address if customer is not None else {}


def _known(books: Books, customer_id: str) -> QuickBooksCustomer | None:
    copy = books.quickbooks.copy_or_read(Record(Side.QUICKBOOKS, Kind.CONTACT, customer_id))
    if copy is None or copy.deleted:
        return None
    return quickbooks.load_customer(copy.body, books.home_currency)


def contact_of(books: Books, client_id: str) -> RavetreeContact | None:
    """A client with the e-mail address of its bill-to contact."""
    raw = books.ravetree.body(Kind.CONTACT, client_id)
    if raw is None:
        return None
    bill_to = raw.get("bill_to_contact_id")
    return ravetree.load_contact(raw, books.ravetree.body(Kind.CONTACT, bill_to) if bill_to else None)


def _candidates(books: Books, contact: RavetreeContact, currency: str) -> list[QuickBooksCustomer]:
    """Customers with the client's name, active or not, and those with its e-mail address."""
    name = contacts.customer_name(contact)
    if not name:
        return []
    company = books.neighbours.quickbooks
    in_currency = contacts.name_in_currency(contact, currency)
    spellings = dict.fromkeys(
        (name, unicodedata.normalize("NFD", name), f"{name}{contacts.INACTIVE_SUFFIX}", in_currency)
    )
    names = ", ".join(quoted(spelling) for spelling in spellings)
    with company.because("customer lookup"):
        found = company.query("Customer", f"DisplayName in ({names}) and Active in (true, false)")
        if contact.email:
            found += company.query("Customer", f"PrimaryEmailAddr = {quoted(contact.email)}")
    unique = {raw["Id"]: quickbooks.load_customer(raw, books.home_currency) for raw in found}
    return list(unique.values())


def _create(books: Books, contact: RavetreeContact, currency: str, name: str) -> UseCustomer | Attention:
    try:
        return _write(books, contact, currency, name)
    except DuplicateName:
        # No customer has it, or we had found it: a vendor or an employee does. One other name is tried, never more.
        try:
            return _write(books, contact, currency, contacts.suffixed_name(contact))
        except DuplicateName as error:
            return Attention("parked", "duplicate_name", f"Client {contact.name}: {error}.", error.remedy)


def _write(books: Books, contact: RavetreeContact, currency: str, name: str) -> UseCustomer:
    request = Request(
        subject=Record(Side.RAVETREE, Kind.CONTACT, contact.id),
        side=Side.QUICKBOOKS,
        action=Action.CUSTOMER_CREATE,
        path="customer",
        body=quickbooks.customer_body(contacts.customer_content(contact, currency, name)),
        context=Context(ravetree_id=contact.id, currency=currency),
    )
    books.write(request)
    link = books.pair(Kind.CONTACT, Side.RAVETREE, contact.id, currency)
    if link is None:
        raise NeighbourError(f"the customer of client {contact.id} was written but not linked")
    return UseCustomer(link.quickbooks_id)


def link_customer(books: Books, contact_id: str, currency: str, customer_id: str) -> None:
    """Tie a contact to its customer of this currency; a new one takes the place of an earlier one."""
    with books.writing() as session:
        pairs.store(session, books.id, Kind.CONTACT, contact_id, customer_id, books.now(), currency=currency)


def links_of(books: Books, record: Record) -> list[Pair]:
    """What a contact, or a customer, is linked to: one for each currency."""
    return books.pairs_among(Kind.CONTACT, record.side, [record.id])


def take_apart(books: Books, subject: Record, links: Sequence[Pair]) -> Outcome:
    """Take them apart, and let no name tie them again: the decision stays until somebody links them."""
    now = books.now()
    with books.writing() as session:
        for pair in links:
            pairs.remove(session, books.id, Kind.CONTACT, pair.ravetree_id, pair.currency)
            contact = Record(Side.RAVETREE, Kind.CONTACT, pair.ravetree_id)
            if contact != subject:
                decisions.store(session, books.id, contact, Decision.UNLINK, "", "", now)
    return Agreed("taken apart by a person")


_CURED_BY_A_CONTACT = (
    "contact_ambiguous",
    "contact_unlinked",
    "contact_without_name",
    "customer_gone",
    "customer_inactive",
    "merged_apart",
    pending.CUSTOMER_INACTIVE,
)


def look_again(books: Books, subject: Record) -> None:
    """What waits for a person because of a contact may go on now."""
    own = (PendingChange.side == subject.side) & (PendingChange.record_id == subject.id)
    others = ~((PendingChange.kind == Kind.CONTACT) & own)
    with books.writing() as session:
        for code in _CURED_BY_A_CONTACT:
            pending.reconsider(session, books.id, books.now(), PendingChange.code == code, others)
