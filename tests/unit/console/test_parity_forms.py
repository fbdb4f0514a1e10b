"""A report as CSV and as a page: what people typed is shown and never run."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.parity_forms import AMOUNTS, COLUMNS, as_csv, as_html

RUN = "=+-@\t\r"


def sheet(**cells: str) -> dict[str, str]:
    text = as_csv([dict(cells)])
    assert text.count("\r\n") >= 2
    (row,) = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(row) == list(COLUMNS)
    return row


@pytest.mark.parametrize(
    "typed", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1", "＝1", '=HYPERLINK("http://x")', "-5"]
)
def test_a_cell_that_a_spreadsheet_would_run_begins_with_a_quote(typed: str) -> None:
    assert sheet(client=typed)["client"] == f"'{typed}"


@pytest.mark.parametrize("amount", ["-12.50", "0.00", "1250", "-0.005"])
def test_amounts_stay_numbers(amount: str) -> None:
    assert sheet(ravetree_total=amount)["ravetree_total"] == amount


@pytest.mark.parametrize("amount", ["-1+1", "=1", "-", "1e5", "-1.5.2"])
def test_what_is_no_plain_number_is_no_amount(amount: str) -> None:
    cell = sheet(ravetree_total=amount)["ravetree_total"]
    assert cell == amount or cell == f"'{amount}"
    assert cell[0] not in RUN


@given(st.sampled_from(COLUMNS), st.text())
@example("client", "-2+3+cmd|' /C calc'!A0")
@example("text", "a\r\n=1")
def test_no_cell_is_ever_run(column: str, typed: str) -> None:
    """Read back by a parser that knows nothing of ours."""
    text = as_csv([{column: typed}])
    for row in csv.reader(io.StringIO(text, newline="")):
        for name, cell in zip(COLUMNS, row, strict=True):
            assert cell[:1] not in RUN or not cell or (name in AMOUNTS and float(cell) <= 0)


def report(**row: Any) -> dict[str, Any]:
    sums = {
        "ravetree_total": "1.00",
        "quickbooks_total": "2.00",
        "ravetree_receivable": "0",
        "quickbooks_receivable": "0",
    }
    return {
        "id": 1,
        "connection_id": "con_1",
        "day": "2026-11-20",
        "made_at": datetime(2026, 11, 20, 14, 13, tzinfo=UTC),
        "source": "full",
        "summary": {
            "compared": 2,
            "equal": 1,
            "differing": 1,
            "causes": {"older_copy": 1},
            "currencies": {"USD": sums},
        },
        "rows": [row] if row else [],
    }


@given(st.text(alphabet="<>&\"'/=script onload", min_size=1))
def test_nothing_that_was_typed_becomes_markup(typed: str) -> None:
    difference = {"field": typed, "ravetree": typed, "quickbooks": typed, "cause": "drift"}
    row = {
        "kind": "invoice",
        "number": typed,
        "client": typed,
        "text": typed,
        "remedy": typed,
        "differences": [difference],
    }
    plain = as_html(
        report(**(row | {"number": "", "client": "", "text": "", "remedy": "", "differences": [difference]}))
    )
    page = as_html(report(**row))
    assert (
        page.count("<")
        == plain.count("<")
        == as_html(
            report(
                **(
                    row
                    | {
                        "number": "n",
                        "client": "c",
                        "text": "t",
                        "remedy": "r",
                        "differences": [dict.fromkeys(difference, "x")],
                    }
                )
            )
        ).count("<")
    )


def test_the_page_stands_alone_and_says_from_what_it_was_made() -> None:
    page = as_html(report())
    assert "a full read of QuickBooks" in page
    assert "older copy" in page
    assert "2026-11-20 14:13 UTC" in page
    for outside in ("<script", "src=", "href=", "@import", "url("):
        assert outside not in page
