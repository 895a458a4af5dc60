"""Documentation, as JSDoc."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any, Final, cast

from ..walk import Schema
from .literals import value

Comment = tuple[str, ...]
"""Its lines; none if there is nothing to say."""

_WIDTH: Final = 69
"""Of a comment on one line, so that it fits wherever it stands."""
_WIDEST: Final = 110
"""Of a line that stays as its author broke it."""
_LONGEST: Final = 60
"""Of a default or an example that is worth a line."""
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def comment(description: str | None, *more: str) -> Comment:
    """A description, and lines to come below it, such as tags."""
    text = (description or "").strip()
    told = [part for line in [*(text.split("\n") if text else ()), *more] for part in _wrapped(_safe(line))]
    if not told:
        return ()
    if len(told) == 1 and len(told[0]) <= _WIDTH:
        return (f"/** {told[0]} */",)
    return ("/**", *(f" * {line}".rstrip() for line in told), " */")


def _wrapped(line: str) -> list[str]:
    if len(line) <= _WIDEST:
        return [line]
    return textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _safe(line: str) -> str:
    """On one line, and unable to end the comment."""
    return _CONTROL.sub(" ", line).replace("\t", "    ").replace("*/", "*\\/").rstrip()


def tags(schema: Any, *, has_default: bool) -> list[str]:
    """What a type cannot say."""
    if not isinstance(schema, dict):
        return []
    node = cast("Schema", schema)
    found: list[str] = []
    formats = set(_formats(node))
    if len(formats) == 1:
        found.append(f"@format {formats.pop()}")
    if has_default and "const" not in node and node.get("default") is not None:
        found += _tag("@default", node["default"])
    examples: Sequence[Any] = node.get("examples") or ()
    found += [tag for example in examples[:1] for tag in _tag("@example", example)]
    if node.get("deprecated") is True:
        found.append("@deprecated")
    return found


def _tag(name: str, given: Any) -> list[str]:
    written = value(given)
    return [f"{name} {written}"] if len(written) <= _LONGEST else []


def _formats(schema: Any) -> Sequence[str]:
    """Those of strings that a value is or consists of."""
    if not isinstance(schema, dict):
        return ()
    node = cast("Schema", schema)
    if "format" in node:
        return (str(node["format"]),) if node.get("type") == "string" else ()
    inner = [*node.get("anyOf", ()), node.get("items"), node.get("additionalProperties")]
    return [format for each in inner for format in _formats(each)]
