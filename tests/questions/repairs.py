"""The questions that take no decision: how each comes to be asked, and the repair that its remedy names."""

import json
from collections.abc import Callable
from typing import Any

import requests
import sqlalchemy as sa

from ravebooks.demo.sides import Body
from storage import connections
from storage.models import Mapping
from sync.duties import CHANGES
from tests.questions.desk import TODAY, Desk, press, say, set_active, situation
from tests.questions.situations import of_contact, of_invoice, of_payment
from tests.simulation.concurrency.pairs import LINE, MORE
from tests.simulation.spoiling import Answer, spoiled


def retry(desk: Desk, name: str) -> None:
    """A person presses retry."""
    path = f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}/retry"
    desk.world.api("POST", path, {})
    desk.world.settle()


def _retried(desk: Desk) -> None:
    retry(desk, of_payment(desk) if "payment" in desk.made else of_invoice(desk))


def _remove_payments(desk: Desk) -> None:
    for row in desk.payments():
        desk.end("Payment", row)
    if any(row["code"] != "" for row in desk.world.attention()):
        retry(desk, of_invoice(desk))


# --- marked as paid ------------------------------------------------------------------------------


def _open_books(desk: Desk) -> None:
    desk.close_books("2026-01-31")
    retry(desk, of_invoice(desk))


@situation(
    "placeholder_in_closed_period",
    "the invoice was lowered after its period was closed",
    repair=("the period is opened, and retry", _open_books),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.close_books(TODAY)
    desk.change(invoice, lines=[LINE | {"unit_price": "30.00"}])
    return of_invoice(desk)


def _enter_it(desk: Desk) -> None:
    desk.world.receive({desk.made["invoice"]["id"]: "100.00"}, day=TODAY)
    desk.world.settle()


@situation(
    "placeholder_deposited",
    "the mark was taken away after the deposit",
    repair=("the payment is entered in Ravetree", _enter_it),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.deposit(desk.payments()[0])
    desk.change(invoice, status="sent")
    return of_invoice(desk)


# --- payments ------------------------------------------------------------------------------------


def _lower_it(desk: Desk) -> None:
    share = [{"invoice_id": desk.made["invoice"]["id"], "amount": "40.00"}]
    desk.world.ravetree.change("payments", desk.made["payment"]["id"], {"amount": "40.00", "allocations": share})
    desk.world.settle()


@situation("more_than_open", "two payments on one invoice", repair=("Ravetree's is lowered", _lower_it))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.made["payment"] = desk.world.receive({invoice["id"]: "80.00"}, day="2026-10-20")
    desk.world.quickbooks.pay({invoice["number"]: "60.00"}, TODAY)
    desk.world.settle()
    return of_payment(desk)


def _take_off_there(desk: Desk) -> None:
    row = desk.payments()[0]
    mine = [line for line in row["Line"] if line["LinkedTxn"][0]["TxnId"] == desk.there(desk.made["invoice"])["Id"]]
    desk.edit("Payment", row, Line=mine)


@situation(
    "spent_elsewhere", "QuickBooks had applied it first", repair=("it is taken off in QuickBooks", _take_off_there)
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    body = {"client_id": invoice["client_id"], "date": TODAY, "amount": "60.00", "currency": "USD", "allocations": []}
    desk.made["payment"] = desk.world.ravetree.create("payments", body)
    desk.world.settle()
    (row,) = desk.payments()
    other = desk.foreign(row["CustomerRef"]["value"], 60)
    link = {"Amount": 60, "LinkedTxn": [{"TxnId": other["Id"], "TxnType": "Invoice"}]}
    desk.edit("Payment", row, Line=[link])
    share = [{"invoice_id": invoice["id"], "amount": "60.00"}]
    desk.world.ravetree.change("payments", desk.made["payment"]["id"], {"allocations": share})
    desk.world.settle()
    return of_payment(desk)


def _set_back(desk: Desk) -> None:
    payment = desk.made["payment"]
    desk.world.ravetree.change("payments", payment["id"], {"client_id": payment["client_id"]})
    desk.world.settle()


@situation("client_of_payment_changed", "after it was deposited", repair=("the client is set back", _set_back))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    body = {"client_id": invoice["client_id"], "date": TODAY, "amount": "60.00", "currency": "USD", "allocations": []}
    payment = desk.made["payment"] = desk.world.ravetree.create("payments", body)
    other = desk.world.invoice(desk.world.client("Birch"), "50.00")
    desk.world.settle()
    desk.deposit(desk.payments()[0])
    desk.world.ravetree.change("payments", payment["id"], {"client_id": other["client_id"]})
    desk.world.settle()
    return of_payment(desk)


def _credit(desk: Desk) -> None:
    row = desk.there(desk.made["invoice"])
    item = {"ItemRef": row["Line"][0]["SalesItemLineDetail"]["ItemRef"]}
    line = {"Amount": 30, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": item}
    memo = desk.world.quickbooks.write("creditmemo", {"CustomerRef": row["CustomerRef"], "Line": [line]})
    pair = [(row["Id"], "Invoice"), (memo["Id"], "CreditMemo")]
    lines = [{"Amount": 30, "LinkedTxn": [{"TxnId": name, "TxnType": kind}]} for name, kind in pair]
    body = {"CustomerRef": row["CustomerRef"], "TotalAmt": 0, "TxnDate": TODAY, "Line": lines}
    desk.world.quickbooks.write("payment", body)
    desk.world.settle()


@situation(
    "credit_only_in_ravetree",
    "credit was applied in Ravetree",
    repair=("a credit memo is applied in QuickBooks", _credit),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    share = [{"invoice_id": invoice["id"], "amount": "30.00"}]
    body = {"client_id": invoice["client_id"], "date": TODAY, "amount": "0.00", "currency": "USD"}
    desk.made["payment"] = desk.world.ravetree.create(
        "payments", body | {"credit_amount": "30.00", "allocations": share}
    )
    desk.world.settle()
    return of_payment(desk)


# --- documents -----------------------------------------------------------------------------------


@situation(
    "void_with_payments", "voided here, paid there", repair=("the payment is removed, and retry", _remove_payments)
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.ravetree.change("invoices", invoice["id"], {"status": "void"})
    desk.world.quickbooks.pay({invoice["number"]: "60.00"}, TODAY)
    desk.world.settle()
    return of_invoice(desk)


def _raise_again(desk: Desk) -> None:
    desk.change(desk.made["invoice"], lines=[LINE | {"unit_price": "80.00"}])


@situation("total_below_paid", "lowered below a payment", repair=("the lines are corrected", _raise_again))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(60, (invoice, 60))
    desk.change(invoice, lines=[LINE | {"unit_price": "30.00"}])
    return of_invoice(desk)


def _client_back(desk: Desk) -> None:
    desk.change(desk.made["invoice"], client_id=desk.made["invoice"]["client_id"])


@situation(
    "client_changed_with_payments", "another client, and a payment", repair=("the client is set back", _client_back)
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(60, (invoice, 60))
    desk.change(invoice, client_id=desk.world.client("Birch"))
    return of_invoice(desk)


def _add_line(desk: Desk) -> None:
    desk.change(desk.made["invoice"], lines=[MORE])


@situation("invoice_without_lines", "all lines were removed", repair=("a line is added", _add_line))
def _(desk: Desk) -> str:
    desk.change(desk.bill(), lines=[])
    return of_invoice(desk)


def _renumber(desk: Desk) -> None:
    desk.change(desk.made["invoice"], number="1043")


@situation("number_too_long", "a number of 24 characters", repair=("it is shortened", _renumber))
def _(desk: Desk) -> str:
    desk.bill(number="1043-2026-11-20-OFFICE-A")
    return of_invoice(desk)


def _correct(desk: Desk) -> None:
    desk.change(desk.made["invoice"], lines=[LINE])


@situation("negative_total", "a credit as an invoice", repair=("its lines are corrected", _correct))
def _(desk: Desk) -> str:
    desk.bill("-100.00")
    return of_invoice(desk)


def _map(desk: Desk) -> None:
    item = desk.world.quickbooks.query("select * from Item where Type = 'Service'")[0]["Id"]
    path = f"/api/connections/{desk.world.connection_id}/mappings"
    desk.world.api("PUT", path, {"line_types": {"time": item}})
    desk.world.settle()


@situation("line_type_not_mapped", "a new type of line", repair=("it is mapped", _map))
def _(desk: Desk) -> str:
    with desk.world.parts.database.transaction() as session:
        session.execute(sa.delete(Mapping).where(Mapping.key == "time"))
    desk.bill()
    return of_invoice(desk)


# --- clients -------------------------------------------------------------------------------------


def _rename(desk: Desk) -> None:
    desk.world.ravetree.change("contacts", desk.made["invoice"]["client_id"], {"name": "Aster"})
    desk.world.settle()


@situation("contact_without_name", "a client without a name", repair=("it gets a name", _rename))
def _(desk: Desk) -> str:
    desk.bill(name=" ")
    return of_invoice(desk)


def _make_active(desk: Desk) -> None:
    set_active(desk, "Customer", desk.made["customer"], active=True)


@situation("customer_inactive", "it was made inactive in QuickBooks", repair=("it is made active again", _make_active))
def _(desk: Desk) -> str:
    press(desk, desk.world.client("Aster"))
    (customer,) = desk.world.quickbooks.query("select * from Customer where DisplayName = 'Aster'")
    desk.made["customer"] = customer
    set_active(desk, "Customer", customer, active=False)
    desk.world.plan(CHANGES)
    desk.world.settle()
    return f"quickbooks:contact:{customer['Id']}"


def _merge_there(desk: Desk) -> None:
    named = {"survivor": desk.made["other"]["Id"], "merged": desk.made["customer"]["Id"]}
    desk.world.quickbooks.steer("merge", named)
    desk.world.settle()


@situation(
    "merged_apart", "two clients with a customer each", repair=("the customers are merged in QuickBooks", _merge_there)
)
def _(desk: Desk) -> str:
    old, new = desk.bill(), desk.world.invoice(desk.world.client("Birch"), "50.00")
    desk.world.settle()
    desk.made["customer"] = {"Id": desk.there(old)["CustomerRef"]["value"]}
    desk.made["other"] = {"Id": desk.there(new)["CustomerRef"]["value"]}
    desk.world.ravetree.change("contacts", old["client_id"], {"merged_into": new["client_id"]})
    desk.world.settle()
    return of_contact(desk)


# --- numbers -------------------------------------------------------------------------------------


def _keep_numbers(desk: Desk) -> None:
    _set_preferences(desk, SalesFormsPrefs={"CustomTxnNumbers": True})
    retry(desk, of_invoice(desk))


@situation(
    "number_not_kept",
    "QuickBooks numbers invoices itself",
    repair=("custom transaction numbers are turned on, and retry", _keep_numbers),
)
def _(desk: Desk) -> str:
    _set_preferences(desk, SalesFormsPrefs={"CustomTxnNumbers": False})
    desk.bill(number="R-1")
    return of_invoice(desk)


def _set_preferences(desk: Desk, **preferences: Body) -> None:
    row = desk.world.quickbooks.query("select * from Preferences")[0]
    named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    desk.world.quickbooks.write("preferences", named | preferences)
    desk.world.settle()


# --- documents that cannot go as they are ---------------------------------------------------------


def _add_line_to_estimate(desk: Desk) -> None:
    desk.world.ravetree.change("estimates", desk.made["estimate"]["id"], {"lines": [MORE]})
    desk.world.settle()


@situation("estimate_without_lines", "all lines were removed", repair=("a line is added", _add_line_to_estimate))
def _(desk: Desk) -> str:
    estimate = desk.estimate()
    desk.world.ravetree.change("estimates", estimate["id"], {"lines": []})
    desk.world.settle()
    return f"ravetree:estimate:{estimate['id']}"


def _currency_back(desk: Desk) -> None:
    desk.change(desk.made["invoice"], currency="USD")


@situation(
    "currency_changed_with_payments",
    "while it was paid in QuickBooks",
    repair=("the currency is set back", _currency_back),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.quickbooks.pay({invoice["number"]: "60.00"}, TODAY)
    desk.change(invoice, currency="EUR")
    return of_invoice(desk)


@situation(
    "currency_changed_with_payments",
    "while it was paid in QuickBooks, and that was wrong",
    repair=("the payment is removed", _remove_payments),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.quickbooks.pay({invoice["number"]: "60.00"}, TODAY)
    desk.change(invoice, currency="EUR")
    return of_invoice(desk)


@situation(
    "customer_differs_with_payments",
    "its client was linked to another customer",
    repair=("the payment is removed, and retry", _remove_payments),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(60, (invoice, 60))
    say(desk, of_contact(desk), "link", desk.customer("Aster Ltd"))
    desk.change(invoice, memo="please pay")
    return of_invoice(desk)


def _take_off_here(desk: Desk) -> None:
    desk.world.ravetree.delete("payments", desk.made["payment"]["id"])
    retry(desk, of_invoice(desk))


@situation(
    "voided_in_quickbooks_with_payments",
    "with a payment that was taken apart",
    repair=("the payment is removed in Ravetree, and retry", _take_off_here),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    say(desk, of_payment(desk), "unlink")
    desk.end("Payment", desk.payments()[0])
    desk.end("Invoice", desk.there(invoice), "void")
    return of_invoice(desk)


def _release(desk: Desk) -> None:
    desk.world.api("POST", f"/api/connections/{desk.world.connection_id}/release-brake")
    desk.world.settle()


@situation("too_many_removals", "more than the limit of an hour", repair=("the brake is released", _release))
def _(desk: Desk) -> str:
    path = f"/api/connections/{desk.world.connection_id}/settings"
    desk.world.api("PUT", path, {"removals_limit": 1})
    client = desk.world.client("Aster")
    first, second = (desk.world.invoice(client, "10.00") for _ in range(2))
    desk.world.settle()
    desk.change(first, status="void")
    desk.made["invoice"] = second
    desk.change(second, status="void")
    return of_invoice(desk)


# --- settings ------------------------------------------------------------------------------------


def _set_time_zone(desk: Desk) -> None:
    path = f"/api/connections/{desk.world.connection_id}/settings"
    desk.world.api("PUT", path, {"time_zone": "America/Los_Angeles"})
    desk.world.settle()


@situation("time_zone_unknown", "QuickBooks names none that there is", repair=("it is set", _set_time_zone))
def _(desk: Desk) -> str:
    (company,) = desk.world.quickbooks.query("select * from CompanyInfo")
    desk.world.quickbooks.write("companyinfo", company | {"DefaultTimeZone": "Mars/Olympus"})
    with desk.world.parts.database.transaction() as session:
        connections.get(session, desk.world.connection_id).time_zone = ""
    desk.mark(desk.bill())
    return of_invoice(desk)


def _tax_code(desk: Desk, name: str) -> str:
    found = {row["Name"]: row["Id"] for row in desk.world.quickbooks.query("select * from TaxCode")}
    return str(found[name])


def _map_rate(desk: Desk, key: str, name: str) -> None:
    path = f"/api/connections/{desk.world.connection_id}/mappings"
    desk.world.api("PUT", path, {"tax_rates": {key: _tax_code(desk, name)}})
    desk.world.settle()


def _unmapped(desk: Desk, key: str, **line: Any) -> str:
    """An invoice in Great Britain with a line whose tax rate is not mapped."""
    with desk.world.parts.database.transaction() as session:
        session.execute(sa.delete(Mapping).where(Mapping.key == key))
    client = desk.world.client("Aster", currency="GBP")
    body = {"client_id": client, "issue_date": TODAY, "currency": "GBP", "lines": [LINE | line]}
    desk.made["invoice"] = desk.world.ravetree.create("invoices", body)
    desk.world.settle()
    return of_invoice(desk)


def _map_vat(desk: Desk) -> None:
    _map_rate(desk, "vat", "20.0% S")


@situation("tax_rate_not_mapped", "a new tax rate", country="GB", repair=("it is mapped", _map_vat))
def _(desk: Desk) -> str:
    return _unmapped(desk, "vat", taxable=True, tax_rate="vat")


def _map_no_rate(desk: Desk) -> None:
    _map_rate(desk, "", "No VAT")


@situation("tax_rate_not_mapped", "a line without one", country="GB", repair=("it is mapped", _map_no_rate))
def _(desk: Desk) -> str:
    return _unmapped(desk, "")


def _date_right(desk: Desk) -> None:
    desk.change(desk.made["invoice"], issue_date=TODAY)


@situation(
    "tax_rate_not_mapped",
    "its tax code has no rate on its date",
    country="GB",
    repair=("its date is set right", _date_right),
)
def _(desk: Desk) -> str:
    line = LINE | {"taxable": True, "tax_rate": "vat"}
    body = {"client_id": desk.world.client("Aster", currency="GBP"), "currency": "GBP", "lines": [line]}
    desk.made["invoice"] = desk.world.ravetree.create(
        "invoices", body | {"issue_date": "1926-11-20", "tax_inclusive": True}
    )
    desk.world.settle()
    return of_invoice(desk)


def _less_tax(desk: Desk) -> None:
    desk.change(desk.made["invoice"], tax_amount="8.00")


@situation("totals_do_not_add_up", "more tax than what it is on", repair=("the tax is corrected", _less_tax))
def _(desk: Desk) -> str:
    line = LINE | {"taxable": True}
    body = {"client_id": desk.world.client("Aster"), "issue_date": TODAY, "currency": "USD", "lines": [line]}
    taxed = {"tax_inclusive": True, "tax_amount": "108.00"}
    desk.made["invoice"] = desk.world.ravetree.create("invoices", body | taxed)
    desk.world.settle()
    return of_invoice(desk)


# --- money ---------------------------------------------------------------------------------------


def _credit_back(desk: Desk) -> None:
    _set_credit(desk, "30.00")


def _set_credit(desk: Desk, amount: str) -> None:
    share = [{"invoice_id": desk.made["invoice"]["id"], "amount": amount}]
    (row,) = desk.world.ravetree.every("payments")
    desk.world.ravetree.change("payments", row["id"], {"credit_amount": amount, "allocations": share})
    desk.world.settle()


@situation("credit_changed_in_ravetree", "it was lowered", repair=("it is set back", _credit_back))
def _(desk: Desk) -> str:
    desk.bill()
    _credit(desk)
    (desk.made["payment"],) = desk.world.ravetree.every("payments")
    _set_credit(desk, "20.00")
    return of_payment(desk)


def _unapplied_there(desk: Desk) -> str:
    """QuickBooks takes our payment and applies nothing of it, as it may where the invoice was paid a moment before."""
    invoice = desk.bill()

    def spoil(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if request.method == "POST" and "/payment?" in (request.url or ""):
            request.body = json.dumps(json.loads(request.body or b"{}") | {"Line": []}).encode()
        return ask()

    with spoiled(desk.world, spoil):
        desk.receive({invoice["id"]: "60.00"})
    return of_payment(desk)


def _remove_there(desk: Desk) -> None:
    desk.end("Payment", desk.payments()[0])


def _apply_there(desk: Desk) -> None:
    link = {"TxnId": desk.there(desk.made["invoice"])["Id"], "TxnType": "Invoice"}
    desk.edit("Payment", desk.payments()[0], Line=[{"Amount": 60, "LinkedTxn": [link]}])


situation(
    "possible_double_payment",
    "QuickBooks left it unapplied, and it should not be there",
    repair=("ours is removed in QuickBooks", _remove_there),
)(_unapplied_there)
situation(
    "possible_double_payment", "QuickBooks left it unapplied", repair=("it is applied in QuickBooks", _apply_there)
)(_unapplied_there)
