"""What comes after: a payment whose invoice, copy or question has ended, and what QuickBooks applies by itself."""

import pytest

from ravebooks.demo.sides import Body
from tests.questions.desk import EARLIER, TODAY, Desk, press, say
from tests.questions.playing import asked_now, rest
from tests.questions.repairs import retry
from tests.simulation.test_connecting import set_preferences
from tests.simulation.test_credits import apply, credit_memo


def decide(desk: Desk, decision: str) -> None:
    """Answer the only question."""
    (row,) = desk.world.attention()
    say(desk, f"{row['side']}:{row['kind']}:{row['id']}", decision)
    rest(desk)


def retry_all(desk: Desk) -> None:
    for row in desk.world.attention():
        retry(desk, f"{row['side']}:{row['kind']}:{row['id']}")


def amounts(desk: Desk) -> tuple[list[float], list[str]]:
    """What QuickBooks' payments come to, and Ravetree's."""
    return [float(row["TotalAmt"]) for row in desk.payments()], [
        row["amount"] for row in desk.world.ravetree.every("payments")
    ]


def type_a_reference(desk: Desk, where: str, payment: Body) -> None:
    if where == "ravetree":
        desk.world.ravetree.change("payments", payment["id"], {"reference": "CHK 77"})
    else:
        desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")


def advance(desk: Desk, client: str) -> Body:
    body = {"client_id": client, "date": TODAY, "amount": "60.00", "currency": "USD", "allocations": []}
    made = desk.world.ravetree.create("payments", body)
    rest(desk)
    return made


def move(desk: Desk, amount: float, *, rest_on: float = 0) -> None:
    """A bookkeeper applies so much of the only payment to an invoice of their own."""
    (row,) = desk.payments()
    other = desk.foreign(row["CustomerRef"]["value"], amount)
    line = {"Amount": amount, "LinkedTxn": [{"TxnId": other["Id"], "TxnType": "Invoice"}]}
    desk.edit("Payment", row, Line=[*([dict(row["Line"][0], Amount=rest_on)] if rest_on else []), line])


# --- its invoice is not tied as it was -------------------------------------------------------------


@pytest.mark.parametrize("where", ["ravetree", "quickbooks"])
@pytest.mark.parametrize("shared", [False, True])
def test_a_payment_of_an_invoice_that_was_taken_apart_keeps_its_amount(desk: Desk, where: str, shared: bool) -> None:
    invoice = desk.bill()
    shares = {invoice["id"]: "60.00"}
    if shared:
        other = desk.world.invoice(invoice["client_id"], "50.00")
        desk.world.settle()
        shares[other["id"]] = "50.00"
    payment = desk.receive(shares)
    before = amounts(desk)
    say(desk, f"ravetree:invoice:{invoice['id']}", "unlink")
    type_a_reference(desk, where, payment)
    assert asked_now(desk) == []
    assert amounts(desk) == before
    notices = desk.world.ravetree.sync_state("payment", payment["id"])["notices"]
    assert [notice.partition(":")[0] for notice in notices] == ["Its invoice was taken apart, or tied to another one"]
    assert {row["cause"] for row in desk.world.parity()["rows"] if row["kind"] == "payment"} <= {"decided"}


@pytest.mark.parametrize("where", ["ravetree", "quickbooks"])
def test_a_payment_of_an_invoice_that_was_tied_to_another_one_keeps_its_amount(desk: Desk, where: str) -> None:
    invoice = desk.bill(number="1001")
    payment = desk.receive({invoice["id"]: "60.00"})
    theirs = desk.foreign(desk.there(invoice)["CustomerRef"]["value"], 100)
    desk.world.settle()
    say(desk, f"ravetree:invoice:{invoice['id']}", "link", theirs["Id"])
    type_a_reference(desk, where, payment)
    rest(desk)
    assert amounts(desk) == ([60.0], ["60.00"])


# --- what a bookkeeper made of it ------------------------------------------------------------------


def test_what_a_bookkeeper_moved_stays_when_the_payment_is_deleted(desk: Desk) -> None:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "100.00"})
    move(desk, 40, rest_on=60)
    desk.world.ravetree.delete("payments", payment["id"])
    assert asked_now(desk) == []
    assert amounts(desk) == ([40.0], [])
    press(desk, invoice["client_id"])
    assert asked_now(desk) == []


def test_what_was_spent_elsewhere_stays_when_the_advance_is_deleted(desk: Desk) -> None:
    """Nobody has edited it: nothing is asked."""
    payment = advance(desk, desk.bill()["client_id"])
    move(desk, 40)
    desk.world.ravetree.delete("payments", payment["id"])
    assert asked_now(desk) == []
    assert amounts(desk) == ([40.0], [])


def test_a_share_that_fell_with_the_total_rises_with_it_when_that_is_set_right(desk: Desk) -> None:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "100.00"})
    desk.price(invoice, 90)
    assert asked_now(desk) == ["share_fell_with_total"]
    desk.price(invoice, 100)
    retry_all(desk)
    assert asked_now(desk) == []
    assert [row["unapplied"] for row in desk.world.ravetree.every("payments")] == ["0.00"]
    assert desk.world.compare().differing == []


# --- what QuickBooks does by itself ----------------------------------------------------------------


def test_an_advance_that_quickbooks_applies_by_itself_is_copied(desk: Desk) -> None:
    set_preferences(desk.world, SalesFormsPrefs={"AutoApplyPayments": True})
    advance(desk, desk.bill()["client_id"])
    assert asked_now(desk) == []
    assert desk.world.compare().differing == []
    assert [row["unapplied"] for row in desk.world.ravetree.every("payments")] == ["0.00"]


def test_what_quickbooks_applies_by_itself_to_a_bookkeepers_invoice_is_spent_elsewhere(desk: Desk) -> None:
    set_preferences(desk.world, SalesFormsPrefs={"AutoApplyPayments": True})
    client = desk.world.client("Aster")
    press(desk, client)
    (customer,) = desk.world.quickbooks.query("select * from Customer where DisplayName = 'Aster'")
    desk.foreign(customer["Id"], 40)
    payment = advance(desk, client)
    assert asked_now(desk) == []
    assert [row["unapplied"] for row in desk.world.ravetree.every("payments")] == ["60.00"]
    notices = desk.world.ravetree.sync_state("payment", payment["id"])["notices"]
    assert notices == ["QuickBooks has applied 40.00 USD of it to invoice X-1."]
    type_a_reference(desk, "ravetree", payment)
    assert asked_now(desk) == []
    assert amounts(desk) == ([60.0], ["60.00"])


# --- after both sides have agreed ------------------------------------------------------------------


@pytest.mark.parametrize("where", ["ravetree", "quickbooks"])
def test_what_was_said_to_be_one_is_edited_afterwards_and_nobody_is_asked(desk: Desk, where: str) -> None:
    invoice = desk.bill()
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    payment = desk.receive({invoice["id"]: "60.00"})
    decide(desk, "one")
    type_a_reference(desk, where, payment)
    assert asked_now(desk) == []
    assert desk.world.compare().differing == []


def test_what_was_said_to_be_one_goes_on_both_sides_when_it_is_deleted(desk: Desk) -> None:
    invoice = desk.bill()
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    payment = desk.receive({invoice["id"]: "60.00"})
    decide(desk, "one")
    desk.world.ravetree.delete("payments", payment["id"])
    assert asked_now(desk) == []
    assert amounts(desk) == ([], [])


# --- whose money it may be -------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["group", "client", "sibling"])
@pytest.mark.parametrize("how", ["mark", "receipt"])
def test_money_of_the_family_is_asked_about_beside_an_invoice_of_a_project(desk: Desk, whose: str, how: str) -> None:
    """The client's own, its parent's, or another project's, which becomes that of the project that is invoiced."""
    group = desk.customer("Group")
    own = desk.customer("Aster", ParentRef={"value": group}, Job=True)
    invoice = desk.bill()
    project, sibling = (desk.customer(name, ParentRef={"value": own}, Job=True) for name in ("Fit-out", "Pier"))
    desk.edit("Invoice", desk.there(invoice), CustomerRef={"value": project})
    lies = desk.pay_there(100, customer={"group": group, "client": own, "sibling": sibling}[whose])
    if how == "mark":
        desk.mark(invoice)
    else:
        desk.receive({invoice["id"]: "100.00"})
    assert asked_now(desk) == ["unapplied_money_beside_mark" if how == "mark" else "one_or_two_payments"]
    decide(desk, "one")
    assert asked_now(desk) == []
    assert desk.world.compare().differing == []
    assert [row["Id"] for row in desk.payments()] == [lies["Id"]]


def test_money_of_a_project_that_is_new_is_asked_about(desk: Desk) -> None:
    """Nobody has told of the project yet but its payment."""
    invoice = desk.bill()
    project = desk.customer("Fit-out", ParentRef=desk.there(invoice)["CustomerRef"], Job=True)
    desk.world.settle()
    desk.pay_there(100, customer=project)
    desk.mark(invoice)
    assert asked_now(desk) == ["unapplied_money_beside_mark"]


# --- taken apart -----------------------------------------------------------------------------------


def test_a_payment_that_was_taken_apart_explains_no_difference_and_is_not_looked_at_for_ever(desk: Desk) -> None:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    say(desk, f"ravetree:payment:{payment['id']}", "unlink")
    desk.world.ravetree.delete("payments", payment["id"])
    assert asked_now(desk) == ["open_balances_differ"]


def test_a_payment_that_was_taken_apart_is_no_unexplained_difference(desk: Desk) -> None:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    say(desk, f"ravetree:payment:{payment['id']}", "unlink")
    assert asked_now(desk) == []
    assert desk.world.parity()["rows"] == []


@pytest.mark.parametrize("act", ["deleted", "lowered"])
def test_what_becomes_open_by_a_payment_that_was_taken_apart_is_asked_about(desk: Desk, act: str) -> None:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    say(desk, f"ravetree:payment:{payment['id']}", "unlink")
    assert asked_now(desk) == []
    if act == "deleted":
        desk.world.ravetree.delete("payments", payment["id"])
    else:
        shares = [{"invoice_id": invoice["id"], "amount": "50.00"}]
        desk.world.ravetree.change("payments", payment["id"], {"amount": "50.00", "allocations": shares})
    assert asked_now(desk) == ["open_balances_differ"]
    assert "unexplained" not in {row["cause"] for row in desk.world.parity()["rows"]}


def test_money_whose_partner_was_tied_to_another_payment_is_looked_at_as_new(desk: Desk) -> None:
    invoice = desk.bill()
    desk.pay_there(13.0, (invoice, 13.0))
    (payment,) = desk.world.ravetree.every("payments")
    other = desk.pay_there(50.0, customer=desk.there(invoice)["CustomerRef"]["value"])
    say(desk, f"ravetree:payment:{payment['id']}", "link", other["Id"])
    asked_now(desk)
    assert "unexplained" not in {row["cause"] for row in desk.world.parity()["rows"]}


# --- moved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [False, True])
def test_money_that_moves_to_an_invoice_without_room_for_it_in_quickbooks_is_asked_about(
    desk: Desk, *, ends: bool
) -> None:
    client = desk.world.client("Aster")
    second = desk.world.invoice(client, "100.00")
    desk.world.settle()
    payment = desk.receive({desk.bill(client=client)["id"]: "60.00"})
    if ends:
        # Ravetree does not take the void over while it has money on it that QuickBooks lacks.
        desk.world.quickbooks.steer("faults", {"endpoint": "payment.*", "kind": "fault:6000", "count": 1})
        desk.world.receive({second["id"]: "10.00"})
        desk.world.settle()
        desk.end("Invoice", desk.there(second), "void")
    else:
        desk.price(second, 30.0)
    share = {"invoice_id": second["id"], "amount": "60.00"}
    desk.world.ravetree.change("payments", payment["id"], {"allocations": [share]})
    asked_now(desk)
    (question,) = (row for row in desk.world.attention() if row["id"] == payment["id"])
    assert question["code"] == "more_than_open"
    # It is in QuickBooks already: what is in its way is another payment, or the total.
    assert question["remedy"] == (
        "Take another payment off it in QuickBooks, set its total right, or lower the share; then press retry."
    )
    assert amounts(desk) == ([60.0], ["60.00", "10.00"] if ends else ["60.00"])


def test_money_on_an_invoice_that_was_left_deleted_stays_in_ravetree_until_it_is_written_anew(desk: Desk) -> None:
    invoice = desk.bill()
    desk.end("Invoice", desk.there(invoice))
    decide(desk, "leave")
    desk.receive({invoice["id"]: "60.00"})
    assert asked_now(desk) == []
    assert desk.payments() == []
    say(desk, f"ravetree:invoice:{invoice['id']}", "push")
    assert asked_now(desk) == []
    assert amounts(desk) == ([60.0], ["60.00"])


def test_what_is_unapplied_of_money_on_an_older_invoice_goes_as_an_advance(desk: Desk) -> None:
    invoice = desk.bill()
    say(desk, f"ravetree:invoice:{invoice['id']}", "unlink")
    body = {"client_id": invoice["client_id"], "date": TODAY, "amount": "100.00", "currency": "USD"}
    share = {"invoice_id": invoice["id"], "amount": "40.00"}
    made = desk.world.ravetree.create("payments", body | {"allocations": [share]})
    assert asked_now(desk) == []
    assert [(float(row["TotalAmt"]), float(row["UnappliedAmt"])) for row in desk.payments()] == [(100.0, 100.0)]
    desk.world.ravetree.change("payments", made["id"], {"allocations": [share | {"amount": "50.00"}]})
    assert asked_now(desk) == []
    assert amounts(desk) == ([100.0], ["100.00"])
    assert desk.world.parity()["rows"] == []


@pytest.mark.parametrize("amount", ["60.00", "100.00"])
def test_money_that_moves_to_a_marked_invoice_takes_the_place_of_what_stands_for_the_mark(
    desk: Desk, amount: str
) -> None:
    client = desk.world.client("Aster")
    marked = desk.world.invoice(client, "100.00")
    desk.world.settle()
    payment = desk.receive({desk.bill("200.00", client=client)["id"]: amount})
    desk.mark(marked)
    share = {"invoice_id": marked["id"], "amount": amount}
    desk.world.ravetree.change("payments", payment["id"], {"allocations": [share]})
    assert asked_now(desk) == []
    left = [] if amount == "100.00" else [40.0]
    assert sorted(amounts(desk)[0]) == [*left, float(amount)]
    assert float(desk.there(marked)["Balance"]) == 0


# --- its invoice has ended -------------------------------------------------------------------------


def test_a_payment_on_an_invoice_that_ended_in_a_closed_period_waits_and_is_ignored_once_that_was_left(
    desk: Desk,
) -> None:
    invoice = desk.bill(issue_date=EARLIER)
    desk.close_books()
    desk.change(invoice, status="void")
    desk.pay_there(40, (invoice, 40))
    assert asked_now(desk) == ["ended_in_closed_period"]
    assert desk.world.connection()["work"]["waiting"] == 1
    decide(desk, "leave")
    desk.pay_there(30, (invoice, 30))
    apply(desk.world, invoice, credit_memo(desk.world, invoice, 30), 30)
    assert asked_now(desk) == []
    assert desk.world.connection()["work"]["waiting"] == 0
    assert (desk.world.ravetree.every("payments"), desk.there(invoice)["TotalAmt"]) == ([], 100)


# --- part of it on an invoice that stays out -------------------------------------------------------


def test_what_is_on_an_older_invoice_too_is_unapplied_until_that_comes(desk: Desk) -> None:
    path = f"/api/connections/{desk.world.connection_id}/switches"
    desk.world.api("PUT", path, {"invoices": False})
    client = desk.world.client("Aster")
    older = desk.world.invoice(client, "30.00")
    desk.world.settle()
    desk.world.clock.advance(60)
    desk.world.api("PUT", path, {"invoices": True})
    invoice = desk.bill("140.00", client=client)
    desk.receive({invoice["id"]: "140.00", older["id"]: "30.00"})
    assert asked_now(desk) == []
    (row,) = desk.payments()
    assert (row["TotalAmt"], row["UnappliedAmt"]) == (170, 30)
    name = f"/api/connections/{desk.world.connection_id}/records/ravetree/invoice/{older['id']}/sync"
    desk.world.api("POST", name, {"by": "Kim", "wait_seconds": 0})
    assert asked_now(desk) == []
    (row,) = desk.payments()
    assert (row["TotalAmt"], row["UnappliedAmt"], desk.there(older)["Balance"]) == (170, 0, 0)


@pytest.mark.parametrize("unapplied", [False, True])
def test_money_partly_on_an_invoice_that_was_left_deleted_goes_and_is_not_asked_about(
    desk: Desk, *, unapplied: bool
) -> None:
    client = desk.world.client("Aster")
    left = desk.bill(client=client)
    other = desk.world.invoice(client, "140.00")
    desk.world.settle()
    desk.end("Invoice", desk.there(left))
    decide(desk, "leave")
    shares = {left["id"]: "30.00"} | ({} if unapplied else {other["id"]: "140.00"})
    body = {"client_id": client, "date": TODAY, "amount": "170.00", "currency": "USD"}
    allocations = [{"invoice_id": name, "amount": share} for name, share in shares.items()]
    desk.world.ravetree.create("payments", body | {"allocations": allocations})
    assert asked_now(desk) == []
    (row,) = desk.payments()
    assert (float(row["TotalAmt"]), float(row["UnappliedAmt"])) == (170.0, 170.0 if unapplied else 30.0)
    assert "unexplained" not in {row["cause"] for row in desk.world.parity()["rows"]}
    say(desk, f"ravetree:invoice:{left['id']}", "push")
    assert asked_now(desk) == []
    assert float(desk.there(left)["Balance"]) == 70


def test_money_that_finds_no_room_names_what_makes_room(desk: Desk) -> None:
    """It is in QuickBooks already: what is in its way is another payment, or the total."""
    client = desk.world.client("Aster")
    first, second = desk.bill(client=client), desk.world.invoice(client, "100.00")
    desk.world.settle()
    here, there = desk.receive({first["id"]: "100.00"}), desk.world.receive({second["id"]: "100.00"}, day=TODAY)
    desk.world.settle()
    change = desk.world.ravetree.change
    change("payments", here["id"], {"allocations": []})
    change("payments", there["id"], {"allocations": [{"invoice_id": first["id"], "amount": "100.00"}]})
    change("payments", here["id"], {"allocations": [{"invoice_id": second["id"], "amount": "100.00"}]})
    asked_now(desk)
    rows = desk.world.attention()
    assert {row["code"] for row in rows} == {"more_than_open"}
    assert {row["remedy"] for row in rows} == {
        "Take another payment off it in QuickBooks, set its total right, or lower the share; then press retry."
    }
    desk.edit("Payment", desk.payments()[0], Line=[])
    decided = [row["code"] for row in desk.world.attention()]
    retry_all(desk)
    assert "more_than_open" not in asked_now(desk), decided


def test_money_that_moves_to_an_invoice_whose_mark_is_deposited_says_so(desk: Desk) -> None:
    client = desk.world.client("Aster")
    invoice = desk.world.invoice(client, "100.00")
    desk.world.settle()
    payment = desk.receive({desk.bill("200.00", client=client)["id"]: "100.00"})
    desk.mark(invoice)
    (holder,) = [row for row in desk.payments() if "placeholder" in row.get("PrivateNote", "")]
    desk.deposit(holder)
    share = {"invoice_id": invoice["id"], "amount": "100.00"}
    desk.world.ravetree.change("payments", payment["id"], {"allocations": [share]})
    asked_now(desk)
    causes = {row["code"]: row["cause"] for row in desk.world.attention() if row["kind"] == "payment"}
    assert "is deposited in QuickBooks; Ravetree put 100.00 USD of another on it." in causes.get(
        "placeholder_deposited", str(causes)
    )
