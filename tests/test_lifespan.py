"""Start-up and shut-down: the application's own, the hooks', and those of the fallback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from microsockets import ALL, Application, Event, Namespace, Socket
from microsockets.testing import Client


class Chat(Namespace, path="/"):
    said = Event[str]()

    async def on_state(self, ws: Socket) -> Any:
        return ws.scope["state"]["database"]


class Fallback:
    """An ASGI application that writes down what its lifespan is told."""

    def __init__(self, log: list[str], *, fail: str = "") -> None:
        self.log = log
        self.fail = fail

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        while True:
            phase = (await receive())["type"].removeprefix("lifespan.")
            self.log.append(f"fallback {phase}")
            if phase == self.fail:
                await send({"type": f"lifespan.{phase}.failed", "message": "no disk"})
                return
            await send({"type": f"lifespan.{phase}.complete"})
            if phase == "shutdown":
                return


async def test_lifespan_is_entered_at_start_up_and_left_at_shut_down() -> None:
    log: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[None, None]:
        log.append(app)
        yield
        log.append("left")

    app = Application(Chat, lifespan=lifespan)
    assert log == []
    async with Client(app):
        assert log == [app]
    assert log == [app, "left"]


async def test_what_a_lifespan_yields_is_the_state_of_the_connections() -> None:
    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[dict[str, Any], None]:
        yield {"database": "open"}

    async with Client(Application(Chat, lifespan=lifespan)) as client:
        assert await (await client.connect()).request("state") == "open"


async def test_a_lifespan_may_send_events() -> None:
    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[None, None]:
        await app[Chat].said.broadcast("nobody yet", to=ALL)
        yield

    async with Client(Application(Chat, lifespan=lifespan)) as client:
        await (await client.connect()).expect_nothing()


async def test_a_lifespan_that_fails_at_start_up_stops_the_server(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[None, None]:
        raise LookupError("no database")
        yield

    with pytest.raises(AssertionError, match="failed at startup"):
        async with Client(Application(Chat, lifespan=lifespan)):
            pass
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


async def test_a_lifespan_that_fails_at_shut_down_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[None, None]:
        yield
        raise LookupError("no database")

    with pytest.raises(AssertionError, match="failed at shutdown"):
        async with Client(Application(Chat, lifespan=lifespan)):
            pass
    assert any(record.exc_info for record in caplog.records)


# Hooks


async def test_hooks_run_at_start_up_and_shut_down_any_number_of_each_in_order() -> None:
    log: list[str] = []
    app = Application()

    @app.hooks.on_startup
    async def first() -> None:
        log.append("first up")

    @app.hooks.on_startup
    async def second() -> None:
        log.append("second up")

    @app.hooks.on_shutdown
    async def third() -> None:
        log.append("first down")

    @app.hooks.on_shutdown
    async def fourth() -> None:
        log.append("second down")

    async with Client(app):
        assert log == ["first up", "second up"]
    assert log == ["first up", "second up", "first down", "second down"]


async def test_a_hook_that_fails_at_start_up_stops_the_server() -> None:
    app = Application()

    @app.hooks.on_startup
    async def fail() -> None:
        raise LookupError

    with pytest.raises(AssertionError, match="failed at startup"):
        async with Client(app):
            pass


# The fallback


async def test_the_fallbacks_lifespan_is_around_ours() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[None, None]:
        log.append("ours startup")
        yield
        log.append("ours shutdown")

    async with Client(Application(Chat, lifespan=lifespan, fallback=Fallback(log))):
        assert log == ["fallback startup", "ours startup"]
    assert log == ["fallback startup", "ours startup", "ours shutdown", "fallback shutdown"]


async def test_a_fallback_without_a_lifespan_is_left_alone() -> None:
    async def fallback(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"

    async with Client(Application(Chat, fallback=fallback)) as client:
        await client.connect()


async def test_a_fallback_that_fails_at_start_up_stops_the_server() -> None:
    log: list[str] = []
    with pytest.raises(AssertionError, match="failed at startup"):
        async with Client(Application(Chat, fallback=Fallback(log, fail="startup"))):
            pass
    assert log == ["fallback startup"]


async def test_the_fallbacks_state_reaches_it() -> None:
    async def fallback(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["database"] = "opened by the fallback"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    async with Client(Application(Chat, fallback=fallback)) as client:
        assert await (await client.connect()).request("state") == "opened by the fallback"


async def test_without_a_lifespan_the_application_works() -> None:
    app = Application(Chat)
    sent: list[MutableMapping[str, Any]] = []
    messages = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app({"type": "websocket", "path": "/", "headers": [], "query_string": b""}, receive, send)
    assert sent[0]["type"] == "websocket.accept"


async def test_connections_that_are_ending_finish_before_what_they_use_is_closed() -> None:
    log: list[str] = []
    started = asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncGenerator[None, None]:
        yield
        log.append("closed")

    class Slow(Namespace, path="/"):
        async def on_work(self, ws: Socket) -> None:
            started.set()
            await asyncio.sleep(0.05)
            log.append("worked")

        async def on_disconnect(self, ws: Socket) -> None:
            log.append("disconnected")

    app = Application(Slow, lifespan=lifespan)

    @app.hooks.on_shutdown
    async def shut_down() -> None:
        log.append("hook")

    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("work")
        await started.wait()
        closing = asyncio.create_task(alice.close())
        await asyncio.sleep(0)
        closing.cancel()
        client.peers.clear()
    assert log == ["worked", "disconnected", "hook", "closed"]
