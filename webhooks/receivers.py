"""Where both neighbours post: cap, verify, validate, hand over, answer. No database, no look at business data."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from config import telemetry
from config.errors import RavebooksError
from config.keyring import KeyRing
from config.logging import bound, logger
from config.ports import Clock, Entropy
from config.tally import Tally
from publishers.publisher import NothingTakesIt, Publisher
from reconcile.model import Side
from schemas import ids, quickbooks_webhooks, ravetree_events, strict_json
from schemas.envelopes import Delivery, is_name
from schemas.quickbooks_webhooks import UnusableDelivery
from schemas.strict_json import MalformedJson
from webhooks import bodies, signatures

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


def blueprint(receiving: Receiving) -> Blueprint:
    """`POST /webhooks/quickbooks` and `POST /webhooks/ravetree/<account>`."""
    routes = Blueprint("webhooks", __name__, url_prefix="/webhooks")

    @routes.post("/quickbooks")
    def quickbooks() -> Response:
        return _answer(receiving, Side.QUICKBOOKS, lambda: _receive_quickbooks(receiving))

    @routes.post("/ravetree/<account>")
    def ravetree(account: str) -> Response:
        return _answer(receiving, Side.RAVETREE, lambda: _receive_ravetree(receiving, account))

    return routes


class _BadSignature(RavebooksError):
    """Whoever sent it does not have the secret."""


def _receive_quickbooks(receiving: Receiving) -> int:
    body = bodies.read(request, receiving.body_limit)
    signature = request.headers.get("intuit-signature", "")
    if not signatures.is_from_quickbooks(body, signature, receiving.verifier_tokens):
        raise _BadSignature("the signature is not QuickBooks'")
    by_realm = quickbooks_webhooks.parse(strict_json.loads(body), receiving.events_limit)
    now = receiving.clock.now()
    deliveries = [
        Delivery(receiving.entropy.token(16), Side.QUICKBOOKS, realm, now, envelopes)
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
        raise _BadSignature("the signature is not Ravetree's")
    if not is_name(message_id):
        raise UnusableDelivery("webhook-id is not a printable name of up to 255 characters")
    envelope = ravetree_events.parse(strict_json.loads(body), message_id, account)
    receiving.publisher.publish([Delivery(receiving.entropy.token(16), Side.RAVETREE, account, now, (envelope,))])
    return 1


def _answer(receiving: Receiving, side: Side, receive: Callable[[], int]) -> Response:
    begun = time.perf_counter()
    with bound(source=str(side)), telemetry.tracer.start_as_current_span("receive"):
        response = _judge(receiving.tally, receive)
    telemetry.deliveries.labels(side, str(response.status_code)).inc()
    telemetry.delivery_seconds.labels(side).observe(time.perf_counter() - begun)
    return response


def _judge(tally: Tally, receive: Callable[[], int]) -> Response:
    try:
        count = receive()
    except _BadSignature:
        tally.met(log, "bad signature", _remote())
        return _error(401, "unauthorised", "The signature does not match.")
    except RequestEntityTooLarge as error:
        return _error(413, "too_large", error.description or "The body is too large.")
    except UnsupportedMediaType as error:
        return _error(415, "encoded", error.description or "Send the body as it is.")
    except (MalformedJson, UnusableDelivery) as error:
        tally.met(log, "refused", _remote(), error=str(error))
        return _error(400, "unusable", f"{str(error)[:1].upper()}{str(error)[1:]}. {error.remedy}")
    except NothingTakesIt as error:
        log.error("delivery refused", error=str(error), remedy=error.remedy)
        response = _error(503, "unavailable", "Nothing takes the delivery now: repeat it.")
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    log.info("accepted", events=count)
    return jsonify({"accepted": count})


def _remote() -> str:
    return request.remote_addr or "unknown"


def _error(status: int, code: str, message: str) -> Response:
    response = jsonify({"error": {"code": code, "message": message}})
    response.status_code = status
    return response
