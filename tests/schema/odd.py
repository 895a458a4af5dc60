"""An application of names and types that TypeScript has its difficulties with."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from microsockets import Application, Ask, Namespace, Socket, on
from microsockets import Error as Failure
from microsockets import Event as Sent
from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema, create_model
from typing_extensions import TypeAliasType, TypedDict

Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | float | bool | None")
Sizes = TypeAliasType("Sizes", "dict[Size, Sizes | int]")
Keys = TypeAliasType("Keys", "dict[key, Keys | int]")


class Size(Enum):
    SMALL = "small"
    LARGE = "large */"


class key(Enum):
    FIRST = "first"
    SECOND = "second"


class Level(IntEnum):
    LOW = -1
    HIGH = 1


class Node(RootModel["list[Node] | int"]):
    """A tree of numbers."""


class Point(NamedTuple):
    x: int
    y: int = 0


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """Ends here */ or /* not.

    \tAnd here.
    """

    model_config = ConfigDict(extra="allow")

    name: str = Field(alias="the name", description="A tab\tand a line\u2028of its own.")


class Counted(BaseModel):
    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]
    model_config = ConfigDict(extra="allow")

    total: int
    name: str = ""


class Added(BaseModel):
    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]
    model_config = ConfigDict(extra="allow")

    total: int


# Nothing that pydantic knows has a rest.
Rest = Annotated[
    list[Any],
    WithJsonSchema({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}, "minItems": 1}),
]
WideRest = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "prefixItems": [{"enum": ["the first of many choices", "the second of many choices"]}],
            "items": {"enum": ["the first of many choices", "the second of many choices", "the third"]},
        }
    ),
]


class Everything(BaseModel):
    json_: Json = Field(alias="json")
    sizes: Sizes
    keys: Keys
    node: Node
    point: Point
    movie: Movie
    nothing: Nothing
    open: Open
    counted: Counted
    added: Added
    level: Level
    mixed: Literal["a", "b\n", 3, -1, True, None]
    every: bool | Literal["yes"]
    rest: Rest
    many: tuple[int | None, ...]
    none: tuple[()]
    pairs: list[tuple[str, int] | None]
    unique: set[date]
    frozen: frozenset[int | str]
    by_pattern: dict[Annotated[str, Field(pattern="^x-")], int]
    by_size: dict[Size, list[Level]]
    by_literal: dict[Literal["a", "b"], int]
    by_number: dict[int, datetime]
    loose: dict[str, Any]
    bare_list: list[Any]
    raw: bytes
    wide: Annotated[
        Literal["the first of many choices", "the second of many choices", "the third", "the fourth", "the fifth"],
        Field(description="More than a line can hold, with a description that is longer than a line can hold, too."),
    ] = "the third"
    wide_list: list[Literal["the first of many choices", "the second of many choices", "the third", "the fourth"]]
    wide_map: dict[str, Literal["the first of many choices", "the second of many choices", "the third"]]
    wide_tuple: tuple[
        Literal["the first of many choices", "the second of many choices"], Literal["the third of many choices"]
    ]
    wide_rest: WideRest
    wide_parts: dict[Size, dict[str, Literal["the first of many choices", "the second of many choices"] | None]]
    old: int = Field(0, deprecated=True)
    class_: int = Field(alias="class")
    dollar: int = Field(alias="$dollar")
    umlaut: int = Field(alias="größe")
    dashed: int = Field(alias="x-ray")
    digits: int = Field(alias="1st")
    prototype: int = Field(alias="__proto__")
    quoted: int = Field(alias='"')


def _model(name: str) -> type[BaseModel]:
    return create_model(name, value=(int, ...))


WORDS = [
    *("any", "boolean", "class", "default", "interface", "never", "null", "number", "object", "string", "symbol"),
    *("type", "undefined", "unknown", "void", "readonly", "keyof", "unique", "infer", "asserts", "await", "async"),
    *("abstract", "bigint", "declare", "enum", "global", "intrinsic", "is", "module", "namespace", "of", "out"),
    *("require", "satisfies", "static", "this", "typeof", "accessor", "override", "exports", "arguments", "eval"),
]
GLOBALS = ["Array", "Contract", "Date", "Error", "Event", "Map", "Partial", "Promise", "Record", "Set", "String"]
FIELDS: dict[str, Any] = {f"field_{number}": (_model(name), ...) for number, name in enumerate([*WORDS, *GLOBALS])}
Named: Any = create_model("Named", **FIELDS)


class Odd(BaseModel):
    """Called like its namespace."""


class TooOdd(BaseModel):
    """Called like an error."""


class FirstError(Failure):
    code = "too_odd"
    details: TooOdd | None


class SecondError(Failure):
    code = "too_odd"
    details: int


class _Odd(Namespace, path="/odd/*/{number}"):
    """Where */ is."""

    everything = Sent[Everything]("every*/thing")
    """Is */ sent."""
    names: Sent[Any] = Sent[Named]()
    odd = Sent[Odd]()
    when = Ask[None, datetime]()

    async def on_connect(self, ws: Socket, params: dict[str, str]) -> None: ...

    @on(raises=[FirstError])
    async def on_first(self, ws: Socket, payload: Everything) -> Literal["the first of many choices", "the second"]:
        raise NotImplementedError

    @on(raises=[FirstError])
    async def on_again(self, ws: Socket) -> None: ...

    @on(raises=[SecondError])
    async def on_second(self, ws: Socket) -> None: ...

    async def on_constructor(self, ws: Socket, payload: dict[str, Everything | None] = {}) -> Everything | None: ...  # noqa: B006


_Odd.__name__ = "Odd"
app = Application(_Odd)
