"""A report as CSV and as a page: what people typed is shown and never run."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
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
    "typed",
    [
        *("=1+1", "+1", "-1+1", "@SUM(A1)", "  =1", '=HYPERLINK("http://x")', "-5"),
        *("＝1", "＋1", "－1", "＠x", "﹦1", "⁼1", "−1"),
        *(
            "\u00a0=1",
            "\ufeff=1",
            "\u200b=1",
            "\u2060+1",
            "\u3000@x",
            "\u3164=1",
            "\u00ad-1",
            "\x00=1",
            '"=1"',
            " \u200b\ufeff ＝1",
        ),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_begins_with_a_quote(typed: str) -> None:
    assert sheet(client=typed)["client"] == f"'{typed}"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Acme;=1+1", "Acme;'=1+1"),
        ("Acme; \u200b=1", "Acme;' \u200b=1"),
        ('Acme;"=1"', 'Acme;\'"=1"'),
        ("Acme\t=1", "Acme\t'=1"),
        ("Acme\r\n=1", "Acme\r\n'=1"),
        ("Acme\u2028@x", "Acme\u2028'@x"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        (";=1", ";'=1"),
    ],
)
def test_so_does_what_begins_a_cell_for_another_reader(typed: str, written: str) -> None:
    """Where lists are separated by semicolons the same file has other cells; pasted, it is split at tabs."""
    assert sheet(client=typed)["client"] == written


@pytest.mark.parametrize(
    "typed", ["Acme; 5 - 3", "a=b", "Müller + Söhne", "info@acme.example", "50 %", "", "  x", "'=1"]
)
def test_what_nothing_runs_stays_as_it_is(typed: str) -> None:
    assert sheet(client=typed)["client"] == typed


@pytest.mark.parametrize("amount", ["-12.50", "0.00", "1250", "-0.005"])
def test_amounts_stay_numbers(amount: str) -> None:
    assert sheet(ravetree_total=amount)["ravetree_total"] == amount


@pytest.mark.parametrize("amount", ["-1+1", "=1", "-", "1e5", "-1.5.2"])
def test_what_is_no_plain_number_is_no_amount(amount: str) -> None:
    cell = sheet(ravetree_total=amount)["ravetree_total"]
    assert cell == amount or cell == f"'{amount}"
    assert cell[0] not in RUN


SIGNS = "=+-@＝＋－＠﹢﹣⁺⁻−"
BLANKS = " \t\r\n\v\f\x00\x1c\x85\u00a0\u00ad\u200b\u200e\u2028\u2060\u3000\u3164\ufeff\u0301"
TYPED = st.text() | st.text(st.sampled_from(SIGNS + BLANKS + "\"',;1x"), max_size=12)


def seen(cell: str) -> str:
    """A cell as a reader may take it that takes no notice of what is not seen."""
    return cell.lstrip("".join({*BLANKS, *(chr(code) for code in range(0x3000) if chr(code).isspace())}))


@given(st.dictionaries(st.sampled_from(COLUMNS), TYPED, min_size=1), st.sampled_from(",;\t"))
@example({"client": "-2+3+cmd|' /C calc'!A0"}, ",")
@example({"text": "a\r\n=1"}, ";")
@example({"client": "a,b;=1", "number": "x"}, ";")
def test_no_cell_is_ever_run(typed: dict[str, str], delimiter: str) -> None:
    """Read back by a parser that knows nothing of ours, with each separator that spreadsheets take."""
    text = as_csv([typed])
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    cells = [cell for row in rows for cell in row]
    if delimiter == ",":
        assert [len(row) for row in rows] == [len(COLUMNS)] * 2
        amounts = {name for name in AMOUNTS if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", typed.get(name, ""))}
        cells = [cell for name, cell in zip(COLUMNS, rows[1], strict=True) if name not in amounts]
    assert [cell for cell in cells if seen(cell)[:1] in set(SIGNS)] == []


@given(
    st.sampled_from(COLUMNS), st.text(st.characters(exclude_categories=["Cs", "Sm", "Pd"], exclude_characters="@＠﹫"))
)
def test_what_has_no_such_sign_comes_back_as_it_was(column: str, typed: str) -> None:
    assume(not typed.startswith(("\t", "\r", "\n")))
    assert sheet(**{column: typed})[column] == typed


@given(st.decimals(-(10**12), 10**12, places=2), st.sampled_from(sorted(AMOUNTS)))
def test_every_amount_comes_back_as_a_number(amount: Decimal, column: str) -> None:
    assert Decimal(sheet(**{column: str(amount)})[column]) == amount


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
