"""The applications that are measured: ours, and the same by hand on raw ASGI."""

from __future__ import annotations

import json

from microsockets import Application, Event, Namespace, Socket
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

    async def on_join(self, ws: Socket, room: str) -> None:
        await ws.join(room)

    async def on_say(self, ws: Socket, payload: Text) -> None:
        await self.said.broadcast(payload, to="lobby")


echo = Application(Echo)
fanout = Application(Fanout)


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
        answer = {"ack": frame["id"], "payload": payload.model_dump()}
        await send({"type": "websocket.send", "text": json.dumps(answer)})


_rooms: dict[str, list[Send]] = {}


async def raw_fanout(scope: Scope, receive: Receive, send: Send) -> None:
    """Keeps rooms by hand, encodes once and loops over `send`. Nobody leaves: it serves one benchmark."""
    if not await _open(scope, receive, send):
        return
    while (message := await receive())["type"] == "websocket.receive":
        frame = json.loads(message["text"])
        if frame["event"] == "join":
            _rooms.setdefault(frame["payload"], []).append(send)
        else:
            payload = Text.model_validate(frame["payload"])
            text = json.dumps({"event": "said", "payload": payload.model_dump()})
            for member in _rooms["lobby"]:
                await member({"type": "websocket.send", "text": text})
        await send({"type": "websocket.send", "text": json.dumps({"ack": frame["id"], "payload": None})})
