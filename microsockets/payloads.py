"""From a type to its validator and its encoder, built once and used for every message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Generic, Literal, cast, get_args, get_origin

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeVar

from .errors import ConfigurationError, InvalidPayload, InvalidValue, describe, problems
from .fail_fast import fail_fast
from .type_names import readable

T = TypeVar("T")

_LARGE: Final = 4096
"""Bytes of a payload from which on validation stops at the first wrong element, since collecting them all costs more
than the frame did. Forms are smaller, and are told all their problems."""

_MODES: Final[tuple[Literal["validation", "serialization"], ...]] = ("validation", "serialization")


class Codec(Generic[T]):
    """One type on the wire: JSON bytes to a value, and a value to JSON bytes."""

    __slots__ = (
        "_symmetric",
        "_to_json",
        "_validate_json",
        "_validate_large",
        "_validate_python",
        "adapter",
        "annotation",
    )

    def __init__(self, annotation: Any) -> None:
        """Raises `NameError` if the type names something that does not exist yet, `ConfigurationError` if pydantic has
        no schema for it."""
        try:
            adapter: TypeAdapter[T] = TypeAdapter(annotation)
            if not adapter.pydantic_complete:
                adapter.rebuild(raise_errors=True)
        except PydanticUndefinedAnnotation as error:
            raise NameError(str(error), name=error.name) from None
        except PydanticUserError as error:
            raise ConfigurationError(f"pydantic cannot validate {annotation!r}: {error.message}") from None
        self.annotation = annotation
        self._symmetric: bool | None = None
        self._validate_large: Callable[[bytes], Any] | None = None
        self.adapter = adapter
        self._validate_json = adapter.validator.validate_json
        self._validate_python = adapter.validator.validate_python
        self._to_json = adapter.serializer.to_json

    def decode(self, data: bytes) -> T:
        """The value of these JSON bytes. Raises `InvalidPayload` with pydantic's `loc`, `msg` and `type`.

        Validation reads JSON directly, so that strict models accept what JSON has no type for, like dates.
        """
        validate_json = self._validate_json if len(data) < _LARGE else self._fail_fast()
        try:
            value: T = validate_json(data)
        except ValidationError as error:
            raise InvalidPayload(details=problems(error)) from None
        except RecursionError:
            raise InvalidPayload("The payload is nested too deeply") from None
        return value

    def _fail_fast(self) -> Callable[[bytes], Any]:
        if self._validate_large is None:
            self._validate_large = fail_fast(self.adapter).validate_json
        return self._validate_large

    def coerce(self, value: Any) -> T:
        """The value as the type makes it. Raises `InvalidValue`."""
        try:
            coerced: T = self._validate_python(value)
        except ValidationError as error:
            raise self._invalid(error) from None
        return coerced

    def encode(self, value: T) -> bytes:
        """The JSON of a value, by alias; only fields the type declares leave. Raises `InvalidValue`."""
        try:
            return self._to_json(self._validate_python(value), by_alias=True, warnings=False)
        except (ValidationError, PydanticSerializationError, RecursionError) as error:
            raise self._invalid(error) from None

    def encode_strictly(self, value: T) -> bytes:
        """Like `encode`, but a value that was changed after validation is an error too, and so are bytes that do not
        validate, where the type reads what it writes. Six times slower; for `debug=True` and tests."""
        try:
            data = self._to_json(self._validate_python(value), by_alias=True, warnings="error")
            if self._is_symmetric():
                self._validate_json(data)
        except (ValidationError, PydanticSerializationError, RecursionError) as error:
            raise self._invalid(error) from None
        return data

    def _is_symmetric(self) -> bool:
        # A type may write what it does not read: another alias, a computed field, a serializer of its own.
        if self._symmetric is None:
            try:
                read, written = (self.adapter.json_schema(mode=mode) for mode in _MODES)
                self._symmetric = read == written and not _writes_unknown(self.adapter.core_schema)
            except PydanticInvalidForJsonSchema:
                self._symmetric = False
        return self._symmetric

    def _invalid(self, error: Exception) -> InvalidValue:
        if isinstance(error, ValidationError):
            reason = describe(error)
        elif isinstance(error, RecursionError):
            reason = "it refers to itself"
        else:
            reason = "it cannot be written as JSON, or was changed to something its type refuses"
        return InvalidValue(f"the value is no {self.name}: {reason}")

    @property
    def name(self) -> str:
        """The type as a developer would write it."""
        annotation = self.annotation
        while get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        if annotation is type(None):
            return "None"
        if isinstance(annotation, type) and get_origin(annotation) is None:
            return readable(annotation.__name__)
        return readable(str(annotation))


def _writes_unknown(schema: Any) -> bool:
    """Whether a serializer in this schema does not say what it writes, or keys are written that are read otherwise."""
    if isinstance(schema, list | tuple):
        return any(_writes_unknown(each) for each in cast("Iterable[Any]", schema))
    if not isinstance(schema, dict):
        return False
    node = cast("dict[str, Any]", schema)
    kind = node.get("type")
    if isinstance(kind, str):
        if "serialization" in node and "return_schema" not in node["serialization"]:
            return True
        if kind == "dict" and node.get("keys_schema", {}).get("type") in ("tuple", "list", "model", "dataclass"):
            return True
    return any(_writes_unknown(value) for key, value in node.items() if key != "metadata")


ANYTHING: Final[Codec[Any]] = Codec(Any)
"""The codec of values nobody described: any JSON in, whatever pydantic can serialize out."""
