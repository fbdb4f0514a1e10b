"""The migrations make exactly the tables of the models."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from reconcile.model import Attention, Kind, Record, Side
from storage import copies, duties, migrations, pending
from storage.database import Database
from storage.migrations import NotMigrated
from storage.models import Base, Connection, Mapping, OAuthState
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, add_connection, make_with_due_columns


def test_the_migrations_make_exactly_the_models_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrations.upgrade(database)
    migrations.check(database)


def test_an_empty_database_is_told_from_a_migrated_one(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/deep/down/empty.db", clock)
    with pytest.raises(NotMigrated) as caught:
        migrations.check(database)
    assert "ravebooks release" in caught.value.remedy
    database.close()


def test_migrating_keeps_connections_and_what_refers_to_them(tmp_path: Path, clock: FakeClock) -> None:
    """SQLite makes an altered table anew: its rows, and those of other tables that refer to it, stay."""
    database = Database(f"sqlite:///{tmp_path}/kept.db", clock)
    migrations.upgrade(database, "0001")
    now = "2026-11-20 12:00:00"
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into connections (id, account_id, realm_id, state, pause_cause, pause_remedy, created_at, country,"
            " home_currency, cdc_watermark) values ('c', 'a', '1', 'active', '', '', ?, 'US', 'USD', ?)",
            (now, now),
        )
        connection.exec_driver_sql(
            "insert into mappings (connection_id, kind, key, quickbooks_id, name) values ('c', 'k', 'x', '1', '')"
        )
    migrations.upgrade(database)
    with database.transaction() as session:
        assert session.execute(sa.select(Connection.id, Connection.failures)).all() == [("c", 0)]
        assert session.execute(sa.select(Mapping.key)).scalars().all() == ["x"]
        with pytest.raises(sa.exc.IntegrityError):
            session.execute(sa.insert(Mapping).values(connection_id="nobody", kind="k", key="y", quickbooks_id="1"))
    database.close()


def test_what_was_disconnected_before_keeps_no_token_either(tmp_path: Path, clock: FakeClock) -> None:
    """And a connect that was under way has no browser: it is begun again."""
    database = Database(f"sqlite:///{tmp_path}/kept.db", clock)
    migrations.upgrade(database, "0003")
    now = "2026-11-20 12:00:00"
    with database.engine.begin() as connection:
        for name, state in (("gone", "disconnected"), ("lives", "active")):
            connection.exec_driver_sql(
                "insert into connections (id, account_id, realm_id, environment, state, pause_cause, pause_remedy,"
                " created_at, country, home_currency, cdc_watermark, draft_policy, delete_policy, removals_limit,"
                " failures, stall_cause, stall_remedy, ravetree_token, refresh_expires_at) values"
                " (?, ?, ?, '', ?, '', '', ?, 'US', 'USD', ?, 'create', 'void', 20, 0, '', '', ?, ?)",
                (name, name, name, state, now, now, b"sealed", now),
            )
        connection.exec_driver_sql(
            "insert into oauth_states (digest, account_id, ravetree_token, expires_at, purpose)"
            " values ('d', 'a', 'sealed', ?, 'consent')",
            (now,),
        )
    migrations.upgrade(database)
    with database.transaction() as session:
        kept = session.execute(sa.select(Connection.id, Connection.ravetree_token, Connection.refresh_expires_at)).all()
        assert {row.id: (row.ravetree_token, row.refresh_expires_at is None) for row in kept} == {
            "gone": (None, True),
            "lives": (b"sealed", False),
        }
        assert session.execute(sa.select(OAuthState)).all() == []
    database.close()


def test_what_the_clock_asked_for_is_moved_and_can_be_moved_back(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/kept.db", clock)
    check_that_duties_are_moved(database)
    database.close()


def check_that_duties_are_moved(database: Database) -> None:
    """From columns of the connections to rows of their own, and back again."""
    make_with_due_columns(database)
    with database.engine.connect() as connection:
        before = connection.execute(sa.text("select * from connections order by id")).mappings().all()
    migrations.upgrade(database)
    with database.transaction() as session:
        assert duties.planned(session, "con_1") == {
            "cdc": START + timedelta(microseconds=1),
            "events": START + timedelta(minutes=5),
            "parity": START + timedelta(days=1),
        }
        assert duties.planned(session, "con_2") == {"events": START}
        (failing,) = duties.failing(session, START)
        since = START - timedelta(hours=1)
        assert (failing.duty, failing.failing_since, failing.failing_cause) == ("cdc", since, "it failed")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    command.downgrade(migrations._config(database), "0005")
    with database.engine.connect() as connection:
        after = connection.execute(sa.text("select * from connections order by id")).mappings().all()
    assert [dict(row) for row in after] == [dict(row) for row in before]
    migrations.upgrade(database)


def test_what_records_are_found_by_is_filled_in_for_those_that_are_there(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/old.db", clock)
    migrations.upgrade(database, "0005")
    make_with_due_columns(database)
    migrations.upgrade(database, "0011")
    invoice = {"number": "A-1", "total": "1234.5", "client_id": "c1"}
    bodies = [invoice, {"name": "Aster"}, {"reference": "x", "amount": None}]
    row = {"connection_id": "con_1", "side": "ravetree", "kind": "invoice", "version": 1, "deleted": False}
    row |= {"stale": False, "seen_at": "2026-11-20 12:00:00"}
    with database.engine.begin() as connection:
        table = sa.table("copies", *map(sa.column, (*row, "record_id", "body")))
        for number, body in enumerate(bodies * 500):
            connection.execute(sa.insert(table).values(row | {"record_id": f"{number:05}", "body": json.dumps(body)}))
    migrations.upgrade(database)
    with database.engine.connect() as connection:
        rows = connection.execute(sa.text("select title, client_id, amount from copies order by record_id")).all()
    assert len(rows) == 1500
    assert [tuple(row) for row in rows[-3:]] == [("a-1", "c1", "1234.50"), ("aster", "", ""), ("x", "", "")]
    command.downgrade(migrations._config(database), "0011")
    migrations.upgrade(database)
    database.close()


def test_what_was_asked_under_an_errors_name_is_asked_under_a_codes(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/codes.db", clock)
    migrations.upgrade(database)
    record = Record(Side.RAVETREE, Kind.INVOICE, "inv_1")
    asked = Attention("parked", "CustomerInactive", "why", "so")
    add_connection(database)
    with database.transaction() as session:
        pending.note(session, CONNECTION, record, START)
        pending.need_attention(session, CONNECTION, record, 1, asked, START)
    command.downgrade(migrations._config(database), "0013")
    migrations.upgrade(database)
    with database.transaction() as session:
        assert [row.code for row in pending.rows(session, CONNECTION, [record])] == ["billed_customer_inactive"]
    command.downgrade(migrations._config(database), "0013")
    with database.engine.begin() as connection:
        assert connection.exec_driver_sql("select code from pending_changes").scalars().all() == ["CustomerInactive"]
    database.close()


def test_what_is_there_of_quickbooks_is_found_as_what_comes(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/old.db", clock)
    migrations.upgrade(database, "0005")
    make_with_due_columns(database)
    migrations.upgrade(database, "0012")
    applied = {"Line": [{"LinkedTxn": [{"TxnId": "7", "TxnType": "Invoice"}, {"TxnId": "8"}]}]}
    bodies = {
        ("payment", "1"): {"CustomerRef": {"value": "55"}, **applied},
        ("payment", "2"): {"CustomerRef": {"value": "56"}, "Line": []},
        ("contact", "57"): {"ParentRef": {"value": "55"}},
        ("invoice", "7"): {"CustomerRef": {"value": "55"}, "LinkedTxn": [{"TxnId": "1"}]},
    }
    row = {"connection_id": "con_1", "side": "quickbooks", "version": 1, "deleted": False, "stale": False}
    row |= {"seen_at": "2026-11-20 12:00:00", "title": "", "client_id": "", "amount": ""}
    with database.engine.begin() as connection:
        table = sa.table("copies", *map(sa.column, (*row, "kind", "record_id", "body")))
        for (kind, name), body in bodies.items():
            values = row | {"kind": kind, "record_id": name, "body": json.dumps(body)}
            connection.execute(sa.insert(table).values(values))
        unread = [{**row, "kind": "item", "record_id": f"{n:05}", "body": "{}"} for n in range(1500)]
        connection.execute(sa.insert(table), unread)
    migrations.upgrade(database)
    with database.transaction() as session:
        for target, found in (("7", ["1"]), ("8", ["1"]), ("1", [])):
            assert [copy.record_id for copy in copies.unpaired_on(session, "con_1", target)] == found
        assert [c.record_id for c in copies.of_customers(session, "con_1", Kind.PAYMENT, ["55", "56"])] == ["1", "2"]
        assert copies.below(session, "con_1", "55") == ["57"]
    command.downgrade(migrations._config(database), "0012")
    migrations.upgrade(database)
    database.close()


EXPANDING_SINCE = "0016"
"""Since this revision no migration takes away, or asks for, what the version before it does not know."""


def test_what_the_version_before_stores_still_fits_the_tables_of_the_next(tmp_path: Path, clock: FakeClock) -> None:
    """While one is rolled out, `web` of the version before goes on: it knows no new column, and misses none."""
    database = Database(f"sqlite:///{tmp_path}/old.db", clock)
    revisions = [
        revision.revision for revision in ScriptDirectory.from_config(migrations._config(database)).walk_revisions()
    ]
    before: dict[str, dict[str, Any]] = {}
    for revision in sorted(revision for revision in revisions if revision >= EXPANDING_SINCE):
        migrations.upgrade(database, revision)
        after = columns(database)
        for table, old in before.items():
            assert old.keys() <= after.get(table, {}).keys(), f"{revision} takes columns of {table} away"
            for name in after[table].keys() - old.keys():
                column = after[table][name]
                assert column["nullable"] or column["default"] is not None, (
                    f"{revision}: {table}.{name} has to be given"
                )
        before = after
    database.close()


def columns(database: Database) -> dict[str, dict[str, Any]]:
    """The columns of each table, by name."""
    found = sa.inspect(database.engine)
    return {table: {each["name"]: each for each in found.get_columns(table)} for table in found.get_table_names()}
