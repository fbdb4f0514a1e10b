"""Telling Ravetree how each record's sync stands: its icon, its error with a remedy, its link.

What is to be told is stored before it is sent and stays unsent until Ravetree has taken it. It says what our
books say, so the last one wins and sending it twice changes nothing.
"""

import hashlib
from datetime import timedelta

from sqlalchemy.orm import Session

from clients.errors import Missing, NeighbourError, NotAuthorised
from config.logging import logger
from reconcile.model import Kind, Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage import brakes, connections, pairs
from storage import sync_states as states
from storage.models import SyncState
from sync.books import Books
from sync.outcomes import Agreed, NeedsAttention, Outcome, Waits
from sync.record_addresses import RecordAddresses

TOLD_AGAIN_AFTER = timedelta(seconds=30)
TOLD_TOGETHER = 10

log = logger("telling")


def note(session: Session, books: Books, record: Record, outcome: Outcome, pages_url: str) -> None:
    """Keep what is to be told about `record`, if it is Ravetree's and there is something to say."""
    pair = next(iter(pairs.among(session, books.id, record.kind, record.side, [record.id])), None)
    if record.side is Side.QUICKBOOKS:
        if pair is None:
            return
        record = Record(Side.RAVETREE, record.kind, pair.ravetree_id)
    if pair is None and isinstance(outcome, Agreed):
        return
    body = _state(outcome) | _link(pair.quickbooks_id if pair else None, record.kind, pages_url)
    states.store(session, books.id, record, body, books.now())


def _state(outcome: Outcome) -> Body:
    match outcome:
        case NeedsAttention(attention=attention):
            state = "held" if attention.state == "held" else "needs_attention"
            return {"state": state, "message": attention.cause, "remedy": attention.remedy, "notices": []}
        case Waits(target=target, why=why):
            if target.is_release:
                return {"state": "paused", "message": why, "remedy": None, "notices": []}
            if target.is_switch_on:
                message = f"{str(target.kind).capitalize()}s are switched off; it goes on when they are on again."
                return {"state": "paused", "message": message, "remedy": None, "notices": []}
            waits = "the payments that are under way" if target.is_any else f"{target.kind} {target.id}"
            return {"state": "pending", "message": why or f"Waits for {waits}.", "remedy": None, "notices": []}
        case Agreed(notices=notices):
            said = " ".join(notices)
            return {"state": "synced", "message": said or None, "remedy": None, "notices": list(notices)}


def _link(quickbooks_id: str | None, kind: Kind, pages_url: str) -> Body:
    return {"remote_id": quickbooks_id, "remote_url": RecordAddresses(pages_url).in_quickbooks(kind, quickbooks_id)}


def tell(books: Books) -> None:
    """Send what is unsent and due. Ravetree being away, or not knowing the record, stops nothing else.

    What was taken is marked for some together: whatever a crash leaves unmarked is told again, and changes nothing.
    """
    with books.reading() as session:
        waiting = states.unsent(session, books.id, books.now())
    for start in range(0, len(waiting), TOLD_TOGETHER):
        with books.reading() as session:
            brakes.check(session)
            connections.check_active(session, books.id)
        answered: list[tuple[SyncState, bool]] = []
        try:
            for row in waiting[start : start + TOLD_TOGETHER]:
                answered.append((row, _was_taken(books, row)))
        finally:
            with books.writing() as session:
                for row, taken in answered:
                    states.mark(session, row, is_unsent=not taken, due_at=books.now() + TOLD_AGAIN_AFTER)


def _was_taken(books: Books, row: SyncState) -> bool:
    """Whether there is no need to tell it again."""
    key = hashlib.sha256(
        "\0".join([books.id, row.kind, row.ravetree_id, str(row.generation), strict_json.dumps(row.body)]).encode()
    ).hexdigest()[:32]
    try:
        said = row.body | {"sequence": row.generation}
        books.neighbours.ravetree.tell(Kind(row.kind), row.ravetree_id, said, key)
    except NotAuthorised:
        raise
    except Missing as error:
        # Until it says something else: Ravetree knows no such record, and would say so for ever.
        log.info("sync state told to nobody", record=row.ravetree_id, error=str(error))
    except NeighbourError as error:
        log.warning("sync state not told", record=row.ravetree_id, error=str(error))
        return False
    return True
