from pydantic import BaseModel, Field

from microsockets import Application, Event, Namespace, Socket


class Join(BaseModel):
    room: str = Field(min_length=1, max_length=64)
    user: str = Field(min_length=1, max_length=32)


class Chat(Namespace, path="/chat"):
    user_joined = Event[Join]()  # server to client

    async def on_join(self, ws: Socket, payload: Join) -> int:  # client to server; the return value is the answer
        await ws.join(payload.room)
        await self.user_joined.broadcast(payload, to=payload.room, skip=ws)
        return await self.rooms.count(payload.room)


app = Application(Chat)
