"""1.0's hooks: any number of each, called in order."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets import Application, Refuse
from microsockets.testing import Client, Peer, Refused


async def plain(client: Client, path: str = "/") -> Peer:
    """A client of 1.0: it offers no subprotocol."""
    return await client.connect(path, v1=False)


async def test_before_on_chains_any_number_in_order_through_func() -> None:
    app = Application()
    log: list[str] = []

    @app.hooks.before_on
    async def first(ws: Any, func: Any) -> None:
        log.append(f"first {ws.event}")
        ws.payload += "1"
        await func(ws)
        log.append("after first")

    @app.hooks.before_on
    async def second(ws: Any, func: Any) -> None:
        log.append("second")
        ws.payload += "2"
        await func(ws)
        log.append("after second")

    @app.on("say")
    async def say(ws: Any) -> None:
        log.append(ws.payload)

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("say", "0")
        await alice.expect_nothing()
    assert log == ["first say", "second", "012", "after second", "after first"]


async def test_a_before_on_that_does_not_call_func_stops_the_event() -> None:
    app = Application()
    handled: list[str] = []

    @app.hooks.before_on
    async def guard(ws: Any, func: Any) -> None:
        if ws.payload == "please":
            await func(ws)

    @app.on("say")
    async def say(ws: Any) -> None:
        handled.append(ws.payload)

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("say", "now")
        await alice.send("say", "please")
        await alice.expect_nothing()
    assert handled == ["please"]


async def test_a_before_on_added_later_counts_from_then_on() -> None:
    app = Application()
    log: list[str] = []

    @app.on("say")
    async def say(ws: Any) -> None:
        log.append("say")

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("say")
        await alice.expect_nothing()

        @app.hooks.before_on
        async def before(ws: Any, func: Any) -> None:
            log.append("before")
            await func(ws)

        await alice.send("say")
        await alice.expect_nothing()
    assert log == ["say", "before", "say"]


def test_a_hook_decorator_returns_the_function_and_the_hooks_are_lists() -> None:
    app = Application()

    async def hook(*_: Any) -> None: ...

    for hooks in (
        app.hooks.before_on,
        app.hooks.on_startup,
        app.hooks.on_shutdown,
        app.hooks.on_connect,
        app.hooks.on_disconnect,
    ):
        assert hooks(hook) is hook
        hooks.append(hook)
        assert list(hooks) == [hook, hook]


async def test_on_connect_hooks_run_in_order_with_the_socket_alone_before_it_is_accepted() -> None:
    app = Application()
    log: list[Any] = []

    @app.hooks.on_connect
    async def first(ws: Any) -> None:
        log.append(ws)
        await ws.join("a")
        await ws.emit("welcome", "one")

    @app.hooks.on_connect
    async def second(ws: Any) -> None:
        log.append(ws)
        assert not ws.connected
        await ws.emit("welcome", "two")

    @app.on("rooms")
    async def rooms(ws: Any) -> list[str]:
        return list(await ws.rooms())

    async with Client(app) as client:
        alice = await plain(client)
        assert [await alice.receive("welcome") for _ in range(2)] == ["one", "two"]
        assert await alice.request("rooms") == ["a"]
    assert log[0] is log[1]


async def test_an_on_connect_hook_may_refuse_and_no_on_disconnect_follows() -> None:
    app = Application()
    log: list[str] = []

    @app.hooks.on_connect
    async def refuse(ws: Any) -> None:
        raise Refuse("unauthorized")

    @app.hooks.on_disconnect
    async def disconnected(ws: Any) -> None:
        log.append("on_disconnect")

    async with Client(app) as client:
        with pytest.raises(Refused) as caught:
            await plain(client)
    assert caught.value.status == 401
    assert log == []


async def test_on_disconnect_hooks_run_in_order_before_the_rooms_are_left() -> None:
    app = Application()
    log: list[Any] = []

    @app.hooks.on_connect
    async def connecting(ws: Any) -> None:
        await ws.join("a")

    @app.hooks.on_disconnect
    async def first(ws: Any) -> None:
        log.append(await ws.rooms())
        await ws.broadcast("left", "bye", to=["a"])

    @app.hooks.on_disconnect
    async def second(ws: Any) -> None:
        log.append("second")

    async with Client(app) as client:
        alice, bob = await plain(client), await plain(client)
        await alice.close()
        assert await bob.receive("left") == "bye"
        assert log == [["a"], "second"]
