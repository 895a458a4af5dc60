"""One connection to Redis: commands out in the order given, replies in, and watched so that a dead one is noticed."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .url import Place

CONNECT_SECONDS: Final = 2.5
IDLE_SECONDS: Final = 2.0
"""A silent server is asked whether it is there."""
DEADLINE_SECONDS: Final = 2.5
"""It has to answer within this time: with the idle time, a frozen one is noticed in 5 s at most."""
_WATCH_SECONDS: Final = 0.25
_CHUNK_BYTES: Final = 64 * 1024

LOST: Final = (RedisError, OSError, EOFError, asyncio.IncompleteReadError)
"""What ends a connection."""


async def connect(place: Place, **address: Any) -> AbstractConnection:
    """A connection that is signed in. Raises one of `LOST`, or `TimeoutError`."""
    options: dict[str, Any] = {
        **place.options,
        **address,
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }
    connection: AbstractConnection = place.connection_class(**options)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await drop(connection)
        raise
    return connection


async def drop(connection: AbstractConnection) -> None:
    """Ends a connection, whatever state it is in."""
    try:
        await connection.disconnect(nowait=True)
    except LOST:
        return


async def ask(connection: AbstractConnection, *command: Any) -> Any:
    """One command and its reply, before a `Line` has the connection."""
    async with asyncio.timeout(CONNECT_SECONDS):
        await connection.send_command(*command, check_health=False)
        return await _reply(connection)


async def _reply(connection: AbstractConnection) -> Any:
    # It is annotated with a part of what it returns.
    read = cast("Callable[..., Awaitable[Any]]", connection.read_response)
    return await read(timeout=math.inf)


class Line:
    """A connection in use.

    `on_reply` gets each reply, as bytes or lists; errors that Redis replies with are given as exceptions. `run` returns
    when the connection is lost, and never raises because of it.
    """

    def __init__(self, connection: AbstractConnection, on_reply: Callable[[Any], None]) -> None:
        self._connection = connection
        self._on_reply = on_reply
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._heard_at = self._loop.time()
        self._asked_at: float | None = None
        self._closing = asyncio.Event()
        self._progress = asyncio.Event()
        self.is_lost = False
        self.was_silent = False
        """Whether it was lost because the server did not answer in time."""

    def close(self) -> None:
        """Ends `run`."""
        self._closing.set()

    def send(self, *command: Any) -> None:
        """A command, in the order of the calls."""
        packed = b"".join(self._connection.pack_command(*command))
        self._waiting.append(packed)
        self._waiting_bytes += len(packed)
        self._wake.set()

    @property
    def waiting(self) -> tuple[int, int]:
        """Commands and bytes that are not written yet."""
        return len(self._waiting), self._waiting_bytes

    async def run(self) -> None:
        """Writes, reads and watches until the connection is lost, or this is cancelled."""
        parts: list[Awaitable[Any]] = [self._write(), self._read(), self._watch(), self._closing.wait()]
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.is_lost = True
            self._moved()
            for task in tasks:
                task.cancel()
            await drop(self._connection)
            await asyncio.gather(*tasks, return_exceptions=True)

    async def progress(self) -> None:
        """Waits until more is written, or the connection is lost."""
        if self._waiting and not self.is_lost:
            await self._progress.wait()

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    chunk: list[bytes] = []
                    size = 0
                    while self._waiting and size < _CHUNK_BYTES:
                        part = self._waiting.popleft()
                        chunk.append(part)
                        size += len(part)
                    self._waiting_bytes -= size
                    self._expect()
                    await self._connection.send_packed_command(b"".join(chunk), check_health=False)
                    self._moved()
        except LOST:
            return

    def _moved(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()

    async def _read(self) -> None:
        while True:
            try:
                reply = await _reply(self._connection)
            except LOST as error:
                # What Redis replies is heard; what the network says is the end.
                if not isinstance(error, RedisError) or not self._connection.is_connected:
                    return
                reply = error
            self._heard_at = self._loop.time()
            self._asked_at = None
            self._on_reply(reply)

    def _expect(self) -> None:
        if self._asked_at is None:
            self._asked_at = self._loop.time()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = self._loop.time()
            if self._asked_at is not None:
                if now - self._asked_at > DEADLINE_SECONDS:
                    self.was_silent = True
                    return
            elif now - self._heard_at > IDLE_SECONDS:
                self.send("PING")
