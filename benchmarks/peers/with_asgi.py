"""By hand on ASGI: no framework at all, with a set of members that is looped over."""

from __future__ import annotations

import json
from typing import Any

from microsockets.types import Receive, Scope, Send
from pydantic import ValidationError

from .text import Text

members: set[Send] = set()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    try:
        while (message := await receive())["type"] == "websocket.receive":
            frame = json.loads(message["text"])
            try:
                answer = {"ack": frame["id"], "payload": await _handle(frame, send)}
            except ValidationError as error:
                answer = {"ack": frame["id"], "error": error.errors(include_input=False)}
            await send({"type": "websocket.send", "text": json.dumps(answer)})
    finally:
        members.discard(send)


async def _handle(frame: dict[str, Any], send: Send) -> Any:
    match frame["event"]:
        case "echo":
            return Text.model_validate(frame["payload"]).model_dump()
        case "join":
            members.add(send)
        case "say":
            payload = Text.model_validate(frame["payload"])
            text = json.dumps({"event": "said", "payload": payload.model_dump()})
            for member in list(members):
                await member({"type": "websocket.send", "text": text})
        case _:
            raise ValueError(frame["event"])
    return None
