"""Worlds make the same web applications over and over: what builds an address is compiled once for each route."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]
_compile = Rule._compile_builder
_kept: dict[tuple[Any, ...], Builder] = {}


def _compiled_once(rule: Rule, append_unknown: bool = True) -> Builder:
    """What it makes depends on nothing else of the rule: the converters are the rule's that it is called with."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _kept:
        _kept[key] = _compile(rule, append_unknown)
    return _kept[key]


def keep() -> None:
    """From now on, in this process. A fifth of a second for each world."""
    Rule._compile_builder = _compiled_once  # type: ignore[assignment, method-assign]
