"""Faults on order, as both emulators understand them."""

from random import Random

import pytest

from sandbox_kit.faults import OrderedFault


@pytest.mark.parametrize(
    ("pattern", "endpoint", "fits"),
    [
        ("*", "invoice.create", True),
        ("invoice.*", "invoice.create", True),
        ("*.create", "payment.create", True),
        ("invoice.*", "payment.create", False),
        ("query", "query", True),
    ],
)
def test_an_endpoint_is_a_pattern(pattern: str, endpoint: str, fits: bool) -> None:
    assert OrderedFault(pattern, "500", None, 1.0, None).concerns(endpoint) == fits


def test_it_hits_as_often_as_is_likely() -> None:
    randomness = Random(1)
    hits = [OrderedFault("*", "500", None, 0.25, None).hits(randomness) for _ in range(2000)]
    assert 0.2 < sum(hits) / len(hits) < 0.3
    assert all(OrderedFault("*", "500", None, 1.0, None).hits(randomness) for _ in range(100))
    assert not any(OrderedFault("*", "500", None, 0.0, None).hits(randomness) for _ in range(100))
