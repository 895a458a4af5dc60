"""The results as tables, for a terminal and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .goals import GOALS
from .results import Results, Server
from .workloads import Workload

NO_COMPILER: Final = "There is no C compiler: the load generator in Python is slower than the faster servers."
_BUSY: Final = 0.03


@dataclass(frozen=True)
class Table:
    """A heading, the names of the columns, and rows of as many cells."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def terminal(self) -> str:
        """Aligned with spaces."""
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [self.title]
        for first, *others in lines:
            cells = [
                first.ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
            ]
            text.append("  ".join(cells).rstrip())
        return "\n".join(text)

    def markdown(self) -> str:
        """With numbers to the right."""
        rule = ["---", *("---:" for _ in self.head[1:])]
        return "\n".join("| " + " | ".join(row) + " |" for row in [self.head, rule, *self.rows])


def number(value: float | None) -> str:
    """With three digits that count, or all of them."""
    if value is None:
        return ""
    if value == math.inf:
        return "never"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def overview(results: Results) -> Table:
    """Every server's figure under every load."""
    head = ["", *(f"{workload.title} ({workload.unit})" for workload in results.workloads)]
    rows = [
        [server.label, *(_value(results, server.name, workload) for workload in results.workloads)]
        for server in results.servers
    ]
    return Table("Medians", head, rows)


def goals(results: Results) -> Table:
    """What was to be reached."""
    labels = {server.name: server.label for server in results.servers}
    rows: list[list[str]] = []
    for goal in GOALS:
        workload = next((each for each in results.workloads if each.name == goal.workload), None)
        if workload is None:
            continue
        peer = "" if goal.peer is None else f", beside {labels.get(goal.peer, goal.peer)}"
        unit = f" {workload.unit}" if goal.peer is None else "x"
        bound = "at most" if goal.falls else "at least"
        reached = goal.result(results)
        cheaper = None if goal.peer is None else results.cheaper(goal.workload, goal.peer)
        rows.append(
            [
                f"{workload.title}{peer}",
                f"{bound} {goal.at_least:g}{unit}",
                f"{goal.aim:g}{unit}",
                "" if reached is None else f"{number(reached)}{unit}",
                "" if cheaper is None else f"{number(cheaper)}x",
                goal.verdict(results),
            ]
        )
    return Table("Goals", ["", "goal", "aim", "reached", "by CPU time", ""], rows)


def detail(results: Results, workload: Workload) -> Table:
    """All servers under one load, the best first."""
    columns = [_COLUMNS[name] for name in workload.columns]
    rows: list[list[str]] = []
    for server in _sorted(results, workload):
        failed = results.failure(server.name, workload.name)
        ratio = results.ratio(workload.name, server.name)
        rows.append(
            [
                server.label,
                _value(results, server.name, workload),
                "" if ratio is None or server.name == results.ours else f"{number(ratio)}x",
                *(column.cell(results, server.name, workload.name) for column in columns),
                "" if failed is None else f"failed: {failed.splitlines()[0][:90]}",
            ]
        )
    head = ["", workload.unit, "ours is", *(column.title for column in columns), ""]
    return Table(workload.title, head, rows)


@dataclass(frozen=True)
class _Column:
    """One of the figures behind the figure."""

    title: str
    figure: str
    scale: float = 1.0
    share: bool = False
    highest: bool = False
    """The highest of all rounds, and not their median."""

    def cell(self, results: Results, server: str, workload: str) -> str:
        pick = results.most if self.highest else results.figure
        value = pick(server, workload, self.figure)
        if value is None:
            return ""
        return f"{value:.0%}" if self.share else number(value * self.scale)


_COLUMNS: Final = {
    "each": _Column("CPU µs each", "each_us"),
    "p99": _Column("p99 ms", "p99_us", 1e-3),
    "without": _Column("p99 ms without", "without_p99_us", 1e-3),
    "lost": _Column("given up", "lost"),
    "server": _Column("server's core", "server_share", share=True),
    "load": _Column("load's core", "load_share", share=True, highest=True),
}


def warnings(results: Results) -> Iterator[str]:
    """What a reader must know before believing it."""
    for label, why in results.left_out.items():
        yield f"{label} is left out, {why}"
    if results.machine["load generator"] != "C":
        yield NO_COMPILER
    if results.options["shared core"]:
        yield "There is one core only, which servers and load had to share."
    others = results.options["used by others"]
    if others > _BUSY:
        yield f"Other programs used {others:.0%} of the machine: the figures are worth little."


def _sorted(results: Results, workload: Workload) -> list[Server]:
    def key(server: Server) -> float:
        value = results.value(server.name, workload.name)
        if value is None:
            return math.inf
        return -value if workload.rises else value

    return sorted(results.servers, key=key)


def _value(results: Results, server: str, workload: Workload) -> str:
    value = results.value(server, workload.name)
    return "failed" if value is None and results.failure(server, workload.name) else number(value)
