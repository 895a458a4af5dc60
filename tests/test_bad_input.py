"""Bad input: each malformed frame gets a typed error, and the connection and everyone else go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from microsockets import ALL, Application, Depends, Event, Namespace, Refuse, Socket
from microsockets.testing import Client, Peer, Refused, RequestFailed
from pydantic import BaseModel

KIB = 1024


class Order(BaseModel):
    n: int
    tags: list[str] = []


class Shop(Namespace, path="/"):
    told = Event[Any]()
    ran: list[Any] = []

    async def on_any(self, ws: Socket, payload: Any) -> Any:
        return payload

    async def on_order(self, ws: Socket, payload: Order) -> int:
        self.ran.append(payload)
        return payload.n

    async def on_nothing(self, ws: Socket) -> None:
        self.ran.append(None)

    async def on_tell(self, ws: Socket, payload: Any) -> None:
        await self.told.broadcast(payload, to=ALL)

    async def on_hold(self, ws: Socket) -> None:
        await asyncio.sleep(3600)


async def goes_on(peer: Peer, other: Peer) -> None:
    """The connection works, and so does everyone else's, who heard nothing of it."""
    await other.expect_nothing()
    await peer.expect_nothing()
    assert await peer.request("order", {"n": 3}) == 3
    await other.request("tell", "still here")
    for each in (peer, other):
        assert await each.receive("told") == "still here"


MALFORMED: dict[str, str | bytes] = {
    "empty": "",
    "blank": " \n",
    "text": "hello",
    "half": '{"event":"order"',
    "two": '{"event":"order"}{"event":"order"}',
    "trailing": '{"event":"order"},',
    "single quotes": "{'event':'order'}",
    "comment": '{"event":"order"} // x',
    "bare word": '{"event":order}',
    "control character": '{"event":"or\x00der"}',
    "unfinished escape": '{"event":"\\u12"}',
    "byte order mark": '\ufeff{"event":"order"}',
    "null": "null",
    "number": "1",
    "string": '"order"',
    "list": '["order",{}]',
    "empty object": "{}",
    "no event": '{"payload":{"n":1},"id":1}',
    "event is null": '{"event":null}',
    "event is a number": '{"event":1}',
    "event is a list": '{"event":["order"]}',
    "event is an object": '{"event":{"name":"order"}}',
    "event and ack": '{"event":"order","ack":1}',
    "ack is a string": '{"ack":"1"}',
    "ack is out of range": '{"ack":-1}',
    "ack is a float": '{"ack":1.5}',
    "id is a string": '{"event":"order","payload":{"n":1},"id":"1"}',
    "id is a float": '{"event":"order","payload":{"n":1},"id":1.5}',
    "id is null": '{"event":"order","payload":{"n":1},"id":null}',
    "id is true": '{"event":"order","payload":{"n":1},"id":true}',
    "id is negative": '{"event":"order","payload":{"n":1},"id":-1}',
    "id is out of range": '{"event":"order","payload":{"n":1},"id":9007199254740992}',
    "id has 5,000 digits": '{"event":"order","payload":{"n":1},"id":' + "9" * 5000 + "}",
    "event with a lone surrogate": '{"event":"\\ud800"}',
    "payload with a lone surrogate": '{"event":"any","payload":"\\udc00"}',
    "surrogate instead of a frame": "\ud800",
    "NaN": '{"event":"any","payload":NaN}',
    "Infinity": '{"event":"any","payload":[Infinity]}',
    "leading zero": '{"event":"any","payload":01}',
    "nested as deep as the size allows": "[" * (64 * KIB),
    "objects as deep as the size allows": '{"a":' * (64 * KIB // 5),
    "binary": b'{"event":"order","payload":{"n":1}}',
    "empty binary": b"",
    "binary that is no UTF-8": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("frame", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("v1", [True, False])
async def test_a_malformed_frame_is_a_bad_frame_and_everyone_goes_on(frame: str | bytes, v1: bool) -> None:
    app = Application(Shop)
    Shop.ran.clear()
    async with Client(app) as client:
        peer, other = await client.connect(v1=v1), await client.connect()
        await (peer.send_bytes(frame) if isinstance(frame, bytes) else peer.send_text(frame))
        error = await peer.receive("$error")
        assert error["code"] == "bad_frame"
        assert set(error) == {"code", "message"}
        assert Shop.ran == []
        assert app.counters["bad_frame"] == 1
        await goes_on(peer, other)


def nested(depth: int, pair: str = "[]") -> str:
    return pair[0] * depth + pair[1] * depth


INVALID: dict[str, tuple[str, str]] = {
    "wrong type": ("order", "3"),
    "missing field": ("order", "{}"),
    "wrong field": ("order", '{"n":"three"}'),
    "null": ("order", "null"),
    "list of wrong elements": ("order", '{{"n":1,"tags":[{}]}}'.format(",".join(["1"] * 20_000))),
    "one number of 5,000 digits": ("order", '{"n":' + "9" * 5000 + "}"),
    "any number of 5,000 digits": ("any", "[" + "9" * 5000 + "]"),
    "1e999": ("any", "1e999"),
    "-1e999 deep inside": ("any", '{"a":[[[{"b":-1e999}]]]}'),
    "1e999 among much else": ("any", "[" + "1," * 20_000 + "1e999]"),
    "nested lists": ("any", nested(30_000)),
    "a nested model": ("order", '{"n":' + nested(30_000) + "}"),
    "nested objects": ("any", '{"a":' * 10_000 + "1" + "}" * 10_000),
    "nested where nothing is due": ("order", '{"n":1,"x":' + nested(30_000) + "}"),
}


@pytest.mark.parametrize(("event", "payload"), INVALID.values(), ids=INVALID.keys())
async def test_a_payload_that_fails_gets_a_typed_error_and_everyone_goes_on(event: str, payload: str) -> None:
    app = Application(Shop)
    Shop.ran.clear()
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        await peer.send_text(f'{{"event":"{event}","id":1000,"payload":{payload}}}')
        frame = await peer.receive_frame()
        if frame.get("event") == "$error":
            assert frame["payload"]["code"] == "bad_frame"
        else:
            assert frame["ack"] == 1000
            assert frame["error"]["code"] in {"bad_frame", "invalid_payload"}
        assert Shop.ran == []
        assert app.counters["internal_error"] == 0
        assert len(json.dumps(frame)) < 8 * KIB
        await goes_on(peer, other)


async def test_a_surrogate_in_the_text_of_a_payload_gets_a_typed_error_and_everyone_goes_on() -> None:
    async with Client(Application(Shop)) as client:
        peer, other = await client.connect(), await client.connect()
        await peer.send_text('{"event":"any","payload":"\udc80"}')
        assert (await peer.receive("$error"))["code"] in {"bad_frame", "invalid_payload"}
        await goes_on(peer, other)


async def test_an_unknown_event_gets_a_typed_error_and_everyone_goes_on() -> None:
    app = Application(Shop)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        names = [
            "nope",
            "",
            "on_order",
            "connect",
            "disconnect",
            "on_connect",
            "__class__",
            "_private",
            "told",
            "rooms",
        ]
        for name in names:
            with pytest.raises(RequestFailed) as failed:
                await peer.request(name, {"n": 1})
            assert failed.value.code == "unknown_event"
            await peer.send(name)
            assert (await peer.receive("$error"))["code"] == "unknown_event"
        assert app.counters["unknown_event"] == 2 * len(names)
        await goes_on(peer, other)


@pytest.mark.parametrize("binary", [False, True])
async def test_a_frame_that_is_too_large_gets_a_typed_error_and_everyone_goes_on(binary: bool) -> None:
    app = Application(Shop)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        size = 64 * KIB + 1
        await (peer.send_bytes(b"x" * size) if binary else peer.send_text("x" * size))
        assert (await peer.receive("$error"))["code"] == "too_large"
        assert app.counters["too_large"] == 1
        await goes_on(peer, other)


async def test_an_id_in_flight_gets_a_typed_error_and_everyone_goes_on() -> None:
    app = Application(Shop)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        await peer.send("hold", id=1000)
        await peer.send("order", {"n": 1}, id=1000)
        assert (await peer.receive("$error"))["code"] == "bad_frame"
        await peer.send("$cancel", 1000)
        assert (await peer.receive_frame())["error"]["code"] == "cancelled"
        await goes_on(peer, other)


async def test_as_much_nesting_as_python_can_print_is_either_answered_or_refused() -> None:
    async with Client(Application(Shop)) as client:
        peer, other = await client.connect(), await client.connect()
        for depth in (10, 100, 190, 200, 250, 255, 500, 990, 1000, 1100, 5000):
            for pair in ("[]", "{}"):
                inner = nested(depth) if pair == "[]" else '{"a":' * depth + "1" + "}" * depth
                await peer.send_text(f'{{"event":"tell","id":1000,"payload":{inner}}}')
                frame = await peer.receive_frame()
                if frame.get("event") == "told":
                    assert (await other.receive_frame()) == frame
                    frame = await peer.receive_frame()
                    assert frame == {"ack": 1000, "payload": None}
                elif frame.get("event") == "$error":
                    assert frame["payload"]["code"] == "bad_frame"
                else:
                    assert frame["error"]["code"] in {"bad_frame", "invalid_payload"}
                if peer.transcript[-1].startswith("<- close"):
                    peer = await client.connect()


async def test_bad_answers_to_a_question_are_told_as_bad_frames() -> None:
    app = Application(Shop)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        for frame in ['{"ack":null}', '{"ack":1,"event":"x"}', '{"ack":[]}']:
            await peer.send_text(frame)
            assert (await peer.receive("$error"))["code"] == "bad_frame"
        await goes_on(peer, other)


class Odd(BaseException):
    """Neither an Exception nor anything asyncio knows."""


FAILURES: list[BaseException] = [
    RuntimeError("x"),
    KeyError("x"),
    AssertionError(),
    TimeoutError(),
    RecursionError(),
    MemoryError(),
    OSError(5, "x"),
    StopIteration(),
    StopAsyncIteration(),
    GeneratorExit(),
    asyncio.CancelledError(),
    asyncio.InvalidStateError(),
    SystemExit(3),
    Odd(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
    ExceptionGroup("x", [ValueError("x")]),
    BaseExceptionGroup("x", [Odd()]),
    Refuse("forbidden"),
]
failures = pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
but_refuse = pytest.mark.parametrize(
    "failure",
    [failure for failure in FAILURES if not isinstance(failure, Refuse)],
    ids=lambda failure: type(failure).__name__,
)


async def costs_one_internal_error(app: Application, path: str = "/", event: str = "go") -> None:
    async with Client(app) as client:
        peer, other = await client.connect(path), await client.connect(path)
        with pytest.raises(RequestFailed) as failed:
            await peer.request(event)
        assert failed.value.code == "internal_error"
        assert set(failed.value.details) == {"correlation_id"}
        await peer.send(event)
        assert (await peer.receive("$error"))["code"] == "internal_error"
        assert app.counters["internal_error"] == 2
        assert await peer.request("fine") == "fine"
        assert await other.request("fine") == "fine"


@failures
async def test_a_handler_that_raises_anything_costs_one_internal_error(failure: BaseException) -> None:
    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> None:
            raise failure

        async def on_fine(self, ws: Socket) -> str:
            return "fine"

    await costs_one_internal_error(Application(Room))


@failures
async def test_a_stream_that_raises_anything_costs_one_internal_error(failure: BaseException) -> None:
    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> AsyncIterator[int]:
            yield 1
            raise failure

        async def on_fine(self, ws: Socket) -> str:
            return "fine"

    app = Application(Room)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send("go", id=1000)
        assert await peer.receive_frame() == {"ack": 1000, "item": 1}
        assert (await peer.receive_frame())["error"]["code"] == "internal_error"
        assert app.counters["internal_error"] == 1
        assert await peer.request("fine") == "fine"


@failures
@pytest.mark.parametrize("after", [False, True])
async def test_a_middleware_that_raises_anything_costs_one_internal_error(failure: BaseException, after: bool) -> None:
    async def failing(call: Any, call_next: Any) -> Any:
        if call.event == "go":
            if after:
                await call_next(call)
            raise failure
        return await call_next(call)

    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> None: ...

        async def on_fine(self, ws: Socket) -> str:
            return "fine"

    await costs_one_internal_error(Application(Room, middleware=[failing]))


@failures
@pytest.mark.parametrize("after", [False, True])
async def test_a_dependency_that_raises_anything_costs_one_internal_error(failure: BaseException, after: bool) -> None:
    async def failing() -> AsyncIterator[int]:
        if not after:
            raise failure
        yield 1
        raise failure

    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket, value: Annotated[int, Depends(failing)]) -> int:
            return value

        async def on_fine(self, ws: Socket) -> str:
            return "fine"

    app = Application(Room)
    if not after:
        await costs_one_internal_error(app)
        return
    async with Client(app) as client:
        peer = await client.connect()
        assert await peer.request("go") == 1
        assert await peer.request("fine") == "fine"


@failures
async def test_a_before_on_hook_that_raises_anything_costs_one_internal_error(failure: BaseException) -> None:
    app = Application()

    @app.hooks.before_on
    async def failing(ws: Socket, func: Any) -> Any:
        if ws.event == "go":
            raise failure
        return await func(ws)

    @app.on("go")
    async def go(ws: Socket) -> None: ...

    @app.on("fine")
    async def fine(ws: Socket) -> str:
        return "fine"

    await costs_one_internal_error(app)


@but_refuse
@pytest.mark.parametrize("classic", [False, True])
async def test_a_connect_that_raises_anything_refuses_that_connection_only(
    failure: BaseException, classic: bool
) -> None:
    app = connecting(failure, classic)
    async with Client(app) as client:
        other = await client.connect("/door")
        with pytest.raises(Refused) as refused:
            await client.connect("/door", headers={"x-fail": "1"})
        assert refused.value.status in (500, 503)
        assert app.counters["refused"] == 1
        assert await other.request("fine") == "fine"


def connecting(failure: BaseException, classic: bool) -> Application:
    async def on_connect(ws: Socket) -> None:
        if "x-fail" in ws.headers:
            raise failure

    if not classic:

        class Door(Namespace, path="/door"):
            async def on_connect(self, ws: Socket) -> None:
                await on_connect(ws)

            async def on_fine(self, ws: Socket) -> str:
                return "fine"

        return Application(Door)
    app = Application()
    app.hooks.on_connect(on_connect)

    @app.on("fine")
    async def fine(ws: Socket) -> str:
        return "fine"

    return app


@failures
@pytest.mark.parametrize("classic", [False, True])
async def test_a_disconnect_that_raises_anything_leaves_the_rooms_and_costs_one_internal_error(
    failure: BaseException, classic: bool
) -> None:
    async def on_disconnect(ws: Socket) -> None:
        raise failure

    class Door(Namespace, path="/door"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.join("a")

        async def on_disconnect(self, ws: Socket) -> None:
            await on_disconnect(ws)

    app = Application() if classic else Application(Door)
    if classic:
        app.hooks.on_disconnect(on_disconnect)
    async with Client(app) as client:
        peer = await client.connect("/door")
        await peer.close()
        assert app.counters["internal_error"] == 1
        if not classic:
            assert await app[Door].rooms.count("a") == 0
        await client.connect("/door")
    assert app.counters["internal_error"] == 2
