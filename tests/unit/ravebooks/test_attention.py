"""The operator's commands."""

from datetime import UTC, datetime

from click.testing import CliRunner

from ravebooks.bootstrap import Parts
from ravebooks.command_line import ravebooks
from reconcile.decisions import Decision
from reconcile.model import Attention, Kind, Record, Side
from schemas.envelopes import Delivery, Envelope
from storage import connections, dead_letters, decisions, inbox, pending
from storage.connections import UnknownConnection
from storage.migrations import NotMigrated
from tests.unit.ravebooks.conftest import CONNECTION
from webhooks.signatures import ravetree_secret

NOW = datetime(2026, 11, 20, 14, 13, tzinfo=UTC)
PAYMENT = Record(Side.QUICKBOOKS, Kind.PAYMENT, "6")
NAMED = [CONNECTION, "quickbooks", "payment", "6"]


def hold(parts: Parts) -> None:
    with parts.database.transaction() as session:
        pending.note(session, CONNECTION, PAYMENT, NOW)
        attention = Attention("held", "one_or_two_payments", "One payment or two?", "Say so.", (Decision.TWO,))
        pending.need_attention(session, CONNECTION, PAYMENT, 1, attention, NOW)


def state_of(parts: Parts) -> tuple[str, bool]:
    with parts.database.transaction() as session:
        (row,) = pending.rows(session, CONNECTION, [PAYMENT])
        return row.state, row.must_read


def test_without_a_database_it_says_how_to_make_one_and_makes_none(runner: CliRunner) -> None:
    result = runner.invoke(ravebooks, ["attention"])
    assert isinstance(result.exception, NotMigrated)
    assert "ravebooks up" in result.exception.remedy


def test_connections_are_listed_with_what_is_on_and_why_one_is_paused(runner: CliRunner, parts: Parts) -> None:
    with parts.database.transaction() as session:
        connections.pause(session, CONNECTION, "The consent was taken back.", "Connect again.")
    result = runner.invoke(ravebooks, ["connections"])
    assert result.exit_code == 0
    assert "c1  account org_42  company 4620816365  paused  on: invoices" in result.output
    assert "The consent was taken back.\n    → Connect again." in result.output


def test_attention_shows_cause_and_remedy_events_kept_aside_and_dead_letters(runner: CliRunner, parts: Parts) -> None:
    hold(parts)
    stranger = Envelope(id="e1", type="invoice.created", subject="1", time=NOW, data={})
    with parts.database.transaction() as session:
        inbox.record(session, [Delivery("d1", Side.QUICKBOOKS, "999", NOW, (stranger,))], NOW)
        dead_letters.keep(
            session, message_id="m", queue="ravebooks.inbound", routing_key="r", reason="rejected", body=b"?", now=NOW
        )
    result = runner.invoke(ravebooks, ["attention"])
    assert "c1 quickbooks payment 6  held (one_or_two_payments)" in result.output
    assert "One payment or two?\n    → Say so.\n    two: Copies each to the other side" in result.output
    assert "1 events kept aside: 1 unknown" in result.output
    assert "1 dead letters" in result.output
    assert "ravebooks.inbound  rejected" in result.output


def test_retry_makes_the_record_due_with_a_fresh_read(runner: CliRunner, parts: Parts) -> None:
    hold(parts)
    assert state_of(parts)[0] == "held"
    assert runner.invoke(ravebooks, ["retry", *NAMED]).exit_code == 0
    assert state_of(parts) == ("due", True)


def test_a_decision_is_kept_with_its_author_and_makes_the_record_due(runner: CliRunner, parts: Parts) -> None:
    hold(parts)
    result = runner.invoke(ravebooks, ["decide", *NAMED, "two", "--by", "J. Doe", "--note", "two transfers"])
    assert result.exit_code == 0
    assert state_of(parts)[0] == "due"
    with parts.database.transaction() as session:
        assert decisions.get(session, CONNECTION, [PAYMENT]) == "two"


def test_a_decision_that_the_question_does_not_take_is_refused_and_nothing_is_kept(
    runner: CliRunner, parts: Parts
) -> None:
    hold(parts)
    result = runner.invoke(ravebooks, ["decide", *NAMED, "accept", "--by", "J. Doe"])
    assert isinstance(result.exception, decisions.NotTaken)
    assert result.exception.remedy == "It takes `two`."
    assert state_of(parts)[0] == "held"


def test_a_decision_needs_an_author(runner: CliRunner, parts: Parts) -> None:
    hold(parts)
    assert runner.invoke(ravebooks, ["decide", *NAMED, "two"]).exit_code == 2
    assert state_of(parts)[0] == "held"


def test_a_record_for_which_nothing_waits_is_refused_and_nothing_is_kept(runner: CliRunner, parts: Parts) -> None:
    result = runner.invoke(ravebooks, ["decide", *NAMED, "two", "--by", "J. Doe"])
    assert "nothing waits for quickbooks:payment:6" in str(result.exception)
    with parts.database.transaction() as session:
        assert decisions.get(session, CONNECTION, [PAYMENT]) == ""
    unknown = runner.invoke(ravebooks, ["retry", "c2", *NAMED[1:]])
    assert isinstance(unknown.exception, UnknownConnection)


def test_the_webhook_secret_is_the_one_that_signatures_are_checked_with(runner: CliRunner, parts: Parts) -> None:
    ring = parts.settings.ravetree_webhook_keys
    assert ring is not None
    result = runner.invoke(ravebooks, ["webhook-secret", "org_42"])
    assert result.output.strip() == ravetree_secret("org_42", ring.current, ring.keys[ring.current])
