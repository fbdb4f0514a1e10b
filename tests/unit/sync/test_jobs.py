"""Jobs: they list what was asked for and hand it to the ordinary work."""

from typing import Any

import pytest

from clients.errors import Refused
from reconcile.model import Kind
from storage import jobs
from sync.jobs import is_asked_for
from tests.unit.storing import CONNECTION
from tests.unit.sync.world import World


def begin(world: World, kind: str, **params: Any) -> int:
    with world.database.transaction() as session:
        return jobs.begin(session, CONNECTION, kind, params, "eva", world.clock.now()).id


def ended(world: World, job_id: int) -> tuple[str, dict[str, int]]:
    for _ in range(6):
        world.after(10)
    with world.database.reading() as session:
        return jobs.get(session, CONNECTION, job_id).state, jobs.counts(session, job_id)


def test_customers_are_imported_once(world: World) -> None:
    world.quickbooks.add("Customer", "77", DisplayName="Fjord")
    world.quickbooks.add("Customer", "78", DisplayName="Old", Active=False)
    client = world.client("Aster")
    state, counts = ended(world, begin(world, jobs.IMPORT_CONTACTS))
    assert (state, sum(counts.values())) == ("done", 2)
    assert world.pairs("contact")[client] == "3"
    assert sorted(raw["name"] for raw in world.ravetree.every("contacts")) == ["Aster", "Fjord"]
    assert world.connection().contacts_imported_at is not None


def test_older_documents_are_brought_over(world: World) -> None:
    world.paired()
    old = {"created_at": "2026-01-01T00:00:00.000Z"}
    for amount in ("1.00", "2.00"):
        world.invoice(world.aster(), amount, **old)
    world.estimate(world.aster(), "3.00", **old)
    world.settle()
    state, counts = ended(world, begin(world, jobs.BACKFILL, kinds=["estimate", "invoice"]))
    assert (state, counts) == ("done", {"already": 1, "agreed": 3, "left": 0})
    assert (len(world.pairs("invoice")), len(world.pairs("estimate"))) == (3, 1)


@pytest.mark.parametrize("error", [Refused("not like that"), ValueError("no such answer")])
def test_a_list_that_is_refused_is_asked_for_again_later(world: World, error: Exception) -> None:
    world.quickbooks.calls.fail("query", error, about="Customer")
    job_id = begin(world, jobs.IMPORT_CONTACTS)
    world.work()
    world.work()
    with world.database.reading() as session:
        job = jobs.get(session, CONNECTION, job_id)
        assert (job.state, job.listed) == ("running", False)
    world.clock.advance(700)
    assert ended(world, job_id)[0] == "done"


def test_one_that_is_paused_stands_still(world: World) -> None:
    job_id = begin(world, jobs.IMPORT_CONTACTS)
    with world.database.transaction() as session:
        jobs.move(session, CONNECTION, job_id, "pause", world.clock.now())
    state, counts = ended(world, job_id)
    assert (state, counts, world.quickbooks.calls.names("query")) == ("paused", {"left": 0}, [])


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({}, True),
        ({"deleted": True}, False),
        ({"status": "void"}, False),
        ({"issue_date": "2026-01-31"}, False),
        ({"issue_date": "2026-03-01"}, False),
        ({"status": "draft"}, False),
    ],
)
def test_what_a_back_fill_is_about(row: dict[str, Any], asked: bool) -> None:
    params = {"from": "2026-02-01", "to": "2026-02-28", "statuses": ["sent"]}
    assert is_asked_for(Kind.INVOICE, {"status": "sent", "issue_date": "2026-02-14"} | row, params) is asked


@pytest.mark.parametrize(("row", "asked"), [({}, True), ({"active": False}, False), ({"merged_into": "con_2"}, False)])
def test_which_contacts_a_back_fill_is_about(row: dict[str, Any], asked: bool) -> None:
    assert is_asked_for(Kind.CONTACT, row, {}) is asked
