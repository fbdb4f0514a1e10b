"""Without a broker: callers that come together are recorded together."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from publishers.publisher import DirectPublisher, NothingTakesIt
from reconcile.model import Side
from schemas.envelopes import Delivery

NOW = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)
SECONDS = 10


class Down(Exception):
    """The database is."""


def delivery(name: str) -> Delivery:
    return Delivery(name, Side.QUICKBOOKS, "310", NOW, ())


class Recording:
    """Keeps what it is told in batches; the first batch takes until it may go on."""

    def __init__(self, refuse: Callable[[Sequence[str]], BaseException | None] = lambda _names: None) -> None:
        self.batches: list[list[str]] = []
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        self._refuse = refuse

    def __call__(self, deliveries: Sequence[Delivery]) -> None:
        names = [each.id for each in deliveries]
        self.batches.append(names)
        self.has_begun.set()
        assert self.may_go_on.wait(SECONDS)
        if error := self._refuse(names):
            raise error


def published(recording: Recording, names: Sequence[str]) -> dict[str, str]:
    """What each caller is told: the first one is recording while all others come."""
    publisher, told = DirectPublisher(recording, Down), dict.fromkeys(names, "accepted")

    def publish(name: str) -> None:
        try:
            publisher.publish([delivery(name)])
        except (ValueError, NothingTakesIt, SystemExit) as error:
            told[name] = type(error).__name__

    callers = [threading.Thread(target=publish, args=(name,)) for name in names]
    callers[0].start()
    assert recording.has_begun.wait(SECONDS)
    for caller in callers[1:]:
        caller.start()
    while len(publisher._waiting) < len(names) - 1:
        assert callers[-1].is_alive()
    recording.may_go_on.set()
    for caller in callers:
        caller.join(SECONDS)
    return told


NAMES = ["a", "b", "c", "d", "e"]


def test_who_comes_while_one_records_is_recorded_in_one_transaction() -> None:
    recording = Recording()
    assert published(recording, NAMES) == dict.fromkeys(NAMES, "accepted")
    first, others = recording.batches
    assert (first, sorted(others)) == (["a"], ["b", "c", "d", "e"])


def test_a_delivery_that_cannot_be_recorded_spoils_nobody_elses() -> None:
    recording = Recording(lambda names: ValueError("c") if "c" in names else None)
    assert published(recording, NAMES) == dict.fromkeys(NAMES, "accepted") | {"c": "ValueError"}
    assert all([name] in recording.batches for name in NAMES)


def test_all_are_refused_while_the_database_is_down() -> None:
    recording = Recording(lambda names: Down() if names != ["a"] else None)
    others = dict.fromkeys(NAMES[1:], NothingTakesIt.__name__)
    assert published(recording, NAMES) == {"a": "accepted"} | others
    assert len(recording.batches) == 2


def test_nobody_is_told_that_it_is_recorded_when_whoever_recorded_was_ended() -> None:
    recording = Recording(lambda names: SystemExit() if names != ["a"] else None)
    told = published(recording, NAMES)
    assert told.pop("a") == "accepted"
    assert sorted(told.values()) == ["NothingTakesIt"] * 3 + ["SystemExit"]


def test_the_next_one_is_taken_after_a_failure() -> None:
    refusals = [Down(), None]
    recording = Recording(lambda _names: refusals.pop(0))
    recording.may_go_on.set()
    publisher = DirectPublisher(recording, Down)
    with pytest.raises(NothingTakesIt):
        publisher.publish([delivery("a")])
    publisher.publish([delivery("b")])
    assert recording.batches == [["a"], ["b"]]
