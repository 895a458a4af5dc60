"""The queue that every outbox has, its limits, and the frames in it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Hashable

from ..errors import UsageError
from ..limits import Limits
from ..protocol.deflate import SMALLEST, deflate
from ..protocol.framing import frame_deflated, frame_text
from ..types import Message, Write


class OutFrame:
    """One encoded frame, shared by all its recipients. By its `slot` a newer one replaces an older that still waits.

    What the recipients' servers take is made once, when the first of them needs it.
    """

    __slots__ = ("_compressed", "_message", "_wire", "data", "queued_at", "size", "slot")

    def __init__(self, data: bytes, queued_at: float, slot: Hashable | None = None) -> None:
        self.data = data
        self.size = len(data)
        self.queued_at = queued_at
        self.slot = slot
        self._message: Message | None = None
        self._wire: bytes | None = None
        self._compressed: bytes | None = None

    @property
    def message(self) -> Message:
        """As an ASGI message."""
        if self._message is None:
            self._message = {"type": "websocket.send", "text": self.data.decode()}
        return self._message

    @property
    def wire(self) -> bytes:
        """As a WebSocket frame."""
        if self._wire is None:
            self._wire = frame_text(self.data)
        return self._wire

    @property
    def compressed(self) -> bytes:
        """As a compressed WebSocket frame; a short one is left as it is."""
        if self._compressed is None:
            self._compressed = frame_deflated(deflate(self.data)) if self.size >= SMALLEST else self.wire
        return self._compressed


class Cell:
    """The place of a replaceable frame in one outbox."""

    __slots__ = ("frame", "queued_at")

    def __init__(self, frame: OutFrame) -> None:
        self.frame = frame
        self.queued_at = frame.queued_at


_FAIR = 16
"""Streams let others run after so many items."""


class Outbox(ABC):
    """The frames one socket has not been handed yet, in order.

    Bounded by `Limits.outbox_frames`, `outbox_bytes` and `outbox_seconds`: past one of them what waits is dropped,
    `on_overflow()` is called once, and nothing more is queued. A single frame may be of any size while nothing else
    waits. Whatever is dropped is counted as `frames_dropped`.
    """

    __slots__ = (
        "_bytes",
        "_cells",
        "_close",
        "_counters",
        "_frames",
        "_limits",
        "_on_overflow",
        "_space",
        "_turns",
        "closed",
        "early",
        "flush",
        "held",
        "rest",
        "send",
        "write",
    )

    def __init__(self, limits: Limits, counters: Counter[str], on_overflow: Callable[[], None]) -> None:
        self._limits = limits
        self._counters = counters
        self._on_overflow = on_overflow
        # Idle sockets are the many: what an empty outbox does not need is None.
        self._frames: deque[OutFrame | Cell] | None = None
        self._cells: dict[Hashable, Cell] | None = None
        self._space: asyncio.Future[None] | None = None
        self._close: tuple[int, str] | None = None
        self._bytes = 0
        self._turns = 0
        self.write: Write | None = None
        """Takes a whole WebSocket frame at once, as `OutFrame.wire` is; None while frames have to be `put`."""
        self.send: Callable[[bytes], int] | None = None
        """With `rest` and `flush` the shortest way for a frame that goes to many, see `Direct`; None where there is
        none, and while frames have to be `put`."""
        self.rest: Callable[[bytes], object] = _nowhere
        self.flush: Callable[[], object] = _nothing
        self.held = True
        """Frames are queued but not written, until the connection is accepted."""
        self.early = True
        """Only `on_connect` sends to it yet, and is told by `UsageError` when it is full."""
        self.closed = False
        """Nothing is queued any more."""

    def __len__(self) -> int:
        return len(self._frames) if self._frames is not None else 0

    @abstractmethod
    async def deliver(self, frame: OutFrame) -> None:
        """Like `put`, but a slow reader keeps the caller waiting, so only what runs on the socket's own behalf may call
        it. Raises nothing but the caller's own cancellation."""

    @abstractmethod
    def is_overdue(self, now: float) -> bool:
        """Whether the oldest frame has waited too long for the server to take it."""

    @abstractmethod
    def _is_blocked(self) -> bool:
        """Whether what is queued has to wait."""

    @abstractmethod
    def _start(self) -> None:
        """Begins to hand over what is queued, and the close behind it."""

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
            cell = Cell(frame)
            assert self._cells is not None
            self._cells[frame.slot] = cell
            frames.append(cell)
            self._bytes += frame.size
        if self.held or self._is_blocked():
            limits = self._limits
            if len(frames) > limits.outbox_frames:
                self.overflow("outbox_frames")
            elif self._bytes > limits.outbox_bytes and len(frames) > 1:
                self.overflow("outbox_bytes")
        else:
            self._start()

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

    def _take(self) -> tuple[OutFrame | Cell, OutFrame]:
        """The oldest entry, taken out, and the frame in it."""
        assert self._frames is not None
        item = self._frames.popleft()
        if type(item) is Cell:
            frame = item.frame
            assert self._cells is not None
            del self._cells[frame.slot]
        else:
            assert isinstance(item, OutFrame)
            frame = item
        self._bytes -= frame.size
        return item, frame

    def release(self) -> None:
        """Begins to write what was queued before the connection was accepted."""
        self.held = False
        if (self._frames or self._close is not None) and not self._is_blocked():
            self._start()

    def finish(self, code: int, reason: str) -> None:
        """Closes after what is queued now. Later frames are not queued."""
        if self.closed:
            return
        self._shut()
        self._close = (code, reason)
        if not self.held and not self._is_blocked():
            self._start()

    def discard(self) -> None:
        """Drops and counts whatever is queued."""
        self._shut()
        self._close = None
        if self._frames:
            self._counters["frames_dropped"] += len(self._frames)
        self._frames = self._cells = None
        self._bytes = 0

    def forget(self) -> None:
        """Drops what was queued for a connection that was refused; nobody was to get it."""
        self._shut()
        self._frames = self._cells = None

    def _shut(self) -> None:
        self.closed = True
        self.write = self.send = None
        self._let_in()

    def detach(self) -> None:
        """The connection is over: what would be told of an overflow is let go."""
        self._on_overflow = _nothing

    def overflow(self, limit: str) -> None:
        """Gives up on a reader that is too slow; `limit` is the field of `Limits` that it went past."""
        if not self.closed or self._close is not None:
            self._counters["slow_reader"] += 1
            self._counters[limit] += 1
            self.discard()
            self._on_overflow()

    async def space(self, size: int = 0) -> None:
        """Waits until a frame of this size would leave half of the outbox free, or nothing waits in it, or it is
        closed. Lets others run now and then, if it never has to wait."""
        while (
            not self.closed
            and self._frames
            and (2 * len(self) > self._limits.outbox_frames or 2 * (self._bytes + size) > self._limits.outbox_bytes)
        ):
            if self._space is None or self._space.done():
                self._space = asyncio.get_running_loop().create_future()
            # Shielded, since the others who wait share the future with one that is cancelled.
            await asyncio.shield(self._space)
        self._turns += 1
        if self._turns >= _FAIR:
            self._turns = 0
            await asyncio.sleep(0)

    def _let_in(self) -> None:
        if self._space is not None and not self._space.done():
            self._space.set_result(None)
        self._space = None

    def _let_in_if_drained(self) -> None:
        if self._space is not None and 4 * len(self) <= self._limits.outbox_frames:
            self._let_in()


def _nothing() -> None:
    pass


def _nowhere(data: bytes) -> None:
    """While there is no shorter way."""
