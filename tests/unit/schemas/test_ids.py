"""Ids as both neighbours make them: nothing else becomes part of an address."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model import Kind, Record, Side
from schemas import ids
from schemas.ids import NotAnId

HOSTILE = ["pay_1?x=1", "../payments", "a/b", "pay_1#y", "", "x" * 65, "pay 1", "pay_1\n", "ключ", "%2e%2e", "a\x00"]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_other_spelling_is_an_id_of_ravetrees(value: str) -> None:
    assert not ids.is_id(Side.RAVETREE, value)
    with pytest.raises(NotAnId):
        ids.record_of("ravetree", "payment", value)


@pytest.mark.parametrize("value", [*HOSTILE, "-1", "1,2", "1' or Id > '0", "9" * 30, "٣", "pay_1", "1.0"])
def test_no_other_spelling_is_an_id_of_quickbooks(value: str) -> None:
    assert not ids.is_id(Side.QUICKBOOKS, value)
    with pytest.raises(NotAnId):
        ids.record_of("quickbooks", "payment", value)


def test_ids_as_both_sides_make_them_name_records() -> None:
    assert ids.record_of("ravetree", "payment", "pay_1-A") == Record(Side.RAVETREE, Kind.PAYMENT, "pay_1-A")
    assert ids.record_of("quickbooks", "invoice", "130") == Record(Side.QUICKBOOKS, Kind.INVOICE, "130")


@pytest.mark.parametrize(("side", "kind"), [("elsewhere", "payment"), ("ravetree", "unicorn"), ("", "")])
def test_another_side_or_kind_names_nothing(side: str, kind: str) -> None:
    with pytest.raises(NotAnId, match="no kind of record"):
        ids.record_of(side, kind, "1")


@given(st.text())
def test_a_segment_stays_one_segment_whatever_it_is(value: str) -> None:
    try:
        spelled = ids.path("payments", value)
    except UnicodeEncodeError:
        return  # half a surrogate pair has no address at all
    path = urlsplit(f"https://ravetree.example/v1/{spelled}").path
    assert path.count("/") == 3
    assert unquote(path.rpartition("/")[2]) == value


def test_what_is_only_copied_is_no_record_of_a_person() -> None:
    with pytest.raises(ids.NotAnId):
        ids.record_of("quickbooks", "credit", "5")
