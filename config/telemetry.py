"""Metrics (Prometheus), traces (OpenTelemetry's API: silent until an SDK is installed) and progress of loops."""

import os
import threading
from importlib.metadata import version

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from config.names import METRICS_FOLDER_VARIABLE
from config.ports import Clock

tracer = trace.get_tracer("ravebooks")

deliveries = Counter("ravebooks_deliveries_total", "Webhook deliveries by source and answer", ["source", "answer"])
delivery_seconds = Histogram(
    "ravebooks_delivery_seconds",
    "Time to answer a webhook delivery",
    ["source"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
published = Counter("ravebooks_published_total", "Messages by the way they took", ["way"])
broker_up = Gauge(
    "ravebooks_broker_connected", "1 while the publisher has a channel with confirms", multiprocess_mode="livemin"
)
outbox_size = Gauge("ravebooks_outbox_messages", "Messages that wait in the outbox", multiprocess_mode="livemostrecent")
events_recorded = Counter("ravebooks_events_total", "Events by source and what became of them", ["source", "outcome"])
record_seconds = Histogram("ravebooks_record_seconds", "Time to record one batch of messages")
slices = Counter("ravebooks_slices_total", "Slices of work by how they ended", ["outcome"])
changes = Counter("ravebooks_changes_total", "Pending changes by what became of them", ["kind", "outcome"])
operations = Counter("ravebooks_operations_total", "Writes by side, action and result", ["side", "action", "result"])
metered_reads = Counter("ravebooks_metered_reads_total", "Metered reads of QuickBooks by what they were for", ["cause"])
calls = Counter("ravebooks_calls_total", "Calls to the neighbours", ["side", "nature", "endpoint", "result"])
call_seconds = Histogram("ravebooks_call_seconds", "Time of one call to a neighbour", ["side"])
dead_letters = Counter("ravebooks_dead_letters_total", "Messages that were dead-lettered, by reason", ["reason"])
no_longer_kept = Counter("ravebooks_no_longer_kept_total", "Rows that were removed or emptied for their age", ["what"])
parity_differences = Gauge(
    "ravebooks_parity_differences",
    "Pairs that differ in the newest parity reports, by cause",
    ["cause"],
    multiprocess_mode="livemostrecent",
)
all_paused = Gauge(
    "ravebooks_all_paused",
    "1 while a person has stopped every write of this installation",
    multiprocess_mode="livemostrecent",
)
stalled = Gauge(
    "ravebooks_connections_stalled",
    "Connections that get no further because of an unexpected error",
    multiprocess_mode="livemostrecent",
)
parked = Gauge("ravebooks_attention", "Records that wait for a person", ["state"], multiprocess_mode="livemostrecent")
unwell = Gauge(
    "ravebooks_unwell",
    "Findings of `ravebooks status`, by what they are",
    ["code"],
    multiprocess_mode="livemostrecent",
)
due_oldest = Gauge(
    "ravebooks_due_oldest_seconds",
    "How long the oldest change that is past due has waited since its time",
    multiprocess_mode="livemostrecent",
)
past_due = Gauge(
    "ravebooks_past_due_changes",
    "Changes whose time came more than a minute ago, counted up to ten thousand",
    multiprocess_mode="livemostrecent",
)
pending_changes = Gauge(
    "ravebooks_pending_changes", "Pending changes by state", ["state"], multiprocess_mode="livemostrecent"
)
connections = Gauge(
    "ravebooks_connections", "Connections by their state", ["state"], multiprocess_mode="livemostrecent"
)
outbox_oldest = Gauge(
    "ravebooks_outbox_oldest_seconds", "Age of the oldest message in the outbox", multiprocess_mode="livemostrecent"
)
dead_waiting = Gauge(
    "ravebooks_dead_letters_waiting",
    "Dead letters that nobody has driven again or discarded",
    multiprocess_mode="livemostrecent",
)
uncertain = Gauge("ravebooks_uncertain_writes", "Writes that have no answer yet", multiprocess_mode="livemostrecent")
uncertain_oldest = Gauge(
    "ravebooks_uncertain_oldest_seconds",
    "Age of the oldest write without an answer",
    multiprocess_mode="livemostrecent",
)
untold_oldest = Gauge(
    "ravebooks_untold_oldest_seconds",
    "How long the oldest outcome has waited to be told to Ravetree",
    multiprocess_mode="livemostrecent",
)
swept = Gauge(
    "ravebooks_swept_timestamp_seconds", "When the sweeper looked last, in Unix time", multiprocess_mode="livemax"
)
cdc_age = Gauge(
    "ravebooks_cdc_age_seconds",
    "How far change data capture of the worst connection is behind",
    multiprocess_mode="livemostrecent",
)
reads_percent = Gauge(
    "ravebooks_reads_budget_percent",
    "Percent of this month's budget of reads that the worst connection has spent",
    multiprocess_mode="livemostrecent",
)
processes = Gauge(
    "ravebooks_processes",
    "Processes that gave a sign of life within a minute, by role",
    ["role"],
    multiprocess_mode="livemostrecent",
)
webhook_to_write = Histogram(
    "ravebooks_webhook_to_write_seconds",
    "From a delivery until what it speaks of is written in the other book and answered",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
)
token_refreshes = Counter("ravebooks_token_refreshes_total", "Refreshes of QuickBooks' tokens by result", ["result"])
told = Counter("ravebooks_told_total", "What operators were told, by way and result", ["way", "result"])
for _result in ("done", "failed"):
    # There from the start: what appears with its first failure was never seen to rise.
    token_refreshes.labels(_result)
VERSION = version("ravebooks")
build = Gauge("ravebooks_build_info", "1, with the version that runs", ["version"], multiprocess_mode="livemostrecent")
build.labels(VERSION).set(1)
loop_errors = Counter("ravebooks_loop_errors_total", "Unexpected errors in an outermost loop", ["loop"])
api_unauthorised = Counter("ravebooks_api_unauthorised_total", "Calls of the API without its token")
requests_refused = Counter("ravebooks_requests_refused_total", "Requests that could not be read, by answer", ["status"])
connections_closed = Counter(
    "ravebooks_connections_closed_total", "Connections closed because the client had its time", ["waited_for"]
)


COUNTED = {
    "received": (deliveries, ""),
    "event": (events_recorded, "outcome"),
    "change": (changes, "outcome"),
    "write": (operations, "result"),
    "read": (metered_reads, ""),
    "dead": (dead_letters, ""),
}
"""What is sampled of the counters of each process, by the label that tells them apart."""
LATENCY = "latency."


def totals() -> dict[str, float]:
    """What this process has counted since it began: `write.done`, and `latency.5.0` for what took at most 5 s.

    Read from the counters themselves: to be sampled costs what is counted nothing.
    """
    found: dict[str, float] = {}
    for name, (counter, label) in COUNTED.items():
        for sample in next(iter(counter.collect())).samples:
            if sample.name.endswith("_total"):
                key = f"{name}.{sample.labels[label]}" if label else name
                found[key] = found.get(key, 0.0) + sample.value
    before = 0.0
    for sample in next(iter(webhook_to_write.collect())).samples:
        if sample.name.endswith("_bucket"):
            found[f"{LATENCY}{sample.labels['le']}"] = sample.value - before
            before = sample.value
    return found


def exposition() -> bytes:
    """All metrics in Prometheus' format: this process's, or the sum over those that share a folder."""
    if METRICS_FOLDER_VARIABLE not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class Progress:
    """When each loop of this process last got anywhere: liveness is progress, not an open socket."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def expect(self, loop: str, seconds: float) -> "Beat":
        """Announce `loop`, which gets somewhere at least every `seconds`; returns what it calls then."""
        beat = Beat(self, loop, seconds)
        beat()
        return beat

    def note(self, loop: str, seconds: float | None) -> None:
        """`loop` got somewhere, and is silent for `seconds` at most from now on; None: for as long as it likes."""
        with self._lock:
            if seconds is None:
                self._beats.pop(loop, None)
            else:
                self._beats[loop] = (self._clock.monotonic(), seconds)

    def stuck(self) -> list[str]:
        """Loops that have been silent for longer than they promised."""
        now = self._clock.monotonic()
        with self._lock:
            return [loop for loop, (last, limit) in self._beats.items() if now - last > limit]


class Beat:
    """What a loop calls when it got somewhere."""

    def __init__(self, progress: Progress, loop: str, seconds: float) -> None:
        self._progress = progress
        self._loop = loop
        self._seconds = seconds

    def __call__(self) -> None:
        self._progress.note(self._loop, self._seconds)

    def rest(self) -> None:
        """Nothing is expected until the next call."""
        self._progress.note(self._loop, None)
