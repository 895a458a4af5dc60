"""A contract in a file that somebody edited: it is compared or refused, and nothing else happens."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from microsockets import Application
from microsockets.schema import read_contract, undocumented
from microsockets.schema.compatibility import compare, report
from microsockets.schema.locked import NoContract, OtherVersion, read_locked

from tests.schema import shop

Place = tuple[str | int, ...]


def contract(app: Application) -> dict[str, Any]:
    return undocumented(read_contract(app.namespaces))


LOCKED = contract(shop.app)


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    yield above
    if isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield from places(each, (*above, name))
    if isinstance(value, list):
        for index, each in enumerate(cast("Sequence[Any]", value)):
            yield from places(each, (*above, index))


def changed(place: Place, value: Any) -> Any:
    """The contract with another value at a place."""
    if not place:
        return value
    document = copy.deepcopy(LOCKED)
    node: Any = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return document


def without(place: Place) -> Any:
    document = copy.deepcopy(LOCKED)
    node: Any = document
    for key in place[:-1]:
        node = node[key]
    del node[place[-1]]
    return document


PLACES = list(places(LOCKED))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "string", "#/schemas/Line", "("]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "$ref", "items", "enum", "multipleOf"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def compared_or_refused(document: Any) -> None:
    try:
        locked = read_locked(json.dumps(document))
    except (NoContract, OtherVersion):
        return
    for old, new in ((locked, LOCKED), (LOCKED, locked)):
        assert report(compare(old, new))


def test_what_was_locked_is_read() -> None:
    assert read_locked(json.dumps(LOCKED)) == LOCKED


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_whatever_was_changed_it_is_compared_or_refused(place: Place, value: Any) -> None:
    compared_or_refused(changed(place, value))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES[1:]))
def test_whatever_is_missing_it_is_compared_or_refused(place: Place) -> None:
    compared_or_refused(without(place))


@pytest.mark.parametrize(
    "schema",
    [
        3,
        None,
        {"type": "text"},
        {"type": ["string", 3]},
        {"anyOf": {}},
        {"properties": []},
        {"properties": {"a": "string"}},
        {"required": "a"},
        {"minLength": "3"},
        {"minimum": True},
        {"multipleOf": 0},
        {"enum": "ab"},
        {"pattern": 3},
        {"$ref": "#/schemas/Missing"},
        {"items": {"not": {"$ref": "#/schemas/Missing"}}},
    ],
)
def test_a_schema_that_is_none_is_refused(schema: Any) -> None:
    document = {**LOCKED, "schemas": {**LOCKED["schemas"], "Other": schema}}
    with pytest.raises(NoContract):
        read_locked(json.dumps(document))


def test_a_number_that_is_none_is_refused() -> None:
    text = json.dumps({**LOCKED, "schemas": {**LOCKED["schemas"], "Other": {"enum": [float("nan")]}}})
    with pytest.raises(NoContract, match="NaN"):
        read_locked(text)


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"microsockets": 1, "namespaces": {}, "schemas": {"A": ' + "%s}}"])
def test_what_is_nested_without_end_is_refused(nested: str) -> None:
    text = nested.replace("%s", '{"items": ' * 900 + "true" + "}" * 900)
    with pytest.raises(NoContract):
        read_locked(text)


def test_two_paths_that_are_the_same_are_refused() -> None:
    namespace: dict[str, Any] = {"name": "Chat", "in": {}, "out": {}, "asks": {}}
    document = {"microsockets": 1, "namespaces": {"/{a}": namespace, "/{b}": namespace}, "schemas": {}}
    with pytest.raises(NoContract):
        read_locked(json.dumps(document))


def test_schemas_that_refer_to_themselves_alone_are_compared() -> None:
    shared = {"A": {"$ref": "#/schemas/B"}, "B": {"$ref": "#/schemas/A"}}
    compared_or_refused({**LOCKED, "schemas": {**LOCKED["schemas"], **shared}})
