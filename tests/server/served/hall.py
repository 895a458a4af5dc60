"""A hall in which everybody hears what is said. What happens to its connections is written to the file RECORD; work
goes on until the file GATE is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from microsockets import Application, Event, Limits, Namespace, Socket


def record(line: str) -> None:
    with open(os.environ["RECORD"], "a") as file:
        file.write(line + "\n")


class Hall(Namespace, path="/hall"):
    said = Event[str]()

    async def on_connect(self, ws: Socket) -> None:
        await ws.join("everyone")

    async def on_disconnect(self, ws: Socket) -> None:
        record(f"disconnect {ws.code}")

    async def on_pid(self, ws: Socket) -> int:
        return os.getpid()

    async def on_echo(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_work(self, ws: Socket) -> str:
        record("work")
        while not Path(os.environ["GATE"]).exists():  # noqa: ASYNC110 - the gate is opened by another process
            await asyncio.sleep(0.01)
        return "done"

    async def on_sleep(self, ws: Socket, payload: float) -> str:
        await asyncio.sleep(payload)
        return "awake"

    async def on_count(self, ws: Socket) -> AsyncIterator[int]:
        n = 0
        while True:
            yield n
            n += 1
            await asyncio.sleep(0.01)

    async def on_say(self, ws: Socket, payload: str) -> None:
        await self.said.broadcast(payload, to="everyone")

    async def on_repeat(self, ws: Socket, payload: int) -> None:
        """Says so many messages of 4 KB."""
        for _ in range(payload):
            await self.said.broadcast("x" * 4096, to="everyone")


@asynccontextmanager
async def live(_: Application) -> AsyncGenerator[None, None]:
    record("startup")
    yield
    record("shutdown")


app = Application(Hall, lifespan=live)
impatient = Application(Hall, lifespan=live, limits=Limits(outbox_seconds=1.0))
