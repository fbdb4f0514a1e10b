"""A parity report as CSV, safe to open in a spreadsheet, and as one self-contained page to print."""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment

COLUMNS = (
    "kind",
    "number",
    "client",
    "currency",
    "ravetree_total",
    "quickbooks_total",
    "ravetree_balance",
    "quickbooks_balance",
    "ravetree_status",
    "quickbooks_status",
    "cause",
    "text",
    "remedy",
    "ravetree_id",
    "quickbooks_id",
)
AMOUNTS = frozenset(name for name in COLUMNS if name.endswith(("_total", "_balance")))

_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_STARTS = re.compile("([;\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029])")
"""Behind these a spreadsheet may begin another cell: where lists are separated by semicolons, or text is pasted."""
_RUN = frozenset("=+-@\u2212")
"""What a cell begins with that a spreadsheet runs, in whatever form: full-width, small, raised; and the minus sign."""
_UNSEEN = frozenset('"\u115f\u1160\u2800\u3164\uffa0')
"""Blank, though Unicode counts it among letters and symbols; and the quote, which a reader may take off."""


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The rows of a report under a line of headings."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(name, str(row.get(name, ""))) for name in COLUMNS])
    return sheet.getvalue()


def _cell(name: str, text: str) -> str:
    """Amounts stay numbers, negative ones too; in any other text what a spreadsheet would run begins with a quote."""
    if name in AMOUNTS and _PLAIN_NUMBER.fullmatch(text):
        return text
    harmless = "".join(f"'{part}" if _is_run(part) else part for part in _STARTS.split(text))
    return f"'{harmless}" if harmless.startswith(("\t", "\r", "\n")) else harmless


def _is_run(part: str) -> bool:
    """Whether the first sign that is seen makes a formula: some spreadsheets take no notice of blanks before it."""
    first = next((sign for sign in part if not _is_blank(sign)), "")
    return unicodedata.normalize("NFKC", first)[:1] in _RUN


def _is_blank(sign: str) -> bool:
    """White space, what has no width, control and formatting characters, marks, and what is not assigned."""
    return sign in _UNSEEN or unicodedata.category(sign)[0] in "ZCM"


def as_html(report: Mapping[str, Any]) -> str:
    """A page without scripts that needs nothing else: `id connection_id day made_at source summary rows`."""
    return _PAGE.render(report=report, rows=report["rows"], summary=report["summary"], when=_when)


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Parity of {{ report.day }}</title>
<style>
body { font: 11pt/1.4 sans-serif; margin: 2em; color: #111 }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
caption { text-align: left; font-weight: bold; padding: .3em 0 }
th, td { border: 1px solid #999; padding: .25em .5em; text-align: left; vertical-align: top }
td.amount { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
thead { display: table-header-group }
tr { page-break-inside: avoid }
@page { size: A4 landscape; margin: 1.5cm }
</style>
</head>
<body>
<h1>Parity of {{ report.day }}</h1>
<p>Connection {{ report.connection_id }}, made {{ when(report.made_at) }} from
{{ "a full read of QuickBooks" if report.source == "full" else "our copies of QuickBooks' records" }}.</p>
<p>{{ summary.compared }} pairs compared, {{ summary.equal }} equal, {{ summary.differing }} differing.</p>
{% if summary.causes %}
<table><caption>Differing pairs by cause</caption>
<thead><tr><th scope="col">cause</th><th scope="col">pairs</th></tr></thead>
<tbody>
{% for cause, count in summary.causes.items() %}
<tr><td>{{ cause | replace("_", " ") }}</td><td class="amount">{{ count }}</td></tr>
{% endfor %}
</tbody></table>
{% endif %}
<table><caption>Invoices by currency</caption>
<thead><tr><th scope="col">currency</th><th scope="col">total, Ravetree</th><th scope="col">total, QuickBooks</th>
<th scope="col">receivable, Ravetree</th><th scope="col">receivable, QuickBooks</th></tr></thead>
<tbody>
{% for currency, sums in summary.currencies.items() %}
<tr><td>{{ currency }}</td><td class="amount">{{ sums.ravetree_total }}</td>
<td class="amount">{{ sums.quickbooks_total }}</td><td class="amount">{{ sums.ravetree_receivable }}</td>
<td class="amount">{{ sums.quickbooks_receivable }}</td></tr>
{% endfor %}
</tbody></table>
{% if rows %}
<table><caption>Pairs that differ</caption>
<thead><tr><th scope="col">record</th><th scope="col">client</th><th scope="col">field</th>
<th scope="col">Ravetree</th><th scope="col">QuickBooks</th><th scope="col">cause</th>
<th scope="col">why, and what to do</th></tr></thead>
<tbody>
{% for row in rows %}
{% for difference in row.differences %}
<tr>
{% if loop.first %}
{% set name = row.number or row.ravetree_id or row.quickbooks_id %}
<td rowspan="{{ row.differences | length }}">{{ row.kind }} {{ name }}</td>
<td rowspan="{{ row.differences | length }}">{{ row.client }}</td>
{% endif %}
<td>{{ difference.field }}</td><td>{{ difference.ravetree }}</td><td>{{ difference.quickbooks }}</td>
<td>{{ difference.cause | replace("_", " ") }}</td>
{% if loop.first %}
<td rowspan="{{ row.differences | length }}">{{ row.text }} {{ row.remedy }}</td>
{% endif %}
</tr>
{% endfor %}
{% endfor %}
</tbody></table>
{% else %}
<p>Both books agree.</p>
{% endif %}
</body>
</html>
""")
