"""The query language: what it finds, how it pages, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.books.query import Condition, Order, parse
from quickbooks_sandbox.testing import CUSTOMER, OTHER_CUSTOMER, World, code_of, detail_of, named


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_a_whole_sentence_is_understood() -> None:
    query = parse(
        "select Id, CustomerRef from invoice where metadata.lastupdatedtime >= '2026-11-01T00:00:00-08:00' "
        r"AND CustomerRef IN ('1', '2') and DocNumber LIKE '%O\'N%' and Balance > 0 "
        "ORDERBY MetaData.LastUpdatedTime ASC, Id desc STARTPOSITION 11 MAXRESULTS 50"
    )
    assert query.entity == "Invoice"
    assert query.fields == ("Id", "CustomerRef")
    assert query.conditions == (
        Condition("MetaData.LastUpdatedTime", ">=", ("2026-11-01T00:00:00-08:00",)),
        Condition("CustomerRef", "IN", ("1", "2")),
        Condition("DocNumber", "LIKE", ("%O'N%",)),
        Condition("Balance", ">", ("0",)),
    )
    assert query.order == (Order("MetaData.LastUpdatedTime", False), Order("Id", True))
    assert (query.start, query.limit) == (11, 50)


def test_order_by_may_be_two_words_and_the_default_page_is_a_hundred() -> None:
    query = parse("SELECT * FROM Customer ORDER BY DisplayName")
    assert query.order == (Order("DisplayName", False),)
    assert (query.start, query.limit, query.count) == (1, 100, False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "4000"),
        ("select", "4000"),
        ("select * Invoice", "4000"),
        ("select * from Invoice where", "4000"),
        ("select * from Invoice where Id = '1' or Id = '2'", "4000"),
        ("select * from Invoice where Id != '1'", "4000"),
        ("select * from Invoice where Id = 'open", "4000"),
        ("select * from Invoice where DocNumber = open", "4000"),
        ("select * from Invoice, Payment", "4000"),
        ("select * from Invoice maxresults ten", "4000"),
        ("select count(Id) from Invoice", "4000"),
        ("select * from Unicorn", "4001"),
        ("select * from Invoice where Colour = 'red'", "4001"),
        ("select Colour from Invoice", "4001"),
        ("select * from Invoice maxresults 1001", "4001"),
    ],
)
def test_what_is_no_query_is_refused(text: str, code: str) -> None:
    with pytest.raises(Fault) as refused:
        parse(text)
    assert refused.value.code == code


@given(st.text(max_size=40))
def test_any_text_is_a_query_or_a_fault(text: str) -> None:
    for sentence in (text, f"select * from Invoice {text}"):  # noqa: S608  # QuickBooks' own query language
        try:
            parse(sentence)
        except Fault as fault:
            assert fault.code in ("4000", "4001")  # noqa: PT017  # not raising is fine as well


def test_the_fault_of_a_broken_query_says_where(world: World) -> None:
    answer = world.get("query", query="select * from Invoice TxnDate")
    assert code_of(answer) == "4000"
    assert "at line 1, column 23." in detail_of(answer)


def test_an_empty_answer_has_an_empty_response(world: World) -> None:
    answer = world.get("query", query="select * from Invoice").get_json()
    assert answer["QueryResponse"] == {}
    assert "time" in answer


def test_a_query_may_be_posted_as_text(world: World) -> None:
    world.invoice(10)
    answer = world.client.post(
        f"/v3/company/{world.credentials['realm_id']}/query",
        data="select count(*) from Invoice",
        headers={**world.bearer(), "Content-Type": "application/text"},
    )
    assert answer.get_json()["QueryResponse"] == {"totalCount": 1}


def test_pages_meet_without_gap_or_overlap(world: World) -> None:
    for _ in range(5):
        world.invoice(10)
    pages = [
        world.query(f"select Id from Invoice orderby Id startposition {start} maxresults 2")["Invoice"]  # noqa: S608  # QuickBooks' own query language
        for start in (1, 3, 5)
    ]
    assert [one["Id"] for page in pages for one in page] == ["1", "2", "3", "4", "5"]


def test_a_page_tells_its_start_and_size(world: World) -> None:
    world.invoice(10)
    found = world.query("select * from Invoice startposition 1 maxresults 10")
    assert (found["startPosition"], found["maxResults"]) == (1, 1)


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("Id = '2'", ["2"]),
        ("Id IN ('3', '1', '99')", ["1", "3"]),
        ("DocNumber = 'B-2'", ["2"]),
        ("DocNumber LIKE 'b-%'", ["2", "3"]),
        ("TotalAmt > '20'", ["3"]),
        ("TotalAmt >= 20 AND TotalAmt < 30.5", ["2", "3"]),
        (f"CustomerRef = '{OTHER_CUSTOMER}'", ["3"]),
        ("TxnDate <= '2026-11-02'", ["1", "2"]),
        ("PrivateNote = 'O\\'Neill'", ["1"]),
        ("BillAddr.City LIKE 'san%'", ["1", "2", "3"]),
        ("MetaData.LastUpdatedTime > '2020-01-01'", ["1", "2", "3"]),
        ("MetaData.LastUpdatedTime > '2036-01-01T00:00:00Z'", []),
    ],
)
def test_conditions_find_what_they_say(world: World, where: str, ids: list[str]) -> None:
    world.invoice(10, DocNumber="A-1", TxnDate="2026-11-01", PrivateNote="O'Neill")
    world.invoice(20, DocNumber="B-2", TxnDate="2026-11-02")
    world.invoice(30, DocNumber="B-3", TxnDate="2026-11-03", customer=OTHER_CUSTOMER)
    found = world.query(f"select * from Invoice where {where} orderby Id").get("Invoice", [])  # noqa: S608  # QuickBooks' own query language
    assert [one["Id"] for one in found] == ids


def test_inactive_names_hide_unless_asked_for(world: World) -> None:
    hidden = "Former Client (deleted)"
    assert hidden not in [one["DisplayName"] for one in world.query("select * from Customer")["Customer"]]
    everyone = world.query("select * from Customer where Active IN (true, false)")["Customer"]
    assert hidden in [one["DisplayName"] for one in everyone]
    only = world.query("select * from Customer where Active = false")["Customer"]
    assert [one["DisplayName"] for one in only] == [hidden]


def test_customers_are_found_by_mail_and_by_balance(world: World) -> None:
    world.invoice(10)
    assert [
        one["Id"]
        for one in world.query("select Id from Customer where PrimaryEmailAddr = 'billing@brightharbor.example'")[
            "Customer"
        ]
    ] == [CUSTOMER]
    assert [one["Id"] for one in world.query("select Id from Customer where Balance > '0'")["Customer"]] == ["3"]


def test_order_is_by_value_and_missing_values_come_first(world: World) -> None:
    world.invoice(30, PrivateNote="b")
    world.invoice(4, PrivateNote="A")
    world.invoice(200)
    assert [one["Id"] for one in world.query("select Id from Invoice orderby TotalAmt")["Invoice"]] == [
        "2",
        "1",
        "3",
    ]
    assert [one["Id"] for one in world.query("select Id from Invoice orderby PrivateNote desc")["Invoice"]] == [
        "1",
        "2",
        "3",
    ]


def test_chosen_fields_come_alone(world: World) -> None:
    world.invoice(10)
    found = world.query("select DocNumber, MetaData.CreateTime from Invoice")["Invoice"][0]
    assert set(found) == {"domain", "sparse", "Id", "DocNumber", "MetaData"}
    assert set(found["MetaData"]) == {"CreateTime"}


DAYS = ("2026-03-05", "2026-01-01", "2026-02-02", "2026-02-02", "2026-04-01", "2026-01-15", "2026-02-28")


@pytest.mark.parametrize("order", ["", "orderby Id", "orderby TxnDate", "orderby MetaData.LastUpdatedTime"])
@pytest.mark.parametrize(
    "where",
    [
        "",
        "where TxnDate >= '2026-02-02'",
        "where TxnDate > '2026-02-02'",
        "where TxnDate >= '2026-01-15' and TxnDate <= '2026-03-05'",
        "where TxnDate >= '2026-02-02' and CustomerRef = '3'",
        "where Id > '2'",
        "where Id >= '2' and Id <= '6'",
        "where Id = '06'",
    ],
)
def test_pages_are_stretches_of_the_whole_answer(world: World, where: str, order: str) -> None:
    """Whatever way a page is found, by walking or at once: also when some were changed and some are gone."""
    made = [
        world.invoice(10 + at, TxnDate=day, customer=(CUSTOMER, OTHER_CUSTOMER)[at % 2]) for at, day in enumerate(DAYS)
    ]
    world.time += 60
    world.change("Invoice", made[0], PrivateNote="later")
    world.time += 60
    world.change("Invoice", made[3], TxnDate="2026-05-05")
    world.save("Invoice", named(made[4]), operation="delete")

    def ids(page: str) -> list[str]:
        found = world.query(f"select Id from Invoice {where} {order} {page}")  # noqa: S608  # QuickBooks' own language
        return [one["Id"] for one in found.get("Invoice", [])]

    whole = ids("maxresults 1000")
    slow = [one["Id"] for one in world.query("select * from Invoice where TotalAmt > '0' orderby Id")["Invoice"]]
    if not order:
        slow = [made[at]["Id"] for at in (3, 0, 6, 5, 2, 1)]  # the last change first
    assert len(slow) == len(DAYS) - 1
    if not where:
        assert sorted(whole) == sorted(slow)
    if order in ("", "orderby Id"):
        assert whole == [one for one in slow if one in whole]
    for start in range(1, len(DAYS) + 2):
        for size in (1, 3):
            page = ids(f"startposition {start} maxresults {size}")
            assert page == whole[start - 1 : start - 1 + size]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("where TxnDate >= '2026-02-02' and TxnDate <= '2026-02-28' orderby TxnDate", ["3", "4", "7"]),
        ("where TxnDate > '2026-02-02' orderby TxnDate", ["7", "1", "5"]),
        ("where TxnDate = '2026-02-02' orderby TxnDate", ["3", "4"]),
        ("where Id > '5' orderby Id", ["6", "7"]),
        ("where Id <= '2' orderby Id", ["1", "2"]),
        ("where Id = '06'", []),
    ],
)
def test_bounds_of_an_index_are_kept_exactly(world: World, where: str, ids: list[str]) -> None:
    for day in DAYS:
        world.invoice(10, TxnDate=day)
    found = world.query(f"select Id from Invoice {where}")  # noqa: S608  # QuickBooks' own query language
    assert [one["Id"] for one in found.get("Invoice", [])] == ids


def test_without_orderby_lists_come_by_name(world: World) -> None:
    for name in ("beta", "Alpha", "Gamma"):
        world.save("Vendor", {"DisplayName": name})
    world.change("Vendor", world.query("select * from Vendor where DisplayName = 'beta'")["Vendor"][0], Notes="new")
    names = [one["DisplayName"] for one in world.query("select * from Vendor")["Vendor"]]
    assert names == sorted(names, key=str.casefold)
    assert {"Alpha", "beta", "Gamma"} < set(names)
    found = world.query("select * from Vendor where DisplayName in ('Gamma', 'beta', 'Alpha')")["Vendor"]
    assert [one["DisplayName"] for one in found] == ["Alpha", "beta", "Gamma"]
    accounts = [one["Name"] for one in world.query("select * from Account startposition 2 maxresults 5")["Account"]]
    whole = [one["Name"] for one in world.query("select * from Account")["Account"]]
    assert accounts == sorted(whole, key=str.casefold)[1:6]


def test_only_some_answers_tell_a_total(world: World) -> None:
    """As recorded: forms and small lists do, the lists of names, items and accounts do not."""
    world.invoice(10)
    assert world.query("select * from Invoice")["totalCount"] == 1
    assert world.query("select * from TaxCode")["totalCount"] > 1
    for entity in ("Customer", "Item", "Account", "Vendor"):
        found = world.query(f"select * from {entity} maxresults 1")  # noqa: S608  # QuickBooks' own query language
        assert (found["maxResults"], found.get("totalCount")) == (1, None)
        assert world.query(f"select count(*) from {entity}")["totalCount"] >= 1  # noqa: S608  # the same


def test_lists_without_active_ones_come_in_the_order_of_their_ids(world: World) -> None:
    codes = [one["Id"] for one in world.query("select * from TaxCode where Active in (true, false)")["TaxCode"]]
    assert codes == ["NON", "TAX", "2"]
    assert world.query("select Id from TaxCode where Active in (true, false) startposition 3")["maxResults"] == 1
    names = [one["Id"] for one in world.query("select Id from Vendor orderby Id")["Vendor"]]
    assert names == sorted(names, key=int)
