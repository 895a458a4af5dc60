from collections.abc import AsyncIterator

from microsockets import Application, Ask, Error, Event, Namespace, Socket, on
from pydantic import BaseModel


class Join(BaseModel):
    room: str
    user: str


class RoomFull(Error):
    """Nobody else fits into this room."""

    code = "room_full"
    details: int


class Chat(Namespace, path="/chat"):
    user_joined = Event[Join]()
    confirm = Ask[str, bool]()

    @on(raises=[RoomFull])
    async def on_join(self, ws: Socket, payload: Join) -> int:
        if payload.room == "full":
            raise RoomFull(details=3)
        await ws.join(payload.room)
        await self.user_joined.broadcast(payload, to=payload.room)
        return await self.rooms.count(payload.room)

    async def on_typing(self, ws: Socket) -> None: ...

    async def on_history(self, limit: int) -> AsyncIterator[str]:
        for n in range(limit):
            yield f"message {n}"

    async def on_leave(self, ws: Socket) -> bool:
        return await self.confirm.ask(ws, "Leave the room?")


app = Application(Chat)
