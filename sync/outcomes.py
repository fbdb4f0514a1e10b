"""How the work on one record ended."""

from dataclasses import dataclass

from reconcile.model import Attention, Kind, Record, switch_on_of


@dataclass(frozen=True)
class Agreed:
    """Both sides say the same, as far as they ever will; `ignored` says why nothing was to be done.

    `notices` say what of it had to be shortened, left out or kept otherwise.
    """

    ignored: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class NeedsAttention:
    """A person has to act. When one of those that it was `asked_with` changes, it is looked at again."""

    attention: Attention
    asked_with: frozenset[Record] = frozenset()


@dataclass(frozen=True)
class Waits:
    """Another record has to get on first; `why` says so to a bookkeeper, where its name alone does not."""

    target: Record
    why: str = ""


Outcome = Agreed | NeedsAttention | Waits


def switched_off(kind: Kind) -> Waits:
    """What has a partner moves no further while its kind is switched off; the switch-on wakes it."""
    return Waits(switch_on_of(kind))


MAX_ROUNDS = 10
"""Plans for one record in one go. More would mean that two rules undo each other: no reason to write on."""


def does_not_settle(name: str) -> NeedsAttention:
    """The plans for a record do not come to an end."""
    return NeedsAttention(
        Attention(
            "parked",
            "does_not_settle",
            f"{name} does not settle after {MAX_ROUNDS} writes.",
            "Report it: this is a fault of Ravebooks. Nothing more is written for it.",
        )
    )
