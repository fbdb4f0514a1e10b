"""Credit memos that are applied in QuickBooks are credit in Ravetree, and never money."""

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import codes, paired
from tests.simulation.world import World

__all__ = ["paired"]


def credit_memo(world: World, invoice: Body, amount: float) -> Body:
    bill = world.quickbooks.invoice(invoice["number"])
    assert bill is not None
    item = bill["Line"][0]["SalesItemLineDetail"]["ItemRef"]
    line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": item}}
    return world.quickbooks.write("creditmemo", {"CustomerRef": bill["CustomerRef"], "Line": [line]})


def apply(world: World, invoice: Body, memo: Body, amount: float, money: float = 0) -> Body:
    bill = world.quickbooks.invoice(invoice["number"])
    assert bill is not None
    lines = [
        {"Amount": amount + money, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]},
        {"Amount": amount, "LinkedTxn": [{"TxnId": memo["Id"], "TxnType": "CreditMemo"}]},
    ]
    body = {"CustomerRef": bill["CustomerRef"], "TotalAmt": money, "TxnDate": "2026-11-21", "Line": lines}
    made = world.quickbooks.write("payment", body)
    world.settle()
    return made


def only(world: World) -> Body:
    (row,) = world.ravetree.every("payments")
    return row


def test_an_applied_credit_memo_lowers_both_balances_and_is_no_money(world: World, paired: Body) -> None:
    link = apply(world, paired, credit_memo(world, paired, 30), 30)
    row = only(world)
    assert (row["amount"], row["credit_amount"], row["unapplied"]) == ("0.00", "30.00", "0.00")
    assert world.compare().differing == []
    world.quickbooks.write("payment?operation=delete", {"Id": link["Id"], "SyncToken": link["SyncToken"]})
    world.settle()
    assert world.ravetree.every("payments") == []
    assert (world.compare().differing, codes(world)) == ([], [])


def test_money_and_credit_in_one_payment(world: World, paired: Body) -> None:
    apply(world, paired, credit_memo(world, paired, 30), 30, 20)
    row = only(world)
    assert (row["amount"], row["credit_amount"]) == ("20.00", "30.00")
    assert (world.compare().differing, codes(world)) == ([], [])


def test_credit_applied_in_ravetree_waits_for_its_credit_memo(world: World, paired: Body) -> None:
    body = {
        "client_id": paired["client_id"],
        "date": "2026-11-21",
        "amount": "0.00",
        "credit_amount": "30.00",
        "currency": "USD",
        "allocations": [{"invoice_id": paired["id"], "amount": "30.00"}],
    }
    world.ravetree.create("payments", body)
    world.settle()
    assert codes(world) == ["credit_only_in_ravetree"]
    apply(world, paired, credit_memo(world, paired, 30), 30)
    assert codes(world) == []
    assert only(world)["credit_amount"] == "30.00"
    assert world.compare().differing == []
