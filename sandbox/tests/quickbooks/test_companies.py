"""Companies with a history: sample, generator, several at once, snapshots, resets; and the oracles on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.books.amounts import ZERO, Doc, amount_of, decode
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.testing import CUSTOMER, World, applied_to, line, named


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def books_of(world: World, realm: str | None = None) -> Books:
    return world.services.companies[realm or world.services.application["realms"][0]]


def per_currency(documents: Any, field: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for doc in documents:
        sums[doc["CurrencyRef"]["value"]] += amount_of(doc.get(field))
    return sums


def assert_oracles_hold(books: Books) -> None:
    """Every derived amount, worked out again from what it is derived from."""
    payments = list(books.all("Payment"))
    paid: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for payment in payments:
        applied = ZERO
        for one in payment["Line"]:
            link = one["LinkedTxn"][0]
            paid[link["TxnType"], link["TxnId"]] += one["Amount"]
            applied += one["Amount"] if link["TxnType"] == "Invoice" else -one["Amount"]
        assert payment["UnappliedAmt"] == payment["TotalAmt"] - applied >= 0
    for entity in ("Invoice", "Estimate", "CreditMemo", "SalesReceipt", "RefundReceipt"):
        for doc in books.all(entity):
            assert doc["TotalAmt"] == total_of(doc)
    for invoice in books.all("Invoice"):
        deposit = amount_of(invoice.get("Deposit"))
        assert invoice["Balance"] == invoice["TotalAmt"] - deposit - paid["Invoice", invoice["Id"]] >= 0
    for memo in books.all("CreditMemo"):
        assert memo["RemainingCredit"] == memo["TotalAmt"] - paid["CreditMemo", memo["Id"]] >= 0
    owed = per_currency(books.all("Invoice"), "Balance")
    unapplied = per_currency(payments, "UnappliedAmt")
    credit = per_currency(books.all("CreditMemo"), "RemainingCredit")
    customers: dict[str, Decimal] = defaultdict(Decimal)
    for customer in books.all("Customer"):
        customers[customer["CurrencyRef"]["value"]] += books.owed(customer["Id"])
    for currency in customers:
        assert customers[currency] == owed[currency] - unapplied[currency] - credit[currency]


def total_of(doc: Doc) -> Decimal:
    total = amount_of(doc["TxnTaxDetail"]["TotalTax"])
    for one in doc["Line"]:
        if one["DetailType"] == "SalesItemLineDetail":
            total += one["Amount"]
        elif one["DetailType"] == "DiscountLineDetail":
            total -= one["Amount"]
    return total


def test_a_new_company_has_lists_and_no_business(world: World) -> None:
    assert all(world.query(f"select count(*) from {name}")["totalCount"] == 0 for name in ("Invoice", "Payment"))  # noqa: S608  # QuickBooks' own query language


def test_the_sample_is_a_small_business_on_the_same_lists(world: World) -> None:
    items = {item["Id"]: item["Name"] for item in world.query("select * from Item")["Item"]}
    answer = world.order("reset", {"sample": True})
    records = answer["records"]
    assert (records["Customer"], records["Item"], records["Invoice"]) == (30, 20, 40)
    assert records["Payment"] >= 20
    assert min(records[entity] for entity in ("CreditMemo", "Deposit", "Estimate", "SalesReceipt")) >= 2
    books = books_of(world)
    assert any(len(payment["Line"]) > 1 for payment in books.all("Payment"))
    assert {item["Id"]: item["Name"] for item in books.all("Item")}.items() >= items.items()
    assert_oracles_hold(books)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_oracles_hold_on_generated_companies(world: World, seed: int) -> None:
    world.order("reset", {"customers": 15, "invoices": 150, "seed": seed})
    assert_oracles_hold(books_of(world))


@pytest.mark.parametrize("country", ["GB", "DE"])
def test_the_oracles_hold_outside_the_us(world: World, country: str) -> None:
    company = world.order("companies", {"country": country, "sample": True})
    books = books_of(world, company["realm_id"])
    assert company["country"] == country
    assert_oracles_hold(books)
    assert any(invoice["TxnTaxDetail"].get("TaxLine") for invoice in books.all("Invoice"))


def test_the_same_seed_makes_the_same_business(world: World) -> None:
    def made(seed: int) -> list[Any]:
        world.order("reset", {"customers": 5, "invoices": 30, "seed": seed})
        return [(one["Id"], one["TotalAmt"], one["CustomerRef"]) for one in books_of(world).all("Invoice")]

    first = made(7)
    assert made(7) == first
    assert made(8) != first


def test_a_snapshot_brings_back_what_was(world: World) -> None:
    kept = world.invoice(100)
    world.order("snapshot", {"name": "before"})
    world.save("Invoice", named(kept), operation="delete")
    lost = world.invoice(7)
    world.order("restore", {"name": "before"})
    assert world.read("Invoice", kept["Id"]) == kept
    assert world.invoice(9)["Id"] == lost["Id"]
    assert world.client.post("/sandbox/restore", json={"name": "never"}).status_code == 400


def test_a_reset_survives_a_restart_and_takes_everything_back(world: World, tmp_path: Path) -> None:
    world.invoice(100)
    world.order("reset", {})
    world.close()
    again = World(tmp_path)
    assert again.query("select count(*) from Invoice")["totalCount"] == 0
    assert again.read("Customer", CUSTOMER)["Balance"] == 0


def test_companies_know_nothing_of_each_other(world: World) -> None:
    realm = world.order("companies", {})["realm_id"]
    other = decode(world.client.get("/sandbox/credentials", query_string={"realm_id": realm}).data)
    token = world.refresh(other["refresh_token"]).get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    mine = world.invoice(10)
    theirs = world.client.get(f"/v3/company/{realm}/invoice/{mine['Id']}", headers=headers)
    assert theirs.status_code == 400
    foreign = world.client.get(f"/v3/company/{world.credentials['realm_id']}/invoice/{mine['Id']}", headers=headers)
    assert foreign.status_code == 403
    assert len(decode(world.client.get("/sandbox/companies").data)) == 2


def test_a_cached_answer_follows_a_changed_name(world: World) -> None:
    invoice = world.invoice(10)
    world.query("select * from Invoice")
    customer = world.read("Customer", CUSTOMER)
    world.change("Customer", customer, DisplayName="Renamed")
    assert world.query("select * from Invoice")["Invoice"][0]["CustomerRef"]["name"] == "Renamed"
    world.save("Payment", {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 4, "Line": [applied_to(invoice, 4)]})
    assert world.query("select * from Invoice")["Invoice"][0]["Balance"] == 6


def test_queries_by_index_find_what_a_scan_finds(world: World) -> None:
    world.order("reset", {"customers": 5, "invoices": 120, "seed": 4})
    invoices = list(books_of(world).all("Invoice"))
    middle = sorted(one["TxnDate"] for one in invoices)[60]
    changed = invoices[70]["MetaData"]["LastUpdatedTime"]
    for where, expected in [
        (f"TxnDate > '{middle}'", [one for one in invoices if one["TxnDate"] > middle]),
        (f"TxnDate <= '{middle}'", [one for one in invoices if one["TxnDate"] <= middle]),
        (f"TxnDate = '{middle}'", [one for one in invoices if one["TxnDate"] == middle]),
        ("CustomerRef = '12'", [one for one in invoices if one["CustomerRef"]["value"] == "12"]),
        ("CustomerRef IN ('11','12')", [one for one in invoices if one["CustomerRef"]["value"] in ("11", "12")]),
    ]:
        found = world.query(f"select * from Invoice where {where} orderby Id maxresults 1000").get("Invoice", [])  # noqa: S608
        assert [one["Id"] for one in found] == [one["Id"] for one in expected], where
    for order in ("TxnDate", "MetaData.LastUpdatedTime", "Id", "MetaData.LastUpdatedTime desc"):
        where = f"where MetaData.LastUpdatedTime >= '{changed}'" if "Meta" in order else ""
        text = f"select * from Invoice {where} orderby {order} startposition 3 maxresults 10"  # noqa: S608
        page = world.query(text)["Invoice"]
        everything = world.query(f"select * from Invoice {where} orderby {order} maxresults 1000")["Invoice"]  # noqa: S608
        assert page == everything[2:12]


def test_text_with_a_private_character_is_answered_as_it_came(world: World) -> None:
    note = 'a "\ue000" b \ue0001\ue000'
    assert world.read("Invoice", world.invoice(Line=[line("1.50")], PrivateNote=note)["Id"])["PrivateNote"] == note
