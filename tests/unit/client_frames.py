"""Frames as a client writes them: masked, and with whatever faults a test wants."""

from __future__ import annotations

import struct

from microsockets.protocol.framing import FIN, RSV1, Opcode

MASK = b"\x01\x02\x03\x04"


def masked(data: bytes, mask: bytes = MASK) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def frame(
    opcode: int,
    data: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    length: int | None = None,
    mask: bytes | None = MASK,
) -> bytes:
    """One frame. `length` is the number of bytes that the length takes: 1, 3 or 9; by default the fewest."""
    size = len(data)
    first = (FIN if fin else 0) | reserved | opcode
    flag = 0x80 if mask is not None else 0
    if length is None:
        length = 1 if size < 126 else 3 if size < 65536 else 9
    if length == 1:
        head = struct.pack("!BB", first, flag | size)
    elif length == 3:
        head = struct.pack("!BBH", first, flag | 126, size)
    else:
        head = struct.pack("!BBQ", first, flag | 127, size)
    return head + (mask + masked(data, mask) if mask is not None else data)


def text(data: str, *, fin: bool = True, compressed: bool = False) -> bytes:
    return frame(Opcode.TEXT, data.encode(), fin=fin, reserved=RSV1 if compressed else 0)


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(Opcode.CLOSE, b"" if code is None else struct.pack("!H", code) + reason)
