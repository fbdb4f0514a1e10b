"""Leases: one writer per connection."""

import pytest
import sqlalchemy as sa

from storage import leases
from storage.database import Database
from storage.leases import HeldLease, LeaseLost
from storage.models import Lease
from tests.unit.ports import FakeClock
from tests.unit.storing import CONNECTION, add_connection

SECONDS = 60.0


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")


def take(
    database: Database, owner: str, connection_id: str = CONNECTION, purpose: str = leases.WORK
) -> HeldLease | None:
    with database.transaction() as session:
        return leases.acquire(database, session, connection_id, purpose, owner, SECONDS)


def held(database: Database, owner: str) -> HeldLease:
    lease = take(database, owner)
    assert lease is not None
    return lease


def guard(database: Database, lease: HeldLease) -> None:
    with database.transaction() as session:
        leases.guard(database, session, lease)


def test_a_second_worker_gets_nothing(database: Database) -> None:
    first = held(database, "a")
    assert take(database, "b") is None
    guard(database, first)


def test_an_owner_goes_on_at_once_with_what_it_could_not_give_back(database: Database) -> None:
    """As after the database was away while a slice ended: the fence rises, so that nothing older writes."""
    first = held(database, "a")
    again = held(database, "a")
    assert again.fence > first.fence
    guard(database, again)
    with pytest.raises(LeaseLost):
        guard(database, first)


def test_another_connection_and_another_purpose_are_free(database: Database) -> None:
    held(database, "a")
    assert take(database, "b", "con_2") is not None
    assert take(database, "b", purpose=leases.TOKEN) is not None


def test_a_lease_ends_by_itself_and_its_stale_holder_may_write_no_more(database: Database, clock: FakeClock) -> None:
    first = held(database, "a")
    clock.advance(SECONDS - 1)
    assert take(database, "b") is None
    guard(database, first)
    clock.advance(1)
    with pytest.raises(LeaseLost):
        guard(database, first)
    second = held(database, "b")
    assert second.fence > first.fence
    guard(database, second)
    with pytest.raises(LeaseLost):
        guard(database, first)


def test_the_fence_rises_at_each_acquisition(database: Database) -> None:
    fences = []
    for owner in "abc":
        lease = held(database, owner)
        fences.append(lease.fence)
        with database.transaction() as session:
            leases.release(session, lease)
    assert fences == sorted(set(fences))


def test_a_released_lease_is_free_at_once(database: Database) -> None:
    lease = held(database, "a")
    with database.transaction() as session:
        leases.release(session, lease)
    assert take(database, "b") is not None


def test_a_stale_holder_releases_nobody_elses_lease(database: Database, clock: FakeClock) -> None:
    stale = held(database, "a")
    clock.advance(SECONDS)
    current = held(database, "b")
    with database.transaction() as session:
        leases.release(session, stale)
    guard(database, current)
    assert take(database, "c") is None


def test_a_renewed_lease_lasts_from_now_with_the_same_fence(database: Database, clock: FakeClock) -> None:
    lease = held(database, "a")
    clock.advance(SECONDS - 1)
    with database.transaction() as session:
        renewed = leases.renew(database, session, lease, SECONDS)
    assert renewed.fence == lease.fence
    clock.advance(SECONDS - 1)
    guard(database, renewed)
    assert take(database, "b") is None


def test_an_expired_lease_is_not_renewed(database: Database, clock: FakeClock) -> None:
    lease = held(database, "a")
    clock.advance(SECONDS)
    with pytest.raises(LeaseLost), database.transaction() as session:
        leases.renew(database, session, lease, SECONDS)


def test_what_is_taken_away_guards_nothing_more(database: Database) -> None:
    lease = held(database, "a")
    with database.transaction() as session:
        leases.take_away(session, CONNECTION)
    with pytest.raises(LeaseLost):
        guard(database, lease)
    assert held(database, "b").fence > lease.fence


def test_a_lease_of_a_connection_that_was_forgotten_is_lost(database: Database) -> None:
    lease = held(database, "a")
    with database.transaction() as session:
        session.execute(sa.delete(Lease))
    with pytest.raises(LeaseLost):
        guard(database, lease)
