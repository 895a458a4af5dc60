"""Control frames, and who gets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from microsockets import ALL, Application, Ask, ConfigurationError, Event, Limits, Namespace, Socket, UsageError, on
from microsockets.testing import Client, RequestFailed


class Room(Namespace, path="/"):
    confirm = Ask[None, Any]()
    told = Event[str]()
    heard: list[str] = []

    async def on_connect(self, ws: Socket) -> None:
        await ws.emit("told", "early")

    async def on_echo(self, ws: Socket, payload: Any = None) -> Any:
        self.heard.append("echo")
        return payload

    async def on_hold(self, ws: Socket) -> None:
        await asyncio.sleep(3600)

    async def on_forever(self, ws: Socket) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(3600)

    async def on_bug(self, ws: Socket) -> None:
        raise LookupError

    @on("error")
    async def error_event(self, ws: Socket) -> None:
        self.heard.append("error")


async def test_hello_is_the_first_frame_of_a_v1_connection() -> None:
    limits = Limits(frame_bytes=1000, rooms=3)
    async with Client(Application(Room, limits=limits)) as client:
        peer = await client.connect()
        assert peer.transcript[0].startswith('<- {"event":"$hello"')
        assert set(peer.hello) == {"id", "limits", "features", "contract"}
        assert isinstance(peer.hello["id"], str)
        assert peer.hello["limits"]["frame_bytes"] == 1000
        assert peer.hello["limits"]["rooms"] == 3
        assert peer.hello["features"] == []
        assert await peer.receive("told") == "early"


async def test_the_id_in_hello_is_the_sockets_and_no_others() -> None:
    class Names(Namespace, path="/"):
        async def on_id(self, ws: Socket) -> str:
            return ws.id

    async with Client(Application(Names)) as client:
        peers = [await client.connect() for _ in range(3)]
        assert [await peer.request("id") for peer in peers] == [peer.hello["id"] for peer in peers]
        assert len({peer.hello["id"] for peer in peers}) == 3


async def test_a_plain_peer_gets_no_hello() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(v1=False)
        assert await peer.receive("told") == "early"
        await peer.expect_nothing()
        assert peer.subprotocol is None


async def test_a_plain_peer_gets_events_answers_to_its_ids_and_errors() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(v1=False)
        assert (await peer.receive_frame())["event"] == "told"
        assert await peer.request("echo", 1) == 1
        await peer.send("nope")
        assert (await peer.receive("$error"))["code"] == "unknown_event"


async def test_the_server_selects_v1_and_nothing_else() -> None:
    async with Client(Application(Room)) as client:
        assert (await client.connect()).subprotocol == "microsockets.v1"
        other = await client.connect(v1=False, subprotocols=["chat", "graphql-ws"])
        assert other.subprotocol is None
        both = await client.connect(subprotocols=["chat"])
        assert both.subprotocol == "microsockets.v1"


async def test_error_is_a_failure_that_no_id_asked_about() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(v1=False)
        await peer.receive("told")
        await peer.send("bug")
        error = await peer.receive("$error")
        assert set(error) == {"code", "message", "details", "event"}
        assert error["code"] == "internal_error"
        assert error["event"] == "bug"


async def test_error_names_only_a_known_event() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(v1=False)
        await peer.receive("told")
        await peer.send("no_such_event")
        error = await peer.receive("$error")
        assert error["code"] == "unknown_event"
        assert "event" not in error
        assert "no_such_event" not in str(error)


@pytest.mark.parametrize("v1", [True, False])
async def test_ping_with_an_id_is_answered(v1: bool) -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(v1=v1)
        await peer.receive("told")
        await peer.send("$ping", id=9)
        assert await peer.receive_frame() == {"ack": 9, "payload": None}
        await peer.send("$ping")
        await peer.expect_nothing()


async def test_ping_passes_a_busy_handler() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send("hold", id=1)
        await peer.send("echo", id=2)
        await peer.send("$ping", id=3)
        assert (await peer.receive_frame())["ack"] == 3
        await peer.send("$cancel", 1)
        assert (await peer.receive_frame())["ack"] == 1


async def test_a_ping_with_an_id_in_flight_is_a_bad_frame_since_an_id_gets_one_answer() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send("hold", id=1)
        await peer.send("$ping", id=1)
        assert (await peer.receive("$error"))["code"] == "bad_frame"
        await peer.send("$cancel", 1)
        assert (await peer.receive_frame())["error"]["code"] == "cancelled"
        await peer.expect_nothing()


async def test_cancel_ends_the_running_request_with_cancelled() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send("hold", id=1)
        await peer.expect_nothing()
        await peer.send("$cancel", 1)
        frame = await peer.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (1, "cancelled")
        assert await peer.request("echo", 2) == 2


async def test_cancel_ends_a_request_that_waits_in_the_queue_without_running_it() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        Room.heard.clear()
        await peer.send("hold", id=1)
        await peer.send("echo", id=2)
        await peer.send("$cancel", 2)
        frame = await peer.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (2, "cancelled")
        await peer.send("$cancel", 1)
        assert (await peer.receive_frame())["ack"] == 1
        await peer.expect_nothing()
        assert Room.heard == []


async def test_cancel_ends_a_stream() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send("forever", id=1)
        assert await peer.receive_frame() == {"ack": 1, "item": 1}
        await peer.send("$cancel", 1)
        assert (await peer.receive_frame())["error"]["code"] == "cancelled"
        await peer.expect_nothing()


async def test_cancel_of_what_is_over_or_never_was_is_nothing() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.request("echo", 1)
        await peer.send("$cancel", 0)
        await peer.send("$cancel", 12345)
        await peer.expect_nothing()


async def test_cancel_twice_is_one_answer() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send("hold", id=1)
        await peer.send("$cancel", 1)
        await peer.send("$cancel", 1)
        assert (await peer.receive_frame())["error"]["code"] == "cancelled"
        await peer.expect_nothing()


@pytest.mark.parametrize("payload", ["", '"1"', "-1", "1.5", "null", "[1]", "true", "9" * 5000])
async def test_cancel_of_what_is_no_id_is_a_bad_frame(payload: str) -> None:
    app = Application(Room)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send_text('{"event":"$cancel"%s}' % (f',"payload":{payload}' if payload else ""))
        assert (await peer.receive("$error"))["code"] == "bad_frame"
        assert app.counters["bad_frame"] == 1


@pytest.mark.parametrize("event", ["$hello", "$error", "$drain", "$nope", "$"])
async def test_a_control_frame_the_client_does_not_send_is_an_unknown_event(event: str) -> None:
    app = Application(Room)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.receive("told")
        with pytest.raises(RequestFailed, match="unknown_event"):
            await peer.request(event)
        await peer.send(event)
        assert (await peer.receive("$error"))["code"] == "unknown_event"
        assert app.counters["unknown_event"] == 2


@pytest.mark.parametrize("event", ["$cancel", "$ping", "$hello"])
async def test_every_control_frame_with_an_id_gets_exactly_one_answer(event: str) -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.send(event, 77, id=5)
        assert (await peer.receive_frame())["ack"] == 5
        await peer.expect_nothing()


async def test_a_control_frame_never_reaches_a_listener_of_the_application() -> None:
    seen: list[str] = []

    class Nosy:
        def __call__(self, event: str) -> Any:
            seen.append(event)

            async def handler(ws: Socket) -> None: ...

            return handler

        def add(self, event: str, function: Any) -> None: ...

    async with Client(Application(event_router=Nosy)) as client:
        peer = await client.connect()
        for event in ["$error", "$hello", "$ping", "$x"]:
            await peer.send(event)
        await peer.request("mine")
    assert seen == ["mine"]


def test_no_application_event_starts_with_a_dollar() -> None:
    with pytest.raises(ConfigurationError, match=r"\$"):

        class Handles(Namespace, path="/"):
            @on("$ping")
            async def ping(self, ws: Socket) -> None: ...

    with pytest.raises(ConfigurationError, match=r"\$"):

        class Sends(Namespace, path="/"):
            error = Event[str]("$error")

    with pytest.raises(ConfigurationError, match=r"\$"):

        class Asks(Namespace, path="/"):
            error = Ask[str, str]("$error")

    with pytest.raises(ConfigurationError, match=r"\$"):
        Application().on("$ping")


async def test_no_application_event_is_sent_with_a_dollar() -> None:
    raised: list[UsageError] = []

    class Sends(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> None:
            for send in (ws.emit("$drain", 1), ws.broadcast("$error", 1, to=["a"])):
                with pytest.raises(UsageError, match=r"\$") as info:
                    await send
                raised.append(info.value)

    async with Client(Application(Sends)) as client:
        peer = await client.connect()
        await peer.request("go")
        await peer.expect_nothing()
    assert len(raised) == 2


async def test_a_middleware_never_sees_a_control_frame() -> None:
    seen: list[str] = []

    async def note(call: Any, call_next: Any) -> Any:
        seen.append(call.event)
        return await call_next(call)

    async with Client(Application(Room, middleware=[note])) as client:
        peer = await client.connect()
        await peer.send("$ping", id=1)
        await peer.send("$cancel", 1)
        await peer.request("echo", 1)
    assert seen == ["echo"]


async def test_an_answer_passes_a_busy_handler() -> None:
    class Asking(Namespace, path="/"):
        confirm = Ask[None, bool]()
        done = Event[bool]()

        async def on_hold(self, ws: Socket) -> None:
            ws.spawn(self.ask(ws))
            await asyncio.sleep(3600)

        async def ask(self, ws: Socket) -> None:
            await self.done.broadcast(await self.confirm.ask(ws, None), to=ALL)

    async with Client(Application(Asking)) as client:
        peer = await client.connect()
        await peer.send("hold", id=1)
        question = await peer.receive_frame()
        await peer.answer(question["id"], True)
        assert await peer.receive("done") is True
        await peer.send("$cancel", 1)


async def test_an_answer_to_no_question_is_counted_and_nothing_else() -> None:
    app = Application(Room)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.receive("told")
        await peer.answer(3, "x")
        await peer.answer_error(4, "no")
        await peer.expect_nothing()
        assert app.counters["late_answers"] == 2
