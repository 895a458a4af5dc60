"""What a client sends, as the reader takes it: RFC 6455 sections 5 and 7, without a connection."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.protocol.deflate import deflate
from microsockets.protocol.framing import RSV1, Opcode
from microsockets.protocol.reader import FAILED, OVERSIZED, Close, FrameReader, Item

from tests.unit.client_frames import close, frame, masked, text

SIZE = 100_000


def read(*chunks: bytes, max_size: int = SIZE, skips: bool = False, deflate: bool = False) -> list[Item]:
    reader = FrameReader(max_size, deflate=deflate)
    reader.skips = skips
    found: list[Item] = []
    for chunk in chunks:
        found += reader.feed(chunk)
        if found and found[-1][0] == FAILED:
            break
    return found


def failure(*chunks: bytes, max_size: int = SIZE, deflate: bool = False) -> tuple[int, str]:
    kind, failed = read(*chunks, max_size=max_size, deflate=deflate)[-1]
    assert kind == FAILED
    return failed.code, failed.reason


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536, 70_000])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_a_message_of_any_size_is_read(opcode: Opcode, size: int) -> None:
    assert read(frame(opcode, b"x" * size)) == [(opcode, b"x" * size)]


def test_several_messages_may_come_at_once() -> None:
    assert read(text("one") + text("zwölf") + frame(Opcode.BINARY, b"\xff") + text("")) == [
        (Opcode.TEXT, b"one"),
        (Opcode.TEXT, "zwölf".encode()),
        (Opcode.BINARY, b"\xff"),
        (Opcode.TEXT, b""),
    ]


def test_fragments_are_joined() -> None:
    stream = text("he", fin=False) + frame(0, b"", fin=False) + frame(0, b"llo")
    assert read(stream) == [(Opcode.TEXT, b"hello")]


def test_control_frames_may_come_between_fragments() -> None:
    stream = text("he", fin=False) + frame(Opcode.PING, b"now") + frame(0, b"llo")
    assert read(stream) == [(Opcode.PING, b"now"), (Opcode.TEXT, b"hello")]


def test_a_character_may_be_split_across_fragments() -> None:
    euro = "€".encode()
    assert read(frame(1, euro[:1], fin=False) + frame(0, euro[1:])) == [(Opcode.TEXT, euro)]


MESSAGES = st.one_of(
    st.tuples(st.just(Opcode.TEXT), st.text(max_size=200).map(str.encode)),
    st.tuples(st.just(Opcode.BINARY), st.binary(max_size=200)),
    st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)),
)


@given(st.data())
def test_it_does_not_matter_how_the_bytes_arrive(data: st.DataObject) -> None:
    messages = data.draw(st.lists(MESSAGES, max_size=5))
    compressed = data.draw(st.booleans())
    stream = b""
    for opcode, payload in messages:
        if opcode in (Opcode.PING, Opcode.PONG):
            stream += frame(opcode, payload)
            continue
        content = deflate(payload) if compressed else payload
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=3)))
        pieces = [content[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        for number, piece in enumerate(pieces):
            stream += frame(
                opcode if number == 0 else 0,
                piece,
                fin=number == len(pieces) - 1,
                reserved=RSV1 if compressed and number == 0 else 0,
            )
    borders = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[start:stop] for start, stop in zip([0, *borders], [*borders, len(stream)], strict=True)]
    assert read(*chunks, deflate=True) == messages
    assert read(*(bytes([byte]) for byte in stream), deflate=True) == messages


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans(), st.booleans())
def test_whatever_arrives_ends_in_messages_or_one_failure(chunks: list[bytes], skips: bool, deflate: bool) -> None:
    found = read(*chunks, max_size=50, skips=skips, deflate=deflate)
    assert all(kind != FAILED for kind, _ in found[:-1])
    for kind, value in found:
        if kind == Opcode.TEXT:
            value.decode()
        if kind == FAILED:
            assert value.code in (1002, 1007, 1009)


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (frame(1, b"x", reserved=0x40), 1002),
        (frame(1, b"x", reserved=0x20), 1002),
        (frame(2, b"x", reserved=0x10), 1002),
        (frame(9, b"x", reserved=0x40), 1002),
        (frame(3, b"x"), 1002),
        (frame(7), 1002),
        (frame(11), 1002),
        (frame(15, b"x", fin=False), 1002),
        (frame(1, b"x", mask=None), 1002),
        (frame(9, b"x", mask=None), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", length=3), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(8, b"", fin=False), 1002),
        (frame(1, b"x" * 125, length=3), 1002),
        (frame(1, b"x" * 65535, length=9), 1002),
        (frame(1, b"x", length=9), 1002),
        (b"\x81\xff" + struct.pack("!Q", 1 << 63) + b"\0\0\0\0", 1002),
        (frame(0, b"x"), 1002),
        (frame(0, b"x", fin=False), 1002),
        (text("a", fin=False) + text("b"), 1002),
        (text("a", fin=False) + frame(2, b"b"), 1002),
        (text("a") + frame(0, b"b"), 1002),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"\xed\xa0\x80"), 1007),
        (frame(1, b"\xff" * 200), 1007),
        (frame(1, b"\xe2\x82", fin=False) + frame(0, b"("), 1007),
        (frame(1, b"\xe2\x82", fin=False) + frame(0, b""), 1007),
        (frame(1, b"\xe2\x82"), 1007),
        (frame(8, b"x"), 1002),
        (close(999), 1002),
        (close(1004), 1002),
        (close(1005), 1002),
        (close(1006), 1002),
        (close(1015), 1002),
        (close(1016), 1002),
        (close(2999), 1002),
        (close(5000), 1002),
        (close(1000, b"\xff"), 1007),
    ],
)
def test_a_client_that_breaks_the_protocol_is_failed(stream: bytes, code: int) -> None:
    assert failure(stream)[0] == code
    assert failure(*(bytes([byte]) for byte in stream))[0] == code


def test_text_that_is_no_utf8_fails_with_the_bytes_that_make_it_so() -> None:
    incomplete = frame(1, b"ok\xf4\x90" + b"x" * 300)[:20]
    assert failure(incomplete)[0] == 1007


def test_a_frame_without_mask_fails_with_its_second_byte() -> None:
    assert failure(b"\x81\x00")[0] == 1002


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])
def test_a_close_frame_has_a_code_and_a_reason(code: int) -> None:
    assert read(close(code, "schöner Tag".encode())) == [(Opcode.CLOSE, Close(code, "schöner Tag"))]


def test_a_close_frame_without_payload_is_1005() -> None:
    assert read(close(None)) == [(Opcode.CLOSE, Close(1005, ""))]


def test_nothing_after_a_close_frame_is_read() -> None:
    assert read(close() + text("late") + b"\xff\xff") == [(Opcode.CLOSE, Close(1000, ""))]


@pytest.mark.parametrize("split", [[11], [5, 6], [5, 0, 6]])
def test_a_message_over_the_limit_fails_with_1009(split: list[int]) -> None:
    stream = b"".join(
        frame(1 if number == 0 else 0, b"x" * size, fin=number == len(split) - 1) for number, size in enumerate(split)
    )
    assert failure(stream, max_size=10)[0] == 1009


def test_a_large_message_fails_with_its_head() -> None:
    assert failure(frame(2, b"x" * 70_000)[:14], max_size=1000)[0] == 1009


def test_skipped_a_message_over_the_limit_is_told_and_what_follows_is_read() -> None:
    stream = (
        frame(2, b"x" * 400, fin=False) + frame(9, b"hi") + frame(0, b"\xff" * 300, fin=False) + frame(0) + text("next")
    )
    expected = [(OVERSIZED, 400), (Opcode.PING, b"hi"), (Opcode.TEXT, b"next")]
    assert read(stream, max_size=10, skips=True) == expected
    assert read(*(bytes([byte]) for byte in stream), max_size=10, skips=True) == expected


def test_skipped_short_text_over_the_limit_is_told_as_well() -> None:
    assert read(text("x" * 11) + text("ok"), max_size=10, skips=True) == [(OVERSIZED, 11), (Opcode.TEXT, b"ok")]


def test_empty_fragments_without_end_fail_with_1009() -> None:
    reader = FrameReader(SIZE)
    assert reader.feed(text("", fin=False)) == []
    found = reader.feed(frame(0, b"", fin=False) * 1_000_000)
    assert [(kind, value.code) for kind, value in found] == [(FAILED, 1009)]


def test_many_fragments_are_fine_if_they_hold_something() -> None:
    stream = frame(2, b"x" * 64, fin=False) + frame(0, b"x" * 64, fin=False) * 1498 + frame(0, b"x" * 64)
    assert read(stream) == [(Opcode.BINARY, b"x" * 64 * 1500)]


@pytest.mark.parametrize("payload", ["", "hello", "grüße " * 1000])
def test_deflate_a_compressed_message_is_read(payload: str) -> None:
    content = deflate(payload.encode())
    assert read(frame(1, content, reserved=RSV1), deflate=True) == [(Opcode.TEXT, payload.encode())]
    assert read(text(payload), deflate=True) == [(Opcode.TEXT, payload.encode())]


def test_deflate_only_the_first_frame_is_marked() -> None:
    content = deflate(b"hello" * 10)
    first = frame(1, content[:5], fin=False, reserved=RSV1)
    assert read(first + frame(0, content[5:]), deflate=True) == [(Opcode.TEXT, b"hello" * 10)]
    assert failure(first + frame(0, content[5:], reserved=RSV1), deflate=True)[0] == 1002


def test_deflate_what_cannot_be_read_fails_with_1007() -> None:
    assert failure(frame(1, b"\xff" * 20, reserved=RSV1), deflate=True)[0] == 1007


def test_deflate_text_that_is_no_utf8_fails_with_1007() -> None:
    assert failure(frame(1, deflate(b"\xff\xfe"), reserved=RSV1), deflate=True)[0] == 1007


def test_deflate_a_bomb_fails_with_1009() -> None:
    bomb = deflate(b"\0" * 10_000_000)
    assert len(bomb) < SIZE
    assert failure(frame(2, bomb, reserved=RSV1), deflate=True)[0] == 1009


def test_deflate_skipped_a_bomb_is_told() -> None:
    bomb = frame(2, deflate(b"\0" * 1_000_000), reserved=RSV1)
    assert read(bomb + text("next"), skips=True, deflate=True) == [(OVERSIZED, SIZE + 1), (Opcode.TEXT, b"next")]


def test_masks_are_undone_in_whatever_pieces_a_frame_comes() -> None:
    payload = bytes(range(256)) * 4
    stream = frame(2, payload, mask=b"\xa0\xb1\xc2\xd3")
    assert masked(payload) != payload
    for step in (1, 2, 3, 5, 7, 100):
        assert read(*(stream[at : at + step] for at in range(0, len(stream), step))) == [(Opcode.BINARY, payload)]
