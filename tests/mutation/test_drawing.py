"""What the rules are tried with: decisions in every way, and no word that only people read."""

from pathlib import Path

import pytest
from coverage import CoverageData

from tests.mutation.__main__ import KILLED, SURVIVED, Verdict, every_change, read_seen, report, that_run, tried
from tests.mutation.drawing import changes_in, drawn


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, b):\n    return a > b\n", {"return a >= b"}),
        ("def f(a, b):\n    return a - b\n", {"return a + b"}),
        ("def f(a, b):\n    return a and b\n", {"return a or b"}),
        ("def f(a):\n    return a in ('x',)\n", {"return a not in ('x',)", "return a in ('XXxXX',)"}),
        ("def f(a):\n    return g(a, kept=a)\n", {"return g(a, )"}),
        ("class A:\n    @property\n    def f(self):\n        return not self.g\n", {"return self.g"}),
        ("LIMIT = 7\n", {"LIMIT = 8"}),
    ],
)
def test_what_decides_is_changed_in_every_way(source: str, expected: set[str]) -> None:
    lines = {line.strip() for change in changes_in("a.py", source) for line in change.make().splitlines()}
    assert lines - {line.strip() for line in source.splitlines()} == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A day has 24 hours."""\n',
        "def f(a):\n    return g(f'{a + 1} days')\n",
        "def f(a):\n    return g(a, because='it is so')\n",
        "def f(a):\n    log.info('seen', count=a + 1)\n",
        "def f(a):\n    traces.span(a + 1).set('x')\n",
        "def f(a: int | None) -> int | None:\n    return a\n",
        "class P(Protocol):\n    there: bool = True\n",
        "@dataclass(frozen=True)\nclass A:\n    a: int\n",
        "class A:\n    __slots__ = ('a',)\n",
        "def f(a):\n    raise ValueError(a + 1)\n",
        "def f(a):\n    return isinstance(a, int)\n",
        "def f(a):\n    return g(a, a)\n",
    ],
)
def test_what_people_read_and_what_the_type_checker_refuses_is_left(source: str) -> None:
    assert [change.new for change in changes_in("a.py", source)] == []


def test_the_same_sample_is_drawn_again_and_a_larger_one_holds_it() -> None:
    changes = every_change()
    few, many = ([c.rank(1) for c in drawn(changes, size, 1)] for size in (20, 60))
    assert many[:20] == few == [c.rank(1) for c in drawn(changes[::-1], 20, 1)]
    assert few != [c.rank(2) for c in drawn(changes, 20, 2)]


def test_no_two_changes_have_one_place_in_the_draw() -> None:
    changes = every_change()
    assert len({change.rank(1) for change in changes}) == len(changes) > 1000


def seen_by_tests(folder: Path) -> CoverageData:
    """A function that one test runs, and a constant that whoever imports the module has run."""
    data = CoverageData(str(folder / "seen"))
    data.set_context("")
    data.add_lines({str(folder / "rule.py"): {1}})
    data.set_context("test_rule.py::test_more|run")
    data.add_lines({str(folder / "rule.py"): {5}})
    data.write()
    return data


def test_a_change_is_tried_with_the_tests_that_run_it_and_put_back(tmp_path: Path) -> None:
    source = "LIMIT = 7\n\n\ndef more(a):\n    return a > LIMIT\n\n\ndef less(a):\n    return a < LIMIT\n"
    (tmp_path / "rule.py").write_text(source)
    (tmp_path / "test_rule.py").write_text("from rule import more\n\n\ndef test_more():\n    assert not more(7)\n")
    seen_by_tests(tmp_path)
    seen = read_seen(tmp_path / "seen", tmp_path)
    limit, more, less = changes_in("rule.py", source)
    assert that_run(limit, seen) == that_run(more, seen) == ["test_rule.py::test_more"]
    assert that_run(less, seen) == []
    rings = [(60, seen)]
    assert [tried(change, tmp_path, rings).outcome for change in (limit, more, less)] == [SURVIVED, KILLED, SURVIVED]
    assert (tmp_path / "rule.py").read_text() == source


def test_what_survived_is_listed_as_diffs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.mutation.__main__.ROOT", tmp_path)
    monkeypatch.setattr("tests.mutation.__main__.FOLDER", tmp_path)
    source = "LIMIT = 7\nMOST = 9\n"
    (tmp_path / "rule.py").write_text(source)
    first, second = changes_in("rule.py", source)
    report([Verdict(first, KILLED, 1), Verdict(second, SURVIVED, 1)])
    assert (tmp_path / "survivors.diff").read_text().splitlines()[-2:] == ["-MOST = 9", "+MOST = 10"]
    assert [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(("rule", "all"))] == [
        ["rule.py", "1", "1", "0"],
        ["all", "1", "1", "0"],
    ]
