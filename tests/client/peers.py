"""A server that does what a test says, and what waits for a client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from microsockets.client import MicroSocket, State, StateChange
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

V1 = Subprotocol("microsockets.v1")
Frame = dict[str, Any]


class Clock:
    """The running loop's clock, which a test can put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self._ahead = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    def skip(self, seconds: float) -> None:
        """It is so much later."""
        self._ahead += seconds

    def skip_delays(self, socket: MicroSocket) -> list[float]:
        """The socket does not wait for its next attempts. Returns how long it would have."""
        delays: list[float] = []

        def skip(change: StateChange) -> None:
            if change.delay is not None:
                delays.append(change.delay)
                self.skip(change.delay)

        socket.on_state(skip)
        return delays


class News:
    """Something that changes, and can be waited for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Returns when the condition holds, which is looked at after each change."""
        # Without a time limit of its own, since the clock may be put forward: pytest has one.
        while not condition():
            self._event.clear()
            await self._event.wait()


class Peer(News):
    """One connection of the scripted server."""

    def __init__(self, connection: ServerConnection) -> None:
        super().__init__()
        self._connection = connection
        self.at = asyncio.get_running_loop().time()
        self.frames: list[Frame] = []
        """What the client has sent."""
        self.code: int | None = None
        """How the client closed."""

    @property
    def offered(self) -> list[str]:
        """The subprotocols that the client offered."""
        assert self._connection.request is not None
        return self._connection.request.headers.get("Sec-WebSocket-Protocol", "").replace(" ", "").split(",")

    @property
    def headers(self) -> Any:
        assert self._connection.request is not None
        return self._connection.request.headers

    async def send(self, *frames: Frame | str | bytes) -> None:
        """Sends frames; text and bytes as they are."""
        for frame in frames:
            await self._connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def hello(self, **limits: Any) -> None:
        await self.send({"event": "$hello", "payload": {"id": "1", "limits": limits, "features": [], "contract": None}})

    async def receive(self, count: int) -> list[Frame]:
        """Waits until so many frames came; all of them."""
        await self.until(lambda: len(self.frames) >= count)
        return self.frames

    def ids(self, event: str) -> list[Any]:
        """The ids of what came, by event."""
        return [frame.get("id") for frame in self.frames if frame.get("event") == event]

    async def answer(self, id: int, payload: Any = None) -> None:
        await self.send({"ack": id, "payload": payload})

    def close(self, code: int) -> None:
        """Closes with any code; 1005 is none, and 1006 is an end without a word."""
        transport = self._connection.transport
        if code == 1006:
            transport.abort()
        elif code == 1005:
            transport.write(b"\x88\x00")
        else:
            # By hand, since `websockets` refuses some codes that servers send.
            transport.write(b"\x88\x02" + struct.pack("!H", code))

    def pause(self) -> None:
        """Reads nothing any more."""
        self._connection.transport.pause_reading()

    def resume(self) -> None:
        self._connection.transport.resume_reading()

    async def serve(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._connection:
                self.frames.append(json.loads(message))
                self.tell()
        self.code = self._connection.close_code
        self.tell()


class Scripted(News):
    """A server whose connections do what `accept` says."""

    def __init__(self) -> None:
        super().__init__()
        self.peers: list[Peer] = []
        self._connected = 0
        self.url = ""
        self.accept: Callable[[Peer], Any] = Peer.hello

    @property
    def last(self) -> Peer:
        return self.peers[-1]

    async def idle(self) -> None:
        """Waits until all connections are gone."""
        await self.until(lambda: self._connected == 0)

    async def _serve(self, connection: ServerConnection) -> None:
        peer = Peer(connection)
        self._connected += 1
        self.peers.append(peer)
        self.tell()
        with contextlib.suppress(ConnectionClosed):
            result = self.accept(peer)
            if result is not None:
                await result
        await peer.serve()
        self._connected -= 1
        self.tell()

    @contextlib.asynccontextmanager
    async def run(self, *, v1: bool = True) -> AsyncGenerator[Scripted, None]:
        server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=[V1] if v1 else None,
            select_subprotocol=None if v1 else lambda connection, offered: None,
            compression=None,
            ping_interval=None,
            max_size=None,
            close_timeout=0.5,
        )
        try:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            yield self
        finally:
            server.close()
            await server.wait_closed()


async def reaches(socket: MicroSocket, state: State) -> StateChange | None:
    """Waits until the socket is in a state; the change, if it was in another."""
    if socket.state == state:
        return None
    changed: asyncio.Future[StateChange] = asyncio.get_running_loop().create_future()

    def look(change: StateChange) -> None:
        if change.state == state and not changed.done():
            changed.set_result(change)

    unbind = socket.on_state(look)
    try:
        return await changed
    finally:
        unbind()


class Heard(News):
    """What a function was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def __call__(self, *args: Any) -> None:
        self.calls.append(args[0] if len(args) == 1 else args)
        self.tell()

    async def next(self, count: int = 1) -> Any:
        """Waits until it was called so often; the last call of those."""
        await self.until(lambda: len(self.calls) >= count)
        return self.calls[count - 1]
