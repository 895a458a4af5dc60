"""1.0's seams: the event router and the room manager can be replaced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import microsockets
import pytest
from microsockets import Application, EventRouter, RoomManager
from microsockets.testing import Client, Peer, RequestFailed


async def plain(client: Client, path: str = "/") -> Peer:
    """A client of 1.0: it offers no subprotocol."""
    return await client.connect(path, v1=False)


def test_the_seams_are_where_they_were() -> None:
    assert microsockets.events.EventRouter is EventRouter
    assert microsockets.rooms.RoomManager is RoomManager


async def test_an_event_router_finds_the_last_function_added() -> None:
    async def first(ws: Any) -> None: ...

    async def second(ws: Any) -> None: ...

    router = EventRouter()
    assert router("say") is None
    router.add("say", first)
    router.add("say", second)
    assert router("say") is second


async def test_a_room_manager_joins_leaves_and_flushes() -> None:
    manager, alice, bob = RoomManager(), object(), object()
    await manager.join("a", alice)
    await manager.join("a", alice)
    await manager.join("a", bob)
    await manager.join("b", alice)
    assert await manager.members("a") == [alice, bob]
    assert await manager.rooms(alice) == ["a", "b"]
    await manager.leave("b", alice)
    await manager.leave("b", alice)
    assert await manager.rooms(alice) == ["a"]
    await manager.flush(alice)
    assert await manager.members("a") == [bob]
    assert await manager.rooms(alice) == await manager.members("nobody is here") == []


class PrefixRouter:
    """Routes by what stands before the colon."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.functions: dict[str, Callable[[Any], Awaitable[Any]]] = {}

    def __call__(self, event: str) -> Callable[[Any], Awaitable[Any]] | None:
        self.asked.append(event)
        return self.functions.get(event.partition(":")[0])

    def add(self, event: str, func: Callable[[Any], Awaitable[Any]]) -> None:
        self.functions[event] = func


@pytest.mark.parametrize("how", ["class", "instance"])
async def test_event_router_takes_a_class_or_an_instance_and_is_asked_per_message(how: str) -> None:
    made: list[PrefixRouter] = []

    class Router(PrefixRouter):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    app = Application(event_router=Router if how == "class" else Router())

    @app.hooks.before_on
    async def shout(ws: Any, func: Any) -> Any:
        return f"{await func(ws)}!"

    @app.on("room")
    async def room(ws: Any) -> str:
        return str(ws.event)

    async with Client(app) as client:
        alice = await plain(client)
        assert await alice.request("room:1") == "room:1!"
        assert await alice.request("room:2") == "room:2!"
        assert await alice.request("room:1") == "room:1!"
        with pytest.raises(RequestFailed, match="unknown_event"):
            await alice.request("chair:1")
    [router] = made
    assert router.asked == ["room:1", "room:2", "room:1", "chair:1"]


async def test_a_router_may_return_another_function_each_time() -> None:
    class Counting(EventRouter):
        count = 0

        def __call__(self, event: str) -> Callable[[Any], Awaitable[int]]:
            self.count += 1
            number = self.count

            async def handle(ws: Any) -> int:
                return number

            return handle

    async with Client(Application(event_router=Counting)) as client:
        alice = await plain(client)
        assert [await alice.request("anything") for _ in range(3)] == [1, 2, 3]


async def test_a_router_that_raises_costs_one_error() -> None:
    class Broken(EventRouter):
        def __call__(self, event: str) -> Any:
            raise LookupError(event)

    async with Client(Application(event_router=Broken)) as client:
        alice = await plain(client)
        for _ in range(2):
            with pytest.raises(RequestFailed, match="internal_error"):
                await alice.request("anything")


class Manager:
    """A room manager that shares nothing with ours."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.joined: list[tuple[str, Any]] = []

    async def join(self, room: str, socket: Any) -> None:
        self.joined.append((room, socket))

    async def leave(self, room: str, socket: Any) -> None:
        self.joined.remove((room, socket))

    async def members(self, room: str) -> list[Any]:
        self.asked.append(room)
        return [socket for joined, socket in self.joined if joined == room]

    async def rooms(self, socket: Any) -> list[str]:
        return [room for room, joined in self.joined if joined is socket]

    async def flush(self, socket: Any) -> None:
        self.joined = [each for each in self.joined if each[1] is not socket]


@pytest.mark.parametrize("how", ["class", "instance"])
async def test_room_manager_takes_a_class_or_an_instance_and_is_asked_for_members(how: str) -> None:
    made: list[Manager] = []

    class Rooms(Manager):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    app = Application(room_manager=Rooms if how == "class" else Rooms())

    @app.on("join")
    async def join(ws: Any) -> list[str]:
        await ws.join("a")
        await ws.join("b")
        await ws.leave("b")
        return list(await ws.rooms())

    @app.on("say")
    async def say(ws: Any) -> None:
        await ws.broadcast("said", ws.payload, to=["a"])

    async with Client(app) as client:
        alice, bob = await plain(client), await plain(client)
        assert await alice.request("join") == await bob.request("join") == ["a"]
        await alice.send("say", "hello")
        assert await bob.receive("said") == "hello"
        await alice.expect_nothing()
        await alice.close()
        await bob.close()
    [manager] = made
    assert manager.asked == ["a"]
    assert manager.joined == []


async def test_a_manager_that_inherits_ours_is_asked_for_members_it_finds_itself() -> None:
    class Everyone(RoomManager):
        """A room "everyone" that all are in who are in any."""

        async def members(self, room: Any) -> list[Any]:
            if room != "everyone":
                return await super().members(room)
            return [socket for each in list(self.membership) for socket in await super(Everyone, self).members(each)]

    app = Application(room_manager=Everyone)

    @app.on("join")
    async def join(ws: Any) -> None:
        for room in ws.payload:
            await ws.join(room)

    @app.on("say")
    async def say(ws: Any) -> None:
        await ws.broadcast("said", ws.payload, to=["everyone"], skip_self=False)

    async with Client(app) as client:
        alice, bob = await plain(client), await plain(client)
        await alice.request("join", ["a", "b"])
        await bob.request("join", ["b"])
        await alice.request("say", "hello")
        for peer in (alice, bob):
            assert await peer.receive("said") == "hello"
            await peer.expect_nothing()


async def test_a_function_may_be_an_object_that_cannot_be_hashed() -> None:
    class Greeter:
        __hash__ = None  # type: ignore[assignment]

        async def __call__(self, ws: Any) -> str:
            return f"hello {ws.payload}"

    app = Application()
    app.on("greet")(Greeter())
    async with Client(app) as client:
        alice = await plain(client)
        assert await alice.request("greet", "ann") == "hello ann"
        assert await alice.request("greet", "bob") == "hello bob"
