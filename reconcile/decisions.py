"""What a person can decide when a record waits for an answer."""

from enum import StrEnum


class Decision(StrEnum):
    """One answer. Values are stored and part of the API, and stay.

    `TWO`: they are two records, or two receipts. `OVERWRITE`: write Ravetree's over what was edited in QuickBooks.
    `PUSH`: write it to QuickBooks anew. `LEAVE`: leave QuickBooks' as it is. `ADOPT`: the document with that number
    is the same one. `RAVETREE`, `QUICKBOOKS`: that side is right. `LINK`: tie it to the record that is named.
    `UNLINK`: take it apart from its partner. `ACCEPT`: QuickBooks' total and tax may differ as they do. `ONE`: they are
    one receipt. `PAYMENT`: the payment that stood for a mark as paid is the real money. `RESTORE`: undo the edit of it.
    `PLACEHOLDER`: enter a payment that stands for the mark. `TODAY`: date it today. `FREE`: the void document that has
    the number gets another one.
    """

    TWO = "two"
    OVERWRITE = "overwrite"
    PUSH = "push"
    LEAVE = "leave"
    ADOPT = "adopt"
    RAVETREE = "ravetree"
    QUICKBOOKS = "quickbooks"
    LINK = "link"
    UNLINK = "unlink"
    ONE = "one"
    PAYMENT = "payment"
    RESTORE = "restore"
    PLACEHOLDER = "placeholder"
    TODAY = "today"
    ACCEPT = "accept"
    FREE = "free"


AT_ANY_TIME = frozenset({Decision.PUSH, Decision.LINK, Decision.UNLINK})
"""Those that need no question that waits."""
