"""What an application may answer an opening handshake with: acceptance, refusal, a response of its own, or a fault."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest
from microsockets.types import ASGIApp, Message, Receive, Scope, Send

from tests.server.apps import Echo
from tests.server.serving import Host
from tests.server.wire import SECONDS, TEXT, Response, Wire, frame, request


def answering(*messages: Message) -> ASGIApp:
    """An application that says this, and then echoes if it has accepted."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        for message in messages:
            await send(message)
        if messages[0]["type"] == "websocket.accept":
            while (message := await receive())["type"] == "websocket.receive":
                await send({**message, "type": "websocket.send"})

    return app


def ask(host: Host, app: ASGIApp, *lines: str) -> tuple[Wire, Response]:
    """The response of this application to an upgrade request."""
    wire = host.connect()
    wire.send(request(host.mount(app), *lines))
    return wire, wire.response()


# Acceptance


def test_accept_adds_its_headers_in_order(host: Host) -> None:
    headers = [(b"x-b", b"1"), (b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2; Path=/"), (b"x-empty", b"")]
    wire, response = ask(host, answering({"type": "websocket.accept", "headers": headers}))

    assert response.status == 101
    assert response.get("x-b") == "1"
    assert response.get_all("set-cookie") == ["a=1", "b=2; Path=/"]
    assert response.get("x-empty") == ""
    wire.send(frame(TEXT, "x"))
    assert wire.message() == b"x"


def test_accept_selects_a_subprotocol(host: Host) -> None:
    app = answering({"type": "websocket.accept", "subprotocol": "two"})

    _, response = ask(host, app, "Sec-WebSocket-Protocol: one, two")

    assert response.status == 101
    assert response.get("sec-websocket-protocol") == "two"


@pytest.mark.parametrize("message", [{}, {"subprotocol": None}, {"subprotocol": None, "headers": []}])
def test_accept_need_not_select_a_subprotocol(host: Host, message: Message) -> None:
    app = answering({"type": "websocket.accept", **message})

    _, response = ask(host, app, "Sec-WebSocket-Protocol: one, two")

    assert response.status == 101
    assert response.get("sec-websocket-protocol") is None


def test_the_server_names_itself_once(host: Host) -> None:
    _, response = ask(host, answering({"type": "websocket.accept"}))

    assert response.get("server") in {None, "uvicorn"}
    assert len(response.get_all("date")) <= 1


# Refusal


def test_close_before_acceptance_is_403(host: Host) -> None:
    events: Future[Message] = Future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4000, "reason": "no"})
        events.set_result(await receive())

    wire, response = ask(host, app)

    assert response.status == 403
    wire.gone()
    disconnect = events.result(SECONDS)
    assert disconnect["type"] == "websocket.disconnect"
    assert disconnect["code"] == 1006


def test_frames_after_a_refusal_are_not_read(host: Host) -> None:
    wire = host.connect()
    wire.send(request(host.mount(answering({"type": "websocket.close"}))))
    wire.send(frame(TEXT, "x"))

    assert wire.response().status == 403
    wire.gone()


START: Message = {
    "type": "websocket.http.response.start",
    "status": 418,
    "headers": [
        (b"x-why", b"teapot"),
        (b"Set-Cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-type", b"text/plain"),
    ],
}


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "websocket.http.response.body", "body": data, "more_body": more}


@pytest.mark.parametrize(
    "parts",
    [
        [body(b"short and stout")],
        [body(b"short", more=True), body(b" and ", more=True), body(b"stout")],
        [body(b"short and stout", more=True), body(b"")],
        [body(b"", more=True), body(b"short and stout", more=True), {"type": "websocket.http.response.body"}],
    ],
    ids=["one", "three", "empty last", "defaults"],
)
@pytest.mark.parametrize("sized", [True, False], ids=["sized", "unsized"])
def test_a_response_of_the_application_denies(host: Host, parts: list[Message], sized: bool) -> None:
    start = {**START, "headers": [*START["headers"], *([(b"content-length", b"15")] if sized else [])]}

    wire, response = ask(host, answering(start, *parts))

    assert response.status == 418
    assert response.get("x-why") == "teapot"
    assert response.get("content-type") == "text/plain"
    assert response.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.body == b"short and stout"
    assert response.get("sec-websocket-accept") is None
    wire.gone()


def test_a_denial_may_have_neither_headers_nor_body(host: Host) -> None:
    app = answering({"type": "websocket.http.response.start", "status": 401}, body(b""))

    wire, response = ask(host, app)

    assert (response.status, response.body) == (401, b"")
    wire.gone()


def test_after_a_denial_the_application_is_told_that_it_is_over(host: Host) -> None:
    events: Future[Message] = Future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send(body(b"over"))
        events.set_result(await receive())

    _, response = ask(host, app)

    assert response.body == b"over"
    assert events.result(SECONDS)["type"] == "websocket.disconnect"


def test_the_parts_of_a_denial_come_when_they_are_sent(host: Host) -> None:
    proceed: Future[None] = Future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"8")]})
        await send(body(b"at ", more=True))
        await asyncio.wrap_future(proceed)
        await send(body(b"once!"))

    wire = host.connect()
    wire.send(request(host.mount(app)))
    response = wire.response(body=False)
    assert response.status == 418
    assert wire.take(3) == b"at "
    proceed.set_result(None)

    assert wire.take(5) == b"once!"
    wire.gone()


def test_a_large_denial_arrives_whole(host: Host) -> None:
    part = b"x" * 65_536

    wire, response = ask(host, answering(START, *[body(part, more=True)] * 64, body(b"")))

    assert response.body == part * 64
    wire.gone()


# Response splitting

SPLITTING = [b"a\r\nX-Evil: 1", b"a\nX-Evil: 1", b"a\rX-Evil: 1", b"a\0b", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"]


def raw_answer(host: Host, app: ASGIApp, *lines: str) -> bytes:
    """Every byte that is answered to an upgrade request."""
    wire = host.connect()
    wire.send(request(host.mount(app), *lines))
    host.turn()
    wire.end()
    answer = wire.rest()
    host.leave()
    host.take_errors()
    return answer


def assert_not_split(answer: bytes) -> None:
    head, end, _ = answer.partition(b"\r\n\r\n")
    assert end or not answer, answer
    assert b"evil" not in head.lower(), answer
    assert b"\0" not in head, answer
    assert head.count(b"HTTP/1.1") <= 1, answer
    assert b"\r" not in head.replace(b"\r\n", b""), answer
    assert b"\n" not in head.replace(b"\r\n", b""), answer


@pytest.mark.parametrize("value", SPLITTING, ids=range(len(SPLITTING)))
@pytest.mark.parametrize("kind", ["websocket.accept", "websocket.http.response.start"])
def test_the_value_of_a_header_cannot_split_the_response(host: Host, kind: str, value: bytes) -> None:
    messages: list[Message] = [{"type": kind, "status": 403, "headers": [(b"x-a", value)]}]
    if kind != "websocket.accept":
        messages.append(body(b""))

    assert_not_split(raw_answer(host, answering(*messages)))


@pytest.mark.parametrize("name", [b"x-a\r\nX-Evil", b"x-a: b\nX-Evil", b"X-Evil \r\n", b"evil:1\r\nx"], ids=range(4))
@pytest.mark.parametrize("kind", ["websocket.accept", "websocket.http.response.start"])
def test_the_name_of_a_header_cannot_split_the_response(host: Host, kind: str, name: bytes) -> None:
    messages: list[Message] = [{"type": kind, "status": 403, "headers": [(name, b"1")]}]
    if kind != "websocket.accept":
        messages.append(body(b""))

    assert_not_split(raw_answer(host, answering(*messages)))


@pytest.mark.parametrize("value", SPLITTING, ids=range(len(SPLITTING)))
def test_a_subprotocol_cannot_split_the_response(host: Host, value: bytes) -> None:
    app = answering({"type": "websocket.accept", "subprotocol": value.decode()})

    assert_not_split(raw_answer(host, app, "Sec-WebSocket-Protocol: a"))


# Faults


def test_an_application_that_fails_before_acceptance_answers_500(host: Host) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise LookupError("no such thing")

    wire, response = ask(host, app)

    assert response.status == 500
    assert b"no such thing" not in response.body
    wire.gone()
    host.settle()
    (error,) = host.take_errors()
    assert "LookupError: no such thing" in error


def test_an_application_that_returns_before_acceptance_answers_500(host: Host) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    wire, response = ask(host, app)

    assert response.status == 500
    wire.gone()
    host.settle()
    assert len(host.take_errors()) == 1


@pytest.mark.parametrize("sized", [True, False], ids=["sized", "unsized"])
def test_an_application_that_fails_within_a_denial_leaves_it_incomplete(host: Host, sized: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"10")] if sized else []})
        await send(body(b"begun", more=True))
        raise LookupError("no such thing")

    wire = host.connect()
    wire.send(request(host.mount(app)))
    answer = wire.rest()

    assert answer.startswith(b"HTTP/1.1 418 ")
    assert answer.count(b"HTTP/1.1") == 1
    host.settle()
    (error,) = host.take_errors()
    assert "LookupError" in error


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.send", "text": "early"},
        {"type": "websocket.http.response.body", "body": b""},
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "nonsense"},
    ],
    ids=lambda message: str(message["type"]),
)
def test_a_message_out_of_turn_is_the_application_s_fault(host: Host, message: Message) -> None:
    raised: Future[str] = Future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await send(message)
        except Exception as error:
            raised.set_result(type(error).__name__)
            raise

    wire, response = ask(host, app)

    assert response.status == 500
    assert raised.result(SECONDS) != "OSError"
    wire.gone()
    host.settle()
    assert len(host.take_errors()) == 1


def test_a_second_acceptance_is_the_application_s_fault(host: Host) -> None:
    raised: Future[BaseException | None] = Future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        try:
            await send({"type": "websocket.accept"})
        except Exception as error:
            raised.set_result(error)
        else:
            raised.set_result(None)
        await send({"type": "websocket.send", "text": "still there"})
        await send({"type": "websocket.close"})

    wire, response = ask(host, app)

    assert response.status == 101
    assert raised.result(SECONDS) is not None
    assert wire.message() == b"still there"
    assert wire.closed() == (1000, "")


def test_a_client_that_leaves_before_the_answer_is_gone_to_the_application(host: Host) -> None:
    called: Future[None] = Future()
    outcome: Future[tuple[Message, bool]] = Future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        called.set_result(None)
        event = await receive()
        try:
            await send({"type": "websocket.accept"})
        except OSError:
            outcome.set_result((event, True))
        else:
            outcome.set_result((event, False))

    wire = host.connect()
    wire.send(request(host.mount(app)))
    called.result(SECONDS)
    wire.reset()

    event, raised = outcome.result(SECONDS)
    assert event["type"] == "websocket.disconnect"
    assert event["code"] == 1006
    assert raised


def test_an_echo_is_called_once_for_each_connection(host: Host) -> None:
    app = Echo()
    path = host.mount(app)
    for index in range(3):
        host.connect().upgrade(f"{path}/{index}")

    assert sorted(app.scope()["path"][-2:] for _ in range(3)) == ["/0", "/1", "/2"]
    assert app.heard_nothing()
