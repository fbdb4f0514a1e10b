"""The HTTP port: what never left us is told from what may have arrived."""

from typing import Any

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from clients import http
from clients.errors import NeighbourError, NotSent, OutcomeUnknown, Redirected
from tests.unit.clients.neighbours import json_answer
from tests.unit.wsgi_adapter import AnswerAdapter

URL = "https://neighbour.test/v1/things"


def call(answering: Any) -> http.Answer:
    with http.open_session(lambda: AnswerAdapter(answering)) as session:
        return http.call(session, "Ravetree", "POST", URL, headers={}, timeout=5, data=b"{}")


def failing(error: Exception) -> Any:
    def answering(_request: requests.PreparedRequest) -> Any:
        raise error

    return answering


def refused_connection() -> Exception:
    cause = NewConnectionError(None, "Connection refused")  # type: ignore[arg-type]  # only its name is looked at
    return requests.exceptions.ConnectionError(MaxRetryError(None, URL, cause))  # type: ignore[arg-type]


def unknown_host() -> Exception:
    cause = NameResolutionError("neighbour.test", None, OSError("unknown"))  # type: ignore[arg-type]
    return requests.exceptions.ConnectionError(MaxRetryError(None, URL, cause))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused_connection(), NotSent),
        (unknown_host(), NotSent),
        (requests.exceptions.ConnectTimeout("slow"), NotSent),
        (requests.exceptions.ConnectionError("Connection aborted", ConnectionResetError()), OutcomeUnknown),
        (requests.exceptions.ReadTimeout("slow"), OutcomeUnknown),
        (requests.exceptions.ChunkedEncodingError("cut"), OutcomeUnknown),
    ],
)
def test_a_failure_says_whether_the_write_may_have_happened(error: Exception, kind: type[NeighbourError]) -> None:
    with pytest.raises(kind):
        call(failing(error))


def test_an_answer_is_parsed_with_exact_decimals_and_its_headers_in_lower_case() -> None:
    answer = call(lambda _request: json_answer({"a": 1}, 201, Intuit_Tid="1-x"))
    assert (answer.status, answer.body, answer.headers["intuit_tid"]) == (201, {"a": 1}, "1-x")
    raw = call(lambda _request: (200, {}, b'{"TotalAmt": 19.99}'))
    assert str(raw.body["TotalAmt"]) == "19.99"


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'{"a":1,"a":2}', b"\xff"])
def test_an_answer_that_is_no_json_has_no_body(body: bytes) -> None:
    answer = call(lambda _request: (502, {"Content-Type": "text/plain; charset=utf-8"}, body))
    assert (answer.status, answer.body) == (502, None)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("headers", [{"Location": "https://elsewhere.test/secret"}, {}])
def test_a_redirect_is_not_followed_and_no_answer(status: int, headers: dict[str, str]) -> None:
    """It would take the token to wherever it points; and whether a write happened is not known."""
    with pytest.raises(Redirected) as caught:
        call(lambda _request: (status, headers, b'{"data": {}}'))
    assert f"answered POST {URL} with HTTP {status}" in str(caught.value)
    assert "elsewhere.test" not in f"{caught.value} {caught.value.remedy}"
    assert isinstance(caught.value, OutcomeUnknown)


def test_the_environments_proxies_and_netrc_are_not_used() -> None:
    with http.open_session() as session:
        assert session.trust_env is False
