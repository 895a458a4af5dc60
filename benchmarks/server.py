"""A server in a process of its own, and what it spends."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from .machine import on_server_core

ROOT: Final = Path(__file__).parent.parent
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 10.0
_CPUCLOCK_SCHED: Final = 2
_PORTS: Final = range(15_000, 30_000)
"""Below those that the kernel gives to clients, which could take one before the server does."""


def free_port() -> int:
    """A port that nobody listens on."""
    for _ in range(100):
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("there is no free port")


class Server:
    """`with Server(name, command) as server:` runs `command(port)` on the server's core, and kills it in the end."""

    def __init__(self, name: str, command: Callable[[int], Sequence[str]]) -> None:
        self.name = name
        self.port = free_port()
        with on_server_core():
            # Some frameworks log each connection, and all of them the end of the load.
            self._process = subprocess.Popen(command(self.port), cwd=ROOT, stdout=subprocess.DEVNULL)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def __enter__(self) -> Server:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self._stop()
        raise RuntimeError(f"{self.name} did not start; above it says why")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        # Not to be waited for: some need half a minute for readers that have stalled.
        self._process.kill()
        self._process.wait(_STOP_SECONDS)

    def cpu_seconds(self) -> float:
        """The user and system time of all its threads, to the nanosecond; /proc/PID/stat has it in ticks of 10 ms."""
        # What clock_getcpuclockid(3) returns, which Python has for threads only.
        return time.clock_gettime((~self._process.pid << 3) | _CPUCLOCK_SCHED)

    def settle(self) -> None:
        """Waits until it has nothing left to do, like closing the connections of before."""
        deadline = time.monotonic() + _STOP_SECONDS
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.cpu_seconds()
            if now - before < 0.002:
                return
            before = now

    def memory_bytes(self) -> int:
        """Its resident memory."""
        for line in Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("this kernel does not tell the resident memory")
