"""Joining and leaving, with few rooms and with many."""

from __future__ import annotations

import asyncio
import time

from microsockets import RoomManager

from .report import Comparison

_SOCKETS = 20_000


class _Socket:
    __slots__ = ()


async def _churn(rooms: int) -> float:
    """Microseconds for one socket to join and leave a room, while `rooms` exist."""
    manager = RoomManager()
    keeper = _Socket()
    for number in range(rooms):
        await manager.join(f"room {number}", keeper)
    sockets = [_Socket() for _ in range(_SOCKETS)]
    started = time.process_time()
    for number, socket in enumerate(sockets):
        await manager.join(f"room {number % rooms}", socket)
        await manager.flush(socket)
    return (time.process_time() - started) / _SOCKETS * 1e6


def run(rounds: int, seconds: float) -> list[Comparison]:
    """Compares 100,000 rooms with 10. Twice is allowed, because the processor's caches hold 10 rooms only."""
    comparison = Comparison("join and leave, 100,000 rooms to 10", "us", 2.0)
    for _ in range(rounds):
        comparison.add(asyncio.run(_churn(10)), asyncio.run(_churn(100_000)))
    return [comparison]
