"""python-socketio's asynchronous server, with pydantic in the handlers: it validates nothing itself."""

from __future__ import annotations

import os
from typing import Any

import socketio
from pydantic import ValidationError

from .text import Text

# Several processes have Redis between them, as its documentation advises.
broker = os.environ.get("MICROSOCKETS_BROKER")
manager = socketio.AsyncRedisManager(broker) if broker else None
sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], client_manager=manager)
app = socketio.ASGIApp(sio)


@sio.event
async def echo(sid: str, data: Any) -> Any:
    try:
        payload = Text.model_validate(data)
    except ValidationError as error:
        return {"error": error.errors(include_input=False, include_url=False)}
    return payload.model_dump()


@sio.event
async def join(sid: str, room: str) -> None:
    await sio.enter_room(sid, room)


@sio.event
async def say(sid: str, data: Any) -> Any:
    try:
        payload = Text.model_validate(data)
    except ValidationError as error:
        return {"error": error.errors(include_input=False, include_url=False)}
    await sio.emit("said", payload.model_dump(), room="lobby")
    return None
