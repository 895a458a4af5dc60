"""A validated, acknowledged echo."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from .machine import prepare
from .meter import Meter, Sample
from .peer import Peer, connect_many, masked
from .report import Comparison
from .server import Server

_FRAME: Final = b'{"event":"echo","id":%d,"payload":{"text":"hello world","n":42}}'
_SHAPES: Final = ((1, 1), (50, 4))
_WARM_UP_SECONDS: Final = 0.2


async def _drive(server: Server, connections: int, in_flight: int, seconds: float) -> Sample:
    frames = [masked(_FRAME % number) for number in range(in_flight)]
    answered = 0

    def again(peer: Peer, count: int) -> None:
        # Answers come in order, so the ids they free do too. One write each: a client does not wait to send several.
        nonlocal answered
        answered += count
        for _ in range(count):
            peer.send(frames[peer.sent % in_flight])
            peer.sent += 1

    peers = await connect_many(server.port, connections, again)
    for peer in peers:
        answer = await peer.ask(frames[0])
        if answer != {"ack": 0, "payload": {"text": "hello world", "n": 42}}:
            raise RuntimeError(f"benchmarks.apps:{server.app} answered {answer}")
    for peer in peers:
        for frame in frames:
            peer.send(frame)
    await asyncio.sleep(_WARM_UP_SECONDS)
    meter, before = Meter(server), answered
    await asyncio.sleep(seconds)
    sample = meter.sample(answered - before)
    for peer in peers:
        peer.abort()
    await asyncio.sleep(_WARM_UP_SECONDS)
    return sample


def compare(rounds: int, seconds: float) -> list[Comparison]:
    """Compares one connection with one echo in flight, and 50 with 4 each."""
    prepare()
    results: list[Comparison] = []
    with Server("raw_echo") as raw, Server("echo") as ours:
        for connections, in_flight in _SHAPES:
            comparison = Comparison(f"echo, {connections} x {in_flight} in flight", "us", 1.25)

            def drive(server: Server, connections: int = connections, in_flight: int = in_flight) -> Sample:
                return asyncio.run(_drive(server, connections, in_flight, seconds))

            comparison.measure(rounds, partial(drive, raw), partial(drive, ours))
            results.append(comparison)
    return results
