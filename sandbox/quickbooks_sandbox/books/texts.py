"""What answers show of documents, in JSON, kept until it changes."""

from __future__ import annotations

from quickbooks_sandbox.books.amounts import Doc, Encoded
from quickbooks_sandbox.books.indexes import Key, name_field

TEXTS_KEPT = 20_000


class Texts:
    """The text of a document is kept until it or a name in it changes, and the oldest goes first."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Doc, int, Encoded]] = {}
        self._renamed = 0  # how often a name changed that answers repeat beside references

    def find(self, entity: str, doc: Doc) -> Encoded | None:
        kept = self._kept.get((entity, doc["Id"]))
        return kept[2] if kept is not None and kept[0] is doc and kept[1] == self._renamed else None

    def keep(self, entity: str, doc: Doc, text: Encoded) -> Encoded:
        if len(self._kept) >= TEXTS_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[entity, doc["Id"]] = doc, self._renamed, text
        return text

    def replaced(self, entity: str, old: Doc, new: Doc) -> None:
        if any(old.get(name) != new.get(name) for name in (name_field(entity), "FullyQualifiedName")):
            self._renamed += 1

    def drop(self, entity: str, object_id: str) -> None:
        self._kept.pop((entity, object_id), None)
