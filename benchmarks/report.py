"""Rounds, medians and the table they end in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass
class Comparison:
    """One figure of ours beside the raw application's, round by round. Higher is worse."""

    what: str
    unit: str
    goal: float
    """The most that ours may be: a multiple of the raw figure, or what it may add."""
    adds: bool = False
    """The goal is a difference and not a ratio."""
    raw: list[float] = field(default_factory=list[float])
    ours: list[float] = field(default_factory=list[float])
    note: str = ""

    def add(self, raw: float, ours: float) -> None:
        """The figures of one round, taken right after one another."""
        self.raw.append(raw)
        self.ours.append(ours)

    @property
    def result(self) -> float:
        """The median over the rounds of each round's ratio, or difference."""
        pairs = zip(self.raw, self.ours, strict=True)
        return median(ours - raw if self.adds else ours / raw for raw, ours in pairs)

    @property
    def met(self) -> bool:
        """Whether ours costs no more than the goal."""
        return self.result <= self.goal

    def line(self) -> str:
        """A row of the table."""
        sign = "+" if self.adds else "x"
        verdict = "met" if self.met else "NOT MET"
        figures = f"{median(self.raw):10.2f} {median(self.ours):10.2f}"
        result = f"{sign}{self.result:6.2f}   at most {sign}{self.goal:<5g} {verdict}"
        return f"{self.what:34} {self.unit:14} {figures}   {result}  {self.note}".rstrip()


HEAD = f"{'':34} {'':14} {'raw':>10} {'ours':>10}   ours to raw"


def show(comparisons: list[Comparison]) -> None:
    """Prints the table."""
    print(HEAD)
    for comparison in comparisons:
        print(comparison.line())


def save(comparisons: list[Comparison], path: Path) -> None:
    """Writes every round's figures as JSON."""
    rows = [{**asdict(each), "result": each.result, "met": each.met} for each in comparisons]
    path.write_text(json.dumps(rows, indent=2) + "\n")
