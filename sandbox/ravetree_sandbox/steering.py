"""`/sandbox`: clock, faults, outage, usage, webhooks, what was asked and delivered, snapshots. Without credentials."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ravetree_sandbox.errors import bad_request
from ravetree_sandbox.exchanges import Exchanges
from ravetree_sandbox.http import answer, read_json
from ravetree_sandbox.organisation import Organisation
from ravetree_sandbox.organisations import Organisations
from ravetree_sandbox.values import Json
from sandbox_kit.journal import KEPT

LARGEST_OFFSET_SECONDS = 30 * 366 * 86400
DEFAULT_SNAPSHOT = "snapshot"
_USUAL_ENTRIES = 100


class Steering:
    def __init__(
        self, organisations: Organisations, chosen: Organisation, port: Callable[[], int], exchanges: Exchanges
    ) -> None:
        self._organisations = organisations
        self._organisation = chosen
        self._port = port
        self._exchanges = exchanges

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("sandbox", __name__, url_prefix="/sandbox")
        blueprint.get("/credentials")(self._credentials)
        blueprint.get("/organisations")(self._every)
        blueprint.post("/organisations")(self._add)
        blueprint.get("/clock")(self._clock)
        blueprint.post("/clock")(self._advance)
        blueprint.get("/usage")(self._usage)
        blueprint.delete("/usage")(self._clear_usage)
        blueprint.get("/faults")(self._faults)
        blueprint.post("/faults")(self._add_fault)
        blueprint.delete("/faults")(self._clear_faults)
        blueprint.get("/outage")(self._outage)
        blueprint.post("/outage")(self._set_outage)
        blueprint.get("/webhooks")(self._webhooks)
        blueprint.post("/webhooks")(self._subscribe)
        blueprint.get("/deliveries")(self._deliveries)
        blueprint.get("/mails")(self._mails)
        blueprint.get("/journal")(self._journal)
        blueprint.get("/snapshot")(self._snapshots)
        blueprint.post("/snapshot")(self._take_snapshot)
        blueprint.post("/restore")(self._restore)
        blueprint.post("/reset")(self._reset)
        return blueprint

    def _credentials(self) -> ResponseReturnValue:
        return answer(200, dict(self._organisation.credentials(self._port())))

    def _every(self) -> ResponseReturnValue:
        return answer(200, {"organisations": [each.overview() for each in self._organisations.every()]})

    def _add(self) -> ResponseReturnValue:
        account_id = _only(read_json(), "account_id").get("account_id")
        if not isinstance(account_id, str):
            raise bad_request("The account_id is a text.", "account_id")
        return answer(201, dict(self._organisations.add(account_id).credentials(self._port())))

    def _clock(self) -> ResponseReturnValue:
        clock = self._organisation.clock
        return answer(200, {"now": clock.stamp(), "offset_seconds": clock.offset_seconds})

    def _advance(self) -> ResponseReturnValue:
        body = _only(read_json(), "advance_seconds")
        seconds: Any = body.get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
            raise bad_request("advance_seconds is a number that is not negative.", "advance_seconds")
        if self._organisation.clock.offset_seconds + seconds > LARGEST_OFFSET_SECONDS:
            raise bad_request("The clock goes no further than thirty years ahead.", "advance_seconds")
        self._organisation.clock.advance(float(seconds))
        return self._clock()

    def _usage(self) -> ResponseReturnValue:
        return answer(200, self._organisation.usage.report())

    def _clear_usage(self) -> ResponseReturnValue:
        self._organisation.usage.clear()
        return self._usage()

    def _faults(self) -> ResponseReturnValue:
        return answer(200, {"faults": self._organisation.faults.all()})

    def _add_fault(self) -> ResponseReturnValue:
        return answer(201, self._organisation.faults.add(read_json()))

    def _clear_faults(self) -> ResponseReturnValue:
        self._organisation.faults.clear()
        return self._faults()

    def _outage(self) -> ResponseReturnValue:
        return answer(200, {"on": self._organisation.outage})

    def _set_outage(self) -> ResponseReturnValue:
        on = _only(read_json(), "on").get("on")
        if not isinstance(on, bool):
            raise bad_request("on is true or false.", "on")
        self._organisation.set_outage(on)
        return self._outage()

    def _webhooks(self) -> ResponseReturnValue:
        return answer(200, self._organisation.subscription())

    def _subscribe(self) -> ResponseReturnValue:
        body = _only(read_json(), "url", "secret")
        url, secret = body.get("url"), body.get("secret")
        if not isinstance(url, str) or not isinstance(secret, str | None):
            raise bad_request("The url, and the secret if there is one, are strings.", "url")
        return answer(200, self._organisation.subscribe(url, secret))

    def _deliveries(self) -> ResponseReturnValue:
        return answer(200, {"deliveries": self._organisation.courier.report()})

    def _mails(self) -> ResponseReturnValue:
        return answer(200, self._organisation.mails.report())

    def _journal(self) -> ResponseReturnValue:
        text = request.args.get("limit", str(_USUAL_ENTRIES))
        if not text.isdecimal() or not 1 <= int(text) <= KEPT:
            raise bad_request(f"The limit is a number from 1 to {KEPT}.", "limit")
        return answer(200, {"entries": self._exchanges.last(int(text))})

    def _snapshots(self) -> ResponseReturnValue:
        return answer(200, self._organisation.snapshots.names())

    def _take_snapshot(self) -> ResponseReturnValue:
        self._organisation.snapshots.take(_name())
        return self._snapshots()

    def _restore(self) -> ResponseReturnValue:
        self._organisation.snapshots.restore(_name())
        return answer(200, [self._organisation.overview()])

    def _reset(self) -> ResponseReturnValue:
        _only(read_json(optional=True))
        self._organisation.snapshots.reset()
        return answer(200, self._organisation.overview())


def _name() -> str:
    name = _only(read_json(optional=True), "name").get("name", DEFAULT_SNAPSHOT)
    if not isinstance(name, str) or not name:
        raise bad_request("The name of a snapshot is a text.", "name")
    return name


def _only(body: Json, *known: str) -> Json:
    for name in body:
        if name not in known:
            raise bad_request(f"Unknown field {name}.", name)
    return body
