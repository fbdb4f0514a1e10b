"""Asks an implementation of the contract, and says of an answer what it lacks."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from marshmallow import Schema, ValidationError, fields

from clients import http
from clients.errors import NeighbourError
from schemas import ids, ravetree_contract, strict_json
from schemas.times import seconds_of

Json = dict[str, Any]

SECONDS = 15.0
"""As long as Ravebooks waits for an answer."""
TRIES = 3
"""How often what is answered 429 is asked."""


class Fails(Exception):
    """An answer is not what the contract says: what was found."""


class Skips(Exception):
    """What a claim is about is not there: why."""


@dataclass(frozen=True)
class Claim:
    """One thing that the contract says: its name, what to do where it does not hold, how it is tried."""

    name: str
    remedy: str
    attempt: Callable[["Implementation"], None]


@dataclass
class Claims:
    """Claims in the order in which they are tried."""

    every: list[Claim] = field(default_factory=list)

    def that(self, name: str, remedy: str) -> Callable[[Callable[["Implementation"], None]], None]:
        """The decorated function tries this claim: it returns, or raises `Fails` or `Skips`."""

        def keep(attempt: Callable[["Implementation"], None]) -> None:
            self.every.append(Claim(name, remedy, attempt))

        return keep


class Implementation:
    """Where the contract is implemented, for one account. `notes` is what one claim leaves to the next.

    `made` are the payments that were created and are to be deleted.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        account: str,
        token: str,
        name: str,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self.account = account
        self.name = name
        self.notes: Json = {}
        self.made: set[str] = set()
        self._session = session
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Ravetree-Account": account, "Accept": "application/json"}

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> http.Answer:
        """The answer to one request; a header that is None is left out. Raises `Fails`."""
        asked: dict[str, str | None] = {**self._headers, **(headers or {})}
        data = None if body is None else strict_json.dumps(body).encode()
        if data is not None:
            asked["Content-Type"] = "application/json"
        for _ in range(TRIES):
            try:
                answer = http.call(
                    self._session,
                    "the implementation",
                    method,
                    f"{self._base}/{path}",
                    headers={key: value for key, value in asked.items() if value is not None},
                    timeout=SECONDS,
                    params=dict(params or {}),
                    data=data,
                )
            except NeighbourError as error:
                raise Fails(str(error)) from None
            if answer.status != 429:
                self._remember(method, path, answer)
                return answer
            self._sleep(seconds_of(answer.headers.get("retry-after"), 1.0, SECONDS))
        return answer

    def _remember(self, method: str, path: str, answer: http.Answer) -> None:
        """Which payments are to be removed at the end."""
        if answer.status >= 300:
            return
        made = answer.body.get("data") if isinstance(answer.body, dict) else None
        if method == "POST" and path == "payments" and isinstance(made, dict) and ids.is_ravetree_id(made.get("id")):
            self.made.add(made["id"])

    def write(self, method: str, path: str, key: str, body: Json | None = None) -> http.Answer:
        """The answer to a write under a key, whatever it is. Raises `Fails`."""
        return self.ask(method, path, body=body, headers=_of_write(key))

    def record(self, method: str, path: str, schema: type[Schema], body: Json | None = None, **write: Any) -> Json:
        """The record that a successful answer has as its `data`. Raises `Fails`."""
        answer = self.ask(method, path, body=body, headers=_of_write(**write))
        if not 200 <= answer.status < 300:
            raise Fails(f"{method} {path} answers {said(answer)}")
        found = answer.body.get("data") if isinstance(answer.body, dict) else None
        if not isinstance(found, dict):
            raise Fails(f"{method} {path} answers no object under `data`")
        fits(schema, found, f"{method} {path}")
        return found

    def page(self, resource: str, **params: str) -> tuple[list[Json], str | None]:
        """One page of a list, and where the next one begins. Raises `Fails`."""
        answer = self.ask("GET", resource, params)
        if answer.status != 200:
            raise Fails(f"GET {resource} answers {said(answer)}")
        rows = answer.body.get("data") if isinstance(answer.body, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Fails(f"GET {resource} answers no list of objects under `data`")
        cursor = answer.body.get("next_cursor")
        if cursor is not None and not (isinstance(cursor, str) and cursor):
            raise Fails(f"GET {resource} answers a next_cursor that is neither a text nor null")
        return rows, cursor

    def refused(
        self,
        statuses: tuple[int, ...],
        method: str,
        path: str,
        body: Json | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **write: Any,
    ) -> Json:
        """The error of an answer that has to be one of these. Raises `Fails`."""
        answer = self.ask(method, path, params, body, {**(headers or {}), **_of_write(**write)})
        if answer.status not in statuses:
            wanted = " or ".join(map(str, statuses))
            raise Fails(f"{method} {path} answers {said(answer)} instead of {wanted}")
        error = answer.body.get("error") if isinstance(answer.body, dict) else None
        if not isinstance(error, dict) or not isinstance(error.get("code"), str) or "message" not in error:
            shape = "{error: {code, message, field, existing_id}}"
            raise Fails(f"the body of HTTP {answer.status} to {method} {path} is not {shape}")
        return error


def _of_write(key: str = "", version: int | None = None) -> dict[str, str | None]:
    headers: dict[str, str | None] = {"Idempotency-Key": key} if key else {}
    return headers | ({"If-Match": f'"{version}"'} if version is not None else {})


def said(answer: http.Answer) -> str:
    """What an answer says, in one line."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    text = str(error.get("message", "")) if isinstance(error, dict) else ""
    return f"HTTP {answer.status}" + (f" ({text[:160]})" if text else "")


def fits(schema: type[Schema], found: Json, where: str) -> None:
    """Raise `Fails` unless it is of that shape; fields that the contract does not know are passed over."""
    made = schema()
    try:
        made.load(_known(made, found))
    except ValidationError as error:
        path, why = ravetree_contract.first_error(error)
        raise Fails(f"{where}: {path or 'the record'} of {str(found.get('id'))[:64]} is wrong: {why}") from None
    if "id" in made.fields and not ids.is_ravetree_id(found.get("id")):
        raise Fails(f"{where}: the id {str(found.get('id'))[:80]!r} is not of [A-Za-z0-9_-]{{1,64}}")


def _known(schema: Schema, found: Mapping[str, Any]) -> Json:
    kept = {name: value for name, value in found.items() if name in schema.fields}
    for name, value in kept.items():
        shape = schema.fields[name]
        if isinstance(shape, fields.Nested):
            inner = shape.schema
            if isinstance(value, dict):
                kept[name] = _known(inner, value)
            elif isinstance(value, list):
                kept[name] = [_known(inner, row) if isinstance(row, dict) else row for row in value]
    return kept


@dataclass(frozen=True)
class Verdict:
    """What became of a claim: `passed`, `failed` or `skipped`, with what was found and what to do."""

    claim: str
    result: str
    found: str = ""
    remedy: str = ""


def tried(claims: list[Claim], there: Implementation) -> Iterator[Verdict]:
    """Each claim's verdict, in their order."""
    for claim in claims:
        try:
            claim.attempt(there)
        except Fails as failure:
            yield Verdict(claim.name, "failed", str(failure), claim.remedy)
        except Skips as skipped:
            yield Verdict(claim.name, "skipped", str(skipped))
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            # An answer of a shape that nobody thought of is no answer of the contract's.
            found = f"an answer has another shape than the contract's ({type(error).__name__}: {str(error)[:120]})"
            yield Verdict(claim.name, "failed", found, claim.remedy)
        else:
            yield Verdict(claim.name, "passed")
