"""Several processes of one application, as far as they know: applications that share a bus."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType

from microsockets import Application, Event, Namespace, Presence, Socket, on
from microsockets.brokers import BrokerState, MemoryBroker, MemoryBus
from microsockets.cluster import ClusterRoomManager
from microsockets.testing import Client, Peer
from pydantic import BaseModel


class Room(BaseModel):
    room: str


class Said(BaseModel):
    text: str


class Who(BaseModel):
    user: str = ""


class Member(BaseModel):
    name: str
    away: bool = False


class Enter(BaseModel):
    room: str
    state: Member


class Chat(Namespace, path="/chat"):
    said = Event[Said]()
    presence = Presence(Member)

    async def on_connect(self, ws: Socket, params: Who) -> None:
        ws.user_id = params.user or None

    async def on_join(self, ws: Socket, payload: Room) -> None:
        await ws.join(payload.room)

    async def on_leave(self, ws: Socket, payload: Room) -> None:
        await ws.leave(payload.room)

    async def on_watch(self, ws: Socket, payload: Room) -> None:
        await self.presence.watch(ws, payload.room)

    async def on_enter(self, ws: Socket, payload: Enter) -> None:
        await self.presence.enter(ws, payload.room, payload.state)

    async def on_exit(self, ws: Socket, payload: Room) -> None:
        await self.presence.leave(ws, payload.room)

    @on()
    async def on_id(self, ws: Socket) -> str:
        return ws.id


class Switched(MemoryBroker):
    """Finds out later than others that the bus is up again, if it is switched off."""

    is_on = True

    def notice(self) -> None:
        if self.is_on or self.state is BrokerState.UP:
            super().notice()

    def switch_on(self) -> None:
        self.is_on = True
        self.notice()


class Nodes:
    """`async with Nodes(3) as nodes:` starts three applications."""

    def __init__(self, count: int) -> None:
        self.bus = MemoryBus()
        self.apps = [
            Application(Chat, room_manager=ClusterRoomManager(lambda: Switched(self.bus))) for _ in range(count)
        ]
        self.chats = [app[Chat] for app in self.apps]
        self.clients: list[Client] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Nodes:
        self.clients = [await self._stack.enter_async_context(Client(app, timeout=10)) for app in self.apps]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def broker(self, node: int) -> Switched:
        """That of one of them."""
        broker = self.apps[node].broker
        assert isinstance(broker, Switched)
        return broker

    async def connect(self, node: int, *, user: str = "", room: str | None = None) -> Peer:
        """A client of one of them, in a room."""
        peer = await self.clients[node].connect("/chat", query={"user": user} if user else None)
        if room is not None:
            await peer.request("join", {"room": room})
        return peer
