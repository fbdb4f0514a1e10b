"""Crash points: every boundary of input and output of a process of ours, and whose passing of it is meant.

A *boundary* is a function at which something leaves a process or comes in, called in a certain process and thread.
A process dies there *before* it is called, and in another run *after* it has returned. `COVERED` says which boundaries
stand for which calls in the product's sources; `tests/unit/test_crash_points.py` holds it against them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.models import Connection

BEFORE, AFTER = "before", "after"
MOMENTS = (BEFORE, AFTER)

DAY, WITHOUT_BROKER, WITHOUT_DATABASE = "a day", "web is without a broker", "the worker is without a database"
POISONED, OLD_TOKEN, DUE, ASKED = "unreadable messages", "a token is old", "duties are due", "a person asks"
"""What happens besides, for a boundary that is not passed on every day."""

Meant = Callable[..., bool]
"""Takes the arguments of a call, and says whether it is one of those that are meant."""


def _every(*_arguments: Any, **_named: Any) -> bool:
    return True


def listen() -> None:
    """Have every connection to a database remember what was asked in its transaction."""
    sa.event.listen(sa.Engine, "begin", lambda connection: connection.info.update({_ASKED: []}))
    sa.event.listen(
        sa.Engine,
        "before_cursor_execute",
        lambda connection, _cursor, statement, *_: connection.info.setdefault(_ASKED, []).append(statement),
    )


_ASKED = "statements of the transaction"
_CHANGE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")


def _stores(*tables: str) -> Meant:
    """A transaction that changes rows of one of these tables, or of any."""

    def meant(transaction: Any, *_: Any) -> bool:
        session: Session = transaction.session
        changed = {row.__tablename__ for row in (*session.new, *session.deleted)}
        changed |= {row.__tablename__ for row in session.dirty if session.is_modified(row)}
        asked = session.connection().info.get(_ASKED, ())
        changed |= {found[1] for statement in asked if (found := _CHANGE.match(statement))}
        return bool(changed & set(tables) if tables else changed)

    return meant


def _stores_tokens(transaction: Any, *_: Any) -> bool:
    """The transaction in which new tokens are stored."""
    return any(
        isinstance(row, Connection) and sa.inspect(row).attrs.refresh_token.history.has_changes()
        for row in transaction.session.dirty
    )


def _is_delivery(channel: Any) -> bool:
    """A request of a neighbour's webhook."""
    return str(getattr(channel.requests[0], "path", "")).startswith("/webhooks/")


def _asks(begins: str, *methods: str, about: str = "", never: str = "\0") -> Meant:
    """A request whose path begins so, with one of these methods."""

    def meant(_adapter: Any, request: Any, *_: Any, **__: Any) -> bool:
        path = urlsplit(request.url).path
        return path.startswith(begins) and request.method in methods and about in path and never not in path

    return meant


@dataclass(frozen=True)
class Boundary:
    """`passes` are at which passing each life of the process ends, `when` is what has to happen for it to be passed."""

    name: str
    process: str
    function: str
    thread: str = ""
    meant: Meant = _every
    passes: tuple[int, ...] = (1, 2)
    when: str = DAY


COMMIT = "sqlalchemy.orm.session:SessionTransaction.commit"
REQUEST = "requests.adapters:HTTPAdapter.send"
ACK, REJECT, REQUEUE = (f"kombu.message:Message.{name}" for name in ("ack", "reject", "requeue"))
PUBLISH, CONFIRM = (f"publishers.connection:PublishingConnection.{name}" for name in ("publish_all", "_on_confirm"))
NUDGE = "kombu.messaging:Producer.publish"
ANSWER = "ravebooks.serving.server:Channel.service"
CONNECT = "storage.database:LimitedConnection.connect"
DECLARE = "pika.adapters.blocking_connection:BlockingChannel.queue_declare"
QUICKBOOKS, RAVETREE, TOKENS = "/v3/company/", "/v1/", "/oauth2/"
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
STATES = "/sync_states"


def _of_reconcilers(process: str) -> list[Boundary]:
    """What a reconciler asks of the outside, in a worker or where everything is one process."""

    def one(name: str, function: str, meant: Meant, **more: Any) -> Boundary:
        return Boundary(f"{process}: {name}", process, function, "reconciler", meant, **more)

    return [
        one("a reconciler commits", COMMIT, _stores(), passes=(1, 3, 6)),
        one("QuickBooks is read", REQUEST, _asks(QUICKBOOKS, "GET")),
        one("QuickBooks is written to", REQUEST, _asks(QUICKBOOKS, "POST")),
        one("Ravetree is read", REQUEST, _asks(RAVETREE, "GET")),
        one("Ravetree is written to", REQUEST, _asks(RAVETREE, *CHANGING, never=STATES), passes=(1, 1)),
        one("Ravetree is told a state", REQUEST, _asks(RAVETREE, *CHANGING, about=STATES)),
        one("a token is refreshed", REQUEST, _asks(TOKENS, "POST"), passes=(1,), when=OLD_TOKEN),
        one("new tokens are stored", COMMIT, _stores_tokens, passes=(1,), when=OLD_TOKEN),
    ]


BOUNDARIES = (
    Boundary("web: looks for the queues", "web", DECLARE, "publisher", passes=(1, 2)),
    Boundary("web: publishes", "web", PUBLISH, "publisher"),
    Boundary("web: is confirmed", "web", CONFIRM, "publisher"),
    Boundary("web: stores in the outbox", "web", COMMIT, "outbox", _stores("outbox"), when=WITHOUT_BROKER),
    Boundary("web: answers a delivery", "web", ANSWER, "waitress", _is_delivery),
    Boundary("web: stores what a person asked for", "web", COMMIT, "waitress", _stores(), when=ASKED),
    Boundary("worker: connects to the broker", "worker", "kombu.connection:Connection.connect", passes=(1, 3)),
    Boundary("worker: connects to the database", "worker", CONNECT),
    Boundary("worker: a delivery comes", "worker", "consumers.broker_connection:RawMessage.__init__", "recorder"),
    Boundary("worker: the recorder commits", "worker", COMMIT, "recorder", _stores("events")),
    Boundary("worker: the recorder acknowledges", "worker", ACK, "recorder"),
    Boundary("worker: the recorder nudges", "worker", NUDGE, "recorder"),
    Boundary("worker: the recorder rejects", "worker", REJECT, "recorder", passes=(1, 1), when=POISONED),
    Boundary("worker: the recorder gives back", "worker", REQUEUE, "recorder", passes=(1,), when=WITHOUT_DATABASE),
    Boundary("worker: a nudge is acknowledged", "worker", ACK, "nudges"),
    Boundary("worker: a nudge is rejected", "worker", REJECT, "nudges", passes=(1, 1), when=POISONED),
    Boundary("worker: a dead letter is kept", "worker", COMMIT, "dead letters", _stores("dead_letters"), when=POISONED),
    Boundary("worker: a dead letter is acknowledged", "worker", ACK, "dead letters", passes=(1, 1), when=POISONED),
    *_of_reconcilers("worker"),
    Boundary("sweeper: commits", "sweeper", COMMIT, "sweeper", _stores()),
    Boundary("sweeper: nudges", "sweeper", NUDGE, "sweeper", passes=(1, 1), when=DUE),
    Boundary("sweeper: the relay publishes", "sweeper", PUBLISH, "publisher", passes=(1, 1), when=WITHOUT_BROKER),
    Boundary("sweeper: the relay is confirmed", "sweeper", CONFIRM, "publisher", passes=(1, 1), when=WITHOUT_BROKER),
    Boundary("sweeper: the relay commits", "sweeper", COMMIT, "relay", _stores("outbox"), (1, 1), WITHOUT_BROKER),
    Boundary("sweeper: work over many commits", "sweeper", COMMIT, "work over many", _stores("bulk_jobs"), when=ASKED),
    Boundary("sweeper: gives a sign of life", "sweeper", COMMIT, "signs of life", _stores(), passes=(1, 1)),
    Boundary("sweeper: the teller commits", "sweeper", COMMIT, "teller", _stores("tellings"), when=POISONED),
    Boundary("sweeper: mails", "sweeper", "smtplib:SMTP.send_message", "teller", passes=(1,), when=POISONED),
    Boundary("sweeper: tells by webhook", "sweeper", REQUEST, "teller", passes=(1,), when=POISONED),
    Boundary("up: a delivery is recorded", "up", COMMIT, "waitress", _stores("events")),
    Boundary("up: answers a delivery", "up", ANSWER, "waitress", _is_delivery),
    *_of_reconcilers("up"),
    Boundary("up: the sweeper commits", "up", COMMIT, "sweeper", _stores()),
)

BY_NAME = {boundary.name: boundary for boundary in BOUNDARIES}


@dataclass(frozen=True)
class Point:
    """A boundary, and whether the process dies before or after it."""

    boundary: Boundary
    moment: str

    def __str__(self) -> str:
        return f"{self.moment} {self.boundary.name}"


POINTS = tuple(Point(boundary, moment) for boundary in BOUNDARIES for moment in MOMENTS)


def named(name: str) -> Point:
    """The point of this name, as `before web: publishes`."""
    moment, _, boundary = name.partition(" ")
    return Point(BY_NAME[boundary], moment)
