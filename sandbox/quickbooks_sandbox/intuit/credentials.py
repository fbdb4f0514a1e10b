"""What Intuit makes up: texts that nobody guesses."""

from __future__ import annotations

import string
from collections.abc import Callable

_ALPHABET = string.ascii_letters + string.digits


def secret(choice: Callable[[str], str], length: int) -> str:
    return "".join(choice(_ALPHABET) for _ in range(length))
