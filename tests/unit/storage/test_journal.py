"""The journal: the same situation makes the same key, a definite refusal a new one."""

from datetime import timedelta
from typing import Any

import pytest

from storage import journal
from storage.database import Database
from storage.models import Operation
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection, operation

RETRY = START + timedelta(seconds=150)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def open_(database: Database, **changes: Any) -> Operation:
    with database.transaction() as session:
        return operation(session, journal.open_operation, **changes)


def settle(database: Database, opened: Operation, state: str) -> bool:
    with database.transaction() as session:
        return journal.settle(session, opened.id, state, START, answer={"Id": "1"})


def test_a_key_is_32_hex_digits_and_the_same_for_the_same_situation() -> None:
    situation = ("con_1", "ravetree:invoice:1", "invoice.create", 0, "invoice\0{}")
    key = journal.idempotency_key(*situation)
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")
    assert journal.idempotency_key(*situation) == key
    others = [("con_2", *situation[1:]), (*situation[:3], 1, situation[4]), (*situation[:4], "invoice\0{ }")]
    assert len({key, *(journal.idempotency_key(*other) for other in others)}) == 4


def test_the_key_after_a_restore_is_the_one_from_before(database: Database) -> None:
    """Nothing of chance or time goes into it, so the neighbour replays its first answer."""
    first = open_(database)
    with database.transaction() as session:
        session.delete(session.get(Operation, first.id))
    later = open_(database, now=START + timedelta(days=1), fence=9)
    assert later.key == first.key


@pytest.mark.parametrize("state", [journal.REFUSED, journal.DONE, journal.ABANDONED])
def test_a_settled_write_that_is_planned_again_gets_a_new_key(database: Database, state: str) -> None:
    first = open_(database)
    settle(database, first, state)
    second = open_(database)
    assert (first.attempt, second.attempt) == (0, 1)
    assert second.key != first.key


def two_in_a_batch(database: Database) -> list[Operation]:
    with database.transaction() as session:
        first = operation(session, journal.open_operation)
        second = operation(
            session,
            journal.open_operation,
            subject="ravetree:estimate:e",
            path="estimate",
            body='{"DocNumber":"é\\u00e9"}',
        )
        journal.join_batch([first, second])
        return [first, second]


def test_a_batch_key_is_the_operations_keys_in_their_order() -> None:
    key = journal.batch_key(["a" * 32, "b" * 32])
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")
    assert journal.batch_key(["a" * 32, "b" * 32]) == key
    others = [["b" * 32, "a" * 32], ["a" * 32], ["a" * 32, "b" * 32, "c" * 32]]
    assert len({key, *map(journal.batch_key, others)}) == 4


def test_a_batch_holds_exactly_the_journalled_bytes_under_short_ids(database: Database) -> None:
    body = journal.batch_body(two_in_a_batch(database))
    assert body == (
        '{"BatchItemRequest":[{"bId":"1","operation":"create","Invoice":{"DocNumber":"1043"}},'
        '{"bId":"2","operation":"create","Estimate":{"DocNumber":"é\\u00e9"}}]}'
    )


def test_a_batch_is_found_whole_and_in_its_order_from_any_operation(database: Database) -> None:
    first, second = two_in_a_batch(database)
    settle(database, first, journal.DONE)
    with database.transaction() as session:
        (waiting,) = journal.unsettled(session, CONNECTION)
        found = journal.batch_of(session, waiting)
    assert [row.key for row in found] == [first.key, second.key]
    assert waiting.context["batch"] == {
        "key": journal.batch_key([first.key, second.key]),
        "operations": [first.key, second.key],
    }
    assert journal.batch_body(found) == journal.batch_body([first, second])


def test_other_bytes_are_another_first_attempt(database: Database) -> None:
    first = open_(database)
    other = open_(database, body='{"DocNumber":"1044"}')
    elsewhere = open_(database, path="invoice?operation=void")
    assert {o.attempt for o in (first, other, elsewhere)} == {0}
    assert len({o.key for o in (first, other, elsewhere)}) == 3


def test_a_write_is_uncertain_until_it_is_settled(database: Database) -> None:
    opened = open_(database)
    with database.transaction() as session:
        assert [o.id for o in journal.unsettled(session, CONNECTION)] == [opened.id]
        assert journal.connections_with_unsettled(session, RETRY - timedelta(seconds=1)) == []
        assert journal.connections_with_unsettled(session, RETRY) == [CONNECTION]
    assert settle(database, opened, journal.DONE)
    with database.transaction() as session:
        assert journal.unsettled(session, CONNECTION) == []
        assert journal.connections_with_unsettled(session, RETRY) == []


def test_uncertain_writes_are_of_one_connection(database: Database) -> None:
    """Sent again by another one they would stand in somebody else's books."""
    add_connection(database, "con_2", "org_2", "2")
    opened = open_(database)
    with database.transaction() as session:
        assert journal.unsettled(session, "con_2") == []
        assert journal.unanswered(session, "con_2", opened.subject) is None
        assert not journal.was_done(session, "con_2", opened.subject, opened.action)


def test_the_first_answer_is_the_fact(database: Database) -> None:
    opened = open_(database)
    assert settle(database, opened, journal.DONE)
    assert not settle(database, opened, journal.REFUSED)
    with database.transaction() as session:
        found = session.get(Operation, opened.id)
        assert found is not None
        assert (found.state, found.answer) == (journal.DONE, {"Id": "1"})


def test_an_uncertain_write_can_be_put_off_and_a_settled_one_cannot(database: Database) -> None:
    opened = open_(database)
    later = RETRY + timedelta(minutes=5)
    with database.transaction() as session:
        journal.postpone(session, opened.id, later, "no answer")
        assert journal.connections_with_unsettled(session, RETRY) == []
        assert journal.connections_with_unsettled(session, later) == [CONNECTION]
    settle(database, opened, journal.DONE)
    with database.transaction() as session:
        journal.postpone(session, opened.id, later, "no answer")
    with database.transaction() as session:
        assert journal.connections_with_unsettled(session, later) == []


def test_our_own_writes_are_known_by_their_key(database: Database) -> None:
    opened = open_(database)
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        assert journal.is_ours(session, CONNECTION, opened.key)
        assert not journal.is_ours(session, "con_2", opened.key)
        assert not journal.is_ours(session, CONNECTION, "another")


# --- echoes ----------------------------------------------------------------------------------------


def expect(database: Database, change: str = "updated", seconds: float = 0) -> None:
    with database.transaction() as session:
        answered = START + timedelta(seconds=seconds)
        journal.expect_echo(session, CONNECTION, 1, "invoice", "145", change, answered)


def taken(database: Database, change: str = "updated", seconds: float = 0, record: str = "145") -> bool:
    with database.transaction() as session:
        at = START + timedelta(seconds=seconds)
        return journal.take_echo(session, CONNECTION, "invoice", record, change, at)


def test_an_echo_explains_one_event(database: Database) -> None:
    expect(database)
    assert taken(database)
    assert not taken(database)


@pytest.mark.parametrize(("seconds", "explained"), [(-60, True), (5, True), (5.001, False)])
def test_an_echo_explains_an_event_up_to_five_seconds_after_the_answer(
    database: Database, seconds: float, explained: bool
) -> None:
    expect(database)
    assert taken(database, seconds=seconds) is explained


def test_an_echo_explains_its_record_and_its_kind_of_change_only(database: Database) -> None:
    expect(database)
    assert not taken(database, change="void")
    assert not taken(database, record="146")


def test_an_echo_explains_no_event_of_another_connection(database: Database) -> None:
    """Records of two companies have the same ids."""
    add_connection(database, "con_2", "org_2", "2")
    expect(database)
    with database.transaction() as session:
        assert not journal.take_echo(session, "con_2", "invoice", "145", "updated", START)
    assert taken(database)


def test_the_earliest_echo_is_taken_first(database: Database) -> None:
    expect(database, seconds=10)
    expect(database)
    assert taken(database)
    assert taken(database, seconds=12)


def test_echoes_that_never_came_are_forgotten(database: Database) -> None:
    expect(database)
    with database.transaction() as session:
        journal.forget_old_echoes(session, START + timedelta(days=1))
    assert not taken(database)


def test_what_is_due_and_says_nothing_new_is_due_later_and_counts_as_no_send(database: Database) -> None:
    opened = open_(database)
    later = RETRY + timedelta(seconds=9)
    for now, expected in ((RETRY - timedelta(seconds=1), RETRY), (RETRY, later)):
        with database.transaction() as session:
            journal.put_off(session, opened.id, now, later)
        with database.transaction() as session:
            row = session.get_one(Operation, opened.id)
            assert (row.retry_at, row.sends, row.was_uncertain) == (expected, 0, False)
