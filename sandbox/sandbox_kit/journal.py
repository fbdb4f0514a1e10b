"""The last requests with their answers, for people and tests."""

from __future__ import annotations

from collections import deque
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

KEPT = 2000
LONGEST_TEXT = 4000


class RequestJournal:
    """In memory, newest last; it outlives a restored snapshot and no restart."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def add(self, entry: dict[str, Any]) -> None:
        self._entries.append(entry)

    def last(self, limit: int) -> list[dict[str, Any]]:
        entries = list(self._entries)
        return entries[max(len(entries) - limit, 0) :]


def body_of_request() -> str:
    """The body as text, or how many bytes were too many."""
    try:
        return request.get_data(as_text=True)
    except RequestEntityTooLarge:
        return f"({request.content_length} bytes, refused)"
