"""Change data capture and Ravetree's log: what they answer wrongly costs nothing but another look."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from clients.quickbooks import company
from clients.quickbooks.company import Company
from storage import connections
from sync import catching_up
from sync.catching_up import TRUSTED_AHEAD
from sync.duties import CHANGES, EVENTS, PARITY
from sync.lease import LeaseHolder
from sync.quickbooks_records import QuickBooksRecords
from tests.simulation.dying import Killed, with_long_waits
from tests.simulation.posting import BothSides, event, paired_invoice, pay, post, work_for
from tests.simulation.spoiling import JSON, Answer, failing, rewriting, spoiled
from tests.simulation.world import RAVETREE, World


def look_at_changes(world: World) -> None:
    """The next slice looks at change data capture."""
    world.plan(CHANGES)
    work_for(world, 3)


def balance(world: World, ours: dict[str, Any]) -> str:
    found: str = world.ravetree.get("invoices", ours["id"])["balance"]
    return found


def watermark(world: World) -> Any:
    with world.parts.database.transaction() as session:
        return connections.get(session, world.connection_id).cdc_watermark


def objects(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for response in told["CDCResponse"]:
        yield from response["QueryResponse"]


def with_nulls(told: dict[str, Any]) -> dict[str, Any]:
    for part in objects(told):
        if "Payment" not in part:
            part["Invoice"] = None
    return told


def with_rubbish(told: dict[str, Any]) -> dict[str, Any]:
    for part in objects(told):
        if "Payment" in part:
            part["Payment"] += [None, "x", {"SyncToken": "0"}]
    return told


@pytest.mark.parametrize("rewrite", [with_nulls, with_rubbish])
def test_what_is_no_record_hides_none(world: World, both_sides: BothSides, rewrite: Any) -> None:
    ours, theirs = both_sides
    pay(world, theirs, 40)
    world.collect()
    with spoiled(world, rewriting("/cdc", rewrite)):
        look_at_changes(world)
    assert balance(world, ours) == "60.00"


@pytest.mark.parametrize("seconds", [-1, 1])
def test_no_watermark_lies_further_ahead_than_clocks_differ(world: World, seconds: int) -> None:
    """From beyond the changes that come nothing would ever be found again."""
    before = watermark(world)
    told = world.clock.now() + TRUSTED_AHEAD + timedelta(seconds=seconds)
    with spoiled(world, rewriting("/cdc", lambda body: body | {"time": told.isoformat()})):
        world.plan(CHANGES)
        world.work()
    assert watermark(world) == (told if seconds < 0 else before)


def without_payments(told: dict[str, Any]) -> dict[str, Any]:
    """Nor the invoices that are paid by them: those name them."""
    for part in objects(told):
        part.pop("Payment", None)
        part.pop("Invoice", None)
    return told


def test_what_becomes_visible_a_little_late_is_found_by_the_next_look(world: World, both_sides: BothSides) -> None:
    """QuickBooks shows a change some seconds after the time that it bears: by then a look may have passed that time."""
    ours, theirs = both_sides
    pay(world, theirs, 40)
    world.collect()
    world.clock.advance(5)
    with spoiled(world, rewriting("/cdc", without_payments)):
        look_at_changes(world)
    assert balance(world, ours) == "100.00"
    look_at_changes(world)
    assert balance(world, ours) == "60.00"


def test_a_look_that_dies_before_it_keeps_what_it_read_reads_it_again(
    world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = both_sides
    pay(world, theirs, 40)
    world.collect()
    world.clock.advance(3600)

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(QuickBooksRecords, "keep", dies)
        with pytest.raises(Killed):
            look_at_changes(world)
    world.clock.advance(3600)
    look_at_changes(world)
    assert balance(world, ours) == "60.00"


def test_a_clock_ahead_of_quickbooks_misses_nothing(world: World, both_sides: BothSides) -> None:
    """Changes bear QuickBooks' times: how far a look reached is said by its clock alone."""
    ours, theirs = both_sides
    world.services.clock.offset_seconds -= 600
    look_at_changes(world)
    world.clock.advance(60)
    pay(world, theirs, 40)
    world.collect()
    look_at_changes(world)
    assert balance(world, ours) == "60.00"


def test_an_answer_that_was_cut_at_its_limit_is_completed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "CDC_LIMIT", 3)
    ours, theirs = paired_invoice(world)
    pay(world, theirs, 40)
    world.collect()
    with spoiled(world, rewriting("/cdc", without_payments)):
        look_at_changes(world)
    assert balance(world, ours) == "60.00"


def delete(world: World, payment: dict[str, Any]) -> None:
    """The bookkeeper deletes a payment; nobody is told."""
    world.quickbooks.write("payment", {"Id": payment["Id"], "SyncToken": payment["SyncToken"]}, operation="delete")
    world.collect()


def test_a_deletion_that_no_event_told_is_copied(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    paid = pay(world, theirs, 40)
    world.settle()
    delete(world, paid)
    look_at_changes(world)
    assert (balance(world, ours), world.ravetree.every("payments")) == ("100.00", [])


def test_a_deletion_beyond_the_reach_of_change_data_capture_is_found(world: World, both_sides: BothSides) -> None:
    """QuickBooks tells of deletions for thirty days only, and no query does: what is missing was deleted."""
    ours, theirs = both_sides
    paid = pay(world, theirs, 40)
    world.settle()
    assert balance(world, ours) == "60.00"
    delete(world, paid)
    with world.parts.database.transaction() as session:
        connections.get(session, world.connection_id).cdc_watermark -= timedelta(days=60)
    with spoiled(world, rewriting("/cdc", without_payments)):
        look_at_changes(world)
    assert balance(world, ours) == "100.00"


def look_at_events(world: World) -> None:
    """The next slice looks at Ravetree's log."""
    world.plan(EVENTS)
    work_for(world, 3)


def test_ravetrees_log_is_read_on_from_where_the_last_look_ended(world: World) -> None:
    told: list[str] = []

    def listening(request: requests.PreparedRequest, ask: Any) -> Answer:
        status, headers, body = ask()
        if "/events" in (request.url or ""):
            told.extend(row["id"] for row in json.loads(body)["data"])
        return status, headers, body

    paired_invoice(world)
    with spoiled(world, listening, RAVETREE):
        look_at_events(world)
        assert told
        told.clear()
        look_at_events(world)
        assert told == []
        world.client("Somebody new")
        world.collect()
        look_at_events(world)
        assert len(told) == 1


def test_what_ravetrees_log_no_longer_tells_its_lists_tell(world: World) -> None:
    """As after an outage of ours that lasted longer than Ravetree keeps its log."""
    look_at_events(world)
    invoice = world.invoice(world.client("Northwind Galleries"), "100.00")
    world.collect()

    def gone(request: requests.PreparedRequest, ask: Any) -> Answer:
        if "/events" in (request.url or ""):
            return 410, JSON, b'{"error": {"code": "gone", "message": "Events are kept 30 days."}}'
        answer: Answer = ask()
        return answer

    with spoiled(world, gone, RAVETREE):
        look_at_events(world)
    assert world.quickbooks.invoice(invoice["number"]) is not None


def out_of_reach(request: requests.PreparedRequest, ask: Any) -> Answer:
    """QuickBooks for our program, while the bookkeeper still writes."""
    if request.method == "GET":
        raise requests.exceptions.ConnectTimeout
    answer: Answer = ask()
    return answer


def test_after_an_outage_quickbooks_is_asked_what_was_missed(world: World, both_sides: BothSides) -> None:
    """What changed meanwhile may have been told to nobody, and the next routine look is far away."""
    _, theirs = both_sides
    other, paid = paired_invoice(world, "100.00")
    world.settle()
    with_long_waits(world)
    # No further than the sweeper lets it lie: it would put that right at once.
    world.plan(CHANGES, world.clock.now() + timedelta(minutes=50))
    with spoiled(world, out_of_reach):
        post(world, [event(world, "invoice", theirs["Id"], "emailed")])
        work_for(world, 3)
        # Of another record: the one that was asked for is asked for again anyway.
        pay(world, paid, 40)
        world.collect()
    work_for(world, 120, 10)
    assert balance(world, other) == "60.00"


def test_a_comparison_in_full_keeps_its_lease_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take longer than a lease lasts, and nobody else shall begin with it meanwhile."""
    monkeypatch.setattr(catching_up, "BATCH", 1)
    monkeypatch.setattr(catching_up, "ID_LIMIT", 1)
    for amount in ("10.00", "20.00", "30.00"):
        paired_invoice(world, amount)
    renewed: list[str] = []
    look, read = LeaseHolder.for_a_call, Company._page

    def for_a_call(holder: LeaseHolder) -> Any:
        renewed.append("renewed")
        return look(holder)

    def page(asking: Company, entity: str, *asked: Any) -> Any:
        renewed.append(entity)
        return read(asking, entity, *asked)

    monkeypatch.setattr(LeaseHolder, "for_a_call", for_a_call)
    monkeypatch.setattr(Company, "_page", page)
    with world.parts.database.transaction() as session:
        connection = connections.get(session, world.connection_id)
        connection.cdc_watermark -= timedelta(days=60)
    world.plan(CHANGES)
    world.work()
    paged = [asked for asked in renewed if asked != "renewed"]
    assert len(paged) >= 4 + 3 + 3, "four lists, then three customers and three invoices by name"
    pairs = itertools.pairwise(renewed)
    assert not [pair for pair in pairs if "renewed" not in pair], "never two calls without a look at the lease"


def test_a_refused_look_postpones_every_look_of_its_connection(world: World) -> None:
    """A neighbour that is away is not asked for the day's report either."""
    look = world.clock.now()
    for duty in (CHANGES, PARITY):
        world.plan(duty, look)
    world.quickbooks.steer("faults", {"endpoint": "cdc", "kind": "429", "count": 1})
    assert not world.reconciler.work(world.connection_id), "nothing is due at once"
    planned = world.planned()
    assert min(planned[CHANGES.name], planned[PARITY.name]) > look


def test_a_write_whose_look_up_fails_is_looked_up_later(world: World, both_sides: BothSides) -> None:
    """It stays uncertain, waits its time each time, and holds up no other record."""
    ours, _ = both_sides
    world.receive({ours["id"]: "40.00"})
    letters = world.collect()
    with spoiled(world, failing("/payment?", "POST")):
        for letter in letters:
            world.deliver(letter)
        work_for(world, 30)
    assert world.connection()["work"]["uncertain"] == 1
    world.clock.advance(2 * 3600)
    refused = failing("from Payment where CustomerRef")
    looks: list[str] = []

    def counting(request: requests.PreparedRequest, ask: Any) -> Answer:
        answer = refused(request, ask)
        looks.extend(["look"] if answer[0] == 500 else [])
        return answer

    with spoiled(world, counting):
        other = world.invoice(world.client("Somebody else"), "70.00")
        for letter in world.collect():
            world.deliver(letter)
        work_for(world, 60)
        assert world.connection()["work"]["uncertain"] == 1
    assert world.quickbooks.invoice(other["number"]) is not None
    # Three tries each time, and five seconds between two times.
    assert 3 <= len(looks) <= 3 * (60 / 5 + 1)
    work_for(world, 60)
    world.settle()
    assert (balance(world, ours), [row["TotalAmt"] for row in world.quickbooks.query("select * from Payment")]) == (
        "60.00",
        [40],
    )


@pytest.mark.parametrize("side", ["quickbooks", "ravetree"])
def test_a_look_that_fails_for_an_hour_is_shown_until_it_goes_well(
    world: World, both_sides: BothSides, side: str
) -> None:
    """Events go on, so that nothing else would tell it."""
    ours, theirs = both_sides
    look_at_changes(world)
    faulty, look = (world.quickbooks, "cdc") if side == "quickbooks" else (world.ravetree, "*events*")
    faulty.steer("faults", {"endpoint": look, "kind": "500", "count": None})
    world.plan(CHANGES)
    world.plan(EVENTS)
    work_for(world, 3500, 100)
    assert world.attention() == []
    work_for(world, 400, 100)
    (row,) = world.attention()
    assert (row["kind"], row["state"], row["code"]) == ("connection", "retrying", "look_failing")
    what = "QuickBooks' change data capture" if side == "quickbooks" else "Ravetree's log of events"
    assert row["cause"].startswith(f"{what} fails since 20 Nov 14:")
    assert ("QuickBooks failed" if side == "quickbooks" else "Ravetree failed") in row["cause"]
    (said,) = world.web.get("/readyz").get_json()["failing"]
    assert what in said
    pay(world, theirs, 40)
    for letter in world.collect():
        world.deliver(letter)
    work_for(world, 30)
    assert balance(world, ours) == "60.00"
    faulty.session.delete(f"{faulty.root}/sandbox/faults").raise_for_status()
    work_for(world, 400, 100)
    assert (world.attention(), world.web.get("/readyz").get_json()["failing"]) == ([], [])
