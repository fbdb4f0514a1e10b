"""docs/questions.md: every code under which a person is asked, out of the source, and what became of each answer."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.errors import Missing, NeighbourError, Refused
from clients.ravetree.account import WrongAnswer
from config.errors import code_of
from reconcile.choices import choices
from tests.questions.desk import SITUATIONS, Situation
from tests.questions.playing import asked, play

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "questions.md"
HEAD = """\
# Questions

What a person is asked about a record, by code: the sentence, the decisions that it takes, and what both books say when
one was carried out to its end. `GET …/attention` and `ravebooks attention` list the decisions with each question;
`link` and `adopt` are older names of `one`. What QuickBooks or Ravetree refuses is asked under the name of its error,
with the error's own remedy. Where a question takes no decision, or not only those, what a person does instead is a
repair.

This page is written by `make questions` from what the product does; the simulation fails when it does something else.
"""

ASKERS = ("held", "parked", "Attention", "Park")
"""What makes a question. Of an `Attention` the first argument is its state."""

NOT_PLAYED: Mapping[str, str] = {
    "client_missing": "Ravetree deletes no client that has documents.",
    "defect": "A fault of the program itself.",
    "does_not_settle": "A fault of the program itself.",
    "look_failing": "It is about a connection, and ends with the look that succeeds.",
    "wrong_request": "A fault of the program itself.",
    "invalid": "Ravetree takes whatever the rules let through.",
    "record_gone": "It ends with the news of the deletion, which comes by itself.",
    "not_allowed": "The sandbox keeps no single record from a token; `unit/clients/test_ravetree_account.py` does.",
    "taken": "It is the own record, written before its answer was lost, and is taken as that.",
    "wrong_answer": "A fault of Ravetree itself.",
}
"""What can be asked and is brought about in no simulated world, by its code, and why."""


@dataclass(frozen=True)
class Asked:
    """One place in the source that asks: its code, and the sentence with `…` for what differs."""

    code: str
    sentence: str
    decisions: tuple[str, ...]


def asked_in_source() -> dict[str, list[Asked]]:
    """Every question of `reconcile/` and `sync/`, by its code."""
    found: dict[str, list[Asked]] = {}
    trees = [
        ast.parse(path.read_text()) for room in ("reconcile", "sync") for path in sorted((ROOT / room).rglob("*.py"))
    ]
    constants = {name: value for tree in trees for name, value in _constants(tree)}
    for tree in trees:
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                for one in _asked_by(call, constants):
                    found.setdefault(one.code, []).append(one)
    return dict(sorted(found.items()))


def asked_as_errors() -> dict[str, str]:
    """What is asked under the name of an error, with its remedy; the roots themselves are raised by nobody."""
    kinds: list[type[NeighbourError]] = [WrongAnswer, *_below(Missing), *_below(Refused)]
    return {code_of(kind): kind.remedy for kind in sorted(kinds, key=code_of)}


def _below(root: type[NeighbourError]) -> Iterator[type[NeighbourError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _below(kind)


def _asked_by(call: ast.Call, constants: Mapping[str, str]) -> Iterator[Asked]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ASKERS:
        return
    given = call.args[1:] if name == "Attention" else call.args
    if len(given) < 3:
        return
    said = tuple(_decisions(call))
    for code in _codes(given[0], constants):
        yield Asked(code, f"{_text(given[1])} {_text(given[2])}", said)


def _codes(node: ast.expr, constants: Mapping[str, str]) -> list[str]:
    """The codes that an argument may be; none where it is the name of an error, or a parameter."""
    text = _text(node, constants)
    if text == "…_without_lines":
        return ["estimate_without_lines", "invoice_without_lines"]
    return [text] if "…" not in text else []


def _text(node: ast.expr, constants: Mapping[str, str] | None = None) -> str:
    """What an expression says, with `…` for what is not known before."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.Name(id=name) if constants is not None:
            return constants.get(name, "…")
        case ast.Attribute(attr=name) if constants is not None:
            return constants.get(name, "…")
    return "…"


def _decisions(call: ast.Call) -> Iterator[str]:
    """The decisions that a call names, in whatever way."""
    for node in ast.walk(call):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Decision":
            yield node.attr.lower()


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for left, right in pairs:
            if isinstance(left, ast.Name) and isinstance(right, ast.Constant) and isinstance(right.value, str):
                yield left.id, right.value


# --- the page ------------------------------------------------------------------------------------

Outcomes = dict[tuple[str, str], str]
"""What became of each way to answer each situation, by the situation's name and the way."""


def outcomes(one: Situation) -> Outcomes:
    """Play a situation in every way."""
    return {(one.name, way): play(one, way) for way in one.ways}


def sentence(one: Situation) -> str:
    """What is said in a situation."""
    with asked(one) as (desk, name):
        row = next(row for row in desk.world.attention() if ":".join((row["side"], row["kind"], row["id"])) == name)
        return f"{row['cause']} {row['remedy']}"


def rows(code: str, found: Outcomes) -> Iterator[str]:
    """The table of a code, a row for each way to answer each of its situations."""
    for one in (one for one in SITUATIONS if one.code == code):
        for way in one.ways:
            does = next((c.does for c in choices(code, one.decisions) if c.decision == way), f"*{way}*")
            named = f"`{way}`{' with a target' if way in one.targets else ''}" if way in one.decisions else "a repair"
            yield f"| {one.when} | {named} | {does} | {found[one.name, way]} |"


def page(found: Outcomes, sentences: Mapping[str, str]) -> str:
    """docs/questions.md."""
    source = asked_in_source()
    text = HEAD
    for code in sorted(sentences):
        table = "\n".join(rows(code, found))
        text += f"\n## `{code}`\n\n> {sentences[code]}\n\n| when | answer | what it does | both books then |\n"
        text += f"|---|---|---|---|\n{table}\n"
    text += "\n## Not played\n\n| code | sentence | why it is not played |\n|---|---|---|\n"
    for code, why in NOT_PLAYED.items():
        asked_here = [place.sentence for place in source.get(code, ())] or [f"… {asked_as_errors()[code]}"]
        text += f"| `{code}` | {' / '.join(dict.fromkeys(asked_here))} | {why} |\n"
    return text


def write_page() -> None:
    """Write docs/questions.md from what the product does now; read the difference before it is committed."""
    found: Outcomes = {}
    sentences: dict[str, str] = {}
    for one in SITUATIONS:
        found |= outcomes(one)
        sentences.setdefault(one.code, sentence(one))
    PAGE.write_text(page(found, sentences))


if __name__ == "__main__":
    write_page()
