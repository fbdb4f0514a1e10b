"""`/v1`: the contract's methods, and no others."""

import math
from collections.abc import Callable

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from ravetree_sandbox.books import Book
from ravetree_sandbox.contract import SCHEMAS
from ravetree_sandbox.errors import ApiError
from ravetree_sandbox.http import (
    DROP,
    answer,
    check_credentials,
    read_if_match,
    read_json,
    read_limit,
    read_query,
    refuse_unknown,
    take_notify,
)
from ravetree_sandbox.idempotency import Answer, fingerprint
from ravetree_sandbox.journal import Actor, integration
from ravetree_sandbox.organisation import CATALOGS, Organisation
from ravetree_sandbox.shapes import Shape, component
from ravetree_sandbox.values import Json
from sandbox_kit.faults import OrderedFault

HANG_SECONDS = 30.0
READABLE = ("contacts", "invoices", "estimates", "payments")

_INVOICE = component("Invoice")
# The contract has it as a PATCH, of which each part may be missing; this one has one part.
_INVOICE_PATCH = Shape({**SCHEMAS["InvoicePatchChanges"], "required": ["status"]})
Act = Callable[[Actor, Json, int | None], Answer]


class Api:
    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("v1", __name__, url_prefix="/v1")
        blueprint.before_request(self._admit)
        blueprint.after_request(self._leave)
        for kind in (*READABLE, *CATALOGS):
            _route(blueprint, "GET", f"/{kind}", f"{kind}.list", self._list, kind)
        for kind in READABLE:
            _route(blueprint, "GET", f"/{kind}/<record_id>", f"{kind}.get", self._get, kind)
        _route(blueprint, "POST", "/contacts", "contacts.create", self._create_contact)
        _route(blueprint, "PATCH", "/contacts/<record_id>", "contacts.update", self._update_contact)
        _route(blueprint, "PATCH", "/invoices/<record_id>", "invoices.update", self._update_invoice)
        _route(blueprint, "POST", "/payments", "payments.create", self._create_payment)
        _route(blueprint, "PATCH", "/payments/<record_id>", "payments.update", self._update_payment)
        _route(blueprint, "DELETE", "/payments/<record_id>", "payments.delete", self._delete_payment)
        path = "/sync_states/<record_kind>/<record_id>"
        _route(blueprint, "GET", path, "sync_states.get", self._get_sync_state)
        _route(blueprint, "PUT", path, "sync_states.put", self._put_sync_state)
        _route(blueprint, "GET", "/events", "events.list", self._events)
        _route(blueprint, "GET", "/account", "account.get", self._account)
        return blueprint

    # Every call: counted, then what was ordered to go wrong, then the credentials.

    def _admit(self) -> ResponseReturnValue | None:
        endpoint = (request.endpoint or "").removeprefix("v1.").replace("__", ".")
        self._organisation.usage.count(endpoint, read=request.method in ("GET", "HEAD"))
        if self._organisation.outage:
            raise ApiError(503, "unavailable", "Ravetree is down.", retry_after=1)
        fault = self._organisation.faults.on_call(endpoint)
        if fault is not None:
            dropped = self._suffer(fault)
            if dropped is not None:
                return dropped
        check_credentials(self._organisation)
        return None

    @staticmethod
    def _suffer(fault: OrderedFault) -> ResponseReturnValue | None:
        hang = HANG_SECONDS if fault.seconds is None else fault.seconds
        if fault.kind == "timeout_before":
            request.environ[DROP] = hang
            return Response()
        if fault.kind == "timeout_after":
            g.hang = hang
            return None
        status = int(fault.kind)
        pause = max(1, math.ceil(fault.seconds or 0))
        raise ApiError(
            status,
            "ordered_fault",
            "This fault was ordered.",
            retry_after=pause if status in (429, 503) else None,
        )

    @staticmethod
    def _leave(response: Response) -> Response:
        if "hang" in g:
            request.environ[DROP] = g.hang
        return response

    # Reads

    def _list(self, kind: str) -> ResponseReturnValue:
        return answer(200, self._book(kind).page(read_query(kind)))

    def _get(self, kind: str, record_id: str) -> ResponseReturnValue:
        return answer(200, {"data": self._book(kind).get(record_id)})

    def _get_sync_state(self, record_kind: str, record_id: str) -> ResponseReturnValue:
        return answer(200, {"data": self._organisation.sync_states.get(record_kind, record_id)})

    def _account(self) -> ResponseReturnValue:
        refuse_unknown(())
        return answer(200, {"data": self._organisation.account()})

    def _events(self) -> ResponseReturnValue:
        refuse_unknown(("after", "cursor", "limit"))
        after, cursor = request.args.get("after"), request.args.get("cursor")
        return answer(200, self._organisation.journal.replay(after, cursor, read_limit()))

    # Writes

    def _create_contact(self) -> ResponseReturnValue:
        contacts = self._organisation.contacts
        return self._write(lambda actor, body, _version: _created(contacts.create(actor, body)))

    def _update_contact(self, record_id: str) -> ResponseReturnValue:
        contacts = self._organisation.contacts
        return self._write(lambda actor, body, version: _done(contacts.update(actor, record_id, body, version)))

    def _update_invoice(self, record_id: str) -> ResponseReturnValue:
        def act(actor: Actor, body: Json, version: int | None) -> Answer:
            status = _INVOICE_PATCH.load(body, _INVOICE)["status"]
            return _done(self._organisation.invoices.set_status(actor, record_id, status, version))

        return self._write(act)

    def _create_payment(self) -> ResponseReturnValue:
        payments = self._organisation.payments
        return self._write(lambda actor, body, _version: _created(payments.create(actor, body)))

    def _update_payment(self, record_id: str) -> ResponseReturnValue:
        payments = self._organisation.payments
        return self._write(lambda actor, body, version: _done(payments.update(actor, record_id, body, version)))

    def _delete_payment(self, record_id: str) -> ResponseReturnValue:
        payments = self._organisation.payments
        return self._write(
            lambda actor, _body, version: _done(payments.delete(actor, record_id, version)), optional=True
        )

    def _put_sync_state(self, record_kind: str, record_id: str) -> ResponseReturnValue:
        states = self._organisation.sync_states
        return self._write(lambda _actor, body, version: _done(states.put(record_kind, record_id, body, version)))

    def _write(self, act: Act, optional: bool = False) -> ResponseReturnValue:
        """Runs a write in one transaction, once for each Idempotency-Key."""
        body = read_json(optional)
        notify, version = take_notify(body), read_if_match()
        key = request.headers.get("Idempotency-Key")

        def once() -> Answer:
            status, answered = act(integration(key), body, version)
            if notify:
                self._organisation.mails.record(request.path.split("/")[2], answered["data"]["id"])
            return status, answered

        mark = fingerprint(request.method, request.path, request.get_data())
        return answer(*self._organisation.keys.once(key, mark, once))

    def _book(self, kind: str) -> Book:
        return self._organisation.books[kind]


def _route(
    blueprint: Blueprint,
    method: str,
    path: str,
    name: str,
    view: Callable[..., ResponseReturnValue],
    kind: str | None = None,
) -> None:
    # Flask would read a dot in an endpoint as the name of a blueprint.
    endpoint, defaults = name.replace(".", "__"), {"kind": kind} if kind else {}
    blueprint.add_url_rule(path, endpoint=endpoint, view_func=view, methods=[method], defaults=defaults)


def _created(record: Json) -> Answer:
    return 201, {"data": record}


def _done(record: Json) -> Answer:
    return 200, {"data": record}
