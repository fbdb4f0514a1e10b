"""Where both neighbours post: cap, verify, validate, hand over, answer. No database, no look at business data."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from config import telemetry, traces
from config.errors import RavebooksError
from config.keyring import KeyRing
from config.logging import bound, logger
from config.ports import Clock, Entropy
from config.tally import Tally
from publishers.publisher import NothingTakesIt, Publisher
from reconcile.model import Side
from schemas import ids, quickbooks_webhooks, ravetree_events, strict_json
from schemas.envelopes import Delivery, is_name
from schemas.problems import Problem, of_error
from schemas.quickbooks_webhooks import UnusableDelivery
from schemas.strict_json import MalformedJson
from webhooks import bodies, signatures
from webhooks.problems import REMEDIES, answered

RETRY_AFTER_SECONDS = 10

log = logger("webhooks")


@dataclass(frozen=True)
class Receiving:
    """What the receivers need."""

    publisher: Publisher
    clock: Clock
    entropy: Entropy
    verifier_tokens: Sequence[str]
    ravetree_keys: KeyRing
    body_limit: int
    events_limit: int
    tally: Tally


class BadSignature(RavebooksError):
    """Whoever sent it does not have the secret."""

    remedy = "Sign the delivery with the secret of this installation, by a clock that is right."


def blueprint(receiving: Receiving) -> Blueprint:
    """`POST /webhooks/quickbooks` and `POST /webhooks/ravetree/<account>`."""
    routes = Blueprint("webhooks", __name__, url_prefix="/webhooks")

    @routes.post("/quickbooks", defaults={"side": Side.QUICKBOOKS})
    def quickbooks(side: Side) -> Response:
        return _accept(side, lambda: _receive_quickbooks(receiving))

    @routes.post("/ravetree/<account>", defaults={"side": Side.RAVETREE})
    def ravetree(account: str, side: Side) -> Response:
        return _accept(side, lambda: _receive_ravetree(receiving, account))

    _refuse_with_problems(routes, receiving.tally)
    _measure(routes)
    return routes


def _accept(side: Side, receive: Callable[[], int]) -> Response:
    with (
        bound(source=str(side)),
        telemetry.tracer.start_as_current_span("receive", record_exception=False, set_status_on_exception=False),
    ):
        count = receive()
        log.info("accepted", events=count)
    return jsonify({"accepted": count})


def _measure(routes: Blueprint) -> None:
    """Count every answer, refusals too, and how long it took."""

    @routes.before_request
    def begin() -> None:
        g.begun = time.perf_counter()

    @routes.after_request
    def end(response: Response) -> Response:
        telemetry.deliveries.labels(_source(), str(response.status_code)).inc()
        telemetry.delivery_seconds.labels(_source()).observe(time.perf_counter() - g.begun)
        return response


def _source() -> str:
    """Whose delivery this request is."""
    return str((request.view_args or {})["side"])


def _receive_quickbooks(receiving: Receiving) -> int:
    body = bodies.read(request, receiving.body_limit)
    signature = request.headers.get("intuit-signature", "")
    if not signatures.is_from_quickbooks(body, signature, receiving.verifier_tokens):
        raise BadSignature("the signature is not QuickBooks'")
    _trace_back()
    by_realm = quickbooks_webhooks.parse(strict_json.loads(body), receiving.events_limit)
    now = receiving.clock.now()
    deliveries = [
        Delivery(receiving.entropy.token(16), Side.QUICKBOOKS, realm, now, envelopes, traces.current())
        for realm, envelopes in by_realm.items()
        if envelopes
    ]
    receiving.publisher.publish(deliveries)
    return sum(len(delivery.events) for delivery in deliveries)


def _receive_ravetree(receiving: Receiving, account: str) -> int:
    body = bodies.read(request, receiving.body_limit)
    message_id = request.headers.get("webhook-id", "")
    now = receiving.clock.now()
    if not ids.is_ravetree_id(account) or not signatures.is_from_ravetree(
        body,
        message_id,
        request.headers.get("webhook-timestamp", ""),
        request.headers.get("webhook-signature", ""),
        account,
        receiving.ravetree_keys,
        now,
    ):
        raise BadSignature("the signature is not Ravetree's")
    _trace_back()
    if not is_name(message_id):
        raise UnusableDelivery("webhook-id is not a printable name of up to 255 characters")
    envelope = ravetree_events.parse(strict_json.loads(body), message_id, account)
    delivery = Delivery(receiving.entropy.token(16), Side.RAVETREE, account, now, (envelope,), traces.current())
    receiving.publisher.publish([delivery])
    return 1


def _trace_back() -> None:
    """Link our trace to the sender's, now that we know who it is."""
    traces.link_to(request.headers.get(traces.TRACEPARENT))


def _refuse_with_problems(routes: Blueprint, tally: Tally) -> None:
    """What a delivery is refused with. Senders go by the status alone: anything but a 2xx is sent again."""

    def met(event: str, **more: str) -> None:
        with bound(source=_source()):
            tally.met(log, event, request.remote_addr or "unknown", **more)

    @routes.errorhandler(BadSignature)
    def unsigned(error: BadSignature) -> Response:
        met("bad signature")
        # Which part does not fit is nobody's business.
        return answered(Problem(401, "unauthorised", "The signature does not match.", error.remedy))

    @routes.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> Response:
        return answered(Problem(413, "too_large", error.description or "The body is too large.", REMEDIES[413]))

    @routes.errorhandler(UnsupportedMediaType)
    def encoded(error: UnsupportedMediaType) -> Response:
        return answered(Problem(415, "encoded", error.description or "Send the body as it is.", REMEDIES[415]))

    @routes.errorhandler(MalformedJson)
    @routes.errorhandler(UnusableDelivery)
    def unusable(error: RavebooksError) -> Response:
        met("refused", error=str(error))
        return answered(of_error(error, 400, code="unusable"))

    @routes.errorhandler(NothingTakesIt)
    def unavailable(error: NothingTakesIt) -> Response:
        with bound(source=_source()):
            log.error("delivery refused", error=str(error), remedy=error.remedy)
        detail = "Nothing takes the delivery now: repeat it."
        response = answered(Problem(503, "unavailable", detail, f"Repeat it in {RETRY_AFTER_SECONDS} seconds."))
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
