"""Order: handlers of one connection start in order and run one at a time, and what is excepted from that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from microsockets import Application, Ask, Call, Limits, Namespace, Socket, on
from microsockets.testing import Client, Peer, RequestFailed

EVER = 3600.0


class Work(Namespace, path="/"):
    """Each handler notes when it starts and ends; those that wait do so until `open` lets them on."""

    how_many = Ask[str, int]()

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[Any] | None] = []

    def open(self, name: str) -> None:
        self.gates.setdefault(name, asyncio.Event()).set()

    async def work(self, name: str) -> str:
        self.tasks.append(asyncio.current_task())
        self.log.append(f"{name} starts")
        try:
            await self.gates.setdefault(name, asyncio.Event()).wait()
        finally:
            self.log.append(f"{name} ends")
        return name

    async def on_wait(self, payload: str) -> str:
        return await self.work(payload)

    async def on_note(self, payload: str) -> str:
        self.tasks.append(asyncio.current_task())
        self.log.append(payload)
        await asyncio.sleep(0)
        self.log.append(f"{payload} ends")
        return payload

    @on(concurrent=2)
    async def on_two(self, payload: str) -> str:
        return await self.work(payload)

    @on(concurrent=1)
    async def on_one(self, payload: str) -> str:
        return await self.work(payload)

    @on(concurrent=2, timeout=0.05)
    async def on_limited(self) -> None:
        await asyncio.sleep(EVER)

    @on(concurrent=1)
    async def on_ask(self, ws: Socket, payload: str) -> int:
        return await self.how_many.ask(ws, payload)

    async def on_fail(self) -> None:
        raise LookupError("hunter2")

    async def on_eager(self) -> AsyncIterator[int]:
        self.log.append("eager starts")
        yield 1

    async def on_stream(self, payload: str) -> AsyncIterator[str]:
        self.tasks.append(asyncio.current_task())
        yield payload
        yield await self.work(payload)


@pytest.fixture
def app() -> Application:
    return Application(Work)


@pytest.fixture
def work(app: Application) -> Work:
    return app[Work]


async def answers(peer: Peer, count: int) -> list[Any]:
    """The payloads of the next answers."""
    return [(await peer.receive_frame())["payload"] for _ in range(count)]


# One at a time


async def test_handlers_of_one_connection_start_in_order(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for n in range(50):
            await alice.send("note", str(n), id=n + 100)
        assert await answers(alice, 50) == [str(n) for n in range(50)]
    assert work.log[::2] == [str(n) for n in range(50)]


async def test_handlers_of_one_connection_run_one_at_a_time(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.send("wait", "b", id=71)
        await alice.expect_nothing()
        assert work.log == ["a starts"]
        work.open("b")
        await alice.expect_nothing()
        work.open("a")
        assert await answers(alice, 2) == ["a", "b"]
    assert work.log == ["a starts", "a ends", "b starts", "b ends"]


async def test_handlers_of_two_connections_run_beside_each_other(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice, bob = await client.connect(), await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.expect_nothing()
        assert await bob.request("note", "b") == "b"
        assert work.log == ["a starts", "b", "b ends"]
        work.open("a")
        assert await answers(alice, 1) == ["a"]


async def test_a_failure_does_not_stop_the_events_behind_it(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("fail", id=70)
        await alice.send("note", 5, id=71)
        await alice.send("note", "a", id=72)
        codes = [(await alice.receive_frame()).get("error", {}).get("code") for _ in range(3)]
    assert codes == ["internal_error", "invalid_payload", None]
    assert work.log == ["a", "a ends"]


async def test_an_event_without_an_id_keeps_its_place(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("note", "a")
        await alice.send("note", "b", id=70)
        await alice.send("note", "c")
        await alice.send("note", "d", id=71)
        assert await answers(alice, 2) == ["b", "d"]
    assert work.log[::2] == ["a", "b", "c", "d"]


async def test_middleware_and_validation_of_an_event_keep_their_place() -> None:
    log: list[str] = []

    async def slow(call: Call, call_next: Any) -> Any:
        log.append(f"before {call.raw.decode()}")
        await asyncio.sleep(0)
        result = await call_next(call)
        log.append(f"after {call.raw.decode()}")
        return result

    class Chat(Namespace, path="/"):
        async def on_say(self, payload: int) -> None:
            log.append(f"say {payload}")

    async with Client(Application(Chat, middleware=[slow])) as client:
        alice = await client.connect()
        for n in (1, 2):
            await alice.send("say", n, id=n)
        assert await answers(alice, 2) == [None, None]
    assert log == ["before 1", "say 1", "after 1", "before 2", "say 2", "after 2"]


# Tasks


async def test_one_worker_serves_all_events_of_a_connection(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice, bob = await client.connect(), await client.connect()
        for name in "abc":
            await alice.request("note", name)
        await bob.request("note", "d")
    first, second, third, other = work.tasks
    assert first is not None
    assert first is second is third
    assert other is not None
    assert other is not first


async def test_every_handler_is_stepped_in_a_task(app: Application, work: Work) -> None:
    work.open("x")
    async with Client(app) as client:
        alice = await client.connect()
        for event in ("wait", "note", "one", "two"):
            await alice.request(event, "x")
        assert [item async for item in alice.stream("stream", "x")] == ["x", "x"]
    assert len(work.tasks) == 6
    assert None not in work.tasks


async def test_a_connection_without_work_has_no_task_beside_the_servers(app: Application) -> None:
    async with Client(app) as client:
        before = len(asyncio.all_tasks())
        await (await client.connect()).expect_nothing()
        assert len(asyncio.all_tasks()) <= before + 1


# What never queues


async def test_cancel_does_not_queue_behind_the_handler_it_cancels(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.expect_nothing()
        await alice.send("$cancel", 70)
        frame = await alice.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (70, "cancelled")
        assert work.log == ["a starts", "a ends"]
        assert await alice.request("note", "b") == "b"


async def test_cancel_of_an_event_that_waits_answers_at_once_and_it_never_runs(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.send("note", "b", id=71)
        await alice.send("note", "c", id=72)
        await alice.send("$cancel", 71)
        frame = await alice.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (71, "cancelled")
        work.open("a")
        assert await answers(alice, 2) == ["a", "c"]
        await alice.expect_nothing()
    assert "b" not in work.log


@pytest.mark.parametrize("id", [71, 2**53 - 1])
async def test_cancel_of_what_is_not_open_changes_nothing(app: Application, work: Work, id: int) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.send("$cancel", id)
        await alice.expect_nothing()
        work.open("a")
        assert await answers(alice, 1) == ["a"]


async def test_cancel_of_one_connection_does_not_reach_another(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice, mallory = await client.connect(), await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.expect_nothing()
        await mallory.send("$cancel", 70)
        await alice.expect_nothing()
        work.open("a")
        assert await answers(alice, 1) == ["a"]


async def test_an_answer_of_the_client_does_not_queue_behind_a_busy_handler(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "sheep", id=70)
        question = await alice.receive_frame()
        await alice.send("wait", "a", id=71)
        await alice.send("wait", "b", id=72)
        await alice.answer(question["id"], 12)
        assert await alice.receive_frame() == {"ack": 70, "payload": 12}
        assert work.log == ["a starts"]
        work.open("a")
        work.open("b")


async def test_ping_does_not_queue_behind_a_busy_handler(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.expect_nothing()
        await alice.send("$ping", id=71)
        assert await alice.receive_frame() == {"ack": 71, "payload": None}
        assert work.log == ["a starts"]
        work.open("a")


async def test_a_refused_frame_is_answered_past_a_busy_handler(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        with pytest.raises(RequestFailed, match="unknown_event"):
            await alice.request("nothing")
        await alice.send_text("{")
        assert (await alice.receive("$error"))["code"] == "bad_frame"
        assert work.log == ["a starts"]
        work.open("a")


# Streams


async def test_a_stream_runs_beside_the_serial_handlers(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("stream", "s", id=70)
        assert await alice.receive_frame() == {"ack": 70, "item": "s"}
        assert await alice.request("note", "a") == "a"
        work.open("s")
        assert await alice.receive_frame() == {"ack": 70, "item": "s"}
        assert await alice.receive_frame() == {"ack": 70}


async def test_a_stream_starts_before_the_event_behind_it(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("eager", id=70)
        await alice.send("note", "a", id=71)
        frames = [await alice.receive_frame() for _ in range(3)]
    assert work.log == ["eager starts", "a", "a ends"]
    assert {"ack": 70, "item": 1} in frames


async def test_streams_start_in_the_order_of_their_events(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for id, name in enumerate("abc", 70):
            await alice.send("stream", name, id=id)
        assert [(await alice.receive_frame())["item"] for _ in "abc"] == ["a", "b", "c"]


# concurrent=


async def test_concurrent_lets_that_many_of_an_event_run_at_once(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for id, name in enumerate("abcd", 70):
            await alice.send("two", name, id=id)
        await alice.expect_nothing()
        assert work.log == ["a starts", "b starts"]
        work.open("b")
        assert await answers(alice, 1) == ["b"]
        await alice.expect_nothing()
        assert work.log == ["a starts", "b starts", "b ends", "c starts"]
        for name in "acd":
            work.open(name)
        assert sorted(await answers(alice, 3)) == ["a", "c", "d"]


async def test_concurrent_is_per_event(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for id, (event, name) in enumerate([("two", "a"), ("two", "b"), ("two", "c"), ("one", "d"), ("one", "e")], 70):
            await alice.send(event, name, id=id)
        await alice.expect_nothing()
        assert work.log == ["a starts", "b starts", "d starts"]
        for name in "abcde":
            work.open(name)
        assert sorted(await answers(alice, 5)) == list("abcde")


async def test_concurrent_is_per_connection(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice, bob = await client.connect(), await client.connect()
        await alice.send("one", "a", id=70)
        await bob.send("one", "b", id=70)
        await alice.expect_nothing()
        await bob.expect_nothing()
        assert work.log == ["a starts", "b starts"]
        work.open("a")
        work.open("b")
        assert await answers(alice, 1) + await answers(bob, 1) == ["a", "b"]


async def test_later_serial_events_may_overtake_a_concurrent_one(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for id, name in enumerate("abc", 70):
            await alice.send("two", name, id=id)
        assert await alice.request("note", "overtakes") == "overtakes"
        assert not any(f"{name} ends" in work.log for name in "abc")
        for name in "abc":
            work.open(name)
        assert sorted(await answers(alice, 3)) == ["a", "b", "c"]


async def test_a_concurrent_event_starts_in_order_behind_a_serial_one(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait", "a", id=70)
        await alice.send("two", "b", id=71)
        await alice.expect_nothing()
        assert work.log == ["a starts"]
        work.open("a")
        work.open("b")
        assert await answers(alice, 2) == ["a", "b"]
    assert work.log == ["a starts", "a ends", "b starts", "b ends"]


async def test_concurrent_events_beyond_the_number_start_in_order(app: Application, work: Work) -> None:
    for name in "abcdef":
        work.open(name)
    async with Client(app) as client:
        alice = await client.connect()
        for id, name in enumerate("abcdef", 70):
            await alice.send("one", name, id=id)
        assert await answers(alice, 6) == list("abcdef")
    assert work.log == [f"{name} {what}" for name in "abcdef" for what in ("starts", "ends")]


async def test_a_concurrent_event_that_waits_can_be_cancelled(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for id, name in enumerate("abc", 70):
            await alice.send("one", name, id=id)
        await alice.expect_nothing()
        await alice.send("$cancel", 71)
        assert (await alice.receive_frame())["error"]["code"] == "cancelled"
        work.open("a")
        work.open("c")
        assert await answers(alice, 2) == ["a", "c"]
        await alice.expect_nothing()
    assert "b starts" not in work.log


@pytest.mark.parametrize("settled", [True, False])
async def test_a_concurrent_event_that_runs_or_is_about_to_can_be_cancelled(
    app: Application, work: Work, settled: bool
) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("one", "a", id=70)
        if settled:
            await alice.expect_nothing()
        await alice.send("$cancel", 70)
        assert (await alice.receive_frame())["error"]["code"] == "cancelled"
        await alice.expect_nothing()
        work.open("b")
        assert await alice.request("one", "b") == "b"


async def test_a_concurrent_handler_has_a_time_limit_too(app: Application) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        for id in (70, 71, 72):
            await alice.send("limited", id=id)
        assert [(await alice.receive_frame())["error"]["code"] for _ in range(3)] == ["timeout"] * 3


async def test_concurrent_events_that_wait_count_towards_the_inbox() -> None:
    app = Application(Work, limits=Limits(inbox_frames=3))
    async with Client(app) as client:
        alice = await client.connect()
        for id in range(70, 74):
            await alice.send("one", "a", id=id)
            await alice.expect_nothing()
        with pytest.raises(RequestFailed, match="overloaded"):
            await alice.request("one", "a")
        app[Work].open("a")
        assert await answers(alice, 4) == ["a"] * 4
        assert await alice.request("one", "a") == "a"


async def test_a_concurrent_handler_that_asks_has_no_place_to_give_up(app: Application, work: Work) -> None:
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "a", id=70)
        await alice.send("ask", "b", id=71)
        first = await alice.receive_frame()
        await alice.expect_nothing()
        await alice.answer(first["id"], 1)
        frames = [await alice.receive_frame() for _ in range(2)]
        assert {"ack": 70, "payload": 1} in frames
        [second] = [frame for frame in frames if "event" in frame]
        await alice.answer(second["id"], 2)
        assert await alice.receive_frame() == {"ack": 71, "payload": 2}
