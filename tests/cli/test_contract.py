"""`microsockets contract`: the file, and what a change would break."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import lines, module, run

BEFORE = lines(
    "class Line(BaseModel):",
    "    text: str",
    "class Chat(Namespace, path='/chat'):",
    "    said = Event[Line]()",
    "    async def on_say(self, ws: Socket, line: Line) -> int: ...",
    "app = Application(Chat)",
)
NEW_REQUIRED = BEFORE.replace("    text: str", "    text: str\n    room: str")
NEW_OPTIONAL = BEFORE.replace("    text: str", "    text: str\n    room: str = ''")
REMOVED = BEFORE.replace("    said = Event[Line]()\n", "")
DOCUMENTED = BEFORE.replace("class Line(BaseModel):", "class Line(BaseModel):\n    '''Of text.'''")


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    file = tmp_path / "contract.json"
    result = run("contract", "lock", module(tmp_path, BEFORE), "--app-dir", tmp_path, "-o", file)
    assert result.exit_code == 0
    assert str(file) in result.stdout
    return file


def check(file: Path, text: str) -> tuple[int, str]:
    target = module(file.parent, text)
    result = run("contract", "check", target, "--app-dir", file.parent, "--against", file)
    return result.exit_code, result.stdout + result.stderr


def test_the_file_is_readable_and_without_documentation(locked: Path) -> None:
    contract = json.loads(locked.read_text())
    assert contract["namespaces"]["/chat"]["in"]["say"]["payload"] == {"$ref": "#/schemas/Line"}
    assert locked.read_text().endswith("}\n")
    assert locked.stat().st_mode & 0o777 == 0o666 & ~0o022


def test_the_same_application_passes(locked: Path) -> None:
    code, told = check(locked, BEFORE)
    assert code == 0
    assert "no changes" in told.lower()


def test_documentation_is_no_change(locked: Path) -> None:
    assert check(locked, DOCUMENTED) == check(locked, BEFORE)


@pytest.mark.parametrize(("text", "word"), [(NEW_REQUIRED, "room"), (REMOVED, "said")])
def test_a_breaking_change_exits_with_1_and_is_named(locked: Path, text: str, word: str) -> None:
    code, told = check(locked, text)
    assert code == 1
    assert word in told
    assert "/chat" in told
    assert "1 breaking change, " in told
    assert "If this is meant, promise it from now on: microsockets contract lock application_" in told
    assert told.endswith(f" -o {locked}\n")


def test_a_safe_change_passes_and_is_named(locked: Path) -> None:
    code, told = check(locked, NEW_OPTIONAL)
    assert code == 0
    assert "room" in told
    assert "microsockets contract lock" in told


def test_without_a_file_it_says_how_to_make_one(tmp_path: Path) -> None:
    code, told = check(tmp_path / "contract.json", BEFORE)
    assert code == 2
    assert "microsockets contract lock" in told


def document(inside: str) -> str:
    return f'{{"microsockets": 1, "namespaces": {{"/chat": {{"name": "Chat"{inside}}}}}, "schemas": {{}}}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '"text"',
        "<<<<<<< HEAD",
        '{"microsockets": 1}',
        '{"microsockets": 1, "namespaces": [], "schemas": {}}',
        '{"microsockets": 1, "namespaces": {}, "schemas": []}',
        document(""),
        document(', "in": [], "out": {}, "asks": {}'),
        document(', "in": {"say": {}}, "out": {}, "asks": {}'),
        document(', "in": {}, "out": {}, "asks": {"sure": {}}'),
        document(', "in": {}, "out": {}, "asks": {}').replace("/chat", "chat"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "contract.json"
    file.write_text(text)
    code, told = check(file, BEFORE)
    assert code == 2
    assert "is no contract" in told


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "contract.json"
    file.write_text('{"microsockets": 2, "namespaces": {}, "schemas": {}}')
    code, told = check(file, BEFORE)
    assert code == 2
    assert "of version 2" in told
