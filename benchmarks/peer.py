"""A lean WebSocket client: frames are prepared once, and of what arrives only the heads are read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

_AT_ONCE: Final = 50
_TEXT: Final = 0x81
_REQUEST: Final = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"User-Agent: benchmarks\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

OnFrames = Callable[["Peer", int], None]


def masked(payload: bytes) -> bytes:
    """A text frame of at most 125 bytes, with a mask of zeros, which leaves them as they are (RFC 6455, 5.3)."""
    assert len(payload) < 126
    return bytes([_TEXT, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


class Peer(asyncio.Protocol):
    """Calls `on_frames(peer, n)` when n frames have arrived.

    All of them must be short text frames of the size of the first, which `connect` has not seen yet and `ask` checks:
    an error would be of another size, and ends the run instead of counting as an answer.
    """

    def __init__(self, on_frames: OnFrames) -> None:
        self._on_frames = on_frames
        self._buffer = b""
        self._size: int | None = None
        self._transport: asyncio.Transport | None = None
        self._asked: asyncio.Future[bytes] | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = 0
        """How many frames `on_frames` has sent in answer; its own to count."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.send(_REQUEST % transport.get_extra_info("peername")[1])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the server closed during the handshake"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self.opened.done():
            head, separator, buffer = buffer.partition(b"\r\n\r\n")
            if not separator:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(head.split(b"\r\n")[0].decode()))
                return
            self.opened.set_result(None)
        position = frames = 0
        while len(buffer) - position >= 2:
            size = buffer[position + 1]
            end = position + 2 + size
            if len(buffer) < end:
                break
            if self._asked is not None:
                self._asked.set_result(buffer[position + 2 : end])
                self._asked = None
            elif buffer[position] != _TEXT or size != (self._size or size):
                self.abort()
                raise ConnectionError(f"an unexpected frame: {buffer[position:end]!r}")
            else:
                frames += 1
            self._size = size
            position = end
        self._buffer = buffer[position:]
        if frames:
            self._on_frames(self, frames)

    def send(self, data: bytes) -> None:
        """Sends a frame made by `masked`."""
        assert self._transport is not None
        self._transport.write(data)

    async def ask(self, frame: bytes) -> Any:
        """Sends a frame and returns what the next one says; all that follow must be as long."""
        self._asked = asyncio.get_running_loop().create_future()
        self.send(frame)
        return json.loads(await asyncio.wait_for(self._asked, 5))

    def forget_size(self) -> None:
        """What follows is as long as the next frame."""
        self._size = None

    def abort(self) -> None:
        """Drops the connection."""
        if self._transport is not None:
            self._transport.abort()


def ignore(peer: Peer, frames: int) -> None:
    """For peers that nothing is sent to."""


async def connect(port: int, on_frames: OnFrames = ignore) -> Peer:
    """Opens one connection and waits for the handshake."""
    _, peer = await asyncio.get_running_loop().create_connection(lambda: Peer(on_frames), "127.0.0.1", port)
    await peer.opened
    return peer


async def connect_many(port: int, count: int, on_frames: OnFrames = ignore) -> list[Peer]:
    """Opens many connections, 50 at once."""
    peers: list[Peer] = []
    while len(peers) < count:
        batch = min(_AT_ONCE, count - len(peers))
        peers += await asyncio.gather(*[connect(port, on_frames) for _ in range(batch)])
    return peers
