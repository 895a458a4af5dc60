"""The outbox of a socket whose server takes frames at once: a write is a call, and only a slow reader has a queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..limits import Limits
from ..types import Close, Direct, Extension, Write
from .queue import Outbox, OutFrame


class DirectOutbox(Outbox):
    """Writes at once, until the server says that the reader is slow; from then on frames wait here."""

    __slots__ = ("_congested", "_deflate", "_direct", "_line", "_line_close", "_waiting")

    def __init__(
        self,
        waiting: set[Outbox],
        limits: Limits,
        counters: Counter[str],
        on_overflow: Callable[[], None],
    ) -> None:
        """`waiting` is where it is listed while frames wait for the reader."""
        super().__init__(limits, counters, on_overflow)
        self._waiting = waiting
        self._congested = False
        self._deflate = False
        self._line: Write = _nowhere
        self._line_close: Close = _no_close
        self._direct: Callable[[], Direct | None] = _no_direct

    def connect(self, write: Write, extension: Extension) -> None:
        """The server's side."""
        self._line = write
        self._line_close = extension["close"]
        self._direct = extension["direct"]
        self._deflate = extension["deflate"]

    def put(self, frame: OutFrame) -> None:
        """See `Outbox.put`."""
        if self._frames or self._congested or self.held or self.closed:
            super().put(frame)
            if self._congested and self._frames:
                self._waiting.add(self)
        else:
            self._write(frame)

    def _write(self, frame: OutFrame) -> None:
        self._line(frame.compressed if self._deflate else frame.wire)

    async def deliver(self, frame: OutFrame) -> None:
        """See `Outbox.deliver`."""
        self.put(frame)
        if self._frames:
            await self.space()

    def congested(self, yes: bool) -> None:
        """The server says whether the reader is slow."""
        self._congested = yes
        if self.closed and self._close is None:
            return
        if yes:
            self.write = self.send = None
        elif not self.held:
            self._start()

    def _is_blocked(self) -> bool:
        return self._congested and bool(self._frames)

    def _start(self) -> None:
        while self._frames and not self._congested:
            _, frame = self._take()
            self._write(frame)
            self._let_in_if_drained()
        if self._frames:
            self._waiting.add(self)
            return
        self._frames = None
        self._waiting.discard(self)
        if self._close is not None:
            close, self._close = self._close, None
            self._line_close(*close)
        elif not self.closed and not self._congested and not self._deflate:
            self.write = self._line
            direct = self._direct()
            if direct is not None:
                self.send, self.rest, self.flush = direct

    def discard(self) -> None:
        """See `Outbox.discard`."""
        super().discard()
        self._waiting.discard(self)

    def detach(self) -> None:
        """See `Outbox.detach`."""
        super().detach()
        self._line = self.rest = _nowhere
        self._line_close = _no_close
        self._direct = _no_direct

    def release(self) -> None:
        """See `Outbox.release`."""
        self.held = False
        self._start()

    def is_overdue(self, now: float) -> bool:
        """See `Outbox.is_overdue`."""
        return self._frames is not None and now - self._frames[0].queued_at > self._limits.outbox_seconds


def _nowhere(frame: bytes) -> None:
    """Before the connection, and after it."""


def _no_direct() -> None:
    """Before the connection, and after it."""


def _no_close(code: int, reason: str, seconds: float = 0.0, /) -> None:
    """Before the connection, and after it."""
