"""Taking what is due, and reading what QuickBooks' hints ask for: one read for a burst."""

from datetime import datetime, timedelta

from clients.errors import Away, Failed, NotSent, OutcomeUnknown, Throttled
from clients.quickbooks.faults import TokenExpired
from config import telemetry
from config.errors import RavebooksError, Stop
from config.ports import Clock
from reconcile.model import ANY_PAYMENT, Kind, Side
from storage import connections, duties, pending
from sync import catching_up, echoes
from sync.books import Books
from sync.borders import own_border
from sync.duties import CHANGES
from sync.echoes import Entry
from sync.endings import Endings
from sync.entities import ENTITIES
from sync.lease import Timings
from sync.noted import Noted

BATCH = 50
CDC_SLACK = timedelta(seconds=2)


class Reading:
    """Takes the notes of a connection and reads what they speak of."""

    def __init__(self, clock: Clock, timings: Timings, endings: Endings) -> None:
        self._clock = clock
        self._timings = timings
        self._endings = endings

    def take(self, books: Books) -> list[Entry]:
        """The due notes with their generations, without the echoes of our own writes."""
        entries, echoes = self._take_some(books)
        while echoes and not entries:
            entries, echoes = self._take_some(books)
        return entries

    def _take_some(self, books: Books) -> tuple[list[Entry], bool]:
        """One batch of the due notes, and whether echoes of QuickBooks were among them."""
        now = self._clock.now()
        books.begin_again()
        with books.writing() as session:
            entries, presumed = [], False
            noted = pending.due(session, books.id, now, BATCH)
            if noted:
                # After them: what was noted after a switch was turned must not be judged by how it stood before.
                books.connection = connections.get(session, books.id)
            for change in noted:
                entry = echoes.note_entry(session, change)
                if echoes.is_echo(session, books.id, entry):
                    pending.clear(session, books.id, entry.record, entry.generation)
                    presumed = presumed or entry.record.side is Side.QUICKBOOKS
                    if entry.record.kind is Kind.PAYMENT:
                        pending.wake(session, books.id, [ANY_PAYMENT], now)
                    telemetry.changes.labels(entry.record.kind, "echo").inc()
                else:
                    entries.append(entry)
            if presumed:
                confirm = now + timedelta(seconds=self._timings.echo_confirm)
                duties.hurry(session, books.id, CHANGES.name, confirm)
        return entries, presumed

    def read(self, books: Books, entries: list[Entry]) -> list[Entry]:
        """Read what QuickBooks' hints ask for, in one call for the burst; what comes too soon is put off."""
        with books.reading() as session:
            asking = [e for e in entries if echoes.needs_read(session, books.id, e, books.fresh)]
        if not asking:
            return entries
        if (free_at := self._window_ends(books)) is not None:
            with books.writing() as session:
                for entry in asking:
                    pending.retry_at(
                        session,
                        books.id,
                        entry.record,
                        entry.generation,
                        free_at,
                        "shares the next read",
                        self._clock.now(),
                        count=False,
                    )
            return [entry for entry in entries if entry not in asking]
        books.note_read()
        try:
            with books.neighbours.quickbooks.because("events"):
                self._read_burst(books, asking)
        except (NotSent, Throttled, TokenExpired, Stop):
            raise
        except Exception as error:
            if isinstance(error, OutcomeUnknown) and not isinstance(error, Failed):
                raise
            # One of them may be what cannot be read: each is read alone, and only that one waits or is parked.
            return [entry for entry in entries if entry not in asking or self._read_alone(books, entry)]
        return entries

    def _read_alone(self, books: Books, entry: Entry) -> bool:
        subject = Noted(entry.record, [entry])
        try:
            books.quickbooks.refresh([entry.record])
        except Failed as error:
            self._endings.retry_later(books, subject, str(error))
        except (Away, Stop):
            raise
        except RavebooksError as error:
            self._endings.after_error(books, subject, error)
        except Exception as error:  # noqa: BLE001 - the record's own border
            self._endings.after_defect(books, subject, error)
        else:
            return True
        return False

    def _window_ends(self, books: Books) -> datetime | None:
        """The first read of a quiet connection is made at once; the next ones wait for the window to end."""
        if books.connection.read_at is None:
            return None
        now, window = self._clock.now(), timedelta(seconds=self._timings.read_window)
        ends = books.connection.read_at + window
        # Further ahead than that it was noted while the clock ran ahead.
        return ends if now < ends <= now + window else None

    def _read_burst(self, books: Books, asking: list[Entry]) -> None:
        records = {entry.record for entry in asking}
        books.handling = set(records)
        first = echoes.earliest(asking)
        kinds = sorted({record.kind for record in records})
        recent = first is not None and first.recorded_at > self._clock.now() - timedelta(days=1)
        # Behind a full batch there may be more of them.
        shares = len(kinds) > 1 or len(asking) == BATCH
        if shares and recent and first is not None and first.occurred_at is not None:
            since = min(first.occurred_at, self._clock.now()) - CDC_SLACK
            with own_border("a burst"):
                self._read_since(books, asking, kinds, since)
        books.quickbooks.refresh(records - books.fresh)

    def _read_since(self, books: Books, asking: list[Entry], kinds: list[Kind], since: datetime) -> None:
        """One look at change data capture brings them all, deletions included, and what waits behind them.

        What it has no room for is read page by page: once, when it is over. While it goes on it would be read again.
        """
        changes = books.neighbours.quickbooks.changes([ENTITIES[kind] for kind in kinds], since)
        catching_up.absorb(books, changes)
        if not changes.complete and changes.time is not None and echoes.are_over(asking, changes.time):
            catching_up.absorb_pages(books, kinds, since)
