"""How long a client is waited for."""

import pytest

from ravebooks.serving.patience import Awaited, Patience, Waiting

PATIENCE = Patience(request=15, next_request=75, answer=60)


@pytest.mark.parametrize(("awaited", "seconds"), [(Awaited.REQUEST, 15), (Awaited.NEXT, 75), (Awaited.ANSWER, 60)])
def test_each_wait_has_a_deadline_in_all_however_often_it_is_looked_at(awaited: Awaited, seconds: int) -> None:
    """A byte a second is activity, and no progress."""
    waiting = Waiting(now=0)
    waiting.see(awaited, 1, 100)
    for second in range(seconds + 1):
        waiting.see(awaited, 1, 100 + second)
        assert not waiting.is_over(PATIENCE, 100 + second)
    assert waiting.is_over(PATIENCE, 100 + seconds + 0.1)


def test_while_it_is_our_turn_nobody_is_waited_for() -> None:
    waiting = Waiting(now=0)
    waiting.see(Awaited.NOTHING, 0, 1)
    assert not waiting.is_over(PATIENCE, 10_000)


def test_a_client_that_has_only_connected_has_the_time_of_a_request() -> None:
    assert Waiting(now=5).is_over(PATIENCE, 20.1)


def test_another_request_begins_another_wait() -> None:
    """One that downloads a big answer after the other is seen in the same state each time."""
    waiting = Waiting(now=0)
    waiting.see(Awaited.ANSWER, 1, 0)
    waiting.see(Awaited.ANSWER, 2, 50)
    assert not waiting.is_over(PATIENCE, 100)
