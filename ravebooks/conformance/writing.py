"""What the contract says of writing, tried with one unapplied payment of a cent, which is deleted again."""

from datetime import date

from ravebooks.conformance.asking import Claims, Fails, Implementation, Json, Skips
from ravebooks.conformance.reading import NOBODY, check_event
from schemas import ravetree_contract as contract

CLAIMS = Claims()

DAY = date(2020, 1, 2)
"""The payment's: long past, so that it is in nobody's way."""
MOST_PAGES = 500
"""Of the log of events, which has no other way to its end."""


def _key(there: Implementation, what: str) -> str:
    return f"{there.name}-{what}"


def _payment(there: Implementation) -> Json:
    made: Json | None = there.notes.get("payment")
    if made is None:
        raise Skips("no payment could be made")
    return made


def _read(there: Implementation) -> Json:
    return there.record("GET", f"payments/{_payment(there)['id']}", contract.PaymentSchema)


@CLAIMS.that(
    "a payment is created",
    "Let POST /payments answer 201 with the record under `data`, with what was sent, and log payment.created.",
)
def _create(there: Implementation) -> None:
    clients = [row for row in there.notes.get("contacts", []) if not row.get("deleted") and row.get("active", True)]
    if not clients:
        raise Skips("there is no active client")
    known = _events_since(there, None)
    there.notes["before"] = known[-1]["id"] if known else None
    there.notes["sent"] = {
        "client_id": clients[0]["id"],
        "date": DAY.isoformat(),
        "amount": _smallest(clients[0]["currency"]),
        "currency": clients[0]["currency"],
        "allocations": [],
        "memo": "A trial of the contract: it is deleted at once.",
        "external_id": there.name,
        "notify": False,
    }
    sent = there.notes["sent"]
    made = there.record("POST", "payments", contract.PaymentSchema, sent, key=_key(there, "1"))
    there.notes["payment"] = made
    wrong = [name for name in ("client_id", "date", "external_id", "memo") if made.get(name) != sent[name]]
    if wrong:
        raise Fails(f"it was stored with another {', '.join(wrong)} than was sent")


@CLAIMS.that(
    "the same key is answered the same",
    "Keep each Idempotency-Key for 24 hours with its answer, and repeat that; a second payment would be money twice.",
)
def _again(there: Implementation) -> None:
    first = _payment(there)
    again = there.record("POST", "payments", contract.PaymentSchema, there.notes["sent"], key=_key(there, "1"))
    if again["id"] != first["id"]:
        raise Fails(f"a second payment {again['id']} was made under the key of {first['id']}")


@CLAIMS.that("external_id is unique", "Answer 409 with `existing_id` where another record has this external_id.")
def _unique(there: Implementation) -> None:
    first = _payment(there)
    error = there.refused((409,), "POST", "payments", there.notes["sent"], key=_key(there, "2"))
    if error.get("existing_id") != first["id"]:
        raise Fails(f"existing_id is {error.get('existing_id')!r} and not {first['id']!r}")


@CLAIMS.that("what cannot be is refused", "Answer 422 and name the `field`; nothing of it is stored.")
def _invalid(there: Implementation) -> None:
    _payment(there)
    wrong = there.notes["sent"] | {"amount": "-1.00", "external_id": _key(there, "negative")}
    there.refused((400, 422), "POST", "payments", wrong, key=_key(there, "4"))


@CLAIMS.that(
    "a change is a PATCH of some fields",
    "Change the fields that are sent and no other; the version is one more, and payment.updated is logged.",
)
def _change(there: Implementation) -> None:
    before = _read(there)
    body = {"reference": "C-1"}
    made = there.record(
        "PATCH",
        f"payments/{before['id']}",
        contract.PaymentSchema,
        body,
        key=_key(there, "5"),
        version=before["version"],
    )
    if made["reference"] != "C-1" or made["version"] <= before["version"]:
        raise Fails(f"reference {made['reference']!r}, version {made['version']} after {before['version']}")
    changed = {name for name in before if before[name] != made.get(name)} - {"reference", "version", "updated_at"}
    if changed:
        raise Fails(f"{', '.join(sorted(changed))} changed as well")
    there.notes["stale"] = before["version"]


@CLAIMS.that("a version that moved", "Answer 412 where If-Match names an older version, and change nothing.")
def _stale(there: Implementation) -> None:
    if "stale" not in there.notes:
        raise Skips("nothing was changed")
    before = _read(there)
    path = f"payments/{before['id']}"
    there.refused((412,), "PATCH", path, {"memo": "x"}, key=_key(there, "6"), version=there.notes["stale"])
    if _read(there)["version"] != before["version"]:
        raise Fails("it was changed all the same")


@CLAIMS.that(
    "how a record's sync stands",
    "Keep what PUT /sync_states/{kind}/{id} says, and of two the one with the higher sequence; 404 for no record.",
)
def _sync_state(there: Implementation) -> None:
    path = f"sync_states/payment/{_payment(there)['id']}"
    for number, message in ((7, "Newer."), (3, "Older.")):
        body: Json = {"state": "pending", "message": message, "remedy": None, "notices": [], "sequence": number}
        body |= {"remote_id": None, "remote_url": None}
        answer = there.write("PUT", path, _key(there, f"state{number}"), body)
        if answer.status >= 300:
            raise Fails(f"PUT {path} answers HTTP {answer.status}")
    found = there.record("GET", path, contract.SyncStateSchema)
    if found["message"] != "Newer.":
        raise Fails("a word with a lower sequence took the place of one with a higher")
    nobody: Json = {"state": "synced", "sequence": 1}
    there.refused((404,), "PUT", f"sync_states/payment/{NOBODY}", nobody, key=_key(there, "state0"))


@CLAIMS.that(
    "a payment is deleted",
    "Let DELETE answer 2xx, GET 404 from then on, and lists with updated_since {id, version, deleted: true}.",
)
def _delete(there: Implementation) -> None:
    found = _read(there)
    path = f"payments/{found['id']}"
    answer = there.write("DELETE", path, _key(there, "7"))
    if not 200 <= answer.status < 300:
        raise Fails(f"DELETE {path} answers HTTP {answer.status}")
    there.notes["removed"] = found
    there.refused((404,), "GET", path)
    rows, _ = there.page("payments", updated_since=found["updated_at"], limit="200")
    gone = [row for row in rows if row["id"] == found["id"]]
    if [row.get("deleted") for row in gone] != [True]:
        raise Fails(f"payments since {found['updated_at']} do not list {found['id']} as deleted")
    if gone[0].get("version", 0) <= found["version"]:
        raise Fails("the version of what was deleted did not rise")


@CLAIMS.that(
    "events name the write that caused them",
    "Let origin.operation_id be the Idempotency-Key of the write: by it Ravebooks knows its own writes.",
)
def _origins(there: Implementation) -> None:
    made, keys = _payment(there), []
    for row in _events_since(there, there.notes["before"]):
        if row.get("data", {}).get("id") == made["id"]:
            check_event(there, row)
            keys.append((row["type"], (row["data"].get("origin") or {}).get("operation_id")))
    wanted = [("payment.created", _key(there, "1"))]
    wanted += [("payment.updated", _key(there, "5"))] if "stale" in there.notes else []
    wanted += [("payment.deleted", _key(there, "7"))] if "removed" in there.notes else []
    missing = [kind for kind, key in wanted if (kind, key) not in keys]
    if missing:
        raise Fails(f"the log has no {', '.join(missing)} with its key: it has {keys}")


def remove(there: Implementation) -> str:
    """Delete what is still there of what was made; what could not be, in a sentence."""
    if not _is_known_what_was_made(there):
        return f"A payment with the external_id {there.name} may have been made: look for it, and delete it by hand."
    left = sorted(name for name in there.made if not _is_gone(there, name))
    return f"Payment {', '.join(left)} could not be deleted: delete it by hand." if left else ""


def _is_known_what_was_made(there: Implementation) -> bool:
    """A creation whose answer was lost, or said nothing, is asked for once more under its key."""
    if "sent" not in there.notes or there.made:
        return True
    try:
        answer = there.write("POST", "payments", _key(there, "1"), there.notes["sent"])
    except Fails:
        return False
    return bool(there.made) or 400 <= answer.status < 500


def _is_gone(there: Implementation, name: str) -> bool:
    try:
        there.write("DELETE", f"payments/{name}", _key(there, f"remove-{name}"))
        return there.ask("GET", f"payments/{name}").status in (404, 410)
    except Fails:
        return False


def _events_since(there: Implementation, after: str | None) -> list[Json]:
    found: list[Json] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        params = {"limit": "200"} | ({"after": after} if after else {}) | ({"cursor": cursor} if cursor else {})
        rows, cursor = there.page("events", **params)
        found += rows
        if cursor is None:
            break
    return found


def _smallest(currency: str) -> str:
    places = contract.minor_units(currency)
    return "1" if places == 0 else f"0.{'0' * (places - 1)}1"
