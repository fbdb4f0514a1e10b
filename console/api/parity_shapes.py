"""The JSON API's answers about both books: parity, drift, one record, its timeline."""

from marshmallow import Schema, fields

from console.api.paging import PageQuery
from console.api.shapes import ChoiceShape


class ParityRequest(Schema):
    """What a report is made from: our copies, or a full read of QuickBooks."""

    full = fields.Boolean(load_default=False)


class DriftQuery(PageQuery):
    """A page of what differs; `fresh` reads QuickBooks in full before the first one."""

    fresh = fields.Boolean(load_default=False)


class Sums(Schema):
    """Both sides' sums in one currency, as texts."""

    ravetree_total = fields.String()
    quickbooks_total = fields.String()
    ravetree_receivable = fields.String()
    quickbooks_receivable = fields.String()


class Summary(Schema):
    """How many pairs agree, and why the others do not."""

    compared = fields.Integer()
    equal = fields.Integer()
    differing = fields.Integer()
    causes = fields.Dict(keys=fields.String(), values=fields.Integer())
    currencies = fields.Dict(keys=fields.String(), values=fields.Nested(Sums))


class DifferenceShape(Schema):
    """One field that differs: both versions, what was last agreed on, whose it is, and what comes next."""

    field = fields.String()
    ravetree = fields.String()
    quickbooks = fields.String()
    base = fields.String()
    owner = fields.String()
    next = fields.String()
    cause = fields.String()


class ParityRow(Schema):
    """One pair that differs, with the cause in words."""

    kind = fields.String()
    number = fields.String()
    client = fields.String()
    currency = fields.String()
    ravetree_id = fields.String()
    quickbooks_id = fields.String()
    ravetree_status = fields.String()
    ravetree_total = fields.String()
    ravetree_balance = fields.String()
    quickbooks_status = fields.String()
    quickbooks_total = fields.String()
    quickbooks_balance = fields.String()
    cause = fields.String()
    text = fields.String()
    remedy = fields.String()
    differences = fields.List(fields.Nested(DifferenceShape))


class ReportInHistory(Schema):
    """A report without its rows."""

    id = fields.Integer()
    day = fields.String()
    made_at = fields.AwareDateTime()
    source = fields.String()
    summary = fields.Nested(Summary)


class ReportShape(ReportInHistory):
    """A report with the pairs that differ."""

    rows = fields.List(fields.Nested(ParityRow))


class SideShape(Schema):
    """One side of a record; `old_copy` says that a write of ours touched it since it was seen."""

    id = fields.String()
    number = fields.String()
    status = fields.String()
    total = fields.String()
    balance = fields.String()
    url = fields.String(allow_none=True)
    seen_at = fields.String()
    old_copy = fields.Boolean()


class HeldAgainst(Schema):
    """Two records side by side; one of them is null while it has no partner."""

    kind = fields.String()
    number = fields.String()
    client = fields.String()
    currency = fields.String()
    ravetree = fields.Nested(SideShape, allow_none=True)
    quickbooks = fields.Nested(SideShape, allow_none=True)
    state = fields.String()
    differences = fields.List(fields.Nested(DifferenceShape))


class Waits(Schema):
    """What a record waits for, with the decisions that it takes."""

    side = fields.String()
    kind = fields.String()
    id = fields.String()
    state = fields.String()
    code = fields.String()
    cause = fields.String()
    remedy = fields.String()
    since = fields.String()
    decisions = fields.List(fields.Nested(ChoiceShape))


class Decided(Schema):
    """What a person decided, and when."""

    decision = fields.String()
    by = fields.String()
    note = fields.String()
    at = fields.String()


class Answered(Schema):
    """What a person said for good. `other` is the record that the question was also about, `amounts` what held then."""

    code = fields.String()
    decision = fields.String()
    other = fields.String()
    amounts = fields.List(fields.String())
    by = fields.String()
    note = fields.String()
    at = fields.String()


class RecordShape(HeldAgainst):
    """A record on both sides, what it waits for, and what was said of it; `twins` may be the same receipt."""

    record = fields.String()
    twins = fields.List(fields.Nested(HeldAgainst))
    waits = fields.List(fields.Nested(Waits))
    answers = fields.List(fields.Nested(Answered))
    decided = fields.Nested(Decided)


class FieldChange(Schema):
    """One field of a write, before and after."""

    field = fields.String()
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)


class TimelineEntry(Schema):
    """One thing that happened to a record."""

    at = fields.AwareDateTime()
    what = fields.String()
    side = fields.String()
    text = fields.String()
    by = fields.String()
    note = fields.String()
    id = fields.String()
    key = fields.String()
    changes = fields.List(fields.Nested(FieldChange))
    status = fields.Integer()
    error = fields.String()
    intuit_tid = fields.String()
