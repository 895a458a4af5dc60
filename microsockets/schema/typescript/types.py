"""Types as TypeScript has them, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from .comments import Comment
from .layout import HARD, LINE, SOFT, Doc, Group, IfBroken, Indent, join
from .names import key


@dataclass(frozen=True, slots=True)
class Named:
    """A name or a literal."""

    text: str


@dataclass(frozen=True, slots=True)
class Union:
    """One of several."""

    choices: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """All of several."""

    parts: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """Any number of one type."""

    item: Type


@dataclass(frozen=True, slots=True)
class Tuple:
    """Each in its place; those from `required` on may be missing, and after them comes any number of `rest`."""

    items: tuple[Type, ...]
    required: int
    rest: Type | None


@dataclass(frozen=True, slots=True)
class Generic:
    """`Record<string, T>`."""

    name: str
    arguments: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What `Record` and `Partial<Record>` are, for types that contain themselves."""

    keys: Type
    value: Type
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A property; without a name, all others."""

    name: str | None
    type: Type
    is_optional: bool = False
    comment: Comment = ()

    @property
    def head(self) -> str:
        """What stands before its type."""
        name = "[key: string]" if self.name is None else key(self.name)
        return f"{name}{'?' if self.is_optional else ''}: "


@dataclass(frozen=True, slots=True)
class Object:
    """An object; `is_open` if each property stands on a line of its own."""

    members: tuple[Member, ...]
    is_open: bool = False


Type = Named | Union | Intersection | Array | Tuple | Generic | Mapped | Object
Place = Literal["", "argument", "element"]
"""Where a type stands, as far as that changes how it is written."""

UNKNOWN: Final = Named("unknown")
NEVER: Final = Named("never")
NULL: Final = Named("null")
STRING: Final = Named("string")
NUMBER: Final = Named("number")
BOOLEAN: Final = Named("boolean")
UNDEFINED: Final = Named("undefined")

_KEYWORDS: Final = (UNKNOWN, NEVER, NULL, STRING, NUMBER, BOOLEAN, UNDEFINED, Named("true"), Named("false"))


def written(type: Type, place: Place = "") -> Doc:
    """A type as text."""
    match type:
        case Named():
            return type.text
        case Union():
            return _union(type, place)
        case Intersection():
            return _intersection(type)
        case Array():
            return (_bracketed(type.item), "[]")
        case Tuple():
            return _tuple(type)
        case Generic():
            return _generic(type)
        case Mapped():
            head = ("[key in ", written(type.keys), "]?: " if type.is_partial else "]: ")
            return Group(("{", Indent((LINE, *head, written(type.value), IfBroken(";"))), LINE, "}"))
        case Object():
            return _object(type)


def commented(comment: Comment) -> Doc:
    """A comment, and below it what follows."""
    return tuple(part for line in comment for part in (line, HARD))


def one_of(choices: Sequence[Type]) -> Type:
    """The union: without what is there twice, what another choice includes, or is anything; null comes last."""
    found: dict[Type, None] = {}
    for choice in choices:
        found |= dict.fromkeys(choice.choices if isinstance(choice, Union) else (choice,))
    if UNKNOWN in found:
        return UNKNOWN
    kept = [each for each in found if each not in (NULL, NEVER) and not (found.keys() & _including(each))]
    if NULL in found:
        kept.append(NULL)
    return Union(tuple(kept)) if len(kept) > 1 else kept[0] if kept else NEVER


def _including(type: Type) -> set[Type]:
    """What includes a literal."""
    if not isinstance(type, Named):
        return set()
    if type.text[0] == '"':
        return {STRING}
    if type.text in ("true", "false"):
        return {BOOLEAN}
    return {NUMBER} if type.text[0] in "-0123456789" else set()


def _union(type: Union, place: Place) -> Doc:
    if _is_whole(type):
        return join(" | ", [written(each) for each in type.choices])
    choices = join((LINE, "| "), [Indent(_choice(each)) for each in type.choices])
    if place == "argument":
        return Group((IfBroken("| "), choices))
    if place == "element":
        inner = (IfBroken("| "), choices)
        return Group((Indent((IfBroken(("(", SOFT)), inner)), SOFT, IfBroken(")")))
    return Group(Indent((IfBroken((LINE, "| ")), choices)))


def _is_whole(type: Union) -> bool:
    """Whether the line is not broken between the choices: something that has a name or braces of its own, or null."""
    first = type.choices[0]
    if len(type.choices) != 2 or type.choices[1] != NULL:
        return False
    if isinstance(first, Named):
        return first.text.isidentifier() and first not in _KEYWORDS
    return isinstance(first, Generic | Mapped | Object)


def _choice(type: Type) -> Doc:
    return ("(", written(type), ")") if isinstance(type, Intersection) else written(type)


def _bracketed(type: Type) -> Doc:
    """Inside of something that binds closer."""
    if not isinstance(type, Union | Intersection):
        return written(type)
    if isinstance(type, Intersection) or _is_whole(type):
        return ("(", written(type), ")")
    choices = join((LINE, "| "), [Indent(_choice(each)) for each in type.choices])
    return ("(", Group((Indent((IfBroken((LINE, "| ")), choices)), SOFT)), ")")


def _intersection(type: Intersection) -> Doc:
    parts: list[Doc] = []
    for index, part in enumerate(type.parts):
        if not index:
            parts.append(_bracketed(part))
        elif isinstance(part, Object) != isinstance(type.parts[index - 1], Object):
            parts.append((" & ", _bracketed(part)))
        else:
            parts.append(Indent((" &", LINE, _bracketed(part))))
    return Group(tuple(parts))


def _tuple(type: Tuple) -> Doc:
    if not type.items and type.rest is None:
        return "[]"
    place: Place = "element" if len(type.items) + (type.rest is not None) > 1 else "argument"
    items: list[Doc] = []
    for index, item in enumerate(type.items):
        if index < type.required:
            items.append(written(item, place))
        else:
            items.append((_bracketed(item), "?"))
    if type.rest is not None:
        items.append(("...", _bracketed(type.rest), "[]"))
    return Group(("[", Indent((SOFT, join((",", LINE), items))), IfBroken(","), SOFT, "]"))


def _generic(type: Generic) -> Doc:
    arguments = [written(each, "argument") for each in type.arguments]
    return Group((type.name, "<", Indent((SOFT, join((",", LINE), arguments))), SOFT, ">"))


def _object(type: Object) -> Doc:
    is_open = type.is_open or any(each.comment for each in type.members)
    edge = HARD if is_open else LINE
    members = [(commented(each.comment), each.head, written(each.type)) for each in type.members]
    return Group(("{", Indent((edge, join((";", edge), members))), IfBroken(";"), edge, "}"))
