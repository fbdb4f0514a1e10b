"""Every question is answered to its end, and stands in docs/questions.md with what becomes of each answer."""

from pathlib import Path

import pytest

from ravebooks.demo.sides import Body
from reconcile.decisions import AT_ANY_TIME, Decision
from tests.questions.desk import SITUATIONS, Desk, Situation
from tests.questions.page import HEAD, NOT_PLAYED, PAGE, asked_as_errors, asked_in_source
from tests.questions.playing import asked, decide, play
from tests.simulation.world import World

WAYS = [(one, way) for one in SITUATIONS for way in one.ways]
DECIDED_ELSEWHERE = {("one_or_two_payments", "unlink")}
"""Said of a payment whose twin was taken apart: `test_undo.py` plays it."""


@pytest.mark.parametrize(("one", "way"), WAYS, ids=[f"{one.name}: {way}" for one, way in WAYS])
def test_each_answer_ends_the_question_with_both_books_in_agreement(one: Situation, way: str, tmp_path: Path) -> None:
    ended = play(one, way, tmp_path)
    row = next(row for row in table(one.code) if row[0] == one.when and (f"`{way}`" in row[1] or row[2] == f"*{way}*"))
    assert row[3] == ended, "make questions"


@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_each_question_is_asked_once_and_lists_its_decisions(one: Situation, tmp_path: Path) -> None:
    with asked(one, tmp_path) as (desk, name):
        waiting = desk.world.attention()
        assert {row["code"] for row in waiting} == {one.code}
        (row,) = [row for row in waiting if f"{row['side']}:{row['kind']}:{row['id']}" == name]
        assert [each["decision"] for each in row["decisions"]] == list(one.decisions)
        assert {each["decision"] for each in row["decisions"] if each["needs_target"]} == set(one.targets)
        assert all(each["does"].endswith(".") for each in row["decisions"])


def test_every_question_is_played_or_says_why_it_is_not() -> None:
    played, asked = {one.code for one in SITUATIONS}, asked_in_source().keys() | asked_as_errors().keys()
    assert played | NOT_PLAYED.keys() == asked
    assert played & NOT_PLAYED.keys() == set()


def test_what_is_not_played_stands_in_the_page_with_the_reason() -> None:
    text = PAGE.read_text()
    assert text.startswith(HEAD)
    rows = [line for line in text.partition("## Not played")[2].splitlines() if line.startswith("| `")]
    said = {row.split("`")[1]: row.rpartition(" | ")[2].removesuffix(" |") for row in rows}
    assert said == NOT_PLAYED, "make questions"


def test_every_code_that_is_played_has_its_chapter() -> None:
    chapters = {line.strip("#` ") for line in PAGE.read_text().splitlines() if line.startswith("## `")}
    assert chapters == {one.code for one in SITUATIONS}, "make questions"


def test_every_decision_that_the_source_offers_is_played() -> None:
    played = {(one.code, decision) for one in SITUATIONS for decision in one.decisions}
    offered = {(code, said) for code, places in asked_in_source().items() for one in places for said in one.decisions}
    assert offered - played - DECIDED_ELSEWHERE == set()


def table(code: str) -> list[list[str]]:
    """The rows of one code in the page."""
    section = PAGE.read_text().partition(f"\n## `{code}`\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


# --- what is refused, and under which name -------------------------------------------------------


def situation(code: str, when: str = "") -> Situation:
    return next(one for one in SITUATIONS if one.code == code and when in one.when)


def answer(desk: Desk, name: str, decision: str, target: str = "") -> tuple[int, Body]:
    path = f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}/decision"
    said = {"decision": decision, "by": "Kim", "note": "", "target": target}
    answered = desk.world.web.open(path, method="POST", json=said, headers={"Authorization": "Bearer api"})
    return answered.status_code, answered.get_json(silent=True) or {}


@pytest.mark.parametrize("decision", sorted(set(Decision) - AT_ANY_TIME - {Decision.LEAVE}))
def test_what_a_question_does_not_take_is_refused_with_what_it_takes(decision: str, tmp_path: Path) -> None:
    with asked(situation("open_balances_differ"), tmp_path) as (desk, name):
        status, said = answer(desk, name, decision)
        assert (status, said["code"], said["remedy"]) == (409, "not_taken", "It takes `leave`.")
        assert [row["code"] for row in desk.world.attention()] == ["open_balances_differ"]


def test_one_of_several_is_taken_with_its_target_alone(tmp_path: Path) -> None:
    with asked(situation("one_or_two_payments", "several"), tmp_path) as (desk, name):
        status, said = answer(desk, name, "one")
        assert (status, said["code"]) == (409, "not_taken")


@pytest.mark.parametrize("decision", ["one", "adopt", "link"])
@pytest.mark.parametrize("when", ["on the same invoice", "after ours was copied"])
def test_older_names_of_one_mean_the_same(decision: str, when: str, tmp_path: Path) -> None:
    with asked(situation("one_or_two_payments", when), tmp_path) as (desk, name):
        theirs = desk.payments()[0]["Id"] if "same" in when else max(row["Id"] for row in desk.payments())
        decide(desk, name, decision, theirs if decision == "link" else "")
        assert (len(desk.payments()), len(desk.world.ravetree.every("payments"))) == (1, 1)
        assert desk.world.attention() == []


@pytest.mark.parametrize("decision", ["one", "two"])
def test_the_payment_that_is_asked_about_reaches_the_question(decision: str, tmp_path: Path) -> None:
    with asked(situation("one_or_two_payments", "on the same invoice"), tmp_path) as (desk, _name):
        decide(desk, f"quickbooks:payment:{desk.payments()[0]['Id']}", decision)
        assert desk.world.attention() == []
        assert len(desk.payments()) == (1 if decision == "one" else 2)


@pytest.mark.parametrize("decision", ["payment", "restore"])
def test_the_payment_that_stands_for_a_mark_reaches_its_invoices_question(decision: str, tmp_path: Path) -> None:
    with asked(situation("placeholder_changed", "reference"), tmp_path) as (desk, _name):
        decide(desk, f"quickbooks:payment:{desk.payments()[0]['Id']}", decision)
        assert desk.world.attention() == []
        assert len(desk.world.ravetree.every("payments")) == (1 if decision == "payment" else 0)


@pytest.mark.parametrize("decision", ["push", "leave"])
def test_an_estimate_is_answered_under_the_name_that_it_had_in_quickbooks(decision: str, tmp_path: Path) -> None:
    with asked(situation("deleted_in_quickbooks", "estimate"), tmp_path) as (desk, name):
        theirs = desk.world.ravetree.sync_state("estimate", name.rpartition(":")[2])["remote_id"]
        decide(desk, f"quickbooks:estimate:{theirs}", decision)
        assert desk.world.attention() == []


def test_a_client_is_answered_under_its_own_name(tmp_path: Path) -> None:
    with asked(situation("contact_ambiguous"), tmp_path) as (desk, _name):
        client, customer = desk.made["invoice"]["client_id"], str(desk.made["customer"]["Id"])
        decide(desk, f"quickbooks:contact:{customer}", "link", client)
        assert desk.world.attention() == []
        assert desk.there(desk.made["invoice"])["CustomerRef"]["value"] == customer


def test_an_answer_is_asked_for_again_when_its_amount_changes(tmp_path: Path) -> None:
    with asked(situation("open_balances_differ"), tmp_path) as (desk, name):
        decide(desk, name, "leave")
        shown = desk.world.api(
            "GET", f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}"
        ).get_json()
        (said,) = shown["answers"]
        assert (said["decision"], said["by"], said["note"]) == ("leave", "Kim", "as agreed")
        assert said["amounts"] == ["100.00", "150.00"]
        assert [row["cause"] for row in desk.world.parity()["rows"]] == ["decided"]
        desk.price(desk.made["invoice"], 160)
        assert [row["code"] for row in desk.world.attention()] == ["open_balances_differ"]


def test_a_record_that_asks_nothing_takes_no_answer(world: World, paired: Body) -> None:
    status, said = answer(Desk(world), f"ravetree:invoice:{paired['id']}", "leave")
    assert (status, said["code"]) == (404, "no_such_record")
