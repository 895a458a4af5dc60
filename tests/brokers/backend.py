"""Private broker servers, each on free ports of this machine and in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final

from microsockets.brokers import Broker, MemoryBroker, MemoryBus

LONGEST_START: Final = 20.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def program(name: str) -> str:
    """Where a server is. These tests are never left out silently: `scripts/test --without-brokers` leaves them out."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert path, f"there is no {name}: apt-get install redis-server nats-server"
    return path


async def until(reached: Callable[[], object], seconds: float = 20.0) -> float:
    """Waits for a condition, and returns how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return time.monotonic() - began


class Process:
    """A server's process, and its folder."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._folder = tempfile.TemporaryDirectory(prefix="broker-")
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    def begin(self) -> None:
        with (self.folder / "out").open("ab") as out:
            command = [program(self._command[0]), *self._command[1:]]
            self._running = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder)

    async def answers(self, port: int, question: bytes, *answers: bytes) -> None:
        """Waits until it does."""
        async with asyncio.timeout(LONGEST_START):
            while True:
                assert self._running is not None
                assert self._running.poll() is None, (self.folder / "out").read_text()
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                try:
                    writer.write(question)
                    if (await reader.read(4096)).startswith(answers):
                        return
                finally:
                    writer.close()
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            await asyncio.to_thread(self._running.wait)
            self._running = None

    async def end(self) -> None:
        await self.kill()
        self._folder.cleanup()

    def signal(self, number: signal.Signals) -> None:
        assert self._running is not None
        self._running.send_signal(number)


class Backend(ABC):
    """A private server, and brokers that talk to it."""

    name: str
    url: str = ""

    @abstractmethod
    async def start(self) -> None:
        """Starts it, and waits until it answers."""

    @abstractmethod
    async def stop(self) -> None:
        """Ends all that was started."""

    @abstractmethod
    def broker(self) -> Broker:
        """A broker that is not started."""

    @abstractmethod
    async def kill(self) -> None:
        """At once, without a word to anybody."""

    @abstractmethod
    async def restart(self) -> None:
        """At the same address, and waits until it answers."""

    @abstractmethod
    def freeze(self) -> None:
        """It stays connected and answers nothing."""

    @abstractmethod
    def thaw(self) -> None:
        """It goes on."""

    @abstractmethod
    async def cut(self) -> None:
        """It cuts the connections of those who are subscribed."""

    @abstractmethod
    async def inject(self, channel: str, data: bytes) -> None:
        """Publishes as a stranger would."""


class MemoryBackend(Backend):
    """A bus within the process, which can only be up or down."""

    name = "memory"

    def __init__(self) -> None:
        self.bus = MemoryBus()

    async def start(self) -> None:
        self.bus.is_up = True

    async def stop(self) -> None:
        self.bus.is_up = False

    def broker(self) -> Broker:
        return MemoryBroker(self.bus)

    async def kill(self) -> None:
        self.bus.is_up = False

    async def restart(self) -> None:
        self.bus.is_up = True

    def freeze(self) -> None:
        self.bus.is_up = False

    def thaw(self) -> None:
        self.bus.is_up = True

    async def cut(self) -> None:
        self.bus.is_up = False
        self.bus.is_up = True

    async def inject(self, channel: str, data: bytes) -> None:
        self.bus.pass_on(channel, data)
