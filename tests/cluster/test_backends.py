"""What rooms do over the brokers that people run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from microsockets import (
    ALL,
    Application,
    BrokerUnavailable,
    ConfigurationError,
    Emitter,
    NatsRoomManager,
    RedisRoomManager,
    RoomManager,
    SyncEmitter,
    user,
)
from microsockets.cluster.targets import Channels
from microsockets.testing import Client, Peer

from tests.brokers.backend import Backend, until
from tests.brokers.nats_server import NatsBackend
from tests.brokers.redis_server import RedisBackend, RedisClusterBackend, RedisServer
from tests.cluster.nodes import Chat, Said
from tests.cluster.test_bus import blobs

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module", params=[RedisBackend, RedisClusterBackend, NatsBackend])
def running(request: pytest.FixtureRequest) -> Generator[Backend]:
    backend: Backend = request.param()
    asyncio.run(backend.start())
    yield backend
    asyncio.run(backend.stop())


@pytest.fixture
def backend(running: Backend) -> Backend:
    return running


def room_manager(backend: Backend, **options: Any) -> RoomManager:
    kind = NatsRoomManager if backend.name == "nats" else RedisRoomManager
    return kind(backend.url, **options)


@asynccontextmanager
async def clients(backend: Backend, count: int = 2) -> AsyncGenerator[list[Client]]:
    async with AsyncExitStack() as stack:
        apps = [Application(Chat, room_manager=room_manager(backend)) for _ in range(count)]
        yield [await stack.enter_async_context(Client(app, timeout=10)) for app in apps]


async def connect(client: Client, name: str, room: str = "lobby") -> Peer:
    peer = await client.connect("/chat", query={"user": name})
    await peer.request("join", {"room": room})
    return peer


def chat(client: Client) -> Chat:
    assert isinstance(client.app, Application)
    return client.app[Chat]


async def test_rooms_users_and_sockets_are_reached_and_counted_across(backend: Backend) -> None:
    async with clients(backend) as (here, there):
        ann, bob = await connect(here, "ann"), await connect(there, "bob")
        for to in ("lobby", user("bob"), await bob.request("id"), ALL):
            await chat(here).said.broadcast(Said(text=str(to)), to=to, skip=user("ann"))
            assert await bob.receive("said") == {"text": str(to)}
        await chat(there).said.broadcast(Said(text="back"), to="lobby")
        assert await ann.receive("said") == {"text": "back"}
        for client in (here, there):
            assert await chat(client).rooms.count("lobby") == 2
            assert sorted(each.user_id or "" for each in await chat(client).rooms.members("lobby")) == ["ann", "bob"]
        await chat(here).disconnect(user("bob"), code=4005, reason="enough")
        assert await bob.receive_close() == (4005, "enough")


async def test_presence_is_the_same_everywhere(backend: Backend) -> None:
    async with clients(backend) as (here, there):
        ann, bob = await connect(here, "ann"), await connect(there, "bob")
        await ann.request("watch", {"room": "lobby"})
        assert (await ann.receive("presence"))["members"] == []
        await bob.request("enter", {"room": "lobby", "state": {"name": "Bob"}})
        assert [each["id"] for each in (await ann.receive("presence_difference"))["joined"]] == ["bob"]
        assert [each.id for each in await chat(here).presence.members("lobby")] == ["bob"]
        await bob.close()
        assert (await ann.receive("presence_difference"))["left"] == ["bob"]


async def test_broadcasts_of_one_process_keep_their_order(backend: Backend) -> None:
    async with clients(backend) as (here, there):
        bob = await connect(there, "bob")
        for number in range(500):
            await chat(here).said.broadcast(Said(text=str(number)), to="lobby")
        assert [(await bob.receive("said"))["text"] for _ in range(500)] == [str(number) for number in range(500)]


async def test_processes_get_only_what_their_members_need(backend: Backend) -> None:
    async with clients(backend) as (here, there):
        await connect(here, "ann", "red")
        bob = await connect(there, "bob", "blue")
        stranger = backend.broker()
        got: list[str] = []
        stranger.start(lambda channel, data: got.append(channel), lambda state: None)
        channels = Channels("microsockets")
        try:
            await until(lambda: stranger.state == "up")
            for room in ("red", "blue"):
                await stranger.subscribe(channels.room("/chat", room))
            for _ in range(10):
                await chat(here).said.broadcast(Said(text="one publish, whatever the room has of members"), to="red")
            await until(lambda: len(got) == 10)
            assert set(got) == {channels.room("/chat", "red")}
            await bob.expect_nothing()
        finally:
            await stranger.stop()


async def test_emitters_reach_rooms_without_a_server(backend: Backend) -> None:
    async with clients(backend) as (here, there), Emitter(backend.url) as emitter:
        ann, bob = await connect(here, "ann"), await connect(there, "bob")
        await emitter.broadcast(Chat.said, Said(text="from a worker"), to="lobby")
        for peer in (ann, bob):
            assert await peer.receive("said") == {"text": "from a worker"}
        with SyncEmitter(backend.url) as blocking:

            def emit() -> None:
                for number in range(3):
                    blocking.broadcast(Chat.said, Said(text=str(number)), to=user("bob"))
                blocking.disconnect(Chat, user("ann"), code=4001)

            await asyncio.to_thread(emit)
        assert [(await bob.receive("said"))["text"] for _ in range(3)] == ["0", "1", "2"]
        assert (await ann.receive_close())[0] == 4001


async def test_a_script_may_end_right_after_it_has_emitted(backend: Backend) -> None:
    program = (
        "import os\n"
        "from microsockets import SyncEmitter\n"
        "from tests.cluster.nodes import Chat, Said\n"
        f"SyncEmitter({backend.url!r}).broadcast(Chat.said, Said(text='last words'), to='lobby')\n"
        "os._exit(0)\n"
    )
    async with clients(backend, 1) as (here,):
        ann = await connect(here, "ann")
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True, timeout=30)
        assert await ann.receive("said") == {"text": "last words"}


async def test_garbage_on_every_channel_is_counted_and_nothing_is_delivered(backend: Backend) -> None:
    async with clients(backend) as (here, there):
        ann = await connect(here, "ann")
        await ann.request("watch", {"room": "lobby"})
        await ann.receive("presence")
        names = Channels("microsockets")
        node = (await ann.request("id")).partition("~")[0]
        followed = {
            names.all: 2,
            names.node(node): 1,
            names.room("/chat", "lobby"): 1,
            names.user("/chat", "ann"): 1,
            names.namespace("/chat"): 1,
            names.roster("/chat", "presence", "lobby"): 1,
        }
        stranger = backend.broker()
        stranger.start(lambda channel, data: None, lambda state: None)
        try:
            await until(lambda: stranger.state == "up")
            for number, channel in enumerate(followed):
                for blob in blobs(10_000, number):
                    if stranger.congested:
                        await stranger.ready()
                    assert stranger.publish(channel, blob)
            await stranger.flush()
        finally:
            await stranger.stop()
        await until(lambda: counted(here) + counted(there) == 10_000 * sum(followed.values()))
        await ann.expect_nothing()
        await chat(there).said.broadcast(Said(text="still here"), to="lobby")
        assert await ann.receive("said") == {"text": "still here"}


def counted(client: Client) -> int:
    assert isinstance(client.app, Application)
    return client.app.counters["broker_garbage"] + client.app.counters["broker_unknown_version"]


async def test_an_emitter_that_may_not_publish_says_so() -> None:
    server = RedisServer()
    try:
        await server.start()
        await server.call("ACL", "SETUSER", "reader", "on", ">p", "+@all", "-spublish", "allchannels")
        async with Emitter(f"redis://reader:p@127.0.0.1:{server.port}") as emitter:
            with pytest.raises(BrokerUnavailable):
                await emitter.broadcast(Chat.said, Said(text="never"), to="lobby")
    finally:
        await server.process.end()


async def test_applications_of_other_prefixes_are_strangers(backend: Backend) -> None:
    async with clients(backend, 1) as (here,), Emitter(backend.url, prefix="other") as emitter:
        ann = await connect(here, "ann")
        await emitter.broadcast(Chat.said, Said(text="elsewhere"), to="lobby")
        await ann.expect_nothing()


async def test_without_a_broker_what_asks_others_says_so() -> None:
    backend = RedisBackend()
    app = Application(Chat, room_manager=RedisRoomManager(backend.url))
    async with Client(app, timeout=10) as client:
        ann = await connect(client, "ann")
        with pytest.raises(BrokerUnavailable):
            await chat(client).rooms.members("lobby")
        await chat(client).said.broadcast(Said(text="here"), to="lobby")
        assert await ann.receive("said") == {"text": "here"}
    with pytest.raises(BrokerUnavailable):
        async with Emitter(backend.url):
            pass
    await backend.stop()


@pytest.mark.parametrize(
    "make",
    [
        lambda: RedisRoomManager("nats://localhost"),
        lambda: NatsRoomManager("redis://localhost"),
        lambda: RedisRoomManager("redis://localhost", prefix="a b"),
        lambda: SyncEmitter("localhost"),
        lambda: RedisRoomManager("redis://localhost:port"),
    ],
)
def test_what_can_never_work_is_refused_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_a_broker_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROSOCKETS_BROKER", "redis://localhost")
    assert Application(Chat).broker is not None
    # What the application says itself goes first.
    assert Application(Chat, room_manager=RoomManager()).broker is None
    monkeypatch.setenv("MICROSOCKETS_BROKER", "http://localhost")
    with pytest.raises(ConfigurationError, match="redis://"):
        Application(Chat)
    monkeypatch.setenv("MICROSOCKETS_BROKER", "")
    assert Application(Chat).broker is None
