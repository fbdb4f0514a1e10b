"""Switches: what the sources leave open, or a company may choose."""

from __future__ import annotations

from typing import Any

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.storage import Storage

# Where the sources leave it open, or a company may choose, a tester can; the first position is the usual one.
SWITCHES: dict[str, tuple[Any, ...]] = {
    "duplicate_number_check": (True, False),
    "duplicate_name_detail": ("id", "null", "sentence"),
    "replay_failed_answers": (False, True),
    "requestid_hours": ("always", 24, 1),
    "requestid_other_body": ("replayed", "refused"),
    "tax_inclusive_amount": ("gross", "net"),
    "apply_tax_after_discount": ("in_the_us", "everywhere"),
    "given_tax_lines": ("ignored", "honoured"),
    "unit_price": ("as_sent", "recomputed"),
    "number_not_sent": ("automatic", "none"),
    "readable_after_seconds": (0, 5),
    "bundle_amount": ("sum", "zero"),
    "merged_sub_customers": ("moved", "refused"),
    "side_effect_events": (True, False),
    "realms_in_a_delivery": ("several", "one"),
    "webhook_content_type": (
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    ),
    "code_challenges": (True, False),
    "email_status_writable": (True, False),
    "latin1_only": (False, True),
    "batch_ids_limited": (False, True),
    "batch_queries_metered": ("each", "once"),
}


def read_switches(storage: Storage) -> Doc:
    """Each switch in its position."""
    switches: Doc = {name: choices[0] for name, choices in SWITCHES.items()}
    switches.update(storage.setting("switches", {}))
    return switches


def check_switches(changes: Doc) -> None:
    """Raises ValueError for a switch or a position that does not exist."""
    for name, value in changes.items():
        # By kind as well: 1 is not true.
        if (type(value), value) not in [(type(choice), choice) for choice in SWITCHES.get(name, ())]:
            raise ValueError(f"The switches and their positions are {SWITCHES}.")
