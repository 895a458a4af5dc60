"""Joining and leaving, with few rooms and with many. In-process: what is measured is the framework alone."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, Final

from microsockets import Application, Namespace, RoomManager, Socket
from microsockets.rooms import Room
from microsockets.testing import Client

from .machine import prepare
from .report import Comparison
from .sample import Sample

_FEW: Final = 10
_MANY: Final = (1_000, 100_000)
_PATH: Final = "/"
_CALLS: Final = 500


class _Resident:
    """Keeps a room in existence; it is told nothing."""

    __slots__ = ()


class _Visits(Namespace, path=_PATH):
    async def on_visit(self, ws: Socket, rooms: int) -> tuple[float, int]:
        """Joins and leaves ten of so many rooms, for as long as one turn should be; processor seconds and visits."""
        names = [f"room {number * (rooms // _FEW)}" for number in range(_FEW)]
        started = time.process_time()
        for _ in range(_CALLS):
            for name in names:
                await ws.join(name)
                await ws.leave(name)
        return time.process_time() - started, _CALLS * _FEW


def _furnished(rooms: int) -> RoomManager:
    manager = RoomManager()
    resident = _Resident()
    for number in range(rooms):
        manager.membership.join(Room(_PATH, f"room {number}"), resident)
    return manager


async def _churn(rooms: int, seconds: float, manager: RoomManager) -> Sample:
    spent, visits, deadline = 0.0, 0, time.perf_counter() + seconds
    async with Client(Application(_Visits, room_manager=manager)) as client:
        visitor = await client.connect(_PATH)
        while time.perf_counter() < deadline or not visits:
            answer: Any = await visitor.request("visit", rooms)
            spent += answer[0]
            visits += answer[1]
    return Sample(spent / visits * 1e6, visits / spent)


def compare(rounds: int, seconds: float) -> list[Comparison]:
    """Compares joining and leaving a room when 1,000 or 100,000 exist with the same when 10 do."""
    prepare()
    few = _furnished(_FEW)
    results: list[Comparison] = []
    for rooms in _MANY:
        many = _furnished(rooms)
        comparison = Comparison(f"join and leave, {rooms:,} rooms to {_FEW}", "us", 1.15)

        def drive(rooms: int, manager: RoomManager) -> Sample:
            return asyncio.run(_churn(rooms, seconds, manager))

        comparison.measure(
            rounds,
            partial(drive, _FEW, few),
            partial(drive, rooms, many),
        )
        results.append(comparison)
    return results
