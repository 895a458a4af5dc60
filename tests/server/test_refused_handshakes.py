"""Upgrade requests that are refused before any application hears of them (RFC 6455 section 4.2, RFC 9112)."""

from __future__ import annotations

import pytest
from microsockets.types import Receive, Scope, Send

from tests.server.apps import Echo
from tests.server.serving import Host
from tests.server.test_handshake import ours
from tests.server.wire import KEY, Response, request


def refusal(host: Host, head: bytes, app: Echo) -> Response:
    """How this request is answered; the application does not hear of it, and the server hangs up."""
    wire = host.connect()
    wire.pour(head)
    response = wire.response()
    assert response.status >= 400, response
    wire.end()
    wire.gone()
    assert app.heard_nothing()
    return response


@pytest.mark.parametrize("version", ["8", "0", "12", "14", "x", "", "130", "013", "+13", "1 3"])
def test_another_version_is_answered_with_the_one_that_is_spoken(host: Host, version: str) -> None:
    app = Echo()
    head = request(host.mount(app), f"Sec-WebSocket-Version: {version}", without=["sec-websocket-version"])

    response = refusal(host, head, app)

    assert response.status == 426
    assert response.get("sec-websocket-version") == "13"


@pytest.mark.parametrize("lines", [[], ["Sec-WebSocket-Version: 13, 8"], ["Sec-WebSocket-Version: 13"] * 2])
def test_the_version_comes_exactly_once(host: Host, lines: list[str]) -> None:
    app = Echo()

    response = refusal(host, request(host.mount(app), *lines, without=["sec-websocket-version"]), app)

    assert response.status in {400, 426}
    if response.status == 426:
        assert response.get("sec-websocket-version") == "13"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Sec-WebSocket-Key:"],
        ["Sec-WebSocket-Key: short"],
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"],  # unpadded
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ="],
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"],  # 15 bytes
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE="],  # 17 bytes
        ["Sec-WebSocket-Key: !GhlIHNhbXBsZSBub25jZQ=="],
        ["Sec-WebSocket-Key: dGhlIHNhbXBs ZSBub25jZQ=="],
        ["Sec-WebSocket-Key: \xe9GhlIHNhbXBsZSBub25jZQ=="],
        [f"Sec-WebSocket-Key: {KEY}, {KEY}"],
        [f"Sec-WebSocket-Key: {KEY}"] * 2,
    ],
    ids=range(12),
)
def test_the_key_is_the_base64_of_16_bytes_and_comes_once(host: Host, lines: list[str]) -> None:
    app = Echo()

    response = refusal(host, request(host.mount(app), *lines, without=["sec-websocket-key"]), app)

    assert response.status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"])
def test_the_method_is_get(host: Host, method: str) -> None:
    app = Echo()
    wire = host.connect()
    wire.send(request(host.mount(app), method=method))

    assert wire.response(body=False).status in {400, 405, 501}
    assert app.heard_nothing()


@ours
@pytest.mark.parametrize("version", ["1.0", "0.9", "1.2x", "11", "2.0", "01.1", "1.10"])
def test_the_http_version_is_1_1(host: Host, version: str) -> None:
    app = Echo()

    assert refusal(host, request(host.mount(app), version=version), app).status in {400, 426, 505}


@ours
@pytest.mark.parametrize("lines", [[], ["Host: one.example.com", "Host: two.example.com"]], ids=["none", "two"])
def test_the_host_comes_exactly_once(host: Host, lines: list[str]) -> None:
    app = Echo()

    assert refusal(host, request(host.mount(app), *lines, without=["host"]), app).status == 400


@pytest.mark.parametrize(
    ("without", "lines"),
    [
        ("connection", ["Connection: keep-alive"]),
        ("upgrade", ["Upgrade: h2c"]),
        ("upgrade", []),
    ],
    ids=["connection", "upgrade", "no upgrade"],
)
def test_what_asks_for_no_websocket_gets_none(host: Host, without: str, lines: list[str]) -> None:
    scopes: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"plain"})

    wire = host.connect()
    wire.send(request(host.mount(app), *lines, without=[without]))

    assert wire.response().status in {200, 400, 426}
    assert "websocket" not in scopes


BROKEN = {
    "a folded line": b"X-Fold: one\r\n two\r\n",
    "a folded line with a tab": b"X-Fold: one\r\n\ttwo\r\n",
    "a line that ends in LF alone": b"X-Bare: one\nX-Two: two\r\n",
    "a line that ends in CR alone": b"X-Bare: one\rX-Two: two\r\n",
    "a NUL in a value": b"X-Nul: a\0b\r\n",
    "a NUL in a name": b"X-\0Nul: ab\r\n",
    "a control character in a value": b"X-Bell: a\x07b\r\n",
    "DEL in a value": b"X-Del: a\x7fb\r\n",
    "a space before the colon": b"X-Space : one\r\n",
    "a tab before the colon": b"X-Space\t: one\r\n",
    "a space before the name": b" X-Space: one\r\n",
    "no colon": b"X-None\r\n",
    "no name": b": one\r\n",
    "a name that is no token": b"X(Y): one\r\n",
    "a name in Latin-1": b"X-\xe9: one\r\n",
}


@ours
@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_header_is_refused(host: Host, line: bytes) -> None:
    app = Echo()
    head = request(host.mount(app))[:-2] + line + b"\r\n"

    assert refusal(host, head, app).status == 400


@ours
@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_header_is_refused_before_the_others(host: Host, line: bytes) -> None:
    app = Echo()
    start, _, rest = request(host.mount(app)).partition(b"\r\n")

    assert refusal(host, start + b"\r\n" + line + rest, app).status == 400


@ours
@pytest.mark.parametrize(
    "start",
    [
        b"GET %s",
        b"GET %s http/1.1",
        b"GET %s\0 HTTP/1.1",
        b"GET %s\x7f HTTP/1.1",
        b"GET %s\xe9 HTTP/1.1",
        b"GET %s/a b HTTP/1.1",
        b"get %s HTTP/1.1",
        b"GET x%s HTTP/1.1",
        b"GET * HTTP/1.1",
    ],
)
def test_a_broken_request_line_is_refused(host: Host, start: bytes) -> None:
    app = Echo()
    path = host.mount(app).encode()
    _, _, rest = request("/").partition(b"\r\n")

    response = refusal(host, start.replace(b"%s", path) + b"\r\n" + rest, app)

    assert response.status in {400, 405, 501, 505}


@ours
@pytest.mark.parametrize("line", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_upgrade_request_has_no_body(host: Host, line: bytes) -> None:
    app = Echo()

    assert refusal(host, request(host.mount(app))[:-2] + line + b"\r\nhello", app).status == 400


@pytest.mark.parametrize("size", [1 << 17, 1 << 20])
def test_a_huge_header_is_refused(host: Host, size: int) -> None:
    app = Echo()

    assert refusal(host, request(host.mount(app), "X-Huge: " + "a" * size), app).status in {400, 413, 431}


@pytest.mark.parametrize("size", [1 << 17, 1 << 20])
def test_many_headers_are_refused(host: Host, size: int) -> None:
    app = Echo()

    response = refusal(host, request(host.mount(app), *["X-Many: " + "a" * 90] * (size // 100)), app)

    assert response.status in {400, 413, 431}


@pytest.mark.parametrize("size", [1 << 17, 1 << 20])
def test_a_huge_target_is_refused(host: Host, size: int) -> None:
    app = Echo()

    assert refusal(host, request(host.mount(app) + "?" + "a" * size), app).status in {400, 413, 414, 431}


@ours
@pytest.mark.parametrize(
    "start", [b"GET /", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nX-Endless: "], ids=["target", "header"]
)
def test_a_head_without_an_end_is_cut_off(host: Host, start: bytes) -> None:
    wire = host.connect()
    size = 16 << 20

    taken = wire.pour(start + b"a" * size)

    assert taken < size, "the server takes whatever is sent"
    assert wire.response().status in {400, 413, 414, 431}
