"""A validated, acknowledged echo."""

from __future__ import annotations

import asyncio
import os
import time

from .peer import Peer, connect_many, masked
from .report import Comparison
from .server import Server

_FRAME = b'{"event":"echo","id":%d,"payload":{"text":"hello world","n":42}}'


async def _drive(server: Server, connections: int, in_flight: int, seconds: float) -> tuple[float, float]:
    """Server microseconds per echo, and the share of a core that the load itself took."""
    frames = [masked(_FRAME % number) for number in range(in_flight)]
    answered = 0
    stopping = False

    def again(peer: Peer, count: int) -> None:
        nonlocal answered
        answered += count
        if not stopping:
            for number in range(count):
                peer.send(frames[number % in_flight])

    peers = await connect_many(server.port, connections, again)
    for peer in peers:
        for frame in frames:
            peer.send(frame)
    await asyncio.sleep(0.2)
    before, started, cpu, load = answered, time.perf_counter(), server.cpu_seconds(), time.process_time()
    await asyncio.sleep(seconds)
    spent, echoes = server.cpu_seconds() - cpu, answered - before
    share = (time.process_time() - load) / (time.perf_counter() - started)
    stopping = True
    for peer in peers:
        peer.abort()
    return spent / echoes * 1e6, share


def run(rounds: int, seconds: float) -> list[Comparison]:
    """Compares one connection with one echo in flight, and 50 with 4 each."""
    results: list[Comparison] = []
    with Server("raw_echo") as raw, Server("echo") as ours:
        for connections, in_flight in ((1, 1), (50, 4)):
            comparison = Comparison(f"echo, {connections} x {in_flight} in flight", "us of server", 1.25)
            shares: list[float] = []
            for _ in range(rounds):
                raw_cost, _share = asyncio.run(_drive(raw, connections, in_flight, seconds))
                cost, share = asyncio.run(_drive(ours, connections, in_flight, seconds))
                comparison.add(raw_cost, cost)
                shares.append(share)
            comparison.note = f"load took {max(shares):.0%} of a core" + (" (shared)" if os.cpu_count() == 1 else "")
            results.append(comparison)
    return results
