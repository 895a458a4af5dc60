"""An echo without a framework: messages are pushed into a sink, and answered with frames that are written at once."""

from __future__ import annotations

import asyncio

from microsockets.protocol.framing import frame_binary, frame_text
from microsockets.types import Extension, Receive, Scope, Send, Write


class Echo:
    def __init__(self, extension: Extension) -> None:
        self.over = asyncio.Event()
        self.write: Write = extension["attach"](self)

    def text(self, data: bytes) -> None:
        self.write(frame_text(data))

    def binary(self, data: bytes) -> None:
        self.write(frame_binary(data))

    def closed(self, code: int, reason: str) -> None:
        self.over.set()

    def congested(self, yes: bool) -> None:
        """A real application would hold back here."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        echo = Echo(scope["extensions"]["microsockets"])
        await send({"type": "websocket.accept"})
        await echo.over.wait()
