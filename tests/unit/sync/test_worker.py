"""One slice of work for one connection: what it does when it fails, and how a record ends."""

from typing import Any

import pytest
import sqlalchemy as sa

from clients.errors import NotSent, Refused, Throttled
from clients.quickbooks.faults import AccessRevoked, NotFoundOrInactive
from clients.ravetree.account import AccountClosed, NotAllowed, RecordGone
from reconcile.model import Kind
from storage import connections, depths, jobs, leases
from storage.installation import OtherEnvironment
from storage.models import SyncState
from storage.vault import UnreadableSecret
from sync import switching
from sync.actions.mappings import MappingActions
from sync.lease import Claims
from sync.worker import Worker
from tests.unit.ports import SeededEntropy
from tests.unit.storing import CONNECTION
from tests.unit.sync.world import TIMINGS, World, ours


def worker(world: World, neighbours_of: Any = None, owner: str = "other") -> Worker:
    return Worker(
        world.database, world.clock, SeededEntropy(), neighbours_of or world.neighbours_of, TIMINGS, Claims(owner)
    )


def raising(error: Exception) -> Any:
    def neighbours_of(_connection: object, _before: object = None) -> Any:
        raise error

    return neighbours_of


def test_a_connection_that_is_gone_or_paused_is_left_alone(world: World) -> None:
    assert worker(world).work("con_404") is False
    world.invoice(world.client(), "5.00")
    world.hear()
    with world.database.transaction() as session:
        connections.pause(session, CONNECTION, "why", "so")
    assert world.work() is False
    assert world.ravetree.calls.every == []


def test_a_lease_that_somebody_has_is_not_taken(world: World) -> None:
    world.invoice(world.client(), "5.00")
    world.hear()
    with world.database.transaction() as session:
        leases.acquire(world.database, session, CONNECTION, leases.WORK, "another", 60.0)
    assert world.work() is False
    assert world.ravetree.calls.every == []
    world.clock.advance(61)
    world.settle()
    assert len(world.pairs("invoice")) == 1


def test_the_lease_is_given_back(world: World) -> None:
    world.paired()
    world.invoice(world.aster(), "5.00")
    world.hear()
    worker(world).work(CONNECTION)
    assert len(world.pairs("invoice")) == 2


def test_what_nobody_expected_puts_the_connection_off_longer_each_time(world: World) -> None:
    broken = worker(world, raising(ValueError("boom")))
    waits = []
    for _ in range(3):
        broken.work(CONNECTION)
        connection = world.connection()
        assert connection.retry_at is not None
        waits.append((connection.retry_at - world.clock.now()).total_seconds())
        assert broken.work(CONNECTION) is False
        world.clock.advance(waits[-1] + 1)
    assert waits == sorted(waits)
    assert "ValueError" in world.connection().stall_cause
    world.work()
    assert (world.connection().failures, world.connection().stall_cause) == (0, "")


def test_another_environments_connection_is_left_as_it_is(world: World) -> None:
    assert worker(world, raising(OtherEnvironment("it is the sandbox's"))).work(CONNECTION) is False
    assert (world.connection().state, world.connection().failures) == ("active", 0)


@pytest.mark.parametrize("error", [AccountClosed("Ravetree does not accept the token"), UnreadableSecret("no key")])
def test_who_is_not_let_in_pauses(world: World, error: Exception) -> None:
    worker(world, raising(error)).work(CONNECTION)
    connection = world.connection()
    assert (connection.state, bool(connection.pause_remedy)) == ("paused", True)


def test_while_ravetree_is_away_what_is_due_waits(world: World) -> None:
    invoice = world.invoice(world.client(), "5.00")
    world.hear()
    world.ravetree.calls.fail("get", NotSent("nobody is there"))
    world.work()
    assert {row.attempts for row in world.pending()} <= {0, 1}
    assert all(row.due_at > world.clock.now() for row in world.pending())
    world.after(90)
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_a_defect_is_tried_a_few_times_and_then_seen(world: World) -> None:
    world.defects_expected = True
    invoice = world.invoice(world.client(), "5.00")
    world.hear()
    world.ravetree.calls.fail("get", ValueError("boom"), times=30, about="invoice")
    for _ in range(8):
        world.work()
        world.clock.advance(200)
    row = world.attention(ours(Kind.INVOICE, invoice))
    assert (row.state, row.code) == ("parked", "defect")
    world.ravetree.calls.heal()
    world.retry(ours(Kind.INVOICE, invoice))
    world.settle()
    assert world.pairs("invoice").keys() == {invoice["id"]}


def test_what_is_changed_while_it_is_worked_on_is_worked_on_again(world: World) -> None:
    """A note is cleared only if its generation is the one that was noted."""
    invoice, _ = world.paired()
    edited: list[bool] = []

    def edit(call: Any) -> None:
        if call.name == "write" and not edited:
            edited.append(True)
            world.ravetree.change("invoices", invoice["id"], {"memo": "second"})
            world.hear()

    world.ravetree.change("invoices", invoice["id"], {"memo": "first"})
    world.hear()
    world.quickbooks.calls.meanwhile = edit
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["CustomerMemo"] == {"value": "second"}


def test_unreadable_records_are_parked_with_what_is_wrong(world: World) -> None:
    invoice = world.invoice(world.client(), "5.00")
    world.ravetree.row("invoices", invoice["id"])["total"] = "much"
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "unreadable_record"


def test_the_slice_ends_when_its_time_is_over(world: World) -> None:
    for _ in range(3):
        world.invoice(world.client(f"Client {_}"), "5.00")
    world.hear()
    world.ravetree.calls.meanwhile = lambda _call: world.clock.advance(TIMINGS.slice)
    assert world.work() in (True, False)
    world.ravetree.calls.meanwhile = lambda _call: None
    world.settle()
    assert len(world.pairs("invoice")) == 3


# --- what Ravetree is told -----------------------------------------------------------------------


def test_each_state_is_told_once(world: World) -> None:
    invoice, _ = world.paired()
    record = ours(Kind.INVOICE, invoice)
    state = world.state(record)
    assert (state["state"], state["remote_id"]) == ("synced", world.pairs("invoice")[invoice["id"]])
    assert state["remote_url"].endswith(f"/invoice?txnId={state['remote_id']}")
    world.look_at(record)
    world.after(60)
    assert world.ravetree.calls.names("tell").count(f"tell invoice {invoice['id']}") == 1


def test_what_could_not_be_told_is_told_later(world: World) -> None:
    world.ravetree.calls.fail("tell", Refused("not now"), about="invoice")
    invoice = world.invoice(world.client(), "5.00")
    world.hear()
    world.work()
    assert ("invoice", invoice["id"]) not in world.ravetree.states
    world.after(60)
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "synced"


def test_what_ravetree_does_not_know_is_not_told_for_ever(world: World) -> None:
    world.ravetree.calls.fail("tell", RecordGone("Ravetree has no such record"), about="invoice")
    invoice, _ = world.paired()
    world.after(120)
    assert world.ravetree.calls.names("tell").count(f"tell invoice {invoice['id']}") == 1


def untold(world: World) -> list[tuple[str, float]]:
    """What Ravetree is still to be told, and in how many seconds."""
    with world.database.reading() as session:
        rows = session.execute(sa.select(SyncState).where(SyncState.unsent.is_(True))).scalars()
        return [(row.ravetree_id, (row.due_at - world.clock.now()).total_seconds()) for row in rows]


def test_what_ravetree_lets_nobody_say_takes_no_slices_time(world: World) -> None:
    world.ravetree.calls.fail("tell", NotAllowed("Ravetree allows the token nothing with it"), times=100)
    client = world.client()
    invoices = [world.invoice(client, "5.00") for _ in range(3)]
    world.hear()
    world.work()
    assert world.pairs("invoice").keys() == {invoice["id"] for invoice in invoices}
    assert {wait for _, wait in untold(world)} == {3600.0}
    told = len(world.ravetree.calls.names("tell"))
    world.after(1800)
    assert len(world.ravetree.calls.names("tell")) == told
    with world.database.reading() as session:
        oldest = depths.untold(session).oldest
    assert oldest is not None
    assert (world.clock.now() - oldest).total_seconds() >= 1800, "since it was to be told, however often it was tried"


@pytest.mark.parametrize(
    ("error", "waits"), [(NotSent("nobody is there"), 30.0), (Throttled("too many", wait_seconds=77), 77.0)]
)
def test_while_ravetree_is_away_it_is_told_nothing_more(world: World, error: Exception, waits: float) -> None:
    world.ravetree.calls.fail("tell", error, times=100)
    for _ in range(3):
        world.invoice(world.client(), "5.00")
    world.hear()
    world.work()
    assert len(world.ravetree.calls.names("tell")) == 1
    assert len(untold(world)) > 1
    assert {wait for _, wait in untold(world)} == {waits}


def test_what_is_done_is_told_when_what_comes_next_is_not_let_in(world: World) -> None:
    """Whatever comes next: no record's own work, but a list that an import reads when nothing else is due."""
    earlier, _ = world.paired("100.00")
    told = len(world.ravetree.calls.names("tell"))
    invoice = world.invoice(earlier["client_id"], "5.00")
    world.hear()
    with world.database.transaction() as session:
        jobs.begin(session, CONNECTION, jobs.IMPORT_CONTACTS, {}, "eva", world.clock.now())
    world.quickbooks.calls.fail("query", AccessRevoked("the consent was taken back"), about="Customer")
    world.work()
    assert world.connection().state == "paused"
    assert world.ravetree.calls.names("tell")[told:] == [f"tell invoice {invoice['id']}"]


def test_what_is_done_is_told_before_the_connection_stands_still(world: World) -> None:
    client = world.client()
    invoices = {world.invoice(client, "5.00")["id"] for _ in range(2)}
    world.hear()

    writes: list[Any] = []

    def revoke_after_one(call: Any) -> None:
        if call.name == "write" and call.target.startswith("invoice"):
            writes.append(call)
            if len(writes) > 1:
                world.quickbooks.calls.fail("write", AccessRevoked("the consent was taken back"))

    world.quickbooks.calls.meanwhile = revoke_after_one
    world.work()
    assert world.connection().state == "paused"
    (done,) = world.pairs("invoice")
    (other,) = invoices - {done}
    told = world.ravetree.calls.names("tell")
    assert (f"tell invoice {done}" in told, f"tell invoice {other}" in told) == (True, False)


def paused_by_kim(world: World) -> None:
    with world.database.transaction() as session:
        connections.pause(session, CONNECTION, f"{connections.PAUSED_BY}Kim.", "Press resume.")


def unsaid(world: World, count: int) -> list[str]:
    """Invoices that came across while Ravetree took no word about them, and the time in which it is told again."""
    world.ravetree.calls.fail("tell", Refused("not now"), times=100)
    made = [world.invoice(world.aster(), "5.00")["id"] for _ in range(count)]
    world.hear()
    world.work()
    world.ravetree.calls.heal()
    world.clock.advance(31)
    return made


def test_what_is_done_when_a_person_pauses_under_way_is_told_and_nothing_more_is_done(world: World) -> None:
    client = world.client()
    invoices = {world.invoice(client, "5.00")["id"] for _ in range(2)}
    world.hear()

    def pause_after_one(call: Any) -> None:
        if call.name == "write" and call.target.startswith("invoice"):
            paused_by_kim(world)

    world.quickbooks.calls.meanwhile = pause_after_one
    world.work()
    (done,) = world.pairs("invoice")
    assert done in invoices
    assert world.ravetree.calls.names("tell")[-1] == f"tell invoice {done}"
    assert not [name for name, _ in untold(world) if name == done]


def test_what_was_done_before_a_person_paused_is_told_and_asks_for_nothing_else(world: World) -> None:
    made = unsaid(world, 3)
    paused_by_kim(world)
    world.invoice(world.aster(), "5.00")
    world.hear()
    asked = len(world.quickbooks.calls.every), len(world.ravetree.calls.every)
    assert world.work() is False
    told = [f"tell {call.target}" for call in world.ravetree.calls.every[asked[1] :]]
    assert set(told) >= {f"tell invoice {name}" for name in made}
    assert world.ravetree.calls.names()[asked[1] :] == told
    assert len(world.quickbooks.calls.every) == asked[0]
    assert world.work() is False
    assert len(world.ravetree.calls.every) == asked[1] + len(told), "each word once"


def test_what_is_left_to_tell_after_a_pause_takes_one_slices_time_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.sync_states.TOLD_AT_ONCE", 2)
    monkeypatch.setattr("sync.sync_states.TOLD_TOGETHER", 1)
    unsaid(world, 9)
    paused_by_kim(world)
    before, left = len(world.ravetree.calls.every), len(untold(world))
    world.ravetree.calls.meanwhile = lambda _call: world.clock.advance(TIMINGS.slice / 4)
    world.work()
    assert len(world.ravetree.calls.every) - before == 4
    assert len(untold(world)) == left - 4


@pytest.mark.parametrize("cause", ["QuickBooks: the consent was taken back.", "Ravetree does not accept the token."])
def test_where_a_neighbour_lets_nobody_in_nothing_is_told_after_the_pause(world: World, cause: str) -> None:
    unsaid(world, 1)
    with world.database.transaction() as session:
        connections.pause(session, CONNECTION, cause, "Connect again.")
    before = len(world.ravetree.calls.every)
    world.work()
    assert len(world.ravetree.calls.every) == before


def test_a_token_that_ravetree_refuses_after_a_pause_ends_the_telling_and_keeps_the_words(world: World) -> None:
    unsaid(world, 3)
    paused_by_kim(world)
    world.ravetree.calls.fail("tell", AccountClosed("Ravetree does not accept the token"), times=100)
    before, left = len(world.ravetree.calls.every), len(untold(world))
    assert world.work() is False
    assert len(world.ravetree.calls.every) == before + 1
    assert len(untold(world)) == left
    assert world.connection().pause_cause == "Paused by Kim."


def test_whoever_disconnects_meanwhile_ends_the_telling(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.sync_states.TOLD_TOGETHER", 1)
    unsaid(world, 3)
    paused_by_kim(world)

    def disconnect(_call: Any) -> None:
        with world.database.transaction() as session:
            connections.disconnect(session, CONNECTION, "Kim")

    before = len(world.ravetree.calls.every)
    world.ravetree.calls.meanwhile = disconnect
    world.work()
    assert len(world.ravetree.calls.every) == before + 1


def test_somebody_who_may_not_tell_is_not_let_in(world: World) -> None:
    world.ravetree.calls.fail("tell", AccountClosed("Ravetree does not accept the token"))
    world.invoice(world.client(), "5.00")
    world.hear()
    world.work()
    assert world.connection().state == "paused"


def test_what_is_mapped_while_a_record_is_refused_for_want_of_it_is_not_lost(world: World) -> None:
    """At the moment of mapping the record does not wait yet, and its worker knows the old mapping."""
    invoice = world.invoice(world.aster(), "5.00")
    world.hear()
    world.quickbooks.add("Item", "9", Name="Other hours", Type="Service")
    world.quickbooks.calls.fail("write", NotFoundOrInactive("it is inactive", code="610"), about="invoice")
    actions = MappingActions(world.database, world.clock, world.neighbours_of, lambda _: (), lambda _: None)
    mapped: list[bool] = []

    def another_item(call: Any) -> None:
        if call.name == "write" and not mapped:
            mapped.append(True)
            actions.map_keys(CONNECTION, {"line_type": {"time": "9"}})

    world.quickbooks.calls.meanwhile = another_item
    world.work()
    assert mapped
    there = world.quickbooks.numbered(invoice["number"])
    assert there["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == "9"
    assert world.pending() == []


def test_who_would_wait_for_a_switch_that_was_turned_on_meanwhile_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice knows the switches as they were when it began."""
    monkeypatch.setattr("sync.worker.TELL_EVERY", 0.0)
    pairs = [world.paired()[0] for _ in range(2)]
    world.set(invoices_since=None)
    for invoice in pairs:
        world.ravetree.change("invoices", invoice["id"], {"memo": "edited"})
    world.hear()
    turned: list[bool] = []

    def turn_on(call: Any) -> None:
        if call.name == "tell" and not turned:
            turned.append(True)
            with world.database.transaction() as session:
                connection = connections.lock(session, CONNECTION)
                connection.preflight = {"findings": [], "missing": []}
                connection.invoices_ticked_at = world.clock.now()
                switching.take_effect(session, connection, world.clock.now())

    world.ravetree.calls.meanwhile = turn_on
    world.work()
    assert turned
    found = [world.quickbooks.numbered(invoice["number"]).get("CustomerMemo") for invoice in pairs]
    assert found == [{"value": "edited"}] * 2
