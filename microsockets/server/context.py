"""What the connections of one server share: its settings, one timer for all of them, and one flush per loop turn."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol, cast
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.server import ServerState

from ..types import ASGIApp

logger = logging.getLogger("uvicorn.error")

_TICK_SECONDS = 0.5


class Swept(Protocol):
    """A connection that has time limits."""

    def sweep(self, now: float) -> None:
        """Does what is due."""
        ...

    def flush(self) -> None:
        """Hands over what was written in this turn of the loop."""
        ...


class ServerContext:
    """One per server and event loop."""

    def __init__(self, config: Config, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self.state = state
        self.loop = loop
        self.app = cast("ASGIApp", config.loaded_app)
        self.asgi = {"version": config.asgi_version, "spec_version": "2.4"}
        self.root_path = config.root_path
        self.raw_root_path = config.root_path.encode("latin-1", "replace")
        self.ping_interval = config.ws_ping_interval or None
        self.ping_timeout = config.ws_ping_timeout or None
        self._swept: set[Swept] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.unflushed: list[Swept] = []
        self.flushing = False
        # One object for all connections, by which a broadcast knows that it has flushed.
        self.flush = self._flush

    def enter(self, connection: Swept) -> None:
        """Begins to keep a connection's time limits."""
        self._swept.add(connection)
        if self._timer is None:
            self._timer = self.loop.call_later(_TICK_SECONDS, self._sweep)

    def leave(self, connection: Swept) -> None:
        """Ends it."""
        self._swept.discard(connection)
        if not self._swept and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        now = self.loop.time()
        for connection in list(self._swept):
            connection.sweep(now)
        self._timer = self.loop.call_later(_TICK_SECONDS, self._sweep) if self._swept else None

    def flush_soon(self) -> None:
        """Calls for a flush behind what is scheduled already: tasks that were woken before it write in time for it."""
        self.flushing = True
        self.loop.call_soon(self._flush_turn)

    def _flush_turn(self) -> None:
        self.flushing = False
        self._flush()

    def _flush(self) -> None:
        unflushed, self.unflushed = self.unflushed, []
        for connection in unflushed:
            connection.flush()


_contexts: WeakKeyDictionary[ServerState, ServerContext] = WeakKeyDictionary()


def context_of(config: Config, state: ServerState, loop: asyncio.AbstractEventLoop) -> ServerContext:
    """The context of a server, made for its first connection."""
    context = _contexts.get(state)
    if context is None or context.loop is not loop:
        context = _contexts[state] = ServerContext(config, state, loop)
    return context
