"""What is measured of each server. A fresh one for each measurement: memory that was freed is used again, for one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from .contenders import Contender
from .dialects import Payload
from .load import Figures, Generator, Plan, run
from .messages import LONG, SAID
from .rehearsal import rehearse
from .server import Server

_KB: Final = 1024
_WARM_CONNECTIONS: Final = 200
_STORM: Final = 10_000
_HELD: Final = 2_500
_MEMBERS: Final = 1_000
_STALLED: Final = 10
_PREFILL: Final = 800
"""Of 4 KB: more than all buffers between a server and a reader hold."""
_STALL_LIMIT: Final = 5.0


@dataclass(frozen=True)
class Measured:
    """One figure, and those behind it. It is infinite where the server let the others wait for ever."""

    value: float
    figures: dict[str, Any]


Measure = Callable[[Generator, Contender, float], Measured]


@dataclass(frozen=True)
class Workload:
    """One kind of load."""

    name: str
    title: str
    unit: str
    measure: Measure
    """Takes one figure, in about so many seconds."""
    rises: bool = True
    """Higher is better."""
    columns: tuple[str, ...] = ("each", "p99", "server", "load")
    """What tables tell beside the figure."""
    charted: bool = False


def take(
    generator: Generator,
    contender: Contender,
    plan: Plan,
    *,
    payload: Payload = SAID,
    ready: Callable[[Server], None] = lambda server: None,
) -> Figures:
    """Starts a server, checks that it does what it should, and puts a load on it."""
    with Server(contender.label, contender.command) as server:
        script = rehearse(server, contender, in_flight=plan.in_flight, payload=payload)
        return run(generator, plan, server, contender.dialect, script, ready=lambda: ready(server))


def measured(figures: Figures) -> Measured:
    """Operations per second."""
    return Measured(figures.per_second, _record(figures))


def _record(figures: Figures) -> dict[str, Any]:
    return {
        **vars(figures),
        "per_second": figures.per_second,
        "load_share": figures.load_share,
        "server_share": figures.server_share,
        "each_us": figures.server_cpu_seconds / figures.operations * 1e6 if figures.operations else 0.0,
    }


def _warm_up(seconds: float) -> float:
    return min(0.5, seconds)


def _echo(connections: int, in_flight: int, generator: Generator, contender: Contender, seconds: float) -> Measured:
    plan = Plan("echo", connections, in_flight, seconds, warm_up=_warm_up(seconds))
    return measured(take(generator, contender, plan))


def _delivered(generator: Generator, contender: Contender, plan: Plan, payload: Payload = SAID) -> Figures:
    figures = take(generator, contender, plan, payload=payload)
    if figures.blocked:
        raise RuntimeError(f"{contender.label} did not deliver to {plan.connections} members in {plan.limit:.0f} s")
    return figures


def _fanout(members: int, generator: Generator, contender: Contender, seconds: float) -> Measured:
    plan = Plan("fanout", members, seconds=seconds, warm_up=_warm_up(seconds))
    return measured(_delivered(generator, contender, plan))


def _storm(generator: Generator, contender: Contender, seconds: float) -> Measured:
    plan = Plan("storm", _STORM, seconds=seconds, warm_connections=_WARM_CONNECTIONS)
    return measured(take(generator, contender, plan))


def hold(generator: Generator, contender: Contender, _seconds: float = 0.0) -> Measured:
    """KB of resident memory for each idle connection."""
    sizes: list[int] = []

    def look(server: Server) -> None:
        server.settle()
        sizes.append(server.memory_bytes())

    plan = Plan("hold", _HELD, warm_connections=_WARM_CONNECTIONS)
    figures = take(generator, contender, plan, ready=look)
    before, after = sizes
    return Measured((after - before) / _HELD / _KB, _record(figures))


def _stall(generator: Generator, contender: Contender, seconds: float) -> Measured:
    plan = Plan("fanout", _MEMBERS - _STALLED, seconds=seconds, warm_up=_warm_up(seconds), limit=_STALL_LIMIT)
    without = _delivered(generator, contender, plan, LONG)
    plan = Plan(
        "fanout",
        _MEMBERS,
        seconds=seconds,
        warm_up=_warm_up(seconds),
        stalled=_STALLED,
        prefill=_PREFILL,
        limit=_STALL_LIMIT,
    )
    stalled = take(generator, contender, plan, payload=LONG)
    ratio = math.inf if stalled.blocked else stalled.p99_us / without.p99_us
    return Measured(ratio, {**_record(stalled), "without_p99_us": without.p99_us})


WORKLOADS: Final[tuple[Workload, ...]] = (
    Workload("echo-1", "Echo, 1 connection, 1 in flight", "echoes/s", partial(_echo, 1, 1)),
    Workload("echo-50", "Echo, 50 connections, 4 in flight each", "echoes/s", partial(_echo, 50, 4), charted=True),
    Workload("fanout-100", "Fan-out to 100 members", "deliveries/s", partial(_fanout, 100)),
    Workload("fanout-1000", "Fan-out to 1,000 members", "deliveries/s", partial(_fanout, 1_000), charted=True),
    Workload("fanout-5000", "Fan-out to 5,000 members", "deliveries/s", partial(_fanout, 5_000)),
    Workload("storm", "Connection storm", "connections/s", _storm, charted=True),
    Workload("memory", "Memory of an idle connection", "KB", hold, rises=False, columns=(), charted=True),
    Workload(
        "stalled",
        "p99 of the others while 1 % of 1,000 readers stall",
        "x without",
        _stall,
        rises=False,
        columns=("p99", "without", "lost", "server", "load"),
    ),
)
