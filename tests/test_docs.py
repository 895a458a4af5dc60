"""The documentation says what the code does: examples are files that run, tables hold what the code holds."""

from __future__ import annotations

import asyncio
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from microsockets import Application, CloseCode, ErrorCode, Limits, RedisRoomManager
from microsockets.testing import Client, RequestFailed

from examples import cursors, errors, hello, middleware, presence, worker
from tests.brokers.redis_server import RedisBackend

ROOT = Path(__file__).parent.parent


def code_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def first_cells(page: str, heading: str) -> list[list[str]]:
    section = (ROOT / page).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_readmes_first_example_is_a_file_of_under_20_lines() -> None:
    source = (ROOT / "examples/hello.py").read_text()
    assert code_blocks("README.md")[0] == source
    assert len(source.splitlines()) < 20


async def test_the_readmes_test_passes() -> None:
    names: dict[str, Any] = {}
    exec(compile(code_blocks("README.md")[1], "README.md", "exec"), names)
    await names["test_joining_tells_the_others"]()


async def test_the_readmes_conversation_is_what_a_plain_peer_sees() -> None:
    text = (ROOT / "README.md").read_text()
    sent = re.findall(r"^> (.*)$", text, re.MULTILINE)
    received = re.findall(r"^< (.*)$", text, re.MULTILINE)
    assert len(sent) == len(received) == 2
    async with Client(hello.app) as client:
        peer = await client.connect("/chat", v1=False)
        for line in sent:
            await peer.send_text(line)
        await peer.receive_frame()
        await peer.receive_frame()
        assert [line.removeprefix("<- ") for line in peer.transcript if line.startswith("<-")] == received


def test_the_table_of_error_codes_is_complete() -> None:
    assert [row[0].strip("`") for row in first_cells("docs/errors.md", "Error codes")] == [
        code.value for code in ErrorCode
    ]


def test_the_table_of_close_codes_is_complete() -> None:
    assert [int(row[0]) for row in first_cells("docs/errors.md", "Close codes")] == [code.value for code in CloseCode]


def test_the_table_of_limits_has_every_field_with_its_default() -> None:
    page = (ROOT / "docs/limits.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", page, re.MULTILINE)
    told = {name: value.strip().removesuffix(" s").replace(",", "") for name, value in rows}
    defaults = Limits()
    expected = {field.name: getattr(defaults, field.name) for field in fields(Limits)}
    assert told == {
        name: "none" if value is None else f"{value:g}" if value < 1e5 else str(value)
        for name, value in expected.items()
    }


async def test_the_errors_example_answers_with_typed_details() -> None:
    async with Client(errors.app) as client:
        for count in (1, 2):
            assert await (await client.connect("/lobby")).request("enter", "a") == count
        late = await client.connect("/lobby")
        with pytest.raises(RequestFailed) as failed:
            await late.request("enter", "a")
        assert (failed.value.code, failed.value.message) == ("room_full", "Nobody else fits into this room")
        assert failed.value.details == {"limit": 2}


async def test_the_middleware_example_forbids_other_names() -> None:
    async with Client(middleware.app) as client:
        peer = await client.connect("/profile/ada")
        assert await peer.request("show", "ada") == "profile of ada"
        with pytest.raises(RequestFailed, match="forbidden"):
            await peer.request("show", "bob")


async def test_the_presence_example_tells_who_is_here() -> None:
    async with Client(presence.app) as client:
        ada, bob = await client.connect("/office?user=ada"), await client.connect("/office?user=bob")
        await ada.request("enter", "2")
        await bob.request("enter", "2")
        assert (await bob.receive("presence"))["members"] == [{"id": "ada", "state": {"name": "ada", "away": False}}]
        assert (await bob.receive("presence_difference"))["joined"][0]["id"] == "bob"
        await ada.request("away", "2")
        changed = (await bob.receive("presence_difference"))["changed"]
        assert changed == [{"id": "ada", "state": {"name": "ada", "away": True}}]


@pytest.mark.brokers
async def test_the_workers_example_reaches_a_room() -> None:
    backend = RedisBackend()
    try:
        await backend.start()
        app = Application(hello.Chat, room_manager=RedisRoomManager(backend.url))
        async with Client(app, timeout=10) as client:
            ada = await client.connect("/chat")
            await ada.request("join", {"room": "lobby", "user": "ada"})
            await asyncio.to_thread(worker.main, backend.url)
            assert (await ada.receive("user_joined"))["user"] == "the night shift"
    finally:
        await backend.stop()


def test_the_counters_of_the_broker_are_those_of_the_code() -> None:
    named = {name for row in first_cells("docs/scaling.md", "When the broker is down") for name in counters(row[0])}
    package = ROOT / "microsockets"
    sources = [path for folder in ("brokers", "cluster") for path in (package / folder).rglob("*.py")]
    assert named == {name for path in sources for name in counters(path.read_text())}


def counters(text: str) -> list[str]:
    return re.findall(r"[`\"](broker_[a-z_]+)[`\"]", text)


async def test_the_cursors_example_tells_the_others_of_a_board() -> None:
    async with Client(cursors.app) as client:
        one, two = await client.connect("/board/a"), await client.connect("/board/a")
        elsewhere = await client.connect("/board/b")
        await one.send("move", {"user": "ada", "x": 1, "y": 2})
        assert await two.receive("cursor") == {"user": "ada", "x": 1.0, "y": 2.0}
        await elsewhere.expect_nothing()
        await one.expect_nothing()
