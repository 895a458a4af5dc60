"""From `module:attribute` to the object, with errors that say what to do."""

from __future__ import annotations

import importlib
from typing import Any

import click


def load(target: str) -> Any:
    """The object, such as an application. Raises `click.UsageError` if it cannot be found; what the module itself
    raises passes."""
    module_name, separator, attribute = target.partition(":")
    if not separator or not attribute or not module_name:
        raise click.UsageError(f"{target!r} is no module:attribute; write {module_name or 'main'}:app")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise click.UsageError(
            f"there is no module {error.name!r} here; run in its folder, or give --app-dir"
        ) from None
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise click.UsageError(f"{module_name!r} has no {attribute!r}; give the name of the application in it")
        found = getattr(found, name)
    return found
