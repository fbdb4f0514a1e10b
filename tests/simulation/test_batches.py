"""The back-fill's creations go to QuickBooks in batches: each document once, whatever becomes of the request."""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from clients.quickbooks.company import Company
from clients.quickbooks.faults import BusinessRule
from ravebooks.demo.sides import Body
from reconcile.model import Kind, Record, Side
from storage import decisions
from storage.models import Operation
from sync.document_numbers import DocumentNumbers
from sync.endings import Endings
from sync.writes import settlement
from sync.writes.sending import Sender
from tests.simulation.test_backfill import job, jobs, switch
from tests.simulation.test_scenarios import codes, order
from tests.simulation.world import World, as_settled
from tests.unit.wsgi_adapter import AnswerAdapter

PAST_THE_HORIZON = 3700
UNCERTAIN = 5


class Killed(BaseException):
    """The process dies."""


class BatchWorld(World):
    """A world with invoices that are older than the switch-on, and what was sent to QuickBooks."""

    old: list[Body]
    sent: list[requests.PreparedRequest]

    def adapter(self) -> AnswerAdapter:
        """The network, which remembers what is posted to QuickBooks."""
        inner = super().adapter()
        self.__dict__.setdefault("sent", inner.requests)
        inner.requests = self.sent
        return inner

    def make_old(self, count: int, clients: int = 3, **fields: Any) -> None:
        """Invoices of several clients from the time before the switch-on."""
        switch(self, invoices=False, estimates=False)
        self.settle()
        named = [self.client(f"Client {place}") for place in range(clients)]
        body = {"issue_date": "2026-07-10", "due_date": "2026-08-10"} | fields
        self.old = [self.invoice(named[place % clients], f"{100 + place}.00", **body) for place in range(count)]
        self.settle()
        switch(self, invoices=True, estimates=True)
        self.settle()

    def begin(self, *kinds: str) -> int:
        """A person begins a back-fill."""
        return int(jobs(self, kinds=kinds or ("invoice",))["id"])

    def slices(self, count: int = 3) -> None:
        """Work without waiting for what is put off."""
        for _ in range(count):
            self.work()

    def posts(self, endpoint: str) -> list[requests.PreparedRequest]:
        """What was posted to an endpoint of the company, oldest first."""
        found = [(request, urlsplit(request.url or "").path) for request in self.sent]
        return [r for r, path in found if r.method == "POST" and "/company/" in path and path.endswith(f"/{endpoint}")]

    def batches(self) -> list[tuple[str, bytes]]:
        """The key and the bytes of each batch that was sent."""
        keyed = [(dict(parse_qsl(urlsplit(r.url or "").query))["requestid"], r.body) for r in self.posts("batch")]
        return [(key, body if isinstance(body, bytes) else str(body).encode()) for key, body in keyed]

    def made(self, entity: str = "Invoice") -> list[str]:
        """The numbers in QuickBooks, each as often as it is there."""
        rows = self.quickbooks.query(f"select * from {entity}")  # noqa: S608 - an entity of this file's own
        return sorted(row["DocNumber"] for row in rows)

    def asked(self) -> list[str]:
        """The numbers that should be there."""
        return sorted(row["number"] for row in self.old)

    def counts(self, number: int) -> dict[str, int]:
        """What the back-fill's report says."""
        found: dict[str, int] = job(self, number)["counts"]
        return found

    def agrees(self) -> bool:
        """Whether both books say the same."""
        return not self.compare().differing

    def uncertain(self) -> int:
        """Writes whose answer is not known."""
        return int(self.connection()["work"]["uncertain"])


def items(body: bytes) -> list[Body]:
    found: list[Body] = json.loads(body)["BatchItemRequest"]
    return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    made = BatchWorld(tmp_path, prepare=as_settled)
    yield made
    made.close()


# --- all goes well -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "switches",
    [
        {"batch_ids_limited": False, "requestid_other_body": "replayed"},
        {"batch_ids_limited": True, "requestid_other_body": "refused"},
    ],
)
def test_the_creations_of_a_back_fill_share_requests_and_the_payments_follow(
    world: BatchWorld, switches: dict[str, Any]
) -> None:
    world.quickbooks.steer("switches", switches)
    world.make_old(45)
    switch(world, invoices=False)
    world.receive({world.old[0]["id"]: "40.00", world.old[3]["id"]: "3.00"}, "CHK 1", "2026-07-12")
    world.receive({world.old[44]["id"]: "5.00"}, "CHK 2", "2026-07-13")
    world.settle()
    switch(world, invoices=True)
    before = len(world.quickbooks.query("select * from Customer"))
    number = world.begin()
    world.settle()
    assert world.made() == world.asked()
    sent = world.batches()
    assert [len(items(body)) for _, body in sent] == [30, 15]
    assert all(len(key) == 32 for key, _ in sent)
    assert world.posts("invoice") == []
    assert len(world.quickbooks.query("select * from Customer")) == before + 3
    payments = world.quickbooks.query("select * from Payment")
    assert sorted((row["PaymentRefNum"], row["TotalAmt"]) for row in payments) == [("CHK 1", 43), ("CHK 2", 5)]
    assert world.counts(number) == {"left": 0, "agreed": 45}
    assert world.agrees()
    assert world.uncertain() == 0


def test_the_numbers_of_a_batch_are_looked_up_in_one_read(world: BatchWorld) -> None:
    world.make_old(20)
    world.sent.clear()
    world.begin()
    world.settle()
    looked = [
        dict(parse_qsl(urlsplit(r.url or "").query)).get("query", "") for r in world.sent if "/query" in (r.url or "")
    ]
    assert len([statement for statement in looked if "DocNumber in" in statement]) == 1


def test_estimates_and_their_invoices_go_together(world: BatchWorld) -> None:
    world.make_old(3)
    body = {"currency": "USD", "issue_date": "2026-07-01", "status": "sent"}
    lines = [{"type": "time", "description": "L", "quantity": "1", "unit_price": "70.00", "taxable": False}]
    switch(world, invoices=False, estimates=False)
    client = world.client("Offered")
    offered = [world.ravetree.create("estimates", body | {"client_id": client, "lines": lines}) for _ in range(3)]
    world.settle()
    switch(world, invoices=True, estimates=True)
    number = world.begin("estimate", "invoice")
    world.settle()
    assert world.made() == world.asked()
    assert world.made("Estimate") == sorted(row["number"] for row in offered)
    found = [items(body) for _, body in world.batches()]
    assert [("Estimate" in rows[0], len(rows)) for rows in found] == [(True, 3), (False, 3)]
    assert world.counts(number) == {"left": 0, "agreed": 6}


def test_one_document_alone_is_no_batch(world: BatchWorld) -> None:
    world.make_old(1)
    world.begin()
    world.settle()
    assert (world.made(), world.batches(), len(world.posts("invoice"))) == (world.asked(), [], 1)


def test_what_was_decided_on_goes_alone(world: BatchWorld) -> None:
    world.make_old(3)
    record = Record(Side.RAVETREE, Kind.INVOICE, world.old[0]["id"])
    with world.parts.database.transaction() as session:
        decisions.store(session, world.connection_id, record, "push", "Kim", "", world.clock.now())
    number = world.begin()
    world.settle()
    assert [len(items(body)) for _, body in world.batches()] == [2]
    assert (world.made(), world.counts(number)["left"]) == (world.asked(), 0)


# --- one of them is refused ----------------------------------------------------------------------


def test_closed_books_park_the_one_and_let_the_others_through(world: BatchWorld) -> None:
    world.make_old(5)
    old = world.ravetree.change("invoices", world.old[2]["id"], {"issue_date": "2026-01-05"})
    preferences = world.quickbooks.query("select * from Preferences")[0]
    named = {"Id": preferences["Id"], "SyncToken": preferences["SyncToken"], "sparse": True}
    world.quickbooks.write("preferences", named | {"AccountingInfoPrefs": {"BookCloseDate": "2026-03-31"}})
    number = world.begin()
    world.settle()
    assert codes(world) == ["books_closed"]
    assert world.made() == [name for name in world.asked() if name != old["number"]]
    assert world.counts(number) == {"left": 0, "agreed": 4, "parked": 1}
    assert len(world.batches()) == 1


def test_a_number_taken_between_the_look_and_the_batch_parks_that_one_only(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_old(4)
    customer = world.quickbooks.write("customer", {"DisplayName": "Somebody else"})
    item = world.quickbooks.query("select * from Item")[0]["Id"]
    line = {"Amount": 9, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": item}}}
    theirs = {"CustomerRef": {"value": customer["Id"]}, "DocNumber": world.old[1]["number"], "Line": [line]}
    send = Company.batch

    def taken_before(company: Company, body: str, request_id: str) -> Any:
        world.quickbooks.write("invoice", theirs)
        return send(company, body, request_id)

    monkeypatch.setattr(Company, "batch", taken_before)
    number = world.begin()
    world.settle()
    assert codes(world) == ["duplicate_number"]
    assert world.made() == world.asked()
    assert world.counts(number) == {"left": 0, "agreed": 3, "parked": 1}


def test_a_look_at_the_numbers_that_is_refused_leaves_each_to_its_own_look(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that failed has found nothing out: the number that is taken is not written to books that do not check."""
    world.make_old(3)
    preferences = world.quickbooks.query("select * from Preferences")[0]
    named = {"Id": preferences["Id"], "SyncToken": preferences["SyncToken"], "sparse": True}
    others = [{"Name": "WarnDuplicateCheckNumber", "Value": "false"}]
    world.quickbooks.write("preferences", named | {"OtherPrefs": {"NameValue": others}})
    customer = world.quickbooks.write("customer", {"DisplayName": "Somebody else"})
    item = world.quickbooks.query("select * from Item")[0]["Id"]
    line = {"Amount": 9, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": item}}}
    theirs = {"CustomerRef": {"value": customer["Id"]}, "DocNumber": world.old[1]["number"], "Line": [line]}
    world.quickbooks.write("invoice", theirs)
    query = Company.query

    def refused(company: Company, entity: str, where: str = "", **rest: Any) -> list[Body]:
        if where.startswith("DocNumber in") and "," in where:
            raise BusinessRule("too long")
        return query(company, entity, where, **rest)

    monkeypatch.setattr(Company, "query", refused)
    number = world.begin()
    world.settle()
    assert (world.made(), world.batches(), codes(world)) == (world.asked(), [], ["duplicate_number"])
    assert world.counts(number) == {"left": 0, "agreed": 2, "parked": 1}


def test_a_document_whose_customer_is_refused_is_left_out_and_the_others_go(world: BatchWorld) -> None:
    world.make_old(5, clients=2)
    order(world, "customer.create", "fault:6000")
    number = world.begin()
    world.settle()
    assert [len(items(body)) for _, body in world.batches()] == [4]
    assert (world.made(), len(world.posts("invoice"))) == (world.asked(), 1)
    assert world.counts(number) == {"left": 0, "agreed": 5}


def test_an_item_that_quickbooks_failed_over_stays_uncertain_alone(world: BatchWorld) -> None:
    world.make_old(4)
    order(world, "invoice.create", "fault:10000")
    number = world.begin()
    world.slices()
    assert (len(world.made()), world.uncertain()) == (3, 1)
    world.clock.advance(PAST_THE_HORIZON)
    world.settle()
    assert world.made() == world.asked()
    assert world.counts(number) == {"left": 0, "agreed": 4}
    assert world.uncertain() == 0


# --- no answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "other_body"),
    [("timeout_after", "replayed"), ("timeout_after", "refused"), ("timeout_before", "refused"), ("500", "replayed")],
)
def test_a_batch_without_an_answer_is_sent_again_the_same(world: BatchWorld, kind: str, other_body: str) -> None:
    world.quickbooks.steer("switches", {"requestid_other_body": other_body})
    world.make_old(12)
    switch(world, invoices=False)
    world.receive({world.old[0]["id"]: "40.00"}, "CHK 1", "2026-07-12")
    world.settle()
    switch(world, invoices=True)
    world.quickbooks.steer("faults", {"endpoint": "batch", "kind": kind, "count": 1, "seconds": 0})
    number = world.begin()
    world.slices()
    assert world.uncertain() == 12
    assert len(world.batches()) == 1
    world.clock.advance(UNCERTAIN - 1)
    world.slices()
    assert len(world.batches()) == 1
    world.settle()
    first, second = world.batches()
    assert first == second
    assert world.made() == world.asked()
    assert world.posts("invoice") == []
    (payment,) = world.quickbooks.query("select * from Payment")
    assert payment["PaymentRefNum"] == "CHK 1"
    assert world.counts(number) == {"left": 0, "agreed": 12}
    assert world.agrees()


def test_a_refusal_of_what_is_sent_again_is_looked_up_first(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The company forgot the key: the repetition is refused since the numbers are there."""
    world.make_old(6)
    world.quickbooks.steer("faults", {"endpoint": "batch", "kind": "timeout_after", "count": 1, "seconds": 0})
    number = world.begin()
    world.slices()
    send = Company.batch
    monkeypatch.setattr(Company, "batch", lambda company, body, key: send(company, body, key[::-1]))
    world.settle()
    assert len(world.batches()) == 2
    assert (world.made(), codes(world)) == (world.asked(), [])
    assert world.posts("invoice") == []
    assert world.counts(number) == {"left": 0, "agreed": 6}


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("wait", [0, PAST_THE_HORIZON])
def test_a_crash_between_journal_and_answer_makes_each_once(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch, arrives: bool, wait: int
) -> None:
    world.make_old(7)
    send = Company.batch

    def killed(company: Company, body: str, request_id: str) -> Any:
        if arrives:
            send(company, body, request_id)
        raise Killed

    number = world.begin()
    with monkeypatch.context() as patch:
        patch.setattr(Company, "batch", killed)
        with pytest.raises(Killed):
            world.slices()
    assert world.uncertain() == 7
    assert len(world.made()) == (7 if arrives else 0)
    world.clock.advance(wait)
    world.settle()
    assert world.made() == world.asked()
    assert world.counts(number) == {"left": 0, "agreed": 7}
    # Within the horizon it is sent again; past it each is looked up, and what is not there is written alone.
    assert len(world.batches()) == arrives + (wait == 0)
    assert len(world.posts("invoice")) == (0 if arrives or wait == 0 else 7)
    assert world.agrees()


def test_what_was_settled_before_the_crash_is_not_settled_again(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_old(5)
    apply, settled = settlement.apply, []

    def dies_in_the_third(session: Any, operation: Any, *rest: Any) -> None:
        if operation.action == "invoice.create":
            settled.append(operation.key)
            if len(settled) == 3:
                raise Killed
        apply(session, operation, *rest)

    monkeypatch.setattr(settlement, "apply", dies_in_the_third)
    world.begin()
    with pytest.raises(Killed):
        world.slices()
    assert world.uncertain() == 3
    world.settle()
    assert world.made() == world.asked()
    assert len(settled) == 6
    assert len(set(settled)) == 5
    first, second = world.batches()
    assert first == second


# --- brakes --------------------------------------------------------------------------------------


def test_nothing_is_sent_when_the_brake_is_pulled_between_gathering_and_journal(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_old(4)
    look_up = DocumentNumbers.look_up

    def then_stopped(numbers: DocumentNumbers, *args: Any) -> None:
        look_up(numbers, *args)
        assert world.api("POST", "/api/pause", {"by": "Kim"}).status_code in (200, 204)

    with monkeypatch.context() as patch:
        patch.setattr(DocumentNumbers, "look_up", then_stopped)
        world.begin()
        world.slices()
    assert (world.batches(), world.posts("invoice"), world.uncertain()) == ([], [], 0)
    world.api("POST", "/api/resume")
    world.settle()
    assert (world.made(), len(world.batches())) == (world.asked(), 1)


def test_a_batch_that_is_journalled_when_all_is_paused_is_not_sent(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_old(4)
    send = Sender.send_batch

    def stopped_before(journal: Sender, *args: Any) -> None:
        journal._unit.commit()
        assert world.api("POST", "/api/pause", {"by": "Kim"}).status_code in (200, 204)
        send(journal, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "send_batch", stopped_before)
        world.begin()
        world.slices()
    assert world.uncertain() == 4
    for _ in range(5):
        world.clock.advance(200)
        world.work()
    assert (world.made(), world.batches()) == ([], [])
    world.api("POST", "/api/resume")
    world.settle()
    assert (world.made(), world.uncertain(), len(world.batches())) == (world.asked(), 0, 1)


def test_a_batch_whose_kind_is_stopped_waits_and_keeps_no_worker_busy(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_old(4)
    installation = world.parts.console.actions.installation
    check, wait = Sender._check_brake, Endings.goes_on
    waits = itertools.count(1)

    def stopped_before(sender: Sender, operations: Sequence[Operation]) -> None:
        if operations[0].action == "invoice.create":
            sender._unit.commit()
            installation.stop_part("invoice", "Kim", "")
        check(sender, operations)

    def not_for_ever(*args: Any) -> None:
        if next(waits) > 20:
            raise Killed("it is looked at over and over")
        wait(*args)

    world.begin()
    with monkeypatch.context() as patch:
        patch.setattr(Sender, "_check_brake", stopped_before)
        patch.setattr(Endings, "goes_on", not_for_ever)
        slices = []
        for _ in range(10):
            slices.append(world.reconciler.work(world.connection_id))
            world.clock.advance(2)
    assert (world.uncertain(), world.batches()) == (4, [])
    assert slices[-5:] == [False] * 5, "nothing is due that is stopped"
    installation.resume_part("invoice")
    world.settle()
    assert (world.made(), world.uncertain()) == (world.asked(), 0)
