"""Types as a developer would write them, from the texts that Python and pydantic have for them."""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_MODULES: Final = re.compile(rf"({_QUOTED})|(?:(?:[^\W\d]\w*|<locals>)\.)+")
_OPENING: Final = "([{"
_CLOSING: Final = ")]}"
_QUOTES: Final = "'\""


def without_modules(text: str) -> str:
    """`Page[Item]` of `shop.Page[shop.Item]`."""
    return _MODULES.sub(lambda found: found[1] or "", text)


def readable(text: str) -> str:
    """`Page[Cat | Dog]` of `Page[Annotated[Union[Cat, Dog], FieldInfo(...)]]`: without modules and annotations."""
    return _readable(without_modules(text))


def _readable(text: str) -> str:
    members = _split(text, " | ")
    if len(members) > 1:
        return " | ".join(map(_readable, members))
    name, bracket, rest = text.partition("[")
    if not bracket or not rest.endswith("]"):
        return "None" if text == "NoneType" else text
    parts = _split(rest[:-1], ", ")
    if name == "Annotated":
        return _readable(parts[0])
    if name in ("Union", "Optional"):
        return " | ".join(map(_readable, [*parts, "None"] if name == "Optional" else parts))
    return f"{name}[{', '.join(map(_readable, parts))}]"


def _split(text: str, separator: str) -> list[str]:
    """At what separates and is in no brackets or quotes."""
    parts: list[str] = []
    start = depth = 0
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in _QUOTES:
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif depth == 0 and text.startswith(separator, position):
            parts.append(text[start:position])
            position += len(separator)
            start = position
            continue
        position += 1
    return [*parts, text[start:]]
