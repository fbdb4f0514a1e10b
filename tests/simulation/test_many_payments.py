"""An invoice with many payments: one more is as much work as the first ones were."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.simulation.posting import pay
from tests.simulation.world import World, as_paired

OURS = tuple(
    f"{Path(__file__).resolve().parents[2] / name}/" for name in ("clients", "reconcile", "schemas", "storage", "sync")
)

pytestmark = pytest.mark.thorough
FEW, MANY = 4, 40


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, prepare=as_paired)
    yield made
    made.close()


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """The calls of the product's own functions within the block, where each of them stands."""
    made: list[str] = []

    def noted(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            made.append(frame.f_code.co_filename)

    sys.setprofile(noted)
    try:
        yield made
    finally:
        sys.setprofile(None)


def receive_in_ravetree(world: World, number: int) -> None:
    world.receive({world.begun_with["id"]: f"0.{number:02}"}, f"cheque {number}")


def receive_in_quickbooks(world: World, _number: int) -> None:
    pay(world, world.quickbooks.invoice(world.begun_with["number"]) or {}, 1)


@pytest.mark.parametrize("receive", [receive_in_ravetree, receive_in_quickbooks])
def test_one_payment_more_is_no_more_work(world: World, receive: Callable[[World, int], None]) -> None:
    """Each looked at all payments before it: a thousand on one invoice took minutes of the processor."""
    work = []
    for number in range(1, MANY + 1):
        receive(world, number)
        with counted_calls() as made:
            world.settle()
        work.append(len(made))
    assert not world.attention()
    assert len(world.quickbooks.query("select * from Payment")) == MANY
    assert len(world.ravetree.every("payments")) == MANY
    assert min(work[-FEW:]) < 1.5 * max(work[1:FEW])
