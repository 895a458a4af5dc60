"""A uvicorn in a process of its own, and what it spends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from .machine import SERVER_CORE

_ROOT: Final = Path(__file__).parent.parent
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 10.0
_CPUCLOCK_SCHED: Final = 2


class Server:
    """`with Server("echo") as server:` serves `benchmarks.apps:echo` with uvicorn as it comes, on a free port."""

    def __init__(self, app: str) -> None:
        self.app = app
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", f"benchmarks.apps:{app}", "--port", str(self.port)]
        self._process = subprocess.Popen([*command, "--log-level", "error"], cwd=_ROOT)
        os.sched_setaffinity(self._process.pid, {SERVER_CORE})

    def __enter__(self) -> Server:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self
        self._stop()
        raise RuntimeError(f"benchmarks.apps:{self.app} did not start; uvicorn says above why")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_seconds(self) -> float:
        """The user and system time of all its threads, to the nanosecond; /proc/PID/stat has it in ticks of 10 ms."""
        # What clock_getcpuclockid(3) returns, which Python has for threads only.
        return time.clock_gettime((~self._process.pid << 3) | _CPUCLOCK_SCHED)

    def settle(self) -> None:
        """Waits until it has nothing left to do, like closing the connections of the round before."""
        deadline = time.monotonic() + _STOP_SECONDS
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.cpu_seconds()
            if now - before < 0.002:
                return
            before = now

    def memory_bytes(self) -> int:
        """Its proportional set size."""
        for line in Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("this kernel does not tell the proportional set size")
