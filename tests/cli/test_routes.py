"""`microsockets routes`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import lines, module, run

TEXT = lines(
    "from microsockets.middleware import RateLimit, log_events",
    "from collections.abc import AsyncIterator",
    "class Line(BaseModel):",
    "    text: str",
    "async def timed(call, call_next):",
    "    return await call_next(call)",
    "class Chat(Namespace, path='/chat/{room}'):",
    "    middleware = [timed]",
    "    said = Event[Line]()",
    "    closing = Event[None]()",
    "    sure = Ask[str, bool]()",
    "    @on('say it', middleware=[RateLimit(5)])",
    "    async def say(self, ws: Socket, line: Line) -> int: ...",
    "    async def on_watch(self, ws: Socket, since: int = 0) -> AsyncIterator[Line]:",
    "        yield Line(text='')",
    "class Lobby(Namespace, path='/'):",
    "    async def on_leave(self, ws: Socket) -> None: ...",
    "app = Application(Chat, Lobby, middleware=[RateLimit(100)])",
).replace(", log_events", "")


def test_it_shows_a_table(tmp_path: Path) -> None:
    result = run("routes", module(tmp_path, TEXT), "--app-dir", tmp_path)
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["/chat/{room}", "Chat"],
        ["EVENT", "PAYLOAD", "ANSWER", "MIDDLEWARE"],
        ["say", "it", "in", "Line", "int", "RateLimit,", "timed,", "RateLimit"],
        ["watch", "in", "int?", "stream", "of", "Line", "RateLimit,", "timed"],
        ["said", "out", "Line"],
        ["closing", "out"],
        ["sure", "ask", "str", "bool"],
        [],
        ["/", "Lobby"],
        ["EVENT", "PAYLOAD", "ANSWER", "MIDDLEWARE"],
        ["leave", "in", "None", "RateLimit"],
    ]
