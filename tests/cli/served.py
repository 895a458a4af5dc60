"""What the tests of `call` and `listen` connect to."""

from __future__ import annotations

import asyncio
import itertools

from microsockets import Application, Event, Namespace, Refuse, Socket
from pydantic import BaseModel


class Ticks(Namespace, path="/ticks"):
    tick = Event[int]()
    tock = Event[None]()

    async def on_connect(self, ws: Socket) -> None:
        ws.spawn(self._run(ws))

    async def _run(self, ws: Socket) -> None:
        for number in (1, 2, 3):
            await self.tick.broadcast(number, to=ws)
            await self.tock.broadcast(to=ws)
        await ws.close(4000, "enough")


class Clock(Namespace, path="/clock"):
    """Ticks without an end."""

    tick = Event[int]()

    async def on_connect(self, ws: Socket) -> None:
        ws.spawn(self._run(ws))

    async def _run(self, ws: Socket) -> None:
        for number in itertools.count(1):
            await self.tick.broadcast(number, to=ws)
            await asyncio.sleep(0.01)

    async def on_forever(self, ws: Socket) -> None:
        called.set()
        await asyncio.Event().wait()

    async def on_until_called(self, ws: Socket) -> None:
        await called.wait()


called = asyncio.Event()


class Ticket(BaseModel):
    token: str = ""


class Guarded(Namespace, path="/guarded"):
    async def on_connect(self, ws: Socket[str], params: Ticket) -> str:
        if not params.token:
            raise Refuse("unauthorized", "Show a ticket")
        return params.token

    async def on_whoami(self, ws: Socket[str]) -> str:
        return ws.session


app = Application(Ticks, Clock, Guarded)
