"""Events from where no server runs."""

from __future__ import annotations

import pytest
from microsockets import ALL, BrokerUnavailable, ConfigurationError, Emitter, Event, Namespace, UsageError, user
from microsockets.brokers import MemoryBroker
from microsockets.errors import InvalidValue

from tests.cluster.nodes import Chat, Nodes, Said


class Mixin(Namespace):
    pinged = Event[int]()


async def test_declared_events_reach_rooms_users_and_everybody() -> None:
    async with Nodes(2) as nodes, Emitter.over(lambda: MemoryBroker(nodes.bus)) as emitter:
        ann, bob = await nodes.connect(0, user="1", room="lobby"), await nodes.connect(1, user="2")
        await emitter.broadcast(Chat.said, Said(text="to the room"), to="lobby")
        await emitter.broadcast(Chat.said, Said(text="to bob"), to=[user(2), await bob.request("id")])
        await emitter.broadcast("said", {"text": "to all"}, to=ALL, skip=user(2), namespace="/chat")
        assert [(await ann.receive("said"))["text"] for _ in range(2)] == ["to the room", "to all"]
        assert await bob.receive("said") == {"text": "to bob"}
        await emitter.disconnect(Chat, user(2), code=4009, reason="signed out")
        assert await bob.receive_close() == (4009, "signed out")


async def test_what_cannot_work_is_refused_with_what_to_write() -> None:
    async with Nodes(1) as nodes, Emitter.over(lambda: MemoryBroker(nodes.bus)) as emitter:
        with pytest.raises(InvalidValue):
            await emitter.broadcast(Chat.said, "no", to="lobby")  # type: ignore[misc]
        with pytest.raises(UsageError, match="by its class or its path"):
            await emitter.broadcast(Mixin.pinged, 1, to="lobby")
        with pytest.raises(UsageError, match="name rooms"):
            await emitter.broadcast(Chat.said, Said(text=""), to=[])
        with pytest.raises(UsageError, match="control frames"):
            await emitter.broadcast("$hello", None, to="lobby", namespace=Chat)
    with pytest.raises(ConfigurationError, match="redis://"):
        Emitter("http://localhost")


async def test_without_a_broker_it_says_so() -> None:
    async with Nodes(1) as nodes, Emitter.over(lambda: MemoryBroker(nodes.bus)) as emitter:
        await emitter.broadcast(Chat.said, Said(text="x"), to="lobby")
        nodes.bus.is_up = False
        with pytest.raises(BrokerUnavailable):
            await emitter.broadcast(Chat.said, Said(text="x"), to="lobby")
