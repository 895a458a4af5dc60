"""A server that means ill, or is broken."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import tracemalloc
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from microsockets.client import End, MicroSocket, MicroSocketError
from websockets.exceptions import ConnectionClosed, PayloadTooBig

from tests.client.peers import Clock, Heard, Peer, Scripted, reaches

NAMES = ["__class__", "__init__", "__dict__", "on", "close", "_session", ""]


@contextlib.asynccontextmanager
async def pair(server: Scripted) -> AsyncGenerator[tuple[MicroSocket, Peer], None]:
    """An open socket and the server's end of it."""
    async with MicroSocket(server.url) as socket:
        socket.on_error(lambda error, event: None)
        await socket.ready()
        yield socket, server.last


async def received(socket: MicroSocket, peer: Peer) -> None:
    """Returns when all that was sent before has been received."""
    end = Heard()
    unbind = socket.on("the end", end)
    await peer.send({"event": "the end"})
    await end.next()
    unbind()


async def test_names_of_attributes_are_names_like_others(server: Scripted) -> None:
    async with pair(server) as (socket, peer):
        every, heard = Heard(), Heard()
        for name in NAMES:
            await peer.send({"event": name, "payload": "nobody listens"})
            await peer.send({"event": name, "id": 1})
        await peer.receive(len(NAMES))
        assert {frame["error"]["code"] for frame in peer.frames} == {"unknown_event"}
        await received(socket, peer)
        socket.on_any(every)
        for name in filter(None, NAMES):
            socket.on(name, heard)
            await peer.send({"event": name, "payload": name})
        await received(socket, peer)
        assert heard.calls == list(filter(None, NAMES))
        assert [name for name, _ in every.calls] == [*filter(None, NAMES), "the end"]


async def test_errors_of_any_code_message_and_details_are_errors(server: Scripted) -> None:
    errors: list[dict[str, Any]] = [
        {"code": "__class__", "message": 8, "details": {"__class__": 1}},
        {"code": "", "message": None, "details": None},
        {"code": "x", "message": "m", "details": [[[]]], "event": 4},
        {"code": "rate_limited", "details": {"retry_after": "soon"}},
    ]
    async with pair(server) as (socket, peer):
        for id, error in enumerate(errors):
            request = asyncio.create_task(socket.request("fail", queue=False))
            await peer.receive(id + 1)
            await peer.send({"ack": id, "error": error})
            with pytest.raises(MicroSocketError) as failed:
                await request
            assert failed.value.code == error["code"]
            assert failed.value.details == error.get("details")


@pytest.mark.parametrize("error", ["null", "1", '"timeout"', "[]", "{}", '{"code":1}', '{"code":"x","details":1e999}'])
async def test_an_error_that_is_none_fails_its_request(server: Scripted, error: str) -> None:
    async with pair(server) as (socket, peer):
        request = asyncio.create_task(socket.request("fail"))
        await peer.receive(1)
        await peer.send(f'{{"ack":0,"error":{error}}}')
        with pytest.raises(MicroSocketError, match="bad_frame"):
            await request


@pytest.mark.parametrize("payload", ["1e999", '"\\ud800"', "[" * 20_000 + "]" * 20_000, "1" * 5000])
async def test_an_answer_that_cannot_be_read_fails_its_request(server: Scripted, payload: str) -> None:
    async with pair(server) as (socket, peer):
        request = asyncio.create_task(socket.request("say", answer=str, timeout=0.2))
        items = socket.stream("say", item=str)
        item = asyncio.create_task(anext(items))
        await peer.receive(2)
        await peer.send(f'{{"ack":0,"payload":{payload}}}', f'{{"ack":1,"item":{payload}}}', {"ack": 1, "item": "end"})
        with pytest.raises(MicroSocketError, match=r"invalid_answer|timeout"):
            await request
        with contextlib.suppress(MicroSocketError):
            assert await item == "end"
        await received(socket, peer)


async def test_frames_of_any_shape_are_survived(server: Scripted) -> None:
    values = [
        *["null", "1", '"x"', "[]", "{}", "true", "1e400", "-1", '{"__class__":1}', '"\\ud800"', "1" * 400],
        "[" * 20_000,
        "[" * 20_000 + "]" * 20_000,
    ]
    keys = ["event", "id", "ack", "error", "item", "payload"]
    # Not `$drain`: told to go, a client goes.
    events = ['"$hello"', '"$error"', '"$ping"', '"$cancel"', '"$"', '"x"']
    async with pair(server) as (socket, peer):
        heard = Heard()
        socket.on("x", heard)
        socket.handle("x", lambda payload: payload)
        for value, key in itertools.product(values, keys):
            await peer.send(value, f'{{"{key}":{value}}}', f'{{"ack":0,"{key}":{value}}}')
            await peer.send(*[f'{{"event":{event},"{key}":{value}}}' for event in events])
        await peer.send("", "{", '{"event":"x', '{"event":"x","payload":', "\0", "\ufeff{}", b"\x00\xff\x80")
        await received(socket, peer)
        assert socket.state == "open"
        assert {"__class__": 1} in heard.calls


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
frames = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["x", "ask", "$hello", "$error", "$ping", "$cancel", "$later"]) | json_values,
        "ack": st.integers(-1, 6) | json_values,
        "id": st.integers(-1, 6) | json_values,
        "payload": json_values
        | st.fixed_dictionaries({"code": st.text(max_size=5)}, optional={"details": json_values}),
        "item": json_values,
        "error": json_values | st.fixed_dictionaries({"code": st.text(max_size=5)}, optional={"message": json_values}),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(frames | json_values, max_size=60))
def test_whatever_a_server_sends_the_client_lives_on(sent: list[Any]) -> None:
    async def run() -> None:
        async with Scripted().run() as server, pair(server) as (socket, peer):
            socket.on("x", lambda payload: None, type=int)
            socket.handle("ask", lambda question: question, type=int, answer=int)
            waiting = [asyncio.create_task(socket.request("any", queue=False)) for _ in range(3)]
            stream = socket.stream("any", item=int)
            waiting.append(asyncio.create_task(anext(stream)))
            await peer.receive(4)
            await peer.send(*[json.dumps(frame) for frame in sent])
            await received(socket, peer)
            assert socket.state == "open"
            answer = asyncio.create_task(socket.request("double", queue=False))
            await peer.until(lambda: peer.ids("double"))
            await peer.answer(peer.ids("double")[0], 4)
            assert await answer == 4
            await socket.close()
            await asyncio.gather(*waiting, return_exceptions=True)
            await server.idle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


async def test_a_huge_frame_is_one_frame(server: Scripted) -> None:
    async with pair(server) as (socket, peer):
        huge = Heard()
        socket.on("huge", lambda text: huge(len(text)), type=str)
        await peer.send({"event": "huge", "payload": "x" * 20_000_000})
        assert await huge.next() == 20_000_000


async def test_a_flood_of_frames_leaves_nothing_behind(server: Scripted) -> None:
    frames: list[Any] = [
        {"event": "flood", "payload": {"n": 1}},
        {"ack": 12345, "payload": 1},
        {"ack": 12345, "item": 1},
        {"event": "$hello", "payload": {"limits": {}}},
        {"event": "$error", "payload": {"code": "x", "message": ""}},
        {"event": "$drain", "payload": {"after_ms": 3_600_000}},
        {"event": "ask", "id": 7},
        {"event": "nobody asked", "id": 8},
        "{",
    ]

    async def flood(socket: MicroSocket, peer: Peer, rounds: int) -> None:
        for _ in range(rounds):
            await peer.send(*frames)
        await received(socket, peer)
        peer.frames.clear()

    async with pair(server) as (socket, peer):
        heard = 0

        async def count(payload: Any) -> None:
            nonlocal heard
            heard += 1

        socket.on("flood", count)
        socket.handle("ask", lambda payload: None)
        await flood(socket, peer, 200)
        tracemalloc.start()
        try:
            await flood(socket, peer, 200)
            before, _ = tracemalloc.get_traced_memory()
            await flood(socket, peer, 600)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 1_000_000
        await socket.close()
        assert heard == 1000


async def test_an_async_handler_that_is_1000_events_behind_misses_those_that_come_then(server: Scripted) -> None:
    async with pair(server) as (socket, peer):
        go_on = asyncio.Event()
        seen, told = Heard(), Heard()
        socket.on_error(told)

        async def slow(n: int) -> None:
            await go_on.wait()
            seen(n)

        socket.on("n", slow, type=int)
        await peer.send({"event": "n", "payload": 0})
        await received(socket, peer)
        for n in range(1, 1003):
            await peer.send({"event": "n", "payload": n})
        await received(socket, peer)
        assert [error.code for error, _ in told.calls] == ["overloaded"] * 2
        go_on.set()
        await seen.next(1001)
        assert seen.calls == list(range(1001))


async def test_a_queue_that_is_refused_for_ever_is_sent_no_faster_than_five_times_a_second(
    server: Scripted, clock: Clock
) -> None:
    async with pair(server) as (socket, peer):
        await socket.close()
        clock.skip(1)
        socket.open()
        await socket.send("again")
        await socket.ready()
        peer = server.last
        for id in range(5):
            await peer.receive(id + 1)
            await peer.send({"ack": id, "error": {"code": "overloaded", "details": {"retry_after": 0}}})
            await received(socket, peer)
            assert len(peer.frames) == id + 1
            clock.skip(0.19)
            await received(socket, peer)
            assert len(peer.frames) == id + 1
            clock.skip(0.02)


async def test_who_opens_it_again_whenever_it_is_closed_still_keeps_200_ms(server: Scripted) -> None:
    loop = asyncio.get_running_loop()
    server.accept = lambda peer: peer.close(1000)
    socket = MicroSocket(server.url)
    unbind = socket.on_close(lambda end: socket.open())
    async with socket:
        await server.until(lambda: len(server.peers) > 2)
        unbind()
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(server.peers)]
    assert min(gaps) >= 0.195
    assert loop.time() >= server.peers[-1].at


async def test_whatever_a_handler_does_the_others_and_the_socket_go_on(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(server) as (socket, peer):
        every = Heard()

        @socket.on("x")
        def first(payload: Any) -> None:
            socket.off("x")
            raise ValueError("in a plain handler")

        @socket.on("x")
        async def second(payload: Any) -> None:
            raise ValueError("in an async handler")

        @socket.on("x")
        def third(payload: Any) -> None:
            raise asyncio.CancelledError("in a future of its own")

        @socket.on("x")
        async def fourth(payload: Any) -> None:
            raise MicroSocketError("failed", "of a request in it")

        @socket.on_state()
        def state(change: Any) -> None:
            raise ValueError("in a hook")

        told = Heard()
        socket.on_error(told)
        socket.on_any(every)
        await peer.send({"event": "x"})
        await received(socket, peer)
        assert [name for name, _ in every.calls] == ["x", "the end"]
        assert [error.code for error, _ in told.calls] == ["failed"]
        peer.close(1012)
        await reaches(socket, "waiting")
    logged = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert logged[:3] == ["in a plain handler", "in a future of its own", "in an async handler"]
    assert "in a hook" in logged


async def test_an_event_of_another_type_reaches_no_handler_and_is_told(server: Scripted) -> None:
    async with pair(server) as (socket, peer):
        numbers, told = Heard(), Heard()
        socket.on("n", numbers, type=int)
        socket.on_error(told)
        await peer.send({"event": "n", "payload": "secret"}, {"event": "n", "payload": 4}, {"event": "n"})
        await received(socket, peer)
        assert numbers.calls == [4]
        assert [(error.code, event) for error, event in told.calls] == [("invalid_payload", "n")] * 2
        assert told.calls[0][0].details[0]["type"] == "int_parsing"
        assert "secret" not in str(told.calls[0][0])


async def test_control_frames_reach_no_handler(server: Scripted) -> None:
    async with pair(server) as (socket, peer):
        every = Heard()
        socket.on_any(every)
        await peer.send({"event": "$later", "payload": 1}, {"event": "$ping", "id": 1}, {"event": "$", "id": 2})
        await received(socket, peer)
        assert [name for name, _ in every.calls] == ["the end"]
        assert peer.frames == []


async def test_a_message_that_is_no_text_is_no_frame_and_one_over_64_mib_breaks_the_connection(
    server: Scripted,
) -> None:
    async with pair(server) as (socket, peer):
        await peer.send(b'{"event":"x"}')
        await received(socket, peer)
        waiting = asyncio.create_task(reaches(socket, "waiting"))
        with contextlib.suppress(ConnectionClosed):
            await peer.send("x" * (64 * 1024 * 1024 + 1))
        change = await waiting
        assert change is not None
        assert isinstance(change.end, End)
        assert isinstance(change.end.cause, PayloadTooBig)


async def test_a_server_that_asks_and_never_reads_is_given_up(server: Scripted) -> None:
    async with pair(server) as (socket, peer):
        socket.handle("ask", lambda payload: "x" * 10_000_000)
        peer.pause()
        for id in range(12):
            await peer.send({"event": "ask", "id": id})
        change = await reaches(socket, "waiting")
        assert change is None or change.previous == "open"
        peer.resume()
