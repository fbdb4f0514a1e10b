"""Versioned records with tombstones: what every resource has in common."""

import base64
import json
import sqlite3
from dataclasses import dataclass, replace
from typing import Any

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import ApiError, bad_request, not_found
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json

SINGULAR = {
    "contacts": "contact",
    "invoices": "invoice",
    "estimates": "estimate",
    "payments": "payment",
    "line_item_types": "line item type",
    "tax_rates": "tax rate",
    "payment_methods": "payment method",
}

_PREFIXES = {
    "contacts": "con",
    "invoices": "inv",
    "estimates": "est",
    "payments": "pay",
    "line_item_types": "lit",
    "tax_rates": "tax",
    "payment_methods": "met",
}


@dataclass(frozen=True)
class Record:
    """A stored record; `body` is its JSON form without the common fields, keys with `_` are not shown."""

    kind: str
    id: str
    version: int
    created_at: str
    updated_at: str
    deleted: bool
    position: int
    body: Json

    def shown(self) -> Json:
        """The record as the API answers it, or its tombstone."""
        if self.deleted:
            return {"id": self.id, "version": self.version, "deleted": True}
        common = {
            "id": self.id,
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        return {**common, **{key: value for key, value in self.body.items() if not key.startswith("_")}}


@dataclass(frozen=True)
class Query:
    """What a list is asked for."""

    limit: int = 50
    cursor: str | None = None
    updated_since: str | None = None
    number: str | None = None
    external_id: str | None = None
    invoice_id: str | None = None
    client_id: str | None = None


def encode_cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        return int(text.removeprefix("p"))
    except ValueError as error:
        raise bad_request("Not a cursor of ours: pass next_cursor back unchanged.", "cursor") from error


class Records:
    """Reads and writes records; the caller holds the transaction."""

    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock

    def get(self, kind: str, record_id: str) -> Record:
        """A live record, or 404."""
        record = self.find(kind, record_id)
        if record is None or record.deleted:
            raise not_found(f"{SINGULAR[kind]} {record_id}")
        return record

    def find(self, kind: str, record_id: str) -> Record | None:
        """A record, also a deleted one."""
        row = self._store.row("SELECT * FROM records WHERE kind = ? AND id = ?", kind, record_id)
        return _record(row) if row else None

    def holder(self, kind: str, column: str, value: str) -> str | None:
        """The id of the live record with this number or external_id."""
        statements = {
            "number": "SELECT id FROM records WHERE kind = ? AND number = ? AND deleted = 0",
            "external_id": "SELECT id FROM records WHERE kind = ? AND external_id = ? AND deleted = 0",
        }
        row = self._store.row(statements[column], kind, value)
        return str(row["id"]) if row else None

    def create(self, kind: str, body: Json) -> Record:
        record_id = f"{_PREFIXES[kind]}_{self._store.count_up(kind, 1001)}"
        now = self._clock.stamp()
        position = self._store.run(
            "INSERT INTO records"
            " (kind, id, version, created_at, updated_at, number, external_id, client_id, body)"
            " VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?)",
            kind,
            record_id,
            now,
            now,
            *_columns(body),
        )
        return Record(kind, record_id, 1, now, now, False, position, body)

    def update(self, record: Record, body: Json) -> Record:
        now = self._clock.stamp()
        self._store.run(
            "UPDATE records SET version = ?, updated_at = ?, number = ?, external_id = ?, client_id = ?,"
            " body = ? WHERE position = ?",
            record.version + 1,
            now,
            *_columns(body),
            record.position,
        )
        return replace(record, version=record.version + 1, updated_at=now, body=body)

    def delete(self, record: Record) -> Record:
        now = self._clock.stamp()
        self._store.run(
            "UPDATE records SET version = ?, updated_at = ?, deleted = 1 WHERE position = ?",
            record.version + 1,
            now,
            record.position,
        )
        return replace(record, version=record.version + 1, updated_at=now, deleted=True)

    def page(self, kind: str, query: Query) -> tuple[list[Record], str | None]:
        """One page in order of creation, and the cursor of the next. Tombstones only with `updated_since`."""
        rows = self._store.rows(
            "SELECT * FROM records WHERE kind = ?1 AND position > ?2"
            " AND ((?3 IS NULL AND deleted = 0) OR updated_at >= ?3)"
            " AND (?4 IS NULL OR number = ?4) AND (?5 IS NULL OR external_id = ?5)"
            " AND (?6 IS NULL OR id IN (SELECT payment_id FROM allocations WHERE invoice_id = ?6))"
            " AND (?7 IS NULL OR client_id = ?7)"
            " ORDER BY position LIMIT ?8",
            kind,
            decode_cursor(query.cursor),
            query.updated_since,
            query.number,
            query.external_id,
            query.invoice_id,
            query.client_id,
            query.limit + 1,
        )
        page = [_record(row) for row in rows[: query.limit]]
        return page, encode_cursor(page[-1].position) if len(rows) > query.limit else None

    def used_by(self, client_id: str) -> bool:
        """Whether a live document or payment is of this client."""
        return self._store.row("SELECT 1 FROM records WHERE client_id = ? AND deleted = 0", client_id) is not None


def require_version(record: Record, if_match: int | None) -> None:
    """412 unless the record still has the version that the caller read."""
    if if_match is not None and if_match != record.version:
        what = f"The {SINGULAR[record.kind]} {record.id}"
        message = f"{what} is at version {record.version}, not {if_match}: read it again."
        raise ApiError(412, "version_moved", message, existing_id=record.id)


def changed_fields(old: Json, new: Json) -> list[str]:
    return [key for key in new if not key.startswith("_") and old.get(key) != new[key]]


def _columns(body: Json) -> tuple[Any, Any, Any, str]:
    return body.get("number"), body.get("external_id"), body.get("client_id"), json.dumps(body)


def _record(row: sqlite3.Row) -> Record:
    return Record(
        row["kind"],
        row["id"],
        row["version"],
        row["created_at"],
        row["updated_at"],
        bool(row["deleted"]),
        row["position"],
        json.loads(row["body"]),
    )
