"""Rounds, medians and the table they end in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .sample import Sample


@dataclass
class Comparison:
    """One figure of ours beside that of the raw application, round by round. Higher is worse."""

    what: str
    unit: str
    goal: float | None
    """The most that ours may be: a multiple of the raw figure, or what it may add. None if nobody set one."""
    adds: bool = False
    """The goal is a difference and not a ratio."""
    raw: list[Sample] = field(default_factory=list[Sample])
    ours: list[Sample] = field(default_factory=list[Sample])

    def measure(self, rounds: int, raw: Callable[[], Sample], ours: Callable[[], Sample]) -> None:
        """Takes both figures of each round right after one another, and either first in turn."""
        for number in range(rounds):
            if number % 2:
                self.ours.append(ours())
                self.raw.append(raw())
            else:
                self.raw.append(raw())
                self.ours.append(ours())

    @property
    def result(self) -> float:
        """The median over the rounds of each round's ratio, or difference."""
        pairs = zip(self.raw, self.ours, strict=True)
        return median(ours.cost - raw.cost if self.adds else ours.cost / raw.cost for raw, ours in pairs)

    @property
    def met(self) -> bool | None:
        """Whether ours costs no more than the goal; None without one."""
        return None if self.goal is None else self.result <= self.goal

    def row(self) -> list[str]:
        """The cells of its row in the table."""
        sign = "+" if self.adds else "x"
        goal = "" if self.goal is None else f"{sign}{self.goal:g}"
        verdict = {None: "", True: "met", False: "NOT MET"}[self.met]
        return [
            self.what,
            _rate(sample.per_second for sample in self.raw),
            _rate(sample.per_second for sample in self.ours),
            self.unit,
            f"{median(sample.cost for sample in self.raw):.2f}",
            f"{median(sample.cost for sample in self.ours):.2f}",
            f"{sign}{self.result:.2f}",
            goal,
            verdict,
            _share(sample.load for sample in [*self.raw, *self.ours]),
        ]

    def record(self) -> dict[str, Any]:
        """All there is to know of it, for JSON."""
        return {**asdict(self), "result": self.result, "met": self.met}


def _rate(figures: Iterable[float | None]) -> str:
    known = [figure for figure in figures if figure is not None]
    return f"{median(known):,.0f}" if known else ""


def _share(figures: Iterable[float | None]) -> str:
    known = [figure for figure in figures if figure is not None]
    return f"{max(known):.0%}" if known else ""


_HEAD = ["", "raw/s", "ours/s", "cost in", "raw", "ours", "result", "goal", "", "load"]


def show(comparisons: list[Comparison]) -> None:
    """Prints the table."""
    rows = [_HEAD, *(comparison.row() for comparison in comparisons)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *others]).rstrip())


def save(comparisons: list[Comparison], path: Path) -> None:
    """Writes the figures of every round as JSON."""
    path.write_text(json.dumps([comparison.record() for comparison in comparisons], indent=2) + "\n")
