"""``/sandbox/...``: what a tester sees and orders. No authentication."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from quickbooks_sandbox.books.amounts import Doc, decode
from quickbooks_sandbox.books.disk import Change
from quickbooks_sandbox.books.rendering import rendered
from quickbooks_sandbox.books.schema import ENTITIES
from quickbooks_sandbox.http.pages import json_answer
from quickbooks_sandbox.intuit.apps import App
from quickbooks_sandbox.intuit.events import LEGACY_NAMES
from quickbooks_sandbox.intuit.steering import fault_of
from quickbooks_sandbox.rules.names import merge
from quickbooks_sandbox.world.generator import SAMPLE, Plan
from quickbooks_sandbox.world.services import Services
from sandbox_kit.border import foreign_page, not_json

_PLAN = ("sample", "customers", "invoices", "seed")
DEFAULT_SNAPSHOT = "snapshot"


def make_steering(services: Services) -> Blueprint:
    pages = Blueprint("sandbox", __name__, url_prefix="/sandbox")

    @pages.before_request
    def admit() -> Response | None:
        if problem := foreign_page(request, services.names):
            return json_answer({"error": problem}, 403)
        problem = not_json(request)
        return json_answer({"error": problem}, 415) if problem else None

    @pages.errorhandler(ValueError)
    def refused(error: ValueError) -> Response:
        return json_answer({"error": str(error)}, 400)

    @pages.errorhandler(TypeError)
    @pages.errorhandler(OverflowError)
    @pages.errorhandler(ArithmeticError)
    def wrong_kind(error: Exception) -> Response:
        return json_answer({"error": f"A value in the body is of a kind that is not expected here: {error}"}, 400)

    @pages.get("/credentials")
    def credentials() -> Response:
        return json_answer(
            services.credentials(_realm(services, request.args.get("realm_id")), request.args.get("client_id"))
        )

    @pages.get("/clock")
    def clock() -> Response:
        return json_answer(_clock(services))

    @pages.post("/clock")
    def advance() -> Response:
        services.advance_clock(float(_body({"advance_seconds"}).get("advance_seconds", 0)))
        return json_answer(_clock(services))

    @pages.get("/usage")
    def usage() -> Response:
        return json_answer(services.usage.shown())

    @pages.delete("/usage")
    def reset_usage() -> Response:
        services.usage.reset()
        return json_answer(services.usage.shown())

    @pages.get("/journal")
    def journal() -> Response:
        return json_answer({"entries": services.journal.last(request.args.get("limit", 100, type=int))})

    @pages.get("/deliveries")
    def deliveries() -> Response:
        return json_answer(services.webhooks.listed())

    _add_books(pages, services)
    _add_orders(pages, services)
    _add_settings(pages, services)
    return pages


def _add_books(pages: Blueprint, services: Services) -> None:
    @pages.get("/companies")
    def companies() -> Response:
        return json_answer([_company(services, realm) for realm in services.companies])

    @pages.post("/companies")
    def add_company() -> Response:
        body = _body({"country", *_PLAN})
        realm = services.add_company(str(body.get("country") or "US").upper(), _plan(body))
        return json_answer(_company(services, realm))

    @pages.get("/snapshot")
    def snapshots() -> Response:
        return json_answer(services.snapshots.names())

    @pages.post("/snapshot")
    def take_snapshot() -> Response:
        services.snapshots.take(str(_body({"name"}).get("name") or DEFAULT_SNAPSHOT))
        return json_answer(services.snapshots.names())

    @pages.post("/restore")
    def restore() -> Response:
        services.restore(str(_body({"name"}).get("name") or DEFAULT_SNAPSHOT))
        return json_answer([_company(services, realm) for realm in services.companies])

    @pages.post("/reset")
    def reset() -> Response:
        body = _body({"realm_id", *_PLAN})
        realm = _realm(services, body.get("realm_id"))
        services.reset(realm, _plan(body))
        return json_answer(_company(services, realm))


def _realm(services: Services, asked: Any) -> str:
    realm = str(asked or services.application["realms"][0])
    if realm not in services.companies:
        raise ValueError(f"There is no company {realm}.")
    return realm


def _plan(body: Doc) -> Plan | None:
    """The business that was asked for: none, the sample's, or as much as the numbers say."""
    if not body.get("sample") and not body.get("invoices"):
        return None
    numbers = {
        name: int(body.get(name, default))
        for name, default in (
            ("customers", SAMPLE.customers),
            ("invoices", SAMPLE.invoices),
            ("seed", SAMPLE.seed),
        )
    }
    return Plan(**numbers)


def _company(services: Services, realm: str) -> Doc:
    books = services.companies[realm]
    info = books.get("CompanyInfo", "1") or {}
    return {
        "realm_id": realm,
        "name": info.get("CompanyName"),
        "country": info.get("Country"),
        "records": {entity: books.count(entity) for entity in ENTITIES if books.count(entity)},
    }


def _add_orders(pages: Blueprint, services: Services) -> None:
    @pages.get("/faults")
    def faults() -> Response:
        return json_answer(services.faults.listed())

    @pages.post("/faults")
    def order_faults() -> Response:
        orders = decode(request.get_data())
        faults = [fault_of(order) for order in (orders if isinstance(orders, list) else [orders])]
        services.faults.add(faults)
        return json_answer(services.faults.listed())

    @pages.delete("/faults")
    def clear_faults() -> Response:
        services.faults.clear()
        return json_answer([])

    @pages.get("/outage")
    def outage() -> Response:
        return json_answer({"on": services.outage})

    @pages.post("/outage")
    def set_outage() -> Response:
        services.outage = bool(_body({"on"}).get("on"))
        return json_answer({"on": services.outage})

    @pages.post("/merge")
    def merge_records() -> Response:
        body = _body({"realm_id", "entity", "survivor", "merged"})
        entity = str(body.get("entity") or "Customer")
        if "survivor" not in body or "merged" not in body:
            raise ValueError("A merge names the Ids of its survivor and of the merged record.")
        books = services.companies[_realm(services, body.get("realm_id"))]
        with books.transaction() as transaction:
            merged = merge(transaction, entity, str(body["survivor"]), str(body["merged"]), services.switches)
        return json_answer({entity: rendered(books, entity, merged)})


def _add_settings(pages: Blueprint, services: Services) -> None:
    @pages.get("/limits")
    def limits() -> Response:
        return json_answer({"enabled": services.limits.enabled})

    @pages.post("/limits")
    def set_limits() -> Response:
        services.set_limits(bool(_body({"enabled"}).get("enabled")))
        return json_answer({"enabled": services.limits.enabled})

    @pages.get("/switches")
    def switches() -> Response:
        return json_answer(services.switches)

    @pages.post("/switches")
    def set_switches() -> Response:
        services.set_switches(_body(None))
        return json_answer(services.switches)

    @pages.get("/webhooks")
    def webhooks() -> Response:
        return _subscription(services, request.args.get("client_id"))

    @pages.post("/webhooks")
    def subscribe() -> Response:
        body = _body({"url", "verifier_token", "format", "entities", "client_id"})
        client_id = services.apps.get(body.pop("client_id", request.args.get("client_id"))).client_id
        services.webhooks.subscribe(body, client_id)
        return _subscription(services, client_id)

    @pages.post("/webhooks/test")
    def send_test() -> Response:
        body = _body({"events", "realm_id", "entity", "id", "operation", "client_id"})
        client_id = services.apps.get(body.pop("client_id", request.args.get("client_id"))).client_id
        events = body.pop("events", None) or [body]
        services.webhooks.deliver_test([_test_event(services, event) for event in events], client_id)
        return _subscription(services, client_id)

    @pages.delete("/webhooks")
    def unsubscribe() -> Response:
        client_id = services.apps.get(request.args.get("client_id")).client_id
        services.webhooks.subscribe({"url": None}, client_id)
        return _subscription(services, client_id)

    @pages.get("/apps")
    def apps() -> Response:
        return json_answer([_app(services, app) for app in services.apps])

    @pages.post("/apps")
    def add_app() -> Response:
        return json_answer(_app(services, services.add_app(str(_body({"name"}).get("name") or ""))))


def _subscription(services: Services, client_id: str | None) -> Response:
    return json_answer(services.webhooks.subscription(services.apps.get(client_id).client_id))


def _app(services: Services, app: App) -> Doc:
    connected = [realm for realm in services.companies if app.client_id in services.tokens.connected(realm)]
    return {**asdict(app), "companies": connected, "webhooks": services.webhooks.subscription(app.client_id)}


def _test_event(services: Services, order: Any) -> Change:
    if not isinstance(order, dict) or not order.keys() <= {"realm_id", "entity", "id", "operation"}:
        raise ValueError("An event has realm_id, entity, id and operation, nothing else.")
    return Change(
        realm=str(order.get("realm_id") or services.application["realms"][0]),
        entity=str(order.get("entity") or "Invoice"),
        id=str(order.get("id") or "1"),
        operation=_operation(str(order.get("operation") or "created")),
        at=services.clock.now(),
    )


def _operation(name: str) -> str:
    if name not in LEGACY_NAMES:
        raise ValueError(f"The operation is one of {', '.join(LEGACY_NAMES)}.")
    return name


def _clock(services: Services) -> dict[str, Any]:
    return {"now": services.clock.now().isoformat(), "offset_seconds": services.clock.offset_seconds}


def _body(known: set[str] | None) -> Doc:
    body = decode(request.get_data() or b"{}")
    if not isinstance(body, dict) or (known is not None and not body.keys() <= known):
        raise ValueError(f"The body is an object with {', '.join(sorted(known or ()))}.")
    return body
