"""The receivers behind Flask's test client, handing over to a publisher that only remembers."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from flask import Flask
from standardwebhooks import Webhook
from werkzeug.test import TestResponse

from config.keyring import KeyRing
from config.tally import Tally
from publishers.publisher import NothingTakesIt
from schemas.envelopes import Delivery, Envelope
from schemas.problems import MEDIA_TYPE, ProblemSchema
from tests.unit.ports import FakeClock, SeededEntropy
from webhooks import receivers, signatures

OLD_TOKEN, NEW_TOKEN = "00faeec4-08d0-4996-bb37-698ae19f0149", "b5771f19b12ddb4bcdb9f08bdc50bc63878a"
RING = KeyRing({1: b"1" * 32, 2: b"2" * 32})
ACCOUNT = "org_42"
BODY_LIMIT = 20_000
EVENTS_LIMIT = 5


class RecordingPublisher:
    """Takes every delivery, until it is told that nothing does."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.down = False

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        if self.down:
            raise NothingTakesIt("neither the broker nor the database takes the delivery")
        self.deliveries.extend(deliveries)

    @property
    def envelopes(self) -> list[Envelope]:
        return [envelope for delivery in self.deliveries for envelope in delivery.events]


class Receivers:
    """The app, its publisher and its clock, with short ways to post to it."""

    def __init__(self) -> None:
        self.publisher = RecordingPublisher()
        self.clock = FakeClock()
        self.app = app = Flask("tests")
        app.register_blueprint(
            receivers.blueprint(
                receivers.Receiving(
                    self.publisher,
                    self.clock,
                    SeededEntropy(),
                    (OLD_TOKEN, NEW_TOKEN),
                    RING,
                    BODY_LIMIT,
                    EVENTS_LIMIT,
                    Tally(self.clock),
                )
            )
        )
        self.client = app.test_client()

    def quickbooks(self, body: Any, token: str = NEW_TOKEN, **headers: str) -> TestResponse:
        """Post `body` (bytes as they are, anything else as JSON) as Intuit would."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = signatures.quickbooks_signature(data, token)
        return self.client.post("/webhooks/quickbooks", data=data, headers={"intuit-signature": signature, **headers})

    def ravetree(
        self,
        body: Any,
        headers: dict[str, str] | None = None,
        *,
        version: int = 2,
        age: float = 0.0,
        account: str = ACCOUNT,
    ) -> TestResponse:
        """Post `body` to the account's address, signed `age` seconds ago under one version of the ring."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(
            f"/webhooks/ravetree/{account}",
            data=data,
            headers=ravetree_headers(self.clock, data, version, age) | (headers or {}),
        )


def ravetree_headers(clock: FakeClock, data: bytes, version: int = 2, age: float = 0.0) -> dict[str, str]:
    """What a sender with the published library puts beside `data`."""
    moment = FakeClock(clock.now())
    moment.advance(-age)
    secret = signatures.ravetree_secret(ACCOUNT, version, RING.keys[version])
    signed = Webhook(secret).sign("msg_1", moment.now(), data.decode("utf-8", "replace"))
    timestamp = str(int(moment.now().timestamp()))
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signed}


def error_of(answer: TestResponse) -> str:
    """The error's code, of a body that is a problem and nothing else."""
    assert answer.content_type == MEDIA_TYPE
    body = answer.get_json()
    assert ProblemSchema().validate(body) == {}
    assert body["status"] == answer.status_code
    return str(body["code"])


def cloud_event(**changes: Any) -> dict[str, Any]:
    """One of Intuit's CloudEvents."""
    return {
        "specversion": "1.0",
        "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
        "source": "intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=",
        "datacontenttype": "application/json",
        "type": "qbo.invoice.updated.v1",
        "time": "2026-11-20T14:13:20.123456789Z",
        "intuitentityid": "1234",
        "intuitaccountid": "310687",
        "data": {},
        **changes,
    }


def legacy(realm: str = "310687", **changes: Any) -> dict[str, Any]:
    """One notification of the legacy format with one entity."""
    entity = {"name": "Invoice", "id": "145", "operation": "Update", "lastUpdated": "2026-11-20T07:13:20-0700"}
    return {"realmId": realm, "dataChangeEvent": {"entities": [{**entity, **changes}]}}


def ravetree_event(**changes: Any) -> dict[str, Any]:
    """An event of the contract."""
    return {
        "type": "invoice.updated",
        "timestamp": "2026-11-20T14:13:20Z",
        "account_id": ACCOUNT,
        "data": {
            "id": "inv_9001",
            "version": 7,
            "number": "1043",
            "changed": ["lines"],
            "origin": {"kind": "user", "id": "usr_5", "operation_id": None},
        },
        **changes,
    }


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
