"""What anybody can make happen as often as he likes is one line a source and minute."""

from typing import Any

import pytest

from config.tally import MOST_SOURCES, OTHERS, Tally
from tests.unit.ports import FakeClock


class Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, **words: Any) -> None:
        self.lines.append({"event": event, **words})

    def told(self) -> list[tuple[str, int]]:
        return [(line["remote"], line["times"]) for line in self.lines]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def tally(clock: FakeClock) -> Tally:
    return Tally(clock)


def test_the_first_is_told_at_once_and_the_others_with_their_count(tally: Tally, log: Log, clock: FakeClock) -> None:
    for _ in range(10_000):
        tally.met(log, "bad signature", "192.0.2.1")
    assert log.lines == [{"event": "bad signature", "remote": "192.0.2.1", "times": 1}]
    clock.advance(60)
    tally.tell()
    assert log.told() == [("192.0.2.1", 1), ("192.0.2.1", 9_999)]


def test_a_flood_that_lasts_is_a_line_a_minute(tally: Tally, log: Log, clock: FakeClock) -> None:
    for _ in range(600):
        tally.met(log, "bad signature", "192.0.2.1")
        clock.advance(1)
    assert len(log.lines) == 10
    assert sum(times for _, times in log.told()) == 600 - 59


def test_who_was_silent_for_a_minute_is_told_at_once_again(tally: Tally, log: Log, clock: FakeClock) -> None:
    tally.met(log, "bad signature", "192.0.2.1")
    clock.advance(61)
    tally.tell()
    tally.met(log, "bad signature", "192.0.2.1")
    assert log.told() == [("192.0.2.1", 1)] * 2


def test_sources_and_events_are_told_apart(tally: Tally, log: Log) -> None:
    tally.met(log, "bad signature", "192.0.2.1")
    tally.met(log, "bad signature", "192.0.2.2")
    tally.met(log, "wrong API token", "192.0.2.2", path="/api")
    assert [line["event"] for line in log.lines] == ["bad signature", "bad signature", "wrong API token"]
    assert log.lines[-1]["path"] == "/api"


def test_the_table_is_bounded_and_forgets(tally: Tally, log: Log, clock: FakeClock) -> None:
    for number in range(100_000):
        tally.met(log, "bad signature", f"2001:db8::{number:x}")
    assert len(log.lines) == MOST_SOURCES + 1
    clock.advance(60)
    tally.tell()
    assert log.told()[-1] == (OTHERS, 100_000 - MOST_SOURCES - 1)
    clock.advance(60)
    tally.tell()
    assert tally._sources == {}


def test_at_the_end_everything_is_told(tally: Tally, log: Log) -> None:
    for _ in range(3):
        tally.met(log, "bad signature", "192.0.2.1")
    tally.tell(everything=True)
    assert log.told() == [("192.0.2.1", 1), ("192.0.2.1", 2)]
