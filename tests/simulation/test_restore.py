"""A database that was restored from a backup: what was written after the backup is found, and nothing is doubled."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcile.model import Side
from storage import connections, pairs
from storage.installation import ASLEEP_AFTER
from sync import catching_up
from sync.duties import CHANGES, EVENTS
from tests.simulation.dying import Killed
from tests.simulation.posting import BothSides, pay, reads, work_for
from tests.simulation.spoiling import rewriting, spoiled
from tests.simulation.world import World


def copy(source: Path, target: Path) -> None:
    """A backup as SQLite makes it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@pytest.fixture
def backup(world: World) -> Callable[[], Callable[[], None]]:
    """Makes a backup now; what it returns restores it."""
    file = world.directory / "ravebooks.db"

    def make() -> Callable[[], None]:
        world.settle()
        # A sign of life, as any running installation gives.
        assert world.parts.installation_id
        world.parts.consuming.sweeper.sweep()
        copy(file, world.directory / "backup.db")

        def restore() -> None:
            world.parts.database.close()
            copy(world.directory / "backup.db", file)

        return restore

    return make


def forget_keys(world: World) -> None:
    """Three hours later QuickBooks remembers no `requestid` of ours."""
    world.quickbooks.steer("switches", {"requestid_hours": 1})
    world.clock.advance(3 * 3600)


def say_restored(world: World) -> None:
    with world.parts.database.transaction() as session:
        connections.verify(session, world.clock.now())


def nothing(_: World) -> None:
    """Nobody says anything: it has to be noticed."""


def payments(world: World) -> list[Any]:
    return [(row["TotalAmt"], row["UnappliedAmt"]) for row in world.quickbooks.query("select * from Payment")]


@pytest.mark.parametrize("said", [say_restored, nothing])
def test_a_payment_copied_to_quickbooks_after_the_backup_is_not_copied_again(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]], said: Callable[[World], None]
) -> None:
    ours, _ = both_sides
    restore = backup()
    world.receive({ours["id"]: "40.00"})
    world.settle()
    forget_keys(world)
    restore()
    said(world)
    work_for(world, 30)
    world.settle()
    assert payments(world) == [(40, 0)]
    assert world.ravetree.get("invoices", ours["id"])["balance"] == "60.00"
    assert (world.connection()["state"], world.attention()) == ("active", [])


@pytest.mark.parametrize("said", [say_restored, nothing])
def test_a_payment_copied_to_ravetree_after_the_backup_is_not_copied_again(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]], said: Callable[[World], None]
) -> None:
    ours, theirs = both_sides
    restore = backup()
    pay(world, theirs, 40)
    world.settle()
    forget_keys(world)
    restore()
    said(world)
    work_for(world, 30)
    world.settle()
    assert len(world.ravetree.every("payments", invoice_id=ours["id"])) == 1
    assert (payments(world), world.attention()) == ([(40, 0)], [])


@pytest.mark.parametrize("checked", [True, False])
def test_an_invoice_with_its_payments_and_its_mark_as_paid_is_taken_over_as_it_stands(
    world: World, backup: Callable[[], Callable[[], None]], checked: bool
) -> None:
    """Also where the company lets two invoices have one number, so that QuickBooks would not object."""
    world.quickbooks.steer("switches", {"duplicate_number_check": checked})
    restore = backup()
    client = world.client("Known only to the books")
    first, second = world.invoice(client, "100.00"), world.invoice(client, "70.00")
    world.settle()
    world.receive({first["id"]: "30.00"})
    world.ravetree.change("invoices", second["id"], {"status": "paid"})
    world.settle()
    before = (payments(world), len(world.quickbooks.query("select * from Invoice")))
    forget_keys(world)
    restore()
    say_restored(world)
    assert world.connection()["state"] == "verifying"
    work_for(world, 60)
    world.settle()
    assert (payments(world), len(world.quickbooks.query("select * from Invoice"))) == before
    assert len(world.quickbooks.query("select * from Customer where DisplayName = 'Known only to the books'")) == 1
    assert (world.connection()["state"], world.attention()) == ("active", [])
    world.ravetree.change("invoices", first["id"], {"memo": "Still followed"})
    world.settle()
    assert (world.quickbooks.invoice(first["number"]) or {})["CustomerMemo"]["value"] == "Still followed"


def test_a_marker_that_nobody_knows_stops_every_write_before_the_next_one(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]]
) -> None:
    """Nobody said that it was restored, and no time has passed: the first look at the books says it."""
    ours, _ = both_sides
    restore = backup()
    world.receive({ours["id"]: "40.00"})
    world.settle()
    restore()
    world.plan(CHANGES)
    world.plan(EVENTS, world.clock.now() + timedelta(hours=1))
    world.parts.consuming.sweeper.sweep()
    world.reconciler.work(world.connection_id)
    assert world.connection()["state"] == "verifying"
    world.settle()
    assert (payments(world), world.connection()["state"]) == ([(40, 0)], "active")


def test_logs_that_fail_hold_up_no_verification(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]]
) -> None:
    """What change data capture and the log of events would tell, queries and lists tell too."""
    ours, _ = both_sides
    restore = backup()
    world.receive({ours["id"]: "40.00"})
    world.settle()
    forget_keys(world)
    restore()
    say_restored(world)
    world.quickbooks.steer("faults", {"endpoint": "cdc", "kind": "500", "count": 1000})
    world.ravetree.steer("faults", {"endpoint": "*events*", "kind": "500", "count": None})
    work_for(world, 60)
    assert (payments(world), world.connection()["state"], world.attention()) == ([(40, 0)], "active", [])


def garbled(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"CDCResponse": [7]}


def test_an_answer_that_nobody_understands_holds_up_no_verification(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]]
) -> None:
    ours, _ = both_sides
    restore = backup()
    world.receive({ours["id"]: "40.00"})
    world.settle()
    forget_keys(world)
    restore()
    say_restored(world)
    with spoiled(world, rewriting("/cdc", garbled)):
        work_for(world, 60)
        assert (payments(world), world.connection()["state"], world.attention()) == ([(40, 0)], "active", [])


def test_a_verification_that_dies_under_way_begins_anew(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = both_sides
    restore = backup()
    world.receive({ours["id"]: "40.00"})
    world.settle()
    forget_keys(world)
    restore()
    say_restored(world)

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(catching_up, "look_at_changes", dies)
        with pytest.raises(Killed):
            world.work()
    assert world.connection()["state"] == "verifying"
    work_for(world, 30)
    world.settle()
    assert (payments(world), world.connection()["state"], world.attention()) == ([(40, 0)], "active", [])


def test_a_mark_as_paid_that_a_bookkeeper_spread_over_two_invoices_is_not_taken_for_one(
    world: World, both_sides: BothSides, backup: Callable[[], Callable[[], None]]
) -> None:
    """By its note it belongs to the first invoice; by what it pays it is a person's."""
    ours, theirs = both_sides
    second = world.invoice(ours["client_id"], "70.00")
    restore = backup()
    world.ravetree.change("invoices", ours["id"], {"status": "paid"})
    world.settle()
    (made,) = world.quickbooks.query("select * from Payment")
    others = world.quickbooks.invoice(second["number"]) or {}
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
        for invoice, amount in ((theirs, 30), (others, 70))
    ]
    world.quickbooks.write("payment", made | {"Line": lines})
    forget_keys(world)
    restore()
    say_restored(world)
    work_for(world, 60)
    with world.parts.database.transaction() as session:
        assert pairs.find(session, world.connection_id, pairs.PLACEHOLDER, Side.RAVETREE, ours["id"]) is None
    assert payments(world) == [(100, 0)]
    assert [row["code"] for row in world.attention()] == ["open_balances_differ"]


@pytest.mark.parametrize("first", ["sweeper", "slice"])
def test_what_slept_for_long_reads_both_books_before_it_writes(world: World, both_sides: BothSides, first: str) -> None:
    """Whoever comes first notices it: a worker does not wait for a sweeper that is away."""
    ours, theirs = both_sides
    world.parts.consuming.sweeper.sweep()
    before = reads(world, "verify")
    world.clock.advance(ASLEEP_AFTER.total_seconds() + 1)
    if first == "sweeper":
        world.parts.consuming.sweeper.sweep()
        assert world.connection()["state"] == "verifying"
    pay(world, theirs, 40)
    for letter in world.collect():
        world.deliver(letter)
    for _ in range(5):
        world.reconciler.work(world.connection_id)
        world.clock.advance(3)
    assert (reads(world, "verify") - before, world.connection()["state"]) == (1, "active")
    assert world.ravetree.get("invoices", ours["id"])["balance"] == "60.00"
