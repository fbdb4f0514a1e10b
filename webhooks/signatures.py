"""Signatures over the raw bytes, compared in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from config.keyring import KeyRing

TOLERANCE = timedelta(minutes=5)
SECRET_PREFIX = "whsec_"


def quickbooks_signature(body: bytes, verifier_token: str) -> str:
    """Intuit's `intuit-signature`: base64 of HMAC-SHA256 under the verifier token."""
    return base64.b64encode(hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()).decode()


def is_from_quickbooks(body: bytes, signature: str, verifier_tokens: Sequence[str]) -> bool:
    """Whether one of the tokens in rotation signed `body`."""
    matches = [
        hmac.compare_digest(quickbooks_signature(body, token).encode(), signature.encode("utf-8", "replace"))
        for token in verifier_tokens
    ]
    return any(matches)


def ravetree_secret(account: str, version: int, key: bytes) -> str:
    """The webhook secret of an account under one version of the key ring: nothing is stored for it."""
    digest = hmac.new(key, f"ravetree-webhook\0{version}\0{account}".encode(), hashlib.sha256).digest()
    return SECRET_PREFIX + base64.b64encode(digest).decode()


def current_ravetree_secret(account: str, ring: KeyRing) -> str:
    """The secret to give to Ravetree for this account."""
    return ravetree_secret(account, ring.current, ring.keys[ring.current])


def is_from_ravetree(
    body: bytes, message_id: str, timestamp: str, signatures: str, account: str, ring: KeyRing, now: datetime
) -> bool:
    """Whether one of the account's secrets in rotation signed `body`, not longer than five minutes ago.

    Standard Webhooks 1.0.0: the library signs, the time is compared with our clock.
    """
    # Eleven digits reach the year 5138; a twelfth would pass the last one that a datetime holds.
    if not message_id or not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 11:
        return False
    signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    if abs(now - signed_at) > TOLERANCE:
        return False
    given = [part.encode("utf-8", "replace") for part in signatures.split(" ") if part.startswith("v1,")]
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    matches: list[bool] = []
    for version, key in ring.newest_first():
        expected = Webhook(ravetree_secret(account, version, key)).sign(message_id, signed_at, text).encode()
        matches.extend(hmac.compare_digest(expected, signature) for signature in given)
    return any(matches)
