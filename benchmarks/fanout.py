"""One broadcast after another to the 1,000 members of a room."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from .machine import prepare
from .meter import Meter, Sample
from .peer import Peer, connect, connect_many, masked
from .report import Comparison
from .server import Server

_MEMBERS: Final = 1000
_JOIN: Final = masked(b'{"event":"join","id":1,"payload":"lobby"}')
_SAY: Final = masked(b'{"event":"say","id":2,"payload":{"text":"hello to everybody","n":1}}')
_SECONDS: Final = 30


class _Crowd:
    """The members, who count, and one more, who says something and waits until all have it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._missing = 0
        self._all_there = asyncio.Event()
        self._speaker: Peer | None = None

    async def enter(self) -> None:
        members = await connect_many(self._server.port, _MEMBERS, self._count)
        for member in members:
            await member.ask(_JOIN)
            member.forget_size()
        self._speaker = await connect(self._server.port, self._count)
        for _ in range(3):
            await self._broadcast()
        self._server.settle()

    async def measure(self, seconds: float) -> Sample:
        broadcasts, deadline = 0, time.perf_counter() + seconds
        meter = Meter(self._server)
        while time.perf_counter() < deadline:
            await self._broadcast()
            broadcasts += 1
        return meter.sample(broadcasts * _MEMBERS)

    def _count(self, peer: Peer, frames: int) -> None:
        self._missing -= frames
        if not self._missing:
            self._all_there.set()

    async def _broadcast(self) -> None:
        assert self._speaker is not None
        self._missing = _MEMBERS + 1
        self._all_there.clear()
        self._speaker.send(_SAY)
        await asyncio.wait_for(self._all_there.wait(), _SECONDS)


def compare(rounds: int, seconds: float) -> list[Comparison]:
    """Compares broadcasts to 1,000 members; an operation is one delivery."""
    prepare()
    comparison = Comparison(f"broadcast to {_MEMBERS:,}, a delivery", "us", 1.4)
    with Server("raw_fanout") as raw, Server("fanout") as ours, asyncio.Runner() as runner:

        async def gather(server: Server) -> _Crowd:
            crowd = _Crowd(server)
            await crowd.enter()
            return crowd

        raw_crowd, our_crowd = runner.run(gather(raw)), runner.run(gather(ours))
        comparison.measure(
            rounds,
            lambda: runner.run(raw_crowd.measure(seconds)),
            lambda: runner.run(our_crowd.measure(seconds)),
        )
    return [comparison]
