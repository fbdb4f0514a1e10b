"""Hard cases, from people's acts on one side to the books of the other, with the whole system in one thread."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from ravebooks.demo.sides import Body
from tests.simulation.posting import work_for
from tests.simulation.world import World


@pytest.fixture
def world(new_world: World) -> World:
    """One whose customers are still to be imported while the test begins."""
    return new_world


def remote(world: World, invoice: Body) -> Body:
    found = world.quickbooks.invoice(invoice["number"])
    assert found is not None
    return found


def ours(world: World, invoice: Body) -> Body:
    return world.ravetree.get("invoices", invoice["id"])


def payments(world: World) -> list[Body]:
    return [row for row in world.quickbooks.query("select * from Payment") if row["TotalAmt"]]


def codes(world: World) -> list[str]:
    return sorted(row["code"] for row in world.attention())


def order(world: World, endpoint: str, kind: str, count: int = 1) -> None:
    world.quickbooks.steer("faults", {"endpoint": endpoint, "kind": kind, "count": count})


# --- an answer that is lost ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500", "503", "fault:10000"])
def test_a_payment_whose_answer_is_lost_is_written_once(world: World, paired: Body, kind: str) -> None:
    order(world, "payment.create", kind, 3)
    world.receive({paired["id"]: "40.00"}, "CHK 1")
    world.settle()
    assert [row["TotalAmt"] for row in payments(world)] == [40]
    assert len(world.ravetree.every("payments")) == 1
    assert world.compare().differing == []


def test_an_invoice_whose_answer_is_lost_is_written_once(world: World) -> None:
    order(world, "invoice.create", "timeout_after")
    invoice = world.invoice(world.client("Harbour Theatre"), "70.00")
    world.settle()
    assert remote(world, invoice)["TotalAmt"] == 70
    assert len(world.quickbooks.query("select * from Invoice")) == 1


def test_a_payment_written_to_ravetree_whose_answer_is_lost_stands_there_once(world: World, paired: Body) -> None:
    world.ravetree.steer("faults", {"endpoint": "payments.create", "kind": "timeout_after", "count": 2, "seconds": 0})
    world.quickbooks.pay({paired["number"]: "25.00"}, "2026-11-21", "CHK 2")
    world.settle()
    assert [row["amount"] for row in world.ravetree.every("payments")] == ["25.00"]
    assert world.compare().differing == []


def test_past_the_replay_horizon_the_payment_is_looked_up_not_sent_again(world: World, paired: Body) -> None:
    world.quickbooks.steer("switches", {"requestid_hours": 1})
    order(world, "payment.create", "timeout_after")
    world.receive({paired["id"]: "40.00"}, "CHK 1")
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    world.clock.advance(2 * 3600)
    world.settle()
    assert [row["TotalAmt"] for row in payments(world)] == [40]
    assert world.compare().differing == []


# --- one receipt, two entries ----------------------------------------------------------------------


def test_the_same_receipt_typed_on_both_sides_is_held_until_somebody_says(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "30.00"}, "mine")
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    assert set(codes(world)) == {"one_or_two_payments"}
    assert len(payments(world)) == 1
    assert len(world.ravetree.every("payments")) == 1


def test_said_to_be_two_both_are_copied(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "30.00"}, "mine")
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    for row in world.attention():
        path = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
        world.api("POST", path, {"decision": "two"})
    world.settle()
    assert world.attention() == []
    assert len(payments(world)) == len(world.ravetree.every("payments")) == 2
    assert remote(world, paired)["Balance"] == 40
    assert world.compare().differing == []


def test_deleting_one_of_the_two_answers_the_question(world: World, paired: Body) -> None:
    mine = world.receive({paired["id"]: "30.00"}, "mine")
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    world.ravetree.delete("payments", mine["id"])
    world.settle()
    assert world.attention() == []
    assert [row["reference"] for row in world.ravetree.every("payments")] == ["theirs"]
    assert world.compare().differing == []


# --- edits on both sides ---------------------------------------------------------------------------


def test_a_payment_edited_differently_on_both_sides_is_held(world: World, paired: Body) -> None:
    mine = world.receive({paired["id"]: "30.00"}, "CHK 5")
    world.settle()
    theirs = payments(world)[0]
    edit = {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"], "sparse": True, "PaymentRefNum": "CHK 55"}
    world.quickbooks.write("payment", edit)
    world.ravetree.change("payments", mine["id"], {"reference": "CHK 555"})
    world.settle()
    assert codes(world) == ["edited_on_both_sides"]
    world.ravetree.change("payments", mine["id"], {"reference": "CHK 55"})
    world.settle()
    assert world.attention() == []


def test_an_edit_in_quickbooks_right_after_our_own_is_seen(world: World, paired: Body) -> None:
    mine = world.receive({paired["id"]: "30.00"}, "CHK 5")
    world.settle()
    world.ravetree.change("payments", mine["id"], {"reference": "CHK 6"})
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    theirs = payments(world)[0]
    edit = {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"], "sparse": True, "PaymentRefNum": "CHK 7"}
    world.quickbooks.write("payment", edit)
    world.settle()
    world.clock.advance(301)
    world.settle()
    assert world.ravetree.get("payments", mine["id"])["reference"] == "CHK 7"


def test_lines_added_in_quickbooks_hold_the_next_overwrite(world: World, paired: Body) -> None:
    theirs = remote(world, paired)
    added = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 5,
        "SalesItemLineDetail": {"ItemRef": {"value": "2"}, "TaxCodeRef": {"value": "NON"}},
    }
    lines = [*[line for line in theirs["Line"] if "Id" in line], added]
    body = {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"], "sparse": True, "Line": plain(lines)}
    world.quickbooks.write("invoice", body)
    world.settle()
    assert codes(world) == ["open_balances_differ"]
    world.ravetree.change("invoices", paired["id"], {"memo": "Thank you"})
    world.settle()
    assert codes(world) == ["drift_before_overwrite"]
    assert remote(world, paired)["TotalAmt"] == 105


def plain(value: Any) -> Any:
    """Decimals as JSON numbers."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


# --- void, delete, paid ----------------------------------------------------------------------------


def test_an_invoice_deleted_in_quickbooks_is_parked_with_a_choice(world: World, paired: Body) -> None:
    theirs = remote(world, paired)
    world.quickbooks.write("invoice", {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"]}, operation="delete")
    world.settle()
    assert codes(world) == ["deleted_in_quickbooks"]
    state = world.ravetree.sync_state("invoice", paired["id"])
    assert state["state"] == "needs_attention"
    assert paired["number"] in state["message"]


def test_an_invoice_deleted_in_ravetree_is_void_in_quickbooks(world: World, paired: Body) -> None:
    world.ravetree.delete("invoices", paired["id"])
    world.settle()
    assert remote(world, paired)["PrivateNote"].startswith("Voided")


def test_taking_the_mark_away_takes_the_placeholder_away(world: World, paired: Body) -> None:
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    assert remote(world, paired)["Balance"] == 0
    world.ravetree.change("invoices", paired["id"], {"status": "sent"})
    world.settle()
    assert payments(world) == []
    assert world.compare().differing == []


def test_a_part_payment_reduces_the_placeholder(world: World, paired: Body) -> None:
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    world.receive({paired["id"]: "40.00"}, "CHK 8")
    world.settle()
    assert sorted(row["TotalAmt"] for row in payments(world)) == [40, 60]
    assert world.attention() == []
    assert world.compare().differing == []


def test_a_total_below_what_is_paid_is_held_before_anything_is_written(world: World, paired: Body) -> None:
    world.quickbooks.pay({paired["number"]: "80.00"}, "2026-11-21")
    world.settle()
    line = ours(world, paired)["lines"][0] | {"unit_price": "50.00", "amount": "50.00"}
    world.ravetree.change("invoices", paired["id"], {"lines": [line]})
    world.settle()
    assert codes(world) == ["total_below_paid"]
    assert remote(world, paired)["TotalAmt"] == 100


# --- refusals --------------------------------------------------------------------------------------


def test_closed_books_park_the_invoice_and_retry_goes_on(world: World) -> None:
    order(world, "invoice.create", "fault:6210")
    invoice = world.invoice(world.client("Lakeside Clinic"), "10.00")
    world.settle()
    assert codes(world) == ["books_closed"]
    row = world.attention()[0]
    world.api("POST", f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/retry")
    world.settle()
    assert world.attention() == []
    assert remote(world, invoice)["TotalAmt"] == 10


def test_a_revoked_connection_pauses_and_keeps_its_work(world: World, paired: Body) -> None:
    order(world, "*", "fault:3100", 1)
    world.receive({paired["id"]: "10.00"})
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    assert world.connection()["state"] == "paused"
    assert "Connect QuickBooks again" in world.connection()["remedy"]
    world.api("POST", f"/api/connections/{world.connection_id}/resume")
    world.settle()
    assert [row["TotalAmt"] for row in payments(world)] == [10]


def test_an_unmapped_line_type_parks_with_the_type_named(world: World) -> None:
    with world.parts.database.transaction() as session:
        session.execute(sa.text("delete from mappings where key = 'time'"))
    invoice = world.invoice(world.client("Lakeside Clinic"), "10.00")
    world.settle()
    assert codes(world) == ["line_type_not_mapped"]
    assert "time" in world.attention()[0]["cause"]
    assert invoice["number"] in world.attention()[0]["cause"]


def test_a_name_taken_by_a_vendor_gets_one_suffix(world: World) -> None:
    world.quickbooks.write("vendor", {"DisplayName": "Brass & Co"})
    invoice = world.invoice(world.client("Brass & Co"), "10.00")
    world.settle()
    assert remote(world, invoice)["CustomerRef"]["name"].startswith("Brass & Co (")


# --- reads -----------------------------------------------------------------------------------------


def test_a_push_for_a_known_client_reads_nothing_from_quickbooks(world: World, paired: Body) -> None:
    usage = reads(world)
    world.ravetree.change("invoices", paired["id"], {"memo": "Net 30"})
    world.invoice(paired["client_id"], "20.00")
    world.receive({paired["id"]: "5.00"}, "CHK 9")
    world.settle()
    assert reads(world) == usage
    assert world.compare().differing == []


def test_a_burst_of_quickbooks_changes_shares_reads(world: World, paired: Body) -> None:
    usage = reads(world)
    for number in range(10):
        world.quickbooks.pay({paired["number"]: f"{number + 1}.00"}, "2026-11-21", f"CHK {number}")
    # The bookkeeper's program looks the invoice up before each payment: those ten reads are not ours.
    world.settle()
    assert reads(world) - usage - 10 <= 2
    assert len(world.ravetree.every("payments")) == 10


def reads(world: World) -> int:
    session = world.quickbooks.session
    return int(session.get(f"{world.quickbooks.root}/sandbox/usage").json()["total_reads"])


# --- what a person decides -------------------------------------------------------------------------


def decide(world: World, decision: str) -> None:
    """Decide the one thing that waits for a person."""
    (row,) = world.attention()
    path = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
    world.api("POST", path, {"decision": decision, "by": "bookkeeper"})
    world.settle()


def test_an_invoice_deleted_in_quickbooks_is_pushed_again_when_told_to(world: World, paired: Body) -> None:
    theirs = remote(world, paired)
    world.quickbooks.write("invoice", {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"]}, operation="delete")
    world.settle()
    decide(world, "push")
    assert world.attention() == []
    assert remote(world, paired)["Id"] != theirs["Id"]
    assert world.compare().differing == []


def test_an_edit_made_in_quickbooks_is_overwritten_when_told_to_and_only_once(world: World, paired: Body) -> None:
    for _ in range(2):
        theirs = remote(world, paired)
        line = next(line for line in theirs["Line"] if "Id" in line)
        detail = line["SalesItemLineDetail"] | {"UnitPrice": line["SalesItemLineDetail"]["UnitPrice"] + 1}
        edited = line | {"Amount": line["Amount"] + 1, "SalesItemLineDetail": detail}
        body = {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"], "sparse": True, "Line": [plain(edited)]}
        world.quickbooks.write("invoice", body)
        world.settle()
        world.ravetree.change("invoices", paired["id"], {"memo": f"Thank you {theirs['SyncToken']}"})
        world.settle()
        assert codes(world) == ["drift_before_overwrite"]
        decide(world, "overwrite")
        assert remote(world, paired)["TotalAmt"] == 100


def test_a_number_that_is_taken_is_offered_and_adopted_when_told_to(world: World, paired: Body) -> None:
    theirs = remote(world, paired)
    body = {
        "DocNumber": "1002",
        "CustomerRef": theirs["CustomerRef"],
        "CurrencyRef": theirs["CurrencyRef"],
        "TxnDate": theirs["TxnDate"],
        "Line": [plain({k: v for k, v in line.items() if k != "Id"}) for line in theirs["Line"] if "Id" in line],
    }
    taken = world.quickbooks.write("invoice", body)
    world.invoice(paired["client_id"], "100.00")
    world.settle()
    assert codes(world) == ["duplicate_number"]
    assert "adopt" in world.attention()[0]["remedy"]
    decide(world, "adopt")
    assert world.attention() == []
    found = world.quickbooks.invoice("1002")
    assert found is not None
    assert found["Id"] == taken["Id"]
    assert world.compare().differing == []


def test_what_waits_for_payments_goes_on_when_they_turn_out_to_be_nobodys(world: World, paired: Body) -> None:
    world.quickbooks.pay({paired["number"]: "80.00"}, "2026-11-21")
    world.settle()
    line = ours(world, paired)["lines"][0] | {"unit_price": "50.00", "amount": "50.00"}
    world.ravetree.change("invoices", paired["id"], {"lines": [line]})
    unapplied = {"CustomerRef": {"value": "3"}, "TotalAmt": 7, "CurrencyRef": {"value": "USD"}, "Line": []}
    world.quickbooks.write("payment", unapplied)
    world.settle()
    assert codes(world) == ["total_below_paid"]
    assert world.connection()["work"]["waiting"] == 0


def test_a_refusal_of_the_repetition_does_not_make_a_second_payment(world: World, paired: Body) -> None:
    """The first try was written and its answer lost; the second is refused. QuickBooks is asked before a third."""
    order(world, "payment.create", "timeout_after")
    world.receive({paired["id"]: "40.00"}, "CHK 1")
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    # QuickBooks' own word of it is lost, and its log says nothing of it either.
    world.collect()
    order(world, "cdc", "500", 1000)
    order(world, "payment.create", "fault:6210")
    work_for(world, 60)
    assert [row["TotalAmt"] for row in payments(world)] == [40]
    assert world.compare().differing == []


def test_the_placeholder_follows_when_a_payment_beside_it_is_taken_back(world: World, paired: Body) -> None:
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-21", "CHK 1")
    world.settle()
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    assert sorted(row["TotalAmt"] for row in payments(world)) == [30, 70]
    (received,) = world.ravetree.every("payments")
    world.ravetree.delete("payments", received["id"])
    world.settle()
    assert [row["TotalAmt"] for row in payments(world)] == [100]
    assert world.compare().differing == []


def test_a_placeholder_that_somebody_deleted_is_seen_as_gone_when_it_is_to_be_removed(
    world: World, paired: Body
) -> None:
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    (placeholder,) = payments(world)
    body = {"Id": placeholder["Id"], "SyncToken": placeholder["SyncToken"]}
    world.quickbooks.write("payment", body, operation="delete")
    world.collect()  # QuickBooks' word of it is lost
    world.ravetree.change("invoices", paired["id"], {"status": "void"})
    world.settle()
    assert world.attention() == []
    assert remote(world, paired)["PrivateNote"].startswith("Voided")
    with world.parts.database.transaction() as session:
        refused = session.execute(sa.text("select count(*) from operations where state = 'refused'")).scalar_one()
    assert refused <= 2, "it is asked once more, not until it gives up"


def test_the_deposited_money_behind_a_mark_that_went_is_asked_about_and_tied_to_the_payment(
    world: World, paired: Body
) -> None:
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    (placeholder,) = payments(world)
    bank = world.quickbooks.query("select * from Account where AccountType = 'Bank'")[0]["Id"]
    link = {"TxnId": placeholder["Id"], "TxnType": "Payment", "TxnLineId": "0"}
    line = {"Amount": float(placeholder["TotalAmt"]), "LinkedTxn": [link]}
    world.quickbooks.write("deposit", {"DepositToAccountRef": {"value": bank}, "Line": [line]})
    world.settle()
    world.ravetree.change("invoices", paired["id"], {"status": "sent"})
    world.settle()
    assert codes(world) == ["placeholder_deposited"]
    world.receive({paired["id"]: str(placeholder["TotalAmt"])}, "CHK 7")
    world.settle()
    assert codes(world) == []
    assert len(payments(world)) == 1
    assert world.ravetree.get("invoices", paired["id"])["balance"] == "0.00"
