"""Records as a list: found by number, client and amount, a page at a time."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.model import Kind, Record, Side
from storage import copies, listing, sync_states
from storage.database import Database
from storage.listing import Filter
from storage.paging import Asked, through
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection

BODIES: list[tuple[Kind, str, dict[str, Any]]] = [
    (Kind.CONTACT, "c1", {"name": "Aster Ltd"}),
    (Kind.CONTACT, "c2", {"name": "Birch"}),
    (Kind.INVOICE, "i1", {"number": "1001", "total": "1234.50", "client_id": "c1"}),
    (Kind.INVOICE, "i2", {"number": "1002", "total": "80.00", "client_id": "c2"}),
    (Kind.ESTIMATE, "e1", {"number": "E-7", "total": "80", "client_id": "c1"}),
    (Kind.PAYMENT, "p1", {"reference": "CHK 1001", "amount": "80.00", "client_id": "c2"}),
]


@pytest.fixture
def listed(database: Database) -> Database:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for number, (kind, id_, body) in enumerate(BODIES):
            record = Record(Side.RAVETREE, kind, id_)
            copies.store(session, CONNECTION, record, 1, body, START + timedelta(seconds=number))
        copies.store(session, "con_2", Record(Side.RAVETREE, Kind.INVOICE, "i9"), 1, {"number": "1001"}, START)
        copies.store(session, CONNECTION, Record(Side.QUICKBOOKS, Kind.INVOICE, "9"), 1, {"DocNumber": "1001"}, START)
        gone = Record(Side.RAVETREE, Kind.INVOICE, "i3")
        copies.store(session, CONNECTION, gone, 1, {"number": "1003"}, START)
        copies.mark_deleted(session, CONNECTION, gone, START)
        for id_, state in (("i1", "synced"), ("i2", "held")):
            sync_states.store(session, CONNECTION, Record(Side.RAVETREE, Kind.INVOICE, id_), {"state": state}, START)
    return database


def found(database: Database, **wanted: str) -> list[str]:
    with database.reading() as session:
        page = listing.page(session, CONNECTION, Filter(**wanted), Asked(50))
        assert listing.count(session, CONNECTION, Filter(**wanted), 100) == len(page.rows)
        return [row.id for row in page.rows]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["p1", "e1", "i2", "i1", "c2", "c1"]),
        ({"text": "100"}, ["i2", "i1"]),
        ({"text": "1001"}, ["i1"]),
        ({"text": " e-7 "}, ["e1"]),
        ({"text": "ASTER"}, ["e1", "i1", "c1"]),
        ({"text": "80"}, ["p1", "e1", "i2"]),
        ({"text": "1,234.5"}, ["i1"]),
        ({"text": "chk"}, ["p1"]),
        ({"text": "nothing"}, []),
        ({"kind": "invoice"}, ["i2", "i1"]),
        ({"kind": "invoice", "text": "aster"}, ["i1"]),
        ({"state": "held"}, ["i2"]),
        ({"state": "synced", "kind": "estimate"}, []),
    ],
)
def test_records_are_found(listed: Database, wanted: dict[str, str], ids: list[str]) -> None:
    assert found(listed, **wanted) == ids


def test_every_page_begins_behind_the_one_before(listed: Database) -> None:
    with listed.reading() as session:
        rows = list(through(lambda asked: listing.page(session, CONNECTION, Filter(), asked), 2))
        names = listing.names_of(session, CONNECTION, {"c1", "c2", "c9"})
    assert [row.id for row in rows] == ["p1", "e1", "i2", "i1", "c2", "c1"]
    assert [(row.state, row.told) for row in rows][2:4] == [
        ("held", {"state": "held"}),
        ("synced", {"state": "synced"}),
    ]
    assert names == {"c1": "Aster Ltd", "c2": "Birch"}


def test_it_is_counted_to_a_limit(listed: Database) -> None:
    with listed.reading() as session:
        assert listing.count(session, CONNECTION, Filter(), 3) == 3


@pytest.mark.parametrize(("text", "amount"), [("1e500", ""), ("NaN", ""), ("Infinity", ""), ("-3", "-3.00"), ("x", "")])
def test_only_what_is_an_amount_is_looked_for_as_one(text: str, amount: str) -> None:
    assert copies.as_amount(text) == amount


def test_what_no_database_takes_is_kept_in_the_body_alone(listed: Database) -> None:
    """Half an emoji, where a name was cut; NUL."""
    body = {"name": "Cut \ud83d\0 off", "client_id": "c\0"}
    with listed.transaction() as session:
        copies.store(session, CONNECTION, Record(Side.RAVETREE, Kind.CONTACT, "c3"), 1, body, START)
    assert found(listed, text="cut ?") == ["c3"]
