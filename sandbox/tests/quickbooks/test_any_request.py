"""No request of any kind gets a 500 that was not ordered, and none breaks an oracle."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quickbooks_sandbox.books.schema import ENTITIES, Spec
from quickbooks_sandbox.testing import World, applied_to
from tests.quickbooks.test_companies import assert_oracles_hold, books_of

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory))
        world.order("reset", {"sample": True})
        yield world
        world.close()


IDS = st.integers(0, 120).map(str)
SCALARS: Any = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=30),
    IDS,
    st.sampled_from(["", "0", "1", "TAX", "NON", "EUR", "2026-11-01", "9999-12-31", "1e400", "NaN", "12.345"]),
)
JSON: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS: dict[str, Any] = {
    "number": st.one_of(st.decimals(-100, 100000, places=2).map(float), st.integers(-5, 10**16), st.just("12.5")),
    "integer": st.integers(-5, 10**18) | st.just(1.5),
    "boolean": st.booleans() | st.sampled_from(["true", "FALSE"]),
    "date": st.dates().map(str) | st.sampled_from(["2026-11-01", "2026-11-01T10:00:00Z", "0001-01-01", "9999-12-31"]),
    "instant": st.datetimes().map(lambda moment: moment.isoformat()),
    "any": JSON,
}


def of_kind(spec: Spec) -> Any:
    """Values that mostly fit a property, so that they get past the first check."""
    if isinstance(spec, dict):
        if "value" in spec:
            return st.fixed_dictionaries({"value": IDS | st.sampled_from(["TAX", "EUR"])})
        return st.fixed_dictionaries({}, optional={name: of_kind(inner) for name, inner in spec.items()})
    if isinstance(spec, list):
        return st.lists(of_kind(spec[0]), max_size=2)
    if "|" in spec:
        return st.sampled_from(spec.split("|"))
    return WORDS.get(spec, IDS | st.text(max_size=10))


SALE_LINE = {
    "DetailType": "SalesItemLineDetail",
    "Amount": 10,
    "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
}
DEPOSIT_LINE = {"DetailType": "DepositLineDetail", "Amount": 10, "DepositLineDetail": {"AccountRef": {"value": "1"}}}


@st.composite
def bodies(draw: Any, world: World, entity: str) -> Any:
    """An object of the entity: one that would be taken, some of its properties replaced by any that could be there."""
    spec = ENTITIES[entity]
    body: dict[str, Any] = {
        "CustomerRef": {"value": "3"},
        "Line": [SALE_LINE],
        "TotalAmt": 10,
        "DisplayName": f"N{draw(IDS)}",
        "Name": f"N{draw(IDS)}",
        "Note": "N",
        "DueDays": 3,
        "AccountSubType": "Checking",
        "IncomeAccountRef": {"value": "1"},
        "DepositToAccountRef": {"value": "5"},
    }
    if entity == "Deposit":
        body["Line"] = [DEPOSIT_LINE]
    if entity == "Payment":
        body["Line"] = draw(st.lists(st.builds(applied_to, IDS.map(with_id), st.integers(0, 50)), max_size=2))
    # What is drawn must not depend on what the books hold by now; what it stands for may.
    update, index, is_sparse = draw(st.booleans()), draw(st.integers(0, 199)), draw(st.booleans())
    known = list(books_of(world).all(entity))
    if known and update:
        stored = known[index % len(known)]
        body |= {"Id": stored["Id"], "SyncToken": stored["SyncToken"], "sparse": is_sparse}
    for name in draw(st.lists(st.sampled_from(sorted(spec)), max_size=3, unique=True)):
        odd = draw(st.integers(0, 9)) == 0
        body[name] = draw(SCALARS if odd else of_kind(spec[name]))
    return {name: value for name, value in body.items() if name in spec}


def with_id(object_id: str) -> Any:
    return {"Id": object_id}


def refuse_unordered_500(answer: Any) -> None:
    assert answer.status_code < 500, answer.text


@SETTINGS
@given(data=st.data(), entity=st.sampled_from(sorted(ENTITIES)))
def test_any_write_is_answered(world: World, data: Any, entity: str) -> None:
    body = data.draw(bodies(world, entity) | JSON)
    operations = [{}, {}, {}, {"operation": "void"}, {"operation": "delete"}, {"include": "void"}]
    query = data.draw(st.sampled_from(operations))
    text = json.dumps(body)
    headers = world.bearer()
    url = f"/v3/company/{world.credentials['realm_id']}/{entity.lower()}"
    refuse_unordered_500(world.client.post(url, data=text, query_string=query, headers=headers))


def test_the_oracles_hold_after_all_that(world: World) -> None:
    assert_oracles_hold(books_of(world))


QUERY_WORDS = st.sampled_from(
    ["select", "*", "count(*)", "from", "where", "and", "orderby", "order by", "desc", "startposition", "maxresults",
     "Invoice", "Customer", "ExchangeRate", "Id", "TxnDate", "Balance", "MetaData.LastUpdatedTime", "MetaData", "Line",
     "CustomerRef", "Active", "DocNumber", "=", "<", ">=", "IN", "LIKE", "(", ")", ",", "'3'", "'2026-11-01'", "'%a%'",
     "''", "true", "10", "0", "-1", "99999999999999999999", "1e5", "'", "\\", ";", "Colour", "²"]
)  # fmt: skip
FIELDS = ["Id", "TxnDate", "Balance", "MetaData.LastUpdatedTime", "CustomerRef", "DocNumber", "Line", "PrivateNote"]


@st.composite
def sentences(draw: Any) -> str:
    field, order = draw(st.sampled_from(FIELDS)), draw(st.sampled_from(FIELDS))
    operator = draw(st.sampled_from(["=", "<", ">", "<=", ">=", "LIKE"]))
    value = draw(st.sampled_from(["3", "2026-11-01", "9999-12-31", "0001-01-01", "", "%", "x", "NaN", "1e9", "'"]))
    entity = draw(st.sampled_from(sorted(ENTITIES)))
    escaped = value.replace("'", "\\'")
    return f"select * from {entity} where {field} {operator} '{escaped}' orderby {order}"  # noqa: S608  # QuickBooks' own


@SETTINGS
@given(text=st.lists(QUERY_WORDS, max_size=12).map(" ".join) | sentences() | st.text(max_size=40))
def test_any_query_is_answered(world: World, text: str) -> None:
    refuse_unordered_500(world.get("query", query=text))
    url = f"/v3/company/{world.credentials['realm_id']}/query"
    refuse_unordered_500(world.client.post(url, data=text.encode("utf-8", "replace"), headers=world.bearer()))


@SETTINGS
@given(items=st.lists(st.dictionaries(
    st.sampled_from(["bId", "operation", "optionsData", "Query", "Invoice", "Payment", "Nonsense"]), JSON, max_size=4
), max_size=3))  # fmt: skip
def test_any_batch_is_answered(world: World, items: Any) -> None:
    url = f"/v3/company/{world.credentials['realm_id']}/batch"
    body = json.dumps({"BatchItemRequest": items})
    refuse_unordered_500(world.client.post(url, data=body, headers=world.bearer()))


@SETTINGS
@given(
    entities=st.lists(st.sampled_from([*ENTITIES, "", "Nonsense", "invoice"]), max_size=4).map(",".join),
    since=st.sampled_from(["2026-11-01", "2026-11-01T00:00:00Z", "", "x", "0001-01-01", "9999-12-31T23:59:59-12:00"])
    | st.text(max_size=30),
)
def test_any_question_for_changes_is_answered(world: World, entities: str, since: str) -> None:
    refuse_unordered_500(world.get("cdc", entities=entities, changedSince=since))


PATHS = st.lists(
    st.sampled_from(["invoice", "1", "send", "pdf", "query", "cdc", "batch", "preferences", "companyinfo", "taxservice",
                     "taxcode", "exchangerate", "%00", "..", "ä"]),
    min_size=1, max_size=4,
).map("/".join)  # fmt: skip


@SETTINGS
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=PATHS,
    body=st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode()),
    query=st.dictionaries(
        st.sampled_from(["sendTo", "requestid", "minorversion", "sourcecurrencycode", "asofdate", "operation"]),
        st.text(max_size=60) | st.sampled_from(["EUR", "void", "0001-01-01", "x"]),
        max_size=3,
    ),
)
def test_any_address_is_answered(world: World, method: str, path: str, body: bytes, query: dict[str, str]) -> None:
    url = f"/v3/company/{world.credentials['realm_id']}/{path}"
    answer = world.client.open(url, method=method, data=body, query_string=query, headers=world.bearer())
    refuse_unordered_500(answer)


STEERING = ["clock", "faults", "limits", "switches", "webhooks", "webhooks/test", "merge", "companies", "restore"]


@SETTINGS
@given(path=st.sampled_from(STEERING), body=st.binary(max_size=20) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_order_is_answered(world: World, path: str, body: bytes) -> None:
    if path in ("companies", "limits", "faults") and body.strip() in (b"{}", b""):
        return  # a valid order: nothing to learn
    refuse_unordered_500(world.client.post(f"/sandbox/{path}", data=body, content_type="application/json"))


@SETTINGS
@given(form=st.dictionaries(st.sampled_from(["grant_type", "code", "refresh_token", "token"]), st.text(max_size=20)))
def test_any_form_is_answered_at_the_token_server(world: World, form: dict[str, str]) -> None:
    for path in ("/oauth2/v1/tokens/bearer", "/v2/oauth2/tokens/revoke", "/connect/oauth2"):
        refuse_unordered_500(world.client.post(path, data=form, headers=world.basic()))


NO_RATE = {"TaxRateName": "a", "RateValue": "NaN", "TaxAgencyId": "1"}


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("query", {"query": "select * from Invoice maxresults 2.5"}, None),
        ("query", {"query": "select * from Invoice startposition -1"}, None),
        ("query", {"query": "select * from Invoice maxresults -5"}, None),
        ("query", {"query": "select * from Invoice where TotalAmt > 'NaN'"}, None),
        ("query", {"query": "select * from Invoice where TotalAmt > 'Infinity'"}, None),
        ("invoice", {}, '{"a":' * 50_000),
        ("taxservice/taxcode", {}, json.dumps({"TaxCode": "a", "TaxRateDetails": [NO_RATE]})),
    ],
)  # fmt: skip
def test_what_no_client_should_send_is_refused(
    world: World, path: str, query: dict[str, str], body: str | None
) -> None:
    answer = world.client.post(world._url(path), data=body, query_string=query, headers=world.bearer())
    assert answer.status_code == 400


def test_a_page_behind_the_last_one_is_empty(world: World) -> None:
    assert world.query("select * from Invoice startposition 99999999999999999999") == {}


def test_a_day_at_the_end_of_the_calendar_falls_due_on_its_last_day(world: World) -> None:
    term = world.save("Term", {"Name": "The first", "DayOfMonthDue": 1, "DueNextMonthDays": 5})
    invoice = world.invoice(10, TxnDate="9999-12-31", SalesTermRef={"value": term["Id"]})
    assert invoice["DueDate"] == "9999-12-31"
