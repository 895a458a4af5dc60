"""fail_fast.py: a validator that accepts what the first one accepts, and stops at the first wrong element."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from microsockets.fail_fast import fail_fast
from microsockets.payloads import Codec
from pydantic import BaseModel, Field, RootModel, TypeAdapter, ValidationError
from typing_extensions import TypedDict


class Message(BaseModel):
    """Its fields have the names of what a schema is made of."""

    type: str
    default: list[int] = []
    metadata: dict[str, int] = {}
    serialization: list[int] = []
    schema_: list[int] = Field(default=[], alias="schema")
    fields: set[int] = set()
    choices: tuple[int, ...] = ()


class Typed(TypedDict):
    type: list[int]
    config: str


class Cat(BaseModel):
    type: Literal["cat"]
    lives: list[int]


class Dog(BaseModel):
    type: Literal["dog"]
    tricks: list[str]


class Tree(BaseModel):
    type: str
    children: list[Tree] = []


class Root(RootModel[list[Typed]]):
    pass


Pet = Annotated[Cat | Dog, Field(discriminator="type")]

KINDS: list[tuple[Any, Any]] = [
    (Message, {"type": "a", "default": [1], "metadata": {"a": 1}, "schema": [1], "fields": [1], "choices": [1]}),
    (Typed, {"type": [1], "config": "a"}),
    (list[Typed], [{"type": [1], "config": "a"}]),
    (Pet, {"type": "dog", "tricks": ["sit"]}),
    (Tree, {"type": "a", "children": [{"type": "b", "children": []}]}),
    (Root, [{"type": [], "config": ""}]),
    (dict[str, list[int]], {"type": [1], "default": [2]}),
]


@pytest.mark.parametrize(("type_", "value"), KINDS, ids=[str(type_) for type_, _ in KINDS])
def test_it_reads_what_the_ordinary_validator_reads(type_: Any, value: Any) -> None:
    adapter = TypeAdapter(type_)
    data = json.dumps(value)
    assert fail_fast(adapter).validate_json(data) == adapter.validate_json(data)


@pytest.mark.parametrize("field", ["default", "schema", "serialization", "fields", "choices"])
def test_it_stops_at_the_first_wrong_element_whatever_the_field_is_called(field: str) -> None:
    data = json.dumps({"type": "a", field: ["wrong"] * 100})
    with pytest.raises(ValidationError) as failed:
        fail_fast(TypeAdapter(Message)).validate_json(data)
    assert failed.value.error_count() <= 2


def test_a_large_payload_with_a_field_called_type_is_read() -> None:
    codec: Codec[Message] = Codec(Message)
    assert codec.decode(json.dumps({"type": "x" * 5000}).encode()).type == "x" * 5000
