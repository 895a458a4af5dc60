"""`microsockets schema`: AsyncAPI 3.0."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import click

from ..schema import read_contract, read_samples
from ..schema.asyncapi import asyncapi
from .files import replace
from .loading import described, load_application
from .options import application, output
from .yaml import dump


@click.command()
@application
@click.option("--format", "form", type=click.Choice(["json", "yaml"]), help="json unless FILE ends with .yaml or .yml.")
@click.option("--server", help="The URL where it is served, such as wss://example.com/live.")
@output("The file to write, instead of printing it.")
def schema(app: str, app_dir: str, form: str | None, server: str | None, output: Path | None) -> None:
    """Describes APP as AsyncAPI 3.0."""
    found = load_application(app, app_dir)
    with described():
        contract = read_contract(found.namespaces, title=found.title, version=found.version)
    document = asyncapi(
        contract, examples=read_samples(found.namespaces, contract), server=_server(server) if server else None
    )
    if form is None:
        form = "yaml" if output is not None and output.suffix in (".yaml", ".yml") else "json"
    text = dump(document) if form == "yaml" else json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        replace(output, text)


def _server(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.port == 0:
            raise ValueError(url)
    except ValueError:
        raise click.UsageError(f"--server {url!r}: write it like wss://example.com") from None
    return {"host": parts.netloc, "protocol": parts.scheme, **({"pathname": parts.path} if parts.path else {})}
