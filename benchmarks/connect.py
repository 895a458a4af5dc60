"""Opening connections, from TCP to the answer of the handshake."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from .machine import prepare
from .meter import Meter, Sample
from .peer import Peer, connect
from .report import Comparison
from .server import Server

_AT_ONCE: Final = 50
_WARM_UP_SECONDS: Final = 0.2


async def _open(server: Server, seconds: float) -> Sample:
    opened: list[Peer] = []
    deadline = time.perf_counter() + seconds

    async def lane() -> None:
        while time.perf_counter() < deadline:
            opened.append(await connect(server.port))

    meter = Meter(server)
    await asyncio.gather(*[lane() for _ in range(_AT_ONCE)])
    sample = meter.sample(len(opened))
    for peer in opened:
        peer.abort()
    await asyncio.sleep(0)
    return sample


def compare(rounds: int, seconds: float) -> list[Comparison]:
    """Compares handshakes, 50 at once; nobody set a goal."""
    prepare()
    comparison = Comparison("handshake", "us", None)
    with Server("raw_echo") as raw, Server("echo") as ours:

        def drive(server: Server, seconds: float = seconds) -> Sample:
            sample = asyncio.run(_open(server, seconds))
            server.settle()
            return sample

        for server in (raw, ours):
            drive(server, _WARM_UP_SECONDS)
        comparison.measure(rounds, lambda: drive(raw), lambda: drive(ours))
    return [comparison]
