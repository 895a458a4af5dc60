"""Examples that are valid: the ones that models give, and else the simplest that a schema allows."""

from __future__ import annotations

import contextlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from ..namespace import Namespace
from ..payloads import Codec
from .contract import Contract
from .patterns import matching
from .walk import Schema

logger = logging.getLogger("microsockets")

_FORMATS: Final = {
    "base64url": "AAAA",
    "binary": "AAAA",
    "byte": "AAAA",
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "decimal": "1",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "ipv4": "192.0.2.1",
    "ipv4network": "192.0.2.0/24",
    "ipv4interface": "192.0.2.1/24",
    "ipv6": "2001:db8::1",
    "ipv6network": "2001:db8::/32",
    "ipv6interface": "2001:db8::1/32",
    "json-string": "{}",
    "multi-host-uri": "https://example.com/",
    "name-email": "Ada <ada@example.com>",
    "path": "file.txt",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uuid1": "00000000-0000-1000-8000-000000000000",
    "uuid3": "00000000-0000-3000-8000-000000000000",
    "uuid4": "00000000-0000-4000-8000-000000000000",
    "uuid5": "00000000-0000-5000-8000-000000000000",
}
_TEXT: Final = "text"
_DEEPEST: Final = 16
_SHOWN_DEPTH: Final = 4
"""Down to here a mapping has an entry, to show what it is made of."""
_UNIONS: Final = ("anyOf", "oneOf")


class _NoSample(Exception):
    """There is none, or none that can be found."""


def read_samples(namespaces: Sequence[Namespace], contract: Contract) -> dict[str, Any]:
    """By path: `params`, and by event `in`, `out` and `asks`. What has no payload, and what no valid example was found
    for, is left out."""
    sampler = Sampler(contract["schemas"])
    found: dict[str, Any] = {}
    for namespace in namespaces:
        assert namespace.path is not None
        described = contract["namespaces"][namespace.path.template]
        declared = namespace.declared
        codecs: dict[str, dict[str, Codec[Any]]] = {
            "in": {name: handler.payload for name, handler in declared.handlers.items()},
            "out": {name: event.codec for name, event in declared.events.items()},
            "asks": {name: ask.question for name, ask in declared.asks.items()},
        }
        samples: dict[str, Any] = {
            direction: dict(sampler.of_events(described[direction], each)) for direction, each in codecs.items()
        }
        samples["answers"] = dict(
            sampler.of_events(
                {name: {"payload": each["answer"]} for name, each in described["asks"].items()},
                {name: ask.answer for name, ask in declared.asks.items()},
            )
        )
        if "params" in described:
            samples["params"] = sampler.sample(described["params"])
        found[namespace.path.template] = samples
    return found


class Sampler:
    """Makes examples for the schemas of one contract."""

    def __init__(self, shared: Mapping[str, Schema]) -> None:
        self._shared = shared
        self._open: list[str] = []
        """What is being made."""

    def of_events(self, events: Mapping[str, Any], codecs: Mapping[str, Codec[Any]]) -> Sequence[tuple[str, Any]]:
        """The payloads of events, those that their codecs accept."""
        found: list[tuple[str, Any]] = []
        for name, event in events.items():
            if "payload" not in event:
                continue
            for value in self._candidates(event["payload"]):
                if _accepts(codecs[name], value):
                    found.append((name, value))
                    break
        return found

    def sample(self, schema: Any) -> Any:
        """The first choice; None if there is none."""
        return next(iter(self._candidates(schema)), None)

    def _candidates(self, schema: Any) -> list[Any]:
        given = list(self._given(schema))
        with contextlib.suppress(_NoSample, RecursionError):
            given.append(self._make(schema, 0))
        return given

    def _given(self, schema: Any) -> Sequence[Any]:
        if not isinstance(schema, dict):
            return ()
        node = cast("Schema", schema)
        examples: list[Any] | None = node.get("examples")
        if examples:
            return examples
        if "$ref" in node:
            return self._given(self._shared[node["$ref"].rpartition("/")[2]])
        return ()

    def _make(self, schema: Any, depth: int) -> Any:
        if schema is False or depth > _DEEPEST:
            raise _NoSample
        if not isinstance(schema, dict):
            return _TEXT
        node = cast("Schema", schema)
        given = self._given(node) if depth else ()
        if given:
            return given[0]
        if "$ref" in node:
            return self._shared_one(node["$ref"], depth)
        if "const" in node:
            return node["const"]
        if node.get("enum"):
            return node["enum"][0]
        for union in _UNIONS:
            if union in node:
                return self._first(node[union], depth)
        if "allOf" in node:
            rest = {keyword: value for keyword, value in node.items() if keyword != "allOf"}
            return self._make({**rest, **_merged(node["allOf"])}, depth + 1)
        return self._plain(node, depth)

    def _shared_one(self, reference: str, depth: int) -> Any:
        self._open.append(reference)
        try:
            return self._make(self._shared[reference.rpartition("/")[2]], depth + 1)
        finally:
            self._open.pop()

    def _first(self, choices: Sequence[Any], depth: int) -> Any:
        # A value says more than null, and null ends what would never end.
        for choice in sorted(choices, key=lambda each: each == {"type": "null"}):
            try:
                return self._make(choice, depth + 1)
            except _NoSample:
                continue
        raise _NoSample

    def _plain(self, node: Schema, depth: int) -> Any:
        kind = node.get("type")
        if isinstance(kind, list):
            kind = cast("list[str]", kind)[0]
        makers: dict[Any, Callable[[], Any]] = {
            "string": lambda: _string(node),
            "integer": lambda: int(_number(node, 1)),
            "number": lambda: _number(node, None),
            "boolean": lambda: True,
            "null": lambda: None,
            "array": lambda: self._array(node, depth),
            "object": lambda: self._object(node, depth),
        }
        make = makers.get(kind)
        if make is None:
            return self._object(node, depth) if "properties" in node else _TEXT
        return make()

    def _array(self, node: Schema, depth: int) -> list[Any]:
        fewest = node.get("minItems", 0)
        values = [self._make(each, depth + 1) for each in node.get("prefixItems", ())]
        items = node.get("items", True)
        # One item shows what a list is made of, where it does not lead on and on.
        is_shown = "prefixItems" not in node and node.get("maxItems") != 0 and items is not False
        if is_shown and isinstance(items, dict):
            is_shown = cast("Schema", items).get("$ref") not in self._open
        while len(values) < max(fewest, int(is_shown)):
            try:
                value = self._make(items, depth + 1)
            except _NoSample:
                if len(values) < fewest:
                    raise
                break
            if node.get("uniqueItems") and value in values:
                value = _another(value, len(values), values)
            values.append(value)
        return values

    def _object(self, node: Schema, depth: int) -> dict[str, Any]:
        properties = cast("dict[str, Any]", node.get("properties", {}))
        required = node.get("required", ())
        made: dict[str, Any] = {}
        for name, each in properties.items():
            if name in required:
                made[name] = self._make(each, depth + 1)
            elif isinstance(each, dict) and self._given(each):
                made[name] = self._given(each)[0]
        names = node.get("propertyNames", {"type": "string"})
        extra = cast("Schema | bool", node.get("additionalProperties", False))
        patterns = cast("dict[str, Any]", node.get("patternProperties", {}))
        fewest = node.get("minProperties", 0)
        is_shown = not properties and depth <= _SHOWN_DEPTH and bool(patterns or (isinstance(extra, dict) and extra))
        while len(made) < max(fewest, int(is_shown)):
            key = matching(next(iter(patterns))) if patterns else self._make(names, depth + 1)
            if not isinstance(key, str):
                raise _NoSample
            if key in made:
                key = _another(key, len(made), made)
            try:
                made[key] = self._make(next(iter(patterns.values())) if patterns else extra, depth + 1)
            except _NoSample:
                if len(made) < fewest:
                    raise
                break
        return made


def _merged(parts: Sequence[Any]) -> Schema:
    merged: Schema = {}
    for part in parts:
        if isinstance(part, dict):
            merged |= cast("Schema", part)
    return merged


def _string(node: Schema) -> str:
    shortest: int = node.get("minLength", 0)
    longest: float = node.get("maxLength", math.inf)
    pattern, format = node.get("pattern"), node.get("format")
    if pattern is not None:
        found = matching(pattern, shortest)
        if found is None or not shortest <= len(found) <= longest:
            raise _NoSample
        return found
    text: str = _FORMATS.get(str(format), _TEXT)
    text += "x" * (shortest - len(text))
    return text if len(text) <= longest else text[: int(longest)]


def _number(node: Schema, whole: int | None) -> int | float:
    step = node.get("multipleOf", whole)
    low: float = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
    high: float = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
    open_low, open_high = node.get("exclusiveMinimum") == low, node.get("exclusiveMaximum") == high

    def fits(value: float) -> bool:
        return (value > low if open_low else value >= low) and (value < high if open_high else value <= high)

    if step:
        first = step
        if math.isfinite(low):
            first = math.ceil(low / step) * step
        elif math.isfinite(high):
            first = math.floor(high / step) * step
        for value in (1, first, first + step, first - step):
            if fits(value) and math.isclose(value / step, round(value / step)):
                return value
        raise _NoSample
    middle = (low + high) / 2 if math.isfinite(low + high) else low if math.isfinite(low) else high
    for value in (1, low, middle, low + 1, high - 1):
        if math.isfinite(value) and fits(value):
            return value
    raise _NoSample


def _another(value: Any, number: int, taken: Any) -> Any:
    for other in (f"{value}{number}" if isinstance(value, str) else None, number, number + 1, float(number) / 2):
        if other is not None and type(other) is type(value) and other not in taken:
            return other
    raise _NoSample


def _accepts(codec: Codec[Any], value: Any) -> bool:
    try:
        codec.decode(json.dumps(value).encode())
    except Exception as error:
        # A validator of the application's may raise anything.
        logger.debug("an example is not valid: %s", type(error).__name__)
        return False
    return True
