"""A chat with rooms: who is here, who is typing, and errors that the page shows."""

from datetime import UTC, datetime
from typing import Annotated

from microsockets import Application, Depends, Event, Namespace, Presence, RateLimit, Socket, latest, on

from .messages import Member, Message, NameTaken, NotInRoom, Tab, Text
from .page import page


def member(ws: Socket[Member | None]) -> Member:
    if ws.session is None:
        raise NotInRoom()
    return ws.session


class Chat(Namespace, path="/chat"):
    presence = Presence(Member)
    said = Event[Message]()
    typing = Event[Member](policy=latest("user"))

    async def on_connect(self, ws: Socket[Member | None], tab: Tab) -> None:
        ws.user_id = tab.id or None

    @on(raises=[NameTaken])
    async def on_join(self, ws: Socket[Member | None], new: Member) -> list[str]:
        me = ws.user_id or ws.id
        here = [other.state.user for other in await self.presence.members(new.room) if other.id != me]
        if new.user.casefold() in map(str.casefold, here):
            raise NameTaken()
        await self.on_leave(ws)
        ws.session = new
        await self.presence.enter(ws, new.room, new)
        return [*here, new.user]

    async def on_leave(self, ws: Socket[Member | None]) -> None:
        if ws.session is not None:
            await ws.leave(ws.session.room)
            ws.session = None

    @on(raises=[NotInRoom], middleware=[RateLimit(5, burst=10)])
    async def on_say(self, ws: Socket, text: Text, me: Annotated[Member, Depends(member)]) -> Message:
        message = Message(user=me.user, room=me.room, text=text, at=datetime.now(UTC))
        await self.said.broadcast(message, to=me.room, skip=ws)
        return message

    @on(raises=[NotInRoom])
    async def on_typing(self, ws: Socket, me: Annotated[Member, Depends(member)]) -> None:
        await self.typing.broadcast(me, to=me.room, skip=ws)


app = Application(Chat, fallback=page)
