"""The load generator for machines without a C compiler: `load.c` in Python, with the same options and the same result.

It uses up its core before a fast server does, so that what it says of one is the least that the server can do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import cycle
from statistics import quantiles
from typing import Any, Final, TypeAlias

from .dialects import Expected, Sent, Step
from .peer import framed

_AT_ONCE: Final = 50
_TEXT: Final = 0x81
_PING: Final = 0x89
_PONG: Final = 0x8A
_CPUCLOCK_SCHED: Final = 2


class _Role(Enum):
    ASKER = auto()
    MEMBER = auto()
    SPEAKER = auto()
    STALLED = auto()


@dataclass
class _Record:
    """Operations since `begin`, and how long each took."""

    pid: int
    samples: list[float] = field(default_factory=list[float])
    recording: bool = False
    _begun: tuple[float, float, float] = (0.0, 0.0, 0.0)
    _spent: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def _clocks(self) -> tuple[float, float, float]:
        server = time.clock_gettime((~self.pid << 3) | _CPUCLOCK_SCHED) if self.pid else 0.0
        return time.perf_counter(), time.process_time(), server

    def begin(self) -> None:
        self.samples.clear()
        self.recording = True
        self._begun = self._clocks()

    def end(self) -> None:
        self.recording = False
        seconds, own, server = (after - before for after, before in zip(self._clocks(), self._begun, strict=True))
        self._spent = seconds, own, server

    def took(self, since: float) -> None:
        if self.recording:
            self.samples.append(time.perf_counter() - since)

    def result(self, operations: int | None = None) -> dict[str, Any]:
        seconds, own, server = self._spent
        cuts = quantiles(self.samples, n=100) if len(self.samples) > 1 else [0.0] * 99
        return {
            "operations": len(self.samples) if operations is None else operations,
            "seconds": seconds,
            "p50_us": cuts[49] * 1e6,
            "p99_us": cuts[98] * 1e6,
            "max_us": max(self.samples, default=0.0) * 1e6,
            "load_cpu_seconds": own,
            "server_cpu_seconds": server,
        }


class _Connection(asyncio.Protocol):
    """One connection: shakes hands, takes its steps, and then hands what it gets to the load."""

    def __init__(self, load: _Load, role: _Role) -> None:
        self._load = load
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        joins = role in (_Role.MEMBER, _Role.STALLED)
        self._steps = [*load.opening, *(load.joining if joins else [])]
        self.role = role
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = time.perf_counter()
        self.sent: dict[bytes, float] = {}
        self.heard = load.broadcast

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._load.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.role is _Role.STALLED and self.opened.done():
            self._load.lose(self)
        else:
            self._load.fail("the server dropped a connection")

    def data_received(self, data: bytes) -> None:
        try:
            self._read(self._buffer + data)
        except ConnectionError as error:
            self._load.fail(str(error))

    def write(self, frame: bytes) -> None:
        assert self._transport is not None
        self._transport.write(frame)

    def _read(self, buffer: bytes) -> None:
        position = 0
        if not self._upgraded:
            head, separator, rest = buffer.partition(b"\r\n\r\n")
            if not separator:
                self._buffer = buffer
                return
            if not head.startswith(b"HTTP/1.1 101") or self._load.accept not in head:
                raise ConnectionError(f"the handshake was answered with {head!r}")
            self._upgraded = True
            buffer = rest
            self._step()
        while len(buffer) - position >= 2:
            size, body = buffer[position + 1], position + 2
            if size == 126:
                size, body = int.from_bytes(buffer[body : body + 2], "big"), body + 2
            if len(buffer) < body + size:
                break
            self._frame(buffer[position], buffer[body : body + size])
            position = body + size
        self._buffer = buffer[position:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self.write(framed(_PONG, payload))
        elif opcode != _TEXT:
            raise ConnectionError(f"a frame with the first byte {opcode:02x}: {payload!r}")
        elif self._load.ping and payload == self._load.ping:
            self.write(self._load.pong)
        elif self.opened.done():
            self._load.got(self, payload)
        elif self._load.lost and payload == self._load.said:
            pass  # others go on talking while it joins again
        else:
            expected = self._steps.pop(0)
            assert isinstance(expected, Expected)
            if not payload.startswith(expected.prefix.encode()):
                raise ConnectionError(f"the server said {payload!r} and not {expected.prefix}")
            self._step()

    def _step(self) -> None:
        while self._steps and isinstance(step := self._steps[0], Sent):
            self.write(framed(_TEXT, step.text.encode()))
            del self._steps[0]
        if self._steps:
            return
        self.opened.set_result(None)
        if self.role is _Role.STALLED:
            assert self._transport is not None
            self._transport.pause_reading()


_Got: TypeAlias = Callable[[_Connection, bytes], None]


class _Load:
    """The connections and what they do."""

    def __init__(self, options: argparse.Namespace, steps: dict[str, list[Step]]) -> None:
        self._options = options
        self._ports = cycle([options.port, options.other_port] if options.other_port else [options.port])
        self.request: bytes = options.request.encode()
        self.accept: bytes = options.accept.encode()
        self.ping: bytes = options.ping.encode()
        self.pong = framed(_TEXT, options.pong.encode())
        self.opening, self.joining = steps["open"], steps["join"]
        self.said: bytes = options.said.encode()
        self._done: bytes = options.done.encode()
        self._asks = [framed(_TEXT, ask.encode()) for ask in options.ask]
        self._answers: list[bytes] = [answer.encode() for answer in options.answer]
        self._connections: list[_Connection] = []
        self._record = _Record(options.pid)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reopening: set[asyncio.Task[_Connection]] = set()
        self.broadcast = 0
        self.lost = 0
        self._said_at = 0.0
        self._missing = 0
        self._delivered = asyncio.Event()
        self._stormed = 0
        self.got: _Got = self._answered

    def fail(self, why: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(ConnectionError(why))

    def lose(self, connection: _Connection) -> None:
        self.lost += 1
        self._connections.remove(connection)
        task = asyncio.create_task(self._open(connection.role))
        self._reopening.add(task)
        task.add_done_callback(self._reopening.discard)

    async def run(self) -> dict[str, Any]:
        modes = {"echo": self._echo, "fanout": self._fanout, "storm": self._storm, "hold": self._hold}
        work = asyncio.create_task(modes[self._options.mode]())
        self._failed.add_done_callback(lambda _: work.cancel())
        try:
            result = await work
        except asyncio.CancelledError:
            self._failed.result()
            raise
        return {"connections": len(self._connections), "lost": self.lost, "blocked": False, **result}

    async def _open(self, role: _Role) -> _Connection:
        loop = asyncio.get_running_loop()
        port = next(self._ports)
        _, connection = await loop.create_connection(lambda: _Connection(self, role), "127.0.0.1", port)
        await connection.opened
        self._connections.append(connection)
        return connection

    async def _open_all(self, count: int, role: _Role) -> None:
        while count > 0:
            await asyncio.gather(*[self._open(role) for _ in range(min(count, _AT_ONCE))])
            count -= _AT_ONCE

    def _answered(self, connection: _Connection, payload: bytes) -> None:
        since = connection.sent.get(payload)
        if since is None:
            raise ConnectionError(f"this is no answer: {payload!r}")
        self._record.took(since)
        self._ask(connection, self._answers.index(payload))

    def _ask(self, connection: _Connection, number: int) -> None:
        connection.sent[self._answers[number]] = time.perf_counter()
        connection.write(self._asks[number])

    async def _echo(self) -> dict[str, Any]:
        options = self._options
        await self._open_all(options.connections, _Role.ASKER)
        for connection in self._connections:
            for number in range(options.in_flight):
                self._ask(connection, number)
        await asyncio.sleep(options.warm_up)
        self._record.begin()
        await asyncio.sleep(options.seconds)
        self._record.end()
        return self._record.result()

    def _listened(self, connection: _Connection, payload: bytes) -> None:
        speaks = connection.role is _Role.SPEAKER
        if payload != (self._done if speaks else self.said) or (connection.heard == self.broadcast and not speaks):
            raise ConnectionError(f"nobody said this: {payload!r}")
        connection.heard = self.broadcast
        if not speaks:
            self._record.took(self._said_at)
        self._missing -= 1
        if not self._missing:
            self._delivered.set()

    async def _say(self, speaker: _Connection, frame: bytes, listeners: int) -> None:
        self._missing = listeners + 1
        self._delivered.clear()
        self.broadcast += 1
        self._said_at = time.perf_counter()
        speaker.write(frame)
        async with asyncio.timeout(self._options.limit):
            await self._delivered.wait()

    async def _fanout(self) -> dict[str, Any]:
        options, self.got = self._options, self._listened
        listeners = options.connections - options.stalled
        say = framed(_TEXT, options.say.encode())
        blocked = False
        await self._open_all(options.stalled // 2, _Role.STALLED)
        speaker = await self._open(_Role.SPEAKER)
        try:
            for _ in range(options.prefill):
                await self._say(speaker, say, 0)
            await self._open_all(listeners, _Role.MEMBER)
            await self._open_all(options.stalled - options.stalled // 2, _Role.STALLED)
            until = time.perf_counter() + options.warm_up
            await self._say(speaker, say, listeners)
            while time.perf_counter() < until:
                await self._say(speaker, say, listeners)
            self._record.begin()
            until = time.perf_counter() + options.seconds
            while time.perf_counter() < until:
                await self._say(speaker, say, listeners)
        except TimeoutError:
            blocked = True
        self._record.end()
        return {**self._record.result(), "blocked": blocked}

    def _stormed_by(self, connection: _Connection, payload: bytes) -> None:
        if payload != self._answers[0]:
            raise ConnectionError(f"this is no answer: {payload!r}")
        self._record.took(connection.started)
        connection.heard = -1
        self._delivered.set()

    async def _storm(self) -> dict[str, Any]:
        options = self._options
        await self._open_all(options.warm_connections, _Role.ASKER)
        self.got = self._stormed_by
        self._record.begin()
        until = time.perf_counter() + options.seconds

        async def lane() -> None:
            while time.perf_counter() < until and len(self._record.samples) < options.connections:
                connection = await self._open(_Role.ASKER)
                connection.write(self._asks[0])
                while connection.heard != -1:
                    self._delivered.clear()
                    await self._delivered.wait()

        await asyncio.wait([asyncio.create_task(lane()) for _ in range(_AT_ONCE)])
        self._record.end()
        return self._record.result()

    async def _hold(self) -> dict[str, Any]:
        await self._open_all(self._options.warm_connections, _Role.ASKER)
        await self._told()
        self._record.begin()
        await self._open_all(self._options.connections, _Role.ASKER)
        self._record.end()
        await self._told()
        return self._record.result(self._options.connections)

    async def _told(self) -> None:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


class _Steps(argparse.Action):
    """Collects --open-send, --open-expect and so on in the order in which they are given."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        assert option is not None
        kind, _, what = option.removeprefix("--").partition("-")
        namespace.steps[kind].append(Sent(values) if what == "send" else Expected(values))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generator", description=__doc__)
    parser.add_argument("mode", choices=["echo", "fanout", "storm", "hold"])
    for name in ("port", "other-port", "pid", "connections", "in-flight", "warm-connections", "stalled", "prefill"):
        parser.add_argument(f"--{name}", type=int, default=0)
    for name in ("seconds", "warm-up", "limit"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    for name in ("request", "accept", "ping", "pong", "say", "said", "done"):
        parser.add_argument(f"--{name}", default="")
    for name in ("ask", "answer"):
        parser.add_argument(f"--{name}", action="append", default=[])
    for name in ("open-send", "open-expect", "join-send", "join-expect"):
        parser.add_argument(f"--{name}", action=_Steps)
    return parser.parse_args(arguments, argparse.Namespace(steps={"open": [], "join": []}))


async def _main(options: argparse.Namespace) -> dict[str, Any]:
    return await _Load(options, options.steps).run()


if __name__ == "__main__":
    _, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _most))
    try:
        print(json.dumps(asyncio.run(_main(_options(sys.argv[1:])))), flush=True)
    except ConnectionError as _error:
        sys.exit(f"load: {_error}")
    # Thousands of connections need no orderly end.
    os._exit(0)
