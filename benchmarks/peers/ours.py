"""microsockets, on any server that speaks ASGI."""

from __future__ import annotations

from microsockets import Application, Event, Namespace, Socket

from .text import Text


class Lobby(Namespace, path="/"):
    said = Event[Text]()

    async def on_echo(self, ws: Socket, payload: Text) -> Text:
        return payload

    async def on_join(self, ws: Socket, room: str) -> None:
        await ws.join(room)

    async def on_say(self, ws: Socket, payload: Text) -> None:
        await self.said.broadcast(payload, to="lobby")


app = Application(Lobby)
