"""The `microsockets` command."""

from __future__ import annotations

import click

from .calling import call, listen
from .client import client
from .contract import contract
from .routes import routes
from .schema import schema
from .serve import run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MICROSOCKETS"})
@click.version_option(package_name="microsockets")
def main() -> None:
    """Real-time applications over WebSockets.

    Exit codes: 0, it worked; 1, a check failed or an answer is an error; 2, the command line or the application is
    wrong, and nothing was written; 3, there is no connection, or the application failed at start-up.
    """


for command in (run, routes, schema, client, contract, call, listen):
    main.add_command(command)
