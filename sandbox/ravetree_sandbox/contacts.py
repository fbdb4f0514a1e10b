"""Contacts: persons and companies, an account's bill-to contact, merges."""

from ravetree_sandbox.books import Book
from ravetree_sandbox.errors import invalid
from ravetree_sandbox.journal import Actor
from ravetree_sandbox.records import Record, changed_fields, require_version
from ravetree_sandbox.shapes import component
from ravetree_sandbox.values import Json

_WRITE = component("ContactWrite")
DEFAULT_CURRENCY = "USD"


class Contacts(Book):
    kind = "contacts"
    record_shape = component("Contact")

    def create(self, actor: Actor, given: Json) -> Json:
        values = _WRITE.load(given, self.record_shape)
        self._check(values, None)
        record = self._records.create(self.kind, {**_WRITE.dump(values), "merged_into": None})
        self._emit("created", record, actor)
        return record.shown()

    def update(self, actor: Actor, record_id: str, given: Json, if_match: int | None = None) -> Json:
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        current = {name: record.body[name] for name in _WRITE.fields}
        values = _WRITE.load({**current, **given}, self.record_shape)
        self._check(values, record_id)
        return self._save(actor, record, {**record.body, **_WRITE.dump(values)}).shown()

    def merge(self, actor: Actor, record_id: str, into: str, if_match: int | None = None) -> Json:
        """Merges a contact into another one: it stays readable, inactive, and names the other."""
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        target = self._records.find(self.kind, into)
        if target is None or target.deleted or into == record_id:
            raise invalid(f"A contact cannot be merged into {into}.", "merged_into")
        merged = self._records.update(record, {**record.body, "merged_into": into, "active": False})
        self._emit("merged", merged, actor, ["merged_into", "active"])
        return merged.shown()

    def _save(self, actor: Actor, record: Record, body: Json) -> Record:
        changed = changed_fields(record.body, body)
        if not changed:
            return record
        saved = self._records.update(record, body)
        self._emit("updated", saved, actor, changed)
        return saved

    def _check(self, values: Json, own_id: str | None) -> None:
        self._free_external_id(values["external_id"], own_id)
        bill_to = values["bill_to_contact_id"]
        if bill_to is None:
            return
        contact = self._records.find(self.kind, bill_to)
        if values["kind"] != "account" or contact is None or contact.deleted or contact.body["kind"] != "contact":
            raise invalid(f"Only an account is billed to a contact; {bill_to} does not fit.", "bill_to_contact_id")

    def _check_deletable(self, record: Record) -> None:
        if self._records.used_by(record.id):
            raise invalid(f"The contact {record.id} has documents or payments: make it inactive instead.")
