"""Connect, event, emit and disconnect are chained alike."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets import (
    ALL,
    Application,
    Call,
    ConnectCall,
    DisconnectCall,
    EmitCall,
    Event,
    Namespace,
    Refuse,
    Socket,
)
from microsockets.middleware.chain import Next
from microsockets.testing import Client, Refused
from pydantic import BaseModel


class Everything:
    """A middleware with all four members."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def connect(self, call: ConnectCall, call_next: Next) -> Any:
        self.seen.append("connect")
        session = await call_next(call)
        self.seen.append(f"session {session}")
        return session

    async def event(self, call: Call, call_next: Next) -> Any:
        self.seen.append(f"event {call.event}")
        return await call_next(call)

    async def emit(self, call: EmitCall, call_next: Next) -> Any:
        self.seen.append(f"emit {call.event}")
        return await call_next(call)

    async def disconnect(self, call: DisconnectCall, call_next: Next) -> Any:
        self.seen.append(f"disconnect {call.code}")
        return await call_next(call)


class Greeter(Namespace, path="/"):
    hello = Event[str]()

    async def on_connect(self, ws: Socket) -> str:
        return "S"

    async def on_greet(self, ws: Socket) -> None:
        await self.hello.broadcast("hi", to=ALL)

    async def on_tell(self, ws: Socket, payload: Any) -> None:
        await ws.emit("hello", payload)

    async def on_disconnect(self, ws: Socket) -> None: ...


async def test_connect_event_emit_and_disconnect_pass_the_members_of_their_name() -> None:
    everything = Everything()
    async with Client(Application(Greeter, middleware=[everything])) as client:
        peer = await client.connect()
        await peer.request("greet")
        await peer.close(1001)
    assert everything.seen == ["connect", "session S", "event greet", "emit hello", "disconnect 1001"]


async def test_an_object_may_have_any_of_the_four() -> None:
    class OnlyDisconnect:
        code: int | None = None

        async def disconnect(self, call: DisconnectCall, call_next: Next) -> Any:
            self.code = call.code
            return await call_next(call)

    only = OnlyDisconnect()
    async with Client(Application(Greeter, middleware=[only])) as client:
        peer = await client.connect()
        await peer.request("greet")
        await peer.close(1001)
    assert only.code == 1001


async def test_a_function_is_a_middleware_for_events_only() -> None:
    seen: list[type] = []

    async def note(call: Any, call_next: Next) -> Any:
        seen.append(type(call))  # pyright: ignore[reportUnknownArgumentType]
        return await call_next(call)

    async with Client(Application(Greeter, middleware=[note])) as client:
        await (await client.connect()).request("greet")
    assert seen == [Call]


async def test_a_connect_middleware_may_refuse() -> None:
    class Doorman:
        async def connect(self, call: ConnectCall, call_next: Next) -> Any:
            if "x-ticket" not in call.socket.headers:
                raise Refuse("unauthorized")
            return await call_next(call)

    async with Client(Application(Greeter, middleware=[Doorman()])) as client:
        with pytest.raises(Refused) as refused:
            await client.connect()
        assert refused.value.code == 4401
        await client.connect(headers={"x-ticket": "1"})


async def test_a_connect_middleware_sees_the_params_and_may_replace_the_session() -> None:
    class Params(BaseModel):
        n: int

    class Doubling:
        async def connect(self, call: ConnectCall, call_next: Next) -> Any:
            assert call.params == Params(n=4)
            return 2 * await call_next(call)

    class Room(Namespace, path="/"):
        middleware = [Doubling()]

        async def on_connect(self, ws: Socket[int], params: Params) -> int:
            return params.n

        async def on_session(self, ws: Socket[int]) -> int:
            return ws.session

    async with Client(Application(Room)) as client:
        assert await (await client.connect(query={"n": "4"})).request("session") == 8


async def test_connect_and_disconnect_pass_the_chain_without_handlers_for_them() -> None:
    class Bare(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> None: ...

    everything = Everything()
    async with Client(Application(Bare, middleware=[everything])) as client:
        await (await client.connect()).close(1000)
    assert everything.seen == ["connect", "session None", "disconnect 1000"]


async def test_disconnect_middleware_runs_around_on_disconnect() -> None:
    notes: list[str] = []

    class Around:
        async def disconnect(self, call: DisconnectCall, call_next: Next) -> Any:
            notes.append("before")
            await call_next(call)
            notes.append(",".join(await call.socket.rooms()))

    class Room(Namespace, path="/"):
        middleware = [Around()]

        async def on_connect(self, ws: Socket) -> None:
            await ws.join("a")

        async def on_disconnect(self, ws: Socket) -> None:
            notes.append("on_disconnect")

    async with Client(Application(Room)) as client:
        await (await client.connect()).close()
    assert notes == ["before", "on_disconnect", "a"]


class Emits:
    def __init__(self) -> None:
        self.calls: list[EmitCall] = []

    async def emit(self, call: EmitCall, call_next: Next) -> Any:
        self.calls.append(call)
        return await call_next(call)


async def test_emit_runs_once_per_broadcast_however_many_get_it() -> None:
    emits = Emits()
    async with Client(Application(Greeter, middleware=[emits])) as client:
        peers = [await client.connect() for _ in range(3)]
        await peers[0].request("greet")
        for peer in peers:
            assert await peer.receive("hello") == "hi"
    (call,) = emits.calls
    assert (call.event, call.payload, call.to, call.skip) == ("hello", "hi", ALL, None)
    assert isinstance(call.namespace, Greeter)


async def test_emit_runs_once_per_emit() -> None:
    emits = Emits()
    async with Client(Application(Greeter, middleware=[emits])) as client:
        await (await client.connect()).request("tell", "x")
    assert [call.payload for call in emits.calls] == ["x"]


async def test_emit_runs_for_a_broadcast_that_reaches_nobody() -> None:
    emits = Emits()
    app = Application(Greeter, middleware=[emits])
    async with Client(app):
        await app[Greeter].hello.broadcast("x", to="empty")
    assert len(emits.calls) == 1


async def test_emit_runs_before_encoding_and_has_no_recipient() -> None:
    class Loud:
        async def emit(self, call: EmitCall, call_next: Next) -> Any:
            assert not hasattr(call, "socket")
            call.payload = str(call.payload).upper()
            return await call_next(call)

    async with Client(Application(Greeter, middleware=[Loud()])) as client:
        peer = await client.connect()
        await peer.request("tell", 3)  # no string, and becomes one before validation
        assert await peer.receive("hello") == "3"
        await peer.request("greet")
        assert await peer.receive("hello") == "HI"


async def test_an_emit_middleware_may_keep_an_event_back() -> None:
    class Mute:
        async def emit(self, call: EmitCall, call_next: Next) -> Any:
            return None

    async with Client(Application(Greeter, middleware=[Mute()])) as client:
        peer = await client.connect()
        await peer.request("greet")
        await peer.expect_nothing()


async def test_emit_of_the_namespace_runs_inside_that_of_the_application() -> None:
    order: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        async def emit(self, call: EmitCall, call_next: Next) -> Any:
            order.append(self.name)
            return await call_next(call)

    class Room(Greeter, path="/room"):
        middleware = [Named("namespace")]

    async with Client(Application(Room, middleware=[Named("app")])) as client:
        await (await client.connect("/room")).request("greet")
    assert order == ["app", "namespace"]


async def test_the_chain_runs_for_app_on_too() -> None:
    everything = Everything()
    app = Application(middleware=[everything])

    @app.on("hello")
    async def hello(ws: Socket) -> None:
        await ws.emit("welcome")

    async with Client(app) as client:
        peer = await client.connect("/any", v1=False)
        await peer.send("hello")
        await peer.receive("welcome")
        await peer.close(1000)
    assert everything.seen == ["connect", "session None", "event hello", "emit welcome", "disconnect 1000"]
