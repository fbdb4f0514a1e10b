"""The accounting API under ``/v3/company/{realm}``: from an HTTP request to an answer."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quickbooks_sandbox.books import changes, query
from quickbooks_sandbox.books.amounts import Doc, decode, encode
from quickbooks_sandbox.books.books import Answered, Books, Transaction, rendered
from quickbooks_sandbox.books.clock import answer_time, company_date, parse_instant
from quickbooks_sandbox.books.errors import (
    Fault,
    GatewayFault,
    business,
    no_such_resource,
    not_authenticated,
    not_authorized,
    required,
    too_long,
    unsupported_operation,
)
from quickbooks_sandbox.books.indexes import created_seconds
from quickbooks_sandbox.books.schema import BY_PATH, NEVER_HELD
from quickbooks_sandbox.http.printing import PRINTABLE, print_pdf
from quickbooks_sandbox.rules.company import preferences
from quickbooks_sandbox.rules.operations import answer_object, operation_of, read, send, write
from quickbooks_sandbox.rules.rates import current_rate
from quickbooks_sandbox.rules.tax import create_tax_code
from quickbooks_sandbox.rules.uploads import Upload, save_upload, uploads
from quickbooks_sandbox.world.services import Services

JSON, PDF, TEXT = "application/json;charset=UTF-8", "application/pdf", "text/plain;charset=UTF-8"
MOST_ITEMS = 30
PORTAL = "https://connect.intuit.com/portal/app/CommerceNetwork/view"
LONGEST_REQUESTID, LONGEST_BATCH_REQUESTID = 50, 36
LONGEST_BATCH_ITEM_ID = 10
_METADATA_OF_AN_ITEM = frozenset({"bId", "operation", "optionsData", "Query"})


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


class AccountingApi:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._local = threading.local()

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """The answer to any request; faults become answers here."""
        try:
            return self._dispatch(request, self._admitted(request))
        except Fault as fault:
            return self.fault(fault)

    def fault(self, fault: Fault) -> ApiAnswer:
        if isinstance(fault, GatewayFault):
            return ApiAnswer(fault.status, encode({**fault.body(), "time": int(self._services.clock.seconds() * 1000)}))
        return ApiAnswer(fault.status, self._enveloped(fault.body()))

    def _enveloped(self, body: Doc) -> str:
        return encode({**body, "time": answer_time(self._services.clock.now())})

    def _admitted(self, request: ApiRequest) -> Books:
        """The books that the token opens, if the limits allow one more request."""
        opened = self._services.tokens.opened_by(request.token) if request.token else None
        if opened is None:
            raise not_authenticated(request.token or "")
        client_id, realm = opened
        if realm != request.realm:
            raise not_authorized()
        if not self._services.limits.admit(client_id, realm, request.parts[:1] == ["batch"]):
            raise Fault("3001")
        return self._services.companies[realm]

    def _dispatch(self, request: ApiRequest, books: Books) -> ApiAnswer:
        parts = request.parts
        match request.method, parts:
            case (("GET" | "POST"), ["query"]):
                return self._read("query", lambda: self._query(books, request))
            case "GET", ["cdc"]:
                return self._read("cdc", lambda: self._cdc(books, request))
            case "GET", ["preferences"]:
                return self._read("preferences.read", lambda: _preferences(books))
            case "GET", ["exchangerate"]:
                return self._read("exchangerate.read", lambda: self._rate(books, request))
            case "GET", [name, object_id, "pdf"] if BY_PATH.get(name) in PRINTABLE:
                return self._pdf(books, BY_PATH[name], object_id)
            case "GET", ["download", object_id]:
                return self._download(books, object_id)
            case "GET", [name, object_id] if name in BY_PATH:
                return self._read(f"{name}.read", lambda: self._one(books, request, BY_PATH[name], object_id))
            case "GET", [name, _] if name in NEVER_HELD:
                raise Fault("610")
            case "POST", ["batch"]:
                return self._batch(books, request)
            case "POST", ["upload"]:
                return self._upload(books, request)
            case "POST", ["taxservice", name] if name.lower() == "taxcode":
                return self._tax_code(books, request)
            case "POST", [name] if name in BY_PATH:
                return self._write(books, request, BY_PATH[name])
            case "POST", [name, object_id, "send"] if name in BY_PATH:
                return self._send(books, request, BY_PATH[name], object_id)
        raise no_such_resource(f"/v3/company/{request.realm}/{request.path}")

    # Reads

    def _read(self, endpoint: str, work: Callable[[], Doc]) -> ApiAnswer:
        body = work()
        self._services.usage.read(endpoint)
        return ApiAnswer(200, self._enveloped(body))

    def _query(self, books: Books, request: ApiRequest) -> Doc:
        text = request.query.get("query") or request.body.decode("utf-8", "replace")
        parsed = query.parse(text)
        with books.lock:
            return {"QueryResponse": query.run(books, parsed, self._hidden())}

    def _cdc(self, books: Books, request: ApiRequest) -> Doc:
        with books.lock:
            found = changes.capture(
                books,
                request.query.get("entities"),
                request.query.get("changedSince"),
                self._services.clock.now(),
                self._hidden(),
            )
        return {"CDCResponse": [{"QueryResponse": found}]}

    def _one(self, books: Books, request: ApiRequest, entity: str, object_id: str) -> Doc:
        if entity == "CompanyInfo" and object_id == request.realm:
            object_id = "1"
        hidden = self._hidden()
        with books.lock:
            shown = read(books, entity, object_id)
        if hidden is not None and hidden(shown):
            raise Fault("610")
        return {entity: _with_link(request, entity, shown)}

    def _hidden(self) -> Callable[[Doc], bool] | None:
        """What was made so lately that it cannot be read yet."""
        seconds = self._services.switches["readable_after_seconds"]
        latest = self._services.clock.seconds() - seconds
        return (lambda doc: created_seconds(doc) > latest) if seconds else None

    def _rate(self, books: Books, request: ApiRequest) -> Doc:
        query = {name.lower(): value for name, value in request.query.items()}
        day = query.get("asofdate") or company_date(self._services.clock.now())
        with books.lock:
            return {"ExchangeRate": current_rate(books, query.get("sourcecurrencycode"), _day(day))}

    def _pdf(self, books: Books, entity: str, object_id: str) -> ApiAnswer:
        with books.lock:
            document = print_pdf(entity, read(books, entity, object_id))
        self._services.usage.read(f"{entity.lower()}.pdf")
        return ApiAnswer(200, document, PDF)

    # Writes

    def _tax_code(self, books: Books, request: ApiRequest) -> ApiAnswer:
        body = _json(request.body)

        def work() -> Doc:
            with books.transaction() as transaction:
                made = create_tax_code(transaction, body)
                self._local.text = encode(made)
                self._keep(transaction, 200, self._local.text)
            return made

        return self._once(books, request, "taxcode.create", work)

    def _write(self, books: Books, request: ApiRequest, entity: str) -> ApiAnswer:
        body = _json(request.body)
        operation = operation_of(request.query, body)
        endpoint = f"{entity.lower()}.{operation}"
        allowed = "allowduplicatedocnum" in request.included
        switches = {**self._services.switches, "_allow_duplicate_number": allowed}

        def work() -> Doc:
            with books.transaction() as transaction:
                stored = write(transaction, entity, operation, body, switches)
                answer = _with_link(request, entity, answer_object(books, entity, stored))
                return self._remember(transaction, {entity: answer})

        return self._once(books, request, endpoint, work)

    def _send(self, books: Books, request: ApiRequest, entity: str, object_id: str) -> ApiAnswer:
        def work() -> Doc:
            with books.transaction() as transaction:
                stored = send(transaction, entity, object_id, request.query.get("sendTo"))
                return self._remember(transaction, {entity: answer_object(books, entity, stored)})

        return self._once(books, request, f"{entity.lower()}.send", work)

    def _remember(self, transaction: Transaction, body: Doc) -> Doc:
        """The answer is stored with what it tells of, in one transaction."""
        if self._local.requestid:
            self._local.text = self._enveloped(body)
            self._keep(transaction, 200, self._local.text)
        return body

    def _keep(self, transaction: Transaction, status: int, text: str) -> None:
        if self._local.requestid:
            transaction.answer = Answered(self._local.requestid, self._local.mark, status, text)

    def _remembered(self, books: Books, requestid: str, mark: str) -> Answered | None:
        """The answer that this id got. Raises Fault when another request got it and that is not allowed."""
        hours = self._services.switches["requestid_hours"]
        known = books.answer_to(requestid, None if hours == "always" else hours * 3600)
        other = known is not None and known.mark not in ("", mark)
        if other and self._services.switches["requestid_other_body"] == "refused":
            raise business(f"The requestid {requestid} was used for another request.")
        return known

    def _once(self, books: Books, request: ApiRequest, endpoint: str, work: Callable[[], Doc]) -> ApiAnswer:
        """Do a write, or repeat the answer that its requestid already got."""
        requestid = request.query.get("requestid")
        _check_requestid(requestid, LONGEST_BATCH_REQUESTID if endpoint == "batch" else LONGEST_REQUESTID)
        mark = _mark(request)
        with books.lock:
            if requestid and (stored := self._remembered(books, requestid, mark)):
                self._services.usage.replayed()
                return ApiAnswer(stored.status, stored.body)
            self._local.requestid, self._local.mark, self._local.text = requestid, mark, None
            try:
                body = work()
            except Fault as fault:
                answer = self.fault(fault)
                if requestid and self._services.switches["replay_failed_answers"]:
                    with books.transaction() as transaction:
                        self._keep(transaction, answer.status, answer.body)
                return answer
            if endpoint != "batch":
                self._services.usage.wrote(endpoint)
            return ApiAnswer(200, self._local.text or self._enveloped(body))

    # Files

    def _upload(self, books: Books, request: ApiRequest) -> ApiAnswer:
        files = list(uploads(request.content_type, request.body))

        def work() -> Doc:
            answers = [self._uploaded(books, file) for file in files]
            with books.transaction() as transaction:
                return self._remember(transaction, {"AttachableResponse": answers})

        return self._once(books, request, "attachable.upload", work)

    def _uploaded(self, books: Books, file: Upload) -> Doc:
        """Each file by itself, as the items of a batch."""
        try:
            with books.transaction() as transaction:
                stored = save_upload(transaction, file, self._services.switches)
            return {"Attachable": answer_object(books, "Attachable", stored)}
        except Fault as fault:
            return fault.body()

    def _download(self, books: Books, object_id: str) -> ApiAnswer:
        """An address, not the file."""
        with books.lock:
            if books.get("Attachable", object_id) is None or books.file(object_id) is None:
                raise Fault("610")
        self._services.usage.read("attachable.download")
        return ApiAnswer(200, self._services.file_address(books.realm, object_id), TEXT)

    # Batch

    def _batch(self, books: Books, request: ApiRequest) -> ApiAnswer:
        body = _json(request.body)
        items = body.get("BatchItemRequest") if isinstance(body, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise required("BatchItemRequest")
        if len(items) > MOST_ITEMS:
            raise business(f"A batch has {MOST_ITEMS} items at most, this one has {len(items)}.")

        def work() -> Doc:
            batch_id, mark = self._local.requestid, self._local.mark
            if any(item.get("Query") for item in items) and self._services.switches["batch_queries_metered"] == "once":
                self._services.usage.read("query")
            answers = [self._batch_item(books, item, batch_id) for item in items]
            self._local.requestid, self._local.mark = batch_id, mark
            with books.transaction() as transaction:
                return self._remember(transaction, {"BatchItemResponse": answers})

        return self._once(books, request, "batch", work)

    def _batch_item(self, books: Books, item: Doc, batch_id: str | None) -> Doc:
        """Each item commits by itself, under an id of its own: a batch that was cut off can be repeated."""
        label = {"bId": str(item["bId"])} if item.get("bId") is not None else {}
        self._local.requestid = f"{batch_id}#{item.get('bId')}" if batch_id else None
        self._local.mark = _digest(encode(item).encode())
        try:
            if self._services.switches["batch_ids_limited"] and len(label.get("bId", "")) > LONGEST_BATCH_ITEM_ID:
                raise too_long("bId", LONGEST_BATCH_ITEM_ID, len(label["bId"]))
            stored = self._remembered(books, self._local.requestid, self._local.mark) if batch_id else None
            if stored is not None:
                done: Doc = decode(stored.body)
                done.pop("time")
                return {**done, **label}
            return {**self._item(books, item), **label}
        except Fault as fault:
            return {**fault.body(), **label}

    def _item(self, books: Books, item: Doc) -> Doc:
        if item.get("Query"):
            answer = {"QueryResponse": query.run(books, query.parse(str(item["Query"])), self._hidden())}
            if self._services.switches["batch_queries_metered"] == "each":
                self._services.usage.read("query")
            return answer
        names = [name for name in item if name not in _METADATA_OF_AN_ITEM]
        if len(names) != 1 or names[0].lower() not in BY_PATH:
            raise Fault("2010", "Property Name:BatchItemRequest specified is unsupported or invalid")
        entity = BY_PATH[names[0].lower()]
        operation = _item_operation(item)
        endpoint = f"{entity.lower()}.{operation}"
        ordered = self._services.faults.strike(endpoint, business_faults_only=True)
        if ordered is not None:
            raise Fault(ordered.kind.removeprefix("fault:"))
        with books.transaction() as transaction:
            stored = write(transaction, entity, operation, item[names[0]], self._services.switches)
            answer = self._remember(transaction, {entity: answer_object(books, entity, stored)})
        self._services.usage.wrote(endpoint)
        return answer


def _mark(request: ApiRequest) -> str:
    """What two requests share that are the same one: everything but the token and the requestid."""
    query = sorted((name, value) for name, value in request.query.items() if name != "requestid")
    return _digest(encode([request.method, request.path, query]).encode(), request.body)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _item_operation(item: Doc) -> str:
    operation = str(item.get("operation") or "create").lower()
    if str(item.get("optionsData") or "").lower() == "void":
        return "void"
    if operation not in ("create", "update", "delete", "void"):
        raise unsupported_operation(operation or "without a name")
    return operation


def _day(text: str) -> str:
    try:
        return parse_instant(text).date().isoformat()
    except ValueError:
        raise Fault("2010", f"Property Name:asofdate has the invalid value {text}") from None


def _json(body: bytes) -> Any:
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


def _check_requestid(requestid: str | None, longest: int) -> None:
    if requestid is not None and len(requestid) > longest:
        raise too_long("requestid", longest, len(requestid))


def _preferences(books: Books) -> Doc:
    return {"Preferences": rendered(books, "Preferences", preferences(books))}


def _with_link(request: ApiRequest, entity: str, shown: Doc) -> Doc:
    """An invoice that can be paid online tells where, if it is asked for and known whom it goes to."""
    payable = shown.get("AllowOnlineCreditCardPayment") or shown.get("AllowOnlineACHPayment")
    addressed = (shown.get("BillEmail") or {}).get("Address")
    if entity != "Invoice" or "invoicelink" not in request.included or not (payable and addressed):
        return shown
    name = _digest(f"{request.realm}:{shown['Id']}".encode())
    return {**shown, "InvoiceLink": f"{PORTAL}/scs-v1-{name}?locale=en_US&cta=v3invoicelink"}
