"""What a body changes, field by field."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.changes import changes


def line(id_: str | None, amount: int, text: str = "Work") -> dict[str, Any]:
    made = {"DetailType": "SalesItemLineDetail", "Amount": amount, "Description": text}
    return made | ({"Id": id_} if id_ else {})


def test_only_what_says_something_else_is_a_change() -> None:
    before = {"Id": "1", "SyncToken": "3", "DocNumber": "1043", "TotalAmt": 100, "CustomerMemo": {"value": "old"}}
    sent = {"Id": "1", "SyncToken": "3", "sparse": True, "DocNumber": "1043", "CustomerMemo": {"value": "new"}}
    assert changes(before, sent) == [{"field": "CustomerMemo", "before": "old", "after": "new"}]


def test_money_is_the_same_as_text_and_as_a_number() -> None:
    assert changes({"amount": "40.00"}, {"amount": Decimal(40)}) == []
    assert changes({"Amount": 40}, {"Amount": Decimal("40.50")}) == [
        {"field": "Amount", "before": "40", "after": "40.5"}
    ]


def test_nothing_where_there_was_nothing_is_no_change() -> None:
    assert changes({}, {"CustomerMemo": {"value": ""}}) == []
    assert changes({"CustomerMemo": {"value": "old"}}, {"CustomerMemo": {"value": ""}}) == [
        {"field": "CustomerMemo", "before": "old", "after": ""}
    ]


def test_a_line_is_known_by_its_id_wherever_it_stands() -> None:
    before = {"Line": [line("1", 10, "A"), line("2", 20, "B")]}
    sent = {"Line": [line("2", 25, "B"), line("1", 10, "A")]}
    assert changes(before, sent) == [{"field": "Line[0].Amount", "before": "20", "after": "25"}]


def test_a_line_that_is_not_sent_again_is_removed_and_one_without_an_id_is_new() -> None:
    before = {"Line": [line("1", 10, "A"), line("2", 20, "B"), {"DetailType": "SubTotalLineDetail", "Amount": 30}]}
    found = changes(before, {"Line": [line("2", 20, "B"), line(None, 5, "C")]})
    assert {"field": "Line[0]", "before": "A, 10", "after": None} in found
    assert {"field": "Line[1].Description", "before": None, "after": "C"} in found
    assert len(found) == 4


def test_a_share_is_known_by_its_invoice() -> None:
    def share(invoice: str, amount: int) -> dict[str, Any]:
        return {"Amount": amount, "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}

    before = {"Line": [share("7", 10) | {"Id": "1"}, share("8", 20) | {"Id": "2"}]}
    assert changes(before, {"Line": [share("8", 30)]}) == [
        {"field": "Line[0].Amount", "before": "20", "after": "30"},
        {"field": "Line[0]", "before": "10", "after": None},
    ]
    ours = {"allocations": [{"invoice_id": "a", "amount": "1.00"}, {"invoice_id": "b", "amount": "2.00"}]}
    assert changes(ours, {"allocations": [{"invoice_id": "b", "amount": "2.00"}]}) == [
        {"field": "allocations[0]", "before": "1", "after": None}
    ]


def test_a_discount_is_one_line_with_or_without_an_id() -> None:
    before = {"Line": [{"Id": "3", "DetailType": "DiscountLineDetail", "Amount": 5}]}
    assert changes(before, {"Line": [{"DetailType": "DiscountLineDetail", "Amount": 5}]}) == []


PLAIN = st.one_of(st.text(max_size=5), st.integers(), st.booleans())
BODY = st.dictionaries(
    st.sampled_from(["DocNumber", "TotalAmt", "Line", "CustomerMemo"]),
    st.one_of(
        PLAIN,
        st.lists(st.builds(line, st.sampled_from(["1", "2", None]), st.integers(0, 9)), max_size=3),
        st.builds(lambda text: {"value": text}, PLAIN),
    ),
)


@given(BODY)
def test_sending_what_is_there_changes_nothing(body: dict[str, Any]) -> None:
    assert changes(body, body) == []


@given(BODY, BODY)
def test_every_change_has_a_field_and_two_sides_that_differ(before: dict[str, Any], sent: dict[str, Any]) -> None:
    for change in changes(before, sent):
        assert change["field"]
        assert (change["before"] or "") != change["after"]
