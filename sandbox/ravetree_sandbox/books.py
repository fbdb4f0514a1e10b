"""What contacts, documents and payments share: reading, the event of a change, deletion, the sync button."""

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import ApiError, invalid
from ravetree_sandbox.journal import Actor, Journal
from ravetree_sandbox.records import SINGULAR, Query, Record, Records, require_version
from ravetree_sandbox.shapes import Shape
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json


class Book:
    """The records of one kind. Every method that writes runs in the caller's transaction."""

    kind: str
    record_shape: Shape

    def __init__(self, store: Store, clock: SandboxClock, journal: Journal) -> None:
        self._store = store
        self._clock = clock
        self._journal = journal
        self._records = Records(store, clock)

    def show(self, record: Record) -> Json:
        """The record as the API answers it."""
        return record.shown()

    def get(self, record_id: str) -> Json:
        return self.show(self._records.get(self.kind, record_id))

    def page(self, query: Query) -> Json:
        records, more = self._records.page(self.kind, query)
        return {"data": [self.show(record) for record in records], "next_cursor": more}

    def delete(self, actor: Actor, record_id: str, if_match: int | None = None) -> Json:
        """Leaves a tombstone."""
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        self._check_deletable(record)
        gone = self._records.delete(record)
        self._emit("deleted", gone, actor)
        self._after_delete(actor, gone)
        return gone.shown()

    def request_sync(self, actor: Actor, record_id: str) -> Json:
        """The "Sync to QuickBooks" button."""
        record = self._records.get(self.kind, record_id)
        self._emit("sync_requested", record, actor)
        return self.show(record)

    def _check_deletable(self, record: Record) -> None:
        """Raises 422 when the record is in use."""

    def _after_delete(self, actor: Actor, record: Record) -> None:
        """What else a deletion changes."""

    def _emit(self, what: str, record: Record, actor: Actor, changed: list[str] | None = None) -> None:
        self._journal.emit(f"{SINGULAR[self.kind]}.{what}", record, actor, changed)

    def _client(self, client_id: str) -> Record:
        client = self._records.find("contacts", client_id)
        if client is None or client.deleted:
            raise invalid(f"There is no contact {client_id}.", "client_id")
        return client

    def _known_key(self, kind: str, key: str | None, field: str) -> None:
        """422 unless `key` is one of a list such as /payment_methods."""
        if key is not None and key not in self._keys(kind):
            raise invalid(f"There is no {SINGULAR[kind]} {key!r}: see /{kind}.", field)

    def _keys(self, kind: str) -> dict[str, Json]:
        records, _more = self._records.page(kind, Query(limit=200))
        return {record.body["key"]: record.body for record in records}

    def _free_external_id(self, external_id: str | None, own_id: str | None = None) -> None:
        if external_id is None:
            return
        holder = self._records.holder(self.kind, "external_id", external_id)
        if holder is not None and holder != own_id:
            message = f"The external_id {external_id} belongs to {holder}."
            raise ApiError(409, "external_id_taken", message, "external_id", holder)


class Catalog(Book):
    """A list of keys and labels that can only be read."""

    def __init__(self, kind: str, store: Store, clock: SandboxClock, journal: Journal) -> None:
        super().__init__(store, clock, journal)
        self.kind = kind
