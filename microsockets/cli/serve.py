"""`microsockets run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import click
from uvicorn.config import LOG_LEVELS

from ..application import RELOAD_VARIABLE, Application
from ..server.serve import DRAIN_SECONDS, GRACE_SECONDS, Config
from ..server.serve import run as serve
from .loading import load


@click.command()
@click.argument("app")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on; 0 picks a free one.")
@click.option("--uds", type=click.Path(), help="Listen on a Unix domain socket instead.")
@click.option("--app-dir", default=".", show_default=True, help="Where to look for the module.")
@click.option("--reload", is_flag=True, help="Start again when a file changes; pages from this machine may connect.")
@click.option("--reload-dir", "reload_dirs", multiple=True, type=click.Path(exists=True), help="A folder to watch.")
@click.option("--workers", type=click.IntRange(1), help="Processes that share the port.  [default: 1]")
@click.option("--loop", type=click.Choice(["auto", "asyncio", "uvloop"]), default="auto", show_default=True)
@click.option("--root-path", default="", help="The path that a proxy has taken off.")
@click.option("--proxy-headers/--no-proxy-headers", default=True, show_default=True, help="Believe X-Forwarded-For.")
@click.option("--forwarded-allow-ips", help="Proxies that are believed, by commas.  [default: 127.0.0.1,::1]")
@click.option("--ssl-certfile", type=click.Path(exists=True), help="The certificate: serve wss and https.")
@click.option("--ssl-keyfile", type=click.Path(exists=True), help="Its key.")
@click.option("--ssl-keyfile-password", help="The password of the key.")
@click.option("--ssl-ca-certs", type=click.Path(exists=True), help="Authorities of client certificates.")
@click.option("--limit-concurrency", type=click.IntRange(1), help="Connections; more are refused with 503.")
@click.option("--backlog", default=2048, show_default=True, help="Connections that wait to be accepted.")
@click.option("--ws-max-size", default=16 * 1024 * 1024, show_default=True, help="Bytes of a message.")
@click.option("--ws-ping-interval", default=20.0, show_default=True, help="Seconds of silence before a ping; 0: never.")
@click.option("--ws-ping-timeout", default=20.0, show_default=True, help="Seconds a client has to answer it.")
@click.option("--deflate/--no-deflate", default=False, show_default=True, help="Compress messages.")
@click.option("--drain-seconds", default=DRAIN_SECONDS, show_default=True, help="For clients to leave after SIGTERM.")
@click.option(
    "--timeout-graceful-shutdown", default=GRACE_SECONDS, show_default=True, help="Seconds for handlers to finish."
)
@click.option("--log-level", type=click.Choice([*LOG_LEVELS]), default="info", show_default=True)
@click.option("--access-log/--no-access-log", default=True, show_default=True, help="Log each HTTP request.")
def run(app: str, app_dir: str, reload: bool, reload_dirs: tuple[str, ...], deflate: bool, **options: Any) -> None:
    """Serves APP, given as module:attribute, with the WebSocket layer of microsockets.

    Each option can be given in the environment as well, as MICROSOCKETS_RUN_HOST and so on.
    """
    sys.path.insert(0, app_dir)
    if reload:
        os.environ[RELOAD_VARIABLE] = "1"
    else:
        for line in describe(load(app)):
            click.echo(line)
    config = Config(
        app, reload=reload, reload_dirs=list(reload_dirs) or None, ws_per_message_deflate=deflate, **options
    )
    serve(config)


def describe(app: Any) -> Iterator[str]:
    """What an application serves, line by line: paths, the events that it takes, and those that it sends."""
    if not isinstance(app, Application):
        return
    for namespace in app.namespaces:
        declared = namespace.declared
        assert namespace.path is not None
        yield f"{namespace.path.template}  {type(namespace).__name__}"
        for label, names in (
            ("takes", declared.handlers),
            ("sends", declared.events),
            ("asks", declared.asks),
        ):
            if names:
                yield f"    {label:<6}{', '.join(names)}"
    if app.namespaces and app.docs_url is not None:
        yield f"{app.docs_url}  their console"
