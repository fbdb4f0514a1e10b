"""How a process ends."""

from ravebooks.process import DRAIN_SECONDS, within
from tests.unit.ports import FakeClock


def test_all_threads_and_servers_together_have_one_deadline(clock: FakeClock) -> None:
    """Each had its own 25 seconds, one after the other."""
    given: list[float] = []

    def hangs(seconds: float) -> None:
        given.append(seconds)
        clock.advance(seconds)

    def takes_three(seconds: float) -> None:
        given.append(seconds)
        clock.advance(min(3, seconds))

    begun = clock.monotonic()
    within(DRAIN_SECONDS, [takes_three], [takes_three, hangs, hangs, hangs], [takes_three], monotonic=clock.monotonic)
    assert clock.monotonic() - begun == DRAIN_SECONDS < 10
    assert given == [8, 5, 2, 0, 0, 0]
