"""What the next sync does with a record, as a sentence for a bookkeeper: from its writes and how it ends."""

from collections.abc import Sequence

from reconcile.model import Attention, Side

_OURS, _THEIRS = Side.RAVETREE, Side.QUICKBOOKS

_CLAUSES = {
    (_THEIRS, "customer.create"): "makes its customer in QuickBooks",
    (_THEIRS, "customer.update"): "writes the client to QuickBooks",
    (_OURS, "contact.create"): "makes a contact in Ravetree",
    (_THEIRS, "estimate.create"): "writes it to QuickBooks",
    (_THEIRS, "estimate.update"): "writes Ravetree's to QuickBooks",
    (_THEIRS, "estimate.close"): "closes it in QuickBooks",
    (_THEIRS, "estimate.delete"): "deletes it in QuickBooks",
    (_THEIRS, "invoice.create"): "writes it to QuickBooks",
    (_THEIRS, "invoice.update"): "writes Ravetree's to QuickBooks",
    (_THEIRS, "invoice.mark_sent"): "marks it as sent in QuickBooks; nobody is mailed",
    (_THEIRS, "invoice.void"): "voids it in QuickBooks",
    (_THEIRS, "invoice.delete"): "deletes it in QuickBooks",
    (_OURS, "invoice.mark_sent"): "marks it as sent in Ravetree; nobody is mailed",
    (_OURS, "invoice.void"): "voids it in Ravetree",
    (_THEIRS, "payment.create"): "copies Ravetree's payment to QuickBooks",
    (_THEIRS, "payment.update"): "copies Ravetree's payment to QuickBooks",
    (_THEIRS, "payment.take_placeholder"): "puts the payment in the place of the mark as paid in QuickBooks",
    (_THEIRS, "payment.delete"): "deletes the payment in QuickBooks",
    (_OURS, "payment.create"): "copies QuickBooks' payment to Ravetree",
    (_OURS, "payment.update"): "copies QuickBooks' payment to Ravetree",
    (_OURS, "payment.delete"): "deletes the payment in Ravetree",
    (_THEIRS, "placeholder.create"): "enters a payment in QuickBooks that stands for the mark as paid",
    (_THEIRS, "placeholder.update"): "sets the payment right that stands in QuickBooks for the mark as paid",
    (_THEIRS, "placeholder.delete"): "takes the payment away that stands in QuickBooks for the mark as paid",
}
"""What each write is to a bookkeeper."""

READS_FIRST = "The next sync reads QuickBooks first, and then decides."


def of_writes(writes: Sequence[tuple[Side, str]]) -> str:
    """The writes in their order. Raises `KeyError` for an action that nobody knows."""
    clauses = list(dict.fromkeys(_CLAUSES[side, action] for side, action in writes))
    return f"The next sync {', then '.join(clauses)}."


def next_sync(writes: Sequence[tuple[Side, str]], attention: Attention | None, waits: str, at_rest: str) -> str:
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
