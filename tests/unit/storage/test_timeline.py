"""The timeline of a record: everything in order, under both names, without secrets."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from reconcile.model import Kind, Record, Side
from storage import inbox, journal, pairs, steps, timeline
from storage.database import Database
from storage.models import Operation
from storage.paging import Asked, through
from tests.unit.ports import START
from tests.unit.storing import (
    ACCOUNT,
    CONNECTION,
    INVOICE,
    RAVETREE_INVOICE,
    add_connection,
    delivery,
    envelope,
    operation,
)


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def pair(database: Database) -> None:
    add_connection(database)
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.INVOICE, RAVETREE_INVOICE.id, INVOICE.id, START)


def of(database: Database, record: Record = RAVETREE_INVOICE) -> list[dict[str, Any]]:
    with database.transaction() as session:
        return timeline.of(session, CONNECTION, record)


def write(database: Database, seconds: float, body: str, answer: dict[str, Any] | None = None, **changes: Any) -> None:
    with database.transaction() as session:
        opened = operation(session, journal.open_operation, body=body, now=at(seconds), **changes)
        if answer is not None:
            journal.settle(
                session, opened.id, journal.DONE, at(seconds + 1), status=200, answer=answer, intuit_tid="t-1"
            )


def test_events_of_both_sides_are_found_by_either_name(database: Database) -> None:
    ours = envelope("e2", "invoice.updated", RAVETREE_INVOICE.id, time=at(5), data={"version": 3, "operation_id": None})
    with database.transaction() as session:
        inbox.record(session, [delivery(envelope(time=at(9)))], START)
        inbox.record(session, [delivery(ours, source=Side.RAVETREE, account=ACCOUNT)], START)
        inbox.record(session, [delivery(envelope("e3", subject="999"))], START)
    found = of(database)
    assert [(entry["side"], entry["text"]) for entry in found] == [
        ("ravetree", "invoice.updated, version 3"),
        ("quickbooks", "invoice.updated"),
    ]
    assert of(database, INVOICE) == found


def test_a_write_shows_what_it_changed_against_the_answer_before_it(database: Database) -> None:
    write(database, 1, '{"DocNumber":"1043"}', {"Id": "145", "SyncToken": "0", "DocNumber": "1043"})
    body = '{"DocNumber":"1044","Id":"145","SyncToken":"0"}'
    write(database, 5, body, {"Id": "145", "DocNumber": "1044"}, action="invoice.update")
    made, made_answer, updated, answer = of(database)
    assert made["changes"] == [{"field": "DocNumber", "before": None, "after": "1043"}]
    assert updated["changes"] == [{"field": "DocNumber", "before": "1043", "after": "1044"}]
    assert (made_answer["text"], answer["status"], answer["intuit_tid"]) == ("invoice.create: done", 200, "t-1")


def test_a_placeholder_is_not_held_against_its_invoice(database: Database) -> None:
    write(database, 1, '{"DocNumber":"1043"}', {"Id": "145", "DocNumber": "1043", "TotalAmt": 100})
    write(database, 3, '{"TotalAmt":60}', action="placeholder.create", path="payment")
    assert of(database)[2]["changes"] == [{"field": "TotalAmt", "before": None, "after": "60"}]


def test_a_refusal_and_an_uncertain_write_say_why(database: Database) -> None:
    with database.transaction() as session:
        refused = operation(session, journal.open_operation, now=at(1))
        journal.settle(session, refused.id, journal.REFUSED, at(2), error="6210 the books are closed")
        unknown = operation(session, journal.open_operation, now=at(3), body='{"DocNumber":"2"}')
        journal.postpone(session, unknown.id, at(153), "no answer")
    answers = [entry for entry in of(database) if entry["what"] == "answer"]
    assert answers[0]["error"] == "6210 the books are closed"
    assert answers[0]["text"] == "invoice.create: refused"
    assert answers[1]["text"].startswith("invoice.create: uncertain, sent again at ")


def test_who_pressed_what_stands_between_the_outcomes(database: Database) -> None:
    with database.transaction() as session:
        steps.add_outcome(session, CONNECTION, RAVETREE_INVOICE, "held", "It was edited.", at(1))
        data = {"note": "asked", "target": ""}
        steps.add(session, CONNECTION, RAVETREE_INVOICE, "decision", at(2), by="Kim", text="overwrite", data=data)
        steps.add(session, CONNECTION, RAVETREE_INVOICE, "sync_requested", at(3), by="Lee")
        steps.add_outcome(session, CONNECTION, RAVETREE_INVOICE, "agreed", "", at(4))
    assert [(entry["what"], entry["text"], entry["by"]) for entry in of(database)] == [
        ("outcome", "held: It was edited.", ""),
        ("pressed", "decision: overwrite", "Kim"),
        ("pressed", "sync requested", "Lee"),
        ("outcome", "agreed", ""),
    ]


def test_what_looks_like_a_credential_is_taken_out_everywhere(database: Database) -> None:
    secret = "eyJhbGciOiJub25lIn0.c2VjcmV0"
    write(database, 1, f'{{"PrivateNote":"Bearer {secret}"}}', {"Id": "145"})
    with database.transaction() as session:
        refused = operation(session, journal.open_operation, now=at(3), body='{"a":"1"}')
        journal.settle(session, refused.id, journal.REFUSED, at(4), error=f"token expired: {secret}")
        data = {"note": f"access_token={secret}"}
        steps.add(session, CONNECTION, RAVETREE_INVOICE, "retry", at(5), by="Kim", text=secret, data=data)
    found = of(database)
    assert len(found) == 5
    assert "c2VjcmV0" not in str(found)


@pytest.mark.parametrize("newest_first", [False, True])
def test_every_page_goes_on_where_the_one_before_it_ended(database: Database, newest_first: bool) -> None:
    """Also among things of the same moment."""
    ours = envelope("e1", "invoice.updated", RAVETREE_INVOICE.id, time=at(2), data={"version": 3})
    with database.transaction() as session:
        inbox.record(session, [delivery(ours, source=Side.RAVETREE, account=ACCOUNT)], at(2))
        for number in range(7):
            inbox.record(session, [delivery(envelope(f"t{number}", time=at(number // 3)))], START)
            steps.add(session, CONNECTION, RAVETREE_INVOICE, "retry", at(number // 3), by=f"Kim {number}")
            steps.add(session, CONNECTION, INVOICE, f"held {number}", at(number // 3))
    for number in range(5):
        write(database, number // 2, f'{{"DocNumber":"{number}"}}', {"Id": "145", "DocNumber": str(number)})
    whole = of(database)
    assert len(whole) == 1 + 3 * 7 + 2 * 5
    assert [entry["place"] for entry in whole] == sorted({entry["place"] for entry in whole})
    for limit in (1, 2, 5, 31, 32):
        with database.reading() as session:
            turned = partial(timeline.page, session, CONNECTION, RAVETREE_INVOICE, newest_first=newest_first)
            found = list(through(turned, limit))
        assert found == (whole[::-1] if newest_first else whole)


def test_an_update_is_held_against_the_write_before_its_page(database: Database) -> None:
    for number in range(3):
        said = {"DocNumber": str(number)} | ({"Id": "145"} if number else {})
        action = "invoice.update" if number else "invoice.create"
        write(database, 10 * number, json.dumps(said), {"Id": "145", "DocNumber": str(number)}, action=action)
    with database.reading() as session:
        found = timeline.page(session, CONNECTION, RAVETREE_INVOICE, Asked(2), newest_first=True)
    assert found.rows[1]["changes"] == [{"field": "DocNumber", "before": "1", "after": "2"}]


def test_what_followed_a_moment_begins_with_it(database: Database) -> None:
    with database.transaction() as session:
        for number in range(4):
            steps.add(session, CONNECTION, RAVETREE_INVOICE, "retry", at(number), by=str(number))
    with database.reading() as session:
        found = timeline.page(session, CONNECTION, RAVETREE_INVOICE, Asked(2, timeline.since(at(1))))
    assert ([entry["by"] for entry in found.rows], found.next) == (["1", "2"], found.rows[-1]["place"])


def test_nothing_of_another_connection_shows(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        steps.add(session, "con_2", RAVETREE_INVOICE, "retry", START, by="Kim")
        operation(session, journal.open_operation)
        session.execute(sa.update(Operation).values(connection_id="con_2"))
        inbox.record(session, [delivery(envelope(), account="2")], START)
    assert of(database) == []
