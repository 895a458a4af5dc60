"""`microsockets client`: typed clients."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from ..schema import read_contract
from ..schema.typescript import render
from .files import read, replace
from .loading import described, load_application
from .options import application, output


@click.command()
@application
@click.option("--lang", type=click.Choice(["typescript"]), default="typescript", show_default=True)
@output("The file to write, instead of printing it.")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if the file is out of date.")
def client(app: str, app_dir: str, lang: str, output: Path | None, check: bool) -> None:
    """Writes the types of a client of APP, for the npm package microsockets."""
    if check and output is None:
        raise click.UsageError("--check compares with a file: give it with -o")
    found = load_application(app, app_dir)
    with described():
        contract = read_contract(found.namespaces, title=found.title, version=found.version)
    text = render(contract, source=app)
    if output is None:
        click.echo(text, nl=False)
    elif check:
        _compare(output, text, f"microsockets client {app} --lang {lang} -o {output}")
    else:
        replace(output, text)


def _compare(path: Path, text: str, command: str) -> None:
    written = read(path, f"make it with `{command}`")
    if written == text:
        return
    lines = difflib.unified_diff(written.splitlines(), text.splitlines(), str(path), "as it should be", lineterm="")
    for line in lines:
        click.echo(line)
    raise click.ClickException(f"{path} is out of date: run `{command}`")
