"""The parts of a socket, put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import copy_context
from inspect import isawaitable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ..errors import InvalidPayload, UsageError, loggable
from ..payloads import Codec
from .backoff import sensible
from .delivery import Delivery, Dropped
from .emitter import Emitter, Unbind, attempt, attempt_async
from .error import MicroSocketError
from .frames import Hello, ServerFrame, drain_seconds, failure_of
from .link import Link
from .questions import Questions
from .queue import QueueLimits
from .state import End, StateChange
from .tasks import Tasks
from .timers import after
from .transport import Target

logger = logging.getLogger("microsockets.client")

_GREETING: Final = 10.0
"""Seconds that the queue waits for the handlers of `on_open`."""
_FINISHING: Final = 3.0
"""Seconds that handlers have to finish when the socket is closed."""


class Session:
    """Receives what the link tells, and hands it to who waits for it."""

    def __init__(
        self,
        target: Target,
        *,
        subprotocols: Sequence[str],
        auth: Any,
        plain: bool,
        reconnect: bool,
        queue: QueueLimits | None,
    ) -> None:
        self.hello: Hello | None = None
        self.tasks = Tasks()
        self.on_open: Emitter[[]] = Emitter(self.tasks, self._report)
        self.on_state: Emitter[[StateChange]] = Emitter(self.tasks, self._report)
        # What goes wrong in telling that something went wrong is only logged.
        self.on_error: Emitter[[MicroSocketError, str | None]] = Emitter(self.tasks, _log)
        self.on_close: Emitter[[End]] = Emitter(self.tasks, self._report)
        self.on_dropped: Emitter[[Dropped]] = Emitter(self.tasks, self._report)
        self.on_any: Emitter[[str, bytes]] = Emitter(self.tasks, self._report)
        self.questions = Questions(self._report)
        self._events: dict[str, Emitter[[bytes]]] = {}
        self._place = _place_of(target.url)
        self._changed = asyncio.Event()
        self._greeting: set[asyncio.Task[None]] = set()
        self.link = Link(target, subprotocols=subprotocols, auth=auth, plain=plain, reconnect=reconnect, owner=self)
        self.delivery = Delivery(self.link, queue, plain=plain, dropped=self.on_dropped.emit, failed=self.fail)

    # Binding

    def bind(self, name: str, codec: Codec[Any], handler: Callable[[Any], object], once: bool) -> Unbind:
        """Calls a handler with each payload of an event."""

        def call(data: bytes) -> object:
            return self._decoded(name, codec, data, handler)

        return self._events.setdefault(name, Emitter(self.tasks, self._report)).bind(call, key=handler, once=once)

    def bind_any(self, codec: Codec[Any], handler: Callable[[str, Any], object]) -> Unbind:
        """Calls a handler with every event."""

        def call(name: str, data: bytes) -> object:
            return self._decoded(name, codec, data, lambda payload: handler(name, payload))

        return self.on_any.bind(call, key=handler)

    def unbind(self, name: str, handler: object) -> None:
        """Ends what `bind` did; without a handler, for all of the event."""
        emitter = self._events.get(name)
        if emitter is not None:
            emitter.off(handler)

    def _decoded(self, name: str, codec: Codec[Any], data: bytes, handler: Callable[[Any], object]) -> object:
        try:
            payload = codec.decode(data)
        except InvalidPayload as error:
            self.fail(MicroSocketError("invalid_payload", f"The event is no {codec.name}", error.details), name)
            return None
        return handler(payload)

    # The connection

    async def ready(self) -> None:
        """Returns when there is a connection. Raises `MicroSocketError` when there will be none."""
        while self.link.state in ("connecting", "waiting"):
            await self._changed.wait()
        if self.link.state != "open":
            end = self.link.end
            raise MicroSocketError("disconnected", f"The socket is closed{f': {end}' if end is not None else ''}")

    async def close(self, code: int, reason: str) -> None:
        """Closes, and waits until nothing runs any more."""
        self.link.close(code, reason)
        for emitter in self._events.values():
            emitter.forget()
        self.on_any.forget()
        try:
            await self.link.finish()
        finally:
            await self.tasks.finish(_FINISHING)

    def changed(self, change: StateChange) -> None:
        """See `Owner`."""
        if change.previous == "open":
            self.hello = None
            if change.state != "closing":
                self._end_greeting()
            self.delivery.lost()
        if self.link.is_over:
            self.delivery.closed()
        self._log_change(change)
        self._changed.set()
        self._changed = asyncio.Event()
        self.on_state.emit(change)
        if change.state == "closed" and self.link.state == "closed":
            end = change.end
            assert end is not None
            if change.previous != "closing" and end.code == 1006:
                self.fail(MicroSocketError("disconnected", f"The connection was lost: {end}"))
            self.on_close.emit(end)

    def opened(self, hello: Hello | None) -> None:
        """See `Owner`."""
        self.hello = hello
        # What the handlers of `on_open` send is known by their context.
        copy_context().run(self._greet, hello)

    def _greet(self, hello: Hello | None) -> None:
        done = self.delivery.opened(hello)
        results = [attempt(function, self._report) for function in self.on_open.functions()]
        greeting = {self.tasks.spawn(attempt_async(each, self._report)) for each in results if isawaitable(each)}
        if not greeting:
            done()
            return
        timer = after(_GREETING, done)
        self._greeting = greeting

        def ended(task: asyncio.Task[None]) -> None:
            greeting.discard(task)
            if not greeting:
                timer.cancel()
                done()

        for task in list(greeting):
            task.add_done_callback(ended)

    def _end_greeting(self) -> None:
        greeting, self._greeting = self._greeting, set()
        for task in list(greeting):
            task.cancel()

    def received(self, frame: ServerFrame) -> None:
        """See `Owner`."""
        name = frame.event
        if name is None:
            self.delivery.settle(frame)
        elif name.startswith("$"):
            self._control(name, frame)
        elif frame.id >= 0:
            self.tasks.spawn(self._answer(frame.id, name, frame.data))
        else:
            data = frame.data
            if name in self._events:
                self._events[name].emit(data)
            if self.on_any:
                self.on_any.emit(name, data)

    def _control(self, name: str, frame: ServerFrame) -> None:
        if name == "$error":
            failure = failure_of(frame.payload)
            self.delivery.obey(failure)
            self.fail(failure.exception(), failure.event_name)
        elif name == "$drain":
            self.delivery.drain(sensible(drain_seconds(frame)))

    async def _answer(self, id_: int, name: str, payload: bytes) -> None:
        line = self.link.line
        frame = await self.questions.answer(id_, name, payload)
        # Who asked may be gone by now.
        if self.link.line is line:
            self.link.write(frame)

    # What goes wrong

    def failed(self, error: MicroSocketError) -> None:
        """See `Owner`."""
        self.fail(error, ours=True)

    def fail(self, error: MicroSocketError, event: str | None = None, *, ours: bool = False) -> None:
        """Tells of something that nobody waits for. What a server says is not logged, but for its code."""
        if self.on_error:
            self.on_error.emit(error, event)
        else:
            told = error if ours else error.code
            logger.warning("%s: %s%s", self._place, told, f" of event {event!r}" if event else "")

    def _report(self, error: BaseException) -> None:
        if isinstance(error, MicroSocketError):
            self.fail(error)
        else:
            _log(error)

    def _log_change(self, change: StateChange) -> None:
        if change.state == "waiting":
            # One warning for a row of failures.
            level = logging.WARNING if change.previous == "open" or self.link.backoff.is_first else logging.INFO
            logger.log(level, "%s: no connection (%s), next attempt in %.1f s", self._place, change.end, change.delay)
        elif change.state == "closed" and change.previous != "closing":
            logger.warning("%s: closed for good (%s)", self._place, change.end)
        elif change.state == "open":
            logger.info("%s: connected", self._place)


def _log(error: BaseException) -> None:
    told = loggable(error)
    logger.error("A handler failed", exc_info=(type(told), told, told.__traceback__))


def websocket_url(url: str) -> str:
    """The address as one of a WebSocket: `http` stands for `ws` and `https` for `wss`. Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        valid = parts.hostname and parts.scheme in _SCHEMES
        # Looked at here because it raises.
        _ = parts.port
    except (ValueError, AttributeError, TypeError):
        valid = False
        parts = urlsplit("")
    if not valid:
        raise UsageError(f'MicroSocket({url!r}): give an address like "ws://127.0.0.1:8000/chat"')
    return urlunsplit(parts._replace(scheme=_SCHEMES[parts.scheme], fragment=""))


_SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def _place_of(url: str) -> str:
    """The address without what may be secret."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
