"""Schemas are taken apart into alternatives, one for each type."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets.schema.branches import Branch, accepts, branches
from microsockets.schema.comparison import Comparison

SHARED: dict[str, Any] = {
    "Word": {"type": "string", "minLength": 1},
    "Pair": {"anyOf": [{"$ref": "#/schemas/Word"}, {"type": "integer"}]},
    "Itself": {"$ref": "#/schemas/Itself"},
    "Cat": {"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
    "Dog": {"type": "object", "properties": {"kind": {"enum": ["dog", "wolf"]}}},
}
WORD = {"type": "string", "minLength": 1}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/schemas/{name}"}


ALTERNATIVES: list[tuple[Any, list[tuple[str, Any]]]] = [
    (True, [("", {})]),
    (False, []),
    (ref("Word"), [("Word", WORD)]),
    (ref("Pair"), [("Word", WORD), ("", {"type": "integer"})]),
    ({**ref("Word"), "maxLength": 3, "default": "a"}, [("Word", {**WORD, "maxLength": 3})]),
    (ref("Itself"), [("Itself", ref("Itself"))]),
    (ref("Missing"), [("", ref("Missing"))]),
    ({"type": ["string", "null"]}, [("", {"type": "string"}), ("", {"type": "null"})]),
    ({"const": 1, "type": "integer"}, [("", {"enum": [1]})]),
    ({"enum": ["a", None, 1], "type": ["string", "null"]}, [("", {"type": "null"}), ("", {"enum": ["a"]})]),
    ({"enum": ["a", "abc"], "maxLength": 2}, [("", {"enum": ["a"]})]),
    ({"enum": ["a"], "format": "date"}, [("", {"enum": ["a"], "allOf": [{"format": "date"}]})]),
    (
        {"anyOf": [{"const": "a"}, {"type": "integer"}, {"const": "b"}]},
        [("", {"enum": ["a", "b"]}), ("", {"type": "integer"})],
    ),
    (
        {"allOf": [{"type": "number", "minimum": 1}, {"type": "integer", "minimum": 2}]},
        [("", {"type": "integer", "minimum": 2})],
    ),
    ({"allOf": [{"maximum": 1}, {"maximum": 2}]}, [("", {"maximum": 1})]),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, []),
    ({"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, [("", {"enum": [2]})]),
    ({"allOf": [{"enum": [1]}, {"enum": [2]}]}, []),
    ({"allOf": [{"uniqueItems": True}, {"uniqueItems": False}]}, [("", {"uniqueItems": True})]),
    ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, [("", {"pattern": "a", "allOf": [{"pattern": "b"}]})]),
    (
        {"allOf": [{"properties": {"a": True}}, {"properties": {"a": WORD}, "required": ["a"]}]},
        [("", {"properties": {"a": {"allOf": [True, WORD]}}, "required": ["a"]})],
    ),
    (
        {"allOf": [{"properties": {"a": True}}, {"additionalProperties": False}]},
        [("", {"properties": {"a": True}, "allOf": [{"additionalProperties": False}]})],
    ),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, [("", {"type": "string"}), ("", {"type": "integer"})]),
]


@pytest.mark.parametrize(("schema", "expected"), ALTERNATIVES, ids=str)
def test_the_alternatives_of_a_schema(schema: Any, expected: list[tuple[str, Any]]) -> None:
    assert branches(schema, SHARED) == [Branch(*each) for each in expected]


@pytest.mark.parametrize(
    ("members", "is_disjoint"),
    [
        ([{"type": "string"}, {"type": "integer"}], True),
        ([{"type": "number"}, {"type": "integer"}], False),
        ([{"type": ["string", "null"]}, {"type": "null"}], False),
        ([{"const": 1}, {"type": "string"}], True),
        ([{"const": 1}, {"type": "number"}], False),
        ([{}, {"type": "number"}], False),
        ([ref("Cat"), ref("Dog")], True),
        ([ref("Dog"), {"type": "object"}], False),
        ([ref("Dog"), {"type": "object", "properties": {"kind": {"const": "fish"}}}], False),
        ([{"type": "array"}, {"type": "array"}], False),
    ],
    ids=str,
)
def test_a_choice_of_exactly_one_is_taken_apart_only_where_members_have_no_value_in_common(
    members: list[Any], is_disjoint: bool
) -> None:
    found = branches({"oneOf": members}, SHARED)
    assert all(("oneOf" in branch.node) is not is_disjoint for branch in found)


def test_too_many_alternatives_are_left_as_they_are() -> None:
    many = {"anyOf": [{"minimum": number} for number in range(9)]}
    schema = {"allOf": [many, many]}
    assert branches(schema, {}) == [Branch("", {"allOf": [schema]})]


@pytest.mark.parametrize(
    ("node", "value", "expected"),
    [
        ({}, [1], True),
        ({"enum": [1, "a"]}, 1.0, True),
        ({"enum": [1, "a"]}, True, False),
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, 1.5, False),
        ({"type": "integer"}, True, False),
        ({"type": "boolean"}, True, True),
        ({"type": "number", "multipleOf": 0.1}, 0.3, True),
        ({"type": "number", "exclusiveMinimum": 1e300}, 1e300, False),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e301}, 1e300, True),
        ({"type": "string", "pattern": "^a"}, "ab", True),
        ({"type": "string", "pattern": "^a("}, "ab", False),
        ({"type": "string", "minLength": 3}, "ab", False),
        ({"type": "string", "format": "date"}, "2026-01-31", False),
        ({"type": "string", "format": "password"}, "ab", True),
        ({"type": "array"}, [1], True),
        ({"type": "array", "items": {}}, [1], False),
        ({"not": {}}, 1, False),
    ],
    ids=str,
)
def test_a_value_is_accepted_only_if_that_is_certain(node: Any, value: Any, expected: bool) -> None:
    assert accepts(node, value) is expected


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"type": "string", "contentMediaType": "application/json"}, {"type": "string"}),
        ({"type": "object", "required": ["a"]}, {"type": "object"}),
        ({"type": "object", "required": ["a"]}, {"required": ["a"]}),
        ({"enum": [1, "a", [2]]}, {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "array"}]}),
        ({"type": "integer", "multipleOf": 4}, {"type": "number", "multipleOf": 2}),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}], "maxItems": 1},
            {"type": "array", "items": {"type": "integer"}},
        ),
        (False, {"type": "string"}),
    ],
    ids=str,
)
def test_what_is_narrower_fits_and_what_is_wider_does_not(narrow: Any, wide: Any) -> None:
    assert Comparison({}, {}, sent=False).fits(narrow, wide)
    assert not Comparison({}, {}, sent=False).fits(wide, narrow)
    assert Comparison({}, {}, sent=True).fits(wide, narrow)
    assert not Comparison({}, {}, sent=True).fits(narrow, wide)
