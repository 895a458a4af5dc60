"""The `microsockets` command, run in this process."""

from __future__ import annotations

import itertools
from pathlib import Path

from click.testing import CliRunner, Result
from microsockets.cli import main

_numbers = itertools.count()


def run(*arguments: str | Path) -> Result:
    """Runs the command."""
    return CliRunner().invoke(main, [str(each) for each in arguments])


def module(folder: Path, text: str) -> str:
    """Writes an application, in a module that was never imported, and returns its target."""
    name = f"application_{next(_numbers)}"
    (folder / f"{name}.py").write_text(text)
    return f"{name}:app"


def lines(*given: str) -> str:
    """A module with the usual imports."""
    head = [
        "from microsockets import Application, Ask, Error, Event, Namespace, Socket, on",
        "from pydantic import BaseModel",
    ]
    return "\n".join([*head, *given, ""])
