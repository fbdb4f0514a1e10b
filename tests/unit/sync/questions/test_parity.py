"""Both books held against each other: parity, drift, one record."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from reconcile.model import Kind, Record, Side
from storage import parity as reports
from storage.models import Base
from storage.paging import Asked
from sync.duties import PARITY
from sync.questions.parity import Parity
from sync.record_addresses import RecordAddresses
from tests.unit.storing import ACCOUNT, CONNECTION
from tests.unit.sync.world import PAGES, World, lines, ours, theirs

RAVETREES = "https://ravetree.test/{account}/{kind}s/{id}"


def parity(world: World) -> Parity:
    return Parity(world.database, world.clock, world.neighbours_of, RecordAddresses(PAGES, RAVETREES))


def made(world: World, *, full: bool = False) -> Any:
    name = parity(world).make(CONNECTION, full=full)
    with world.database.reading() as session:
        return reports.get(session, CONNECTION, name)


def causes(world: World, *, full: bool = False) -> list[tuple[str, str]]:
    """Kind and cause of each row of a report that is made now."""
    return sorted((row["kind"], row["cause"]) for row in made(world, full=full).rows)


@contextmanager
def rows_loaded() -> Iterator[dict[str, set[int]]]:
    """The rows of each table that are read meanwhile, whichever transaction reads them."""
    found: dict[str, set[int]] = defaultdict(set)

    def load(row: Any, _context: Any) -> None:
        found[type(row).__name__].add(hash(sa.inspect(row).identity))

    sa.event.listen(Base, "load", load, propagate=True)
    try:
        yield found
    finally:
        sa.event.remove(Base, "load", load)


def test_where_both_agree_there_is_no_row(world: World) -> None:
    invoice, there = world.paired()
    world.receive({invoice["id"]: "40.00"})
    world.estimate(world.aster(), "10.00")
    world.settle()
    report = made(world, full=True)
    assert (report.rows, report.summary["compared"]) == ([], 3)
    assert parity(world).drift(CONNECTION, fresh=True) == []
    assert there["Id"] in world.pairs("invoice").values()


def test_what_events_did_not_say_is_found_by_reading_in_full(world: World) -> None:
    invoice, there = world.paired()
    world.quickbooks.save("Invoice", {"Id": there["Id"], "Line": [there["Line"][0] | {"Amount": 170}]})
    world.miss()
    assert causes(world) == []
    assert causes(world, full=True) == [("invoice", "waiting")]
    world.settle()
    assert causes(world) == [("invoice", "held")]
    (drift,) = parity(world).drift(CONNECTION, fresh=False)
    assert (drift["number"], drift["quickbooks"]["total"]) == (invoice["number"], "170.00")
    assert drift["quickbooks"]["url"] == f"{PAGES}/invoice?txnId={there['Id']}"
    assert drift["ravetree"]["url"] == f"https://ravetree.test/{ACCOUNT}/invoices/{invoice['id']}"
    assert "total" in {difference["field"] for difference in drift["differences"]}


def test_what_is_still_to_be_done_says_what_the_next_sync_does(world: World) -> None:
    invoice, _ = world.paired()
    world.ravetree.change("invoices", invoice["id"], {"memo": "New", "lines": lines("130.00")})
    world.hear()
    assert causes(world) == [("invoice", "waiting")]
    (drift,) = parity(world).drift(CONNECTION, fresh=False)
    assert all(difference["next"] for difference in drift["differences"])


@pytest.mark.parametrize(("side", "code"), [("ravetree", "one_or_two_payments"), ("quickbooks", "")])
def test_what_waits_for_a_person_is_said(world: World, side: str, code: str) -> None:
    invoice, there = world.paired()
    payment = world.receive({invoice["id"]: "40.00"})
    other = world.pay({there["Id"]: "40"}, TxnDate=payment["date"])
    world.settle()
    record = ours(Kind.PAYMENT, payment) if side == "ravetree" else theirs(Kind.PAYMENT, other)
    shown = parity(world).record(CONNECTION, record)
    assert shown is not None
    assert [row["code"] for row in shown["waits"]] == [code]
    assert shown["twins"]
    assert "held" in {cause for _, cause in causes(world)}


def test_one_record_is_looked_up_and_says_what_a_look_at_all_of_them_says(world: World) -> None:
    first, _ = world.paired()
    payment = world.receive({first["id"]: "40.00"}, reference="A")
    world.settle()
    others = [world.invoice(world.client(f"Client {number}"), "5.00") for number in range(20)]
    world.settle()
    world.ravetree.change("invoices", first["id"], {"client_id": others[0]["client_id"], "memo": "New"})
    world.ravetree.change("payments", payment["id"], {"reference": "B"})
    world.ravetree.change("invoices", others[1]["id"], {"status": "sent"})
    world.hear()
    every = {pair["ravetree"]["id"]: pair for pair in parity(world).drift(CONNECTION, fresh=False)}
    assert set(every) == {first["id"], payment["id"], others[1]["id"]}
    assert {one["field"] for one in every[first["id"]]["differences"]} >= {"client", "memo"}
    for name, pair in every.items():
        with rows_loaded() as loaded:
            shown = parity(world).record(CONNECTION, Record(Side.RAVETREE, Kind(pair["kind"]), name))
        assert shown is not None
        assert {key: shown[key] for key in pair} == pair
        assert max(len(rows) for rows in loaded.values()) < len(others)


@pytest.mark.parametrize(("limit", "rows_of_a_list", "lists"), [(1, 200, 10), (2, 2, 10), (100, 2, 1)])
def test_what_differs_is_the_same_a_page_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int, rows_of_a_list: int, lists: int
) -> None:
    first, _ = world.paired()
    payment = world.receive({first["id"]: "40.00"}, reference="A")
    others = [world.invoice(world.client(f"Client {number}"), "5.00") for number in range(6)]
    world.settle()
    changed = {first["id"], *(other["id"] for other in others[::2])}
    for name in changed:
        world.ravetree.change("invoices", name, {"memo": "New"})
    world.ravetree.change("payments", payment["id"], {"reference": "B"})
    world.ravetree.delete("invoices", others[1]["id"])
    changed |= {payment["id"], others[1]["id"]}
    whole = {pair["ravetree"]["id"]: pair for pair in parity(world).drift(CONNECTION, fresh=False)}
    assert whole.keys() == changed
    monkeypatch.setattr("tests.unit.fakes.account.PAGE", rows_of_a_list)
    monkeypatch.setattr("sync.questions.drift.MOST_LISTS", lists)
    found, asked = [], Asked(limit)
    while True:
        page = parity(world).drift_page(CONNECTION, asked, fresh=False)
        assert len(page.rows) <= limit
        found += [pair["ravetree"]["id"] for pair in page.rows]
        if page.next is None:
            break
        asked = Asked(limit, page.next)
    assert sorted(found) == sorted(changed)


def test_a_page_of_what_differs_compares_what_it_needs_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [world.invoice(world.client(f"Client {number}"), "5.00") for number in range(8)]
    world.settle()
    for invoice in made:
        world.ravetree.change("invoices", invoice["id"], {"memo": "New"})
    monkeypatch.setattr("tests.unit.fakes.account.PAGE", 2)
    with rows_loaded() as loaded:
        page = parity(world).drift_page(CONNECTION, Asked(1), fresh=False)
    assert (len(page.rows), page.next is None) == (1, False)
    assert max(len(rows) for rows in loaded.values()) < len(made)


def test_quickbooks_is_read_before_the_first_page_of_what_differs_alone(world: World) -> None:
    world.paired()
    world.invoice(world.client("Another"), "5.00")
    world.settle()
    for name in world.pairs("invoice"):
        world.ravetree.change("invoices", name, {"memo": "New"})

    def reads() -> int:
        return len(world.quickbooks.calls.names("query", "changes", "get"))

    before = reads()
    first = parity(world).drift_page(CONNECTION, Asked(1), fresh=True)
    once = reads()
    assert (once > before, first.next is None) == (True, False)
    parity(world).drift_page(CONNECTION, Asked(1, first.next), fresh=True)
    assert reads() == once


def test_a_contact_is_shown_with_its_link(world: World) -> None:
    world.paired()
    shown = parity(world).record(CONNECTION, ours(Kind.CONTACT, world.aster()))
    assert shown is not None
    assert (shown["state"], shown["client"], shown["quickbooks"]["id"]) == ("linked", "Aster", "3")


@pytest.mark.parametrize("kind", [Kind.INVOICE, Kind.CONTACT, Kind.PAYMENT])
def test_what_nobody_knows_is_none(world: World, kind: Kind) -> None:
    assert parity(world).record(CONNECTION, ours(kind, "x_404")) is None


def test_records_without_a_partner_are_missing(world: World) -> None:
    _, there = world.paired()
    world.ravetree.create("invoices", {"client_id": world.aster(), "lines": lines("5.00")})
    world.pay({there["Id"]: "7"})
    world.miss()
    assert causes(world, full=True) == [
        ("invoice", "unexplained"),
        ("invoice", "waiting"),
        ("payment", "waiting"),
    ]


def test_ended_on_one_side_and_marked_as_paid_have_their_own_causes(world: World) -> None:
    first, there = world.paired()
    second, _ = world.paired("50.00")
    world.quickbooks.save("Invoice", {"Id": there["Id"]}, "delete")
    world.ravetree.mark_as_paid(second["id"])
    world.settle()
    shown = parity(world).record(CONNECTION, ours(Kind.INVOICE, first))
    assert shown is not None
    assert shown["quickbooks"]["status"] == "deleted"
    assert ("invoice", "parked") in causes(world) or ("invoice", "held") in causes(world)


def test_it_is_made_daily(world: World) -> None:
    world.paired()
    world.plan(PARITY)
    world.work()
    with world.database.reading() as session:
        assert reports.newest_id(session) is not None
