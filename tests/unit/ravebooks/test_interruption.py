"""Being told to end while something begins."""

import signal
from collections.abc import Iterator

import pytest

from ravebooks.interruption import Interruption

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_raised_where_python_tells_nobody_is_raised_again(number: signal.Signals) -> None:
    """`up` was told to end while an object was finalised, and went on to serve."""
    interruption = Interruption()
    interruption.check()

    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(number)

    Finalised()
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


@pytest.mark.parametrize("number", NUMBERS)
def test_it_interrupts(number: signal.Signals) -> None:
    Interruption()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
