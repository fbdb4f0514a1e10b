"""Each side's errors speak of that side alone: whoever reads them must know where to go."""

import re
from collections.abc import Iterator

import pytest
import requests

from clients import http
from clients.errors import NeighbourError
from clients.quickbooks.company import Company
from clients.quickbooks.faults import error_from
from clients.quickbooks.pacing import Pacer
from clients.ravetree.account import Account
from reconcile.model import Kind
from storage.vault import UnreadableSecret
from tests.unit.ports import FakeClock
from tests.unit.wsgi_adapter import AnswerAdapter

OF_QUICKBOOKS = re.compile(r"quickbooks|intuit|company", re.IGNORECASE)
OF_RAVETREE = re.compile(r"ravetree", re.IGNORECASE)
STATUSES = [
    *(301, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 412, 413),
    *(415, 418, 422, 429, 451, 500, 502, 503, 504),
]
BODIES = [b"nonsense", b'{"error": {"code": "bad_request", "message": "No."}}']


def said(error: NeighbourError) -> str:
    # The address is of the deployment, and has the side's name in it here.
    return re.sub(r"https?://\S+", "", f"{error} {error.remedy} {error.detail}")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", BODIES)
def test_ravetrees_errors_do_not_speak_of_quickbooks(clock: FakeClock, status: int, body: bytes) -> None:
    session = http.open_session(lambda: AnswerAdapter(lambda _request: (status, {}, body)))
    account = Account(session, "https://api.test/v1", "org_1", "token", clock, 5)
    for call in (
        account.describe,
        lambda: account.page("payments", None),
        lambda: account.write("POST", "payments", "{}", "k", None),
        lambda: account.tell(Kind.INVOICE, "1", {}, "k"),
    ):
        with pytest.raises(NeighbourError) as caught:
            call()
        assert OF_RAVETREE.search(str(caught.value))
        assert not OF_QUICKBOOKS.search(said(caught.value)), said(caught.value)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", BODIES)
def test_quickbooks_errors_do_not_speak_of_ravetree(clock: FakeClock, status: int, body: bytes) -> None:
    session = http.open_session(lambda: AnswerAdapter(lambda _request: (status, {}, body)))
    company = Company(session, "https://api.test/v3", "1", lambda expired=None: "t", Pacer(clock), clock, 5)  # noqa: ARG005
    for call in (lambda: company.get("preferences"), lambda: company.write("payment", "{}", "a" * 32)):
        with pytest.raises(NeighbourError) as caught:
            call()
        assert "QuickBooks" in str(caught.value)
        assert not OF_RAVETREE.search(said(caught.value)), said(caught.value)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("code", ["", "120", "610", "2010", "3100", "3200", "5010", "6000", "6190", "6240", "10000"])
def test_no_fault_of_quickbooks_speaks_of_ravetree(status: int, code: str) -> None:
    body = {"Fault": {"Error": [{"code": code, "Message": "m", "Detail": "d"}], "type": "ValidationFault"}}
    assert not OF_RAVETREE.search(said(error_from(status, body)))


def branches(kind: type[NeighbourError]) -> Iterator[type[NeighbourError]]:
    yield kind
    for sub in kind.__subclasses__():
        yield from branches(sub)


def test_no_remedy_sends_anybody_to_the_other_side() -> None:
    """What both sides share names neither."""
    for kind in branches(NeighbourError):
        if not kind.__module__.startswith("clients."):
            continue
        if not kind.__module__.startswith("clients.quickbooks"):
            assert not OF_QUICKBOOKS.search(kind.remedy), kind
        if not kind.__module__.startswith("clients.ravetree"):
            assert not OF_RAVETREE.search(kind.remedy), kind
    assert not OF_QUICKBOOKS.search(UnreadableSecret.remedy)


def test_what_was_not_answered_names_the_side_that_did_not(clock: FakeClock) -> None:
    def nobody(_request: requests.PreparedRequest) -> "tuple[int, dict[str, str], bytes]":
        raise requests.exceptions.ConnectTimeout("slow")

    session = http.open_session(lambda: AnswerAdapter(nobody))
    with pytest.raises(NeighbourError) as caught:
        Account(session, "https://api.test/v1", "org_1", "token", clock, 5).describe()
    assert not OF_QUICKBOOKS.search(said(caught.value))
