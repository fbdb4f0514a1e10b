"""What writes by itself: records, what is sent by mail, tax codes, files."""

from __future__ import annotations

from quickbooks_sandbox.books.amounts import Doc, encode
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.http.once import Once
from quickbooks_sandbox.http.requests import ApiAnswer, ApiRequest, json_of, with_link
from quickbooks_sandbox.rules import operations
from quickbooks_sandbox.rules.operations import answer_object, operation_of
from quickbooks_sandbox.rules.tax import create_tax_code
from quickbooks_sandbox.rules.uploads import Upload, save_upload, uploads
from quickbooks_sandbox.world.services import Services


class Writes:
    def __init__(self, services: Services, once: Once) -> None:
        self._services = services
        self._once = once

    def tax_code(self, books: Books, request: ApiRequest) -> ApiAnswer:
        body = json_of(request.body)

        def work() -> Doc:
            with books.transaction() as transaction:
                made = create_tax_code(transaction, body)
                self._once.remember_as_it_is(transaction, encode(made))
            return made

        return self._once.answer(books, request, "taxcode.create", work)

    def write(self, books: Books, request: ApiRequest, entity: str) -> ApiAnswer:
        body = json_of(request.body)
        operation = operation_of(request.query, body)
        endpoint = f"{entity.lower()}.{operation}"
        allowed = "allowduplicatedocnum" in request.included
        switches = {**self._services.switches, "_allow_duplicate_number": allowed}

        def work() -> Doc:
            with books.transaction() as transaction:
                stored = operations.write(transaction, entity, operation, body, switches)
                answer = with_link(request, entity, answer_object(books, entity, stored))
                return self._once.remember(transaction, {entity: answer})

        return self._once.answer(books, request, endpoint, work)

    def send(self, books: Books, request: ApiRequest, entity: str, object_id: str) -> ApiAnswer:
        def work() -> Doc:
            with books.transaction() as transaction:
                stored = operations.send(transaction, entity, object_id, request.query.get("sendTo"))
                return self._once.remember(transaction, {entity: answer_object(books, entity, stored)})

        return self._once.answer(books, request, f"{entity.lower()}.send", work)

    def upload(self, books: Books, request: ApiRequest) -> ApiAnswer:
        files = list(uploads(request.content_type, request.body))

        def work() -> Doc:
            answers = [self._uploaded(books, file) for file in files]
            with books.transaction() as transaction:
                return self._once.remember(transaction, {"AttachableResponse": answers})

        return self._once.answer(books, request, "attachable.upload", work)

    def _uploaded(self, books: Books, file: Upload) -> Doc:
        """Each file by itself, as the items of a batch."""
        try:
            with books.transaction() as transaction:
                stored = save_upload(transaction, file, self._services.switches)
            return {"Attachable": answer_object(books, "Attachable", stored)}
        except Fault as fault:
            return fault.body()
