"""Versioned key rings: `2:base64,1:base64`. The highest version writes, every version reads."""

import base64
import binascii
from dataclasses import dataclass, field

from config.errors import SettingError

KEY_BYTES = 32
HIGHEST_VERSION = 65535
"""A sealed token names its key's version in two bytes."""


@dataclass(frozen=True)
class KeyRing:
    """Keys of 32 bytes by version number."""

    keys: dict[int, bytes] = field(repr=False)

    @property
    def current(self) -> int:
        return max(self.keys)

    def newest_first(self) -> list[tuple[int, bytes]]:
        return sorted(self.keys.items(), reverse=True)


def parse(text: str) -> KeyRing:
    """A ring from `version:base64` parts, separated by commas; each key is 32 bytes, each version stands there once."""
    keys: dict[int, bytes] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        version, _, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise SettingError("a key is not of the form version:base64") from error
        if not (version.isascii() and version.isdecimal()):
            raise SettingError("a key is not of the form version:base64")
        number = int(version)
        if not 1 <= number <= HIGHEST_VERSION:
            raise SettingError(f"a version is a whole number between 1 and {HIGHEST_VERSION}, and not {number}")
        if len(key) != KEY_BYTES:
            raise SettingError(f"the key of version {number} has {len(key)} bytes instead of {KEY_BYTES}")
        if number in keys:
            raise SettingError(f"version {number} stands there twice")
        keys[number] = key
    if not keys:
        raise SettingError("the ring is empty")
    return KeyRing(keys)


def spell(key: bytes, version: int = 1) -> str:
    """One key as `parse` reads it."""
    return f"{version}:{base64.b64encode(key).decode('ascii')}"
