"""What strangers put on the bus: nothing of it is delivered, each of it is counted."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
from collections.abc import Callable
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets import ALL
from microsockets.cluster import messages
from microsockets.cluster.messages import Broadcast, Codec, Garbage, UnknownVersion

from tests.cluster.nodes import Nodes, Said

STRANGER = messages.new_node_id()


def signed(body: bytes) -> bytes:
    """With a header and a checksum that are right."""
    body = STRANGER.encode() + body
    return b"ms\x01" + crc32(body).to_bytes(4, "big") + body


def nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\xc0"


def blobs(count: int, seed: int) -> list[bytes]:
    drawn = random.Random(seed)
    real = Codec(STRANGER).encode(Broadcast(1, "/chat", ["*"], [], None, b'{"event":"said","data":{"text":"no"}}'))
    made: list[Callable[[], bytes]] = [
        lambda: drawn.randbytes(drawn.randrange(200)),
        lambda: pickle.dumps({"method": "emit", "event": "said", "data": drawn.random()}),
        lambda: pickle.dumps(os.getcwd),
        lambda: signed(nested(drawn.randrange(1, 5_000))),
        lambda: signed(drawn.randbytes(drawn.randrange(100))),
        lambda: signed(msgspec.msgpack.encode([drawn.randrange(20), *["x"] * drawn.randrange(1, 8)])),
        lambda: signed(msgspec.msgpack.encode([1, 1, "/chat", ["?"], [], None, b"{}"])),
        lambda: real[: drawn.randrange(len(real))],
        lambda: damaged(real, drawn),
        lambda: b"",
        lambda: b'{"event":"said","data":{"text":"no"}}',
    ]
    return [drawn.choice(made)() for _ in range(count)]


def damaged(data: bytes, drawn: random.Random) -> bytes:
    place = drawn.randrange(3, len(data))
    return data[:place] + bytes([data[place] ^ (1 << drawn.randrange(8))]) + data[place + 1 :]


async def test_garbage_on_every_channel_is_counted_and_nothing_is_delivered() -> None:
    async with Nodes(2) as nodes:
        ann = await nodes.connect(0, user="1", room="lobby")
        await ann.request("watch", {"room": "lobby"})
        await ann.receive("presence")
        channels = nodes.bus.channels
        of_ann = [channel for channel, count in channels.items() if count == 1]
        assert len(of_ann) >= 5
        oversized = signed(b"\xc6" + bytes(messages.LARGEST))
        sent = 0
        for number, channel in enumerate(channels):
            for blob in (*blobs(10_000, number), oversized):
                nodes.bus.pass_on(channel, blob)
                sent += channels[channel]
        counted = sum(app.counters[name] for app in nodes.apps for name in ("broker_garbage", "broker_unknown_version"))
        assert counted == sent
        await ann.expect_nothing()
        await nodes.chats[1].said.broadcast(Said(text="still here"), to="lobby")
        assert await ann.receive("said") == {"text": "still here"}


async def test_what_is_oversized_is_garbage() -> None:
    async with Nodes(1) as nodes:
        await nodes.connect(0)
        nodes.bus.pass_on(next(iter(nodes.bus.channels)), signed(b"\xc6" + bytes(messages.LARGEST)))
        assert nodes.apps[0].counters["broker_garbage"] == 1


def test_another_version_is_told_from_garbage() -> None:
    data = Codec(STRANGER).encode(messages.Bye())
    with pytest.raises(UnknownVersion):
        Codec("another1").decode(b"ms\x02" + data[3:])
    with pytest.raises(Garbage):
        Codec("another1").decode(b"MS\x01" + data[3:])


def test_our_own_messages_are_passed_over() -> None:
    codec = Codec(STRANGER)
    assert codec.decode(codec.encode(messages.Bye())) is None
    assert Codec("another1").decode(codec.encode(messages.Bye())) == (STRANGER, messages.Bye())


@given(st.binary() | st.binary().map(signed))
def test_any_bytes_are_a_message_or_garbage(data: bytes) -> None:
    with contextlib.suppress(Garbage, UnknownVersion):
        Codec("another1").decode(data)


async def test_messages_of_the_right_form_and_wrong_content_do_no_harm() -> None:
    stranger = Codec(STRANGER)
    asked: list[messages.Message] = [
        messages.Hello(True, 3, {"x": 5}),
        messages.Rosters(7, False, 9, {"x": []}),
        messages.Sockets(1, False, []),
        messages.Count(1, True, -5),
        messages.Rooms(0, False, ["x"]),
        messages.AskSockets(1, "/nowhere", ["*"]),
        messages.AskRooms(1, "/chat", "nobody"),
        messages.AskRosters(1, ["x"] * 1_000),
        messages.Change("x", 5, 4, [], ["y"]),
        messages.Close("/nowhere", ["*"], [], 1000, ""),
        messages.Broadcast(1, "/nowhere", ["*"], [], None, b"{}"),
        messages.Bye(),
    ]
    async with Nodes(1) as nodes:
        ann = await nodes.connect(0, room="lobby")
        for channel in nodes.bus.channels:
            for message in asked:
                nodes.bus.pass_on(channel, stranger.encode(message))
        await ann.expect_nothing()
        assert await nodes.chats[0].rooms.count(ALL) == 1
