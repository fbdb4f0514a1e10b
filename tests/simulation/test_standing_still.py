"""Nothing stands still unseen: one bad record, log or answer stops no company, and what does stop it is shown."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from storage import connections
from storage.models import Connection, Job, Lease, Operation, PendingChange, PlannedDuty, SyncState
from sync import worker
from sync.duties import DUTIES
from tests.simulation.posting import BothSides, event, next_id, paired_invoice, pay, post, work_for
from tests.simulation.spoiling import Answer, failing, spoiled
from tests.simulation.world import World


def balance(world: World, ours: dict[str, Any]) -> str:
    found: str = world.ravetree.get("invoices", ours["id"])["balance"]
    return found


def memo(world: World, ours: dict[str, Any]) -> str:
    theirs = world.quickbooks.invoice(ours["number"])
    assert theirs is not None
    return str(theirs.get("CustomerMemo", {}).get("value", ""))


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-12:00", "1900-01-01T00:00:00Z"]
)
def test_an_event_of_another_century_is_kept_aside_and_stops_nothing(
    world: World, both_sides: BothSides, moment: str
) -> None:
    ours, theirs = both_sides
    post(world, [event(world, kind, "999", time=moment) for kind in ("invoice", "payment")])
    pay(world, theirs, 10)
    world.settle()
    assert balance(world, ours) == "90.00"
    kept = world.api("GET", "/api/events/kept-aside").get_json()["data"]
    assert [row["outcome"] for row in kept].count("unusable") == 2


def test_change_data_capture_failing_alone_stops_no_event(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    with spoiled(world, failing("/cdc")):
        world.parts.publishing.look_everywhere()
        pay(world, theirs, 10)
        world.settle()
        assert (balance(world, ours), world.connection()["state"]) == ("90.00", "active")


def test_the_log_of_ravetree_failing_alone_stops_no_event(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    world.ravetree.steer("faults", {"endpoint": "*events*", "kind": "500", "count": None})
    world.parts.publishing.look_everywhere()
    pay(world, theirs, 10)
    world.settle()
    assert balance(world, ours) == "90.00"


def test_a_read_that_fails_for_one_record_holds_up_no_other(world: World, both_sides: BothSides) -> None:
    """Not even what is due at the same moment, again and again."""
    ours, theirs = both_sides
    bad = next_id(world)
    with spoiled(world, failing(f"'{bad}'")):
        post(world, [event(world, "payment", bad)])
        work_for(world, 30)
        world.ravetree.change("invoices", ours["id"], {"memo": "While the other one fails"})
        post(world, [event(world, "payment", bad, "updated")])
        for letter in world.collect():
            world.deliver(letter)
        work_for(world, 10)
        assert memo(world, ours) == "While the other one fails"
    pay(world, theirs, 10)
    world.settle()
    assert balance(world, ours) == "90.00"


def test_an_answer_without_a_version_parks_its_record_alone(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    other, others = paired_invoice(world, "200.00")
    bad = pay(world, theirs, 10)

    def without_version(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        status, headers, body = ask()
        told = json.loads(body) if request.method == "GET" and body.startswith(b"{") else {}
        parts = [part for found in told.get("CDCResponse", []) for part in found["QueryResponse"]]
        for part in [told.get("QueryResponse", {}), *parts]:
            for row in part.get("Payment", []):
                if row["Id"] == bad["Id"]:
                    del row["SyncToken"]
        return status, headers, json.dumps(told).encode() if told else body

    with spoiled(world, without_version):
        world.settle()
        pay(world, others, 20)
        world.settle()
        assert (balance(world, ours), balance(world, other)) == ("100.00", "180.00")
        (row,) = world.attention()
        assert (row["code"], row["id"]) == ("unreadable_record", bad["Id"])
        assert "SyncToken" in row["cause"]
    world.api("POST", f"/api/connections/{world.connection_id}/records/quickbooks/payment/{bad['Id']}/retry")
    world.settle()
    assert (balance(world, ours), world.attention()) == ("90.00", [])


def test_an_unexpected_error_of_a_slice_is_shown_and_tried_again_by_itself(
    world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = both_sides
    pay(world, theirs, 10)
    with monkeypatch.context() as broken:

        def defect(*_: Any) -> None:
            raise ZeroDivisionError("planted")

        broken.setattr(worker, "noted_records", defect)
        for letter in world.collect():
            world.deliver(letter)
        tries = 0
        for _ in range(360):
            tries += world.work()
            world.clock.advance(10)
        assert 5 < tries < 20, "it backs off, up to a quarter of an hour"
        shown = world.connection()
        assert (shown["state"], "ZeroDivisionError" in shown["cause"]) == ("stalled", True)
        (row,) = world.attention()
        assert (row["kind"], row["id"], row["state"]) == ("connection", world.connection_id, "stalled")
        ready = world.web.get("/readyz")
        assert (ready.status_code, world.connection_id in ready.get_data(as_text=True)) == (200, True)
        world.parts.consuming.sweeper.sweep()
        assert "ravebooks_connections_stalled 1.0" in world.web.get("/metrics").get_data(as_text=True)
    work_for(world, 1200, 10)
    assert (balance(world, ours), world.connection()["state"], world.attention()) == ("90.00", "active", [])


def test_what_stalled_is_tried_at_once_by_a_program_that_starts(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    pay(world, theirs, 10)
    with world.parts.database.transaction() as session:
        for _ in range(9):
            connections.note_failure(session, world.connection_id, "planted", world.clock.now(), 1.0)
    for letter in world.collect():
        world.deliver(letter)
    work_for(world, 60)
    assert balance(world, ours) == "100.00"
    with world.parts.database.transaction() as session:
        connections.try_again(session)
    work_for(world, 3)
    assert balance(world, ours) == "90.00"


def test_a_write_that_fails_each_time_is_shown_after_an_hour_and_goes_on_being_tried(
    world: World, both_sides: BothSides
) -> None:
    ours, _ = both_sides
    other, _ = paired_invoice(world, "200.00")
    with spoiled(world, failing("Never taken", "POST")):
        world.ravetree.change("invoices", ours["id"], {"memo": "Never taken"})
        for letter in world.collect():
            world.deliver(letter)
        work_for(world, 600, 10)
        assert world.attention() == []
        world.ravetree.change("invoices", other["id"], {"memo": "Taken at once"})
        for letter in world.collect():
            world.deliver(letter)
        work_for(world, 120, 5)
        assert memo(world, other) == "Taken at once"
        work_for(world, 4000, 50)
        (row,) = world.attention()
        assert (row["code"], row["state"], row["id"]) == ("keeps_failing", "retrying", ours["id"])
        assert "HTTP 500" in row["cause"]
        told = world.ravetree.sync_state("invoice", ours["id"])
        assert (told["state"], "HTTP 500" in told["message"]) == ("needs_attention", True)
    work_for(world, 2400, 50)
    assert (memo(world, ours), world.attention()) == ("Never taken", [])
    assert world.ravetree.sync_state("invoice", ours["id"])["state"] == "synced"


def test_a_clock_that_was_a_year_ahead_for_a_moment_stops_nothing(world: World, both_sides: BothSides) -> None:
    ours, theirs = both_sides
    right = world.clock.moment
    ahead = right + timedelta(days=366)
    with world.parts.database.transaction() as session:
        # What a process leaves behind that ran for twenty seconds under such a clock.
        session.execute(sa.update(Connection).values(read_at=ahead, nudged_at=ahead))
        session.execute(sa.update(PlannedDuty).values(due_at=ahead))
        session.execute(sa.update(Connection).values(access_expires_at=ahead))
        session.execute(sa.update(Lease).values(owner="somebody who was ahead", expires_at=ahead))
    theirs = world.quickbooks.invoice(ours["number"]) or {}
    pay(world, theirs, 10)
    for letter in world.collect():
        world.deliver(letter)
    with world.parts.database.transaction() as session:
        for model in (PendingChange, SyncState, Job):
            session.execute(sa.update(model).values(due_at=ahead))
        session.execute(sa.update(Operation).where(Operation.state == "journalled").values(retry_at=ahead))
    world.clock.advance(10)
    work_for(world, 20)
    assert balance(world, ours) == "90.00"
    with world.parts.database.transaction() as session:
        connection = connections.get(session, world.connection_id)
        assert connection.read_at is not None
        assert connection.read_at <= world.clock.now()
    planned = world.planned()
    assert planned.keys() == {duty.name for duty in DUTIES}
    assert max(planned.values()) <= world.clock.now() + timedelta(days=1)
