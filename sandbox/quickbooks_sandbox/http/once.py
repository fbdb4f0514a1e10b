"""Writes that are done once for each requestid, however often they are sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books, Transaction
from quickbooks_sandbox.books.disk import Answered
from quickbooks_sandbox.books.errors import Fault, business, too_long
from quickbooks_sandbox.http.requests import ApiAnswer, ApiRequest, enveloped, fault_answer, mark_of
from quickbooks_sandbox.world.services import Services

LONGEST_REQUESTID, LONGEST_BATCH_REQUESTID = 50, 36


class Once:
    """Under which requestid a thread writes, and what was answered under it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._local = threading.local()

    def answer(self, books: Books, request: ApiRequest, endpoint: str, work: Callable[[], Doc]) -> ApiAnswer:
        """Do a write, or repeat the answer that its requestid already got."""
        requestid = request.query.get("requestid")
        _check_requestid(requestid, LONGEST_BATCH_REQUESTID if endpoint == "batch" else LONGEST_REQUESTID)
        mark = mark_of(request)
        with books.lock:
            if requestid and (stored := self.remembered(books, requestid, mark)):
                self._services.usage.replayed()
                return ApiAnswer(stored.status, stored.body)
            self._local.requestid, self._local.mark, self._local.text = requestid, mark, None
            try:
                body = work()
            except Fault as fault:
                answer = fault_answer(self._services.clock, fault)
                if requestid and self._services.switches["replay_failed_answers"]:
                    with books.transaction() as transaction:
                        self._keep(transaction, answer.status, answer.body)
                return answer
            if endpoint != "batch":
                self._services.usage.wrote(endpoint)
            return ApiAnswer(200, self._local.text or enveloped(self._services.clock, body))

    def remember(self, transaction: Transaction, body: Doc) -> Doc:
        """The answer is stored with what it tells of, in one transaction."""
        if self._local.requestid:
            self._local.text = enveloped(self._services.clock, body)
            self._keep(transaction, 200, self._local.text)
        return body

    def remember_as_it_is(self, transaction: Transaction, text: str) -> None:
        """The same of an answer that does not tell the time."""
        self._local.text = text
        self._keep(transaction, 200, text)

    def remembered(self, books: Books, requestid: str, mark: str) -> Answered | None:
        """The answer that this id got. Raises Fault when another request got it and that is not allowed."""
        hours = self._services.switches["requestid_hours"]
        known = books.disk.answer_to(requestid, None if hours == "always" else hours * 3600)
        other = known is not None and known.mark not in ("", mark)
        if other and self._services.switches["requestid_other_body"] == "refused":
            raise business(f"The requestid {requestid} was used for another request.")
        return known

    @property
    def requestid(self) -> str | None:
        """Under which this thread writes."""
        requestid: str | None = self._local.requestid
        return requestid

    @contextmanager
    def under(self, requestid: str | None, mark: str) -> Iterator[None]:
        """A part of a request, under an id of its own."""
        whole = self._local.requestid, self._local.mark
        self._local.requestid, self._local.mark = requestid, mark
        try:
            yield
        finally:
            self._local.requestid, self._local.mark = whole

    def _keep(self, transaction: Transaction, status: int, text: str) -> None:
        if self._local.requestid:
            transaction.answer = Answered(self._local.requestid, self._local.mark, status, text)


def _check_requestid(requestid: str | None, longest: int) -> None:
    if requestid is not None and len(requestid) > longest:
        raise too_long("requestid", longest, len(requestid))
