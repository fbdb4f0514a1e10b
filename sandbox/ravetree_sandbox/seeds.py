"""What a new organisation starts with."""

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.records import Records
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json

_LINE_ITEM_TYPES = (
    ("time", "Time"),
    ("expense", "Expense"),
    ("retainer", "Retainer"),
    ("overage", "Retainer overage"),
    ("other", "Other"),
)
_TAX_RATES = (
    ("standard", "Sales tax 8%", "8.00"),
    ("reduced", "Reduced tax 5%", "5.00"),
    ("vat", "VAT 20%", "20.00"),
    ("zero", "No tax", "0.00"),
)
_PAYMENT_METHODS = (
    ("cash", "Cash"),
    ("check", "Check"),
    ("credit_card", "Credit card"),
    ("bank_transfer", "Bank transfer"),
)
# Company, its currency and city, then the person its invoices are sent to.
_CLIENTS = (
    ("Bluebird Studio", "USD", ("418 Larkin St", "San Francisco", "CA", "94102", "US"), "Ana Ferreira"),
    ("Harbor & Pine LLC", "USD", ("77 Wharf Rd", "Portland", "ME", "04101", "US"), "Tom Whitfield"),
    ("Nordlicht GmbH", "EUR", ("Torstraße 12", "Berlin", "BE", "10119", "DE"), "Jana Köhler"),
)


def plant(store: Store, clock: SandboxClock) -> None:
    """Fills an empty organisation, once."""
    with store.transaction():
        if store.setting("planted", "no") == "yes":
            return
        records = Records(store, clock)
        for kind, rows in (("line_item_types", _LINE_ITEM_TYPES), ("payment_methods", _PAYMENT_METHODS)):
            for key, label in rows:
                records.create(kind, {"key": key, "label": label})
        for key, label, percent in _TAX_RATES:
            records.create("tax_rates", {"key": key, "label": label, "percent": percent})
        for name, currency, address, person in _CLIENTS:
            _plant_client(records, name, currency, address, person)
        records.create("contacts", _contact("contact", "Priya Raman", "USD"))
        store.keep_setting("planted", "yes")


def _plant_client(records: Records, name: str, currency: str, address: tuple[str, ...], person: str) -> None:
    bill_to = records.create("contacts", _contact("contact", person, currency))
    line1, city, region, postal_code, country = address
    account = _contact("account", name, currency)
    account["bill_to_contact_id"] = bill_to.id
    account["address"] = {
        "line1": line1,
        "line2": None,
        "city": city,
        "region": region,
        "postal_code": postal_code,
        "country": country,
    }
    records.create("contacts", account)


def _contact(kind: str, name: str, currency: str) -> Json:
    mailbox = name.lower().replace(" ", ".").replace("ö", "oe") if kind == "contact" else None
    return {
        "kind": kind,
        "name": name,
        "email": f"{mailbox}@example.com" if mailbox else None,
        "phone": None,
        "address": None,
        "bill_to_contact_id": None,
        "currency": currency,
        "active": True,
        "external_id": None,
        "merged_into": None,
    }
