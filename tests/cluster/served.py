"""What the processes of the fault tests serve; the broker comes from the environment."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from microsockets import Application, BrokerUnavailable, Error, Socket, on

from tests.cluster.nodes import Chat, Room, Said


class Line(Room):
    text: str


class Unavailable(Error):
    code = "no_broker"


class Probed(Chat, path="/chat"):
    async def on_say(self, ws: Socket, payload: Line) -> bool:
        """Whether others were reached, too."""
        return (await self.said.broadcast(Said(text=payload.text), to=payload.room)).elsewhere

    @on(raises=[Unavailable])
    async def on_count(self, ws: Socket, payload: Room) -> int:
        try:
            return await self.rooms.count(payload.room)
        except BrokerUnavailable:
            raise Unavailable from None

    async def on_probe(self, ws: Socket) -> dict[str, Any]:
        assert app.broker is not None
        return {
            "tasks": len(asyncio.all_tasks()),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "state": app.broker.state,
            "counters": dict(app.counters),
        }


app = Application(Probed)
