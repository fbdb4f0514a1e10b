"""Is it well? What an operator must know, judged from facts alone: each finding with its cause, its remedy, one button.

The console's page, the metrics, what is told by e-mail and webhook, and `ravebooks status` all say what `judge` says.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.model import SENTENCE_LIMIT

OUTBOX_LATE = timedelta(minutes=1)
QUEUE_LATE = timedelta(minutes=5)
"""How far past its time the oldest due change is before somebody is told: an outage of a minute passes by itself."""
UNANSWERED_LATE = timedelta(hours=1)
UNTOLD_LATE = timedelta(minutes=10)
PARKED_LATE = timedelta(hours=1)
SILENT = timedelta(minutes=1)
"""How long a process says nothing before it is missed: it gives a sign of life every ten seconds."""
READS_NEAR = 80
"""Percent of a month's budget of reads."""


class Area(StrEnum):
    """What has to work for both books to agree."""

    RECEIVING = "receiving"
    QUEUES = "queues"
    WORKING = "working"
    TELLING = "telling"


class Button(StrEnum):
    """The one thing to press, or the page where it is pressed."""

    NONE = ""
    RESUME_ALL = "resume all"
    RELEASE = "release"
    RESUME = "resume"
    CONNECTION = "connection"
    LOOK_AGAIN = "look again"
    DEAD_LETTERS = "dead letters"
    QUEUES = "queues"
    PARITY = "parity"
    READS = "reads"


class Code(StrEnum):
    """Every finding there is; an alert and a paragraph of the operator's page bear the same name."""

    BROKER_AWAY = "broker_away"
    OUTBOX_WAITS = "outbox_waits"
    NO_WEB = "no_web"
    PAST_DUE = "past_due"
    DEAD_LETTERS = "dead_letters"
    UNANSWERED = "unanswered"
    NO_WORKER = "no_worker"
    NO_SWEEPER = "no_sweeper"
    STUCK = "stuck"
    ALL_PAUSED = "all_paused"
    BRAKED = "braked"
    RECONNECT = "reconnect"
    PAUSED = "paused"
    STALLED = "stalled"
    LOOK_FAILING = "look_failing"
    PARKED = "parked_for_an_hour"
    PARITY = "parity_breaks"
    READS_NEAR = "reads_near"
    UNTOLD = "untold"
    TELLING_FAILS = "telling_fails"


TOLD = frozenset(
    {
        Code.BROKER_AWAY,
        Code.DEAD_LETTERS,
        Code.LOOK_FAILING,
        Code.NO_SWEEPER,
        Code.NO_WEB,
        Code.NO_WORKER,
        Code.OUTBOX_WAITS,
        Code.PARITY,
        Code.PARKED,
        Code.PAST_DUE,
        Code.READS_NEAR,
        Code.RECONNECT,
        Code.STALLED,
        Code.STUCK,
        Code.UNANSWERED,
        Code.UNTOLD,
    }
)
"""What somebody is told in time; what a person stopped on purpose, that person knows."""


@dataclass(frozen=True)
class Waiting:
    """How many wait, and since when the oldest does."""

    count: int = 0
    oldest: datetime | None = None

    def is_older(self, than: timedelta, now: datetime) -> bool:
        """Whether the oldest has waited longer than that."""
        return self.oldest is not None and now - self.oldest > than


@dataclass(frozen=True)
class Brake:
    """What a person stopped: `everything`, or a side or a kind of record."""

    name: str
    by: str
    cause: str
    since: datetime


@dataclass(frozen=True)
class Running:
    """A process as it was seen last; `broker` is None where there is none, or it asks none."""

    role: str
    name: str
    seen: datetime
    stuck: str = ""
    broker: bool | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether it has said something within the minute."""
        return now - self.seen <= SILENT


@dataclass(frozen=True)
class Look:
    """A look by the clock that fails."""

    since: datetime
    cause: str
    remedy: str


@dataclass(frozen=True)
class Company:
    """One connection: `state` as people see it, what waits for a person for an hour, its month's reads in percent."""

    id: str
    account: str
    state: str
    cause: str = ""
    remedy: str = ""
    since: datetime | None = None
    by_a_person: bool = False
    parked: Waiting = Waiting()
    unexplained: int = 0
    reads_percent: int | None = None
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that is judged, as it was at `now`."""

    now: datetime
    outbox: Waiting = Waiting()
    past_due: Waiting = Waiting()
    dead: Waiting = Waiting()
    unanswered: Waiting = Waiting()
    untold: Waiting = Waiting()
    brakes: tuple[Brake, ...] = ()
    companies: tuple[Company, ...] = ()
    processes: tuple[Running, ...] = ()
    swept: datetime | None = None
    not_told: Waiting = Waiting()
    not_told_why: str = ""


@dataclass(frozen=True)
class Finding:
    """What is not well: `subject` is a connection's id or a brake's name, empty for the whole installation."""

    code: Code
    area: Area
    cause: str
    remedy: str
    button: Button = Button.NONE
    subject: str = ""
    since: datetime | None = None

    @property
    def is_told(self) -> bool:
        """Whether somebody is told of it wherever they are."""
        return self.code in TOLD


def judge(facts: Facts) -> list[Finding]:
    """What is not well, by area; empty when all is."""
    found = [finding for look in _LOOKS for finding in look(facts)]
    order = list(Area)
    return sorted((_fitted(one) for one in found), key=lambda one: order.index(one.area))


def brakes_of(findings: Sequence[Finding]) -> list[Finding]:
    """What a person stopped: shown on top of every page until it goes on."""
    return [one for one in findings if one.code in (Code.ALL_PAUSED, Code.BRAKED)]


def _fitted(finding: Finding) -> Finding:
    room = SENTENCE_LIMIT - len(finding.remedy) - 1
    if len(finding.cause) <= room:
        return finding
    return replace(finding, cause=f"{finding.cause[: max(room - 1, 0)]}…")


def _receiving(facts: Facts) -> Iterator[Finding]:
    live = [one for one in facts.processes if one.is_live(facts.now)]
    if any(one.broker is False for one in live):
        yield Finding(
            Code.BROKER_AWAY,
            Area.RECEIVING,
            "RabbitMQ is out of reach. Deliveries are taken into the outbox and nothing is lost.",
            "Start RabbitMQ, or correct RAVEBOOKS_BROKER_URL.",
            Button.QUEUES,
        )
    if facts.outbox.is_older(OUTBOX_LATE, facts.now):
        yield Finding(
            Code.OUTBOX_WAITS,
            Area.RECEIVING,
            f"{_number(facts.outbox.count, 'delivery waits', 'deliveries wait')} in the outbox{_since(facts.outbox)}.",
            "They go on once RabbitMQ and the sweeper run.",
            Button.QUEUES,
            since=facts.outbox.oldest,
        )
    if facts.processes and not any(one.role in ("web", "up") for one in live):
        yield Finding(
            Code.NO_WEB,
            Area.RECEIVING,
            "No process that receives webhooks has said anything for a minute.",
            "Start `ravebooks web`, or see its log.",
        )


def _queues(facts: Facts) -> Iterator[Finding]:
    if facts.past_due.is_older(QUEUE_LATE, facts.now):
        yield Finding(
            Code.PAST_DUE,
            Area.QUEUES,
            f"{_number(facts.past_due.count, 'change is', 'changes are')} past due{_since(facts.past_due)}.",
            "See whether workers run and get anywhere; start more of them if they do.",
            Button.QUEUES,
            since=facts.past_due.oldest,
        )
    if facts.dead.count:
        yield Finding(
            Code.DEAD_LETTERS,
            Area.QUEUES,
            f"{_number(facts.dead.count, 'message', 'messages')} could not be handled{_since(facts.dead)}.",
            "Mend what they died of, then drive them again.",
            Button.DEAD_LETTERS,
            since=facts.dead.oldest,
        )
    if facts.unanswered.is_older(UNANSWERED_LATE, facts.now):
        yield Finding(
            Code.UNANSWERED,
            Area.QUEUES,
            f"{_number(facts.unanswered.count, 'write has', 'writes have')} no answer{_since(facts.unanswered)}.",
            "They are looked up by themselves; see whether the neighbour answers.",
            Button.QUEUES,
            since=facts.unanswered.oldest,
        )


def _processes(facts: Facts) -> Iterator[Finding]:
    live = [one for one in facts.processes if one.is_live(facts.now)]
    if facts.processes and not any(one.role in ("worker", "up") for one in live):
        yield Finding(
            Code.NO_WORKER,
            Area.WORKING,
            "No worker has said anything for a minute: nothing is written.",
            "Start `ravebooks worker`, or see its log.",
        )
    if facts.swept is not None and facts.now - facts.swept > 2 * SILENT:
        yield Finding(
            Code.NO_SWEEPER,
            Area.WORKING,
            f"Nobody looks for what is due since {_moment(facts.swept)}.",
            "Start `ravebooks sweeper`, or see its log.",
            since=facts.swept,
        )
    for one in live:
        if one.stuck:
            yield Finding(
                Code.STUCK,
                Area.WORKING,
                f"The {one.role} {one.name} gets nowhere with: {one.stuck}.",
                "If it lasts, restart that process: nothing is lost.",
                subject=one.name,
            )


def _brakes(facts: Facts) -> Iterator[Finding]:
    for brake in facts.brakes:
        everything = brake.name == "everything"
        what = "every write" if everything else f"writes of {brake.name}"
        why = f": {brake.cause.rstrip('.')}" if brake.cause else ""
        how = "run `ravebooks resume --all`" if everything else f"post to `/api/brakes/{brake.name}/resume`"
        yield Finding(
            Code.ALL_PAUSED if everything else Code.BRAKED,
            Area.WORKING,
            f"{brake.by or 'Somebody'} stopped {what} {_moment(brake.since)}{why}.",
            f"Nothing is lost; when it is mended press Go on, or {how}.",
            Button.RESUME_ALL if everything else Button.RELEASE,
            subject="" if everything else brake.name,
            since=brake.since,
        )


def _companies(facts: Facts) -> Iterator[Finding]:
    for company in facts.companies:
        for finding in _company(company, facts.now):
            yield replace(finding, subject=company.id, cause=f"{company.account}: {finding.cause}")


def _company(company: Company, now: datetime) -> Iterator[Finding]:
    if company.state == "stalled":
        yield Finding(Code.STALLED, Area.WORKING, company.cause, company.remedy, Button.CONNECTION, since=company.since)
    elif company.state == "paused" and company.by_a_person:
        yield Finding(Code.PAUSED, Area.WORKING, company.cause, "Press Resume when it is mended.", Button.RESUME)
    elif company.state == "paused":
        yield Finding(Code.RECONNECT, Area.WORKING, company.cause, company.remedy, Button.CONNECTION)
    for look in company.looks:
        yield Finding(Code.LOOK_FAILING, Area.WORKING, look.cause, look.remedy, Button.CONNECTION, since=look.since)
    if company.parked.is_older(PARKED_LATE, now):
        yield Finding(
            Code.PARKED,
            Area.WORKING,
            f"{_number(company.parked.count, 'record waits', 'records wait')} for a person{_since(company.parked)}.",
            "See what each needs; after a repair look again.",
            Button.LOOK_AGAIN,
            since=company.parked.oldest,
        )
    if company.unexplained:
        yield Finding(
            Code.PARITY,
            Area.WORKING,
            f"{_number(company.unexplained, 'pair differs', 'pairs differ')} and nothing explains it.",
            "Look at the newest parity report.",
            Button.PARITY,
        )
    if company.reads_percent is not None and company.reads_percent >= READS_NEAR:
        yield Finding(
            Code.READS_NEAR,
            Area.WORKING,
            f"{company.reads_percent} % of this month's budget of reads is spent.",
            "Nothing is stopped. See what they are for, or raise the budget.",
            Button.READS,
        )


def _telling(facts: Facts) -> Iterator[Finding]:
    if facts.untold.is_older(UNTOLD_LATE, facts.now):
        what = _number(facts.untold.count, "outcome waits", "outcomes wait")
        yield Finding(
            Code.UNTOLD,
            Area.TELLING,
            f"{what} to be told to Ravetree{_since(facts.untold)}.",
            "See whether Ravetree's API answers: `ravebooks doctor`.",
            Button.QUEUES,
            since=facts.untold.oldest,
        )
    if facts.not_told.count:
        yield Finding(
            Code.TELLING_FAILS,
            Area.TELLING,
            f"Operators could not be told: {facts.not_told_why}.",
            "Correct the settings RAVEBOOKS_MAIL_… or RAVEBOOKS_TELL_…; it is tried again.",
            since=facts.not_told.oldest,
        )


_LOOKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _receiving,
    _queues,
    _brakes,
    _processes,
    _companies,
    _telling,
)


def _number(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _moment(moment: datetime) -> str:
    return f"{moment:%d %b %H:%M} UTC"


def _since(waiting: Waiting) -> str:
    return f", the oldest since {_moment(waiting.oldest)}" if waiting.oldest else ""
