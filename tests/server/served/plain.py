"""ASGI applications without a framework, for uvicorn with our WebSocket class."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from microsockets.types import Message, Receive, Scope, Send

from tests.server.served.hall import record


async def _accept(receive: Receive, send: Send) -> None:
    message: Message = await receive()
    assert message["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})


async def pour(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends without end."""
    if scope["type"] != "websocket":
        return
    await _accept(receive, send)
    try:
        while True:
            await send({"type": "websocket.send", "bytes": b"x" * 16 * 1024})
    except OSError:
        record(f"lost {scope['path']}")
        record(f"disconnect {(await receive())['code']}")


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Receives nothing until the gate is open."""
    if scope["type"] != "websocket":
        return
    await _accept(receive, send)
    while not Path(os.environ["GATE"]).exists():  # noqa: ASYNC110 - the gate is opened by another process
        await asyncio.sleep(0.01)
    received = 0
    while (await receive())["type"] == "websocket.receive":
        received += 1
    record(f"received {received}")
