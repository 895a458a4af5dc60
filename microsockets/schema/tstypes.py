"""TypeScript types for schemas, laid out as a person would write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from .walk import Schema

WIDTH: Final = 100
"""Columns that a line may have before a type is broken over several."""
INDENT: Final = "  "
UNKNOWN: Final = "unknown"

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PRIMITIVES: Final = {
    "boolean": "boolean",
    "integer": "number",
    "null": "null",
    "number": "number",
    "string": "string",
}


class Types:
    """Writes types; `names` are those of the definitions in the file."""

    def __init__(self, shared: Mapping[str, Schema], names: Mapping[str, str]) -> None:
        self._shared = shared
        self._names = names

    def declare(self, name: str, schema: Any) -> Iterator[str]:
        """The exported declaration of a definition, line by line."""
        yield from comment(notes(schema), "")
        if isinstance(schema, dict) and _is_plain_object(cast("Schema", schema)):
            yield f"export interface {name} {self._object(cast('Schema', schema), '')}"
        else:
            yield from f"export type {name} = {self.write(schema, '')};".replace("= \n", "=\n").split("\n")

    def write(self, schema: Any, indent: str, *, before: int = 0) -> str:
        """A type, over several lines if it is long or its fields are described; the first line has `before` columns."""
        inline = self._inline(schema)
        fits = len(indent) + before + len(inline) <= WIDTH and "\n" not in inline
        if fits and not self._describes(schema):
            return inline
        if not isinstance(schema, dict) or "$ref" in schema:
            return inline
        return self._broken(cast("Schema", schema), indent) or inline

    def _broken(self, schema: Schema, indent: str) -> str | None:
        """A type over several lines; None if it has none to break."""
        deeper = indent + INDENT
        if "const" in schema:
            return None
        if "enum" in schema:
            return _alternatives(map(literal, schema["enum"]), deeper)
        members = _members(schema)
        if members:
            return None if self._tag(schema) else _alternatives((self.write(each, deeper) for each in members), deeper)
        if _is_plain_object(schema):
            return self._object(schema, indent)
        if schema.get("type") == "array" and "prefixItems" not in schema:
            items = self.write(schema.get("items", True), indent, before=WIDTH)
            if "\n" not in items:
                return None
            return f"({items}\n{indent})[]" if items.startswith("\n") else f"{items}[]"
        if schema.get("type") == "object":
            name, value = self._entries(schema)
            written = self.write(value, deeper, before=len(name) + 3)
            return f"{{\n{deeper}{name}: {written};\n{indent}}}".replace(": \n", ":\n")
        return None

    def _describes(self, schema: Any) -> bool:
        """Whether there are notes that a type in one line has no place for."""
        if not isinstance(schema, dict) or "$ref" in schema:
            return False
        node = cast("Schema", schema)
        if _is_plain_object(node):
            return any(
                notes(each, optional=True) or self._describes(each) for each in node.get("properties", {}).values()
            )
        return any(self._describes(each) for each in _members(node))

    def _object(self, schema: Schema, indent: str) -> str:
        deeper = indent + INDENT
        lines: list[str] = []
        for key, each, value in self._properties(schema):
            lines += comment(notes(value, optional=key.endswith("?")), deeper)
            written = each if each is not None else self.write(value, deeper, before=len(key) + 3)
            lines.append(f"{deeper}{key}: {written};".replace(": \n", ":\n"))
        return "\n".join(["{", *lines, f"{indent}}}"])

    def _properties(self, schema: Schema) -> Iterator[tuple[str, str | None, Any]]:
        """Of each its key, its type if that is another one than its schema's, and its schema."""
        required = schema.get("required", ())
        for name, each in schema.get("properties", {}).items():
            yield f"{key(name)}{'' if name in required else '?'}", None, each
        if not schema.get("properties"):
            # `{}` would be anything but null.
            yield "[key: string]", UNKNOWN if schema.get("additionalProperties", True) else "never", {}
        elif schema.get("additionalProperties"):
            # Beside declared ones that are of other types, nothing closer can be said.
            yield "[key: string]", UNKNOWN, {}

    def _inline(self, schema: Any) -> str:
        if schema is False:
            return "never"
        if not isinstance(schema, dict):
            return UNKNOWN
        node = cast("Schema", schema)
        if "$ref" in node:
            return self._names[node["$ref"].rpartition("/")[2]]
        if "const" in node:
            return literal(node["const"])
        if "enum" in node:
            return " | ".join(unique(literal(each) for each in node["enum"])) or "never"
        members = _members(node)
        if members:
            parts = unique(self._inline(each) if not self._tag(each) else f"({self._inline(each)})" for each in members)
            union = " | ".join(parts)
            return (
                f"{f'({union})' if len(parts) > 1 else union} & {{ {self._tag(node)} }}" if self._tag(node) else union
            )
        if "allOf" in node:
            return " & ".join(unique(self._grouped(each) for each in node["allOf"])) or UNKNOWN
        match node.get("type"):
            case "array":
                return self._array(node)
            case "object":
                return self._record(node)
            case str() as kind:
                return _PRIMITIVES.get(kind, UNKNOWN)
            case _:
                return self._record(node) if "properties" in node else UNKNOWN

    def _tag(self, schema: Any) -> str:
        """The fields that each member of a union must have and that one could be without: tags with a default."""
        if not isinstance(schema, dict):
            return ""
        node = cast("Schema", schema)
        members = [self._resolved(each) for each in _members(node)]
        if not members or "properties" in node:
            return ""
        names = cast("Sequence[str]", node.get("required", ()))
        open_ = [name for name in names if not all(name in each.get("required", ()) for each in members)]
        return "; ".join(f"{key(name)}: {UNKNOWN}" for name in open_)

    def _resolved(self, schema: Any) -> Schema:
        found = schema
        while isinstance(found, dict) and "$ref" in found:
            found = self._shared[cast("Schema", found)["$ref"].rpartition("/")[2]]
        return cast("Schema", found) if isinstance(found, dict) else {}

    def _array(self, schema: Schema) -> str:
        items = schema.get("items", True)
        if "prefixItems" not in schema:
            return f"{self._grouped(items)}[]"
        fixed: Sequence[Any] = schema["prefixItems"]
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        parts = [self._inline(each) if index < least else f"{self._grouped(each)}?" for index, each in enumerate(fixed)]
        if items is not False and (most is None or most > len(fixed)):
            parts.append(f"...{self._grouped(items)}[]")
        return f"[{', '.join(parts)}]"

    def _record(self, schema: Schema) -> str:
        if _is_plain_object(schema):
            parts = [f"{key}: {each or self._inline(value)}" for key, each, value in self._properties(schema)]
            return f"{{ {'; '.join(parts)} }}"
        name, value = self._entries(schema)
        return f"{{ {name}: {self._inline(value)} }}"

    def _entries(self, schema: Schema) -> tuple[str, Any]:
        """The signature of a mapping's names, and the schema of its values."""
        patterns = cast("dict[str, Any]", schema.get("patternProperties", {}))
        values = list(patterns.values()) or [schema.get("additionalProperties", True)]
        keys = self._keys(schema.get("propertyNames"))
        return f"[Key in {keys}]?" if keys else "[key: string]", values[0] if len(values) == 1 else {"anyOf": values}

    def _keys(self, names: Any) -> str | None:
        """What the names of a mapping can be, if they can be listed."""
        node = self._resolved(names)
        found = [node["const"]] if "const" in node else node.get("enum", ())
        return self._inline(names) if found and all(isinstance(each, str) for each in found) else None

    def _grouped(self, schema: Any) -> str:
        """In parentheses where it would be torn apart otherwise."""
        inline = self._inline(schema)
        bare = isinstance(schema, dict) and "$ref" not in schema and (" | " in inline or " & " in inline)
        nested = inline.startswith(("{", "[")) and inline.endswith(("}", "]"))
        return f"({inline})" if bare and not (nested and not _members(cast("Schema", schema))) else inline


def _is_plain_object(schema: Schema) -> bool:
    """Whether it is an object with fields, or one without any."""
    if "properties" in schema:
        return not any(keyword in schema for keyword in ("$ref", "anyOf", "oneOf", "allOf"))
    closed = schema.get("additionalProperties", True) is False and "patternProperties" not in schema
    return schema.get("type") == "object" and closed


def _members(schema: Schema) -> list[Any]:
    """The members of a union; none if it is none."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return cast("list[Any]", schema[keyword])
    kinds = cast("list[str] | str | None", schema.get("type"))
    return [{**schema, "type": kind} for kind in kinds] if isinstance(kinds, list) else []


def _alternatives(parts: Iterable[str], indent: str) -> str:
    """The members of a union, one below the other."""
    return "".join(f"\n{indent}| {part}" for part in unique(parts))


def literal(value: Any) -> str:
    """A value as a type."""
    if isinstance(value, list | dict):
        return UNKNOWN
    return json.dumps(value, ensure_ascii=False)


def key(name: str) -> str:
    """A name as that of a property."""
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def unique(parts: Iterable[str]) -> list[str]:
    """Without those that are there already, in their order."""
    return list(dict.fromkeys(parts))


def notes(schema: Any, *, optional: bool = False) -> list[str]:
    """What is said about a schema besides its type, line by line; the default of a field that may be left out, too."""
    if not isinstance(schema, dict):
        return []
    node = cast("Schema", schema)
    lines = str(node.get("description", "")).strip().splitlines()
    # Null is what is meant where nothing is said.
    if optional and node.get("default") is not None:
        lines.append(f"@default {json.dumps(node['default'], ensure_ascii=False)}")
    if node.get("deprecated"):
        lines.append("@deprecated")
    return lines


def comment(lines: Sequence[str], indent: str) -> Iterator[str]:
    """A comment, line by line; none without lines."""
    safe = [line.rstrip().replace("*/", "*\\/") for line in lines]
    if len(safe) == 1 and len(indent) + len(safe[0]) + 7 <= WIDTH:
        yield f"{indent}/** {safe[0]} */"
    elif safe:
        yield f"{indent}/**"
        for line in safe:
            yield f"{indent} * {line}".rstrip()
        yield f"{indent} */"
