"""The questions that take no decision: how each comes to be asked, and the repair that its remedy names."""

import sqlalchemy as sa

from storage.models import Mapping
from tests.simulation.concurrency import LINE, MORE
from tests.simulation.desk import TODAY, Desk, situation
from tests.simulation.questions import of_invoice, of_payment


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
