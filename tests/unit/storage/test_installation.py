"""What a database belongs to: made once, looked at by everybody after."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import connections, installation, migrations
from storage.database import Database
from storage.installation import SANDBOX, Claimant, NotTheSandboxs, OtherEnvironment
from storage.models import Connection, Installation
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, REALM, add_connection, make_earlier

PRODUCTION, LOCAL = Claimant("production"), Claimant("local")
OURS = Claimant("local", SANDBOX, frozenset({REALM}))
STRANGER = Claimant("local", SANDBOX, frozenset({"999"}))


def claim(database: Database, claimant: Claimant, new_id: str = "ab12cd34") -> Installation:
    with database.transaction() as session:
        return installation.claim(session, claimant, new_id=new_id, now=START)


def test_the_row_is_made_once(database: Database) -> None:
    first, second = claim(database, PRODUCTION), claim(database, PRODUCTION, "ffffffff")
    assert first.id == second.id == "ab12cd34"
    assert (second.environment, second.made_by) == ("production", "")


@pytest.mark.parametrize("claimant", [LOCAL, OURS, STRANGER])
def test_another_environment_is_refused_and_changes_nothing(database: Database, claimant: Claimant) -> None:
    claim(database, PRODUCTION)
    with pytest.raises(OtherEnvironment, match="belongs to QuickBooks' environment production, not to local"):
        claim(database, claimant)
    assert claim(database, PRODUCTION).made_by == ""


def test_connections_of_an_earlier_version_become_the_claimants(database: Database) -> None:
    add_connection(database)
    claim(database, PRODUCTION)
    with database.transaction() as session:
        assert session.get_one(Connection, CONNECTION).environment == "production"


def test_the_sandbox_takes_an_empty_database_and_keeps_it(database: Database) -> None:
    assert claim(database, STRANGER).made_by == SANDBOX
    add_connection(database)
    assert claim(database, STRANGER).made_by == SANDBOX
    assert claim(database, LOCAL).made_by == SANDBOX


@pytest.mark.parametrize("claimed", [True, False])
def test_the_sandbox_takes_no_database_with_connections_of_others(database: Database, claimed: bool) -> None:
    add_connection(database)
    if claimed:
        claim(database, LOCAL)
    with pytest.raises(NotTheSandboxs):
        claim(database, STRANGER)


def test_the_sandbox_knows_the_database_that_an_earlier_version_of_it_made(database: Database) -> None:
    add_connection(database)
    assert claim(database, OURS).made_by == SANDBOX


@pytest.fixture
def earlier(tmp_path: Path, clock: FakeClock) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/earlier.db", clock)
    make_earlier(database)
    yield database
    database.close()


def test_an_earlier_database_is_looked_at_before_it_is_migrated(earlier: Database) -> None:
    with earlier.transaction() as session:
        installation.check(session, OURS)
        installation.check(session, PRODUCTION)
        with pytest.raises(NotTheSandboxs):
            installation.check(session, STRANGER)
    migrations.upgrade(earlier)
    assert claim(earlier, PRODUCTION).environment == "production"


def test_a_database_without_a_row_may_be_an_old_one_so_both_books_are_read(database: Database) -> None:
    """Whoever claims it first cannot tell how much was written since; who comes later knows that it was looked at."""
    add_connection(database)
    claim(database, PRODUCTION)
    with database.transaction() as session:
        assert session.get_one(Connection, CONNECTION).verify_since == START
        connections.verified(session, CONNECTION, START)
    claim(database, PRODUCTION)
    with database.transaction() as session:
        assert session.get_one(Connection, CONNECTION).verify_since is None
