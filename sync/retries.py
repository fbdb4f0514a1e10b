"""What to do after an error: a value, apart from whoever carries it out."""

from dataclasses import dataclass

from clients.errors import Missing, Moved, NotAuthorised, NotSent, OutcomeUnknown, Refused, Throttled
from clients.quickbooks.faults import DuplicateNumber, TokenExpired
from config.errors import RavebooksError, code_of
from reconcile.decisions import Decision
from reconcile.model import Likeness
from storage.brakes import TooManyRemovals

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True)
class Retry:
    """Look again later; `everything` when the neighbour as a whole is out of reach."""

    seconds: float
    everything: bool = False


@dataclass(frozen=True)
class Replan:
    """The record moved: read it again and plan anew."""


@dataclass(frozen=True)
class Park:
    """Keep it until a person acts."""

    code: str
    cause: str
    remedy: str
    state: str = "parked"
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Pause:
    """Stop the whole connection until a person acts."""

    cause: str
    remedy: str


Reaction = Retry | Replan | Park | Pause

_ANSWERS: dict[Likeness, tuple[Decision, ...]] = {
    Likeness.SAME: (Decision.ADOPT,),
    Likeness.CUSTOMER: (Decision.LINK,),
    Likeness.VOID: (Decision.FREE,),
    Likeness.NONE: (),
}
"""What a person can decide about a number that is taken, by whose it is: what the remedy names."""


def backoff(attempts: int, jitter: float) -> float:
    """Seconds before the next try: doubling from one second to one hour, times `jitter` (0.5 to 1.5)."""
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(attempts, 20), LAST_RETRY_SECONDS) * jitter


def decide(error: RavebooksError, what: str, attempts: int, jitter: float) -> Reaction:
    """What to do after `error` at the record named `what` ("Invoice 1043")."""
    match error:
        case NotAuthorised():
            return Pause(_capital(str(error)) + ".", error.remedy)
        case Throttled():
            return Retry(error.wait_seconds, everything=True)
        case NotSent() | OutcomeUnknown() | TokenExpired():
            return Retry(backoff(attempts, jitter), everything=True)
        case Moved():
            return Replan()
        case TooManyRemovals():
            return Park("too_many_removals", f"{what}: {error}.", error.remedy, "held")
        case DuplicateNumber():
            return Park(code_of(type(error)), f"{what}: {error}.", error.remedy, decisions=_ANSWERS[error.likeness])
        case Missing() | Refused():
            return Park(code_of(type(error)), f"{what}: {error}.", error.remedy)
        case _:
            return Park(code_of(type(error)), f"{what}: {error}."[:500], error.remedy)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
