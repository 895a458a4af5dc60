"""A uvicorn in a process of its own, and what it spends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parent.parent
_START_SECONDS = 20.0


def cores() -> tuple[set[int], set[int]]:
    """The core for the server and the one for the load; the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, {available[-1]}


class Server:
    """`with Server("echo") as server:` serves `benchmarks.apps:echo` as uvicorn comes, on a free port."""

    def __init__(self, app: str) -> None:
        self.app = app
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", f"benchmarks.apps:{app}", "--port", str(self.port)]
        self._process = subprocess.Popen([*command, "--log-level", "error"], cwd=ROOT)
        os.sched_setaffinity(self._process.pid, cores()[0])

    def __enter__(self) -> Server:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._process.kill()
                    raise RuntimeError(f"benchmarks.apps:{self.app} did not start; see its output above") from None
                time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_seconds(self) -> float:
        """The time its process has spent on a core, from the scheduler's own count in nanoseconds."""
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0]) / 1e9

    def memory_bytes(self) -> int:
        """Its proportional set size."""
        for line in Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("this kernel does not tell the proportional set size")
