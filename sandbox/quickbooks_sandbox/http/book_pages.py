"""``/``: the books of the companies to look at, and a form to enter a payment as a bookkeeper would."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any

from flask import Blueprint, Response, redirect, request

from quickbooks_sandbox.books.amounts import Doc, amount_of
from quickbooks_sandbox.books.balances import balance
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.rules.operations import write
from quickbooks_sandbox.world.services import Services
from sandbox_kit.border import foreign_page

SHOWN = 50
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}th,td{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #ddd}td.amount,th.amount{text-align:right;font-variant-numeric:tabular-nums}"
    ".problem{background:#fdd;padding:.5rem 1rem}input{font:inherit;padding:.2rem .4rem}label{margin-right:1rem}"
)


def make_book_pages(services: Services) -> Blueprint:
    pages = Blueprint("books", __name__)

    @pages.before_request
    def admit() -> Response | None:
        problem = foreign_page(request, services.names)
        return _page("Refused", f"<p>{escape(problem)}</p>", 403) if problem else None

    @pages.get("/")
    def companies() -> Response:
        links = [
            f'<li><a href="/books/{realm}">{escape(_title(books))}</a> ({realm})</li>'
            for realm, books in services.companies.items()
        ]
        return _page("Companies", f"<ul>{''.join(links)}</ul>")

    @pages.get("/books/<realm>")
    def company(realm: str) -> Response:
        books = services.companies.get(realm)
        if books is None:
            return _page("No such company", "", 404)
        with books.lock:
            return _page(_title(books), _overview(realm, books))

    @pages.get("/books/<realm>/customers/<customer_id>")
    def customer(realm: str, customer_id: str) -> Response:
        return _customer_page(services, realm, customer_id)

    @pages.post("/books/<realm>/customers/<customer_id>")
    def enter_payment(realm: str, customer_id: str) -> Any:
        books = services.companies.get(realm)
        if books is None:
            return _page("No such company", "", 404)
        try:
            body = _payment(customer_id, request.form)
            with books.transaction() as transaction:
                write(transaction, "Payment", "create", body, services.switches)
        except Fault as fault:
            return _customer_page(services, realm, customer_id, fault.detail)
        except ValueError as error:
            return _customer_page(services, realm, customer_id, str(error))
        return redirect(f"/books/{realm}/customers/{customer_id}", 303)

    return pages


def _customer_page(services: Services, realm: str, customer_id: str, problem: str = "") -> Response:
    books = services.companies.get(realm)
    customer = books.get("Customer", customer_id) if books is not None else None
    if books is None or customer is None:
        return _page("No such customer", "", 404)
    with books.lock:
        body = _statement(realm, books, customer)
    warning = f'<p class="problem">{escape(problem)}</p>' if problem else ""
    return _page(str(customer["DisplayName"]), warning + body, 400 if problem else 200)


def _payment(customer_id: str, form: Any) -> Doc:
    """The payment that the form asks for. Raises ValueError when an amount is none."""
    lines: list[Doc] = []
    for name, text in form.items():
        if name.startswith("invoice-") and text.strip():
            link = {"TxnId": name.removeprefix("invoice-"), "TxnType": "Invoice"}
            lines.append({"Amount": _amount(text), "LinkedTxn": [link]})
    applied = sum((line["Amount"] for line in lines), Decimal(0))
    received = form.get("received", "").strip()
    body = {"CustomerRef": {"value": customer_id}, "TotalAmt": _amount(received) if received else applied}
    optional = {"TxnDate": form.get("day"), "PaymentRefNum": form.get("reference"), "PrivateNote": form.get("note")}
    return {**body, "Line": lines, **{name: value for name, value in optional.items() if value}}


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount.") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount.")
    return amount


# What is shown


def _overview(realm: str, books: Books) -> str:
    owing = [one for one in books.all("Customer") if one["Active"] or books.owed(one["Id"])]
    rows = [
        [f'<a href="/books/{realm}/customers/{escape(one["Id"])}">{escape(one["DisplayName"])}</a>',
         _money(one, books.owed(one["Id"]))]
        for one in sorted(owing, key=lambda one: (-abs(books.owed(one["Id"])), one["DisplayName"]))[:SHOWN]
    ]  # fmt: skip
    accounts = [
        [escape(str(one["FullyQualifiedName"])), escape(str(one["AccountType"])), _money(one, balance(books, one))]
        for one in books.all("Account")
        if balance(books, one)
    ]
    counts = [
        [entity, str(books.count(entity))]
        for entity in ("Customer", "Item", "Estimate", "Invoice", "Payment", "CreditMemo", "SalesReceipt", "Deposit")
    ]
    return (
        f"<h2>Customers</h2>{_table(['Customer', 'Open balance'], rows)}"
        f"<h2>Accounts</h2>{_table(['Account', 'Type', 'Balance'], accounts)}"
        f"<h2>Records</h2>{_table(['Kind', 'Number'], counts)}"
    )


def _statement(realm: str, books: Books, customer: Doc) -> str:
    def of_customer(entity: str, *ids: str) -> list[Doc]:
        keys = [key for one in ids or (customer["Id"],) for key in books.found((f"CustomerRef:{entity}", one))]
        docs = [doc for _, object_id in keys if (doc := books.get(entity, object_id))]
        return sorted(docs, key=lambda doc: (doc["TxnDate"], int(doc["Id"])), reverse=True)

    invoices = of_customer("Invoice")
    waiting = [
        one
        for one in reversed(of_customer("Invoice", *books.family("Customer", customer["Id"])))
        if one["Balance"] and one["CurrencyRef"]["value"] == customer["CurrencyRef"]["value"]
    ]
    payments = [
        [one["TxnDate"], escape(str(one.get("PaymentRefNum") or "")), _money(one, one["TotalAmt"]),
         _money(one, one["UnappliedAmt"])]
        for one in of_customer("Payment")[:SHOWN]
    ]  # fmt: skip
    history = [
        [one["TxnDate"], escape(str(one.get("DocNumber") or "")), _money(one, one["TotalAmt"]),
         _money(one, one["Balance"])]
        for one in invoices[:SHOWN]
    ]  # fmt: skip
    return (
        f'<p><a href="/books/{realm}">Back</a> · open balance {_money(customer, books.owed(customer["Id"]))}</p>'
        f"<h2>Receive a payment</h2>{_form(books, waiting)}"
        f"<h2>Invoices</h2>{_table(['Day', 'Number', 'Total', 'Balance'], history)}"
        f"<h2>Payments</h2>{_table(['Day', 'Reference', 'Amount', 'Unapplied'], payments)}"
    )


def _form(books: Books, waiting: list[Doc]) -> str:
    rows = [
        [_customer_name(books, one), one["TxnDate"], escape(str(one.get("DocNumber") or "")),
         _money(one, one["Balance"]),
         f'<input name="invoice-{escape(one["Id"])}" inputmode="decimal" aria-label="Amount for this invoice">']
        for one in waiting[:SHOWN]
    ]  # fmt: skip
    return (
        f'<form method="post">{_table(["Customer", "Day", "Number", "Balance", "Pay"], rows)}'
        '<p><label>Amount received <input name="received" inputmode="decimal"></label>'
        '<label>Day <input name="day" type="date"></label>'
        '<label>Reference <input name="reference" maxlength="21"></label>'
        '<label>Note <input name="note"></label></p>'
        '<button type="submit">Save the payment</button></form>'
    )


def _customer_name(books: Books, form: Doc) -> str:
    return escape(str((books.get("Customer", form["CustomerRef"]["value"]) or {}).get("DisplayName")))


def _table(heads: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _money(doc: Doc, amount: Any) -> str:
    return escape(f"{amount_of(amount):,.2f} {doc['CurrencyRef']['value']}")


def _title(books: Books) -> str:
    return str((books.get("CompanyInfo", "1") or {}).get("CompanyName"))


def _page(title: str, body: str, status: int = 200) -> Response:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    text = f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>'
    return Response(text, status, mimetype="text/html")
