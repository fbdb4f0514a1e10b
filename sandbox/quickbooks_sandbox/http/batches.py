"""Batches: up to thirty requests in one, each committed by itself."""

from __future__ import annotations

from quickbooks_sandbox.books.amounts import Doc, decode, encode
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.errors import Fault, business, required, too_long, unsupported_operation
from quickbooks_sandbox.books.query import parse, run
from quickbooks_sandbox.books.schema import BY_PATH
from quickbooks_sandbox.http.once import Once
from quickbooks_sandbox.http.reads import Reads
from quickbooks_sandbox.http.requests import ApiAnswer, ApiRequest, digest, json_of
from quickbooks_sandbox.rules.operations import answer_object, write
from quickbooks_sandbox.world.services import Services

MOST_ITEMS = 30
LONGEST_BATCH_ITEM_ID = 10
_METADATA_OF_AN_ITEM = frozenset({"bId", "operation", "optionsData", "Query"})


class Batches:
    def __init__(self, services: Services, once: Once, reads: Reads) -> None:
        self._services = services
        self._once = once
        self._reads = reads

    def answer(self, books: Books, request: ApiRequest) -> ApiAnswer:
        body = json_of(request.body)
        items = body.get("BatchItemRequest") if isinstance(body, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise required("BatchItemRequest")
        if len(items) > MOST_ITEMS:
            raise business(f"A batch has {MOST_ITEMS} items at most, this one has {len(items)}.")

        def work() -> Doc:
            batch_id = self._once.requestid
            if any(item.get("Query") for item in items) and self._services.switches["batch_queries_metered"] == "once":
                self._services.usage.read("query")
            answers = [self._answer_to(books, item, batch_id) for item in items]
            with books.transaction() as transaction:
                return self._once.remember(transaction, {"BatchItemResponse": answers})

        return self._once.answer(books, request, "batch", work)

    def _answer_to(self, books: Books, item: Doc, batch_id: str | None) -> Doc:
        """Each item commits by itself, under an id of its own: a batch that was cut off can be repeated."""
        label = {"bId": str(item["bId"])} if item.get("bId") is not None else {}
        requestid = f"{batch_id}#{item.get('bId')}" if batch_id else None
        mark = digest(encode(item).encode())
        try:
            if self._services.switches["batch_ids_limited"] and len(label.get("bId", "")) > LONGEST_BATCH_ITEM_ID:
                raise too_long("bId", LONGEST_BATCH_ITEM_ID, len(label["bId"]))
            stored = self._once.remembered(books, requestid, mark) if requestid else None
            if stored is not None:
                done: Doc = decode(stored.body)
                done.pop("time")
                return {**done, **label}
            with self._once.under(requestid, mark):
                return {**self._item(books, item), **label}
        except Fault as fault:
            return {**fault.body(), **label}

    def _item(self, books: Books, item: Doc) -> Doc:
        if item.get("Query"):
            answer = {"QueryResponse": run(books, parse(str(item["Query"])), self._reads.hidden())}
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
            answer = self._once.remember(transaction, {entity: answer_object(books, entity, stored)})
        self._services.usage.wrote(endpoint)
        return answer


def _item_operation(item: Doc) -> str:
    operation = str(item.get("operation") or "create").lower()
    if str(item.get("optionsData") or "").lower() == "void":
        return "void"
    if operation not in ("create", "update", "delete", "void"):
        raise unsupported_operation(operation or "without a name")
    return operation
