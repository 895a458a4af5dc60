"""The page at `/docs`: what each namespace takes and sends, from its declarations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
from microsockets import Application, Ask, Error, Event, Namespace, Socket, on
from pydantic import BaseModel


class RoomFull(Error):
    code = "room_full"


class Line(BaseModel):
    text: str


class Chat(Namespace, path="/chat/{room}"):
    """Talk <b>here</b>."""

    said = Event[Line]()
    sure = Ask[Line, bool]("are you sure")
    odd = Event[Callable[[], int]]()

    @on("join room", raises=[RoomFull])
    async def join(self, ws: Socket, payload: Line) -> int:
        """Joins the room.

        There is one.
        """
        return 1

    async def on_count(self) -> AsyncIterator[int]:
        yield 1

    async def on_nothing(self) -> None: ...


async def request(app: Application, method: str = "GET", path: str = "/docs") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        return await client.request(method, path)


async def test_it_lists_what_is_declared() -> None:
    response = await request(Application(Chat))
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for part in (
        "<h2><code>/chat/{room}</code> <small>Chat</small></h2>",
        "<code>join room</code> <small>client to server</small>",
        "<p>Joins the room.\n\nThere is one.</p>",
        "<p>payload: <code>Line</code></p>",
        "<p>answer: <code>int</code></p>",
        "<p>errors: <code>room_full</code></p>",
        "<p>each item: <code>int</code></p>",
        "<code>said</code> <small>server to client</small>",
        "<code>are you sure</code> <small>server asks client</small>",
        "<p>question: <code>Line</code></p>",
        "<p>answer: <code>bool</code></p>",
        "(JSON Schema cannot express this type)",
    ):
        assert part in response.text, part


async def test_what_was_written_is_shown_as_text() -> None:
    text = (await request(Application(Chat))).text
    assert "Talk &lt;b&gt;here&lt;/b&gt;." in text
    assert "<b>here" not in text


async def test_head_gets_the_headers_alone_and_other_methods_nothing() -> None:
    app = Application(Chat)
    page, head = await request(app), await request(app, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"] == str(len(page.content))
    assert (await request(app, "POST")).status_code == 404
    assert (await request(app, "HEAD", "/elsewhere")).content == b""
