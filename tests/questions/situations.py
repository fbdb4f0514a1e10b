"""Every question that a person can be asked about a record, and how it comes to be asked."""

from sync.duties import CHANGES
from tests.questions.desk import EARLIER, TODAY, Desk, say, set_active, situation
from tests.simulation.concurrency.pairs import LINE
from tests.simulation.test_tax import charge_sales_tax


def of_invoice(desk: Desk) -> str:
    """The name of the invoice that a situation is about."""
    return f"ravetree:invoice:{desk.made['invoice']['id']}"


def of_payment(desk: Desk) -> str:
    """The name of the payment that a situation is about."""
    return f"ravetree:payment:{desk.made['payment']['id']}"


# --- marked as paid ------------------------------------------------------------------------------


@situation(
    "placeholder_changed",
    "its amount was lowered",
    "payment",
    "restore",
    then={"payment": (("mark_not_covered", "placeholder"),)},
)
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    (row,) = desk.payments()
    desk.edit("Payment", row, TotalAmt=60, Line=[dict(row["Line"][0], Amount=60)])
    return of_invoice(desk)


@situation("placeholder_changed", "its reference was written in", "payment", "restore")
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")
    return of_invoice(desk)


@situation("placeholder_changed", "its date was set", "payment", "restore")
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    desk.edit("Payment", desk.payments()[0], TxnDate=EARLIER)
    return of_invoice(desk)


@situation("placeholder_changed", "it was raised, and put on another invoice too", "payment")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    (row,) = desk.payments()
    other = desk.foreign(row["CustomerRef"]["value"], 50)
    more = {"Amount": 50, "LinkedTxn": [{"TxnId": other["Id"], "TxnType": "Invoice"}]}
    desk.edit("Payment", row, TotalAmt=150, Line=[*row["Line"], more])
    return of_invoice(desk)


@situation(
    "placeholder_changed",
    "and the invoice was voided in Ravetree since",
    "payment",
    "restore",
    then={"payment": (("void_with_payments", ""),)},
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")
    desk.change(invoice, status="void")
    return of_invoice(desk)


@situation("placeholder_changed", "its reference was written in, and the invoice was voided in QuickBooks", "payment")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77", Line=[])
    desk.end("Invoice", desk.there(invoice), "void")
    return of_invoice(desk)


@situation("placeholder_removed", "deleted in QuickBooks", "placeholder", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    desk.end("Payment", desk.payments()[0])
    return of_invoice(desk)


@situation("mark_not_covered", "a payment beside it was deleted", "placeholder", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    payment = desk.receive({invoice["id"]: "100.00"})
    desk.world.ravetree.delete("payments", payment["id"])
    desk.world.settle()
    return of_invoice(desk)


@situation(
    "mark_not_covered", "a payment beside it was deleted in QuickBooks", "placeholder", "leave", differs=("leave",)
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "40.00"})
    (real,) = desk.payments()
    desk.mark(invoice)
    desk.end("Payment", real)
    return of_invoice(desk)


@situation("mark_in_closed_period", "marked before the books were closed", "today", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    desk.close_books(TODAY)
    desk.world.clock.advance(86_400)
    desk.world.settle()
    return of_invoice(desk)


@situation("mark_in_closed_period", "today is closed too", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill(issue_date="2026-12-21")
    desk.world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    desk.close_books("2026-11-30")
    return of_invoice(desk)


@situation("unapplied_money_beside_mark", "the same amount", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(100, (invoice, 0))
    desk.mark(invoice)
    return of_invoice(desk)


@situation("unapplied_money_beside_mark", "less, and after the placeholder", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.pay_there(40, customer=desk.there(invoice)["CustomerRef"]["value"])
    return of_invoice(desk)


@situation(
    "unapplied_money_beside_mark",
    "two payments",
    "one",
    "two",
    one=lambda desk: str(desk.payments()[0]["Id"]),
    then={"one": (("unapplied_money_beside_mark", "one"),)},
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    customer = desk.there(invoice)["CustomerRef"]["value"]
    desk.pay_there(40, customer=customer)
    desk.pay_there(60, customer=customer)
    desk.mark(invoice)
    return of_invoice(desk)


@situation("credit_beside_mark", "a credit memo of the customer's", "placeholder")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    row = desk.there(invoice)
    item = {"ItemRef": row["Line"][0]["SalesItemLineDetail"]["ItemRef"]}
    line = {"Amount": 30, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": item}
    desk.world.quickbooks.write("creditmemo", {"CustomerRef": row["CustomerRef"], "Line": [line]})
    desk.world.settle()
    desk.world.plan(CHANGES)
    desk.world.settle()
    desk.mark(invoice)
    return of_invoice(desk)


# --- what is open --------------------------------------------------------------------------------


@situation("open_balances_differ", "the total was raised in QuickBooks", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    desk.price(desk.bill(), 150)
    return of_invoice(desk)


@situation("open_balances_differ", "marked over a total that was raised in QuickBooks", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.price(invoice, 150)
    desk.mark(invoice)
    return of_invoice(desk)


@situation("deposit_on_form", "a deposit on the form in QuickBooks", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.edit("Invoice", desk.there(invoice), Deposit=40)
    return of_invoice(desk)


# --- payments ------------------------------------------------------------------------------------


@situation("one_or_two_payments", "on the same invoice", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.ravetree.change("invoices", invoice["id"], {"memo": "m"})
    desk.world.receive({invoice["id"]: "40.00"}, "MINE", TODAY)
    desk.made["payment"] = desk.world.ravetree.every("payments")[0]
    desk.pay_there(40, (invoice, 40), PaymentRefNum="THEIRS")
    return of_payment(desk)


@situation("one_or_two_payments", "it lies unapplied in QuickBooks", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    desk.receive({invoice["id"]: "60.00"})
    return of_payment(desk)


@situation("one_or_two_payments", "it appears after ours was copied", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    return of_payment(desk)


@situation("one_or_two_payments", "ours is deposited already", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    desk.deposit(desk.payments()[0])
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    return of_payment(desk)


@situation("one_or_two_payments", "several may be it", "one", "two", one=lambda desk: str(desk.payments()[0]["Id"]))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    customer = desk.there(invoice)["CustomerRef"]["value"]
    desk.pay_there(60, customer=customer)
    desk.pay_there(60, customer=customer)
    desk.receive({invoice["id"]: "60.00"})
    return of_payment(desk)


@situation("several_payers", "invoices of two clients", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    first, second = desk.bill(), desk.world.invoice(desk.world.client("Birch"), "50.00")
    desk.world.settle()
    desk.receive({first["id"]: "100.00", second["id"]: "50.00"})
    return of_payment(desk)


@situation("removed_here_shared_there", "deposited", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    desk.deposit(desk.payments()[0])
    desk.world.ravetree.delete("payments", payment["id"])
    desk.world.settle()
    return of_payment(desk)


@situation("removed_here_edited_there", "a reference was written in", "ravetree", "quickbooks")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt", "Line")}
    desk.world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "CHK 1"})
    desk.world.ravetree.delete("payments", payment["id"])
    desk.world.settle()
    return of_payment(desk)


@situation("removed_there_edited_here", "a reference was written in", "quickbooks", "ravetree")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    desk.world.ravetree.change("payments", payment["id"], {"reference": "CHK 1"})
    desk.world.quickbooks.write("payment?operation=delete", {"Id": row["Id"], "SyncToken": row["SyncToken"]})
    desk.world.settle()
    return of_payment(desk)


@situation("removed_there_edited_here", "and its invoice was taken apart", "quickbooks", "ravetree")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    say(desk, of_invoice(desk), "unlink")
    desk.end("Payment", desk.payments()[0])
    return of_payment(desk)


@situation("edited_on_both_sides", "two references", "ravetree", "quickbooks")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt", "Line")}
    desk.world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "THEIRS"})
    desk.world.ravetree.change("payments", payment["id"], {"reference": "OURS"})
    desk.world.settle()
    return of_payment(desk)


@situation("edited_on_both_sides", "two amounts", "ravetree", "quickbooks")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef")}
    line = dict(row["Line"][0], Amount=45)
    desk.world.quickbooks.write("payment", named | {"sparse": True, "TotalAmt": 45, "Line": [line]})
    share = [{"invoice_id": invoice["id"], "amount": "30.00"}]
    desk.world.ravetree.change("payments", payment["id"], {"amount": "30.00", "allocations": share})
    desk.world.settle()
    return of_payment(desk)


@situation(
    "share_fell_with_total",
    "the invoice was lowered after it was paid",
    "quickbooks",
    differs=("quickbooks",),
    then={"quickbooks": (("open_balances_differ", "leave"),)},
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "100.00"})
    desk.price(invoice, 90)
    return of_payment(desk)


@situation(
    "share_fell_with_total",
    "the invoice was lowered while it was marked as paid",
    "quickbooks",
    differs=("quickbooks",),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.price(invoice, 80)
    return of_invoice(desk)


# --- documents -----------------------------------------------------------------------------------


@situation("drift_before_overwrite", "edited in QuickBooks, then in Ravetree", "overwrite")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    row = desk.there(invoice)
    line = dict(row["Line"][0], Amount=150)
    line["SalesItemLineDetail"] = dict(line["SalesItemLineDetail"], Qty=1, UnitPrice=150)
    named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    desk.world.quickbooks.write("invoice", named | {"Line": [line]})
    desk.change(invoice, memo="please pay")
    return of_invoice(desk)


@situation("deleted_in_quickbooks", "an invoice", "push", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    desk.end("Invoice", desk.there(desk.bill()))
    return of_invoice(desk)


@situation("deleted_in_quickbooks", "an estimate", "push", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    body = {"client_id": desk.world.client("Aster"), "issue_date": TODAY, "currency": "USD", "lines": [LINE]}
    estimate = desk.world.ravetree.create("estimates", body)
    desk.world.settle()
    desk.end("Estimate", desk.there(estimate, "Estimate"))
    return f"ravetree:estimate:{estimate['id']}"


@situation("valid_again_in_quickbooks", "its lines entered again", "leave", "ravetree", differs=("leave",))
def _(desk: Desk) -> str:
    row = desk.there(desk.bill())
    desk.end("Invoice", row, "void")
    (now,) = desk.world.quickbooks.query("select * from Invoice")
    desk.edit("Invoice", now, Line=row["Line"], PrivateNote="")
    return of_invoice(desk)


@situation("ended_in_closed_period", "voided in Ravetree", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill(issue_date=EARLIER)
    desk.close_books()
    desk.change(invoice, status="void")
    return of_invoice(desk)


@situation("ended_in_closed_period", "deleted in Ravetree", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill(issue_date=EARLIER)
    desk.close_books()
    desk.world.ravetree.delete("invoices", invoice["id"])
    desk.world.settle()
    return of_invoice(desk)


@situation("total_differs", "tax, and QuickBooks charges none", "accept")
def _(desk: Desk) -> str:
    charge_sales_tax(desk.world, on=False)
    line = LINE | {"taxable": True}
    invoice = {"client_id": desk.world.client("Aster"), "issue_date": TODAY, "currency": "USD", "lines": [line]}
    desk.made["invoice"] = desk.world.ravetree.create("invoices", invoice | {"tax_amount": "8.00"})
    desk.world.settle()
    return of_invoice(desk)


@situation("total_differs", "tax rounded by line", "accept", differs=("accept",), country="GB")
def _(desk: Desk) -> str:
    line = LINE | {"unit_price": "0.33", "taxable": True, "tax_rate": "vat"}
    client = desk.world.client("Aster", currency="GBP")
    body = {"client_id": client, "issue_date": TODAY, "currency": "GBP", "lines": [line] * 3, "tax_amount": "0.21"}
    desk.made["invoice"] = desk.world.ravetree.create("invoices", body)
    desk.world.settle()
    return of_invoice(desk)


@situation("maybe_voided", "a note was typed on an invoice over nothing", "quickbooks", "leave")
def _(desk: Desk) -> str:
    invoice = desk.bill("0.00")
    desk.edit("Invoice", desk.there(invoice), PrivateNote="Voided the pledge of May")
    return of_invoice(desk)


def _theirs(desk: Desk) -> str:
    return str(desk.made["theirs"]["Id"])


def _invoice_of_estimate(desk: Desk, total: float) -> str:
    """An estimate is invoiced in QuickBooks, and then in Ravetree."""
    estimate = desk.estimate(status="accepted")
    copy = desk.there(estimate, "Estimate")
    item = copy["Line"][0]["SalesItemLineDetail"]["ItemRef"]
    line = {"DetailType": "SalesItemLineDetail", "Amount": total, "SalesItemLineDetail": {"ItemRef": item}}
    body = {"CustomerRef": copy["CustomerRef"], "DocNumber": "QB-1", "TxnDate": EARLIER, "Line": [line]}
    linked = {"LinkedTxn": [{"TxnId": copy["Id"], "TxnType": "Estimate"}]}
    desk.made["theirs"] = desk.world.quickbooks.write("invoice", body | linked)
    desk.bill(client=estimate["client_id"], estimate_id=estimate["id"])
    return of_invoice(desk)


@situation("estimate_invoiced_in_quickbooks", "over the same total", "link", "two", link=_theirs)
def _(desk: Desk) -> str:
    return _invoice_of_estimate(desk, 100)


@situation(
    "estimate_invoiced_in_quickbooks",
    "over another total",
    "link",
    "two",
    link=_theirs,
    then={"link": (("drift_before_overwrite", "overwrite"),)},
)
def _(desk: Desk) -> str:
    return _invoice_of_estimate(desk, 90)


# --- tied by a person ----------------------------------------------------------------------------


@situation("link_not_possible", "an invoice to a void one", "push")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    void = desk.foreign(desk.there(invoice)["CustomerRef"]["value"], 50)
    desk.end("Invoice", void, "void")
    say(desk, of_invoice(desk), "link", void["Id"])
    return of_invoice(desk)


@situation("link_not_possible", "a payment to one that there is not", "unlink")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    say(desk, of_payment(desk), "link", "99999")
    return of_payment(desk)


@situation("link_not_possible", "a customer to a client that there is not", "two")
def _(desk: Desk) -> str:
    name = f"quickbooks:contact:{desk.customer('Aster')}"
    say(desk, name, "link", "con_none")
    return name


# --- clients -------------------------------------------------------------------------------------


def _customer(desk: Desk) -> str:
    return str(desk.made["customer"]["Id"])


def _client(desk: Desk) -> str:
    return str(desk.made["client"]["id"])


@situation("contact_ambiguous", "a customer with another e-mail address", "link", "two", link=_customer)
def _(desk: Desk) -> str:
    mail = {"Address": "books@aster.example"}
    desk.made["customer"] = {"Id": desk.customer("Aster", PrimaryEmailAddr=mail)}
    desk.bill(client=desk.world.client("Aster", email="office@elsewhere.example"))
    return of_invoice(desk)


@situation("contact_unlinked", "its client was taken apart", "link", "two", link=_customer)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.made["customer"] = {"Id": desk.there(invoice)["CustomerRef"]["value"]}
    path = f"/api/connections/{desk.world.connection_id}/records/ravetree/contact/{invoice['client_id']}/decision"
    desk.world.api("POST", path, {"decision": "unlink"})
    desk.world.settle()
    desk.made["invoice"] = desk.world.invoice(invoice["client_id"], "30.00")
    desk.world.settle()
    return of_invoice(desk)


def of_contact(desk: Desk) -> str:
    """The name of the client that a situation is about."""
    return f"ravetree:contact:{desk.made['invoice']['client_id']}"


def _another(desk: Desk) -> str:
    """Another customer, whom a bookkeeper makes for it."""
    return desk.customer("Aster Ltd")


@situation("customer_inactive", "a client was linked to one that is inactive", "link", link=_another)
def _(desk: Desk) -> str:
    desk.bill()
    inactive = {"Id": desk.customer("Aster of old")}
    set_active(desk, "Customer", inactive, active=False)
    say(desk, of_contact(desk), "link", inactive["Id"])
    return of_contact(desk)


@situation("customer_gone", "a client was linked to one that there is not", "link", link=_another)
def _(desk: Desk) -> str:
    desk.bill()
    say(desk, of_contact(desk), "link", "99999")
    return of_contact(desk)


@situation("customer_gone", "the same, and it has no customer yet", "link", link=_another)
def _(desk: Desk) -> str:
    client = desk.world.client("Aster")
    say(desk, f"ravetree:contact:{client}", "unlink")
    say(desk, f"ravetree:contact:{client}", "link", "99999")
    desk.bill(client=client)
    return of_invoice(desk)


@situation("contact_ambiguous", "a customer with a client's e-mail address is imported", "link", "two", link=_client)
def _(desk: Desk) -> str:
    mail = "books@aster.example"
    desk.made["client"] = {"id": desk.world.client("Aster", email=mail)}
    name = f"quickbooks:contact:{desk.customer('Aster Ltd', PrimaryEmailAddr={'Address': mail})}"
    path = f"/api/connections/{desk.world.connection_id}/jobs"
    desk.world.api("POST", path, {"kind": "import_contacts", "by": "Kim"})
    desk.world.settle()
    return name
