"""Sends the spans of a process to a collector, with OpenTelemetry's SDK, where somebody has set that up."""

from collections.abc import Callable

from opentelemetry import trace

from config.settings import Settings
from config.telemetry import VERSION


def begin(settings: Settings, role: str) -> Callable[[], object]:
    """Send spans from now on, in the background; returns what sends the last of them.

    How many are sampled, what else is said of this process and how it signs in are the SDK's own settings (`OTEL_…`).
    """
    if not settings.traces_url:
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # the extra `otel`
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = Resource.create({"service.name": f"ravebooks-{role}", "service.version": VERSION})
    # Not at the exit of the process, which would wait for a collector that hangs: whoever drains it ends this too.
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.traces_url)))
    trace.set_tracer_provider(provider)
    return provider.shutdown
