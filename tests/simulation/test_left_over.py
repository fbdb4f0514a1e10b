"""Money that lay in QuickBooks before the consent, and in Ravetree before the switch-on: asked about as any other.

A day lies between that and the consent: change data capture begins a minute before it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ravebooks.demo.sides import Body
from reconcile.model import Kind
from sync import left_over
from sync.books import Books
from sync.records.document_work import DocumentWork
from tests.simulation.posting import reads
from tests.simulation.world import Prepare, World, as_connected, as_settled

CLIENT = "Northwind"


def customer(world: World, name: str, above: Body | None = None) -> Body:
    below = {"ParentRef": {"value": above["Id"]}, "Job": True} if above else {}
    return world.quickbooks.write("customer", {"DisplayName": name} | below)


def lay(world: World, of: Body, amount: int = 100) -> Body:
    """A bookkeeper enters money that is applied to nothing."""
    body = {"CustomerRef": {"value": of["Id"]}, "TotalAmt": amount, "TxnDate": "2026-11-19"}
    return world.quickbooks.write("payment", body)


def deposit(world: World, payment: Body) -> None:
    """A bookkeeper takes it to the bank."""
    (bank, *_) = world.quickbooks.query("select * from Account where AccountType = 'Bank'")
    link = {"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}
    line = {"Amount": float(payment["TotalAmt"]), "LinkedTxn": [link]}
    world.quickbooks.write("deposit", {"DepositToAccountRef": {"value": bank["Id"]}, "Line": [line]})
    world.settle()


def apply_by_hand(world: World, payment: Body, invoice: Body) -> None:
    """A bookkeeper takes it off its deposit, applies it to the invoice as its customer's, and deposits it again."""
    (made,) = world.quickbooks.query("select * from Deposit")
    world.quickbooks.write("deposit", {name: made[name] for name in ("Id", "SyncToken")}, operation="delete")
    (theirs,) = world.quickbooks.query(f"select * from Invoice where DocNumber = '{invoice['number']}'")  # noqa: S608
    (now,) = world.quickbooks.query(f"select * from Payment where Id = '{payment['Id']}'")  # noqa: S608
    line = {"Amount": now["TotalAmt"], "LinkedTxn": [{"TxnId": theirs["Id"], "TxnType": "Invoice"}]}
    applied = {"CustomerRef": theirs["CustomerRef"], "TotalAmt": now["TotalAmt"], "Line": [line]}
    named = {name: now[name] for name in ("Id", "SyncToken")}
    deposit(world, world.quickbooks.write("payment", named | applied))


def family(world: World) -> dict[str, Body]:
    parent = customer(world, "Northwind Group")
    own = customer(world, CLIENT, parent)
    return {"parent": parent, "own": own, "project": customer(world, "Fit-out", own)}


def lying_with(whose: str) -> Prepare:
    def past(world: World) -> None:
        lay(world, family(world)[whose])
        world.clock.advance(86_400)

    return past


def with_credit(world: World) -> None:
    of = family(world)["own"]
    (item, *_) = world.quickbooks.query("select * from Item where Type = 'Service'")
    line = {
        "Amount": 30,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}},
    }
    world.quickbooks.write("creditmemo", {"CustomerRef": {"value": of["Id"]}, "Line": [line]})
    world.clock.advance(86_400)


def with_family(world: World) -> None:
    family(world)


PASTS = {whose: lying_with(whose) for whose in ("own", "parent", "project")}


@pytest.fixture(params=list(PASTS))
def old_books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """100.00 lie unapplied in QuickBooks: the client's own, its parent's or a project's."""
    world = World(tmp_path, prepare=as_settled, past=PASTS[request.param])
    yield world
    world.close()


@pytest.fixture
def any_books(tmp_path: Path) -> Iterator[World]:
    """Where one of the three is like the others."""
    world = World(tmp_path, prepare=as_settled, past=PASTS["own"])
    yield world
    world.close()


@pytest.fixture
def with_past(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """With the past that a test names, and after the switch-on all is quiet."""
    world = World(tmp_path, prepare=as_settled, past=request.param)
    yield world
    world.close()


def client(world: World) -> str:
    (row,) = [row for row in world.ravetree.every("contacts") if row["name"] in (CLIENT, f"Northwind Group:{CLIENT}")]
    return str(row["id"])


def codes(world: World) -> list[str]:
    return [row["code"] for row in world.attention()]


def payments(world: World) -> list[Body]:
    return world.quickbooks.query("select * from Payment")


def mark(world: World, invoice: Body) -> None:
    world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    world.settle()


def switch(world: World, **on: bool) -> None:
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", on)
    world.settle()


def decide(world: World, decision: str) -> None:
    (row,) = world.attention()
    path = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim"})
    world.settle()


def backfill(world: World, *kinds: str) -> Any:
    path = f"/api/connections/{world.connection_id}/jobs"
    begun = world.api("POST", path, {"by": "Kim", "kinds": list(kinds)}).get_json()
    world.settle()
    return world.api("GET", f"{path}/{begun['id']}").get_json()


def advance(world: World, amount: str = "100.00") -> Body:
    """A client pays in advance while invoices are switched off."""
    switch(world, invoices=False)
    body = {"client_id": client(world), "date": "2026-11-20", "amount": amount, "currency": "USD", "allocations": []}
    made = world.ravetree.create("payments", body)
    world.settle()
    return made


def press(world: World) -> None:
    world.ravetree.session.post(f"{world.ravetree.root}/sandbox/app/contacts/{client(world)}/sync").raise_for_status()
    world.settle()


# --- what lay in QuickBooks ------------------------------------------------------------------------


def test_a_mark_beside_older_money_is_asked_about(old_books: World) -> None:
    invoice = old_books.invoice(client(old_books), "100.00")
    old_books.settle()
    mark(old_books, invoice)
    assert codes(old_books) == ["unapplied_money_beside_mark"]
    assert len(payments(old_books)) == 1


def test_a_receipt_that_lay_there_before_is_asked_about(old_books: World) -> None:
    invoice = old_books.invoice(client(old_books), "100.00")
    old_books.settle()
    old_books.receive({invoice["id"]: "100.00"})
    old_books.settle()
    assert codes(old_books) == ["one_or_two_payments"]
    assert [row["UnappliedAmt"] for row in payments(old_books)] == [100]


def test_older_money_that_is_the_receipt_pays_the_invoice(old_books: World) -> None:
    """A project's becomes the client's: QuickBooks applies no other to its invoice."""
    invoice = old_books.invoice(client(old_books), "100.00")
    old_books.settle()
    old_books.receive({invoice["id"]: "100.00"})
    old_books.settle()
    decide(old_books, "one")
    assert [row["UnappliedAmt"] for row in payments(old_books)] == [0]
    assert (codes(old_books), old_books.compare().differing) == ([], [])


def test_older_money_that_the_mark_stands_for_pays_the_invoice(old_books: World) -> None:
    invoice = old_books.invoice(client(old_books), "100.00")
    old_books.settle()
    mark(old_books, invoice)
    decide(old_books, "one")
    assert [row["UnappliedAmt"] for row in payments(old_books)] == [0]
    assert len(old_books.ravetree.every("payments")) == 1
    assert (codes(old_books), old_books.compare().differing) == ([], [])


@pytest.mark.parametrize("how", ["payment", "mark"])
def test_older_money_that_is_deposited_is_applied_by_a_person(old_books: World, how: str) -> None:
    """Nothing that we send changes it, so that `one` is not offered before it is done."""
    (theirs,) = payments(old_books)
    deposit(old_books, theirs)
    invoice = old_books.invoice(client(old_books), "100.00")
    old_books.settle()
    if how == "mark":
        mark(old_books, invoice)
    else:
        old_books.receive({invoice["id"]: "100.00"})
        old_books.settle()
    (row,) = old_books.attention()
    assert ([choice["decision"] for choice in row["decisions"]], "by hand" in row["remedy"]) == (["two"], True)
    apply_by_hand(old_books, theirs, invoice)
    if how == "payment":
        decide(old_books, "one")
    assert [row["UnappliedAmt"] for row in payments(old_books)] == [0]
    assert len(old_books.ravetree.every("payments")) == 1
    assert (codes(old_books), old_books.compare().differing) == ([], [])


@pytest.mark.parametrize("how", ["payment", "mark"])
def test_deposited_money_that_is_other_money_stays_unapplied(any_books: World, how: str) -> None:
    (theirs,) = payments(any_books)
    deposit(any_books, theirs)
    invoice = any_books.invoice(client(any_books), "100.00")
    any_books.settle()
    if how == "mark":
        mark(any_books, invoice)
    else:
        any_books.receive({invoice["id"]: "100.00"})
        any_books.settle()
    decide(any_books, "two")
    assert sorted(row["UnappliedAmt"] for row in payments(any_books)) == [0, 100]
    assert codes(any_books) == []


@pytest.mark.parametrize(("how", "code"), [("mark", "unapplied_money_beside_mark"), ("payment", "one_or_two_payments")])
def test_an_older_invoice_comes_with_the_same_questions(old_books: World, how: str, code: str) -> None:
    switch(old_books, invoices=False)
    invoice = old_books.invoice(client(old_books), "100.00")
    if how == "mark":
        mark(old_books, invoice)
    else:
        old_books.receive({invoice["id"]: "100.00"})
    old_books.settle()
    switch(old_books, invoices=True)
    backfill(old_books, "invoice")
    assert codes(old_books) == [code]
    assert len(payments(old_books)) == 1


def test_a_receipt_that_was_copied_before_the_import_was_through_is_asked_about_afterwards(tmp_path: Path) -> None:
    world = World(tmp_path, prepare=as_connected, past=PASTS["own"])
    path = f"/api/connections/{world.connection_id}/jobs"
    (job,) = world.api("GET", path).get_json()["data"]
    world.api("POST", f"{path}/{job['id']}/pause")
    invoice = world.invoice(world.client(CLIENT), "100.00")
    world.settle()
    world.receive({invoice["id"]: "100.00"})
    world.settle()
    copied = len(payments(world))
    world.api("POST", f"{path}/{job['id']}/resume")
    world.settle()
    assert (copied, codes(world)) == (2, ["one_or_two_payments"])
    world.close()


@pytest.mark.parametrize("with_past", [with_credit], indirect=True)
def test_a_mark_beside_an_older_credit_memo_is_asked_about(with_past: World) -> None:
    invoice = with_past.invoice(client(with_past), "100.00")
    with_past.settle()
    mark(with_past, invoice)
    assert (codes(with_past), payments(with_past)) == (["credit_beside_mark"], [])


@pytest.mark.parametrize("with_past", [with_family], indirect=True)
def test_money_of_the_parent_that_nobody_told_of_yet_is_found_when_a_mark_is_made(with_past: World) -> None:
    """Its event is under way while the payment for the mark is about to be made."""
    invoice = with_past.invoice(client(with_past), "100.00")
    with_past.settle()
    (parent,) = with_past.quickbooks.query("select * from Customer where DisplayName = 'Northwind Group'")
    lay(with_past, parent)
    with_past.collect()
    mark(with_past, invoice)
    assert codes(with_past) == ["unapplied_money_beside_mark"]


def test_money_that_comes_between_two_marks_of_a_slice_is_asked_about(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer's payments were read for the first mark: that says nothing of what came after."""
    payer = world.client("Harbour Light")
    invoices = [world.invoice(payer, "100.00") for _ in range(2)]
    world.settle()
    (theirs,) = world.quickbooks.query("select * from Customer where DisplayName = 'Harbour Light'")
    run, others = DocumentWork.run, invoices[1:]

    def run_then_mark_another(work: DocumentWork[Any]) -> Any:
        outcome = run(work)
        work.books.unit.commit()
        if others:
            lay(world, theirs)
            set_paid(world, others.pop())
        return outcome

    monkeypatch.setattr(DocumentWork, "run", run_then_mark_another)
    set_paid(world, invoices[0])
    world.reconciler.work(world.connection_id)
    assert not others
    assert codes(world) == ["unapplied_money_beside_mark"] * 2
    # What stands for the first mark, and the money: for the second nothing was entered.
    assert len(payments(world)) == 2


def set_paid(world: World, invoice: Body) -> None:
    """A user marks an invoice as paid, and Ravetree tells it; what QuickBooks tells is still under way."""
    world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    for letter in world.collect():
        if "/webhooks/ravetree/" in letter.url:
            world.deliver(letter)


def in_order(world: World) -> list[Body]:
    """As pages have them."""
    return world.quickbooks.query("select * from Payment orderby Id")


def twenty(world: World) -> None:
    of = customer(world, CLIENT)
    for number in range(20):
        lay(world, of, number + 1)
    world.clock.advance(86_400)


@pytest.fixture
def three_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Twenty payments, of which the first is deleted when the first page of ten was read."""
    monkeypatch.setattr(left_over, "PAGE", 10)
    monkeypatch.setattr(left_over, "OVERLAP", 2)
    world = World(tmp_path, past=twenty)
    first = in_order(world)[0]
    copy_page = left_over.copy_page

    def meanwhile(books: Books, kind: Kind, start: int) -> int | None:
        following = copy_page(books, kind, start)
        if (kind, start) == (Kind.PAYMENT, 0):
            world.quickbooks.write("payment", {name: first[name] for name in ("Id", "SyncToken")}, operation="delete")
        return following

    monkeypatch.setattr(left_over, "copy_page", meanwhile)
    world.settle()
    yield world
    world.close()


def test_it_costs_a_metered_read_for_each_page(three_pages: World) -> None:
    """One of customers, three of payments and one of credit memos."""
    assert reads(three_pages, "contact import") == 5


def test_what_is_deleted_between_two_pages_hides_nothing(three_pages: World) -> None:
    """The tenth that is left would stand on the first page now, which nobody reads again."""
    amount = f"{in_order(three_pages)[9]['TotalAmt']:.2f}"
    invoice = three_pages.invoice(client(three_pages), amount)
    three_pages.settle()
    three_pages.receive({invoice["id"]: amount})
    three_pages.settle()
    assert codes(three_pages) == ["one_or_two_payments"]


# --- what a client paid in advance in Ravetree -----------------------------------------------------


def test_an_advance_that_is_made_while_invoices_are_switched_off_moves_nothing(any_books: World) -> None:
    advance(any_books)
    assert len(payments(any_books)) == 1
    switch(any_books, invoices=True)
    assert len(payments(any_books)) == 1


def test_the_button_of_the_client_brings_older_advances_after_the_same_question(any_books: World) -> None:
    made = advance(any_books)
    switch(any_books, invoices=True)
    press(any_books)
    assert (codes(any_books), len(payments(any_books))) == (["one_or_two_payments"], 1)
    decide(any_books, "one")
    assert (codes(any_books), len(payments(any_books))) == ([], 1)
    assert any_books.ravetree.sync_state("payment", made["id"])["state"] == "synced"


@pytest.mark.parametrize("how", ["button", "back-fill"])
def test_an_older_advance_comes_once_as_it_was_previewed(any_books: World, how: str) -> None:
    advance(any_books, "70.00")
    switch(any_books, invoices=True)
    connection = f"/api/connections/{any_books.connection_id}"
    if how == "button":
        path = f"{connection}/records/ravetree/contact/{client(any_books)}/preview"
        previewed = any_books.api("GET", path).get_json()["steps"]
        press(any_books)
        press(any_books)
    else:
        shown = any_books.api("POST", f"{connection}/jobs/preview", {"kinds": ["contact"]}).get_json()["records"]
        previewed = [step for row in shown for step in row["steps"]]
        assert ("70.00 USD", "create") in [(row["name"], row["outcome"]) for row in shown]
        backfill(any_books, "contact")
        backfill(any_books, "contact")
    assert [step["action"] for step in previewed if step["action"] != "customer.create"] == ["payment.create"]
    assert sorted(row["TotalAmt"] for row in payments(any_books)) == [70, 100]
    assert codes(any_books) == []
