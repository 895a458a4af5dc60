"""Payloads both ways: any type pydantic validates, on the way in and on the way out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

import pytest
from microsockets import Application, Namespace, Socket
from microsockets.testing import Client, RequestFailed
from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import TypedDict

T = TypeVar("T")


class Point(BaseModel):
    x: int
    y: int = 0


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    at: datetime
    day: date
    id: UUID
    tags: tuple[str, ...]
    size: int


class Aliased(BaseModel):
    user_name: str = Field(alias="userName")


class SplitAlias(BaseModel):
    user_name: str = Field(validation_alias="in", serialization_alias="out")


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclass
class Box:
    width: int
    label: str = "box"


class Movie(TypedDict):
    title: str
    year: int


class Pair(NamedTuple):
    left: int
    right: str


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Page(BaseModel, Generic[T]):
    items: list[T]


class Names(RootModel[list[str]]): ...


class Node(BaseModel):
    children: list[Node] = []


Room = Annotated[str, Field(min_length=1, max_length=4)]

NOON = "2026-05-01T12:00:00Z"
UUID_TEXT = "12345678-1234-5678-1234-567812345678"
STRICT = {"at": NOON, "day": "2026-05-01", "id": UUID_TEXT, "tags": ["a"], "size": 1}

# type, JSON on the wire, the value a handler gets, JSON the type refuses
TYPES: dict[str, tuple[Any, Any, Any, Any]] = {
    "model": (Point, {"x": 1, "y": 2}, Point(x=1, y=2), {"y": 2}),
    "strict model": (
        Strict,
        STRICT,
        Strict(at=datetime(2026, 5, 1, 12, tzinfo=UTC), day=date(2026, 5, 1), id=UUID(UUID_TEXT), tags=("a",), size=1),
        {**STRICT, "size": "1"},
    ),
    "aliases": (Aliased, {"userName": "ada"}, Aliased(userName="ada"), {"user_name": "ada"}),
    "discriminated union": (Pet, {"kind": "dog", "tricks": ["sit"]}, Dog(kind="dog", tricks=["sit"]), {"kind": "cow"}),
    "dataclass": (Box, {"width": 3, "label": "b"}, Box(3, "b"), {"label": "b"}),
    "TypedDict": (Movie, {"title": "M", "year": 1931}, {"title": "M", "year": 1931}, {"title": "M"}),
    "NamedTuple": (Pair, [1, "b"], Pair(1, "b"), ["a", "b"]),
    "enum": (Colour, "red", Colour.RED, "green"),
    "generic model": (Page[Point], {"items": [{"x": 1, "y": 0}]}, Page[Point](items=[Point(x=1)]), {"items": [1]}),
    "root model": (Names, ["ada"], Names(["ada"]), [1]),
    "recursive model": (Node, {"children": [{"children": []}]}, Node(children=[Node()]), {"children": [1]}),
    "list": (list[Point], [{"x": 1, "y": 2}], [Point(x=1, y=2)], {"x": 1}),
    "dict": (dict[str, int], {"a": 1}, {"a": 1}, {"a": "b"}),
    "dict with int keys": (dict[int, str], {"1": "a"}, {1: "a"}, {"a": "a"}),
    "set": (set[int], [1], {1}, ["a"]),
    "tuple": (tuple[int, str], [1, "a"], (1, "a"), [1]),
    "int": (int, 5, 5, "five"),
    "big int": (int, 2**70, 2**70, 1.5),
    "float": (float, 1.5, 1.5, "a"),
    "bool": (bool, False, False, "maybe"),
    "str": (str, "ünïcode 🎈 \u0000", "ünïcode 🎈 \u0000", 5),
    "None": (None, None, None, 0),
    "Literal": (Literal["a", 1], "a", "a", "b"),
    "optional": (int | None, None, None, "a"),
    "constrained": (Room, "abcd", "abcd", "abcde"),
    "datetime": (datetime, NOON, datetime(2026, 5, 1, 12, tzinfo=UTC), "noon"),
    "timedelta": (timedelta, "PT1H", timedelta(hours=1), "an hour"),
    "UUID": (UUID, UUID_TEXT, UUID(UUID_TEXT), "x"),
    "Decimal": (Decimal, "1.10", Decimal("1.10"), "x"),
    "bytes": (bytes, "text", b"text", 5),
}


def echo(type_: Any) -> tuple[type[Namespace], list[Any]]:
    """A namespace that answers a payload of this type with itself, and what its handler got."""
    received: list[Any] = []

    async def on_echo(self: Any, ws: Socket, payload: Any) -> Any:
        received.append(payload)
        return payload

    on_echo.__annotations__.update({"payload": type_, "return": type_})
    return type("Echo", (Namespace,), {"on_echo": on_echo}, path="/"), received


@pytest.mark.parametrize("name", TYPES)
async def test_a_payload_of_any_type_pydantic_validates_goes_both_ways(name: str) -> None:
    type_, json_value, value, _ = TYPES[name]
    namespace, received = echo(type_)
    async with Client(Application(namespace)) as client:
        assert await (await client.connect()).request("echo", json_value) == json_value
    assert received == [value]
    assert type(received[0]) is type(value)


@pytest.mark.parametrize("name", TYPES)
async def test_a_payload_its_type_refuses_never_reaches_the_handler(name: str) -> None:
    type_, json_value, _, wrong = TYPES[name]
    namespace, received = echo(type_)
    async with Client(Application(namespace)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed) as failed:
            await alice.request("echo", wrong)
        assert failed.value.code == "invalid_payload"
        assert failed.value.details
        assert all(problem.keys() == {"loc", "msg", "type"} for problem in failed.value.details)
        assert received == []
        assert await alice.request("echo", json_value) == json_value


async def test_invalid_payload_without_an_id_is_an_error_event_that_names_the_event() -> None:
    namespace, received = echo(Point)
    async with Client(Application(namespace)) as client:
        alice = await client.connect()
        await alice.send("echo", {"x": "one"})
        error = await alice.receive("$error")
        assert error["code"] == "invalid_payload"
        assert error["event"] == "echo"
        assert [problem["loc"] for problem in error["details"]] == [["x"]]
    assert received == []


async def test_the_details_of_invalid_payload_are_where_what_and_which_but_never_the_input() -> None:
    namespace, _ = echo(list[Point])
    async with Client(Application(namespace)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed) as failed:
            await alice.request("echo", [{"x": 1}, {"x": "hunter2", "y": []}])
    assert [(problem["loc"], problem["type"]) for problem in failed.value.details] == [
        ([1, "x"], "int_parsing"),
        ([1, "y"], "int_type"),
    ]
    assert "hunter2" not in str(failed.value) + str(failed.value.details)


async def test_validation_and_serialization_aliases_may_differ() -> None:
    class Chat(Namespace, path="/"):
        async def on_rename(self, ws: Socket, payload: SplitAlias) -> SplitAlias:
            return payload

    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("rename", {"in": "ada"}) == {"out": "ada"}


async def test_fields_with_defaults_may_be_absent_from_a_payload() -> None:
    namespace, received = echo(Point)
    async with Client(Application(namespace)) as client:
        assert await (await client.connect()).request("echo", {"x": 1}) == {"x": 1, "y": 0}
    assert received == [Point(x=1, y=0)]


# Absent payloads


class Absent(Namespace, path="/"):
    async def on_needed(self, ws: Socket, payload: int) -> int:
        return payload

    async def on_defaulted(self, ws: Socket, payload: int = 7) -> int:
        return payload

    async def on_optional(self, ws: Socket, payload: int | None = None) -> str:
        return repr(payload)

    async def on_nullable(self, ws: Socket, payload: int | None) -> str:
        return repr(payload)

    async def on_model(self, ws: Socket, payload: Point = Point(x=1)) -> Point:  # noqa: B008
        return payload

    async def on_text(self, ws: Socket, payload: str = "default") -> str:
        return payload

    async def on_anything(self, ws: Socket, payload: Any = "default") -> Any:
        return payload


@pytest.mark.parametrize(
    ("event", "default"),
    [("defaulted", 7), ("optional", "None"), ("model", {"x": 1, "y": 0}), ("text", "default"), ("anything", "default")],
)
@pytest.mark.parametrize("v1", [True, False])
async def test_an_absent_payload_is_the_parameters_default(event: str, default: Any, v1: bool) -> None:
    async with Client(Application(Absent)) as client:
        assert await (await client.connect(v1=v1)).request(event) == default


@pytest.mark.parametrize("event", ["needed", "nullable"])
async def test_an_absent_payload_without_a_default_is_invalid(event: str) -> None:
    async with Client(Application(Absent)) as client:
        with pytest.raises(RequestFailed) as failed:
            await (await client.connect()).request(event)
    assert failed.value.code == "invalid_payload"
    assert [problem["type"] for problem in failed.value.details] == ["missing"]


async def test_null_is_a_payload_and_not_an_absent_one() -> None:
    async with Client(Application(Absent)) as client:
        alice = await client.connect()
        assert await alice.request("nullable", None) == "None"
        assert await alice.request("anything", None) is None
        for event in ("needed", "defaulted"):
            with pytest.raises(RequestFailed, match="invalid_payload"):
                await alice.request(event, None)


async def test_an_empty_string_of_a_plain_peer_counts_as_absent_where_the_type_refuses_strings() -> None:
    async with Client(Application(Absent)) as client:
        plain = await client.connect(v1=False)
        assert await plain.request("defaulted", "") == 7
        assert await plain.request("model", "") == {"x": 1, "y": 0}
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await plain.request("needed", "")


async def test_an_empty_string_where_the_type_takes_strings_is_an_empty_string() -> None:
    async with Client(Application(Absent)) as client:
        plain = await client.connect(v1=False)
        assert await plain.request("text", "") == ""
        assert await plain.request("anything", "") == ""


async def test_an_empty_string_of_a_v1_peer_is_never_absent() -> None:
    async with Client(Application(Absent)) as client:
        alice = await client.connect()
        assert await alice.request("text", "") == ""
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await alice.request("defaulted", "")


async def test_a_default_is_given_as_it_is() -> None:
    marker = object()

    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket, payload: Any = marker) -> bool:
            return payload is marker

    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("say") is True
