"""Types in error messages, in `microsockets routes` and in generated names."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union

import pytest
from microsockets.payloads import Codec
from microsockets.schema.definitions import Definitions, Use
from microsockets.type_names import readable
from pydantic import AfterValidator, BaseModel, Field

T = TypeVar("T")
K = TypeVar("K")


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Page(BaseModel, Generic[T]):
    items: list[T]


class Pair(BaseModel, Generic[K, T]):
    first: K
    second: T


class Size(enum.Enum):
    BIG = "b"


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (None, "None"),
        (int, "int"),
        (Annotated[int, Field(gt=3)], "int"),
        (Cat, "Cat"),
        (Size, "Size"),
        (Cat | None, "Cat | None"),
        (Optional[Cat], "Cat | None"),  # noqa: UP045
        (Union[list[Cat], dict[str, Dog]], "list[Cat] | dict[str, Dog]"),  # noqa: UP007
        (list[Cat] | dict[str, Dog], "list[Cat] | dict[str, Dog]"),
        (list[Annotated[int, Field(gt=3, description="a, b] | c")]], "list[int]"),
        (Page[Cat], "Page[Cat]"),
        (Page[Pet], "Page[Cat | Dog]"),
        (Page[Annotated[int, Field(description='"it\'s", [one')]], "Page[int]"),
        (Pair[Pet, Page[Pet | None]], "Pair[Cat | Dog, Page[Cat | Dog | None]]"),
        (Literal["a.b", "c, d", "e]"], "Literal['a.b', 'c, d', 'e]']"),
        (dict[str, tuple[int, None]], "dict[str, tuple[int, None]]"),
        (Any, "Any"),
    ],
)
def test_it_is_written_as_a_developer_would(annotation: Any, name: str) -> None:
    assert Codec[Any](annotation).name == name


@pytest.mark.parametrize("text", ["", "[", "]", "a[", "'", "Annotated[]", "x['\\']", "Union[,]", ")("])
def test_what_is_no_type_is_no_error(text: str) -> None:
    assert isinstance(readable(text), str)


def test_modules_are_left_out_wherever_they_are() -> None:
    assert readable(str(AsyncIterator[Cat])) == "AsyncIterator[Cat]"


def names(*annotations: Any) -> list[str]:
    codecs = [Codec[Any](annotation) for annotation in annotations]
    return list(Definitions([Use("here", None, each.adapter, "validation") for each in codecs], strict=True).shared)


def test_schemas_are_named_after_what_is_in_them() -> None:
    assert names(Page[Pet], Page[Annotated[int, Field(gt=3)]]) == ["Cat", "Dog", "PageCatDog", "PageInt"]


def test_types_that_read_the_same_have_names_of_their_own() -> None:
    many = [Page[Annotated[float, Field(gt=bound)]] for bound in (3.5, 4.5)]
    assert names(*many) == names(*reversed(many)) == ["PageFloat", "PageFloat_"]


def test_functions_have_no_place_in_names() -> None:
    assert names(Page[Annotated[int, AfterValidator(lambda value: value)]]) == ["PageInt"]
