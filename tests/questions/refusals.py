"""What QuickBooks refuses, asked under the name of its error: how it comes to that, and how it ends."""

from tests.questions.desk import EARLIER, Desk, press, set_active, situation
from tests.questions.repairs import retry
from tests.questions.situations import of_contact, of_invoice, of_payment

NUMBER = "1043"


def _retry(desk: Desk) -> None:
    retry(desk, of_invoice(desk))


# --- numbers that are taken ----------------------------------------------------------------------


def _typed(desk: Desk, customer: str, amount: float) -> str:
    """A bookkeeper types an invoice, and a user makes one with its number."""
    desk.made["theirs"] = desk.foreign(desk.customer(customer), amount, NUMBER)
    desk.bill(number=NUMBER)
    return of_invoice(desk)


def _renumber(desk: Desk) -> None:
    desk.change(desk.made["invoice"], number="1044")


@situation(
    "duplicate_number",
    "the same sale was typed in QuickBooks too",
    "adopt",
    repair=("ours gets another number", _renumber),
)
def _(desk: Desk) -> str:
    return _typed(desk, "Aster", 100)


def _theirs(desk: Desk) -> str:
    return str(desk.made["theirs"]["Id"])


@situation("duplicate_number", "another total of the same customer's", "link", link=_theirs)
def _(desk: Desk) -> str:
    return _typed(desk, "Aster", 55)


@situation("duplicate_number", "another customer's invoice", repair=("it gets another number", _renumber))
def _(desk: Desk) -> str:
    return _typed(desk, "Birch", 55)


@situation("duplicate_number", "the number of our own void one is used again", "free")
def _(desk: Desk) -> str:
    old = desk.bill(number=NUMBER)
    desk.world.ravetree.delete("invoices", old["id"])
    desk.world.settle()
    desk.made["invoice"] = desk.world.invoice(old["client_id"], "80.00", number=NUMBER)
    desk.world.settle()
    return of_invoice(desk)


# --- names that are taken ------------------------------------------------------------------------


def _rename(desk: Desk) -> None:
    desk.world.ravetree.change("contacts", desk.made["invoice"]["client_id"], {"name": "Aster Ltd"})
    _retry(desk)


@situation("duplicate_name", "vendors have both names of a client", repair=("it is renamed, and retry", _rename))
def _(desk: Desk) -> str:
    client = desk.world.client("Aster")
    for name in ("Aster", f"Aster ({client})"):
        desk.world.quickbooks.write("vendor", {"DisplayName": name})
    desk.bill(client=client)
    return of_invoice(desk)


def _rename_and_press(desk: Desk) -> None:
    desk.world.ravetree.change("contacts", desk.made["invoice"]["client_id"], {"name": "Aster Ltd"})
    press(desk, desk.made["invoice"]["client_id"])


@situation(
    "duplicate_name",
    "a client got the name of a vendor",
    repair=("it is renamed, and its button is pressed", _rename_and_press),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.quickbooks.write("vendor", {"DisplayName": "Birch"})
    desk.world.ravetree.change("contacts", invoice["client_id"], {"name": "Birch"})
    press(desk, invoice["client_id"])
    return of_contact(desk)


# --- closed, deposited, inactive -----------------------------------------------------------------


def _into_closed_period(desk: Desk) -> str:
    desk.close_books()
    desk.bill(issue_date=EARLIER)
    return of_invoice(desk)


def _date_later(desk: Desk) -> None:
    desk.change(desk.made["invoice"], issue_date="2026-11-12")


@situation(
    "books_closed", "an invoice with a wrong date, in a closed period", repair=("its date is changed", _date_later)
)
def _(desk: Desk) -> str:
    return _into_closed_period(desk)


def _open(desk: Desk) -> None:
    desk.close_books("2026-01-31")
    _retry(desk)


@situation("books_closed", "an invoice of a closed period", repair=("the period is opened, and retry", _open))
def _(desk: Desk) -> str:
    return _into_closed_period(desk)


def _undeposit(desk: Desk) -> None:
    (deposit,) = desk.world.quickbooks.query("select * from Deposit")
    desk.end("Deposit", deposit)


@situation(
    "deposited_payment",
    "it was lowered in Ravetree after its deposit",
    repair=("the deposit is removed", _undeposit),
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    desk.deposit(desk.payments()[0])
    share = [{"invoice_id": invoice["id"], "amount": "40.00"}]
    desk.world.ravetree.change("payments", payment["id"], {"amount": "40.00", "allocations": share})
    desk.world.settle()
    return of_payment(desk)


def _make_customer_active(desk: Desk) -> None:
    set_active(desk, "Customer", desk.made["customer"], active=True)


@situation(
    "billed_customer_inactive",
    "a new invoice for an inactive customer",
    repair=("it is made active again", _make_customer_active),
)
def _(desk: Desk) -> str:
    client = desk.world.client("Aster")
    press(desk, client)
    (desk.made["customer"],) = desk.world.quickbooks.query("select * from Customer where DisplayName = 'Aster'")
    set_active(desk, "Customer", desk.made["customer"], active=False)
    desk.bill(client=client)
    return of_invoice(desk)


def _make_item_active(desk: Desk) -> None:
    set_active(desk, "Item", desk.made["item"], active=True)


@situation("item_inactive", "a mapped item was made inactive", repair=("it is made active again", _make_item_active))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    name = desk.there(invoice)["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"]
    desk.made["item"] = {"Id": name}
    set_active(desk, "Item", desk.made["item"], active=False)
    desk.made["invoice"] = desk.world.invoice(invoice["client_id"], "30.00")
    desk.world.settle()
    return of_invoice(desk)


def _refused_once(desk: Desk, code: str) -> str:
    """QuickBooks refuses an invoice for something that we do not know, until it is set right there."""
    desk.world.quickbooks.steer("faults", {"endpoint": "invoice.create", "kind": f"fault:{code}", "count": 1})
    desk.bill()
    return of_invoice(desk)


@situation("business_rule", "a rule of QuickBooks' own", repair=("it is done, and retry", _retry))
def _(desk: Desk) -> str:
    return _refused_once(desk, "6000")


@situation("not_found_or_inactive", "neither its customer nor an item", repair=("it is made active, and retry", _retry))
def _(desk: Desk) -> str:
    return _refused_once(desk, "610")


@situation("stale_reference", "neither its customer nor an item", repair=("it is mapped, and retry", _retry))
def _(desk: Desk) -> str:
    return _refused_once(desk, "2500")
