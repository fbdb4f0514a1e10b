"""What the next sync does with a record, as a sentence for a bookkeeper: from its writes and how it ends."""

from collections.abc import Sequence

from reconcile.actions import Action
from reconcile.model import Attention, Side

_OURS, _THEIRS = Side.RAVETREE, Side.QUICKBOOKS

_CLAUSES = {
    (_THEIRS, Action.CUSTOMER_CREATE): "makes its customer in QuickBooks",
    (_THEIRS, Action.CUSTOMER_UPDATE): "writes the client to QuickBooks",
    (_OURS, Action.CONTACT_CREATE): "makes a contact in Ravetree",
    (_THEIRS, Action.ESTIMATE_CREATE): "writes it to QuickBooks",
    (_THEIRS, Action.ESTIMATE_UPDATE): "writes Ravetree's to QuickBooks",
    (_THEIRS, Action.ESTIMATE_CLOSE): "closes it in QuickBooks",
    (_THEIRS, Action.ESTIMATE_DELETE): "deletes it in QuickBooks",
    (_THEIRS, Action.ESTIMATE_RENUMBER): "gives it its number in QuickBooks",
    (_THEIRS, Action.INVOICE_CREATE): "writes it to QuickBooks",
    (_THEIRS, Action.INVOICE_UPDATE): "writes Ravetree's to QuickBooks",
    (_THEIRS, Action.INVOICE_MARK_SENT): "marks it as sent in QuickBooks; nobody is mailed",
    (_THEIRS, Action.INVOICE_VOID): "voids it in QuickBooks",
    (_THEIRS, Action.INVOICE_DELETE): "deletes it in QuickBooks",
    (_THEIRS, Action.INVOICE_RENUMBER): "gives it its number in QuickBooks",
    (_OURS, Action.INVOICE_MARK_SENT): "marks it as sent in Ravetree; nobody is mailed",
    (_OURS, Action.INVOICE_VOID): "voids it in Ravetree",
    (_THEIRS, Action.PAYMENT_CREATE): "copies Ravetree's payment to QuickBooks",
    (_THEIRS, Action.PAYMENT_UPDATE): "copies Ravetree's payment to QuickBooks",
    (_THEIRS, Action.PAYMENT_TAKE_PLACEHOLDER): "puts the payment in the place of the mark as paid in QuickBooks",
    (_THEIRS, Action.PAYMENT_APPLY): "applies QuickBooks' payment to the invoice there",
    (_THEIRS, Action.PAYMENT_DELETE): "deletes the payment in QuickBooks",
    (_OURS, Action.PAYMENT_CREATE): "copies QuickBooks' payment to Ravetree",
    (_OURS, Action.PAYMENT_UPDATE): "copies QuickBooks' payment to Ravetree",
    (_OURS, Action.PAYMENT_DELETE): "deletes the payment in Ravetree",
    (_THEIRS, Action.MONEY_APPLY): "applies the payment to the invoice in QuickBooks",
    (_THEIRS, Action.PLACEHOLDER_CREATE): "enters a payment in QuickBooks that stands for the mark as paid",
    (_THEIRS, Action.PLACEHOLDER_UPDATE): "sets the payment right that stands in QuickBooks for the mark as paid",
    (_THEIRS, Action.PLACEHOLDER_DELETE): "takes the payment away that stands in QuickBooks for the mark as paid",
}
"""What each write is to a bookkeeper."""

READS_FIRST = "The next sync reads QuickBooks first, and then decides."


def clauses(writes: Sequence[tuple[Side, Action]]) -> str:
    """What these writes do, in their order, without a subject. Raises `KeyError` for an action that nobody knows."""
    return ", then ".join(dict.fromkeys(_CLAUSES[side, action] for side, action in writes))


def of_writes(writes: Sequence[tuple[Side, Action]]) -> str:
    """The same of the next sync."""
    return f"The next sync {clauses(writes)}."


def next_sync(writes: Sequence[tuple[Side, Action]], attention: Attention | None, waits: str, at_rest: str) -> str:
    """What the next sync does: its `writes`, and whether it ends with a question or with waiting.

    `at_rest` is what holds when it does nothing.
    """
    said = [of_writes(writes)] if writes else []
    if attention is not None:
        asks = "a person decides" if attention.state == "held" else "something is repaired"
        before = "Then nothing more" if writes else "Nothing"
        said.append(f"{before} is written until {asks}: {attention.cause} {attention.remedy}")
    elif waits:
        said.append(f"{'Then it' if writes else 'The next sync'} {waits}.")
    return " ".join(said) or at_rest
