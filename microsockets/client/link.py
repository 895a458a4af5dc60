"""One connection after the other to the same server: connects, connects again, and ends for good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from websockets.exceptions import ConnectionClosed, InvalidStatus

from ..errors import UsageError
from ..protocol.frames import MAX_ID
from ..protocol.handshake import SUBPROTOCOL
from ..status import RETRYABLE_CLOSE_CODES, CloseCode
from .auth import auth_entry
from .backoff import Backoff
from .error import MicroSocketError
from .frames import Hello, ServerFrame, hello_of, read_frame
from .liveness import Liveness
from .state import BROKEN, End, State, StateChange
from .tasks import Tasks
from .timers import after
from .transport import Line, Target, open_line

logger = logging.getLogger("microsockets.client")

_OPENING: Final = 10.0
_CLOSING: Final = 3.0
_REASON_BYTES: Final = 123
"""What a close frame has room for (RFC 6455 section 5.5)."""
_SLICE: Final = 100
"""Messages read in a row, after which who waits for them has a turn."""


class Owner(Protocol):
    """Who uses a link. No method may wait or raise."""

    def changed(self, change: StateChange) -> None:
        """The state is another one. What was in flight is lost with the state `open`."""

    def opened(self, hello: Hello | None) -> None:
        """A connection is ready for use. A plain server says no hello."""

    def received(self, frame: ServerFrame) -> None:
        """A frame came."""

    def failed(self, error: MicroSocketError) -> None:
        """An attempt could not be made."""


class Link:
    """`state` says where it is. While that is `open`, `line` is the connection."""

    def __init__(
        self, target: Target, *, subprotocols: Sequence[str], auth: Any, plain: bool, reconnect: bool, owner: Owner
    ) -> None:
        self.backoff = Backoff()
        self.state: State = "closed"
        self.line: Line | None = None
        self.end: End | None = None
        """How the last connection ended."""
        self._target = target
        self._offered = [*([] if plain else [SUBPROTOCOL]), *subprotocols]
        self._auth = auth
        self._plain = plain
        self._reconnect = reconnect
        self._owner = owner
        self._tasks = Tasks()
        self._attempt: asyncio.Task[None] | None = None
        """The attempt that counts. One that was given up may still be ending."""
        self._liveness: Liveness | None = None
        self._refusals = 0
        # Ids of pings come from the other end of their range, which no request's id reaches.
        self._ping_id = MAX_ID
        self._timer: asyncio.TimerHandle | None = None
        """For the next attempt, or for the end of this one or of the closing handshake."""

    @property
    def is_over(self) -> bool:
        """Whether there will be no connection, unless it is opened again."""
        return self.state in ("closing", "closed")

    def open(self) -> None:
        """Starts to connect, unless it has already."""
        # Who opens it again does not wait for the closing handshake.
        if self.state == "closing":
            self.abandon()
        if self.state != "closed":
            return
        self._refusals = 0
        self._arm(self.backoff.soonest(), self._start)
        self._change("connecting")

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Ends it for good. Raises `UsageError` for a code or a reason that a client may not send."""
        if code != CloseCode.NORMAL and not 3000 <= code <= 4999:
            raise UsageError(f"close({code}): give 1000 or a code from 3000 to 4999")
        if len(reason.encode("utf-8", "replace")) > _REASON_BYTES:
            raise UsageError(f"close(): a reason may have {_REASON_BYTES} bytes")
        if self.is_over:
            return
        if self.line is not None:
            self._arm(_CLOSING, self.abandon)
            self._tasks.spawn(self._hang_up(self.line, code, reason))
            self._change("closing")
        else:
            self._give_up()
            self._change("closing")
            self._lost(End(code, reason))

    def abandon(self, cause: BaseException | None = None) -> None:
        """Gives the connection up without a closing handshake."""
        if self.line is not None:
            self.line.abort()
        self._give_up()
        self._lost(End(BROKEN.code, cause=cause))

    def leave(self) -> None:
        """Gives a connection up that works, for another one."""
        if self.line is not None:
            self._tasks.spawn(self._hang_up(self.line, CloseCode.NORMAL, ""))
        self._attempt = None
        self._lost(BROKEN)

    def write(self, frame: bytes) -> None:
        """Sends a frame, if there is a connection."""
        if self.line is not None and self.state == "open":
            self.line.write(frame)

    async def drained(self) -> None:
        """Waits until the server has taken most of what was written."""
        if self.line is not None:
            await self.line.drained()

    async def finish(self) -> None:
        """Waits until nothing runs any more. If the wait is cancelled, what runs is, too."""
        await self._tasks.finish(2 * _CLOSING)

    def _change(self, state: State, end: End | None = None, delay: float | None = None) -> None:
        previous, self.state = self.state, state
        if self._liveness is not None:
            self._liveness.stop()
            self._liveness = None
        self._owner.changed(StateChange(state, previous, end, delay))

    def _arm(self, seconds: float, call: Any) -> None:
        self._disarm()
        self._timer = after(seconds, call)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """The attempt that runs does not count any more."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None and attempt is not asyncio.current_task():
            attempt.cancel()

    def _start(self) -> None:
        if self.state != "connecting":
            self._change("connecting")
        # Whoever is told may close.
        if self.state == "connecting" and self._attempt is None:
            self._attempt = self._tasks.spawn(self._connect())

    async def _connect(self) -> None:
        """One attempt, and the connection that comes of it."""
        mine = asyncio.current_task()
        end = BROKEN
        try:
            end = await self._serve(mine)
        except Exception as error:
            logger.exception("The connection failed by a fault of this client's")
            end = End(BROKEN.code, cause=error)
        finally:
            if self._attempt is mine:
                self._attempt = None
                self._lost(end)

    async def _serve(self, mine: asyncio.Task[None] | None) -> End:
        try:
            entry = await auth_entry(self._auth)
        except Exception as cause:
            if self._attempt is mine:
                error = MicroSocketError("unavailable", f"`auth` failed: {type(cause).__name__}")
                error.__cause__ = cause
                self._owner.failed(error)
            return End(BROKEN.code, cause=cause)
        if self._attempt is not mine:
            return BROKEN
        self._arm(_OPENING, lambda: self.abandon(TimeoutError("The server did not say hello within 10 s")))
        try:
            line = await open_line(self._target, [*self._offered, *([] if entry is None else [entry])])
        except Exception as cause:
            # Whatever a server, a resolver or a proxy does wrong.
            return End(BROKEN.code, _status_of(cause), cause)
        if self._attempt is not mine:
            line.abort()
            return BROKEN
        self.line = line
        return await self._read(line, mine)

    async def _read(self, line: Line, mine: asyncio.Task[None] | None) -> End:
        if self._plain:
            self._opened(None)
        elif line.subprotocol != SUBPROTOCOL:
            error = MicroSocketError(
                "unavailable",
                f"The server does not speak {SUBPROTOCOL}: check the URL, or give plain=True for a server of 1.0",
            )
            self._owner.failed(error)
            line.abort()
            return End(BROKEN.code, cause=error)
        handled = 0
        try:
            while True:
                message = await line.recv()
                if self._attempt is not mine:
                    continue
                if self._liveness is not None:
                    self._liveness.heard()
                frame = read_frame(message) if isinstance(message, str) else None
                if frame is not None:
                    self._receive(frame)
                handled += 1
                if handled % _SLICE == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            return _end_of(closed)

    def _receive(self, frame: ServerFrame) -> None:
        if self.state == "open":
            self._owner.received(frame)
        elif self.state == "connecting" and not self._plain:
            hello = hello_of(frame)
            if hello is not None:
                self._opened(hello)

    def _opened(self, hello: Hello | None) -> None:
        self._disarm()
        self.backoff.opened()
        self._change("open")
        if self.state != "open":
            return
        if hello is not None:
            self._liveness = Liveness(self._ping, self.abandon)
        self._owner.opened(hello)

    def _ping(self) -> None:
        self.write(b'{"event":"$ping","id":%d}' % self._ping_id)
        self._ping_id -= 1

    def _lost(self, end: End) -> None:
        self.line = None
        self.end = end
        closing = self.state == "closing"
        healthy = not closing and self.backoff.lost()
        # A new token is worth one try. A connection that was healthy had a good one.
        self._refusals = 1 + (0 if healthy else self._refusals) if end.code == CloseCode.UNAUTHORIZED else 0
        if closing or not self._reconnect or end.code not in RETRYABLE_CLOSE_CODES or self._refusals > 1:
            self._disarm()
            self._change("closed", end)
        else:
            delay = self.backoff.delay()
            self._arm(delay, self._start)
            self._change("waiting", end, delay)

    async def _hang_up(self, line: Line, code: int, reason: str) -> None:
        # Has a time limit of its own.
        await line.close(code, reason)


def _end_of(closed: ConnectionClosed) -> End:
    if closed.rcvd is None:
        return End(BROKEN.code, cause=closed.__cause__)
    return End(closed.rcvd.code, closed.rcvd.reason)


def _status_of(cause: Exception) -> str:
    return f"HTTP {cause.response.status_code}" if isinstance(cause, InvalidStatus) else ""
