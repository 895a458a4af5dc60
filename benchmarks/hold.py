"""The memory of idle connections."""

from __future__ import annotations

import asyncio
from typing import Final

from .machine import prepare
from .meter import Sample
from .peer import connect_many
from .report import Comparison
from .server import Server

_HELD: Final = 2000
_WARM_UP: Final = 100
_MOST_ROUNDS: Final = 3
_KB: Final = 1024


async def _hold(server: Server) -> float:
    """Bytes for each connection."""
    warm = await connect_many(server.port, _WARM_UP)
    server.settle()
    before = server.memory_bytes()
    peers = await connect_many(server.port, _HELD)
    server.settle()
    held = server.memory_bytes() - before
    for peer in [*warm, *peers]:
        peer.abort()
    await asyncio.sleep(0)
    return held / _HELD


def compare(rounds: int, seconds: float) -> list[Comparison]:
    """Compares the memory of 2,000 idle connections (at most 3 rounds; each starts its servers afresh)."""
    prepare()
    comparison = Comparison("idle connection", "KB", 8.0, adds=True)

    def measure(app: str) -> Sample:
        # A fresh server, because memory that was freed is used again.
        with Server(app) as server:
            return Sample(asyncio.run(_hold(server)) / _KB)

    comparison.measure(min(rounds, _MOST_ROUNDS), lambda: measure("raw_echo"), lambda: measure("echo"))
    return [comparison]
