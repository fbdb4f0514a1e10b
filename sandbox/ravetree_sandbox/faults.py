"""Faults that a test can order: by endpoint, kind, count and probability."""

import json
from dataclasses import asdict, dataclass
from random import Random

from ravetree_sandbox.errors import bad_request
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json
from sandbox_kit.faults import CALL_KINDS, DELIVERIES, DELIVERY_KINDS, FIELDS, OrderedFault

LARGEST_NUMBER = 10_000_000


@dataclass(frozen=True)
class Rule:
    """A fault that is in force, by the id that it is kept under."""

    id: int
    fault: OrderedFault

    def shown(self) -> Json:
        return {"id": self.id, **asdict(self.fault)}


class Faults:
    def __init__(self, store: Store, randomness: Random) -> None:
        self._store = store
        self._randomness = randomness

    def add(self, rule: Json) -> Json:
        """Adds a rule; without count and probability it strikes once."""
        checked = _checked(rule)
        with self._store.transaction():
            number = self._store.run(
                "INSERT INTO faults (rule, remaining) VALUES (?, ?)", json.dumps(checked), checked["count"]
            )
        return {"id": number, **checked}

    def all(self) -> list[Json]:
        """The rules still in force; `count` is what is left of them."""
        return [rule.shown() for rule in self._rules()]

    def clear(self) -> None:
        self._store.run("DELETE FROM faults")

    def on_call(self, endpoint: str) -> OrderedFault | None:
        """The fault that strikes a call of this endpoint, used up by one."""
        with self._store.transaction():
            for rule in self._rules():
                if rule.fault.kind in CALL_KINDS and rule.fault.concerns(endpoint) and self._strikes(rule):
                    return rule.fault
        return None

    def on_delivery(self) -> list[OrderedFault]:
        """The faults that strike the delivery of one event, each used up by one."""
        rules = [rule for rule in self._rules() if rule.fault.kind in DELIVERY_KINDS]
        return [rule.fault for rule in rules if rule.fault.concerns(DELIVERIES) and self._strikes(rule)]

    def _rules(self) -> list[Rule]:
        rows = self._store.rows("SELECT * FROM faults WHERE remaining IS NULL OR remaining > 0 ORDER BY id")
        return [Rule(row["id"], OrderedFault(**json.loads(row["rule"]) | {"count": row["remaining"]})) for row in rows]

    def _strikes(self, rule: Rule) -> bool:
        if not rule.fault.hits(self._randomness):
            return False
        self._store.run("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", rule.id)
        return True


def _checked(rule: Json) -> Json:
    for name in rule:
        if name not in FIELDS:
            raise bad_request(f"Unknown field {name}: a fault has {', '.join(sorted(FIELDS))}.", name)
    kind = str(rule.get("kind"))
    if kind not in CALL_KINDS + DELIVERY_KINDS:
        raise bad_request(f"The kind is one of {', '.join(CALL_KINDS + DELIVERY_KINDS)}.", "kind")
    endpoint = str(rule.get("endpoint", DELIVERIES if kind in DELIVERY_KINDS else "*"))
    if (endpoint == DELIVERIES) != (kind in DELIVERY_KINDS) and endpoint != "*":
        raise bad_request(f"The fault {kind} cannot strike {endpoint}.", "endpoint")
    count = rule.get("count", None if "probability" in rule else 1)
    if count is not None and (type(count) is not int or count < 1):
        raise bad_request("The count is a positive integer, or null for ever.", "count")
    return {
        "endpoint": endpoint,
        "kind": kind,
        "count": count,
        "probability": _number(rule, "probability", 1.0),
        "seconds": _number(rule, "seconds", None),
    }


def _number(rule: Json, name: str, default: float | None) -> float | None:
    value = rule.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST_NUMBER:
        raise bad_request(f"{name} is a number from 0 to {LARGEST_NUMBER}.", name)
    return float(value)
