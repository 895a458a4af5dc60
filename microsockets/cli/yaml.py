"""YAML, for which there is an extra package."""

from __future__ import annotations

import json
from typing import Any

import click

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]


def dump(document: dict[str, Any]) -> str:
    """Raises `click.UsageError` without the package."""
    if yaml is None:
        raise click.UsageError('YAML needs a package: pip install "microsockets[yaml]"')
    # By way of JSON, since what the document has twice would otherwise be an anchor and an alias.
    copy: Any = json.loads(json.dumps(document))
    text: str = yaml.safe_dump(copy, sort_keys=False, allow_unicode=True, width=120)
    return text
