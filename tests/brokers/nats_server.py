"""A private nats-server, and brokers that talk to it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from microsockets.brokers import Broker
from microsockets.brokers.nats import NatsBroker

from tests.brokers.backend import Backend, Process, free_port

_LONGEST_RELOAD: Final = 10.0


class NatsServer:
    """A server of its own on a free port of this machine, with a folder of its own. `more` is added to its
    configuration."""

    def __init__(self, more: str = "") -> None:
        self.port = free_port()
        self.more = more
        self.process = Process("nats-server", "-c", "conf")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def folder(self) -> Path:
        return self.process.folder

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def configure(self, more: str) -> None:
        (self.folder / "conf").write_text(
            f"listen: 127.0.0.1:{self.port}\nlog_file: {str(self.folder / 'log')!r}\nlogtime: false\n{more}\n"
        )

    async def start(self) -> None:
        """Starts it, and waits until it answers."""
        self.configure(self.more)
        self.process.begin()
        await self.process.answers(self.port, b"", b"INFO")

    async def kill(self) -> None:
        await self.process.kill()

    async def stop(self) -> None:
        await self.process.end()

    def signal(self, number: signal.Signals) -> None:
        self.process.signal(number)

    async def reload(self, more: str) -> None:
        """Changes what was added to its configuration, and waits until it is in force."""
        before = self.log.count("Reloaded server configuration")
        self.configure(more)
        self.signal(signal.SIGHUP)
        async with asyncio.timeout(_LONGEST_RELOAD):
            # It tells nobody but its log.
            while self.log.count("Reloaded server configuration") == before:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def stranger(port: int, **login: Any) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of somebody who speaks the protocol by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert (await reader.readline()).startswith(b"INFO")
        writer.write(b"CONNECT " + json.dumps({"verbose": False, **login}).encode() + b"\r\n")
        yield reader, writer
        writer.write(b"PING\r\n")
        async with asyncio.timeout(10):
            while (line := await reader.readline()) != b"PONG\r\n":
                assert line.startswith((b"+OK", b"PING", b"INFO", b"MSG")), line
    finally:
        writer.close()


class NatsBackend(Backend):
    """One server, and brokers without a login."""

    name = "nats"

    def __init__(self) -> None:
        self.server = NatsServer()
        self.url = self.server.url

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    def broker(self) -> Broker:
        return NatsBroker(self.server.url)

    async def kill(self) -> None:
        await self.server.kill()

    async def restart(self) -> None:
        await self.server.start()

    def freeze(self) -> None:
        self.server.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.server.signal(signal.SIGCONT)

    async def cut(self) -> None:
        # The server drops clients without a login the moment it asks for one.
        await self.server.reload("authorization { token: 'none of them has it' }")
        await self.server.reload("")

    async def inject(self, channel: str, data: bytes) -> None:
        async with stranger(self.server.port) as (_, writer):
            writer.write(b"PUB %b %d\r\n%b\r\n" % (channel.encode(), len(data), data))
