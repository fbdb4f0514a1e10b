"""Which QuickBooks customer is this Ravetree client, and which contact is this customer?"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from reconcile.decisions import Decision
from reconcile.model import Attention, ContactContent, QuickBooksCustomer, RavetreeContact

FORBIDDEN_IN_NAMES = str.maketrans({":": "-", "\t": " ", "\n": " ", "\r": " "})
NAME_LIMIT = 100

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
    return " ".join(contact.name.translate(FORBIDDEN_IN_NAMES).split())[:NAME_LIMIT].rstrip()


def suffixed_name(contact: RavetreeContact) -> str:
    """The name to use when a vendor, an employee or another customer already has the plain one."""
    suffix = f" ({contact.id})"
    return customer_name(contact)[: NAME_LIMIT - len(suffix)].rstrip() + suffix


def name_in_currency(contact: RavetreeContact, currency: str) -> str:
    """The name of a client's second customer: QuickBooks wants one for each currency."""
    return f"{customer_name(contact)[: NAME_LIMIT - len(currency) - 3]} ({currency})"


def match(
    contact: RavetreeContact, currency: str, candidates: Sequence[QuickBooksCustomer], decision: str = ""
) -> UseCustomer | CreateCustomer | Attention:
    """Find `contact` among `candidates`, the customers with its name or its e-mail address.

    `decision` is `two` when a person said that none of them is it.
    """
    wanted = customer_name(contact)
    if not wanted:
        return Attention(
            "parked",
            "contact_without_name",
            f"Client {contact.id} has no name.",
            "Give it a name in Ravetree.",
        )
    spellings = {wanted.casefold(), name_in_currency(contact, currency).casefold()}
    name_twins = [c for c in candidates if c.name.casefold() in spellings]
    if decision == NEW:
        return CreateCustomer(suffixed_name(contact) if name_twins else wanted)
    same = [c for c in name_twins if c.active and c.currency == currency and not _contradicts(contact, c)]
    if len(same) == 1:
        return UseCustomer(same[0].id)
    if len(same) > 1:
        return _ask(contact, "has the name of several QuickBooks customers", same)
    if contradicting := [c for c in name_twins if c.active and c.currency == currency]:
        return _ask(contact, "has the name of a QuickBooks customer with another e-mail address", contradicting)
    inactive = [c for c in candidates if not c.active and _plain(c.name) == wanted.casefold()]
    if inactive:
        return _ask(contact, "looks like an inactive QuickBooks customer", inactive)
    mailed = [c for c in candidates if c.active and _same_mail(contact, c) and c.currency == currency]
    if mailed:
        return _ask(contact, "has the e-mail address of a QuickBooks customer with another name", mailed)
    if name_twins:
        # The name is taken by the same client in another currency: QuickBooks wants one customer for each.
        return CreateCustomer(name_in_currency(contact, currency))
    return CreateCustomer(wanted)


def _plain(name: str) -> str:
    return name.removesuffix(" (deleted)").casefold()


def _same_mail(contact: RavetreeContact, customer: QuickBooksCustomer) -> bool:
    return bool(contact.email) and contact.email.casefold() == customer.email.casefold()


def _contradicts(contact: RavetreeContact, customer: QuickBooksCustomer) -> bool:
    return bool(contact.email and customer.email) and not _same_mail(contact, customer)


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
) -> UseContact | CreateContact | Attention:
    """Find `customer` among Ravetree's contacts; `linked` are those that have a customer in this currency already."""
    known = [contact for contact in contacts if contact.merged_into is None]
    twins = [c for c in known if customer_name(c).casefold() == customer.name.casefold()]
    if decision == NEW:
        return CreateContact(_content_of(customer))
    same = [
        c
        for c in twins
        if c.active and c.id not in linked and c.currency in ("", customer.currency) and not _contradicts(c, customer)
    ]
    if len(same) == 1:
        return UseContact(same[0].id)
    if same:
        return _ask_for_contact(customer, "has the name of several contacts", same)
    if twins:
        return _ask_for_contact(customer, "has the name of a contact that differs from it", twins)
    if mailed := [c for c in known if c.active and _same_mail(c, customer)]:
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
    """A customer as the contact says it, under `name`."""
    return ContactContent(
        name=name,
        company_name=contact.name if contact.kind == "account" else "",
        email=contact.email,
        phone=contact.phone,
        currency=currency,
        address=contact.address,
    )


def pushed(contact: RavetreeContact, customer: QuickBooksCustomer) -> ContactContent | None:
    """What the button writes to the linked customer, or None if it says the same already."""
    ours = {customer_name(contact), suffixed_name(contact), f"{customer_name(contact)} ({customer.currency})"}
    name = customer.name if customer.name in ours else customer_name(contact)
    content = customer_content(contact, customer.currency, name)
    now = (customer.name, customer.email, customer.phone, dict(customer.address))
    wanted = (content.name, content.email, content.phone, dict(content.address) or dict(customer.address))
    return None if now == wanted else content
