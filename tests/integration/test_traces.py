"""A trace on its way through a real broker, the outbox and both databases, and to a collector."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pika
import pytest
import sqlalchemy as sa
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from config import names
from config.ports import SystemClock
from consumers.inbound import InboundLoop
from consumers.recorder import Recorder
from consumers.wakeups import Wakeups
from publishers.confirms import ConfirmedPublisher
from publishers.deliveries import BrokerPublisher, Relay
from reconcile.model import Kind, Record, Side
from schemas import envelopes
from schemas.envelopes import Delivery
from storage import migrations, pending
from storage.database import Database
from storage.models import OutboxMessage, PendingChange
from tests.integration.running import RunningWorld
from tests.integration.system import System, until
from tests.integration.test_consuming import running
from tests.services.ports import free_ports, wait_until
from tests.services.postgresql import PostgreSQL
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection, delivery, envelope

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NEWER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    postgresql: PostgreSQL = request.getfixturevalue("postgresql")
    url = f"sqlite:///{tmp_path}/books.db" if request.param == "sqlite" else postgresql.new_database()
    made = Database(url, SystemClock())
    migrations.upgrade(made)
    add_connection(made)
    yield made
    made.close()


@pytest.fixture
def publisher(virtual_host: str) -> Iterator[ConfirmedPublisher]:
    made = ConfirmedPublisher(virtual_host)
    made.start()
    wait_until(lambda: made.connected, 20, "the publisher did not connect")
    yield made
    made.stop()


def recording(url: str, database: Database) -> AbstractContextManager[None]:
    """The recorder at work meanwhile."""
    recorder = Recorder(database, SystemClock(), Wakeups())
    return running(lambda stop, progress: InboundLoop(url, stop, progress, SystemClock(), recorder, database))


def noted(database: Database) -> dict[str, str | None]:
    """The trace of each record that is noted."""
    with database.reading() as session:
        rows = session.execute(sa.select(PendingChange.record_id, PendingChange.traceparent))
        return {row.record_id: row.traceparent for row in rows}


def traced(subject: str, trace: str) -> Delivery:
    return msgspec.structs.replace(delivery(envelope(f"evt-{subject}", subject=subject)), traceparent=trace)


def test_a_trace_goes_beside_the_message_to_the_note(
    publisher: ConfirmedPublisher, virtual_host: str, database: Database
) -> None:
    BrokerPublisher(publisher, database, SystemClock(), 1.0).publish([traced("145", TRACE), traced("146", "")])
    with recording(virtual_host, database):
        wait_until(lambda: len(noted(database)) == 2, 20, "nothing was recorded")
    assert noted(database) == {"145": TRACE, "146": None}


def test_it_waits_in_the_outbox_with_its_message(
    publisher: ConfirmedPublisher, virtual_host: str, database: Database
) -> None:
    nobody = ConfirmedPublisher(f"amqp://guest:guest@127.0.0.1:{free_ports(1)[0]}/")
    BrokerPublisher(nobody, database, SystemClock(), 1.0).publish([traced("145", TRACE)])
    nobody.stop()
    with database.reading() as session:
        assert session.execute(sa.select(OutboxMessage.traceparent)).scalars().all() == [TRACE]
    assert Relay(publisher, database, SystemClock()).relay() == 1
    with recording(virtual_host, database):
        wait_until(lambda: noted(database) != {}, 20, "nothing was recorded")
    assert noted(database) == {"145": TRACE}


@pytest.mark.parametrize("said", [7, "x" * 10_000, TRACE.upper(), [TRACE], b"\xff\xfe", None], ids=repr)
def test_what_a_stranger_writes_there_is_not_believed_and_stops_nothing(
    virtual_host: str, publisher: ConfirmedPublisher, database: Database, said: Any
) -> None:
    with pika.BlockingConnection(pika.URLParameters(virtual_host)) as connection:
        properties = pika.BasicProperties(delivery_mode=2, headers={"traceparent": said})
        body = envelopes.encode(traced("145", ""))
        connection.channel().basic_publish(names.EVENTS_EXCHANGE, "quickbooks.1", body, properties)
    with recording(virtual_host, database):
        wait_until(lambda: noted(database) != {}, 20, "nothing was recorded")
    assert noted(database) == {"145": None}


def test_a_later_hint_with_a_trace_takes_its_place_and_one_without_leaves_it(database: Database) -> None:
    recorder = Recorder(database, SystemClock(), Wakeups())
    for name, trace, expected in (("a", TRACE, TRACE), ("b", NEWER, NEWER), ("c", "", NEWER)):
        recorder.record([msgspec.structs.replace(delivery(envelope(name, subject="145")), traceparent=trace)])
        assert noted(database) == {"145": expected}


def test_what_we_note_ourselves_goes_on_in_the_trace_at_hand_and_takes_no_deliverys_away(database: Database) -> None:
    """As when change data capture brings what a delivery spoke of a moment before."""
    recorder = Recorder(database, SystemClock(), Wakeups())
    recorder.record([traced("145", TRACE)])
    _, trace_id, span_id, _ = NEWER.split("-")
    at_hand = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(at_hand)), database.transaction() as session:
        for subject in ("145", "146"):
            pending.note(session, CONNECTION, Record(Side.QUICKBOOKS, Kind.INVOICE, subject), START)
    assert noted(database) == {"145": TRACE, "146": NEWER}


class Collector:
    """Takes spans on a port of its own, as OTLP over HTTP."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.resources: list[ResourceSpans] = []
        taken = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                taken.paths.add(self.path)
                taken.resources += ExportTraceServiceRequest.FromString(body).resource_spans
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_said: object) -> None:
                """Nothing on the test's own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def traces(self) -> dict[bytes, list[Span]]:
        found: dict[bytes, list[Span]] = {}
        for resource in self.resources:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.trace_id, []).append(span)
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def test_a_process_sends_one_trace_from_the_delivery_to_the_answer(collector: Collector, tmp_path: Path) -> None:
    """As an operator has it: a setting, the SDK, and whatever takes OTLP. What is left goes out as the process ends."""
    system = System(tmp_path, {"RAVEBOOKS_TRACES_URL": collector.url})
    system.start()
    world = RunningWorld(system)
    try:
        client = world.client("Traced")
        # The look at Ravetree's log with which a connection begins may find an invoice before its delivery comes.
        world.settle()
        invoice = world.invoice(client, "10.00")
        until(lambda: world.quickbooks.invoice(invoice["number"]))
        world.settle()
    finally:
        world.close()
        ended = system.stop()
    assert ended == 0
    assert collector.paths == {"/v1/traces"}
    about = {each.key: each.value.string_value for each in collector.resources[0].resource.attributes}
    assert about["service.name"] == "ravebooks-up"
    named = [{span.name for span in trace} for trace in collector.traces().values()]
    assert {"receive", "record", "reconcile", "write"} in named
    assert {"slice"} in named
