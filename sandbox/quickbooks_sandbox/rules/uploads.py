"""Files of attachables: taken from a multipart request, and given out at an address that dies soon."""

from __future__ import annotations

import email
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

from quickbooks_sandbox.books.amounts import Doc, decode
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.errors import Fault, required
from quickbooks_sandbox.rules.operations import write

LIFE_SECONDS = 15 * 60
_METADATA, _CONTENT = "file_metadata_", "file_content_"


@dataclass(frozen=True)
class Upload:
    """One file of a request with what is said of it."""

    metadata: Any
    name: str
    content_type: str
    content: bytes


def uploads(content_type: str, body: bytes) -> Iterator[Upload]:
    """The files of a request; ``file_metadata_01`` speaks of ``file_content_01``. Raises Fault when there is none.

    As forgiving as QuickBooks: parts without a file name, in base64, or with bare newlines are files as well.
    """
    request = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = {_name(part): part for part in request.walk() if _name(part)}
    names = [name for name in parts if name.startswith(_CONTENT)]
    if not names:
        raise required(f"{_CONTENT}01")
    for name in names:
        part, told = parts[name], parts.get(_METADATA + name.removeprefix(_CONTENT))
        metadata = _json(_bytes(told)) if told is not None else {}
        yield Upload(metadata, part.get_filename() or name, part.get_content_type(), _bytes(part))


def _name(part: Message) -> str:
    return str(part.get_param("name", "", "content-disposition") or "")


def _bytes(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _json(text: str | bytes) -> Any:
    try:
        return decode(text)
    except (ValueError, RecursionError):
        raise Fault("2010", "Property Name:failed to parse json object in the file's metadata") from None


def save_upload(transaction: Transaction, upload: Upload, switches: Doc) -> Doc:
    """The attachable of a file, which is kept with it. Raises Fault."""
    if not isinstance(upload.metadata, dict):
        raise Fault("2010", "Property Name:failed to parse json object in the file's metadata")
    told = {
        **upload.metadata,
        "FileName": upload.metadata.get("FileName") or upload.name,
        "ContentType": upload.metadata.get("ContentType") or upload.content_type,
        "Size": len(upload.content),
    }
    saved = write(transaction, "Attachable", "create", told, switches)
    saved["FileAccessUri"] = f"/v3/company/{transaction.books.realm}/download/{saved['Id']}"
    transaction.files[saved["Id"]] = upload.content
    return saved


def temporary_path(secret: str, realm: str, object_id: str, now: float) -> str:
    """Where a file can be had without a token for a quarter of an hour."""
    expires = int(now) + LIFE_SECONDS
    return f"/files/{realm}/{object_id}/{expires}/{_signature(secret, realm, object_id, expires)}"


def is_open(secret: str, realm: str, object_id: str, expires: int, signature: str, now: float) -> bool:
    """Whether such an address was given out and is not too old."""
    right = _signature(secret, realm, object_id, expires)
    return hmac.compare_digest(right.encode(), signature.encode()) and now < expires


def _signature(secret: str, realm: str, object_id: str, expires: int) -> str:
    return hmac.new(secret.encode(), f"{realm}/{object_id}/{expires}".encode(), hashlib.sha256).hexdigest()
