"""The loops on a real broker, with messages that nobody of ours would publish."""

import gzip
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pika
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import names
from config.ports import SystemClock
from config.telemetry import Progress
from consumers import inbound
from consumers.dead_letters import DeadLetterLoop
from consumers.inbound import InboundLoop
from consumers.loop import Loop
from consumers.nudges import BrokerNudger, NudgeLoop
from consumers.recorder import Recorder
from consumers.wakeups import Wakeups
from publishers import topology
from reconcile.model import Side
from schemas import envelopes
from schemas.envelopes import Delivery, Envelope
from storage import dead_letters, inbox, migrations
from storage.database import Database, DatabaseDown
from storage.paging import Asked
from tests.services.ports import wait_until
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ

ODD: dict[str, dict[str, Any]] = {
    "a body said to be compressed": {"headers": {"compression": "application/x-gzip"}},
    "a compression that nobody knows": {"headers": {"compression": "nonsense"}},
    "a compression that is no text": {"headers": {"compression": 7}},
    "a serializer that runs code": {"content_type": "application/x-python-serialize"},
    "an encoding that nobody knows": {"content_encoding": "nonsense"},
    "an encoding of two bytes": {"content_encoding": "utf-16"},
    "an encoding that is no encoding": {"content_encoding": "hex"},
    "times far ahead": {"headers": {"sent": datetime(9999, 12, 31, tzinfo=UTC)}, "timestamp": 1_795_270_400_000},
    "the last time that there is": {"timestamp": 2**63 - 1},
    "an id that is no UTF-8": {"message_id": b"\xff\xfe"},
    "an id with a NUL": {"message_id": "a\0b"},
    "a content type that is no UTF-8": {"content_type": b"\xff"},
    "headers by the hundred": {"headers": {f"x-{number}": "v" * 300 for number in range(300)}},
    "a header nested in headers": {"headers": {"a": [{"b": [None, True, Decimal("1.5"), b"\xff"]}]}},
    "a death that is a text": {"headers": {"x-death": "yesterday"}},
    "a death that is a number": {"headers": {"x-death": 1}},
    "a death that is a table": {"headers": {"x-death": {"reason": "rejected"}}},
    "deaths of odd kinds": {"headers": {"x-death": [{"reason": [1], "queue": 3, "routing-keys": 5}]}},
    "a reason of its own": {"headers": {"x-death": [{"reason": "a\0b", "queue": "q\0", "routing-keys": ["\0"]}]}},
}


@pytest.fixture(scope="module", autouse=True)
def declared(rabbitmq: RabbitMQ) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    topology.declare(connection.channel())
    for queue in topology.QUEUES:
        connection.channel().queue_purge(queue.name)
    connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    postgresql: PostgreSQL = request.getfixturevalue("postgresql")
    url = f"sqlite:///{tmp_path}/books.db" if request.param == "sqlite" else postgresql.new_database()
    made = Database(url, SystemClock())
    migrations.upgrade(made)
    yield made
    made.close()


@contextmanager
def running(make: Callable[[threading.Event, Progress], Loop]) -> Iterator[None]:
    stop = threading.Event()
    loop = make(stop, Progress(SystemClock()))
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def publish(rabbitmq: RabbitMQ, queue: str, *messages: tuple[bytes, dict[str, Any]]) -> None:
    """Each a body and its properties."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for body, properties in messages:
            channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)


def queued(rabbitmq: RabbitMQ) -> int:
    """What waits in the recorder's queue."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq.url)) as connection:
        found: int = connection.channel().queue_declare(names.INBOUND_QUEUE, passive=True).method.message_count
        return found


def delivery(name: str) -> bytes:
    envelope = Envelope(f"evt-{name}", "invoice.updated", "12")
    return envelopes.encode(Delivery(name, Side.QUICKBOOKS, "9130", datetime(2026, 11, 20, tzinfo=UTC), (envelope,)))


def recorded(database: Database) -> set[str]:
    with database.transaction() as session:
        return {event.event_id for event in inbox.kept_aside(session, Asked(1000)).rows}


def dead(database: Database) -> list[bytes]:
    with database.transaction() as session:
        return sorted(letter.body for letter in dead_letters.waiting(session, 1000))


def recorder(rabbitmq: RabbitMQ, database: Database) -> Callable[[threading.Event, Progress], Loop]:
    clock = SystemClock()
    return lambda stop, progress: InboundLoop(
        rabbitmq.url, stop, progress, clock, Recorder(database, clock, Wakeups()), database
    )


def undertaker(rabbitmq: RabbitMQ, database: Database) -> Callable[[threading.Event, Progress], Loop]:
    return lambda stop, progress: DeadLetterLoop(rabbitmq.url, stop, progress, SystemClock(), database)


def test_good_deliveries_are_recorded_whatever_their_properties_say(rabbitmq: RabbitMQ, database: Database) -> None:
    """A header `compression` stopped the recorder, and took the deliveries beside it to the dead."""
    good: list[tuple[bytes, dict[str, Any]]] = [(delivery(f"good-{number}"), {}) for number in range(30)]
    odd = [(delivery(str(number)), properties) for number, properties in enumerate(ODD.values())]
    publish(rabbitmq, names.INBOUND_QUEUE, *good, *odd)
    with running(recorder(rabbitmq, database)):
        expected = {f"evt-good-{number}" for number in range(30)} | {f"evt-{number}" for number in range(len(ODD))}
        wait_until(lambda: recorded(database) >= expected, 20, "the deliveries were not recorded")


def test_undecodable_messages_go_to_the_dead_and_the_dead_into_the_table_as_they_came(
    rabbitmq: RabbitMQ, database: Database
) -> None:
    bodies = [b"\0\xff %d" % number for number in range(len(ODD))]
    publish(rabbitmq, names.INBOUND_QUEUE, *zip(bodies, ODD.values(), strict=True), (b"", {}))
    publish(
        rabbitmq, names.DEAD_QUEUE, *((b"dead" + body, odd) for body, odd in zip(bodies, ODD.values(), strict=True))
    )
    packed = gzip.compress(b"{}")
    publish(rabbitmq, names.DEAD_QUEUE, (packed, {"headers": {"compression": "application/x-gzip"}}))
    with running(recorder(rabbitmq, database)), running(undertaker(rabbitmq, database)):
        expected = sorted([*bodies, b"", packed, *(b"dead" + body for body in bodies)])
        wait_until(lambda: len(dead(database)) >= len(expected), 20, "the dead were not drained")
        assert dead(database) == expected
    with database.transaction() as session:
        assert {row.reason for row in dead_letters.waiting(session)} <= {"rejected", "unknown"}


class Killed(BaseException):
    """The process dies, and its connection to the broker with it."""


class DyingRecorder(Recorder):
    """Its process dies when it has a batch and has not committed it."""

    def record(self, deliveries: Sequence[Delivery]) -> None:
        raise Killed


class DyingUndertaker(DeadLetterLoop):
    """The same for the dead."""

    def _keep(self, message: Any) -> None:
        raise Killed


def dies(make: Callable[[threading.Event, Progress], Loop]) -> None:
    """Run a loop until its process dies of what it takes."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(make(stop, Progress(SystemClock())).run)
        try:
            assert isinstance(ended.exception(20), Killed)
        finally:
            stop.set()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_recorder_that_dies_before_it_commits_loses_no_delivery(rabbitmq: RabbitMQ, database: Database) -> None:
    clock = SystemClock()
    publish(rabbitmq, names.INBOUND_QUEUE, *((delivery(f"again-{number}"), {}) for number in range(10)))
    dying = DyingRecorder(database, clock, Wakeups())
    dies(lambda stop, progress: InboundLoop(rabbitmq.url, stop, progress, clock, dying, database))
    assert recorded(database) == set()
    with running(recorder(rabbitmq, database)):
        expected = {f"evt-again-{number}" for number in range(10)}
        wait_until(lambda: recorded(database) >= expected, 20, "the deliveries were lost")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_undertaker_that_dies_before_it_commits_loses_no_dead_letter(rabbitmq: RabbitMQ, database: Database) -> None:
    publish(rabbitmq, names.DEAD_QUEUE, (b"dead and dear", {}))
    dies(lambda stop, progress: DyingUndertaker(rabbitmq.url, stop, progress, SystemClock(), database))
    assert dead(database) == []
    with running(undertaker(rabbitmq, database)):
        wait_until(lambda: dead(database) == [b"dead and dear"], 20, "the dead letter was lost")


class ShortOutage(Recorder):
    """The database goes away with the first batch, and is back a moment later."""

    away = True

    def record(self, deliveries: Sequence[Delivery]) -> None:
        if self.away:
            self.away = False
            raise DatabaseDown("it is away")
        super().record(deliveries)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_that_goes_away_with_a_batch_costs_no_delivery(rabbitmq: RabbitMQ, database: Database) -> None:
    clock = SystemClock()
    publish(rabbitmq, names.INBOUND_QUEUE, *((delivery(f"back-{number}"), {}) for number in range(10)))
    outage = ShortOutage(database, clock, Wakeups())
    with running(lambda stop, progress: InboundLoop(rabbitmq.url, stop, progress, clock, outage, database)):
        expected = {f"evt-back-{number}" for number in range(10)}
        wait_until(lambda: recorded(database) >= expected, 20, "the deliveries were lost")
    assert not outage.away


class Watched(Recorder):
    """Says how many events each of its transactions had, and how much the broker was told by then."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sizes: list[int] = []
        self.told: list[int] = []
        self.loop: Loop | None = None

    def record(self, deliveries: Sequence[Delivery]) -> None:
        assert self.loop is not None
        assert self.loop._connection is not None
        self.told.append(self.loop._connection.connection.bytes_sent)
        super().record(deliveries)
        self.sizes.append(sum(len(each.events) for each in deliveries))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_large_deliveries_are_recorded_in_parts_and_the_broker_hears_of_us_in_between(
    rabbitmq: RabbitMQ, database: Database
) -> None:
    """Deliveries with 40,000 events were one transaction, longer than the broker waits for a heartbeat."""

    def large(name: str, size: int) -> bytes:
        events = tuple(Envelope(f"{name}-{number}", "invoice.updated", "12") for number in range(size))
        return envelopes.encode(Delivery(name, Side.QUICKBOOKS, "9130", datetime(2026, 11, 20, tzinfo=UTC), events))

    bodies = [large("a", 600), large("b", 300), large("c", 200), large("d", 2 * inbound.EVENTS + 1), large("e", 3)]
    publish(rabbitmq, names.INBOUND_QUEUE, *((body, {}) for body in bodies))
    clock = SystemClock()
    watched = Watched(database, clock, Wakeups())

    def recorder_of(stop: threading.Event, progress: Progress) -> Loop:
        watched.loop = InboundLoop(rabbitmq.url, stop, progress, clock, watched, database)
        return watched.loop

    with running(recorder_of):
        wait_until(lambda: len(watched.sizes) >= 6, 20, "the deliveries were not recorded")
    assert watched.sizes == [900, 200, 1000, 1000, 1, 3]
    assert all(before < after for before, after in itertools.pairwise(watched.told))
    assert queued(rabbitmq) == 0
    with database.transaction() as session:
        assert inbox.aside_counts(session) == {inbox.UNKNOWN: 3104}


class ChoosyRecorder(Recorder):
    """One delivery meets a defect of ours, each time."""

    def record(self, deliveries: Sequence[Delivery]) -> None:
        if any(each.id == "poison" for each in deliveries):
            raise ValueError("a defect")
        super().record(deliveries)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_delivery_that_cannot_be_recorded_dies_where_it_is_seen_and_holds_up_no_other(
    rabbitmq: RabbitMQ, database: Database
) -> None:
    clock = SystemClock()
    poison = delivery("poison")
    publish(rabbitmq, names.INBOUND_QUEUE, *((body, {}) for body in (delivery("first"), poison, delivery("last"))))
    choosy = ChoosyRecorder(database, clock, Wakeups())
    with (
        running(lambda stop, progress: InboundLoop(rabbitmq.url, stop, progress, clock, choosy, database)),
        running(undertaker(rabbitmq, database)),
    ):
        wait_until(lambda: recorded(database) >= {"evt-first", "evt-last"}, 20, "the others were held up")
        wait_until(lambda: dead(database) == [poison], 30, "it is not among the dead")
    assert "evt-poison" not in recorded(database)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nudges_of_all_kinds_are_taken_or_dead_lettered(rabbitmq: RabbitMQ, database: Database) -> None:
    wakeups = Wakeups()
    odd = [(b'{"connection": "con_%d"}' % number, properties) for number, properties in enumerate(ODD.values())]
    wrong = [b"{not json", b"[]", b'{"connection": 7}', b'{"connection": ""}', b"\xff", b"[" * 100_000]
    publish(rabbitmq, names.RECONCILE_QUEUE, *odd, *((body, {}) for body in wrong))

    def nudges(stop: threading.Event, progress: Progress) -> Loop:
        return NudgeLoop(rabbitmq.url, stop, progress, SystemClock(), wakeups)

    with running(nudges), running(undertaker(rabbitmq, database)):
        wait_until(lambda: len(wakeups) == len(ODD), 20, "the nudges were not taken")
        wait_until(lambda: len(dead(database)) == len(wrong), 20, "the wrong ones are not among the dead")
    assert dead(database) == sorted(wrong)


HEADERS = st.dictionaries(
    st.text(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text(max_size=20) | st.binary(max_size=20),
        lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)
SHORT = st.binary(max_size=60) | st.text(max_size=20)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "headers": HEADERS | HEADERS.map(lambda value: {"x-death": [value], "compression": "bzip2"}),
        "content_type": SHORT,
        "content_encoding": SHORT,
        "message_id": SHORT,
        "correlation_id": SHORT,
        "type": SHORT,
        "timestamp": st.integers(0, 2**64 - 1),
    },
)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_whatever_is_published_dead_comes_out_as_it_was(rabbitmq: RabbitMQ, database: Database) -> None:
    with running(undertaker(rabbitmq, database)):

        @settings(
            max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
        )
        @given(st.lists(st.tuples(st.binary(max_size=200), PROPERTIES), min_size=1, max_size=10))
        def drained(messages: list[tuple[bytes, dict[str, Any]]]) -> None:
            publish(rabbitmq, names.DEAD_QUEUE, *messages)
            bodies = {body for body, _ in messages}
            wait_until(lambda: bodies <= set(dead(database)), 10, "the dead were not drained")

        drained()


def test_a_worker_that_is_busy_for_longer_than_its_heartbeat_keeps_its_connection(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for its wake-ups to be taken without reading what the broker said."""
    monkeypatch.setattr("consumers.broker_connection.connect.__defaults__", (1, 5.0))
    opened = []
    wakeups = Wakeups()
    for number in range(200):
        wakeups.nudge(f"con_{number}")

    class Counted(NudgeLoop):
        def _consume(self, connection: Any) -> None:
            opened.append(connection)
            super()._consume(connection)

    publish(rabbitmq, names.RECONCILE_QUEUE, *((b'{"connection": "new_%d"}' % number, {}) for number in range(30)))
    with running(lambda stop, progress: Counted(rabbitmq.url, stop, progress, SystemClock(), wakeups)):
        threading.Event().wait(5)
        assert len(opened) == 1
        assert len(wakeups) == 200
        while wakeups.take(0) is not None:
            """Somebody works."""
        wait_until(lambda: len(wakeups) == 30, 10, "the nudges were not taken")
        assert len(opened) == 1


def test_many_nudges_at_once_all_arrive_and_one_answer_says_so(rabbitmq: RabbitMQ) -> None:
    """Each waited for a confirm of its own: fifty connections in a batch cost fifty times the way to the broker."""
    nudger = BrokerNudger(rabbitmq.new_virtual_host())
    with pytest.raises(ConnectionError):
        nudger.waiting()
    url = rabbitmq.new_virtual_host()
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        topology.declare(connection.channel())
    nudger = BrokerNudger(url)
    nudger.nudge(*(f"con_{number}" for number in range(500)))
    wait_until(lambda: nudger.waiting() == 500, 10, "the nudges did not arrive")
    sent = nudger._local.connection.connection.bytes_recv
    nudger.nudge(*(f"con_{number}" for number in range(100)))
    assert nudger._local.connection.connection.bytes_recv - sent < 100
    nudger._drop()


def test_a_nudge_after_a_restart_of_the_broker_arrives(mortal_rabbitmq: RabbitMQ) -> None:
    url = mortal_rabbitmq.new_virtual_host()
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        topology.declare(connection.channel())
    nudger = BrokerNudger(url)
    nudger.nudge("a")
    mortal_rabbitmq.stop()
    mortal_rabbitmq.start()
    before = nudger.waiting()
    nudger.nudge("b")
    wait_until(lambda: nudger.waiting() == before + 1, 10, "the nudge after the restart is not there")
    nudger._drop()
