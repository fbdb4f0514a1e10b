"""What each decision on a question writes, and whether it names a record of the other side: as data for people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from reconcile.decisions import Decision

NAMES_ONE = ":target"
"""Behind a decision as it is stored: several records are possible, so that it has to name one."""


@dataclass(frozen=True)
class Choice:
    """One decision that a question takes. `does` is a sentence of what it writes."""

    decision: str
    needs_target: bool
    does: str


SAME = (Decision.ONE, Decision.LINK, Decision.ADOPT)
"""Names of one answer, the records are the same one: a question that takes one of them understands the others."""

_DOES: Mapping[Decision, str] = {
    Decision.TWO: "Keeps both, and does not ask about these two again.",
    Decision.OVERWRITE: "Writes Ravetree's content over what was edited in QuickBooks.",
    Decision.PUSH: "Writes it to QuickBooks anew.",
    Decision.LEAVE: "Writes nothing; both books stay as they are.",
    Decision.ADOPT: "Ties it to the document that has its number, and writes Ravetree's content to that one.",
    Decision.RAVETREE: "Writes what Ravetree says to QuickBooks.",
    Decision.QUICKBOOKS: "Writes what QuickBooks says to Ravetree.",
    Decision.LINK: "Ties it to the record that it names.",
    Decision.UNLINK: "Forgets its partner and writes nothing; both records stay, apart from any sync.",
    Decision.ONE: "Ties the two together, as one payment.",
    Decision.PAYMENT: "Keeps the payment as the real money, and copies to Ravetree what Ravetree can hold of it.",
    Decision.RESTORE: "Writes the payment as it was before the edit.",
    Decision.PLACEHOLDER: "Enters a payment in QuickBooks for what is only marked as paid.",
    Decision.TODAY: "Enters the payment for the mark in QuickBooks, dated today.",
    Decision.ACCEPT: "Writes it with QuickBooks' total and tax, and keeps the difference until its amount changes.",
    Decision.FREE: "Renumbers the void document that has the number in QuickBooks, and writes this one under it.",
}

_OF_A_CODE: Mapping[tuple[str, Decision], str] = {
    ("contact_ambiguous", Decision.LINK): "Ties the client to the customer that it names, and goes on with that.",
    ("contact_ambiguous", Decision.TWO): "Makes a new one, with an id behind its name where the name is taken.",
    ("contact_unlinked", Decision.LINK): "Ties the client to the customer that it names, and goes on with that.",
    ("contact_unlinked", Decision.TWO): "Makes a new one, with an id behind its name where the name is taken.",
    ("customer_gone", Decision.LINK): "Ties the client to the customer that it names, and goes on with that.",
    ("customer_inactive", Decision.LINK): "Ties the client to the customer that it names, and goes on with that.",
    ("link_not_possible", Decision.TWO): "Makes a new contact in Ravetree.",
    ("one_or_two_payments", Decision.ONE): (
        "Applies QuickBooks' payment to the invoice, deletes our own copy of Ravetree's, and ties the two together."
    ),
    ("one_or_two_payments", Decision.TWO): "Copies each to the other side, and does not ask about these two again.",
    ("unapplied_money_beside_mark", Decision.ONE): (
        "Lowers or deletes the payment for the mark, applies the unapplied one to the invoice, and copies it."
    ),
    ("unapplied_money_beside_mark", Decision.TWO): (
        "Leaves it unapplied, enters the payment for the mark, and does not ask about these two again."
    ),
    ("mark_not_covered", Decision.PLACEHOLDER): "Enters a payment in QuickBooks for the rest that is open there.",
    ("mark_not_covered", Decision.LEAVE): "Writes nothing; the rest stays open in QuickBooks.",
    ("mark_in_closed_period", Decision.LEAVE): "Writes nothing; the invoice stays open in QuickBooks.",
    ("placeholder_removed", Decision.LEAVE): "Writes nothing; the invoice stays open in QuickBooks.",
    ("ended_in_closed_period", Decision.LEAVE): "Writes nothing; the invoice stays in QuickBooks for good.",
    ("deleted_in_quickbooks", Decision.LEAVE): "Writes nothing; it stays in Ravetree alone.",
    ("several_payers", Decision.LEAVE): "Writes nothing; the payment stays in Ravetree alone.",
    ("removed_here_shared_there", Decision.LEAVE): "Writes nothing; the payment stays in QuickBooks alone.",
    ("removed_here_edited_there", Decision.RAVETREE): "Takes Ravetree's part of the payment out of QuickBooks too.",
    ("removed_here_edited_there", Decision.QUICKBOOKS): "Makes the payment anew in Ravetree.",
    ("removed_there_edited_here", Decision.QUICKBOOKS): "Deletes the payment in Ravetree too.",
    ("removed_there_edited_here", Decision.RAVETREE): "Makes the payment anew in QuickBooks, if its invoice is there.",
    ("share_fell_with_total", Decision.QUICKBOOKS): (
        "Lowers the payment's share of the invoice in Ravetree too, or the payment that stands for a mark as paid."
    ),
}


def choices(code: str, decisions: Collection[str]) -> tuple[Choice, ...]:
    """What a question takes, as it is stored: `decisions` are names, `one:target` where one has to be named."""
    found = []
    for stored in decisions:
        name = stored.removesuffix(NAMES_ONE)
        decision = Decision(name)
        needs_target = decision is Decision.LINK or name != stored
        found.append(Choice(name, needs_target, _OF_A_CODE.get((code, decision), _DOES[decision])))
    return tuple(found)


def understood(said: str, taken: Collection[str]) -> str:
    """The name under which a question takes what was said: `link` and `adopt` are older names of `one`.

    Of a number that is taken they are two answers, and neither stands for the other.
    """
    if said in taken or said not in SAME or (said != Decision.ONE and Decision.ONE not in taken):
        return said
    return next((str(name) for name in SAME if name in taken), said)
