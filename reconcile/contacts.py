"""Which QuickBooks customer is this Ravetree client?"""

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.model import Attention, QuickBooksCustomer, RavetreeContact

FORBIDDEN_IN_NAMES = str.maketrans({":": "-", "\t": " ", "\n": " ", "\r": " "})
NAME_LIMIT = 100


@dataclass(frozen=True)
class UseCustomer:
    """This customer it is."""

    customer_id: str


@dataclass(frozen=True)
class CreateCustomer:
    """There is none: make one under this name."""

    name: str


def customer_name(contact: RavetreeContact) -> str:
    """The display name that QuickBooks takes: no colon, tab or newline, at most 100 characters."""
    return " ".join(contact.name.translate(FORBIDDEN_IN_NAMES).split())[:NAME_LIMIT].rstrip()


def suffixed_name(contact: RavetreeContact) -> str:
    """The name to use when a vendor, an employee or another customer already has the plain one."""
    suffix = f" ({contact.id})"
    return customer_name(contact)[: NAME_LIMIT - len(suffix)].rstrip() + suffix


def match(
    contact: RavetreeContact, currency: str, candidates: Sequence[QuickBooksCustomer]
) -> UseCustomer | CreateCustomer | Attention:
    """Find `contact` among `candidates`, the customers with its name or its e-mail address."""
    wanted = customer_name(contact)
    if not wanted:
        return Attention(
            "parked",
            "contact_without_name",
            f"Client {contact.id} has no name.",
            "Give it a name in Ravetree.",
        )
    name_twins = [c for c in candidates if c.name.casefold() == wanted.casefold()]
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
        return CreateCustomer(f"{wanted[: NAME_LIMIT - len(currency) - 3]} ({currency})")
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
        "Give the client the exact name of its customer, or a name of its own, then press retry.",
    )
