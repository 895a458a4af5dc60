"""1.0 keeps working unchanged: `@app.on`, the socket's methods, the hooks, the seams; and its faults are gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import microsockets
import pytest
from microsockets import Application, ConfigurationError, Namespace, RoomManager, Socket
from microsockets.testing import Client, Peer


async def plain(client: Client, path: str = "/") -> Peer:
    """A client of 1.0: it offers no subprotocol."""
    return await client.connect(path, v1=False)


def readme() -> Application:
    """The program of 1.0's README."""
    app = microsockets.Application()

    @app.on("join")
    async def handle(ws: Any) -> None:
        room = ws.payload["room"]
        user = ws.payload["user"]
        await ws.join(room)
        await ws.emit("joined")
        await ws.broadcast("user joined", json.dumps({"user": user}), to=[room])

    @app.hooks.before_on
    async def load_payload(ws: Any, func: Any) -> None:
        ws.payload = json.loads(ws.payload)
        await func(ws)

    return app


async def test_the_program_of_the_readme() -> None:
    async with Client(readme()) as client:
        alice, bob = await plain(client), await plain(client)
        await alice.send_frame({"event": "join", "payload": json.dumps({"room": "gamers", "user": "alice"})})
        assert await alice.receive_frame() == {"event": "joined", "payload": ""}
        await bob.send_frame({"event": "join", "payload": json.dumps({"room": "gamers", "user": "bob"})})
        assert await bob.receive_frame() == {"event": "joined", "payload": ""}
        assert await alice.receive_frame() == {"event": "user joined", "payload": '{"user": "bob"}'}
        await alice.expect_nothing()
        await bob.expect_nothing()


async def test_a_plain_peer_gets_no_control_frames_and_no_subprotocol() -> None:
    async with Client(readme()) as client:
        alice = await plain(client)
        assert alice.subprotocol is None
        await alice.expect_nothing()


async def test_a_v1_peer_speaks_to_it_too() -> None:
    async with Client(readme()) as client:
        alice = await client.connect()
        assert alice.subprotocol == "microsockets.v1"
        await alice.send("join", json.dumps({"room": "gamers", "user": "alice"}))
        assert await alice.receive("joined") == ""


def test_on_returns_the_function() -> None:
    app = Application()

    async def handle(ws: Socket) -> None: ...

    assert app.on("say")(handle) is handle


def test_on_refuses_a_plain_function() -> None:
    with pytest.raises(ConfigurationError, match="async def"):

        @Application().on("say")
        def handle(ws: Socket) -> None: ...


# Paths


async def test_it_answers_on_every_path() -> None:
    async with Client(readme()) as client:
        for path in ("/", "/chat", "/a/b/c", ""):
            alice = await plain(client, path)
            await alice.send("join", '{"room": "gamers", "user": "alice"}')
            assert await alice.receive("joined") == ""


async def test_it_answers_on_every_path_that_no_other_namespace_owns() -> None:
    class Chat(Namespace, path="/chat"):
        async def on_where(self) -> str:
            return "namespace"

    app = Application(Chat)

    @app.on("where")
    async def where(ws: Socket) -> str:
        return "app.on"

    async with Client(app) as client:
        assert await (await client.connect("/chat")).request("where") == "namespace"
        assert await (await client.connect("/other")).request("where") == "app.on"


async def test_all_its_paths_are_one_namespace_and_others_have_rooms_of_their_own() -> None:
    class Chat(Namespace, path="/chat"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.join("gamers")

    app = Application(Chat)

    @app.hooks.on_connect
    async def join(ws: Any) -> None:
        await ws.join("gamers")

    @app.on("say")
    async def say(ws: Any) -> None:
        await ws.broadcast("said", ws.payload, to=["gamers"])

    async with Client(app) as client:
        alice, bob, carol = await plain(client, "/a"), await plain(client, "/b"), await client.connect("/chat")
        await alice.send("say", "hello")
        assert await bob.receive("said") == "hello"
        await carol.expect_nothing()


# The socket


async def test_payload_and_event_are_on_the_socket() -> None:
    app = Application()

    @app.on("say it")
    async def say(ws: Any) -> None:
        await ws.emit("seen", [ws.event, ws.payload])

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("say it", {"a": [1, None]})
        assert await alice.receive("seen") == ["say it", {"a": [1, None]}]


@pytest.mark.parametrize("frame", [{"event": "say", "payload": ""}, {"event": "say"}])
async def test_the_payload_of_none_is_an_empty_string(frame: dict[str, Any]) -> None:
    app = Application()

    @app.on("say")
    async def say(ws: Any) -> None:
        await ws.emit("seen", repr(ws.payload))

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send_frame(frame)
        assert await alice.receive("seen") == "''"


async def test_connected_scope_and_code() -> None:
    app = Application()
    seen: list[Any] = []

    @app.hooks.on_connect
    async def connecting(ws: Any) -> None:
        seen.append((ws.connected, ws.code))

    @app.on("look")
    async def look(ws: Any) -> None:
        seen.append((ws.connected, ws.code, ws.scope["path"]))

    @app.hooks.on_disconnect
    async def disconnected(ws: Any) -> None:
        seen.append((ws.connected, ws.code))

    async with Client(app) as client:
        alice = await plain(client, "/somewhere")
        await alice.send("look")
        await alice.expect_nothing()
        await alice.close(3001)
    assert seen == [(False, None), (True, None, "/somewhere"), (False, 3001)]


async def test_join_leave_flush_and_rooms() -> None:
    app = Application()

    @app.on("rooms")
    async def rooms(ws: Any) -> None:
        for room in ("a", "b", "c"):
            await ws.join(room)
        await ws.emit("rooms", await ws.rooms())
        await ws.leave("a")
        await ws.emit("rooms", await ws.rooms())
        await ws.flush()
        await ws.emit("rooms", await ws.rooms())

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("rooms")
        assert [await alice.receive("rooms") for _ in range(3)] == [["a", "b", "c"], ["b", "c"], []]


async def room_of_two(client: Client) -> tuple[Peer, Peer]:
    alice, bob = await plain(client), await plain(client)
    for peer in (alice, bob):
        await peer.send("join", ["a", "b"])
        await peer.expect_nothing()
    return alice, bob


def broadcaster(**how: Any) -> Application:
    """`join` joins rooms, `say` broadcasts to both."""
    app = Application()

    @app.on("join")
    async def join(ws: Any) -> None:
        for room in ws.payload:
            await ws.join(room)

    @app.on("say")
    async def say(ws: Any) -> None:
        await ws.broadcast("said", ws.payload, **how)

    return app


async def test_broadcast_skips_oneself() -> None:
    async with Client(broadcaster(to=["a"])) as client:
        alice, bob = await room_of_two(client)
        await alice.send("say", "hello")
        assert await bob.receive_frame() == {"event": "said", "payload": "hello"}
        await alice.expect_nothing()


async def test_broadcast_with_skip_self_false_does_not() -> None:
    async with Client(broadcaster(to=["a"], skip_self=False)) as client:
        alice, bob = await room_of_two(client)
        await alice.send("say", "hello")
        assert await alice.receive("said") == await bob.receive("said") == "hello"


@pytest.mark.parametrize("how", [{}, {"to": []}, {"to": ["nobody is here"]}])
async def test_broadcast_to_no_room_reaches_nobody(how: dict[str, Any]) -> None:
    async with Client(broadcaster(**how)) as client:
        alice, bob = await room_of_two(client)
        await alice.send("say", "hello")
        await bob.expect_nothing()
        await alice.expect_nothing()


@pytest.mark.parametrize(("code", "expected"), [(None, 1000), (4123, 4123)])
async def test_close_sends_the_code_of_the_socket(code: int | None, expected: int) -> None:
    app = Application()

    @app.on("bye")
    async def bye(ws: Any) -> None:
        await ws.emit("goodbye")
        ws.code = code
        await ws.close()

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("bye")
        assert await alice.receive("goodbye") == ""
        assert (await alice.receive_close())[0] == expected


async def test_handlers_are_always_serial() -> None:
    app = Application()
    gate, log = asyncio.Event(), list[str]()

    @app.on("first")
    async def first(ws: Any) -> None:
        log.append(f"{ws.event} begins")
        await gate.wait()
        log.append(f"{ws.event} ends with {ws.payload}")

    @app.on("second")
    async def second(ws: Any) -> None:
        log.append(f"{ws.event} begins")

    async with Client(app) as client:
        alice = await plain(client)
        await alice.send("first", 1)
        await alice.send("second", 2)
        await alice.expect_nothing()
        assert log == ["first begins"]
        gate.set()
        await alice.expect_nothing()
        assert log == ["first begins", "first ends with 1", "second begins"]


async def test_a_handler_may_answer() -> None:
    app = Application()

    @app.on("double")
    async def double(ws: Any) -> int:
        return int(ws.payload) * 2

    async with Client(app) as client:
        assert await (await plain(client)).request("double", 21) == 42


# Faults that are gone


async def test_a_socket_in_two_target_rooms_gets_the_message_once() -> None:
    async with Client(broadcaster(to=["a", "b"])) as client:
        alice, bob = await room_of_two(client)
        await alice.send("say", "hello")
        assert await bob.receive("said") == "hello"
        await bob.expect_nothing()


async def test_flush_leaks_no_rooms() -> None:
    manager = RoomManager()
    app = Application(room_manager=manager)

    @app.on("flush")
    async def flush(ws: Any) -> None:
        for number in range(10):
            await ws.join(str(number))
        await ws.flush()
        assert await ws.rooms() == []

    async with Client(app) as client:
        await (await plain(client)).request("flush")
        assert len(manager.membership) == 0


async def test_one_dead_socket_does_not_abort_a_broadcast() -> None:
    class Forgetful(RoomManager):
        """Keeps sockets that are gone."""

        async def flush(self, socket: Any) -> None: ...

    app = Application(room_manager=Forgetful)

    @app.on("join")
    async def join(ws: Any) -> None:
        await ws.join("a")

    @app.on("say")
    async def say(ws: Any) -> None:
        await ws.broadcast("said", ws.payload, to=["a"])

    async with Client(app) as client:
        dead, alice, bob = [await plain(client) for _ in range(3)]
        for peer in (dead, alice, bob):
            await peer.request("join")
        await dead.close()
        assert await alice.request("say", "hello") is None
        assert await bob.receive("said") == "hello"


async def test_a_socket_whose_sending_fails_does_not_abort_a_broadcast() -> None:
    app = broadcaster(to=["a"])

    async def flaky(scope: Any, receive: Any, send: Any) -> None:
        async def fail(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "websocket.send":
                raise OSError("the client is gone")
            await send(message)

        await app(scope, receive, fail if scope["path"] == "/flaky" else send)

    async with Client(flaky) as client:
        broken, alice, bob = await plain(client, "/flaky"), await plain(client), await plain(client)
        for peer in (broken, alice, bob):
            await peer.send("join", ["a"])
            await peer.expect_nothing()
        await alice.send("say", "hello")
        assert await bob.receive("said") == "hello"
        await alice.send("say", "again")
        assert await bob.receive("said") == "again"


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"payload": ""}', '{"event": 7}', '{"event": "say", "payload": ']
)
async def test_bad_frames_are_not_dropped_without_a_word(text: str) -> None:
    async with Client(broadcaster()) as client:
        alice = await plain(client)
        await alice.send_text(text)
        assert (await alice.receive("$error"))["code"] == "bad_frame"
        await alice.request("join", [])


async def test_an_unknown_event_is_not_dropped_without_a_word() -> None:
    async with Client(broadcaster()) as client:
        alice = await plain(client)
        await alice.send("no such event", "")
        assert (await alice.receive("$error"))["code"] == "unknown_event"


async def test_a_handler_that_raises_costs_one_error_and_not_the_connection() -> None:
    async with Client(readme()) as client:
        alice = await plain(client)
        await alice.send("join", "no json")
        assert (await alice.receive("$error"))["code"] == "internal_error"
        await alice.send("join", '{"room": "gamers", "user": "alice"}')
        assert await alice.receive("joined") == ""


async def test_a_namespaces_sockets_know_no_payload_or_event() -> None:
    class Chat(Namespace, path="/"):
        async def on_look(self, ws: Socket, payload: str) -> list[Any]:
            return [ws.payload, ws.event]

    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("look", "hello") == [None, None]
