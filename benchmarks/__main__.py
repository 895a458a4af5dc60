"""`python -m benchmarks compare`, `python -m benchmarks echo` and so on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import overhead, pages, refuse, rooms, tables
from .cluster import compare as compare_clusters
from .compare import compare
from .compiler import find_compiler
from .contenders import CONTENDERS
from .machine import SHARED
from .report import Comparison, save, show
from .results import load as load_results
from .results import save as save_results
from .workloads import WORKLOADS

Compare = Callable[[int, float], list[Comparison]]

BENCHMARKS: dict[str, Compare] = {
    "echo": overhead.echo,
    "fanout": overhead.fanout,
    "connect": overhead.connect,
    "hold": overhead.hold,
    "rooms": rooms.compare,
    "refuse": refuse.compare,
}
NAMES = [*(contender.name for contender in CONTENDERS), *(workload.name for workload in WORKLOADS)]
DOCUMENTATION = Path("docs/benchmarks")


def _rounds(seconds: float) -> list[click.Parameter]:
    return [
        click.Option(["--rounds"], default=5, show_default=True, help="Rounds, of which the median counts."),
        click.Option(["--seconds"], default=seconds, show_default=True, help="How long to measure in each round."),
        click.Option(["--json", "path"], type=click.Path(dir_okay=False, path_type=Path), help="Write all figures."),
    ]


@click.group()
def main() -> None:
    """How fast microsockets is: beside its peers, and beside a raw ASGI application on the same server."""


def _compare(rounds: int, seconds: float, path: Path | None, only: tuple[str, ...]) -> None:
    contenders = [each for each in CONTENDERS if each.name in only]
    workloads = [each for each in WORKLOADS if each.name in only]
    results = compare(contenders or CONTENDERS, workloads or WORKLOADS, rounds, seconds)
    if path is not None:
        save_results(results, path)
    for workload in results.workloads:
        print(tables.detail(results, workload).terminal(), end="\n\n")
    print(tables.goals(results).terminal())
    for warning in tables.warnings(results):
        print(warning)


main.add_command(
    click.Command(
        "compare",
        callback=_compare,
        params=[
            *_rounds(2.0),
            click.Option(
                ["--only"],
                multiple=True,
                type=click.Choice(NAMES),
                metavar="NAME",
                help=f"A server or a workload, any number of times: {', '.join(NAMES)}.",
            ),
        ],
        help="Ours and its peers, in the same run and under the same load.",
    )
)


@main.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", default=DOCUMENTATION, show_default=True, type=click.Path(file_okay=False, path_type=Path))
def report(path: Path, to: Path) -> None:
    """Makes the tables and the chart of the documentation from the JSON of `compare`."""
    for written in pages.write(load_results(path), to):
        print(written)


@main.command()
@click.option("--rounds", default=5, show_default=True, help="Rounds, of which the median counts.")
def console(rounds: int) -> None:
    """How long the contract and the console of 500 events and 300 models take."""
    # Playwright is among the tools for tests, and not among those for the other benchmarks.
    from .console import measure

    for what, milliseconds in measure(rounds).items():
        print(f"{what:<34} {milliseconds:>7.0f} ms")


@main.command()
@click.option("--rounds", default=5, show_default=True, help="Rounds, of which the median counts.")
@click.option("--seconds", default=2.0, show_default=True, help="How long to measure in each round.")
def cluster(rounds: int, seconds: float) -> None:
    """Two processes with Redis between them, beside python-socketio and Django Channels."""
    compare_clusters(rounds, seconds)


def _command(name: str, summary: str | None, chosen: list[Compare]) -> click.Command:
    def run(rounds: int, seconds: float, path: Path | None) -> None:
        comparisons: list[Comparison] = []
        for function in chosen:
            comparisons += function(rounds, seconds)
        show(comparisons)
        if SHARED:
            print("This machine has one core: server and load shared it.")
        if find_compiler() is None:
            print(tables.NO_COMPILER)
        if path is not None:
            save(comparisons, path)

    callback: Callable[..., Any] = run
    return click.Command(name, callback=callback, params=_rounds(1.0), help=summary)


for _name, _function in BENCHMARKS.items():
    main.add_command(_command(_name, _function.__doc__, [_function]))
main.add_command(_command("all", "All of these beside raw ASGI.", list(BENCHMARKS.values())))

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
