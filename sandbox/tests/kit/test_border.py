"""No page from elsewhere steers a sandbox; programs on this machine and its own pages do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from quickbooks_sandbox.testing import World as QuickBooksWorld
from ravetree_sandbox.testing import World as RavetreeWorld

ORDERS = [("POST", "/sandbox/outage"), ("POST", "/sandbox/reset"), ("GET", "/sandbox/credentials")]
JSON = "application/json"


@pytest.fixture(params=["quickbooks", "ravetree"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FlaskClient]:
    """Either sandbox."""
    if request.param == "quickbooks":
        quickbooks = QuickBooksWorld(tmp_path)
        yield quickbooks.client
        quickbooks.close()
    else:
        with RavetreeWorld(tmp_path) as ravetree:
            yield ravetree.client


def outage(client: FlaskClient) -> bool:
    return bool(client.get("/sandbox/outage").get_json()["on"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None])
def test_a_body_of_a_kind_that_any_form_can_send_is_refused(client: FlaskClient, kind: str | None) -> None:
    refused = client.post("/sandbox/outage", data='{"on": true}', content_type=kind)
    assert (refused.status_code, JSON in refused.text) == (415, True)
    assert not outage(client)


@pytest.mark.parametrize("kind", [JSON, "application/json; charset=utf-8"])
def test_json_is_taken(client: FlaskClient, kind: str) -> None:
    assert client.post("/sandbox/outage", data='{"on": true}', content_type=kind).status_code == 200
    assert outage(client)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"])
@pytest.mark.parametrize(("method", "path"), [*ORDERS, ("GET", "/")])
def test_under_another_name_it_does_not_answer(client: FlaskClient, host: str, method: str, path: str) -> None:
    """A name that its owner suddenly lets mean this machine makes a browser take its pages for ours."""
    answer = client.open(path, method=method, headers={"Host": host})
    assert (answer.status_code, "loopback" in answer.text) == (403, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5000", "localhost:1", "[::1]:5000", "LOCALHOST"])
def test_under_a_name_of_loopback_it_does(client: FlaskClient, host: str) -> None:
    assert client.get("/sandbox/credentials", headers={"Host": host}).status_code == 200
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://localhost.evil"])
@pytest.mark.parametrize(("method", "path"), ORDERS)
def test_a_page_of_another_origin_is_refused(client: FlaskClient, origin: str, method: str, path: str) -> None:
    answer = client.open(path, method=method, headers={"Origin": origin})
    assert (answer.status_code, "may not use the sandbox" in answer.text) == (403, True)


def test_a_page_of_its_own_is_not(client: FlaskClient) -> None:
    taken = client.post("/sandbox/outage", json={"on": True}, headers={"Origin": "http://localhost"})
    assert taken.status_code == 200


def test_what_a_user_does_in_ravetree_is_steering_too(tmp_path: Path) -> None:
    with RavetreeWorld(tmp_path) as world:
        path = "/sandbox/app/invoices"
        for headers in ({"Host": "evil.example"}, {"Origin": "null"}):
            assert world.client.get(path, headers=world.headers | headers).status_code == 403
        assert world.client.post(path, data="{}", headers=world.headers).status_code == 415


def test_a_form_of_another_page_enters_nothing(tmp_path: Path) -> None:
    foreign = {"Origin": "https://evil.example"}
    with RavetreeWorld(tmp_path / "r") as ravetree:
        invoice = ravetree.invoice()
        path, form = f"/pages/invoices/{invoice['id']}/status", {"status": "void"}
        assert ravetree.client.post(path, data=form, headers=foreign).status_code == 403
        assert ravetree.client.post(path, data=form, headers={"Origin": "http://localhost"}).status_code == 303
    quickbooks = QuickBooksWorld(tmp_path / "q")
    realm = quickbooks.credentials["realm_id"]
    refused = quickbooks.client.post(f"/books/{realm}/customers/3", data={"amount": "5"}, headers=foreign)
    assert refused.status_code == 403
    assert quickbooks.query("select * from Payment") == {}
    quickbooks.close()
