"""A year of load, with the clock moved from week to week: tables stay level, and what has to stay stays."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reconcile.model import Kind, Record, Side
from storage import dead_letters, inbox, journal, migrations, parity, pending, retention, steps
from storage.database import Database
from storage.models import DeadLetter, Event, Operation, ParityReport, PastEvent, PendingChange, Step
from sync.operating.retaining import STEADY_SECONDS, Retaining
from tests.services.postgresql import PostgreSQL
from tests.unit.ports import START, FakeClock
from tests.unit.storing import ACCOUNT, CONNECTION, REALM, add_connection, delivery, envelope, operation

A_WEEK = 10
"""Events of each kind, and writes."""
KEPT = {
    what: timedelta(days=days)
    for what, days in {
        "payloads": 30,
        "events": 90,
        "aside": 60,
        "operations": 120,
        "steps": 120,
        "dead": 90,
        "reports": 120,
    }.items()
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/books.db"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.new_database()
    made = Database(url, clock)
    migrations.upgrade(made)
    add_connection(made)
    yield made
    made.close()


def a_week(database: Database, clock: FakeClock, week: int) -> None:
    """Events of both sides, of nobody and of what is not followed, a write for each record, and what comes of it."""
    now = clock.now()
    names = [f"w{week}n{number}" for number in range(A_WEEK)]
    with database.transaction() as session:
        inbox.record(session, told(names), now)
        for number, name in enumerate(names):
            record = Record(Side.RAVETREE, Kind.INVOICE, f"inv_{number}")
            made = operation(
                session, journal.open_operation, subject=str(record), body=f'{{"DocNumber":"{name}"}}', now=now
            )
            journal.settle(session, made.id, journal.DONE, now, status=200, answer={"Id": name, "SyncToken": "1"})
            steps.add(session, CONNECTION, record, "synced", now, text=name)
        session.execute(sa.delete(PendingChange))
        parity.add(session, CONNECTION, now, "copies", {"causes": {}}, [{"name": name} for name in names])
        letter = f"dead {week}".encode()
        dead_letters.keep(session, message_id="", queue="q", routing_key="", reason="rejected", body=letter, now=now)
        dead_letters.discard(session, dead_letters.newest(session), now)


def told(names: list[str]) -> list[Any]:
    """The same deliveries each time."""
    followed = [
        envelope(f"{name}-f", subject=str(number), data={"version": 7, "more": "x" * 200})
        for number, name in enumerate(names)
    ]
    legacy = [envelope(f"{name}-l", subject=str(number), legacy=True) for number, name in enumerate(names)]
    ours = [envelope(f"{name}-r", subject=f"inv_{number}", data={"user": "Ada"}) for number, name in enumerate(names)]
    aside = [envelope(f"{name}-a", "item.updated") for name in names]
    nobody = delivery(*(envelope(f"{name}-n") for name in names), account="999")
    return [
        delivery(*followed, *legacy, *aside, account=REALM),
        delivery(*ours, source=Side.RAVETREE, account=ACCOUNT),
        nobody,
    ]


def remove_old(retaining: Retaining, database: Database, clock: FakeClock) -> None:
    """The whole pass of a week."""
    while True:
        retaining.step_if_due()
        with database.reading() as session:
            known = retention.passes(session).values()
        if known and not any(retention.is_due(one, clock.now()) for one in known):
            return


def sizes(database: Database) -> dict[str, int]:
    """How many rows there are, and how many characters of what is not kept of them."""
    with database.reading() as session:
        rows = {
            model.__tablename__: session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()
            for model in (Event, Step, DeadLetter, ParityReport)
        }
        texts = {
            f"{column.table.name}.{column.name}": session.execute(
                sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(sa.type_coerce(column, sa.Text))), 0)).where(
                    sa.type_coerce(column, sa.Text) != "{}"
                )
            ).scalar_one()
            for column in (Event.__table__.c.data, Operation.__table__.c.body, Operation.__table__.c.answer)
        }
    return rows | texts


def test_tables_are_level_after_a_year(database: Database, clock: FakeClock) -> None:
    retaining = Retaining(database, clock, KEPT)
    retaining.step_if_due()
    clock.advance(STEADY_SECONDS)
    with database.transaction() as session:
        uncertain = operation(session, journal.open_operation, subject="ravetree:invoice:inv_old", now=clock.now()).key
    seen: dict[int, dict[str, int]] = {}
    for week in range(60):
        a_week(database, clock, week)
        remove_old(retaining, database, clock)
        seen[week] = sizes(database)
        clock.advance(7 * 86400)
    for what, rows in seen[30].items():
        assert 0 < rows <= seen[59][what] * 1.05, what
        assert seen[59][what] <= rows * 1.05, what
    assert seen[59]["events"] <= 5 * A_WEEK * 14, "no more than ninety days of them"
    with database.reading() as session:
        kept = session.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one()
        assert kept == 60 * A_WEEK + 1, "what was written once is known for good"
        assert [row.key for row in journal.unsettled(session, CONNECTION)] == [uncertain]
        assert journal.was_done(session, CONNECTION, "ravetree:invoice:inv_0", "invoice.create")
    assert_late_ones_change_nothing(database, clock)


def assert_late_ones_change_nothing(database: Database, clock: FakeClock) -> None:
    """Every event of the first week comes again."""
    names = [f"w0n{number}" for number in range(A_WEEK)]
    before = sizes(database)
    with database.transaction() as session:
        again = inbox.record(session, told(names), clock.now())
    assert again.connections == set()
    assert {outcome for _, outcome in again.outcomes} == {inbox.DUPLICATE}
    assert sizes(database) == before
    with database.reading() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(PendingChange)).scalar_one() == 0
        assert session.execute(sa.select(sa.func.count()).select_from(PastEvent)).scalar_one() > 40 * 5 * A_WEEK


def test_an_event_that_comes_while_it_is_being_removed_is_recorded_no_second_time(
    database: Database, clock: FakeClock
) -> None:
    """Its row is gone, its digest not to be seen before the removal is committed: who records it waits for that."""
    late = delivery(envelope())
    with database.transaction() as session:
        inbox.record(session, [late], START)
        session.execute(sa.delete(PendingChange))
    (rule,) = [rule for rule in retention.rules(KEPT) if rule.what == "events"]
    clock.advance(timedelta(days=91).total_seconds())
    recorded: list[inbox.Recorded] = []
    with database.transaction() as session:
        (event_id,) = session.execute(sa.select(Event.id)).scalars()
        assert retention.remove(session, rule, [event_id], clock.now() - rule.kept) == 1
        recording = threading.Thread(target=lambda: recorded.append(record_again(database, late, clock)))
        recording.start()
        wait_until_it_waits(database, recording)
    recording.join()
    assert [dict(one.outcomes) for one in recorded] == [{(Side.QUICKBOOKS, inbox.DUPLICATE): 1}]
    with database.reading() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Event)).scalar_one() == 0
        assert pending.rows(session, CONNECTION, [Record(Side.QUICKBOOKS, Kind.INVOICE, "145")]) == []


def record_again(database: Database, late: Any, clock: FakeClock) -> inbox.Recorded:
    with database.transaction() as session:
        return inbox.record(session, [late], clock.now())


def wait_until_it_waits(database: Database, recording: threading.Thread) -> None:
    """On PostgreSQL until a lock is waited for; on SQLite nobody else begins to write at all."""
    blocked = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not database.is_sqlite and recording.is_alive():
        # Another connection each time: within a transaction the answer stays the same.
        with database.engine.connect() as connection:
            if connection.execute(blocked).scalar_one():
                return
        recording.join(0.01)
