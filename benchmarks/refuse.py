"""Refusing 64 KiB of bad JSON, beside parsing the same text. In-process: what is measured is the framework alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final, Literal

from microsockets.errors import Error
from microsockets.payloads import Codec
from microsockets.protocol.frames import check_numbers, decode, encode_error, encode_failure
from pydantic import BaseModel

from .machine import prepare
from .report import Comparison
from .sample import Sample

_SIZE: Final = 65_000
_FEWEST_CALLS: Final = 3
_SHARE: Final = 0.08
"""Of the seconds of a round, for each of the many kinds."""


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Tree(BaseModel):
    children: list[Tree] = []
    size: int = 0


class Closed(BaseModel, extra="forbid"):
    a: int = 0


def _list(element: str) -> str:
    return "[" + ",".join([element] * (_SIZE // (len(element) + 1))) + "]"


def _cases() -> Iterator[tuple[str, Any, str]]:
    """What it is, the type that is wanted, the payload that is refused."""
    yield "nested lists", list[int], "[" * _SIZE
    yield "nested objects", Any, '{"a":' * (_SIZE // 5)
    yield "nested and closed", Any, "[" * (_SIZE // 2) + "]" * (_SIZE // 2)
    yield "NaN at the end", list[float], "[" + "1," * (_SIZE // 2 - 2) + "NaN]"
    yield "1e999 everywhere", list[float], _list("1e999")
    yield "1e999 at the end", Any, "[" + "1," * (_SIZE // 2 - 4) + "1e999]"
    yield "lone surrogate at the end", str, '"' + "\\u0041" * (_SIZE // 6 - 2) + '\\ud800"'
    yield "escapes for a number", int, '"' + "\\u0041" * (_SIZE // 6) + '"'
    yield "5,000 digits", int, "9" * 5000
    yield "60,000 digits", int, "9" * 60_000
    yield "wrong elements", list[int], _list('""')
    yield "wrong models", list[Cat], _list("{}")
    yield "wrong unions", list[Cat | Dog], _list("{}")
    yield "wrong wide unions", list[int | float | bool | Cat | Dog], _list('""')
    yield "wrong values", dict[str, int], "{" + ",".join(f'"{n}":""' for n in range(_SIZE // 10)) + "}"
    yield "wrong nested models", Tree, '{"children":' + _list('{"size":""}') + "}"
    yield "extra keys", Closed, "{" + ",".join(f'"{n}":1' for n in range(_SIZE // 9)) + "}"
    yield "another type", int, _list("1")


def _encode(error: Error) -> bytes:
    """What the client is told, as a connection does it."""
    details = None
    if error.details is not None:
        adapter = error.adapter()
        value = adapter.validator.validate_python(error.details)
        details = adapter.serializer.to_json(value, by_alias=True, warnings=False)
    return encode_failure(1, encode_error(error.code, error.message, details))


def _refuse(codec: Codec[Any], data: bytes) -> None:
    try:
        raw = bytes(decode(data).payload)
        check_numbers(raw)
        codec.decode(raw)
    except Error as error:
        _encode(error)
    else:
        raise RuntimeError("it was accepted")


def _parse(text: str) -> None:
    with suppress(ValueError, RecursionError):
        json.loads(text)


def _time(function: Callable[[], None], seconds: float) -> Sample:
    """The fastest of many calls: what else the machine does only makes them slower."""
    fastest, calls = float("inf"), 0
    deadline = time.perf_counter() + seconds
    while calls < _FEWEST_CALLS or time.perf_counter() < deadline:
        started = time.perf_counter()
        function()
        fastest = min(fastest, time.perf_counter() - started)
        calls += 1
    return Sample(fastest * 1e6, 1 / fastest)


def compare(rounds: int, seconds: float) -> list[Comparison]:
    """Compares refusing 64 KiB of bad JSON with `json.loads` of the same text, for each kind."""
    prepare()
    results: list[Comparison] = []
    for what, wanted, payload in _cases():
        codec: Codec[Any] = Codec(wanted)
        text = f'{{"event":"x","id":1,"payload":{payload}}}'
        comparison = Comparison(f"refuse {what}", "us", 3.0)
        comparison.measure(
            rounds,
            partial(_time, partial(_parse, text), seconds * _SHARE),
            partial(_time, partial(_refuse, codec, text.encode()), seconds * _SHARE),
        )
        results.append(comparison)
    return results
