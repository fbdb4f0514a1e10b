"""What the contract says of reading, tried without writing anything."""

from decimal import Decimal
from typing import Any

from ravebooks.conformance.asking import Claims, Fails, Implementation, Json, Skips, fits, said
from schemas import ids, ravetree_events
from schemas import ravetree_contract as contract

CLAIMS = Claims()

RESOURCES = {
    "contacts": contract.ContactSchema,
    "invoices": contract.InvoiceSchema,
    "estimates": contract.EstimateSchema,
    "payments": contract.PaymentSchema,
}
CATALOGUES = {
    "line_item_types": contract.LineItemTypeSchema,
    "tax_rates": contract.TaxRateSchema,
    "payment_methods": contract.PaymentMethodSchema,
}
NOBODY = "conformance_nobody"
"""An id that no record has."""
LARGEST_PAGE = 200


@CLAIMS.that(
    "the token's account",
    "Let GET /account answer {data: {id, name, default_currency}} of the account whose token it is.",
)
def _account(there: Implementation) -> None:
    found = there.record("GET", "account", contract.AccountSchema)
    if found["id"] != there.account:
        raise Fails(f"the token is of account {found['id']}, not {there.account}")


@CLAIMS.that("no token, no answer", "Answer 401 without a valid token, before anything else is looked at.")
def _no_token(there: Implementation) -> None:
    there.refused((401,), "GET", "account", headers={"Authorization": None})
    there.refused((401,), "GET", "account", headers={"Authorization": "Bearer of-nobody"})


@CLAIMS.that("a token opens its own account", "Answer 403 where the header Ravetree-Account names another account.")
def _other_account(there: Implementation) -> None:
    there.refused((403,), "GET", "invoices", headers={"Ravetree-Account": NOBODY})


@CLAIMS.that("what is not there is 404", "Answer 404 with {error: {code, message, field, existing_id}}.")
def _not_there(there: Implementation) -> None:
    for resource in RESOURCES:
        there.refused((404,), "GET", f"{resource}/{NOBODY}")


def _lists(resource: str) -> None:
    @CLAIMS.that(
        f"lists of {resource}",
        f"Let GET /{resource} answer {{data: [...], next_cursor}}, each record as the contract's document has it.",
    )
    def _list(there: Implementation) -> None:
        rows, _ = there.page(resource, limit="50")
        for row in rows:
            if not row.get("deleted"):
                fits(RESOURCES[resource], row, f"GET /{resource}")
        there.notes[resource] = rows
        for row in rows[:1]:
            one = there.record("GET", f"{resource}/{row['id']}", RESOURCES[resource])
            if one["id"] != row["id"]:
                raise Fails(f"GET /{resource}/{row['id']} answers {one['id']}")

    @CLAIMS.that(
        f"pages of {resource}",
        "Let next_cursor lead to the rest: each record once, in an order that does not change, null at the end.",
    )
    def _pages(there: Implementation) -> None:
        first, cursor = there.page(resource, limit="2")
        if len(first) > 2:
            raise Fails(f"limit=2 answers {len(first)}")
        if cursor is None:
            raise Skips(f"there are no more than {len(first)}")
        second, _ = there.page(resource, limit="2", cursor=cursor)
        if {row["id"] for row in first} & {row["id"] for row in second}:
            raise Fails("the second page repeats a record of the first")
        both = [row["id"] for row in [*first, *second]]
        together, _ = there.page(resource, limit="4")
        if [row["id"] for row in together] != both:
            raise Fails("pages of two have another order than one of four")


for _resource in RESOURCES:
    _lists(_resource)


@CLAIMS.that("pages have 200 records at most", "Refuse a larger limit with 400 or 422, or answer no more than 200.")
def _largest(there: Implementation) -> None:
    answer = there.ask("GET", "contacts", {"limit": str(LARGEST_PAGE + 1)})
    rows = answer.body.get("data", []) if isinstance(answer.body, dict) else []
    if answer.status not in (200, 400, 422) or len(rows) > LARGEST_PAGE:
        raise Fails(f"limit={LARGEST_PAGE + 1} answers {said(answer)} with {len(rows)} records")


@CLAIMS.that("lists since a time", "Let ?updated_since= answer what was changed at that time or later, and no more.")
def _since(there: Implementation) -> None:
    for resource in RESOURCES:
        if (rows := there.page(resource, updated_since="2999-01-01T00:00:00Z")[0]) != []:
            raise Fails(f"of {resource}, {len(rows)} were changed after the year 2999")
        known = [row for row in there.notes.get(resource, []) if not row.get("deleted")]
        if known:
            newest = max(known, key=lambda row: contract.parse_time(row["updated_at"]))
            again, _ = there.page(resource, updated_since=newest["updated_at"])
            if newest["id"] not in {row["id"] for row in again}:
                raise Fails(f"{resource}/{newest['id']} is missing since its own updated_at")


for _name, _schema in CATALOGUES.items():

    def _catalogue(there: Implementation, name: str = _name, schema: Any = _schema) -> None:
        rows, _ = there.page(name)
        for row in rows:
            fits(schema, row, f"GET /{name}")
        keys = [row["key"] for row in rows]
        if len(set(keys)) < len(keys):
            raise Fails("a key is there twice")
        if name == "line_item_types" and not keys:
            raise Fails("there is none: nothing could be mapped")

    CLAIMS.that(f"the list of {_name}", f"Let GET /{_name} list each key once, with its label.")(_catalogue)


@CLAIMS.that("totals of invoices", "Let balance be total less all live allocations, and status follow from it.")
def _balances(there: Implementation) -> None:
    looked = [row for row in there.notes.get("invoices", []) if not row.get("deleted")][:10]
    if not looked:
        raise Skips("there is no invoice")
    for invoice in looked:
        payments, cursor = there.page("payments", invoice_id=invoice["id"], limit=str(LARGEST_PAGE))
        if cursor is not None:
            continue
        live = [row for row in payments if not row.get("deleted") and not row.get("voided")]
        parts = [part for row in live for part in row.get("allocations", []) if part["invoice_id"] == invoice["id"]]
        if len(parts) < len(live):
            raise Fails(f"?invoice_id={invoice['id']} lists a payment that has no part of it")
        paid = sum((Decimal(part["amount"]) for part in parts), Decimal(0))
        if invoice["status"] != "void" and Decimal(invoice["balance"]) != Decimal(invoice["total"]) - paid:
            sums = f"total {invoice['total']} less {paid} paid is not balance {invoice['balance']}"
            raise Fails(f"invoice {invoice['id']}: {sums}")


@CLAIMS.that("payments of a client", "Let ?client_id= of /payments list those of that client, and no other.")
def _payments_of_a_client(there: Implementation) -> None:
    looked = [row for row in there.notes.get("payments", []) if not row.get("deleted")][:1]
    if not looked:
        raise Skips("there is no payment")
    for payment in looked:
        found, cursor = there.page("payments", client_id=payment["client_id"], limit=str(LARGEST_PAGE))
        if any(row["client_id"] != payment["client_id"] for row in found):
            raise Fails(f"?client_id={payment['client_id']} lists a payment of another client")
        if cursor is None and payment["id"] not in [row["id"] for row in found]:
            raise Fails(f"?client_id={payment['client_id']} does not list payment {payment['id']}")


@CLAIMS.that("sums of payments", "Let the allocations be amount + credit_amount - unapplied.")
def _sums(there: Implementation) -> None:
    for row in there.notes.get("payments", []):
        if row.get("deleted"):
            continue
        parts = sum((Decimal(part["amount"]) for part in row["allocations"]), Decimal(0))
        if parts != Decimal(row["amount"]) + Decimal(row["credit_amount"]) - Decimal(row["unapplied"]):
            raise Fails(f"payment {row['id']}: its allocations are {parts}")


@CLAIMS.that(
    "the log of events",
    "Let GET /events answer what webhooks send, with an `id` that is the delivery's webhook-id, oldest first.",
)
def _events(there: Implementation) -> None:
    rows, _ = there.page("events", limit="5")
    for row in rows:
        check_event(there, row)
    names = [row["id"] for row in rows]
    if len(set(names)) < len(names):
        raise Fails("an event is there twice")
    if len(names) > 1:
        after, _ = there.page("events", limit="5", after=names[0])
        if [row["id"] for row in after[: len(names) - 1]] != names[1:]:
            raise Fails(f"after={names[0]} does not go on with the event behind it")


@CLAIMS.that("an event that is not kept", "Answer 404 or 410 for ?after= an event that the log does not have.")
def _no_such_event(there: Implementation) -> None:
    there.refused((404, 410), "GET", "events", params={"after": NOBODY})


def check_event(there: Implementation, row: Json) -> None:
    """Raise `Fails` unless Ravebooks could use it."""
    name = row.get("id")
    if not ids.is_ravetree_id(name):
        raise Fails(f"the event id {str(name)[:80]!r} is not of [A-Za-z0-9_-]{{1,64}}")
    read = ravetree_events.parse(row, name, there.account)
    if read.reason:
        raise Fails(f"event {name}: {read.reason}")
    if read.type not in contract.EVENT_TYPES:
        raise Fails(f"event {name}: the contract knows no type {read.type}")
