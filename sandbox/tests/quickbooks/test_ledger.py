"""Balances of accounts: receivables, undeposited funds and banks follow the documents."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.testing import CUSTOMER, EURO_CUSTOMER, World, applied_to, line, money, named, sparse

RECEIVABLE, EURO_RECEIVABLE = "Accounts Receivable (A/R)", "Accounts Receivable (A/R) - EUR"
UNDEPOSITED, CHECKING, SAVINGS = "Undeposited Funds", "Checking", "Savings"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def accounts(world: World) -> dict[str, Any]:
    return {one["Name"]: one for one in world.query("select * from Account maxresults 1000")["Account"]}


def balances(world: World) -> dict[str, Decimal]:
    return {name: one["CurrentBalance"] for name, one in accounts(world).items() if one["CurrentBalance"]}


def to(world: World, name: str) -> dict[str, Any]:
    return {"DepositToAccountRef": {"value": accounts(world)[name]["Id"]}}


def deposit(world: World, *lines: Any, account: str = CHECKING) -> Any:
    return world.save("Deposit", {**to(world, account), "Line": list(lines)})


def test_money_goes_from_the_customer_to_the_bank(world: World) -> None:
    assert balances(world) == {}
    invoice = world.invoice(100)
    assert balances(world) == {RECEIVABLE: 100}
    payment = world.payment(60, (invoice, 60))
    assert balances(world) == {RECEIVABLE: 40, UNDEPOSITED: 60}
    made = deposit(world, applied_to(payment, 60, "Payment"))
    assert balances(world) == {RECEIVABLE: 40, CHECKING: 60}
    world.save("Deposit", named(made), operation="delete")
    world.save("Payment", named(world.read("Payment", payment["Id"])), operation="delete")
    world.save("Invoice", named(world.read("Invoice", invoice["Id"])), operation="void")
    assert balances(world) == {}


def test_edits_move_the_balances(world: World) -> None:
    invoice = world.invoice(100)
    world.change("Invoice", invoice, Line=[line(70)])
    payment = world.payment(30, **to(world, SAVINGS))
    assert balances(world) == {RECEIVABLE: 40, SAVINGS: 30}
    world.change("Payment", payment, TotalAmt=35, CustomerRef={"value": CUSTOMER}, **to(world, CHECKING))
    assert balances(world) == {RECEIVABLE: 35, CHECKING: 35}


def test_receipts_refunds_and_credits(world: World) -> None:
    sale = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(50)]}
    world.save("SalesReceipt", sale)
    world.save("RefundReceipt", {**sale, "Line": [line(20)], **to(world, CHECKING)})
    world.save("CreditMemo", {**sale, "Line": [line(5)]})
    assert balances(world) == {UNDEPOSITED: 50, CHECKING: -20, RECEIVABLE: -5}


def test_money_of_another_account_and_the_deposit_of_an_invoice(world: World) -> None:
    world.invoice(100, Deposit=25)
    assert balances(world) == {RECEIVABLE: 75, UNDEPOSITED: 25}
    detail = {"AccountRef": {"value": accounts(world)[SAVINGS]["Id"]}}
    deposit(world, {"Amount": 8, "DetailType": "DepositLineDetail", "DepositLineDetail": detail})
    assert balances(world) == {RECEIVABLE: 75, UNDEPOSITED: 25, SAVINGS: -8, CHECKING: 8}


def test_every_currency_has_its_own_receivables(world: World) -> None:
    invoice = world.invoice(100, customer=EURO_CUSTOMER, ExchangeRate=money("1.25"))
    assert balances(world) == {EURO_RECEIVABLE: 100}
    world.payment(40, (invoice, 40), customer=EURO_CUSTOMER, ExchangeRate=money("1.25"))
    assert balances(world) == {EURO_RECEIVABLE: 60, UNDEPOSITED: 50}


def test_an_account_above_others_has_theirs_too(world: World) -> None:
    checking = accounts(world)[CHECKING]
    child = world.save(
        "Account", {"Name": "Tips", "AccountSubType": "Checking", "ParentRef": {"value": checking["Id"]}}
    )
    world.payment(10, DepositToAccountRef={"value": child["Id"]})
    world.payment(5, **to(world, CHECKING))
    above = world.read("Account", checking["Id"])
    assert (above["CurrentBalance"], above["CurrentBalanceWithSubAccounts"]) == (5, 15)


def test_balances_can_be_asked_for_and_not_written(world: World) -> None:
    world.payment(10, **to(world, CHECKING))
    found = world.query("select Name from Account where CurrentBalance > '0' and AccountType = 'Bank'")["Account"]
    assert [one["Name"] for one in found] == [CHECKING]
    changed = world.save("Account", sparse(accounts(world)[CHECKING], CurrentBalance=999, Name="Giro"))
    assert changed["CurrentBalance"] == 10


def test_receivables_are_what_the_customers_owe(world: World, tmp_path: Path) -> None:
    """On a whole business, in each currency, also after a restart."""
    world.order("reset", {"customers": 15, "invoices": 150, "seed": 4})
    before = balances(world)
    owed = {"USD": Decimal(0), "EUR": Decimal(0)}
    for customer in world.query("select * from Customer where Active in (true, false) maxresults 1000")["Customer"]:
        owed[customer["CurrencyRef"]["value"]] += customer["Balance"]
    assert (before[RECEIVABLE], before[EURO_RECEIVABLE]) == (owed["USD"], owed["EUR"])
    assert before[CHECKING] == sum(one["TotalAmt"] for one in world.query("select * from Deposit")["Deposit"])
    world.close()
    again = World(tmp_path)
    assert balances(again) == before
    again.close()
