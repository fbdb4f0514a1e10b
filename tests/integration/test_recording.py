"""Recording on PostgreSQL: what SQLite, with one writer and columns without limits, cannot show."""

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from config.keyring import KeyRing
from config.ports import SystemClock, SystemEntropy
from reconcile.model import Side
from schemas import ravetree_events
from schemas.envelopes import Delivery, Envelope
from storage import connections, inbox, migrations, pending
from storage.database import Database
from storage.models import Connection, Event
from storage.vault import Vault, lost_versions
from tests.services.postgresql import PostgreSQL

NOW = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[Database]:
    made = Database(postgresql.new_database(), SystemClock())
    migrations.upgrade(made)
    with made.transaction() as session:
        session.add(Connection(id="c1", account_id="org_1", realm_id="r1", created_at=NOW, cdc_watermark=NOW))
    yield made
    made.close()


def record(database: Database, source: Side, account: str, *events: Envelope) -> inbox.Recorded:
    with database.transaction() as session:
        return inbox.record(session, [Delivery("d", source, account, NOW, events)], NOW)


def test_two_recorders_with_the_same_records_in_other_orders_do_not_block_each_other(database: Database) -> None:
    """PostgreSQL ends one of them with a deadlock, which looked like a database that is down."""
    numbers = itertools.count()

    def run(names: list[str]) -> None:
        for _ in range(15):
            record(
                database,
                Side.QUICKBOOKS,
                "r1",
                *(Envelope(f"e{next(numbers)}", "invoice.updated", name, NOW) for name in names),
            )

    names = [str(number) for number in range(30)]
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(run, names), pool.submit(run, names[::-1])]:
            future.result()


def test_a_batch_is_recorded_as_its_events_one_by_one(database: Database) -> None:
    """With events that come twice, that were known before, and several of one record."""
    with database.transaction() as session:
        session.add(Connection(id="c2", account_id="org_2", realm_id="r2", created_at=NOW, cdc_watermark=NOW))
    chance = Random(14)
    for _ in range(8):
        batch = sorted(
            (
                Envelope(
                    f"e{chance.randrange(40)}", "invoice.updated", str(chance.randrange(9)), NOW, chance.random() < 0.5
                )
                for _ in range(30)
            ),
            key=lambda event: event.id,
        )
        together = record(database, Side.QUICKBOOKS, "r1", *batch).outcomes
        alone = Counter[tuple[Side, str]]()
        for event in batch:
            alone += record(database, Side.QUICKBOOKS, "r2", event).outcomes
        assert together == alone
    with database.transaction() as session:
        first, second = (
            {change.record_id: (change.generation, change.due_at) for change in pending.every(session, name)}
            for name in ("c1", "c2")
        )
    assert len(first) == 9
    assert first == second


def test_what_an_event_says_is_stored_as_it_is(database: Database) -> None:
    """Rows go to the database as one text of JSON."""
    data = {"text": '" \\ \u2028 é \ud83d half: \ud800', "amount": Decimal("19.90"), "no": None, "deep": [{"a": True}]}
    odd = Envelope("e 'x' %s {}", "robot.built", 'é "quoted" \\ back', NOW + timedelta(microseconds=7), data=data)
    record(database, Side.QUICKBOOKS, "r1", odd, Envelope("no time", "invoice.updated", "12"))
    with database.transaction() as session:
        stored = {event.event_id: event for event in session.query(Event)}
    assert stored[odd.id].data == data
    assert (stored[odd.id].subject, stored[odd.id].occurred_at) == (odd.subject, odd.time)
    assert (stored["no time"].occurred_at, stored["no time"].data) == (None, {})


def test_the_version_of_a_key_is_read_from_a_stored_token(database: Database) -> None:
    with database.transaction() as session:
        connections.get(session, "c1").access_token = Vault(KeyRing({300: b"k" * 32}), SystemEntropy()).seal(
            "x", "", ""
        )
    with database.transaction() as session:
        assert lost_versions(session, KeyRing({1: b"k" * 32})) == [300]
        assert lost_versions(session, KeyRing({300: b"k" * 32})) == []


def test_a_type_that_no_column_holds_is_kept_as_unusable(database: Database) -> None:
    payload = {
        "type": "a" * 300 + ".created",
        "timestamp": "2026-11-20T14:13:20Z",
        "account_id": "org_1",
        "data": {"id": "inv_1"},
    }
    recorded = record(database, Side.RAVETREE, "org_1", ravetree_events.parse(payload, "evt_1", "org_1"))
    assert recorded.outcomes == {(Side.RAVETREE, inbox.UNUSABLE): 1}
