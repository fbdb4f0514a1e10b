"""The same unexpected error again and again: counted each time, told once, waited for longer and longer."""

from typing import Any

from prometheus_client import REGISTRY

from config.repeats import FORGOTTEN_SECONDS, Repeats
from tests.unit.ports import FakeClock


class Log:
    """Keeps what is logged: `True` for a traceback, else the count."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def error(self, _event: str, exc_info: Any = None, times: int = 0, **_words: Any) -> None:
        self.said.append(True if exc_info is not None else times)


def fail() -> None:
    raise ValueError("the same")


def fail_elsewhere() -> None:
    raise ValueError("the same")


def met(repeats: Repeats, what: Any = fail) -> float:
    try:
        what()
    except ValueError as error:
        return repeats.met(error)
    raise AssertionError


def counted(loop: str) -> float:
    return REGISTRY.get_sample_value("ravebooks_loop_errors_total", {"loop": loop}) or 0


def test_the_same_error_is_told_once_then_counted_and_waited_for_up_to_a_minute(clock: FakeClock) -> None:
    log = Log()
    repeats = Repeats("repeating", log, clock)
    waits = []
    for _ in range(9):
        waits.append(met(repeats))
        clock.advance(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert log.said == [True, 2, 3, 4, 5, 6, 7, 8, 9]
    assert counted("repeating") == 9


def test_a_round_that_goes_well_shortens_the_wait_and_brings_no_traceback_back(clock: FakeClock) -> None:
    log = Log()
    repeats = Repeats("now and then", log, clock)
    for _ in range(120):
        assert met(repeats) == 1
        repeats.over()
        clock.advance(1)
    assert log.said.count(True) == 1
    assert len(log.said) < 10, "an error each second is no line each second"


def test_another_error_is_told_in_full_and_two_that_alternate_once_each(clock: FakeClock) -> None:
    log = Log()
    repeats = Repeats("alternating", log, clock)
    for _ in range(5):
        clock.advance(met(repeats))
        clock.advance(met(repeats, fail_elsewhere))
    assert log.said.count(True) == 2


def test_an_error_that_comes_back_after_long_is_told_in_full_again(clock: FakeClock) -> None:
    log = Log()
    repeats = Repeats("rare", log, clock)
    met(repeats)
    clock.advance(FORGOTTEN_SECONDS)
    met(repeats)
    assert log.said == [True, True]
