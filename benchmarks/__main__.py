"""`python -m benchmarks echo`, or another of them, or `all`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click

from . import connect, echo, fanout, refuse, rooms
from .report import Comparison, save, show
from .server import cores

BENCHMARKS: dict[str, Callable[[int, float], list[Comparison]]] = {
    "echo": echo.run,
    "fanout": fanout.run,
    "connect": connect.run_connect,
    "hold": connect.run_hold,
    "rooms": rooms.run,
    "refuse": refuse.run,
}


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice([*BENCHMARKS, "all"]), metavar="NAME...")
@click.option("--rounds", default=5, show_default=True, help="Rounds, of which the median counts.")
@click.option("--seconds", default=1.5, show_default=True, help="How long to measure in each round.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures to a file.")
def main(names: tuple[str, ...], rounds: int, seconds: float, path: Path | None) -> None:
    """Measures ours and a raw ASGI application: echo, fanout, connect, hold, rooms, refuse, or all."""
    os.sched_setaffinity(0, cores()[1])
    chosen = list(BENCHMARKS) if "all" in names else list(dict.fromkeys(names))
    comparisons: list[Comparison] = []
    for name in chosen:
        comparisons += BENCHMARKS[name](rounds, seconds)
    show(comparisons)
    if path is not None:
        save(comparisons, path)


main()
