"""The accounting API under ``/v3/company/{realm}``: who may ask, and who answers what."""

from __future__ import annotations

from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.errors import Fault, no_such_resource, not_authenticated, not_authorized
from quickbooks_sandbox.books.schema import BY_PATH, NEVER_HELD
from quickbooks_sandbox.http.batches import Batches
from quickbooks_sandbox.http.once import Once
from quickbooks_sandbox.http.printing import PRINTABLE
from quickbooks_sandbox.http.reads import Reads, preferences_of
from quickbooks_sandbox.http.requests import ApiAnswer, ApiRequest, fault_answer
from quickbooks_sandbox.http.writes import Writes
from quickbooks_sandbox.world.services import Services


class AccountingApi:
    def __init__(self, services: Services) -> None:
        self._services = services
        once = Once(services)
        self._reads = Reads(services)
        self._writes = Writes(services, once)
        self._batches = Batches(services, once, self._reads)

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """The answer to any request; faults become answers here."""
        try:
            return self._dispatch(request, self._admitted(request))
        except Fault as fault:
            return self.fault(fault)

    def fault(self, fault: Fault) -> ApiAnswer:
        return fault_answer(self._services.clock, fault)

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
        reads, writes = self._reads, self._writes
        match request.method, request.parts:
            case (("GET" | "POST"), ["query"]):
                return reads.answer("query", lambda: reads.query(books, request))
            case "GET", ["cdc"]:
                return reads.answer("cdc", lambda: reads.cdc(books, request))
            case "GET", ["preferences"]:
                return reads.answer("preferences.read", lambda: preferences_of(books))
            case "GET", ["exchangerate"]:
                return reads.answer("exchangerate.read", lambda: reads.rate(books, request))
            case "GET", [name, object_id, "pdf"] if BY_PATH.get(name) in PRINTABLE:
                return reads.pdf(books, BY_PATH[name], object_id)
            case "GET", ["download", object_id]:
                return reads.download(books, object_id)
            case "GET", [name, object_id] if name in BY_PATH:
                return reads.answer(f"{name}.read", lambda: reads.one(books, request, BY_PATH[name], object_id))
            case "GET", [name, _] if name in NEVER_HELD:
                raise Fault("610")
            case "POST", ["batch"]:
                return self._batches.answer(books, request)
            case "POST", ["upload"]:
                return writes.upload(books, request)
            case "POST", ["taxservice", name] if name.lower() == "taxcode":
                return writes.tax_code(books, request)
            case "POST", [name] if name in BY_PATH:
                return writes.write(books, request, BY_PATH[name])
            case "POST", [name, object_id, "send"] if name in BY_PATH:
                return writes.send(books, request, BY_PATH[name], object_id)
        raise no_such_resource(f"/v3/company/{request.realm}/{request.path}")
