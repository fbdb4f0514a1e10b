"""The database port."""

import re
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from config.foreign import traceback_of
from reconcile.model import Side
from storage import connections, copies, outbox
from storage import database as database_port
from storage.connections import UnknownConnection
from storage.database import Database, DatabaseDown, DiskFull
from storage.models import Connection
from tests.unit.ports import START, FakeClock
from tests.unit.storing import ACCOUNT, CONNECTION, INVOICE, REALM, add_connection


class Stop(Exception):
    """Ends a transaction."""


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    def begin_and_fail() -> None:
        with database.transaction() as session:
            session.add(Connection(id="x", account_id="a", realm_id="r", created_at=START, cdc_watermark=START))
            session.flush()
            raise Stop

    with pytest.raises(Stop):
        begin_and_fail()
    with database.transaction() as session:
        assert connections.every(session) == []


def test_a_lost_file_is_a_database_that_is_down(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "db").mkdir()
    database = Database(f"sqlite:///{tmp_path}/db", clock)
    with pytest.raises(DatabaseDown):
        database.check()
    database.close()


def test_a_full_disk_says_so_and_is_left_behind_once_there_is_room(database: Database) -> None:
    def limit(pages: int) -> None:
        # Each connection has its own limit, and the pool has one connection as long as nobody holds it.
        with database.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    outbox.check_writable(database)
    with closing(sqlite3.connect(str(database.url.database))) as connection:
        connection.execute("VACUUM")
    limit(1)
    with pytest.raises(DiskFull) as caught:
        outbox.check_writable(database)
    assert str(caught.value) == "the disk of the database is full or fails (OperationalError (SQLITE_FULL))"
    assert "Make room" in caught.value.remedy
    database.check()
    limit(1_000_000)
    outbox.check_writable(database)
    with database.transaction() as session:
        assert outbox.size(session) == 0


def test_a_full_disk_of_postgresql_is_known_by_its_state() -> None:
    full = psycopg.errors.lookup("53100")("could not extend file")
    assert database_port.is_full(full)
    assert not database_port.is_full(psycopg.errors.lookup("57P01")("terminating connection"))


def test_a_broken_rule_is_no_outage(database: Database) -> None:
    add_connection(database)
    with pytest.raises(IntegrityError):
        add_connection(database, "con_2", realm="another")
    with pytest.raises(IntegrityError), database.transaction() as session:
        copies.store(session, "con_none", INVOICE, 1, {}, START)


def test_writers_of_one_process_take_turns_and_readers_pass(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own lock is asked again and again: of many threads some would wait for seconds."""
    monkeypatch.setattr("storage.database.SQLITE_BUSY_SECONDS", 0.05)
    writes, may_end, told = threading.Event(), threading.Event(), list[str]()

    def write() -> None:
        with database.transaction():
            writes.set()
            assert may_end.wait(10)

    def next_one() -> None:
        with database.transaction():
            told.append("has its turn")

    writer = threading.Thread(target=write)
    writer.start()
    assert writes.wait(10)
    with database.reading() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Connection)).scalar_one() == 0
    with pytest.raises(DatabaseDown, match="another thread"), database.transaction():
        told.append("is let in")
    monkeypatch.setattr("storage.database.SQLITE_BUSY_SECONDS", 10)
    waiting = threading.Thread(target=next_one)
    waiting.start()
    may_end.set()
    for thread in (writer, waiting):
        thread.join(10)
    assert told == ["has its turn"]


def test_a_transaction_that_fails_gives_its_turn_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database.SQLITE_BUSY_SECONDS", 0.05)
    with pytest.raises(Stop), database.transaction():
        raise Stop
    database.check()


def test_sqlite_is_durable_and_takes_the_write_lock_first(database: Database) -> None:
    with database.transaction() as session:
        pragma = {
            name: session.execute(sa.text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_an_error_names_no_part_of_the_address_and_says_what_is_wrong(clock: FakeClock) -> None:
    database = Database("postgresql+psycopg://bookkeeper:hidden@127.0.0.1:1/ledger?options=hidden", clock)
    with pytest.raises(DatabaseDown) as caught:
        database.check()
    assert str(caught.value) == "the database does not answer (nobody listens there)"
    shown = f"{caught.value} {caught.value.remedy} {traceback_of(caught.value)}"
    assert [part for part in ("hidden", "bookkeeper", "127.0.0.1", "ledger") if part in shown] == []
    assert database.place == "postgresql+psycopg://127.0.0.1:1/ledger"
    database.close()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('connection to server at "10.0.0.7" failed: FATAL:  password authentication failed for user "kim"', "refused"),
        ('FATAL:  database "ledger" does not exist', "no such database or user"),
        ("[Errno -2] failed to resolve host 'db.internal': Name or service not known", "name is not known"),
        ("something else at db.internal", "OperationalError"),
    ],
)
def test_what_a_driver_says_with_addresses_is_said_without(said: str, shown: str) -> None:
    words = database_port._why(psycopg.OperationalError(said))
    assert shown in words
    assert not {"10.0.0.7", "kim", "ledger", "db.internal"} & set(re.findall(r"[\w.]+", words))


def test_an_error_of_a_statement_carries_no_parameters(database: Database) -> None:
    add_connection(database)
    with pytest.raises(IntegrityError) as caught:
        add_connection(database, "con_2", realm="the-parameter")
    assert "the-parameter" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_a_database_that_is_down(clock: FakeClock) -> None:
    with pytest.raises(DatabaseDown, match="the folder of the database cannot be made") as caught:
        Database("sqlite:////proc/ravebooks/books.db", clock)
    assert "/proc" not in str(caught.value)


def test_instants_come_back_aware_in_utc_and_naive_ones_are_refused(database: Database) -> None:
    add_connection(database)
    pacific = START.astimezone(timezone(timedelta(hours=-8)))
    with database.transaction() as session:
        connections.get(session, CONNECTION).retry_at = pacific
    with database.transaction() as session:
        found = connections.get(session, CONNECTION).retry_at
        assert (found, found.utcoffset() if found else None) == (START, timedelta(0))
    with pytest.raises(StatementError), database.transaction() as session:
        connections.get(session, CONNECTION).retry_at = datetime(2026, 1, 1)  # noqa: DTZ001 - the point of the test


def test_amounts_come_back_to_the_cent(database: Database) -> None:
    add_connection(database)
    body = {"TotalAmt": Decimal("1234567890.01"), "Rate": Decimal("0.1"), "Name": "\ud800 ü\x00"}
    with database.transaction() as session:
        copies.store(session, CONNECTION, INVOICE, 1, body, START)
    with database.transaction() as session:
        copy = copies.get(session, CONNECTION, INVOICE)
        assert copy is not None
        assert copy.body == body


# --- connections -----------------------------------------------------------------------------------


def test_a_connection_is_found_by_account_and_by_realm(database: Database) -> None:
    add_connection(database)
    with database.transaction() as session:
        for side, name in ((Side.RAVETREE, ACCOUNT), (Side.QUICKBOOKS, REALM)):
            found = connections.find(session, side, name)
            assert found is not None
            assert found.id == CONNECTION
        assert connections.find(session, Side.RAVETREE, REALM) is None
        with pytest.raises(UnknownConnection):
            connections.get(session, "con_none")


def test_a_pause_keeps_its_first_cause_until_the_connection_goes_on(database: Database) -> None:
    add_connection(database)
    with database.transaction() as session:
        connections.pause(session, CONNECTION, "first", "mend")
        connections.pause(session, CONNECTION, "second", "mend")
        connection = connections.get(session, CONNECTION)
        assert (connection.state, connection.pause_cause) == ("paused", "first")
        connections.activate(session, CONNECTION)
        assert (connection.state, connection.pause_cause) == ("active", "")


def test_a_mapping_can_be_changed(database: Database) -> None:
    add_connection(database)
    with database.transaction() as session:
        connections.set_mapping(session, CONNECTION, "line_type", "time", "1", "Hours")
        connections.set_mapping(session, CONNECTION, "line_type", "time", "2", "Work")
        assert connections.mappings(session, CONNECTION, "line_type") == {"time": "2"}
        assert connections.mappings(session, CONNECTION, "tax_rate") == {}
