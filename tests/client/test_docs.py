"""The page about the client says what it does: its examples run, and its tables hold what the code holds."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from microsockets.client import MicroSocket, MicroSocketError, QueueLimits

from examples.client import first, lasting, questions, requests, streams
from examples.client.server import Chat
from tests.client.peers import Clock
from tests.server.running import Running, serving

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs/python-client.md"


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the examples' server."""
    with serving(tmp_path_factory.mktemp("chat"), "examples.client.server:app") as running:
        yield url_of(running)


def url_of(running: Running) -> str:
    return f"ws://127.0.0.1:{running.port}/chat"


async def test_the_first_example_joins_and_sees_itself_join(chat: str, capsys: pytest.CaptureFixture[str]) -> None:
    await first.main(chat)
    assert capsys.readouterr().out == "ada is here\n1 in the room\n"


async def test_the_example_of_requests(chat: str) -> None:
    async with MicroSocket(chat) as socket:
        assert await requests.enter(socket, "requests") == "1 here"
        assert await requests.enter(socket, "full") == "full: 3 places"
        assert await requests.by_name(socket) == 1


async def test_the_example_of_streams(chat: str) -> None:
    async with MicroSocket(chat) as socket:
        assert await streams.first_with(socket, "7") == "message 7"
        assert await streams.first_with(socket, "x") is None
        assert await streams.newest(socket) == "message 0"


async def test_the_example_of_questions(chat: str) -> None:
    async with MicroSocket(chat) as socket:
        assert await questions.leave(socket, True) is True
        assert await questions.leave(socket, False) is False
        with pytest.raises(MicroSocketError):
            await questions.leave(socket, None)


async def test_the_example_of_a_connection_joins_again_and_tells_what_happens(
    tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    async def token() -> str:
        asked.append("token")
        return "abc"

    with serving(tmp_path, "examples.client.server:app") as running:
        async with lasting.chat(url_of(running), token) as socket:
            assert len([item async for item in socket.stream(Chat.on_history, 3)]) == 3
            await asyncio.to_thread(running.stop)
            told = ""
            while "waiting" not in told:
                await asyncio.sleep(0)
                told += capsys.readouterr().out
            await socket.send(Chat.on_typing)
        told += capsys.readouterr().out
    assert told.startswith("connecting  \nopen  \n")
    assert "lost: typing disconnected False" in told
    assert "for good: 1000" in told
    assert asked


def test_the_table_of_options_has_every_option_with_its_default() -> None:
    section = PAGE.read_text().split("| option |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \|(.*)\|$", section, re.MULTILINE)
    options = inspect.signature(MicroSocket).parameters
    assert [name for name, _ in rows] == [name for name in options if name != "url"]
    told = {name: default.strip() for name, default in rows}
    for name in ("plain", "reconnect"):
        assert told[name] == f"`{options[name].default}`"
    assert told["timeout"] == f"`{options['timeout'].default:g}`"
    assert eval(told["queue"].strip("`"), {"QueueLimits": QueueLimits}) == options["queue"].default == QueueLimits()


def test_the_table_of_codes_has_the_clients_own() -> None:
    codes = re.findall(r"^\| `(\w+)` \| [^|]* \|$", PAGE.read_text().split("## Events")[0], re.MULTILINE)
    documented = re.findall(r"^\s*- `(\w+)`:", inspect.getdoc(MicroSocketError) or "", re.MULTILINE)
    assert codes == documented
