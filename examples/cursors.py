from microsockets import Application, Event, Namespace, Socket, latest
from pydantic import BaseModel


class Cursor(BaseModel):
    user: str
    x: float
    y: float


class Board(Namespace, path="/board/{board}"):
    cursor = Event[Cursor](policy=latest("user"))  # of each user, a slow reader gets only the newest

    async def on_connect(self, ws: Socket, params: dict[str, str]) -> None:
        await ws.join(params["board"])

    async def on_move(self, ws: Socket, payload: Cursor) -> None:
        await self.cursor.broadcast(payload, to=await ws.rooms(), skip=ws)


app = Application(Board)
