from microsockets import Application, Error, Namespace, Socket, on
from pydantic import BaseModel


class Capacity(BaseModel):
    limit: int


class RoomFull(Error):
    """Nobody else fits into this room."""

    code = "room_full"
    details: Capacity


class Lobby(Namespace, path="/lobby"):
    @on(raises=[RoomFull])
    async def on_enter(self, ws: Socket, room: str) -> int:
        if await self.rooms.count(room) >= 2:
            raise RoomFull(details=Capacity(limit=2))
        await ws.join(room)
        return await self.rooms.count(room)


app = Application(Lobby)
