"""Requests that every reader reads alike: what a proxy in front could understand otherwise is refused with 400.

waitress reads more kindly than that, and a request that two readers cut at different places lets a second one in
behind it ("request smuggling", RFC 9112, section 11.2). Refused here: more than one statement of the body's length,
any Transfer-Encoding but `chunked`, chunk extensions and trailers, folded headers, a 1.1 request without exactly one
Host, and anything but an origin-form target without control characters, which nothing of ours has either.
"""

import re
from urllib.parse import unquote_to_bytes

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

_REQUEST_LINE = re.compile(rb"[A-Z]+ (?P<path>/[!\"$->@-~]*)(?:\?[!\"$-~]*)? HTTP/(?P<version>1\.[01])")
_LENGTH = re.compile(rb"[0-9]{1,10}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BODY = frozenset({b"content-length", b"transfer-encoding"})
_METHOD_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_LONGEST_CONTROL_LINE = 10


class StrictParser(HTTPRequestParser):
    """One request, from its first byte to the last one of its body."""

    def received(self, data: bytes) -> int:
        """Read on in `data`; returns how many bytes belong to this request."""
        begins = not self.header_plus and not self.headers_finished
        if begins and data[0] not in _METHOD_LETTERS:
            # waitress would pass over blank lines and blanks in front of a request.
            self.error = BadRequest("A request begins with its method.")
            self.completed = True
            return len(data)
        return int(super().received(data))

    def parse_header(self, header_plus: bytes) -> None:
        """Take the request line and the headers. Raises `ParsingError`, which is answered with 400."""
        _check(header_plus)
        super().parse_header(header_plus)
        if self.chunked and self.body_rcv is not None:
            self.body_rcv = Chunks(self.body_rcv.getbuf())


def _check(header_plus: bytes) -> None:
    first, *lines = header_plus.split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None:
        raise ParsingError("The request line is malformed.")
    if _CONTROL.search(unquote_to_bytes(request["path"])):
        raise ParsingError("The path has control characters.")
    lengths, encodings, hosts = [], [], 0
    for line in filter(None, lines):
        if line[:1] in b" \t":
            raise ParsingError("A header is folded.")
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name.replace(b"_", b"-") in _BODY and b"_" in name:
            raise ParsingError("A header that says where the body ends is misspelt.")
        hosts += name == b"host"
        if name == b"content-length":
            lengths.append(value)
        if name == b"transfer-encoding":
            encodings.append(value)
    if len(lengths) + len(encodings) > 1:
        raise ParsingError("The length of the body is said more than once.")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise ParsingError("Content-Length is not a number.")
    is_1_1 = request["version"] == b"1.1"
    if encodings and (encodings[0] != b"chunked" or not is_1_1):
        raise ParsingError("Transfer-Encoding is not chunked, or not HTTP/1.1's.")
    if is_1_1 and hosts != 1:
        raise ParsingError("A request has one Host.")


class Chunks(ChunkedReceiver):
    """Receives a chunked body: sizes of at most eight digits, nothing beside them, and nothing behind the last one."""

    _line = b""
    _left = 0
    _in_chunk = False
    _is_last = False

    def received(self, data: bytes) -> int:
        """Take what of `data` belongs to the body; returns how many bytes that was."""
        at = 0
        while at < len(data) and not self.completed:
            at += self._content(data[at : at + self._left]) if self._left else self._control(data[at:])
        return at

    def _content(self, data: bytes) -> int:
        self.buf.append(data)
        self._left -= len(data)
        return len(data)

    def _control(self, data: bytes) -> int:
        """A chunk's size, or the end of a line behind its content or behind the last chunk."""
        end = data.find(b"\n", 0, _LONGEST_CONTROL_LINE)
        taken = data[: end + 1] if end >= 0 else data[:_LONGEST_CONTROL_LINE]
        self._line += taken
        if end >= 0:
            line, self._line = self._line, b""
            self._end_of_line(line)
        elif len(self._line) >= _LONGEST_CONTROL_LINE:
            self._refuse("A chunk's size is malformed.")
        return len(taken)

    def _end_of_line(self, line: bytes) -> None:
        if self._in_chunk or self._is_last:
            self._in_chunk = False
            self.completed = self._is_last
            if line != b"\r\n":
                self._refuse("A chunk does not end where it should.")
            return
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            self._refuse("A chunk's size is malformed.")
            return
        self._left = int(size[1], 16)
        self._in_chunk = self._left > 0
        self._is_last = self._left == 0

    def _refuse(self, why: str) -> None:
        self.error = BadRequest(why)
        self.completed = True
