from microsockets import Application, Event, Namespace, Socket
from pydantic import BaseModel


class Join(BaseModel):
    room: str
    user: str


class Chat(Namespace, path="/chat"):
    user_joined = Event[Join]()  # the server sends it

    async def on_join(self, ws: Socket, payload: Join) -> int:  # a client sends "join"; what it returns is the answer
        await ws.join(payload.room)
        await self.user_joined.broadcast(payload, to=payload.room, skip=ws)
        return await self.rooms.count(payload.room)


app = Application(Chat)
