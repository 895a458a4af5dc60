"""Schemas in human words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .branches import Branch, format_of, text

_NAMES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_MOST: Final = 8
"""Values that are told one by one."""


def described(branch: Branch) -> str:
    """`a string`, `"red" or "blue"`, or the name of a model."""
    node = branch.node
    if "enum" in node:
        values = [text(value) for value in node["enum"]]
        return _either(values if len(values) <= _MOST else [*values[:_MOST], f"{len(values) - _MOST} more"])
    if branch.name and branch.family == "object":
        return branch.name
    kind = _NAMES.get(node.get("type", ""), "anything")
    form = format_of(node)
    return f"{kind} ({form})" if form and kind == "a string" else kind


def listed(branches: Sequence[Branch]) -> str:
    """`a string, an integer or null`."""
    return _either(list(dict.fromkeys(map(described, branches)))) or "nothing"


def bound(found: tuple[float, bool] | None, sign: int, what: str) -> str:
    """`at least 3 characters`. The number has been multiplied by the sign, which is -1 for the greatest."""
    if found is None:
        return "any number" if not what else f"any number of {_UNITS[what]}"
    value, is_open = found
    words = ("at least", "more than") if sign > 0 else ("at most", "less than")
    told = f"{words[is_open]} {value * sign}"
    return f"{told} {_UNITS[what]}" if what else told


_UNITS: Final = {"Length": "characters", "Items": "items", "Properties": "fields"}


def field(name: str) -> str:
    """`.text`, `["two words"]`."""
    return f".{name}" if name.isidentifier() else f"[{text(name)}]"


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
