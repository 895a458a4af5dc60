"""Where lines break: text with the places where it may, laid out so that lines fit as far as they can.

This is the algorithm that formatters use (P. Wadler, "A prettier printer", 2003): a group stands on one line, or all of
its places break.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 80
"""The common formatters' default, so that they leave the text as it is."""
INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the line may break; there is text if it does not."""

    flat: str = " "
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text for when the group around it breaks."""

    text: Doc
    flat: Doc = ""


@dataclass(frozen=True, slots=True)
class Indent:
    """Lines within begin further to the right."""

    content: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """On one line if it fits."""

    content: Doc


Doc = str | Break | IfBroken | Indent | Group | tuple["Doc", ...]

LINE: Final = Break()
SOFT: Final = Break("")
HARD: Final = Break(is_forced=True)

_Waiting = tuple[int, bool, Doc]
"""What is still to be written: how far to the right, whether its group is broken, and the text."""


def join(separator: Doc, parts: Sequence[Doc]) -> Doc:
    """The parts with the separator between them."""
    joined: list[Doc] = []
    for part in parts:
        joined += [separator, part] if joined else [part]
    return tuple(joined)


def lay_out(doc: Doc) -> str:
    """The text, with its lines broken."""
    lines: list[str] = []
    line = ""
    waiting: list[_Waiting] = [(0, True, doc)]
    while waiting:
        indent, is_broken, part = waiting.pop()
        match part:
            case str():
                line += part
            case Break():
                if is_broken:
                    lines.append(line.rstrip())
                    line = INDENT * indent
                else:
                    line += part.flat
            case Group():
                flat = (indent, False, part.content)
                is_whole = not _is_forced(part.content) and _fits(WIDTH - len(line), flat, waiting)
                waiting.append(flat if is_whole else (indent, True, part.content))
            case _:
                waiting += _inner(indent, is_broken, part)
    return "\n".join([*lines, line.rstrip()])


def _inner(indent: int, is_broken: bool, part: IfBroken | Indent | tuple[Doc, ...]) -> list[_Waiting]:
    """The parts of a part, the last one first."""
    match part:
        case IfBroken():
            return [(indent, is_broken, part.text if is_broken else part.flat)]
        case Indent():
            return [(indent + 1, is_broken, part.content)]
        case _:
            return [(indent, is_broken, each) for each in reversed(part)]


def _fits(room: int, first: _Waiting, rest: Sequence[_Waiting]) -> bool:
    """Whether this, with what follows until the next place that may break, leaves the line short enough."""
    waiting = [first]
    following = len(rest)
    while room >= 0:
        if not waiting:
            if not following:
                return True
            following -= 1
            waiting.append(rest[following])
        indent, is_broken, part = waiting.pop()
        match part:
            case str():
                room -= len(part)
            case Break():
                if is_broken:
                    return True
                room -= len(part.flat)
            case Group():
                waiting.append((indent, is_broken, part.content))
            case _:
                waiting += _inner(indent, is_broken, part)
    return False


def _is_forced(doc: Doc) -> bool:
    match doc:
        case Break():
            return doc.is_forced
        case Indent() | Group():
            return _is_forced(doc.content)
        case tuple():
            return any(_is_forced(each) for each in doc)
        case _:
            return False
