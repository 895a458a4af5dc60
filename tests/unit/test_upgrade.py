"""The opening handshake, read strictly (RFC 6455 section 4.2, RFC 9112), without a connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.protocol import upgrade
from microsockets.protocol.upgrade import BadRequest

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {
    "Host": "example.org",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY.decode(),
    "Sec-WebSocket-Version": "13",
}


def head(line: str = "GET /chat HTTP/1.1", *more: str, **changes: str | None) -> bytes:
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value is not None), *more]
    return "\r\n".join(lines).encode("latin-1")


def refusal(data: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        upgrade.check_upgrade(upgrade.read_request(data))
    return raised.value


def test_the_example_of_the_rfc() -> None:
    assert upgrade.check_upgrade(upgrade.read_request(head())) == KEY
    assert upgrade.accept(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_header_names_are_lower_case_and_values_stripped_and_in_order() -> None:
    request = upgrade.read_request(
        head("GET / HTTP/1.1", "X-One:  a\t", "x-two:", "X-One: b", Connection="keep-alive, Upgrade")
    )
    assert request.headers[-3:] == [(b"x-one", b"a"), (b"x-two", b""), (b"x-one", b"b")]
    assert request.fields[b"x-one"] == b"a, b"
    assert request.is_upgrade


def test_the_same_lines_are_kept_once_but_those_with_secrets_are_not() -> None:
    data = head("GET / HTTP/1.1", "User-Agent: test", "Cookie: secret=1", "Authorization: secret")
    first, second = (dict(upgrade.read_request(data).headers) for _ in range(2))
    assert first[b"user-agent"] is second[b"user-agent"]
    assert first[b"cookie"] is not second[b"cookie"]
    assert first[b"authorization"] is not second[b"authorization"]


def test_no_client_can_fill_the_memory_with_lines_to_keep() -> None:
    for number in range(5000):
        upgrade.read_request(head("GET / HTTP/1.1", f"User-Agent: number {number}"))
    assert len(upgrade._shared) <= 1024
    before = len(upgrade._shared)
    upgrade.read_request(head("GET / HTTP/1.1", f"User-Agent: {'x' * 300}"))
    assert len(upgrade._shared) <= before + 5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"G T / HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /\n HTTP/1.1",
        head("GET / HTTP/1.1", "no colon"),
        head("GET / HTTP/1.1", "space : x"),
        head("GET / HTTP/1.1", " folded"),
        head("GET / HTTP/1.1", ": x"),
        head("GET / HTTP/1.1", "x: a\x00b"),
        head("GET / HTTP/1.1", "x: a\nb"),
        head("GET / HTTP/1.1", "x: a\rb"),
        head("GET / HTTP/1.1", "x: a\x7f"),
    ],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest) as raised:
        upgrade.read_request(data)
    assert raised.value.status == 400


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "http/1.1", "WS/1.1"])
def test_another_version_is_refused_with_505(version: str) -> None:
    with pytest.raises(BadRequest) as raised:
        upgrade.read_request(head(f"GET / {version}"))
    assert raised.value.status == 505


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (head("POST / HTTP/1.1"), 405),
        (head("GET / HTTP/1.0"), 400),
        (head(Upgrade=None), 426),
        (head(Upgrade="h2c"), 426),
        (head(Connection="close"), 426),
        (head(Host=None), 400),
        (head("GET / HTTP/1.1", "host: other"), 400),
        (head(Sec_WebSocket_Version="8"), 426),
        (head(Sec_WebSocket_Version=None), 426),
        (head("GET / HTTP/1.1", "sec-websocket-version: 13"), 426),
        (head(Sec_WebSocket_Key=None), 400),
        (head(Sec_WebSocket_Key="short"), 400),
        (head(Sec_WebSocket_Key="!" * 24), 400),
        (head(Sec_WebSocket_Key="A" * 24), 400),
        (head("GET / HTTP/1.1", f"sec-websocket-key: {KEY.decode()}"), 400),
        (head("GET / HTTP/1.1", "content-length: 5"), 400),
        (head("GET / HTTP/1.1", "transfer-encoding: chunked"), 400),
    ],
)
def test_a_handshake_that_is_not_in_order_is_refused(data: bytes, status: int) -> None:
    assert refusal(data).status == status


def test_what_would_be_right_is_told_in_a_header() -> None:
    assert refusal(head(Sec_WebSocket_Version="8")).headers == [(b"sec-websocket-version", b"13")]
    assert refusal(head("PUT / HTTP/1.1")).headers == [(b"allow", b"GET")]


def test_subprotocols_are_one_list_of_all_headers() -> None:
    request = upgrade.read_request(
        head(
            "GET / HTTP/1.1",
            "Sec-WebSocket-Protocol: a, b",
            "Sec-WebSocket-Protocol: ,c ",
            "sec-websocket-extensions: x",
        )
    )
    assert upgrade.read_subprotocols(request) == ["a", "b", "c"]
    assert upgrade.read_offers(request) == b"x"


def test_the_response_that_accepts() -> None:
    response = upgrade.encode_accept(KEY, "chat", b"ext", [(b"x-one", b"1")])
    lines = response.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 101 Switching Protocols"
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines
    assert lines[-5:] == [b"sec-websocket-protocol: chat", b"sec-websocket-extensions: ext", b"x-one: 1", b"", b""]
    assert b"sec-websocket-protocol" not in upgrade.encode_accept(KEY, None, None, [])


def test_other_responses_have_their_phrase() -> None:
    assert upgrade.encode_response(403, [(b"a", b"b")]) == b"HTTP/1.1 403 Forbidden\r\na: b\r\n\r\n"
    assert upgrade.encode_response(599, []) == b"HTTP/1.1 599 \r\n\r\n"


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_no_header_ends_its_line(name: bytes, value: bytes) -> None:
    try:
        response = upgrade.encode_response(200, [(name, value)])
    except ValueError:
        return
    assert response.count(b"\r\n") == 3
    assert response.count(b"\n") == 3
    assert response.count(b"\r") == 3
