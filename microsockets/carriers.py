"""How the messages of a connection come and its frames leave: through ASGI's calls, or pushed by our own server."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, Protocol

from .limits import Limits
from .outbox import AsgiOutbox, DirectOutbox, Outbox
from .runtime import Runtime
from .status import ABNORMAL, NO_STATUS, CloseCode
from .types import EXTENSION, Extension, Message, Receive, Scope, Send, Sink
from .worker import Worker

logger = logging.getLogger("microsockets")

_READ_AT_ONCE: Final = 64
"""Frames read before the handlers and writers get a turn."""
_CLOSE_SECONDS: Final = 5.0
"""How long the peer and the server may take for the closing handshake."""
_LAST_WORD_SECONDS: Final = 1.0
"""How long a close frame may wait for a reader that was given up on."""


class Receiver(Sink, Protocol):
    """A connection, as its carrier sees it."""

    @property
    def worker(self) -> Worker | None:
        """Runs its handlers; None before the first event."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the server has told its end."""
        ...

    def too_large(self, size: int) -> None:
        """A message that nobody reads, because of its size."""
        ...


class Carrier(ABC):
    """Made for one connection. `outbox` takes its frames; `holder` is the task that runs the handlers itself, if the
    carrier's does."""

    __slots__ = ("holder", "outbox")

    outbox: Outbox
    holder: asyncio.Task[Any] | None

    @abstractmethod
    def attach(self, receiver: Receiver) -> None:
        """Says whose connection it is."""

    @abstractmethod
    async def run(self, receiver: Receiver) -> int:
        """Hands over what arrives, until the connection is over. Returns its close code."""

    @abstractmethod
    def wake(self) -> None:
        """There is a worker now, or the connection is over."""

    @abstractmethod
    def await_close(self) -> None:
        """A close was queued, and the client has a while to answer it."""

    @abstractmethod
    def give_up(self, code: int) -> None:
        """The outbox was dropped, since the reader is too slow: ends the connection, with at most a last word."""

    @abstractmethod
    async def end(self, code: int) -> None:
        """The connection is over."""


def carrier_of(
    scope: Scope, receive: Receive, send: Send, runtime: Runtime, limits: Limits, on_overflow: Callable[[], None]
) -> Carrier:
    """What suits the server; called in the connection's task."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    extension: Extension | None = extensions.get(EXTENSION)
    if extension is not None:
        return PushCarrier(extension, runtime, limits, on_overflow)
    return AsgiCarrier(receive, send, runtime, limits, on_overflow)


class AsgiCarrier(Carrier):
    """For any ASGI server: one task reads, so handlers and writers have tasks of their own."""

    __slots__ = ("_frame_bytes", "_kicked", "_loop", "_receive", "_send", "_task", "_timer")

    def __init__(
        self, receive: Receive, send: Send, runtime: Runtime, limits: Limits, on_overflow: Callable[[], None]
    ) -> None:
        self._receive = receive
        self._send = send
        self._loop = runtime.loop
        self._frame_bytes = limits.frame_bytes
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._kicked = False
        self.holder = None
        self.outbox = AsgiOutbox(send, runtime.writers, limits, runtime.counters, on_overflow)

    def attach(self, receiver: Receiver) -> None:
        """Nothing comes before `run`."""

    async def run(self, receiver: Receiver) -> int:
        """See `Carrier.run`."""
        self._task = task = asyncio.current_task()
        try:
            return await self._read(receiver)
        except asyncio.CancelledError:
            if not self._kicked:
                raise
            assert task is not None
            task.uncancel()
            return ABNORMAL
        finally:
            self._task = None

    async def _read(self, receiver: Receiver) -> int:
        receive = self._receive
        unbroken = 0
        while True:
            unbroken += 1
            if unbroken == _READ_AT_ONCE:
                # A server that has many frames at hand never makes us wait, and nothing else would run meanwhile.
                unbroken = 0
                await asyncio.sleep(0)
            try:
                message = await receive()
            except Exception as error:
                logger.debug("a client was lost: %s", type(error).__name__)
                return ABNORMAL
            kind = message["type"]
            if kind == "websocket.receive":
                text = message.get("text")
                if text is None:
                    receiver.binary(message.get("bytes") or b"")
                elif len(text) <= self._frame_bytes:
                    receiver.text(_encode(text))
                else:
                    receiver.too_large(len(text))
            elif kind == "websocket.disconnect":
                code = message.get("code")
                return NO_STATUS if code is None else int(code)

    def wake(self) -> None:
        """The worker has a task of its own."""

    def await_close(self) -> None:
        """See `Carrier.await_close`."""
        self._timer = self._loop.call_later(_CLOSE_SECONDS, self._kick)

    def give_up(self, code: int) -> None:
        """See `Carrier.give_up`. The last word comes with the end."""
        self._kick()

    def _kick(self) -> None:
        # The server may never report a disconnect for a client that stopped reading; stop waiting for it.
        if self._task is not None and not self._kicked:
            self._kicked = True
            self._task.cancel()

    async def end(self, code: int) -> None:
        """See `Carrier.end`."""
        if self._timer is not None:
            self._timer.cancel()
        if code != CloseCode.SLOW_READER:
            return
        close: Message = {"type": "websocket.close", "code": code, "reason": "slow_reader"}
        try:
            await asyncio.wait_for(self._send(close), _LAST_WORD_SECONDS)
        except Exception as error:
            logger.debug("the close of a slow reader was not sent: %s", type(error).__name__)


class PushCarrier(Carrier):
    """For our own server: events come from its callbacks, and the connection's task runs the handlers itself."""

    __slots__ = ("_extension", "_loop", "_wake")

    def __init__(self, extension: Extension, runtime: Runtime, limits: Limits, on_overflow: Callable[[], None]) -> None:
        self._extension = extension
        self._loop = runtime.loop
        self._wake: asyncio.Future[None] | None = None
        self.holder = asyncio.current_task()
        self.outbox = DirectOutbox(runtime.writers.waiting, limits, runtime.counters, on_overflow)

    def attach(self, receiver: Receiver) -> None:
        """See `Carrier.attach`."""
        assert isinstance(self.outbox, DirectOutbox)
        extension = self._extension
        self.outbox.connect(extension["attach"](receiver), extension)

    async def run(self, receiver: Receiver) -> int:
        """See `Carrier.run`."""
        if receiver.worker is None:
            await self._park()
        if receiver.worker is not None:
            await receiver.worker.work()
        if not receiver.is_over:
            # Another task has the worker's place by now.
            await self._park()
        return ABNORMAL

    async def _park(self) -> None:
        self._wake = self._loop.create_future()
        await self._wake

    def wake(self) -> None:
        """See `Carrier.wake`."""
        wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            wake.set_result(None)

    def await_close(self) -> None:
        """The server keeps the time limit of the closing handshake itself."""

    def give_up(self, code: int) -> None:
        """See `Carrier.give_up`."""
        self._extension["close"](code, "slow_reader", _LAST_WORD_SECONDS)

    async def end(self, code: int) -> None:
        """See `Carrier.end`."""
        self.holder = None


def _encode(text: str) -> bytes:
    # A server that decodes UTF-8 loosely could hand over surrogates; they fail as JSON, as they should.
    return text.encode("utf-8", "surrogatepass")
