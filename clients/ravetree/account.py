"""Ravetree's REST API for one account."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from clients import http
from clients.errors import (
    Failed,
    Missing,
    Moved,
    NeighbourError,
    NotAuthorised,
    NotSent,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from config import telemetry
from config.logging import logger
from config.ports import Clock
from reconcile.model import Kind
from schemas import ids, strict_json
from schemas.quickbooks import Body
from schemas.times import seconds_of

PAGE = 200
LONGEST_WAIT_SECONDS = 3600.0
"""However long Ravetree asks us to wait, it is asked again after an hour."""

RESOURCES = {
    Kind.CONTACT: "contacts",
    Kind.ESTIMATE: "estimates",
    Kind.INVOICE: "invoices",
    Kind.PAYMENT: "payments",
}

log = logger("ravetree")


class AccountClosed(NotAuthorised):
    """Ravetree does not take the account's API token."""

    remedy = "Connect again from Ravetree with a valid API token."


class VersionMoved(Moved):
    """Somebody changed the record in Ravetree since we read it."""


class RecordGone(Missing):
    """Ravetree has no such record."""

    remedy = "Nothing to do if it was deleted on purpose."


class WrongAnswer(NeighbourError):
    """Ravetree's answer is not about the record that was asked for: nothing is done by it."""

    remedy = "Report it to Ravetree's engineers, then press retry."


class LogExpired(NeighbourError):
    """The event that we asked to go on from is older than Ravetree keeps."""


class Taken(Refused):
    """Another record has this `external_id` already: `existing_id`."""

    def __init__(self, message: str, existing_id: str | None, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.existing_id = existing_id


class Invalid(Refused):
    """Ravetree does not accept what was written."""


class NotAllowed(Refused):
    """Ravetree takes the account's token, but lets it do nothing with this."""

    remedy = "Let the integration's token read and change it in Ravetree, then press retry."


@dataclass(frozen=True)
class Accepted:
    """The answer to a write; a deletion answers nothing but its tombstone."""

    status: int
    body: Body


class Account:
    """One account through its API. Not shared between threads."""

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        account_id: str,
        token: str,
        clock: Clock,
        timeout: float,
        before_a_call: Callable[[], object] = lambda: None,
    ) -> None:
        self._session = session
        self._before_a_call = before_a_call
        self._base = base_url
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Ravetree-Account": account_id,
            "Accept": "application/json",
        }
        self._clock = clock
        self._timeout = timeout

    def describe(self, attempts: int = 3) -> Body:
        """Whose token this is: `id`, `name`, `default_currency`. Raises `AccountClosed`."""
        ask = self._retrying(NotSent, OutcomeUnknown, attempts=attempts)
        answer = ask(self._attempt, "GET", "account", {}, {}, None, "read").body
        data = answer.get("data") if isinstance(answer, dict) else None
        return data if isinstance(data, dict) else {}

    def get(self, kind: Kind, record_id: str) -> Body | None:
        """One record, or None when it is deleted or was never there."""
        try:
            body = self._read(ids.path(RESOURCES[kind], record_id), {}).body["data"]
        except RecordGone:
            return None
        if not isinstance(body, dict) or body.get("id") != record_id:
            raise WrongAnswer(f"Ravetree answered {kind} {record_id} with another record")
        return body

    def payments_of(self, invoice_id: str) -> list[Body]:
        """The live payments with an allocation to an invoice."""
        return [row for row in self._pages("payments", {"invoice_id": invoice_id}) if not row.get("deleted")]

    def payments_by(self, client_id: str) -> list[Body]:
        """The live payments that a client made."""
        rows = self._pages("payments", {"client_id": client_id})
        return [row for row in rows if not row.get("deleted") and row.get("client_id") == client_id]

    def events_after(self, event_id: str | None) -> Iterator[Body]:
        """The log of events after `event_id`. Raises `LogExpired` when that is too old."""
        params = {"after": event_id} if event_id else {}
        yield from self._pages("events", params)

    def listing(self, resource: str, params: dict[str, str] | None = None) -> Iterator[Body]:
        """All rows of a list."""
        yield from self._pages(resource, params or {})

    def write(self, method: str, path: str, body: str, key: str, if_match: int | None) -> Accepted:
        """Send one journalled write."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        data = body.encode() if body else None
        answer = self._retrying(NotSent, attempts=2)(self._attempt, method, path, {}, headers, data, "write")
        return Accepted(answer.status, (answer.body or {}).get("data") or {})

    def tell(self, kind: Kind, record_id: str, state: Body, key: str) -> None:
        """Say how a record's sync stands: Ravetree draws the icon, the error and the link from it."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        path = ids.path("sync_states", kind, record_id)
        self._attempt("PUT", path, {}, headers, strict_json.dumps(state).encode(), "write")

    def page(
        self, resource: str, cursor: str | None, params: dict[str, str] | None = None
    ) -> tuple[list[Body], str | None]:
        """One page of a list, and where the next one begins."""
        asked = (params or {}) | {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        page = self._read(resource, asked).body
        return page["data"], page.get("next_cursor") or None

    def _pages(self, resource: str, params: dict[str, str]) -> Iterator[Body]:
        cursor: str | None = None
        while True:
            rows, cursor = self.page(resource, cursor, params)
            yield from rows
            if not cursor:
                return

    def _read(self, path: str, params: dict[str, str]) -> http.Answer:
        return self._retrying(NotSent, OutcomeUnknown, attempts=3)(self._attempt, "GET", path, params, {}, None, "read")

    def _retrying(self, *kinds: type[Exception], attempts: int) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(kinds),
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            sleep=self._clock.sleep,
            reraise=True,
        )

    def _attempt(
        self,
        method: str,
        path: str,
        params: dict[str, str],
        extra: dict[str, str],
        data: bytes | None,
        nature: str,
    ) -> http.Answer:
        self._before_a_call()
        result = "failed"
        try:
            answer = http.call(
                self._session,
                "Ravetree",
                method,
                f"{self._base}/{path}",
                headers=self._headers | extra,
                timeout=self._timeout,
                params=params,
                data=data,
            )
            result = "ok" if answer.status < 300 else "refused"
        finally:
            telemetry.calls.labels("ravetree", nature, path.split("/")[0], result).inc()
        log.debug("called", method=method, path=path, status=answer.status)
        if result == "ok":
            return answer
        if answer.status == 403 and path != "account":
            # What is kept from us of one record stops that record: the token is good as long as it opens its account.
            self.describe()
            if method == "GET" and "/" not in path:
                raise AccountClosed(f"Ravetree allows the account's token no list of {path}", code=_said(answer)[0])
            raise NotAllowed(f"Ravetree allows the account's token nothing with {path}", code=_said(answer)[0])
        raise _error(answer, path)


def _said(answer: http.Answer) -> tuple[str, str, Body]:
    """The code and the words of an error, and all that it says."""
    detail = answer.body.get("error") if isinstance(answer.body, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    return str(detail.get("code", "")), str(detail.get("message", "")).rstrip(".") or f"HTTP {answer.status}", detail


def _error(answer: http.Answer, path: str) -> NeighbourError:
    code, text, detail = _said(answer)
    status = answer.status
    if status in (401, 403):
        return AccountClosed("Ravetree does not accept the account's API token", code=code)
    if status == 404:
        return RecordGone(f"Ravetree has no {path}", code=code)
    if status == 409:
        return Taken(f"Ravetree refuses: {text}", detail.get("existing_id"), code=code)
    if status == 410:
        return LogExpired("Ravetree no longer keeps the events since our last look", code=code)
    if status == 412:
        return VersionMoved("it was changed in Ravetree meanwhile", code=code)
    if status == 429:
        seconds = seconds_of(answer.headers.get("retry-after"), 60.0, LONGEST_WAIT_SECONDS)
        return Throttled("Ravetree takes no more requests for a while", wait_seconds=seconds, code=code)
    if status >= 500:
        return Failed(f"Ravetree failed with HTTP {status}", code=code)
    return Invalid(f"Ravetree refuses: {text}", code=code, detail=str(detail.get("field") or ""))
