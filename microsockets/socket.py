"""One connection, as application code sees it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final, Generic, Protocol, cast

from typing_extensions import TypeVar

from .errors import AskError, UsageError, loggable
from .limits import Limits
from .outbox import Outbox, OutFrame
from .protocol.handshake import cookies_dict, headers_dict
from .rooms import Recipients
from .rooms.membership import room_name
from .signatures import ROLE_ATTRIBUTE, SOCKET
from .status import CloseCode, is_close_code
from .targets import Targets
from .types import Scope

logger = logging.getLogger("microsockets")

S = TypeVar("S", default=Any)
R = TypeVar("R")


class Speaker(Protocol):
    """Sends what a socket emits: its namespace."""

    async def emit(self, socket: Any, event: str, payload: Any) -> None: ...
    async def broadcast_named(self, event: str, payload: Any, to: Targets, skip: Targets | None) -> Any: ...
    def no_payload(self, event: str) -> Any: ...


class Runner(Protocol):
    """Runs a socket's handlers: its connection."""

    def end(self, code: int, reason: str) -> None: ...


class _Gone:
    """The runner of a connection that is over."""

    def end(self, code: int, reason: str) -> None:
        pass


_GONE: Final = _Gone()
_UNSET: Final[Any] = object()
_REASON_BYTES: Final = 123
"""What a close frame has room for (RFC 6455 section 5.5)."""


class Socket(Generic[S]):
    """A connection: who it is, what it is told, which rooms it is in.

    `session` is what `on_connect` returned, and None until then. `protocol` is `"v1"` or `"plain"`. `code` is the close
    code: set before `close()` to choose it, and set for `on_disconnect`. `payload` and `event` are 1.0's, set for
    `@app.on` handlers only.
    """

    __slots__ = (
        "__weakref__",
        "_arriving",
        "_counters",
        "_expires_at",
        "_expiry",
        "_joining",
        "_limits",
        "_next_question",
        "_questions",
        "_recipients",
        "_retired",
        "_room_names",
        "_runner",
        "_speaker",
        "_tasks",
        "_user_id",
        "accepted",
        "auth",
        "code",
        "connected",
        "event",
        "id",
        "outbox",
        "payload",
        "protocol",
        "scope",
        "session",
    )
    session: S

    def __init__(
        self,
        id: str,
        scope: Scope,
        *,
        protocol: str,
        auth: Any,
        outbox: Outbox,
        recipients: Recipients,
        speaker: Speaker,
        runner: Runner,
        limits: Limits,
        counters: Counter[str],
    ) -> None:
        self.id = id
        self.scope = scope
        self.protocol = protocol
        self.auth = auth
        self.outbox = outbox
        self.session = cast("S", None)
        self.accepted = False
        """Whether `on_connect` has let it in."""
        self.connected = False
        self.code: int | None = None
        self.event: str | None = None
        self.payload: Any = None
        self._recipients = recipients
        self._speaker = speaker
        self._runner = runner
        self._limits = limits
        self._counters = counters
        self._retired = False
        self._user_id: str | None = None
        self._expires_at: datetime | float | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._joining: list[str] | None = None
        self._arriving: list[Callable[[], Awaitable[None]]] | None = None
        self._room_names: set[str] | None = None
        self._questions: dict[int, asyncio.Future[Any]] | None = None
        self._next_question = 0
        self._tasks: set[asyncio.Task[Any]] | None = None

    def __repr__(self) -> str:
        return f"<Socket {self.id}>"

    # Who it is

    @property
    def headers(self) -> dict[str, str]:
        """The handshake's headers by lower-case name, without auth data."""
        return headers_dict(self.scope.get("headers", ()))

    @property
    def cookies(self) -> dict[str, str]:
        """The handshake's cookies."""
        return cookies_dict(self.headers.get("cookie", ""))

    @property
    def user_id(self) -> str | None:
        """The person behind the connection, who is reached by `to=user(id)`. Set it in `on_connect`."""
        return self._user_id

    @user_id.setter
    def user_id(self, value: str | int | None) -> None:
        if self.accepted and self._user_id is not None:
            self._recipients.remove_user(self._user_id, self)
        self._user_id = None if value is None else str(value)
        if self.accepted and self.connected and self._user_id is not None:
            self._recipients.add_user(self._user_id, self)

    @property
    def expires_at(self) -> datetime | float | None:
        """When the connection closes with 4401: an aware datetime, or seconds since 1970. Set it to the token's expiry.
        Setting anything else raises `UsageError`."""
        return self._expires_at

    @expires_at.setter
    def expires_at(self, value: datetime | float | None) -> None:
        _check_expiry(value)
        self._expires_at = value
        if self.accepted:
            self._arm_expiry()

    def _arm_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self._expires_at is None or not self.connected:
            return
        at = self._expires_at.timestamp() if isinstance(self._expires_at, datetime) else self._expires_at
        self._expiry = asyncio.get_running_loop().call_later(max(0.0, at - time.time()), self._expire)

    def _expire(self) -> None:
        self.end(CloseCode.UNAUTHORIZED, "unauthorized")

    # Talking to it

    async def emit(self, event: str, payload: Any = _UNSET) -> None:
        """Sends one event to this socket.

        An event the namespace declares is validated; any other goes out as it is, without a payload as `""`. In
        `on_connect` it waits until the connection is accepted, and vanishes if it is refused. Raises `InvalidValue`,
        and `UsageError` for `$` names and for more than the outbox holds before the connection is accepted.
        """
        if payload is _UNSET:
            payload = self._speaker.no_payload(event)
        await self._speaker.emit(self, event, payload)

    async def broadcast(
        self, event: str, payload: Any = _UNSET, to: Sequence[str] = (), skip_self: bool = True
    ) -> None:
        """1.0's broadcast: one event to the rooms in `to`, by default not to this socket."""
        if payload is _UNSET:
            payload = self._speaker.no_payload(event)
        await self._speaker.broadcast_named(event, payload, to, self if skip_self else None)

    async def close(self, code: int | None = None, reason: str = "") -> None:
        """Closes after what was sent before; again is no change. The code is the one given, else `ws.code`, else 1000.

        Raises `UsageError` for what no close frame can carry (RFC 6455 sections 5.5 and 7.4): codes are 1000-1003,
        1007-1014 and 3000-4999, a reason has at most 123 bytes.
        """
        if self.accepted and not self.connected:
            return
        chosen = code if code is not None else self.code if self.code is not None else CloseCode.NORMAL
        check_close(chosen, reason)
        self.end(chosen, reason)

    def end(self, code: int, reason: str) -> None:
        """Closes, without waiting."""
        if self.connected or not self.accepted:
            self._runner.end(int(code), reason)

    # Rooms

    async def join(self, room: str) -> None:
        """Joins a room of the namespace; again is no change. Raises `UsageError` past the limits.

        In `on_connect` it takes effect when the connection is accepted; after `on_disconnect` it does nothing.
        """
        self._check_room(room)
        if self._retired:
            return
        if not self.accepted:
            if self._joining is None:
                self._joining = []
            if room not in self._joining:
                self._check_count(len(self._joining))
                self._joining.append(room)
            return
        if self._room_names is None:
            self._room_names = set()
        new = room not in self._room_names
        if new:
            # Counted before the manager has it, so that joins that run at once do not pass the limit together.
            self._check_count(len(self._room_names))
            self._room_names.add(room)
        key = self._recipients.key(room)
        try:
            await self._recipients.manager.join(key, self)
        except BaseException:
            if new:
                self._forget_room(room)
            raise
        if self._retired:
            # All rooms were left while the manager was at it.
            await self._recipients.manager.leave(key, self)

    def has_joined(self, room: str) -> bool:
        """Whether it is connected and in a room."""
        return self.connected and self._room_names is not None and room in self._room_names

    async def once_accepted(self, action: Callable[[], Awaitable[None]]) -> None:
        """Runs something that needs the rooms: now, or in `on_connect` when the connection is accepted."""
        if self.accepted:
            await action()
        elif self._arriving is None:
            self._arriving = [action]
        else:
            self._arriving.append(action)

    def _forget_room(self, room: str) -> None:
        if self._room_names is not None:
            self._room_names.discard(room)

    def _check_room(self, room: str) -> None:
        if not isinstance(room, str) or not room:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError("a room's name is a string that is not empty")
        if (
            len(room) > self._limits.room_name_bytes
            or len(room.encode("utf-8", "replace")) > self._limits.room_name_bytes
        ):
            self._counters["room_name_bytes"] += 1
            raise UsageError(f"a room's name has at most {self._limits.room_name_bytes} bytes (Limits.room_name_bytes)")
        if room == self.id or self._recipients.has_id(room):
            raise UsageError("this name is a socket's id, which is a room of its own; nobody else can join it")

    def _check_count(self, count: int) -> None:
        if count >= self._limits.rooms:
            self._counters["rooms"] += 1
            raise UsageError(f"a socket is in at most {self._limits.rooms} rooms (Limits.rooms)")

    async def leave(self, room: str) -> None:
        """Leaves a room; one it is not in is no change."""
        if not self.accepted:
            if self._joining is not None and room in self._joining:
                self._joining.remove(room)
            return
        self._forget_room(room)
        self._recipients.absent(self, room)
        await self._recipients.manager.leave(self._recipients.key(room), self)

    async def flush(self) -> None:
        """Leaves all rooms."""
        self._joining = None
        self._room_names = None
        self._recipients.absent(self, None)
        await self._recipients.manager.flush(self)

    async def rooms(self) -> list[str]:
        """The names of the rooms it is in, in the order in which it joined. Still complete in `on_disconnect`."""
        if not self.accepted:
            return list(self._joining or ())
        return [room_name(room) for room in await self._recipients.manager.rooms(self)]

    # What runs on its behalf

    def spawn(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Runs work beside the handlers; it is cancelled at disconnect. What it raises is logged."""
        task = asyncio.get_running_loop().create_task(coroutine)
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._spawned_done)
        if self.accepted and not self.connected:
            task.cancel()
        return task

    def _spawned_done(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            logger.error("work spawned on %s failed", self.id, exc_info=loggable(failure))

    # For the layers above

    def open_question(self) -> tuple[int, asyncio.Future[Any]]:
        """An id for a question, and what its answer will be put into."""
        if self.outbox.closed or not self.connected:
            raise AskError("disconnected", "the client is not connected")
        if self._questions is None:
            self._questions = {}
        id, self._next_question = self._next_question, self._next_question + 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._questions[id] = future
        return id, future

    def close_question(self, id: int) -> asyncio.Future[Any] | None:
        """Takes a question back; None if it is not open."""
        return self._questions.pop(id, None) if self._questions else None

    def put(self, frame: OutFrame) -> None:
        """Queues a frame."""
        self.outbox.put(frame)

    async def accept(self) -> None:
        """The connection is let in: it becomes a recipient, and the joins of `on_connect` take effect."""
        self.accepted = True
        self.connected = True
        self.outbox.early = False
        following = [self._recipients.add(self)]
        if self._user_id is not None:
            following.append(self._recipients.add_user(self._user_id, self))
        if self._expires_at is not None:
            self._arm_expiry()
        for future in following:
            if future is not None and not future.done():
                await asyncio.wait({future})
        joining, self._joining = self._joining, None
        for room in joining or ():
            await self.join(room)
        arriving, self._arriving = self._arriving, None
        for action in arriving or ():
            await action()

    def depart(self) -> None:
        """The connection is gone: nothing more is sent, and what runs on its behalf stops."""
        self.connected = False
        self.outbox.discard()
        self._recipients.absent(self, None)
        self._recipients.remove(self)
        if self._user_id is not None:
            self._recipients.remove_user(self._user_id, self)
        if self._expiry is not None:
            self._expiry.cancel()
        questions, self._questions = self._questions, None
        for future in (questions or {}).values():
            if not future.done():
                future.set_exception(AskError("disconnected", "the client disconnected before it answered"))
        for task in list(self._tasks or ()):
            task.cancel()

    async def retire(self) -> None:
        """`on_disconnect` has run: the rooms are left for good."""
        self._retired = True
        await self.flush()

    def detach(self) -> None:
        """Nothing more comes: what holds the connection is let go, so that none of it waits for the garbage
        collector."""
        self._runner = _GONE
        self.outbox.detach()

    @property
    def spawned(self) -> set[asyncio.Task[Any]]:
        """The work that is running on its behalf."""
        return set(self._tasks or ())


def check_close(code: int, reason: str) -> None:
    """Raises `UsageError` for what no close frame can carry (RFC 6455 sections 5.5 and 7.4)."""
    if not is_close_code(code):
        raise UsageError(f"close({code!r}): give a code of your own, 4000 to 4999, or 1000")
    if len(reason.encode("utf-8", "replace")) > _REASON_BYTES:
        raise UsageError(f"close(reason=...): a reason has at most {_REASON_BYTES} bytes; emit what is longer")


def _check_expiry(value: object) -> None:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return
    elif value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return
    raise UsageError(
        f"expires_at = <{type(value).__name__}>: give seconds since 1970, or a datetime that knows its time zone, "
        f"like datetime.fromtimestamp(seconds, UTC)"
    )


setattr(Socket, ROLE_ATTRIBUTE, SOCKET)
