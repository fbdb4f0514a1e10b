"""What an operator must know, from facts alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.model import SENTENCE_LIMIT
from reconcile.wellness import Area, Brake, Button, Code, Company, Facts, Look, Running, Waiting, brakes_of, judge
from tests.unit.ports import START

LIVE = (Running("web", "a", START), Running("worker", "b", START), Running("sweeper", "c", START))
WELL = Facts(START, processes=LIVE, swept=START)
COMPANY = Company("con_1", "org_42", "active")


def ago(minutes: float, count: int = 2) -> Waiting:
    return Waiting(count, START - timedelta(minutes=minutes))


def company(**said: Any) -> dict[str, Any]:
    return {"companies": (replace(COMPANY, **said),)}


def test_nothing_is_said_while_all_is_well() -> None:
    assert judge(WELL) == []
    assert judge(Facts(START)) == [], "an installation that nobody has started is not unwell"
    assert judge(replace(WELL, companies=(COMPANY,))) == []


CASES: list[tuple[dict[str, Any], Code, Area, Button]] = [
    (
        {"processes": (*LIVE, Running("worker", "d", START, broker=False))},
        Code.BROKER_AWAY,
        Area.RECEIVING,
        Button.QUEUES,
    ),
    ({"outbox": ago(2)}, Code.OUTBOX_WAITS, Area.RECEIVING, Button.QUEUES),
    ({"processes": LIVE[1:]}, Code.NO_WEB, Area.RECEIVING, Button.NONE),
    ({"past_due": ago(6)}, Code.PAST_DUE, Area.QUEUES, Button.QUEUES),
    ({"dead": ago(0)}, Code.DEAD_LETTERS, Area.QUEUES, Button.DEAD_LETTERS),
    ({"unanswered": ago(61)}, Code.UNANSWERED, Area.QUEUES, Button.QUEUES),
    ({"processes": LIVE[:1]}, Code.NO_WORKER, Area.WORKING, Button.NONE),
    ({"swept": START - timedelta(minutes=3)}, Code.NO_SWEEPER, Area.WORKING, Button.NONE),
    ({"processes": (*LIVE, Running("worker", "d", START, "relay"))}, Code.STUCK, Area.WORKING, Button.NONE),
    ({"brakes": (Brake("everything", "Kim", "why", START),)}, Code.ALL_PAUSED, Area.WORKING, Button.RESUME_ALL),
    ({"brakes": (Brake("invoice", "Kim", "", START),)}, Code.BRAKED, Area.WORKING, Button.RELEASE),
    (company(state="stalled", cause="It broke."), Code.STALLED, Area.WORKING, Button.CONNECTION),
    (company(state="paused", cause="Paused by Kim.", by_a_person=True), Code.PAUSED, Area.WORKING, Button.RESUME),
    (company(state="paused", cause="The consent ended."), Code.RECONNECT, Area.WORKING, Button.CONNECTION),
    (company(looks=(Look(START, "It fails.", "Wait."),)), Code.LOOK_FAILING, Area.WORKING, Button.CONNECTION),
    (company(parked=ago(61)), Code.PARKED, Area.WORKING, Button.LOOK_AGAIN),
    (company(unexplained=1), Code.PARITY, Area.WORKING, Button.PARITY),
    (company(reads_percent=80), Code.READS_NEAR, Area.WORKING, Button.READS),
    ({"untold": ago(11)}, Code.UNTOLD, Area.TELLING, Button.QUEUES),
    ({"not_told": ago(1), "not_told_why": "HTTP 500"}, Code.TELLING_FAILS, Area.TELLING, Button.NONE),
]


@pytest.mark.parametrize(("changes", "code", "area", "button"), CASES, ids=[str(case[1]) for case in CASES])
def test_each_cause_is_one_finding_with_its_remedy_and_its_button(
    changes: dict[str, Any], code: Code, area: Area, button: Button
) -> None:
    (finding,) = judge(replace(WELL, **changes))
    assert (finding.code, finding.area, finding.button) == (code, area, button)
    assert finding.cause
    assert len(f"{finding.cause} {finding.remedy}") <= SENTENCE_LIMIT


def test_every_finding_that_there_is_stands_in_these_cases() -> None:
    assert {case[1] for case in CASES} == set(Code)


@pytest.mark.parametrize(
    "changes",
    [
        {"outbox": ago(0.9)},
        {"past_due": ago(4.9)},
        {"unanswered": ago(59)},
        {"untold": ago(9)},
        {"swept": START - timedelta(minutes=2)},
        company(parked=ago(59)),
        company(reads_percent=79),
    ],
)
def test_what_passes_by_itself_is_not_said(changes: dict[str, Any]) -> None:
    assert judge(replace(WELL, **changes)) == []


def test_a_process_that_has_said_nothing_for_a_minute_is_missed() -> None:
    facts = replace(WELL, now=START + timedelta(seconds=61), swept=START + timedelta(seconds=61))
    assert [one.code for one in judge(facts)] == [Code.NO_WEB, Code.NO_WORKER]
    assert judge(replace(facts, now=START + timedelta(seconds=60))) == []


def test_one_process_may_be_all_of_them() -> None:
    assert judge(replace(WELL, processes=(Running("up", "a", START),))) == []


def test_a_finding_names_its_connection_and_a_long_cause_is_cut_before_its_remedy() -> None:
    (finding,) = judge(replace(WELL, **company(state="stalled", cause="x" * 300, remedy="Report it.")))
    assert (finding.subject, finding.cause[:8], finding.cause[-1]) == ("con_1", "org_42: ", "…")
    assert finding.remedy == "Report it."


@pytest.mark.parametrize(("why", "end"), [("the audit.", " UTC: the audit."), ("", " UTC.")])
def test_why_a_person_stopped_it_is_said_where_they_said_so(why: str, end: str) -> None:
    (finding,) = judge(replace(WELL, brakes=(Brake("invoice", "Kim", why, START),)))
    assert finding.cause.startswith("Kim stopped writes of invoice ")
    assert finding.cause.endswith(end)


def test_what_a_person_stopped_is_shown_on_every_page_and_told_to_nobody() -> None:
    pulled = (Brake("everything", "Kim", "the audit", START), Brake("payment", "Kim", "", START))
    found = judge(replace(WELL, brakes=pulled, dead=ago(0)))
    assert [one.code for one in brakes_of(found)] == [Code.ALL_PAUSED, Code.BRAKED]
    assert [one.code for one in found if one.is_told] == [Code.DEAD_LETTERS]
    (paused,) = judge(replace(WELL, **company(state="paused", cause="Paused by Kim.", by_a_person=True)))
    assert not paused.is_told


@pytest.mark.parametrize(
    ("name", "subject", "what", "how"),
    [
        ("everything", "", "every write", "run `ravebooks resume --all`"),
        ("invoice", "invoice", "writes of invoice", "post to `/api/brakes/invoice/resume`"),
    ],
)
def test_what_a_person_stopped_names_the_brake_since_when_and_how_it_is_released(
    name: str, subject: str, what: str, how: str
) -> None:
    since = START - timedelta(hours=3)
    (finding,) = judge(replace(WELL, brakes=(Brake(name, "", "", since),)))
    assert (finding.subject, finding.since) == (subject, since)
    assert finding.cause.startswith(f"Somebody stopped {what} ")
    assert finding.remedy == f"Nothing is lost; when it is mended press Go on, or {how}."


def test_what_concerns_the_whole_installation_names_no_connection() -> None:
    (finding,) = judge(replace(WELL, processes=LIVE[1:]))
    assert finding.subject == ""
