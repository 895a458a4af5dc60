"""What clients sent, and their tokens, stay out of logs and errors, whatever fails and wherever it fails.

Errors of handlers and of what they validate are in test_security.py.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from microsockets import Application, Ask, AskError, Call, Depends, Error, Event, Limits, Logging, Namespace, Socket, on
from microsockets.testing import Client, Peer, Refused
from pydantic import BaseModel

SECRET = "hunter2"


class Pin(BaseModel):
    pin: int


def validate(value: Any) -> Pin:
    """Fails with an error whose text quotes the value."""
    return Pin.model_validate({"pin": value})


class Leak(Error):
    """Its details do not validate"""

    code = "leak"
    details: Pin


async def validating(call: Call, call_next: Any) -> Any:
    validate(call.raw.decode())
    return await call_next(call)


def dependency(call: Call) -> Pin:
    return validate(call.payload)


async def closing(call: Call) -> AsyncIterator[int]:
    yield 1
    validate(call.payload)


class Room(Namespace, path="/"):
    said = Event[Pin]()
    confirm = Ask[str, Pin]()

    async def on_connect(self, ws: Socket) -> None:
        ws.user_id = SECRET
        if "x-fail" in ws.headers:
            validate(ws.headers["x-fail"])

    async def on_disconnect(self, ws: Socket) -> None:
        validate(SECRET)

    async def on_pin(self, ws: Socket, payload: Pin) -> None: ...

    @on(middleware=[validating])
    async def on_middleware(self, ws: Socket, payload: str) -> None: ...

    async def on_dependency(self, ws: Socket, payload: str, pin: Annotated[Pin, Depends(dependency)]) -> None: ...

    async def on_closing(self, ws: Socket, payload: str, one: Annotated[int, Depends(closing)]) -> None: ...

    async def on_stream(self, ws: Socket, payload: str) -> AsyncIterator[Pin]:
        yield {"pin": payload}  # type: ignore[misc]  # pyright: ignore[reportReturnType]

    @on(raises=[Leak])
    async def on_details(self, ws: Socket, payload: str) -> None:
        raise Leak(details={"pin": payload})

    async def on_emit(self, ws: Socket, payload: str) -> None:
        await ws.emit("said", {"pin": payload})

    async def on_room(self, ws: Socket, payload: str) -> None:
        await ws.join(payload * 100)

    @on(timeout=0.05)
    async def on_ask(self, ws: Socket, payload: str) -> None:
        with pytest.raises(AskError) as failed:
            await self.confirm.ask(ws, "?")
        assert failed.value.code == "invalid_payload"
        assert SECRET not in f"{failed.value} {failed.value.message} {failed.value.details}"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def last(peer: Peer) -> str:
    """What the peer was told last."""
    return peer.transcript[-1]


FAILING = ["pin", "middleware", "dependency", "closing", "stream", "details", "emit", "room"]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("event", FAILING)
async def test_a_failure_anywhere_in_the_chain_quotes_nothing(
    log: pytest.LogCaptureFixture, event: str, debug: bool
) -> None:
    app = Application(Room, middleware=[Logging()], debug=debug)
    async with Client(app) as client:
        peer = await client.connect(auth={"token": SECRET})
        await peer.send(event, SECRET, id=1)
        frame = await peer.receive_frame()
        assert ("error" in frame) is (event != "closing")
        assert SECRET not in last(peer)
        await peer.close(1000, SECRET)
    assert app.counters["internal_error"] + app.counters["invalid_payload"] >= 1
    assert "event" in log.text
    assert SECRET not in log.text


async def test_a_failing_on_disconnect_quotes_nothing(log: pytest.LogCaptureFixture) -> None:
    app = Application(Room)
    async with Client(app) as client:
        await (await client.connect()).close()
    assert "on_disconnect" in log.text
    assert app.counters["internal_error"] == 1
    assert SECRET not in log.text


@pytest.mark.parametrize("debug", [False, True])
async def test_a_failing_on_connect_quotes_nothing(log: pytest.LogCaptureFixture, debug: bool) -> None:
    async with Client(Application(Room, debug=debug)) as client:
        with pytest.raises(Refused) as refused:
            await client.connect(headers={"x-fail": SECRET})
    assert refused.value.status == 500
    assert SECRET.encode() not in refused.value.body
    assert "connect" in log.text
    assert SECRET not in log.text


async def test_an_answer_of_the_client_that_does_not_validate_is_not_quoted(log: pytest.LogCaptureFixture) -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("ask", "?", id=1)
        await peer.answer((await peer.receive_frame())["id"], {"pin": SECRET})
        assert await peer.receive_frame() == {"ack": 1, "payload": None}
        await peer.send_frame({"ack": 99, "payload": SECRET})
        await peer.send_frame({"ack": 99, "error": SECRET})
        await peer.expect_nothing()
    assert SECRET not in log.text


TOKENS: dict[str, Any] = {
    "query": {"token": SECRET},
    "headers": {"cookie": f"session={SECRET}", "authorization": f"Bearer {SECRET}"},
    "auth": {"token": SECRET},
}


@pytest.mark.parametrize(
    ("app", "changes"),
    [
        (Application(Room), {"path": f"/{SECRET}"}),
        (Application(Room), {"headers": {**TOKENS["headers"], "origin": "http://evil.example"}}),
        (Application(Room, hosts=["chat.example"]), {}),
        (Application(Room), {"subprotocols": [f"microsockets.auth.{SECRET}"]}),
        (Application(Room), {"headers": {**TOKENS["headers"], "x-fail": SECRET}}),
    ],
    ids=["path", "origin", "host", "malformed auth", "failure"],
)
async def test_no_refusal_quotes_the_tokens_it_came_with(
    log: pytest.LogCaptureFixture, app: Application, changes: dict[str, Any]
) -> None:
    async with Client(app) as client:
        with pytest.raises(Refused) as refused:
            await client.connect(**{**TOKENS, **changes})
    assert SECRET.encode() not in refused.value.body
    assert SECRET not in refused.value.reason
    assert SECRET not in log.text


async def test_too_many_connections_of_a_user_do_not_name_the_user(log: pytest.LogCaptureFixture) -> None:
    async with Client(Application(Room, limits=Limits(connections_per_user=1))) as client:
        await client.connect(**TOKENS)
        with pytest.raises(Refused) as refused:
            await client.connect(**TOKENS)
    assert refused.value.status == 429
    assert SECRET.encode() not in refused.value.body
    assert SECRET not in log.text


@pytest.mark.parametrize(
    "frame",
    [
        SECRET,
        f'{{"event": "{SECRET}", "id": 1}}',
        f'{{"event": "pin", "id": "{SECRET}"}}',
        f'{{"event": "pin", "payload": "{SECRET}"',
        f'{{"event": "pin", "payload": {{"pin": 1e999, "x": "{SECRET}"}}}}',
        SECRET * 20,
    ],
)
async def test_bad_frames_are_not_logged(log: pytest.LogCaptureFixture, frame: str) -> None:
    async with Client(Application(Room, middleware=[Logging()], limits=Limits(frame_bytes=100))) as client:
        peer = await client.connect()
        await peer.send_text(frame)
        await peer.receive_frame()
        assert SECRET not in last(peer)
    assert SECRET not in log.text
