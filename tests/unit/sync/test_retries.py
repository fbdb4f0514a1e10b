"""Decisions: what an error means for a record, a connection, a worker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.errors import Missing, Moved, NotAuthorised, NotSent, OutcomeUnknown, Refused, Throttled
from clients.quickbooks.faults import DuplicateNumber
from clients.quickbooks.oauth import ConsentLost
from config.errors import RavebooksError
from reconcile.decisions import Decision
from reconcile.model import Likeness
from sync.retries import LAST_RETRY_SECONDS, Park, Pause, Reaction, Replan, Retry, backoff, decide

WHAT = "Payment 7"


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (NotSent("x"), Retry(4.0, everything=True)),
        (OutcomeUnknown("x"), Retry(4.0, everything=True)),
        (Throttled("x", wait_seconds=60), Retry(60, everything=True)),
        (Moved("it moved"), Replan()),
        (Missing("it is gone"), Park("missing", "Payment 7: it is gone.", Missing.remedy)),
        (Refused("no", remedy="Do this."), Park("refused", "Payment 7: no.", "Do this.")),
        (NotAuthorised("no entry"), Pause("No entry.", "Connect again.")),
        (ConsentLost("the token is dead"), Pause("The token is dead.", "Connect QuickBooks again.")),
        (RavebooksError("x" * 900), Park("ravebooks_error", f"{WHAT}: {'x' * 489}", RavebooksError.remedy)),
    ],
)
def test_each_error_has_its_decision(error: RavebooksError, decision: Reaction) -> None:
    assert decide(error, WHAT, 2, 1.0) == decision


@pytest.mark.parametrize(
    ("likeness", "decisions"),
    [
        (Likeness.SAME, (Decision.ADOPT,)),
        (Likeness.CUSTOMER, (Decision.LINK,)),
        (Likeness.VOID, (Decision.FREE,)),
        (Likeness.NONE, ()),
    ],
)
def test_a_number_that_is_taken_is_asked_about_with_what_may_be_decided(
    likeness: Likeness, decisions: tuple[Decision, ...]
) -> None:
    error = DuplicateNumber("its number is taken", remedy="Do this.", likeness=likeness)
    expected = Park("duplicate_number", "Payment 7: its number is taken.", "Do this.", decisions=decisions)
    assert decide(error, WHAT, 0, 1.0) == expected


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 1), (1, 2), (2, 4), (11, 2048), (12, 3600), (10_000, 3600)])
def test_retries_double_from_a_second_to_an_hour(attempts: int, seconds: float) -> None:
    assert backoff(attempts, 1.0) == seconds


@given(st.integers(0, 10**6), st.floats(0.5, 1.5))
def test_jitter_keeps_every_retry_between_half_a_second_and_an_hour_and_a_half(attempts: int, jitter: float) -> None:
    assert 0.5 <= backoff(attempts, jitter) <= LAST_RETRY_SECONDS * 1.5
