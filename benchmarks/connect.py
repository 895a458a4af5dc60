"""Opening connections, and holding them idle."""

from __future__ import annotations

import asyncio

from .peer import Peer, connect_many
from .report import Comparison
from .server import Server

_HELD = 2000


def _ignore(peer: Peer, frames: int) -> None:
    pass


async def _open(server: Server, connections: int) -> tuple[float, float]:
    """Server microseconds per connection opened, and bytes per connection held."""
    memory, cpu = server.memory_bytes(), server.cpu_seconds()
    peers = await connect_many(server.port, connections, _ignore)
    await asyncio.sleep(1)
    costs = (server.cpu_seconds() - cpu) / connections * 1e6, (server.memory_bytes() - memory) / connections
    for peer in peers:
        peer.abort()
    await asyncio.sleep(1)
    return costs


def run_connect(rounds: int, seconds: float) -> list[Comparison]:
    """Compares what opening a connection costs; there is no goal for it, so the bound is generous."""
    comparison = Comparison("opening a connection", "us of server", 1.5)
    connections = max(200, int(500 * seconds))
    with Server("raw_echo") as raw, Server("echo") as ours:
        for _ in range(rounds):
            comparison.add(asyncio.run(_open(raw, connections))[0], asyncio.run(_open(ours, connections))[0])
    return [comparison]


def run_hold(rounds: int, seconds: float) -> list[Comparison]:
    """Compares the memory of an idle connection. Servers are fresh in each round, since freed memory is used again."""
    comparison = Comparison("idle connection", "KB", 8.0, adds=True)
    for _ in range(rounds):
        figures: list[float] = []
        for app in ("raw_echo", "echo"):
            with Server(app) as server:
                asyncio.run(_open(server, 50))
                figures.append(asyncio.run(_open(server, _HELD))[1] / 1024)
        comparison.add(*figures)
    return [comparison]
