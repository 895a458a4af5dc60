"""From JSON Schema to types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ..walk import Schema, reachable, references
from .comments import comment, tags
from .literals import text, value
from .types import (
    BOOLEAN,
    NEVER,
    NULL,
    NUMBER,
    STRING,
    UNKNOWN,
    Array,
    Generic,
    Intersection,
    Mapped,
    Member,
    Named,
    Object,
    Tuple,
    Type,
    one_of,
)

_PLAIN: Final = {"string": STRING, "integer": NUMBER, "number": NUMBER, "boolean": BOOLEAN, "null": NULL}
_COMBINED: Final = ("$ref", "const", "enum", "anyOf", "oneOf", "allOf")


class Reader:
    """Reads the schemas of one contract."""

    def __init__(self, shared: Mapping[str, Schema], names: Mapping[str, str]) -> None:
        self._shared = shared
        self._names = names
        self._is_recursive = False
        """Whether what is read is a name for something that contains it."""

    def declared(self, name: str) -> tuple[Type, bool]:
        """The type of a shared schema, and whether it can be an interface."""
        schema = self._shared[name]
        if schema.get("properties") and not any(keyword in schema for keyword in _COMBINED):
            return Object(self._members(schema), is_open=True), True
        self._is_recursive = name in reachable(references(schema), self._shared)
        try:
            return self.type(schema), False
        finally:
            self._is_recursive = False

    def type(self, schema: Any) -> Type:
        """The type of a schema."""
        if schema is False:
            return NEVER
        if not isinstance(schema, dict):
            return UNKNOWN
        node = cast("Schema", schema)
        parts = list(self._parts(node))
        return parts[0] if len(parts) == 1 else Intersection(tuple(parts)) if parts else UNKNOWN

    def optional(self, schema: Any) -> Type:
        """The type of what is left out when it is null."""
        choices: list[Any] = cast("Schema", schema).get("anyOf", []) if isinstance(schema, dict) else []
        rest = [each for each in choices if each != {"type": "null"}]
        return one_of([self.type(each) for each in rest]) if len(rest) < len(choices) and rest else self.type(schema)

    def _parts(self, node: Schema) -> Iterable[Type]:
        """All of what a value is."""
        if "$ref" in node:
            name = str(node["$ref"]).rpartition("/")[2]
            yield Named(self._names[name]) if name in self._names else UNKNOWN
        elif "const" in node:
            yield Named(value(node["const"]))
        elif "enum" in node:
            yield one_of([Named(value(each)) for each in node["enum"]])
        elif "anyOf" in node or "oneOf" in node:
            yield from self._union(node)
        elif "allOf" in node:
            parts = [self.type(each) for each in node["allOf"]]
            yield from dict.fromkeys(each for each in parts if each != UNKNOWN)
        else:
            kinds: Any = node.get("type", "object" if "properties" in node else None)
            if kinds is not None:
                kinds = cast("list[str]", kinds) if isinstance(kinds, list) else [str(kinds)]
                yield one_of([self._of_kind(kind, node) for kind in kinds])

    def _union(self, node: Schema) -> Iterable[Type]:
        choices: list[Any] = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        yield one_of([self.type(each) for each in choices])
        # What has a default may be left out, but not the tag that tells the choices apart.
        for tag in node.get("required", ()):
            if not all(self._requires(choice, tag) for choice in choices):
                literals = [each for choice in choices for each in self._literals(choice, tag)]
                yield Object((Member(tag, one_of(literals) if literals else UNKNOWN),))

    def _resolved(self, schema: Any) -> Schema:
        node = cast("Schema", schema) if isinstance(schema, dict) else {}
        seen: set[str] = set()
        while "$ref" in node and node["$ref"] not in seen:
            seen.add(node["$ref"])
            node = self._shared.get(str(node["$ref"]).rpartition("/")[2], {})
        return node

    def _requires(self, schema: Any, property: str) -> bool:
        node = self._resolved(schema)
        choices: list[Any] = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        return property in node.get("required", ()) or (
            bool(choices) and all(self._requires(choice, property) for choice in choices)
        )

    def _literals(self, schema: Any, property: str) -> list[Type]:
        """What the property may be, of a choice."""
        node = self._resolved(schema)
        choices: list[Any] = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        found = [each for choice in choices for each in self._literals(choice, property)]
        if property in node.get("properties", ()):
            found.append(self.type(node["properties"][property]))
        return found

    def _of_kind(self, kind: str, node: Schema) -> Type:
        if kind == "array":
            return self._array(node)
        if kind == "object":
            return self._object(node)
        return _PLAIN.get(kind, UNKNOWN)

    def _array(self, node: Schema) -> Type:
        rest = node.get("items", True)
        if "prefixItems" not in node:
            return Tuple((), 0, None) if node.get("maxItems") == 0 else Array(self.type(rest))
        items = [self.type(each) for each in node["prefixItems"]]
        required = min(node.get("minItems", 0), len(items))
        is_closed = rest is False or node.get("maxItems", len(items) + 1) <= len(items)
        return Tuple(tuple(items), required, None if is_closed else self.type(rest))

    def _object(self, node: Schema) -> Type:
        if node.get("properties"):
            return Object(self._members(node))
        patterns: Mapping[str, Any] = node.get("patternProperties", {})
        extra = node.get("additionalProperties", "properties" not in node)
        if patterns:
            values = [self.type(each) for each in patterns.values()]
            return self._record(STRING, one_of(values + ([self.type(extra)] if isinstance(extra, dict) else [])))
        if extra is False:
            return self._record(STRING, NEVER)
        keys = self._keys(node.get("propertyNames", True))
        return self._record(keys, UNKNOWN if extra is True else self.type(extra))

    def _record(self, keys: Type, each: Type) -> Type:
        is_partial = keys != STRING
        if self._is_recursive:
            return Mapped(keys, each, is_partial) if is_partial else Object((Member(None, each),))
        record = Generic("Record", (keys, each))
        return Generic("Partial", (record,)) if is_partial else record

    def _keys(self, schema: Any) -> Type:
        """The names of an object's properties: some literals, or any string."""
        node = self._resolved(schema)
        values: list[Any] = node["enum"] if "enum" in node else [node["const"]] if "const" in node else []
        if not values or not all(isinstance(each, str) for each in values):
            return STRING
        if isinstance(schema, dict) and "$ref" in schema:
            return self.type(cast("Schema", schema))
        return one_of([Named(text(each)) for each in values])

    def _members(self, node: Schema) -> tuple[Member, ...]:
        required = node.get("required", ())
        members = [
            Member(name, self.type(each), name not in required, self._comment(each, is_optional=name not in required))
            for name, each in cast("dict[str, Any]", node["properties"]).items()
        ]
        extra = node.get("additionalProperties", False)
        if extra is not False:
            members.append(self._others(members, extra))
        return tuple(members)

    def _others(self, members: list[Member], extra: Any) -> Member:
        """An index signature, which has to allow for the other properties, too."""
        each = self.type(extra)
        if all(member.type == each and not member.is_optional for member in members):
            return Member(None, each)
        about = comment(cast("Schema", extra).get("description")) if isinstance(extra, dict) else comment(None)
        return Member(None, UNKNOWN, comment=about)

    def _comment(self, schema: Any, *, is_optional: bool) -> Any:
        description = cast("Schema", schema).get("description") if isinstance(schema, dict) else None
        return comment(description, *tags(schema, has_default=is_optional))
