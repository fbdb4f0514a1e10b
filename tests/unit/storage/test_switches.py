"""What is ticked, waits, is on, and what was made meanwhile."""

from datetime import timedelta

import pytest

from reconcile.model import Kind
from storage import switches
from storage.models import Connection
from tests.unit.ports import START

LATER = START + timedelta(hours=1)
BOTH = (Kind.INVOICE, Kind.ESTIMATE)


@pytest.fixture
def ticked() -> Connection:
    connection = Connection()
    switches.tick(connection, Kind.INVOICE, START)
    return connection


def test_what_is_ticked_waits_until_it_takes_effect(ticked: Connection) -> None:
    assert switches.waiting(ticked) == (Kind.INVOICE,)
    assert not switches.is_set(ticked, Kind.ESTIMATE)
    switches.take_effect(ticked, Kind.INVOICE, LATER)
    assert (switches.waiting(ticked), switches.since(ticked, Kind.INVOICE)) == ((), LATER)


def test_a_second_tick_changes_nothing(ticked: Connection) -> None:
    switches.tick(ticked, Kind.INVOICE, LATER)
    switches.take_effect(ticked, Kind.INVOICE, LATER)
    switches.tick(ticked, Kind.INVOICE, LATER + timedelta(hours=1))
    assert switches.made_while_waiting(ticked) == {Kind.INVOICE: (START, LATER)}


def test_what_did_not_wait_offers_nothing(ticked: Connection) -> None:
    assert switches.made_while_waiting(ticked) == {}
    switches.take_effect(ticked, Kind.INVOICE, START)
    assert switches.made_while_waiting(ticked) == {}


def test_what_is_withdrawn_is_offered_no_longer_and_stays_on(ticked: Connection) -> None:
    switches.withdraw(ticked, BOTH)
    assert switches.waiting(ticked) == (Kind.INVOICE,)
    switches.take_effect(ticked, Kind.INVOICE, LATER)
    switches.withdraw(ticked, BOTH)
    assert (switches.made_while_waiting(ticked), ticked.invoices_since) == ({}, LATER)


def test_unticked_it_neither_waits_nor_is_on(ticked: Connection) -> None:
    switches.untick(ticked, Kind.INVOICE)
    assert not switches.is_set(ticked, Kind.INVOICE)
    switches.tick(ticked, Kind.INVOICE, START)
    switches.take_effect(ticked, Kind.INVOICE, LATER)
    switches.untick(ticked, Kind.INVOICE)
    assert (switches.since(ticked, Kind.INVOICE), switches.made_while_waiting(ticked)) == (None, {})
