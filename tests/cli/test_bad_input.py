"""What a command says of an application that it cannot describe: one sentence with the place, and nothing written."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.command import lines, module, run

COMMANDS = [
    ("schema", "-o", "OUT"),
    ("client", "-o", "OUT"),
    ("contract lock", "-o", "OUT"),
    ("contract check", "--against", "OUT"),
]
APPLICATIONS = {
    "does not exist": (None, "there is no module"),
    "does not parse": ("class", r"cannot be imported: SyntaxError: .*\(.*\.py:1\)"),
    "fails": (lines("x = 1", "x / 0"), r"cannot be imported: ZeroDivisionError: .*\(.*\.py:4\)"),
    "is declared wrongly": (
        lines("class Chat(Namespace, path='/chat'):", "    def on_say(self, ws: Socket): ..."),
        r"ConfigurationError: .*on_say.*\(.*\.py:3\)",
    ),
    "fails in a library": (
        lines("class Line(BaseModel):", "    text: NoSuchType", "Line(text='')"),
        r"cannot be imported: NameError: .*\(.*application_\d+\.py:4\)",
    ),
    "fails in many words": (
        lines("class Line(BaseModel):", "    text: int", "Line(text='many\\nlines')"),
        r"cannot be imported: ValidationError: Line: text: Input should be .*\(.*application_\d+\.py:5\)",
    ),
    "ends the program": (lines("raise SystemExit(3)"), r"cannot be imported: SystemExit: 3 \(.*\.py:3\)"),
    "refers to a schema that is nowhere": (
        lines(
            "from typing import Annotated",
            "from pydantic import WithJsonSchema",
            "class Chat(Namespace, path='/chat'):",
            "    said = Event[Annotated[int, WithJsonSchema({'$ref': '#/$defs/Nowhere'})]]()",
            "app = Application(Chat)",
        ),
        r"Chat\.said \(.*\.py:5\): .*Nowhere",
    ),
    "has a model that refers to a schema that is nowhere": (
        lines(
            "from typing import Annotated",
            "from pydantic import WithJsonSchema",
            "class Line(BaseModel):",
            "    text: Annotated[int, WithJsonSchema({'$ref': '#/$defs/Nowhere'})]",
            "class Chat(Namespace, path='/chat'):",
            "    said = Event[Line]()",
            "app = Application(Chat)",
        ),
        r"Chat\.said \(.*\.py:7\): .*Nowhere",
    ),
    "has no app": (lines("other = 1"), "has no 'app'"),
    "is something else": (lines("app = 1"), "is a int and no microsockets.Application"),
    "has no namespaces": (lines("app = Application()"), "has no namespaces"),
    "has an event without a type": (
        lines(
            "class Chat(Namespace, path='/chat'):",
            "    async def on_say(self, ws: Socket, line): ...",
            "app = Application(Chat)",
        ),
        r"Chat\.on_say \(.*\.py:4\): 'line' has no type; annotate it",
    ),
    "has an event that says nothing": (
        lines("class Chat(Namespace, path='/chat'):", "    said = Event()", "app = Application(Chat)"),
        r"Chat\.said: say what it carries",
    ),
    "has a type that JSON Schema cannot express": (
        lines(
            "from collections.abc import Callable",
            "class Chat(Namespace, path='/chat'):",
            "    said = Event[Callable[[], int]]()",
            "app = Application(Chat)",
        ),
        r"Chat\.said \(.*\.py:4\): JSON Schema cannot express its type",
    ),
    "has two models of one name": (
        lines(
            "class Line(BaseModel):",
            "    text: str",
            "First = Line",
            "class Line(BaseModel):",
            "    number: int",
            "class Chat(Namespace, path='/chat'):",
            "    one = Event[First]()",
            "    two = Event[Line]()",
            "app = Application(Chat)",
        ),
        r"two types are called Line: application_\d+\.Line .* and application_\d+\.Line .*; rename one of them",
    ),
}


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_it_is_told_in_one_sentence_and_nothing_is_written(tmp_path: Path, command: tuple[str, ...], name: str) -> None:
    text, sentence = APPLICATIONS[name]
    out = tmp_path / "out"
    out.write_text("as it was")
    target = "no_such_module:app" if text is None else module(tmp_path, text)
    arguments = [str(out) if each == "OUT" else each for each in command[1:]]
    result = run(*command[0].split(), target, "--app-dir", tmp_path, *arguments)
    assert result.exit_code == 2
    told = result.stderr.strip().splitlines()[-1]
    assert told.startswith("Error: ")
    assert re.search(sentence, told)
    assert result.stdout == ""
    assert out.read_text() == "as it was"
    assert {each.name for each in tmp_path.iterdir()} - {"out", "__pycache__"} <= {f"{target.partition(':')[0]}.py"}


def test_routes_says_it_too(tmp_path: Path) -> None:
    result = run("routes", module(tmp_path, lines("x / 0")), "--app-dir", tmp_path)
    assert result.exit_code == 2
    assert "cannot be imported: NameError: name 'x' is not defined" in result.stderr


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("as it was")
    file.chmod(0o600)
    link.symlink_to("file")
    assert run("schema", "tests.schema.shop:app", "-o", link).exit_code == 0
    assert link.is_symlink()
    assert file.read_text().startswith("{")
    assert file.stat().st_mode & 0o777 == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link"}


def test_a_link_to_no_file_makes_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    assert run("schema", "tests.schema.shop:app", "-o", tmp_path / "link").exit_code == 0
    assert (tmp_path / "file").read_text().startswith("{")


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(pipe.read_text)
        assert run("schema", "tests.schema.shop:app", "-o", pipe).exit_code == 0
        assert reading.result(60).startswith("{")
    assert pipe.is_fifo()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = run("schema", "tests.schema.shop:app", "-o", tmp_path / "missing" / "file")
    assert result.exit_code == 2
    assert "file cannot be written: No such file or directory" in result.stderr
