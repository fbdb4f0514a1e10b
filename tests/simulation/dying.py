"""Processes that die in the middle, and worlds with the waits of a production."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import requests

from sync.duties import CHANGES, EVENTS
from tests.simulation.spoiling import Answer, Spoil
from tests.simulation.world import World


class Killed(BaseException):
    """The process dies."""


def dying(text: str, *, arrives: bool = True) -> Spoil:
    """Our process dies at a POST whose URL has `text` in it: after it `arrives`, or before."""

    def spoil(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if request.method == "POST" and text in unquote(request.url or ""):
            if arrives:
                ask()
            raise Killed
        return ask()

    return spoil


def with_long_waits(world: World) -> None:
    """The waits of a production: QuickBooks gives a request up after 120 s, and its log is looked at once a day."""
    world.parts.settings = replace(world.parts.settings, uncertain_seconds=150.0, cdc_seconds=86400.0)
    # They are made again, with those settings.
    world.parts.__dict__.pop("sweeper", None)
    world.reconciler = world.parts.consuming.reconciler()
    world.plan(CHANGES, world.clock.now() + timedelta(days=1))
    world.plan(EVENTS, world.clock.now() + timedelta(hours=1))


def deliver_from(world: World, side: str) -> None:
    """Deliver what one side has posted; what the other one has posted is lost."""
    for letter in world.collect():
        if f"/webhooks/{side}" in letter.url:
            assert world.deliver(letter).status_code == 200


def amounts(world: World) -> list[Any]:
    """The payments in QuickBooks that are not void."""
    return sorted(row["TotalAmt"] for row in world.quickbooks.query("select * from Payment") if row["TotalAmt"])
