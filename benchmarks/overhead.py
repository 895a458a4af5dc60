"""What the framework costs the server's processor: ours beside raw ASGI, both on uvicorn as it comes."""

from __future__ import annotations

from functools import partial
from typing import Final

from .contenders import by_name
from .load import find_generator
from .machine import prepare
from .report import Comparison
from .sample import Sample
from .workloads import WORKLOADS

_RAW: Final = "asgi"
_OURS: Final = "microsockets-uvicorn"


def _compare(name: str, what: str, goal: float | None, rounds: int, seconds: float) -> Comparison:
    """Compares the server's processor time for each operation, or with `memory` what an idle connection takes."""
    prepare()
    generator = find_generator()
    raw, ours = by_name([_RAW]) + by_name([_OURS])
    workload = next(each for each in WORKLOADS if each.name == name)
    adds = not workload.rises
    comparison = Comparison(what, workload.unit if adds else "us", goal, adds=adds)

    def drive(index: int) -> Sample:
        measured = workload.measure(generator, (raw, ours)[index], seconds)
        if adds:
            return Sample(measured.value)
        figures = measured.figures
        return Sample(figures["each_us"], figures["per_second"], figures["load_share"])

    comparison.measure(rounds, partial(drive, 0), partial(drive, 1))
    return comparison


def echo(rounds: int, seconds: float) -> list[Comparison]:
    """Compares one connection with one echo in flight, and 50 with 4 each."""
    return [
        _compare("echo-1", "echo, 1 x 1 in flight", 1.25, rounds, seconds),
        _compare("echo-50", "echo, 50 x 4 in flight", 1.25, rounds, seconds),
    ]


def fanout(rounds: int, seconds: float) -> list[Comparison]:
    """Compares broadcasts to 1,000 members; an operation is one delivery."""
    return [_compare("fanout-1000", "broadcast to 1,000, a delivery", 1.4, rounds, seconds)]


def connect(rounds: int, seconds: float) -> list[Comparison]:
    """Compares connections, 50 at once, up to their first answer; nobody set a goal."""
    return [_compare("storm", "connection", None, rounds, seconds)]


def hold(rounds: int, seconds: float) -> list[Comparison]:
    """Compares the memory of idle connections."""
    return [_compare("memory", "idle connection", 8.0, rounds, seconds)]
