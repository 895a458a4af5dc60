"""Whom a change of the contract breaks: each kind of change, in what clients send and in what the server sends."""

from __future__ import annotations

import re
import types
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

import pytest
from microsockets import Application, Ask, Error, Event, Namespace, Socket, on
from microsockets.schema import read_contract
from microsockets.schema.compatibility import Change, compare, report
from microsockets.schema.rules import RULES
from pydantic import UUID4, BaseModel, ConfigDict, Discriminator, Field, Tag, create_model
from typing_extensions import TypeAliasType, TypedDict

from tests.schema.types import DICT, LIST, UNION

EVENT: Any = Event
ROOT = Path(__file__).parents[2]


def contract(*namespaces: type[Namespace]) -> dict[str, Any]:
    return read_contract(Application(*namespaces).namespaces)


def named(name: str, path: str = "/chat", **members: Any) -> type[Namespace]:
    return types.new_class(name, (Namespace,), {"path": path}, lambda body: body.update(members))


def handler(kind: Any) -> Any:
    async def on_say(self: Any, ws: Socket, payload: Any) -> None: ...

    on_say.__annotations__["payload"] = kind
    return on_say


def taking(kind: Any) -> dict[str, Any]:
    return contract(named("Chat", on_say=handler(kind)))


def sending(kind: Any) -> dict[str, Any]:
    return contract(named("Chat", said=EVENT[kind]()))


def told(changes: Sequence[Change]) -> set[str]:
    """`.text field-required!` for each change of a payload; the mark is for what breaks."""
    return {f"{change.part.removeprefix('payload')} {change.rule}{'!' * change.breaking}".strip() for change in changes}


def _field(given: Any) -> Any:
    """The type and the default of a field, for a type or both."""
    return given if isinstance(given, tuple) else (given, ...)  # pyright: ignore[reportUnknownVariableType]


def model(name: str = "Line", config: ConfigDict | None = None, **fields: Any) -> Any:
    create: Any = create_model
    given = {key: _field(each) for key, each in fields.items()}
    return create(name, __config__=config, **given)


STRICT = ConfigDict(extra="forbid")
OPEN = ConfigDict(extra="allow")


class Sparse(TypedDict):
    text: NotRequired[str]


class Whole(TypedDict):
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
    return Annotated[UNION[members], Field(discriminator="kind")]


def sorted_by(function: Any, *members: Any) -> Any:
    return Annotated[UNION[tuple(Annotated[each, Tag(str(number))] for number, each in enumerate(members))], function]


CALLABLE = Discriminator(lambda value: "0")


def enum(*values: Any) -> Any:
    return Enum("Colour", {f"C{number}": value for number, value in enumerate(values)})


def tree(leaf: Any) -> Any:
    """Recursive."""
    alias: Any = TypeAliasType
    return alias("Tree", UNION[LIST["Tree"], leaf])


def number(**bounds: Any) -> Any:
    return Annotated[int, Field(**bounds)]


def string(**bounds: Any) -> Any:
    return Annotated[str, Field(**bounds)]


def items(**bounds: Any) -> Any:
    return Annotated[list[int], Field(**bounds)]


def keys(**bounds: Any) -> Any:
    return DICT[string(**bounds), int]


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
    ("a field that becomes required", Sparse, Whole, {".text field-required!"}, {".text field-required"}),
    ("a field that may be missing", Whole, Sparse, {".text field-optional"}, {".text field-optional!"}),
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
    ("null, too", str, UNION[str, None], {"null-added"}, {"null-added!"}),
    ("no null", UNION[str, None], str, {"null-removed!"}, {"null-removed"}),
    ("null, too, of a model", model(text=str), UNION[model(text=str), None], {"null-added"}, {"null-added!"}),
    ("one more type", int, UNION[int, str], {"member-added"}, {"member-added!"}),
    ("one type less", UNION[int, str], int, {"member-removed!"}, {"member-removed"}),
    ("the order of types", UNION[int, str], UNION[str, int], SAME, SAME),
    ("another order of fields", model(a=int, b=int), model(b=int, a=int), SAME, SAME),
    ("a type that takes in two", UNION[int, float], float, {"described-anew"}, {"member-removed"}),
    ("two types of which one took in both", float, UNION[int, float], {"member-added"}, {"described-anew"}),
    ("a renamed model", Cat, Tom, SAME, SAME),
    ("a member renamed", tagged(Cat, Dog), tagged(Tom, Dog), SAME, SAME),
    ("a member more", tagged(Cat, Dog), UNION[Cat, Dog, int], {"member-added"}, {"member-added!"}),
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
        UNION[Cat, Dog],
        UNION[Cat, model("Fish", kind=Literal["fish"])],
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
    (
        "a longer tuple",
        tuple[int, int],
        tuple[int, int, int],
        {"bounds-tightened!", "bounds-loosened"},
        {"bounds-tightened", "bounds-loosened!"},
    ),
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
        UNION[string(pattern="^[a-z]$"), number(ge=1), bool],
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
    (
        "a key more",
        dict[Literal["a"], int],
        dict[Literal["a", "b"], int],
        {"(keys) value-added"},
        {"(keys) value-added!"},
    ),
    (
        "a pattern of keys",
        dict[str, int],
        keys(pattern="^a"),
        {"keys-tightened!", "{} type-widened"},
        {"keys-tightened", "{} type-widened!"},
    ),
    (
        "no pattern of keys",
        keys(pattern="^a"),
        dict[str, int],
        {"keys-loosened", "{} type-narrowed!"},
        {"keys-loosened!", "{} type-narrowed"},
    ),
    ("other patterns of keys", keys(pattern="^a"), keys(pattern="^b"), {"keys-changed!"}, {"keys-changed!"}),
    (
        "values of keys of a pattern",
        keys(pattern="^a"),
        DICT[string(pattern="^a"), str],
        {"{^a} type-changed!"},
        {"{^a} type-changed!"},
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [(*case[1:3], case[3]) for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_a_change_of_what_clients_send(old: Any, new: Any, expected: set[str]) -> None:
    assert told(compare(taking(old), taking(new))) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"), [(*case[1:3], case[4]) for case in CHANGES], ids=[case[0] for case in CHANGES]
)
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


class Full(Error):
    code = "full"
    details: int


class FullNow(Error):
    code = "full"
    details: str


class Closed(Error):
    code = "closed"


class ClosedAt(Error):
    code = "closed"
    details: str


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


@on(raises=[Full])
async def raises_full(self: Any, ws: Socket) -> None: ...
@on(raises=[Closed])
async def raises_closed(self: Any, ws: Socket) -> None: ...
@on(raises=[ClosedAt])
async def raises_closed_at(self: Any, ws: Socket) -> None: ...
@on(raises=[FullNow])
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


@pytest.mark.parametrize(("old", "new", "expected"), HANDLERS)
def test_a_change_of_an_event_that_clients_send(old: Any, new: Any, expected: set[str]) -> None:
    changes = compare(handling(old), handling(new))
    assert {change.event for change in changes} == {"in say"}
    found = {f"{change.part} {change.rule}{'!' * change.breaking}" for change in changes}
    assert found == {each if " " in each else f"payload {each}" for each in expected}


Members = dict[str, Any]
DECLARATIONS: list[tuple[Members, Members, set[str]]] = [
    ({}, {"on_say": takes_none}, {"in say event-added"}),
    ({"on_say": takes_none}, {}, {"in say event-removed!"}),
    ({}, {"said": Event[int]()}, {"out said event-added"}),
    ({"said": Event[int]()}, {}, {"out said event-removed!"}),
    ({"said": Event[int]()}, {"said": Event[None]()}, {"out said payload payload-removed!"}),
    ({"said": Event[None]()}, {"said": Event[int]()}, {"out said payload payload-added!"}),
    ({}, {"sure": Ask[str, bool]()}, {"asks sure ask-added!"}),
    ({"sure": Ask[str, bool]()}, {}, {"asks sure ask-removed"}),
    ({"sure": Ask[str, bool]()}, {"sure": Ask[Literal["a"], bool]()}, {"asks sure payload values-closed"}),
    ({"sure": Ask[Literal["a"], bool]()}, {"sure": Ask[str, bool]()}, {"asks sure payload values-opened!"}),
    ({"sure": Ask[str, bool | None]()}, {"sure": Ask[str, bool]()}, {"asks sure answer null-removed!"}),
    ({"sure": Ask[str, bool]()}, {"sure": Ask[str, bool | None]()}, {"asks sure answer null-added"}),
    ({"said": Event[int]("said so")}, {}, {"out 'said so' event-removed!"}),
]


@pytest.mark.parametrize(("old", "new", "expected"), DECLARATIONS)
def test_a_change_of_declarations(old: Members, new: Members, expected: set[str]) -> None:
    changes = compare(contract(named("Chat", **old)), contract(named("Chat", **new)))
    assert {f"{change.place} {change.rule}{'!' * change.breaking}" for change in changes} == {
        f"/chat {each}" for each in expected
    }


# Namespaces and what connects


def connecting(kind: Any) -> Any:
    async def on_connect(self: Any, ws: Socket, params: Any) -> None: ...

    on_connect.__annotations__["params"] = kind
    return on_connect


def opening(path: str, name: str = "Chat", **fields: Any) -> type[Namespace]:
    return named(name, path, on_connect=connecting(model("Params", **fields))) if fields else named(name, path)


PATHS: list[tuple[list[type[Namespace]], list[type[Namespace]], set[str]]] = [
    ([opening("/a")], [opening("/a"), opening("/b", "B")], {"/b namespace-added"}),
    ([opening("/a"), opening("/b", "B")], [opening("/a")], {"/b namespace-removed!"}),
    ([opening("/a")], [opening("/a", "Other")], {"/a namespace-renamed"}),
    ([opening("/{a}")], [opening("/{a}"), opening("/b", "B")], {"/b namespace-shadows!"}),
    ([opening("/{a}")], [opening("/{a}"), opening("/b/{c}", "B")], {"/b/{c} namespace-added"}),
    ([opening("/{a}/{b}")], [opening("/{a}/{b}"), opening("/b/{c}", "B")], {"/b/{c} namespace-shadows!"}),
    ([opening("/{a}")], [opening("/{b}")], {"/{b} path-renamed"}),
    ([opening("/{a}", a=int)], [opening("/{b}", b=int)], {"/{b} path-renamed"}),
    ([opening("/{a}", a=str)], [opening("/{b}", b=int)], {"/{b} path-renamed", "/{b} params.b type-changed!"}),
    (
        [opening("/{a}", a=str, b=(str, ""))],
        [opening("/{b}", b=str)],
        {"/{b} path-renamed", "/{b} path-name-taken!"},
    ),
    (
        [opening("/{a}", a=str)],
        [opening("/{b}", a=str, b=str)],
        {"/{b} path-renamed", "/{b} params.a field-required!"},
    ),
    ([opening("/{a}")], [opening("/{a}", a=str)], set()),
    ([opening("/{a}")], [opening("/{a}", a=int)], {"/{a} params.a type-changed!"}),
    ([opening("/{a}", a=int)], [opening("/{a}", a=str)], {"/{a} params.a type-widened"}),
    ([opening("/{a}", a=(str, ""))], [opening("/{a}", a=str)], set()),
    ([opening("/{a}", a=int)], [opening("/{a}", a=Any)], {"/{a} params.a type-widened"}),
    ([opening("/a")], [opening("/a", token=str)], {"/a params.token field-required!"}),
    ([opening("/a", token=str)], [opening("/a")], {"/a params params-removed"}),
    ([opening("/a", token=(str, ""))], [opening("/a", token=str)], {"/a params.token field-required!"}),
    ([opening("/a", n=int)], [opening("/a", n=str)], {"/a params.n type-changed!"}),
]


@pytest.mark.parametrize(("old", "new", "expected"), PATHS)
def test_a_change_of_what_connects(old: list[type[Namespace]], new: list[type[Namespace]], expected: set[str]) -> None:
    changes = compare(contract(*old), contract(*new))
    assert {f"{change.place} {change.rule}{'!' * change.breaking}" for change in changes} == expected


TABLES: list[Any] = [dict[str, Any], dict[str, str]]


def test_parameters_that_are_no_model_are_compared_as_they_are() -> None:
    before, after = (contract(named("Chat", "/{room}", on_connect=connecting(kind))) for kind in TABLES)
    changes = compare(before, after)
    assert [(change.place, change.rule) for change in changes] == [("/{room} params{}", "type-narrowed")]


# The whole


def test_documentation_is_no_change() -> None:
    plain = model(text=str)
    told_more = create_model(
        "Line",
        __doc__="Of text.",
        text=(str, Field(title="Text", description="Of it.", examples=["a"], deprecated=True)),
    )
    assert compare(taking(plain), taking(told_more)) == []


def test_a_change_is_told_at_each_place_of_a_model() -> None:
    def order(street: Any) -> Any:
        address = model("Address", street=street)
        return model("Order", billing=address, shipping=LIST[address])

    changes = compare(taking(order(str)), taking(order(int)))
    assert [change.place for change in changes] == [
        "/chat in say payload.billing.street",
        "/chat in say payload.shipping[].street",
    ]
    assert "    payload.billing.street, payload.shipping[].street was a string" in report(changes)


def test_the_report_lists_a_few_places_and_counts_the_rest() -> None:
    def order(street: Any) -> Any:
        address = model("Address", street=street)
        return model("Order", a=address, b=address, c=address, d=address, e=address)

    changes = compare(taking(order(str)), taking(order(int)))
    assert "payload.a.street, payload.b.street, payload.c.street and 2 more was a string" in report(changes)
    assert report(changes).endswith("\n5 breaking changes, 0 safe changes.\n")


def test_models_that_contain_each_other_are_compared_once() -> None:
    def tree_of(leaf: Any) -> Any:
        name = "Node"
        found = model(name, leaf=leaf, children=(LIST[name], []), parent=(UNION[name, None], None))
        found.model_rebuild(_types_namespace={name: found})
        return found

    assert told(compare(taking(tree_of(str)), taking(tree_of(str | None)))) == {".leaf null-added"}
    assert told(compare(sending(tree_of(str)), sending(tree_of(str | None)))) == {".leaf null-added!"}


def test_a_model_at_countless_places_is_told_about_some_of_them() -> None:
    def deep(leaf: Any) -> Any:
        kind = model("M0", leaf=leaf)
        for number in range(1, 30):
            kind = model(f"M{number}", left=kind, right=kind)
        return kind

    changes = compare(taking(deep(int)), taking(deep(str)))
    assert {change.rule for change in changes} == {"type-changed"}
    assert 1 <= len(changes) <= 50


def test_what_is_nested_too_deeply_is_breaking() -> None:
    def nested(leaf: Any) -> dict[str, Any]:
        described = taking(Any)
        schema: Any = {"type": leaf}
        for _ in range(2000):
            schema = {"items": schema}
        described["namespaces"]["/chat"]["in"]["say"]["payload"] = schema
        return described

    assert told(compare(nested("string"), nested("integer"))) == {"undecided!"}


def test_the_report_has_breaking_changes_first_by_event_and_counts() -> None:
    lines = [model(text=str), model(text=str, room=str)]
    old, new = (
        named("Chat", "/chat/{room}", said=EVENT[line](), on_say=handler(LIST[line]), **more)
        for line, more in zip(lines, ({}, {"on_leave": takes_none}), strict=True)
    )
    assert (
        report(compare(contract(old), contract(new)))
        == """\
Breaking:
  /chat/{room} in say
    payload[].room is required now: clients that do not send it are refused [field-required]

Safe:
  /chat/{room} in leave
    is new [event-added]
  /chat/{room} out said
    payload.room is new: clients that do not know it ignore it [field-added]

1 breaking change, 2 safe changes.
"""
    )
    assert report([]) == "No changes.\n"


def test_the_page_has_each_rule_with_its_verdicts() -> None:
    section = (ROOT / "docs/contract.md").read_text().split("## What breaks whom\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    verdicts = {None: "", False: "safe", True: "**breaks**"}
    assert [row[:3] for row in rows] == [
        [f"`{name}`", *(verdicts[effect and effect.breaking] for effect in rule)] for name, rule in RULES.items()
    ]
    assert all(re.fullmatch(r"\S.*\S", row[3]) for row in rows)
