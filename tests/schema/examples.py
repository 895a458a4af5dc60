"""The applications of this repository that have a contract."""

from __future__ import annotations

import importlib
from pathlib import Path

from microsockets import Application

ROOT = Path(__file__).parents[2]


def _applications() -> dict[str, Application]:
    found: dict[str, Application] = {}
    for file in sorted(ROOT.glob("examples/**/*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        app = getattr(importlib.import_module(name), "app", None)
        if isinstance(app, Application) and app.namespaces:
            found[f"{name}:app"] = app
    return found


EXAMPLES = _applications()
"""By target."""
