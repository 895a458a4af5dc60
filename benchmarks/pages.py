"""The parts of the documentation that are made from results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .chart import chart
from .results import Results
from .tables import Table, detail, goals, overview, warnings


def write(results: Results, folder: Path) -> list[Path]:
    """Writes `tables.md` and `chart.svg`, which docs/benchmarks.md includes."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"tables.md": "\n\n".join(_sections(results)) + "\n", "chart.svg": chart(results)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def _sections(results: Results) -> Iterator[str]:
    for warning in warnings(results):
        yield f"!!! warning\n    {warning}"
    yield "### All figures"
    yield overview(results).markdown()
    yield "### Goals"
    yield goals(results).markdown()
    for workload in results.workloads:
        yield f"### {workload.title}"
        yield detail(results, workload).markdown()
    yield "### Machine and versions"
    yield _facts(results).markdown()


def _facts(results: Results) -> Table:
    rows = [[name, value] for name, value in results.machine.items()]
    rows += [["rounds", f"{results.options['rounds']}, of {results.options['seconds']:g} s each"]]
    for server in results.servers:
        versions = ", ".join(f"{name} {version}" for name, version in server.versions.items())
        rows.append([server.label, versions])
    return Table("Machine", ["", ""], rows)
