"""The chart for the documentation: an SVG of bars that is legible on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from .results import Results
from .tables import number
from .workloads import Workload

_WIDTH: Final = 760
_LABEL: Final = 220
_VALUE: Final = 70
_BAR: Final = 14
_ROW: Final = 20
_TITLE: Final = 34
_STYLE: Final = """
.bench { color: #1f2328; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }
.bench text { fill: currentColor; }
.bench .title { font-weight: 600; font-size: 13px; }
.bench .ours { fill: #4f6bed; }
.bench .peer { fill: #8b949e; }
.bench .floor { fill: none; stroke: #8b949e; stroke-dasharray: 3 2; }
@media (prefers-color-scheme: dark) { .bench { color: #e6edf3; } }
/* Within a page that has a switch of its own for light and dark, the page decides. */
.md-typeset .bench { color: inherit; }
"""


def chart(results: Results) -> str:
    """Bars for each of the workloads that are charted, the best on top."""
    parts: list[str] = []
    top = 0
    for workload in results.workloads:
        if workload.charted:
            panel = list(_panel(results, workload, top))
            parts += panel
            top += _TITLE + _ROW * (len(panel) // 3) + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bench" viewBox="0 0 {_WIDTH} {top}" role="img" '
        f'aria-label="Bars for what the tables say">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _panel(results: Results, workload: Workload, top: int) -> Iterator[str]:
    """A title, and three elements for each server that has a value."""
    values = [
        (value, server)
        for server in results.servers
        if (value := results.value(server.name, workload.name)) is not None and value != math.inf
    ]
    values.sort(key=lambda pair: pair[0], reverse=workload.rises)
    better = "more is better" if workload.rises else "less is better"
    yield f'<text class="title" x="0" y="{top + 20}">{escape(f"{workload.title}, {workload.unit} ({better})")}</text>'
    longest = max((value for value, _ in values), default=1) or 1
    for row, (value, server) in enumerate(values):
        y = top + _TITLE + row * _ROW
        width = value / longest * (_WIDTH - _LABEL - _VALUE)
        kind = "ours" if server.ours else "floor" if server.name == "floor" else "peer"
        yield f'<text x="{_LABEL - 8}" y="{y + 11}" text-anchor="end">{escape(server.label)}</text>'
        yield f'<rect class="{kind}" x="{_LABEL}" y="{y}" width="{max(width, 1):.1f}" height="{_BAR}" rx="2"/>'
        yield f'<text x="{_LABEL + max(width, 1) + 6:.1f}" y="{y + 11}">{number(value)}</text>'
