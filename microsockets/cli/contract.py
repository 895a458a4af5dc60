"""`microsockets contract`: what was promised to clients, kept in a file, and what a change would break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from ..schema import Contract, read_contract, undocumented
from ..schema.compatibility import compare, report
from ..schema.contract import FORMAT
from ..schema.locked import NoContract, OtherVersion, read_locked
from .files import read, replace
from .loading import described, load_application
from .options import application
from .problem import Problem

_FILE: Final = Path("contract.json")


@click.group()
def contract() -> None:
    """Guards against changes that break clients."""


@contract.command()
@application
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=_FILE, show_default=True)
def lock(app: str, app_dir: str, output: Path) -> None:
    """Writes down what APP and its clients say to each other now. Commit the file."""
    replace(output, json.dumps(_current(app, app_dir), indent=2, ensure_ascii=False) + "\n")
    click.echo(f"{output} is written")


@contract.command()
@application
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_FILE,
    show_default=True,
    help="The file that `lock` wrote.",
)
def check(app: str, app_dir: str, against: Path) -> None:
    """Compares APP with what was written down. Exits with 1 if clients that are out there would break."""
    current = _current(app, app_dir)
    locked = _read(against, app)
    changes = compare(locked, current)
    click.echo(report(changes).rstrip("\n"))
    if any(change.breaking for change in changes):
        click.echo(f"If this is meant, promise it from now on: {_lock(app, against)}")
        raise click.exceptions.Exit(1)
    if changes:
        click.echo(f"To promise this from now on: {_lock(app, against)}")


def _current(app: str, app_dir: str) -> Contract:
    found = load_application(app, app_dir)
    with described():
        return undocumented(read_contract(found.namespaces))


def _lock(app: str, path: Path) -> str:
    return f"microsockets contract lock {app}" + ("" if path == _FILE else f" -o {path}")


def _read(path: Path, app: str) -> Contract:
    text = read(path, f"write it with `{_lock(app, path)}`")
    try:
        return read_locked(text)
    except OtherVersion as error:
        raise Problem(f"{path} is of version {error} and this microsockets reads {FORMAT}; update it") from None
    except NoContract:
        raise Problem(f"{path} is no contract; write it anew with `{_lock(app, path)}`") from None
