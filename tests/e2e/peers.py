"""A WebSocket client for the tests: JSON frames in and out, every wait with a time-out and a transcript."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

V1 = Subprotocol("microsockets.v1")
SECONDS = 5.0

Frame = dict[str, Any]


class Peer:
    """One end of a connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = 0
        self._present: dict[str, str] = {}
        self._changes: list[tuple[str, str]] = []
        self.transcript: list[str] = []

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    async def send_raw(self, data: str | bytes) -> None:
        self.transcript.append(f"> {data!r}")
        await self._connection.send(data)

    async def send(self, event: str, payload: Any = None, **keys: Any) -> None:
        await self.send_raw(json.dumps({"event": event, "payload": payload, **keys}))

    async def receive(self) -> Frame:
        """The next frame that does not tell who is present."""
        while (frame := await self._receive()).get("event") in ("presence", "presence_difference"):
            self._note_presence(frame)
        return frame

    def _note_presence(self, frame: Frame) -> None:
        payload = frame["payload"]
        if frame["event"] == "presence":
            self._present = {each["id"]: each["state"]["user"] for each in payload["members"]}
            return
        for each in payload["joined"]:
            assert each["id"] not in self._present, "\n".join(self.transcript)
            self._present[each["id"]] = each["state"]["user"]
            self._changes.append(("joined", each["state"]["user"]))
        self._changes += [("left", self._present.pop(id)) for id in payload["left"]]

    async def change(self) -> tuple[str, str]:
        """Who has come or left next."""
        while not self._changes:
            frame = await self._receive()
            assert frame.get("event") in ("presence", "presence_difference"), "\n".join(self.transcript)
            self._note_presence(frame)
        return self._changes.pop(0)

    async def _receive(self) -> Frame:
        try:
            data = await asyncio.wait_for(self._connection.recv(), SECONDS)
        except TimeoutError:
            raise AssertionError("no frame came\n" + "\n".join(self.transcript)) from None
        self.transcript.append(f"< {data!r}")
        assert isinstance(data, str), "frames are text"
        frame: Frame = json.loads(data)
        return frame

    async def event(self, name: str) -> Any:
        """The payload of the next frame, which is this event."""
        frame = await self.receive()
        assert frame.get("event") == name, "\n".join(self.transcript)
        return frame.get("payload")

    async def request(self, event: str, payload: Any = None) -> Frame:
        """Sends an event with an id; the next frame is its answer."""
        self._ids += 1
        await self.send(event, payload, id=self._ids)
        frame = await self.receive()
        assert frame.get("ack") == self._ids, "\n".join(self.transcript)
        return frame

    async def answer(self, event: str, payload: Any = None) -> Any:
        """Sends an event with an id and returns what it is answered with."""
        frame = await self.request(event, payload)
        assert "error" not in frame, "\n".join(self.transcript)
        return frame["payload"]

    async def error(self, event: str, payload: Any = None) -> Frame:
        """Sends an event with an id and returns the error it is answered with."""
        frame = await self.request(event, payload)
        assert "error" in frame, "\n".join(self.transcript)
        error: Frame = frame["error"]
        return error

    async def closed(self) -> tuple[int | None, str | None]:
        """Code and reason, once the server has closed."""
        await asyncio.wait_for(self._connection.wait_closed(), SECONDS)
        return self._connection.close_code, self._connection.close_reason

    async def close(self) -> None:
        await self._connection.close()

    def cut(self) -> None:
        """Ends the connection without a word, as a lost client does."""
        self._connection.transport.abort()


@asynccontextmanager
async def peer(url: str, *, v1: bool = True, origin: str | None = None) -> AsyncGenerator[Peer, None]:
    """A connected peer. A v1 peer's `$hello` is left to be received."""
    async with connect(
        url,
        subprotocols=[V1] if v1 else None,
        origin=None if origin is None else Origin(origin),
        open_timeout=SECONDS,
        close_timeout=SECONDS,
        proxy=None,
    ) as connection:
        yield Peer(connection)


@asynccontextmanager
async def member(url: str, user: str, room: str, *, v1: bool = True) -> AsyncGenerator[Peer, None]:
    """A peer that has joined a room."""
    async with peer(url, v1=v1) as joined:
        if v1:
            await joined.event("$hello")
        assert user in await joined.answer("join", {"user": user, "room": room})
        assert await joined.change() == ("joined", user)
        yield joined
