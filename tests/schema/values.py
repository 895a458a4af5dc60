"""JSON values for a schema: mostly such as it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, cast

from hypothesis import strategies as st
from microsockets.schema.patterns import matching

_FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date": st.dates().map(str),
    "date-time": st.datetimes(timezones=st.just(UTC)).map(lambda each: each.isoformat()),
    "time": st.times().map(lambda each: f"{each.isoformat()}Z"),
    "duration": st.integers(0, 10_000).map(lambda each: f"PT{each}S"),
    "uuid": st.uuids().map(str),
}

anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def values(schema: Any, shared: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values for a schema; now and then others."""
    likely = _likely(schema, shared, depth)
    return st.one_of(likely, likely, likely, likely, anything)


def _likely(given: Any, shared: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if not isinstance(given, dict) or depth > 6:
        return anything
    schema = cast("dict[str, Any]", given)
    if "$ref" in schema:
        return st.deferred(lambda: values(shared[schema["$ref"].rpartition("/")[2]], shared, depth + 1))
    if "const" in schema:
        return st.just(schema["const"])
    if schema.get("enum"):
        return st.sampled_from(schema["enum"])
    for union in ("allOf", "anyOf", "oneOf"):
        if schema.get(union):
            return st.one_of([values(each, shared, depth + 1) for each in schema[union]])
    return _of_kind(schema, shared, depth)


def _of_kind(schema: dict[str, Any], shared: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    kind = schema.get("type")
    if kind == "string":
        return _strings(schema)
    if kind == "integer":
        return st.integers(-20, 20) | st.integers(-(2**70), 2**70) | st.integers(-5, 5).map(float)
    if kind == "number":
        return st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 1) | st.integers(-9, 9)
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        if "prefixItems" in schema:
            return st.tuples(*(values(each, shared, depth + 1) for each in schema["prefixItems"])).map(list)
        return st.lists(values(schema.get("items", True), shared, depth + 1), max_size=3)
    if kind == "object":
        return _objects(schema, shared, depth)
    return anything


def _strings(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if "format" in schema:
        return _FORMATS.get(schema["format"], st.text())
    if "pattern" in schema:
        found = [text for length in range(6) if (text := matching(schema["pattern"], length)) is not None]
        return st.sampled_from(found) if found else st.text()
    return st.text(max_size=6)


def _objects(schema: dict[str, Any], shared: Mapping[str, Any], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties", {})
    required = {name: values(properties.get(name, True), shared, depth + 1) for name in schema.get("required", ())}
    optional = {name: values(each, shared, depth + 1) for name, each in properties.items() if name not in required}
    fixed = st.fixed_dictionaries(required, optional=optional)
    extra = schema.get("additionalProperties")
    named = schema.get("propertyNames", {"type": "string"})
    patterns = schema.get("patternProperties")
    if patterns:
        pattern, extra = next(iter(patterns.items()))
        named = {"type": "string", "pattern": pattern}
    if not isinstance(extra, dict):
        return fixed
    names = _likely(named, shared, depth + 1)
    keys = names.filter(lambda name: isinstance(name, str))
    return st.dictionaries(keys, values(extra, shared, depth + 1), max_size=3).flatmap(
        lambda more: fixed.map(lambda given: {**more, **given})
    )
