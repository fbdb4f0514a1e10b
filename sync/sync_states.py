"""Telling Ravetree how each record's sync stands: its icon, its error with a remedy, its link.

What is to be told is stored before it is sent and stays unsent until Ravetree has taken it. It says what our
books say, so the last one wins and sending it twice changes nothing.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from clients.errors import Away, Failed, Missing, NeighbourError, NotAuthorised, Throttled
from clients.ravetree.account import NotAllowed
from config.errors import Stop
from config.logging import logger
from reconcile.model import Kind, Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage import brakes, connections, pairs
from storage import sync_states as states
from storage.models import SyncState
from storage.vault import UnreadableSecret
from sync.books import Books
from sync.outcomes import Agreed, NeedsAttention, Outcome, Waits
from sync.record_addresses import RecordAddresses

TOLD_AGAIN_AFTER = timedelta(seconds=30)
KEPT_FROM_US_WAITS = timedelta(hours=1)
"""For what Ravetree lets us say nothing about: it is tried, and takes no slice's time."""
TOLD_TOGETHER = 10
TOLD_AT_ONCE = 100

Check = Callable[[Session, str], None]
"""Raises while a connection may not be spoken for."""

log = logger("telling")


def note(session: Session, books: Books, record: Record, outcome: Outcome, pages_url: str) -> None:
    """Keep what is to be told about `record`, if it is Ravetree's and there is something to say."""
    pair = next(iter(pairs.among(session, books.id, record.kind, record.side, [record.id])), None)
    if record.side is Side.QUICKBOOKS:
        if pair is None:
            return
        record = Record(Side.RAVETREE, record.kind, pair.ravetree_id)
    if pair is None and isinstance(outcome, Agreed):
        if not states.is_told(session, books.id, record):
            return
        # Somebody was told that it waits or is asked about, and it has no partner to say more by now.
        why = f"{outcome.ignored[:1].upper()}{outcome.ignored[1:]}."
        outcome = Agreed(notices=(why,) if outcome.ignored else ())
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


def tell(books: Books, check: Check = connections.check_active) -> bool:
    """Send what is unsent and due. Ravetree being away, or not knowing the record, stops nothing else.

    What was taken is marked for some together: whatever a crash leaves unmarked is told again, and changes nothing.
    Whether more is perhaps due. Raises what `check` says of the connection.
    """
    with books.reading() as session:
        waiting = states.unsent(session, books.id, books.now(), TOLD_AT_ONCE)
    for start in range(0, len(waiting), TOLD_TOGETHER):
        with books.reading() as session:
            brakes.check(session)
            check(session, books.id)
        answered: list[tuple[SyncState, timedelta | None]] = []
        try:
            for row in waiting[start : start + TOLD_TOGETHER]:
                answered.append((row, _waits_after(books, row)))
        except Away as error:
            wait = timedelta(seconds=error.wait_seconds) if isinstance(error, Throttled) else TOLD_AGAIN_AFTER
            log.warning("sync states wait: ravetree is out of reach", error=str(error), seconds=wait.total_seconds())
            with books.writing() as session:
                states.postpone(session, books.id, books.now() + wait)
            return False
        finally:
            if answered:
                _note(books, answered)
    return len(waiting) == TOLD_AT_ONCE


def _note(books: Books, answered: Sequence[tuple[SyncState, timedelta | None]]) -> None:
    with books.writing() as session:
        for row, wait in answered:
            due_at = books.now() + (wait or TOLD_AGAIN_AFTER)
            states.mark(session, row, is_unsent=wait is not None, due_at=due_at)


def tell_before_a_stop(books: Books) -> None:
    """What is done is told before the connection stands still, if Ravetree listens: later nobody would tell it."""
    try:
        tell(books)
    except (NeighbourError, Stop) as error:
        log.info("sync states wait: the connection stops", error=str(error))


def tell_after_a_pause(books_of: Callable[[], Books], seconds: float) -> None:
    """What was done before a person paused is told, for at most so many seconds; what then is left, later."""
    try:
        books = books_of()
        begun = books.clock.monotonic()
        while tell(books, connections.check_connected) and books.clock.monotonic() - begun < seconds:
            pass
    except (NeighbourError, brakes.AllPaused, connections.NotActive, UnreadableSecret) as error:
        log.info("sync states of a paused connection wait", error=str(error))


def _waits_after(books: Books, row: SyncState) -> timedelta | None:
    """Tell it; how long until it is told again, None when there is no need. Raises `Away`: others would meet it too."""
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
    except NotAllowed as error:
        log.warning("sync state not told", record=row.ravetree_id, error=str(error), remedy=error.remedy)
        return KEPT_FROM_US_WAITS
    except NeighbourError as error:
        if isinstance(error, Away) and not isinstance(error, Failed):
            raise
        log.warning("sync state not told", record=row.ravetree_id, error=str(error))
        return TOLD_AGAIN_AFTER
    return None
