"""Who works on a connection: one thread of a process, under a lease that outlasts each call."""

import pytest

from storage import leases
from storage.database import Database
from storage.leases import HeldLease, LeaseLost
from storage.unit import UnitOfWork
from sync.lease import Claims, LeaseHolder, Timings
from tests.unit.ports import FakeClock
from tests.unit.storing import CONNECTION, add_connection

LEASE, CALL = 60.0, 30.0
PACE = Timings(lease=LEASE, http=CALL, slice=10, uncertain=150, read_window=2, echo_confirm=300, cdc=300, events=300)


def take(database: Database, owner: str) -> HeldLease | None:
    with database.transaction() as session:
        return leases.acquire(database, session, CONNECTION, leases.WORK, owner, LEASE)


@pytest.fixture
def holder(database: Database, clock: FakeClock) -> LeaseHolder:
    add_connection(database)
    lease = take(database, "a")
    assert lease is not None
    return LeaseHolder(UnitOfWork(database), lease, PACE, clock)


def test_a_lease_is_renewed_before_a_call_could_outlast_it(
    holder: LeaseHolder, database: Database, clock: FakeClock
) -> None:
    """Work for five minutes under a lease of one: nobody else gets it, and it would outlast the next call."""
    for _ in range(10):
        clock.advance(CALL)
        lease = holder.for_a_call()
        assert (lease.expires_at - clock.now()).total_seconds() > CALL
        assert take(database, "b") is None


def test_a_lease_that_ended_is_lost_before_the_next_call(
    holder: LeaseHolder, database: Database, clock: FakeClock
) -> None:
    clock.advance(LEASE)
    with pytest.raises(LeaseLost):
        holder.for_a_call()
    assert take(database, "b") is not None
    with pytest.raises(LeaseLost):
        holder.for_a_call()


def test_one_thread_of_a_process_has_a_connection() -> None:
    """They share one owner of leases, so the lease does not keep them apart."""
    claims = Claims("this process")
    with claims.claim("con_1") as first, claims.claim("con_1") as second, claims.claim("con_2") as other:
        assert (first, second, other) == (True, False, True)
        with claims.claim("con_1") as third:
            assert not third, "who did not get it has not given it free"
    with claims.claim("con_1") as again:
        assert again
