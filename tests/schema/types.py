"""Types at random, as applications have them in their payloads."""

from __future__ import annotations

import itertools
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar, Union
from uuid import UUID

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypeAliasType, TypedDict

T = TypeVar("T")

_numbers = itertools.count()


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Tree(BaseModel):
    """Recursive."""

    name: str
    children: list[Tree] = []
    parent: Tree | None = None


class Box(BaseModel, Generic[T]):
    content: T
    label: str = ""


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: int = 0


class Open(BaseModel):
    """With other properties, all of one type."""

    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]
    model_config = ConfigDict(extra="allow")

    name: str


Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | float | bool | None")


class Left(BaseModel):
    side: Literal["left"]
    turns: int


class Right(BaseModel):
    side: Literal["right"] = "right"
    steps: list[int] = []


Side = Annotated[Left | Right, Field(discriminator="side")]

# Types made of types that are not known before.
LIST: Any = list
DICT: Any = dict
TUPLE: Any = tuple
UNION: Any = Union
BOX: Any = Box

PLAIN: list[Any] = [
    int,
    float,
    str,
    bool,
    None,
    date,
    datetime,
    time,
    timedelta,
    UUID,
    Decimal,
    Colour,
    Level,
    Tree,
    Side,
    Any,
    Json,
    Movie,
    Point,
    Open,
    dict[Literal["a", "b"], int],
    dict[Annotated[str, Field(pattern="^x-")], int],
    Literal["a", "b", 3],
    Literal["what is longer than a line", "when it is written", "beside of what else", "there may be to choose from"],
    Annotated[int, Field(ge=-5, lt=10)],
    Annotated[int, Field(multiple_of=3, gt=0)],
    Annotated[float, Field(gt=0, le=1)],
    Annotated[str, Field(min_length=2, max_length=5)],
    Annotated[str, Field(pattern=r"^[a-z]{1,8}(-\d+)?$")],
    Annotated[Decimal, Field(ge=0)],
    Annotated[Decimal, Field(max_digits=5, decimal_places=2)],
]


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda each: LIST[each]),
        inner.map(lambda each: Annotated[LIST[each], Field(min_length=1, max_length=3)]),
        inner.map(lambda each: DICT[str, each]),
        inner.map(lambda each: DICT[int, each]),
        inner.map(lambda each: DICT[Colour, each]),
        inner.map(lambda each: TUPLE[each, ...]),
        inner.map(lambda each: UNION[each, None]),
        inner.map(lambda each: BOX[each]),
        st.tuples(inner, inner).map(lambda pair: TUPLE[pair]),
        st.tuples(inner, inner).map(lambda pair: UNION[pair]),
        st.lists(inner, max_size=3).map(_model),
    )


def _model(fields: list[Any]) -> type[BaseModel]:
    number = next(_numbers)
    given: dict[str, Any] = {}
    for index, annotation in enumerate(fields):
        if index == 0:
            given[f"field_{index}"] = (annotation, Field(alias="theField"))
        elif index == 1:
            given[f"field_{index}"] = (UNION[annotation, None], None)
        else:
            given[f"field_{index}"] = (annotation, ...)
    config = ConfigDict(extra="forbid" if number % 2 else "ignore")
    return create_model(f"Model{number}", __config__=config, **given)


types: st.SearchStrategy[Any] = st.recursive(st.sampled_from(PLAIN), _containers, max_leaves=4)
"""Any of them."""
