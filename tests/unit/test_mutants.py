"""The planted defects in tests/mutants do not rot, and whoever plants them believes nothing without a verdict."""

import difflib
import re
from pathlib import Path

import pytest

from tests.mutants import patches
from tests.mutants.__main__ import judge
from tests.mutants.patches import ROOT, Mutant

MUTANTS = patches.every()
FILE, LINE, TEST = (
    "schemas/times.py",
    "import math\n",
    "tests/unit/schemas/test_times.py::test_what_is_no_day_is_refused",
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_defect_applies_to_the_code_as_it_is(mutant: Mutant) -> None:
    """When the code moved on: plant the same defect again, and keep `git diff` under the same header."""
    assert patches.apply(mutant, ROOT, check=True) == ""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_a_planted_defect_names_are_there(mutant: Mutant) -> None:
    for test in mutant.tests:
        file, _, function = test.partition("::")
        assert f"\ndef {function.partition('[')[0]}(" in (ROOT / file).read_text(), test


def test_the_page_that_says_why_nothing_is_lost_names_defects_that_are_there() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| link")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(rows) > 35
    assert all("`" in row for row in rows)
    assert named - {mutant.name for mutant in MUTANTS} == set()


def test_no_defect_has_gone_unseen() -> None:
    """An empty folder would let the two above pass without a word."""
    assert len(MUTANTS) >= 80


def planted(folder: Path, old: str, new: str, header: str = f"Breaks: a day.\nTest: {TEST}\n") -> Path:
    """A patch that puts one line of `FILE` in another's place."""
    before = (ROOT / FILE).read_text()
    diff = difflib.unified_diff(
        before.splitlines(keepends=True),
        before.replace(old, new, 1).splitlines(keepends=True),
        f"a/{FILE}",
        f"b/{FILE}",
    )
    path = folder / "day.patch"
    path.write_text(f"{header}\ndiff --git a/{FILE} b/{FILE}\n{''.join(diff)}")
    return path


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ("# nothing else\n", "SURVIVED"),
        ("import there_is_no_such_module\n", "NO VERDICT"),
    ],
)
def test_a_defect_counts_as_killed_only_by_a_test_that_ran_and_failed(tmp_path: Path, more: str, verdict: str) -> None:
    assert judge(patches.load(planted(tmp_path, LINE, LINE + more))) == verdict


def test_a_defect_that_no_longer_applies_is_said_to(tmp_path: Path) -> None:
    path = planted(tmp_path, LINE, "import cmath\n")
    path.write_text(path.read_text().replace("-import math", "-import maths"))
    assert judge(patches.load(path)) == "DOES NOT APPLY"


@pytest.mark.parametrize("header", ["", "Breaks: a day.\n", f"Test: {TEST}\n", "Breaks: a day.\nTests: all of them\n"])
def test_a_patch_without_its_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(ValueError, match="its header is"):
        patches.load(planted(tmp_path, LINE, "import cmath\n", header))
