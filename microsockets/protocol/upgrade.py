"""The opening handshake as a server sees it (RFC 6455 section 4.2): a request head in, a response out.

The request is read strictly (RFC 9112): what two readers could take for two things is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

Header = tuple[bytes, bytes]

MAX_HEAD_BYTES: Final = 64 * 1024
"""A request head that is longer is refused with 431."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_KEY_CHARACTERS: Final = 24

# Most handshakes have the same lines, which need not be read, or kept in memory, more than once. Lines that could hold
# secrets are not among them.
_SHARED_NAMES: Final = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"cache-control",
        b"connection",
        b"host",
        b"origin",
        b"pragma",
        b"sec-websocket-extensions",
        b"sec-websocket-version",
        b"upgrade",
        b"user-agent",
    }
)
_SHARED_LINE_BYTES: Final = 256
_SHARED_LINES: Final = 1024
_shared: dict[bytes, Header] = {}


class BadRequest(Exception):
    """A request that is refused before the application sees it."""

    def __init__(self, status: int, message: str, headers: Iterable[Header] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = list(headers)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request. Header names are in lower case, values without the blanks around them."""

    method: bytes
    target: bytes
    version: bytes
    headers: list[Header]
    fields: dict[bytes, bytes]
    """The headers by name; of several with one name a list is made (RFC 9110 section 5.3)."""

    def members(self, name: bytes) -> list[bytes]:
        """The members of a header that is a list."""
        value = self.fields.get(name)
        return [] if value is None else [each.strip(b" \t") for each in value.split(b",")]

    @property
    def is_upgrade(self) -> bool:
        """Whether it asks for a WebSocket."""
        return _has_token(self, b"upgrade", b"websocket") and _has_token(self, b"connection", b"upgrade")


def _has_token(request: Request, name: bytes, token: bytes) -> bool:
    value = request.fields.get(name, b"").lower()
    return value == token or token in [each.lower() for each in request.members(name)]


def read_request(head: bytes) -> Request:
    """A request from its head, without the empty line that ends it. Raises `BadRequest`."""
    lines = head.split(b"\r\n")
    parts = lines[0].split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not _TARGET.fullmatch(parts[1]):
        raise BadRequest(400, "The request line cannot be read")
    if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest(505, "Only HTTP/1.1 is served here")
    shared = _shared
    headers: list[Header] = []
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        header = shared.get(line) or _read_header(line)
        headers.append(header)
        name, value = header
        fields[name] = fields[name] + b", " + value if name in fields else value
    return Request(parts[0], parts[1], parts[2][5:], headers, fields)


def _read_header(line: bytes) -> Header:
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name) or _FORBIDDEN.search(value):
        raise BadRequest(400, "A header cannot be read")
    header = (name.lower(), value.strip(b" \t"))
    if len(line) <= _SHARED_LINE_BYTES and header[0] in _SHARED_NAMES:
        if len(_shared) >= _SHARED_LINES:
            _shared.clear()
        _shared[line] = header
    return header


def check_upgrade(request: Request) -> bytes:
    """The key of a handshake that is in order (RFC 6455 section 4.2.1). Raises `BadRequest`."""
    if request.method != b"GET":
        raise BadRequest(405, "A WebSocket is opened with GET", [(b"allow", b"GET")])
    if request.version != b"1.1":
        raise BadRequest(400, "A WebSocket is opened with HTTP/1.1")
    if not request.is_upgrade:
        raise BadRequest(426, "A WebSocket is asked for with Upgrade: websocket", [(b"upgrade", b"websocket")])
    fields = request.fields
    if b"," in fields.get(b"host", b","):
        raise BadRequest(400, "A request has one Host")
    if fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields:
        raise BadRequest(400, "A request for a WebSocket has no body")
    if fields.get(b"sec-websocket-version") != b"13":
        raise BadRequest(426, "Only version 13 is served here", [(b"sec-websocket-version", b"13")])
    key = fields.get(b"sec-websocket-key", b"")
    if not _is_key(key):
        raise BadRequest(400, "Sec-WebSocket-Key is 16 bytes in base64, once")
    return key


def _is_key(key: bytes) -> bool:
    if len(key) != _KEY_CHARACTERS:
        return False
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def read_subprotocols(request: Request) -> list[str]:
    """What the client offers, in its order; of several headers one list is made."""
    return [each.decode("latin-1") for each in request.members(b"sec-websocket-protocol") if each]


def read_offers(request: Request) -> bytes:
    """The extensions that the client offers, as one list."""
    return request.fields.get(b"sec-websocket-extensions", b"")


def accept(key: bytes) -> bytes:
    """The answer to a key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def encode_accept(key: bytes, subprotocol: str | None, extensions: bytes | None, headers: Iterable[Header]) -> bytes:
    """The response that opens the WebSocket. Raises `ValueError` for a header that would end its line."""
    parts = [
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ",
        accept(key),
        b"\r\n",
    ]
    if subprotocol is not None:
        parts.append(_line(b"sec-websocket-protocol", subprotocol.encode("latin-1")))
    if extensions is not None:
        parts.append(_line(b"sec-websocket-extensions", extensions))
    parts += [_line(name, value) for name, value in headers]
    parts.append(b"\r\n")
    return b"".join(parts)


def encode_response(status: int, headers: Iterable[Header]) -> bytes:
    """The head of any other response. Raises `ValueError` for a header that would end its line."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    parts = [f"HTTP/1.1 {status} {phrase}\r\n".encode(), *(_line(name, value) for name, value in headers), b"\r\n"]
    return b"".join(parts)


def _line(name: bytes, value: bytes) -> bytes:
    if not _TOKEN.fullmatch(name) or _FORBIDDEN.search(value):
        raise ValueError(f"{name!r}: a header has a token as its name, and no line breaks in its value")
    return b"%b: %b\r\n" % (name, value)
