"""Estimates: one way, status included; what is edited in QuickBooks never comes back."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconcile.estimates import STATUS, EstimateBase, EstimateCase, plan
from reconcile.model import ZERO, EstimateContent, Gone, QuickBooksEstimate, RavetreeEstimate
from tests.unit.reconcile.build import CREATED, CUSTOMER, DAY, ITEMS, SWITCHED_ON, amount, line, quickbooks_line


def ours(**changes: Any) -> RavetreeEstimate:
    made = RavetreeEstimate(
        "E1", 1, "2001", "client_1", "draft", DAY, None, "USD", "", (line(100),), (), False, ZERO, amount(100), CREATED
    )
    return replace(made, **changes)


def theirs(**changes: Any) -> QuickBooksEstimate:
    made = QuickBooksEstimate(
        "Q1", 3, "2001", CUSTOMER, "Pending", DAY, None, "USD", "", (quickbooks_line(100),), ZERO, ZERO, amount(100)
    )
    return replace(made, **changes)


def case(estimate: RavetreeEstimate | Gone | None, remote: QuickBooksEstimate | Gone | None = None, **more: Any) -> Any:
    base = None if remote is None else EstimateBase(ours(), theirs(), {"l1": "1"})
    given: dict[str, Any] = {"base": base, "customer": CUSTOMER, "items": ITEMS, "since": SWITCHED_ON} | more
    return EstimateCase(estimate, remote, **given)


@pytest.mark.parametrize("status", STATUS)
def test_a_new_estimate_is_created_with_its_status(status: str) -> None:
    (write,) = plan(case(ours(status=status))).writes
    assert isinstance(write.content, EstimateContent)
    assert (write.action, write.content.status) == ("estimate.create", STATUS[status])


@pytest.mark.parametrize(
    ("estimate", "more", "why"),
    [
        (ours(created_at=datetime(2026, 10, 1, tzinfo=UTC)), {}, "older than the switch-on"),
        (ours(), {"since": None}, "older than the switch-on"),
        (ours(), {"decision": "unlink"}, "taken apart by a person"),
        (ours(lines=()), {}, "no lines yet"),
        (Gone("E1"), {}, "not in Ravetree"),
        (None, {}, "made in QuickBooks"),
    ],
)
def test_what_is_not_pushed_says_why(estimate: Any, more: dict[str, Any], why: str) -> None:
    decided = plan(case(estimate, **more))
    assert (decided.writes, decided.ignored) == ((), why)


def test_drift_alone_is_left_alone_and_overwritten_by_the_next_edit() -> None:
    drifted = theirs(total=amount(150), status="Accepted")
    assert plan(case(ours(), drifted)).writes == ()
    (write,) = plan(case(ours(memo="new"), drifted)).writes
    assert (write.action, write.version) == ("estimate.update", 3)


def test_an_estimate_behind_an_invoice_stays_closed_whatever_ravetree_says() -> None:
    (write,) = plan(case(ours(status="accepted"), theirs(status="Closed", invoice_ids=("9",)))).writes
    assert isinstance(write.content, EstimateContent)
    assert write.content.status == "Closed"


@pytest.mark.parametrize(
    ("remote", "actions"),
    [
        (theirs(), ["estimate.delete"]),
        (theirs(invoice_ids=("9",)), ["estimate.close"]),
        (theirs(invoice_ids=("9",), status="Closed"), []),
        (Gone("Q1"), []),
    ],
)
def test_deleted_in_ravetree(remote: Any, actions: list[str]) -> None:
    assert [write.action for write in plan(case(Gone("E1"), remote)).writes] == actions


@pytest.mark.parametrize(
    ("estimate", "remote", "base", "code"),
    [
        (ours(), Gone("Q1"), None, "deleted_in_quickbooks"),
        (ours(lines=(), total=ZERO), theirs(), None, "estimate_without_lines"),
        (ours(), theirs(number="7"), EstimateBase(ours(), theirs(number="7")), "number_not_kept"),
        (ours(), theirs(total=amount("100.01")), EstimateBase(ours(), theirs(total=amount("100.01"))), "total_differs"),
    ],
)
def test_what_a_person_has_to_see(estimate: Any, remote: Any, base: EstimateBase | None, code: str) -> None:
    attention = plan(case(estimate, remote, **({"base": base} if base else {}))).attention
    assert attention is not None
    assert (attention.state, attention.code) == ("parked", code)


def test_left_deleted_there_it_is_asked_about_no_more() -> None:
    assert plan(case(ours(), Gone("Q1"), decision="leave")).attention is None


@pytest.mark.parametrize(
    ("status", "there", "linked", "written"),
    [
        ("draft", "Accepted", (), "Accepted"),
        ("sent", "Accepted", (), "Accepted"),
        ("declined", "Accepted", (), "Rejected"),
        ("draft", "Accepted", ("77",), "Accepted"),
        ("accepted", "Pending", ("77",), "Closed"),
    ],
)
def test_the_status_is_written_when_ravetrees_changed_else_sent_again_as_read(
    status: str, there: str, linked: tuple[str, ...], written: str
) -> None:
    remote = theirs(status=there, invoice_ids=linked)
    (write,) = plan(case(ours(memo="new", status=status), remote)).writes
    assert isinstance(write.content, EstimateContent)
    assert write.content.status == written
