"""Limits: what one connection may ask of the server, what it is told past that, and what is counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from microsockets import Application, Limits, Namespace, Socket, UsageError, on
from microsockets.testing import Client, Peer, Refused, RequestFailed

KIB = 1024


class Room(Namespace, path="/"):
    """`gate` holds back every `wait`; `started` is what has begun."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.started: list[Any] = []

    async def on_connect(self, ws: Socket) -> None:
        ws.user_id = ws.headers.get("x-user")
        if "x-wait" in ws.headers:
            await self.gate.wait()

    async def on_wait(self, ws: Socket, payload: Any = None) -> Any:
        self.started.append(payload)
        await self.gate.wait()
        return payload

    async def on_length(self, ws: Socket, payload: str) -> int:
        self.started.append("length")
        return len(payload)

    async def on_number(self, ws: Socket, payload: int) -> int:
        return payload

    async def on_join(self, ws: Socket, payload: str) -> list[str]:
        await ws.join(payload)
        return await ws.rooms()

    async def on_rooms(self, ws: Socket) -> list[str]:
        return await ws.rooms()

    @on(concurrent=1000)
    async def on_beside(self, ws: Socket) -> None:
        await self.gate.wait()

    async def on_ever(self, ws: Socket) -> AsyncIterator[int]:
        yield 1
        await self.gate.wait()


def limited(**limits: Any) -> tuple[Application, Room]:
    """An application with these limits, and its namespace."""
    room = Room()
    return Application(room, limits=Limits(**limits)), room


async def overloaded(peer: Peer, event: str, payload: Any = ...) -> float:
    """Checks that a request answers `overloaded`; returns `retry_after`."""
    with pytest.raises(RequestFailed) as failed:
        await peer.request(event, payload)
    assert failed.value.code == "overloaded"
    return float(failed.value.details["retry_after"])


# Inbox


async def test_256_events_may_wait_and_the_next_is_overloaded_with_retry_after() -> None:
    app, room = limited()
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send("wait", 0)
        await peer.expect_nothing()
        for number in range(1, 257):
            await peer.send("wait", number)
        await peer.expect_nothing()
        assert await overloaded(peer, "wait", 257) > 0
        assert app.counters["overloaded"] == 1
        room.gate.set()
        assert await peer.request("number", 1) == 1
        assert room.started == list(range(257))


async def test_overloaded_without_an_id_is_an_error_event_and_counted() -> None:
    app, room = limited(inbox_frames=2)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send("wait")
        await peer.expect_nothing()
        for _ in range(4):
            await peer.send("wait")
        for _ in range(2):
            error = await peer.receive("$error")
            assert (error["code"], error["event"]) == ("overloaded", "wait")
            assert error["details"]["retry_after"] > 0
        await peer.expect_nothing()
        room.gate.set()
    assert app.counters["overloaded"] == 2


async def test_a_full_inbox_never_pauses_reading() -> None:
    app, room = limited(inbox_frames=1)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send("wait", id=100)
        await peer.expect_nothing()
        await peer.send("wait", id=101)
        for _ in range(3):
            await overloaded(peer, "wait")
            assert await peer.request("$ping") is None
        await peer.send("$cancel", 101)
        frame = await peer.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (101, "cancelled")
        room.gate.set()


async def test_the_inbox_is_each_connections_own() -> None:
    app, room = limited(inbox_frames=1)
    async with Client(app) as client:
        alice, bob = await client.connect(), await client.connect()
        await alice.send("wait")
        await alice.expect_nothing()
        await alice.send("wait")
        await overloaded(alice, "number", 1)
        assert await bob.request("number", 1) == 1
        room.gate.set()


async def test_256_kib_of_events_may_wait_and_more_is_overloaded() -> None:
    app, room = limited()
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send("wait")
        await peer.expect_nothing()
        for _ in range(4):
            await peer.send("wait", "x" * (63 * KIB))
        await peer.expect_nothing()
        assert await overloaded(peer, "wait", "x" * (8 * KIB)) > 0
        assert app.counters["overloaded"] == 1
        await peer.send("wait", "small")
        room.gate.set()
        assert await peer.request("number", 1) == 1
        assert len(room.started) == 6


async def test_the_inbox_has_room_again_when_its_events_have_started() -> None:
    app, room = limited(inbox_bytes=200)
    async with Client(app) as client:
        peer = await client.connect()
        room.gate.set()
        for _ in range(5):
            assert await peer.request("wait", "x" * 120) == "x" * 120
    assert app.counters["overloaded"] == 0


# Answers and streams


async def test_256_answers_may_be_open_and_the_next_request_is_overloaded() -> None:
    app, room = limited()
    async with Client(app) as client:
        peer = await client.connect()
        for id in range(1000, 1256):
            await peer.send("beside", id=id)
        await peer.expect_nothing()
        assert await overloaded(peer, "number", 1) > 0
        assert app.counters["overloaded"] == 1
        room.gate.set()
        assert sorted([(await peer.receive_frame())["ack"] for _ in range(256)]) == list(range(1000, 1256))
        assert await peer.request("number", 1) == 1


async def test_an_event_without_an_id_opens_no_answer() -> None:
    app, room = limited(open_answers=1)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send("beside", id=1000)
        await peer.send("length", "x")
        await peer.expect_nothing()
        assert room.started == ["length"]
        room.gate.set()


async def test_a_stream_too_many_is_overloaded_and_counted() -> None:
    app, room = limited(streams=2)
    async with Client(app) as client:
        peer = await client.connect()
        for id in (100, 101):
            await peer.send("ever", id=id)
            assert await peer.receive_frame() == {"ack": id, "item": 1}
        assert await overloaded(peer, "ever") > 0
        assert app.counters["overloaded"] == 1
        room.gate.set()
        assert [await peer.receive_frame() for _ in range(2)] == [{"ack": 100}, {"ack": 101}]
        assert [item async for item in peer.stream("ever")] == [1]


async def test_a_handler_past_its_seconds_answers_timeout_and_is_counted() -> None:
    app, _ = limited(handler_seconds=0.1)
    async with Client(app) as client:
        peer = await client.connect()
        with pytest.raises(RequestFailed, match="timeout"):
            await peer.request("wait")
        assert await peer.request("number", 1) == 1
    assert app.counters["timeout"] == 1


# Rooms


async def test_a_socket_is_in_64_rooms_and_the_next_join_fails_its_handler_alone() -> None:
    app, _ = limited()
    async with Client(app) as client:
        peer = await client.connect(headers={"x-user": "ann"})
        for number in range(64):
            await peer.request("join", f"room {number}")
        with pytest.raises(RequestFailed, match="internal_error"):
            await peer.request("join", "one too many")
        assert await peer.request("rooms") == [f"room {number}" for number in range(64)]
    assert app.counters["internal_error"] == 1


async def test_a_room_name_has_128_bytes_and_a_longer_one_fails_its_handler_alone() -> None:
    app, _ = limited()
    async with Client(app) as client:
        peer = await client.connect()
        assert await peer.request("join", "é" * 64) == ["é" * 64]
        with pytest.raises(RequestFailed, match="internal_error"):
            await peer.request("join", "é" * 64 + "x")
        assert await peer.request("rooms") == ["é" * 64]
    assert app.counters["internal_error"] == 1


async def test_the_length_of_room_names_can_be_configured() -> None:
    app, _ = limited(room_name_bytes=3)
    async with Client(app) as client:
        peer = await client.connect()
        assert await peer.request("join", "abc") == ["abc"]
        with pytest.raises(RequestFailed, match="internal_error"):
            await peer.request("join", "abcd")


# Bad frames

BAD = "this is no JSON"


async def bad_frames(peer: Peer, count: int, frame: str = BAD) -> None:
    """Sends bad frames that do not close the connection."""
    for _ in range(count):
        await peer.send_text(frame)
        assert (await peer.receive("$error"))["code"] == "bad_frame"


async def test_20_bad_frames_close_with_4429() -> None:
    app, _ = limited()
    async with Client(app) as client:
        peer = await client.connect()
        await bad_frames(peer, 19)
        assert await peer.request("number", 1) == 1
        assert app.counters["flood"] == 0
        await peer.send_text(BAD)
        assert await peer.receive_close() == (4429, "bad_frame")
    assert (app.counters["bad_frame"], app.counters["flood"]) == (20, 1)


@pytest.mark.parametrize("frame", ["[]", "{}", '{"event": 3}', '{"event": "number", "id": -1}', "\udcff"])
async def test_every_kind_of_bad_frame_counts(frame: str) -> None:
    app, _ = limited(bad_frames=3)
    async with Client(app) as client:
        peer = await client.connect()
        await bad_frames(peer, 2, frame)
        await peer.send_text(frame)
        assert (await peer.receive_close())[0] == 4429
    assert app.counters["flood"] == 1


async def test_binary_frames_are_bad_frames() -> None:
    app, _ = limited(bad_frames=2)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send_bytes(b'{"event": "number", "payload": 1}')
        assert (await peer.receive("$error"))["code"] == "bad_frame"
        await peer.send_bytes(b"")
        assert (await peer.receive_close())[0] == 4429


async def test_bad_frames_that_are_far_apart_do_not_close() -> None:
    app, _ = limited(bad_frames=3, bad_frames_window=0.05)
    async with Client(app) as client:
        peer = await client.connect()
        for _ in range(4):
            await bad_frames(peer, 1)
            await asyncio.sleep(0.03)
        assert await peer.request("number", 1) == 1
    assert (app.counters["bad_frame"], app.counters["flood"]) == (4, 0)


async def test_bad_frames_count_for_their_connection_alone() -> None:
    app, _ = limited(bad_frames=3)
    async with Client(app) as client:
        alice, bob = await client.connect(), await client.connect()
        await bad_frames(alice, 2)
        await bad_frames(bob, 2)
        await alice.send_text(BAD)
        assert (await alice.receive_close())[0] == 4429
        assert await bob.request("number", 1) == 1


async def test_what_an_application_refuses_is_no_flood() -> None:
    app, _ = limited(bad_frames=2)
    async with Client(app) as client:
        peer = await client.connect()
        for _ in range(3):
            with pytest.raises(RequestFailed, match="invalid_payload"):
                await peer.request("number", "x")
            with pytest.raises(RequestFailed, match="unknown_event"):
                await peer.request("nothing")
        assert await peer.request("number", 1) == 1
    assert app.counters["flood"] == app.counters["bad_frame"] == 0
    assert app.counters["invalid_payload"] == app.counters["unknown_event"] == 3


# Frame sizes


def sized(size: int, filler: str = "x") -> str:
    """An event of exactly this many bytes."""
    empty = '{"event": "length", "payload": "", "id": 1000}'
    count, rest = divmod(size - len(empty), len(filler.encode()))
    return empty.replace('""', f'"{filler * count}{"-" * rest}"')


@pytest.mark.parametrize("filler", ["x", "é", "😀"])
async def test_a_frame_has_64_kib_and_a_larger_one_is_too_large_and_discarded(filler: str) -> None:
    app, room = limited()
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send_text(sized(64 * KIB, filler))
        assert (await peer.receive_frame())["ack"] == 1000
        room.started.clear()
        await peer.send_text(sized(64 * KIB + 1, filler))
        assert (await peer.receive("$error"))["code"] == "too_large"
        assert room.started == []
        assert await peer.request("number", 1) == 1
    assert app.counters["too_large"] == 1


async def test_a_frame_that_is_too_large_is_discarded_unread() -> None:
    app, _ = limited(frame_bytes=100)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send_text("[" * 101)
        assert (await peer.receive("$error"))["code"] == "too_large"
    assert (app.counters["too_large"], app.counters["bad_frame"]) == (1, 0)


async def test_a_frame_over_1_mib_closes_with_1009() -> None:
    app, _ = limited()
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send_text(sized(KIB * KIB))
        assert (await peer.receive("$error"))["code"] == "too_large"
        await peer.send_text(sized(KIB * KIB + 1))
        assert await peer.receive_close() == (1009, "too_large")
    assert app.counters["too_large"] == 2


async def test_binary_frames_have_the_same_sizes() -> None:
    app, _ = limited(frame_bytes=100, frame_bytes_close=200)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send_bytes(b"x" * 101)
        assert (await peer.receive("$error"))["code"] == "too_large"
        await peer.send_bytes(b"x" * 201)
        assert (await peer.receive_close())[0] == 1009
    assert app.counters["too_large"] == 2


# Connections

ANN = {"x-user": "ann"}


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize(
    ("limit", "status"), [("connections", 503), ("connections_per_ip", 429), ("connections_per_user", 429)]
)
async def test_a_connection_too_many_is_refused_in_plain_http_and_counted(limit: str, status: int, v1: bool) -> None:
    app, _ = limited(**{limit: 2})
    async with Client(app) as client:
        for _ in range(2):
            await client.connect(headers=ANN, v1=v1)
        with pytest.raises(Refused) as refused:
            await client.connect(headers=ANN, v1=v1)
        assert refused.value.status == status
    assert app.counters["refused"] == 1


@pytest.mark.parametrize("limit", ["connections", "connections_per_ip", "connections_per_user"])
async def test_connections_are_unlimited_by_default(limit: str) -> None:
    assert getattr(Limits(), limit) is None
    app, _ = limited()
    async with Client(app) as client:
        for _ in range(50):
            await client.connect(headers=ANN)
    assert app.counters["refused"] == 0


@pytest.mark.parametrize("limit", ["connections", "connections_per_ip"])
async def test_a_handshake_that_is_not_through_counts_as_a_connection(limit: str) -> None:
    app, room = limited(**{limit: 1})
    async with Client(app) as client:
        pending = asyncio.create_task(client.connect(headers={"x-wait": "1"}))
        await until(lambda: len(client.peers) == 1)
        with pytest.raises(Refused):
            await client.connect()
        room.gate.set()
        assert await (await pending).request("number", 1) == 1


async def test_two_handshakes_of_a_user_at_once_do_not_pass_the_limit_together() -> None:
    app, room = limited(connections_per_user=1)
    async with Client(app) as client:
        pending = [asyncio.create_task(client.connect(headers={**ANN, "x-wait": "1"})) for _ in range(2)]
        await until(lambda: len(client.peers) == 2)
        room.gate.set()
        results = await asyncio.gather(*pending, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["Peer", "Refused"]


async def test_connections_without_a_known_address_or_user_are_not_counted_together() -> None:
    app, _ = limited(connections_per_ip=1, connections_per_user=1)
    async with Client(app) as client:
        for _ in range(3):
            await client.connect(client=None)
    assert app.counters["refused"] == 0


async def until(happened: Callable[[], bool]) -> None:
    """Lets other tasks run until this is true."""
    for _ in range(100):
        if happened():
            break
        await asyncio.sleep(0)
    assert happened()
    # What made it true has begun; let it come to rest.
    for _ in range(20):
        await asyncio.sleep(0)


async def test_each_limit_is_counted_by_its_name() -> None:
    class Hall(Namespace, path="/"):
        limits = Limits(
            inbox_frames=2,
            inbox_bytes=300,
            open_answers=4,
            streams=1,
            rooms=1,
            room_name_bytes=8,
            connections=3,
            connections_per_ip=2,
            connections_per_user=1,
        )

        def __init__(self) -> None:
            self.gate = asyncio.Event()

        async def on_connect(self, ws: Socket) -> None:
            ws.user_id = ws.auth

        async def on_wait(self) -> None:
            await self.gate.wait()

        async def on_ever(self) -> AsyncIterator[int]:
            await self.gate.wait()
            yield 1

        async def on_join(self, ws: Socket, payload: str) -> None:
            with contextlib.suppress(UsageError):
                await ws.join(payload)

    app = Application(Hall)
    counters = app.counters
    async with Client(app) as client:
        alice = await client.connect(auth="alice")
        for room in ("a", "b", "x" * 9):
            await alice.request("join", room)
        assert (counters["rooms"], counters["room_name_bytes"]) == (1, 1)
        await alice.send("ever", id=70)
        await overloaded(alice, "ever")
        assert counters["streams"] == 1
        await alice.send("wait")
        await alice.expect_nothing()
        await overloaded(alice, "wait", "x" * 300)
        assert counters["inbox_bytes"] == 1
        await alice.send("wait")
        await alice.send("wait")
        await overloaded(alice, "wait")
        assert counters["inbox_frames"] == 1
        app[Hall].gate.set()
        assert await alice.receive_frame() == {"ack": 70, "item": 1}
        with pytest.raises(Refused):
            await client.connect(auth="alice")
        assert counters["connections_per_user"] == 1
        await client.connect()
        with pytest.raises(Refused):
            await client.connect()
        assert counters["connections_per_ip"] == 1
        await client.connect(client=("127.0.0.2", 5))
        with pytest.raises(Refused):
            await client.connect(client=("127.0.0.3", 5))
        assert counters["connections"] == 1
        assert (counters["overloaded"], counters["refused"], counters["open_answers"]) == (3, 3, 0)
