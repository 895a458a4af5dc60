"""The `microsockets` command."""

from __future__ import annotations

import importlib
import os
import sys

import click
import uvicorn

from .application import RELOAD_VARIABLE


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="microsockets")
def main() -> None:
    """Real-time applications over WebSockets."""


@main.command()
@click.argument("app")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on; 0 picks a free one.")
@click.option("--reload", is_flag=True, help="Start again when a file changes; pages from this machine may connect.")
@click.option("--app-dir", default=".", show_default=True, help="Where to look for the module.")
def run(app: str, host: str, port: int, reload: bool, app_dir: str) -> None:
    """Serves APP, given as module:attribute."""
    sys.path.insert(0, app_dir)
    if not reload:
        _check(app)
    else:
        os.environ[RELOAD_VARIABLE] = "1"
    uvicorn.run(app, host=host, port=port, reload=reload, app_dir=app_dir, ws_per_message_deflate=False)


def _check(app: str) -> None:
    module_name, separator, attribute = app.partition(":")
    if not separator or not attribute:
        raise click.UsageError(f"{app!r} is no module:attribute; write {module_name}:app")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.split(".")[0] and error.name != module_name:
            raise
        raise click.UsageError(
            f"there is no module {error.name!r} here; run in its folder, or give --app-dir"
        ) from None
    if not hasattr(module, attribute):
        raise click.UsageError(f"{module_name!r} has no {attribute!r}; give the name of the Application in it")
