"""What differs, a page at a time: along Ravetree's own lists, and of each kind at last what is gone from its list."""

from collections.abc import Iterator
from typing import Any

from clients.ravetree.account import RESOURCES
from reconcile.compare import Cause
from reconcile.model import Kind, Side
from storage import copies, pairs
from storage.models import Pair
from storage.paging import Asked, Key, Page
from sync.questions.comparison import COMPARED, BothBooks, SideBySide

MOST_LISTS = 10
"""How many pages of Ravetree's lists are looked through for one page of what differs."""

_LISTED, _GONE = "listed", "gone"


def page(both: BothBooks, asked: Asked) -> Page[SideBySide]:
    """The next pairs that differ. What a page needs alone is compared; one may have fewer rows than asked for."""
    rows: list[SideBySide] = []
    last, lists = asked.after, 0
    for key, held in _from(both, asked.after):
        if held is not None and _differs(held):
            if len(rows) == asked.limit:
                return Page(rows, last)
            rows.append(held)
        last = key
        lists += held is None
        if lists == MOST_LISTS:
            return Page(rows, last)
    return Page(rows)


def _from(both: BothBooks, after: Key | None) -> Iterator[tuple[Key, SideBySide | None]]:
    """Every pair behind a key, with its own key; and behind each page of a list, without a pair, where it goes on."""
    first, stage, cursor, behind = after or (COMPARED[0], _LISTED, "", "")
    for kind in COMPARED[COMPARED.index(Kind(first)) :]:
        # What is gone is what no page of the list had: walked from its beginning, it is not listed once more.
        listed: set[str] | None = set() if (stage, cursor, behind) == (_LISTED, "", "") else None
        while stage == _LISTED:
            found, following = both.books.neighbours.ravetree.page(RESOURCES[kind], cursor or None)
            living = {str(row["id"]): row for row in found if not row.get("deleted")}
            if listed is not None:
                listed |= living.keys()
            yield from _held(both, kind, living, (_LISTED, cursor, behind))
            stage, cursor, behind = (_LISTED, following, "") if following else (_GONE, "", "")
            yield (str(kind), stage, cursor, ""), None
        yield from _held(both, kind, dict.fromkeys(_gone(both, kind, listed)), (_GONE, "", behind))
        stage, cursor, behind = _LISTED, "", ""


def _held(
    both: BothBooks, kind: Kind, bodies: dict[str, Any], place: tuple[str, str, str]
) -> Iterator[tuple[Key, SideBySide]]:
    """The pairs of these records of Ravetree's, in the order of their ids, behind the id of the place."""
    stage, cursor, behind = place
    names = sorted(name for name in bodies if name > behind)
    with both.books.reading() as session:
        paired = pairs.among(session, both.books.id, kind, Side.RAVETREE, names)
        theirs = [pair.quickbooks_id for pair in paired]
        known = copies.among(session, both.books.id, Side.QUICKBOOKS, kind, theirs)
    for pair in sorted(paired, key=_name):
        held = both.hold(pair, bodies[pair.ravetree_id], known.get(pair.quickbooks_id))
        yield (str(kind), stage, cursor, pair.ravetree_id), held


def _name(pair: Pair) -> str:
    return pair.ravetree_id


def _gone(both: BothBooks, kind: Kind, listed: set[str] | None) -> set[str]:
    """The paired records that Ravetree's list has no more."""
    with both.books.reading() as session:
        paired = pairs.ravetree_ids(session, both.books.id, kind)
    if listed is None and paired:
        listed = set(both.lists.listed(kind))
    return paired - (listed or set())


def _differs(held: SideBySide) -> bool:
    """Whether anything differs as far as we know: what an old copy says is no news."""
    return any(difference.cause is not Cause.OLD_COPY for difference in held.differences)
