"""What becomes of the payment that stands for a mark as paid, whatever a bookkeeper does around it."""

import pytest

from ravebooks.demo.sides import Body
from tests.questions.desk import TODAY, Desk, say
from tests.questions.playing import rest
from tests.simulation.concurrency.pairs import LINE
from tests.simulation.concurrency.playing import ORDERS
from tests.simulation.people import plain
from tests.simulation.test_tax import bill, line, rounded_by_line
from tests.simulation.world import World

pytestmark = pytest.mark.thorough


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def marked(desk: Desk) -> Body:
    """An invoice of 100.00 that is marked as paid in Ravetree, and covered in QuickBooks."""
    invoice = desk.bill()
    desk.mark(invoice)
    return invoice


def codes(desk: Desk) -> list[str]:
    rest(desk)
    return sorted(row["code"] for row in desk.world.attention())


def answer(desk: Desk, decision: str) -> None:
    (row,) = desk.world.attention()
    say(desk, f"{row['side']}:{row['kind']}:{row['id']}", decision)
    rest(desk)


def amounts(desk: Desk) -> list[tuple[float, float]]:
    """Each live payment in QuickBooks, and what of it is unapplied."""
    rows = [row for row in desk.payments() if row["TotalAmt"]]
    return sorted((float(row["TotalAmt"]), float(row["UnappliedAmt"])) for row in rows)


def take_off(desk: Desk) -> None:
    """A bookkeeper takes the payment off its invoice, and nobody has told it yet."""
    (row,) = desk.payments()
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt")}
    desk.world.quickbooks.write("payment", named | {"sparse": True, "Line": []})


# --- the invoice ends in QuickBooks --------------------------------------------------------------


@pytest.mark.parametrize("end", ["void", "delete"])
@pytest.mark.parametrize("seen", [False, True])
def test_the_placeholder_goes_with_the_invoice_that_ends_in_quickbooks(desk: Desk, end: str, seen: bool) -> None:
    """QuickBooks lets go of it first: what stood for a mark is no money that anybody could spend."""
    invoice = marked(desk)
    take_off(desk)
    if seen:
        assert codes(desk) == ["placeholder_changed"]
    desk.end("Invoice", desk.there(invoice), end)
    assert codes(desk) == ([] if end == "void" else ["deleted_in_quickbooks"])
    assert desk.payments() == []


def test_what_is_pushed_after_a_deletion_in_quickbooks_has_its_placeholder_again(desk: Desk) -> None:
    invoice = marked(desk)
    take_off(desk)
    desk.end("Invoice", desk.there(invoice))
    answer(desk, "push")
    assert (codes(desk), amounts(desk)) == ([], [(100, 0)])
    assert desk.world.compare().differing == []


def test_a_placeholder_that_says_more_is_asked_about_when_its_invoice_is_void(desk: Desk) -> None:
    invoice = marked(desk)
    (row,) = desk.payments()
    desk.edit("Payment", row, PaymentRefNum="CHK 77", Line=[])
    desk.end("Invoice", desk.there(invoice), "void")
    assert codes(desk) == ["placeholder_changed"]
    (asked,) = desk.world.attention()
    assert [each["decision"] for each in asked["decisions"]] == ["payment"]
    answer(desk, "payment")
    assert (codes(desk), amounts(desk)) == ([], [(100, 100)])
    assert desk.world.ravetree.get("invoices", invoice["id"])["status"] == "void"


# --- who raises it -------------------------------------------------------------------------------


def half_received(desk: Desk) -> Body:
    """40.00 are real, 60.00 only marked."""
    invoice = desk.bill()
    desk.receive({invoice["id"]: "40.00"})
    desk.mark(invoice)
    assert amounts(desk) == [(40, 0), (60, 0)]
    return next(row for row in desk.payments() if row["TotalAmt"] == 40)


@pytest.mark.parametrize("how", ["void", "delete", "lowered"])
def test_what_a_bookkeeper_takes_back_beside_a_mark_is_asked_about(desk: Desk, how: str) -> None:
    real = half_received(desk)
    if how == "delete":
        desk.end("Payment", real)
    elif how == "void":
        named = {"Id": real["Id"], "SyncToken": real["SyncToken"], "sparse": True}
        desk.world.quickbooks.write("payment", named, operation="update", include="void")
    else:
        desk.edit("Payment", real, TotalAmt=10, Line=[dict(real["Line"][0], Amount=10)])
    assert codes(desk) == ["mark_not_covered"]
    assert (60, 0) in amounts(desk), "it was not raised"


@pytest.mark.parametrize(("decision", "covered"), [("placeholder", 100), ("leave", 60)])
def test_what_a_mark_does_not_cover_any_more_is_answered(desk: Desk, decision: str, covered: float) -> None:
    desk.end("Payment", half_received(desk))
    rest(desk)
    answer(desk, decision)
    assert (codes(desk), amounts(desk)) == ([], [(covered, 0)])


def test_what_a_user_takes_back_beside_a_mark_is_covered(desk: Desk) -> None:
    half_received(desk)
    desk.world.ravetree.delete("payments", desk.made["payment"]["id"])
    assert (codes(desk), amounts(desk)) == ([], [(100, 0)])


def test_only_what_ravetree_raises_is_covered_beside_what_a_bookkeeper_took_back(desk: Desk) -> None:
    desk.end("Payment", half_received(desk))
    rest(desk)
    desk.change(desk.made["invoice"], lines=[LINE | {"unit_price": "120.00"}])
    assert codes(desk) == ["mark_not_covered"]
    assert amounts(desk) == [(80, 0)]


def test_a_raise_is_asked_about_before_anything_is_written_where_its_placeholder_is_closed(desk: Desk) -> None:
    invoice = desk.bill(issue_date="2026-11-21")
    desk.mark(invoice)
    desk.close_books(TODAY)
    desk.change(invoice, lines=[LINE | {"unit_price": "150.00"}])
    assert codes(desk) == ["placeholder_in_closed_period"]
    assert desk.there(invoice)["TotalAmt"] == 100


# --- QuickBooks' total under a mark --------------------------------------------------------------


def test_a_total_that_is_lowered_under_a_mark_is_asked_about_and_put_right_in_ravetree(desk: Desk) -> None:
    invoice = marked(desk)
    desk.price(invoice, 80)
    assert codes(desk) == ["share_fell_with_total"]
    desk.change(invoice, lines=[LINE | {"unit_price": "80.00"}])
    assert (codes(desk), amounts(desk)) == ([], [(80, 0)])
    assert desk.world.compare().differing == []


@pytest.mark.parametrize("by", ["total", "deposit"])
def test_what_came_off_a_mark_with_the_total_is_nobodys_money(desk: Desk, by: str) -> None:
    invoice = marked(desk)
    if by == "total":
        desk.price(invoice, 80)
    else:
        desk.edit("Invoice", desk.there(invoice), Deposit=20)
    assert codes(desk) == ["share_fell_with_total"]
    answer(desk, "quickbooks")
    assert (codes(desk), amounts(desk)) == ([], [(80, 0)])
    assert desk.world.ravetree.every("payments") == []


def test_a_total_that_is_put_right_in_quickbooks_is_not_covered_unasked(desk: Desk) -> None:
    invoice = marked(desk)
    desk.price(invoice, 80)
    rest(desk)
    answer(desk, "quickbooks")
    desk.price(invoice, 100)
    assert codes(desk) == ["mark_not_covered"]
    answer(desk, "placeholder")
    assert (codes(desk), amounts(desk)) == ([], [(100, 0)])


@pytest.mark.parametrize("end", ["leave", "total"])
def test_a_mark_over_another_total_names_both_and_ends_as_its_remedy_says(desk: Desk, end: str) -> None:
    invoice = desk.bill()
    desk.price(invoice, 150)
    desk.mark(invoice)
    assert codes(desk) == ["open_balances_differ"]
    (row,) = desk.world.attention()
    assert "100.00 USD of 100.00 USD are open in Ravetree, 150.00 USD of 150.00 USD in QuickBooks" in row["cause"]
    if end == "leave":
        answer(desk, "leave")
        assert [row["cause"] for row in desk.world.parity()["rows"]] == ["decided"]
    else:
        desk.price(invoice, 100)
    assert (codes(desk), len(desk.payments())) == ([], 0 if end == "leave" else 1)


def test_a_mark_covers_an_accepted_difference_that_quickbooks_has_put_right(british: World) -> None:
    """0.01 was accepted, then corrected in QuickBooks: both say 1.20, and 1.20 is what the mark stands for."""
    desk = Desk(british)
    invoice = rounded_by_line(british)
    rest(desk)
    answer(desk, "accept")
    row = desk.there(invoice)
    first, *others = [one for one in row["Line"] if "Id" in one]
    kept = {key: value for key, value in first["SalesItemLineDetail"].items() if key not in ("Qty", "UnitPrice")}
    desk.edit("Invoice", row, Line=plain([first | {"Amount": 0.34, "SalesItemLineDetail": kept}, *others]))
    desk.mark(invoice)
    assert (codes(desk), amounts(desk)) == ([], [(1.2, 0)])


# --- left, and then another amount ---------------------------------------------------------------


def test_a_removed_placeholder_that_was_left_is_asked_about_at_another_total_in_quickbooks(desk: Desk) -> None:
    invoice = marked(desk)
    desk.end("Payment", desk.payments()[0])
    rest(desk)
    answer(desk, "leave")
    assert codes(desk) == []
    desk.price(invoice, 150)
    assert codes(desk) == ["placeholder_removed"]


def closed_mark(desk: Desk, until: str = TODAY) -> Body:
    """An invoice that was marked as paid on a day that is closed by the time that we hear of it, a day later."""
    invoice = desk.bill(issue_date="2026-12-21")
    desk.world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    desk.close_books(until)
    desk.world.clock.advance(86_400)
    assert codes(desk) == ["mark_in_closed_period"]
    return invoice


def test_a_mark_in_a_closed_period_that_was_left_is_asked_about_when_ravetree_raises_it(desk: Desk) -> None:
    invoice = closed_mark(desk)
    answer(desk, "leave")
    assert codes(desk) == []
    desk.change(invoice, lines=[LINE | {"unit_price": "150.00"}])
    assert codes(desk) == ["mark_in_closed_period"]


def test_today_is_offered_only_where_today_is_open(desk: Desk) -> None:
    closed_mark(desk, "2026-11-30")
    (row,) = desk.world.attention()
    assert ([each["decision"] for each in row["decisions"]], "today" in row["remedy"]) == (["leave"], False)


def test_what_was_left_open_stays_left_when_as_much_is_paid_on_both_sides(desk: Desk) -> None:
    """100.00 against 150.00, then 0.00 against 50.00: the difference that was decided is the same."""
    invoice = desk.bill()
    desk.price(invoice, 150)
    rest(desk)
    answer(desk, "leave")
    desk.receive({invoice["id"]: "100.00"})
    assert codes(desk) == []
    desk.price(invoice, 160)
    assert codes(desk) == ["open_balances_differ"]


def test_a_placeholder_whose_mark_was_taken_away_is_not_called_marked(desk: Desk) -> None:
    invoice = marked(desk)
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")
    desk.change(invoice, status="sent")
    assert codes(desk) == ["placeholder_changed"]
    (row,) = desk.world.attention()
    assert "is not marked as paid any more" in row["cause"]


# --- its day, and another client -----------------------------------------------------------------


def test_another_time_zone_changes_no_date_that_there_is(desk: Desk) -> None:
    invoice = marked(desk)
    (before,) = desk.payments()
    path = f"/api/connections/{desk.world.connection_id}/settings"
    desk.world.api("PUT", path, {"time_zone": "Pacific/Kiritimati"})
    desk.change(invoice, lines=[LINE | {"unit_price": "80.00"}])
    assert (codes(desk), amounts(desk)) == ([], [(80, 0)])
    assert [row["TxnDate"] for row in desk.payments()] == [before["TxnDate"]]
    later = desk.world.invoice(invoice["client_id"], "50.00")
    desk.world.settle()
    desk.mark(later)
    assert max(row["TxnDate"] for row in desk.payments()) > before["TxnDate"], "it is another day there"


def test_with_another_client_the_placeholder_is_made_anew_with_its_day(desk: Desk) -> None:
    invoice = marked(desk)
    (before,) = desk.payments()
    desk.world.clock.advance(3 * 86_400)
    desk.change(invoice, client_id=desk.world.client("Birch"))
    assert codes(desk) == []
    (row,) = desk.payments()
    assert (row["TxnDate"], row["TotalAmt"], row["UnappliedAmt"]) == (before["TxnDate"], 100, 0)
    assert row["CustomerRef"] == desk.there(invoice)["CustomerRef"] != before["CustomerRef"]
    assert desk.world.compare().differing == []


def test_what_a_bookkeeper_adds_to_a_placeholder_without_changing_it_stays(desk: Desk) -> None:
    invoice = marked(desk)
    (bank, *_) = desk.world.quickbooks.query("select * from Account where AccountType = 'Bank'")
    account = {"value": bank["Id"]}
    desk.edit("Payment", desk.payments()[0], DepositToAccountRef=account)
    desk.change(invoice, lines=[LINE | {"unit_price": "80.00"}])
    assert (codes(desk), amounts(desk)) == ([], [(80, 0)])
    assert [row["DepositToAccountRef"]["value"] for row in desk.payments()] == [account["value"]]


# --- a payment in Ravetree, before anybody told what happened to the placeholder -----------------


def received_first(desk: Desk, amount: str, body: Body, operation: str = "") -> Body:
    """A payment in Ravetree, and a bookkeeper's edit of the placeholder of which the news comes later."""
    invoice = marked(desk)
    (holder,) = desk.payments()
    desk.world.receive({invoice["id"]: amount}, day=TODAY)
    named = {name: holder[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt")}
    params = {"operation": operation} if operation else {}
    desk.world.quickbooks.write("payment", named | {"sparse": True} | body, **params)
    deliver(desk, "Ravetree first")
    return invoice


def deliver(desk: Desk, order: str) -> None:
    """The news of both sides, each worked on before the next."""
    for letter in sorted(desk.world.collect(), key=ORDERS[order]):
        desk.world.deliver(letter)
        desk.world.work()


@pytest.mark.parametrize("amount", ["100.00", "40.00"])
@pytest.mark.parametrize("edit", [{"PrivateNote": "Cheque 17"}, {"Line": []}])
def test_a_payment_finds_out_that_the_placeholder_was_edited(desk: Desk, edit: Body, amount: str) -> None:
    """It asks what the edited one is, as it does where the news of that came first."""
    received_first(desk, amount, edit)
    assert codes(desk) == ["one_or_two_payments", "placeholder_changed"]


@pytest.mark.parametrize(("amount", "asked"), [("100.00", []), ("40.00", ["placeholder_removed"])])
def test_a_payment_that_finds_no_placeholder_any_more_is_written(desk: Desk, amount: str, asked: list[str]) -> None:
    received_first(desk, amount, {}, "delete")
    assert codes(desk) == asked
    assert amounts(desk) == [(float(amount), 0)]


# --- an edit that a person is asked about --------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_nothing_makes_room_for_an_edit_that_is_asked_about(desk: Desk, order: str) -> None:
    invoice = marked(desk)
    desk.world.ravetree.change("invoices", invoice["id"], {"lines": [LINE | {"unit_price": "30.00"}]})
    there = desk.there(invoice)
    detail = plain(there["Line"][0]) | {"Amount": 150.0}
    detail["SalesItemLineDetail"] |= {"Qty": 1, "UnitPrice": 150.0}
    named = {"Id": there["Id"], "SyncToken": there["SyncToken"], "sparse": True}
    desk.world.quickbooks.write("invoice", named | {"Line": [detail]})
    deliver(desk, order)
    assert (codes(desk), amounts(desk)) == (["drift_before_overwrite"], [(100, 0)])
    answer(desk, "overwrite")
    assert (codes(desk), amounts(desk)) == ([], [(30, 0)])


def test_what_is_open_behind_a_mark_that_is_paid_is_asked_about(desk: Desk) -> None:
    """The payment took the placeholder's place: the mark stands for nothing more."""
    invoice = marked(desk)
    desk.receive({invoice["id"]: "100.00"})
    desk.price(invoice, 150.0)
    assert (codes(desk), amounts(desk)) == (["open_balances_differ"], [(100, 0)])


def test_what_fell_with_the_total_is_not_asked_about_as_a_receipt(desk: Desk) -> None:
    """Nobody edited the placeholder: there is one question, about the total."""
    invoice = marked(desk)
    desk.price(invoice, 80.0)
    desk.receive({invoice["id"]: "100.00"})
    assert codes(desk) == ["share_fell_with_total"]
    answer(desk, "quickbooks")
    assert (codes(desk), amounts(desk)) == (["more_than_open"], [])


# --- an edit, and a question about the placeholder -------------------------------------------------


@pytest.mark.parametrize(("there", "here", "ends"), [(70.0, "90.00", 90), (70.0, "50.00", 50)])
def test_what_fell_is_answered_and_then_the_edit(desk: Desk, there: float, here: str, ends: float) -> None:
    """An answer about the placeholder is carried out before anything is asked about the edit."""
    invoice = marked(desk)
    desk.price(invoice, there)
    desk.change(invoice, lines=[LINE | {"unit_price": here}])
    assert codes(desk) == ["share_fell_with_total"]
    answer(desk, "quickbooks")
    assert (codes(desk), amounts(desk)) == (["drift_before_overwrite"], [(there, 0)])
    answer(desk, "overwrite")
    if codes(desk) == ["mark_not_covered"]:
        answer(desk, "placeholder")
    assert (codes(desk), amounts(desk)) == ([], [(ends, 0)])
    assert desk.there(invoice)["TotalAmt"] == ends


@pytest.mark.parametrize("edit", ["lowered", "another client"])
def test_a_placeholder_is_restored_behind_an_edit_of_its_invoice(desk: Desk, edit: str) -> None:
    invoice = marked(desk)
    desk.edit("Payment", desk.payments()[0], PrivateNote="Cheque 17")
    if edit == "lowered":
        desk.change(invoice, lines=[LINE | {"unit_price": "50.00"}])
    else:
        desk.change(invoice, client_id=desk.world.client("Birch"))
    assert codes(desk) == ["placeholder_changed"]
    answer(desk, "restore")
    left = 50 if edit == "lowered" else 100
    assert (codes(desk), amounts(desk)) == ([], [(left, 0)])
    assert desk.world.compare().differing == []


def test_a_part_payment_comes_between_a_mark_and_an_accepted_difference(british: World) -> None:
    """QuickBooks comes to a penny more, which the placeholder covers too: that makes it no obstacle."""
    desk = Desk(british)
    invoice = bill(british, *[line("0.33")] * 3, tax_amount="0.19")
    answer(desk, "accept")
    desk.mark(invoice)
    desk.receive({invoice["id"]: "0.40"})
    assert (codes(desk), british.connection()["work"]["waiting"]) == ([], 0)
    assert [amount for amount, _ in amounts(desk)] == [0.4, 0.79]
    assert float(desk.there(invoice)["Balance"]) == 0


def test_a_payment_says_what_it_waits_for_where_the_placeholder_fell_with_the_total(desk: Desk) -> None:
    invoice = marked(desk)
    desk.price(invoice, 70.0)
    payment = desk.receive({invoice["id"]: "40.00"})
    assert codes(desk) == ["share_fell_with_total"]
    state = desk.world.ravetree.sync_state("payment", payment["id"])
    assert state["message"] == "Waits for the question about its invoice."
