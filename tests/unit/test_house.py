"""What holds for the whole checkout."""

import ast
import configparser
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from config.settings import variables
from ravebooks.command_line import COMMANDS
from ravebooks.commands.configuration import as_markdown

ROOT = Path(__file__).parents[2]


def listed_packages() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return set(setup["options"]["packages"].split())


def test_no_other_distribution_installs_our_names() -> None:
    """`config` and `storage` are plain names: another package's folder would shadow ours, or ours its."""
    ours = {name.partition(".")[0] for name in listed_packages()}
    providers = packages_distributions()
    assert {name: providers[name] for name in ours & providers.keys() if set(providers[name]) != {"ravebooks"}} == {}


def test_every_package_is_listed() -> None:
    tops = {name.partition(".")[0] for name in listed_packages()}
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts) for top in tops for path in (ROOT / top).rglob("__init__.py")
    }
    assert listed_packages() == on_disk


def test_every_room_stands_in_the_import_contract() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert set(setup["importlinter"]["root_packages"].split()) == {n.partition(".")[0] for n in listed_packages()}


def test_the_configuration_page_is_the_settings_own() -> None:
    """Written by `make configuration`."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == as_markdown()
    assert all(f"`{name}`" in page for name, _, _ in variables())


def test_the_page_of_commands_is_the_commands_own() -> None:
    """Written by `make commands`."""
    page = (ROOT / "docs" / "command-line.md").read_text()
    # In a process of its own: a command keeps the help that it was first asked for.
    done = subprocess.run([sys.executable, "-m", "ravebooks.reference"], capture_output=True, text=True, check=True)
    assert page == done.stdout
    assert re.findall(r"^### (\S+)$", page, re.MULTILINE) == list(COMMANDS)


def named_tests(text: str) -> set[tuple[str, str]]:
    """The tests that a text names, as file and function; `…::` is the file named before."""
    found, file = set(), ""
    for name in re.findall(r"`((?:\S+\.py|…)::\w+)`", text):
        place, _, function = name.partition("::")
        file = file if place == "…" else place
        found.add((file.replace("S/", "simulation/").replace("R/", "unit/reconcile/"), function))
    return found


def missing_tests(named: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of them that there are not: a path is below tests/, unless it is the sandbox's."""
    there: dict[str, set[str]] = {}
    for file in {file for file, _ in named}:
        module = ast.parse((ROOT / ("" if file.startswith("sandbox/") else "tests") / file).read_text())
        there[file] = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    return [(file, function) for file, function in sorted(named) if function not in there[file]]


@pytest.mark.parametrize(
    ("page", "least"), [("features.md", 50), ("security.md", 40), ("patterns.md", 1), ("rules-tests.md", 300)]
)
def test_every_promise_names_a_test_that_is_there(page: str, least: int) -> None:
    named = named_tests((ROOT / "docs" / page).read_text())
    assert len(named) > least
    assert missing_tests(named) == []


def rows_of(page: str) -> list[list[str]]:
    """The cells of every row of a page's tables, but for their heads."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    heads = {place for place, line in enumerate(lines[1:]) if line.startswith("|---")}
    rows = [line for place, line in enumerate(lines) if line.startswith("| ") and place not in heads]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def questions_played() -> set[str]:
    """The codes of the questions that `tests/questions` brings about."""
    modules = [ast.parse(path.read_text()) for path in (ROOT / "tests" / "questions").glob("*.py")]
    calls = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.Call)]
    codes = [call.args[0] for call in calls if ast.unparse(call.func) == "situation" and call.args]
    return {str(code.value) for code in codes if isinstance(code, ast.Constant)}


def test_every_rule_names_its_tests() -> None:
    rules, tied = rows_of("rules.md"), rows_of("rules-tests.md")
    numbers = [row[0] for row in rules]
    assert len(numbers) > 200
    assert [number for number in numbers if not re.fullmatch(r"\d+\.\d+", number)] == []
    assert len(set(numbers)) == len(numbers), "a number is a name"
    assert [row[0] for row in tied] == numbers
    played = questions_played()
    for number, tests in tied:
        asked = set(re.findall(r"`Q/(\w+)`", tests))
        assert named_tests(tests) or asked, f"{number} names no test"
        assert asked <= played, f"{number} names a question that is not played"


def test_every_promise_against_attackers_has_a_proof() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    assert len(rows) > 25
    assert all(len(row) == 2 and "::" in row[1] for row in rows)


def test_every_feature_has_a_proof_and_a_command() -> None:
    page = (ROOT / "docs" / "features.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    assert all(len(row) == 3 and "::" in row[1] and row[2].strip(" |") for row in rows)


def test_every_command_that_the_pages_name_exists() -> None:
    pages = "\n".join(path.read_text() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
    named = set(re.findall(r"`(?:\.venv/bin/)?ravebooks ([a-z][a-z-]+)", pages))
    assert named
    assert named - COMMANDS.keys() == set()


SPEAK_FOR_PEOPLE = (
    *sorted((ROOT / "console" / "api").glob("*.py")),
    *(
        ROOT / "ravebooks" / "commands" / f"{name}.py"
        for name in ("attention", "bookkeeping", "both_books", "brakes", "many")
    ),
    ROOT / "ravebooks" / "commands" / "restored.py",
)


@pytest.mark.parametrize("path", SPEAK_FOR_PEOPLE, ids=lambda path: path.stem)
def test_views_and_commands_do_what_people_do_by_the_same_actions(path: Path) -> None:
    """A transaction of their own would be a rule that stands twice."""
    assert ".transaction(" not in path.read_text()


METHODS = 15
"""What a class may have beside its views: with more it does the work of several. A view answers a request."""

Public = ast.ClassDef | ast.FunctionDef


def sources(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def public_names(node: ast.AST, before: str = "") -> Iterator[tuple[str, Public]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield before + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from public_names(child, f"{before}{child.name}.")


def test_every_public_name_of_engine_rules_and_console_says_what_it_is() -> None:
    silent = {
        f"{path} {name}"
        for path, module in sources("sync", "reconcile", "console")
        for name, node in public_names(module)
        if not ast.get_docstring(node)
    }
    assert silent == set()


def is_view(class_: ast.ClassDef, method: ast.FunctionDef) -> bool:
    """By what it is made for: one of a resource's methods of HTTP, or what Flask takes for a response."""
    if any("MethodView" in ast.unparse(base) for base in class_.bases):
        return True
    return method.returns is not None and "ResponseReturnValue" in ast.unparse(method.returns)


def test_no_class_does_the_work_of_several() -> None:
    tops = {name.partition(".")[0] for name in listed_packages()}
    sandboxes = [path.parent.relative_to(ROOT) for path in (ROOT / "sandbox").glob("*/__init__.py")]
    rooms = [*tops, *(str(path) for path in sandboxes if path.name != "tests")]
    assert "sandbox/quickbooks_sandbox" in rooms
    methods = {
        f"{path} {node.name}": sum(isinstance(part, ast.FunctionDef) and not is_view(node, part) for part in node.body)
        for path, module in sources(*rooms)
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    }
    assert {name: count for name, count in methods.items() if count > METHODS} == {}


def test_nothing_that_a_merge_left_lies_about() -> None:
    tops = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".") and path.name != "var"]
    files = [path for top in tops for path in top.rglob("*")] + list(ROOT.iterdir())
    assert [str(path) for path in files if path.suffix in (".orig", ".rej")] == []


def test_the_newest_change_is_of_the_version_that_is_built() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    sandbox = tomllib.loads((ROOT / "sandbox" / "pyproject.toml").read_text())
    newest = re.search(r"(?m)^## (\d\S*?),? ", (ROOT / "CHANGELOG.md").read_text())
    assert newest is not None
    assert newest[1] == setup["metadata"]["version"] == sandbox["project"]["version"]


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "sandbox" / "README.md"]


def links_of(page: Path) -> list[tuple[Path, str]]:
    """Every page, picture or folder that a page links to, with the heading that is meant, if one is."""
    found = re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", page.read_text())
    return [(page.parent / link if link else page, anchor) for link, anchor in found]


def anchors_of(page: Path) -> set[str]:
    """What its headings are linked to by, as GitHub makes it of them."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_whatever_a_page_links_to_is_there(page: Path) -> None:
    links = links_of(page)
    assert [str(to) for to, _ in links if not to.exists()] == []
    assert [f"{to.name}#{anchor}" for to, anchor in links if anchor and anchor not in anchors_of(to)] == []


def test_the_start_page_leads_to_every_page() -> None:
    """What nobody is led to is read by nobody."""
    led_to = {to.resolve() for to, _ in links_of(ROOT / "docs" / "README.md")}
    assert {page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"} == {
        to.name for to in led_to if to.parent == ROOT / "docs"
    }
    assert ROOT / "docs" / "README.md" in {to.resolve() for to, _ in links_of(ROOT / "README.md")}


def beside_the_code(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder.parent))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }


def test_what_is_no_code_goes_into_the_wheels_too() -> None:
    """A page, a picture or a contract that is not named there is missing only where nothing of the checkout is."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    product = {package: globs.split() for package, globs in setup["options.package_data"].items()}
    tools = tomllib.loads((ROOT / "sandbox" / "pyproject.toml").read_text())["tool"]["setuptools"]
    for top, data in ((ROOT, product), (ROOT / "sandbox", tools["package-data"])):
        rooms = [path.parent for path in top.glob("*/__init__.py") if path.parent.name != "tests"]
        folders = {package: top / package.replace(".", "/") for package in data}
        shipped = {path for package, globs in data.items() for each in globs for path in folders[package].glob(each)}
        assert {str(path.relative_to(top)) for path in shipped} == set().union(*map(beside_the_code, rooms))
