"""A question whose reason or candidate goes by itself is looked at again: it goes, or asks what is left to ask."""

from collections.abc import Callable

import pytest

from ravebooks.demo.sides import Body
from sync.duties import CHANGES
from tests.questions.desk import TODAY, Desk, say
from tests.questions.playing import rest
from tests.simulation.concurrency.pairs import LINE
from tests.simulation.metered import by_cause
from tests.simulation.test_credits import credit_memo
from tests.simulation.world import World

pytestmark = pytest.mark.thorough


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def codes(desk: Desk) -> list[str]:
    rest(desk)
    return sorted(row["code"] for row in desk.world.attention())


def payer(desk: Desk, invoice: Body) -> str:
    return str(desk.there(invoice)["CustomerRef"]["value"])


def put_on(desk: Desk, payment: Body, invoice: Body) -> None:
    """A bookkeeper applies what lies there to another invoice."""
    link = {"TxnId": invoice["Id"], "TxnType": "Invoice"}
    desk.edit("Payment", payment, Line=[{"Amount": payment["TotalAmt"], "LinkedTxn": [link]}])


def one_of(desk: Desk, kind: str) -> Body:
    """The first of what asks, of a kind."""
    return min((row for row in desk.world.attention() if row["kind"] == kind), key=lambda row: str(row["id"]))


# --- what is asked, and how its reason goes: what both books have then -----------------------------


def money_is_spent(desk: Desk) -> Callable[[], None]:
    """What lay beside a mark is put on a bookkeeper's invoice."""
    invoice = desk.bill()
    lies = desk.pay_there(100, customer=payer(desk, invoice))
    desk.mark(invoice)
    return lambda: put_on(desk, lies, desk.foreign(payer(desk, invoice), 100))


def money_is_taken_by_another_mark(desk: Desk) -> Callable[[], None]:
    """What lay beside two marks is said to be that of one of them."""
    first = desk.bill()
    second = desk.world.invoice(first["client_id"], "100.00")
    desk.world.settle()
    desk.pay_there(100, customer=payer(desk, first))
    desk.mark(first)
    desk.mark(second)
    return lambda: say(desk, f"ravetree:invoice:{first['id']}", "one")


def twin_is_taken(desk: Desk) -> Callable[[], None]:
    """What lay beside two receipts is said to be one of them."""
    first = desk.bill()
    second = desk.world.invoice(first["client_id"], "100.00")
    desk.world.settle()
    desk.pay_there(60, customer=payer(desk, first))
    desk.receive({first["id"]: "60.00"})
    desk.receive({second["id"]: "60.00"})
    return lambda: say(desk, f"ravetree:payment:{one_of(desk, 'payment')['id']}", "one")


def twin_on_the_invoice_is_taken(desk: Desk) -> Callable[[], None]:
    """Two receipts of a sum, and one of that sum on the same invoice in QuickBooks: nothing of it changes there."""
    invoice = desk.bill()
    desk.world.receive({invoice["id"]: "40.00"}, day=TODAY)
    desk.world.receive({invoice["id"]: "40.00"}, day=TODAY)
    desk.world.quickbooks.pay({invoice["number"]: "40.00"}, TODAY)
    desk.world.settle()
    return lambda: say(desk, f"ravetree:payment:{one_of(desk, 'payment')['id']}", "one")


def twin_is_spent(desk: Desk) -> Callable[[], None]:
    """What may have been the receipt is put on a bookkeeper's invoice."""
    invoice = desk.bill()
    lies = desk.pay_there(60, customer=payer(desk, invoice))
    desk.receive({invoice["id"]: "60.00"})
    return lambda: put_on(desk, lies, desk.foreign(payer(desk, invoice), 60))


def credit_is_spent(desk: Desk) -> Callable[[], None]:
    """The memo beside a mark is applied to a bookkeeper's invoice."""
    invoice = desk.bill()
    memo = credit_memo(desk.world, invoice, 30)
    desk.world.plan(CHANGES)
    desk.world.settle()
    desk.mark(invoice)

    def spend() -> None:
        other = desk.foreign(payer(desk, invoice), 30)
        names = [(other["Id"], "Invoice"), (memo["Id"], "CreditMemo")]
        lines = [{"Amount": 30, "LinkedTxn": [{"TxnId": name, "TxnType": kind}]} for name, kind in names]
        body = {"CustomerRef": other["CustomerRef"], "TotalAmt": 0, "TxnDate": TODAY, "Line": lines}
        desk.world.quickbooks.write("payment", body)
        desk.world.plan(CHANGES)

    return spend


def client_is_corrected(desk: Desk) -> Callable[[], None]:
    """Of two invoices that no one can pay together, one gets the other's client."""
    first, second = desk.bill(), desk.world.invoice(desk.world.client("Birch"), "50.00")
    desk.world.settle()
    desk.receive({first["id"]: "100.00", second["id"]: "50.00"})
    return lambda: desk.change(second, client_id=first["client_id"])


def invoice_is_raised(desk: Desk) -> Callable[[], None]:
    """More was received than is open, until the invoice is raised."""
    invoice = desk.bill()
    desk.world.receive({invoice["id"]: "80.00"}, day="2026-10-20")
    desk.world.quickbooks.pay({invoice["number"]: "60.00"}, TODAY)
    desk.world.settle()
    return lambda: desk.change(invoice, lines=[LINE | {"unit_price": "150.00"}])


def others_invoice_is_deleted(desk: Desk) -> Callable[[], None]:
    """The bookkeeper deletes the invoice that was made of the estimate."""
    estimate = desk.estimate(status="accepted")
    copy = desk.there(estimate, "Estimate")
    item = {"ItemRef": copy["Line"][0]["SalesItemLineDetail"]["ItemRef"]}
    line = {"DetailType": "SalesItemLineDetail", "Amount": 40, "SalesItemLineDetail": item}
    linked = [{"TxnId": copy["Id"], "TxnType": "Estimate"}]
    body = {"CustomerRef": copy["CustomerRef"], "DocNumber": "X-1", "Line": [line], "LinkedTxn": linked}
    theirs = desk.world.quickbooks.write("invoice", body)
    desk.bill(client=estimate["client_id"], estimate_id=estimate["id"])
    return lambda: desk.end("Invoice", theirs)


REASONS: list[tuple[str, Callable[[Desk], Callable[[], None]]]] = [
    ("unapplied_money_beside_mark", money_is_spent),
    ("unapplied_money_beside_mark", money_is_taken_by_another_mark),
    ("one_or_two_payments", twin_is_taken),
    ("one_or_two_payments", twin_on_the_invoice_is_taken),
    ("one_or_two_payments", twin_is_spent),
    ("credit_beside_mark", credit_is_spent),
    ("several_payers", client_is_corrected),
    ("more_than_open", invoice_is_raised),
    ("estimate_invoiced_in_quickbooks", others_invoice_is_deleted),
]


@pytest.mark.parametrize(("code", "reason"), REASONS, ids=[reason.__name__ for _, reason in REASONS])
def test_a_question_goes_with_its_reason(desk: Desk, code: str, reason: Callable[[Desk], Callable[[], None]]) -> None:
    goes = reason(desk)
    assert set(codes(desk)) == {code}
    goes()
    assert codes(desk) == []
    assert desk.world.connection()["work"]["waiting"] == 0
    # A mark without a payment in Ravetree is one of the differences that belong there.
    assert {row["cause"] for row in desk.world.parity()["rows"]} <= {"marked_as_paid"}


# --- what stands is looked at once ---------------------------------------------------------------


def test_two_questions_about_one_payment_look_again_once_each(desk: Desk) -> None:
    """Each reads what the other one was asked with: that is no change, and wakes nobody."""
    first = desk.bill()
    second = desk.world.invoice(first["client_id"], "100.00")
    desk.world.settle()
    lies = desk.pay_there(100, customer=payer(desk, first))
    desk.mark(first)
    desk.mark(second)
    assert codes(desk) == ["unapplied_money_beside_mark"] * 2
    before = by_cause(desk.world)
    desk.edit("Payment", lies, PrivateNote="in the safe")
    assert codes(desk) == ["unapplied_money_beside_mark"] * 2
    # The money of their customer together, and each invoice.
    assert (by_cause(desk.world) - before)["freshness"] == 3


@pytest.mark.parametrize("first", ["payment", "invoice"])
def test_what_stood_for_a_mark_may_be_a_receipt_once_it_is_real_money(desk: Desk, first: str) -> None:
    """The bookkeeper names a cheque on our payment, the user enters the receipt: whichever is answered first."""
    invoice = desk.bill()
    desk.mark(invoice)
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")
    receipt = desk.receive({invoice["id"]: "100.00"})
    assert "placeholder_changed" in codes(desk)
    answers = {"invoice": (invoice, "payment"), "payment": (receipt, "one")}
    row, answer = answers.pop(first)
    say(desk, f"ravetree:{first}:{row['id']}", answer)
    if codes(desk):
        ((kind, (row, answer)),) = answers.items()
        say(desk, f"ravetree:{kind}:{row['id']}", answer)
    assert codes(desk) == []
    assert desk.world.compare().differing == []
    assert len(desk.payments()) == 1
