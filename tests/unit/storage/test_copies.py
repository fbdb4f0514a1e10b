"""Copies never go back; pairs, the outbox, dead letters and decisions are kept once."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from reconcile.model import Kind, Record, Side
from storage import copies, dead_letters, decisions, outbox, pairs
from storage.database import Database
from storage.models import Copy, PaymentLink
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, INVOICE, PAYMENT, RAVETREE_INVOICE, add_connection

NAMES = itertools.count(1000)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def store(database: Database, version: int, record: Record = INVOICE, **body: Any) -> bool:
    with database.transaction() as session:
        return copies.store(session, CONNECTION, record, version, {"v": version, **body}, START)


def copy(database: Database, record: Record = INVOICE) -> Copy:
    with database.transaction() as session:
        found = copies.get(session, CONNECTION, record)
        assert found is not None
        return found


def test_a_copy_says_whether_it_was_new(database: Database) -> None:
    assert store(database, 1)
    assert not store(database, 1)
    assert store(database, 2)


def test_an_older_version_never_replaces_a_newer(database: Database) -> None:
    store(database, 5)
    assert not store(database, 4)
    assert copy(database).body == {"v": 5}


def test_a_deleted_record_stays_deleted_and_keeps_what_it_looked_like(database: Database) -> None:
    store(database, 5)
    with database.transaction() as session:
        copies.mark_deleted(session, CONNECTION, INVOICE, START)
    assert not store(database, 6)
    found = copy(database)
    assert (found.deleted, found.version, found.body) == (True, 5, {"v": 5})


def test_a_record_may_be_deleted_before_it_was_ever_seen(database: Database) -> None:
    with database.transaction() as session:
        copies.mark_deleted(session, CONNECTION, INVOICE, START)
    assert copy(database).body == {"Id": "145"}


def test_a_copy_that_a_write_of_ours_touched_is_stale_until_it_is_read_again(database: Database) -> None:
    store(database, 1)
    with database.transaction() as session:
        copies.mark_stale(session, CONNECTION, [INVOICE, PAYMENT])
    assert copy(database).stale
    store(database, 2)
    assert not copy(database).stale


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions=st.lists(st.integers(0, 20), min_size=1))
def test_in_any_order_the_newest_version_is_left(database: Database, versions: list[int]) -> None:
    record = Record(Side.QUICKBOOKS, Kind.INVOICE, str(next(NAMES)))
    for version in versions:
        store(database, version, record)
    assert copy(database, record).body == {"v": max(versions)}


def test_the_payments_on_an_invoice_are_found_by_its_whole_id(database: Database) -> None:
    for number, invoice in (("1", "145"), ("2", "1455")):
        record = Record(Side.QUICKBOOKS, Kind.PAYMENT, number)
        store(database, 1, record, Line=[{"LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}])
    gone = Record(Side.QUICKBOOKS, Kind.PAYMENT, "3")
    store(database, 1, gone, Line=[{"LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]}])
    with database.transaction() as session:
        copies.mark_deleted(session, CONNECTION, gone, START)
        assert [found.record_id for found in copies.unpaired_on(session, CONNECTION, "145")] == ["1"]


def test_of_the_payments_on_an_invoice_those_with_a_pair_are_left_out(database: Database, other: str) -> None:
    """An invoice may have a thousand, and whoever looks for a twin looks at those without a pair."""
    line = {"Line": [{"LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]}], "CustomerRef": {"value": "7"}}
    for number in ("1", "2", "3"):
        store(database, 1, Record(Side.QUICKBOOKS, Kind.PAYMENT, number), **line)
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.PAYMENT, "pay_1", "1", START)
        pairs.store(session, CONNECTION, pairs.PLACEHOLDER, "inv_1", "2", START)
        pairs.store(session, CONNECTION, Kind.INVOICE, "inv_1", "3", START)
        pairs.store(session, other, Kind.PAYMENT, "pay_3", "3", START)
        assert [row.record_id for row in copies.unpaired_on(session, CONNECTION, "145")] == ["2", "3"]
        assert [row.record_id for row in copies.unpaired_of_customers(session, CONNECTION, ["7"])] == ["2", "3"]
        assert copies.unpaired_of_customers(session, CONNECTION, ["8"]) == []
        assert copies.names_of_customers(session, CONNECTION, Kind.PAYMENT, ["7"]) == ["1", "2", "3"]


# --- pairs -----------------------------------------------------------------------------------------


def test_a_pair_is_found_from_either_side_and_gets_a_new_base(database: Database) -> None:
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.INVOICE, "inv_1", "145", START, base_ravetree={"v": 1})
        pairs.store(session, CONNECTION, Kind.INVOICE, "inv_1", "145", START, base_quickbooks={"v": 2})
        for side, name in ((Side.RAVETREE, "inv_1"), (Side.QUICKBOOKS, "145")):
            pair = pairs.find(session, CONNECTION, Kind.INVOICE, side, name)
            assert pair is not None
            assert (pair.base_ravetree, pair.base_quickbooks) == ({"v": 1}, {"v": 2})
        pairs.remove(session, CONNECTION, Kind.INVOICE, "inv_1")
        assert pairs.find(session, CONNECTION, Kind.INVOICE, Side.RAVETREE, "inv_1") is None


def test_one_quickbooks_invoice_belongs_to_one_ravetree_invoice(database: Database) -> None:
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.INVOICE, "inv_1", "145", START)
    with pytest.raises(IntegrityError), database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.INVOICE, "inv_2", "145", START)


@pytest.fixture
def other(database: Database) -> str:
    return add_connection(database, "con_2", "org_2", "2")


def test_pairs_and_copies_are_of_one_connection(database: Database, other: str) -> None:
    """Records of two companies have the same ids, and may mean other money."""
    line = {"LinkedTxn": [{"TxnId": INVOICE.id}]}
    store(database, 1, PAYMENT, Line=[line])
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.INVOICE, RAVETREE_INVOICE.id, INVOICE.id, START)
        assert pairs.find(session, other, Kind.INVOICE, Side.QUICKBOOKS, INVOICE.id) is None
        assert pairs.among(session, other, Kind.INVOICE, Side.RAVETREE, [RAVETREE_INVOICE.id]) == []
        pairs.store(session, other, Kind.INVOICE, RAVETREE_INVOICE.id, INVOICE.id, START)
        pairs.remove(session, other, Kind.INVOICE, RAVETREE_INVOICE.id)
        assert pairs.find(session, CONNECTION, Kind.INVOICE, Side.RAVETREE, RAVETREE_INVOICE.id) is not None
        assert [row.record_id for row in copies.unpaired_on(session, CONNECTION, INVOICE.id)] == [PAYMENT.id]
        assert copies.unpaired_on(session, other, INVOICE.id) == []


def test_what_pairs_are_called_and_which_say_a_thing_is_known_without_their_bodies(
    database: Database, other: str
) -> None:
    with database.transaction() as session:
        for number, note in enumerate(("[Ravebooks payment pay_0]", "by cheque", "")):
            base = {"PrivateNote": note}
            pairs.store(session, CONNECTION, Kind.PAYMENT, f"pay_{number}", f"{number}", START, base_quickbooks=base)
        pairs.store(session, other, Kind.PAYMENT, "pay_7", "7", START)
        asked = ["pay_0", "pay_1", "pay_7", "pay_8"]
        said = pairs.which_say(session, CONNECTION, Kind.PAYMENT, asked, "[Ravebooks ")
        assert said == {"pay_0": True, "pay_1": False}
        named = pairs.names_among(session, CONNECTION, Kind.PAYMENT, Side.QUICKBOOKS, ["2", "0", "7"])
        assert named == [("pay_0", "0"), ("pay_2", "2")]


def test_contacts_are_many_to_one_and_one_for_each_currency(database: Database) -> None:
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.CONTACT, "c1", "9", START, currency="USD")
        pairs.store(session, CONNECTION, Kind.CONTACT, "c2", "9", START, currency="USD")
        pairs.store(session, CONNECTION, Kind.CONTACT, "c1", "10", START, currency="EUR")
        found = pairs.find(session, CONNECTION, Kind.CONTACT, Side.RAVETREE, "c1", "EUR")
        assert found is not None
        assert found.quickbooks_id == "10"
        assert len(pairs.among(session, CONNECTION, Kind.CONTACT, Side.QUICKBOOKS, ["9", "10"])) == 3


# --- outbox, dead letters, decisions -----------------------------------------------------------------


def test_the_outbox_gives_the_oldest_first_and_forgets_what_was_confirmed(database: Database) -> None:
    with database.transaction() as session:
        outbox.add(session, [outbox.Kept(f"m{number}", "quickbooks.1", "{}") for number in range(3)], START)
    with database.transaction() as session:
        assert [m.message_id for m in outbox.oldest(session, 2)] == ["m0", "m1"]
        outbox.remove(session, [m.id for m in outbox.oldest(session, 2)])
        assert [m.message_id for m in outbox.oldest(session, 2)] == ["m2"]
        assert outbox.size(session) == 1


def test_a_dead_letter_is_kept_once_and_waits_again_when_it_dies_again(database: Database) -> None:
    def keep(reason: str, seconds: float) -> None:
        with database.transaction() as session:
            dead_letters.keep(
                session,
                message_id="m1",
                queue="ravebooks.inbound",
                routing_key="quickbooks.1",
                reason=reason,
                body=b"\xff",
                now=START + timedelta(seconds=seconds),
            )

    keep("rejected", 0)
    with database.transaction() as session:
        dead_letters.waiting(session)[0].redriven_at = START
    with database.transaction() as session:
        assert dead_letters.waiting(session) == []
    keep("delivery_limit", 1)
    with database.transaction() as session:
        (found,) = dead_letters.waiting(session)
        assert (found.reason, found.body) == ("delivery_limit", b"\xff")


def test_a_decision_is_what_was_said_last(database: Database) -> None:
    with database.transaction() as session:
        assert decisions.get(session, CONNECTION, [INVOICE, RAVETREE_INVOICE]) == ""
        for said in ("one", "two"):
            decisions.store(session, CONNECTION, RAVETREE_INVOICE, said, "usr_5", "", START)
        assert decisions.get(session, CONNECTION, [INVOICE, RAVETREE_INVOICE]) == "two"


def test_what_was_old_is_news_once_it_is_read_again(database: Database) -> None:
    """A payment changes the balance of its invoice without a new version."""
    store(database, 1)
    with database.transaction() as session:
        copies.mark_stale(session, CONNECTION, [INVOICE])
    with database.transaction() as session:
        assert copies.store(session, CONNECTION, INVOICE, 1, {"v": 1}, START, read=True)
        assert not copies.store(session, CONNECTION, INVOICE, 1, {"v": 1}, START, read=True)


def test_a_payment_is_found_by_what_it_is_applied_to_now(database: Database) -> None:
    def applied_to(*names: str) -> dict[str, Any]:
        return {"Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": name, "TxnType": "Invoice"}]} for name in names]}

    def found() -> dict[str, list[str]]:
        with database.transaction() as session:
            on = {name: copies.unpaired_on(session, CONNECTION, name) for name in ("7", "8", "9")}
        return {name: [row.record_id for row in rows] for name, rows in on.items()}

    store(database, 1, PAYMENT, **applied_to("7", "8"))
    assert found() == {"7": [PAYMENT.id], "8": [PAYMENT.id], "9": []}
    store(database, 2, PAYMENT, **applied_to("8", "9"))
    assert found() == {"7": [], "8": [PAYMENT.id], "9": [PAYMENT.id]}
    with database.transaction() as session:
        copies.mark_deleted(session, CONNECTION, PAYMENT, START)
    assert found() == {"7": [], "8": [], "9": []}


def test_a_payment_that_was_kept_without_what_it_is_applied_to_has_it_when_it_comes_again(database: Database) -> None:
    """As one of an earlier version keeps it that still runs while the tables are changed."""
    applied = {"Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": "7", "TxnType": "Invoice"}]}]}
    store(database, 1, PAYMENT, **applied)
    with database.transaction() as session:
        session.execute(sa.delete(PaymentLink))
    store(database, 1, PAYMENT, **applied)
    with database.transaction() as session:
        assert [row.record_id for row in copies.unpaired_on(session, CONNECTION, "7")] == [PAYMENT.id]
