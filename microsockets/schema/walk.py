"""The schemas inside a JSON Schema (2020-12), told apart from data that only looks like one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

Schema = dict[str, Any]

_ONE: Final = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_MANY: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})


def rewrite(schema: Any, change: Callable[[Schema], Any]) -> Any:
    """A copy in which each schema is what `change` makes of it; the innermost come first. `true` and `false` stay."""
    if not isinstance(schema, dict):
        return schema
    copy: Schema = {}
    for keyword, value in cast("Schema", schema).items():
        if keyword in _ONE:
            copy[keyword] = rewrite(value, change)
        elif keyword in _MANY:
            copy[keyword] = [rewrite(each, change) for each in value]
        elif keyword in _NAMED:
            copy[keyword] = {name: rewrite(each, change) for name, each in value.items()}
        else:
            copy[keyword] = value
    return change(copy)


def subschemas(schema: Any) -> Iterator[Schema]:
    """A schema and all that are in it."""
    if not isinstance(schema, dict):
        return
    node = cast("Schema", schema)
    yield node
    for keyword, value in node.items():
        if keyword in _ONE:
            yield from subschemas(value)
        elif keyword in _MANY:
            for each in value:
                yield from subschemas(each)
        elif keyword in _NAMED:
            for each in value.values():
                yield from subschemas(each)


def references(schema: Any) -> Iterator[str]:
    """The names of the shared schemas that a schema refers to."""
    for each in subschemas(schema):
        reference = each.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2]


def reachable(names: Iterator[str], schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """The shared schemas of these names and those that they refer to, by name, in order."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in schemas:
            found.add(name)
            waiting.extend(references(schemas[name]))
    return {name: schemas[name] for name in sorted(found)}
