"""What a client has sent and an application has not yet received, for applications that call `receive()`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from ..types import Message, Sink

MAX_MESSAGES: Final = 256
MAX_BYTES: Final = 256 * 1024
"""With more than this, reading pauses until half of it was received."""


class Inbox:
    """A sink with a queue. `read(False)` is called when it is full, and `read(True)` when there is room again."""

    __slots__ = ("_bytes", "_end", "_messages", "_paused", "_read", "_waiter")

    def __init__(self, read: Callable[[bool], None]) -> None:
        self._read = read
        self._messages: deque[tuple[bool, bytes]] = deque()
        self._bytes = 0
        self._paused = False
        self._end: Message | None = None
        self._waiter: asyncio.Future[None] | None = None

    def text(self, data: bytes) -> None:
        """See `Sink.text`."""
        self._put(True, data)

    def binary(self, data: bytes) -> None:
        """See `Sink.binary`."""
        self._put(False, data)

    def closed(self, code: int, reason: str) -> None:
        """See `Sink.closed`."""
        self._end = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._wake()

    def congested(self, yes: bool) -> None:
        """Nothing to hold back here: `send()` waits by itself."""

    def _put(self, is_text: bool, data: bytes) -> None:
        self._messages.append((is_text, data))
        self._bytes += len(data)
        if not self._paused and (len(self._messages) > MAX_MESSAGES or self._bytes > MAX_BYTES):
            self._paused = True
            self._read(False)
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def receive(self) -> Message:
        """The next message; when there are no more and the connection is over, the disconnect, however often."""
        while not self._messages:
            if self._end is not None:
                return self._end
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            # Shielded, since others who wait share the future with one that is cancelled.
            await asyncio.shield(self._waiter)
        is_text, data = self._messages.popleft()
        self._bytes -= len(data)
        if self._paused and 2 * len(self._messages) <= MAX_MESSAGES and 2 * self._bytes <= MAX_BYTES:
            self._resume()
        if is_text:
            return {"type": "websocket.receive", "text": data.decode()}
        return {"type": "websocket.receive", "bytes": data}

    def hand_over(self, sink: Sink) -> None:
        """Gives all that waits to a sink that takes this one's place."""
        messages, self._messages = self._messages, deque()
        for is_text, data in messages:
            if is_text:
                sink.text(data)
            else:
                sink.binary(data)
        self._bytes = 0
        if self._paused:
            self._resume()

    def _resume(self) -> None:
        self._paused = False
        self._read(True)
