"""OpenID Connect: who consented, in an identity token that the sandbox signs with a key of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.storage import Storage

OPENID = "openid"
OWNER = {"sub": "sandbox-owner", "email": "owner@sandbox-company.example", "emailVerified": True}
LIFE_SECONDS = 3600
_SETTING = "identity_key"
_EXPONENT, _BITS = 65537, 2048


class Identity:
    """The key is made when it is first asked for, and kept."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._known: rsa.RSAPrivateKey | None = None

    def key_set(self) -> Doc:
        """The public half, as ``jwks_uri`` answers it."""
        return {"keys": [{**_public(self._key()), "kid": self._key_id(), "use": "sig", "alg": "RS256"}]}

    def token(self, issuer: str, client_id: str, realm: str, now: float) -> str:
        """A JSON Web Token for the app that was consented to."""
        claims = {
            "sub": OWNER["sub"],
            "aud": [client_id],
            "realmid": realm,
            "auth_time": int(now),
            "iss": issuer,
            "iat": int(now),
            "exp": int(now) + LIFE_SECONDS,
        }
        header = {"kid": self._key_id(), "typ": "JWT", "alg": "RS256"}
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        signature = self._key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_text(signature)}"

    def _key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            if self._known is None:
                self._known = self._kept() or self._new()
            return self._known

    def _kept(self) -> rsa.RSAPrivateKey | None:
        text = self._storage.setting(_SETTING)
        if text is None:
            return None
        key = serialization.load_pem_private_key(text.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("The key in the sandbox's directory is no RSA key: delete the directory.")
        return key

    def _new(self) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(_EXPONENT, _BITS)
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        self._storage.keep_setting(_SETTING, pem.decode())
        return key

    def _key_id(self) -> str:
        """The key's thumbprint by RFC 7638."""
        text = json.dumps(_public(self._key()), sort_keys=True, separators=(",", ":"))
        return _text(hashlib.sha256(text.encode()).digest())


def _public(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _encoded(value: Any) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
