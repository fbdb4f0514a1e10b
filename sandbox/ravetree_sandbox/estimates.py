"""Estimates: documents whose status a user sets."""

from ravetree_sandbox.documents import Documents
from ravetree_sandbox.forms import ESTIMATE_FORM
from ravetree_sandbox.journal import Actor
from ravetree_sandbox.records import Record, changed_fields, require_version
from ravetree_sandbox.shapes import component
from ravetree_sandbox.values import Json

_WORKED_OUT = ("subtotal", "total")
_FACTS = ("status", "sent_at")


class Estimates(Documents):
    kind = "estimates"
    record_shape = component("Estimate")
    form = ESTIMATE_FORM

    def create(self, actor: Actor, given: Json) -> Json:
        body = self._complete(self._enter(given), None)
        return self._emit_created(self._records.create(self.kind, self._sent(body, None)), actor)

    def update(self, actor: Actor, record_id: str, given: Json, if_match: int | None = None) -> Json:
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        body = self._complete(self._revise(record, given), record_id)
        return self._save(actor, record, self._sent(body, record.body["sent_at"])).shown()

    def invoiced(self, actor: Actor, record_id: str) -> None:
        """An invoice was made from it."""
        record = self._records.get(self.kind, record_id)
        self._save(actor, record, {**record.body, "status": "invoiced"})

    def _sent(self, body: Json, sent_at: str | None) -> Json:
        if sent_at is None and body["status"] != "draft":
            sent_at = self._clock.stamp()
        return {**body, "sent_at": sent_at}

    def _save(self, actor: Actor, record: Record, body: Json) -> Record:
        changed = changed_fields(record.body, body)
        if not changed:
            return record
        saved = self._records.update(record, body)
        content = [name for name in changed if name not in _FACTS + _WORKED_OUT]
        if content:
            self._emit("updated", saved, actor, content)
        if "status" in changed:
            self._emit("status_changed", saved, actor, [name for name in changed if name in _FACTS])
        return saved
