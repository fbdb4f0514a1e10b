"""The Ravetree sandbox as a server on loopback."""

import threading
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom

from flask import Flask, Response, jsonify, request
from werkzeug.local import LocalProxy

from ravetree_sandbox.api import Api
from ravetree_sandbox.clock import Clock, real_time
from ravetree_sandbox.contract import EVENTS, OPENAPI
from ravetree_sandbox.courier import CourierThread
from ravetree_sandbox.exchanges import Exchanges
from ravetree_sandbox.http import (
    BODY_LIMIT_BYTES,
    DroppedConnections,
    install_error_answers,
    refuse_foreign_pages,
    refuse_other_types,
)
from ravetree_sandbox.organisation import Organisation
from ravetree_sandbox.organisations import Organisations
from ravetree_sandbox.pages import Pages
from ravetree_sandbox.steering import Steering
from ravetree_sandbox.user_side import UserSide
from sandbox_kit.server import LoopbackServer


def create_app(
    organisations: Organisations,
    port: Callable[[], int] = lambda: 0,
    wake: Callable[[], None] = lambda: None,
    stopping: threading.Event | None = None,
    names: tuple[str, ...] = (),
) -> Flask:
    """The whole HTTP side; `wake` is called after every request that may have made something due.

    `names` are host names that it is served under, beside those of loopback.
    The header `Ravetree-Account` chooses the organisation that a request is about, the first one without it.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider has it
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    install_error_answers(app)
    organisation: Organisation = LocalProxy(  # type: ignore[assignment]  # a proxy stands for what it leads to
        lambda: organisations.named(request.headers.get("Ravetree-Account"))
    )
    exchanges = Exchanges(organisations.first.clock)
    exchanges.listen(app)
    pages = Pages(organisation, wake).blueprint()
    steered = (
        UserSide(organisation).blueprint(),
        Steering(organisations, organisation, port, exchanges).blueprint(),
    )
    for blueprint in (pages, *steered):
        blueprint.before_request(lambda: refuse_foreign_pages(names))
    for blueprint in steered:
        blueprint.before_request(refuse_other_types)
    for blueprint in (Api(organisation).blueprint(), pages, *steered):
        app.register_blueprint(blueprint)
    app.add_url_rule("/contract/openapi.json", "openapi", lambda: jsonify(OPENAPI))
    app.add_url_rule("/contract/events.json", "events", lambda: jsonify(EVENTS))

    def wake_courier(response: Response) -> Response:
        if request.method != "GET":
            wake()
        return response

    app.after_request(wake_courier)
    app.wsgi_app = DroppedConnections(app.wsgi_app, stopping or threading.Event())  # type: ignore[method-assign]
    return app


class RavetreeSandbox:
    """Ravetree over real HTTP on 127.0.0.1, its books in `directory`; port 0 takes a free one."""

    def __init__(
        self, directory: Path, port: int = 0, clock: Clock | None = None, randomness: Random | None = None
    ) -> None:
        self._directory = directory
        self._clock = clock or real_time
        self._randomness = randomness or SystemRandom()
        self._server = LoopbackServer("Ravetree sandbox", port)
        self._organisations: Organisations | None = None
        self._courier: CourierThread | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port that is listened on; raises RuntimeError before `start`."""
        return self._server.port

    def credentials(self) -> dict[str, str]:
        """The first organisation's `account_id api_token webhook_secret api_url`, once the sandbox was started."""
        if self._organisations is None:
            raise RuntimeError("The Ravetree sandbox has not been started: call start() first.")
        return self._organisations.first.credentials(self.port)

    def start(self) -> None:
        """Opens the books and serves; returns when requests are answered. A restart keeps the port."""
        self._stopping.clear()
        self._organisations = organisations = Organisations(self._directory, self._clock, self._randomness)
        courier = CourierThread(organisations.couriers)
        try:
            self._server.start(create_app(organisations, lambda: self.port, courier.wake, self._stopping))
        except OSError:
            organisations.close()
            raise
        self._courier = courier
        courier.start()

    def stop(self) -> None:
        """Stops serving and closes the books; a second call does nothing."""
        if self._courier is None or self._organisations is None:
            return
        self._stopping.set()
        self._courier.stop()
        self._server.stop()
        self._organisations.close()
        self._courier = None
