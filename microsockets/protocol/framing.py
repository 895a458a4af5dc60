"""WebSocket frames as a server writes them (RFC 6455 section 5.2): whole, unmasked, unfragmented."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final


class Opcode(IntEnum):
    """The opcodes of RFC 6455 section 11.8."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


FIN: Final = 0x80
RSV1: Final = 0x40
MAX_CONTROL: Final = 125
"""The most bytes that the payload of a control frame has (RFC 6455 section 5.5)."""

# Most messages are short, and their heads are few: taking one from a table costs half of packing it.
_SHORT: Final = 126
_TEXT_HEADS: Final = tuple(bytes((FIN | Opcode.TEXT, size)) for size in range(_SHORT))
_medium: Final = Struct("!BBH").pack
_long: Final = Struct("!BBQ").pack
_code: Final = Struct("!H").pack


def frame_text(data: bytes) -> bytes:
    """A text message; `data` is UTF-8."""
    size = len(data)
    if size < _SHORT:
        return _TEXT_HEADS[size] + data
    return _frame(FIN | Opcode.TEXT, data)


def frame_deflated(data: bytes) -> bytes:
    """A text message that is compressed (RFC 7692 section 6.1)."""
    return _frame(FIN | RSV1 | Opcode.TEXT, data)


def frame_binary(data: bytes) -> bytes:
    """A binary message."""
    return _frame(FIN | Opcode.BINARY, data)


def frame_ping(data: bytes) -> bytes:
    """A ping with at most 125 bytes, which the pong repeats."""
    return _frame(FIN | Opcode.PING, data)


def frame_pong(data: bytes) -> bytes:
    """The answer to a ping."""
    return _frame(FIN | Opcode.PONG, data)


def frame_close(code: int | None, reason: str = "") -> bytes:
    """A close frame; without a code it has no payload. Of a reason that is too long, whole characters are left off."""
    if code is None:
        return _frame(FIN | Opcode.CLOSE, b"")
    told = reason.encode("utf-8", "replace")[: MAX_CONTROL - 2].decode("utf-8", "ignore").encode()
    return _frame(FIN | Opcode.CLOSE, _code(code) + told)


def _frame(first: int, data: bytes) -> bytes:
    size = len(data)
    if size < _SHORT:
        return bytes((first, size)) + data
    if size < 65536:
        return _medium(first, 126, size) + data
    return _long(first, 127, size) + data
