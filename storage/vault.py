"""Tokens at rest: AES-256-GCM under a versioned key ring, bound to their connection and field."""

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from config.errors import Stop
from config.keyring import KeyRing
from config.ports import Entropy
from storage.database import StorageError
from storage.models import Connection

TOKEN_FIELDS = ("ravetree_token", "access_token", "refresh_token")
"""The columns of a connection that hold sealed tokens."""

NONCE_BYTES = 12
VERSION_BYTES = 2


class UnreadableSecret(StorageError, Stop):
    """A stored token cannot be decrypted."""

    remedy = "Put the key that encrypted it back into RAVEBOOKS_TOKEN_KEYS, or connect again."


def lost_versions(session: Session, ring: KeyRing) -> list[int]:
    """The versions of keys under which tokens are stored, and which `ring` does not have."""
    begins = [sa.func.substr(getattr(Connection, field), 1, VERSION_BYTES) for field in TOKEN_FIELDS]
    found = session.execute(sa.union(*(sa.select(begin).where(begin.is_not(None)) for begin in begins))).scalars()
    return sorted({int.from_bytes(begin, "big") for begin in found} - ring.keys.keys())


class Vault:
    """Seals and opens tokens. A sealed token is version, nonce, and ciphertext with its tag."""

    def __init__(self, ring: KeyRing, entropy: Entropy) -> None:
        self._ring = ring
        self._entropy = entropy

    def seal(self, secret: str, owner: str, field: str) -> bytes:
        """Encrypt `secret`, so that it opens only for this owner (a connection, an account) and field."""
        version = self._ring.current
        nonce = self._entropy.nonce(NONCE_BYTES)
        sealed = AESGCM(self._ring.keys[version]).encrypt(nonce, secret.encode(), _bound_to(owner, field))
        return version.to_bytes(VERSION_BYTES, "big") + nonce + sealed

    def open(self, sealed: bytes | None, owner: str, field: str) -> str:
        """Decrypt what `seal` made. Raises `UnreadableSecret`."""
        if not sealed:
            raise UnreadableSecret(f"there is no {field} for {owner}")
        version = int.from_bytes(sealed[:VERSION_BYTES], "big")
        key = self._ring.keys.get(version)
        if key is None:
            raise UnreadableSecret(
                f"the {field} of {owner} was sealed with key {version}, which the ring does not have"
            )
        nonce, body = (
            sealed[VERSION_BYTES : VERSION_BYTES + NONCE_BYTES],
            sealed[VERSION_BYTES + NONCE_BYTES :],
        )
        try:
            return AESGCM(key).decrypt(nonce, body, _bound_to(owner, field)).decode()
        except (InvalidTag, ValueError) as error:  # the latter for what is too short or no text
            raise UnreadableSecret(f"the {field} of {owner} does not open with key {version}") from error


def _bound_to(owner: str, field: str) -> bytes:
    return f"{owner}\0{field}".encode()
