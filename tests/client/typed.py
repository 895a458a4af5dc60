"""Checked by mypy and basedpyright, never run: what is inferred from the server's own classes, and what is refused.

A line marked as wrong that is right after all fails the check, too: the checkers report the mark as unused.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, assert_type

from microsockets import Ask, Depends, Event, Namespace, Socket, on
from microsockets.client import MicroSocket, MicroSocketError, StateChange, Stream
from pydantic import BaseModel


class Join(BaseModel):
    room: str


def now() -> int:
    return 1


class Chat(Namespace, path="/typed"):
    joined = Event[Join]()
    left = Event[None]()
    confirm = Ask[str, bool]()

    async def on_nothing(self) -> int:
        return 1

    async def on_leave(self, ws: Socket) -> str:
        return ""

    async def on_join(self, ws: Socket[Join | None], payload: Join) -> int:
        return 1

    async def on_turned(self, payload: Join, ws: Socket) -> bytes:
        return b""

    async def on_double(self, n: int) -> list[int]:
        return [n]

    @on("say it", concurrent=2)
    async def on_say(self, ws: Socket, text: str, at: Annotated[int, Depends(now)]) -> Join:
        return Join(room=text)

    async def on_hint(self, ws: Socket, text: str = "") -> None: ...

    async def on_history(self, ws: Socket, limit: int) -> AsyncIterator[Join]:
        yield Join(room="")

    async def on_ticks(self) -> AsyncIterator[int]:
        yield 1


async def requests(socket: MicroSocket) -> None:
    assert_type(await socket.request(Chat.on_nothing), int)
    assert_type(await socket.request(Chat.on_leave, timeout=5), str)
    assert_type(await socket.request(Chat.on_join, Join(room="a"), timeout=None), int)
    assert_type(await socket.request(Chat.on_turned, Join(room="a")), bytes)
    assert_type(await socket.request(Chat.on_double, 1, queue=False), list[int])
    assert_type(await socket.request(Chat.on_say, "x"), Join)
    assert_type(await socket.request(Chat.on_hint), None)
    assert_type(await socket.request(Chat.on_hint, "x"), None)
    assert_type(await socket.request("join", {"room": "a"}, answer=int), int)
    assert_type(await socket.request("join", answer=list[Join]), list[Join])
    assert_type(await socket.request("join"), Any)
    assert_type(await socket.request("join", answer=int | None), Any)


async def wrong_requests(socket: MicroSocket) -> None:
    # A payload is due, of this type.
    await socket.request(Chat.on_join)  # type: ignore[arg-type]
    await socket.request(Chat.on_join, {"room": "a"})  # type: ignore[arg-type]
    await socket.request(Chat.on_turned, 1)  # type: ignore[arg-type]
    await socket.request(Chat.on_double, "1")  # type: ignore[arg-type]
    await socket.request(Chat.on_say, 1)  # type: ignore[arg-type]
    # Nothing takes one.
    await socket.request(Chat.on_nothing, 1)  # type: ignore[arg-type]
    await socket.request(Chat.on_leave, "x")  # type: ignore[arg-type]
    # The answer is another.
    members = await socket.request(Chat.on_join, Join(room="a"))
    members.upper()  # type: ignore[attr-defined]
    # It answers with a stream, or is sent by the server.
    await socket.request(Chat.on_history, 1)  # type: ignore[arg-type]
    await socket.request(Chat.joined)  # type: ignore[call-overload]
    # There is no such event, and no such option.
    await socket.request(Chat.on_jion, Join(room="a"))  # type: ignore[attr-defined]
    await socket.request(Chat.on_leave, retry=True)  # type: ignore[call-overload]
    await socket.request(Chat.on_leave, timeout="5")  # type: ignore[call-overload]


async def sends(socket: MicroSocket) -> None:
    await socket.send(Chat.on_hint)
    await socket.send(Chat.on_join, Join(room="a"), queue=False)
    await socket.send("anything", {"at": "all"})
    await socket.send(Chat.on_join, 1)  # type: ignore[arg-type]
    await socket.send(Chat.on_history, 1)  # type: ignore[arg-type]


async def streams(socket: MicroSocket) -> None:
    async for item in socket.stream(Chat.on_history, 10):
        assert_type(item, Join)
    async with socket.stream(Chat.on_ticks) as ticks:
        assert_type(ticks, Stream[int])
        assert_type(await anext(ticks), int)
    assert_type(socket.stream("ticks", item=int), Stream[int])
    assert_type(socket.stream("ticks"), Stream[Any])
    socket.stream(Chat.on_history)  # type: ignore[arg-type]
    socket.stream(Chat.on_history, "10")  # type: ignore[arg-type]
    socket.stream(Chat.on_join, Join(room="a"))  # type: ignore[arg-type]


def listeners(socket: MicroSocket) -> None:
    async def joined(payload: Join) -> None: ...
    def number(payload: int) -> None: ...

    assert_type(socket.on(Chat.joined, joined), Callable[[], None])
    socket.once(Chat.joined, lambda payload: payload.room)
    socket.on("joined", joined, type=Join)
    socket.on("anything", number)
    socket.on_any(lambda event, payload: print(event.upper(), payload))  # noqa: T201
    socket.off(Chat.joined, joined)

    @socket.on(Chat.joined)
    def decorated(payload: Join) -> int:
        return 1

    @socket.on(Chat.left)
    def left(payload: None) -> None: ...

    @socket.on("n", type=int)
    async def typed(payload: int) -> None: ...

    @socket.on("anything")
    def untyped(payload: Any) -> None: ...

    # It is still the function that it was.
    assert_type(decorated(Join(room="a")), int)

    socket.on(Chat.joined, number)  # type: ignore[arg-type]
    socket.on(Chat.on_join, joined)  # type: ignore[call-overload]
    socket.on(Chat.joined)(number)  # type: ignore[arg-type]


def questions(socket: MicroSocket) -> None:
    async def sure(question: str) -> bool:
        return question == "sure?"

    socket.handle(Chat.confirm, sure)
    socket.handle(Chat.confirm, lambda question: question.islower())
    socket.handle("confirm", sure, type=str, answer=bool)
    socket.handle("confirm", sure)
    socket.handle(Chat.confirm, lambda question: "yes")  # type: ignore[arg-type, return-value]
    socket.handle(Chat.joined, sure)  # type: ignore[call-overload]


def hooks(socket: MicroSocket) -> None:
    @socket.on_state()
    def changed(change: StateChange) -> None: ...

    @socket.on_open()
    async def opened() -> None: ...

    @socket.on_error()
    def failed(error: MicroSocketError, event: str | None) -> None: ...

    socket.on_error(lambda error, event: error.code.upper())
    socket.on_dropped(lambda dropped: dropped.event.upper())
    socket.on_open(changed)  # type: ignore[arg-type]
