"""What the API's document shows as examples. A test holds each against its schema."""

from http import HTTPStatus
from typing import Any

from schemas.problems import Problem, ProblemSchema

_AT = "2026-11-20T14:13:20+00:00"


def page(row: dict[str, Any]) -> dict[str, Any]:
    """A page with one row, and none behind it."""
    return {"data": [row], "next_cursor": None}


def problem(status: int) -> dict[str, Any]:
    """An error with this status."""
    phrase = HTTPStatus(status).phrase
    shown = _PROBLEMS.get(status) or Problem(status, phrase.lower().replace(" ", "_"), f"{phrase}.", "See `detail`.")
    dumped: dict[str, Any] = ProblemSchema().dump(shown)
    return dumped


_PROBLEMS = {
    404: Problem(
        404,
        "unknown_connection",
        "There is no connection 3f0c9a1b2d4e5f60.",
        "List the connections with `ravebooks connections`.",
    ),
    422: Problem(
        422,
        "invalid_request",
        "removals_limit: Must be greater than or equal to 1 and less than or equal to 1000000.",
        "Correct what is named; the API's document says what each field takes.",
        "removals_limit",
    ),
}

BY = {"by": "Kim"}
CONSOLE_LINK_REQUEST = {"name": "Ann Archer"}
CONSOLE_LINK = {"url": "https://ravebooks.example/console/enter?token=…"}
PAUSE = {"by": "Kim", "cause": "audit"}
FULL = {"full": False}
CONNECT = {"account_id": "org_42", "ravetree_token": "rt_…"}
START_LINK = {"start_url": "https://ravebooks.example/connect/start?token=…"}
CONNECTION = {
    "id": "3f0c9a1b2d4e5f60",
    "account_id": "org_42",
    "realm_id": "4620816365217182270",
    "environment": "production",
    "state": "active",
    "cause": "",
    "remedy": "",
    "invoices_since": _AT,
    "estimates_since": None,
    "invoices_ticked_at": None,
    "estimates_ticked_at": _AT,
    "waiting_for_mappings": [{"kind": "line_type", "key": "time", "label": "Time"}],
    "waiting_for_settings": [],
    "offered_backfill": None,
    "time_zone": "America/New_York",
    "contacts_imported_at": _AT,
    "work": {"due": 0, "waiting": 0, "held": 1, "parked": 0, "uncertain": 0, "jobs": 0},
}
FORGOTTEN = {"outcome": "forgotten"}
ENTRY = {"id": "2", "name": "Hours"}
CHOICES = {"keys": [{"key": "time", "label": "Time", "quickbooks_id": "2"}], "entries": [ENTRY]}
MAPPINGS = {
    "line_types": {"time": "2"},
    "tax_rates": {"vat": "6"},
    "payment_methods": {},
    "deposit_accounts": {"": "35"},
}
SWITCHES = {"invoices": True, "estimates": True}
SETTINGS = {
    "draft_policy": "create",
    "delete_policy": "void",
    "removals_limit": 20,
    "reads_budget": None,
    "time_zone": "America/New_York",
}
USAGE = {
    "month": "2026-11",
    "reads": {"events": 12},
    "total_reads": 12,
    "writes": {"invoice.create": 7},
    "budget": None,
    "warning": "",
}
PREFLIGHT = {
    "at": _AT,
    "findings": [
        {
            "code": "books_closed",
            "severity": "info",
            "cause": "QuickBooks' books are closed up to 2026-09-30.",
            "remedy": "Nothing to do: what is older is parked.",
        }
    ],
}
ATTENTION = {
    "side": "ravetree",
    "kind": "invoice",
    "id": "inv_9001",
    "state": "held",
    "code": "drift_before_overwrite",
    "cause": "Invoice 1043 was edited in QuickBooks (now 150.00 USD) and then in Ravetree.",
    "remedy": "Undo the edit in QuickBooks and press retry, or decide `overwrite`.",
    "since": _AT,
    "decisions": [
        {
            "decision": "overwrite",
            "needs_target": False,
            "does": "Writes Ravetree's content over what was edited in QuickBooks.",
        }
    ],
}
DECISION = {"decision": "overwrite", "by": "Kim", "note": "The client agreed.", "target": ""}
PREVIEW = {
    "record": "ravetree:invoice:inv_9001",
    "outcome": "update",
    "message": "",
    "remedy": "",
    "steps": [
        {
            "side": "quickbooks",
            "action": "invoice.update",
            "changes": [{"field": "memo", "before": "", "after": "Thank you"}],
        }
    ],
}
SYNC = {"by": "Kim", "wait_seconds": 10.0}
SYNCED = {"outcome": "synced", "message": "Both books agree on it.", "remedy": ""}
JOB_REQUEST = {
    "kind": "backfill",
    "kinds": ["invoice"],
    "from": "2026-01-01",
    "to": "2026-06-30",
    "statuses": ["sent"],
    "made_while_waiting": False,
    "by": "Kim",
}
JOB = {
    "id": 7,
    "kind": "backfill",
    "state": "running",
    "params": {"kinds": ["invoice"], "from": "2026-01-01", "to": "2026-06-30", "statuses": ["sent"]},
    "by": "Kim",
    "created_at": _AT,
    "updated_at": _AT,
    "listed": True,
    "counts": {"left": 12, "agreed": 30, "parked": 1},
}
JOB_RECORD = {
    "record": "ravetree:invoice:inv_9001",
    "name": "1043",
    "outcome": "agreed",
    "text": "",
    "updated_at": _AT,
}
JOB_PREVIEW = {"counts": {"create": 1}, "records": [PREVIEW | {"name": "1043", "outcome": "create", "steps": []}]}
REPORT = {
    "id": 31,
    "day": "2026-11-20",
    "made_at": _AT,
    "source": "copies",
    "summary": {
        "compared": 120,
        "equal": 119,
        "differing": 1,
        "causes": {"in_flight": 1},
        "currencies": {
            "USD": {
                "ravetree_total": "12000.00",
                "quickbooks_total": "11950.00",
                "ravetree_receivable": "900.00",
                "quickbooks_receivable": "850.00",
            }
        },
    },
}
PAIR = {
    "kind": "invoice",
    "number": "1043",
    "client": "Northwind",
    "currency": "USD",
    "ravetree": {
        "id": "inv_9001",
        "number": "1043",
        "status": "sent",
        "total": "100.00",
        "balance": "100.00",
        "url": "https://app.ravetree.example/org_42/invoices/inv_9001",
    },
    "quickbooks": {"id": "145", "number": "1043", "status": "open", "total": "90.00", "balance": "90.00"},
    "state": "due",
    "differences": [
        {
            "field": "total",
            "ravetree": "100.00",
            "quickbooks": "90.00",
            "base": "90.00",
            "owner": "ravetree",
            "next": "The next sync writes Ravetree's to QuickBooks.",
            "cause": "in_flight",
        }
    ],
}
RECORD = PAIR | {"record": "ravetree:invoice:inv_9001", "twins": [], "waits": [], "answers": []}
TIMELINE_ENTRY = {
    "at": _AT,
    "what": "write",
    "side": "quickbooks",
    "text": "invoice.update",
    "by": "",
    "key": "0c9a1b2d4e5f60713f0c9a1b2d4e5f60",
    "changes": [{"field": "memo", "before": "", "after": "Thank you"}],
}
EVENT = {
    "id": "evt_81",
    "source": "quickbooks",
    "account": "4620816365217182270",
    "type": "invoice.updated",
    "subject": "145",
    "outcome": "unknown",
    "reason": "no connection has the company 4620816365217182270",
    "received_at": _AT,
}
DEAD_LETTER = {
    "id": 4,
    "message_id": "0c9a1b2d4e5f6071",
    "queue": "ravebooks.inbound",
    "reason": "rejected",
    "fingerprint": "ravebooks.inbound: rejected: it is no message of version #",
    "dead_at": _AT,
    "size": 512,
}
DEAD_GROUPS = {"groups": [{"fingerprint": DEAD_LETTER["fingerprint"], "count": 3, "oldest": _AT}]}
PARKED_GROUPS = {"groups": [{"state": "parked", "code": "line_type_not_mapped", "count": 12, "oldest": _AT}]}
STATUS = {
    "well": False,
    "findings": [
        {
            "code": "dead_letters",
            "area": "queues",
            "subject": "",
            "cause": "3 messages could not be handled, the oldest since 20 Nov 14:13 UTC.",
            "remedy": "Mend what they died of, then drive them again.",
            "since": _AT,
        }
    ],
}
BRAKES = {"stopped": [{"part": "quickbooks", "by": "Kim", "cause": "audit", "since": _AT}]}
BULK_COUNT_REQUEST = {"what": "redrive", "fingerprint": DEAD_LETTER["fingerprint"]}
BULK_REQUEST = BULK_COUNT_REQUEST | {"by": "Kim"}
BULK_COUNT = {"count": 3}
BULK_JOB = {
    "id": 7,
    "what": "redrive",
    "state": "running",
    "total": 3,
    "done": 1,
    "failed": 0,
    "last_error": "",
    "by": "Kim",
    "created_at": _AT,
    "updated_at": _AT,
}
BULK_JOBS = {"jobs": [BULK_JOB]}
