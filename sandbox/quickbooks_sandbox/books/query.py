"""QuickBooks' query language: parsed into a value, checked against the schema, run over the books."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import filterfalse, islice
from typing import Any

from quickbooks_sandbox.books.amounts import Doc, Encoded
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.clock import parse_instant
from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.books.indexes import CHANGED, DAY, ID, id_order, name_field, updated_seconds
from quickbooks_sandbox.books.rendering import WITH_BALANCES, rendered, text
from quickbooks_sandbox.books.schema import (
    BY_PATH,
    ENTITIES,
    IGNORED,
    LISTS_WITH_ACTIVE,
    NEVER_HELD,
    TEXT,
    TRANSACTIONS,
    Spec,
)

DEFAULT_RESULTS, MOST_RESULTS = 100, 1000
MORE_TAX_CODES = 3  # come with every page of them
LAST_POSITION = 10**9
LISTS_BY_NAME = LISTS_WITH_ACTIVE - {"TaxCode", "TaxRate"}
# Recorded answers to queries of these tell no totalCount.
UNCOUNTED = frozenset(
    {"Account", "Attachable", "Customer", "Department", "Employee", "Estimate", "Item", "SalesReceipt", "Vendor"}
)
# Fields of transactions that an index finds, and fields that an index keeps in order.
EXACT, SORTED = ("DocNumber", "CustomerRef"), (DAY, CHANGED, ID)

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:\\.|[^'\\])*')
    | (?P<symbol><=|>=|=|<|>|,|\(|\)|\*)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_][\w.]*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    kind: str
    value: str
    column: int


@dataclass(frozen=True)
class Condition:
    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool


@dataclass(frozen=True)
class Query:
    entity: str
    fields: tuple[str, ...]  # empty: all
    count: bool
    conditions: tuple[Condition, ...]
    order: tuple[Order, ...]
    start: int
    limit: int


def parse(text: str) -> Query:
    """Raises Fault 4000 for what is no sentence, 4001 for what has no meaning."""
    if not text.strip():
        raise Fault("4000", "QueryParserError: The query provided was empty")
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position, text = 0, text.rstrip().rstrip(";").rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            wrong = text[position:].lstrip()[0]  # no sentence goes on from here, but one may be broken before
            return [*tokens, Token("wrong", wrong, text.index(wrong, position) + 1)]
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind), match.start(kind) + 1))
        position = match.end()
    return [*tokens, Token("end", "<EOF>", len(text) + 1)]


def _syntax(token: Token) -> Fault:
    if token.kind == "wrong":
        return Fault(
            "4000",
            f"QueryParserError: Invalid content. Lexical error at line 1, column {token.column}.  "
            f'Encountered: "{token.value}" ({ord(token.value)}), after : ""',
        )
    kinds = {"word": "<IDENTIFIER> ", "text": "<STRING_LITERAL> ", "number": "<NUMBER> "}
    met = '"<EOF>"' if token.kind == "end" else f'" {kinds.get(token.kind, "")}"{token.value} ""'
    return Fault("4000", f"QueryParserError: Encountered {met} at line 1, column {token.column}.")


def _meaning(detail: str) -> Fault:
    return Fault("4001", f"QueryValidationError: {detail}")


class _Parser:
    """From tokens to a query, a method for each part of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self._read = _Reader(tokens)

    def query(self) -> Query:
        self._read.expect("SELECT")
        fields, count = self._selection()
        self._read.expect("FROM")
        entity = self._entity(self._read.take("word"))
        conditions = self._conditions(entity) if self._read.accept("WHERE") else ()
        order = self._order(entity) if self._read.accept("ORDERBY") or self._read.two_words("ORDER", "BY") else ()
        start, limit = self._paging()
        self._read.take("end")
        names = tuple(_field(entity, name) for name in fields)
        return Query(entity, names, count, conditions, order, start, limit)

    def _entity(self, token: Token) -> str:
        name = token.value.lower()
        entity = BY_PATH.get(name) or NEVER_HELD.get(name)
        if entity is None:
            raise _meaning(f"Entity {token.value} not found")
        return entity

    def _selection(self) -> tuple[list[str], bool]:
        if self._read.accept_symbol("*"):
            while self._read.accept_symbol(","):  # "*, Sku" asks for a field that the star leaves out elsewhere
                self._name()
            return [], False
        if self._read.peek().value.lower() == "count":
            self._read.next()
            for symbol in "(*)":
                self._read.expect_symbol(symbol)
            return [], True
        names = [self._name()]
        while self._read.accept_symbol(","):
            names.append(self._name())
        return names, False

    def _name(self) -> str:
        name = self._read.take("word").value
        if name.endswith(".") and self._read.accept_symbol("*"):
            return name.rstrip(".")
        return name

    def _conditions(self, entity: str) -> tuple[Condition, ...]:
        found = [self._condition(entity)]
        while self._read.accept("AND"):
            found.append(self._condition(entity))
        return tuple(found)

    def _condition(self, entity: str) -> Condition:
        name = _field(entity, self._read.take("word").value)
        token = self._read.next()
        operator = token.value.upper()
        if operator == "IN":
            self._read.expect_symbol("(")
            values = [self._value()]
            while self._read.accept_symbol(","):
                values.append(self._value())
            self._read.expect_symbol(")")
            return Condition(name, "IN", tuple(values))
        if operator not in ("=", "<", ">", "<=", ">=", "LIKE"):
            raise _syntax(token)
        return Condition(name, operator, (self._value(),))

    def _value(self) -> str:
        token = self._read.next()
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.value[1:-1])
        if token.kind == "number" or token.value.lower() in ("true", "false"):
            return token.value
        raise _syntax(token)

    def _order(self, entity: str) -> tuple[Order, ...]:
        found = [self._order_term(entity)]
        while self._read.accept_symbol(","):
            found.append(self._order_term(entity))
        return tuple(found)

    def _order_term(self, entity: str) -> Order:
        name = _field(entity, self._read.take("word").value)
        if self._read.accept("DESC"):
            return Order(name, True)
        self._read.accept("ASC")
        return Order(name, False)

    def _paging(self) -> tuple[int, int]:
        start, limit = 1, DEFAULT_RESULTS
        while True:
            if self._read.accept("STARTPOSITION"):
                start = max(min(self._read.whole(), LAST_POSITION), 1)
            elif self._read.accept("MAXRESULTS"):
                limit = self._read.whole()
                if limit > MOST_RESULTS:
                    raise _meaning(f"value {limit} is too large. Max allowed value is {MOST_RESULTS}.")
            else:
                return start, limit


class _Reader:
    """The tokens of a query, read one after the other; fault 4000 where another is expected."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> Token:
        return self._tokens[self._at]

    def next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def accept(self, keyword: str) -> bool:
        token = self.peek()
        if token.kind == "word" and token.value.upper() == keyword:
            self.next()
            return True
        return False

    def two_words(self, first: str, second: str) -> bool:
        if self.accept(first):
            self.expect(second)
            return True
        return False

    def accept_symbol(self, symbol: str) -> bool:
        if self.peek().kind == "symbol" and self.peek().value == symbol:
            self.next()
            return True
        return False

    def expect(self, keyword: str) -> None:
        if not self.accept(keyword):
            self._fail()

    def expect_symbol(self, symbol: str) -> None:
        if not self.accept_symbol(symbol):
            self._fail()

    def take(self, kind: str) -> Token:
        if self.peek().kind != kind:
            self._fail()
        return self.next()

    def whole(self) -> int:
        if not self.peek().value.isdecimal():
            self._fail()
        return int(self.take("number").value)

    def _fail(self) -> None:
        raise _syntax(self.peek())


def _field(entity: str, path: str) -> str:
    """The field in its own spelling, ``MetaData.LastUpdatedTime``; fault 4001 if the entity has none."""
    if entity not in ENTITIES:
        return path
    proper: list[str] = []
    level: Spec = ENTITIES[entity]
    for part in path.split("."):
        found = _proper_name(level, part)
        if found is None:
            raise _meaning(f"Property {path} not found for Entity {entity}")
        name, level = found
        proper.append(name)
    return ".".join(proper)


def _proper_name(level: Spec, part: str) -> tuple[str, Spec] | None:
    if isinstance(level, dict):
        for name, inner in level.items():
            if name.lower() == part.lower() and inner != IGNORED:
                return name, inner
    return None


def _kind(entity: str, path: str) -> str:
    level: Spec = ENTITIES.get(entity, TEXT)
    for part in path.split("."):
        if isinstance(level, dict):
            level = level[part]
    return level if isinstance(level, str) else "text"


# Running a query


def run(books: Books, query: Query, hidden: Callable[[Doc], bool] | None = None) -> Doc:
    """The ``QueryResponse`` without what is ``hidden``; empty when nothing is found."""
    limit = query.limit + (MORE_TAX_CODES if query.entity == "TaxCode" else 0)
    tests = [_test(query.entity, condition) for condition in query.conditions]
    found: Iterable[Doc]
    hide_inactive = query.entity in LISTS_WITH_ACTIVE and not any(c.field == "Active" for c in query.conditions)
    if not query.count and not hide_inactive and (index := _whole_answer(query)):
        found = books.between(query.entity, index, *_bounds(query, index), skip=query.start - 1)
        return _response(books, query, list(islice(filterfalse(hidden, found) if hidden else found, limit)))
    candidates, in_order = _candidates(books, query)
    if hidden is not None:
        candidates = filterfalse(hidden, candidates)
    if query.entity in WITH_BALANCES:
        # Only balances are worked out for the answer; everything else is compared as it is stored.
        candidates = (rendered(books, query.entity, doc) for doc in candidates)
    found = (
        doc
        for doc in candidates
        if not (hide_inactive and doc.get("Active") is False) and all(test(doc) for test in tests)
    )
    if query.count:
        return {"totalCount": sum(1 for _ in found)}
    if not in_order:
        found = _sorted(list(found), query)
    return _response(books, query, list(islice(found, query.start - 1, query.start - 1 + limit)))


def _response(books: Books, query: Query, page: list[Doc]) -> Doc:
    if not page:
        return {}
    answer: Doc = {
        query.entity: [_shown(books, query, doc) for doc in page],
        "startPosition": query.start,
        "maxResults": len(page),
    }
    return answer if query.entity in UNCOUNTED else {**answer, "totalCount": len(page)}


def _shown(books: Books, query: Query, doc: Doc) -> Doc | Encoded:
    stored = books.get(query.entity, doc["Id"]) or doc
    if query.fields:
        return _picked(rendered(books, query.entity, stored), query.fields)
    return text(books, query.entity, stored)


def _candidates(books: Books, query: Query) -> tuple[Iterable[Doc], bool]:
    """Fewer documents than all when an index knows which; and whether they come in the order asked for."""
    exact = _exactly(books, query)
    if exact is not None:
        return exact, False
    order = _order(query)
    if order is not None:
        return books.between(query.entity, order, *_bounds(query, order)), True
    for field in SORTED:
        least, most = _bounds(query, field)
        if (least, most) != (None, None):
            return books.between(query.entity, field, least, most), False
    if query.order or query.count:
        return books.all(query.entity), False
    if query.entity in TRANSACTIONS:
        return books.newest_first(query.entity), True
    return sorted(books.all(query.entity), key=_usual_key(query.entity)), True


def _usual_key(entity: str) -> Callable[[Doc], tuple[Any, ...]]:
    """The order without ORDERBY: transactions by their last change (the newest is to come first), lists by name."""

    def key(doc: Doc) -> tuple[Any, ...]:
        by_id = id_order(doc["Id"]), doc["Id"]
        if entity in TRANSACTIONS:
            return updated_seconds(doc), *by_id
        return str(doc.get(name_field(entity)) or "").casefold() if entity in LISTS_BY_NAME else "", *by_id

    return key


def _order(query: Query) -> str | None:
    """The sorted index that has the order asked for."""
    if not query.order:
        return None
    order = query.order[0]
    known = len(query.order) == 1 and not order.descending and order.field in SORTED
    return order.field if known and _has_all(query.entity, order.field) else None


def _whole_answer(query: Query) -> str | None:
    """The index of which a stretch is the answer, nothing left out: any page of it is found at once."""
    index = _order(query)
    if index is None or index == CHANGED:  # the deleted ones are in it too
        return None
    if index == ID:  # a bound that is no number is none
        return None if query.conditions else ID
    told = all(condition.field == index and condition.operator in ("=", "<=", ">=") for condition in query.conditions)
    return index if told else None


def _exactly(books: Books, query: Query) -> list[Doc] | None:
    for condition in query.conditions:
        if condition.operator not in ("=", "IN"):
            continue
        values = list(dict.fromkeys(condition.values))
        if condition.field == "Id":
            return [doc for value in values if (doc := books.get(query.entity, value)) is not None]
        if condition.field in EXACT and query.entity in TRANSACTIONS:
            keys = dict.fromkeys(
                key for value in values for key in books.found((f"{condition.field}:{query.entity}", value))
            )
            return [doc for entity, object_id in keys if (doc := books.get(entity, object_id))]
    return None


def _has_all(entity: str, field: str) -> bool:
    return field != DAY or entity in TRANSACTIONS


def _bounds(query: Query, field: str) -> tuple[Any, Any]:
    """The least and the most that the conditions allow; the conditions themselves are tested besides."""
    least, most = None, None
    if _has_all(query.entity, field):
        for condition in query.conditions:
            if condition.field == field and condition.operator in ("=", ">", ">=", "<", "<="):
                value = _bound(query.entity, field, condition.values[0])
                if condition.operator in ("=", ">", ">="):
                    least = value if least is None else max(least, value)
                if condition.operator in ("=", "<", "<="):
                    most = value if most is None else min(most, value)
    return least, most


def _bound(entity: str, field: str, value: str) -> Any:
    return id_order(value) if field == ID else _comparable(_kind(entity, field), value)


def _sorted(found: list[Doc], query: Query) -> list[Doc]:
    if not query.order:
        return sorted(found, key=_usual_key(query.entity), reverse=query.entity in TRANSACTIONS)
    found.sort(key=lambda doc: (id_order(doc["Id"]), doc["Id"]))
    for order in reversed(query.order):
        kind = "id" if order.field == "Id" else _kind(query.entity, order.field)
        found.sort(key=_order_key(order.field, kind), reverse=order.descending)
    return found


def _order_key(field: str, kind: str) -> Callable[[Doc], tuple[bool, Any]]:
    def key(doc: Doc) -> tuple[bool, Any]:
        value = _stored(doc, field)
        return (value is not None, 0) if value is None else (True, _comparable(kind, value))

    return key


def _picked(doc: Doc, fields: tuple[str, ...]) -> Doc:
    if not fields:
        return doc
    picked: Doc = {"domain": "QBO", "sparse": True}
    for name in ("Id", *fields):
        source: Any = doc
        target = picked
        *parents, last = name.split(".")
        for parent in parents:
            source = source.get(parent) or {}
            target = target.setdefault(parent, {})
        if isinstance(source, dict) and last in source:
            target[last] = source[last]
    return picked


def _stored(doc: Doc, path: str) -> Any:
    value: Any = doc
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):  # a reference is compared by its Id, an address by its text
        return next((value[name] for name in ("value", "Address", "FreeFormNumber", "URI") if name in value), None)
    return value


def _instant(text: str) -> float:
    try:
        return parse_instant(text).timestamp()
    except ValueError:
        raise _meaning(f"Invalid value '{text}': a date or time is expected") from None


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise InvalidOperation
    return number


def _comparable(kind: str, value: Any) -> Any:
    try:
        match kind:
            case "number" | "integer":
                return _finite(Decimal(value))
            case "instant":
                return _instant(str(value))
            case "boolean":
                return str(value).lower()
            case "id":
                return id_order(str(value)), str(value)
    except InvalidOperation:
        raise _meaning(f"Invalid value '{value}': a number is expected") from None
    return str(value).casefold()


def _test(entity: str, condition: Condition) -> Callable[[Doc], bool]:
    kind = "id" if condition.field == "Id" else _kind(entity, condition.field)
    if condition.operator == "LIKE":
        return _like(condition)
    wanted = [_comparable(kind, value) for value in condition.values]
    compare = _COMPARE[condition.operator]

    def test(doc: Doc) -> bool:
        value = _stored(doc, condition.field)
        return value is not None and any(compare(_comparable(kind, value), one) for one in wanted)

    return test


def _like(condition: Condition) -> Callable[[Doc], bool]:
    pattern = ".*".join(re.escape(part) for part in condition.values[0].split("%"))
    matcher = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda doc: matcher.fullmatch(str(_stored(doc, condition.field) or "")) is not None


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "IN": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}
