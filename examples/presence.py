from microsockets import Application, Namespace, Presence, Socket
from pydantic import BaseModel


class Member(BaseModel):
    name: str
    away: bool = False


class Arrival(BaseModel):
    user: str


class Office(Namespace, path="/office"):
    presence = Presence(Member)

    async def on_connect(self, ws: Socket, params: Arrival) -> None:
        ws.user_id = params.user

    async def on_enter(self, ws: Socket, floor: str) -> None:
        await self.presence.enter(ws, floor, Member(name=ws.user_id or "nobody"))

    async def on_away(self, ws: Socket, floor: str) -> None:
        await self.presence.enter(ws, floor, Member(name=ws.user_id or "nobody", away=True))


app = Application(Office)
