"""Frames on their way out: one bounded outbox per socket, and the writers that empty them.

No recipient waits for another. Putting a frame into an outbox is synchronous; a writer task hands the frames of many
outboxes to the server, one after another, until the server makes it wait. From then on it belongs to that one slow
outbox, and another writer goes on with the rest. So a broadcast to a thousand healthy readers costs one task, and a
stalled reader costs one more. An answer needs no writer: the task that made it delivers it, if nothing waits before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Hashable
from typing import Any

from .errors import UsageError
from .limits import Limits
from .types import Message, Send

logger = logging.getLogger("microsockets")


class OutFrame:
    """One encoded frame, shared by all its recipients. By its `slot` a newer one replaces an older that still waits."""

    __slots__ = ("message", "queued_at", "size", "slot")

    def __init__(self, data: bytes, queued_at: float, slot: Hashable | None = None) -> None:
        self.message: Message = {"type": "websocket.send", "text": data.decode()}
        self.size = len(data)
        self.queued_at = queued_at
        self.slot = slot


class _Cell:
    """The place of a replaceable frame in one outbox."""

    __slots__ = ("frame", "queued_at")

    def __init__(self, frame: OutFrame) -> None:
        self.frame = frame
        self.queued_at = frame.queued_at


class Outbox:
    """The frames one socket has not been handed yet, in order.

    Bounded by `Limits.outbox_frames`, `outbox_bytes` and `outbox_seconds`: past one of them what waits is dropped,
    `on_overflow()` is called once, and nothing more is queued. A single frame may be of any size while nothing else
    waits. Whatever is dropped is counted as `frames_dropped`.
    """

    __slots__ = (
        "_active",
        "_bytes",
        "_cells",
        "_close_message",
        "_counters",
        "_frames",
        "_given_up",
        "_limits",
        "_on_overflow",
        "_send",
        "_sending",
        "_space",
        "_writers",
        "closed",
        "early",
        "held",
        "writer",
    )

    def __init__(
        self, send: Send, writers: Writers, limits: Limits, counters: Counter[str], on_overflow: Callable[[], None]
    ) -> None:
        self._send = send
        self._writers = writers
        self._limits = limits
        self._counters = counters
        self._on_overflow = on_overflow
        # Idle sockets are the many: what an empty outbox does not need is None.
        self._frames: deque[OutFrame | _Cell] | None = None
        self._cells: dict[Hashable, _Cell] | None = None
        self._space: asyncio.Future[None] | None = None
        self._close_message: Message | None = None
        self._sending: OutFrame | _Cell | None = None
        self._bytes = 0
        self._active = False
        self._given_up = False
        self.writer: asyncio.Task[Any] | None = None
        """The task that waits for this socket alone, if there is one."""
        self.held = True
        """Frames are queued but not written, until the connection is accepted."""
        self.early = True
        """Only `on_connect` sends to it yet, and is told by `UsageError` when it is full."""
        self.closed = False
        """Nothing is queued any more."""

    def __len__(self) -> int:
        return len(self._frames) if self._frames is not None else 0

    def put(self, frame: OutFrame) -> None:
        """Queues a frame. Never waits; once closed the frame is dropped."""
        if self.closed:
            self._counters["frames_dropped"] += 1
            return
        if self.early:
            self._check_space(frame)
        frames = self._frames
        if frames is None:
            frames = self._frames = deque()
        if frame.slot is None:
            frames.append(frame)
            self._bytes += frame.size
        elif not self._replace(frame):
            cell = _Cell(frame)
            assert self._cells is not None
            self._cells[frame.slot] = cell
            frames.append(cell)
            self._bytes += frame.size
        if self._active or self.held:
            limits = self._limits
            if len(frames) > limits.outbox_frames:
                self.overflow("outbox_frames")
            elif self._bytes > limits.outbox_bytes and len(frames) > 1:
                self.overflow("outbox_bytes")
        else:
            self._active = True
            self._writers.wake(self)

    def _check_space(self, frame: OutFrame) -> None:
        limits = self._limits
        if len(self) >= limits.outbox_frames or (len(self) and self._bytes + frame.size > limits.outbox_bytes):
            raise UsageError(
                "the outbox is full: on_connect cannot send more than Limits.outbox_frames and outbox_bytes; "
                "send the rest when the client asks for it"
            )

    def _replace(self, frame: OutFrame) -> bool:
        if self._cells is None:
            self._cells = {}
        cell = self._cells.get(frame.slot)
        if cell is None:
            return False
        self._bytes += frame.size - cell.frame.size
        cell.frame = frame
        self._counters["latest_replaced"] += 1
        return True

    async def deliver(self, frame: OutFrame) -> None:
        """Like `put`, but if nothing waits before it, the calling task hands the frame to the server itself.

        That saves a writer task, half of what an answer costs. A slow reader keeps the caller waiting, so only what
        runs on the socket's own behalf may call it. Raises nothing but the caller's own cancellation.
        """
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
            if self._frames or self._close_message is not None:
                self._active = True
                self._writers.wake(self)

    def _fail(self, error: BaseException) -> None:
        # The writer ends with this outbox, so there is nothing to cancel any more.
        self.writer = None
        self.discard()
        # The server says that the connection is gone; its disconnect message ends the connection.
        if isinstance(error, Exception):
            logger.debug("a write failed: %s", type(error).__name__)

    def release(self) -> None:
        """Begins to write what was queued before the connection was accepted."""
        self.held = False
        if (self._frames or self._close_message is not None) and not self._active:
            self._active = True
            self._writers.wake(self)

    def finish(self, code: int, reason: str) -> None:
        """Closes after what is queued now. Later frames are not queued."""
        if self.closed:
            return
        self.closed = True
        self._close_message = {"type": "websocket.close", "code": code, "reason": reason}
        self._let_in()
        if not self._active and not self.held:
            self._active = True
            self._writers.wake(self)

    def discard(self) -> None:
        """Drops and counts whatever is queued, and stops a writer that waits."""
        self.closed = True
        self._close_message = None
        dropped = len(self) + (1 if self._sending is not None else 0)
        if dropped:
            self._counters["frames_dropped"] += dropped
        self._frames = self._cells = self._sending = None
        self._bytes = 0
        self._let_in()
        if self.writer is not None:
            self._given_up = True
            self.writer.cancel()

    def forget(self) -> None:
        """Drops what was queued for a connection that was refused; nobody was to get it."""
        self.closed = True
        self._frames = self._cells = None

    def detach(self) -> None:
        """The connection is over: what would be told of an overflow is let go."""
        self._on_overflow = _nothing

    def overflow(self, limit: str) -> None:
        """Gives up on a reader that is too slow; `limit` is the field of `Limits` that it went past."""
        if not self.closed:
            self._counters["slow_reader"] += 1
            self._counters[limit] += 1
            self.discard()
            self._on_overflow()

    def is_overdue(self, now: float) -> bool:
        """Whether the oldest frame has waited too long for the server to take it."""
        oldest = self._sending
        return oldest is not None and now - oldest.queued_at > self._limits.outbox_seconds

    async def space(self, size: int = 0) -> None:
        """Waits until a frame of this size would leave half of the outbox free, or nothing waits in it, or it is
        closed."""
        while (
            not self.closed
            and self._frames
            and (2 * len(self) > self._limits.outbox_frames or 2 * (self._bytes + size) > self._limits.outbox_bytes)
        ):
            if self._space is None or self._space.done():
                self._space = asyncio.get_running_loop().create_future()
            # Shielded, since the others who wait share the future with one that is cancelled.
            await asyncio.shield(self._space)

    def _let_in(self) -> None:
        if self._space is not None and not self._space.done():
            self._space.set_result(None)
        self._space = None

    async def drain(self) -> None:
        """Hands every queued frame to the server, in order; called by one writer at a time."""
        try:
            while self._frames:
                item = self._frames.popleft()
                if type(item) is _Cell:
                    frame = item.frame
                    assert self._cells is not None
                    del self._cells[frame.slot]
                else:
                    assert isinstance(item, OutFrame)
                    frame = item
                self._bytes -= frame.size
                self._sending = item
                await self._send(frame.message)
                self._sending = None
                if self._space is not None and 4 * len(self) <= self._limits.outbox_frames:
                    self._let_in()
            if self._close_message is not None:
                message, self._close_message = self._close_message, None
                await self._send(message)
        except BaseException as error:
            self._fail(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._sending = None
            self._active = False
            self._frames = None


def _nothing() -> None:
    pass


class Writers:
    """The writer tasks of one event loop. There are at most as many as outboxes that wait, and one more."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: deque[Outbox] = deque()
        self._current: Outbox | None = None
        self._free: asyncio.Task[None] | None = None
        self.waiting: set[Outbox] = set()
        """Outboxes that the server makes wait, each with a writer of its own."""
        self.tasks: set[asyncio.Task[None] | None] = set()

    def wake(self, outbox: Outbox) -> None:
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
