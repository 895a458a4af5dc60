"""Refusing 64 KiB of bad JSON, beside parsing the same text."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from microsockets.errors import Error
from microsockets.payloads import Codec
from microsockets.protocol.frames import check_numbers, decode
from pydantic import BaseModel

from .report import Comparison

_SIZE = 65_000


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


def cases() -> Iterator[tuple[str, Any, str]]:
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


def _fastest(function: Callable[[], None], seconds: float) -> float:
    """The fastest of many calls, in microseconds: what else the machine does only makes them slower."""
    fastest = float("inf")
    deadline = time.perf_counter() + seconds / 20
    while time.perf_counter() < deadline:
        started = time.perf_counter()
        function()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest * 1e6


def run(rounds: int, seconds: float) -> list[Comparison]:
    """Compares decoding and validating with `json.loads`, for each case."""
    results: list[Comparison] = []
    for name, wanted, payload in cases():
        codec: Codec[Any] = Codec(wanted)
        text = f'{{"event":"x","id":1,"payload":{payload}}}'
        data = text.encode()

        def refuse(codec: Codec[Any] = codec, data: bytes = data) -> None:
            try:
                raw = bytes(decode(data).payload)
                check_numbers(raw)
                codec.decode(raw)
            except Error:
                return
            raise AssertionError("it was accepted")

        def parse(text: str = text) -> None:
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                return

        comparison = Comparison(f"refusing {name}", "us", 3.0)
        for _ in range(rounds):
            comparison.add(_fastest(parse, seconds), _fastest(refuse, seconds))
        results.append(comparison)
    return results
