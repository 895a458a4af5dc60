"""Whom a change of the contract breaks: each kind of change, in what clients send and in what the server sends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Optional, Union
from uuid import UUID

import pytest
from microsockets import Application, Ask, Error, Event, Namespace, Socket, on
from microsockets.schema import read_contract
from microsockets.schema.compatibility import Change, compare, report
from microsockets.schema.rules import RULES
from pydantic import UUID4, BaseModel, ConfigDict, Discriminator, Field, Json, Tag, create_model
from typing_extensions import TypeAliasType, TypedDict

ROOT = Path(__file__).parents[2]


def contract(*namespaces: type[Namespace]) -> dict[str, Any]:
    return read_contract(Application(*namespaces).namespaces)


def taking(kind: Any) -> dict[str, Any]:
    class Chat(Namespace, path="/chat"):
        async def on_say(self, ws: Socket, payload: kind) -> None: ...

    return contract(Chat)


def sending(kind: Any) -> dict[str, Any]:
    class Chat(Namespace, path="/chat"):
        said = Event[kind]()

    return contract(Chat)


def told(changes: Sequence[Change]) -> set[str]:
    """`.text field-required!` for each change of a payload; the mark is for what breaks."""
    return {f"{change.part.removeprefix('payload')} {change.rule}{'!' * change.breaking}".strip() for change in changes}


def model(name: str = "Line", config: ConfigDict | None = None, **fields: Any) -> Any:
    given = {key: value if isinstance(value, tuple) else (value, ...) for key, value in fields.items()}
    return create_model(name, __config__=config, **given)


STRICT = ConfigDict(extra="forbid")
OPEN = ConfigDict(extra="allow")


class Sparse(TypedDict):
    text: NotRequired[str]


class Full(TypedDict):
    text: str


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Tom(BaseModel):
    """A cat by another name."""

    kind: Literal["cat"]
    lives: int


class Kitten(BaseModel):
    kind: Literal["cat"]
    lives: float


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


def tagged(*members: Any) -> Any:
    return Annotated[Union[members], Field(discriminator="kind")]


def sorted_by(function: Any, *members: Any) -> Any:
    return Annotated[Union[tuple(Annotated[each, Tag(str(number))] for number, each in enumerate(members))], function]


CALLABLE = Discriminator(lambda value: "0")


def enum(*values: Any) -> Any:
    return Enum("Colour", {f"C{number}": value for number, value in enumerate(values)})


def tree(leaf: Any) -> Any:
    """Recursive."""
    Tree = TypeAliasType("Tree", Union[list["Tree"], leaf])  # type: ignore[misc, valid-type]
    return Tree


def number(**bounds: Any) -> Any:
    return Annotated[int, Field(**bounds)]


def string(**bounds: Any) -> Any:
    return Annotated[str, Field(**bounds)]


def items(**bounds: Any) -> Any:
    return Annotated[list[int], Field(**bounds)]


def keys(**bounds: Any) -> Any:
    return dict[string(**bounds), int]


SAME = set[str]()

# What it is, before, after, what clients send, what the server sends.
CHANGES: list[tuple[str, Any, Any, set[str], set[str]]] = [
    # Fields
    (
        "a new required field",
        model(text=str),
        model(text=str, room=str),
        {".room field-required!"},
        {".room field-added"},
    ),
    (
        "a new field of those that may be missing",
        model(text=str),
        model(text=str, room=(str | None, None)),
        {".room field-added"},
        {".room field-added"},
    ),
    ("a field less", model(text=str, room=str), model(text=str), {".room field-removed"}, {".room field-removed!"}),
    (
        "a field less where others are refused",
        model(config=STRICT, text=str, room=str),
        model(config=STRICT, text=str),
        {".room field-refused!"},
        {".room field-removed!"},
    ),
    (
        "a new field where others are refused",
        model(config=STRICT, text=str),
        model(config=STRICT, text=str, room=str),
        {".room field-required!"},
        {".room field-unexpected!"},
    ),
    (
        "a new field with a name that others may have",
        model(config=OPEN, text=str),
        model(config=OPEN, text=str, room=(int | None, None)),
        {".room field-added", ".room type-narrowed!"},
        {".room field-added", ".room type-narrowed"},
    ),
    (
        "a field less where it is one of the others",
        model(config=OPEN, room=int),
        model(config=OPEN),
        {".room field-removed"},
        {".room field-removed!"},
    ),
    ("a field that becomes required", Sparse, Full, {".text field-required!"}, {".text field-required"}),
    ("a field that may be missing", Full, Sparse, {".text field-optional"}, {".text field-optional!"}),
    ("unknown fields refused", model(), model(config=STRICT), {"others-refused!"}, {"others-refused"}),
    ("unknown fields ignored", model(config=STRICT), model(), {"others-accepted"}, SAME),
    ("unknown fields kept", model(config=STRICT), model(config=OPEN), {"others-accepted"}, {"others-accepted!"}),
    (
        "an object for any of these",
        dict[str, int],
        model(count=int),
        {".count field-required!", "{} type-widened"},
        {".count field-added"},
    ),
    (
        "any of these for an object",
        model(count=int),
        dict[str, str],
        {".count field-removed", ".count type-changed!", "{} type-narrowed!"},
        {".count field-removed!", "{} type-narrowed"},
    ),
    ("another type of all values", dict[str, int], dict[str, float], {"{} type-widened"}, {"{} type-widened!"}),
    # Types
    ("another type", int, str, {"type-changed!"}, {"type-changed!"}),
    ("a wider number", int, float, {"type-widened"}, {"type-widened!"}),
    ("a narrower number", float, int, {"type-narrowed!"}, {"type-narrowed"}),
    ("anything", str, Any, {"type-widened"}, {"type-widened!"}),
    ("no longer anything", Any, str, {"type-narrowed!"}, {"type-narrowed"}),
    ("null, too", str, Optional[str], {"null-added"}, {"null-added!"}),
    ("no null", Optional[str], str, {"null-removed!"}, {"null-removed"}),
    ("null, too, of a model", model(text=str), Optional[model(text=str)], {"null-added"}, {"null-added!"}),
    ("one more type", int, Union[int, str], {"member-added"}, {"member-added!"}),
    ("one type less", Union[int, str], int, {"member-removed!"}, {"member-removed"}),
    ("the order of types", Union[int, str], Union[str, int], SAME, SAME),
    ("another order of fields", model(a=int, b=int), model(b=int, a=int), SAME, SAME),
    ("a type that takes in two", Union[int, float], float, {"described-anew"}, {"member-removed"}),
    ("two types of which one took in both", float, Union[int, float], {"member-added"}, {"described-anew"}),
    ("a renamed model", Cat, Tom, SAME, SAME),
    ("a member renamed", tagged(Cat, Dog), tagged(Tom, Dog), SAME, SAME),
    ("a member more", tagged(Cat, Dog), Union[Cat, Dog, int], {"member-added"}, {"member-added!"}),
    ("a member without its partner", tagged(Cat, Dog), Cat, {"member-removed!"}, {"member-removed"}),
    ("a member with a partner", Cat, tagged(Cat, Dog), {"member-added"}, {"member-added!"}),
    (
        "a change within a member",
        tagged(Cat, Dog),
        tagged(Kitten, Dog),
        {"(Kitten).lives type-widened"},
        {"(Kitten).lives type-widened!"},
    ),
    (
        "members for another",
        Union[Cat, Dog],
        Union[Cat, model("Fish", kind=Literal["fish"])],
        {"type-changed!"},
        {"type-changed!"},
    ),
    (
        "a member of a union that a function sorts",
        sorted_by(CALLABLE, model("One", a=int), model("Two", b=int)),
        sorted_by(CALLABLE, model("One", a=int), model("Two", b=int, c=(int, 0))),
        {"(One) undecided!", "(Two) undecided!", "(Two).c field-added"},
        {"(One) undecided!", "(Two) undecided!", "(Two).c field-added"},
    ),
    (
        "a recursive type",
        tree(int),
        tree(float),
        {"(a number) type-widened"},
        {"(a number) type-widened!"},
    ),
    ("within a list", list[int], list[str], {"[] type-changed!"}, {"[] type-changed!"}),
    ("a longer tuple", tuple[int, int], tuple[int, int, int], {"bounds-tightened!", "bounds-loosened"}, {"bounds-tightened", "bounds-loosened!"}),
    ("another item of a tuple", tuple[int, int], tuple[int, str], {"[1] type-changed!"}, {"[1] type-changed!"}),
    ("a tuple for a list", list[int], tuple[int, int], {"bounds-tightened!"}, {"bounds-tightened"}),
    ("a set for a list", list[int], set[int], {"unique-added!"}, {"unique-added"}),
    ("a list for a set", set[int], list[int], {"unique-removed"}, {"unique-removed!"}),
    # Values
    ("a value more", enum("a", "b"), enum("a", "b", "c"), {"value-added"}, {"value-added!"}),
    ("a value less", enum("a", "b"), enum("a"), {"value-removed!"}, {"value-removed"}),
    ("names of values", enum("a", 1), Literal[1, "a"], SAME, SAME),
    ("any string", Literal["a", "b"], str, {"values-opened"}, {"values-opened!"}),
    ("certain strings", str, Literal["a", "b"], {"values-closed!"}, {"values-closed"}),
    ("values for a type that has none", int, Literal["a"], {"type-changed!"}, {"type-changed!"}),
    ("values and null", Literal["a"], Literal["a", None], {"null-added"}, {"null-added!"}),
    (
        "values that a type takes in",
        Literal["a", 1, True],
        Union[string(pattern="^[a-z]$"), number(ge=1), bool],
        {"described-anew", "member-added"},
        {"member-removed", "member-added!"},
    ),
    # Constraints
    ("a greater least", number(ge=1), number(ge=2), {"bounds-tightened!"}, {"bounds-tightened"}),
    ("the same least", number(ge=1), number(gt=0), SAME, SAME),
    ("a smaller greatest", number(lt=9), number(lt=8), {"bounds-tightened!"}, {"bounds-tightened"}),
    ("no greatest", number(le=9), int, {"bounds-loosened"}, {"bounds-loosened!"}),
    ("longer", string(max_length=5), string(max_length=6), {"bounds-loosened"}, {"bounds-loosened!"}),
    ("not empty", str, string(min_length=1), {"bounds-tightened!"}, {"bounds-tightened"}),
    ("some items", items(), items(min_length=2), {"bounds-tightened!"}, {"bounds-tightened"}),
    ("even numbers", int, number(multiple_of=2), {"multiple-tightened!"}, {"multiple-tightened"}),
    ("all numbers", number(multiple_of=2), int, {"multiple-loosened"}, {"multiple-loosened!"}),
    ("other multiples", number(multiple_of=2), number(multiple_of=3), {"multiple-changed!"}, {"multiple-changed!"}),
    ("a pattern", str, string(pattern="^a"), {"pattern-added!"}, {"pattern-added"}),
    ("no pattern", string(pattern="^a"), str, {"pattern-removed"}, {"pattern-removed!"}),
    ("another pattern", string(pattern="^a"), string(pattern="^a?"), {"pattern-changed!"}, {"pattern-changed!"}),
    ("a format", str, UUID, {"format-tightened!"}, {"format-tightened"}),
    ("a narrower format", UUID, UUID4, {"format-tightened!"}, {"format-tightened"}),
    ("a wider format", UUID4, UUID, {"format-loosened"}, {"format-loosened!"}),
    ("no format", date, str, {"format-loosened"}, {"format-loosened!"}),
    ("another format", date, datetime, {"format-changed!"}, {"format-changed!"}),
    ("bytes", str, bytes, SAME, SAME),
    ("keys", dict[str, int], dict[Literal["a"], int], {"keys-tightened!"}, {"keys-tightened"}),
    ("all keys", dict[Literal["a"], int], dict[str, int], {"keys-loosened"}, {"keys-loosened!"}),
    ("a key more", dict[Literal["a"], int], dict[Literal["a", "b"], int], {"(keys) value-added"}, {"(keys) value-added!"}),
    ("a pattern of keys", dict[str, int], keys(pattern="^a"), {"keys-tightened!", "{} type-widened"}, {"keys-tightened", "{} type-widened!"}),
    ("no pattern of keys", keys(pattern="^a"), dict[str, int], {"keys-loosened", "{} type-narrowed!"}, {"keys-loosened!", "{} type-narrowed"}),
    ("other patterns of keys", keys(pattern="^a"), keys(pattern="^b"), {"keys-changed!"}, {"keys-changed!"}),
    ("values of keys of a pattern", keys(pattern="^a"), dict[string(pattern="^a"), str], {"{^a} type-changed!"}, {"{^a} type-changed!"}),
]


@pytest.mark.parametrize(("old", "new", "expected"), [(*case[1:3], case[3]) for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_change_of_what_clients_send(old: Any, new: Any, expected: set[str]) -> None:
    assert told(compare(taking(old), taking(new))) == expected


@pytest.mark.parametrize(("old", "new", "expected"), [(*case[1:3], case[4]) for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_change_of_what_the_server_sends(old: Any, new: Any, expected: set[str]) -> None:
    assert told(compare(sending(old), sending(new))) == expected


@pytest.mark.parametrize("kind", [each for case in CHANGES for each in case[1:3]], ids=str)
def test_no_change_is_none(kind: Any) -> None:
    assert compare(taking(kind), taking(kind)) == []
    assert compare(sending(kind), sending(kind)) == []


def test_defaults_of_what_clients_send_are_told() -> None:
    required, one, two = (taking(model(count=each)) for each in (int, (int, 1), (int, 2)))
    assert told(compare(required, one)) == {".count field-optional"}
    assert told(compare(one, two)) == {".count default-changed"}
    assert compare(one, two)[0].what == "means 2 when it is left out, 1 before"
    assert told(compare(two, required)) == {".count field-required!"}


# Events


class Full_(Error):
    code = "full"
    details: int


class Closed(Error):
    code = "closed"


class ClosedAt(Error):
    code = "closed"
    details: str


class Nothing(Namespace, path="/chat"):
    """Says nothing."""


def named(name: str, **members: Any) -> type[Namespace]:
    return type(Namespace)(name, (Namespace,), members, path="/chat")  # type: ignore[no-any-return]


def handling(function: Any) -> dict[str, Any]:
    return contract(named("Chat", on_say=function))


async def takes_none(self: Any, ws: Socket) -> None: ...
async def takes_text(self: Any, ws: Socket, payload: str) -> None: ...
async def may_take_text(self: Any, ws: Socket, payload: str = "") -> None: ...
async def answers(self: Any, ws: Socket) -> int:
    return 1
async def streams(self: Any, ws: Socket) -> AsyncIterator[int]:
    yield 1
async def streams_text(self: Any, ws: Socket) -> AsyncIterator[str]:
    yield ""
@on(raises=[Full_])
async def raises_full(self: Any, ws: Socket) -> None: ...
@on(raises=[Closed])
async def raises_closed(self: Any, ws: Socket) -> None: ...
@on(raises=[ClosedAt])
async def raises_closed_at(self: Any, ws: Socket) -> None: ...
class Full2(Error):
    code = "full"
    details: str
@on(raises=[Full2])
async def raises_full_with_text(self: Any, ws: Socket) -> None: ...


HANDLERS: list[tuple[Any, Any, set[str]]] = [
    (takes_none, takes_text, {"payload-required!"}),
    (takes_none, may_take_text, {"payload-added"}),
    (takes_text, takes_none, {"payload-removed"}),
    (takes_text, may_take_text, {"payload-optional"}),
    (may_take_text, takes_text, {"payload-required!"}),
    (may_take_text, takes_none, {"payload-removed"}),
    (takes_none, answers, {"answer type-changed!"}),
    (answers, streams, {"answer answer-to-stream!"}),
    (streams, answers, {"answer stream-to-answer!"}),
    (streams, streams_text, {"item type-changed!"}),
    (takes_none, raises_closed, {"error closed error-added!"}),
    (raises_closed, takes_none, {"error closed error-removed"}),
    (raises_closed, raises_closed_at, {"error closed details details-added"}),
    (raises_closed_at, raises_closed, {"error closed details details-removed!"}),
    (raises_full, raises_full_with_text, {"error full details type-changed!"}),
]
