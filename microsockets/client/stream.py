"""The items that answer one request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Final, Generic, Self

from typing_extensions import TypeVar

from ..errors import InvalidPayload
from ..payloads import Codec
from .error import MicroSocketError
from .frames import ServerFrame

Item = TypeVar("Item")

_MOST_UNREAD: Final = 1000


class Feed:
    """What came of a stream and was not read. `cancel` takes the request back."""

    streams = True

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self._news = asyncio.Event()
        self._failure: MicroSocketError | None = None
        self.items: deque[bytes] = deque()
        self.ended = False

    def receive(self, frame: ServerFrame) -> None:
        """An item or the end."""
        if not frame.has_item:
            wrong = MicroSocketError("bad_frame", "This event has one answer: use request()")
            self._end(wrong if frame.has_payload else None)
        elif len(self.items) < _MOST_UNREAD:
            self.items.append(bytes(frame.item))
            self._news.set()
        else:
            self._cancel()
            self._end(MicroSocketError("overloaded", f"The reader is {_MOST_UNREAD} items behind"))

    def fail(self, error: MicroSocketError) -> None:
        """Raised after the items before it."""
        self._end(error)

    def stop(self) -> None:
        """Cancels the request and forgets what was not read."""
        self.items.clear()
        self._failure = None
        if not self.ended:
            self._cancel()
            self._end(None)

    def take_failure(self) -> MicroSocketError | None:
        """What ended it, once."""
        failure, self._failure = self._failure, None
        return failure

    async def wait(self) -> None:
        """Waits for another item or the end."""
        self._news.clear()
        await self._news.wait()

    def _end(self, failure: MicroSocketError | None) -> None:
        if not self.ended:
            self.ended = True
            self._failure = failure
            self._news.set()


class Stream(AsyncIterator[Item], Generic[Item]):
    """Reads a stream once: `async for item in socket.stream(...)`.

    The request is sent when the first item is asked for. Who leaves the loop cancels it: at once in CPython, where the
    stream is gone then; elsewhere, and where the stream is kept in a variable, with `aclose()` or by
    `async with socket.stream(...) as items:`.

    Raises `MicroSocketError`: what the server answers, `disconnected`, `invalid_answer` (which cancels it), and
    `overloaded` for a reader who is 1,000 items behind, after those.
    """

    def __init__(self, codec: Codec[Item], send: Callable[[], object], cancel: Callable[[], object]) -> None:
        self._codec = codec
        self._send: Callable[[], object] | None = send
        self._loop = asyncio.get_running_loop()
        self.feed: Final = Feed(cancel)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        if self._send is not None:
            send, self._send = self._send, None
            send()
        feed = self.feed
        while not feed.items:
            failure = feed.take_failure()
            if failure is not None:
                raise failure
            if feed.ended:
                raise StopAsyncIteration
            await feed.wait()
        try:
            return self._codec.decode(feed.items.popleft())
        except InvalidPayload as error:
            feed.stop()
            raise MicroSocketError(
                "invalid_answer", f"An item of the stream is no {self._codec.name}", error.details
            ) from None

    async def aclose(self) -> None:
        """Cancels it, unless it has ended. What was not read is lost."""
        self._leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._send is not None:
            self._send = None
            self.feed.ended = True
        self.feed.stop()

    def __del__(self) -> None:
        # The collector may run in any thread.
        if self._send is None and not self.feed.ended and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.feed.stop)
