"""Answers of a neighbour that somebody spoils on their way."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import requests

from tests.simulation.world import QUICKBOOKS, World

Answer = tuple[int, dict[str, str], bytes]
Spoil = Callable[[requests.PreparedRequest, Callable[[], Answer]], Answer]
JSON = {"Content-Type": "application/json"}


class Wire:
    """The way to a neighbour with somebody in it who spoils answers."""

    def __init__(self, whole: Any, spoil: Spoil) -> None:
        self._whole = whole
        self._spoil = spoil

    def _call(self, request: requests.PreparedRequest) -> Answer:
        return self._spoil(request, lambda: self._whole._call(request))


@contextmanager
def spoiled(world: World, spoil: Spoil, host: str = QUICKBOOKS) -> Iterator[None]:
    """While this lasts, `spoil` answers in the neighbour's place."""
    whole = world._apps[host]
    world._apps[host] = Wire(whole, spoil)
    try:
        yield
    finally:
        world._apps[host] = whole


def failing(text: str, method: str = "GET") -> Spoil:
    """HTTP 500 for each request of our program whose URL or body has `text` in it."""

    def spoil(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        said = unquote(request.url or "").replace("+", " ") + str(request.body or "")
        if request.method == method and text in said:
            return 500, JSON, b'{"oops":1}'
        return ask()

    return spoil


def rewriting(path: str, rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoil:
    """The answers to our program's reads whose URL has `path` in it are what `rewrite` makes of them."""

    def spoil(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        status, headers, body = ask()
        if request.method == "GET" and path in (request.url or "") and status == 200:
            return status, headers, json.dumps(rewrite(json.loads(body))).encode()
        return status, headers, body

    return spoil
