"""How long a broker may say nothing before whoever waits for it turns to the outbox."""

import pytest

from publishers.connection import STALL_REMEMBERED_SECONDS, STALL_SECONDS, Reach

SILENCE = 0.15


class At:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def at() -> At:
    return At()


def after_silence(at: At, seconds: float) -> Reach:
    """The broker said nothing for so long, was suspected, and answered."""
    reach = Reach(at)
    reach.opened()
    begun = at.now
    at.now = begun + min(SILENCE, seconds)
    reach.suspect(begun)
    at.now = begun + seconds
    reach.answered()
    return reach


def test_a_broker_that_never_stalled_is_given_what_is_asked(at: At) -> None:
    assert Reach(at).patience(SILENCE) == SILENCE


def test_one_that_was_suspected_and_answered_is_given_twice_as_long_for_a_minute(at: At) -> None:
    reach = after_silence(at, 0.3)
    assert reach.there
    at.now += STALL_REMEMBERED_SECONDS - 1
    assert reach.patience(SILENCE) == pytest.approx(0.6)
    at.now += 1
    assert reach.patience(SILENCE) == SILENCE


def test_one_that_hung_is_given_no_more(at: At) -> None:
    assert after_silence(at, STALL_SECONDS + 0.1).patience(SILENCE) == SILENCE


def test_what_is_confirmed_in_time_is_no_stall(at: At) -> None:
    reach = Reach(at)
    reach.opened()
    at.now += 0.5
    reach.answered()
    assert reach.patience(SILENCE) == SILENCE
