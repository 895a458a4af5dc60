"""`python -m benchmarks echo`, or another of them, or `all`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import connect, echo, fanout, hold, refuse, rooms
from .machine import SHARED
from .report import Comparison, save, show

Compare = Callable[[int, float], list[Comparison]]

BENCHMARKS: dict[str, Compare] = {
    "echo": echo.compare,
    "fanout": fanout.compare,
    "connect": connect.compare,
    "hold": hold.compare,
    "rooms": rooms.compare,
    "refuse": refuse.compare,
}


@click.group()
def main() -> None:
    """What microsockets costs, beside a raw ASGI application on the same server in the same run."""


def _command(name: str, summary: str | None, chosen: list[Compare]) -> click.Command:
    def run(rounds: int, seconds: float, path: Path | None) -> None:
        comparisons: list[Comparison] = []
        for compare in chosen:
            comparisons += compare(rounds, seconds)
        show(comparisons)
        if SHARED:
            print("This machine has one core: server and load shared it.")
        if path is not None:
            save(comparisons, path)

    options: list[click.Parameter] = [
        click.Option(["--rounds"], default=5, show_default=True, help="Rounds, of which the median counts."),
        click.Option(["--seconds"], default=1.0, show_default=True, help="How long to measure in each round."),
        click.Option(["--json", "path"], type=click.Path(dir_okay=False, path_type=Path), help="Write all figures."),
    ]
    callback: Callable[..., Any] = run
    return click.Command(name, callback=callback, params=options, help=summary)


for _name, _compare in BENCHMARKS.items():
    main.add_command(_command(_name, _compare.__doc__, [_compare]))
main.add_command(_command("all", "All of them, one after another.", list(BENCHMARKS.values())))

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
