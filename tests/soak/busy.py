"""The application of `test_real_server.py`, which tells about itself over HTTP."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path

from microsockets import ALL, Application, Event, Limits, Namespace, Socket
from microsockets.types import Receive, Scope, Send

LIMITS = Limits(outbox_seconds=1.0, handler_seconds=2.0, disconnect_seconds=2.0)


class Busy(Namespace, path="/busy"):
    limits = LIMITS
    said = Event[str]()

    async def on_connect(self, ws: Socket) -> None:
        await ws.join("everyone")

    async def on_echo(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_say(self, ws: Socket, payload: str) -> None:
        await self.said.broadcast(payload, to=ALL)

    async def on_hang(self, ws: Socket) -> None:
        await asyncio.sleep(3600)

    async def on_count(self, ws: Socket) -> AsyncIterator[int]:
        for n in range(100_000):
            yield n

    async def on_spawn(self, ws: Socket) -> None:
        ws.spawn(asyncio.sleep(3600))

    async def on_fail(self, ws: Socket) -> None:
        raise LookupError


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers HTTP with what the process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    held = {
        "tasks": len(asyncio.all_tasks()),
        "members": await app[Busy].rooms.count("everyone"),
        "resident_kib": pages * 4,
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(held).encode()})


app = Application(Busy, limits=LIMITS, fallback=tell, docs_url=None)
