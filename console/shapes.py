"""The JSON API's requests and answers."""

from marshmallow import Schema, fields, validate

from storage.decisions import DECISIONS


class ConnectRequest(Schema):
    account_id = fields.String(required=True, validate=validate.Length(1, 255))
    ravetree_token = fields.String(required=True, validate=validate.Length(1, 4096))


class ConnectAnswer(Schema):
    authorize_url = fields.String(required=True)


class ConnectionShape(Schema):
    id = fields.String(required=True)
    account_id = fields.String(required=True)
    realm_id = fields.String(required=True)
    state = fields.String(required=True)
    cause = fields.String(attribute="pause_cause", required=True)
    remedy = fields.String(attribute="pause_remedy", required=True)
    invoices_since = fields.AwareDateTime(allow_none=True)
    estimates_since = fields.AwareDateTime(allow_none=True)
    work = fields.Dict(keys=fields.String(), values=fields.Integer())


class ItemShape(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)


class Mappings(Schema):
    line_types = fields.Dict(keys=fields.String(), values=fields.String())
    tax_rates = fields.Dict(keys=fields.String(), values=fields.String())


class Switches(Schema):
    invoices = fields.Boolean()
    estimates = fields.Boolean()


class AttentionShape(Schema):
    side = fields.String()
    kind = fields.String()
    id = fields.String(attribute="record_id")
    state = fields.String()
    code = fields.String()
    cause = fields.String()
    remedy = fields.String()
    since = fields.AwareDateTime(attribute="updated_at")


class DecisionRequest(Schema):
    decision = fields.String(required=True, validate=validate.OneOf(DECISIONS))
    by = fields.String(load_default="", validate=validate.Length(max=255))
    note = fields.String(load_default="", validate=validate.Length(max=2000))


class EventShape(Schema):
    id = fields.String(attribute="event_id")
    source = fields.String()
    account = fields.String()
    type = fields.String()
    subject = fields.String()
    outcome = fields.String()
    reason = fields.String()
    received_at = fields.AwareDateTime()


class DeadLetterShape(Schema):
    id = fields.Integer()
    message_id = fields.String()
    queue = fields.String()
    reason = fields.String()
    dead_at = fields.AwareDateTime()
    size = fields.Function(lambda row: len(row.body))
