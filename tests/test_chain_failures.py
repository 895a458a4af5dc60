"""A member of the chain that fails costs its own call and nothing else. How the chain is built is in test_chain.py."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets import ALL, Application, Event, Namespace, Socket
from microsockets.testing import Client, Refused, RequestFailed


class Failing:
    """Raises in one of its four members, before or after the rest of the chain."""

    def __init__(self, kind: str, when: str) -> None:
        self.kind = kind
        self.when = when

    async def _pass(self, kind: str, call: Any, call_next: Any) -> Any:
        if (kind, "before") == (self.kind, self.when):
            raise LookupError(kind)
        result = await call_next(call)
        if (kind, "after") == (self.kind, self.when):
            raise LookupError(kind)
        return result

    async def connect(self, call: Any, call_next: Any) -> Any:
        return await self._pass("connect", call, call_next)

    async def event(self, call: Any, call_next: Any) -> Any:
        return await self._pass("event", call, call_next)

    async def emit(self, call: Any, call_next: Any) -> Any:
        return await self._pass("emit", call, call_next)

    async def disconnect(self, call: Any, call_next: Any) -> Any:
        return await self._pass("disconnect", call, call_next)


class Room(Namespace, path="/"):
    said = Event[str]()

    async def on_connect(self, ws: Socket) -> None:
        await ws.join("lobby")

    async def on_echo(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_say(self, ws: Socket, payload: str) -> None:
        await self.said.broadcast(payload, to=ALL)

    async def on_old(self, ws: Socket, payload: str) -> None:
        await ws.broadcast("said", payload, to=["lobby"], skip_self=False)

    async def on_count(self) -> int:
        return await self.rooms.count("lobby")


WHEN = pytest.mark.parametrize("when", ["before", "after"])


@WHEN
async def test_a_failing_event_member_costs_one_internal_error_and_the_connection_lives(when: str) -> None:
    class Guarded(Room, path="/guarded"):
        middleware = [Failing("event", when)]

    app = Application(Room, Guarded)
    async with Client(app) as client:
        guarded, free = await client.connect("/guarded"), await client.connect("/")
        for count in (1, 2):
            with pytest.raises(RequestFailed, match="internal_error"):
                await guarded.request("echo", "x")
            assert app.counters["internal_error"] == count
        assert await guarded.request("$ping") is None
        assert await free.request("echo", "x") == "x"


@WHEN
async def test_a_failing_emit_member_fails_the_handler_that_emits_and_no_other(when: str) -> None:
    app = Application(Room, middleware=[Failing("emit", when)])
    async with Client(app) as client:
        peer = await client.connect()
        with pytest.raises(RequestFailed, match="internal_error"):
            await peer.request("say", "hi")
        assert await peer.request("echo", "x") == "x"
        if when == "after":
            assert await peer.receive("said") == "hi"
        await peer.expect_nothing()
    assert app.counters["internal_error"] == 1


@WHEN
async def test_a_failing_connect_member_refuses_and_leaves_nothing_behind(when: str) -> None:
    class Guarded(Room, path="/guarded"):
        middleware = [Failing("connect", when)]

    app = Application(Room, Guarded)
    async with Client(app) as client:
        with pytest.raises(Refused) as refused:
            await client.connect("/guarded")
        assert refused.value.status == 500
        assert await app[Guarded].rooms.count("lobby") == 0
        await client.connect("/")
    assert app.counters["internal_error"] == app.counters["refused"] == 1


@WHEN
async def test_a_failing_disconnect_member_is_counted_and_the_rooms_are_left_all_the_same(when: str) -> None:
    app = Application(Room, middleware=[Failing("disconnect", when)])
    async with Client(app) as client:
        await (await client.connect()).close()
        assert await (await client.connect()).request("count") == 1
        assert app.counters["internal_error"] == 1


async def test_emit_runs_once_for_a_broadcast_in_the_way_of_1_0() -> None:
    payloads: list[str] = []

    class Watching:
        async def emit(self, call: Any, call_next: Any) -> Any:
            payloads.append(call.payload)
            return await call_next(call)

    async with Client(Application(Room, middleware=[Watching()])) as client:
        peers = [await client.connect() for _ in range(3)]
        await peers[0].request("old", "hi")
        assert [await peer.receive("said") for peer in peers] == ["hi"] * 3
    assert payloads == ["hi"]
