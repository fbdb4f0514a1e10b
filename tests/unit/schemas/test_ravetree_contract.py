"""The contract's schemas by themselves."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas.ravetree_contract import (
    DiscountSchema,
    EventSchema,
    InvoiceSchema,
    PaymentWriteSchema,
    SyncStateWriteSchema,
    first_error,
    format_time,
    list_schema,
    parse_time,
    round_money,
)

PAYMENT = {"client_id": "con_1", "date": "2026-11-20", "amount": "10.50", "currency": "USD"}
EVENT = {
    "type": "invoice.updated",
    "timestamp": "2026-11-20T14:13:20Z",
    "account_id": "org_42",
    "data": {
        "id": "inv_9001",
        "version": 7,
        "number": "1043",
        "changed": ["lines"],
        "origin": {"kind": "user", "id": "usr_5", "operation_id": None},
    },
}


def test_values_are_decimals_dates_and_utc_times() -> None:
    payment = PaymentWriteSchema().load(PAYMENT)
    assert (payment["amount"], payment["date"]) == (Decimal("10.50"), date(2026, 11, 20))
    event = EventSchema().load(EVENT)
    assert event["timestamp"] == datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 10.5}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "10.505"}, "amount"),
        ({"currency": "usd"}, "currency"),
        ({"date": "20.11.2026"}, "date"),
        ({"date": "2026-02-30"}, "date"),
        ({"voided": "yes"}, "voided"),
        ({"surprise": 1}, "surprise"),
        ({"allocations": [{"invoice_id": "inv_1", "amount": "1.001"}]}, "allocations.0.amount"),
        ({"allocations": [{"amount": "1.00"}]}, "allocations.0.invoice_id"),
    ],
)
def test_errors_name_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PaymentWriteSchema().load({**PAYMENT, **change})
    assert first_error(caught.value)[0] == field


def test_money_is_written_with_its_currencys_decimals() -> None:
    schema = PaymentWriteSchema()
    for currency, text in (("USD", "10.00"), ("JPY", "10"), ("KWD", "10.000")):
        payment = {"amount": Decimal(10), "credit_amount": Decimal(0), "currency": currency}
        assert schema.dump(payment)["amount"] == text


@pytest.mark.parametrize("discount", [{}, {"percent": "5", "amount": "1.00"}, {"percent": "101"}, {"amount": "-1.00"}])
def test_a_discount_is_one_thing_within_reason(discount: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        DiscountSchema().load(discount)


def test_lists_hold_records_and_tombstones() -> None:
    schema = list_schema(InvoiceSchema)
    tombstone = {"id": "inv_1", "version": 3, "deleted": True}
    assert schema.load({"data": [tombstone], "next_cursor": "x"})["data"] == [tombstone]
    with pytest.raises(ValidationError) as caught:
        schema.load({"data": [tombstone, {"id": "inv_2"}], "next_cursor": None})
    assert (first_error(caught.value)[0] or "").startswith("data.1.")


def test_times_are_utc_or_refused() -> None:
    moment = datetime(2026, 11, 20, 14, 13, 20, 250000, tzinfo=UTC)
    assert parse_time(format_time(moment)) == moment
    for text in ("2026-11-20T14:13:20", "2026-11-20T14:13:20+02:00", "2026-11-20", "2026-13-20T00:00:00Z"):
        with pytest.raises(ValidationError):
            SyncStateWriteSchema().load({"state": "synced", "updated_at": text})


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_money_survives_the_round_trip(amount: Decimal) -> None:
    schema = PaymentWriteSchema()
    assert schema.load(schema.dump({**schema.load(PAYMENT), "amount": amount}))["amount"] == amount


def test_halves_are_rounded_up() -> None:
    assert round_money(Decimal("0.125"), "USD") == Decimal("0.13")
    assert round_money(Decimal("-0.125"), "USD") == Decimal("-0.13")
