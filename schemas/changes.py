"""What a body changes: field by field, for a person to read. Paths are the neighbour's own names."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

_NOT_CONTENT = frozenset({"Id", "SyncToken", "sparse", "notify", "domain", "external_id"})


def changes(before: Mapping[str, Any], sent: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """`[{"field", "before", "after"}]` for every field of `sent` that says something else than `before`.

    What `sent` leaves out stays as it is: writes are sparse. Lines are compared with the line of the same id, or that
    is about the same record; lists are all or nothing, so that a line which is not sent again is removed.
    """
    found: list[dict[str, str | None]] = [
        {"field": path, "before": had, "after": value}
        for path, had, value in _both(before, sent, "")
        # Nothing where there was nothing is no change.
        if (had or "") != value
    ]
    return found + [{"field": path, "before": line, "after": None} for path, line in _removed(before, sent)]


# --- what is sent, beside what was there ---------------------------------------------------------


def _both(before: Any, sent: Any, path: str) -> Iterator[tuple[str, str | None, str]]:
    """Path, earlier and new value of every plain value in `sent`."""
    if isinstance(sent, Mapping):
        was = before if isinstance(before, Mapping) else {}
        for key, inner in sent.items():
            if key not in _NOT_CONTENT and key != "name":
                yield from _both(was.get(key), inner, f"{path}.{key}" if path else str(key))
    elif isinstance(sent, list):
        partners = _partners(before, sent)
        for place, inner in enumerate(_own_lines(sent)):
            yield from _both(partners.get(place), inner, f"{path}[{place}]")
    elif sent is not None:
        had = None if before is None or isinstance(before, Mapping | list) else _spell(before)
        yield path.removesuffix(".value"), had, _spell(sent)


def _removed(before: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, lines in sent.items():
        had = before.get(name)
        if isinstance(lines, list) and isinstance(had, list):
            kept = [id(line) for line in _partners(had, lines).values()]
            for place, line in enumerate(_own_lines(had)):
                if id(line) not in kept:
                    yield f"{name}[{place}]", _line(line)


def _partners(before: Any, sent: list[Any]) -> dict[int, Any]:
    """The earlier line of each line that is sent, by its place. Lines that have no name go by their place."""
    had = _own_lines(before) if isinstance(before, list) else []
    named: dict[str, list[Any]] = {}
    for line in had:
        if (name := _name(line)) is not None:
            named.setdefault(name, []).append(line)
    found: dict[int, Any] = {}
    for place, line in enumerate(_own_lines(sent)):
        name = _name(line)
        if name is not None:
            if named.get(name):
                found[place] = named[name].pop(0)
        elif place < len(had) and _name(had[place]) is None:
            found[place] = had[place]
    return found


def _name(line: Any) -> str | None:
    """By what a line is known again: the record that it is about, its kind if there is one only, its id."""
    if not isinstance(line, Mapping):
        return None
    for link in line.get("LinkedTxn") or []:
        return f"{link.get('TxnType')} {link.get('TxnId')}"
    if line.get("DetailType") == "DiscountLineDetail":
        return "discount"
    for key in ("invoice_id", "Id", "id"):
        if line.get(key):
            return str(line[key])
    return None


def _own_lines(lines: list[Any]) -> list[Any]:
    """Without the subtotal lines that QuickBooks generates."""
    return [line for line in lines if not (isinstance(line, dict) and line.get("DetailType") == "SubTotalLineDetail")]


# --- words ---------------------------------------------------------------------------------------


def _line(line: Any) -> str:
    if not isinstance(line, dict):
        return str(line)
    amount = next((line[key] for key in ("Amount", "amount") if line.get(key) is not None), None)
    words = [line.get("Description") or line.get("description"), None if amount is None else _spell(amount)]
    return ", ".join(str(word) for word in words if word) or "a line"


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
