"""Requests of the accounting API, and their answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quickbooks_sandbox.books.amounts import Doc, decode, encode
from quickbooks_sandbox.books.clock import answer_time
from quickbooks_sandbox.books.errors import Fault, GatewayFault
from quickbooks_sandbox.rules.operations import operation_of
from sandbox_kit.clock import SandboxClock

JSON, PDF, TEXT = "application/json;charset=UTF-8", "application/pdf", "text/plain;charset=UTF-8"
PORTAL = "https://connect.intuit.com/portal/app/CommerceNetwork/view"


@dataclass(frozen=True)
class ApiRequest:
    method: str
    realm: str
    path: str  # below the realm
    query: Mapping[str, str]
    body: bytes
    token: str | None
    content_type: str = ""

    @property
    def parts(self) -> list[str]:
        """Names in lower case, whatever the client's spelling; the Id as it came."""
        parts = [part for part in self.path.split("/") if part]
        return [part if at == 1 else part.lower() for at, part in enumerate(parts)]

    @property
    def included(self) -> list[str]:
        """What the address asks for besides, in lower case."""
        return self.query.get("include", "").lower().split(",")


@dataclass(frozen=True)
class ApiAnswer:
    status: int
    body: str
    content_type: str = JSON


def endpoint_of(request: ApiRequest) -> str:
    """The name that faults and usage know a request by: ``invoice.create``, ``query``, ``cdc``, ``batch``."""
    parts = request.parts
    if not parts:
        return "unknown"
    if parts[0] in ("query", "cdc", "batch"):
        return parts[0]
    if request.method == "GET":
        return f"{parts[0]}.read"
    if parts[-1] == "send":
        return f"{parts[0]}.send"
    try:
        body = decode(request.body)
    except (ValueError, RecursionError):
        body = None
    return f"{parts[0]}.{operation_of(request.query, body)}"


def enveloped(clock: SandboxClock, body: Doc) -> str:
    """Every answer tells the time."""
    return encode({**body, "time": answer_time(clock.now())})


def fault_answer(clock: SandboxClock, fault: Fault) -> ApiAnswer:
    if isinstance(fault, GatewayFault):
        return ApiAnswer(fault.status, encode({**fault.body(), "time": int(clock.seconds() * 1000)}))
    return ApiAnswer(fault.status, enveloped(clock, fault.body()))


def json_of(body: bytes) -> Any:
    """Raises Fault 2010 where it is none."""
    try:
        value = decode(body)
        if b"\\ud" in body.lower():  # half a character, which nothing could store, becomes a question mark
            value = decode(encode(value).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Fault(
            "2010",
            "Property Name:failed to parse json object; a property specified is unsupported or invalid",
        ) from None
    return value


def mark_of(request: ApiRequest) -> str:
    """What two requests share that are the same one: everything but the token and the requestid."""
    query = sorted((name, value) for name, value in request.query.items() if name != "requestid")
    return digest(encode([request.method, request.path, query]).encode(), request.body)


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def with_link(request: ApiRequest, entity: str, shown: Doc) -> Doc:
    """An invoice that can be paid online tells where, if it is asked for and known whom it goes to."""
    payable = shown.get("AllowOnlineCreditCardPayment") or shown.get("AllowOnlineACHPayment")
    addressed = (shown.get("BillEmail") or {}).get("Address")
    if entity != "Invoice" or "invoicelink" not in request.included or not (payable and addressed):
        return shown
    name = digest(f"{request.realm}:{shown['Id']}".encode())
    return {**shown, "InvoiceLink": f"{PORTAL}/scs-v1-{name}?locale=en_US&cta=v3invoicelink"}
