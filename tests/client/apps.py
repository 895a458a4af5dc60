"""The application that the tests of both clients talk to, the one in TypeScript and the one in Python."""

import asyncio
from collections.abc import AsyncIterator

from microsockets import ALL, Application, Ask, Error, Event, Namespace, RateLimit, Refuse, Socket, on
from pydantic import BaseModel


class RoomFull(Error):
    """The room has no place left."""

    code = "room_full"
    details: int


class Params(BaseModel):
    token: str = ""


class Hall(Namespace, path="/hall"):
    said = Event[str]()
    confirm = Ask[str, bool]()

    def __init__(self) -> None:
        self.cancelled = 0
        self.tokens: list[str] = []

    async def on_connect(self, ws: Socket, params: Params) -> None:
        self.tokens.append(params.token)
        if params.token in ("unauthorized", "forbidden"):
            raise Refuse("unauthorized" if params.token == "unauthorized" else "forbidden", "Not with this token")

    async def on_double(self, n: int) -> int:
        return n * 2

    async def on_nothing(self) -> None:
        pass

    async def on_join(self, ws: Socket, room: str) -> int:
        await ws.join(room)
        return await self.rooms.count(room)

    async def on_say(self, ws: Socket, text: str) -> None:
        await self.said.broadcast(text, to=ALL)

    @on(middleware=[RateLimit(20, burst=5)])
    async def on_limited(self, ws: Socket, text: str) -> None:
        await self.said.broadcast(text, to=ws)

    async def on_count(self, limit: int) -> AsyncIterator[int]:
        try:
            for n in range(limit):
                yield n
                await asyncio.sleep(0)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise

    async def on_cancelled(self) -> int:
        return self.cancelled

    @on(raises=[RoomFull])
    async def on_enter(self) -> None:
        raise RoomFull(details=3)

    async def on_wait(self) -> None:
        await asyncio.sleep(60)

    async def on_question(self, ws: Socket, text: str) -> bool:
        return await self.confirm.ask(ws, text, timeout=5)

    async def on_tokens(self) -> list[str]:
        return self.tokens


class Join(BaseModel):
    room: str
    user: str


class Chat(Namespace, path="/chat"):
    """A chat with models."""

    user_joined = Event[Join]()
    confirm = Ask[str, bool]()

    @on(raises=[RoomFull])
    async def on_join(self, ws: Socket, payload: Join) -> int:
        if payload.room == "full":
            raise RoomFull(details=3)
        await ws.join(payload.room)
        await self.user_joined.broadcast(payload, to=payload.room)
        return await self.rooms.count(payload.room)

    async def on_typing(self, ws: Socket) -> None:
        pass

    async def on_history(self, limit: int) -> AsyncIterator[str]:
        for n in range(limit):
            yield f"message {n}"

    async def on_leave(self, ws: Socket) -> bool:
        return await self.confirm.ask(ws, "Leave the room?", timeout=5)


app = Application(Hall, Chat)


@app.on("shout")
async def shout(ws: Socket) -> None:
    await ws.emit("shouted", ws.payload)
