"""Wake-ups inside a process, and the recorder and sweeper that give them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from consumers.recorder import Recorder
from consumers.sweeper import ANALYSE_EVERY, NUDGE_AGAIN, Sweeper
from consumers.wakeups import Wakeups
from publishers.publisher import DirectPublisher, NothingTakesIt
from reconcile.model import Side
from schemas.envelopes import Delivery
from storage import connections, journal, pending, users
from storage.database import Database, DatabaseDown
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, INVOICE, add_connection, delivery, envelope, operation


class LostNudges:
    """A broker that takes no nudge."""

    def nudge(self, *connection_ids: str) -> None:
        raise ConnectionResetError("the broker is away")

    def waiting(self) -> int:
        raise ConnectionResetError("the broker is away")


class NobodyTakes:
    """A queue of nudges without a worker."""

    def __init__(self) -> None:
        self.queue: list[str] = []

    def nudge(self, *connection_ids: str) -> None:
        self.queue.extend(connection_ids)

    def waiting(self) -> int:
        return len(self.queue)


def test_each_connection_stands_there_once_and_the_longest_waiting_comes_first() -> None:
    wakeups = Wakeups()
    for name in ("a", "b", "a", "c"):
        wakeups.nudge(name)
    assert len(wakeups) == 3
    assert [wakeups.take(0) for _ in range(4)] == ["a", "b", "c", None]


def test_a_connection_that_is_nudged_while_it_is_worked_on_comes_again() -> None:
    wakeups = Wakeups()
    wakeups.nudge("a")
    assert wakeups.take(0) == "a"
    wakeups.nudge("a")
    assert wakeups.take(0) == "a"


# --- the recorder ------------------------------------------------------------------------------------


def test_a_recorded_delivery_wakes_its_connection(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    wakeups = Wakeups()
    Recorder(database, clock, wakeups).record([delivery(envelope()), delivery(envelope("e2"))])
    assert [wakeups.take(0), wakeups.take(0)] == [CONNECTION, None]
    with database.transaction() as session:
        assert [pending.record_of(c) for c in pending.due(session, CONNECTION, START, 10)] == [INVOICE]


def test_what_is_not_followed_wakes_nobody(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    wakeups = Wakeups()
    Recorder(database, clock, wakeups).record([delivery(envelope("e1", "robot.built"), envelope("e2"), account="9")])
    assert len(wakeups) == 0


def test_a_lost_nudge_costs_no_event(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    Recorder(database, clock, LostNudges()).record([delivery(envelope())])
    with database.transaction() as session:
        assert pending.due_connections(session, START) == [CONNECTION]


def test_without_a_broker_a_delivery_is_committed_before_it_is_accepted(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    publisher = DirectPublisher(Recorder(database, clock, Wakeups()).record, DatabaseDown)
    publisher.publish([Delivery("d", Side.QUICKBOOKS, "310687", START, (envelope(),))])
    with database.transaction() as session:
        assert pending.due_connections(session, START) == [CONNECTION]


def test_without_a_broker_a_database_that_is_down_takes_nothing(clock: FakeClock) -> None:
    database = Database("postgresql+psycopg://user@127.0.0.1:1/none", clock)
    publisher = DirectPublisher(Recorder(database, clock, Wakeups()).record, DatabaseDown)
    with pytest.raises(NothingTakesIt):
        publisher.publish([delivery(envelope())])
    database.close()


# --- the sweeper -------------------------------------------------------------------------------------


def test_the_sweeper_nudges_what_is_due_and_not_again_at_once(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")
    wakeups = Wakeups()
    sweeper = Sweeper(database, clock, wakeups)
    assert sweeper.sweep() == 0
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
    assert sweeper.sweep() == 1
    assert sweeper.sweep() == 0
    assert wakeups.take(0) == CONNECTION
    clock.advance(NUDGE_AGAIN.total_seconds())
    assert sweeper.sweep() == 1


def test_nudges_do_not_pile_up_while_no_worker_runs(database: Database, clock: FakeClock) -> None:
    names = [f"con_{number}" for number in range(3)]
    for number, name in enumerate(names):
        add_connection(database, name, f"org_{number}", str(number))
        with database.transaction() as session:
            pending.note(session, name, INVOICE, START)
    nobody = NobodyTakes()
    sweeper = Sweeper(database, clock, nobody)
    for wait in [1, 5, 6, 60, 600, 6000] * 5:
        sweeper.sweep()
        clock.advance(wait)
    assert sorted(nobody.queue) == names
    add_connection(database, "con_new", "org_new", "9")
    with database.transaction() as session:
        pending.note(session, "con_new", INVOICE, START)
    sweeper.sweep()
    assert "con_new" in nobody.queue, "what newly falls due is nudged all the same"


def test_a_lost_nudge_is_repeated_while_others_wait(database: Database, clock: FakeClock) -> None:
    for number in range(3):
        add_connection(database, f"con_{number}", f"org_{number}", str(number))
        with database.transaction() as session:
            pending.note(session, f"con_{number}", INVOICE, START)
    nobody = NobodyTakes()
    sweeper = Sweeper(database, clock, nobody)
    sweeper.sweep()
    nobody.queue.remove("con_1")
    clock.advance(NUDGE_AGAIN.total_seconds())
    sweeper.sweep()
    assert "con_1" in nobody.queue
    assert len(nobody.queue) <= 2 * 3


def test_the_sweeper_finds_a_write_without_an_answer_when_its_time_has_come(
    database: Database, clock: FakeClock
) -> None:
    add_connection(database)
    sweeper = Sweeper(database, clock, Wakeups())
    with database.transaction() as session:
        operation(session, journal.open_operation)
    clock.advance(149)
    assert sweeper.sweep() == 0
    clock.advance(1)
    assert sweeper.sweep() == 1


def test_whoever_has_work_is_nudged_whatever_keeps_figures_from_being_made(
    database: Database, clock: FakeClock
) -> None:
    add_connection(database)
    wakeups = Wakeups()
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("drop table parity_reports")
        connection.exec_driver_sql("drop table samples")
    assert Sweeper(database, clock, wakeups).sweep() == 1
    assert wakeups.take(0) == CONNECTION


def test_the_sweeper_leaves_a_paused_connection_alone(database: Database, clock: FakeClock) -> None:
    add_connection(database)
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
        operation(session, journal.open_operation)
        connections.pause(session, CONNECTION, "why", "how")
    clock.advance(timedelta(days=1).total_seconds())
    assert Sweeper(database, clock, Wakeups()).sweep() == 0


def test_sqlite_knows_within_the_hour_how_full_its_tables_are(database: Database, clock: FakeClock) -> None:
    """Else a list of 100,000 records is filtered by the index that leaves the most of them."""
    sweeper = Sweeper(database, clock, Wakeups())
    sweeper.sweep()
    with database.transaction() as session:
        users.add(session, "Kim", users.OPERATOR, "", "", clock.now())

    def known() -> list[str]:
        with database.reading() as session:
            return list(session.execute(sa.text("SELECT tbl FROM sqlite_stat1")).scalars())

    sweeper.sweep()
    assert "users" not in known()
    clock.advance(ANALYSE_EVERY)
    sweeper.sweep()
    assert "users" in known()
