"""One broadcast to 1,000 members."""

from __future__ import annotations

import asyncio

from .peer import Peer, connect, connect_many, masked
from .report import Comparison
from .server import Server

_GO = masked(b'{"event":"go","id":1}')


async def _drive(server: Server, members: int, broadcasts: int) -> float:
    """Server microseconds per delivery."""
    received = 0
    wanted = 0
    everybody = asyncio.Event()

    def count(peer: Peer, frames: int) -> None:
        nonlocal received
        received += frames
        if received >= wanted:
            everybody.set()

    peers = await connect_many(server.port, members, count)
    starter = await connect(server.port, count)
    cpu = 0.0
    for number in range(broadcasts + 1):
        if number == 1:
            cpu = server.cpu_seconds()
        everybody.clear()
        wanted = received + members + 1
        starter.send(_GO)
        await asyncio.wait_for(everybody.wait(), 30)
    spent = server.cpu_seconds() - cpu
    for peer in [*peers, starter]:
        peer.abort()
    await asyncio.sleep(0.5)
    return spent / (members * broadcasts) * 1e6


def run(rounds: int, seconds: float) -> list[Comparison]:
    """Compares broadcasts to 1,000; `seconds` scales how many."""
    comparison = Comparison("broadcast to 1,000", "us/delivery", 1.4)
    broadcasts = max(5, int(20 * seconds))
    with Server("raw_fanout") as raw, Server("fanout") as ours:
        for _ in range(rounds):
            raw_cost = asyncio.run(_drive(raw, 1000, broadcasts))
            comparison.add(raw_cost, asyncio.run(_drive(ours, 1000, broadcasts)))
    return [comparison]
