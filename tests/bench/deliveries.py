"""QuickBooks' deliveries as Intuit describes them, each event with an id of its own."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

REALMS = [str(310_000 + number) for number in range(50)]
_NUMBERS = itertools.count()


def events(size: int) -> list[dict[str, Any]]:
    """One delivery's events, all of one realm, each of another invoice."""
    number = next(_NUMBERS)
    realm = REALMS[number % len(REALMS)]
    return [
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=",
            "type": "qbo.invoice.updated.v1",
            "datacontenttype": "application/json",
            "time": "2026-11-20T14:13:20.123456789Z",
            "intuitentityid": str(1 + (number * size + place) % 100_000),
            "intuitaccountid": realm,
            "data": {},
        }
        for place in range(size)
    ]
