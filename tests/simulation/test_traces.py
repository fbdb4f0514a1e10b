"""One trace from a delivery to the write that comes of it and its answer, read with OpenTelemetry's own SDK."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from config import telemetry
from ravebooks.demo.sides import Body
from storage.models import Operation, PendingChange
from tests.simulation.world import Letter, World

CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where spans go from now on, as if the SDK were set up."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "tracer", provider.get_tracer("ravebooks"))
    return exporter


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def trace_of(spans: InMemorySpanExporter, span: ReadableSpan) -> list[ReadableSpan]:
    return [each for each in spans.get_finished_spans() if ids(each)[0] == ids(span)[0]]


def parent(span: ReadableSpan) -> tuple[int, int]:
    assert span.parent is not None
    return span.parent.trace_id, span.parent.span_id


def linked(span: ReadableSpan) -> set[tuple[int, int]]:
    return {(link.context.trace_id, link.context.span_id) for link in span.links}


def answers(traced: Sequence[ReadableSpan]) -> list[tuple[object, object]]:
    """What each write came to, with its status."""
    found = [event.attributes or {} for span in traced for event in span.events if event.name == "answer"]
    return [(said["result"], said.get("http.response.status_code")) for said in found]


def test_one_trace_leads_from_the_delivery_to_the_write_and_its_answer(
    world: World, paired: Body, spans: InMemorySpanExporter
) -> None:
    world.ravetree.change("invoices", paired["id"], {"memo": "Thank you"})
    (letter,) = world.collect()
    world.deliver(letter)
    world.work()
    (receive,), (write,) = named(spans, "receive"), named(spans, "write")
    trace = trace_of(spans, receive)
    assert [span.name for span in trace] == ["record", "receive", "write", "reconcile"]
    (record,), (reconcile,) = named(spans, "record"), named(spans, "reconcile")
    assert receive.parent is None
    assert [parent(span) for span in (record, reconcile, write)] == [ids(receive), ids(receive), ids(reconcile)]
    # The slice is another trace, of all that was due: it is linked.
    assert linked(reconcile) == {ids(span) for span in named(spans, "slice")}
    assert (write.attributes or {})["side"] == "quickbooks"
    assert answers([write]) == [("done", 200)]


def test_an_answer_that_was_lost_comes_in_the_same_trace(
    world: World, paired: Body, spans: InMemorySpanExporter
) -> None:
    world.quickbooks.steer("faults", {"endpoint": "invoice.*", "kind": "timeout_after", "count": 1})
    world.ravetree.change("invoices", paired["id"], {"memo": "Thank you"})
    (letter,) = world.collect()
    world.deliver(letter)
    for _ in range(20):
        world.work()
        world.clock.advance(20)
    first, again = (span for span in named(spans, "write") if (span.attributes or {})["side"] == "quickbooks")
    assert ids(first)[0] == ids(again)[0] == ids(named(spans, "receive")[0])[0]
    assert [result for result, _ in answers([first, again])] == ["uncertain", "done"]


def test_the_newest_of_several_hints_goes_on_in_its_trace(
    world: World, paired: Body, spans: InMemorySpanExporter
) -> None:
    letters = []
    for memo in ("First", "Second", "Third"):
        world.ravetree.change("invoices", paired["id"], {"memo": memo})
        letters += world.collect()
    for letter in letters:
        world.deliver(letter)
        world.clock.advance(1)
    world.work()
    assert len(letters) == len(named(spans, "record")) == 3
    (reconcile,) = named(spans, "reconcile")
    assert parent(reconcile) == ids(named(spans, "receive")[-1])


def test_a_record_with_notes_on_both_sides_goes_on_in_one_trace_and_is_linked_to_the_other(
    world: World, paired: Body, spans: InMemorySpanExporter
) -> None:
    theirs = world.quickbooks.invoice(paired["number"])
    assert theirs is not None
    sparse = {name: theirs[name] for name in ("Id", "SyncToken")} | {"sparse": True, "PrivateNote": "Seen"}
    world.quickbooks.write("invoice", sparse)
    world.ravetree.change("invoices", paired["id"], {"memo": "Thank you"})
    letters = world.collect()
    assert len(letters) == 2
    for letter in letters:
        world.deliver(letter)
    world.work()
    (reconcile,) = named(spans, "reconcile")
    came = {ids(span) for span in named(spans, "receive")}
    assert parent(reconcile) in came
    assert came <= {parent(reconcile)} | linked(reconcile)


def test_a_senders_trace_is_linked_once_its_signature_is_right(
    world: World, paired: Body, spans: InMemorySpanExporter
) -> None:
    """Nobody but our neighbours may write into our traces, and they decide nothing about them."""
    world.ravetree.change("invoices", paired["id"], {"memo": "Thank you"})
    (letter,) = world.collect()
    traced = letter.headers | {"traceparent": CALLERS}
    assert world.deliver(Letter(letter.url, traced, letter.body + b" ")).status_code == 401
    assert world.deliver(Letter(letter.url, traced, letter.body)).status_code == 200
    unsigned, signed = named(spans, "receive")
    assert [linked(span) for span in (unsigned, signed)] == [
        set(),
        {tuple(int(p, 16) for p in CALLERS.split("-")[1:3])},
    ]
    assert signed.parent is None


def test_without_an_sdk_nothing_is_kept_of_traces(world: World, paired: Body) -> None:
    world.ravetree.change("invoices", paired["id"], {"memo": "Thank you"})
    (letter,) = world.collect()
    world.deliver(Letter(letter.url, letter.headers | {"traceparent": CALLERS}, letter.body))
    with world.parts.database.reading() as session:
        assert session.execute(sa.select(PendingChange.traceparent)).scalars().all() == [None]
    world.work()
    with world.parts.database.reading() as session:
        assert set(session.execute(sa.select(Operation.traceparent)).scalars()) == {None}
