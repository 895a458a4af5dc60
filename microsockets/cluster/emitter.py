"""Sending events from where no server runs: a worker, a cron job, another framework."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, TypeVar, overload

from ..brokers import Broker, BrokerState
from ..errors import BrokerUnavailable, UsageError
from ..events import Event
from ..payloads import ANYTHING
from ..protocol.frames import event_head
from ..targets import Targets
from . import targets
from .manager import DEFAULT_PREFIX, broker_at, checked_prefix
from .messages import Broadcast, Close, Codec, new_node_id

T = TypeVar("T")

_CONNECT_SECONDS: Final = 5.0


class Emitter:
    """Emits events to the sockets of an application, over its broker.

        async with Emitter("redis://localhost") as emitter:
            await emitter.broadcast(Chat.said, Message(text="hello"), to="lobby")

    `prefix` is that of the application's room manager; `options` are the broker's. Outside of `async with`, the first
    call connects, and `close` ends it. It belongs to one event loop.
    """

    def __init__(self, url: str, *, prefix: str = DEFAULT_PREFIX, **options: Any) -> None:
        self._set_up(broker_at(url, **options), prefix)

    def _set_up(self, open_broker: Callable[[], Broker], prefix: str) -> None:
        self._open_broker = open_broker
        self._channels = targets.Channels(checked_prefix(prefix))
        self._codec = Codec(new_node_id())
        self._number = 0
        self._broker: Broker | None = None
        self._turned = asyncio.Event()

    @classmethod
    def over(cls, open_broker: Callable[[], Broker], *, prefix: str = DEFAULT_PREFIX) -> Emitter:
        """An emitter over a broker of your own; see `ClusterRoomManager`."""
        emitter = cls.__new__(cls)
        emitter._set_up(open_broker, prefix)
        return emitter

    async def __aenter__(self) -> Emitter:
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @overload
    async def broadcast(
        self, event: Event[T], payload: T, *, to: Targets, skip: Targets | None = None, namespace: Any = None
    ) -> None: ...
    @overload
    async def broadcast(
        self, event: str, payload: Any = None, *, to: Targets, skip: Targets | None = None, namespace: Any
    ) -> None: ...
    async def broadcast(
        self,
        event: Event[Any] | str,
        payload: Any = None,
        *,
        to: Targets,
        skip: Targets | None = None,
        namespace: Any = None,
    ) -> None:
        """Sends an event to rooms, users, sockets by id, or `ALL` of a namespace.

        `event` is declared, such as `Chat.said`, and its payload is validated; or a name, which needs `namespace`, the
        class or its path. Returns when the broker has it. Raises `BrokerUnavailable` if the broker cannot be
        reached within five seconds, is lost meanwhile, or refuses it; `InvalidValue` for a payload of another type; and
        `UsageError`.
        """
        written = targets.write(to)
        if not written:
            raise UsageError("to=...: name rooms, users, sockets by their ids, or ALL")
        path = _path(event, namespace)
        slot: bytes | None = None
        if isinstance(event, str):
            if event.startswith("$"):
                raise UsageError(f"event {event!r}: names with $ are kept for control frames; choose another")
            frame = event_head(event) + ANYTHING.encode(payload) + b"}"
        else:
            if not event.resolved:
                event.owner.declared.complete({})
            value = event.codec.coerce(payload)
            if event.policy is not None:
                slot = targets.slot(event.name, to, event.policy.key(value))
            frame = event.head + event.codec.encode(value) + b"}"
        self._number += 1
        skipped = targets.write(skip) if skip is not None else []
        await self._spread(path, written, Broadcast(self._number, path, written, skipped, slot, frame))

    async def disconnect(self, namespace: Any, to: Targets, *, code: int = 1000, reason: str = "") -> None:
        """Closes sockets of a namespace; see `Namespace.disconnect`. Raises as `broadcast` does."""
        written = targets.write(to)
        path = _path("", namespace)
        await self._spread(path, written, Close(path, written, [], code, reason))

    async def close(self) -> None:
        """Ends the connection, after what was sent. Again is no change."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.stop()

    async def _spread(self, namespace: str, written: list[str], message: Broadcast | Close) -> None:
        broker = await self._connected()
        data = self._codec.encode(message)
        lost = broker.counters["broker_lost"]
        for channel in self._channels.reaching(namespace, written):
            if not broker.publish(channel, data):
                raise BrokerUnavailable
        await broker.flush()
        if broker.state is not BrokerState.UP or broker.counters["broker_lost"] > lost:
            raise BrokerUnavailable

    async def _connected(self) -> Broker:
        if self._broker is None:
            self._turned = asyncio.Event()
            self._broker = self._open_broker()
            self._broker.start(_ignore, self._notice)
        broker = self._broker
        if broker.state is not BrokerState.UP:
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await self._turned.wait()
            except TimeoutError:
                raise BrokerUnavailable from None
        return broker

    def _notice(self, state: BrokerState) -> None:
        if state is BrokerState.UP:
            self._turned.set()
        else:
            self._turned.clear()


def _ignore(channel: str, data: bytes) -> None:
    """An emitter listens to nothing."""


def _path(event: Event[Any] | str, namespace: Any) -> str:
    given = namespace if namespace is not None or isinstance(event, str) else event.owner
    if isinstance(given, str):
        return given
    path = getattr(given, "path", None)
    if path is None:
        raise UsageError("namespace=...: say for which one, by its class or its path")
    template: str = path.template
    return template


class SyncEmitter:
    """An `Emitter` for code without an event loop, such as a worker of a job queue or a Django view.

        emitter = SyncEmitter("redis://localhost")
        emitter.broadcast(Chat.said, Message(text="hello"), to="lobby")

    It connects at the first call, in a thread of its own that all callers share, and again in a process that was
    forked. Calls wait until the broker has the event, so that a script may end right after, and
    raise what `Emitter`'s raise.
    """

    def __init__(self, url: str, *, prefix: str = DEFAULT_PREFIX, **options: Any) -> None:
        self._set_up(broker_at(url, **options), prefix)

    def _set_up(self, open_broker: Callable[[], Broker], prefix: str) -> None:
        self._make: Callable[[], Emitter] = lambda: Emitter.over(open_broker, prefix=prefix)
        self._lock = threading.Lock()
        self._running: _Thread | None = None

    def __enter__(self) -> SyncEmitter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @overload
    def broadcast(
        self, event: Event[T], payload: T, *, to: Targets, skip: Targets | None = None, namespace: Any = None
    ) -> None: ...
    @overload
    def broadcast(
        self, event: str, payload: Any = None, *, to: Targets, skip: Targets | None = None, namespace: Any
    ) -> None: ...
    def broadcast(
        self,
        event: Any,
        payload: Any = None,
        *,
        to: Targets,
        skip: Targets | None = None,
        namespace: Any = None,
    ) -> None:
        """See `Emitter.broadcast`."""
        self._run(lambda emitter: emitter.broadcast(event, payload, to=to, skip=skip, namespace=namespace))

    def disconnect(self, namespace: Any, to: Targets, *, code: int = 1000, reason: str = "") -> None:
        """See `Emitter.disconnect`."""
        self._run(lambda emitter: emitter.disconnect(namespace, to, code=code, reason=reason))

    def close(self) -> None:
        """Ends the connection and the thread. Again is no change."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None and running.is_mine:
            running.stop()

    def _run(self, call: Callable[[Emitter], Coroutine[Any, Any, None]]) -> None:
        with self._lock:
            if self._running is None or not self._running.is_mine:
                self._running = _Thread(self._make)
            running = self._running
        running.run(call)


class _Thread:
    """An event loop in a thread, with an emitter in it."""

    def __init__(self, make: Callable[[], Emitter]) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._emitter: Emitter | None = None
        self._make = make
        self._thread = threading.Thread(target=self._loop.run_forever, name="microsockets-emitter", daemon=True)
        self._thread.start()

    @property
    def is_mine(self) -> bool:
        """Whether it runs in this process: threads do not survive a fork."""
        return self._process == os.getpid()

    def run(self, call: Callable[[Emitter], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(self._call(call), self._loop).result()

    async def _call(self, call: Callable[[Emitter], Coroutine[Any, Any, None]]) -> None:
        if self._emitter is None:
            self._emitter = self._make()
        await call(self._emitter)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        if self._emitter is not None:
            await self._emitter.close()
