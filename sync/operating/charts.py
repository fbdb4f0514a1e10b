"""Charts of what was sampled: values for a template to draw, and percentiles out of counted steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from config.telemetry import LATENCY
from storage import samples
from storage.samples import COUNTED, MINUTE, QUARTER

STEPS = ("0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "300.0", "900.0", "3600.0", "+Inf")
SPANS = {"hour": (MINUTE, timedelta(hours=1)), "day": (QUARTER, timedelta(days=1))}
WIDTH, HEIGHT = 600, 80


@dataclass(frozen=True)
class Chart:
    """One line: `points` are as SVG wants them, a stretch without samples lies at nothing."""

    title: str
    unit: str
    points: str
    latest: float
    highest: float


@dataclass(frozen=True)
class Percentiles:
    """Seconds from webhook to write, each at most so much; None when nothing was written."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


SHOWN = (
    ("Past due", "changes", ("depth.past_due",)),
    ("Oldest past due", "s", ("age.due",)),
    ("Wait for a person", "records", ("depth.parked", "depth.held")),
    ("Deliveries received", "", (f"{COUNTED}received",)),
    ("Events recorded", "", (f"{COUNTED}event.recorded",)),
    ("Writes done", "", (f"{COUNTED}write.done",)),
    ("Outbox", "messages", ("depth.outbox",)),
    ("Dead letters", "messages", ("depth.dead",)),
)
"""What is drawn: title, unit, and the samples that are added up."""


def charts(session: Session, now: datetime, span: str) -> list[Chart]:
    """The charts of the last hour or day."""
    seconds, back = SPANS[span]
    begin = samples.begins(now - back, seconds)
    found = samples.series(session, {name for _, _, names in SHOWN for name in names}, seconds, begin)
    places = int(back.total_seconds()) // seconds + 1
    return [
        _chart(title, unit, [found[name] for name in names], begin, seconds, places) for title, unit, names in SHOWN
    ]


def _chart(
    title: str,
    unit: str,
    series: Sequence[Sequence[tuple[datetime, float]]],
    begin: datetime,
    seconds: int,
    places: int,
) -> Chart:
    values = [0.0] * places
    for one in series:
        for at, value in one:
            place = int((at - begin).total_seconds()) // seconds
            if 0 <= place < places:
                values[place] += value
    highest = max(values)
    scale = HEIGHT / highest if highest else 0.0
    step = WIDTH / (places - 1)
    points = " ".join(f"{place * step:.1f},{HEIGHT - value * scale:.1f}" for place, value in enumerate(values))
    return Chart(title, unit, points, values[-1], highest)


def percentiles(session: Session, now: datetime) -> Percentiles:
    """Of the last hour."""
    beginning = f"{COUNTED}{LATENCY}"
    counted = samples.summed(session, now - timedelta(hours=1), beginning)
    return of_steps({name.removeprefix(beginning): value for name, value in counted.items()})


def of_steps(counted: Mapping[str, float]) -> Percentiles:
    """The upper end of the step in which each percentile lies; beyond the last one nobody knows."""
    total = sum(counted.values())

    def at(share: float) -> float | None:
        passed = 0.0
        for step in STEPS:
            passed += counted.get(step, 0.0)
            if total and passed >= share * total:
                return float(step)
        return None

    return Percentiles(int(total), at(0.5), at(0.95), at(0.99))
