"""Traces that go on from a delivery to the write that comes of it, and its answer, across queues, tables and processes.

What carries a trace is W3C's `traceparent`, 55 characters, and nothing else of it. Without OpenTelemetry's SDK there is
none, and every step here is over after a look.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from config import telemetry

TRACEPARENT = "traceparent"
"""The name of HTTP's header, and of a message's."""
LENGTH = 55
"""Characters of the version that there is, `00`. Others are not followed: nothing of ours writes one."""

_W3C = TraceContextTextMapPropagator()


def current() -> str:
    """The `traceparent` of the span at hand; empty when nothing is traced."""
    if not trace.get_current_span().get_span_context().is_valid:
        return ""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier[TRACEPARENT]


def checked(said: Any) -> str:
    """A `traceparent` that came from outside; empty if it is none."""
    return said if _context_of(said) is not None else ""


def _context_of(said: Any) -> Context | None:
    if not isinstance(said, str) or len(said) != LENGTH or not said.startswith("00-"):
        return None
    found = _W3C.extract({TRACEPARENT: said}, Context())
    return found if trace.get_current_span(found).get_span_context().is_valid else None


def go_on(name: str, traceparent: str | None, others: Iterable[str | None] = ()) -> AbstractContextManager[Span]:
    """A span of the trace that `traceparent` names, linked to the span at hand and to those that `others` name.

    Without a `traceparent` it is one of the trace at hand. What the block raises is for the log: it may quote books.
    """
    parent = _context_of(traceparent) if traceparent else None
    links = []
    if parent is not None:
        links = [_link(context) for context in (None, *map(_context_of, others))]
    return telemetry.tracer.start_as_current_span(
        name,
        context=parent,
        links=[link for link in links if link is not None],
        record_exception=False,
        set_status_on_exception=False,
    )


def _link(context: Context | None) -> Link | None:
    linked = trace.get_current_span(context).get_span_context()
    return Link(linked) if linked.is_valid else None


def note_passed(name: str, traceparent: str, begun: int) -> None:
    """A span of the trace that `traceparent` names, from `begun`, in nanoseconds of Unix time, until now."""
    if parent := _context_of(traceparent):
        telemetry.tracer.start_span(name, context=parent, start_time=begun).end()


def link_to(said: Any) -> None:
    """Link the span at hand to a caller's: its trace is its own, and so is what it wants sampled."""
    if (context := _context_of(said)) is not None:
        trace.get_current_span().add_link(trace.get_current_span(context).get_span_context())


def answered(result: str, *, fault: str = "", status: int = 0, intuit_tid: str = "") -> None:
    """What a write came to, on the span at hand: `done`, `refused` or `uncertain`."""
    span = trace.get_current_span()
    if not span.is_recording():
        return
    said: dict[str, str | int] = {
        "result": result,
        "fault": fault,
        "http.response.status_code": status,
        "intuit_tid": intuit_tid,
    }
    span.add_event("answer", {name: value for name, value in said.items() if value})
    if result != "done":
        span.set_status(StatusCode.ERROR, result)
