"""What is done to an invoice beside editing it: it is sent, marked as paid, un-marked and voided."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.contract import INVOICE_STATUSES
from ravetree_sandbox.errors import invalid
from ravetree_sandbox.journal import Actor
from ravetree_sandbox.values import Json


def status_of(body: Json, today: date) -> str:
    """The status by the contract's rules; past due is a matter of the day it is asked on."""
    if body["status"] == "void":
        return "void"
    total, balance = Decimal(body["total"]), Decimal(body["balance"])
    if body["marked_paid_at"] is not None or (total > 0 and balance <= 0):
        return "paid"
    if 0 < balance < total:
        return "partially_paid"
    if body["sent_at"] is None:
        return "draft"
    late = body["due_date"] is not None and date.fromisoformat(body["due_date"]) < today
    return "past_due" if late and balance > 0 else "sent"


class InvoiceActs:
    """Each answers the body as it is afterwards; what was `paid` on an invoice forbids some of them."""

    def __init__(self, clock: SandboxClock, paid: Callable[[str], Decimal]) -> None:
        self._clock = clock
        self._paid = paid

    def take(self, body: Json, acts: Json, actor: Actor, record_id: str | None = None) -> Json:
        """All that a user's form asks for at once."""
        status, marked = acts.get("status"), acts.get("marked_paid")
        if status == "void":
            body = self.void(body, record_id)
        elif status == "paid" or marked is True:
            body = self._mark(body, actor)
        elif status == "sent" or marked is False:
            body = self._unmark(body)
        if status == "sent":
            body = self.send(body)
        elif status is not None and status_of(body, self._today()) != status:
            raise invalid(f"An invoice cannot be set to {status}: that follows from its payments.", "status")
        return body

    def void(self, body: Json, record_id: str | None) -> Json:
        if record_id is not None and self._paid(record_id):
            raise invalid("The invoice has payments: take away their allocations first.", "status")
        return {**body, "status": "void"}

    def send(self, body: Json) -> Json:
        refuse_void(body)
        return {**body, "sent_at": body["sent_at"] or self._clock.stamp()}

    def _mark(self, body: Json, actor: Actor) -> Json:
        refuse_void(body)
        if status_of(body, self._today()) == "paid":
            return body
        return {**body, "marked_paid_at": self._clock.stamp(), "marked_paid_by": actor.id}

    def _unmark(self, body: Json) -> Json:
        refuse_void(body)
        return {**body, "marked_paid_at": None, "marked_paid_by": None}

    def _today(self) -> date:
        return self._clock.now().date()


def split(given: Json) -> tuple[Json, Json]:
    """The form's fields, and the acts that change a status."""
    acts: Json = {name: given[name] for name in ("status", "marked_paid") if name in given}
    if "status" in acts and acts["status"] not in INVOICE_STATUSES:
        raise invalid(f"The status is one of {', '.join(INVOICE_STATUSES)}.", "status")
    if not isinstance(acts.get("marked_paid", False), bool):
        raise invalid("marked_paid is true or false.", "marked_paid")
    return {name: value for name, value in given.items() if name not in acts}, acts


def refuse_void(body: Json) -> None:
    if body["status"] == "void":
        raise invalid("The invoice is void, which is final.", "status")
