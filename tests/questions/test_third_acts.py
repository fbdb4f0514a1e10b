"""What bookkeepers correct once more: receipts put together, a void that was a mistake, an answer that is late."""

import pytest

from ravebooks.demo.sides import Body
from tests.questions.desk import TODAY, Desk, say
from tests.questions.playing import asked_now, rest
from tests.simulation.concurrency.pairs import LINE


def map_methods(desk: Desk, **methods: str) -> None:
    desk.world.api("PUT", f"/api/connections/{desk.world.connection_id}/mappings", {"payment_methods": methods})
    desk.world.settle()


# --- receipts put together -------------------------------------------------------------------------


def test_two_receipts_that_a_bookkeeper_puts_together_ask_nobody(desk: Desk) -> None:
    """The second is deleted in QuickBooks, and the first raised by it."""
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    desk.receive({invoice["id"]: "40.00"})
    first, second = sorted(desk.payments(), key=lambda row: -float(row["TotalAmt"]))
    write = desk.world.quickbooks.write
    write("payment?operation=delete", {"Id": second["Id"], "SyncToken": second["SyncToken"]})
    named = {name: first[name] for name in ("Id", "SyncToken", "CustomerRef")}
    line = {"Amount": 100, "LinkedTxn": first["Line"][0]["LinkedTxn"]}
    write("payment", named | {"sparse": True, "TotalAmt": 100, "Line": [line]})
    assert asked_now(desk) == []
    assert [row["amount"] for row in desk.world.ravetree.every("payments")] == ["100.00"]
    assert desk.world.compare().differing == []


def test_a_payment_that_finds_no_room_in_ravetree_is_asked_about_until_the_invoice_has_it(desk: Desk) -> None:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    desk.price(invoice, 150)
    (there,) = desk.payments()
    line = {"Amount": 150, "LinkedTxn": there["Line"][0]["LinkedTxn"]}
    desk.edit("Payment", there, TotalAmt=150, Line=[line])
    assert "more_than_open" in asked_now(desk)
    (question,) = (row for row in desk.world.attention() if row["code"] == "more_than_open")
    assert question["cause"] == (
        "150.00 USD were received on invoice 1001 in QuickBooks; Ravetree has only 100.00 USD open on it."
    )
    assert question["remedy"].startswith("Take another payment off it in Ravetree, set its total right")
    desk.change(invoice, lines=[LINE | {"unit_price": "150.00"}])
    assert asked_now(desk) == []
    assert [row["amount"] for row in desk.world.ravetree.every("payments")] == ["150.00"]


def test_a_payment_that_a_person_left_where_it_is_leaves_no_invoice(desk: Desk) -> None:
    """It was deleted in Ravetree and stays in QuickBooks: what takes its place in Ravetree finds no room there."""
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "100.00"})
    desk.deposit(desk.payments()[0])
    rest(desk)
    desk.world.ravetree.delete("payments", payment["id"])
    assert asked_now(desk) == ["removed_here_shared_there"]
    say(desk, f"ravetree:payment:{payment['id']}", "leave")
    assert asked_now(desk) == []
    other = desk.world.invoice(invoice["client_id"], "100.00")
    desk.world.settle()
    second = desk.world.receive({other["id"]: "100.00"}, "CHK 2", TODAY)
    desk.world.settle()
    shares = [{"invoice_id": invoice["id"], "amount": "100.00"}]
    desk.world.ravetree.change("payments", second["id"], {"allocations": shares})
    assert "more_than_open" in asked_now(desk)


# --- void, and valid again -------------------------------------------------------------------------


@pytest.mark.parametrize("born", ["quickbooks", "ravetree"])
@pytest.mark.parametrize("amount", [60, 50])
def test_money_entered_again_on_a_payment_that_was_void_is_new_money(desk: Desk, born: str, amount: int) -> None:
    invoice = desk.bill()
    if born == "quickbooks":
        desk.pay_there(60, (invoice, 60))
    else:
        desk.receive({invoice["id"]: "60.00"})
    (row,) = desk.payments()
    write = desk.world.quickbooks.write
    write("payment?operation=update&include=void", {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True})
    rest(desk)
    assert desk.world.ravetree.every("payments") == []
    (row,) = desk.payments()
    line = {"Amount": amount, "LinkedTxn": [{"TxnId": desk.there(invoice)["Id"], "TxnType": "Invoice"}]}
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef")}
    write("payment", named | {"sparse": True, "TotalAmt": amount, "Line": [line], "PrivateNote": "entered again"})
    assert asked_now(desk) == []
    assert [float(row["TotalAmt"]) for row in desk.payments()] == [amount]
    assert [row["amount"] for row in desk.world.ravetree.every("payments")] == [f"{amount}.00"]
    # It is a payment like any other from now on.
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 9")
    assert asked_now(desk) == []
    assert [row["reference"] for row in desk.world.ravetree.every("payments")] == ["CHK 9"]


def made_valid_again(desk: Desk, *, paid: bool = False) -> Body:
    """An invoice that a bookkeeper voided, and whose lines she enters again; Ravetree's is void."""
    invoice = desk.bill()
    row = desk.there(invoice)
    desk.end("Invoice", row, "void")
    now = desk.there(invoice)
    assert desk.world.ravetree.get("invoices", invoice["id"])["status"] == "void"
    desk.edit("Invoice", now, Line=row["Line"], PrivateNote="valid after all")
    if paid:
        desk.world.quickbooks.pay({invoice["number"]: "100.00"}, TODAY)
    return invoice


@pytest.mark.parametrize("paid", [False, True])
def test_an_invoice_that_is_valid_again_in_quickbooks_stays_there_alone_if_a_person_says_so(
    desk: Desk, *, paid: bool
) -> None:
    invoice = made_valid_again(desk, paid=paid)
    assert asked_now(desk) == ["valid_again_in_quickbooks"]
    (question,) = desk.world.attention()
    assert question["cause"] == "Invoice 1001 had ended in both books; in QuickBooks it comes to 100.00 USD again."
    say(desk, f"ravetree:invoice:{invoice['id']}", "leave")
    assert asked_now(desk) == []
    there = desk.there(invoice)
    assert (float(there["TotalAmt"]), len(desk.payments())) == (100.0, 1 if paid else 0)
    assert desk.world.ravetree.every("payments") == []
    assert "unexplained" not in {row["cause"] for row in desk.world.parity()["rows"]}
    # What is edited there later is its bookkeeper's alone, until it comes to something else.
    desk.edit("Invoice", there, PrivateNote="by hand")
    assert asked_now(desk) == []
    desk.price(invoice, 300)
    assert asked_now(desk) == ["valid_again_in_quickbooks"]


def test_an_invoice_that_is_valid_again_and_paid_is_voided_once_its_payment_is_gone(desk: Desk) -> None:
    invoice = made_valid_again(desk, paid=True)
    assert asked_now(desk) == ["valid_again_in_quickbooks"]
    say(desk, f"ravetree:invoice:{invoice['id']}", "ravetree")
    assert asked_now(desk) == ["void_with_payments"]
    desk.end("Payment", desk.payments()[0])
    assert asked_now(desk) == []
    assert desk.there(invoice)["TotalAmt"] == 0


# --- an answer that is about the payment on it too -------------------------------------------------


@pytest.mark.parametrize("decision", ["leave", "push"])
def test_one_answer_about_a_deleted_invoice_is_about_the_payment_on_it_too(desk: Desk, decision: str) -> None:
    invoice = desk.bill()
    desk.end("Invoice", desk.there(invoice))
    rest(desk)
    desk.receive({invoice["id"]: "60.00"})
    assert asked_now(desk) == ["deleted_in_quickbooks"]
    say(desk, f"ravetree:invoice:{invoice['id']}", decision)
    assert asked_now(desk) == []
    assert [float(row["TotalAmt"]) for row in desk.payments()] == ([60.0] if decision == "push" else [])


@pytest.mark.parametrize("decision", ["leave", "push"])
def test_one_answer_is_about_the_payment_that_moved_to_the_deleted_invoice_too(desk: Desk, decision: str) -> None:
    paid = desk.bill()
    payment = desk.receive({paid["id"]: "100.00"})
    deleted = desk.world.invoice(paid["client_id"], "100.00")
    desk.world.settle()
    desk.end("Invoice", desk.there(deleted))
    rest(desk)
    shares = [{"invoice_id": deleted["id"], "amount": "100.00"}]
    desk.world.ravetree.change("payments", payment["id"], {"allocations": shares})
    assert asked_now(desk) == ["deleted_in_quickbooks"]
    say(desk, f"ravetree:invoice:{deleted['id']}", decision)
    assert asked_now(desk) == []
    (row,) = desk.payments()
    assert float(row["UnappliedAmt"]) == (0.0 if decision == "push" else 100.0)


# --- what is mapped to one entry -------------------------------------------------------------------


def test_a_method_stays_where_quickbooks_still_says_what_it_is_mapped_to(desk: Desk) -> None:
    entry = desk.world.quickbooks.query("select * from PaymentMethod")[0]["Id"]
    map_methods(desk, cash=entry, check=entry)
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"}, method="check")
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 9")
    assert asked_now(desk) == []
    assert [(row["reference"], row["method"]) for row in desk.world.ravetree.every("payments")] == [("CHK 9", "check")]


def test_a_paid_invoice_of_another_client_with_the_same_customer_is_just_written(desk: Desk) -> None:
    aster, birch = desk.bill(name="Aster"), desk.world.client("Birch")
    other = desk.world.invoice(birch, "50.00")
    desk.world.settle()
    desk.receive({other["id"]: "50.00"})
    survivor, merged = (desk.there(one)["CustomerRef"]["value"] for one in (aster, other))
    desk.world.quickbooks.steer("merge", {"survivor": survivor, "merged": merged})
    rest(desk)
    desk.change(other, client_id=aster["client_id"])
    assert asked_now(desk) == []
    assert desk.there(other)["CustomerRef"]["value"] == survivor
