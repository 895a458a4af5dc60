"""The applications that are measured: ours, and the same by hand on raw ASGI."""

from __future__ import annotations

import json
from typing import Any

from microsockets import ALL, Application, Event, Limits, Namespace, Socket
from microsockets.types import Receive, Scope, Send
from pydantic import BaseModel


class Text(BaseModel):
    text: str
    n: int


class Echo(Namespace, path="/"):
    async def on_echo(self, ws: Socket, payload: Text) -> Text:
        return payload


class Fanout(Namespace, path="/"):
    said = Event[Text]()

    async def on_go(self, ws: Socket) -> None:
        await self.said.broadcast(Text(text="hello to everybody", n=1), to=ALL, skip=ws)


echo = Application(Echo)
fanout = Application(Fanout, limits=Limits(outbox_frames=100_000))


async def _open(scope: Scope, receive: Receive, send: Send) -> bool:
    if scope["type"] != "websocket":
        return False
    await receive()
    await send({"type": "websocket.accept"})
    return True


async def raw_echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Validates and acknowledges by hand, with json and pydantic."""
    if not await _open(scope, receive, send):
        return
    while (message := await receive())["type"] == "websocket.receive":
        frame = json.loads(message["text"])
        payload = Text.model_validate(frame["payload"])
        await send(
            {"type": "websocket.send", "text": json.dumps({"ack": frame["id"], "payload": payload.model_dump()})}
        )


_members: dict[int, Send] = {}


async def raw_fanout(scope: Scope, receive: Receive, send: Send) -> None:
    """Encodes once and loops over `send`."""
    if not await _open(scope, receive, send):
        return
    _members[id(send)] = send
    try:
        while (message := await receive())["type"] == "websocket.receive":
            frame: dict[str, Any] = json.loads(message["text"])
            payload = Text(text="hello to everybody", n=1).model_dump()
            text = json.dumps({"event": "said", "payload": payload})
            for key, member in list(_members.items()):
                if key != id(send):
                    await member({"type": "websocket.send", "text": text})
            await send({"type": "websocket.send", "text": json.dumps({"ack": frame["id"], "payload": None})})
    finally:
        del _members[id(send)]
