"""Passwords: kept as argon2 hashes, and refused when they are short or somebody's name."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from config.errors import RavebooksError

SHORTEST = 12
"""Length is what makes a password hard to guess; NIST SP 800-63B, 3.1.1.2, asks for no signs of certain kinds."""
LONGEST = 256


class PasswordRefused(RavebooksError):
    """It would not keep anybody out."""

    remedy = f"Take at least {SHORTEST} characters, such as four words."


class Passwords:
    """What is kept of passwords, and whether one is right; without a hasher, at the cost that argon2 advises."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = _hash_of_nobody(self._hasher)

    def hashed(self, password: str, name: str) -> str:
        """What is kept of a password. Raises `PasswordRefused`."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise PasswordRefused(f"a password has {SHORTEST} to {LONGEST} characters, and this one {len(password)}")
        if name.casefold() in password.casefold() or len(set(password)) < SHORTEST // 3:
            raise PasswordRefused(
                "this password is easy to guess: it has the name in it, or hardly any other character"
            )
        return self._hasher.hash(password)

    def is_right(self, kept: str, password: str) -> bool:
        """Whether it is the password. Who is unknown or has none takes as long to be refused as anybody else."""
        try:
            return self._hasher.verify(kept or self._nobodys, password[: LONGEST + 1]) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed more weakly than today."""
        return self._hasher.check_needs_rehash(kept)


def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """It has the shape of a hash, so it takes as long to look at, and no password is known that has it."""
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    # base64 without padding: 16 bytes of salt, 32 of the hash.
    return f"$argon2id$v=19${costs}${'A' * 22}${'A' * 43}"
