"""The bookkeepers' page says what the console says: pages and buttons by their names, questions by their headings."""

import re

import pytest

from console.pages.wording import LABELS
from tests.docs.examples import ROOT

PAGE = (ROOT / "docs" / "bookkeeping.md").read_text()
TEMPLATES = ROOT / "console" / "pages" / "templates" / "console"
SHOWN = "\n".join(path.read_text() for path in TEMPLATES.glob("*.html"))
NAMED = sorted({" ".join(name.split()) for name in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", PAGE)})
STATES_OF_INVOICES = {"Marked as paid"}
"""What is Ravetree's own word."""


def test_it_names_pages_and_buttons() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("name", [name for name in NAMED if name not in STATES_OF_INVOICES])
def test_what_is_to_be_pressed_or_looked_at_is_called_so(name: str) -> None:
    # A label may stand in the template, or be what a decision's button says; "Take QuickBooks'" is typed with `'`.
    assert name in LABELS.values() or name in SHOWN, name


def headings() -> list[str]:
    table = PAGE[PAGE.index("| it asks |") :].split("\n\n")[0]
    rows = [row.split(" | ")[0].strip("| ") for row in table.splitlines()[2:]]
    return [heading for row in rows for heading in row.split(", ")]


def test_each_question_of_its_is_one_that_is_asked() -> None:
    asked = re.findall(r"(?m)^## `(\w+)`$", (ROOT / "docs" / "questions.md").read_text())
    assert len(headings()) > 8
    assert {heading.lower().replace(" ", "_") for heading in headings()} - set(asked) == set()


def test_nobody_is_told_of_an_answer_that_its_question_does_not_take() -> None:
    page = (ROOT / "docs" / "questions.md").read_text()
    table = PAGE[PAGE.index("| it asks |") :].split("\n\n")[0]
    decisions = {label: decision for decision, label in LABELS.items() if decision != "retry"}
    for row in table.splitlines()[2:]:
        heading = row.split(" | ")[0].strip("| ").split(", ")[0]
        code = heading.lower().replace(" ", "_")
        section = page[page.index(f"## `{code}`\n") :].split("\n## ")[0]
        for name in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*", row):
            assert name not in decisions or f"| `{decisions[name]}`" in section, (heading, name)
