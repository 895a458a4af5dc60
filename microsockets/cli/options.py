"""Arguments that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def application(function: F) -> F:
    """APP, and where to look for it."""
    function = click.option("--app-dir", default=".", show_default=True, help="Where to look for the module.")(function)
    return click.argument("app")(function)


def output(help: str) -> Callable[[F], F]:
    """A file to write to."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("-o", "--output", type=kind, help=help)
