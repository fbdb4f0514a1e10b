"""What an answered write means for our books: copies, pairs, bases, expected echoes, and who may go on.

Everything comes from the journal's row and the answer, so that it is the same whether the answer came at once
or to a repetition after a crash.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from reconcile.actions import Action
from reconcile.model import EVEN, ZERO, Kind, Record, Side, TaxedTotal
from schemas import quickbooks
from schemas.quickbooks import Body
from storage import connections, copies, journal, pairs, pending
from storage.models import Operation, Pair
from sync.writes.context import Context, context_of

_CHANGE = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "void": "void",
    "mark_sent": "updated",
    "close": "updated",
    "renumber": "updated",
}


def apply(session: Session, operation: Operation, answer: Body, answered: datetime, now: datetime) -> None:
    """Store what `answer` says; the caller's transaction settles the operation as well."""
    if operation.side == Side.QUICKBOOKS:
        _store_quickbooks(session, operation, answer, answered, now)
    else:
        _store_ravetree(session, operation, answer, now)
    settle = _SETTLE.get((Side(operation.side), Action(operation.action)))
    if settle is not None:
        settle(session, operation, answer, now)
    _go_on(session, operation, now)


def touched(operation: Operation) -> list[Record]:
    """The QuickBooks records that a write changes beside its own: a payment's invoices, an invoice's estimate."""
    context = context_of(operation)
    invoices = [Record(Side.QUICKBOOKS, Kind.INVOICE, name) for name in context.touches]
    estimate = context.closes_estimate
    return invoices + ([Record(Side.QUICKBOOKS, Kind.ESTIMATE, estimate)] if estimate else [])


_KINDS = {
    "contact": Kind.CONTACT,
    "customer": Kind.CONTACT,
    "estimate": Kind.ESTIMATE,
    "invoice": Kind.INVOICE,
    "money": Kind.PAYMENT,
    "payment": Kind.PAYMENT,
    "placeholder": Kind.PAYMENT,
}


def kind_of(action: str) -> Kind:
    """The kind of record that an action writes. Raises `ValueError` for one that nobody knows."""
    return _KINDS[Action(action).noun]


def _store_quickbooks(session: Session, operation: Operation, answer: Body, answered: datetime, now: datetime) -> None:
    connection_id, kind = operation.connection_id, kind_of(operation.action)
    record = Record(Side.QUICKBOOKS, kind, str(answer["Id"]))
    before = _shares_before(session, record, operation, answer)
    if answer.get("status") == "Deleted":
        copies.mark_deleted(session, connection_id, record, now)
    else:
        copies.store(session, connection_id, record, int(answer["SyncToken"]), answer, now)
    verb = Action(operation.action).verb
    for change in {_CHANGE.get(verb, "updated"), *(("emailed",) if verb == "mark_sent" else ())}:
        journal.expect_echo(session, connection_id, operation.id, kind, record.id, change, answered)
    for other in touched(operation):
        journal.expect_echo(session, connection_id, operation.id, other.kind, other.id, "updated", answered)
    after = shares(answer)
    # An invoice whose share is what it was does not change: nothing would ever say that our copy is current again.
    same = {name for name, amount in before.items() if after.get(name) == amount}
    changed = [each for each in touched(operation) if each.kind is not Kind.INVOICE or each.id not in same]
    copies.mark_stale(session, connection_id, changed)


def _shares_before(session: Session, record: Record, operation: Operation, answer: Body) -> dict[str, Decimal]:
    """What a payment had on each invoice before this write; empty where our copy is not from then."""
    if record.kind is not Kind.PAYMENT:
        return {}
    known = copies.get(session, operation.connection_id, record)
    if known is None or known.deleted or known.stale or known.version >= int(answer.get("SyncToken", 0)):
        return {}
    return shares(known.body)


def shares(payment: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a payment of QuickBooks' has on each invoice, by the invoice's Id; empty for anything else."""
    found: dict[str, Decimal] = {}
    for line in payment.get("Line") or ():
        for link in line.get("LinkedTxn") or ():
            if link.get("TxnType") == "Invoice":
                name = str(link["TxnId"])
                found[name] = found.get(name, ZERO) + Decimal(str(line.get("Amount", 0)))
    return found


def _store_ravetree(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    name = context_of(operation).ravetree_id or str(answer.get("id", ""))
    record = Record(Side.RAVETREE, kind_of(operation.action), name)
    if Action(operation.action).deletes:
        copies.mark_deleted(session, operation.connection_id, record, now)
    elif answer.get("id"):
        copies.store(session, operation.connection_id, record, int(answer["version"]), answer, now)


# --- by action -----------------------------------------------------------------------------------


def _link_customer(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    pairs.store(
        session,
        operation.connection_id,
        Kind.CONTACT,
        context_of(operation).ravetree_id,
        answer["Id"],
        now,
        # What one of ours was made as tells it from one that stood there.
        base_quickbooks=answer,
        currency=context_of(operation).currency,
    )


def _link_contact(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    pairs.store(
        session,
        operation.connection_id,
        Kind.CONTACT,
        answer["id"],
        context_of(operation).quickbooks_id,
        now,
        currency=context_of(operation).currency,
    )


def _pair_document(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    context = context_of(operation)
    pair = pairs.store(
        session,
        operation.connection_id,
        kind_of(operation.action),
        context.ravetree_id,
        answer["Id"],
        now,
        base_ravetree=context.base_ravetree or {},
        base_quickbooks=answer,
        line_ids=_line_ids(context.line_keys, answer),
        notices=context.notices,
    )
    _compare_totals(session, pair, context, answer)
    for name in context.payments:
        pending.note(session, operation.connection_id, Record(Side.RAVETREE, Kind.PAYMENT, name), now)


def _renumber_document(session: Session, operation: Operation, answer: Body, _now: datetime) -> None:
    """What is said of the number is QuickBooks' answer: it may number documents by itself."""
    context, kind = context_of(operation), kind_of(operation.action)
    number = str(answer.get("DocNumber") or "")
    pairs.renumber(session, operation.connection_id, kind, context.ravetree_id, number, context.base_ravetree)


def _compare_totals(session: Session, pair: Pair, context: Context, answer: Body) -> None:
    """Keep what a person accepted, if it came so, and what the answer shows of how the company charges tax."""
    foreseen, ours = context.foreseen or {}, context.base_ravetree or {}
    made = _total_and_tax(answer.get("TotalAmt"), (answer.get("TxnTaxDetail") or {}).get("TotalTax"))
    gap = made.above(_total_and_tax(ours.get("total"), ours.get("tax_amount")))
    if gap == EVEN:
        pair.accepted = None
    elif "accepted" in foreseen and made in [_total_and_tax(*likely) for likely in foreseen["likely"]]:
        pair.accepted = {"total": str(gap.total), "tax": str(gap.tax), **foreseen["accepted"]}
    elif gap != pairs.accepted_gap(pair):
        pair.accepted = None
    shown = [name for name, outcome in foreseen.get("outcomes", {}).items() if _total_and_tax(*outcome) == made]
    if len(shown) == 1 and shown[0]:
        connections.learn_tax(session, pair.connection_id, shown[0])


def _total_and_tax(total: Any, tax: Any) -> TaxedTotal:
    return TaxedTotal(Decimal(str(total or 0)), Decimal(str(tax or 0)))


def _line_ids(keys: Sequence[str], answer: Mapping[str, Any]) -> dict[str, str]:
    """QuickBooks' line ids by Ravetree's: the answer's lines stand in the order that we sent, computed ones apart."""
    lines = [line for line in answer.get("Line", []) if line.get("DetailType") not in quickbooks.COMPUTED_LINES]
    return {key: str(line["Id"]) for key, line in zip(keys, lines, strict=False) if key}


def _pair_payment(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    context = context_of(operation)
    if operation.action == Action.PAYMENT_TAKE_PLACEHOLDER:
        pairs.remove(session, operation.connection_id, pairs.PLACEHOLDER, context.placeholder_of)
    pairs.store(
        session,
        operation.connection_id,
        Kind.PAYMENT,
        context.ravetree_id,
        answer["Id"],
        now,
        base_ravetree=context.base_ravetree or {},
        base_quickbooks=answer,
    )
    _keep_facts(session, operation, context.ravetree_id, _applied_elsewhere(session, operation, answer))


def _applied_elsewhere(session: Session, operation: Operation, answer: Body) -> str:
    """What QuickBooks applied by itself, of a payment that it has just made, to documents that Ravetree lacks."""
    if operation.action != Action.PAYMENT_CREATE:
        return ""
    on = shares(answer)
    paired = pairs.among(session, operation.connection_id, Kind.INVOICE, Side.QUICKBOOKS, on)
    known = {*context_of(operation).touches, *(pair.quickbooks_id for pair in paired)}
    ours = sum((amount for name, amount in on.items() if name in known), ZERO)
    applied = Decimal(str(answer.get("TotalAmt", 0))) - Decimal(str(answer.get("UnappliedAmt", 0)))
    return str(max(ZERO, applied - ours))


def _pair_payment_from_quickbooks(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    context = context_of(operation)
    before = pairs.find(session, operation.connection_id, Kind.PAYMENT, Side.RAVETREE, str(answer["id"]))
    _move_marks(session, operation, before.base_ravetree if before is not None else {}, answer)
    pairs.store(
        session,
        operation.connection_id,
        Kind.PAYMENT,
        answer["id"],
        context.quickbooks_id,
        now,
        base_ravetree=answer,
        base_quickbooks=context.base_quickbooks or {},
    )
    _keep_facts(session, operation, answer["id"])


def _delete_payment_in_ravetree(session: Session, operation: Operation, _answer: Body, _now: datetime) -> None:
    name = context_of(operation).ravetree_id
    before = pairs.find(session, operation.connection_id, Kind.PAYMENT, Side.RAVETREE, name)
    if before is not None:
        _move_marks(session, operation, before.base_ravetree, {})


def _move_marks(session: Session, operation: Operation, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """What becomes open in Ravetree because of QuickBooks is nothing that the payment for a mark is raised for."""
    was, is_now = _shares_in_ravetree(before), _shares_in_ravetree(after)
    for name in was.keys() | is_now.keys():
        pair = pairs.find(session, operation.connection_id, Kind.INVOICE, Side.RAVETREE, name)
        mark = pair.kept.get("mark") or {} if pair is not None else {}
        opened = was.get(name, ZERO) - is_now.get(name, ZERO)
        if opened and mark.get("wanted"):
            moved = mark | {"wanted": str(Decimal(mark["wanted"]) + opened)}
            pairs.keep(session, operation.connection_id, Kind.INVOICE, name, mark=moved)


def _shares_in_ravetree(payment: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a payment of Ravetree's has on each invoice, by the invoice's id."""
    found: dict[str, Decimal] = {}
    for share in payment.get("allocations") or ():
        name = str(share["invoice_id"])
        found[name] = found.get(name, ZERO) + Decimal(str(share["amount"]))
    return found


def _keep_facts(session: Session, operation: Operation, ravetree_id: str, elsewhere: str = "") -> None:
    """What the new bases do not say: which invoices both sides knew, and what QuickBooks has spent elsewhere."""
    context = context_of(operation)
    facts = {"invoices": list(context.touches), "spent": elsewhere or context.spent or "0"}
    pairs.keep(session, operation.connection_id, Kind.PAYMENT, ravetree_id, **facts)


def _keep_placeholder(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    context = context_of(operation)
    pairs.store(
        session,
        operation.connection_id,
        pairs.PLACEHOLDER,
        context.ravetree_id,
        answer["Id"],
        now,
        # What a bookkeeper changes is told by this: the note alone would not say it.
        base_quickbooks=answer,
    )
    _keep_mark(session, operation, {"at": context.mark, "day": answer.get("TxnDate", ""), "wanted": context.wanted})


def _drop_placeholder(session: Session, operation: Operation, _answer: Body, _now: datetime) -> None:
    context = context_of(operation)
    pairs.remove(session, operation.connection_id, pairs.PLACEHOLDER, context.ravetree_id)
    _keep_mark(session, operation, {"at": context.mark, "day": context.day, "moving": context.moving})


def _keep_mark(session: Session, operation: Operation, mark: dict[str, str]) -> None:
    """For which mark there was a placeholder: rows of earlier versions do not say it."""
    if mark["at"]:
        name = context_of(operation).ravetree_id
        pairs.keep(session, operation.connection_id, Kind.INVOICE, name, mark=mark)


def _note_applied(session: Session, operation: Operation, answer: Body, now: datetime) -> None:
    """What was applied for a mark is money that Ravetree has to hear of: the echo would say nothing."""
    pending.note(session, operation.connection_id, Record(Side.QUICKBOOKS, Kind.PAYMENT, str(answer["Id"])), now)


_SETTLE: dict[tuple[Side, Action], Callable[[Session, Operation, Body, datetime], None]] = {
    (Side.QUICKBOOKS, Action.CUSTOMER_CREATE): _link_customer,
    (Side.QUICKBOOKS, Action.INVOICE_CREATE): _pair_document,
    (Side.QUICKBOOKS, Action.INVOICE_UPDATE): _pair_document,
    (Side.QUICKBOOKS, Action.ESTIMATE_CREATE): _pair_document,
    (Side.QUICKBOOKS, Action.ESTIMATE_UPDATE): _pair_document,
    (Side.QUICKBOOKS, Action.INVOICE_RENUMBER): _renumber_document,
    (Side.QUICKBOOKS, Action.ESTIMATE_RENUMBER): _renumber_document,
    (Side.QUICKBOOKS, Action.PAYMENT_CREATE): _pair_payment,
    (Side.QUICKBOOKS, Action.PAYMENT_UPDATE): _pair_payment,
    (Side.QUICKBOOKS, Action.PAYMENT_TAKE_PLACEHOLDER): _pair_payment,
    (Side.QUICKBOOKS, Action.MONEY_APPLY): _note_applied,
    (Side.QUICKBOOKS, Action.PLACEHOLDER_CREATE): _keep_placeholder,
    (Side.QUICKBOOKS, Action.PLACEHOLDER_UPDATE): _keep_placeholder,
    (Side.QUICKBOOKS, Action.PLACEHOLDER_DELETE): _drop_placeholder,
    (Side.RAVETREE, Action.CONTACT_CREATE): _link_contact,
    (Side.RAVETREE, Action.PAYMENT_CREATE): _pair_payment_from_quickbooks,
    (Side.RAVETREE, Action.PAYMENT_UPDATE): _pair_payment_from_quickbooks,
    (Side.RAVETREE, Action.PAYMENT_DELETE): _delete_payment_in_ravetree,
}


def _changes_by_payments(session: Session, connection_id: str, invoice: Record) -> bool:
    """Whether a payment changes what is asked or said of its invoice: one marked as paid, or with cents that differ."""
    pair = pairs.find(session, connection_id, Kind.INVOICE, Side.RAVETREE, invoice.id)
    if pair is not None and pair.accepted:
        return True
    copy = copies.get(session, connection_id, invoice)
    marked = copy is not None and copy.body.get("marked_paid_at") is not None
    return marked or pairs.find(session, connection_id, pairs.PLACEHOLDER, Side.RAVETREE, invoice.id) is not None


def _go_on(session: Session, operation: Operation, now: datetime) -> None:
    """Wake what waited for this write, and look again at invoices that a payment held up."""
    connection_id, kind = operation.connection_id, kind_of(operation.action)
    context = context_of(operation)
    of = Kind.INVOICE if Action(operation.action).of_placeholder else kind
    done = [Record(Side.RAVETREE, of, context.ravetree_id)] if context.ravetree_id else []
    if kind is Kind.PAYMENT:
        done.append(Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        invoices = context.ravetree_invoices
        records = [Record(Side.RAVETREE, Kind.INVOICE, name) for name in invoices]
        pending.reconsider_records(session, connection_id, records, now)
        for record in records:
            if _changes_by_payments(session, connection_id, record):
                # It has changed by this write, and no event of anybody else's will say so.
                pending.note(session, connection_id, record, now)
    pending.wake(session, connection_id, done, now)
