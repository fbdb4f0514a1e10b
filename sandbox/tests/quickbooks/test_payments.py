"""Payments, credit memos and deposits; and the receivables formula under any sequence of requests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.testing import (
    CUSTOMER,
    EURO_CUSTOMER,
    OTHER_CUSTOMER,
    World,
    applied_to,
    code_of,
    line,
    named,
    sparse,
)
from tests.quickbooks.test_companies import assert_oracles_hold


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_a_payment_lowers_its_invoices_and_keeps_the_rest_unapplied(world: World) -> None:
    first, second = world.invoice(100), world.invoice(50)
    payment = world.payment(200, (first, 100), (second, 30))
    assert payment["UnappliedAmt"] == 70
    assert world.read("Invoice", first["Id"])["Balance"] == 0
    after = world.read("Invoice", second["Id"])
    assert (after["Balance"], after["SyncToken"]) == (20, "1")
    assert after["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    assert world.read("Customer", CUSTOMER)["Balance"] == -50


def test_more_than_the_open_balance_cannot_be_applied(world: World) -> None:
    invoice = world.invoice(100)
    world.payment(60, (invoice, 60))
    body = {
        "CustomerRef": {"value": CUSTOMER},
        "TotalAmt": 50,
        "Line": [applied_to(invoice, "40.01")],
    }
    assert code_of(world.post("payment", body)) == "6000"
    assert world.read("Invoice", invoice["Id"])["Balance"] == 40


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"TotalAmt": None}, "2020"),
        ({"CustomerRef": None}, "2020"),
        ({"TotalAmt": 5}, "6000"),  # less than its lines
        ({"TotalAmt": 0, "Line": []}, "6000"),
        ({"CustomerRef": {"value": OTHER_CUSTOMER}}, "6000"),
        ({"CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"Line": [{"Amount": 10, "LinkedTxn": [{"TxnId": "999", "TxnType": "Invoice"}]}]}, "610"),
        ({"Line": [{"Amount": 10, "LinkedTxn": [{"TxnId": "1", "TxnType": "Bill"}]}]}, "2170"),
    ],
)
def test_a_wrong_payment_is_refused_and_leaves_no_trace(world: World, fields: dict[str, Any], code: str) -> None:
    invoice = world.invoice(100)
    body = {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 10, "Line": [applied_to(invoice, 10)], **fields}
    assert code_of(world.post("payment", body)) == code
    assert world.read("Invoice", invoice["Id"]) == invoice
    assert world.query("select count(*) from Payment")["totalCount"] == 0


def test_a_voided_invoice_cannot_be_linked(world: World) -> None:
    invoice = world.invoice(100)
    world.save("Invoice", named(invoice), operation="void")
    body = {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 10, "Line": [applied_to(invoice, 10)]}
    assert code_of(world.post("payment", body)) == "620"


@pytest.mark.parametrize("operation", ["void", "delete"])
def test_an_invoice_with_payments_is_neither_voided_nor_deleted(world: World, operation: str) -> None:
    invoice = world.invoice(100)
    payment = world.payment(10, (invoice, 10))
    current = world.read("Invoice", invoice["Id"])
    assert code_of(world.post("invoice", named(current), operation=operation)) == "6000"
    world.save("Payment", named(payment), operation="delete")
    current = world.read("Invoice", invoice["Id"])
    assert (current["Balance"], current["LinkedTxn"]) == (100, [])
    world.save("Invoice", named(current), operation=operation)


def test_a_voided_payment_gives_its_invoices_back(world: World) -> None:
    invoice = world.invoice(100)
    payment = world.payment(80, (invoice, 80))
    voided = world.save("Payment", sparse(payment), operation="update", include="void")
    assert (voided["TotalAmt"], voided["Line"], voided["UnappliedAmt"]) == (0, [], 0)
    assert voided["PrivateNote"] == "Voided"
    assert world.read("Invoice", invoice["Id"])["Balance"] == 100


def test_an_edited_payment_moves_between_invoices(world: World) -> None:
    first, second = world.invoice(100), world.invoice(100)
    payment = world.payment(100, (first, 100))
    moved = world.change("Payment", payment, Line=[applied_to(first, 30), applied_to(second, 70)])
    assert moved["UnappliedAmt"] == 0
    assert world.read("Invoice", first["Id"])["Balance"] == 70
    assert world.read("Invoice", second["Id"])["Balance"] == 30
    bigger = world.change("Payment", moved, TotalAmt=150, Line=[applied_to(second, 100)])
    assert bigger["UnappliedAmt"] == 50
    assert world.read("Invoice", first["Id"])["LinkedTxn"] == []


def test_an_invoice_edited_below_its_payment_gives_the_rest_back(world: World) -> None:
    invoice = world.invoice(100)
    payment = world.payment(100, (invoice, 100))
    current = world.read("Invoice", invoice["Id"])
    changed = world.change("Invoice", current, Line=[line(40)])
    assert changed["Balance"] == 0
    assert world.read("Payment", payment["Id"])["UnappliedAmt"] == 60


def test_a_deposited_payment_is_locked_until_it_leaves_the_deposit(world: World) -> None:
    invoice = world.invoice(100)
    payment = world.payment(100, (invoice, 100))
    bank = world.query("select * from Account where Name = 'Checking'")["Account"][0]["Id"]
    deposit = world.save(
        "Deposit",
        {
            "DepositToAccountRef": {"value": bank},
            "Line": [{"Amount": 100, "LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment"}]}],
        },
    )
    assert deposit["TotalAmt"] == 100
    locked = world.read("Payment", payment["Id"])
    for query in ({}, {"operation": "delete"}, {"operation": "update", "include": "void"}):
        assert code_of(world.post("payment", sparse(locked, PrivateNote="x"), **query)) == "6540"
    world.save("Deposit", named(deposit), operation="delete")
    free = world.read("Payment", payment["Id"])
    world.save("Payment", named(free), operation="delete")


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(world: World) -> None:
    invoice = world.invoice(100)
    memo = world.save("CreditMemo", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(30)]})
    assert memo["RemainingCredit"] == 30
    note = "Created by QB Online to link credits to charges."
    payment = world.save(
        "Payment",
        {
            "CustomerRef": {"value": CUSTOMER},
            "TotalAmt": 0,
            "PrivateNote": note,
            "Line": [applied_to(invoice, 30), applied_to(memo, 30, "CreditMemo")],
        },
    )
    assert payment["UnappliedAmt"] == 0
    assert world.read("CreditMemo", memo["Id"])["RemainingCredit"] == 0
    after = world.read("Invoice", invoice["Id"])
    assert after["Balance"] == 70
    assert [link["TxnType"] for link in after["LinkedTxn"]] == ["Payment"]
    world.save("Payment", named(payment), operation="delete")
    assert world.read("CreditMemo", memo["Id"])["RemainingCredit"] == 30


def below(world: World, name: str = "North", parent: str = CUSTOMER, **fields: Any) -> str:
    return str(
        world.save("Customer", {"DisplayName": name, "Job": True, "ParentRef": {"value": parent}, **fields})["Id"]
    )


def test_a_customer_pays_the_invoices_of_those_below(world: World) -> None:
    child = below(world)
    grandchild = below(world, "Cellar", child)
    first, second, own = world.invoice(40, customer=child), world.invoice(60, customer=grandchild), world.invoice(5)
    payment = world.payment(110, (first, 30), (second, 60), (own, 5))
    assert payment["UnappliedAmt"] == 15
    assert [world.read("Invoice", one["Id"])["Balance"] for one in (first, second, own)] == [10, 0, 0]
    balances = [world.read("Customer", one) for one in (CUSTOMER, child, grandchild)]
    assert [(one["Balance"], one["BalanceWithJobs"]) for one in balances] == [(-15, -5), (10, 10), (0, 0)]
    assert_oracles_hold(next(iter(world.services.companies.values())))
    world.save("Payment", named(payment), operation="delete")
    assert world.read("Customer", CUSTOMER)["BalanceWithJobs"] == 105


def test_a_payment_keeps_what_it_paid_when_a_sub_customer_moves_away(world: World) -> None:
    child = below(world)
    invoice = world.invoice(40, customer=child)
    payment = world.payment(30, (invoice, 30))
    world.change("Customer", world.read("Customer", child), ParentRef={"value": OTHER_CUSTOMER})
    world.change("Payment", payment, PrivateNote="late", Line=[applied_to(invoice, 10)])
    assert world.read("Invoice", invoice["Id"])["Balance"] == 30
    other = {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 5, "Line": [applied_to(invoice, 5)]}
    assert code_of(world.post("payment", other)) == "6000"


def test_nobody_pays_for_those_above_or_beside_or_in_another_currency(world: World) -> None:
    child, beside = below(world), below(world, "South")
    euros = below(world, "Abroad", CurrencyRef={"value": "EUR"})
    for payer, invoice in (
        (child, world.invoice(10)),
        (beside, world.invoice(10, customer=child)),
        (CUSTOMER, world.invoice(10, customer=euros)),
    ):
        body = {"CustomerRef": {"value": payer}, "TotalAmt": 10, "Line": [applied_to(invoice, 10)]}
        assert code_of(world.post("payment", body)) == "6000"
    memo = world.save("CreditMemo", {"CustomerRef": {"value": child}, "Line": [line(5)]})
    lines = [applied_to(world.invoice(10), 5), applied_to(memo, 5, "CreditMemo")]
    assert code_of(world.post("payment", {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 0, "Line": lines})) == "6000"


SUB_CUSTOMER = "11"  # the next Id of a new company's names
FAMILIES = {CUSTOMER: (CUSTOMER, SUB_CUSTOMER), SUB_CUSTOMER: (SUB_CUSTOMER,), EURO_CUSTOMER: (EURO_CUSTOMER,)}
AMOUNT = st.decimals("0.01", "500", places=2)
SHARE = st.decimals(0, 1, places=2)


class Bookkeeping(RuleBasedStateMachine):
    """Any valid sequence of create, pay, edit, void and delete keeps the books in balance."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.world = World(Path(self.directory.name))
        assert below(self.world) == SUB_CUSTOMER

    def teardown(self) -> None:
        self.world.close()
        self.directory.cleanup()

    def documents(self, entity: str) -> list[Any]:
        return list(self.world.query(f"select * from {entity} maxresults 1000").get(entity, []))  # noqa: S608  # QuickBooks' own query language

    def pick(self, entity: str, choose: Callable[[int], int]) -> Any:
        found = self.documents(entity)
        return found[choose(len(found))] if found else None

    @rule(amounts=st.lists(AMOUNT, min_size=1, max_size=3), customer=st.sampled_from(list(FAMILIES)))
    def bill(self, amounts: list[Decimal], customer: str) -> None:
        self.world.invoice(*amounts, customer=customer)

    @rule(amount=AMOUNT, customer=st.sampled_from([CUSTOMER, EURO_CUSTOMER]))
    def credit(self, amount: Decimal, customer: str) -> None:
        self.world.save("CreditMemo", {"CustomerRef": {"value": customer}, "Line": [line(amount)]})

    @rule(
        total=AMOUNT,
        shares=st.lists(SHARE, min_size=1, max_size=3),
        customer=st.sampled_from(list(FAMILIES)),
    )
    def pay(self, total: Decimal, shares: list[Decimal], customer: str) -> None:
        lines, left = self.spread(total, shares, customer)
        assert left >= 0
        self.world.save("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": total, "Line": lines})

    def spread(self, total: Decimal, shares: list[Decimal], customer: str) -> tuple[list[Any], Decimal]:
        lines, left = [], total
        invoices = [one for one in self.documents("Invoice") if one["CustomerRef"]["value"] in FAMILIES[customer]]
        for invoice, share in zip([one for one in invoices if one["Balance"]], shares, strict=False):
            amount = min(left, (invoice["Balance"] * share).quantize(Decimal("0.01")))
            amount = min(amount, Decimal(invoice["Balance"]))
            lines.append(applied_to(invoice, amount))
            left -= amount
        return lines, left

    @precondition(lambda self: self.documents("Invoice"))
    @rule(amount=AMOUNT, index=st.integers(0, 99))
    def edit_invoice(self, amount: Decimal, index: int) -> None:
        invoice = self.pick("Invoice", lambda count: index % count)
        self.world.change("Invoice", invoice, Line=[line(amount)])

    @precondition(lambda self: self.documents("Payment"))
    @rule(total=AMOUNT, shares=st.lists(SHARE, max_size=2), index=st.integers(0, 99))
    def edit_payment(self, total: Decimal, shares: list[Decimal], index: int) -> None:
        payment = self.pick("Payment", lambda count: index % count)
        lines, _ = self.spread(total, shares, payment["CustomerRef"]["value"])
        answer = self.world.post("payment", sparse(payment, TotalAmt=total, Line=lines))
        assert answer.status_code == (400 if payment.get("LinkedTxn") else 200)

    @rule(credits_=st.booleans(), payments=st.booleans())
    def prefer(self, credits_: bool, payments: bool) -> None:
        forms = {"AutoApplyCredit": credits_, "AutoApplyPayments": payments}
        self.world.change("Preferences", self.world.read("Preferences", "1"), SalesFormsPrefs=forms)

    @rule(share=SHARE, customer=st.sampled_from([CUSTOMER, EURO_CUSTOMER]))
    def link_credit(self, share: Decimal, customer: str) -> None:
        """A payment of nothing between the first open invoice and the first credit memo with something left."""
        mine = [one for one in self.documents("Invoice") if one["CustomerRef"]["value"] == customer and one["Balance"]]
        memos = [one for one in self.documents("CreditMemo") if one["CustomerRef"]["value"] == customer]
        usable = [one for one in memos if one["RemainingCredit"]]
        if not mine or not usable:
            return
        most = min(Decimal(mine[0]["Balance"]), Decimal(usable[0]["RemainingCredit"]))
        amount = max((most * share).quantize(Decimal("0.01")), Decimal("0.01"))
        lines = [applied_to(mine[0], amount), applied_to(usable[0], amount, "CreditMemo")]
        self.world.save("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": 0, "Line": lines})

    @precondition(lambda self: any(not one.get("LinkedTxn") for one in self.documents("Payment")))
    @rule()
    def deposit(self) -> None:
        free = [one for one in self.documents("Payment") if not one.get("LinkedTxn") and one["TotalAmt"]]
        lines = [
            {"Amount": one["TotalAmt"], "LinkedTxn": [{"TxnId": one["Id"], "TxnType": "Payment"}]} for one in free[:2]
        ]
        if lines:
            bank = self.world.query("select * from Account where Name = 'Checking'")["Account"][0]["Id"]
            self.world.save("Deposit", {"DepositToAccountRef": {"value": bank}, "Line": lines})

    @precondition(lambda self: self.documents("Deposit"))
    @rule(index=st.integers(0, 99))
    def undo_deposit(self, index: int) -> None:
        deposit = self.pick("Deposit", lambda count: index % count)
        self.world.save("Deposit", named(deposit), operation="delete")

    @precondition(lambda self: self.documents("Payment"))
    @rule(index=st.integers(0, 99), void=st.booleans())
    def take_payment_back(self, index: int, void: bool) -> None:
        payment = self.pick("Payment", lambda count: index % count)
        query = {"operation": "update", "include": "void"} if void else {"operation": "delete"}
        answer = self.world.post("payment", named(payment), **query)
        assert answer.status_code == (400 if payment.get("LinkedTxn") else 200)

    @precondition(lambda self: self.documents("Invoice"))
    @rule(index=st.integers(0, 99), operation=st.sampled_from(["void", "delete"]))
    def take_invoice_back(self, index: int, operation: str) -> None:
        invoice = self.pick("Invoice", lambda count: index % count)
        answer = self.world.post("invoice", named(invoice), operation=operation)
        assert answer.status_code == (400 if invoice["LinkedTxn"] else 200)

    @invariant()
    def books_balance(self) -> None:
        assert_oracles_hold(next(iter(self.world.services.companies.values())))
        invoices, payments, memos = map(self.documents, ("Invoice", "Payment", "CreditMemo"))
        assert all(0 <= invoice["Balance"] <= invoice["TotalAmt"] for invoice in invoices)
        assert all(payment["UnappliedAmt"] >= 0 for payment in payments)
        for customer in (CUSTOMER, EURO_CUSTOMER):
            family = FAMILIES[customer]
            owed = receivables(family, invoices, payments, memos)
            assert owed == total_of(family, invoices) - total_of(family, memos) - total_of(family, payments)
            assert self.world.read("Customer", customer)["BalanceWithJobs"] == owed
            own = receivables((customer,), invoices, payments, memos)
            assert self.world.read("Customer", customer)["Balance"] == own


Family = tuple[str, ...]


def receivables(family: Family, invoices: list[Any], payments: list[Any], memos: list[Any]) -> Decimal:
    """The reference's formula for customers of one currency."""

    def part(documents: list[Any], field: str) -> Decimal:
        return sum((Decimal(one[field]) for one in documents if one["CustomerRef"]["value"] in family), Decimal(0))

    return part(invoices, "Balance") - part(payments, "UnappliedAmt") - part(memos, "RemainingCredit")


def total_of(family: Family, documents: list[Any]) -> Decimal:
    return sum((Decimal(one["TotalAmt"]) for one in documents if one["CustomerRef"]["value"] in family), Decimal(0))


TestBookkeeping = Bookkeeping.TestCase
TestBookkeeping.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_an_amount_of_any_size_comes_back_as_it_went(world: World) -> None:
    invoice = world.invoice("123456789012.34")
    assert decode(world.get(f"invoice/{invoice['Id']}").data)["Invoice"]["TotalAmt"] == Decimal("123456789012.34")
