"""Logs: one line of JSON for whatever is said, ours and the libraries', without secrets, statements and addresses."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import structlog
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from config import logging as logs
from config.gunicorn_logs import Logger
from config.telemetry import Progress
from tests.unit.ports import FakeClock

SECRET = "s3cr3t-V4lue.x"


@contextmanager
def restored_logging() -> Iterator[None]:
    """Logging, and what catches what nobody catches, as it was, afterwards."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


@pytest.fixture
def restored() -> Iterator[None]:
    with restored_logging():
        yield


@pytest.fixture
def lines(restored: None, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Gives the lines of the log that were written since it was last asked, each parsed."""

    def taken() -> list[dict[str, Any]]:
        written = capsys.readouterr().err
        assert written == "" or written.endswith("\n")
        # Not splitlines(): what collects lines splits at the line feed alone.
        return [json.loads(line) for line in written.split("\n")[:-1]]

    return taken


def fail(text: str) -> None:
    raise ValueError(text)


Lines = Callable[[], list[dict[str, Any]]]


def test_every_line_is_json_with_what_it_is_bound_to_and_without_secrets(
    capsys: pytest.CaptureFixture[str], restored: None
) -> None:
    logs.configure("info", "json")
    log = logs.logger("tests")
    with logs.bound(connection="con_1", record="ravetree:invoice:1"):
        log.info("called", access_token=SECRET, detail=f"Token expired: {SECRET}", intuit_tid="1-x")
        log.debug("not shown")
    written = capsys.readouterr().err
    line = json.loads(written)
    assert (line["event"], line["connection"], line["intuit_tid"]) == ("called", "con_1", "1-x")
    assert line["logger_name"] == "tests"
    assert SECRET not in written


def test_a_traceback_is_redacted_too(capsys: pytest.CaptureFixture[str], restored: None) -> None:
    logs.configure("info", "json")
    try:
        int(f"Bearer {SECRET}")
    except ValueError:
        logs.logger("tests").exception("unexpected error")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert SECRET not in written.split("File")[0] + written.rpartition("ValueError")[2]


def test_a_librarys_line_goes_through_the_same_redaction(capsys: pytest.CaptureFixture[str], restored: None) -> None:
    logs.configure("info", "json")
    logging.getLogger("urllib3").warning("Retrying with Bearer %s", SECRET)
    written = capsys.readouterr().err
    assert "Retrying" in written
    assert SECRET not in written


FORGED = 'x\n{"event": "FORGED", "level": "critical"}\r\u2028{"event": "FORGED"}'


def test_a_librarys_line_is_json_like_ours_and_cannot_be_forged(lines: Lines) -> None:
    logs.configure("info", "json")
    with logs.bound(connection="con_1"):
        logging.getLogger("sqlalchemy.pool").error("lost %s", FORGED)
    (line,) = lines()
    assert line["event"] == f"lost {FORGED}"
    assert (line["level"], line["logger_name"], line["connection"]) == ("error", "sqlalchemy.pool", "con_1")
    assert line["timestamp"]


def test_a_librarys_traceback_is_one_line(lines: Lines) -> None:
    logs.configure("info", "json")
    try:
        fail(FORGED)
    except ValueError:
        logging.getLogger("waitress").exception("Exception while serving %s", "/", stack_info=True)
    (line,) = lines()
    assert "Traceback" in line["exception"]
    assert FORGED in line["exception"]


def test_no_line_carries_a_statement_or_an_address(lines: Lines) -> None:
    logs.configure("info", "json")
    text = "INSERT INTO books at db.internal"
    error = IntegrityError(text, {"name": text}, psycopg.OperationalError(text))
    logs.logger("tests").error("failed", exc_info=error, cause=error)
    logging.getLogger("alembic").error("failed", exc_info=error)
    ours, theirs = lines()
    assert "IntegrityError (OperationalError)" in ours["exception"]
    assert ours["cause"] == "IntegrityError (OperationalError)"
    assert "db.internal" not in json.dumps([ours, theirs])


def test_a_librarys_line_that_cannot_be_written_is_said_in_one_line(lines: Lines) -> None:
    logs.configure("info", "json")
    logging.getLogger("kombu").error("%d messages", "no")
    (line,) = lines()
    assert (line["library"], line["event"]) == ("kombu", "a line of a library could not be written")


@given(text=st.text(), name=st.text(min_size=1), key=st.sampled_from(["event_id", "record", "cause"]), value=st.text())
def test_whatever_is_logged_is_exactly_one_line_that_parses(text: str, name: str, key: str, value: str) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, restored_logging():
        patch.setattr(sys, "stderr", stream)
        logs.configure("info", "json")
        logs.logger(name).warning(text, **{key: value})
        logging.getLogger("kombu").warning("%s", text)
        try:
            fail(value)
        except ValueError as error:
            logs.logger(name).error(text, exc_info=error)
    written = stream.getvalue().split("\n")
    assert [isinstance(json.loads(line), dict) for line in written[:-1]] == [True] * 3
    assert written[-1] == ""


def test_on_a_terminal_no_text_begins_a_line_of_its_own(restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("info", "console")
    logs.logger("tests").warning(FORGED, record=FORGED)
    logging.getLogger("kombu").warning(FORGED)
    assert len(stream.getvalue().splitlines()) == 2
    logs.logger("tests").error("failed", exc_info=ValueError(FORGED))
    assert all(line.startswith("  | ") for line in stream.getvalue().splitlines()[3:])


def test_what_nobody_catches_is_one_line(lines: Lines) -> None:
    logs.configure("info", "json")
    logs.catch_uncaught()
    error = ValueError(f"access_token={SECRET}\n")
    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=lambda: int("x"), name="reconciler 1")
    thread.start()
    thread.join()
    sys.unraisablehook(SimpleNamespace(exc_value=error, object=lines))
    sys.unraisablehook(SimpleNamespace(exc_value=KeyboardInterrupt(), object=lines))  # looked at again
    warnings.showwarning("old\nthings", DeprecationWarning, "file.py", 7)
    ended, in_thread, unraisable, warned = lines()
    assert ended["event"] == "ended by an unexpected error"
    assert (in_thread["thread"], "invalid literal" in in_thread["exception"]) == ("reconciler 1", True)
    assert unraisable["level"] == "error"
    assert (warned["event"], warned["category"], warned["where"]) == ("old\nthings", "DeprecationWarning", "file.py:7")
    assert SECRET not in json.dumps([ended, unraisable])


def test_gunicorns_lines_are_json_from_its_first_one_on(lines: Lines) -> None:
    """Its own handler stands on its own loggers, which pass nothing on."""
    made = Logger(Config())
    made.info("Listening at: %s", "http://127.0.0.1:8000")
    made.warning("Invalid request from ip=%s: %s", "::1", FORGED)
    assert [(line["level"], line["logger_name"]) for line in lines()] == [
        ("info", "gunicorn.error"),
        ("warning", "gunicorn.error"),
    ]


def test_a_loop_is_stuck_when_it_is_silent_for_longer_than_it_promised(clock: FakeClock) -> None:
    progress = Progress(clock)
    beat = progress.expect("worker", 10)
    progress.expect("sweeper", 100)
    clock.advance(10)
    assert progress.stuck() == []
    clock.advance(0.5)
    assert progress.stuck() == ["worker"]
    beat()
    assert progress.stuck() == []
