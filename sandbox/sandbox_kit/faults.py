"""What a fault on order is: where it strikes, how, how often and how likely."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

CALL_KINDS = ("timeout_before", "timeout_after", "429", "500", "503", "401")
DELIVERY_KINDS = ("duplicate", "late", "reorder", "lose")
DELIVERIES = "webhook"
"""The endpoint of deliveries."""
FIELDS = frozenset({"endpoint", "kind", "count", "probability", "seconds"})
"""What an order may say."""


@dataclass(frozen=True)
class OrderedFault:
    """`endpoint` is a pattern; `count` None is for ever; `seconds` is a hang, a wait or a Retry-After."""

    endpoint: str
    kind: str
    count: int | None
    probability: float
    seconds: float | None

    def concerns(self, endpoint: str) -> bool:
        return fnmatchcase(endpoint, self.endpoint)

    def hits(self, randomness: Random) -> bool:
        """Whether it strikes this time."""
        return self.probability >= 1 or randomness.random() < self.probability
