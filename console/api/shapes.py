"""The JSON API's requests and answers."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from console.api.paging import PageQuery
from reconcile.decisions import Decision
from reconcile.time_zones import is_time_zone
from reconcile.wellness import Area
from schemas.ravetree_contract import ESTIMATE_STATUSES, INVOICE_STATUSES
from storage import bulk_jobs, inbox, jobs
from storage.brakes import PARTS
from storage.connections import ARCHIVED
from storage.dead_letters import FINGERPRINT
from storage.forgetting import FORGOTTEN
from sync.operating import bulk

STATUSES = {
    "invoice": tuple(status for status in INVOICE_STATUSES if status != "void"),
    "estimate": ESTIMATE_STATUSES,
}
"""What a back-fill may be narrowed to; what is void is never pushed."""


class ConnectRequest(Schema):
    """Whose books are to be connected."""

    account_id = fields.String(required=True, validate=validate.Length(1, 255))
    ravetree_token = fields.String(required=True, validate=validate.Length(1, 4096))


class ConnectAnswer(Schema):
    """The address that an administrator of the company opens, once."""

    start_url = fields.String(required=True)


class MissingMapping(Schema):
    """A key of Ravetree's that has to be mapped before what is ticked takes effect."""

    kind = fields.String(validate=validate.OneOf(["line_type", "tax_rate"]))
    key = fields.String()
    label = fields.String()


class FindingShape(Schema):
    """One finding of the pre-flight."""

    code = fields.String()
    severity = fields.String(validate=validate.OneOf(["blocks", "warning", "info"]))
    cause = fields.String()
    remedy = fields.String()


class OfferedBackfillShape(Schema):
    """What was made between a tick and its taking effect."""

    kinds = fields.List(fields.String())
    made_from = fields.AwareDateTime()
    made_before = fields.AwareDateTime()


class ConnectionShape(Schema):
    """A connection: how it stands, what is switched on, and how much is open."""

    id = fields.String(required=True)
    account_id = fields.String(required=True)
    realm_id = fields.String(required=True)
    environment = fields.String(required=True)
    state = fields.String(required=True)
    cause = fields.String(required=True)
    remedy = fields.String(required=True)
    invoices_since = fields.AwareDateTime(allow_none=True)
    estimates_since = fields.AwareDateTime(allow_none=True)
    invoices_ticked_at = fields.AwareDateTime(allow_none=True)
    estimates_ticked_at = fields.AwareDateTime(allow_none=True)
    waiting_for_mappings = fields.List(
        fields.Nested(MissingMapping),
        metadata={"description": "What is ticked and not on yet takes effect by itself when these are mapped."},
    )
    waiting_for_settings = fields.List(
        fields.Nested(FindingShape),
        metadata={"description": "Findings of the pre-flight that hold what is ticked."},
    )
    offered_backfill = fields.Nested(
        OfferedBackfillShape,
        allow_none=True,
        metadata={"description": "A job with `made_while_waiting` previews and brings what was made meanwhile."},
    )
    time_zone = fields.String(
        allow_none=True, metadata={"description": "The company's, as an IANA name; null while nobody has said it."}
    )
    contacts_imported_at = fields.AwareDateTime(allow_none=True)
    work = fields.Dict(keys=fields.String(), values=fields.Integer())


class ItemShape(Schema):
    """An entry of QuickBooks."""

    id = fields.String(required=True)
    name = fields.String(required=True)


def _mapping() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Length(max=255)), values=fields.String(validate=validate.Length(1, 64))
    )


class Mappings(Schema):
    """QuickBooks' ids by Ravetree's keys, by kind."""

    line_types = _mapping()
    tax_rates = _mapping()
    payment_methods = _mapping()
    deposit_accounts = _mapping()


class MappingsAnswer(Mappings):
    """All mappings; `note` says what a new one affects."""

    note = fields.String()


class SearchQuery(Schema):
    """What an entry's name has in it."""

    search = fields.String(load_default="", validate=validate.Length(max=100))


class EntriesQuery(SearchQuery, PageQuery):
    """A page of the entries with a text in their names."""


class KeyShape(Schema):
    """A key of Ravetree's, and the entry that it is mapped to."""

    key = fields.String()
    label = fields.String()
    quickbooks_id = fields.String(allow_none=True)


class Choices(Schema):
    """What can be mapped to what."""

    keys = fields.List(fields.Nested(KeyShape))
    entries = fields.List(fields.Nested(ItemShape))


class PreflightShape(Schema):
    """What a look at the settings of both sides found, and when."""

    at = fields.String(allow_none=True)
    findings = fields.List(fields.Nested(FindingShape))


class Disconnected(ConnectionShape):
    """A connection that was ended; `revoked` says whether Intuit took its tokens back."""

    revoked = fields.Boolean()


class ForgetRequest(Schema):
    """Who ends a connection for good."""

    by = fields.String(load_default="", validate=validate.Length(max=255))


class Forgotten(Schema):
    """Whether a connection is forgotten, or archived because something was written for it."""

    outcome = fields.String(validate=validate.OneOf([FORGOTTEN, ARCHIVED]))


class Switches(Schema):
    """What is synced; what is not named stays as it is."""

    invoices = fields.Boolean()
    estimates = fields.Boolean()


class ChoiceShape(Schema):
    """One decision that a question takes: whether it names the other side's record, and what it writes."""

    decision = fields.String()
    needs_target = fields.Boolean()
    does = fields.String()


class AttentionShape(Schema):
    """What waits for a person: a record, or of the kind `connection` and no side the connection itself.

    `decisions` are what it takes instead of a repair.
    """

    side = fields.String()
    kind = fields.String()
    id = fields.String()
    state = fields.String()
    code = fields.String()
    cause = fields.String()
    remedy = fields.String()
    since = fields.AwareDateTime(allow_none=True)
    decisions = fields.List(fields.Nested(ChoiceShape))


class DecisionRequest(Schema):
    """What a person says of a record; `target` is the other side's record that it names, where it has to."""

    decision = fields.String(required=True, validate=validate.OneOf([*Decision]))
    by = fields.String(load_default="", validate=validate.Length(max=255))
    note = fields.String(load_default="", validate=validate.Length(max=2000))
    target = fields.String(load_default="", validate=validate.Length(max=255))

    @validates_schema
    def _names_a_target(self, data: dict[str, Any], **_kwargs: Any) -> None:
        _check_target(data)


class PreviewQuery(Schema):
    """Which decision's effect is to be shown; without one that of the next sync."""

    decision = fields.String(load_default="", validate=validate.OneOf(["", *Decision]))
    target = fields.String(load_default="", validate=validate.Length(max=255))

    @validates_schema
    def _names_a_target(self, data: dict[str, Any], **_kwargs: Any) -> None:
        _check_target(data)


def _check_target(data: dict[str, Any]) -> None:
    if data.get("decision") == "link" and not data.get("target"):
        raise ValidationError("A link names the other side's record.", "target")


class PreviewStep(Schema):
    """One write that would be made."""

    side = fields.String()
    action = fields.String()
    changes = fields.List(fields.Dict())


class Preview(Schema):
    """What would become of a record."""

    record = fields.String()
    outcome = fields.String()
    message = fields.String()
    remedy = fields.String()
    steps = fields.List(fields.Nested(PreviewStep))


class SyncRequest(Schema):
    """Who presses the button, and how long to wait for what becomes of the record."""

    by = fields.String(load_default="", validate=validate.Length(max=255))
    wait_seconds = fields.Float(load_default=10.0, validate=validate.Range(0, 60))


class SyncAnswer(Schema):
    """What became of a record."""

    outcome = fields.String()
    message = fields.String()
    remedy = fields.String()


def _check_time_zone(name: str) -> None:
    if not is_time_zone(name):
        raise ValidationError("Not the IANA name of a time zone, as Europe/London is.")


class ConnectionSettings(Schema):
    """How a connection behaves."""

    draft_policy = fields.String(validate=validate.OneOf(["create", "sent"]))
    delete_policy = fields.String(validate=validate.OneOf(["void", "delete"]))
    removals_limit = fields.Integer(strict=True, validate=validate.Range(1, 1_000_000))
    reads_budget = fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, 1_000_000_000))
    time_zone = fields.String(
        allow_none=True,
        validate=_check_time_zone,
        metadata={"description": "The company's, as an IANA name. What has a date already keeps it."},
    )


class UsageShape(Schema):
    """One month: metered reads by cause, free writes by action."""

    month = fields.String()
    reads = fields.Dict(keys=fields.String(), values=fields.Integer())
    total_reads = fields.Integer()
    writes = fields.Dict(keys=fields.String(), values=fields.Integer())
    budget = fields.Integer(allow_none=True)
    warning = fields.String()


class ConsoleLinkRequest(Schema):
    """Who is to be let in, as the action log names them."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=64))


class ConsoleLinkAnswer(Schema):
    """Where to send their browser."""

    url = fields.String(required=True)


class PauseRequest(Schema):
    """Who stops it, and why."""

    cause = fields.String(load_default="", validate=validate.Length(max=500))
    by = fields.String(load_default="", validate=validate.Length(max=255))


class KeptAsideQuery(PageQuery):
    """A page of the events that were not followed, of all outcomes or of one."""

    outcome = fields.String(validate=validate.OneOf(inbox.ASIDE))


class EventShape(Schema):
    """An event that was not followed, with the reason."""

    id = fields.String(attribute="event_id")
    source = fields.String()
    account = fields.String()
    type = fields.String()
    subject = fields.String()
    outcome = fields.String()
    reason = fields.String()
    received_at = fields.AwareDateTime()


class DeadLetterShape(Schema):
    """A message that could not be handled; `size` is its body's, in bytes."""

    id = fields.Integer()
    message_id = fields.String()
    queue = fields.String()
    reason = fields.String()
    fingerprint = fields.String(metadata={"description": "What it died of: the same for all of one group."})
    dead_at = fields.AwareDateTime()
    size = fields.Function(lambda row: len(row.body))


class DeadLettersQuery(PageQuery):
    """A page of the dead letters, all or of one group."""

    fingerprint = fields.String(load_default="", validate=validate.Length(max=FINGERPRINT))


class DeadGroupShape(Schema):
    """Dead letters that died of the same: how many wait, and since when the oldest does."""

    fingerprint = fields.String()
    count = fields.Integer()
    oldest = fields.AwareDateTime()


class DeadGroups(Schema):
    """Dead letters by what they died of, most first."""

    groups = fields.List(fields.Nested(DeadGroupShape), required=True)


class ParkedGroupShape(Schema):
    """What waits for a person because of one question, in all connections."""

    state = fields.String()
    code = fields.String()
    count = fields.Integer()
    oldest = fields.AwareDateTime()


class ParkedGroups(Schema):
    """What waits for a person, by question."""

    groups = fields.List(fields.Nested(ParkedGroupShape), required=True)


class StatusFindingShape(Schema):
    """One thing that is not well. `subject` is a connection, a brake or a process; empty for the installation."""

    code = fields.String()
    area = fields.String(validate=validate.OneOf(list(Area)))
    subject = fields.String()
    cause = fields.String()
    remedy = fields.String()
    since = fields.AwareDateTime(allow_none=True)


class StatusShape(Schema):
    """Whether it is well, and what is not."""

    well = fields.Function(lambda found: not found.findings, required=True, metadata={"type": "boolean"})
    findings = fields.List(fields.Nested(StatusFindingShape), required=True)


class BrakeShape(Schema):
    """What a person stopped."""

    part = fields.String(attribute="name", validate=validate.OneOf(PARTS))
    by = fields.String()
    cause = fields.String()
    since = fields.AwareDateTime()


class BrakesShape(Schema):
    """What is stopped now."""

    stopped = fields.List(fields.Nested(BrakeShape), required=True)


BULK = {"redrive": bulk.REDRIVE, "discard": bulk.DISCARD, "look_again": bulk.LOOK_AGAIN, "recover": bulk.RECOVER}
"""What can be done to many, by its name in the API."""


class BulkCountRequest(Schema):
    """What is to be done, and to which."""

    what = fields.String(required=True, validate=validate.OneOf(list(BULK)))
    fingerprint = fields.String(
        load_default="",
        validate=validate.Length(max=FINGERPRINT),
        metadata={"description": "For `redrive` and `discard`: the dead letters of one group; empty: all."},
    )
    code = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "For `look_again`: what waits because of one question; empty: all."},
    )
    connection = fields.String(
        load_default="",
        validate=validate.Length(max=255),
        metadata={"description": "For `recover`, which needs one, and for `look_again`."},
    )
    since = fields.AwareDateTime(
        load_default=None,
        allow_none=True,
        metadata={"description": "For `recover`: from when on; at most 29 days ago."},
    )

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        """What `recover` cannot do without."""
        if data.get("what") == "recover":
            missing = [name for name in ("connection", "since") if not data.get(name)]
            if missing:
                raise ValidationError({name: ["`recover` needs it."] for name in missing})


class BulkRequest(BulkCountRequest):
    """The same, and who does it."""

    by = fields.String(load_default="", validate=validate.Length(max=255))


class BulkCount(Schema):
    """How many it would be about now."""

    count = fields.Integer(required=True)


class BulkJobShape(Schema):
    """Work over many: what is done, how far it is, and what did not go well last."""

    id = fields.Integer()
    what = fields.Function(lambda job: _bulk_name(job.what), metadata={"type": "string", "enum": list(BULK)})
    state = fields.String(validate=validate.OneOf([bulk_jobs.RUNNING, bulk_jobs.DONE, bulk_jobs.STOPPED]))
    total = fields.Integer()
    done = fields.Integer()
    failed = fields.Integer()
    last_error = fields.String()
    by = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class BulkJobs(Schema):
    """The newest of them."""

    jobs = fields.List(fields.Nested(BulkJobShape), required=True)


def _bulk_name(what: str) -> str:
    return next(name for name, stored in BULK.items() if stored == what)


class PreviewRequest(Schema):
    """What a job is to look at: without dates and statuses all records of the kinds."""

    kind = fields.String(load_default=jobs.BACKFILL, validate=validate.OneOf([jobs.IMPORT_CONTACTS, jobs.BACKFILL]))
    kinds = fields.List(
        fields.String(validate=validate.OneOf(["contact", "estimate", "invoice"])),
        load_default=lambda: ["invoice"],
        validate=validate.Length(min=1),
    )
    from_ = fields.Date(data_key="from", attribute="from", load_default=None, allow_none=True)
    to = fields.Date(load_default=None, allow_none=True)
    statuses = fields.List(fields.String(validate=validate.Length(1, 32)), load_default=list)
    made_while_waiting = fields.Boolean(
        load_default=False,
        metadata={"description": "The documents of a connection's `offered_backfill`; `kinds` is not looked at."},
    )
    by = fields.String(load_default="", validate=validate.Length(max=255))

    @validates_schema
    def _begins_before_it_ends(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["from"] and data["to"] and data["from"] > data["to"]:
            raise ValidationError("It lies before the first day.", "to")

    @validates_schema
    def _asks_for_statuses_that_there_are(self, data: dict[str, Any], **_kwargs: Any) -> None:
        known = dict.fromkeys(status for kind in data["kinds"] for status in STATUSES.get(kind, ()))
        if unknown := sorted(set(data["statuses"]) - known.keys()):
            kinds = " or ".join(data["kinds"])
            there_are = f"there are {', '.join(known)}" if known else "it has none"
            raise ValidationError(f"No {kinds} is {', '.join(unknown)}: {there_are}.", "statuses")

    @validates_schema
    def _asks_for_nothing_that_does_not_count(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["kind"] == jobs.IMPORT_CONTACTS and _narrows(data):
            raise ValidationError("An import takes every customer: dates and statuses are for a back-fill.", "kind")

    @post_load
    def _as_json(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """Dates as the job keeps them, and each kind once."""
        data["kinds"] = list(dict.fromkeys(data["kinds"]))
        for name in ("from", "to"):
            data[name] = data[name].isoformat() if data[name] else None
        return data


class JobRequest(PreviewRequest):
    """The same, to be done."""

    @validates_schema
    def _is_asked_by_somebody(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["kind"] == jobs.BACKFILL and not _narrows(data) and not data["by"].strip():
            raise ValidationError("A back-fill over everything names who asks for it.", "by")


def _narrows(data: dict[str, Any]) -> bool:
    return bool(data["from"] or data["to"] or data["statuses"] or data["made_while_waiting"])


class JobShape(Schema):
    """A job: its state, what was asked, and how many of its records ended how."""

    id = fields.Integer()
    kind = fields.String()
    state = fields.String()
    params = fields.Dict()
    by = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    listed = fields.Boolean()
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())


class JobRecordsQuery(PageQuery):
    """A page of a job's records, all or those with one outcome."""

    outcome = fields.String(validate=validate.OneOf(jobs.OUTCOMES))


class JobRecordShape(Schema):
    """One record of a job and what became of it."""

    record = fields.String(attribute="subject")
    name = fields.String()
    outcome = fields.String()
    text = fields.String()
    updated_at = fields.AwareDateTime()


class BackfillPreview(Schema):
    """What a job would do: how many records would end how, and the first ones."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    records = fields.List(fields.Dict())
