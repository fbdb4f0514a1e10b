"""The body before anybody parses it: its size and its encoding, on either receiver."""

import io

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app
from werkzeug.wrappers import Request

from tests.unit.webhooks.receiving import BODY_LIMIT, NEW_TOKEN, Receivers, cloud_event, error_of
from webhooks import signatures

PATHS = ["/webhooks/quickbooks", "/webhooks/ravetree/org_42"]


class Endless(io.RawIOBase):
    """A body that never ends; it knows how much of it was read."""

    def __init__(self) -> None:
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any writable buffer will do
        self.given += len(buffer)
        buffer[:] = b" " * len(buffer)
        return len(buffer)


def post_chunked(receivers: Receivers, path: str, stream: io.IOBase, headers: dict[str, str]) -> TestResponse:
    """As a server hands over a chunked body: a stream that ends by itself, and no length."""
    builder = EnvironBuilder(path=path, method="POST", headers=[("Transfer-Encoding", "chunked"), *headers.items()])
    environ = builder.get_environ()
    environ.pop("CONTENT_LENGTH", None)
    environ |= {"wsgi.input": stream, "wsgi.input_terminated": True}
    return TestResponse(*run_wsgi_app(receivers.app, environ, buffered=True), request=Request(environ))


@pytest.mark.parametrize("path", PATHS)
def test_a_body_over_the_cap_is_refused_before_its_signature(receivers: Receivers, path: str) -> None:
    answer = receivers.client.post(path, data=b" " * (BODY_LIMIT + 1))
    assert answer.status_code == 413
    assert error_of(answer) == "too_large"


def test_a_body_at_the_cap_is_accepted(receivers: Receivers) -> None:
    assert receivers.quickbooks(b"[]".ljust(BODY_LIMIT)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_chunked_body_over_the_cap_is_refused_and_not_read_to_its_end(receivers: Receivers, path: str) -> None:
    stream = Endless()
    answer = post_chunked(receivers, path, stream, {})
    assert answer.status_code == 413
    assert error_of(answer) == "too_large"
    assert stream.given < BODY_LIMIT + 256 * 1024


def test_a_chunked_body_within_the_cap_is_accepted(receivers: Receivers) -> None:
    body = b"[]".ljust(BODY_LIMIT)
    signature = signatures.quickbooks_signature(body, NEW_TOKEN)
    answer = post_chunked(receivers, PATHS[0], io.BytesIO(body), {"intuit-signature": signature})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", "made-up"])
def test_any_content_encoding_is_refused(receivers: Receivers, path: str, encoding: str) -> None:
    answer = receivers.client.post(path, json=[cloud_event()], headers={"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert error_of(answer) == "encoded"


@pytest.mark.parametrize("path", PATHS)
def test_only_post_is_served(receivers: Receivers, path: str) -> None:
    assert receivers.client.get(path).status_code == 405
