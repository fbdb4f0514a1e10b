"""What the clock asks for is an entry of the registry, and no other place has to know it."""

from datetime import timedelta
from typing import Any

import pytest

from config.errors import RavebooksError
from ravebooks import doctor
from sync import duties
from sync.books import Books
from sync.duties import Duty
from tests.bench.counting import counted
from tests.simulation.posting import paired_invoice, work_for
from tests.simulation.world import World

DAY = timedelta(days=1)


class Counting:
    """The work of a duty that is made up: it fails while there is a `refusal`."""

    def __init__(self) -> None:
        self.done = 0
        self.refusal = ""
        self.duty = Duty(
            "sheep",
            "The daily count of the sheep",
            every=lambda _timings: DAY,
            again=lambda _timings: timedelta(minutes=5),
            carry_out=self.carry_out,
        )

    def carry_out(self, _books: Books) -> None:
        if self.refusal:
            raise RavebooksError(self.refusal, remedy="Wake the shepherd.")
        self.done += 1


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    made = Counting()
    monkeypatch.setattr(duties, "DUTIES", (*duties.DUTIES, made.duty))
    return made


def failing(world: World) -> tuple[list[dict[str, Any]], list[str]]:
    """What attention says, and what `/readyz` says."""
    return world.attention(), world.web.get("/readyz").get_json()["failing"]


def test_a_new_duty_is_carried_out_shown_as_failing_after_an_hour_and_recovers(
    world: World, counting: Counting
) -> None:
    ours, _ = paired_invoice(world)
    work_for(world, 620, 10)
    assert counting.done == 1, "the connection lacked it"
    assert DAY - timedelta(minutes=11) < world.planned()["sheep"] - world.clock.now() < DAY

    counting.refusal = "the gate is shut"
    world.plan(counting.duty)
    world.ravetree.change("invoices", ours["id"], {"memo": "Thank you"})
    world.settle()
    assert (world.quickbooks.invoice(ours["number"]) or {})["CustomerMemo"] == {"value": "Thank you"}
    work_for(world, 3500, 100)
    assert failing(world) == ([], [])
    work_for(world, 400, 100)
    (row,), (said,) = failing(world)
    assert (row["kind"], row["state"], row["code"]) == ("connection", "retrying", "look_failing")
    assert row["cause"].startswith("The daily count of the sheep fails since 20 Nov ")
    assert row["cause"].endswith(" UTC: the gate is shut.")
    assert "The daily count of the sheep fails" in said
    (ill,) = [one for one in doctor.examine(world.parts, None) if one.name.startswith("connection ") and not one.ok]
    assert ill.sentence.startswith("The daily count of the sheep fails")

    counting.refusal = ""
    work_for(world, 400, 100)
    assert (failing(world), counting.done) == (([], []), 2)


def test_a_duty_that_only_another_version_knows_keeps_nobody_busy(world: World, counting: Counting) -> None:
    unknown = Duty("goats", "", counting.duty.every, counting.duty.again, counting.carry_out)
    world.plan(unknown)
    assert not world.reconciler.work(world.connection_id), "nothing is due any more"
    assert "goats" not in world.planned()


def test_a_look_at_a_log_in_which_nothing_is_new_asks_the_database_little(world: World) -> None:
    """Ten thousand connections have one every half an hour, and at nearly all of them there is nothing to do."""
    paired_invoice(world)
    for _ in range(2):
        # The first look finds what webhooks told already.
        world.settle()
        world.plan(duties.EVENTS)
    with counted(world.parts.database.engine) as taken:
        assert not world.reconciler.work(world.connection_id)
    assert (taken.transactions, taken.statements) == (2, 5)
    assert world.planned()["events"] > world.clock.now()
