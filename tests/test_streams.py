"""Streams: async generators whose items are the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import pytest
from microsockets import Application, Call, Depends, Error, Event, Limits, Namespace, Next, Socket, on
from microsockets.testing import Client, Peer, RequestFailed
from pydantic import BaseModel, Field

EVER = 3600.0


class Item(BaseModel):
    n: int
    label_text: str = Field(default="", alias="labelText")


class TooHigh(Error):
    """I only count to three"""

    code = "too_high"


class Counting(Namespace, path="/"):
    ended: list[str] = []
    told = Event[int]()

    async def on_count(self, ws: Socket, payload: int) -> AsyncIterator[int]:
        for n in range(payload):
            yield n

    async def on_items(self, ws: Socket) -> AsyncIterator[Item]:
        yield Item(n=1)
        yield Item(n=2, labelText="two")

    async def on_wrong_item(self, ws: Socket) -> AsyncIterator[int]:
        yield 1
        yield "two"  # type: ignore[misc]  # pyright: ignore[reportReturnType]

    @on(raises=[TooHigh])
    async def on_limited(self, ws: Socket) -> AsyncGenerator[int, None]:
        for n in range(1, 4):
            yield n
        raise TooHigh

    async def on_bug(self, ws: Socket) -> AsyncIterable[int]:
        yield 1
        raise LookupError("hunter2")

    async def on_bug_at_once(self, ws: Socket) -> AsyncIterator[int]:
        raise LookupError("hunter2")
        yield 1

    async def on_untyped(self, ws: Socket):  # type: ignore[no-untyped-def]
        yield {"free": None}

    async def on_bare(self, ws: Socket) -> AsyncIterator:  # type: ignore[type-arg]
        yield [1, "a"]

    async def on_tell(self, ws: Socket) -> AsyncIterator[int]:
        await self.told.broadcast(1, to=ws)
        yield 2
        await self.told.broadcast(3, to=ws)

    async def on_forever(self, ws: Socket, payload: str) -> AsyncIterator[str]:
        try:
            yield payload
            await asyncio.sleep(EVER)
        finally:
            self.ended.append(payload)

    @on(timeout=0.05)
    async def on_limited_time(self, ws: Socket) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(EVER)

    async def on_ping(self) -> str:
        return "pong"


@pytest.fixture(autouse=True)
def nothing_ended() -> None:
    Counting.ended.clear()


async def items_of(peer: Peer, event: str, payload: Any = ...) -> list[Any]:
    return [item async for item in peer.stream(event, payload)]


async def failure(peer: Peer, event: str) -> tuple[list[Any], RequestFailed]:
    """The items before the error, and the error."""
    items: list[Any] = []

    async def use() -> None:
        async for item in peer.stream(event):
            items.append(item)  # noqa: PERF401

    with pytest.raises(RequestFailed) as failed:
        await use()
    return items, failed.value


@pytest.mark.parametrize(
    ("event", "payload", "items"),
    [
        ("count", 3, [0, 1, 2]),
        ("count", 0, []),
        ("items", None, [{"n": 1, "labelText": ""}, {"n": 2, "labelText": "two"}]),
        ("untyped", None, [{"free": None}]),
        ("bare", None, [[1, "a"]]),
    ],
)
async def test_each_yield_of_an_async_generator_is_an_item(event: str, payload: Any, items: list[Any]) -> None:
    async with Client(Application(Counting)) as client:
        assert await items_of(await client.connect(), event, payload) == items


async def test_a_stream_is_item_frames_and_then_an_end_frame_alone() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        await alice.send("count", 2, id=70)
        assert [await alice.receive_frame() for _ in range(3)] == [
            {"ack": 70, "item": 0},
            {"ack": 70, "item": 1},
            {"ack": 70},
        ]
        await alice.expect_nothing()


async def test_an_item_its_annotation_refuses_ends_the_stream_with_an_internal_error() -> None:
    async with Client(Application(Counting)) as client:
        items, failed = await failure(await client.connect(), "wrong_item")
    assert (items, failed.code) == ([1], "internal_error")


async def test_an_error_raised_in_a_stream_ends_it_with_its_code() -> None:
    async with Client(Application(Counting)) as client:
        items, failed = await failure(await client.connect(), "limited")
    assert items == [1, 2, 3]
    assert (failed.code, failed.message) == ("too_high", "I only count to three")


@pytest.mark.parametrize(("event", "items"), [("bug", [1]), ("bug_at_once", [])])
async def test_any_other_exception_ends_a_stream_with_internal_error(
    event: str, items: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        received, failed = await failure(alice, event)
        assert await alice.request("ping") == "pong"
    assert (received, failed.code) == (items, "internal_error")
    assert failed.details["correlation_id"] in caplog.text
    assert len(caplog.records) == 1


async def test_a_stream_whose_payload_is_invalid_is_an_error_and_no_item() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        await alice.send("count", "three", id=70)
        frame = await alice.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (70, "invalid_payload")
        await alice.expect_nothing()


async def test_a_stream_nobody_asked_for_is_told_and_does_not_run() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        await alice.send("forever", "never")
        assert (await alice.receive("$error"))["event"] == "forever"
        await alice.expect_nothing()
    assert Counting.ended == []


async def test_events_and_items_keep_their_order() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        await alice.send("tell", id=70)
        assert await alice.receive("told") == 1
        assert await alice.receive_frame() == {"ack": 70, "item": 2}
        assert await alice.receive("told") == 3
        assert await alice.receive_frame() == {"ack": 70}


async def test_cancel_closes_the_generator_and_answers_cancelled_once() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        await alice.send("forever", "a", id=70)
        assert await alice.receive_frame() == {"ack": 70, "item": "a"}
        await alice.send("$cancel", 70)
        frame = await alice.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (70, "cancelled")
        assert Counting.ended == ["a"]
        await alice.expect_nothing()


async def test_leaving_a_stream_early_closes_the_generator() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        items: Any = alice.stream("forever", "a")
        async with aclosing(items):
            assert await anext(items) == "a"
        await alice.expect_nothing()
        assert '"code":"cancelled"' in alice.transcript[-1]
    assert Counting.ended == ["a"]


async def test_a_disconnect_closes_the_generator() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        await alice.send("forever", "a", id=70)
        await alice.receive_frame()
        await alice.close()
        assert Counting.ended == ["a"]


async def test_a_stream_past_its_timeout_answers_timeout() -> None:
    async with Client(Application(Counting)) as client:
        items, failed = await failure(await client.connect(), "limited_time")
    assert (items, failed.code) == ([1], "timeout")


async def test_a_dependency_of_a_stream_lives_until_the_stream_ends() -> None:
    log: list[str] = []

    async def session() -> AsyncIterator[str]:
        log.append("opened")
        yield "session"
        log.append("closed")

    class Chat(Namespace, path="/"):
        async def on_rows(self, ws: Socket, payload: int, made: Annotated[str, Depends(session)]) -> AsyncIterator[str]:
            for n in range(payload):
                log.append(f"row {n}")
                yield made

    async with Client(Application(Chat)) as client:
        assert await items_of(await client.connect(), "rows", 2) == ["session", "session"]
    assert log == ["opened", "row 0", "row 1", "closed"]


# Beside other handlers


async def test_a_stream_holds_no_slot() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        for name in "ab":
            await alice.send("forever", name, id=ord(name))
            assert await alice.receive_frame() == {"ack": ord(name), "item": name}
        assert await alice.request("ping") == "pong"
        assert Counting.ended == []


async def test_a_stream_starts_in_order() -> None:
    log: list[str] = []
    gate = asyncio.Event()

    class Chat(Namespace, path="/"):
        async def on_slow(self) -> None:
            log.append("slow")
            await gate.wait()
            log.append("slow is done")

        async def on_stream(self) -> AsyncIterator[int]:
            log.append("stream")
            yield 1

        async def on_last(self) -> None: ...

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("slow")
        await alice.send("stream", id=70)
        await alice.expect_nothing()
        assert log == ["slow"]
        gate.set()
        assert await alice.receive_frame() == {"ack": 70, "item": 1}
        assert log == ["slow", "slow is done", "stream"]


async def test_a_connection_has_16_streams_and_the_next_is_overloaded() -> None:
    async with Client(Application(Counting)) as client:
        alice = await client.connect()
        assert alice.hello["limits"]["streams"] == 16
        for id in range(100, 116):
            await alice.send("forever", str(id), id=id)
            assert await alice.receive_frame() == {"ack": id, "item": str(id)}
        with pytest.raises(RequestFailed) as failed:
            await alice.request("forever", "one too many")
        assert failed.value.code == "overloaded"
        assert failed.value.details["retry_after"] > 0
        await alice.send("$cancel", 107)
        assert (await alice.receive_frame())["error"]["code"] == "cancelled"
        await alice.send("forever", "again", id=200)
        assert await alice.receive_frame() == {"ack": 200, "item": "again"}


async def test_the_limit_on_streams_is_per_connection() -> None:
    async with Client(Application(Counting, limits=Limits(streams=1))) as client:
        for id, peer in enumerate([await client.connect(), await client.connect()], 100):
            await peer.send("forever", str(id), id=id)
            assert await peer.receive_frame() == {"ack": id, "item": str(id)}


async def test_items_wait_for_a_reader_that_stalls() -> None:
    produced: list[int] = []

    class Chat(Namespace, path="/"):
        async def on_many(self) -> AsyncIterator[int]:
            for n in range(200):
                produced.append(n)
                yield n

    async with Client(Application(Chat, limits=Limits(outbox_frames=10))) as client:
        alice = await client.connect()
        alice.pause_reading()
        await alice.send("many", id=70)
        await alice.expect_nothing()
        stalled_at = len(produced)
        assert stalled_at < 100
        alice.resume_reading()
        assert [(await alice.receive_frame())["item"] for _ in range(200)] == list(range(200))
        assert await alice.receive_frame() == {"ack": 70}


async def test_a_stream_that_waits_at_a_disconnect_is_not_started() -> None:
    class Feed(Namespace, path="/"):
        def __init__(self) -> None:
            self.log: list[Any] = []
            self.gate = asyncio.Event()

        async def on_connect(self, ws: Socket) -> None:
            await ws.join("readers")

        async def on_slow(self) -> None:
            await self.gate.wait()
            self.log.append("slow")

        async def on_feed(self) -> AsyncIterator[int]:
            self.log.append("feed")
            await asyncio.Event().wait()
            yield 1

        @on(concurrent=1)
        async def on_single(self) -> AsyncIterator[int]:
            self.log.append("single")
            await asyncio.Event().wait()
            yield 1

        async def on_disconnect(self, ws: Socket) -> None:
            self.log.append("disconnect")

    app = Application(Feed)
    feed = app[Feed]
    async with Client(app) as client:
        alice = await client.connect()
        for id, event in enumerate(("single", "single", "slow", "feed", "single")):
            await alice.send(event, id=id)
        await alice.expect_nothing()
        closing = asyncio.create_task(alice.close())
        await asyncio.sleep(0)
        feed.gate.set()
        await closing
        assert feed.log == ["single", "slow", "disconnect"]
        assert await feed.rooms.count("readers") == 0
    assert app.counters["events_abandoned"] == 0


async def test_items_of_any_size_wait_for_space() -> None:
    class Files(Namespace, path="/"):
        async def on_read(self) -> AsyncIterator[str]:
            for size in (400_000, 700_000, 400_000, 2_000_000, 10, 700_000):
                yield "x" * size

    app = Application(Files)
    async with Client(app) as client:
        alice = await client.connect()
        sizes = [len(item) async for item in alice.stream("read")]
    assert sizes == [400_000, 700_000, 400_000, 2_000_000, 10, 700_000]
    assert app.counters == {}


async def test_without_an_id_a_middleware_that_hides_the_error_sends_nothing() -> None:
    async def hide(call: Call, call_next: Next) -> Any:
        try:
            return await call_next(call)
        except Error:
            return None

    class Feed(Namespace, path="/"):
        middleware = (hide,)

        async def on_feed(self) -> AsyncIterator[int]:
            yield 1

        async def on_fine(self) -> str:
            return "fine"

    async with Client(Application(Feed)) as client:
        alice = await client.connect()
        await alice.send("feed")
        assert await alice.request("fine") == "fine"
        await alice.send("feed")
        await alice.expect_nothing()


async def test_a_disconnect_after_the_end_lets_dependencies_close() -> None:
    log: list[str] = []
    gate = asyncio.Event()

    async def transaction() -> AsyncIterator[int]:
        yield 1
        await gate.wait()
        log.append("committed")

    class Feed(Namespace, path="/"):
        async def on_feed(self, n: Annotated[int, Depends(transaction)]) -> AsyncIterator[int]:
            yield n

    async with Client(Application(Feed)) as client:
        alice = await client.connect()
        assert [item async for item in alice.stream("feed")] == [1]
        closing = asyncio.create_task(alice.close())
        await asyncio.sleep(0)
        gate.set()
        await closing
    assert log == ["committed"]


async def test_a_generator_that_hides_its_cancellation_is_stopped_at_its_next_item() -> None:
    class Feed(Namespace, path="/"):
        closed = asyncio.Event()

        async def on_feed(self) -> AsyncIterator[int]:
            try:
                for n in range(1_000_000):
                    yield n
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(0.001)
            finally:
                self.closed.set()

    async with Client(Application(Feed)) as client:
        alice = await client.connect()
        await alice.send("feed", id=70)
        assert (await alice.receive_frame())["item"] == 0
        await alice.send("$cancel", 70)
        while "item" in (frame := await alice.receive_frame()):
            pass
        assert frame["error"]["code"] == "cancelled"
        await Feed.closed.wait()
