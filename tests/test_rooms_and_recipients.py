"""Rooms, and whom a broadcast reaches: `to=` and `skip=`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from microsockets import ALL, Application, Event, Limits, Namespace, RoomManager, Socket, UsageError, user
from microsockets.testing import Client, Peer, RequestFailed


class Chat(Namespace, path="/"):
    said = Event[str]()

    async def on_connect(self, ws: Socket) -> None:
        ws.user_id = ws.headers.get("x-user")

    async def on_join(self, ws: Socket, payload: str) -> None:
        await ws.join(payload)

    async def on_leave(self, ws: Socket, payload: str) -> None:
        await ws.leave(payload)

    async def on_flush(self, ws: Socket) -> None:
        await ws.flush()

    async def on_rooms(self, ws: Socket) -> list[str]:
        return await ws.rooms()

    async def on_members(self, ws: Socket, payload: str) -> list[str]:
        return [member.id for member in await self.rooms.members(payload)]

    async def on_say_to_others(self, ws: Socket, payload: str) -> None:
        await self.said.broadcast(payload, to="lobby", skip=ws)

    async def on_say_to_me(self, ws: Socket, payload: str) -> None:
        await self.said.broadcast(payload, to=ws)

    async def on_become(self, ws: Socket, payload: str | None) -> None:
        ws.user_id = payload


class Room(Namespace, path="/room/{number}"):
    said = Event[str]()

    async def on_connect(self, ws: Socket) -> None:
        await ws.join("lobby")


async def three(client: Client) -> tuple[Peer, Peer, Peer]:
    """Alice and Bob in the lobby, Alice and Carol in the kitchen."""
    alice, bob, carol = [await client.connect(headers={"x-user": name}) for name in ("alice", "bob", "carol")]
    await alice.request("join", "lobby")
    await bob.request("join", "lobby")
    await alice.request("join", "kitchen")
    await carol.request("join", "kitchen")
    return alice, bob, carol


async def reached(app: Application, peers: tuple[Peer, ...], to: Any, skip: Any = None) -> list[int]:
    """How often each peer gets a broadcast."""
    await app[Chat].said.broadcast("hello", to=to, skip=skip)
    await app[Chat].said.broadcast("end", to=ALL)
    counts: list[int] = []
    for peer in peers:
        counts.append(0)
        while await peer.receive("said") == "hello":
            counts[-1] += 1
    return counts


# Membership


async def test_a_room_is_joined_listed_counted_and_left() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice, bob, carol = await three(client)
        assert await alice.request("rooms") == ["lobby", "kitchen"]
        assert await bob.request("members", "lobby") == [alice.hello["id"], bob.hello["id"]]
        assert await app[Chat].rooms.count("lobby") == 2
        await alice.request("leave", "lobby")
        assert await alice.request("rooms") == ["kitchen"]
        assert await app[Chat].rooms.count("lobby") == 1
        assert await reached(app, (alice, bob, carol), "lobby") == [0, 1, 0]


async def test_joining_again_and_leaving_a_room_one_is_not_in_change_nothing() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice, bob, _ = await three(client)
        await alice.request("join", "lobby")
        await bob.request("leave", "kitchen")
        assert await alice.request("rooms") == ["lobby", "kitchen"]
        assert await bob.request("rooms") == ["lobby"]
        assert await reached(app, (alice, bob), "lobby") == [1, 1]


async def test_flush_leaves_all_rooms() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice, bob, carol = await three(client)
        await alice.request("flush")
        assert await alice.request("rooms") == []
        assert await reached(app, (alice, bob, carol), ["lobby", "kitchen"]) == [0, 1, 1]


async def test_rooms_that_nobody_is_in_leave_nothing_behind() -> None:
    manager = RoomManager()
    async with Client(Application(Chat, room_manager=manager)) as client:
        peers = await three(client)
        assert len(manager.membership) == 2
        for peer in peers:
            await peer.close()
        assert len(manager.membership) == 0


# Keyed by (namespace path template, room name)


async def test_rooms_of_the_same_name_in_two_namespaces_are_two_rooms() -> None:
    app = Application(Chat, Room)
    async with Client(app) as client:
        alice, _, _ = await three(client)
        dave = await client.connect("/room/1")
        assert await app[Room].rooms.count("lobby") == 1
        assert await app[Chat].rooms.count("lobby") == 2
        await app[Room].said.broadcast("in the room", to="lobby")
        assert await dave.receive("said") == "in the room"
        await alice.expect_nothing()


async def test_rooms_are_keyed_by_the_path_template_whatever_the_parameters() -> None:
    app = Application(Room)
    async with Client(app) as client:
        one, two = await client.connect("/room/1"), await client.connect("/room/2")
        await app[Room].said.broadcast("to both", to="lobby")
        assert await one.receive("said") == await two.receive("said") == "to both"


# to=


async def test_to_is_required_on_broadcast() -> None:
    said: Any = Application(Chat)[Chat].said
    with pytest.raises(TypeError, match="to"):
        await said.broadcast("to whom?")


@pytest.mark.parametrize("to", [None, 7, object()], ids=["None", "int", "object"])
async def test_to_anything_else_is_refused_with_what_to_write(to: Any) -> None:
    app = Application(Chat)
    with pytest.raises(UsageError, match="a room's name, a socket, user\\(id\\), ALL, or a list"):
        await app[Chat].said.broadcast("to whom?", to=to)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("lobby", [1, 1, 0]),
        ("nobody is here", [0, 0, 0]),
        (user("carol"), [0, 0, 1]),
        (user("nobody"), [0, 0, 0]),
        (ALL, [1, 1, 1]),
        ([], [0, 0, 0]),
        (["lobby", "kitchen"], [1, 1, 1]),
        (["lobby", user("alice"), ALL, user("alice")], [1, 1, 1]),
        ((user("alice"), user("bob")), [1, 1, 0]),
    ],
    ids=["room", "empty room", "user", "unknown user", "ALL", "empty list", "rooms", "overlapping", "tuple"],
)
async def test_to_takes_a_room_a_user_all_or_a_list_and_recipients_are_deduplicated(
    to: Any, expected: list[int]
) -> None:
    app = Application(Chat)
    async with Client(app) as client:
        assert await reached(app, await three(client), to) == expected


async def test_to_takes_a_socket() -> None:
    async with Client(Application(Chat)) as client:
        alice, bob, _ = await three(client)
        await alice.request("say_to_me", "hello")
        assert await alice.receive("said") == "hello"
        await bob.expect_nothing()


async def test_to_takes_a_list_with_a_socket_in_it() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = await three(client)
        [alice, _] = await app[Chat].rooms.members("lobby")
        assert await reached(app, peers, [alice, "lobby", alice]) == [1, 1, 0]


async def test_a_generator_of_targets_is_a_list() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        assert await reached(app, await three(client), (user(name) for name in ["alice", "carol"])) == [1, 0, 1]


async def test_all_is_all_of_this_namespace() -> None:
    app = Application(Chat, Room)
    async with Client(app) as client:
        alice = await client.connect()
        dave = await client.connect("/room/1")
        await app[Chat].said.broadcast("chat", to=ALL)
        assert await alice.receive("said") == "chat"
        await dave.expect_nothing()


# skip=


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        (user("alice"), [0, 1, 1]),
        ("kitchen", [0, 1, 0]),
        (["lobby", user("carol")], [0, 0, 0]),
        (ALL, [0, 0, 0]),
        ([], [1, 1, 1]),
    ],
    ids=["user", "room", "list", "ALL", "empty list"],
)
async def test_skip_leaves_out_whomever_it_means(skip: Any, expected: list[int]) -> None:
    app = Application(Chat)
    async with Client(app) as client:
        assert await reached(app, await three(client), ALL, skip) == expected


async def test_skip_leaves_out_the_sender() -> None:
    async with Client(Application(Chat)) as client:
        alice, bob, carol = await three(client)
        await alice.request("say_to_others", "hello")
        assert await bob.receive("said") == "hello"
        await alice.expect_nothing()
        await carol.expect_nothing()


# Reserved rooms


async def test_ws_id_is_a_room() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = await three(client)
        assert await reached(app, peers, peers[1].hello["id"]) == [0, 1, 0]
        assert await reached(app, peers, ["lobby", peers[1].hello["id"]]) == [1, 1, 0]


async def test_ws_id_is_reserved_so_nobody_else_can_join_it() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = await three(client)
        alice, bob, _ = peers
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("join", bob.hello["id"])
        assert await reached(app, peers, bob.hello["id"]) == [0, 1, 0]


async def test_user_id_is_a_room_that_no_name_of_a_room_reaches() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = await three(client)
        alice, _, _ = peers
        await alice.request("join", "carol")
        assert await reached(app, peers, user("carol")) == [0, 0, 1]
        assert await reached(app, peers, "carol") == [1, 0, 0]


async def test_a_user_may_have_many_sockets_and_a_number_for_an_id() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = (await client.connect(headers={"x-user": "7"}), await client.connect(headers={"x-user": "7"}))
        assert await reached(app, peers, user(7)) == [1, 1]
        assert await reached(app, peers, user("7")) == [1, 1]


async def test_a_socket_follows_its_user_id() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = await three(client)
        await peers[0].request("become", "carol")
        assert await reached(app, peers, user("carol")) == [1, 0, 1]
        assert await reached(app, peers, user("alice")) == [0, 0, 0]
        await peers[0].request("become", None)
        assert await reached(app, peers, user("carol")) == [0, 0, 1]


async def test_the_reserved_rooms_are_outside_the_limit_and_the_list() -> None:
    app = Application(Chat, limits=Limits(rooms=1))
    async with Client(app) as client:
        alice = await client.connect(headers={"x-user": "alice"})
        await alice.request("join", "lobby")
        assert await alice.request("rooms") == ["lobby"]
        assert await reached(app, (alice,), [alice.hello["id"], user("alice")]) == [1]


# Limits


async def raises(function: Callable[[Socket], Any], match: str, limits: Limits | None = None) -> None:
    """Checks that what a handler does raises `UsageError`."""
    seen: list[str] = []

    class Trying(Namespace, path="/"):
        async def on_try(self, ws: Socket) -> None:
            with pytest.raises(UsageError, match=match):
                await function(ws)
            seen.append("raised")

    async with Client(Application(Trying, limits=limits)) as client:
        await (await client.connect()).request("try")
    assert seen == ["raised"]


def test_a_socket_is_in_64_rooms_with_names_of_128_bytes() -> None:
    assert (Limits().rooms, Limits().room_name_bytes) == (64, 128)


async def test_a_room_too_many_is_refused() -> None:
    async def join(ws: Socket) -> None:
        await ws.join("a")
        await ws.join("b")
        await ws.join("a")
        await ws.leave("a")
        await ws.join("c")
        await ws.join("d")

    await raises(join, "at most 2 rooms", Limits(rooms=2))


async def test_a_room_name_of_more_than_128_bytes_is_refused() -> None:
    async def join(ws: Socket) -> None:
        await ws.join("r" * 128)
        await ws.join("é" * 64)
        await ws.join("é" * 65)

    await raises(join, "at most 128 bytes")


@pytest.mark.parametrize("name", ["", None, 7])
async def test_a_room_name_is_a_string_that_is_not_empty(name: Any) -> None:
    await raises(lambda ws: ws.join(name), "a string that is not empty")


async def test_members_and_count_take_what_a_broadcast_takes() -> None:
    app = Application(Chat)
    rooms = app[Chat].rooms
    async with Client(app) as client:
        alice = await client.connect(headers={"x-user": "alice"})
        bob = await client.connect(headers={"x-user": "bob"})
        await alice.request("join", "lobby")
        await bob.request("join", "lobby")
        ids = {"alice": alice.hello["id"], "bob": bob.hello["id"]}
        assert [member.id for member in await rooms.members("lobby")] == [ids["alice"], ids["bob"]]
        assert [member.id for member in await rooms.members(ids["bob"])] == [ids["bob"]]
        assert [member.id for member in await rooms.members(user("alice"))] == [ids["alice"]]
        whom: list[Any] = ["lobby", user("bob"), ALL, ["lobby", ALL], "empty"]
        assert [await rooms.count(each) for each in whom] == [2, 1, 2, 2, 0]
