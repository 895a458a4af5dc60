"""Frames as the server writes them, read by another implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.protocol.framing import (
    frame_binary,
    frame_close,
    frame_deflated,
    frame_ping,
    frame_pong,
    frame_text,
)
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader


def parsed(data: bytes) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    parser = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as stopped:
        next(parser)
    assert len(reader.buffer) == 0
    found = stopped.value.value
    assert isinstance(found, Frame)
    return found


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_message_is_one_frame_with_the_shortest_length(size: int) -> None:
    assert parsed(frame_text(b"x" * size)) == Frame(Opcode.TEXT, b"x" * size)
    assert parsed(frame_binary(b"x" * size)) == Frame(Opcode.BINARY, b"x" * size)
    deflated = frame_deflated(b"x" * size)
    assert deflated[0] == 0x80 | 0x40 | Opcode.TEXT
    assert deflated[1:] == frame_text(b"x" * size)[1:]
    assert len(frame_text(b"x" * size)) - size == (2 if size < 126 else 4 if size < 65536 else 10)


@given(st.binary(max_size=125))
def test_pings_and_pongs_carry_bytes(data: bytes) -> None:
    assert parsed(frame_ping(data)) == Frame(Opcode.PING, data)
    assert parsed(frame_pong(data)) == Frame(Opcode.PONG, data)


def test_a_close_frame_has_a_code_and_a_reason() -> None:
    assert Close.parse(bytes(parsed(frame_close(4401, "unauthorized")).data)) == Close(4401, "unauthorized")
    assert parsed(frame_close(None)).data == b""


@given(st.text(min_size=60, max_size=200))
def test_of_a_reason_that_is_too_long_whole_characters_are_left_off(reason: str) -> None:
    told = Close.parse(bytes(parsed(frame_close(1000, reason)).data)).reason
    assert len(told.encode()) <= 123
    assert reason.encode("utf-8", "replace").decode().startswith(told)
    assert len(told.encode()) > 119 or len(reason.encode("utf-8", "replace")) <= 123
