"""Readers that stall: they delay nobody, and are closed or told only the latest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from microsockets import ALL, Application, Depends, Event, Limits, Namespace, Socket, latest
from microsockets.testing import Client, Peer
from pydantic import BaseModel


class Cursor(BaseModel):
    user: str
    x: int


class Board(Namespace, path="/"):
    said = Event[str]()
    cursor = Event[Cursor](policy=latest("user"))
    total = Event[int](policy=latest())
    parity = Event[int](policy=latest(lambda number: number % 2))

    def __init__(self) -> None:
        self.produced: list[int] = []
        self.left: asyncio.Queue[int | None] = asyncio.Queue()

    async def on_say(self, ws: Socket, payload: str) -> str:
        await self.said.broadcast(payload, to=ALL)
        return payload

    async def on_double(self, payload: int) -> int:
        return 2 * payload

    async def on_count(self, payload: int) -> AsyncIterator[int]:
        for number in range(payload):
            self.produced.append(number)
            yield number

    async def on_disconnect(self, ws: Socket) -> None:
        self.left.put_nowait(ws.code)


async def stalled(client: Client, board: Board) -> Peer:
    """A peer that has stopped reading; the server waits for it to take the event "first"."""
    peer = await client.connect()
    peer.pause_reading()
    await board.said.broadcast("first", to=peer.hello["id"])
    await peer.expect_nothing()
    return peer


async def frames(peer: Peer, count: int) -> list[tuple[str, Any]]:
    """The next events."""
    return [(frame["event"], frame["payload"]) for frame in [await peer.receive_frame() for _ in range(count)]]


# A stalled reader delays nobody


async def test_broadcast_returns_although_a_reader_is_stalled() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        await asyncio.wait_for(board.said.broadcast("hello", to=ALL), 2)
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("said", "hello")]


@pytest.mark.parametrize("count", [1, 20])
async def test_no_recipient_waits_for_another(count: int) -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = [await stalled(client, board) for _ in range(count)]
        alice, bob = await client.connect(), await client.connect()
        for number in range(50):
            assert await alice.request("say", str(number)) == str(number)
            assert await bob.receive("said") == str(number)
        for peer in slow:
            peer.resume_reading()
            assert await peer.receive("said") == "first"
            assert [await peer.receive("said") for _ in range(50)] == [str(number) for number in range(50)]


async def test_a_reader_that_goes_on_in_time_gets_everything_in_order() -> None:
    board = Board()
    async with Client(Application(board, limits=Limits(outbox_frames=10))) as client:
        slow = await stalled(client, board)
        for number in range(10):
            await board.said.broadcast(str(number), to=ALL)
        slow.resume_reading()
        assert await frames(slow, 11) == [("said", "first"), *(("said", str(number)) for number in range(10))]
        await slow.expect_nothing()


async def test_a_stalled_reader_is_heard_all_the_same() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        alice = await client.connect()
        await slow.send("say", "I am still here")
        assert await alice.receive("said") == "I am still here"


async def test_a_writer_task_exists_only_while_an_outbox_is_not_empty() -> None:
    board = Board()
    async with Client(Application(board), pushes=False) as client:
        slow = await client.connect()
        await slow.expect_nothing()
        idle = asyncio.all_tasks()
        slow.pause_reading()
        await board.said.broadcast("first", to=ALL)
        await slow.expect_nothing()
        assert len(asyncio.all_tasks()) > len(idle)
        slow.resume_reading()
        await slow.receive("said")
        await slow.expect_nothing()
        assert asyncio.all_tasks() == idle


# Policy close: the slow reader is closed with 4413


async def overflowed(limits: Limits, payloads: list[str], *, pushes: bool = True) -> tuple[Application, list[str]]:
    """What a second peer receives while a stalled one must be closed."""
    board = Board()
    app = Application(board, limits=limits)
    async with Client(app, pushes=pushes) as client:
        slow = await stalled(client, board)
        alice = await client.connect()
        received: list[str] = []
        for payload in payloads:
            await board.said.broadcast(payload, to=ALL)
            received.append(await alice.receive("said"))
        slow.resume_reading()
        assert (await slow.receive_close())[0] == 4413
        assert await asyncio.wait_for(board.left.get(), 2) == 4413
        await alice.expect_nothing()
        assert await alice.request("double", 21) == 42
    return app, received


def test_an_outbox_is_bounded_by_1_mib_1000_frames_and_5_s() -> None:
    limits = Limits()
    assert (limits.outbox_bytes, limits.outbox_frames, limits.outbox_seconds) == (1024 * 1024, 1000, 5)


async def test_too_many_frames_close_the_slow_reader_with_4413() -> None:
    payloads = [str(number) for number in range(11)]
    app, received = await overflowed(Limits(outbox_frames=10), payloads)
    assert received == payloads
    assert app.counters["slow_reader"] == 1


async def test_too_many_bytes_close_the_slow_reader_with_4413() -> None:
    payloads = ["x" * 400] * 3
    app, received = await overflowed(Limits(outbox_bytes=1000), payloads)
    assert received == payloads
    assert app.counters["slow_reader"] == 1


async def test_frames_that_are_too_old_close_the_slow_reader_with_4413() -> None:
    board = Board()
    app = Application(board, limits=Limits(outbox_seconds=0.05))
    async with Client(app, timeout=5) as client:
        await stalled(client, board)
        await board.said.broadcast("waits", to=ALL)
        alice = await client.connect()
        # Nothing else happens: time alone must close it, and its handlers hear of it although it never reads again.
        assert await asyncio.wait_for(board.left.get(), 5) == 4413
        assert await alice.request("double", 21) == 42
    assert app.counters["slow_reader"] == 1


@pytest.mark.parametrize("pushes", [True, False])
async def test_the_frames_that_a_slow_reader_never_got_are_counted(pushes: bool) -> None:
    app, _ = await overflowed(Limits(outbox_frames=10), [str(number) for number in range(11)], pushes=pushes)
    # Eleven waited. "first" was on its way: in the transport's hands, or in those of a `send` that had not returned.
    assert app.counters["frames_dropped"] == (11 if pushes else 12)


async def test_a_slow_reader_leaves_its_rooms() -> None:
    class Lobby(Board, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.join("lobby")

    lobby = Lobby()
    async with Client(Application(lobby, limits=Limits(outbox_frames=2))) as client:
        slow = await stalled(client, lobby)
        for _ in range(4):
            await lobby.said.broadcast("hello", to="lobby")
        slow.resume_reading()
        await slow.receive_close()
        await slow.close()
        assert await lobby.rooms.count("lobby") == 0


async def test_frames_that_were_handed_to_the_transport_do_not_count() -> None:
    board = Board()
    async with Client(Application(board, limits=Limits(outbox_frames=1))) as client:
        slow = await stalled(client, board)
        await board.said.broadcast("waits", to=ALL)
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("said", "waits")]


async def test_a_healthy_reader_takes_any_number_of_broadcasts_in_a_row() -> None:
    board = Board()
    async with Client(Application(board, limits=Limits(outbox_frames=50))) as client:
        alice = await client.connect()
        for number in range(1000):
            await board.said.broadcast(str(number), to=ALL)
        assert [await alice.receive("said") for _ in range(1000)] == [str(number) for number in range(1000)]


# Policy latest


async def test_latest_a_newer_event_replaces_an_older_one_in_place_and_is_counted() -> None:
    board = Board()
    app = Application(board)
    async with Client(app) as client:
        slow = await stalled(client, board)
        await board.cursor.broadcast(Cursor(user="alice", x=1), to=ALL)
        await board.said.broadcast("between", to=ALL)
        await board.cursor.broadcast(Cursor(user="bob", x=1), to=ALL)
        await board.cursor.broadcast(Cursor(user="alice", x=2), to=ALL)
        await board.cursor.broadcast(Cursor(user="alice", x=3), to=ALL)
        slow.resume_reading()
        assert await frames(slow, 4) == [
            ("said", "first"),
            ("cursor", {"user": "alice", "x": 3}),
            ("said", "between"),
            ("cursor", {"user": "bob", "x": 1}),
        ]
        await slow.expect_nothing()
    assert app.counters["latest_replaced"] == 2


async def test_latest_a_healthy_reader_gets_every_one() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        alice = await client.connect()
        for x in range(3):
            await board.cursor.broadcast(Cursor(user="alice", x=x), to=ALL)
            assert await alice.receive("cursor") == {"user": "alice", "x": x}


async def test_latest_without_a_key_keeps_one_of_the_event() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        for number in range(10):
            await board.total.broadcast(number, to=ALL)
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("total", 9)]
        await slow.expect_nothing()


async def test_latest_takes_a_function_of_the_payload() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        for number in range(10):
            await board.parity.broadcast(number, to=ALL)
        slow.resume_reading()
        assert await frames(slow, 3) == [("said", "first"), ("parity", 8), ("parity", 9)]


async def test_latest_never_closes_a_slow_reader_whatever_the_number() -> None:
    board = Board()
    app = Application(board, limits=Limits(outbox_frames=3, outbox_bytes=300))
    async with Client(app) as client:
        slow = await stalled(client, board)
        for number in range(500):
            await board.total.broadcast(number, to=ALL)
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("total", 499)]
    assert app.counters["slow_reader"] == 0


async def test_latest_counts_for_ws_emit_too() -> None:
    class Emitting(Board, path="/"):
        async def on_run(self, ws: Socket) -> None:
            for number in range(5):
                await ws.emit("total", number)

    board = Emitting()
    app = Application(board)
    async with Client(app) as client:
        slow = await stalled(client, board)
        await slow.send("run")
        await slow.expect_nothing()
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("total", 4)]
    assert app.counters["latest_replaced"] == 4


async def test_latest_replaces_only_what_waits_for_the_same_reader() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        alice = await client.connect()
        for number in range(3):
            await board.total.broadcast(number, to=ALL)
            assert await alice.receive("total") == number
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("total", 2)]


# Answers and streams


async def test_answers_are_never_dropped() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        for id in range(1000, 1020):
            await slow.send("double", id, id=id)
            await board.total.broadcast(id, to=ALL)
        await slow.expect_nothing()
        slow.resume_reading()
        received = [await slow.receive_frame() for _ in range(22)]
        assert [frame for frame in received if "ack" in frame] == [
            {"ack": id, "payload": 2 * id} for id in range(1000, 1020)
        ]
        await slow.expect_nothing()


async def test_stream_items_wait_for_room() -> None:
    board = Board()
    app = Application(board, limits=Limits(outbox_frames=10))
    async with Client(app) as client:
        slow = await stalled(client, board)
        alice = await client.connect()
        await slow.send("count", 100, id=1000)
        await slow.expect_nothing()
        assert 0 < len(board.produced) <= 10
        # Neither the others nor its own other requests wait with it.
        assert await alice.request("double", 21) == 42
        await slow.send("double", 4, id=1001)
        await slow.expect_nothing()
        slow.resume_reading()
        assert await slow.receive("said") == "first"
        received = [await slow.receive_frame() for _ in range(102)]
        assert [frame["item"] for frame in received if "item" in frame] == list(range(100))
        assert received[-1] == {"ack": 1000}
        assert {"ack": 1001, "payload": 8} in received
    assert app.counters["slow_reader"] == 0


async def test_latest_keys_are_of_the_payload_as_it_was_validated() -> None:
    board = Board()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        loose: Any = {"user": "alice", "x": "1"}
        await board.cursor.broadcast(loose, to=ALL)
        await board.cursor.broadcast(Cursor(user="alice", x=2), to=ALL)
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("cursor", {"user": "alice", "x": 2})]
        await slow.expect_nothing()


async def test_a_socket_that_the_server_closes_gets_what_was_sent_before() -> None:
    class Closing(Board, path="/"):
        async def on_bye(self, ws: Socket) -> None:
            await ws.emit("said", "bye")
            await ws.close(4000)
            await self.said.broadcast("too late", to=[ws, ALL])

    board = Closing()
    async with Client(Application(board)) as client:
        slow = await stalled(client, board)
        await slow.send("bye")
        await slow.expect_nothing()
        slow.resume_reading()
        assert await frames(slow, 2) == [("said", "first"), ("said", "bye")]
        assert (await slow.receive_close())[0] == 4000
        await slow.expect_nothing()


async def test_latest_does_not_replace_what_went_to_another_room() -> None:
    class Boards(Namespace, path="/"):
        cursor = Event[Cursor](policy=latest("user"))

        async def on_connect(self, ws: Socket) -> None:
            await ws.join("a")
            await ws.join("b")

    app = Application(Boards)
    boards = app[Boards]
    async with Client(app) as client:
        alice = await client.connect()
        alice.pause_reading()
        await boards.cursor.broadcast(Cursor(user="bob", x=0), to="a")
        await alice.expect_nothing()
        await boards.cursor.broadcast(Cursor(user="bob", x=1), to="a")
        await boards.cursor.broadcast(Cursor(user="bob", x=2), to="b")
        await boards.cursor.broadcast(Cursor(user="bob", x=3), to="a")
        alice.resume_reading()
        assert [payload["x"] for _, payload in await frames(alice, 3)] == [0, 3, 2]
    assert app.counters["latest_replaced"] == 1


async def test_latest_does_not_replace_what_went_to_another_list_of_rooms() -> None:
    class Boards(Namespace, path="/"):
        cursor = Event[Cursor](policy=latest("user"))

        async def on_connect(self, ws: Socket) -> None:
            await ws.join("a")
            await ws.join("b")

    app = Application(Boards)
    boards = app[Boards]
    async with Client(app) as client:
        alice = await client.connect()
        alice.pause_reading()
        await boards.cursor.broadcast(Cursor(user="bob", x=0), to="a")
        await alice.expect_nothing()
        await boards.cursor.broadcast(Cursor(user="bob", x=1), to=["a"])
        await boards.cursor.broadcast(Cursor(user="bob", x=2), to=["b", "c"])
        await boards.cursor.broadcast(Cursor(user="bob", x=3), to=iter(["c", "b"]))
        await boards.cursor.broadcast(Cursor(user="bob", x=4), to=ALL)
        alice.resume_reading()
        assert [payload["x"] for _, payload in await frames(alice, 4)] == [0, 1, 3, 4]


@pytest.mark.parametrize("size", [1000, 90_000, 600_000])
async def test_a_burst_does_not_make_a_healthy_reader_a_slow_one(size: int) -> None:
    class Archive(Namespace, path="/"):
        async def on_read(self, ws: Socket, payload: int) -> None:
            for _ in range(payload):
                await ws.emit("page", "x" * size)

    app = Application(Archive)
    count = max(5_000_000 // size, 3)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.request("read", count)
        assert [len(await alice.receive("page")) for _ in range(count)] == [size] * count
    assert app.counters == {}


async def test_large_answers_in_a_row_do_not_make_a_healthy_reader_a_slow_one() -> None:
    async def made() -> AsyncIterator[int]:
        yield 600_000

    class Archive(Namespace, path="/"):
        async def on_read(self, size: Annotated[int, Depends(made)]) -> str:
            return "x" * size

    app = Application(Archive)
    async with Client(app) as client:
        alice = await client.connect()
        for id in range(5):
            await alice.send("read", id=id)
        assert [(await alice.receive_frame())["ack"] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert app.counters == {}
