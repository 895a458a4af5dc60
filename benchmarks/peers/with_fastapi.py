"""FastAPI by hand, as its documentation does it: a loop that receives, and a manager that loops over connections."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from .text import Text

app = FastAPI()


class ConnectionManager:
    def __init__(self) -> None:
        self.members: list[WebSocket] = []

    async def broadcast(self, text: str) -> None:
        for member in list(self.members):
            await member.send_text(text)


manager = ConnectionManager()


@app.websocket("/")
async def endpoint(ws: WebSocket) -> None:
    await ws.accept()
    try:
        while True:
            frame = json.loads(await ws.receive_text())
            try:
                answer = {"ack": frame["id"], "payload": await _handle(frame, ws)}
            except ValidationError as error:
                answer = {"ack": frame["id"], "error": error.errors(include_input=False)}
            await ws.send_text(json.dumps(answer))
    except WebSocketDisconnect:
        if ws in manager.members:
            manager.members.remove(ws)


async def _handle(frame: dict[str, Any], ws: WebSocket) -> Any:
    match frame["event"]:
        case "echo":
            return Text.model_validate(frame["payload"]).model_dump()
        case "join":
            manager.members.append(ws)
        case "say":
            payload = Text.model_validate(frame["payload"])
            await manager.broadcast(json.dumps({"event": "said", "payload": payload.model_dump()}))
        case _:
            raise ValueError(frame["event"])
    return None
