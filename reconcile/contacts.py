"""Which QuickBooks customer is this Ravetree client, and which contact is this customer?"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reconcile.decisions import Decision
from reconcile.limits import (
    ADDRESS_LIMIT,
    ADDRESS_LIMITS,
    COMPANY_LIMIT,
    PHONE_LIMIT,
    Kept,
    addresses_of,
    mail_addresses,
    shortened,
)
from reconcile.model import Attention, ContactContent, QuickBooksCustomer, RavetreeContact

FORBIDDEN_IN_NAMES = str.maketrans({":": "-", "\t": " ", "\n": " ", "\r": " "})
NAME_LIMIT = 100

INACTIVE_SUFFIX = " (deleted)"
"""What QuickBooks appends to the name of an entry that is made inactive."""

NEW = "two"
"""A person said that none of the candidates is the one: they are two."""


@dataclass(frozen=True)
class UseCustomer:
    """This customer it is."""

    customer_id: str


@dataclass(frozen=True)
class CreateCustomer:
    """There is none: make one under this name."""

    name: str


@dataclass(frozen=True)
class UseContact:
    """This contact it is."""

    contact_id: str


@dataclass(frozen=True)
class CreateContact:
    """There is none: make one."""

    content: ContactContent


def customer_name(contact: RavetreeContact) -> str:
    """The display name that QuickBooks takes: no colon, tab or newline, at most 100 characters."""
    return _spelled(contact.name)


@lru_cache(maxsize=8192)
def _spelled(name: str) -> str:
    composed = unicodedata.normalize("NFC", name).translate(FORBIDDEN_IN_NAMES)
    return " ".join(composed.split())[:NAME_LIMIT].rstrip()


@lru_cache(maxsize=8192)
def folded(name: str) -> str:
    """A name for comparison: two that QuickBooks could not hold apart, or a reader could not, are the same."""
    return unicodedata.normalize("NFKC", _spelled(name)).casefold()


def suffixed_name(contact: RavetreeContact) -> str:
    """The name to use when a vendor, an employee or another customer already has the plain one."""
    suffix = f" ({contact.id})"
    return customer_name(contact)[: NAME_LIMIT - len(suffix)].rstrip() + suffix


def name_in_currency(contact: RavetreeContact, currency: str) -> str:
    """The name of a client's second customer: QuickBooks wants one for each currency."""
    return f"{customer_name(contact)[: NAME_LIMIT - len(currency) - 3]} ({currency})"


def match(
    contact: RavetreeContact,
    currency: str,
    candidates: Sequence[QuickBooksCustomer],
    decision: str = "",
    *,
    taken: Mapping[str, bool] | None = None,
    others: Collection[str] = (),
) -> UseCustomer | CreateCustomer | Attention:
    """Find `contact` among `candidates`, the customers with its name or its e-mail address.

    `decision` is `two` when a person said that none of them is it. `taken` are the customers of other live clients,
    and whether we made them for those; `others` are the folded names of all those clients.
    """
    taken = taken or {}
    wanted = customer_name(contact)
    if not wanted:
        return Attention(
            "parked",
            "contact_without_name",
            f"Client {contact.id} has no name.",
            "Give it a name in Ravetree.",
        )
    spellings = {folded(wanted), folded(name_in_currency(contact, currency))}
    name_twins = [c for c in candidates if folded(c.name) in spellings]
    if decision == NEW:
        return CreateCustomer(suffixed_name(contact) if name_twins else wanted)
    usable = [c for c in name_twins if c.active and c.currency == currency]
    free = [c for c in usable if c.id not in taken]
    same = [c for c in free if not _contradicts(contact, c)]
    if len(same) == 1:
        if folded(wanted) in others:
            return _ask(contact, "has the name of another client and of a QuickBooks customer", same)
        return UseCustomer(same[0].id)
    if len(same) > 1:
        return _ask(contact, "has the name of several QuickBooks customers", same)
    if free:
        return _ask(contact, "has the name of a QuickBooks customer with another e-mail address", free)
    if usable and all(taken[c.id] for c in usable):
        # Made for another client of that name: this one gets its own beside it.
        return CreateCustomer(suffixed_name(contact))
    if usable:
        return _ask(contact, "has the name of another client's QuickBooks customer", usable)
    inactive = [c for c in candidates if not c.active and folded(plain_name(c.name)) == folded(wanted)]
    if inactive:
        return _ask(contact, "looks like an inactive QuickBooks customer", inactive)
    # A mailbox that several clients share says nothing: the customer of another one is not meant.
    mailed = [
        c
        for c in candidates
        if c.active
        and not c.parent_id
        and shares_mail(contact, c)
        and c.currency == currency
        and c.id not in taken
        and folded(c.name) not in others
    ]
    if mailed:
        return _ask(contact, "has the e-mail address of a QuickBooks customer with another name", mailed)
    if name_twins:
        # The name is taken by the same client in another currency: QuickBooks wants one customer for each.
        return CreateCustomer(name_in_currency(contact, currency))
    return CreateCustomer(wanted)


def plain_name(name: str) -> str:
    """The name of an entry of a QuickBooks list without what it gets when it is made inactive."""
    return name.removesuffix(INACTIVE_SUFFIX)


def shares_mail(contact: RavetreeContact, customer: QuickBooksCustomer) -> bool:
    """Whether both have an e-mail address in common."""
    ours, theirs = (set(addresses_of(text.casefold())) for text in (contact.email, customer.email))
    return bool(ours & theirs)


def _contradicts(contact: RavetreeContact, customer: QuickBooksCustomer) -> bool:
    return bool(contact.email and customer.email) and not shares_mail(contact, customer)


def _ask(contact: RavetreeContact, why: str, found: Sequence[QuickBooksCustomer]) -> Attention:
    names = ", ".join(f"{c.name} (Id {c.id})" for c in found[:3])
    return Attention(
        "held",
        "contact_ambiguous",
        f"Client {contact.name} {why}: {names}.",
        "Decide `link` to the right one, or `two` to make a new customer.",
        (Decision.LINK, Decision.TWO),
    )


# --- from QuickBooks -----------------------------------------------------------------------------


def not_imported(customer: QuickBooksCustomer) -> str:
    """Why a customer is left out of the import; empty if it is to become a contact."""
    if not customer.active:
        return "inactive in QuickBooks"
    return "a project, not a customer" if customer.is_project else ""


def match_contact(
    customer: QuickBooksCustomer,
    contacts: Iterable[RavetreeContact],
    linked: Collection[str],
    decision: str = "",
    *,
    others: Collection[str] = (),
) -> UseContact | CreateContact | Attention:
    """Find `customer` among Ravetree's contacts; `linked` are those that have a customer in this currency already.

    `others` are the folded names of QuickBooks' other active customers.
    """
    known = [contact for contact in contacts if contact.merged_into is None]
    twins = [c for c in known if folded(c.name) == folded(customer.name)]
    if decision == NEW:
        return CreateContact(_content_of(customer))
    same = [
        c
        for c in twins
        if c.active and c.id not in linked and c.currency in ("", customer.currency) and not _contradicts(c, customer)
    ]
    alike = [c for c in twins if c.active]
    if len(same) == 1 and len(alike) == 1:
        return UseContact(same[0].id)
    if same:
        return _ask_for_contact(customer, "has the name of several contacts", alike)
    if twins:
        return _ask_for_contact(customer, "has the name of a contact that differs from it", twins)
    mailed = [
        c
        for c in known
        if c.active and shares_mail(c, customer) and c.id not in linked and folded(c.name) not in others
    ]
    if mailed:
        return _ask_for_contact(customer, "has the e-mail address of a contact with another name", mailed)
    return CreateContact(_content_of(customer))


def _content_of(customer: QuickBooksCustomer) -> ContactContent:
    return ContactContent(
        name=customer.name,
        company_name=customer.company_name,
        email=customer.email,
        phone=customer.phone,
        currency=customer.currency,
        address=customer.address,
    )


def _ask_for_contact(customer: QuickBooksCustomer, why: str, found: Sequence[RavetreeContact]) -> Attention:
    names = ", ".join(f"{c.name} ({c.id})" for c in found[:2])
    return Attention(
        "held",
        "contact_ambiguous",
        f"Customer {customer.name} {why}: {names}.",
        "Decide `link` to the right contact, or `two` to make a new one.",
        (Decision.LINK, Decision.TWO),
    )


# --- the button ----------------------------------------------------------------------------------


def customer_content(contact: RavetreeContact, currency: str, name: str) -> ContactContent:
    """A customer as the contact says it, under `name`, in what QuickBooks keeps of it."""
    return ContactContent(
        name=name,
        company_name=_company(contact).text,
        email=mail_addresses(contact.email).text,
        phone=_phone(contact).text,
        currency=currency,
        address={key: kept.text for key, kept in _address(contact).items()},
    )


def notices(contact: RavetreeContact) -> tuple[str, ...]:
    """What of a client its customer does not have."""
    named = customer_name(contact)
    found = [] if named == " ".join(contact.name.split()) else [f"Its name is {named} in QuickBooks."]
    kept = (_company(contact), mail_addresses(contact.email), _phone(contact), *_address(contact).values())
    return (*found, *(notice for each in kept for notice in each.notices))


def _company(contact: RavetreeContact) -> Kept:
    return shortened(contact.name if contact.kind == "account" else "", COMPANY_LIMIT, "The company's name")


def _phone(contact: RavetreeContact) -> Kept:
    return shortened(contact.phone, PHONE_LIMIT, "The phone number")


def _address(contact: RavetreeContact) -> dict[str, Kept]:
    return {
        key: shortened(text, ADDRESS_LIMITS.get(key, ADDRESS_LIMIT), f"The address ({key.replace('_', ' ')})")
        for key, text in contact.address.items()
        if text
    }


def pushed(contact: RavetreeContact, customer: QuickBooksCustomer) -> ContactContent | None:
    """What the button writes to the linked customer, or None if it says the same already."""
    ours = {customer_name(contact), suffixed_name(contact), f"{customer_name(contact)} ({customer.currency})"}
    name = customer.name if customer.name in ours else customer_name(contact)
    content = customer_content(contact, customer.currency, name)
    now = (customer.name, customer.email, customer.phone, dict(customer.address))
    wanted = (content.name, content.email, content.phone, dict(content.address) or dict(customer.address))
    return None if now == wanted else content
