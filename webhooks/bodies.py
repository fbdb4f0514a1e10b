"""The raw bytes of a webhook: capped, uncompressed, before anybody parses them."""

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

CHUNK = 64 * 1024


def read(request: Request, limit: int) -> bytes:
    """The body of at most `limit` bytes, also when it is sent in chunks without a length.

    Raises 413 beyond that, and 415 for any Content-Encoding: a compressed body could hide its size.
    """
    if request.headers.get("Content-Encoding"):
        raise UnsupportedMediaType("Send the body without Content-Encoding.")
    # One more than that: werkzeug refuses a chunked body that ends exactly at its own limit.
    request.max_content_length = limit + 1
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge(f"The body may have {limit} bytes.")
    parts, size = [], 0
    while part := request.stream.read(CHUNK):
        size += len(part)
        if size > limit:
            raise RequestEntityTooLarge(f"The body may have {limit} bytes.")
        parts.append(part)
    return b"".join(parts)
