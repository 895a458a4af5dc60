"""uvicorn with our protocol classes, and a way to stop that tells clients first."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess, multiprocess

from .http import HttpProtocol
from .websocket import WebSocketProtocol

try:
    import resource
except ImportError:  # pragma: no cover
    # On Windows.
    resource = None  # type: ignore[assignment]

logger = logging.getLogger("uvicorn.error")

DRAIN_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 30
_LATEST: Final = 0.8
"""The part of the drain time within which clients are told to leave: they need the rest to do it."""
_DESCRIPTORS: Final = 65_536
"""Where the system names no limit."""
_STEP_SECONDS: Final = 0.05
_GARBAGE: Final = 20_000
"""Objects made and not yet freed, after which the garbage collector looks at them."""


class Config(uvicorn.Config):
    """uvicorn's configuration, with our protocol classes and without compression unless it is asked for.

    `drain_seconds`: how long clients have to leave by themselves after SIGTERM; see `Server`.
    """

    def __init__(self, app: Any, *, drain_seconds: float = DRAIN_SECONDS, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "http": HttpProtocol,
            "ws": WebSocketProtocol,
            "ws_per_message_deflate": False,
            "timeout_graceful_shutdown": GRACE_SECONDS,
        }
        super().__init__(app, **{**defaults, **options})
        self.drain_seconds = drain_seconds


class Server(uvicorn.Server):
    """On SIGTERM it stops accepting, and tells each `microsockets.v1` client with `$drain` to leave at a time of its
    own, spread over `drain_seconds`, so that they do not all come back to another server at once. Who has not left by
    then is closed with 1012 when what it asked for is done, and so is everybody after SIGINT and for a reload.

    A second signal ends it at once.
    """

    _drains = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called for SIGINT and SIGTERM."""
        # A terminal signals workers as it does their parent, which then stops them as well: no second signal.
        again = self.should_exit and (self.config.workers == 1 or sig in self._captured_signals)
        self._drains = sig == signal.SIGTERM and not self.should_exit and not self.config.reload
        super().handle_exit(sig, frame)
        if again:
            self.force_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to serve, with as many descriptors as the system allows: a connection takes two. What was loaded by
        then is kept out of garbage collections, which otherwise come every 20 connections and take a quarter of the
        time that connecting takes."""
        _raise_descriptor_limit()
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE, 20, 20)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See the class."""
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        if self._drains:
            await self._drain(cast("Config", self.config).drain_seconds)
        await super().shutdown(sockets)
        if self.config.workers == 1 and not self.config.reload:
            # Not later: uvicorn raises the signal again that ended it, and nothing runs after that.
            _remove_socket(self.config)

    async def _drain(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        connections = cast("set[object]", self.server_state.connections)
        told = {
            each
            for each in connections
            if isinstance(each, WebSocketProtocol) and each.drain(round(random.uniform(0, seconds * _LATEST) * 1000))
        }
        deadline = loop.time() + seconds
        # Like uvicorn, which waits in this way for all else: a signal handler sets `force_exit`.
        while told & connections and loop.time() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_STEP_SECONDS)


class _Worker(multiprocess.Process):
    """One of several processes."""

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = Server(self.config)
        return self._server


def _raise_descriptor_limit() -> None:
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run(config: Config) -> None:
    """Serves until a signal ends it. With `reload` or `workers`, does so in processes of their own.

    Ends the process with status 3 if the application cannot start.
    """
    server = Server(config)
    try:
        if config.should_reload:
            ChangeReload(config, target=server.run, sockets=[config.bind_socket()]).run()
        elif config.workers > 1:
            _run_workers(config, server, [config.bind_socket()])
        else:
            server.run()
    except KeyboardInterrupt:
        pass
    finally:
        _remove_socket(config)
    if not server.started and not config.should_reload and config.workers == 1:
        sys.exit(STARTUP_FAILURE)


def _remove_socket(config: uvicorn.Config) -> None:
    if config.uds:
        with contextlib.suppress(FileNotFoundError):
            os.remove(config.uds)


def _run_workers(config: Config, server: Server, sockets: Sequence[socket.socket]) -> None:
    supervisor = cast("Any", Multiprocess)
    if "target" in inspect.signature(Multiprocess).parameters:
        supervisor(config, target=server.run, sockets=sockets).run()
        return
    # Since uvicorn 0.51 a worker makes its server itself, of the class that it finds here.
    multiprocess.Process = _Worker  # type: ignore[misc]
    supervisor(config, sockets=sockets).run()
