"""What one round cost: operations, and the time they took the server, the load and the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .server import Server


@dataclass(frozen=True)
class Sample:
    """One round of one application."""

    cost: float
    """Per operation, in the unit of the comparison: mostly microseconds of the server's processor time."""
    per_second: float | None = None
    """Operations per second of the clock."""
    load: float | None = None
    """The share of a core that the load generator used."""


class Meter:
    """Started when made; `sample(operations)` ends it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._started = time.perf_counter()
        self._own = time.process_time()
        self._cpu = server.cpu_seconds()

    def sample(self, operations: int) -> Sample:
        """What it took since the start, for each operation. Raises `RuntimeError` if there was none."""
        spent = self._server.cpu_seconds() - self._cpu
        seconds = time.perf_counter() - self._started
        own = time.process_time() - self._own
        if not operations:
            raise RuntimeError(f"benchmarks.apps:{self._server.app} did nothing in {seconds:.1f} s")
        return Sample(spent / operations * 1e6, operations / seconds, own / seconds)
