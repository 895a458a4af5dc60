"""The end of a connection: what stops at once, what still finishes, and `on_disconnect`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from microsockets import (
    ALL,
    Application,
    Ask,
    AskError,
    Error,
    Event,
    Limits,
    Namespace,
    Refuse,
    RoomManager,
    Socket,
    UsageError,
    on,
)
from microsockets.testing import Client, Peer, Refused, RequestFailed


async def gone(ws: Socket) -> None:
    """Waits until the disconnect of a socket has begun."""
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    ws.spawn(wait())
    await ended.wait()


async def entered(peer: Peer, event: str, started: asyncio.Event) -> None:
    """Sends an event without waiting for its answer, and waits until its handler runs."""
    await peer.send(event, id=1000)
    await started.wait()


# What stops at once


async def test_on_disconnect_the_socket_leaves_the_recipients_at_once() -> None:
    class Chat(Namespace, path="/"):
        limits = Limits(connections_per_user=1)
        said = Event[str]()

        def __init__(self) -> None:
            self.started, self.left, self.gate = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def on_connect(self, ws: Socket) -> None:
            ws.user_id = "alice"

        async def on_work(self, ws: Socket) -> None:
            self.started.set()
            await gone(ws)
            assert not ws.connected
            await self.said.broadcast("anybody?", to=[ALL, ws])
            self.left.set()
            await self.gate.wait()

    chat = Chat()
    async with Client(Application(chat)) as client:
        alice = await client.connect()
        await entered(alice, "work", chat.started)
        closing = asyncio.create_task(alice.close())
        await chat.left.wait()
        # Its handler still runs, and its user may have another connection.
        again = await client.connect()
        chat.gate.set()
        await closing
        await alice.expect_nothing()
        await again.expect_nothing()


async def test_streams_are_cancelled() -> None:
    class Chat(Namespace, path="/"):
        def __init__(self) -> None:
            self.ended: list[str] = []

        async def on_ticks(self) -> AsyncIterator[int]:
            try:
                yield 1
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.ended.append("stream")
                raise

        async def on_disconnect(self, ws: Socket) -> None:
            self.ended.append("on_disconnect")

    chat = Chat()
    async with Client(Application(chat)) as client:
        alice = await client.connect()
        await alice.send("ticks", id=1000)
        assert await alice.receive_frame() == {"ack": 1000, "item": 1}
        await alice.close()
        assert chat.ended == ["stream", "on_disconnect"]


async def test_spawned_work_is_cancelled() -> None:
    class Chat(Namespace, path="/"):
        def __init__(self) -> None:
            self.ended: list[str] = []

        async def on_connect(self, ws: Socket) -> None:
            ws.spawn(self.tick())

        async def tick(self) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.ended.append("spawned")
                raise

        async def on_disconnect(self, ws: Socket) -> None:
            self.ended.append("on_disconnect")

    chat = Chat()
    async with Client(Application(chat)) as client:
        alice = await client.connect()
        await alice.expect_nothing()
        assert chat.ended == []
        await alice.close()
        assert chat.ended == ["spawned", "on_disconnect"]


async def test_spawned_work_runs_beside_the_handlers_and_its_failure_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Chat(Namespace, path="/"):
        async def on_start(self, ws: Socket) -> int:
            async def double(number: int) -> int:
                return 2 * number

            async def fail() -> None:
                raise LookupError("no such table")

            ws.spawn(fail())
            return await ws.spawn(double(21))

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("start") == 42
        await alice.expect_nothing()
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


async def test_ask_waiters_are_cancelled() -> None:
    class Chat(Namespace, path="/"):
        confirm = Ask[str, bool]()

        def __init__(self) -> None:
            self.codes: list[str] = []

        async def on_delete(self, ws: Socket) -> None:
            try:
                await self.confirm.ask(ws, "sure?", timeout=60)
            except AskError as error:
                self.codes.append(error.code)

    chat = Chat()
    async with Client(Application(chat)) as client:
        alice = await client.connect()
        await alice.send("delete")
        assert await alice.receive("confirm") == "sure?"
        await alice.close()
    assert chat.codes == ["disconnected"]


# What still finishes


class Worker(Namespace, path="/"):
    """Handles events one at a time; the first waits until it is let go."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.started, self.gate = asyncio.Event(), asyncio.Event()

    async def on_work(self, ws: Socket, payload: str) -> str:
        self.started.set()
        if payload == "first":
            await gone(ws)
        await self.gate.wait()
        self.done.append(payload)
        return payload

    async def on_disconnect(self, ws: Socket) -> None:
        self.done.append("on_disconnect")


async def test_the_running_handler_and_the_events_already_received_finish_in_order() -> None:
    worker = Worker()
    worker.gate.set()
    async with Client(Application(worker)) as client:
        alice = await client.connect()
        for name in ["first", "second", "third"]:
            await alice.send("work", name)
        await worker.started.wait()
        await alice.close()
    assert worker.done == ["first", "second", "third", "on_disconnect"]


async def test_events_received_right_before_the_disconnect_finish() -> None:
    worker = Worker()
    worker.gate.set()
    async with Client(Application(worker)) as client:
        alice = await client.connect()
        await alice.send("work", "only")
        await alice.close()
    assert worker.done == ["only", "on_disconnect"]


async def test_answers_after_the_disconnect_are_discarded() -> None:
    worker = Worker()
    worker.gate.set()
    app = Application(worker)
    async with Client(app) as client:
        alice = await client.connect()
        for id, name in enumerate(["first", "second"], 1000):
            await alice.send("work", name, id=id)
        await worker.started.wait()
        await alice.close()
        await alice.expect_nothing()
    assert worker.done == ["first", "second", "on_disconnect"]
    assert app.counters["answers_discarded"] == 2


def test_they_have_30_seconds() -> None:
    assert Limits().disconnect_seconds == 30


async def test_events_that_do_not_finish_in_time_are_abandoned_and_counted() -> None:
    class Stuck(Worker, path="/"):
        limits = Limits(disconnect_seconds=0.05)

    stuck = Stuck()
    app = Application(stuck)
    async with Client(app) as client:
        alice = await client.connect()
        for name in ["first", "second", "third"]:
            await alice.send("work", name)
        await stuck.started.wait()
        await alice.close()
    assert stuck.done == ["on_disconnect"]
    assert app.counters["events_abandoned"] == 3


# on_disconnect


class Lobby(Namespace, path="/"):
    left = Event[str]()

    def __init__(self) -> None:
        self.seen: list[tuple[int | None, list[str], int]] = []

    async def on_connect(self, ws: Socket) -> None:
        if ws.headers.get("x-refuse") == "refuse":
            raise Refuse("forbidden")
        if ws.headers.get("x-refuse") == "fail":
            raise RuntimeError
        await ws.join("lobby")

    async def on_join(self, ws: Socket, payload: str) -> None:
        await ws.join(payload)

    async def on_kick(self, ws: Socket) -> None:
        await ws.close(4000, "kicked")

    async def on_disconnect(self, ws: Socket) -> None:
        self.seen.append((ws.code, await ws.rooms(), await self.rooms.count("lobby")))
        await self.left.broadcast(ws.id, to="lobby")


async def test_on_disconnect_runs_with_the_rooms_still_listed_and_then_they_are_left() -> None:
    lobby = Lobby()
    async with Client(Application(lobby)) as client:
        alice = await client.connect()
        await alice.request("join", "kitchen")
        await alice.close(1001)
        assert lobby.seen == [(1001, ["lobby", "kitchen"], 1)]
        assert await lobby.rooms.count("lobby") == 0
        assert await lobby.rooms.count("kitchen") == 0


async def test_on_disconnect_tells_the_others_and_not_the_one_who_left() -> None:
    async with Client(Application(Lobby)) as client:
        alice, bob = await client.connect(), await client.connect()
        await alice.close()
        assert await bob.receive("left") == alice.hello["id"]
        await alice.expect_nothing()


async def test_on_disconnect_runs_exactly_once() -> None:
    lobby = Lobby()
    async with Client(Application(lobby)) as client:
        alice, bob = await client.connect(), await client.connect()
        await alice.send("kick")
        assert await alice.receive_close() == (4000, "kicked")
        await alice.close()
        await bob.close()
    assert [code for code, _, _ in lobby.seen] == [4000, 1000]


@pytest.mark.parametrize("how", ["refuse", "fail"])
async def test_on_disconnect_runs_only_if_on_connect_succeeded(how: str) -> None:
    lobby = Lobby()
    async with Client(Application(lobby)) as client:
        with pytest.raises(Refused):
            await client.connect(headers={"x-refuse": how})
    assert lobby.seen == []


async def test_an_on_disconnect_that_raises_is_logged_and_the_rooms_are_left_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.join("lobby")

        async def on_disconnect(self, ws: Socket) -> None:
            raise LookupError("no such table")

    manager = RoomManager()
    app = Application(Chat, room_manager=manager)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.close()
        assert await app[Chat].rooms.count("lobby") == 0
    assert len(manager.membership) == 0
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


async def test_nothing_is_left_running_after_the_last_disconnect() -> None:
    async with Client(Application(Lobby)) as client:
        before = asyncio.all_tasks()
        alice, bob = await client.connect(), await client.connect()
        await alice.request("join", "kitchen")
        await alice.close()
        await bob.receive("left")
        await bob.close()
        await bob.expect_nothing()
        assert asyncio.all_tasks() == before


# $cancel


class Slow(Namespace, path="/"):
    def __init__(self) -> None:
        self.started, self.cancelled, self.gate = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.ran: list[str] = []

    async def on_wait(self, ws: Socket, payload: str) -> str:
        self.ran.append(payload)
        self.started.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return payload

    async def on_ticks(self) -> AsyncIterator[int]:
        yield 1
        await self.gate.wait()


def is_cancelled(frame: dict[str, Any], id: int) -> bool:
    return frame.get("ack") == id and frame.get("error", {}).get("code") == "cancelled"


async def test_cancel_cancels_its_request_and_answers_cancelled() -> None:
    slow = Slow()
    async with Client(Application(slow)) as client:
        alice = await client.connect()
        await alice.send("wait", "one", id=1000)
        await slow.started.wait()
        await alice.send("$cancel", 1000)
        assert is_cancelled(await alice.receive_frame(), 1000)
        assert slow.cancelled.is_set()
        slow.gate.set()
        assert await alice.request("wait", "two") == "two"
        await alice.expect_nothing()


async def test_cancel_of_a_request_that_waits_answers_cancelled_and_it_never_runs() -> None:
    slow = Slow()
    async with Client(Application(slow)) as client:
        alice = await client.connect()
        await alice.send("wait", "one", id=1000)
        await alice.send("wait", "two", id=1001)
        await slow.started.wait()
        await alice.send("$cancel", 1001)
        assert is_cancelled(await alice.receive_frame(), 1001)
        slow.gate.set()
        assert await alice.receive_frame() == {"ack": 1000, "payload": "one"}
        assert await alice.request("wait", "three") == "three"
        assert slow.ran == ["one", "three"]


async def test_cancel_of_a_stream_answers_cancelled() -> None:
    async with Client(Application(Slow)) as client:
        alice = await client.connect()
        await alice.send("ticks", id=1000)
        assert await alice.receive_frame() == {"ack": 1000, "item": 1}
        await alice.send("$cancel", 1000)
        assert is_cancelled(await alice.receive_frame(), 1000)
        await alice.expect_nothing()


async def test_cancel_of_what_is_over_changes_nothing() -> None:
    slow = Slow()
    slow.gate.set()
    async with Client(Application(slow)) as client:
        alice = await client.connect()
        assert await alice.request("wait", "one") == "one"
        await alice.send("$cancel", 0)
        await alice.send("$cancel", 12345)
        await alice.expect_nothing()
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await alice.request("wait")


# A client that leaves at an awkward moment


async def test_a_client_that_leaves_before_it_is_accepted_disconnects_once_and_is_in_no_room() -> None:
    lobby = Lobby()
    app = Application(lobby)

    async def lost(scope: Any, receive: Any, send: Any) -> None:
        async def fail(message: Any) -> None:
            if message["type"].startswith("websocket."):
                raise OSError("the client is gone")
            await send(message)

        await app(scope, receive, fail)

    async with Client(lost, timeout=1) as client:
        with pytest.raises(AssertionError, match="without an answer"):
            await client.connect(v1=False)
        assert len(lobby.seen) == 1
        assert await lobby.rooms.count("lobby") == 0


class Keeper(Namespace, path="/"):
    said = Event[str]()
    confirm = Ask[str, bool]()

    def __init__(self) -> None:
        self.kept: list[Socket] = []
        self.codes: list[str] = []
        self.started = asyncio.Event()

    async def on_keep(self, ws: Socket) -> None:
        self.kept.append(ws)

    async def on_work(self, ws: Socket) -> None:
        self.started.set()
        await gone(ws)
        await ws.join("lobby")
        await ws.emit("said", "anybody?")
        try:
            await self.confirm.ask(ws, "anybody?", timeout=60)
        except AskError as error:
            self.codes.append(error.code)

    async def on_ticks(self) -> AsyncIterator[int]:
        while True:
            yield 1


async def test_what_a_handler_does_after_the_disconnect_leaves_nothing_behind() -> None:
    keeper = Keeper()
    async with Client(Application(keeper)) as client:
        alice = await client.connect()
        await entered(alice, "work", keeper.started)
        await alice.send("ticks", id=1001)
        await alice.close()
        assert keeper.codes == ["disconnected"]
        assert await keeper.rooms.count("lobby") == 0


async def test_a_socket_that_is_gone_joins_no_room_and_is_nobody() -> None:
    keeper = Keeper()
    async with Client(Application(keeper)) as client:
        alice = await client.connect()
        await alice.request("keep")
        await alice.close()
        [ws] = keeper.kept
        assert not ws.connected
        await ws.join("lobby")
        ws.user_id = "alice"
        await ws.emit("said", "anybody?")
        await keeper.said.broadcast("anybody?", to=[ws, "lobby", ALL])
        await ws.close(4000)
        assert await keeper.rooms.count("lobby") == 0
        assert await ws.rooms() == []
        await alice.expect_nothing()


async def test_what_is_sent_to_a_connection_that_is_gone_is_counted() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            sockets.append(ws)

        async def on_disconnect(self, ws: Socket) -> None:
            await ws.emit("bye")

    sockets: list[Socket] = []
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.close()
        await sockets[0].emit("too late")
    assert app.counters == {"frames_dropped": 2}


async def test_a_connection_that_is_over_leaves_no_garbage() -> None:
    errors: list[weakref.ref[Exception]] = []

    class Negative(Error):
        code = "negative"

        def __init__(self) -> None:
            super().__init__()
            errors.append(weakref.ref(self))

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            sockets.append(weakref.ref(ws))
            if ws.auth == "refused":
                raise Refuse("forbidden")

        @on(raises=[Negative])
        async def on_double(self, ws: Socket, payload: int) -> int:
            await ws.join("lobby")
            if payload < 0:
                raise Negative
            return 2 * payload

    sockets: list[weakref.ref[Socket]] = []
    gc.collect()
    gc.disable()
    try:
        async with Client(Application(Chat)) as client:
            alice = await client.connect()
            await alice.request("double", 21)
            await alice.send("double", -1, id=70)
            assert (await alice.receive_frame())["error"]["code"] == "negative"
            await alice.close()
            with contextlib.suppress(Refused):
                await client.connect(auth="refused")
            client.peers.clear()
            del alice
            await asyncio.sleep(0)
            assert [each() for each in sockets] == [None, None]
            assert [each() for each in errors] == [None]
    finally:
        gc.enable()


async def test_a_join_that_is_under_way_when_the_rooms_are_left_leaves_no_ghost() -> None:
    class Slow(RoomManager):
        async def join(self, room: Any, socket: Any) -> None:
            await gate.wait()
            await super().join(room, socket)

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            sockets.append(ws)

    gate = asyncio.Event()
    sockets: list[Socket] = []
    app = Application(Chat, room_manager=Slow)
    async with Client(app) as client:
        alice = await client.connect()
        joining = asyncio.create_task(sockets[0].join("lobby"))
        await alice.close()
        gate.set()
        await joining
        assert await app[Chat].rooms.members("lobby") == []
        assert await app[Chat].rooms.count("lobby") == 0


async def test_a_join_that_failed_does_not_count_against_the_limit() -> None:
    class Moody(RoomManager):
        async def join(self, room: Any, socket: Any) -> None:
            if fail:
                raise OSError
            await super().join(room, socket)

    class Chat(Namespace, path="/"):
        limits = Limits(rooms=1)

        async def on_join(self, ws: Socket, payload: str) -> list[str]:
            await ws.join(payload)
            return await ws.rooms()

    fail = ["yes"]
    async with Client(Application(Chat, room_manager=Moody)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("join", "a")
        fail.clear()
        assert await alice.request("join", "b") == ["b"]


@pytest.mark.parametrize(
    ("code", "reason"), [(999, ""), (1005, ""), (1006, ""), (2000, ""), (5000, ""), (4000, "é" * 62)]
)
async def test_a_close_that_no_frame_can_carry_is_refused_where_it_is_asked_for(code: int, reason: str) -> None:
    class Chat(Namespace, path="/"):
        async def on_leave(self, ws: Socket) -> bool:
            with pytest.raises(UsageError, match=r"close\("):
                await ws.close(code, reason)
            return ws.connected

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("leave") is True


async def test_closing_after_the_end_is_no_change() -> None:
    class Chat(Namespace, path="/"):
        async def on_disconnect(self, ws: Socket) -> None:
            await ws.close()
            codes.append(ws.code)

    codes: list[int | None] = []
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.close(1006)
    assert codes == [1006]
