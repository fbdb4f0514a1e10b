"""How a company charges tax: read with its settings, kept with the connection, asked for where it is not known."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from clients.quickbooks.company import Company
from reconcile.model import (
    ZERO,
    Attention,
    CompanyTax,
    Kind,
    Percent,
    RavetreeEstimate,
    RavetreeInvoice,
    Record,
    Side,
)
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import connections
from storage.models import Connection
from sync.books import Books


def facts(
    books: Books,
    document: RavetreeInvoice | RavetreeEstimate,
    customer: str | Attention | None,
    tax_codes: Mapping[str, str],
    *,
    us_company: bool,
) -> dict[str, Any]:
    """What the rules have to know of a document's tax. In the US that is read for one that has tax alone."""
    if not us_company:
        return {"tax": _known(books, set(tax_codes.values()))}
    if document.tax_amount == ZERO:
        return {}
    said: dict[str, Any] = {"tax": _known(books, set())}
    if isinstance(customer, str):
        said["customer_taxable"] = _is_taxable(books, customer)
    if document.tax_inclusive:
        rows = books.neighbours.ravetree.listing("tax_rates")
        said["percents"] = {row["key"]: Decimal(str(row.get("percent") or 0)) for row in rows}
    return said


def _is_taxable(books: Books, customer_id: str) -> bool:
    copy = books.quickbooks.copy_or_read(Record(Side.QUICKBOOKS, Kind.CONTACT, customer_id))
    return copy is None or copy.deleted or quickbooks.load_customer(copy.body, books.home_currency).is_taxable


def _known(books: Books, codes: set[str]) -> CompanyTax:
    """What we know of the company; read first if it was never, or does not tell of one of these codes."""
    with books.reading() as session:
        stored = connections.get(session, books.id).tax
    if stored is None or "charged" not in stored or not codes <= stored["codes"].keys():
        stored = read(books.neighbours.quickbooks, codes)
        with books.writing() as session:
            connections.note_tax(session, books.id, stored)
            stored = connections.get(session, books.id).tax or stored
    return _loaded(stored)


def last_known(connection: Connection) -> CompanyTax:
    """What was read last; nothing is asked for."""
    stored = connection.tax
    return CompanyTax() if stored is None or "charged" not in stored else _loaded(stored)


def read(company: Company, codes: Iterable[str], preferences: Body | None = None) -> Body:
    """How a company charges tax now, as it is stored; a code that QuickBooks does not have is kept as none."""
    if preferences is None:
        preferences = company.get("preferences")
    wanted = set(codes)
    found = dict(quickbooks.load_tax_code(raw) for raw in company.by_ids("TaxCode", wanted)) if wanted else {}
    rates = {rate for named in found.values() for rate in named}
    charges = dict(quickbooks.load_tax_rate(raw) for raw in company.by_ids("TaxRate", rates)) if rates else {}
    return {
        "charged": bool((preferences.get("TaxPrefs") or {}).get("UsingSalesTax")),
        "codes": {code: list(found[code]) if code in found else None for code in sorted(wanted)},
        "rates": {rate: [_stored(one) for one in percents] for rate, percents in sorted(charges.items())},
    }


def _stored(percent: Percent) -> list[str | None]:
    ends = [day.isoformat() if day is not None else None for day in (percent.since, percent.until)]
    return [str(percent.value), *ends]


def _loaded(stored: Mapping[str, Any]) -> CompanyTax:
    return CompanyTax(
        is_charged=stored["charged"],
        codes={code: tuple(rates) for code, rates in stored["codes"].items() if rates is not None},
        rates={rate: tuple(_percent(*one) for one in percents) for rate, percents in stored["rates"].items()},
        after_discount=stored.get(connections.LEARNED, ""),
    )


def _percent(value: str, since: str | None, until: str | None) -> Percent:
    days = [date.fromisoformat(day) if day is not None else None for day in (since, until)]
    return Percent(Decimal(value), *days)
