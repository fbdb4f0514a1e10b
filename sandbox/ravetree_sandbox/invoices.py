"""Invoices: their status follows from facts, their balance from the live allocations."""

from datetime import date, timedelta
from decimal import Decimal

from ravetree_sandbox.documents import Documents
from ravetree_sandbox.errors import invalid
from ravetree_sandbox.forms import INVOICE_FORM
from ravetree_sandbox.invoice_acts import InvoiceActs, refuse_void, split, status_of
from ravetree_sandbox.journal import Actor
from ravetree_sandbox.records import Record, changed_fields, require_version
from ravetree_sandbox.shapes import component
from ravetree_sandbox.values import Json, minor_units

TERMS = timedelta(days=30)
_FACTS = ("status", "sent_at", "marked_paid_at", "marked_paid_by")
_WORKED_OUT = ("subtotal", "total", "balance")
_NEW: Json = {"status": "draft", "sent_at": None, "marked_paid_at": None, "marked_paid_by": None}


class Invoices(Documents):
    kind = "invoices"
    record_shape = component("Invoice")
    form = INVOICE_FORM

    @property
    def _acts(self) -> InvoiceActs:
        return InvoiceActs(self._clock, self.paid)

    def show(self, record: Record) -> Json:
        shown = record.shown()
        return shown if record.deleted else {**shown, "status": status_of(record.body, self._today())}

    def create(self, actor: Actor, given: Json) -> Json:
        """A user's new invoice; `status` may be draft, sent or paid."""
        given, acts = split(given)
        entered = self._enter(given)
        entered.setdefault("due_date", _due(entered["issue_date"]))
        self._check_estimate(entered)
        body = {**self._complete(entered, None), **_NEW}
        body = self._settled(self._acts.take({**body, "balance": body["total"]}, acts, actor))
        return self._emit_created(self._records.create(self.kind, body), actor)

    def update(self, actor: Actor, record_id: str, given: Json, if_match: int | None = None) -> Json:
        """A user's edit: fields, lines, and the acts of sending, marking as paid, un-marking and voiding."""
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        given, acts = split(given)
        body = record.body
        if given:
            refuse_void(record.body)
            revised = self._complete(self._revise(record, given), record_id)
            body = self._settled({**body, **revised}, record_id)
            self._check_currency(record, body)
        return self.show(self._save(actor, record, self._acts.take(body, acts, actor, record_id)))

    def set_status(self, actor: Actor, record_id: str, status: str, if_match: int | None = None) -> Json:
        """The integration's write: it notes that the invoice was sent, or voids it; it un-marks nothing."""
        record = self._records.get(self.kind, record_id)
        require_version(record, if_match)
        body = self._acts.void(record.body, record_id) if status == "void" else self._acts.send(record.body)
        return self.show(self._save(actor, record, body))

    def settle(self, actor: Actor, invoice_id: str) -> Decimal:
        """Takes a changed allocation into the balance; answers the balance."""
        record = self._records.get(self.kind, invoice_id)
        body = self._settled(record.body, invoice_id)
        if body["balance"] != record.body["balance"]:
            self._save(actor, record, body)
        return Decimal(body["balance"])

    def paid(self, invoice_id: str) -> Decimal:
        """The sum of the live allocations."""
        rows = self._store.rows("SELECT amount FROM allocations WHERE invoice_id = ? AND live = 1", invoice_id)
        return sum((Decimal(row["amount"]) for row in rows), Decimal(0))

    def _settled(self, body: Json, record_id: str | None = None) -> Json:
        paid = self.paid(record_id) if record_id else Decimal(0)
        balance = Decimal(body["total"]) - paid
        settled = {**body, "balance": f"{balance:.{minor_units(body['currency'])}f}"}
        return {**settled, "status": status_of(settled, self._today())}

    def _save(self, actor: Actor, record: Record, body: Json) -> Record:
        today = self._today()
        before = {**record.body, "status": status_of(record.body, today)}
        after = {**body, "status": status_of(body, today)}
        changed = changed_fields(before, after)
        if not changed:
            return record
        saved = self._records.update(record, after)
        self._emit_changes(actor, saved, changed)
        return saved

    def _emit_changes(self, actor: Actor, saved: Record, changed: list[str]) -> None:
        content = [name for name in changed if name not in _FACTS + _WORKED_OUT]
        if not saved.body["_tax_given"] and "tax_amount" in content and len(content) > 1:
            content.remove("tax_amount")
        facts = [name for name in changed if name in _FACTS]
        if content:
            self._emit("updated", saved, actor, content)
        if facts:
            voided = "status" in facts and saved.body["status"] == "void"
            self._emit("voided" if voided else "status_changed", saved, actor, facts)

    def _check_currency(self, record: Record, body: Json) -> None:
        if body["currency"] != record.body["currency"] and self.paid(record.id):
            raise invalid("The invoice has payments in the currency it was in.", "currency")

    def _check_estimate(self, entered: Json) -> None:
        estimate_id = entered.get("estimate_id")
        if estimate_id is None:
            return
        estimate = self._records.find("estimates", str(estimate_id))
        if estimate is None or estimate.deleted:
            raise invalid(f"There is no estimate {estimate_id}.", "estimate_id")

    def _check_deletable(self, record: Record) -> None:
        if self.paid(record.id):
            raise invalid("The invoice has payments: take away their allocations first.")


def _due(issue_date: object) -> str | None:
    try:
        return (date.fromisoformat(str(issue_date)) + TERMS).isoformat()
    except (ValueError, OverflowError):
        # The form says what is wrong with the date of issue.
        return None
