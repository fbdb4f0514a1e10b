"""QuickBooks' REST API for one company: reads are metered, writes are free and carry a `requestid`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from clients import http
from clients.errors import NeighbourError, NotSent, OutcomeUnknown, Throttled
from clients.quickbooks import faults
from clients.quickbooks.pacing import Pacer
from config import telemetry
from config.logging import logger
from config.ports import Clock
from schemas import ids, strict_json
from schemas.quickbooks import Body, is_version
from schemas.times import parse_instant, spell_instant

MINOR_VERSION = "75"
CDC_LIMIT = 1000
PAGE = 1000
ID_LIMIT = 100
"""Ids in one `IN (…)`: keeps the query well inside a URL."""

LISTS = frozenset({"Customer", "Item"})

log = logger("quickbooks")


class Bearer(Protocol):
    """Gives the access token; with `expired` the one that was refused, a newer one."""

    def __call__(self, expired: str | None = None) -> str: ...


Meter = Callable[[str], None]
"""Told of each metered read that QuickBooks answered, with its cause."""


def unmetered(_cause: str) -> None:
    """Counts no reads: before there is a connection."""


@dataclass(frozen=True)
class Written:
    """The answer to a write: the whole object as it is now."""

    status: int
    body: Body
    time: datetime
    trace: str


@dataclass(frozen=True)
class Changes:
    """What changed, by entity; `complete` is false when the answer was cut at its limit.

    `time` is QuickBooks' own, or None when the answer does not tell it.
    """

    time: datetime | None
    objects: dict[str, list[Body]]
    complete: bool


class Company:
    """One company through its API. Not shared between threads."""

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        realm_id: str,
        bearer: Bearer,
        pacer: Pacer,
        clock: Clock,
        timeout: float,
        meter: Meter = unmetered,
        before_a_call: Callable[[], object] = lambda: None,
    ) -> None:
        self._session = session
        self._before_a_call = before_a_call
        self._meter = meter
        self._cause = "settings"
        self._base = f"{base_url}/company/{realm_id}"
        self._realm = realm_id
        self._bearer = bearer
        self._pacer = pacer
        self._clock = clock
        self._timeout = timeout
        self.told_at: datetime | None = None
        """QuickBooks' own time of its last answer, None as long as it told none."""

    # --- reads -----------------------------------------------------------------------------------

    @contextmanager
    def because(self, cause: str) -> Iterator[None]:
        """What the metered reads within the block are for, unless a narrower block says it."""
        before, self._cause = self._cause, cause
        try:
            yield
        finally:
            self._cause = before

    def get(self, path: str) -> Body:
        """One object, unwrapped: `get("companyinfo/1")`."""
        body = self._read(path, {}).body
        return next(value for key, value in body.items() if isinstance(value, dict) and key != "time")

    def query(self, entity: str, where: str = "", *, order: str = "Id", limit: int = PAGE) -> list[Body]:
        """All matching objects of `entity`, page by page, in an order that does not change between two pages."""
        found: list[Body] = []
        while True:
            page = self.page(entity, where, len(found), min(limit, PAGE), order=order)
            found.extend(page)
            if len(page) < min(limit, PAGE) or len(found) >= limit:
                return found

    def page(self, entity: str, where: str, start: int, limit: int, *, order: str = "Id") -> list[Body]:
        """At most `limit` matching objects after the first `start`: one metered read."""
        return self._page(entity, where, start, limit, order)[0]

    def _page(self, entity: str, where: str, start: int, limit: int, order: str) -> tuple[list[Body], datetime | None]:
        statement = f"select * from {entity}{' where ' + where if where else ''}"  # noqa: S608 - QuickBooks' language; values are escaped by `quoted`
        statement += f" orderby {order} startposition {start + 1} maxresults {limit}"
        answer = self._read("query", {"query": statement}).body
        rows: list[Body] = answer.get("QueryResponse", {}).get(entity, [])
        return rows, _time(answer)

    def by_ids(self, entity: str, ids: Iterable[str]) -> list[Body]:
        """The objects with these ids, inactive ones too; deleted ones are missing from the answer."""
        asked = set(ids)
        # Entries of a list are hidden by default once they are inactive.
        whole = " and Active in (true, false)" if entity in LISTS else ""
        found = [raw for chunk in quoted_in_parts(asked) for raw in self.query(entity, f"Id in ({chunk}){whole}")]
        return [raw for raw in found if raw.get("Id") in asked]

    def changes(self, entities: Iterable[str], since: datetime) -> Changes:
        """Change data capture: everything that changed since, deletions included, 1000 objects at most."""
        names = list(entities)
        answer = self._read("cdc", {"entities": ",".join(names), "changedSince": spell_instant(since)}).body
        objects: dict[str, list[Body]] = {name: [] for name in names}
        for response in answer.get("CDCResponse", []):
            for part in response.get("QueryResponse", []):
                for name in names:
                    objects[name].extend(part.get(name) or [])
        count = sum(len(found) for found in objects.values())
        return Changes(_time(answer), objects, count < CDC_LIMIT)

    def changed_since(self, entity: str, since: datetime) -> Iterator[tuple[list[Body], datetime | None]]:
        """Every object of `entity` that changed since, a page at a time, each with QuickBooks' time when it was read.

        Pages by time while rows change: what is changed meanwhile moves to the end and is met there again, so each
        page begins at the last one's latest time, and nothing between two pages is passed over. An object may be met
        twice; the later one is the newer one.
        """
        edge, start = spell_instant(since), 0
        whole = " and Active in (true, false)" if entity in LISTS else ""
        while True:
            where = f"MetaData.LastUpdatedTime >= '{edge}'{whole}"
            rows, time = self._page(entity, where, start, PAGE, "MetaData.LastUpdatedTime")
            yield rows, time
            if len(rows) < PAGE:
                return
            latest = _updated(rows[-1])
            # So many of one moment that a page holds no other: half a page on, since some of them may have moved.
            edge, start = (edge, start + PAGE // 2) if latest in (None, edge) else (str(latest), 0)

    def _read(self, path: str, params: dict[str, str]) -> http.Answer:
        endpoint = path.split("/")[0]
        retrying = Retrying(
            retry=retry_if_exception_type((NotSent, OutcomeUnknown)),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return retrying(self._call, "GET", path, params, None, "read", endpoint)

    # --- writes ----------------------------------------------------------------------------------

    def write(self, path: str, body: str, request_id: str) -> Written:
        """Send one journalled write: `path` is `invoice?operation=void`, `body` the exact bytes."""
        entity, _, extra = path.partition("?")
        params = {"requestid": request_id, **dict(part.split("=", 1) for part in extra.split("&") if part)}
        answer = self._post(entity, params, body)
        made = next((value for value in answer.body.values() if isinstance(value, dict)), {})
        if not _is_written(made, strict_json.loads(body) if body else {}):
            raise OutcomeUnknown("QuickBooks answered a write without its object", trace=_trace(answer))
        return Written(answer.status, made, _time(answer.body) or self._clock.now(), _trace(answer))

    def batch(self, body: str, request_id: str) -> dict[str, Written | NeighbourError]:
        """Send several journalled writes in one request: what became of each item that was answered, by its `bId`."""
        answer = self._post("batch", {"requestid": request_id}, body)
        items = answer.body.get("BatchItemResponse")
        if not isinstance(items, list):
            raise OutcomeUnknown("QuickBooks answered a batch without its items", trace=_trace(answer))
        time = _time(answer.body) or self._clock.now()
        return {str(item.get("bId")): _item(answer, item, time) for item in items if isinstance(item, dict)}

    def _post(self, path: str, params: dict[str, str], body: str) -> http.Answer:
        retrying = Retrying(
            # Only what never reached QuickBooks is repeated here: the rest is uncertain and waits its time.
            retry=retry_if_exception_type(NotSent),
            stop=stop_after_attempt(2),
            wait=wait_random_exponential(multiplier=0.1, max=0.5),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return retrying(self._call, "POST", path, params, body.encode(), "write", path)

    # --- one call --------------------------------------------------------------------------------

    def _call(
        self, method: str, path: str, params: dict[str, str], data: bytes | None, nature: str, endpoint: str
    ) -> http.Answer:
        self._before_a_call()
        token = self._bearer()
        try:
            return self._attempt(token, method, path, params, data, nature, endpoint)
        except faults.TokenExpired:
            return self._attempt(self._bearer(expired=token), method, path, params, data, nature, endpoint)

    def _attempt(
        self,
        token: str,
        method: str,
        path: str,
        params: dict[str, str],
        data: bytes | None,
        nature: str,
        endpoint: str,
    ) -> http.Answer:
        if wait := self._pacer.closed_for(self._realm):
            raise Throttled("QuickBooks takes no more requests for a while", wait_seconds=wait)
        self._pacer.take(self._realm, batch=endpoint == "batch")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        result = "failed"
        try:
            answer = http.call(
                self._session,
                "QuickBooks",
                method,
                f"{self._base}/{path}",
                headers=headers,
                timeout=self._timeout,
                params={"minorversion": MINOR_VERSION, **params},
                data=data,
            )
            result = "ok" if answer.status == 200 and not faults.has_fault(answer.body) else "refused"
        finally:
            telemetry.calls.labels("quickbooks", nature, endpoint, result).inc()
        trace = _trace(answer)
        log.debug("called", method=method, path=path, status=answer.status, intuit_tid=trace)
        if result == "ok" and isinstance(answer.body, dict):
            self.told_at = _time(answer.body) or self.told_at
            if nature == "read":
                self._meter(self._cause)
            return answer
        error = faults.error_from(answer.status, answer.body, trace)
        log.info(
            "refused",
            method=method,
            path=path,
            status=answer.status,
            fault=error.code,
            detail=error.detail,
            intuit_tid=trace,
        )
        if isinstance(error, Throttled):
            self._pacer.close(self._realm, error.wait_seconds)
        raise error


def quoted_in_parts(ids: Iterable[str]) -> Iterator[str]:
    """Ids as a query names them, as many at once as it takes."""
    names = sorted(set(ids))
    for start in range(0, len(names), ID_LIMIT):
        yield ", ".join(map(quoted, names[start : start + ID_LIMIT]))


def quoted(text: str) -> str:
    """A string literal of the query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _updated(raw: Body) -> str | None:
    """When an object changed last, in the spelling of a query."""
    try:
        return spell_instant(parse_instant(raw["MetaData"]["LastUpdatedTime"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _item(answer: http.Answer, item: Body, time: datetime) -> Written | NeighbourError:
    """What one item of a batch says: the object that was made, or its own fault."""
    trace = _trace(answer)
    if faults.has_fault(item):
        return faults.error_from(faults.status_of(item), item, trace)
    made = next((value for value in item.values() if isinstance(value, dict) and value.get("Id")), {})
    if not _is_written(made, {}):
        return OutcomeUnknown("QuickBooks answered an item of a batch without the object", trace=trace)
    return Written(answer.status, made, time, trace)


def _is_written(made: Body, sent: Body) -> bool:
    """Whether an answer is the object that was written, whole enough to be kept."""
    if not ids.is_quickbooks_id(made.get("Id")) or made["Id"] != sent.get("Id", made["Id"]):
        return False
    return made.get("status") == "Deleted" or is_version(made.get("SyncToken"))


def _trace(answer: http.Answer) -> str:
    return answer.headers.get("intuit_tid", "") or answer.headers.get("intuit-tid", "")


def _time(body: Any) -> datetime | None:
    """QuickBooks' own time of the answer: events and watermarks are compared with it, not with our clock."""
    try:
        return parse_instant(body["time"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
