"""One WebSocket connection, of the package `websockets`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import broadcast
from websockets.typing import Subprotocol

_CLOSING: Final = 3.0
_PING: Final = 15.0
_ANSWER: Final = 10.0
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of one message. The server is trusted, but not with all memory."""

_MOST_UNSENT: Final = 64 * 1024 * 1024
"""Bytes written that a server has not taken, from which on it is given up. Who sends waits long before; a server that
asks and never reads does not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where to connect, and with what."""

    url: str
    headers: Mapping[str, str]
    ssl: ssl.SSLContext | None
    pings: bool
    """Whether the protocol's own pings look after the connection."""


class Line(ClientConnection):
    """A connection that is written to without waiting."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._writable = asyncio.Event()
        self._writable.set()
        super().connection_made(transport)

    def pause_writing(self) -> None:
        self._writable.clear()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._writable.set()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        super().connection_lost(exc)

    def write(self, frame: bytes) -> None:
        """Sends a text message. Does nothing when the connection is closed."""
        if self.transport.get_write_buffer_size() > _MOST_UNSENT:
            self.abort()
        else:
            broadcast([self], frame.decode())

    async def drained(self) -> None:
        """Waits until the server has taken most of what was written, or the connection is lost."""
        await self._writable.wait()

    def abort(self) -> None:
        """Ends it without a closing handshake, which a dead connection never finishes."""
        self.transport.abort()


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        # Another server must not get the auth data. Browsers follow no redirect either.
        return exc


async def open_line(target: Target, subprotocols: Sequence[str]) -> Line:
    """Connects. Raises `OSError` or what `websockets` raises. Time limits are the caller's."""
    options: dict[str, Any] = {} if target.ssl is None else {"ssl": target.ssl}
    connection = await _Connect(
        target.url,
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        compression=None,
        additional_headers=target.headers,
        open_timeout=None,
        ping_interval=_PING if target.pings else None,
        ping_timeout=_ANSWER,
        close_timeout=_CLOSING,
        max_size=_LARGEST,
        create_connection=Line,
        **options,
    )
    assert isinstance(connection, Line)
    return connection
