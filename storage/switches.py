"""Switches: what is on and since when, what is ticked and waits to take effect, and what was made meanwhile."""

from collections.abc import Iterable
from datetime import datetime

from reconcile.model import Kind
from storage.models import Connection

SWITCHED = {Kind.INVOICE: "invoices", Kind.ESTIMATE: "estimates"}
"""The kinds that are switched, by how their columns begin."""

Window = tuple[datetime, datetime]
"""From an instant on, and before another one."""


def since(connection: Connection, kind: Kind) -> datetime | None:
    """Since when a kind is on; None while it is off, or waits."""
    found: datetime | None = getattr(connection, f"{SWITCHED[kind]}_since")
    return found


def _ticked_at(connection: Connection, kind: Kind) -> datetime | None:
    found: datetime | None = getattr(connection, f"{SWITCHED[kind]}_ticked_at")
    return found


def is_set(connection: Connection, kind: Kind) -> bool:
    """Whether a person wants this kind: it is on, or waits."""
    return since(connection, kind) is not None or _ticked_at(connection, kind) is not None


def waiting(connection: Connection) -> tuple[Kind, ...]:
    """What is ticked and has not taken effect yet."""
    return tuple(kind for kind in SWITCHED if is_set(connection, kind) and since(connection, kind) is None)


def tick(connection: Connection, kind: Kind, now: datetime) -> None:
    """A person wants this kind; what is set already stays as it is."""
    if not is_set(connection, kind):
        setattr(connection, f"{SWITCHED[kind]}_ticked_at", now)


def untick(connection: Connection, kind: Kind) -> None:
    """A person wants it no longer: it is off, waits for nothing, and nothing is offered."""
    setattr(connection, f"{SWITCHED[kind]}_since", None)
    setattr(connection, f"{SWITCHED[kind]}_ticked_at", None)


def take_effect(connection: Connection, kind: Kind, now: datetime) -> None:
    """What is ticked is on from now on. When it was ticked is kept if it had to wait: what was made is offered."""
    setattr(connection, f"{SWITCHED[kind]}_since", now)
    if _ticked_at(connection, kind) == now:
        setattr(connection, f"{SWITCHED[kind]}_ticked_at", None)


def made_while_waiting(connection: Connection) -> dict[Kind, Window]:
    """When the documents were made that a back-fill is offered for, by kind: between the tick and its effect."""
    found = {}
    for kind in SWITCHED:
        begun, ended = _ticked_at(connection, kind), since(connection, kind)
        if begun is not None and ended is not None:
            found[kind] = (begun, ended)
    return found


def withdraw(connection: Connection, kinds: Iterable[Kind]) -> None:
    """What is on of these kinds has nothing left that was made while it waited: nothing is offered any more."""
    for kind in kinds:
        if since(connection, kind) is not None:
            setattr(connection, f"{SWITCHED[kind]}_ticked_at", None)
