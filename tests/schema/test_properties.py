"""Schemas and the server agree, whatever the types are."""

from __future__ import annotations

import json
import re
from datetime import datetime, time
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from microsockets.errors import InvalidPayload
from microsockets.payloads import Codec
from microsockets.schema.definitions import Definitions, Use
from microsockets.schema.samples import Sampler

from tests.schema.types import types
from tests.schema.values import values

CHECKS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


FORMATS = FormatChecker(["uuid", "date"])


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value and bool(datetime.fromisoformat(value)))


@FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or (":" in value and bool(time.fromisoformat(value).isoformat()))


@FORMATS.checks("duration")
def _is_duration(value: object) -> bool:
    return (
        not isinstance(value, str) or re.fullmatch(r"-?P(\d+D)?(T(?=\d)(\d+H)?(\d+M)?([\d.]+S)?)?", value) is not None
    )


class Described:
    """A type, its codec and its two schemas."""

    def __init__(self, annotation: Any) -> None:
        self.codec: Codec[Any] = Codec(annotation)
        adapter = self.codec.adapter
        uses = [Use("here", None, adapter, "validation"), Use("here", None, adapter, "serialization")]
        self._definitions = Definitions(uses, strict=True)
        self.shared = self._definitions.shared
        self.read = self._definitions.schema(adapter, "validation")
        self.written = self._definitions.schema(adapter, "serialization")

    def accepts(self, schema: Any, value: Any) -> bool:
        """Whether the schema accepts a value, formats included."""
        validator: Any = Draft202012Validator({**schema, "schemas": self.shared}, format_checker=FORMATS)
        return bool(validator.is_valid(value))

    def takes(self, value: Any) -> bool:
        """Whether the server accepts it."""
        try:
            self.codec.decode(json.dumps(value).encode())
        except InvalidPayload:
            return False
        return True


described = types.map(Described)


@CHECKS
@given(described, st.data())
def test_what_the_schema_accepts_the_server_accepts(each: Described, data: st.DataObject) -> None:
    value = data.draw(values(each.read, each.shared))
    assume(each.accepts(each.read, value))
    assert each.takes(value)


@CHECKS
@given(described, st.data())
def test_what_the_server_writes_the_schema_accepts(each: Described, data: st.DataObject) -> None:
    value = data.draw(values(each.read, each.shared))
    assume(each.takes(value))
    written = each.codec.encode(each.codec.decode(json.dumps(value).encode()))
    assert each.accepts(each.written, json.loads(written))


@CHECKS
@given(described)
def test_examples_are_valid(each: Described) -> None:
    example = Sampler(each.shared).sample(each.read)
    assert each.accepts(each.read, example)
    assert each.takes(example)


@CHECKS
@given(described)
def test_schemas_are_valid_and_whole(each: Described) -> None:
    for schema in (each.read, each.written, *each.shared.values()):
        Draft202012Validator.check_schema(schema)
    names = json.dumps([each.read, each.written, each.shared]).split('"#/schemas/')[1:]
    assert {name.partition('"')[0] for name in names} <= each.shared.keys()
