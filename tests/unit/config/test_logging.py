"""Redaction at the sink: by key and by pattern."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from config import logging as logs
from config.logging import redact, redact_text
from config.telemetry import Progress
from tests.unit.ports import FakeClock

SECRET = "s3cr3t-V4lue.x"


@pytest.mark.parametrize(
    "key",
    [
        "Authorization",
        "access_token",
        "refresh_token",
        "token",
        "client_secret",
        "password",
        "api_key",
        "apikey",
        "intuit-signature",
        "verifier_token",
        "code",
        "Cookie",
    ],
)
@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), [SECRET], {"x": SECRET}])
def test_a_telling_key_hides_its_whole_value(key: str, value: Any) -> None:
    assert SECRET not in repr(redact({key: value}))
    assert SECRET not in repr(redact([{"deep": {key: value}}]))


@pytest.mark.parametrize("key", ["sync_token", "SyncToken", "token_expires_at", "record", "intuit_tid", "error_code"])
def test_a_harmless_key_keeps_its_value(key: str) -> None:
    assert redact({key: "7"}) == {key: "7"}


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "basic {}",
        "detail: Token expired: {}",
        "Token invalid: {}",
        "GET /callback?code={}&state=1",
        "refresh_token={}",
        "client_secret={} and more",
        "postgresql://user:{}@host/db",
        "amqp://user:{}@host:5672/",
    ],
)
def test_a_credential_inside_a_text_is_cut_out(text: str) -> None:
    spelled = text.format(SECRET)
    for value in (spelled, spelled.encode(), ValueError(spelled), [spelled], {"message": spelled}):
        assert SECRET not in repr(redact(value))


@pytest.mark.parametrize("token", ["whsec_AbC+/=", "eyJhbGciOi12345.abc-DEF.g_h"])
def test_a_credential_of_known_shape_is_cut_out_anywhere(token: str) -> None:
    assert token not in redact_text(f"x {token} y")


def test_an_ordinary_sentence_stays_as_it_is() -> None:
    text = "Invoice 1043: its number is taken in QuickBooks (operation 7, 19.99 USD)."
    assert redact_text(text) == text


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


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
