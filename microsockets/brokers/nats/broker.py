"""A broker that is a NATS server, or a cluster of them."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final, NoReturn

from ...errors import ConfigurationError, UsageError
from ..broker import (
    CONGESTED_BYTES,
    CONGESTED_MESSAGES,
    QUEUED_BYTES,
    QUEUED_MESSAGES,
    Broker,
    BrokerState,
    OnMessage,
    OnState,
    logger,
)
from .connection import Connection, available
from .url import Login, Server, read_url

_CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LONGEST_CHANNEL: Final = 1024
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 1.0
_DOUBLINGS: Final = 5
"""From here on the limit is the longest."""
_HEALTHY: Final = 1.0
"""A connection that was up for so many seconds forgives the failures before it."""
_ATTEMPT: Final = 5.0
"""Seconds for all steps of connecting."""
_PING_EVERY: Final = 1.0
_UNCONFIRMED: Final = 1_000
"""After so many messages a PING is due, too."""
_LOOK_EVERY: Final = 0.5
_SILENT_LOOKS: Final = 6
"""A server that sends nothing during so many looks, with a PING unanswered, is lost. Looks and not seconds, since a
process that was itself stopped or busy finds at its next look what arrived meanwhile."""
_CHANNELS_PER_LOOK: Final = 10_000
"""What a server that has just been connected to may place in the time of one more look."""
_DRAIN: Final = 1.0
_HELD_UP: Final = 0.01
_CHUNK_BYTES: Final = 128 * 1024
_CHUNK_COMMANDS: Final = 2_000
_COMPLAINTS: Final = 16
_NEIGHBOURS: Final = 64


class NatsBroker(Broker):
    """Publishes through NATS (core NATS: nothing is stored).

    `url` is `nats://`, `tls://`, `ws://` or `wss://`, then `user:password@` or `token@` if there is one, a host and a
    port (4222); several servers are separated by commas. `user`, `password` and `token` may be given here instead, and
    `credentials`, the path of a `.creds` file (or `?credentials=` in the URL), `nkeys_seed`, the path of a seed, and
    `tls`, a context with other authorities or a certificate of ours. With `tls://` or a context, nothing is ever sent
    without encryption. Channels are subjects. Raises `ConfigurationError` for what can never work.

    A lost server is noticed within 5 seconds, also when it is only frozen. Servers are tried in random order, and also
    those of which a cluster tells. `broker_lost` counts what was waiting when the connection was lost, and what the
    server refused; `broker_unconfirmed` what was written since the server last answered, which may or may not have got
    out, and from a server that was frozen comes out late. `broker_refused` counts what the server does not permit,
    `broker_slow` how often it cut this node off because it did not read.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credentials: str | Path | None = None,
        nkeys_seed: str | Path | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "microsockets",
    ) -> None:
        super().__init__()
        if not available():
            raise ConfigurationError('NATS needs a package: pip install "microsockets[nats]"')
        self._servers, file = read_url(url)
        if user is not None or password is not None or token is not None:
            if (user is None) != (password is None):
                raise ConfigurationError("NatsBroker: give user and password together")
            if any(server.login != Login() for server in self._servers):
                raise ConfigurationError("NatsBroker: give user, password or token in the URL or apart, not both")
            self._servers = [Server(server.url, Login(user, password, token)) for server in self._servers]
        if credentials is not None and file is not None:
            raise ConfigurationError("NatsBroker: give credentials in the URL or apart, not both")
        if tls is not None:
            self._servers = [server.encrypted() for server in self._servers]
        self._options = _options(self._servers, credentials or file, nkeys_seed, tls, name)
        self._on_message: OnMessage | None = None
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._found: list[Server] = []
        self._complaints: set[str] = set()
        self._ending = False
        # What is wanted, by its number on the wire and by name; `_unplaced` and `_unwanted` are yet to be sent.
        self._sid = 0
        self._channels: dict[int, str] = {}
        self._sids: dict[str, int] = {}
        self._unplaced: dict[int, str] = {}
        self._unwanted: deque[int] = deque()
        # Who waits for the next PONG but one, and for the next.
        self._asked: list[asyncio.Future[None]] = []
        self._pinged: list[asyncio.Future[None]] = []
        self._ping_due = False
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._in_chunk = self._chunk_bytes = 0
        # Messages written to this connection, those before the last PING, and those before the last PONG.
        self._sent = self._sent_before_ping = self._confirmed = 0
        self._work = asyncio.Event()
        self._asking = asyncio.Event()
        self._progress = asyncio.Event()

    def start(self, on_message: OnMessage, on_state: OnState) -> None:
        if self.state is not BrokerState.IDLE:
            raise UsageError("a broker is started once: make another one")
        self._on_message, self._on_state = on_message, on_state
        self._turn(BrokerState.CONNECTING)
        self._task = asyncio.get_running_loop().create_task(self._supervise(), name="microsockets-nats")

    def subscribe(self, channel: str) -> asyncio.Future[None]:
        known = channel in self._sids
        if not known:
            _check(channel)
            self._sid += 1
            self._sids[channel], self._channels[self._sid] = self._sid, channel
        if not known and self._connection is not None:
            self._unplaced[self._sid] = channel
        # A channel that is known may still be on its way.
        return self._answered(bool(not known or self._asked or self._pinged))

    def unsubscribe(self, channel: str) -> None:
        sid = self._sids.pop(channel, None)
        if sid is None:
            return
        del self._channels[sid]
        if self._connection is not None and self._unplaced.pop(sid, None) is None:
            self._unwanted.append(sid)
            self._work.set()

    def publish(self, channel: str, data: bytes) -> bool:
        size = len(data)
        if size > self.largest:
            raise UsageError(f"a message of {size} bytes: the broker takes at most {self.largest}")
        if channel not in self._sids:
            _check(channel)
        if self.state is not BrokerState.UP or self._ending:
            return False
        if self._waiting >= QUEUED_MESSAGES or self._queued_bytes + size > QUEUED_BYTES:
            return False
        message = b"PUB %b %d\r\n%b\r\n" % (channel.encode(), size, data)
        self._queue.append(message)
        self._queued_bytes += len(message)
        self._work.set()
        return True

    async def ready(self) -> None:
        await self._until(lambda: self.state is not BrokerState.UP or not self.congested)

    async def flush(self) -> None:
        await self._until(lambda: self.state is not BrokerState.UP or not self._waiting)
        await self._answered()

    @property
    def congested(self) -> bool:
        return self._waiting >= CONGESTED_MESSAGES or self._queued_bytes >= CONGESTED_BYTES

    async def stop(self) -> None:
        self._ending = True
        try:
            if self.state is BrokerState.UP:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN):
                        await self.flush()
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            self._turn(BrokerState.STOPPED)
            self._on_message = None

    @property
    def _waiting(self) -> int:
        return len(self._queue) + self._in_chunk

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._progress.clear()
            await self._progress.wait()

    def _answered(self, anything: bool = True) -> asyncio.Future[None]:
        """Done when the server has handled all that was subscribed and written, or is lost."""
        future = asyncio.get_running_loop().create_future()
        if self._connection is None or not anything:
            future.set_result(None)
        else:
            self._asked.append(future)
            self._asking.set()
        return future

    async def _supervise(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._ending:
            for server in self._candidates():
                began = loop.time()
                if await self._use(server):
                    failures = 0 if loop.time() - began > _HEALTHY else failures
                    break
            limit = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(failures, _DOUBLINGS))
            failures += 1
            await asyncio.sleep(random.uniform(0, limit))

    def _candidates(self) -> list[Server]:
        """All servers of the URL, and one of those that were found, since many of them may be out of reach."""
        found = random.sample(self._found, min(1, len(self._found)))
        return [*random.sample(self._servers, len(self._servers)), *found]

    async def _use(self, server: Server) -> bool:
        """Connects to a server and stays until it is lost. Returns whether it was up."""
        connection = Connection(self._receive, self._note_refusal)
        was_up = False
        try:
            async with asyncio.timeout(_ATTEMPT):
                await connection.open(server, self._options)
            if not self._ending:
                await self._stay(connection)
        except Exception as error:
            was_up = self.state is BrokerState.UP
            self._complain(server, error)
        finally:
            self._remember_found(server, connection)
            self._let_go()
            await connection.end()
        return was_up

    async def _stay(self, connection: Connection) -> NoReturn:
        """Uses a connection until it is lost, and raises why."""
        self.largest = min(Broker.largest, connection.max_payload)
        self._unplaced = dict(self._channels)
        self._connection = connection
        loop = asyncio.get_running_loop()
        tasks = [
            loop.create_task(work)
            for work in (connection.lost.wait(), self._write(connection), self._watch(connection))
        ]
        try:
            done, _ = await asyncio.wait([*tasks, connection.reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        errors = [task.exception() for task in done if not task.cancelled()]
        raise connection.problem or next(filter(None, errors), ConnectionError("the connection was lost"))

    def _let_go(self) -> None:
        """There is no connection any more: what it should have done is over."""
        self._connection = None
        self.counters["broker_lost"] += self._waiting
        self.counters["broker_unconfirmed"] += self._unconfirmed
        self._sent = self._sent_before_ping = self._confirmed = 0
        self._queue.clear()
        self._queued_bytes = self._in_chunk = self._chunk_bytes = 0
        self._unplaced = {}
        self._unwanted.clear()
        if self.state is BrokerState.UP and not self._ending:
            self._turn(BrokerState.DOWN)
        _release(self._asked)
        _release(self._pinged)
        self._progress.set()

    async def _write(self, connection: Connection) -> None:
        """Writes what is to be written, a chunk after the other."""
        clock = asyncio.get_running_loop().time
        while True:
            if not (self._queue or self._unplaced or self._unwanted or self._ping_due):
                self._work.clear()
                await self._work.wait()
            connection.write(self._take())
            began = clock()
            await connection.drain()
            if clock() - began > _HELD_UP:
                # What was in the way has moved, so somebody reads.
                connection.signs += 1
            self._sent += self._in_chunk
            self._queued_bytes -= self._chunk_bytes
            self._in_chunk = self._chunk_bytes = 0
            if self._unconfirmed >= _UNCONFIRMED:
                self._asking.set()
            self._progress.set()
            # `drain` waits only for a full buffer, and others want to run, too.
            await asyncio.sleep(0)

    def _take(self) -> bytes:
        """What to write next."""
        parts: list[bytes] = []
        while self._unwanted and len(parts) < _CHUNK_COMMANDS:
            parts.append(b"UNSUB %d\r\n" % self._unwanted.popleft())
        for sid, channel in list(islice(self._unplaced.items(), _CHUNK_COMMANDS)):
            parts.append(f"SUB {channel} {sid}\r\n".encode())
            del self._unplaced[sid]
        while self._queue and self._chunk_bytes < _CHUNK_BYTES:
            message = self._queue.popleft()
            self._in_chunk += 1
            self._chunk_bytes += len(message)
            parts.append(message)
        if self._ping_due and not (self._unplaced or self._unwanted):
            self._ping_due = False
            self._asked, self._pinged = self._pinged, self._asked
            self._sent_before_ping = self._sent + self._in_chunk
            parts.append(b"PING\r\n")
        return b"".join(parts)

    async def _watch(self, connection: Connection) -> None:
        """Asks the server, one PING at a time, whether it is there and has handled what was written."""
        looks = _SILENT_LOOKS + len(self._unplaced) // _CHANNELS_PER_LOOK
        while True:
            self._asking.clear()
            self._ping_due = True
            self._work.set()
            await self._answer(connection, looks)
            looks = _SILENT_LOOKS
            self._confirmed = self._sent_before_ping
            if self.state is not BrokerState.UP:
                self._complaints.clear()
                self._turn(BrokerState.UP)
            _release(self._pinged)
            if not self._asked and self._unconfirmed < _UNCONFIRMED:
                await _soon(self._asking, _PING_EVERY)

    async def _answer(self, connection: Connection, looks: int) -> None:
        """Waits for the PONG. Raises `TimeoutError` when the server has become silent."""
        signs, silent = connection.signs, 0
        while not await _soon(connection.answered, _LOOK_EVERY):
            silent = silent + 1 if signs == connection.signs else 0
            signs = connection.signs
            if silent >= looks:
                raise TimeoutError("it does not answer")
        connection.answered.clear()

    @property
    def _unconfirmed(self) -> int:
        return self._sent - self._confirmed

    def _receive(self, sid: int, data: bytes) -> None:
        channel = self._channels.get(sid)
        if channel is not None and self._on_message is not None:
            self._on_message(channel, data)

    def _note_refusal(self, message: str) -> None:
        self.counters["broker_refused"] += 1
        if "for publish" in message:
            self.counters["broker_lost"] += 1
        self._warn("NATS refuses", message)

    def _complain(self, server: Server, error: Exception) -> None:
        if "slow consumer" in str(error):
            self.counters["broker_slow"] += 1
        no_words = "it does not answer" if isinstance(error, TimeoutError) else type(error).__name__
        self._warn(f"NATS at {server.url}", str(error) or no_words)

    def _warn(self, place: str, problem: str) -> None:
        """Logs what was not logged since the broker was last up."""
        text = f"{place}: {problem}"
        if text not in self._complaints and len(self._complaints) < _COMPLAINTS:
            self._complaints.add(text)
            logger.warning("%s", text)

    def _remember_found(self, server: Server, connection: Connection) -> None:
        """Notes the servers of which this one tells; those of WebSockets do not tell."""
        if server.url.startswith("ws"):
            return
        known = {server.url for server in self._servers}
        found: list[Server] = []
        for uri in connection.discovered_servers:
            with suppress(ValueError):
                found.append(server.neighbour(uri.netloc))
        found = [neighbour for neighbour in found if neighbour.url not in known]
        if found:
            self._found = found[:_NEIGHBOURS]


def _check(channel: str) -> None:
    # Whatever else is a subject could be a wildcard, be several words of the protocol, or be refused by the server.
    if not _CHANNEL.fullmatch(channel) or len(channel) > _LONGEST_CHANNEL:
        raise UsageError("a channel is made of ASCII letters, digits, - and _, and . between them")


def _release(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
    futures.clear()


async def _soon(event: asyncio.Event, seconds: float) -> bool:
    """Waits for an event. Returns whether it came in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _options(
    servers: list[Server],
    credentials: str | Path | None,
    nkeys_seed: str | Path | None,
    tls: ssl.SSLContext | None,
    name: str,
) -> dict[str, Any]:
    """What nats-py is given to connect to any of the servers."""
    for file in (credentials, nkeys_seed):
        if file is not None and not Path(file).is_file():
            raise ConfigurationError(f"NatsBroker: there is no file {str(file)!r}")
    if (credentials is not None or nkeys_seed is not None) and find_spec("nkeys") is None:
        raise ConfigurationError('NATS needs a package for credentials and seeds: pip install "nats-py[nkeys]"')
    if servers[0].url.startswith("ws") and find_spec("aiohttp") is None:
        raise ConfigurationError('NATS needs a package for WebSockets: pip install "nats-py[aiohttp]"')
    if tls is None and any(server.url.startswith(("tls:", "wss:")) for server in servers):
        tls = ssl.create_default_context()
    options = {"name": name, "tls": tls, "user_credentials": credentials, "nkeys_seed": nkeys_seed}
    return {option: str(value) if isinstance(value, Path) else value for option, value in options.items()}
