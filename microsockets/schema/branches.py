"""A schema as the alternatives that it is made of, each of one type and without references."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Final, NamedTuple, cast

from .walk import Schema

OPAQUE: Final[tuple[str, ...]] = (
    "$ref",
    "allOf",
    "anyOf",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "oneOf",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Conditions that are only seen to be equal or not. Unions are among them only where they cannot be taken apart."""

_LARGEST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLEST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FIELDS: Final[tuple[str, ...]] = ("properties", "patternProperties", "additionalProperties")
_ITEMS: Final[tuple[str, ...]] = ("items", "prefixItems")
_PLAIN: Final = (
    "const",
    "default",
    "enum",
    "format",
    "multipleOf",
    "pattern",
    "propertyNames",
    "required",
    "type",
    "uniqueItems",
)
KEYWORDS: Final = frozenset({*OPAQUE, *_LARGEST, *_SMALLEST, *_FIELDS, *_ITEMS, *_PLAIN})
"""What has a meaning for programs. All else is documentation."""

_MOST: Final = 64
_ANY_STRING: Final = frozenset({"binary", "password", "path"})
"""Formats that every string has."""
_TYPES: Final[dict[str, Any]] = {
    "string": str,
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
    "number": (int, float),
    "integer": (int, float),
}


class Branch(NamedTuple):
    """One alternative."""

    name: str
    """Of the shared schema, or empty."""
    node: Schema
    """Keywords with `type` a string, if there is one, and `enum` alone where there are only certain values."""

    @property
    def family(self) -> str:
        """What can be compared in detail: values of one type, or `enum`; `any` without a type."""
        if "enum" in self.node:
            return "enum"
        kind: str = self.node.get("type", "any")
        return "number" if kind == "integer" else kind

    @property
    def tags(self) -> dict[str, str]:
        """The fields that have one value."""
        properties = cast("dict[str, Any]", self.node.get("properties", {}))
        return {
            name: text(each["const"]) for name, each in properties.items() if isinstance(each, dict) and "const" in each
        }


def text(value: Any) -> str:
    """JSON that is equal for equal values."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def branches(schema: Any, shared: Mapping[str, Schema]) -> list[Branch]:
    """The alternatives of a schema; none if it accepts nothing."""
    return _finished(_expand(schema, shared, ()))


def accepts(node: Schema, value: Any) -> bool:
    """Whether an alternative certainly accepts a value."""
    if any(keyword in node for keyword in OPAQUE):
        return False
    if "enum" in node:
        return text(value) in map(text, node["enum"])
    if not _is_of(value, node.get("type")):
        return False
    if isinstance(value, bool | None):
        return True
    if isinstance(value, int | float):
        step = node.get("multipleOf")
        return (
            node.get("minimum", value) <= value <= node.get("maximum", value)
            and node.get("exclusiveMinimum", -math.inf) < value < node.get("exclusiveMaximum", math.inf)
            and (step is None or exact(value) % exact(step) == 0)
        )
    if isinstance(value, str):
        return (
            node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value))
            and matches(node.get("pattern", ""), value)
            and format_of(node) is None
        )
    return not node.keys() - {"type"}


def matches(pattern: str, value: str) -> bool:
    """Whether a string certainly matches."""
    try:
        return re.search(pattern, value) is not None
    except (re.error, RecursionError):
        return False


def format_of(node: Schema) -> str | None:
    """The format of a string, unless every string has it."""
    found: str | None = node.get("format")
    return None if found in _ANY_STRING else found


def exact(number: float) -> Fraction:
    """As it is written, so that 0.3 is a multiple of 0.1."""
    return Fraction(str(number))


def _is_of(value: Any, kind: str | None) -> bool:
    if kind is None:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, ()))


def _expand(schema: Any, shared: Mapping[str, Schema], above: tuple[str, ...]) -> list[Branch]:
    if schema is False:
        return []
    if not isinstance(schema, dict):
        return [Branch("", {})]
    given = cast("Schema", schema)
    own = {word: value for word, value in given.items() if word in KEYWORDS and word not in _TAKEN_APART}
    if "const" in given:
        own["enum"] = [given["const"]]
    found = [Branch("", own)]
    for group in _groups(given, shared, above):
        found = [merged for one in found for other in group if (merged := _merge(one, other)) is not None]
        if len(found) > _MOST:
            return [Branch("", {"allOf": [given]})]
    return found


_TAKEN_APART: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "const", "default"})


def _groups(schema: Schema, shared: Mapping[str, Schema], above: tuple[str, ...]) -> Iterable[list[Branch]]:
    """Alternatives, one of each of which holds."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in above or name not in shared:
            yield [Branch("", {"$ref": schema["$ref"]})]
        else:
            inner = _expand(shared[name], shared, (*above, name))
            yield [Branch(name, inner[0].node)] if len(inner) == 1 and not inner[0].name else inner
    for each in schema.get("allOf", ()):
        yield _expand(each, shared, above)
    if "anyOf" in schema:
        yield [branch for each in schema["anyOf"] for branch in _expand(each, shared, above)]
    if "oneOf" in schema:
        members = [_expand(each, shared, above) for each in schema["oneOf"]]
        if _are_disjoint(members, frozenset(schema.get("required", ()))):
            yield [branch for member in members for branch in member]
        else:
            choice = {"oneOf": schema["oneOf"]}
            yield [Branch(branch.name, _merged(branch.node, choice) or {}) for member in members for branch in member]


def _are_disjoint(members: list[list[Branch]], required: frozenset[str]) -> bool:
    """Whether no value is of two members. A tag counts where it is required."""
    seen: list[Branch] = []
    for member in members:
        if any(_may_overlap(one, other, required) for one in member for other in seen):
            return False
        seen += member
    return True


def _may_overlap(one: Branch, other: Branch, required: frozenset[str]) -> bool:
    kinds = [_families(branch.node) for branch in (one, other)]
    if kinds[0].isdisjoint(kinds[1]):
        return False
    if kinds != [{"object"}, {"object"}]:
        return True
    needed = required | {*one.node.get("required", ()), *other.node.get("required", ())}
    values = [_tag_values(branch.node) for branch in (one, other)]
    return not any(
        name in values[1] and values[0][name].isdisjoint(values[1][name]) for name in values[0] if name in needed
    )


def _families(node: Schema) -> set[str]:
    """The types of the values; integers are numbers."""
    kinds = _kinds(node["type"]) if "type" in node else list(_TYPES)
    if "enum" in node:
        kinds = [kind for kind in kinds if any(_is_of(value, kind) for value in node["enum"])]
    return {"number" if kind == "integer" else kind for kind in kinds}


def _tag_values(node: Schema) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, each in cast("dict[str, Any]", node.get("properties", {})).items():
        if isinstance(each, dict) and ("const" in each or "enum" in each):
            field = cast("Schema", each)
            found[name] = {text(value) for value in field.get("enum", [field.get("const")])}
    return found


def _merge(one: Branch, other: Branch) -> Branch | None:
    node = _merged(one.node, other.node)
    return None if node is None else Branch(one.name or other.name, node)


def _merged(one: Schema, other: Schema) -> Schema | None:
    """Both at once; None if that is nothing."""
    merged, other = dict(one), dict(other)
    for group in (_FIELDS, _ITEMS):
        parts = {word: other[word] for word in group if word in other}
        if parts and any(word in one for word in group) and ({*parts} | {*one} & {*group}) != {"properties"}:
            for word in parts:
                del other[word]
            merged["allOf"] = [*merged.get("allOf", ()), parts]
    for word, value in other.items():
        if word not in merged or text(merged[word]) == text(value):
            merged[word] = value
        elif word in _LARGEST:
            merged[word] = max(merged[word], value)
        elif word in _SMALLEST:
            merged[word] = min(merged[word], value)
        elif word in ("required", "allOf"):
            merged[word] = [*merged[word], *value]
        elif word == "properties":
            both = {name: {"allOf": [merged[word][name], value[name]]} for name in value if name in merged[word]}
            merged[word] = {**merged[word], **value, **both}
        elif word == "uniqueItems":
            merged[word] = True
        elif word in ("type", "enum"):
            common = _types_of_both(merged[word], value) if word == "type" else _values_of_both(merged[word], value)
            if not common:
                return None
            merged[word] = common
        else:
            merged["allOf"] = [*merged.get("allOf", ()), {word: value}]
    return merged


def _types_of_both(one: Any, other: Any) -> list[str]:
    kinds, others = _kinds(one), _kinds(other)
    common = [kind for kind in kinds if kind in others]
    if "integer" not in common and {"integer", "number"} <= {*kinds, *others}:
        common.append("integer")
    return common


def _values_of_both(one: list[Any], other: list[Any]) -> list[Any]:
    known = {text(value) for value in other}
    return [value for value in one if text(value) in known]


def _kinds(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _finished(found: list[Branch]) -> list[Branch]:
    """With one type each, and all certain values in one."""
    single: list[Branch] = []
    for branch in found:
        kinds: list[Any] = _kinds(branch.node["type"]) if "type" in branch.node else [None]
        rest = {word: value for word, value in branch.node.items() if word != "type"}
        if "enum" in rest:
            single += _certain(branch.name, rest, kinds)
        else:
            single += [Branch(branch.name, rest if kind is None else {**rest, "type": kind}) for kind in kinds]
    certain = [branch for branch in single if branch.node.keys() == {"enum"}]
    if len(certain) < 2:
        return single
    values = {text(value): value for branch in certain for value in branch.node["enum"]}
    position = single.index(certain[0])
    others = [branch for branch in single if branch.node.keys() != {"enum"}]
    return [*others[:position], Branch("", {"enum": list(values.values())}), *others[position:]]


def _certain(name: str, node: Schema, kinds: list[Any]) -> Iterable[Branch]:
    opaque = {word: node[word] for word in OPAQUE if word in node}
    plain = {word: value for word, value in node.items() if word not in opaque and word != "enum"}
    if "format" in plain:
        opaque["allOf"] = [*opaque.get("allOf", ()), {"format": plain.pop("format")}]
    values = [value for value in node["enum"] if any(_is_of(value, kind) for kind in kinds) and _may_be(plain, value)]
    if None in values:
        yield Branch("", {"type": "null", **opaque})
    values = [value for value in values if value is not None]
    if values:
        yield Branch(name, {"enum": values, **opaque})


def _may_be(node: Schema, value: Any) -> bool:
    return not isinstance(value, str | int | float) or accepts(node, value)
