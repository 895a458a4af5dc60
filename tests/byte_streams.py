"""Streams of bytes as a WebSocket client might send them: valid frames, valid ones with faults, and noise."""

from __future__ import annotations

import random
from collections.abc import Callable

from microsockets.protocol.deflate import deflate
from microsockets.protocol.framing import Opcode
from microsockets.protocol.reader import FAILED, OVERSIZED, Close, FrameReader, Item

from tests.unit.client_frames import close, frame

MAX_SIZE = 300
CLOSES = frozenset({1002, 1007, 1009})
_TEXTS = ["", "x", "grüße", "€", "\U0001f600" * 3, "y" * 124, "z" * 126, "long " * 80]


def stream(source: random.Random) -> bytes:
    """A conversation of some frames, as it should be or with a few faults."""
    data = b"".join(_message(source) for _ in range(source.randrange(1, 6)))
    if source.random() < 0.3:
        data += close(source.choice([1000, 1001, 3000, 4999, 1005, 999]), source.choice([b"", b"bye", b"\xff"]))
    for _ in range(source.choice([0, 0, 0, 1, 1, 2, 5])):
        data = source.choice(_FAULTS)(source, data)
    return data


def _message(source: random.Random) -> bytes:
    if source.random() < 0.2:
        return frame(source.choice([Opcode.PING, Opcode.PONG]), source.randbytes(source.choice([0, 1, 125])))
    opcode = source.choice([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY])
    payload = (
        source.choice(_TEXTS).encode() if opcode == Opcode.TEXT else source.randbytes(source.choice([0, 1, 130, 400]))
    )
    compressed = source.random() < 0.3
    if compressed:
        payload = deflate(payload)
    pieces: list[bytes] = []
    while payload and source.random() < 0.4:
        size = source.randrange(len(payload) + 1)
        pieces.append(payload[:size])
        payload = payload[size:]
    pieces.append(payload)
    data = b""
    for number, piece in enumerate(pieces):
        if number and source.random() < 0.3:
            data += frame(Opcode.PING, b"between")
        data += frame(
            opcode if number == 0 else Opcode.CONTINUATION,
            piece,
            fin=number == len(pieces) - 1,
            reserved=0x40 if compressed and number == 0 else 0,
            mask=source.randbytes(4),
        )
    return data


def _flip(source: random.Random, data: bytes) -> bytes:
    at = source.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1 :]


def _insert(source: random.Random, data: bytes) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.randbytes(source.randrange(1, 8)) + data[at:]


def _cut(source: random.Random, data: bytes) -> bytes:
    at = source.randrange(len(data))
    return data[:at] + data[at + source.randrange(1, 20) :] or b"\x81"


def _swap(source: random.Random, data: bytes) -> bytes:
    at = source.randrange(len(data))
    return data[at:] + data[:at]


def _noise(source: random.Random, data: bytes) -> bytes:
    return source.randbytes(source.randrange(1, 60))


_FAULTS: list[Callable[[random.Random, bytes], bytes]] = [_flip, _flip, _flip, _insert, _cut, _swap, _noise]


def read(chunks: list[bytes], *, skips: bool, deflate: bool) -> list[Item]:
    """What a reader makes of it."""
    reader = FrameReader(MAX_SIZE, deflate=deflate)
    reader.skips = skips
    found: list[Item] = []
    for chunk in chunks:
        found += reader.feed(chunk)
        # After these nothing more is fed.
        if found and found[-1][0] in (FAILED, Opcode.CLOSE):
            break
    return found


def check(seed: int) -> None:
    """Reads one stream whole, byte by byte, and split at every boundary: always with the same result, which is messages
    within the limit and at most one close with a documented code."""
    source = random.Random(seed)
    data = stream(source)
    options = {"skips": source.random() < 0.5, "deflate": source.random() < 0.7}
    whole = read([data], **options)
    for number, (kind, value) in enumerate(whole):
        last = number == len(whole) - 1
        if kind == FAILED:
            assert last, seed
            assert value.code in CLOSES, seed
        elif kind == Opcode.CLOSE:
            assert last, seed
            assert isinstance(value, Close), seed
        elif kind == OVERSIZED:
            assert options["skips"], seed
            assert value > MAX_SIZE, seed
        else:
            assert len(value) <= MAX_SIZE, seed
            if kind == Opcode.TEXT:
                value.decode()
    assert read([bytes([byte]) for byte in data], **options) == whole, seed
    for at in range(1, len(data)):
        assert read([data[:at], data[at:]], **options) == whole, (seed, at)
