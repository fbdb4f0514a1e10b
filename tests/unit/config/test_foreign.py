"""Errors of the libraries behind database and broker, without statements and addresses."""

import sqlite3
from collections.abc import Callable

import amqp
import kombu.exceptions
import pika.exceptions
import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from config.errors import RavebooksError
from config.foreign import described, traceback_of
from config.redaction import redact

TELLING = "bookkeeper at db.internal:5432, INSERT INTO connections VALUES (the-parameter)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.lookup("23505")(TELLING), "UniqueViolation (23505)"),
        (psycopg.OperationalError(TELLING), "OperationalError"),
        (sqlite3.OperationalError(TELLING), "OperationalError"),
        (pika.exceptions.ConnectionClosedByBroker(403, TELLING), "ConnectionClosedByBroker (403)"),
        (pika.exceptions.AMQPConnectionError(TELLING), "AMQPConnectionError"),
        (amqp.exceptions.NotAllowed(TELLING), "NotAllowed (530)"),
        (kombu.exceptions.OperationalError(TELLING), "OperationalError"),
        (
            IntegrityError(TELLING, {"name": TELLING}, psycopg.errors.lookup("23505")(TELLING)),
            "IntegrityError (UniqueViolation (23505))",
        ),
        (StatementError(TELLING, TELLING, None, ValueError("naive")), "StatementError (ValueError: naive)"),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: [Errno 111] Connection refused"),
        (RavebooksError("the lease was lost"), "RavebooksError: the lease was lost"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_is_described_by_class_and_code(error: Exception, words: str) -> None:
    assert described(error) == words
    assert redact(error) == words


def test_an_error_of_sqlite_has_its_name() -> None:
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect("/proc/none/at/all.db")
    assert described(caught.value) == "OperationalError (SQLITE_CANTOPEN)"


def raised(act: Callable[[], object]) -> Exception:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - it is what is looked at
        return error
    raise AssertionError("nothing was raised")


def test_a_traceback_tells_each_error_of_the_chain_and_no_address() -> None:
    def reach() -> None:
        raise IntegrityError(TELLING, TELLING, psycopg.OperationalError(TELLING))

    def store() -> None:
        try:
            reach()
        except IntegrityError as error:
            error.add_note(TELLING)
            raise RavebooksError("nothing was stored") from error

    def work() -> None:
        try:
            store()
        except RavebooksError:
            int("x")

    told = traceback_of(raised(work))
    assert told.count("Traceback (most recent call last):") == 3
    first, second, third = (told.index(words) for words in ("IntegrityError (", "nothing was stored", "ValueError:"))
    assert first < second < third
    assert "in reach" in told
    assert TELLING not in told


def test_a_traceback_tells_what_a_group_holds_and_ends_where_errors_go_round() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    told = traceback_of(ExceptionGroup("several", [first, psycopg.OperationalError(TELLING)]))
    assert "several" in told
    assert told.count("ValueError: first") == told.count("ValueError: second") == 1
    assert "2 of 2:\n\nOperationalError" in told
    assert TELLING not in told


def test_an_error_that_cannot_be_spelled_is_described_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("not today")

    assert described(Mute()) == "Mute, whose text cannot be shown"
