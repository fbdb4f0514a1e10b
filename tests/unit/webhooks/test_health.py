"""`/healthz`, `/readyz`, `/metrics`."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.errors import RavebooksError
from config.telemetry import Progress
from tests.unit.ports import FakeClock
from webhooks import health


class Broken(RavebooksError):
    remedy = "Mend it."


def fails() -> None:
    raise Broken("the part is broken")


def works() -> None:
    """Nothing is missing."""


@pytest.fixture
def progress(clock: FakeClock) -> Progress:
    return Progress(clock)


@pytest.fixture
def client(progress: Progress) -> FlaskClient:
    app = Flask("tests")
    app.register_blueprint(health.blueprint(progress, {"database": works, "broker": fails}))
    return app.test_client()


def test_a_process_is_alive_while_its_loops_get_on(client: FlaskClient, progress: Progress, clock: FakeClock) -> None:
    beat = progress.expect("worker", 30)
    clock.advance(30)
    assert client.get("/healthz").status_code == 200
    clock.advance(1)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (503, {"alive": False, "stuck": ["worker"]})
    beat()
    assert client.get("/healthz").status_code == 200


def test_a_loop_that_rests_is_not_stuck(client: FlaskClient, progress: Progress, clock: FakeClock) -> None:
    beat = progress.expect("recorder's connection", 12)
    beat.rest()
    clock.advance(1000)
    assert client.get("/healthz").status_code == 200
    beat()
    clock.advance(13)
    assert client.get("/healthz").get_json()["stuck"] == ["recorder's connection"]


def test_readiness_names_the_part_that_is_missing_and_the_remedy(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json() == {
        "ready": False,
        "parts": {"database": "ok", "broker": "the part is broken. Mend it."},
    }


def test_readiness_is_200_when_every_part_is_there(progress: Progress) -> None:
    app = Flask("tests")
    app.register_blueprint(health.blueprint(progress, {"database": works}))
    assert app.test_client().get("/readyz").status_code == 200


def test_metrics_are_prometheus_text(client: FlaskClient) -> None:
    assert b"ravebooks_deliveries_total" in client.get("/metrics").data
