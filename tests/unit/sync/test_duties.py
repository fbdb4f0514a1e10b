"""When what the clock asks for is due, and what is shown of it while it fails."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from storage import connections
from storage import duties as storage
from storage.connections import NotActive
from storage.database import Database
from sync import duties
from sync.duties import CHANGES, DUTIES, EVENTS, PARITY, PREFLIGHT
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, FAR_AHEAD, add_connection

AGO = START - timedelta(hours=1)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def change(database: Database, **values: Any) -> None:
    with database.transaction() as session:
        for name, value in values.items():
            setattr(connections.get(session, CONNECTION), name, value)


def planned(database: Database, connection_id: str = CONNECTION) -> dict[str, datetime]:
    with database.transaction() as session:
        return storage.planned(session, connection_id)


def test_every_duty_has_a_name_and_words_of_its_own() -> None:
    assert len({duty.name for duty in DUTIES}) == len({duty.words for duty in DUTIES}) == len(DUTIES)


def test_a_connection_that_goes_on_looks_at_what_was_missed(database: Database) -> None:
    change(database, state=connections.PAUSED, invoices_since=START)
    with database.transaction() as session:
        duties.resume(session, CONNECTION, START)
        assert connections.get(session, CONNECTION).state == connections.ACTIVE
    now = dict.fromkeys((EVENTS.name, CHANGES.name, PREFLIGHT.name), START)
    assert planned(database) == now | {PARITY.name: START + duties.FIRST}


def test_what_was_disconnected_does_not_simply_go_on(database: Database) -> None:
    change(database, state=connections.DISCONNECTED)
    with database.transaction() as session, pytest.raises(NotActive):
        duties.resume(session, CONNECTION, START)


@pytest.mark.parametrize("switch", ["invoices_since", "estimates_since"])
def test_a_day_after_the_switch_on_the_first_report_is_due(database: Database, switch: str) -> None:
    change(database, **{switch: START})
    with database.transaction() as session:
        duties.begin_switched_on(session, connections.get(session, CONNECTION), START)
    assert planned(database)[PARITY.name] == START + timedelta(days=1)


def test_no_report_is_due_while_nothing_is_switched_on(database: Database) -> None:
    with database.transaction() as session:
        duties.begin_switched_on(session, connections.get(session, CONNECTION), START)
        duties.begin_everywhere(session, START)
    assert PARITY.name not in planned(database)


def test_what_is_due_already_stays_due(database: Database) -> None:
    change(database, invoices_since=START)
    with database.transaction() as session:
        storage.schedule(session, CONNECTION, PARITY.name, AGO)
        duties.begin_switched_on(session, connections.get(session, CONNECTION), START)
        duties.begin_everywhere(session, START)
    assert planned(database)[PARITY.name] == AGO


@pytest.mark.parametrize(("state", "begun"), [("active", True), ("paused", False), ("archived", False)])
def test_an_active_connection_that_lacks_a_duty_gets_it(database: Database, state: str, *, begun: bool) -> None:
    change(database, state=state, invoices_since=START)
    with database.transaction() as session:
        storage.forget(session, CONNECTION, [CHANGES.name])
        duties.begin_everywhere(session, START)
    every = {duty.name: START for duty in DUTIES} | {EVENTS.name: FAR_AHEAD}
    assert planned(database) == (every if begun else {EVENTS.name: FAR_AHEAD})


def test_lost_messages_make_every_connection_look(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    add_connection(database, "con_3", "org_3", "3")
    with database.transaction() as session:
        connections.get(session, "con_3").state = connections.ARCHIVED
    with database.transaction() as session:
        duties.look_everywhere(session, START)
    assert planned(database) == planned(database, "con_2") == {CHANGES.name: START, EVENTS.name: START}
    assert planned(database, "con_3") == {CHANGES.name: FAR_AHEAD, EVENTS.name: FAR_AHEAD}


def test_a_start_makes_every_connection_look_at_events_and_not_at_the_metered_log(database: Database) -> None:
    with database.transaction() as session:
        duties.look_at_events(session, START)
    assert planned(database) == {EVENTS.name: START, CHANGES.name: FAR_AHEAD}


def test_what_fails_is_shown_after_an_hour_and_only_while_the_connection_is_active(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for duty in (EVENTS, CHANGES):
            storage.failed(session, CONNECTION, duty.name, "no answer", AGO, FAR_AHEAD)
        storage.failed(session, "con_2", EVENTS.name, "no answer", AGO + timedelta(seconds=1), FAR_AHEAD)
        storage.schedule(session, CONNECTION, "of another version", FAR_AHEAD)
        storage.failed(session, CONNECTION, "of another version", "no answer", AGO, FAR_AHEAD)
    with database.transaction() as session:
        shown = duties.every_failing(session, START)
        assert [(name, look.cause) for name, look in shown] == [
            (CONNECTION, "QuickBooks' change data capture fails since 20 Nov 13:13 UTC: no answer."),
            (CONNECTION, "Ravetree's log of events fails since 20 Nov 13:13 UTC: no answer."),
        ]
        assert duties.failing(session, CONNECTION, START) == [look for _, look in shown]
        assert duties.failing(session, "con_2", START) == []
        assert len(duties.failing(session, "con_2", START + timedelta(seconds=1))) == 1
    change(database, state=connections.PAUSED)
    with database.transaction() as session:
        assert duties.every_failing(session, START) == []
