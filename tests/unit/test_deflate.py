"""permessage-deflate without context takeover (RFC 7692), with another implementation at the other end."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.protocol.deflate import InflateError, accepts, deflate, inflate
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode


@pytest.mark.parametrize(
    "offer",
    [
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate;client_max_window_bits=10;server_no_context_takeover",
        b'permessage-deflate; client_max_window_bits="15"; client_no_context_takeover',
        b"permessage-deflate; server_max_window_bits=15",
        b"permessage-deflate; server_max_window_bits=10, permessage-deflate",
        b"x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        b'other; q="a, b; c" , permessage-deflate',
    ],
)
def test_these_offers_are_accepted(offer: bytes) -> None:
    assert accepts(offer)


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"permessage-deflated",
        b"permessage-deflate; server_max_window_bits=10",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; client_max_window_bits=7",
        b"permessage-deflate; client_max_window_bits=16",
        b"permessage-deflate; client_max_window_bits=08",
        b"permessage-deflate; client_max_window_bits=x",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        b"permessage-deflate; unknown",
        b"permessage-deflate; =1",
        b"permessage-deflate permessage-deflate",
        b";permessage-deflate",
        b"permessage-deflate; server_max_window_bits=15 x",
    ],
)
def test_these_offers_are_passed_over(offer: bytes) -> None:
    assert not accepts(offer)


@given(st.binary(max_size=2000))
def test_what_is_deflated_is_inflated(data: bytes) -> None:
    assert inflate(deflate(data), len(data)) == data


@given(st.lists(st.binary(min_size=1, max_size=500), min_size=2, max_size=4))
def test_another_implementation_understands_it_message_by_message(messages: list[bytes]) -> None:
    theirs = PerMessageDeflate(True, True, 15, 15)
    for data in messages:
        assert theirs.decode(Frame(Opcode.BINARY, deflate(data), rsv1=True)).data == data
        encoded = theirs.encode(Frame(Opcode.BINARY, data))
        assert inflate(bytes(encoded.data), len(data)) == data


def test_more_than_the_limit_is_not_made() -> None:
    assert inflate(deflate(b"x" * 1001), 1000) is None
    assert inflate(deflate(b"x" * 1000), 1000) == b"x" * 1000


def test_a_message_may_end_with_a_final_block() -> None:
    compressor = zlib.compressobj(wbits=-15)
    ended = compressor.compress(b"hello") + compressor.flush()
    assert inflate(ended, 100) == b"hello"
    with pytest.raises(InflateError):
        inflate(ended + b"more", 100)


def test_garbage_raises() -> None:
    with pytest.raises(InflateError):
        inflate(b"\xff\xff\xff", 100)
