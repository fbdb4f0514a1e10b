"""HTTP without sockets: a requests adapter that calls a WSGI app. It fills the HTTP port of `clients.http`."""

import io
from collections.abc import Callable, Mapping
from email.message import Message
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from waitress.channel import ClientDisconnected
from werkzeug.test import EnvironBuilder, run_wsgi_app


class _Raw(io.BytesIO):
    """A body, beside the headers where requests looks for cookies."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(body)
        self._original_response = SimpleNamespace(msg=Message())
        for name, value in headers.items():
            self._original_response.msg[name] = value


Answering = Callable[[requests.PreparedRequest], "tuple[int, dict[str, str], bytes]"]


class AnswerAdapter(BaseAdapter):
    """Answers each request by a function and remembers the requests; the function may raise instead."""

    def __init__(self, answering: Answering) -> None:
        super().__init__()
        self._answering = answering
        self.requests: list[requests.PreparedRequest] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        self.requests.append(request)
        status, headers, body = self._answering(request)
        response = requests.Response()
        response.status_code = status
        response.headers = requests.structures.CaseInsensitiveDict(headers)
        response.raw = _Raw(body, headers)
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""


class WsgiAdapter(AnswerAdapter):
    """Calls `app`; with `losing` set, that many next answers are lost on the way back, after the app has acted."""

    def __init__(self, app: Any) -> None:
        super().__init__(self._call)
        self._app = app
        self.losing = 0

    def _call(self, request: requests.PreparedRequest) -> "tuple[int, dict[str, str], bytes]":
        parts = urlsplit(request.url or "")
        body = request.body or b""
        builder = EnvironBuilder(
            path=parts.path,
            base_url=f"{parts.scheme}://{parts.netloc}",
            query_string=parts.query,
            method=request.method or "GET",
            headers=list(request.headers.items()),
            data=body.encode() if isinstance(body, str) else body,
        )
        try:
            chunks, status, headers = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        except ClientDisconnected:
            raise requests.exceptions.ReadTimeout("the connection was dropped") from None
        finally:
            builder.close()
        if self.losing:
            self.losing -= 1
            raise requests.exceptions.ReadTimeout("the answer was lost")
        return int(status.split(" ", 1)[0]), dict(headers), b"".join(chunks)
