"""What only reads: queries, CDC, single records, rates, documents to print, files."""

from __future__ import annotations

from collections.abc import Callable

from quickbooks_sandbox.books import changes
from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.clock import company_date, parse_instant
from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.books.indexes import created_seconds
from quickbooks_sandbox.books.query import parse, run
from quickbooks_sandbox.books.rendering import rendered
from quickbooks_sandbox.http.printing import print_pdf
from quickbooks_sandbox.http.requests import PDF, TEXT, ApiAnswer, ApiRequest, enveloped, with_link
from quickbooks_sandbox.rules.company import preferences
from quickbooks_sandbox.rules.operations import read
from quickbooks_sandbox.rules.rates import current_rate
from quickbooks_sandbox.world.services import Services


class Reads:
    def __init__(self, services: Services) -> None:
        self._services = services

    def answer(self, endpoint: str, work: Callable[[], Doc]) -> ApiAnswer:
        body = work()
        self._services.usage.read(endpoint)
        return ApiAnswer(200, enveloped(self._services.clock, body))

    def query(self, books: Books, request: ApiRequest) -> Doc:
        text = request.query.get("query") or request.body.decode("utf-8", "replace")
        parsed = parse(text)
        with books.lock:
            return {"QueryResponse": run(books, parsed, self.hidden())}

    def cdc(self, books: Books, request: ApiRequest) -> Doc:
        with books.lock:
            found = changes.capture(
                books,
                request.query.get("entities"),
                request.query.get("changedSince"),
                self._services.clock.now(),
                self.hidden(),
            )
        return {"CDCResponse": [{"QueryResponse": found}]}

    def one(self, books: Books, request: ApiRequest, entity: str, object_id: str) -> Doc:
        if entity == "CompanyInfo" and object_id == request.realm:
            object_id = "1"
        hidden = self.hidden()
        with books.lock:
            shown = read(books, entity, object_id)
        if hidden is not None and hidden(shown):
            raise Fault("610")
        return {entity: with_link(request, entity, shown)}

    def hidden(self) -> Callable[[Doc], bool] | None:
        """What was made so lately that it cannot be read yet."""
        seconds = self._services.switches["readable_after_seconds"]
        latest = self._services.clock.seconds() - seconds
        return (lambda doc: created_seconds(doc) > latest) if seconds else None

    def rate(self, books: Books, request: ApiRequest) -> Doc:
        asked = {name.lower(): value for name, value in request.query.items()}
        day = asked.get("asofdate") or company_date(self._services.clock.now())
        with books.lock:
            return {"ExchangeRate": current_rate(books, asked.get("sourcecurrencycode"), _day(day))}

    def pdf(self, books: Books, entity: str, object_id: str) -> ApiAnswer:
        with books.lock:
            document = print_pdf(entity, read(books, entity, object_id))
        self._services.usage.read(f"{entity.lower()}.pdf")
        return ApiAnswer(200, document, PDF)

    def download(self, books: Books, object_id: str) -> ApiAnswer:
        """An address, not the file."""
        with books.lock:
            if books.get("Attachable", object_id) is None or books.disk.file(object_id) is None:
                raise Fault("610")
        self._services.usage.read("attachable.download")
        return ApiAnswer(200, self._services.file_address(books.realm, object_id), TEXT)


def preferences_of(books: Books) -> Doc:
    return {"Preferences": rendered(books, "Preferences", preferences(books))}


def _day(text: str) -> str:
    try:
        return parse_instant(text).date().isoformat()
    except ValueError:
        raise Fault("2010", f"Property Name:asofdate has the invalid value {text}") from None
