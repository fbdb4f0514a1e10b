"""Every row of the fault table: its class, its decision, its sentence, in either envelope."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from clients.errors import Failed, NeighbourError, Throttled
from clients.quickbooks import faults
from clients.quickbooks.faults import (
    AccessRevoked,
    BooksClosed,
    BusinessRule,
    CannotLink,
    DepositedPayment,
    DuplicateName,
    DuplicateNumber,
    NotFoundOrInactive,
    StaleReference,
    StaleSyncToken,
    SubscriptionLapsed,
    TokenExpired,
    WrongRequest,
    error_from,
)
from config.errors import code_of
from sync.retries import Park, Pause, Reaction, Replan, Retry, decide

WHAT = "Invoice 1043"
ATTEMPTS, JITTER = 3, 1.0
SOON = Retry(8.0, everything=True)


@dataclass(frozen=True)
class Row:
    """One row: what QuickBooks answers, and what becomes of it."""

    code: str
    status: int
    kind: type[NeighbourError]
    decision: Reaction | type[Park] | type[Pause]
    words: str
    detail: str = "Some detail."


TABLE = [
    Row("3200", 401, TokenExpired, SOON, "access token has expired"),
    Row("120", 403, AccessRevoked, Pause, "no longer lets Ravebooks into this company"),
    Row("3100", 403, AccessRevoked, Pause, "no longer lets Ravebooks into this company"),
    Row("6190", 403, SubscriptionLapsed, Pause, "subscription has ended"),
    Row("3001", 429, Throttled, Retry(60.0, everything=True), "takes no more requests for a minute"),
    Row("5010", 400, StaleSyncToken, Replan(), "was changed in QuickBooks meanwhile"),
    Row("610", 400, NotFoundOrInactive, Park, "deleted or inactive"),
    Row("620", 400, CannotLink, Replan(), "cannot link it"),
    Row("2010", 400, WrongRequest, Park, "did not understand the request"),
    Row("2020", 400, WrongRequest, Park, "did not understand the request"),
    Row("2030", 400, WrongRequest, Park, "did not understand the request"),
    Row("2050", 400, WrongRequest, Park, "did not understand the request"),
    Row("2170", 400, WrongRequest, Park, "did not understand the request"),
    Row("2500", 400, StaleReference, Park, "no longer exists in QuickBooks"),
    Row("6000", 400, BusinessRule, Park, "Enter a shorter name", "Business Validation Error : Enter a shorter name."),
    Row(
        "6140",
        400,
        DuplicateNumber,
        Park,
        "its number is taken",
        "You must specify a different number. DocNumber=18696 is assigned to TxnType=Invoice with TxnId=6575",
    ),
    Row("6210", 400, BooksClosed, Park, "a period that is closed"),
    Row("6240", 400, DuplicateName, Park, "its name is taken", ": null"),
    Row("6540", 400, DepositedPayment, Park, "is deposited in QuickBooks"),
    Row("10000", 500, Failed, SOON, "whether it happened is not known"),
]


def envelope(row: Row) -> Any:
    """QuickBooks' own envelope."""
    error = {"Message": "A message", "Detail": row.detail, "code": row.code, "element": ""}
    return {"Fault": {"Error": [error], "type": "ValidationFault"}, "time": "2026-11-20T06:13:20.000-08:00"}


def gateway_envelope(row: Row) -> Any:
    """The gateway's, in lower case."""
    error = {"message": f"message=Failed; errorCode=00{row.code}", "detail": row.detail, "code": row.code}
    return {"warnings": None, "fault": {"error": [error], "type": "SERVICE"}, "queryResponse": None}


rows = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.code)


@rows
@pytest.mark.parametrize("spell", [envelope, gateway_envelope])
def test_each_code_is_its_error_in_either_envelope(row: Row, spell: Any) -> None:
    error = error_from(row.status, spell(row), "1-abc")
    assert type(error) is row.kind
    assert (error.code, error.trace) == (row.code, "1-abc")
    assert row.words in str(error)


@rows
def test_each_code_is_its_error_when_http_says_200(row: Row) -> None:
    assert faults.has_fault(envelope(row))
    assert faults.has_fault(gateway_envelope(row))
    assert type(error_from(200, envelope(row))) is row.kind


@rows
def test_each_code_has_its_decision(row: Row) -> None:
    made = decide(error_from(row.status, envelope(row)), WHAT, ATTEMPTS, JITTER)
    if isinstance(row.decision, type):
        assert type(made) is row.decision
    else:
        assert made == row.decision


@rows
def test_a_person_reads_two_short_sentences_without_a_code(row: Row) -> None:
    error = error_from(row.status, envelope(row))
    made = decide(error, WHAT, ATTEMPTS, JITTER)
    texts = [made.cause, made.remedy] if isinstance(made, Park | Pause) else [f"{error}.", error.remedy]
    for text in texts:
        assert 10 < len(text) <= 200
        assert row.code not in text
        assert not re.search(r"Fault|Error|Exception|\bNone\b|\{", text)
        assert text.endswith(".")
        assert not text.endswith("..")
    if isinstance(made, Park):
        assert made.cause.startswith(f"{WHAT}: ")
        assert made.code == code_of(row.kind)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [None, [], "oops", {"Fault": {}}, {"Fault": {"Error": []}}, {"Fault": {"Error": [7]}}])
def test_a_failure_without_a_code_leaves_the_outcome_unknown(status: int, body: Any) -> None:
    assert type(error_from(status, body)) is Failed


def test_a_success_without_a_readable_body_leaves_the_outcome_unknown() -> None:
    assert type(error_from(200, None)) is Failed


@pytest.mark.parametrize(("status", "kind"), [(401, TokenExpired), (403, AccessRevoked), (429, Throttled)])
def test_a_telling_status_needs_no_code(status: int, kind: type[NeighbourError]) -> None:
    assert type(error_from(status, None)) is kind


def test_a_lapsed_subscription_is_told_from_a_revoked_app_though_both_are_403() -> None:
    lapsed = next(row for row in TABLE if row.code == "6190")
    assert type(error_from(403, envelope(lapsed))) is SubscriptionLapsed


def test_an_unknown_code_is_a_rule_of_quickbooks_in_its_words() -> None:
    error = error_from(400, envelope(Row("9999", 400, BusinessRule, Park, "", "Too many apples.")))
    assert type(error) is BusinessRule
    assert str(error) == "QuickBooks refuses: Too many apples"
    assert isinstance(decide(error, WHAT, 0, 1.0), Park)


def test_endless_words_of_quickbooks_are_cut_for_the_line_and_kept_in_the_detail() -> None:
    error = error_from(400, envelope(Row("6000", 400, BusinessRule, Park, "", "word " * 100)))
    assert len(str(error)) <= 150
    assert str(error).endswith("…")
    assert len(error.detail) > 400


def test_a_duplicate_number_names_who_has_it() -> None:
    row = next(row for row in TABLE if row.code == "6140")
    error = error_from(400, envelope(row))
    assert isinstance(error, DuplicateNumber)
    assert error.taken_by == "6575"
    vague = error_from(400, envelope(Row("6140", 400, DuplicateNumber, Park, "")))
    assert isinstance(vague, DuplicateNumber)
    assert vague.taken_by is None


TOKEN = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.abc-DEF_123.xyz"  # made up


@pytest.mark.parametrize("token", [TOKEN, "AB11763982233xYz", "lower.case~token/with+odd=signs"])
def test_the_token_that_the_gateway_repeats_reaches_no_text_of_ours(token: str) -> None:
    row = Row("3200", 401, TokenExpired, SOON, "", f"Token expired: {token}")
    error = error_from(401, gateway_envelope(row))
    made = decide(error, WHAT, 0, 1.0)
    for text in (str(error), error.detail, error.remedy, repr(error), str(made)):
        assert token not in text
    assert error.detail.startswith("Token expired: ")
