"""What is wrong with the application or a file, and not with the command line."""

from __future__ import annotations

import click


class Problem(click.ClickException):
    """One sentence; the command ends with 2."""

    exit_code = 2
