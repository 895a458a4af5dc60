"""The extension permessage-deflate (RFC 7692), without context takeover: each message is compressed by itself.

So a connection holds no window, and a broadcast is compressed once for all its recipients.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

EXTENSION: Final = b"permessage-deflate"
RESPONSE: Final = b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
"""What accepts an offer: both sides start each message with an empty window."""

SMALLEST: Final = 128
"""Shorter messages are sent as they are: compressed by themselves, they hardly get shorter."""

_TAIL: Final = b"\x00\x00\xff\xff"
_MAX_WINDOW_BITS: Final = 15
_LEVEL: Final = 3
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER: Final = re.compile(
    rb"[ \t]*;[ \t]*(?P<name>" + _TOKEN + rb")(?:[ \t]*=[ \t]*(?:(?P<value>" + _TOKEN + rb')|"(?P<quoted>[^"\\]*)"))?'
)
_NAME: Final = re.compile(rb"[ \t]*(" + _TOKEN + rb")")
_SEPARATOR: Final = re.compile(rb"[ \t]*(?:,|$)")
_FLAGS: Final = frozenset({b"server_no_context_takeover", b"client_no_context_takeover"})


def accepts(offers: bytes) -> bool:
    """Whether one of the offers in `Sec-WebSocket-Extensions` can be accepted with `RESPONSE`.

    An offer with parameters that RFC 7692 section 7.1 does not know, or that wants a window of less than 15 bits from
    the server, is passed over. A header that cannot be read has no offers.
    """
    try:
        return any(name == EXTENSION and _fits(parameters) for name, parameters in _read(offers))
    except ValueError:
        return False


def _read(offers: bytes) -> Iterator[tuple[bytes, list[tuple[bytes, bytes | None]]]]:
    position = 0
    while position < len(offers):
        name = _NAME.match(offers, position)
        if name is None:
            raise ValueError("not a list of extensions")
        position = name.end()
        parameters: list[tuple[bytes, bytes | None]] = []
        while found := _PARAMETER.match(offers, position):
            value = found["value"] if found["value"] is not None else found["quoted"]
            parameters.append((found["name"], value))
            position = found.end()
        separator = _SEPARATOR.match(offers, position)
        if separator is None:
            raise ValueError("not a list of extensions")
        position = separator.end()
        yield name[1], parameters


def _fits(parameters: list[tuple[bytes, bytes | None]]) -> bool:
    if len({name for name, _ in parameters}) < len(parameters):
        return False
    for name, value in parameters:
        if name in _FLAGS:
            fits = value is None
        elif name == b"client_max_window_bits":
            fits = value is None or _bits(value) is not None
        elif name == b"server_max_window_bits":
            fits = value is not None and _bits(value) == _MAX_WINDOW_BITS
        else:
            fits = False
        if not fits:
            return False
    return True


def _bits(value: bytes) -> int | None:
    # A decimal number of 8 to 15, without a leading zero (RFC 7692 section 7.1.2).
    if value in (b"8", b"9", b"10", b"11", b"12", b"13", b"14", b"15"):
        return int(value)
    return None


def deflate(data: bytes) -> bytes:
    """A message compressed (RFC 7692 section 7.2.1)."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_MAX_WINDOW_BITS)
    compressed = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return compressed.removesuffix(_TAIL)


class InflateError(Exception):
    """What arrived is no compressed message."""


def inflate(data: bytes, limit: int) -> bytes | None:
    """A message decompressed (RFC 7692 section 7.2.2), or None if that has more than `limit` bytes, of which no more
    than these are made. Raises `InflateError`."""
    decompressor = zlib.decompressobj(-_MAX_WINDOW_BITS)
    try:
        found = decompressor.decompress(data + _TAIL, limit + 1)
    except zlib.error as error:
        raise InflateError(str(error)) from None
    if len(found) > limit:
        return None
    if decompressor.eof and decompressor.unused_data not in (b"", _TAIL):
        raise InflateError("data after the end")
    return found
