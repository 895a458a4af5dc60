"""Rooms, broadcasts and questions about them, across the processes of one application."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from microsockets import ALL, BrokerState, BrokerUnavailable, Reached, RemoteSocket, UsageError, user

from tests.cluster.nodes import Nodes, Said


@pytest.fixture
async def two() -> AsyncIterator[Nodes]:
    async with Nodes(2) as nodes:
        yield nodes


async def test_a_broadcast_reaches_the_members_on_all_processes_once(two: Nodes) -> None:
    ann, bob = await two.connect(0, room="lobby"), await two.connect(1, room="lobby")
    eve = await two.connect(1)
    assert await two.chats[0].said.broadcast(Said(text="hello"), to="lobby") == Reached(1, True)
    for peer in (ann, bob):
        assert await peer.receive("said") == {"text": "hello"}
    await two.chats[1].said.broadcast(Said(text="last"), to=ALL)
    for peer in (ann, bob, eve):
        assert await peer.receive("said") == {"text": "last"}


async def test_a_member_of_two_rooms_gets_a_broadcast_to_both_once(two: Nodes) -> None:
    bob = await two.connect(1, user="7", room="red")
    await bob.request("join", {"room": "blue"})
    await two.chats[0].said.broadcast(Said(text="both"), to=["red", "blue", user(7), ALL])
    await two.chats[0].said.broadcast(Said(text="last"), to="red")
    assert await bob.receive("said") == {"text": "both"}
    assert await bob.receive("said") == {"text": "last"}


async def test_who_is_skipped_is_skipped_everywhere(two: Nodes) -> None:
    ann, bob = await two.connect(0, user="1", room="lobby"), await two.connect(1, user="2", room="lobby")
    await bob.request("join", {"room": "quiet"})
    await two.chats[0].said.broadcast(Said(text="not bob"), to="lobby", skip="quiet")
    await two.chats[0].said.broadcast(Said(text="nor now"), to="lobby", skip=[user(2)])
    await two.chats[0].said.broadcast(Said(text="last"), to="lobby")
    assert [(await ann.receive("said"))["text"] for _ in range(3)] == ["not bob", "nor now", "last"]
    assert await bob.receive("said") == {"text": "last"}


async def test_users_and_sockets_are_reached_where_they_are(two: Nodes) -> None:
    bob, other = await two.connect(1, user="7"), await two.connect(1)
    id = await bob.request("id")
    await two.chats[0].said.broadcast(Said(text="to the user"), to=user(7))
    await two.chats[0].said.broadcast(Said(text="to the socket"), to=id)
    remote = (await two.chats[0].rooms.members(id))[0]
    await two.chats[0].said.broadcast(Said(text="to who was found"), to=remote)
    assert [(await bob.receive("said"))["text"] for _ in range(3)] == [
        "to the user",
        "to the socket",
        "to who was found",
    ]
    await other.expect_nothing()


async def test_rooms_are_known_on_all_processes(two: Nodes) -> None:
    await two.connect(0, user="1", room="lobby")
    bob = await two.connect(1, user="2", room="lobby")
    await bob.request("join", {"room": "quiet"})
    rooms = two.chats[0].rooms
    here, elsewhere = await rooms.members("lobby")
    assert (here.user_id, elsewhere.user_id) == ("1", "2")
    assert elsewhere == RemoteSocket(await bob.request("id"), "2", "v1")
    assert await rooms.count("lobby") == 2
    assert await rooms.count([ALL, "lobby"]) == 2
    assert await rooms.members("nowhere") == []
    assert sorted(await rooms.names()) == ["lobby", "quiet"]
    assert isinstance(elsewhere, RemoteSocket)
    assert await rooms.of(elsewhere) == ["lobby", "quiet"]
    assert [each.user_id for each in await rooms.here("lobby")] == ["1"]


async def test_who_has_left_is_in_no_room(two: Nodes) -> None:
    bob = await two.connect(1, user="2", room="lobby")
    await bob.request("leave", {"room": "lobby"})
    assert await two.chats[0].rooms.members("lobby") == []
    await two.chats[0].said.broadcast(Said(text="gone"), to="lobby")
    await bob.expect_nothing()
    await bob.close()
    assert await two.chats[0].rooms.count(ALL) == 0


async def test_sockets_are_closed_where_they_are(two: Nodes) -> None:
    tabs = [await two.connect(node, user="7") for node in (0, 1, 1)]
    other = await two.connect(1, user="8")
    assert await two.chats[0].disconnect(user(7), code=4009, reason="signed out") == Reached(1, True)
    for tab in tabs:
        assert await tab.receive_close() == (4009, "signed out")
    remote = (await two.chats[0].rooms.members(user(8)))[0]
    await two.chats[0].disconnect(remote)
    assert await other.receive_close() == (1000, "")


async def test_a_close_code_that_no_frame_can_carry_is_refused(two: Nodes) -> None:
    with pytest.raises(UsageError, match="4000 to 4999"):
        await two.chats[0].disconnect(ALL, code=1006)


async def test_while_the_broker_is_down_members_of_one_process_keep_receiving(two: Nodes) -> None:
    ann, bob = await two.connect(0, room="lobby"), await two.connect(1, room="lobby")
    two.bus.is_up = False
    broker = two.apps[0].broker
    assert broker is not None
    assert broker.state is BrokerState.DOWN
    assert await two.chats[0].said.broadcast(Said(text="here"), to="lobby") == Reached(1, False)
    with pytest.raises(BrokerUnavailable):
        await two.chats[0].rooms.members("lobby")
    with pytest.raises(BrokerUnavailable):
        await two.chats[0].rooms.count("lobby")
    await bob.request("join", {"room": "late"})
    two.bus.is_up = True
    assert await two.chats[0].said.broadcast(Said(text="again"), to="late") == Reached(0, True)
    assert await bob.receive("said") == {"text": "again"}
    assert await ann.receive("said") == {"text": "here"}
    assert await two.chats[0].rooms.count("lobby") == 2
    assert two.apps[0].counters["broker_missed"] == 1


async def test_a_process_that_stops_is_asked_no_more(two: Nodes) -> None:
    ann = await two.connect(0, room="lobby")
    assert await two.chats[1].rooms.count("lobby") == 1
    gone = two.clients[0]
    await ann.close()
    await gone.__aexit__(None, None, None)
    assert await two.chats[1].rooms.count("lobby") == 0
    assert two.apps[1].counters["broker_unanswered"] == 0
