"""Floods of what is refused leave no trace that grows, however fast the machine is."""

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.serving import Served

pytestmark = pytest.mark.thorough


def flood(port: int, requests_: int, path: str, headers: dict[str, str]) -> None:
    """So many requests, each of which is refused with 401, over four connections."""

    def some(_number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(requests_ // 4):
            connection.request("POST", path, b"[]", headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 401
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, range(4)))


def test_a_flood_of_unsigned_deliveries_leaves_memory_flat_and_a_line_a_minute(served: Served) -> None:
    unsigned = 'ravebooks_deliveries_total{answer="401",source="quickbooks"}'
    flood(served.port, 1000, "/webhooks/quickbooks", {"intuit-signature": "x"})
    memory, counted, logged = served.memory(), served.metric(unsigned), served.log.stat().st_size
    flood(served.port, 10_000, "/webhooks/quickbooks", {"intuit-signature": "x"})
    assert served.memory() - memory < 10
    assert served.metric(unsigned) - counted == 10_000
    assert served.log.stat().st_size - logged < 5_000
    assert "bad signature" in served.log.read_text()


def test_wrong_tokens_of_the_api_are_counted_and_told_the_same_way(served: Served) -> None:
    counted = served.metric("ravebooks_api_unauthorised_total")
    flood(served.port, 400, f"/api/connections/{served.connection}/pause", {"Authorization": "Bearer no-such-token"})
    assert served.metric("ravebooks_api_unauthorised_total") - counted == 400
    said = served.log.read_text()
    assert 1 <= said.count("wrong API token") <= 4
    assert "no-such-token" not in said
