"""A contract that comes from a file, which somebody may have edited or merged badly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, TypeAlias, cast

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from ..errors import ConfigurationError
from ..paths import Path
from .contract import FORMAT, Contract, each_schema
from .walk import references

_Type: TypeAlias = Literal["string", "integer", "number", "boolean", "null", "array", "object"]
_Number: TypeAlias = int | Annotated[float, Field(allow_inf_nan=False)]
_Step: TypeAlias = Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count: TypeAlias = Annotated[int, Field(ge=0)]
_Schema: TypeAlias = "bool | _Keywords"

_Keywords = TypedDict(
    "_Keywords",
    {
        "$ref": str,
        "additionalProperties": _Schema,
        "allOf": list[_Schema],
        "anyOf": list[_Schema],
        "contains": _Schema,
        "contentSchema": _Schema,
        "dependentSchemas": dict[str, _Schema],
        "else": _Schema,
        "enum": list[Any],
        "exclusiveMaximum": _Number,
        "exclusiveMinimum": _Number,
        "format": str,
        "if": _Schema,
        "items": _Schema,
        "maxItems": _Count,
        "maxLength": _Count,
        "maxProperties": _Count,
        "maximum": _Number,
        "minItems": _Count,
        "minLength": _Count,
        "minProperties": _Count,
        "minimum": _Number,
        "multipleOf": _Step,
        "not": _Schema,
        "oneOf": list[_Schema],
        "pattern": str,
        "patternProperties": dict[str, _Schema],
        "prefixItems": list[_Schema],
        "properties": dict[str, _Schema],
        "propertyNames": _Schema,
        "required": list[str],
        "then": _Schema,
        "type": _Type | list[_Type],
        "unevaluatedItems": _Schema,
        "unevaluatedProperties": _Schema,
        "uniqueItems": bool,
    },
    total=False,
)
"""What a JSON Schema has to be, so that two of them can be compared (2020-12, Core 10 and Validation 6)."""


class _Error(TypedDict):
    details: NotRequired[_Schema]


class _Taken(TypedDict):
    payload: NotRequired[_Schema]
    optional: NotRequired[Literal[True]]
    errors: NotRequired[dict[str, _Error]]


class _Answered(_Taken):
    answer: _Schema


class _Streamed(_Taken):
    item: _Schema


class _Sent(TypedDict):
    payload: NotRequired[_Schema]


class _Ask(_Sent):
    answer: _Schema


_Namespace = TypedDict(
    "_Namespace",
    {
        "name": str,
        "params": NotRequired[_Schema],
        "in": dict[str, _Answered | _Streamed],
        "out": dict[str, _Sent],
        "asks": dict[str, _Ask],
    },
)


class _Contract(TypedDict):
    namespaces: dict[str, _Namespace]
    schemas: dict[str, _Schema]


_CONTRACT: Final = TypeAdapter(_Contract)


class NoContract(Exception):
    """The text is no contract. The message says why."""


class OtherVersion(Exception):
    """The file is of a version that this package does not read. The message is that version."""


def read_locked(text: str) -> Contract:
    """The contract in a file's text, in which every part is there and is what the comparison takes it for.

    Raises `NoContract` and `OtherVersion`.
    """
    try:
        document: Any = json.loads(text, parse_constant=_refuse)
        version = document["microsockets"]
        if version == FORMAT:
            _check(document)
    except (ValueError, LookupError, TypeError, RecursionError, ConfigurationError) as error:
        raise NoContract(str(error)) from None
    if version != FORMAT:
        raise OtherVersion(version)
    return cast("Contract", document)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _check(document: Any) -> None:
    """Raises one of the errors that are caught above."""
    _CONTRACT.validate_python(document, strict=True)
    namespaces: dict[str, Any] = document["namespaces"]
    shapes = {Path(path, path).shape for path in namespaces}
    if len(shapes) < len(namespaces):
        raise ValueError("two paths are the same but for the names in them")
    schemas: dict[str, Any] = document["schemas"]
    for schema in schemas.values():
        _check_references(schema, schemas)
    for namespace in namespaces.values():
        each_schema(namespace, lambda schema: _check_references(schema, schemas))


def _check_references(schema: Any, schemas: Mapping[str, Any]) -> None:
    for name in references(schema):
        if name not in schemas:
            raise ValueError(f"the schema {name} is missing")
