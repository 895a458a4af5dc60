"""What a middleware is handed: one object for each thing that passes the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol

from ..errors import Error, UsageError
from ..protocol.frames import NO_ID
from ..signatures import CALL, ROLE_ATTRIBUTE
from ..targets import Reached, Targets


class RouteLike(Protocol):
    """What runs for one event; built once, at start-up."""

    streams: bool
    """The handler yields items."""
    concurrent: int | None
    """How many may run at once on one connection; None means one at a time with all other events."""
    seconds: float
    """Its time limit."""
    raises: tuple[type[Error], ...]
    """The errors it is declared to answer with."""

    def run(self, call: Call, /) -> Awaitable[Any]:
        """Runs the chain and the handler in it."""
        ...

    def encode(self, result: Any) -> bytes:
        """The JSON of an answer. Raises `InvalidValue`."""
        ...

    def read_payload(self, call: Call) -> Any:
        """The validated payload. Raises `InvalidPayload` or `BadFrame`."""
        ...


CLEAN_UP_SECONDS: Final = 5.0
"""How long a handler that was cancelled may clean up before it is cancelled again."""


class _Unvalidated:
    """Stands in for a payload that was not validated yet."""


_UNVALIDATED: Final = _Unvalidated()


class _State:
    """A dict for middleware and handler to pass things along, made when first used."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state: dict[str, Any] | None = None

    @property
    def state(self) -> dict[str, Any]:
        """Whatever middlewares want to pass to each other and to dependencies."""
        if self._state is None:
            self._state = {}
        return self._state


class Call(_State):
    """One event on its way to its handler.

    `socket`, `event`, `raw` (the payload's JSON bytes, empty if absent; never changes), `payload` (the validated value)
    and `state`. The rest belongs to the connection that runs the call.
    """

    __slots__ = (
        "_payload",
        "cancels",
        "deadline",
        "ended_by",
        "event",
        "exits",
        "finished",
        "id",
        "raw",
        "route",
        "size",
        "socket",
        "started",
        "task",
    )

    def __init__(self, socket: Any, event: str, raw: bytes, id: int, route: RouteLike, size: int) -> None:
        self.socket = socket
        self.event = event
        self.raw = raw
        self.id = id
        self.route = route
        self.size = size
        self._payload: Any = _UNVALIDATED
        self._state = None  # what super().__init__() does, without the call: one of these is made for every message
        self.task: asyncio.Task[Any] | None = None
        self.started = False
        self.deadline = 0.0
        self.ended_by: str | None = None
        self.cancels = 0
        self.finished = False
        self.exits: AsyncExitStack | None = None

    @property
    def payload(self) -> Any:
        """The validated payload. Raises `UsageError` before `ValidatePayload` ran; use `raw` there."""
        if self._payload is _UNVALIDATED:
            raise UsageError(
                "call.payload is not validated yet: read call.raw, or list ValidatePayload() before this middleware"
            )
        return self._payload

    @payload.setter
    def payload(self, value: Any) -> None:
        self._payload = value

    def end(self, by: str, now: float) -> None:
        """Cancels the handler; `by` says why: `timeout`, `cancelled`, `disconnect`. `now` is the loop's time: a handler
        that goes on is cancelled again after a while."""
        self.ended_by = by
        self.deadline = now + CLEAN_UP_SECONDS
        if self.task is not None:
            self.task.cancel()
            self.cancels += 1

    @property
    def wants_answer(self) -> bool:
        """Whether the client gave an id."""
        return self.id != NO_ID


setattr(Call, ROLE_ATTRIBUTE, CALL)


class ConnectCall(_State):
    """A connection before it is accepted. `params` is what `on_connect` will get. Raise `Refuse` to refuse it."""

    __slots__ = ("exits", "params", "socket", "succeeded")

    def __init__(self, socket: Any, params: Any) -> None:
        self.socket = socket
        self.params = params
        super().__init__()
        self.exits: AsyncExitStack | None = None
        self.succeeded = False


class DisconnectCall(_State):
    """A connection that has ended; `code` is its close code."""

    __slots__ = ("code", "exits", "socket")

    def __init__(self, socket: Any, code: int) -> None:
        self.socket = socket
        super().__init__()
        self.code = code
        self.exits: AsyncExitStack | None = None


class EmitCall(_State):
    """An event on its way out, once per emit or broadcast, before it is encoded. It has no single recipient.

    `payload` may be replaced; `to` and `skip` are what the caller gave. `reached` is what the broadcast returns, and
    None until it is done.
    """

    __slots__ = ("event", "namespace", "payload", "reached", "skip", "to")

    def __init__(self, namespace: Any, event: str, payload: Any, to: Targets, skip: Targets | None) -> None:
        self.namespace = namespace
        self.event = event
        self.payload = payload
        self.to = to
        super().__init__()
        self.skip = skip
        self.reached: Reached | None = None
