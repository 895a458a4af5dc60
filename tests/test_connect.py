"""`on_connect`: it runs before the socket is accepted, makes the session, or refuses."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import pytest
from microsockets import (
    ALL,
    Application,
    ConfigurationError,
    ConnectCall,
    Event,
    Limits,
    Namespace,
    Next,
    Refuse,
    RoomManager,
    Socket,
    UsageError,
    user,
)
from microsockets.errors import Forbidden, Overloaded, Unavailable
from microsockets.testing import Client, Refused, RequestFailed
from pydantic import BaseModel

REFUSALS = [("unauthorized", 401, 4401), ("forbidden", 403, 4503), ("not_found", 404, 4504)]


class Session(BaseModel):
    name: str


async def handshake(
    app: Any, *messages: dict[str, Any], subprotocols: tuple[str, ...] = ()
) -> list[MutableMapping[str, Any]]:
    """What an application sends to a client that connects, sends `messages` at once, and is gone."""
    sent: list[MutableMapping[str, Any]] = []
    arriving = iter([{"type": "websocket.connect"}, *messages, {"type": "websocket.disconnect", "code": 1006}])

    async def receive() -> dict[str, Any]:
        return next(arriving)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "subprotocols": list(subprotocols),
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, receive, send)
    return sent


# Lifecycle, never events


@pytest.mark.parametrize("event", ["connect", "disconnect"])
async def test_connect_and_disconnect_are_lifecycle_never_events(event: str) -> None:
    calls: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            calls.append("connect")

        async def on_disconnect(self, ws: Socket) -> None:
            calls.append("disconnect")

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="unknown_event"):
            await alice.request(event)
        assert calls == ["connect"]


async def test_on_connect_runs_before_the_socket_is_accepted() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            assert not ws.connected
            entered.set()
            await gate.wait()
            told.append("on_connect returned")

    app = Application(Chat)

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        async def record(message: MutableMapping[str, Any]) -> None:
            told.append(message["type"])
            await send(message)

        await app(scope, receive, record if scope["type"] == "websocket" else send)

    async with Client(recording) as client:
        connecting = asyncio.create_task(client.connect())
        await entered.wait()
        assert told == []
        gate.set()
        await connecting
        assert told[:2] == ["on_connect returned", "websocket.accept"]


async def test_events_sent_before_acceptance_are_not_handled_before_on_connect_returned() -> None:
    order: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            await asyncio.sleep(0)
            order.append("connected")

        async def on_say(self) -> None:
            order.append("said")

    await handshake(Application(Chat), {"type": "websocket.receive", "text": '{"event": "say"}'})
    assert order == ["connected", "said"]


# The session


async def test_on_connect_may_return_the_session() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket[Session]) -> Session:
            return Session(name="alice")

        async def on_whoami(self, ws: Socket[Session]) -> str:
            assert_type(ws.session, Session)
            return ws.session.name

    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("whoami") == "alice"


async def test_every_connection_has_a_session_of_its_own() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket[list[str]]) -> list[str]:
            return []

        async def on_add(self, ws: Socket[list[str]], payload: str) -> list[str]:
            ws.session.append(payload)
            return ws.session

    async with Client(Application(Chat)) as client:
        alice, bob = await client.connect(), await client.connect()
        assert await alice.request("add", "a") == ["a"]
        assert await bob.request("add", "b") == ["b"]
        assert await alice.request("add", "c") == ["a", "c"]


async def test_the_type_of_the_session_defaults_to_any() -> None:
    class Chat(Namespace, path="/"):
        async def on_whoami(self, ws: Socket) -> Any:
            assert_type(ws.session, Any)
            return ws.session

    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("whoami") is None


# Refusing


@pytest.mark.parametrize(("code", "status", "_close"), REFUSALS)
async def test_refuse_answers_a_plain_peer_with_the_http_status(code: Any, status: int, _close: int) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise Refuse(code, "members only")

    app = Application(Chat)
    async with Client(app) as client:
        with pytest.raises(Refused) as caught:
            await client.connect(v1=False)
    assert caught.value.status == status
    assert json.loads(caught.value.body) == {"code": code, "message": "members only"}
    assert app.counters["refused"] == 1


@pytest.mark.parametrize(("code", "_status", "close"), REFUSALS)
async def test_refuse_closes_a_v1_peer_with_the_code_as_reason(code: Any, _status: int, close: int) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise Refuse(code, "members only")

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused) as caught:
            await client.connect()
    assert (caught.value.status, caught.value.code, caught.value.reason) == (None, close, code)


def test_refuse_has_three_codes() -> None:
    with pytest.raises(ConfigurationError, match="'unauthorized', 'forbidden', 'not_found'"):
        Refuse("teapot")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_a_refused_plain_peer_is_never_accepted() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise Refuse("forbidden")

    sent = await handshake(Application(Chat))
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]


async def test_a_refused_v1_peer_is_accepted_and_closed_at_once_before_any_handler_is_reachable() -> None:
    handled: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise Refuse("forbidden")

        async def on_say(self) -> None:
            handled.append("say")

    sent = await handshake(
        Application(Chat),
        {"type": "websocket.receive", "text": '{"event": "say", "id": 1}'},
        subprotocols=("microsockets.v1",),
    )
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert handled == []


async def test_a_built_in_error_about_permission_refuses_like_refuse() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise Forbidden("members only")

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused) as caught:
            await client.connect()
    assert (caught.value.code, caught.value.reason) == (4503, "forbidden")


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize("failure", [Unavailable("no database"), RuntimeError("secret")])
async def test_every_other_failure_is_plain_http(v1: bool, failure: Exception) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise failure

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused) as caught:
            await client.connect(v1=v1)
    assert caught.value.status is not None
    assert b"secret" not in caught.value.body


async def test_a_failing_on_connect_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise LookupError("no such table")

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused) as caught:
            await client.connect()
    assert caught.value.status == 500
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)
    assert json.loads(caught.value.body)["details"]["correlation_id"] in record.getMessage()


async def test_an_on_connect_that_takes_too_long_is_refused() -> None:
    class Chat(Namespace, path="/"):
        limits = Limits(handler_seconds=0.05)

        async def on_connect(self) -> None:
            await asyncio.Event().wait()

    app = Application(Chat)
    async with Client(app) as client:
        with pytest.raises(Refused) as caught:
            await client.connect()
    assert caught.value.status is not None
    assert app.counters["timeout"] == 1


# Emits and joins


class Lobby(Namespace, path="/"):
    said = Event[str]()

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.failed: list[str] = []

    async def on_connect(self, ws: Socket) -> None:
        ws.user_id = "alice"
        await ws.join("lobby")
        await ws.emit("said", "first")
        await self.said.broadcast("second", to=ws)
        await ws.emit("undeclared", {"n": 3})
        self.entered.set()
        await self.gate.wait()
        if self.refuse:
            raise Refuse("forbidden")

    async def on_disconnect(self, ws: Socket) -> None:
        self.failed.append("on_disconnect ran")


async def test_emits_in_on_connect_queue_until_acceptance() -> None:
    lobby = Lobby()
    async with Client(Application(lobby)) as client:
        connecting = asyncio.create_task(client.connect())
        await lobby.entered.wait()
        lobby.gate.set()
        alice = await connecting
        assert alice.hello["id"]
        assert await alice.receive("said") == "first"
        assert await alice.receive("said") == "second"
        assert await alice.receive("undeclared") == {"n": 3}


@pytest.mark.parametrize("v1", [True, False])
async def test_emits_in_on_connect_vanish_on_refusal(v1: bool) -> None:
    lobby = Lobby(refuse=True)
    lobby.gate.set()
    sent = await handshake(Application(lobby), subprotocols=("microsockets.v1",) if v1 else ())
    assert "websocket.send" not in [message["type"] for message in sent]


async def test_joins_in_on_connect_take_effect_at_acceptance() -> None:
    lobby = Lobby()
    async with Client(Application(lobby)) as client:
        connecting = asyncio.create_task(client.connect())
        await lobby.entered.wait()
        assert await lobby.rooms.count("lobby") == 0
        await lobby.said.broadcast("too early", to=["lobby", user("alice"), ALL])
        lobby.gate.set()
        alice = await connecting
        assert await lobby.rooms.count("lobby") == 1
        await lobby.said.broadcast("now", to="lobby")
        received = [await alice.receive_frame() for _ in range(4)]
        assert [frame["payload"] for frame in received] == ["first", "second", {"n": 3}, "now"]


async def test_joins_in_on_connect_vanish_on_refusal() -> None:
    lobby = Lobby(refuse=True)
    lobby.gate.set()
    async with Client(Application(lobby)) as client:
        with pytest.raises(Refused):
            await client.connect()
        assert await lobby.rooms.count("lobby") == 0
    assert lobby.failed == []


async def test_a_room_joined_and_left_in_on_connect_is_not_joined() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.join("kept")
            await ws.join("left")
            await ws.leave("left")

        async def on_rooms(self, ws: Socket) -> list[str]:
            return await ws.rooms()

    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("rooms") == ["kept"]


async def test_the_limit_on_rooms_counts_in_on_connect_too() -> None:
    class Chat(Namespace, path="/"):
        limits = Limits(rooms=1)

        async def on_connect(self, ws: Socket) -> None:
            await ws.join("a")
            await ws.join("a")
            with pytest.raises(ValueError, match="at most 1 rooms"):
                await ws.join("b")

    async with Client(Application(Chat)) as client:
        await client.connect()


# Who it is, and until when


async def test_headers_and_cookies_are_on_the_socket() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> list[str]:
            return [ws.headers["x-token"], ws.cookies["theme"], ws.cookies["lang"]]

        async def on_read(self, ws: Socket[list[str]]) -> list[str]:
            return ws.session

    async with Client(Application(Chat)) as client:
        alice = await client.connect(headers={"X-Token": "t", "Cookie": "theme=dark; lang=en"})
        assert await alice.request("read") == ["t", "dark", "en"]


async def test_user_id_names_the_person_behind_the_connection() -> None:
    class Chat(Namespace, path="/"):
        said = Event[str]()

        async def on_connect(self, ws: Socket) -> None:
            ws.user_id = ws.headers["x-user"]

    app = Application(Chat)
    async with Client(app) as client:
        phone = await client.connect(headers={"x-user": "alice"})
        laptop = await client.connect(headers={"x-user": "alice"})
        bob = await client.connect(headers={"x-user": "bob"})
        await app[Chat].said.broadcast("for alice", to=user("alice"))
        assert await phone.receive("said") == await laptop.receive("said") == "for alice"
        await bob.expect_nothing()


async def test_user_id_counts_for_the_limit_on_connections_per_user() -> None:
    class Chat(Namespace, path="/"):
        limits = Limits(connections_per_user=1)

        async def on_connect(self, ws: Socket) -> None:
            ws.user_id = ws.headers["x-user"]

    async with Client(Application(Chat)) as client:
        alice = await client.connect(headers={"x-user": "alice"})
        await client.connect(headers={"x-user": "bob"})
        with pytest.raises(Refused) as caught:
            await client.connect(headers={"x-user": "alice"})
        assert caught.value.status == 429
        await alice.close()
        await client.connect(headers={"x-user": "alice"})


class Expiring(Namespace, path="/"):
    async def on_expire(self, ws: Socket, payload: float | datetime | None) -> None:
        ws.expires_at = payload


@pytest.mark.parametrize(
    "moment", [lambda: time.time() + 0.02, lambda: datetime.now(UTC) + timedelta(seconds=0.02), lambda: 0.0]
)
async def test_expires_at_closes_4401(moment: Any) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            ws.expires_at = moment()

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert (await alice.receive_close())[0] == 4401


async def test_expires_at_can_be_prolonged_and_taken_back() -> None:
    async with Client(Application(Expiring)) as client:
        alice, bob, carol = [await client.connect() for _ in range(3)]
        soon = time.time() + 0.1
        await alice.request("expire", soon)
        await bob.request("expire", soon)
        await carol.request("expire", soon)
        await alice.request("expire", soon + 3600)
        await bob.request("expire", None)
        assert (await carol.receive_close())[0] == 4401
        await alice.request("expire", None)
        await bob.request("expire", None)


async def test_closing_in_on_connect_closes_with_that_code() -> None:
    log: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.emit("said", "bye")
            await ws.close(4000, "full")

        async def on_say(self) -> None:
            log.append("handled")

        async def on_disconnect(self, ws: Socket) -> None:
            log.append(f"left with {ws.code}")

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("say")
        assert await alice.receive("said") == "bye"
        assert await alice.receive_close() == (4000, "full")
        await alice.close()
    assert log == ["left with 4000"]


# What on_connect cannot do


async def test_a_time_out_of_the_application_is_its_own_failure_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            raise TimeoutError("the database")

    app = Application(Chat)
    async with Client(app) as client:
        with pytest.raises(Refused) as refused:
            await client.connect()
    assert refused.value.status == 500
    assert app.counters == {"internal_error": 1, "refused": 1}
    assert [record.getMessage()[:15] for record in caplog.records] == ["event 'connect'"]


@pytest.mark.parametrize("limits", [Limits(outbox_frames=3), Limits(outbox_bytes=500)])
async def test_on_connect_is_told_when_it_sends_more_than_the_outbox_holds(limits: Limits) -> None:
    told: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            try:
                for number in range(10):
                    await ws.emit("history", "x" * 100 + str(number))
            except UsageError as error:
                told.append(str(error))

    app = Application(Chat, limits=limits)
    async with Client(app) as client:
        alice = await client.connect()
        assert await alice.receive("history") == "x" * 100 + "0"
        assert await alice.receive("history") == "x" * 100 + "1"
        await alice.expect_nothing()
    assert "the outbox is full" in told[0]
    assert app.counters["slow_reader"] == 0


async def test_on_connect_cannot_join_the_room_of_its_own_id() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            with pytest.raises(UsageError, match="this name is a socket's id"):
                await ws.join(ws.id)

    async with Client(Application(Chat)) as client:
        await client.connect()


async def test_a_room_manager_that_fails_refuses_the_connection_and_on_disconnect_runs() -> None:
    log: list[str] = []

    class Broken(RoomManager):
        async def join(self, room: Any, socket: Any) -> None:
            raise Unavailable

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            await ws.join("lobby")
            log.append("connect")

        async def on_disconnect(self, ws: Socket) -> None:
            log.append("disconnect")

    app = Application(Chat, room_manager=Broken)
    async with Client(app) as client:
        with pytest.raises(Refused) as refused:
            await client.connect()
    assert refused.value.status == 403
    assert log == ["connect", "disconnect"]


async def test_details_that_cannot_be_written_refuse_as_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            raise Unavailable(details=object())

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused) as refused:
            await client.connect()
    assert refused.value.status == 500
    assert json.loads(refused.value.body)["code"] == "internal_error"
    assert len(caplog.records) == 1


async def test_a_refusal_for_now_says_when_to_try_again() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            raise Overloaded(retry_after=2.5)

    sent = await handshake(Application(Chat))
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"3") in sent[0]["headers"]


async def test_the_session_is_none_until_on_connect_has_returned_it() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> str:
            assert ws.session is None
            return "alice"

        async def on_name(self, ws: Socket) -> Any:
            return ws.session

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("name") == "alice"


@pytest.mark.parametrize("value", ["2030-01-01", datetime(2030, 1, 1), True, float("nan")])  # noqa: DTZ001
async def test_an_expiry_that_cannot_be_kept_is_refused_where_it_is_set(value: Any) -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            with pytest.raises(UsageError, match=r"expires_at = <\w+>: give seconds since 1970, or a datetime"):
                ws.expires_at = value

    async with Client(Application(Chat)) as client:
        await client.connect()


# What it opened is closed


@pytest.mark.parametrize("refuse", ["by the limit", "by a middleware"])
async def test_a_refusal_after_on_connect_runs_on_disconnect(refuse: str) -> None:
    log: list[str] = []

    class Gate:
        async def connect(self, call: ConnectCall, call_next: Next) -> Any:
            session = await call_next(call)
            if refuse == "by a middleware" and call.socket.auth == "second":
                raise Refuse("forbidden")
            return session

    class Chat(Namespace, path="/"):
        limits = Limits(connections_per_user=1 if refuse == "by the limit" else 2)
        middleware = (Gate(),)

        async def on_connect(self, ws: Socket) -> None:
            ws.user_id = "alice"
            await ws.join("lobby")
            log.append("open")

        async def on_disconnect(self, ws: Socket) -> None:
            log.append(f"close {await ws.rooms()}")

    app = Application(Chat)
    async with Client(app) as client:
        await client.connect(auth="first")
        with pytest.raises(Refused):
            await client.connect(auth="second")
        assert log == ["open", "open", "close ['lobby']"]
        assert await app[Chat].rooms.count("lobby") == 1


async def test_a_refusal_of_on_connect_itself_does_not_run_on_disconnect() -> None:
    log: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self) -> None:
            raise Refuse("forbidden")

        async def on_disconnect(self) -> None:
            log.append("disconnect")

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused):
            await client.connect()
    assert log == []


async def test_context_variables_of_on_connect_reach_the_handlers() -> None:
    tenant: ContextVar[str] = ContextVar("tenant")

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            tenant.set(ws.auth)

        async def on_tenant(self) -> str:
            return tenant.get()

    async with Client(Application(Chat)) as client:
        alice, bob = await client.connect(auth="a"), await client.connect(auth="b")
        assert [await alice.request("tenant"), await bob.request("tenant")] == ["a", "b"]
