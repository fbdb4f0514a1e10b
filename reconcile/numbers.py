"""Numbers of documents that are taken in QuickBooks: what a person is told, and which others are given meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from reconcile.documents import NUMBER_LIMIT
from reconcile.model import Likeness

_TEMPORARY = "Renumbering"
"""Begins the number that a document has while others change theirs: nobody numbers so by hand."""

NOTE_LIMIT = 4000
"""Characters that QuickBooks keeps of a private note."""


@dataclass(frozen=True)
class Holder:
    """The document of QuickBooks that has the number; `says` is its total and date, `freed` the number it would get."""

    kind: str
    id: str
    says: str
    likeness: Likeness
    freed: str = ""


def told(holder: Holder, number: str) -> tuple[str, str]:
    """What is the matter with a number that is taken, and what can be done about it."""
    taken = f"its number is taken in QuickBooks by {holder.kind} Id {holder.id} ({holder.says})"
    match holder.likeness:
        case Likeness.SAME:
            same = "It has the same customer, total and date: decide `adopt`"
            return taken, f"{same}, or renumber one of them and press retry."
        case Likeness.CUSTOMER:
            same = f"Decide `link` with target {holder.id} if it is the same one"
            return taken, f"{same}; else renumber one of them and press retry."
        case Likeness.VOID:
            void = f"its number is taken in QuickBooks by our own void {holder.kind} Id {holder.id}"
            free = f"decide `free`: {number} is used again, and the void one becomes {holder.freed}."
            return void, f"Change the number in Ravetree, or {free}"
        case Likeness.NONE:
            return taken, "Give one of the two another number, then press retry."


def temporary_number(pair_id: int) -> str:
    """The number that a document of this pair has while others change theirs."""
    return f"{_TEMPORARY} {pair_id}"[:NUMBER_LIMIT]


def freed_number(number: str, is_taken: Callable[[str], bool]) -> str:
    """The number that a void document gets in place of its own; empty where none fits."""
    place = 1
    while len(found := f"{number}-V{place if place > 1 else ''}") <= NUMBER_LIMIT:
        if not is_taken(found):
            return found
        place += 1
    return ""


def freed_note(note: str, number: str) -> str:
    """The private note of a void document that has given its number away: by its beginning it is known as void."""
    said = f" (its number was {number})"
    return f"{note[: NOTE_LIMIT - len(said)]}{said}"
