"""What a body changes: field by field, for a person to read. Paths are the neighbour's own names."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

_NOT_CONTENT = frozenset({"Id", "SyncToken", "sparse", "notify", "domain", "external_id"})


def changes(before: Mapping[str, Any], sent: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """`[{"field", "before", "after"}]` for every field of `sent` that says something else than `before`.

    What `sent` leaves out stays as it is: writes are sparse. Lines are compared by their place.
    """
    now = dict(_flat(before, ""))
    found: list[dict[str, str | None]] = []
    for path, value in _flat(sent, ""):
        if now.get(path) != value:
            found.append({"field": path, "before": now.get(path), "after": value})
    for name in sent:
        lines, had = sent[name], before.get(name)
        if isinstance(lines, list) and isinstance(had, list):
            found.extend(
                {"field": f"{name}[{place}]", "before": _line(line), "after": None}
                for place, line in enumerate(_own_lines(had))
                if place >= len(lines)
            )
    return found


def _own_lines(lines: list[Any]) -> list[Any]:
    """Without the subtotal lines that QuickBooks generates."""
    return [line for line in lines if not (isinstance(line, dict) and line.get("DetailType") == "SubTotalLineDetail")]


def _line(line: Any) -> str:
    return str(line.get("Description") or line.get("Amount") or line.get("amount")) if isinstance(line, dict) else line


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _NOT_CONTENT and key != "name":
                yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, inner in enumerate(_own_lines(value)):
            yield from _flat(inner, f"{path}[{place}]")
    elif value is not None:
        yield path.removesuffix(".value"), _spell(value)


def _spell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float, Decimal)):
        return format(Decimal(str(value)).normalize(), "f")
    text = str(value)
    try:
        # Money is text on one side and a number on the other.
        return format(Decimal(text).normalize(), "f") if text[:1].isdigit() and "." in text else text
    except ArithmeticError:
        return text
