"""What the sweeper's look gathers, shows and keeps; and what processes say of themselves."""

from datetime import timedelta

import pytest

from config import telemetry
from config.telemetry import Progress
from reconcile.model import Attention
from reconcile.wellness import Code, judge
from schemas import strict_json
from storage import (
    brakes,
    connections,
    dead_letters,
    duties,
    journal,
    outbox,
    parity,
    pending,
    processes,
    reads,
    samples,
)
from storage.database import Database
from storage.models import Connection
from storage.samples import MINUTE
from sync.operating import facts, looking
from sync.operating.looking import Looker
from sync.operating.signs import AWAY_AFTER, Signs
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, INVOICE, PAYMENT, add_connection, operation

HOUR = timedelta(hours=1)


def found(database: Database, clock: FakeClock) -> dict[str, str]:
    """The findings by code, with what each is about."""
    with database.reading() as session:
        return {str(one.code): one.subject for one in judge(facts.gather(session, clock.now()))}


def test_what_waits_everywhere_is_gathered(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    with database.transaction() as session:
        row = session.get_one(Connection, CONNECTION)
        row.reads_budget = 10
        for _ in range(9):
            reads.count(session, CONNECTION, "parity", START)
        pending.note(session, CONNECTION, INVOICE, START)
        pending.note(session, CONNECTION, PAYMENT, START)
        pending.need_attention(session, CONNECTION, PAYMENT, 1, Attention("parked", "code", "why", "how"), START)
        operation(session, journal.open_operation)
        outbox.add(session, [outbox.Kept("m", "key", "{}")], START)
        dead_letters.keep(session, message_id="m", queue="q", routing_key="", reason="rejected", body=b"{}", now=START)
        duties.failed(session, CONNECTION, "cdc", "it fails", START, START)
        parity.add(session, CONNECTION, START, "copies", {"causes": {"unexplained": 2, "drift": 1}}, [])
        brakes.pull(session, "the audit", "Kim", START)
    assert found(database, clock) == {
        "dead_letters": "",
        "all_paused": "",
        "parity_breaks": CONNECTION,
        "reads_near": CONNECTION,
    }
    clock.advance(3601)
    assert found(database, clock) == {
        "outbox_waits": "",
        "past_due": "",
        "dead_letters": "",
        "unanswered": "",
        "all_paused": "",
        "look_failing": CONNECTION,
        "parked_for_an_hour": CONNECTION,
        "parity_breaks": CONNECTION,
        "reads_near": CONNECTION,
    }


def test_a_pause_of_a_person_is_told_from_one_that_needs_a_new_connect(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        connections.pause(session, CONNECTION, f"{connections.PAUSED_BY}Kim.", "")
        connections.pause(session, "con_2", "The consent was taken back.", "Connect again.")
    assert found(database, clock) == {"paused": CONNECTION, "reconnect": "con_2"}


def test_what_belongs_to_a_paused_or_stalled_connection_is_not_past_due(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
        session.get_one(Connection, CONNECTION).retry_at = START + 2 * HOUR
    clock.advance(3600)
    assert found(database, clock) == {}


def test_gauges_say_what_is_and_that_it_is_over(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    looker = Looker(database, clock)
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
    clock.advance(600)
    looker.look_if_due()
    said = telemetry.exposition().decode()
    assert "ravebooks_past_due_changes 1.0" in said
    assert "ravebooks_due_oldest_seconds 600.0" in said
    assert 'ravebooks_unwell{code="past_due"} 1.0' in said
    with database.transaction() as session:
        pending.clear(session, CONNECTION, INVOICE, 1)
    looker.look_if_due()
    assert "ravebooks_past_due_changes 1.0" in telemetry.exposition().decode(), "not due yet"
    clock.advance(looking.EVERY)
    looker.look_if_due()
    said = telemetry.exposition().decode()
    assert 'ravebooks_unwell{code="past_due"} 0.0' in said
    assert "ravebooks_due_oldest_seconds 0.0" in said
    with database.reading() as session:
        kept = samples.series(session, ["depth.past_due", "age.due"], MINUTE, START)
    assert [value for _, value in kept["depth.past_due"]] == [1.0]
    assert [value for _, value in kept["age.due"]] == [600.0]


def test_no_metric_has_an_id_for_a_label(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    with database.transaction() as session:
        connections.pause(session, CONNECTION, "The consent was taken back.", "Connect again.")
    Looker(database, clock).look_if_due()
    assert CONNECTION not in telemetry.exposition().decode()
    assert f'ravebooks_unwell{{code="{Code.RECONNECT}"}} 1.0' in telemetry.exposition().decode()


def test_a_process_tells_what_it_has_counted_since_and_is_forgotten_when_it_ends(
    database: Database, clock: FakeClock
) -> None:
    totals = {"write.done": 3.0, "read": 1.0}
    signs = Signs(database, clock, Progress(clock), "a1", "worker", lambda: False, lambda: dict(totals))
    signs.give()
    totals["write.done"] = 5.0
    signs.give()
    signs.give()
    with database.reading() as session:
        (row,) = processes.every(session)
        counted = samples.summed(session, START - HOUR)
    assert counted == {"count.write.done": 2.0}
    assert (row.role, row.broker, row.stuck, row.seen_at) == ("worker", "yes", "", START)
    signs.end()
    with database.reading() as session:
        assert processes.every(session) == []


def test_a_broker_is_out_of_reach_when_it_was_not_reached_for_a_while(database: Database, clock: FakeClock) -> None:
    """One that is late once is not, nor one that nobody has connected to yet."""
    reaches = [False, False, True, False, False, False, True]
    signs = Signs(database, clock, Progress(clock), "a1", "worker", iter(reaches).__next__)
    said = []
    for _ in reaches:
        signs.give()
        with database.reading() as session:
            said += [row.broker for row in processes.every(session)]
        clock.advance(AWAY_AFTER / 2)
    assert said == ["yes", "yes", "yes", "yes", "no", "no", "yes"]


def test_a_stuck_process_stays_where_it_got_to(database: Database, clock: FakeClock) -> None:
    progress = Progress(clock)
    signs = Signs(database, clock, progress, "a1", "worker")
    progress.expect("relay", 30)
    signs.give()
    clock.advance(31)
    signs.give()
    with database.reading() as session:
        (row,) = processes.every(session)
    assert (row.stuck, row.progress_at, row.seen_at) == ("relay", START, START + timedelta(seconds=31))


def test_counters_are_read_by_what_became_of_what_they_count() -> None:
    before = telemetry.totals()
    telemetry.operations.labels("quickbooks", "invoice.create", "done").inc()
    telemetry.operations.labels("ravetree", "payment.create", "done").inc()
    telemetry.webhook_to_write.observe(0.3)
    telemetry.webhook_to_write.observe(1e6)
    grown = {name: value - before.get(name, 0) for name, value in telemetry.totals().items()}
    assert {name: value for name, value in grown.items() if value} == {
        "write.done": 2.0,
        "latency.0.5": 1.0,
        "latency.+Inf": 1.0,
    }
    assert strict_json.dumps(grown)


@pytest.mark.parametrize("minutes", [0, 61])
def test_processes_that_were_gone_for_an_hour_are_forgotten(database: Database, clock: FakeClock, minutes: int) -> None:
    Signs(database, clock, Progress(clock), "a1", "web").give()
    clock.advance(minutes * 60)
    Looker(database, clock).look_if_due()
    with database.reading() as session:
        assert len(processes.every(session)) == (0 if minutes else 1)
