"""What one run of `compare` found, and what follows from it. As JSON it is kept beside the documentation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class Server:
    """One that took part."""

    name: str
    label: str
    ours: bool
    versions: dict[str, str]


@dataclass(frozen=True)
class Result:
    """One server under one load in one round."""

    server: str
    workload: str
    round: int
    value: float | None
    """In the unit of the workload. None is without end in JSON; see `failed`."""
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    failed: str | None = None
    """Why there is no value."""


@dataclass
class Results:
    """Everything that one run found."""

    machine: dict[str, str]
    options: dict[str, Any]
    servers: list[Server]
    left_out: dict[str, str]
    """By label, and why."""
    results: list[Result]

    @property
    def ours(self) -> str | None:
        """The name of ours, in the best of its layers that took part."""
        return next((server.name for server in self.servers if server.ours), None)

    @property
    def workloads(self) -> list[Workload]:
        """Those that were measured."""
        measured = {result.workload for result in self.results}
        return [workload for workload in WORKLOADS if workload.name in measured]

    def by_round(self, server: str, workload: str) -> dict[int, float]:
        """The values of each round that has one."""
        return {
            result.round: math.inf if result.value is None else result.value
            for result in self._of(server, workload)
            if result.failed is None
        }

    def value(self, server: str, workload: str) -> float | None:
        """The median over the rounds; None without any."""
        values = self.by_round(server, workload)
        return median(values.values()) if values else None

    def figure(self, server: str, workload: str, name: str) -> float | None:
        """The median of one of the figures behind it."""
        values = [result.figures[name] for result in self._of(server, workload) if name in result.figures]
        return median(values) if values else None

    def most(self, server: str, workload: str, name: str) -> float | None:
        """The highest of one of the figures behind it."""
        values = [result.figures[name] for result in self._of(server, workload) if name in result.figures]
        return max(values, default=None)

    def failure(self, server: str, workload: str) -> str | None:
        """Why a round has no value, if one has none."""
        return next((result.failed for result in self._of(server, workload) if result.failed is not None), None)

    def ratio(self, workload: str, other: str) -> float | None:
        """Ours as a multiple of the other: the median of the ratios within each round, because machines drift."""
        if self.ours is None:
            return None
        ours, theirs = self.by_round(self.ours, workload), self.by_round(other, workload)
        ratios = [ours[each] / theirs[each] for each in ours.keys() & theirs.keys() if theirs[each] != math.inf]
        return median(ratios) if ratios else None

    def cheaper(self, workload: str, other: str) -> float | None:
        """The other's processor time for an operation as a multiple of ours. It says what `ratio` does where the server
        is the limit, and still says it on a machine that is busy with something else."""
        if self.ours is None:
            return None
        ours, theirs = (self.figure(name, workload, "each_us") for name in (self.ours, other))
        return theirs / ours if ours and theirs else None

    def _of(self, server: str, workload: str) -> Iterator[Result]:
        return (result for result in self.results if result.server == server and result.workload == workload)


def save(results: Results, path: Path) -> None:
    """Writes it as JSON, in which what is without end is null."""
    record = asdict(results)
    for result in record["results"]:
        if result["value"] == math.inf:
            result["value"] = None
    # A line for each, so that a diff of two runs can be read.
    lines = ",\n".join(json.dumps(result) for result in record.pop("results"))
    path.write_text(f'{json.dumps(record, indent=1)[:-2]},\n "results": [\n{lines}\n ]\n}}\n')


def load(path: Path) -> Results:
    """Reads what `save` wrote."""
    record = json.loads(path.read_text())
    return Results(
        machine=record["machine"],
        options=record["options"],
        servers=[Server(**each) for each in record["servers"]],
        left_out=record["left_out"],
        results=[Result(**each) for each in record["results"]],
    )
