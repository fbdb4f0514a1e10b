"""Pacing: 10 requests a second, 500 and 40 batches a minute for each company, on a clock of its own."""

from clients.quickbooks.pacing import Pacer
from tests.unit.ports import FakeClock


def test_ten_calls_go_at_once_and_the_eleventh_waits_for_the_second_to_pass(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    for _ in range(10):
        pacer.take("1")
    assert clock.slept == []
    pacer.take("1")
    assert sum(clock.slept) == 1.0


def test_no_window_ever_holds_more_than_its_limit(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    moments = []
    for _ in range(1200):
        pacer.take("1")
        moments.append(clock.monotonic())
    for count, span in ((10, 1.0), (500, 60.0)):
        assert all(later - first >= span - 1e-6 for first, later in zip(moments, moments[count:], strict=False))
    assert moments[-1] - moments[0] < 180


def test_no_minute_holds_more_than_forty_batches_and_a_batch_is_a_request_too(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    moments = []
    for _ in range(90):
        pacer.take("1", batch=True)
        moments.append(clock.monotonic())
    assert all(later - first >= 60.0 - 1e-6 for first, later in zip(moments, moments[40:], strict=False))
    assert 120 <= moments[-1] - moments[0] < 130
    assert moments[10] - moments[0] >= 1.0


def test_who_has_no_batch_left_may_still_make_requests(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    for _ in range(40):
        pacer.take("1", batch=True)
    clock.advance(1)
    clock.slept.clear()
    for _ in range(10):
        pacer.take("1")
    assert clock.slept == []


def test_companies_do_not_share_their_limits(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    for number in range(50):
        pacer.take(str(number))
    assert clock.slept == []


def test_who_was_told_to_wait_is_closed_until_then(clock: FakeClock) -> None:
    pacer = Pacer(clock)
    assert pacer.closed_for("1") == 0
    pacer.close("1", 60)
    assert pacer.closed_for("1") == 60
    assert pacer.closed_for("2") == 0
    clock.advance(59)
    assert pacer.closed_for("1") == 1
    clock.advance(1)
    assert pacer.closed_for("1") == 0
