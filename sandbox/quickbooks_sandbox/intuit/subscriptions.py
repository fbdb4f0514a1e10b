"""Subscriptions: of which entities an app hears, where and in which format."""

from __future__ import annotations

import random

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.apps import new_verifier_token

SUBSCRIPTION = "webhook_subscription"
FORMATS = ("cloudevents", "legacy")
# Operations that each entity announces; the others (terms, tax codes, company info) announce nothing.
_NAME_LIST = frozenset({"created", "updated", "deleted", "merged"})
_FORM = frozenset({"created", "updated", "deleted", "emailed", "void"})
ANNOUNCED: dict[str, frozenset[str]] = {
    "Invoice": _FORM, "Payment": _FORM, "CreditMemo": _FORM, "Estimate": _FORM - {"void"},
    "Customer": _NAME_LIST, "Vendor": _NAME_LIST, "Employee": _NAME_LIST, "Item": _NAME_LIST,
    "Account": _NAME_LIST,
    "SalesReceipt": _FORM, "RefundReceipt": _FORM, "Class": _NAME_LIST, "Department": _NAME_LIST,
    "Deposit": _FORM - {"void"}, "Term": _NAME_LIST, "PaymentMethod": _NAME_LIST,
    "Preferences": frozenset({"updated"}),
}  # fmt: skip


def new_subscription(randomness: random.Random) -> Doc:
    """What an app has before it subscribes to anything; no entities means every one."""
    token = new_verifier_token(randomness)
    return {"url": None, "verifier_token": token, "format": FORMATS[0], "entities": None}


class Subscriptions:
    """That of each app, on disk."""

    def __init__(self, storage: Storage, randomness: random.Random, first_app: str) -> None:
        self._storage = storage
        self._randomness = randomness
        self._first_app = first_app
        self._known: dict[str, Doc] = {}

    def register(self, client_id: str) -> None:
        """An app may subscribe from now on; one that is known goes on with what it subscribed to."""
        kept = self._storage.setting(self._setting(client_id)) or new_subscription(self._randomness)
        self._keep(client_id, {"entities": None, **kept})

    def of(self, client_id: str | None = None) -> Doc:
        """An app's, by default the first one's."""
        return dict(self._known[client_id or self._first_app])

    def change(self, changes: Doc, client_id: str | None = None) -> None:
        """Raises ValueError for a format or an entity that there is not."""
        if changes.get("format", FORMATS[0]) not in FORMATS:
            raise ValueError(f"The format is one of {', '.join(FORMATS)}.")
        entities = changes.get("entities")
        if entities is not None and not (isinstance(entities, list) and set(entities) <= ANNOUNCED.keys()):
            raise ValueError(f"The entities are null for all, or some of {', '.join(ANNOUNCED)}.")
        self._keep(client_id or self._first_app, {**self.of(client_id), **changes})

    def somebody_hears(self) -> bool:
        """Whether any app has named an address at all."""
        return any(subscription["url"] for subscription in self._known.values())

    def hears(self, client_id: str, entity: str) -> bool:
        subscription = self._known[client_id]
        return bool(subscription["url"]) and (subscription["entities"] is None or entity in subscription["entities"])

    def _keep(self, client_id: str, subscription: Doc) -> None:
        self._known[client_id] = subscription
        self._storage.keep_setting(self._setting(client_id), subscription)

    def _setting(self, client_id: str) -> str:
        return SUBSCRIPTION if client_id == self._first_app else f"{SUBSCRIPTION}:{client_id}"
