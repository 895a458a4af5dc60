"""A lean WebSocket client: frames are prepared once, and what arrives is only counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_AT_ONCE = 50
_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"User-Agent: benchmarks\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(payload: bytes) -> bytes:
    """A text frame with a mask of zeros, which leaves the payload as it is (RFC 6455 section 5.3)."""
    size = len(payload)
    head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0x80 | 126]) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


class Peer(asyncio.Protocol):
    """Calls `on_frames(n)` when n frames have arrived."""

    def __init__(self, on_frames: Callable[[Peer, int], None]) -> None:
        self._on_frames = on_frames
        self._buffer = b""
        self.transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(_REQUEST % transport.get_extra_info("peername")[1])

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
                raise ConnectionError(head.split(b"\r\n")[0].decode())
            self.opened.set_result(None)
        position = frames = 0
        while len(buffer) - position >= 2:
            size = buffer[position + 1]
            start = position + 2
            if size == 126:
                if len(buffer) - position < 4:
                    break
                size = int.from_bytes(buffer[position + 2 : position + 4], "big")
                start = position + 4
            if len(buffer) < start + size:
                break
            frames += buffer[position] & 0x0F == 1
            position = start + size
        self._buffer = buffer[position:]
        if frames:
            self._on_frames(self, frames)

    def send(self, frame: bytes) -> None:
        """Sends a frame made by `masked`."""
        assert self.transport is not None
        self.transport.write(frame)

    def abort(self) -> None:
        """Drops the connection."""
        if self.transport is not None:
            self.transport.abort()


async def connect(port: int, on_frames: Callable[[Peer, int], None]) -> Peer:
    """Opens one connection and waits for the handshake."""
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(lambda: Peer(on_frames), "127.0.0.1", port)
    await peer.opened
    return peer


async def connect_many(port: int, count: int, on_frames: Callable[[Peer, int], None]) -> list[Peer]:
    """Opens many connections, some at once."""
    peers: list[Peer] = []
    while len(peers) < count:
        batch = min(_AT_ONCE, count - len(peers))
        peers += await asyncio.gather(*[connect(port, on_frames) for _ in range(batch)])
    return peers
