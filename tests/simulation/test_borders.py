"""What the web application takes and gives at its border."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from console.api.serving import WAITING_CALLERS
from tests.simulation.world import World

HEAD = {"Authorization": "Bearer api", "Content-Type": "application/json"}
ODD = (
    '{"by":"\\ud800"}',
    '{"by":"a\\u0000"}',
    '{"reads_budget":' + "9" * 5000 + "}",
    "[" * 100_000,
    '{"a":1e400}',
    "{",
    '"\\udfff"',
)
PATHS = (("POST", "pause"), ("PUT", "settings"), ("POST", "records/ravetree/invoice/x/sync"), ("POST", "parity"))


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_no_body_is_answered_with_a_crash(world: World, method: str, path: str) -> None:
    for body in ODD:
        url = f"/api/connections/{world.connection_id}/{path}"
        assert world.web.open(url, method=method, data=body, headers=HEAD).status_code == 400, body[:40]
    assert world.connection()["state"] == "active"


def test_a_number_that_no_column_holds_is_refused(world: World) -> None:
    path = f"/api/connections/{world.connection_id}/settings"
    for number in ("99999999999999999999", "1e20", "-1", "2147483648", "1.5"):
        assert world.web.put(path, data=f'{{"reads_budget":{number}}}', headers=HEAD).status_code == 422, number


def test_a_body_that_is_not_said_to_be_json_is_refused_not_passed_over(world: World) -> None:
    path = f"/api/connections/{world.connection_id}/switches"
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = world.web.put(path, data='{"estimates": false}', headers=HEAD | {"Content-Type": kind})
        assert answer.status_code == 415, kind
    assert world.connection()["estimates_since"] is not None


def test_the_token_counts_as_a_bearer_token_only(world: World) -> None:
    for value in ("api", "bearer api", "Basic api", "Bearer  api", "Bearer api2", "Bearer ", "Bearer é", ""):
        assert world.web.get("/api/connections", headers={"Authorization": value}).status_code == 401, value


def test_no_answer_may_be_framed_kept_sniffed_or_followed_back(world: World) -> None:
    for path in ("/connect/callback?state=x", "/connect/start?token=x", "/healthz", "/api/connections", "/nowhere"):
        headers = world.web.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store"), path
        assert headers["Referrer-Policy"] == "no-referrer", path


def test_callers_that_wait_are_bounded_and_the_next_one_is_answered_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has so many threads, and QuickBooks' webhooks need one within three seconds."""
    ours = world.invoice(world.client("Impatient"), "10.00")
    url = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{ours['id']}/sync"
    outcomes: list[str] = []
    waiting = [0]

    def call() -> None:
        outcomes.append(world.web.post(url, json={"wait_seconds": 60}, headers=HEAD).get_json()["outcome"])

    def another_caller(_seconds: float) -> None:
        """While one waits, the next one calls."""
        waiting[0] += 1
        if waiting[0] < 3 * WAITING_CALLERS:
            call()
        world.clock.advance(61)

    monkeypatch.setattr(world.clock, "sleep", another_caller)
    call()
    assert waiting[0] == WAITING_CALLERS
    assert outcomes == ["pending"] * (WAITING_CALLERS + 1)


def test_calls_with_a_wrong_token_are_counted_and_told_in_one_line(world: World) -> None:
    counted = REGISTRY.get_sample_value("ravebooks_api_unauthorised_total") or 0
    with capture_logs() as logs:
        for number in range(300):
            world.web.get("/api/connections", headers={"Authorization": f"Bearer guess-{number}"})
    assert REGISTRY.get_sample_value("ravebooks_api_unauthorised_total") == counted + 300
    assert [(line["event"], line["times"]) for line in logs] == [("wrong API token", 1)]
    assert "guess" not in str(logs)
