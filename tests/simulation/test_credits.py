"""Credit memos that are applied in QuickBooks are credit in Ravetree, and never money."""

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import codes, plain
from tests.simulation.world import World


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


def test_credit_of_a_journal_entry_is_credit_too(world: World, paired: Body) -> None:
    bill = world.quickbooks.invoice(paired["number"])
    assert bill is not None
    lines = [
        {"Amount": 100, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]},
        {"Amount": 40, "LinkedTxn": [{"TxnId": "9001", "TxnType": "JournalEntry"}]},
    ]
    body = {"CustomerRef": bill["CustomerRef"], "TotalAmt": 60, "TxnDate": "2026-11-21", "Line": lines}
    made = world.quickbooks.write("payment", body)
    world.settle()
    row = only(world)
    assert (row["amount"], row["credit_amount"], row["unapplied"]) == ("60.00", "40.00", "0.00")
    assert (world.compare().differing, codes(world)) == ([], [])
    world.ravetree.change("payments", row["id"], {"reference": "R-7"})
    world.settle()
    kept = next(one for one in world.quickbooks.query("select * from Payment") if one["Id"] == made["Id"])
    assert (kept["PaymentRefNum"], len(kept["Line"])) == ("R-7", 2)
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


def test_a_credit_that_is_edited_in_ravetree_waits_for_its_credit_memo(world: World, paired: Body) -> None:
    """QuickBooks takes credit from a memo: an update of the link alone would leave money there that nobody paid."""
    apply(world, paired, credit_memo(world, paired, 30), 30)
    row = only(world)
    less = {"credit_amount": "20.00", "allocations": [{"invoice_id": paired["id"], "amount": "20.00"}]}
    world.ravetree.change("payments", row["id"], less)
    world.settle()
    assert codes(world) == ["credit_changed_in_ravetree"]
    (link,) = world.quickbooks.query("select * from Payment")
    assert float(link["UnappliedAmt"]) == 0
    assert float(link["Line"][0]["Amount"]) == 30


def test_a_credit_that_is_deleted_in_ravetree_is_unlinked(world: World, paired: Body) -> None:
    apply(world, paired, credit_memo(world, paired, 30), 30)
    world.ravetree.delete("payments", only(world)["id"])
    world.settle()
    assert (world.compare().differing, codes(world)) == ([], [])


def test_a_credit_that_is_reallocated_in_quickbooks_follows(world: World, paired: Body) -> None:
    link = apply(world, paired, credit_memo(world, paired, 30), 30)
    other = world.invoice(paired["client_id"], "50.00")
    world.settle()
    bill = world.quickbooks.invoice(other["number"])
    assert bill is not None
    memo = next(line for line in link["Line"] if line["LinkedTxn"][0]["TxnType"] == "CreditMemo")
    lines = [{"Amount": 30, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}, plain(memo)]
    named = {name: link[name] for name in ("Id", "SyncToken", "CustomerRef")}
    world.quickbooks.write("payment", named | {"TotalAmt": 0, "sparse": True, "Line": lines})
    world.settle()
    assert [a["invoice_id"] for a in only(world)["allocations"]] == [other["id"]]
    assert (world.compare().differing, codes(world)) == ([], [])
