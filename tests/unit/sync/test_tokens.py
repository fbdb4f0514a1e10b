"""Tokens: one refresh at a time, stored before it is used, in front of the sandbox's token endpoint."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from clients.errors import OutcomeUnknown
from clients.quickbooks.oauth import ConsentLost
from config.keyring import KeyRing
from storage import connections, leases
from storage.database import Database
from storage.vault import Vault
from sync.tokens import LEASE_SECONDS, RefreshUnderWay, TokenKeeper
from tests.unit.clients.neighbours import QuickBooks
from tests.unit.ports import FakeClock, SeededEntropy
from tests.unit.storing import CONNECTION, add_connection

VAULT = Vault(KeyRing({1: b"k" * 32}), SeededEntropy())


@pytest.fixture
def quickbooks(tmp_path: Path, clock: FakeClock) -> Iterator[QuickBooks]:
    made = QuickBooks(tmp_path / "quickbooks", clock)
    yield made
    made.close()


@pytest.fixture
def keeper(database: Database, quickbooks: QuickBooks, clock: FakeClock) -> TokenKeeper:
    add_connection(database)
    keep_refresh_token(database, quickbooks.world.credentials["refresh_token"])
    return TokenKeeper(database, VAULT, quickbooks.oauth(), clock, "this process")


def keep_refresh_token(database: Database, token: str) -> None:
    with database.transaction() as session:
        connections.get(session, CONNECTION).refresh_token = VAULT.seal(token, CONNECTION, "refresh_token")


def refreshes(quickbooks: QuickBooks) -> int:
    return sum("tokens/bearer" in (request.url or "") for request in quickbooks.adapter.requests)


def test_a_good_token_is_used_again_and_a_dying_one_is_refreshed_early(
    keeper: TokenKeeper, quickbooks: QuickBooks, clock: FakeClock
) -> None:
    first = keeper.access_token(CONNECTION)
    clock.advance(timedelta(minutes=54).total_seconds())
    assert keeper.access_token(CONNECTION) == first
    clock.advance(timedelta(minutes=1).total_seconds())
    assert keeper.access_token(CONNECTION) != first
    assert refreshes(quickbooks) == 2


def test_a_token_that_was_refused_is_refreshed_once_for_all_who_were_refused(
    keeper: TokenKeeper, quickbooks: QuickBooks
) -> None:
    dead = keeper.access_token(CONNECTION)
    newer = keeper.access_token(CONNECTION, expired=dead)
    assert newer != dead
    assert keeper.access_token(CONNECTION, expired=dead) == newer
    assert refreshes(quickbooks) == 2


def test_a_new_refresh_token_is_stored_before_the_access_token_is_used(
    keeper: TokenKeeper, quickbooks: QuickBooks, database: Database, clock: FakeClock
) -> None:
    quickbooks.world.time += timedelta(days=1).total_seconds()
    keeper.access_token(CONNECTION)
    with database.transaction() as session:
        sealed = connections.get(session, CONNECTION).refresh_token
    stored = VAULT.open(sealed, CONNECTION, "refresh_token")
    assert stored != quickbooks.world.credentials["refresh_token"]
    assert stored == quickbooks.world.services.credentials()["refresh_token"]


def test_while_another_worker_refreshes_this_one_waits(
    keeper: TokenKeeper, quickbooks: QuickBooks, database: Database, clock: FakeClock
) -> None:
    with database.transaction() as session:
        leases.acquire(database, session, CONNECTION, leases.TOKEN, "another", 6 * LEASE_SECONDS)
    with pytest.raises(RefreshUnderWay):
        keeper.access_token(CONNECTION)
    assert refreshes(quickbooks) == 0
    assert 50 < sum(clock.slept) < LEASE_SECONDS


def test_two_threads_of_one_process_do_not_refresh_at_once(keeper: TokenKeeper, quickbooks: QuickBooks) -> None:
    """Two refreshes at once can cut the connection for good."""
    send, tokens = quickbooks.adapter.send, []
    other = threading.Thread(target=lambda: tokens.append(keeper.access_token(CONNECTION)))

    def meanwhile(request: requests.PreparedRequest, *given: object, **named: object) -> requests.Response:
        if "tokens/bearer" in (request.url or "") and other.ident is None:
            other.start()
            # It waits for its turn; without one it would be done by then.
            other.join(0.3)
        return send(request)

    quickbooks.adapter.send = meanwhile  # type: ignore[method-assign]  # the time that the answer takes
    tokens.append(keeper.access_token(CONNECTION))
    other.join(10)
    assert len(tokens) == 2
    assert tokens[0] == tokens[1]
    assert refreshes(quickbooks) == 1


def test_a_worker_that_died_while_refreshing_blocks_nobody_for_long(
    keeper: TokenKeeper, database: Database, clock: FakeClock
) -> None:
    with database.transaction() as session:
        leases.acquire(database, session, CONNECTION, leases.TOKEN, "dead", 30)
    assert keeper.access_token(CONNECTION)
    assert 29 < sum(clock.slept) < 31


def test_a_dead_refresh_token_is_the_users_matter_and_gives_the_lease_back(
    keeper: TokenKeeper, quickbooks: QuickBooks, database: Database
) -> None:
    keep_refresh_token(database, "RT1-dead")
    with pytest.raises(ConsentLost):
        keeper.access_token(CONNECTION)
    keep_refresh_token(database, quickbooks.world.credentials["refresh_token"])
    assert keeper.access_token(CONNECTION)


def test_a_token_that_somebody_stored_meanwhile_is_tried_before_the_user_is_asked(
    keeper: TokenKeeper, quickbooks: QuickBooks, database: Database
) -> None:
    """As when the user connects again while a worker still holds the old token."""
    keep_refresh_token(database, "RT1-dead")
    send = quickbooks.adapter.send

    def reconnecting(request: requests.PreparedRequest, *given: object, **named: object) -> requests.Response:
        response = send(request)
        if "RT1-dead" in str(request.body):
            keep_refresh_token(database, quickbooks.world.credentials["refresh_token"])
        return response

    quickbooks.adapter.send = reconnecting  # type: ignore[method-assign]  # the moment between two reads
    assert keeper.access_token(CONNECTION)


def test_a_lost_answer_loses_no_token(keeper: TokenKeeper, quickbooks: QuickBooks) -> None:
    keeper.access_token(CONNECTION)
    quickbooks.adapter.losing = 1
    with pytest.raises(OutcomeUnknown):
        keeper.access_token(CONNECTION, expired=keeper.access_token(CONNECTION))
    assert keeper.access_token(CONNECTION)
