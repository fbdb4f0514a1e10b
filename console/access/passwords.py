"""Passwords: kept as argon2 hashes, and refused when they are short or somebody's name."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from config.errors import RavebooksError

SHORTEST = 12
"""Length is what makes a password hard to guess; NIST SP 800-63B, 3.1.1.2, asks for no signs of certain kinds."""
LONGEST = 256
_HASHER = PasswordHasher()
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$r3PDF3bOXRW09a9cm7yz0Q$cZeRi/J7mONP958yDfHyDDjtyOClNTbMujg3C2yiTq0"
"""Of no password; written down, since every process that starts would wait for a hash."""


class PasswordRefused(RavebooksError):
    """It would not keep anybody out."""

    remedy = f"Take at least {SHORTEST} characters, such as four words."


def hashed(password: str, name: str) -> str:
    """What is kept of a password. Raises `PasswordRefused`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused(f"a password has {SHORTEST} to {LONGEST} characters, and this one {len(password)}")
    if name.casefold() in password.casefold() or len(set(password)) < SHORTEST // 3:
        raise PasswordRefused("this password is easy to guess: it has the name in it, or hardly any other character")
    return _HASHER.hash(password)


def is_right(kept: str, password: str) -> bool:
    """Whether it is the password. Who is unknown or has none takes as long to be refused as anybody else."""
    try:
        return _HASHER.verify(kept or _NOBODYS, password[: LONGEST + 1]) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether it was hashed more weakly than today."""
    return _HASHER.check_needs_rehash(kept)
