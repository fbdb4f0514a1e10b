"""``/sandbox/...``: what a tester sees and orders. No authentication."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from sandbox.quickbooks.amounts import Doc, decode
from sandbox.quickbooks.books import rendered
from sandbox.quickbooks.names import merge_customers
from sandbox.quickbooks.pages import json_answer
from sandbox.quickbooks.services import Services
from sandbox.quickbooks.steering import FaultRule

FORMATS = ("cloudevents", "legacy")


def make_steering(services: Services) -> Blueprint:
    pages = Blueprint("sandbox", __name__, url_prefix="/sandbox")

    @pages.errorhandler(ValueError)
    def refused(error: ValueError) -> Response:
        return json_answer({"error": str(error)}, 400)

    @pages.get("/credentials")
    def credentials() -> Response:
        return json_answer(services.credentials())

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

    _add_orders(pages, services)
    _add_settings(pages, services)
    return pages


def _add_orders(pages: Blueprint, services: Services) -> None:
    @pages.get("/faults")
    def faults() -> Response:
        return json_answer(services.faults.listed())

    @pages.post("/faults")
    def order_faults() -> Response:
        orders = decode(request.get_data())
        rules = [FaultRule.from_json(order) for order in (orders if isinstance(orders, list) else [orders])]
        services.faults.add(rules)
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
    def merge() -> Response:
        body = _body({"realm_id", "survivor", "merged"})
        books = services.companies[body.get("realm_id") or services.application["realms"][0]]
        with books.transaction() as transaction:
            merged = merge_customers(transaction, str(body["survivor"]), str(body["merged"]))
        return json_answer({"Customer": rendered(books, "Customer", merged)})


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
        return json_answer(services.webhooks.subscription)

    @pages.post("/webhooks")
    def subscribe() -> Response:
        body = _body({"url", "verifier_token", "format"})
        if body.get("format", FORMATS[0]) not in FORMATS:
            raise ValueError(f"The format is one of {', '.join(FORMATS)}.")
        services.webhooks.subscribe(body)
        return json_answer(services.webhooks.subscription)

    @pages.delete("/webhooks")
    def unsubscribe() -> Response:
        services.webhooks.subscribe({"url": None})
        return json_answer(services.webhooks.subscription)


def _clock(services: Services) -> dict[str, Any]:
    return {"now": services.clock.now().isoformat(), "offset_seconds": services.clock.offset_seconds}


def _body(known: set[str] | None) -> Doc:
    body = decode(request.get_data() or b"{}")
    if not isinstance(body, dict) or (known is not None and not body.keys() <= known):
        raise ValueError(f"The body is an object with {', '.join(sorted(known or ()))}.")
    return body
