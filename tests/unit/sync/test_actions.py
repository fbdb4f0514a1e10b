"""What people do, on a real database, with neighbours that are lists."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from clients.errors import NotSent
from ravebooks.parts.noting import ACTS
from reconcile.model import Attention, Kind, Record, Side
from reconcile.preflight import Finding, Severity
from schemas import envelopes
from schemas.envelopes import Delivery
from storage import brakes, connections, dead_letters, decisions, duties, jobs, parity, pending, reads, steps
from storage.connections import NotActive, UnknownConnection
from storage.database import Database
from storage.decisions import Said
from storage.journal import open_operation
from storage.models import Connection, DeadLetter
from storage.paging import Asked
from sync import actions as module
from sync import switching
from sync.actions import Actions
from sync.actions.connections import OfferedBackfill
from sync.actions.installation import UnknownDeadLetter
from sync.actions.mappings import (
    DEPOSIT_ACCOUNT,
    LINE_TYPE,
    PAYMENT_METHOD,
    TAX_RATE,
    ListEntry,
    MappingActions,
    SwitchRefused,
)
from sync.actions.records import NoSuchRecord
from sync.jobs import made_within
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, add_connection, delivery, envelope, operation

INVOICE = Record(Side.RAVETREE, Kind.INVOICE, "inv_1")
ALL = Asked(100)


@dataclass
class Lists:
    """Both neighbours: QuickBooks' entries by entity, Ravetree's rows by resource."""

    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def quickbooks(self) -> "Lists":
        return self

    @property
    def ravetree(self) -> "Lists":
        return self

    def query(self, entity: str, _where: str, limit: int) -> list[dict[str, Any]]:
        return self.entries.get(entity, [])[:limit]

    def by_ids(self, entity: str, ids: set[str]) -> list[dict[str, Any]]:
        return [entry for entry in self.entries.get(entity, []) if entry["Id"] in ids]

    def listing(self, resource: str) -> list[dict[str, Any]]:
        return self.rows.get(resource, [])


@dataclass
class Asks:
    """Previews and comparisons that know the records of a list, and remember what they were asked."""

    known: list[Record] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    def is_there(self, _connection_id: str, record: Record) -> bool:
        self.asked.append(record)
        return record in self.known

    def record(self, _connection_id: str, record: Record, *more: str) -> dict[str, Any] | None:
        return {"record": str(record), "asked": more} if record in self.known else None

    def job(self, _connection_id: str, kind: str, params: Any) -> dict[str, Any]:
        return {"counts": {kind: len(params)}, "records": []}


@dataclass
class World:
    database: Database
    clock: FakeClock
    actions: Actions
    lists: Lists
    asks: Asks
    findings: list[Finding]
    nudged: list[str]
    published: list[Delivery]

    def connection(self) -> Connection:
        with self.database.transaction() as session:
            return connections.get(session, CONNECTION)

    def change(self, **values: Any) -> None:
        with self.database.transaction() as session:
            for name, value in values.items():
                setattr(connections.get(session, CONNECTION), name, value)

    def note(self, record: Record = INVOICE, attention: Attention | None = None) -> None:
        with self.database.transaction() as session:
            pending.note(session, CONNECTION, record, self.clock.now())
            if attention is not None:
                pending.need_attention(session, CONNECTION, record, 1, attention, self.clock.now())


@pytest.fixture
def world(database: Database, clock: FakeClock) -> World:
    add_connection(database)
    lists, asks, findings = Lists(), Asks([INVOICE]), list[Finding]()
    nudged, published = list[str](), list[Delivery]()

    def publish(deliveries: Sequence[Delivery]) -> None:
        published.extend(deliveries)

    def inspect(connection_id: str) -> Sequence[Finding]:
        """The look at the settings: types that are not mapped, and what a test puts there."""
        with database.transaction() as session:
            mapped = connections.mappings(session, connection_id, LINE_TYPE)
            rows = [row for row in lists.rows["line_item_types"] if row["key"] not in mapped]
            held = [Finding("line_types_not_mapped", Severity.BLOCKS, "Not mapped.", "Map them.")] if rows else []
            connection = connections.get(session, connection_id)
            connection.preflight = {
                "at": clock.now().isoformat(),
                "findings": [asdict(finding) for finding in (*held, *findings)],
                "missing": [{"kind": LINE_TYPE} | row for row in rows],
            }
            switching.take_effect(session, connection, clock.now())
        return [*held, *findings]

    actions = module.build(
        database,
        clock,
        neighbours_of=lambda _connection, _before_a_call=None: cast("Any", lists),
        inspect=inspect,
        previews=cast("Any", asks),
        parity=cast("Any", asks),
        publish=publish,
        nudge=nudged.append,
    )
    lists.rows = {
        "line_item_types": [{"key": "time", "label": "Time"}, {"key": "expense", "label": "Expense"}],
        "payment_methods": [{"key": "check", "label": "Check"}],
        "tax_rates": [],
    }
    lists.entries = {
        "Item": [
            {"Id": "2", "Name": "hours", "Type": "Service"},
            {"Id": "3", "Name": "Design", "FullyQualifiedName": "Work:Design", "Type": "Service"},
            {"Id": "4", "Name": "Pump", "Type": "Inventory"},
            {"Id": "5", "Name": "Old", "Type": "Service", "Active": False},
        ],
        "Account": [
            {"Id": "35", "Name": "Checking", "AccountType": "Bank"},
            {"Id": "36", "Name": "Sales", "AccountType": "Income"},
        ],
    }
    return World(database, clock, actions, lists, asks, findings, nudged, published)


# --- whoever works is told -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        lambda a: a.connections.pause(CONNECTION, "Kim", "audit"),
        lambda a: a.connections.resume(CONNECTION),
        lambda a: a.connections.release_brake(CONNECTION),
        lambda a: a.connections.inspect_now(CONNECTION),
        lambda a: a.mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2"}}),
        lambda a: a.records.retry(CONNECTION, INVOICE),
        lambda a: a.records.decide(CONNECTION, INVOICE, Said("push")),
        lambda a: a.records.ask_for(CONNECTION, INVOICE, "Kim"),
        lambda a: a.jobs.begin(CONNECTION, jobs.BACKFILL, {}, "Kim"),
    ],
)
def test_what_asks_for_work_nudges_whoever_works(world: World, act: Callable[[Actions], object]) -> None:
    world.note()
    act(world.actions)
    assert world.nudged == [CONNECTION]


@pytest.mark.parametrize(
    "act",
    [
        lambda a: a.connections.one("nowhere"),
        lambda a: a.connections.pause("nowhere", "", ""),
        lambda a: a.connections.usage("nowhere"),
        lambda a: a.mappings.mapped("nowhere"),
        lambda a: a.records.attention("nowhere", ALL),
        lambda a: a.records.retry("nowhere", INVOICE),
        lambda a: a.records.ask_for("nowhere", INVOICE, ""),
        lambda a: a.jobs.page("nowhere", ALL),
        lambda a: a.jobs.every("nowhere"),
        lambda a: a.books.reports("nowhere", ALL),
        lambda a: list(a.books.timeline("nowhere", INVOICE)),
    ],
)
def test_nothing_is_done_for_a_connection_that_there_is_not(world: World, act: Callable[[Actions], object]) -> None:
    with pytest.raises(UnknownConnection):
        act(world.actions)
    assert world.nudged == []


# --- a connection ----------------------------------------------------------------------------------


def test_a_pause_says_who_and_why_and_how_to_go_on(world: World) -> None:
    shown = world.actions.connections.pause(CONNECTION, "Kim", "audit")
    assert (shown.state, shown.cause) == ("paused", "Paused by Kim: audit")
    assert "ravebooks resume" in shown.remedy
    assert world.actions.connections.resume(CONNECTION).state == "active"
    assert world.actions.connections.pause(CONNECTION, "", "").cause == "Paused by a person."


def test_a_connection_is_shown_with_what_is_open(world: World) -> None:
    world.note(attention=Attention("held", "odd", "It is odd.", "See."))
    world.note(Record(Side.RAVETREE, Kind.INVOICE, "inv_2"))
    world.actions.jobs.begin(CONNECTION, jobs.BACKFILL, {}, "Kim")
    with world.database.transaction() as session:
        operation(session, open_operation)
    work = {"due": 1, "waiting": 0, "held": 1, "parked": 0, "uncertain": 1, "jobs": 1}
    assert world.actions.connections.one(CONNECTION).work == work
    assert [row.id for row in world.actions.connections.every()] == [CONNECTION]
    assert world.actions.connections.page(ALL).rows == world.actions.connections.every()


def test_settings_that_are_not_named_stay(world: World) -> None:
    before = world.actions.connections.settings(CONNECTION)
    shown = world.actions.connections.set_settings(CONNECTION, {"removals_limit": 7, "state": "archived"})
    assert (shown.removals_limit, shown.draft_policy) == (7, before.draft_policy)
    assert world.connection().state == "active"


def test_an_archived_connection_is_read_and_not_changed(world: World) -> None:
    world.change(state="archived")
    assert world.actions.connections.settings(CONNECTION).removals_limit == 20
    for act in (
        lambda: world.actions.connections.set_settings(CONNECTION, {"removals_limit": 7}),
        lambda: world.actions.connections.resume(CONNECTION),
        lambda: world.actions.mappings.switch(CONNECTION, invoices=False, estimates=None),
        lambda: world.actions.records.ask_for(CONNECTION, INVOICE, "Kim"),
    ):
        with pytest.raises(NotActive):
            act()


def test_the_usage_begins_with_this_month_and_is_read_in_pages(world: World) -> None:
    with world.database.transaction() as session:
        for days in (0, 60):
            reads.count(session, CONNECTION, "events", START - timedelta(days=days))
    months = [usage.month for usage in world.actions.connections.usage(CONNECTION)]
    assert months == sorted(months, reverse=True)
    first = world.actions.connections.usage_page(CONNECTION, Asked(1))
    second = world.actions.connections.usage_page(CONNECTION, Asked(1, first.next))
    assert [usage.month for usage in (*first.rows, *second.rows)] == months


def test_before_the_first_look_there_are_no_findings(world: World) -> None:
    assert world.actions.connections.last_inspection(CONNECTION).at is None
    world.change(preflight={"at": "2026-11-20", "findings": [{"code": "x"}]})
    assert world.actions.connections.last_inspection(CONNECTION).findings == [{"code": "x"}]


# --- mappings and switches -------------------------------------------------------------------------


def test_entries_are_those_that_fit_by_name_in_pages(world: World) -> None:
    mappings = world.actions.mappings
    assert [entry.name for entry in mappings.entries(CONNECTION, LINE_TYPE)] == ["hours", "Old", "Pump", "Work:Design"]
    assert mappings.entries(CONNECTION, DEPOSIT_ACCOUNT) == [ListEntry("35", "Checking")]
    assert mappings.entries(CONNECTION, LINE_TYPE, "DESIGN") == [ListEntry("3", "Work:Design")]
    first = mappings.entries_page(CONNECTION, LINE_TYPE, "", Asked(3))
    rest = mappings.entries_page(CONNECTION, LINE_TYPE, "", Asked(3, first.next))
    assert [*first.rows, *rest.rows] == mappings.entries(CONNECTION, LINE_TYPE)


def test_keys_say_what_they_are_mapped_to_and_payments_have_one_for_all_others(world: World) -> None:
    mappings = world.actions.mappings
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2"}, DEPOSIT_ACCOUNT: {"": "35"}})
    assert [(row.key, row.quickbooks_id) for row in mappings.keys(CONNECTION, LINE_TYPE)] == [
        ("time", "2"),
        ("expense", None),
    ]
    assert [row.key for row in mappings.keys(CONNECTION, DEPOSIT_ACCOUNT)] == ["check", ""]
    assert mappings.mapped(CONNECTION) == {
        LINE_TYPE: {"time": "2"},
        TAX_RATE: {},
        PAYMENT_METHOD: {},
        DEPOSIT_ACCOUNT: {"": "35"},
    }


@pytest.mark.parametrize(
    ("kind", "mapping", "why"),
    [
        (LINE_TYPE, {"tiem": "2"}, "'tiem' is none of Ravetree's line item types"),
        (LINE_TYPE, {"": "2"}, "'' is none of"),
        (LINE_TYPE, {"time": "9"}, "no active item 9"),
        (LINE_TYPE, {"time": "5"}, "no active item 5"),
        (LINE_TYPE, {"time": "4"}, "not of type Service"),
        (DEPOSIT_ACCOUNT, {"check": "36"}, "takes no deposits"),
    ],
)
def test_a_mapping_that_would_not_work_is_refused(world: World, kind: str, mapping: dict[str, str], why: str) -> None:
    with pytest.raises(SwitchRefused, match=why):
        world.actions.mappings.map_keys(CONNECTION, {kind: mapping})
    assert not any(world.actions.mappings.mapped(CONNECTION).values())


def test_a_mapping_lets_go_on_what_waited_for_it(world: World) -> None:
    world.note(attention=Attention("parked", "line_type_not_mapped", "It is not mapped.", "Map it."))
    world.actions.mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2"}})
    with world.database.transaction() as session:
        assert [row.state for row in pending.rows(session, CONNECTION, [INVOICE])] == ["due"]


def test_nothing_is_ticked_while_all_is_mapped_and_something_blocks(world: World) -> None:
    mappings = world.actions.mappings
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2", "expense": "3"}})
    world.findings.append(Finding("numbers", Severity.BLOCKS, "Numbers are off.", "Switch them on."))
    with pytest.raises(SwitchRefused, match="Numbers are off"):
        mappings.switch(CONNECTION, invoices=True, estimates=None)
    assert (world.connection().invoices_since, world.connection().invoices_ticked_at) == (None, None)


def test_what_is_ticked_waits_for_its_mappings_and_takes_effect_with_the_last_one(world: World) -> None:
    mappings, shown = world.actions.mappings, world.actions.connections.one
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2"}})
    mappings.switch(CONNECTION, invoices=True, estimates=None)
    assert shown(CONNECTION).waiting_for_mappings == [{"kind": LINE_TYPE, "key": "expense", "label": "Expense"}]
    assert shown(CONNECTION).invoices_since is None
    assert world.actions.jobs.every(CONNECTION) == []
    world.clock.advance(60)
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"expense": "3"}})
    now = START + timedelta(seconds=60)
    assert (shown(CONNECTION).invoices_since, shown(CONNECTION).estimates_since) == (now, None)
    assert shown(CONNECTION).waiting_for_mappings == []
    assert shown(CONNECTION).offered_backfill == OfferedBackfill(["invoice"], START, now)
    assert [job.kind for job in world.actions.jobs.every(CONNECTION)] == [jobs.IMPORT_CONTACTS]


def test_a_block_beside_a_missing_mapping_is_waited_for_too(world: World) -> None:
    world.findings.append(Finding("numbers", Severity.BLOCKS, "Numbers are off.", "Switch them on."))
    world.actions.mappings.switch(CONNECTION, invoices=True, estimates=True)
    world.actions.mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2", "expense": "3"}})
    shown = world.actions.connections.one(CONNECTION)
    assert (shown.invoices_since, shown.waiting_for_mappings) == (None, [])
    assert [finding["cause"] for finding in shown.waiting_for_settings] == ["Numbers are off."]
    # It is ticked already: to tick it again is no new question.
    world.actions.mappings.switch(CONNECTION, invoices=True, estimates=None)
    world.findings.clear()
    world.actions.connections.inspect_now(CONNECTION)
    assert world.connection().invoices_since == world.connection().estimates_since == START


def test_unticked_nothing_waits_and_nothing_takes_effect(world: World) -> None:
    world.actions.mappings.switch(CONNECTION, invoices=True, estimates=True)
    world.actions.mappings.switch(CONNECTION, invoices=False, estimates=None)
    world.actions.mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2", "expense": "3"}})
    assert (world.connection().invoices_since, world.connection().estimates_since) == (None, START)


def test_a_type_that_appears_later_changes_nothing_for_what_is_on(world: World) -> None:
    mappings = world.actions.mappings
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2", "expense": "3"}})
    mappings.switch(CONNECTION, invoices=True, estimates=None)
    world.lists.rows["line_item_types"].append({"key": "travel", "label": "Travel"})
    world.clock.advance(60)
    mappings.switch(CONNECTION, invoices=True, estimates=True)
    assert (world.connection().invoices_since, world.connection().estimates_since) == (START, None)


def test_a_mapping_of_the_same_moment_as_the_tick_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look saw it missing, and whoever mapped it saw nothing waiting."""
    mappings = world.actions.mappings
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2"}})

    def meanwhile(actions: MappingActions, connection_id: str) -> None:
        world.actions.connections.inspect(connection_id)
        with world.database.transaction() as session:
            connections.set_mapping(session, connection_id, LINE_TYPE, "expense", "3", "Design")

    monkeypatch.setattr(MappingActions, "_check_settings", meanwhile)
    mappings.switch(CONNECTION, invoices=True, estimates=None)
    with world.database.reading() as session:
        assert duties.planned(session, CONNECTION)[duties.SETTINGS] == START


def test_a_mapping_is_kept_and_looked_at_later_while_quickbooks_is_away(world: World) -> None:
    world.actions.mappings.switch(CONNECTION, invoices=True, estimates=None)

    def away(_connection_id: str) -> Sequence[Finding]:
        raise NotSent("QuickBooks cannot be reached")

    mappings = replace(world.actions.mappings, inspect=away)
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2", "expense": "3"}})
    assert world.connection().invoices_since is None
    with world.database.reading() as session:
        assert duties.planned(session, CONNECTION)[duties.SETTINGS] == START


def test_what_was_made_while_it_waited_is_a_back_fill_of_its_own(world: World) -> None:
    with pytest.raises(jobs.JobRefused, match="nothing is offered"):
        world.actions.jobs.begin(CONNECTION, jobs.BACKFILL, {"kinds": ["invoice"], "made_while_waiting": True}, "Kim")
    world.change(estimates_ticked_at=START, estimates_since=START + timedelta(hours=1))
    asked = {"kinds": ["invoice"], "made_while_waiting": True}
    job = world.actions.jobs.begin(CONNECTION, jobs.BACKFILL, asked, "Kim")
    assert (job.params["kinds"], list(made_within(job.params))) == (["estimate"], [Kind.ESTIMATE])
    assert made_within(job.params)[Kind.ESTIMATE] == (START, START + timedelta(hours=1))


def test_a_time_zone_is_set_shown_and_taken_back(world: World) -> None:
    actions = world.actions.connections
    assert actions.settings(CONNECTION).time_zone == "UTC"
    assert actions.set_settings(CONNECTION, {"time_zone": "Europe/London"}).time_zone == "Europe/London"
    assert actions.one(CONNECTION).time_zone == "Europe/London"
    assert actions.set_settings(CONNECTION, {"time_zone": None}).time_zone is None


def test_on_means_from_now_on_and_the_first_time_brings_the_contacts(world: World) -> None:
    mappings = world.actions.mappings
    mappings.map_keys(CONNECTION, {LINE_TYPE: {"time": "2", "expense": "3"}})
    mappings.switch(CONNECTION, invoices=True, estimates=None)
    world.clock.advance(60)
    mappings.switch(CONNECTION, invoices=True, estimates=True)
    connection = world.connection()
    assert (connection.invoices_since, connection.estimates_since) == (START, START + timedelta(seconds=60))
    assert [job.kind for job in world.actions.jobs.every(CONNECTION)] == [jobs.IMPORT_CONTACTS]
    mappings.switch(CONNECTION, invoices=False, estimates=None)
    assert world.connection().invoices_since is None


def test_a_disconnected_connection_asks_neither_side(world: World) -> None:
    world.change(state="disconnected")
    with pytest.raises(NotActive):
        world.actions.mappings.keys(CONNECTION, LINE_TYPE)


# --- records ---------------------------------------------------------------------------------------


def test_a_retry_of_what_does_not_wait_is_refused(world: World) -> None:
    with pytest.raises(NoSuchRecord, match="nothing waits for"):
        world.actions.records.retry(CONNECTION, INVOICE)


def test_a_decision_that_needs_a_question_is_refused_without_one(world: World) -> None:
    with pytest.raises(NoSuchRecord):
        world.actions.records.decide(CONNECTION, INVOICE, Said("overwrite", "Kim"))
    with world.database.transaction() as session:
        assert decisions.get(session, CONNECTION, [INVOICE]) == ""
    assert world.asks.asked == []


def test_what_can_be_said_at_any_time_is_said_of_what_there_is_alone(world: World) -> None:
    world.actions.records.decide(CONNECTION, INVOICE, Said("push", "Kim"))
    with pytest.raises(NoSuchRecord, match="Ravetree has no invoice inv_9"):
        world.actions.records.decide(CONNECTION, Record(Side.RAVETREE, Kind.INVOICE, "inv_9"), Said("push"))
    with pytest.raises(NoSuchRecord):
        world.actions.records.preview(CONNECTION, Record(Side.RAVETREE, Kind.INVOICE, "inv_9"))
    assert world.actions.records.preview(CONNECTION, INVOICE, "push")["asked"] == ("push", "")


def test_the_button_says_what_became_of_a_record(world: World) -> None:
    records = world.actions.records
    assert records.ask_for(CONNECTION, INVOICE, "Kim").outcome == "pending"
    world.note(attention=None)
    with world.database.transaction() as session:
        (row,) = pending.rows(session, CONNECTION, [INVOICE])
        attention = Attention("held", "odd", "It is odd.", "See.")
        pending.need_attention(session, CONNECTION, INVOICE, row.generation, attention, world.clock.now())
    became = records._became(CONNECTION, INVOICE)
    assert (became.outcome, became.message, became.remedy) == ("held", "It is odd.", "See.")
    with world.database.transaction() as session:
        (row,) = pending.rows(session, CONNECTION, [INVOICE])
        session.delete(row)
    assert records._became(CONNECTION, INVOICE).outcome == "synced"
    with world.database.transaction() as session:
        steps.add(session, CONNECTION, INVOICE, "ignored", world.clock.now(), text="it is a draft")
    assert records._became(CONNECTION, INVOICE).message == "Nothing was done: it is a draft."


def test_the_button_waits_as_long_as_it_is_told_and_no_longer(world: World) -> None:
    begun = world.clock.monotonic()
    assert world.actions.records.ask_for(CONNECTION, INVOICE, "Kim", wait_seconds=3).outcome == "pending"
    assert 3 <= world.clock.monotonic() - begun < 4


def test_a_button_while_nothing_is_written_is_kept_and_says_so(world: World) -> None:
    world.actions.installation.stop_all("Kim", "audit")
    became = world.actions.records.ask_for(CONNECTION, INVOICE, "Nora", wait_seconds=60)
    assert (became.outcome, "audit" in became.message) == ("paused", True)
    world.actions.installation.resume_all()
    assert world.actions.records.ask_for(CONNECTION, INVOICE, "Nora").outcome == "pending"


def test_a_button_for_what_there_is_not_is_refused_unless_nobody_may_look(world: World) -> None:
    unknown = Record(Side.RAVETREE, Kind.INVOICE, "inv_9")
    with pytest.raises(NoSuchRecord):
        world.actions.records.ask_for(CONNECTION, unknown, "Kim")
    assert world.actions.records.ask_for(CONNECTION, unknown, "Kim", look=False).outcome == "pending"
    world.change(state="disconnected")
    assert world.actions.records.ask_for(CONNECTION, unknown, "Kim").outcome == "paused"


def test_what_holds_the_connection_up_comes_before_its_records(world: World) -> None:
    world.note(attention=Attention("held", "odd", "It is odd.", "See."))
    world.actions.installation.stop_all("Kim", "")
    with world.database.transaction() as session:
        duties.failed(session, CONNECTION, "cdc", "it fails", START - timedelta(hours=2), START)
    pages, asked = [], Asked(1)
    while True:
        page = world.actions.records.attention(CONNECTION, asked)
        pages.append([(row.kind, row.code, row.state) for row in page.rows])
        if page.next is None:
            break
        asked = Asked(1, page.next)
    assert pages == [
        [("connection", "all_paused", "paused")],
        [("connection", "look_failing", "retrying")],
        [("invoice", "odd", "held")],
    ]


def test_a_page_of_what_holds_the_connection_up_that_is_just_full_ends_where_no_record_waits(world: World) -> None:
    world.change(stalled_since=START, stall_cause="It stalls.", stall_remedy="Wait.")
    page = world.actions.records.attention(CONNECTION, Asked(1))
    assert ([row.code for row in page.rows], page.next) == (["stalled"], None)


# --- jobs, books, the installation -----------------------------------------------------------------


def test_a_job_is_begun_moved_and_reported(world: World) -> None:
    actions = world.actions.jobs
    begun = actions.begin(CONNECTION, jobs.BACKFILL, {"kinds": ["invoice"]}, "Kim")
    with world.database.transaction() as session:
        job = jobs.get(session, CONNECTION, begun.id)
        jobs.add_records(session, job, {INVOICE: "1043"}, START)
    assert actions.move(CONNECTION, begun.id, "pause").state == "paused"
    with pytest.raises(jobs.JobRefused):
        actions.move(CONNECTION, begun.id, "pause")
    assert actions.one(CONNECTION, begun.id).counts == {"left": 1}
    assert [row.name for row in actions.records(CONNECTION, begun.id, ALL).rows] == ["1043"]
    assert actions.records(CONNECTION, begun.id, ALL, "agreed").rows == []
    assert actions.page(CONNECTION, ALL).rows == actions.every(CONNECTION)
    assert actions.preview(CONNECTION, jobs.BACKFILL, {})["counts"] == {jobs.BACKFILL: 0}


def test_a_record_that_neither_book_has_and_one_without_a_past_are_none(world: World) -> None:
    unknown = Record(Side.RAVETREE, Kind.INVOICE, "inv_9")
    assert world.actions.books.record(CONNECTION, INVOICE)["record"] == str(INVOICE)
    with pytest.raises(NoSuchRecord, match="neither book has"):
        world.actions.books.record(CONNECTION, unknown)
    with pytest.raises(NoSuchRecord, match="nothing ever happened to"):
        list(world.actions.books.timeline(CONNECTION, unknown))


def test_a_timeline_is_read_in_pages(world: World) -> None:
    with world.database.transaction() as session:
        for number in range(3):
            steps.add(session, CONNECTION, INVOICE, "agreed", START, text=str(number))
    first = world.actions.books.timeline_page(CONNECTION, INVOICE, Asked(2))
    rest = world.actions.books.timeline_page(CONNECTION, INVOICE, Asked(2, first.next))
    assert [entry["text"] for entry in (*first.rows, *rest.rows)] == ["agreed: 0", "agreed: 1", "agreed: 2"]


def test_reports_are_listed_newest_first(world: World) -> None:
    with world.database.transaction() as session:
        made = [parity.add(session, CONNECTION, START, "copies", {}, []).id for _ in range(2)]
    assert [row.id for row in world.actions.books.reports(CONNECTION, ALL).rows] == made[::-1]
    with pytest.raises(parity.UnknownReport):
        world.actions.books.report(CONNECTION, 99)


def keep_dead(world: World) -> int:
    sent = delivery(envelope())
    with world.database.transaction() as session:
        body = envelopes.encode(sent)
        dead_letters.keep(session, message_id="m", queue="q", routing_key="", reason="odd", body=body, now=START)
        (letter,) = dead_letters.waiting(session)
        return letter.id


def test_a_dead_letter_is_published_as_it_was_and_waits_no_more(world: World) -> None:
    letter = keep_dead(world)
    assert [row.id for row in world.actions.many.letters(ALL, "").rows] == [letter]
    world.actions.installation.redrive(letter)
    assert [each.events[0].id for each in world.published] == ["e1"]
    assert world.actions.many.letters(ALL, "").rows == []
    with world.database.transaction() as session:
        assert session.get_one(DeadLetter, letter).redriven_at == START
    with pytest.raises(UnknownDeadLetter):
        world.actions.installation.redrive(99)


def test_all_that_waits_for_a_person_is_told_at_once(world: World) -> None:
    world.note(attention=Attention("held", "odd", "It is odd.", "See."))
    world.change(stalled_since=START)
    keep_dead(world)
    world.actions.installation.stop_all("Kim", "audit")
    waiting = world.actions.installation.waiting()
    assert waiting.stopped == "Kim stopped all writes: audit"
    assert (len(waiting.records), len(waiting.stalled), len(waiting.dead)) == (1, 1, 1)
    assert (waiting.aside, waiting.failing) == ({}, [])
    assert world.actions.installation.kept_aside(ALL).rows == []
    assert world.actions.installation.kept_aside(ALL, "unknown").rows == []
    world.actions.installation.resume_all()
    with world.database.transaction() as session:
        assert brakes.pulled(session) is None


def test_after_a_restore_every_connection_reads_first(world: World) -> None:
    assert world.actions.installation.verify_all() == 1
    assert world.actions.connections.one(CONNECTION).state == "verifying"


# --- what the database ends is done again --------------------------------------------------------


def test_every_action_that_stores_is_done_again_when_the_database_ends_it() -> None:
    """On PostgreSQL one of two transactions that wait for each other is ended, and a person would be told of it."""
    storing = {
        f"{path.name} {function.name}": [ast.unparse(decorator) for decorator in function.decorator_list]
        for path in sorted(Path(module.__file__).parent.glob("*.py"))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef) and "self.database.transaction()" in ast.unparse(function)
    }
    alone = {"installation.py redrive"}  # it has sent a message before, and changes one row
    assert len(storing) > 10
    assert {name for name, found in storing.items() if "again_when_contended" not in found} == alone


def test_every_action_that_stores_is_noted_when_the_command_line_does_it() -> None:
    storing = {
        function.name
        for path in sorted(Path(module.__file__).parent.glob("*.py"))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef) and "self.database.transaction()" in ast.unparse(function)
    }
    by_others = {"_store_mapping": "map_keys", "_store_switches": "switch", "_wish_for": "ask_for"}
    # A list that is kept, or read anew, is nothing that anybody did to an account.
    no_acts = {"note", "_keep", "forget"}
    assert {by_others.get(name, name) for name in storing - no_acts} <= ACTS
