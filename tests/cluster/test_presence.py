"""Who is here, as clients are told, on one process and on several."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets import Application, Presence, Present, UsageError
from microsockets.cluster.messages import Bye, Change, Codec, new_node_id
from microsockets.cluster.targets import Channels
from microsockets.presence import Entry
from microsockets.schema import read_contract
from microsockets.testing import Peer
from pydantic import BaseModel

from tests.cluster.nodes import Chat, Member, Nodes

ANN = {"name": "Ann", "away": False}
BOB = {"name": "Bob", "away": False}


async def watching(nodes: Nodes, node: int, *, user: str = "") -> Peer:
    peer = await nodes.connect(node, user=user)
    await peer.request("watch", {"room": "lobby"})
    return peer


async def enter(peer: Peer, state: dict[str, Any]) -> None:
    await peer.request("enter", {"room": "lobby", "state": state})


def difference(*, joined: Any = (), changed: Any = (), left: Any = ()) -> dict[str, Any]:
    return {"room": "lobby", "joined": list(joined), "changed": list(changed), "left": list(left)}


@pytest.fixture(params=[(0, 0), (0, 1)], ids=["one process", "two processes"])
def places(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_who_comes_hears_who_is_here_and_then_the_differences(places: tuple[int, int]) -> None:
    async with Nodes(2) as nodes:
        ann = await nodes.connect(places[0], user="1")
        await enter(ann, ANN)
        assert await ann.receive("presence") == {"room": "lobby", "members": []}
        assert await ann.receive("presence_difference") == difference(joined=[{"id": "1", "state": ANN}])
        bob = await nodes.connect(places[1], user="2")
        await enter(bob, BOB)
        assert await bob.receive("presence") == {"room": "lobby", "members": [{"id": "1", "state": ANN}]}
        for peer in (ann, bob):
            assert await peer.receive("presence_difference") == difference(joined=[{"id": "2", "state": BOB}])
        await enter(bob, BOB | {"away": True})
        for peer in (ann, bob):
            assert await peer.receive("presence_difference") == difference(
                changed=[{"id": "2", "state": BOB | {"away": True}}]
            )
        await bob.close()
        assert await ann.receive("presence_difference") == difference(left=["2"])


async def test_a_user_with_three_tabs_counts_once(places: tuple[int, int]) -> None:
    async with Nodes(2) as nodes:
        observer = await watching(nodes, 0)
        assert await observer.receive("presence") == {"room": "lobby", "members": []}
        tabs = [await nodes.connect(node, user="1") for node in (places[0], places[1], places[1])]
        for tab in tabs:
            await enter(tab, ANN)
        assert await observer.receive("presence_difference") == difference(joined=[{"id": "1", "state": ANN}])
        assert await nodes.chats[1].presence.members("lobby") == [Present(id="1", state=Member(name="Ann"))]
        for tab in tabs[:2]:
            await tab.close()
        await enter(tabs[2], ANN | {"away": True})
        assert await observer.receive("presence_difference") == difference(
            changed=[{"id": "1", "state": ANN | {"away": True}}]
        )
        await tabs[2].request("exit", {"room": "lobby"})
        assert await observer.receive("presence_difference") == difference(left=["1"])


async def test_leaving_the_room_ends_presence_and_watching(places: tuple[int, int]) -> None:
    async with Nodes(2) as nodes:
        observer = await watching(nodes, 0)
        await observer.receive("presence")
        ann = await nodes.connect(places[1], user="1")
        await enter(ann, ANN)
        await observer.receive("presence_difference")
        await ann.request("leave", {"room": "lobby"})
        assert await observer.receive("presence_difference") == difference(left=["1"])
        await ann.receive("presence")
        await ann.receive("presence_difference")
        await ann.expect_nothing()


async def test_a_socket_without_a_user_is_a_member_of_its_own() -> None:
    async with Nodes(1) as nodes:
        first, second = await nodes.connect(0), await nodes.connect(0)
        await enter(first, ANN)
        await enter(second, ANN)
        ids = [await peer.request("id") for peer in (first, second)]
        assert [each.id for each in await nodes.chats[0].presence.members("lobby")] == ids


async def test_after_an_outage_differences_tell_what_happened_meanwhile() -> None:
    async with Nodes(2) as nodes:
        observer = await watching(nodes, 0)
        await observer.receive("presence")
        ann, bob = await nodes.connect(1, user="1"), await nodes.connect(1, user="2")
        await enter(ann, ANN)
        await observer.receive("presence_difference")
        nodes.bus.is_up = False
        await ann.close()
        await enter(bob, BOB)
        await observer.expect_nothing()
        nodes.bus.is_up = True
        assert await observer.receive("presence_difference") == difference(
            joined=[{"id": "2", "state": BOB}], left=["1"]
        )


async def test_who_is_late_to_come_back_tells_what_happened_long_before() -> None:
    async with Nodes(2) as nodes:
        observer = await watching(nodes, 0)
        await observer.receive("presence")
        ann, bob = await nodes.connect(1, user="1"), await nodes.connect(1, user="2")
        await enter(bob, BOB)
        await observer.receive("presence_difference")
        nodes.bus.is_up = False
        nodes.broker(1).is_on = False
        await enter(ann, ANN)
        await bob.close()
        # More than is told again of what changed lately.
        for number in range(1_000):
            await ann.request("enter", {"room": f"other {number}", "state": ANN})
            await ann.request("leave", {"room": f"other {number}"})
        nodes.bus.is_up = True
        # Asked after all rosters were, and answered by this process alone.
        assert await nodes.chats[0].rooms.count("lobby") == 1
        nodes.broker(1).switch_on()
        assert await observer.receive("presence_difference") == difference(
            joined=[{"id": "1", "state": ANN}], left=["2"]
        )


async def test_a_process_that_was_never_greeted_takes_its_members_with_it_as_well() -> None:
    async with Nodes(1) as nodes:
        observer = await watching(nodes, 0)
        await observer.receive("presence")
        stranger, channel = Codec(new_node_id()), Channels("microsockets").roster("/chat", "presence", "lobby")
        entry = Entry("socket", "1", b'{"name":"Ann","away":false}', 1)
        nodes.bus.pass_on(channel, stranger.encode(Change(channel, 1, 0, [entry], [])))
        assert await observer.receive("presence_difference") == difference(joined=[{"id": "1", "state": ANN}])
        nodes.bus.pass_on(channel, stranger.encode(Bye()))
        assert await observer.receive("presence_difference") == difference(left=["1"])


async def test_a_process_that_stops_takes_its_members_with_it() -> None:
    async with Nodes(2) as nodes:
        observer = await watching(nodes, 0)
        await observer.receive("presence")
        ann = await nodes.connect(1, user="1")
        await enter(ann, ANN)
        await observer.receive("presence_difference")
        elsewhere = nodes.clients.pop()
        await elsewhere.__aexit__(None, None, None)
        assert await observer.receive("presence_difference") == difference(left=["1"])


def test_the_contract_says_what_clients_are_sent() -> None:
    sent = read_contract(Application(Chat).namespaces)["namespaces"]["/chat"]["out"]
    assert sent["presence"] == {
        "description": "Who is in a room, when one begins to watch it.",
        "payload": {"$ref": "#/schemas/PresenceStateMember"},
    }
    assert sent["presence_difference"]["payload"] == {"$ref": "#/schemas/PresenceDifferenceMember"}
    assert "or has left" in sent["presence_difference"]["description"]


class Visitor(BaseModel):
    nickname: str


class Cafe(Chat, path="/cafe"):
    presence = Presence(Visitor)  # type: ignore[assignment]


def test_a_subclass_may_declare_another_member() -> None:
    sent = read_contract(Application(Cafe).namespaces)["namespaces"]["/cafe"]["out"]
    assert sent["presence"]["payload"] == {"$ref": "#/schemas/PresenceStateVisitor"}
    assert sent["presence_difference"]["payload"] == {"$ref": "#/schemas/PresenceDifferenceVisitor"}


async def test_presence_belongs_to_an_application() -> None:
    assert isinstance(Chat.presence, Presence)
    with pytest.raises(UsageError, match=r"app\[Chat\]\.presence"):
        _ = Chat().presence
