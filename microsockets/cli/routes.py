"""`microsockets routes`: a table of what is routed where."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ..application import Application
from ..handlers import Handler
from ..namespace import Namespace
from .loading import load_application
from .options import application

Row = tuple[str, ...]

_HEAD: Row = ("EVENT", "", "PAYLOAD", "ANSWER", "MIDDLEWARE")


@click.command()
@application
def routes(app: str, app_dir: str) -> None:
    """Lists the namespaces of APP, their events, payloads and middleware."""
    found = load_application(app, app_dir)
    tables = [(namespace, [_HEAD, *_rows(found, namespace)]) for namespace in found.namespaces]
    widths = [max(len(row[column]) for _, rows in tables for row in rows) for column in range(len(_HEAD))]
    for number, (namespace, rows) in enumerate(tables):
        if number:
            click.echo()
        assert namespace.path is not None
        click.echo(f"{namespace.path.template}  {type(namespace).__name__}")
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            click.echo(f"  {'  '.join(cells)}".rstrip())


def _rows(app: Application, namespace: Namespace) -> Iterator[Row]:
    declared = namespace.declared
    for event, handler in declared.handlers.items():
        payload = handler.payload.name if handler.takes_payload else ""
        if handler.payload_is_optional:
            payload += "?"
        answer = f"stream of {handler.result.name}" if handler.streams else handler.result.name
        yield event, "in", payload, answer, ", ".join(_middleware(app, namespace, handler))
    for event, sent in declared.events.items():
        yield event, "out", _payload(sent.codec.name), "", ""
    for event, ask in declared.asks.items():
        yield event, "ask", _payload(ask.question.name), ask.answer.name, ""


def _payload(name: str) -> str:
    return "" if name in ("None", "NoneType") else name


def _middleware(app: Application, namespace: Namespace, handler: Handler) -> Iterator[str]:
    for each in (*app.middleware, *namespace.middleware, *handler.options.middleware):
        yield getattr(each, "__name__", None) or type(each).__name__
