"""Examples: those that models give, and else the simplest that is valid."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pytest
from microsockets import Application, Ask, Event, Namespace, Socket
from microsockets.schema import read_contract, read_samples
from microsockets.schema.definitions import Definitions, Use
from microsockets.schema.patterns import matching
from microsockets.schema.samples import Sampler
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter


def sample(annotation: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    definitions = Definitions([Use("here", None, adapter, "validation")], strict=True)
    return Sampler(definitions.shared).sample(definitions.schema(adapter, "validation"))


class Given(BaseModel):
    name: str = Field(examples=["Ada", "Bea"])
    age: int | None = Field(None, examples=[36])
    other: str = "left out"


class Whole(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"a": 7}]})
    a: int


class Tree(BaseModel):
    name: str
    left: Tree | None = None
    branches: list[Tree]


class Endless(BaseModel):
    next: Endless


class Keys(BaseModel):
    words: dict[str, int]
    codes: dict[Annotated[str, Field(pattern="^[a-z]{2}$")], int]
    numbers: Annotated[dict[int, str], Field(min_length=2)]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Given, {"name": "Ada", "age": 36}),
        (Whole, {"a": 7}),
        (list[Whole], [{"a": 7}]),
        (Tree, {"name": "text", "branches": []}),
        (Literal["b", "a"], "b"),
        (Literal["only"], "only"),
        (str | None, "text"),
        (None, None),
        (bool, True),
        (Any, "text"),
        (tuple[int, str], [1, "text"]),
        (Annotated[list[int], Field(min_length=2)], [1, 1]),
        (Annotated[list[int], Field(max_length=0)], []),
        (Annotated[set[int], Field(min_length=3)], [1, 2, 3]),
        (Annotated[set[str], Field(min_length=2)], ["text", "text1"]),
        (Annotated[str, Field(min_length=6)], "textxx"),
        (Annotated[str, Field(max_length=2)], "te"),
        (Annotated[str, Field(pattern=r"^\d{3}-[A-Z]+$")], "000-A"),
        (Annotated[int, Field(gt=5)], 6),
        (Annotated[int, Field(lt=-5)], -6),
        (Annotated[int, Field(ge=10, multiple_of=7)], 14),
        (Annotated[int, Field(le=-10, multiple_of=7)], -14),
        (Annotated[float, Field(gt=2, lt=3)], 2.5),
        (Annotated[float, Field(gt=2)], 3),
        (Annotated[float, Field(lt=0)], -1),
        (Annotated[float, Field(le=0.5)], 0.5),
        (Endless, None),
        (Annotated[str, Field(pattern="^a$", min_length=2)], None),
        (Annotated[int, Field(gt=1, lt=2)], None),
        (Annotated[int, Field(gt=0, lt=5, multiple_of=7)], None),
    ],
    ids=str,
)
def test_the_sample_of(annotation: Any, expected: Any) -> None:
    assert sample(annotation) == expected


def test_keys_are_such_as_are_allowed() -> None:
    made = sample(Keys)
    TypeAdapter(Keys).validate_python(made)
    assert re.fullmatch("[a-z]{2}", next(iter(made["codes"])))
    assert len(made["numbers"]) == 2


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, "text"),
        (False, None),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, 3),
        ({"type": ["integer", "null"]}, 1),
        ({"properties": {"a": {"const": 1}}, "required": ["a"]}, {"a": 1}),
        ({"anyOf": [False, {"type": "null"}]}, None),
        ({"type": "array", "items": False, "minItems": 1}, None),
        ({"type": "array", "items": False}, []),
        ({"type": "object", "minProperties": 1, "additionalProperties": False}, None),
    ],
    ids=str,
)
def test_the_sample_of_a_schema(schema: Any, expected: Any) -> None:
    assert Sampler({}).sample(schema) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "^abc$",
        "a|b",
        "^[^a]$",
        "^[^a-z]$",
        r"^\w+@\w+\.[a-z]{2,}$",
        r"^\d+(\.\d{1,2})?$",
        r"^[\s]\S\D\W$",
        r"^(a|b)\1$",
        r"^(?P<x>q+)(?P=x)$",
        r"^(?!b)[a-z]+$",
        "^.{5}$",
        "^[^\\d]$",
        "^[-+]?$",
        "^a*?b+?$",
    ],
)
@pytest.mark.parametrize("length", [0, 3])
def test_a_string_matches_its_pattern(pattern: str, length: int) -> None:
    found = matching(pattern, length)
    assert found is None or (re.search(pattern, found) and len(found) >= length)
    assert found is not None or length


@pytest.mark.parametrize("pattern", ["(", "[", "^a(?=b)$", "(?<=x)^y", "^[^\\x00-\\U0010ffff]$"])
def test_what_nothing_is_found_for(pattern: str) -> None:
    assert matching(pattern) is None


def _refuse(value: str) -> str:
    raise KeyError(value)


class Picky(Namespace, path="/picky"):
    never = Event[Annotated[str, AfterValidator(_refuse)]]()
    sure = Ask[Given, bool]()

    async def on_refused(self, ws: Socket, payload: Annotated[str, AfterValidator(_refuse)]) -> None: ...

    async def on_taken(self, ws: Socket, payload: Given) -> None: ...

    async def on_nothing(self, ws: Socket) -> None: ...


def test_what_the_server_would_refuse_is_no_example() -> None:
    namespaces = Application(Picky).namespaces
    samples = read_samples(namespaces, read_contract(namespaces))["/picky"]
    assert samples == {
        "in": {"taken": {"name": "Ada", "age": 36}},
        "out": {},
        "asks": {"sure": {"name": "Ada", "age": 36, "other": "text"}},
        "answers": {"sure": True},
    }
