from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from microsockets.client import Dropped, End, MicroSocket, MicroSocketError, QueueLimits, StateChange

from examples.client.server import Chat, Join


@asynccontextmanager
async def chat(url: str, fetch_token: Callable[[], Awaitable[str]]) -> AsyncGenerator[MicroSocket, None]:
    async def auth() -> dict[str, str]:
        return {"token": await fetch_token()}  # before every attempt

    socket = MicroSocket(url, auth=auth, queue=QueueLimits(messages=100, seconds=30))

    @socket.on_open()
    async def join() -> None:  # again after each loss
        await socket.request(Chat.on_join, Join(room="lobby", user="ada"))

    @socket.on_state()
    def changed(change: StateChange) -> None:
        print(change.state, change.end or "", change.delay or "")

    @socket.on_error()
    def failed(error: MicroSocketError, event: str | None) -> None:
        print("failed:", event, error)

    @socket.on_dropped()
    def lost(dropped: Dropped) -> None:
        print("lost:", dropped.event, dropped.reason, dropped.sent)

    @socket.on_close()
    def closed(end: End) -> None:
        print("for good:", end)

    async with socket:
        await socket.ready()
        await socket.send(Chat.on_typing, queue=False)  # not worth waiting for a connection
        yield socket
