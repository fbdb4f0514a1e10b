"""Which secrets are too weak for other people's books: a simple rule, so that a message can state it whole."""

import re
from collections.abc import Iterator

from config.keyring import KeyRing

LENGTH = 16
DIFFERENT = 8
"""Of 32 random hexadecimal digits, one in twenty million has fewer."""
PLACEHOLDERS = ("changeme", "placeholder", "password", "example")
RULE = (
    f"at least {LENGTH} characters, {DIFFERENT} of them different, "
    f"that neither repeat a shorter text nor contain {', '.join(PLACEHOLDERS[:-1])} or {PLACEHOLDERS[-1]}"
)


def is_weak(secret: str) -> bool:
    """Whether `secret` breaks `RULE`."""
    letters = re.sub(r"[^a-z0-9]", "", secret.lower())
    return (
        len(secret) < LENGTH
        or len(set(secret)) < DIFFERENT
        or _repeats(secret)
        or any(word in letters for word in PLACEHOLDERS)
    )


def weak_versions(ring: KeyRing) -> Iterator[int]:
    """The versions of `ring` whose keys break `RULE`, a byte for a character."""
    return (version for version, key in ring.keys.items() if is_weak(key.decode("latin-1")))


def _repeats(text: str) -> bool:
    """Whether it is a shorter piece, again and again; the last time it may be cut."""
    return any(text[step:] == text[:-step] for step in range(1, len(text) // 2 + 1))
