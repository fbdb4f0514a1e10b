"""The HTTP port: one session a thread; a simulation mounts another adapter."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from clients.errors import NotSent, OutcomeUnknown, Redirected
from config import telemetry
from config.redaction import redact_text
from schemas import strict_json

AdapterFactory = Callable[[], BaseAdapter]


def network_adapter() -> BaseAdapter:
    """The real network, without retries of its own: whoever calls decides what may be repeated."""
    return HTTPAdapter(max_retries=0, pool_connections=4, pool_maxsize=16)


def open_session(
    adapter: AdapterFactory = network_adapter, session: requests.Session | None = None
) -> requests.Session:
    """A session that speaks through `adapter`; pass `session` to prepare another class of session."""
    session = session or requests.Session()
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter())
    return session


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: `body` is parsed JSON, or None when there was none."""

    status: int
    headers: dict[str, str]
    body: Any
    text: str


def call(
    session: requests.Session,
    side: str,
    method: str,
    url: str,
    *,
    headers: dict[str, str],
    timeout: float,
    params: dict[str, str] | None = None,
    data: bytes | None = None,
) -> Answer:
    """One request, where it was sent to. Raises `NotSent` when nobody was there, `OutcomeUnknown` without an answer."""
    begun = time.perf_counter()
    try:
        response = session.request(
            method, url, params=params, data=data, headers=headers, timeout=timeout, allow_redirects=False
        )
    except requests.exceptions.ConnectTimeout as error:
        raise NotSent(f"{side} cannot be reached at {url}: {redact_text(str(error))}") from None
    except requests.exceptions.ConnectionError as error:
        if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
            raise NotSent(f"{side} cannot be reached at {url}") from None
        raise OutcomeUnknown(f"{side} closed the connection without an answer to {method} {url}") from None
    except requests.exceptions.RequestException as error:
        kind = type(error).__name__
        raise OutcomeUnknown(f"{side} did not answer {method} {url} within {timeout:g} s ({kind})") from None
    finally:
        telemetry.call_seconds.labels(side).observe(time.perf_counter() - begun)
    if is_redirect(response):
        raise redirected(side, method, url, response.status_code)
    return Answer(
        response.status_code,
        {k.lower(): v for k, v in response.headers.items()},
        _parse(response),
        response.text,
    )


def is_redirect(response: requests.Response) -> bool:
    """Whether an answer leads elsewhere, or says that we know it already, which we never do."""
    return 300 <= response.status_code < 400


def redirected(side: str, method: str, url: str, status: int | None) -> Redirected:
    """The error for an answer that leads elsewhere. Where to is not said: it may carry what was asked."""
    how = f"HTTP {status}" if status is not None else "a redirect"
    return Redirected(f"{side} answered {method} {url} with {how}, which leads elsewhere and is not followed")


def _parse(response: requests.Response) -> Any:
    if not response.content:
        return None
    try:
        return strict_json.loads(response.content)
    except strict_json.MalformedJson:
        return None
