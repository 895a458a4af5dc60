"""An application with something of everything, to be talked to by generated conversations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from microsockets import (
    ALL,
    Application,
    Ask,
    AskError,
    Call,
    CloseCode,
    Depends,
    Error,
    ErrorCode,
    Event,
    Limits,
    Namespace,
    RateLimit,
    Refuse,
    Socket,
    latest,
    on,
    user,
)
from microsockets.middleware.chain import Next
from pydantic import BaseModel, ConfigDict, Field

LIMITS = Limits(
    frame_bytes=1024,
    frame_bytes_close=4096,
    inbox_frames=6,
    inbox_bytes=2048,
    rooms=2,
    room_name_bytes=16,
    open_answers=5,
    streams=2,
    bad_frames=5,
    bad_frames_window=1.0,
    outbox_frames=12,
    outbox_bytes=4096,
    outbox_seconds=0.5,
    handler_seconds=0.4,
    disconnect_seconds=0.4,
    connections=4,
    connections_per_user=2,
)
REST = 5.0
"""Seconds after which everything the limits allow is over."""


class Full(Error):
    """The room is full"""

    code = "room_full"
    details: int


class Odd(BaseException):
    """Neither an Exception nor anything asyncio knows."""


class Line(BaseModel):
    model_config = ConfigDict(strict=True)
    text: str = Field(max_length=20)
    room: str | None = None


class Move(BaseModel):
    who: int
    x: float = 0


class Params(BaseModel):
    name: str
    why: Literal["", "bug", "slow", "unauthorized", "forbidden", "not_found"] = ""
    user: str | None = None


FAILURES: Sequence[type[BaseException]] = (
    RuntimeError,
    KeyError,
    AssertionError,
    TimeoutError,
    RecursionError,
    MemoryError,
    StopAsyncIteration,
    asyncio.CancelledError,
    GeneratorExit,
    SystemExit,
    Odd,
)


def fail(number: int) -> None:
    raise FAILURES[number % len(FAILURES)]


class Around:
    """Passes everything on; fails where the payload's bytes say so."""

    async def connect(self, call: Any, call_next: Next) -> Any:
        return await call_next(call)

    async def event(self, call: Call, call_next: Next) -> Any:
        if call.raw == b'"before"':
            fail(len(call.event))
        result = await call_next(call)
        if call.raw == b'"after"':
            fail(len(call.event))
        return result

    async def emit(self, call: Any, call_next: Next) -> Any:
        if call.event == "said" and call.payload.text == "emit":
            fail(0)
        return await call_next(call)

    async def disconnect(self, call: Any, call_next: Next) -> Any:
        return await call_next(call)


async def resource(ws: Socket) -> AsyncIterator[int]:
    yield 1
    if len(await ws.rooms()) > 1:
        raise LookupError


class Hall(Namespace, path="/hall/{name}"):
    limits = LIMITS
    middleware = [Around()]
    said = Event[Line]()
    moved = Event[Move](policy=latest("who"))
    left = Event[None]()
    confirm = Ask[str, bool]()

    async def on_connect(self, ws: Socket[Params], params: Params) -> Params:
        ws.user_id = params.user
        await ws.join("lobby")
        await ws.emit("said", Line(text="welcome"))
        if params.why == "bug":
            raise LookupError
        if params.why == "slow":
            await asyncio.sleep(10)
        elif params.why:
            raise Refuse(params.why)
        return params

    async def on_disconnect(self, ws: Socket[Params]) -> None:
        await self.left.broadcast(to="lobby", skip=ws)
        if ws.session.user == "bug":
            raise LookupError

    async def on_echo(self, ws: Socket, payload: Any = None) -> Any:
        return payload

    async def on_say(self, ws: Socket, payload: Line) -> int:
        await self.said.broadcast(payload, to=payload.room or ALL)
        return len(payload.text)

    async def on_move(self, ws: Socket, payload: Move) -> None:
        await self.moved.broadcast(payload, to=["lobby", user("ann"), ws])

    async def on_join(self, ws: Socket, payload: str) -> list[str]:
        await ws.join(payload)
        return await ws.rooms()

    async def on_leave(self, ws: Socket, payload: str) -> None:
        await ws.leave(payload)

    async def on_fail(self, ws: Socket, payload: int) -> None:
        fail(payload)

    @on(raises=[Full])
    async def on_full(self, ws: Socket) -> None:
        raise Full(details=3)

    async def on_wrong(self, ws: Socket) -> int:
        return "hunter2"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def on_nap(self, ws: Socket, payload: float) -> float:
        await asyncio.sleep(min(payload, 1.0))
        return payload

    @on(concurrent=2)
    async def on_beside(self, ws: Socket, payload: float = 0.01) -> None:
        await asyncio.sleep(min(payload, 1.0))

    @on(timeout=1.0)
    async def on_count(self, ws: Socket, payload: int) -> AsyncIterator[int]:
        for n in range(min(payload, 30)):
            yield n
        if payload > 30:
            await asyncio.sleep(10)
        elif payload < 0:
            fail(-payload)

    async def on_ask(self, ws: Socket) -> str:
        try:
            return str(await self.confirm.ask(ws, "sure?", timeout=0.1))
        except AskError as error:
            return error.code

    async def on_depend(self, ws: Socket, one: Annotated[int, Depends(resource)]) -> int:
        return one

    @on(middleware=[RateLimit(1, burst=1)])
    async def on_seldom(self, ws: Socket) -> None: ...

    async def on_spawn(self, ws: Socket, payload: float) -> None:
        async def later() -> None:
            await asyncio.sleep(payload)
            await ws.emit("left", None)
            fail(0)

        ws.spawn(later())

    async def on_bye(self, ws: Socket, payload: Literal[1000, 4000] = 1000) -> None:
        await ws.close(payload)


def build() -> Application:
    """The application all conversations are with."""
    app = Application(Hall, limits=LIMITS)

    @app.on("echo")
    async def echo(ws: Socket) -> Any:
        await ws.broadcast("said", ws.payload, to=["classic"])
        return ws.payload

    @app.on("fail")
    async def failing(ws: Socket) -> None:
        fail(len(ws.id))

    @app.hooks.on_connect
    async def join(ws: Socket) -> None:
        await ws.join("classic")

    return app


SENT_EVENTS = frozenset({"said", "moved", "left"})
HANDLED = frozenset(Hall.declared.handlers)
CODES = frozenset({*(code.value for code in ErrorCode), Full.code})
CLOSES = frozenset({*(code.value for code in CloseCode), 4000})
