"""Which small changes the rules are tried with: mutmut's, of code that decides, drawn by a seed."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_assignment, operator_lambda

REFUSED = (operator_assignment, operator_lambda)
"""What mypy refuses nearly always, None in a value's place, tries no test."""
STATEMENTS = (cst.BaseSmallStatement, cst.BaseCompoundStatement, cst.Else)
OBSERVED = {"log", "telemetry", "traces", "span"}
"""Whatever is called on these is watched, and decides nothing."""


@dataclass(frozen=True)
class Change:
    """One small change of a file: what stands there, what it becomes, and the lines of the statement around it."""

    path: str
    lines: range
    old: str
    new: str
    count: int
    """How many changes of the same words by the same words stand above it."""
    make: Callable[[], str] = field(compare=False)
    """The file with the change in it."""

    def rank(self, seed: int) -> str:
        """Its place in the draw. Where other code changes, it stays before or behind the same ones."""
        return hashlib.sha256(f"{seed} {self.path} {self.old} {self.new} {self.count}".encode()).hexdigest()

    def diff(self, before: str) -> str:
        """The change as people read it, without lines around it."""
        old, new = before.splitlines(), self.make().splitlines()
        return "\n".join(difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}", lineterm="", n=0))


def drawn(changes: Iterable[Change], sample: int, seed: int) -> list[Change]:
    """So many of them, by chance: the same ones again under the same seed, and a smaller sample is part of a larger."""
    return sorted(changes, key=lambda change: change.rank(seed))[:sample]


def changes_of(root: Path, files: Iterable[Path]) -> Iterator[Change]:
    """Every change of these files, which lie under `root`."""
    for file in files:
        yield from changes_in(str(file.relative_to(root)), file.read_text())


def changes_in(path: str, source: str) -> Iterator[Change]:
    """Every change of one file, in its order."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    finder = _Finder()
    wrapper.visit(finder)
    seen: Counter[tuple[str, str]] = Counter()
    for original, changed, place in finder.found:
        words = wrapper.module.code_for_node(original), wrapper.module.code_for_node(changed)
        if words[0] != words[1]:
            make = partial(_made, wrapper.module, original, changed)
            yield Change(path, range(place.start.line, place.end.line + 1), *words, seen[words], make)
            seen[words] += 1


def _made(module: cst.Module, original: cst.CSTNode, changed: cst.CSTNode) -> str:
    made: str = module.visit(_Replacing(original, changed)).code
    return made


class _Finder(cst.CSTVisitor):
    """Goes through what decides, and gathers what each node may become."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, CodeRange]] = []
        self._statements: list[CodeRange] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _decides_nothing(node):
            return False
        if isinstance(node, STATEMENTS):
            self._statements.append(self._reach(node))
        if self._statements:
            for changed in _become(node):
                self.found.append((node, changed, self._statements[-1]))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, STATEMENTS) and not _decides_nothing(original_node):
            self._statements.pop()

    def _reach(self, node: cst.CSTNode) -> CodeRange:
        """The lines of a statement, of a compound one those above its body."""
        place = self.get_metadata(PositionProvider, node)
        body = getattr(node, "body", None)
        if not isinstance(body, cst.IndentedBlock):
            return place
        inner = self.get_metadata(PositionProvider, body)
        return CodeRange(place.start, inner.start)


class _Replacing(cst.CSTTransformer):
    """Puts one node in another's place."""

    def __init__(self, original: cst.CSTNode, changed: cst.CSTNode) -> None:
        self._original, self._changed = original, changed

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:
        return self._changed if original_node is self._original else updated_node


def _become(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind) and operator not in REFUSED:
            made = list(operator(node))
            if isinstance(node, cst.Call):
                yield from (each for each in made if _leaves_out(node, each))
            else:
                # The spellings of a code in other letters show nothing that another code does not.
                yield from made[:1] if isinstance(node, cst.BaseString) else made


def _leaves_out(call: cst.Call, changed: cst.CSTNode) -> bool:
    """Whether what remains of a call is one without an argument that has a name, and that nobody reads as a sentence.

    The argument's default takes its place; mypy refuses a call without what has none.
    """
    if not isinstance(changed, cst.Call) or changed.func is not call.func:
        return True
    if len(changed.args) == len(call.args):
        return False
    kept = {id(argument) for argument in changed.args}
    gone = [argument for argument in call.args if id(argument) not in kept]
    return all(argument.keyword is not None and not _is_said(argument.value) for argument in gone)


def _is_said(node: cst.CSTNode) -> bool:
    """Whether it is a sentence: a string with a space in it, or one that is put together."""
    if isinstance(node, cst.SimpleString):
        return " " in node.value
    return isinstance(node, cst.FormattedString | cst.ConcatenatedString)


def _decides_nothing(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom | cst.Raise) or _is_said(node):
        return True
    if isinstance(node, cst.SimpleStatementLine):
        return all(isinstance(each, cst.Expr) and isinstance(each.value, cst.BaseString) for each in node.body)
    if isinstance(node, cst.ClassDef):
        return any(isinstance(base.value, cst.Name) and base.value.value == "Protocol" for base in node.bases)
    if isinstance(node, cst.Call):
        return _owner(node.func) in OBSERVED or (isinstance(node.func, cst.Name) and node.func.value == "isinstance")
    return isinstance(node, cst.Assign) and any(_name(each.target).startswith("__") for each in node.targets)


def _owner(node: cst.CSTNode) -> str:
    """The name at the beginning of `log.info` or `telemetry.writes.labels(…).inc`."""
    while isinstance(node, cst.Attribute | cst.Call):
        node = node.value if isinstance(node, cst.Attribute) else node.func
    return _name(node)


def _name(node: cst.CSTNode) -> str:
    return node.value if isinstance(node, cst.Name) else ""
