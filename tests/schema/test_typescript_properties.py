"""TypeScript is given what the wire carries, whatever the types are."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from microsockets.schema.typescript import render

from tests.schema.loosened import loosened
from tests.schema.test_properties import Described
from tests.schema.tsc import Problem, compile, formatted
from tests.schema.types import types
from tests.schema.values import values

TYPES = 250
"""They are compiled together, since starting the compiler takes longer than checking them."""

HEALTH = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
Side = Literal["sent", "taken", "refused"]
IN = 'Only["in"]["event"]["payload"]'
OUT = 'Only["out"]["event"]'


class Fits:
    """What a type in TypeScript accepts."""

    def __init__(self, schema: Any, shared: Mapping[str, Any]) -> None:
        self._closed, self._open = (self._validator(schema, shared, is_closed=closed) for closed in (True, False))

    @staticmethod
    def _validator(schema: Any, shared: Mapping[str, Any], *, is_closed: bool) -> Any:
        each = {name: loosened(other, is_closed=is_closed) for name, other in shared.items()}
        return Draft202012Validator({**loosened(schema, is_closed=is_closed), "schemas": each})

    def is_right(self, value: Any) -> bool:
        return bool(self._closed.is_valid(value))

    def is_wrong(self, value: Any) -> bool:
        """Not for what it has beside what is declared."""
        return not self._open.is_valid(value)


class Case(NamedTuple):
    """A value, and what it is said to be."""

    side: Side
    type: str
    value: Any
    schema: Any

    @property
    def line(self) -> str:
        return f"export const value: {self.type} = {json.dumps(self.value)};"


def cases(each: Described, data: st.DataObject) -> Iterator[Case]:
    read, written = Fits(each.read, each.shared), Fits(each.written, each.shared)
    for _ in range(4):
        value = data.draw(values(each.read, each.shared))
        if each.takes(value):
            sent = json.loads(each.codec.encode(each.codec.decode(json.dumps(value).encode())))
            yield Case("sent", OUT, sent, each.written)
        if read.is_right(value):
            yield Case("taken", IN, value, each.read)
        elif read.is_wrong(value):
            yield Case("refused", IN, value, each.read)
        if written.is_wrong(value):
            yield Case("refused", OUT, value, each.written)


def typescript(each: Described) -> str:
    events = {"in": {"event": {"payload": each.read, "answer": {}}}, "out": {"event": {"payload": each.written}}}
    namespaces = {"/": {"name": "Only", **events, "asks": {}}}
    return render({"namespaces": namespaces, "schemas": each.shared}, source="tests:app")


class Compiled:
    """Types at random with their values, and what the compiler says."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self.cases: dict[tuple[str, int], Case] = {}
        """By file and line."""
        self.problems: list[Problem] = []

    def add(self, each: Described, data: st.DataObject) -> None:
        number = len(self.types)
        self.types[f"type_{number}.ts"] = typescript(each)
        for line, case in enumerate(cases(each, data), 2):
            self.cases[f"values_{number}.ts", line] = case

    def files(self) -> dict[str, str]:
        lines: dict[str, list[str]] = {}
        for (file, line), case in self.cases.items():
            head = f'import type {{ Only }} from "./{file.removesuffix(".ts").replace("values", "type")}";'
            lines.setdefault(file, [head]).append(case.line.replace("value:", f"value_{line}:", 1))
        return self.types | {file: "\n".join(each) for file, each in lines.items()}

    def of(self, *sides: Side) -> dict[tuple[str, int], Case]:
        return {place: case for place, case in self.cases.items() if case.side in sides}

    def refused(self) -> dict[tuple[str, int], str]:
        return {(problem.file, problem.line): problem.text for problem in self.problems}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    found = Compiled()

    @settings(max_examples=TYPES, deadline=None, suppress_health_check=[*HEALTH])
    @given(types.map(Described), st.data())
    def collect(each: Described, data: st.DataObject) -> None:
        found.add(each, data)

    collect()
    found.problems = compile(tmp_path_factory.mktemp("compiled"), found.files())
    return found


def changes(before: str, after: str) -> list[str]:
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))


def test_all_types_compile(compiled: Compiled) -> None:
    wrong = [problem for problem in compiled.problems if problem.file in compiled.types]
    assert [(problem, compiled.types[problem.file]) for problem in wrong] == []


@pytest.mark.parametrize("side", ["sent", "taken"])
def test_what_travels_is_of_the_type(compiled: Compiled, side: Side) -> None:
    refused = compiled.refused()
    found = compiled.of(side)
    assert len(found) > TYPES
    assert [(case, refused[place]) for place, case in found.items() if place in refused] == []


def test_what_is_of_another_type_does_not_compile(compiled: Compiled) -> None:
    refused = compiled.refused()
    found = compiled.of("refused")
    assert len(found) > TYPES
    assert [case for place, case in found.items() if place not in refused] == []


def test_a_formatter_has_nothing_to_change(compiled: Compiled, tmp_path_factory: pytest.TempPathFactory) -> None:
    written = formatted(tmp_path_factory.mktemp("formatted"), compiled.types)
    assert [each for name, text in written.items() for each in changes(compiled.types[name], text)] == []
