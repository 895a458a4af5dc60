"""The outbox of a socket on any ASGI server, where handing over a frame is a coroutine.

A writer task hands the frames of many outboxes to the server, one after another, until the server makes it wait. From
then on it belongs to that one slow outbox, and another writer goes on with the rest. So a broadcast to a thousand
healthy readers costs one task, and a stalled reader costs one more. An answer needs no writer: the task that made it
delivers it, if nothing waits before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from ..limits import Limits
from ..types import Send
from .queue import Cell, Outbox, OutFrame

logger = logging.getLogger("microsockets")


class AsgiOutbox(Outbox):
    """Hands frames to `send`, with a writer's help."""

    __slots__ = ("_active", "_given_up", "_send", "_sending", "_writers", "writer")

    def __init__(
        self, send: Send, writers: Writers, limits: Limits, counters: Counter[str], on_overflow: Callable[[], None]
    ) -> None:
        super().__init__(limits, counters, on_overflow)
        self._send = send
        self._writers = writers
        self._sending: OutFrame | Cell | None = None
        self._active = False
        self._given_up = False
        self.writer: asyncio.Task[Any] | None = None
        """The task that waits for this socket alone, if there is one."""

    def _is_blocked(self) -> bool:
        return self._active

    def _start(self) -> None:
        self._active = True
        self._writers.wake(self)

    async def deliver(self, frame: OutFrame) -> None:
        """See `Outbox.deliver`. That nothing but the calling task is needed saves half of what an answer costs."""
        if self._active or self.held or self.closed:
            self.put(frame)
            return
        self._active = True
        self._sending = frame
        self.writer = task = asyncio.current_task()
        assert task is not None
        self._writers.waiting.add(self)
        try:
            await self._send(frame.message)
        except Exception as error:
            self._fail(error)
        except BaseException as error:
            self._fail(error)
            # Whether `discard` cancelled the writer, and nobody else the task that it is part of.
            if not (self._given_up and task.cancelling() == 1):
                raise
        finally:
            if self._given_up:
                task.uncancel()
            self._writers.waiting.discard(self)
            self.writer = self._sending = None
            self._active = False
            if self._frames or self._close is not None:
                self._start()

    def _fail(self, error: BaseException) -> None:
        # The writer ends with this outbox, so there is nothing to cancel any more.
        self.writer = None
        self.discard()
        # The server says that the connection is gone; its disconnect message ends the connection.
        if isinstance(error, Exception):
            logger.debug("a write failed: %s", type(error).__name__)

    def discard(self) -> None:
        """See `Outbox.discard`. A writer that waits is stopped."""
        if self._sending is not None:
            self._counters["frames_dropped"] += 1
            self._sending = None
        super().discard()
        if self.writer is not None:
            self._given_up = True
            self.writer.cancel()

    def is_overdue(self, now: float) -> bool:
        """See `Outbox.is_overdue`."""
        oldest = self._sending
        return oldest is not None and now - oldest.queued_at > self._limits.outbox_seconds

    async def drain(self) -> None:
        """Hands every queued frame to the server, in order; called by one writer at a time."""
        try:
            while self._frames:
                self._sending, frame = self._take()
                await self._send(frame.message)
                self._sending = None
                self._let_in_if_drained()
            if self._close is not None:
                (code, reason), self._close = self._close, None
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except BaseException as error:
            self._fail(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._sending = None
            self._active = False
            self._frames = None


class Writers:
    """The writer tasks of one event loop. There are at most as many as outboxes that wait, and one more."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: deque[AsgiOutbox] = deque()
        self._current: AsgiOutbox | None = None
        self._free: asyncio.Task[None] | None = None
        self.waiting: set[Outbox] = set()
        """Outboxes of readers that keep a frame waiting."""
        self.tasks: set[asyncio.Task[None] | None] = set()

    def wake(self, outbox: AsgiOutbox) -> None:
        """Sees to it that `outbox.drain` is run."""
        self._ready.append(outbox)
        if self._free is None:
            self._start()

    def _start(self) -> None:
        # Not create_task: an eager task factory would run it before it is known as the free writer.
        task = self._free = asyncio.Task(self._write(), loop=self._loop)
        self.tasks.add(task)
        # Runs right after the task's first step: a task that is not through by then was made to wait.
        self._loop.call_soon(self._part, task)

    async def _write(self) -> None:
        task = asyncio.current_task()
        ready = self._ready
        outbox = ready[0]
        try:
            while ready and self._free is task:
                outbox = self._current = ready.popleft()
                await outbox.drain()
        finally:
            self.tasks.discard(task)
            if self._free is task:
                self._free = self._current = None
            else:
                self.waiting.discard(outbox)
                outbox.writer = None

    def _part(self, task: asyncio.Task[None]) -> None:
        if self._free is not task:
            return
        outbox = self._current
        assert outbox is not None
        outbox.writer = task
        self.waiting.add(outbox)
        self._free = self._current = None
        if self._ready:
            self._start()

    def sweep(self, now: float) -> None:
        """Gives up on the readers that have kept a frame waiting for too long."""
        for outbox in list(self.waiting):
            if outbox.is_overdue(now):
                outbox.overflow("outbox_seconds")
