"""A write is made once, whenever its process dies and however late its request arrives."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sync.writes import settlement
from tests.simulation.dying import Killed, amounts, deliver_from, dying, with_long_waits
from tests.simulation.posting import BothSides, work_for
from tests.simulation.spoiling import Answer, spoiled
from tests.simulation.test_scenarios import codes, order
from tests.simulation.world import RAVETREE, START, World


def to_payments(request: requests.PreparedRequest) -> bool:
    return request.method == "POST" and "/payment?" in (request.url or "")


def test_a_write_whose_process_died_under_way_is_known_to_the_next_one(world: World, both_sides: BothSides) -> None:
    """It is sent again as it was; what was edited since is an edit of it and no payment of its own."""
    ours, _ = both_sides
    payment = world.receive({ours["id"]: "40.00"}, "CHK 1")
    deliver_from(world, "ravetree")
    with spoiled(world, dying("/payment?")), pytest.raises(Killed):
        world.work()
    assert world.connection()["work"]["uncertain"] == 1
    world.ravetree.change("payments", payment["id"], {"reference": "CHK 2"})
    deliver_from(world, "ravetree")
    work_for(world, 20)
    assert [(row["TotalAmt"], row["PaymentRefNum"]) for row in world.quickbooks.query("select * from Payment")] == [
        (40, "CHK 2")
    ]
    world.settle()
    assert world.compare().differing == []


def test_a_record_whose_uncertain_write_falls_due_under_way_is_left_to_the_next_slice(
    world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What became of it is looked at when a slice begins: nobody takes the record again and again until then."""
    ours, _ = both_sides
    payment = world.receive({ours["id"]: "40.00"}, "CHK 1")
    deliver_from(world, "ravetree")
    with spoiled(world, dying("/payment?")), pytest.raises(Killed):
        world.work()
    world.ravetree.change("payments", payment["id"], {"reference": "CHK 2"})
    world.ravetree.change("invoices", ours["id"], {"memo": "Thank you"})
    deliver_from(world, "ravetree")

    def slow(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if "/invoices/" in (request.url or ""):
            world.clock.advance(1)
        return ask()

    world.clock.advance(world.parts.settings.effective_uncertain_seconds - 0.5)
    looks: list[float] = []

    def monotonic() -> float:
        """Time passes with each look at the clock."""
        world.clock.advance(0.01)
        looks.append((world.clock.moment - START).total_seconds())
        return looks[-1]

    monkeypatch.setattr(world.clock, "monotonic", monotonic)
    with spoiled(world, slow, RAVETREE):
        world.reconciler.work(world.connection_id)
    assert len(looks) < 200
    monkeypatch.undo()
    work_for(world, 20)
    world.settle()
    assert amounts(world) == [40]
    assert world.compare().differing == []


def test_a_request_that_arrives_after_its_caller_gave_up_counts_once(world: World, both_sides: BothSides) -> None:
    """QuickBooks may be at it for two minutes: what goes out meanwhile, or under another key, would be a second one."""
    ours, _ = both_sides
    with_long_waits(world)
    under_way: list[Callable[[], Answer]] = []

    def slow(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if to_payments(request) and not under_way:
            under_way.append(ask)
            raise requests.exceptions.ReadTimeout
        return ask()

    world.receive({ours["id"]: "40.00"})
    deliver_from(world, "ravetree")
    with spoiled(world, slow):
        work_for(world, 119)
        assert (len(under_way), amounts(world)) == (1, [])
        under_way[0]()
        work_for(world, 600, 10)
    assert (amounts(world), world.connection()["work"]["uncertain"]) == ([40], 0)
    world.settle()
    assert world.compare().differing == []


def test_what_a_dead_process_may_have_sent_is_not_sent_again_too_soon(world: World, both_sides: BothSides) -> None:
    ours, _ = both_sides
    with_long_waits(world)
    sent: list[Any] = []

    def dies_first(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if to_payments(request):
            sent.append((request.url, request.body))
            if len(sent) == 1:
                raise Killed
        return ask()

    world.receive({ours["id"]: "40.00"})
    deliver_from(world, "ravetree")
    with spoiled(world, dies_first):
        with pytest.raises(Killed):
            world.work()
        work_for(world, 149)
        assert len(sent) == 1
        work_for(world, 10)
    first, second = sent
    assert first == second, "the same bytes under the same key"
    assert amounts(world) == [40]


def test_an_answer_counts_with_all_that_it_means_or_not_at_all(
    world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without its pair would have the payment planned anew, under a new key."""
    ours, _ = both_sides
    world.receive({ours["id"]: "40.00"})
    deliver_from(world, "ravetree")

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(settlement, "apply", dies)
        with pytest.raises(Killed):
            world.work()
    assert amounts(world) == [40]
    assert world.connection()["work"]["uncertain"] == 1
    world.collect()
    work_for(world, 20)
    assert (amounts(world), world.connection()["work"]["uncertain"]) == ([40], 0)
    assert world.compare().differing == []


def test_ravetree_gets_a_payment_once_although_it_has_forgotten_the_key(world: World, both_sides: BothSides) -> None:
    """Ravetree keeps keys for a day; our reference to QuickBooks' payment is unique there for good."""
    ours, _ = both_sides
    fault = {"endpoint": "payments.create", "kind": "timeout_after", "count": 1, "seconds": 0}
    world.ravetree.steer("faults", fault)
    world.quickbooks.pay({ours["number"]: "25.00"}, "2026-11-21", "CHK 1")
    deliver_from(world, "quickbooks")
    world.work()
    assert (len(world.ravetree.every("payments")), world.connection()["work"]["uncertain"]) == (1, 1)
    world.collect()
    world.clock.advance(2 * 86400)
    work_for(world, 60)
    assert [row["amount"] for row in world.ravetree.every("payments")] == ["25.00"]
    assert world.connection()["work"]["uncertain"] == 0
    world.settle()
    assert (world.compare().differing, world.attention()) == ([], [])


def test_an_edit_that_is_made_in_ravetree_right_before_our_own_is_not_overwritten(
    world: World, both_sides: BothSides
) -> None:
    """Our write names the version that it was planned from."""
    ours, _ = both_sides
    payment = world.receive({ours["id"]: "40.00"}, "CHK 1")
    world.settle()
    (found,) = world.quickbooks.query("select * from Payment")
    changed = {"Id": found["Id"], "SyncToken": found["SyncToken"], "sparse": True, "PaymentRefNum": "CHK 2"}
    world.quickbooks.write("payment", changed)
    edits = ["CHK 3"]

    def edited_first(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        ours_is_next = request.method == "PATCH" and request.headers.get("Idempotency-Key")
        if ours_is_next and edits and f"/payments/{payment['id']}" in (request.url or ""):
            world.ravetree.change("payments", payment["id"], {"reference": edits.pop()})
        return ask()

    with spoiled(world, edited_first, RAVETREE):
        world.settle()
    assert edits == []
    assert world.ravetree.get("payments", payment["id"])["reference"] == "CHK 3"
    assert codes(world) == ["edited_on_both_sides"]


def test_a_bookkeepers_payment_of_the_same_day_is_not_taken_for_the_one_whose_answer_was_lost(
    world: World, both_sides: BothSides
) -> None:
    """Both are money: the look-up goes by our note, not by customer and date alone."""
    ours, _ = both_sides
    order(world, "payment.create", "timeout_before")
    world.receive({ours["id"]: "40.00"}, "CHK 1", day="2026-11-21")
    deliver_from(world, "ravetree")
    world.work()
    world.quickbooks.pay({ours["number"]: "25.00"}, "2026-11-21", "CHK 2")
    world.clock.advance(2 * 3600)
    world.settle()
    assert amounts(world) == [25, 40]
    assert sorted(row["amount"] for row in world.ravetree.every("payments")) == ["25.00", "40.00"]
    assert (world.compare().differing, world.attention()) == ([], [])


@pytest.mark.parametrize(("edited", "refusals"), [("invoice", 1), ("payment", 2)])
def test_an_edit_that_was_refused_goes_with_the_next_try(
    world: World, both_sides: BothSides, edited: str, refusals: int
) -> None:
    """What was not written is not what both sides last agreed on: else the edit would be forgotten in silence."""
    ours, theirs = both_sides
    payment = world.receive({ours["id"]: "40.00"}, "CHK 1")
    world.settle()
    order(world, f"{edited}.update", "fault:6210", refusals)
    if edited == "invoice":
        world.ravetree.change("invoices", ours["id"], {"memo": "Thank you"})
    else:
        world.ravetree.change("payments", payment["id"], {"reference": "CHK 2"})
    world.settle()
    assert codes(world) == ["books_closed"]
    (row,) = world.attention()
    world.api("POST", f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/retry")
    world.settle()
    assert world.attention() == []
    (found,) = world.quickbooks.query("select * from Payment")
    memo = (world.quickbooks.invoice(theirs["DocNumber"]) or {}).get("CustomerMemo", {}).get("value", "")
    assert (memo, found["PaymentRefNum"]) == (("Thank you", "CHK 1") if edited == "invoice" else ("", "CHK 2"))
