"""From types to JSON Schemas whose shared parts have the names that their classes have."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import (
    CoreModeRef,
    DefsRef,
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
)
from pydantic_core import core_schema

from ..type_names import readable, without_modules
from .walk import Schema, rewrite, subschemas

REFERENCE: Final = "#/schemas/"

Mode = Literal["validation", "serialization"]

_IDS: Final = re.compile(r":\d+")
_ADDRESSES: Final = re.compile(r"\b0x[0-9a-f]+")
_KEYS: Final[dict[Any, Schema]] = {
    "integer": {"type": "string", "pattern": r"^-?[0-9]+$"},
    "number": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    "boolean": {"type": "string", "enum": ["true", "false"]},
}
"""The names of an object whose keys are no strings, by the type of the keys."""


class ContractError(Exception):
    """Something cannot be described. The message is one sentence with the place in the user's code."""


class Use(NamedTuple):
    """One type where it travels."""

    place: str
    source: Any
    """What has a place in the user's files, or None."""
    adapter: TypeAdapter[Any]
    mode: Mode
    """Whether it is read or written."""


class Definitions:
    """The schemas of all types of an application. A class that reads and writes different things is there twice, the
    second time as `NameOutput`."""

    def __init__(self, uses: Iterable[Use], *, strict: bool) -> None:
        """`strict` raises `ContractError` for a type that JSON Schema cannot express, and for two classes of one name;
        otherwise the first is described as anything, and the second get longer names."""
        by_key: dict[tuple[int, Mode], Use] = {(id(use.adapter), use.mode): use for use in uses}
        try:
            generator, found, definitions = _generate(by_key)
        except _INEXPRESSIBLE:
            by_key = {key: use for key, use in by_key.items() if _is_expressible(use, strict=strict)}
            generator, found, definitions = _generate(by_key)
        if strict:
            generator.check_names()
        names = _names(definitions, generator.origins)

        def rename(schema: Schema) -> Schema:
            reference = schema.get("$ref")
            if isinstance(reference, str):
                schema["$ref"] = REFERENCE + names[reference.removeprefix(REFERENCE)]
            return schema

        self._schemas: dict[tuple[int, str], Schema] = {key: rewrite(schema, rename) for key, schema in found.items()}
        shared = {names[key]: rewrite(schema, rename) for key, schema in definitions.items()}
        self.shared: dict[str, Schema] = dict(sorted(shared.items()))

    def schema(self, adapter: TypeAdapter[Any], mode: Mode) -> Schema:
        """The schema of a type that was among the uses."""
        return self._schemas.get((id(adapter), mode), {})


_INEXPRESSIBLE: Final = (PydanticInvalidForJsonSchema, PydanticUserError)


def _generate(
    uses: dict[tuple[int, Mode], Use],
) -> tuple[_Generator, dict[tuple[int, JsonSchemaMode], JsonSchemaValue], dict[DefsRef, JsonSchemaValue]]:
    generator = _Generator()
    try:
        found, definitions = generator.generate_definitions(
            [(adapter, mode, use.adapter.core_schema) for (adapter, mode), use in uses.items()]
        )
    except KeyError as error:
        raise _nowhere(error.args[0]) from None
    for schema in (*found.values(), *definitions.values()):
        for each in subschemas(schema):
            reference = each.get("$ref")
            if isinstance(reference, str) and reference.removeprefix(REFERENCE) not in definitions:
                raise _nowhere(reference)
    return generator, found, definitions


def _nowhere(reference: str) -> PydanticInvalidForJsonSchema:
    """A reference that somebody wrote by hand, for which pydantic has no error of its own."""
    return PydanticInvalidForJsonSchema(f"it refers to {reference}, which is not there")


def _is_expressible(use: Use, *, strict: bool) -> bool:
    try:
        _generate({(id(use.adapter), use.mode): use})
    except _INEXPRESSIBLE as error:
        if strict:
            raise ContractError(
                f"{use.place}{location(use.source)}: JSON Schema cannot express its type: {error.message}"
            ) from None
        return False
    return True


class _Generator(GenerateJsonSchema):
    """pydantic's, with schemas that accept no more than pydantic does."""

    def __init__(self, by_alias: bool = True, ref_template: str = REFERENCE + "{model}", **options: Any) -> None:
        super().__init__(by_alias, ref_template, **options)
        self.ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}
        self.origins: dict[str, CoreModeRef] = {}
        """Where each definition comes from: a class, as pydantic refers to it, and a mode."""

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        key = super().get_defs_ref(core_mode_ref)
        self.origins[key] = core_mode_ref
        # To find out which shorter ones are free, pydantic goes over all definitions again and again: 4 s for 300
        # models. Names are given at the end.
        self._prioritized_defsref_choices[key] = [key]
        return key

    def check_names(self) -> None:
        """Raises `ContractError` for two classes of one name."""
        for name, references in _by_name(self.origins).items():
            if len(references) > 1:
                first, second = (_origin(reference) for reference in list(references)[:2])
                raise ContractError(f"two types are called {name}: {first} and {second}; rename one of them")

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            # A field with a default is written, too; only `exclude_if` leaves one out.
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        # The object that OpenAPI has here is invalid in AsyncAPI; what it says beyond the members' own tags is that
        # the tag must be there.
        union = super().tagged_union_schema(schema)
        discriminator = union.pop("discriminator", None)
        if discriminator is not None:
            union["required"] = [discriminator["propertyName"]]
        return union

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        described = super().dict_schema(schema)
        keys = schema.get("keys_schema")
        if (
            keys is None
            or self.mode == "serialization"
            or not {"propertyNames", "patternProperties"}.isdisjoint(described)
        ):
            return described
        names = self.resolve_ref_schema(self.generate_inner(keys).copy())
        kind = names.get("type")
        if kind in _KEYS:
            described["propertyNames"] = dict(_KEYS[kind])
        elif kind == "string" and names.keys() > {"type"}:
            described["propertyNames"] = names
        return described

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        described: Schema = super().decimal_schema(schema)
        if self.mode == "serialization":
            return {"type": "string", "format": "decimal"}
        # A string's bounds and a number's digits cannot be said, so only the other is offered.
        number: Schema = described["anyOf"][0]
        if not {"ge", "gt", "le", "lt", "multiple_of"}.isdisjoint(schema):
            return number
        text = {"type": "string", "pattern": _digits(schema.get("max_digits"), schema.get("decimal_places"))}
        if not {"max_digits", "decimal_places"}.isdisjoint(schema):
            return text
        return {"anyOf": [number, text]}


def _digits(most: int | None, places: int | None) -> str:
    """Of a decimal number with so many digits, so many of them behind the point."""
    if places is None:
        return r"^-?[0-9]+(\.[0-9]+)?$" if most is None else rf"^-?(?!.*\..*\.)[0-9](\.?[0-9]){{0,{most - 1}}}$"
    behind = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    if most is None:
        return rf"^-?[0-9]+{behind}$"
    before = most - places
    return rf"^-?(0|[1-9][0-9]{{0,{before - 1}}}){behind}$" if before > 0 else rf"^-?0{behind}$"


def _short(reference: str) -> str:
    """`Page[Item]` of `shop.Page:140[shop.Item:150]`."""
    return without_modules(_IDS.sub("", reference))


def _origin(reference: str) -> str:
    """`shop.Item (shop.py:12)`, as far as that can be found out."""
    name = _IDS.sub("", reference).partition("[")[0]
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:length]))
        if found is None:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        return name + location(found)
    return name


def location(documented: Any) -> str:
    """` (shop.py:12)`, or nothing where there is no source."""
    try:
        file = inspect.getsourcefile(documented)
        line = inspect.getsourcelines(documented)[1]
    except (TypeError, OSError):
        return ""
    return f" ({file}:{line})" if file else ""


def _by_name(origins: Mapping[str, CoreModeRef]) -> dict[str, dict[str, None]]:
    """The classes of each name."""
    found: dict[str, dict[str, None]] = {}
    for reference, _ in origins.values():
        found.setdefault(_short(reference), {})[reference] = None
    return found


def _names(definitions: Mapping[DefsRef, Schema], origins: Mapping[str, CoreModeRef]) -> dict[str, str]:
    """Identifiers for definitions, none of them twice; but what is the same for reading and writing has one name."""
    keys = {origins[key]: key for key in definitions}
    different = _different(definitions, origins)
    classes = {reference: len(twins) > 1 for twins in _by_name(origins).values() for reference in twins}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for reference, mode in sorted(keys, key=_place_in_order):
        read = keys.get((reference, "validation"))
        if mode == "serialization" and read is not None and reference not in different:
            names[keys[reference, mode]] = names[read]
            continue
        name = _identifier(reference, qualified=classes[reference])
        if mode == "serialization" and read is not None:
            name += "Output"
        while name in taken:
            name += "_"
        taken.add(name)
        names[keys[reference, mode]] = name
    return names


def _place_in_order(origin: CoreModeRef) -> tuple[bool, str, bool]:
    """The same in each process, so that names stay."""
    reference, mode = origin
    return "[" in reference, _ADDRESSES.sub("", _IDS.sub("", reference)), mode != "validation"


def _different(definitions: Mapping[DefsRef, Schema], origins: Mapping[str, CoreModeRef]) -> set[str]:
    """The classes that write something else than they read, be it because of others that they refer to."""

    def without_mode(schema: Schema) -> Schema:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            schema["$ref"] = origins[reference.removeprefix(REFERENCE)][0]
        return schema

    modes: dict[str, list[Schema]] = {}
    users: dict[str, set[str]] = {}
    for key, schema in definitions.items():
        bare = rewrite(schema, without_mode)
        modes.setdefault(origins[key][0], []).append(bare)
        for each in subschemas(bare):
            if isinstance(each.get("$ref"), str):
                users.setdefault(each["$ref"], set()).add(origins[key][0])
    waiting = [reference for reference, schemas in modes.items() if schemas[0] != schemas[-1]]
    different: set[str] = set()
    while waiting:
        reference = waiting.pop()
        if reference not in different:
            different.add(reference)
            waiting.extend(users.get(reference, ()))
    return different


def _identifier(reference: str, *, qualified: bool) -> str:
    plain = _IDS.sub("", reference)
    if qualified:
        return re.sub(r"\W+", "_", plain).strip("_")
    short = readable(plain)
    return "".join(_capital(word) for word in re.findall(r"\w+", short)) if "[" in short else re.sub(r"\W", "_", short)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
