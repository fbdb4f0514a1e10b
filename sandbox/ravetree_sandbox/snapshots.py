"""Copies of the books under a name, the way back to them, and the way back to the beginning."""

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import bad_request
from ravetree_sandbox.seeds import plant
from ravetree_sandbox.store import Store
from sandbox_kit.snapshots import TableSnapshots

_TABLES = ("records", "allocations", "counters", "sync_states", "events", "idempotency", "mails")
# A receiver knows an event by its id: an id that was once given is never given to another one.
_FORGET = {table: f"DELETE FROM {table}" for table in _TABLES}  # noqa: S608  # the names above
_FORGET["counters"] += " WHERE name != 'events'"


class Snapshots(TableSnapshots):
    def __init__(self, store: Store, clock: SandboxClock) -> None:
        super().__init__(store, _TABLES)
        self._books = store
        self._clock = clock

    def restore(self, name: str) -> None:
        """Records, versions and the log of events become those of the snapshot; nobody is told."""
        try:
            self.check(name)
        except ValueError as error:
            raise bad_request(str(error), "name") from error
        with self._books.transaction():
            self._forget()
            self.bring_back(name)
            self._end_deliveries()

    def reset(self) -> None:
        """The organisation as it was when it was new; nobody is told."""
        with self._books.transaction():
            self._forget()
            self._end_deliveries()
            self._books.keep_setting("planted", "no")
            plant(self._books, self._clock)

    def _forget(self) -> None:
        for statement in _FORGET.values():
            self._books.run(statement)

    def _end_deliveries(self) -> None:
        """What is under way ends; what was delivered stays known as long as its event does."""
        self._books.run("DELETE FROM deliveries WHERE state = 'pending' OR event_id NOT IN (SELECT id FROM events)")
