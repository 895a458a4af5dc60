"""What the tests of `call` and `listen` connect to."""

from __future__ import annotations

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


class Ticket(BaseModel):
    token: str = ""


class Guarded(Namespace, path="/guarded"):
    async def on_connect(self, ws: Socket[str], params: Ticket) -> str:
        if not params.token:
            raise Refuse("unauthorized", "Show a ticket")
        return params.token

    async def on_whoami(self, ws: Socket[str]) -> str:
        return ws.session


app = Application(Ticks, Guarded)
