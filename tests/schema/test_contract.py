"""The contract of an application, read from its declarations."""

from __future__ import annotations

import re
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from microsockets import Application, Ask, Event, Namespace, Socket
from microsockets.schema import ContractError, digests, read_contract, undocumented
from microsockets.testing import Client
from pydantic import BaseModel

from tests.schema import elsewhere
from tests.schema.shop import app


def contract(*namespaces: type[Namespace], strict: bool = True) -> dict[str, Any]:
    return read_contract(Application(*namespaces).namespaces, strict=strict)


SHOP = read_contract(app.namespaces, title=app.title, version=app.version)
EVENTS = SHOP["namespaces"]["/shop/{shop}"]


def test_it_has_the_namespaces_in_the_order_given() -> None:
    assert (SHOP["microsockets"], SHOP["title"], SHOP["version"]) == (1, "The shop", "2.1")
    assert [(path, each["name"]) for path, each in SHOP["namespaces"].items()] == [
        ("/shop/{shop}", "Shop"),
        ("/", "Lobby"),
    ]


def test_docstrings_are_descriptions() -> None:
    assert EVENTS["description"] == "Where things are bought."
    assert EVENTS["in"]["buy"]["description"] == "Buys it.\n\nAnd pays for it."
    assert EVENTS["in"]["buy"]["errors"]["full"]["description"] == "There is no more room."
    assert "description" not in EVENTS["in"]["leave"]
    assert "description" not in SHOP["namespaces"]["/"]


def test_the_string_under_an_attribute_is_its_description() -> None:
    assert EVENTS["out"]["sold"]["description"] == "Something was sold."
    assert EVENTS["asks"]["sure"]["description"] == "Whether the customer is sure."
    assert "description" not in EVENTS["out"]["closing soon"]


def test_a_payload_is_what_the_server_takes_and_an_answer_what_it_writes() -> None:
    buy = EVENTS["in"]["buy"]
    assert (buy["payload"], buy["answer"]) == ({"$ref": "#/schemas/Item"}, {"$ref": "#/schemas/ItemOutput"})
    assert SHOP["schemas"]["Item"]["required"] == ["name", "price", "size"]
    assert "label" not in SHOP["schemas"]["Item"]["properties"]
    assert "label" in SHOP["schemas"]["ItemOutput"]["required"]


def test_the_server_always_writes_what_clients_may_leave_out() -> None:
    assert "required" not in SHOP["schemas"]["Cat"]
    assert SHOP["schemas"]["CatOutput"]["required"] == ["kind", "lives"]


def test_an_event_without_payload_has_none_and_one_with_a_default_may_be_left_out() -> None:
    assert "payload" not in EVENTS["in"]["leave"]
    assert EVENTS["in"]["leave"]["answer"] == {"type": "null"}
    assert EVENTS["in"]["browse"]["payload"] == {"type": "integer"}
    assert EVENTS["in"]["browse"]["optional"] is True
    assert "optional" not in EVENTS["in"]["buy"]
    assert EVENTS["out"]["closing soon"] == {}


def test_a_stream_has_items_and_no_answer() -> None:
    watch = EVENTS["in"]["watch"]
    assert "answer" not in watch
    assert watch["item"] == {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "string"}],
        "minItems": 2,
        "maxItems": 2,
    }


def test_anything_is_an_empty_schema() -> None:
    assert (EVENTS["in"]["anything"]["payload"], EVENTS["in"]["anything"]["answer"]) == ({}, {})


def test_a_generic_model_has_a_readable_name() -> None:
    assert EVENTS["in"]["browse"]["answer"] == {"$ref": "#/schemas/PageItem"}
    assert SHOP["schemas"]["PageItem"]["properties"]["items"]["items"] == {"$ref": "#/schemas/ItemOutput"}


def test_errors_have_their_details() -> None:
    errors = EVENTS["in"]["buy"]["errors"]
    assert list(errors) == ["full", "closed"]
    assert errors["closed"] == {}
    assert {"type": "null"} in errors["full"]["details"]["anyOf"]


def test_parameters_are_those_of_on_connect() -> None:
    assert EVENTS["params"] == {"$ref": "#/schemas/Params"}
    assert "params" not in SHOP["namespaces"]["/"]


def test_all_references_lead_somewhere_and_nothing_is_pydantics_own() -> None:
    text = str(SHOP)
    assert set(re.findall(r"#/schemas/(\w+)", text)) == set(SHOP["schemas"])
    assert "$defs" not in text
    assert "discriminator" not in text


def test_a_union_with_a_tag_needs_the_tag() -> None:
    union = SHOP["schemas"]["Item"]["properties"]["pet"]["anyOf"][0]
    assert union == {"oneOf": [{"$ref": "#/schemas/Cat"}, {"$ref": "#/schemas/Dog"}], "required": ["kind"]}


def test_without_documentation_only_the_meaning_is_left() -> None:
    bare = undocumented(SHOP)
    text = str(bare)
    assert "description" not in text
    assert "teapot" not in text
    assert bare["schemas"]["Item"]["properties"].keys() == SHOP["schemas"]["Item"]["properties"].keys()
    assert undocumented(bare | {"title": "", "version": ""}) == bare


def test_a_field_called_like_a_keyword_is_no_documentation() -> None:
    class Post(BaseModel):
        title: str
        description: str
        examples: list[str]

    class Blog(Namespace, path="/blog"):
        async def on_post(self, ws: Socket, payload: Post) -> None: ...

    bare = undocumented(contract(Blog))
    assert list(bare["schemas"]["Post"]["properties"]) == ["title", "description", "examples"]


# The digest


def taking(path: str, annotation: Any, text: str = "") -> type[Namespace]:
    """A namespace with one event, which carries this."""

    async def on_event(self: Any, ws: Socket, payload: Any) -> None: ...

    on_event.__annotations__["payload"] = annotation
    on_event.__doc__ = text
    return types.new_class("Taking", (Namespace,), {"path": path}, lambda body: body.update(on_event=on_event))


def one(annotation: Any, *, text: str = "") -> str:
    only = taking("/only", annotation, text)
    return digests(contract(only))["/only"]


def test_the_digest_changes_with_the_meaning_and_not_with_the_documentation() -> None:
    assert re.fullmatch("[0-9a-f]{16}", one(int))
    assert one(int) == one(int, text="Documented.")
    assert one(int) != one(str)


class Line(BaseModel):
    text: str


def test_the_digest_of_a_path_is_its_own() -> None:
    def build(annotation: Any) -> dict[str, str]:
        class One(Namespace, path="/one"):
            async def on_event(self, ws: Socket, payload: Line) -> None: ...

        return digests(contract(One, taking("/two", annotation)))

    before, after = build(int), build(str)
    assert before["/one"] == after["/one"]
    assert before["/two"] != after["/two"]


async def test_hello_tells_the_digest() -> None:
    async with Client(app) as client:
        peer = await client.connect("/", v1=True)
        assert peer.hello["contract"] == digests(SHOP)["/"]


# What cannot be described


def test_a_payload_without_a_type_is_named_with_its_place() -> None:
    class Loose(Namespace, path="/loose"):
        async def on_event(self, ws: Socket, payload): ...  # type: ignore[no-untyped-def]  # pyright: ignore[reportUnknownParameterType, reportMissingParameterType]

    with pytest.raises(ContractError, match=r"Loose\.on_event \(.*test_contract\.py:\d+\): 'payload' has no type"):
        contract(Loose)
    assert contract(Loose, strict=False)["namespaces"]["/loose"]["in"]["event"]["payload"] == {}


def test_a_type_that_json_schema_cannot_express_is_named_with_its_place() -> None:
    class Odd(Namespace, path="/odd"):
        odd = Event[Callable[[], int]]()
        fine = Event[int]()

    with pytest.raises(ContractError, match=r"Odd\.odd \(.*test_contract\.py:\d+\): JSON Schema cannot express"):
        contract(Odd)
    out = contract(Odd, strict=False)["namespaces"]["/odd"]["out"]
    assert out == {"odd": {"payload": {}}, "fine": {"payload": {"type": "integer"}}}


class Item(BaseModel):
    other: int


def test_two_types_of_one_name_are_named_with_their_places() -> None:
    class Twins(Namespace, path="/twins"):
        one = Event[Item]()
        two = Event[elsewhere.Item]()

    with pytest.raises(ContractError, match="two types are called Item") as raised:
        contract(Twins)
    assert re.search(r"schema\.test_contract\.Item \(.*test_contract\.py:\d+\)", str(raised.value))
    assert re.search(r"tests\.schema\.elsewhere\.Item \(.*elsewhere\.py:\d+\)", str(raised.value))
    out = contract(Twins, strict=False)["namespaces"]["/twins"]["out"]
    assert out["one"] != out["two"]


def test_two_namespaces_of_one_name_are_named_with_their_places() -> None:
    class Lobby(Namespace, path="/lobby"):
        pass

    with pytest.raises(ContractError, match=r"two namespaces are called Lobby: .*elsewhere\.py:\d+"):
        contract(Lobby, elsewhere.Lobby)


def test_asks_and_streams_are_described_from_inherited_classes_too() -> None:
    class Base(Namespace):
        sure = Ask[int, str]()
        """Is it?"""

        async def on_count(self, ws: Socket) -> AsyncIterator[int]:
            """Counts."""
            yield 1

    class Derived(Base, path="/derived"):
        pass

    described = contract(Derived)["namespaces"]["/derived"]
    assert described["asks"]["sure"] == {
        "description": "Is it?",
        "payload": {"type": "integer"},
        "answer": {"type": "string"},
    }
    assert described["in"]["count"] == {"description": "Counts.", "item": {"type": "integer"}}
