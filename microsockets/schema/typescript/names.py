"""Names that TypeScript allows, none of them twice."""

from __future__ import annotations

import re
from typing import Final

from .literals import text

_WORDS: Final = re.findall(
    r"\w+",
    """
    abstract any as asserts async await bigint boolean break case catch class const constructor continue
    debugger declare default delete do else enum export extends false finally for from function get global if
    implements import in infer instanceof interface intrinsic is keyof let module namespace never new null
    number object of package private protected public readonly require return satisfies set static string
    super switch symbol this throw true try type typeof undefined unique unknown using var void while with
    yield
    """,
)
"""That no type can be called, or that would read as something else."""
_OWN: Final = ("Contract", "Partial", "Record", "key")
"""What generated files use themselves, `key` as the variable of a mapped type. Other globals, such as `Event`, may be
called the same: in its module, a declaration comes first."""


class Names:
    """The names of one file."""

    def __init__(self) -> None:
        self._taken = {*_WORDS, *_OWN}

    def take(self, wanted: str, kind: str) -> str:
        """The name that is wanted, or one that says what kind of thing it is, and as a last resort a number."""
        wanted = "".join(letter if _is_identifier(f"_{letter}") else "_" for letter in wanted)
        wanted = wanted if _is_identifier(wanted) else f"_{wanted}"
        name, number = wanted, 1
        while name in self._taken:
            name = f"{wanted[0].upper()}{wanted[1:]}{kind}{number if number > 1 else ''}"
            number += 1
        self._taken.add(name)
        return name


def pascal(words: str) -> str:
    """`RoomFull` of `room_full`."""
    return "".join(word[0].upper() + word[1:] for word in re.split(r"[\W_]+", words) if word)


def key(name: str) -> str:
    """The name of a property, in quotes only where it needs them."""
    return name if _is_identifier(name) else text(name)


def _is_identifier(name: str) -> bool:
    return name.replace("$", "_").isidentifier()
