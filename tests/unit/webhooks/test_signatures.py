"""Signatures: Intuit's published vectors, and Standard Webhooks as its own library writes them."""

import pytest

from webhooks import signatures

VECTORS = [
    (
        "b5771f19b12ddb4bcdb9f08bdc50bc63878a",
        b'{"eventNotifications":[{"realmId":"1185883450","dataChangeEvent":{"entities":[{"name":"Customer","id":"1",'
        b'"operation":"Create","lastUpdated":"2015-10-05T14:42:19-0700"}]}}]}',
        "JC2GUwciPmRBwEO7WvrRmKqu9tGOKL8FFallocTFi8Q=",
    ),
    (
        "00faeec4-08d0-4996-bb37-698ae19f0149",
        b'{"eventNotifications":[{"realmId":"1269959970","dataChangeEvent":{"entities":[{"name":"Vendor","id":"40",'
        b'"operation":"Update","lastUpdated":"2016-10-05T03:09:04.000Z"},{"name":"Customer","id":"43",'
        b'"operation":"Create","lastUpdated":"2016-10-05T03:07:04.000Z"}]}}]}',
        "6q+xGyMirJupwKTh2/WBl2NcdxzxqdIbk3sneKTxLWM=",
    ),
]


@pytest.mark.parametrize(("token", "body", "signature"), VECTORS)
def test_intuits_vectors_hold(token: str, body: bytes, signature: str) -> None:
    assert signatures.is_from_quickbooks(body, signature, [token])
    assert signatures.quickbooks_signature(body, token) == signature


@pytest.mark.parametrize(("token", "body", "signature"), VECTORS)
def test_a_vector_fails_with_one_byte_changed(token: str, body: bytes, signature: str) -> None:
    assert not signatures.is_from_quickbooks(body + b" ", signature, [token])
    assert not signatures.is_from_quickbooks(body, signature, [token[:-1]])
    assert not signatures.is_from_quickbooks(body, signature[:-2] + "A=", [token])


def test_without_a_verifier_token_nobody_is_quickbooks() -> None:
    _, body, _ = VECTORS[0]
    assert not signatures.is_from_quickbooks(body, signatures.quickbooks_signature(body, ""), [])


def test_each_account_and_version_has_a_secret_of_its_own() -> None:
    key = b"k" * 32
    secrets = {
        signatures.ravetree_secret(account, version, key) for account in ("org_1", "org_2") for version in (1, 2)
    }
    assert len(secrets) == 4
    assert all(secret.startswith("whsec_") for secret in secrets)
