"""The opening handshake of RFC 6455, section 4: what is taken, and what the application learns of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest
from microsockets.types import Receive, Scope, Send

from tests.server.apps import Echo, content
from tests.server.conftest import Serve
from tests.server.serving import OUR_STACKS, Host
from tests.server.wire import ACCEPT, SECONDS, TEXT, Wire, frame, request

ours = pytest.mark.parametrize("stack", OUR_STACKS, ids=str, indirect=True)
"""What only an HTTP class of our own can know; uvicorn's others write the request anew."""


def echoes(wire: Wire) -> bool:
    """Whether the connection is usable."""
    wire.send(frame(TEXT, "still there"))
    return wire.message() == b"still there"


def headers_of(scope: Scope, prefix: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name.startswith(prefix)]


# What is answered


def test_the_response_is_that_of_rfc_6455(host: Host) -> None:
    wire = host.connect()

    response = wire.upgrade(host.mount(Echo()))

    assert response.get("sec-websocket-accept") == ACCEPT
    assert (response.get("upgrade") or "").lower() == "websocket"
    assert (response.get("connection") or "").lower() == "upgrade"
    for absent in ("sec-websocket-protocol", "sec-websocket-extensions", "content-length", "transfer-encoding"):
        assert response.get(absent) is None
    assert echoes(wire)


@pytest.mark.parametrize(
    "lines",
    [
        ["Upgrade: WebSocket", "Connection: Upgrade"],
        ["UPGRADE: WEBSOCKET", "CONNECTION: UPGRADE"],
        ["upgrade: websocket", "connection: keep-alive, Upgrade"],
        ["Upgrade: websocket", "Connection: keep-alive", "Connection: upgrade"],
        ["Upgrade: websocket", "Connection: keep-alive ,\tupgrade ,x"],
        ["Upgrade:websocket", "Connection:Upgrade"],
        ["Upgrade:  \t websocket", "Connection: \tUpgrade\t "],
    ],
    ids=range(7),
)
def test_upgrade_and_connection_are_lists_in_any_case(host: Host, lines: list[str]) -> None:
    wire = host.connect()
    wire.send(request(host.mount(Echo()), *lines, without=["upgrade", "connection"]))

    assert wire.response().status == 101
    assert echoes(wire)


def test_the_names_of_headers_have_no_case(host: Host) -> None:
    wire = host.connect()
    wire.send(
        request(
            host.mount(Echo()),
            "sEC-wEBSOCKET-kEY: dGhlIHNhbXBsZSBub25jZQ==",
            "SEC-WEBSOCKET-VERSION: 13",
            without=["sec-websocket-key", "sec-websocket-version"],
        )
    )

    assert wire.response().get("sec-websocket-accept") == ACCEPT


def test_a_request_may_come_byte_by_byte(host: Host) -> None:
    app = Echo()
    wire = host.connect()
    head = request(host.mount(app) + "/in-pieces?of=one", "X-Some: thing")

    host.send_in_pieces(wire, *(head[index : index + 1] for index in range(len(head))))

    assert wire.response().status == 101
    scope = app.scope()
    assert scope["path"].endswith("/in-pieces")
    assert scope["query_string"] == b"of=one"
    assert (b"x-some", b"thing") in scope["headers"]
    assert echoes(wire)


@ours
def test_frames_directly_behind_the_request_are_not_lost(host: Host) -> None:
    app = Echo()
    wire = host.connect()

    wire.send(request(host.mount(app)), frame(TEXT, "one"), frame(TEXT, "two")[:5])
    assert wire.response().status == 101
    assert wire.message() == b"one"
    wire.send(frame(TEXT, "two")[5:])

    assert wire.message() == b"two"


def test_frames_sent_before_acceptance_are_not_lost(host: Host) -> None:
    called: Future[None] = Future()
    accept: Future[None] = Future()
    echo = Echo()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.set_result(None)
        await asyncio.wrap_future(accept)
        await echo(scope, receive, send)

    wire = host.connect()
    wire.send(request(host.mount(app)))
    called.result(SECONDS)
    host.send_in_pieces(wire, frame(TEXT, "early"), frame(TEXT, "bird")[:3])
    accept.set_result(None)

    assert wire.response().status == 101
    assert wire.message() == b"early"
    wire.send(frame(TEXT, "bird")[3:])
    assert wire.message() == b"bird"


@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in pieces"])
def test_a_connection_may_serve_http_before_it_is_upgraded(host: Host, pieces: int) -> None:
    bodies: list[bytes] = []
    echo = Echo()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await echo(scope, receive, send)
            return
        message = await receive()
        bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"plain"})

    path = host.mount(app)
    wire = host.connect()
    post = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody".encode()
    host.send_in_pieces(wire, *([post] if pieces == 1 else [post[:9], post[9:]]))
    response = wire.response()
    assert (response.status, response.body) == (200, b"plain")
    assert bodies == [b"body"]
    wire.upgrade(path)

    assert echoes(wire)


# What the application learns


def test_the_scope_describes_the_connection(host: Host) -> None:
    app = Echo()
    path = host.mount(app)
    wire = host.connect()
    wire.upgrade(path)

    scope = app.scope()

    assert scope["type"] == "websocket"
    assert scope["asgi"]["version"] == "3.0"
    assert tuple(map(int, scope["asgi"]["spec_version"].split("."))) >= (2, 4)
    assert scope["http_version"] == "1.1"
    assert scope["scheme"] == "ws"
    assert scope["path"] == path
    assert scope["raw_path"] == path.encode()
    assert scope["query_string"] == b""
    assert scope["root_path"] == ""
    assert tuple(scope["client"]) == wire.name
    assert tuple(scope["server"]) == host.address
    assert list(scope["subprotocols"]) == []
    assert "websocket.http.response" in scope["extensions"]


def test_headers_keep_their_order_and_their_bytes(host: Host) -> None:
    app = Echo()
    lines = ["X-B: 1", "X-a:2 ", "x-B: \t3, 4", "X-Empty:", "X-Latin: \xe9", 'Cookie: a=b; c="d"', "X-B: 1"]
    host.connect().upgrade(host.mount(app), *lines)

    headers = app.scope()["headers"]

    assert [(bytes(name), bytes(value)) for name, value in headers] == [
        (b"host", b"server.example.com"),
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-version", b"13"),
        (b"x-b", b"1"),
        (b"x-a", b"2"),
        (b"x-b", b"3, 4"),
        (b"x-empty", b""),
        (b"x-latin", b"\xe9"),
        (b"cookie", b'a=b; c="d"'),
        (b"x-b", b"1"),
    ]


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/caf%C3%A9", "/caf\xe9", b""),
        ("/a%20b/c%2Fd", "/a b/c/d", b""),
        ("/a+b", "/a+b", b""),
        ("/x?a=%20b&c=d?e=/f", "/x", b"a=%20b&c=d?e=/f"),
        ("/x?", "/x", b""),
        ("/%25?%25", "/%", b"%25"),
        ("/a//b/./../c", "/a//b/./../c", b""),
        ("/a;b=c,d@e:f", "/a;b=c,d@e:f", b""),
    ],
)
def test_the_path_is_decoded_and_the_query_is_not(host: Host, target: str, path: str, query: bytes) -> None:
    app = Echo()
    prefix = host.mount(app)
    host.connect().upgrade(prefix + target)

    scope = app.scope()

    assert scope["path"] == prefix + path
    assert scope["raw_path"] == (prefix + target.partition("?")[0]).encode()
    assert scope["query_string"] == query


def test_the_root_path_precedes_the_path(serve: Serve) -> None:
    host = serve(root_path="/behind/proxy")
    app = Echo()
    prefix = host.mount(app)
    host.connect().upgrade(prefix + "/caf%C3%A9?x")

    scope = app.scope()

    assert scope["root_path"] == "/behind/proxy"
    assert scope["path"] == f"/behind/proxy{prefix}/caf\xe9"
    assert scope["raw_path"] == f"/behind/proxy{prefix}/caf%C3%A9".encode()
    assert scope["query_string"] == b"x"


def test_each_connection_has_its_own_copy_of_the_lifespan_s_state(host: Host) -> None:
    states: Future[list[dict[str, Any]]] = Future()
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["mine"] = len(seen)
        seen.append(scope["state"])
        if len(seen) == 2:
            states.set_result(seen)
        await send({"type": "websocket.close"})

    path = host.mount(app)
    for _ in range(2):
        wire = host.connect()
        wire.send(request(path))
        assert wire.response().status == 403

    first, second = states.result(SECONDS)
    assert first["shared"] is second["shared"]
    assert (first["mine"], second["mine"]) == (0, 1)


def test_a_trusted_proxy_names_the_client_and_the_scheme(serve: Serve) -> None:
    app = Echo()
    host = serve(forwarded_allow_ips="127.0.0.1")
    host.connect().upgrade(host.mount(app), "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https")

    scope = app.scope()

    assert scope["client"][0] == "203.0.113.7"
    assert scope["scheme"] == "wss"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Sec-WebSocket-Protocol: one"], ["one"]),
        (["Sec-WebSocket-Protocol: one, two,three"], ["one", "two", "three"]),
        (["Sec-WebSocket-Protocol: one, two", "X-Other: x", "sec-websocket-protocol: three"], ["one", "two", "three"]),
        (["Sec-WebSocket-Protocol:  \tone\t,  two "], ["one", "two"]),
        (
            ["Sec-WebSocket-Protocol: microsockets.v1, microsockets.auth.abc_-9"],
            ["microsockets.v1", "microsockets.auth.abc_-9"],
        ),
    ],
)
def test_subprotocols_are_one_list_over_all_their_lines(host: Host, lines: list[str], expected: list[str]) -> None:
    app = Echo()
    host.connect().upgrade(host.mount(app), *lines)

    assert list(app.scope()["subprotocols"]) == expected


def test_text_and_bytes_arrive_as_what_they_are(host: Host) -> None:
    app = Echo()
    wire = host.open(app)
    wire.send(frame(TEXT, "caf\xe9"), frame(0x2, b"\xff\x00"))

    assert [content(app.event()), content(app.event())] == ["caf\xe9", b"\xff\x00"]
