"""protocol/handshake.py: subprotocols, auth data, headers, Host and Origin."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from microsockets.protocol.handshake import (
    AUTH_PREFIX,
    MAX_AUTH_BYTES,
    SUBPROTOCOL,
    cookies_dict,
    encode_auth,
    header,
    headers_dict,
    host_listed,
    is_loopback,
    origin_listed,
    read_offer,
    same_host,
    without_auth,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)
origins = st.text() | st.builds("{}://{}:{}{}".format, st.text(), st.text(), st.text(), st.text())


def auth_entry(raw: bytes) -> str:
    return AUTH_PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TestOffer:
    def test_a_v1_peer_offers_the_subprotocol(self) -> None:
        assert read_offer([SUBPROTOCOL]).v1
        assert not read_offer(["chat", "microsockets.v2"]).v1
        assert not read_offer([]).v1

    def test_the_subprotocol_alone_carries_no_auth(self) -> None:
        offer = read_offer(["chat", SUBPROTOCOL])
        assert (offer.auth, offer.malformed_auth, offer.subprotocols) == (None, False, ["chat", SUBPROTOCOL])

    @given(data=json_values)
    def test_auth_data_comes_back_and_leaves_the_list(self, data: Any) -> None:
        entry = encode_auth(data)
        offer = read_offer([SUBPROTOCOL, entry])
        assert (offer.v1, offer.auth, offer.malformed_auth, offer.subprotocols) == (True, data, False, [SUBPROTOCOL])
        assert "=" not in entry

    @pytest.mark.parametrize(
        "entries",
        [
            [AUTH_PREFIX],
            [AUTH_PREFIX + "***"],
            [AUTH_PREFIX + "a"],
            [AUTH_PREFIX + "é"],
            [auth_entry(b"{")],
            [auth_entry(b"NaN")],
            [auth_entry(b"\xff\xff")],
            [auth_entry(b"[" * 3000)],
            [auth_entry(b'"' + b"x" * MAX_AUTH_BYTES + b'"')],
            [encode_auth(1), encode_auth(1)],
            [AUTH_PREFIX + "***", encode_auth(1)],
            [encode_auth(1), AUTH_PREFIX + "***"],
        ],
    )
    def test_auth_data_that_cannot_be_read_is_marked(self, entries: list[str]) -> None:
        offer = read_offer([*entries, SUBPROTOCOL])
        assert (offer.auth, offer.malformed_auth, offer.subprotocols) == (None, True, [SUBPROTOCOL])

    @given(entries=st.lists(st.text() | st.text().map(AUTH_PREFIX.__add__) | st.binary().map(auth_entry)))
    def test_any_offer_is_sorted_out(self, entries: list[str]) -> None:
        offer = read_offer(entries)
        assert offer.subprotocols == [entry for entry in entries if not entry.startswith(AUTH_PREFIX)]
        assert not (offer.malformed_auth and offer.auth is not None)

    def test_auth_data_of_4_kib_passes_and_more_is_refused_at_the_client(self) -> None:
        data = "x" * (MAX_AUTH_BYTES - 2)
        assert read_offer([encode_auth(data)]).auth == data
        with pytest.raises(ValueError, match="auth data is 4097 bytes"):
            encode_auth(data + "x")


class TestWithoutAuth:
    def test_auth_entries_are_taken_out_and_the_rest_stays_in_order(self) -> None:
        offered = f"a, {encode_auth(1)},{SUBPROTOCOL}".encode()
        assert without_auth([(b"host", b"x"), (b"Sec-WebSocket-Protocol", offered), (b"cookie", b"c=1")]) == [
            (b"host", b"x"),
            (b"Sec-WebSocket-Protocol", b"a, microsockets.v1"),
            (b"cookie", b"c=1"),
        ]

    def test_a_header_of_nothing_else_goes(self) -> None:
        assert without_auth([(b"sec-websocket-protocol", encode_auth(1).encode()), (b"host", b"x")]) == [
            (b"host", b"x")
        ]

    def test_headers_without_auth_are_untouched(self) -> None:
        headers = [(b"sec-websocket-protocol", b"a,b"), (b"x-note", AUTH_PREFIX.encode())]
        assert without_auth(headers) == headers

    @given(
        headers=st.lists(
            st.tuples(
                st.sampled_from([b"Sec-WebSocket-Protocol", b"sec-websocket-protocol", b"host"]) | st.binary(),
                st.lists(st.binary() | st.binary().map(AUTH_PREFIX.encode().__add__)).map(b", ".join),
            )
        )
    )
    def test_no_auth_entry_is_left_in_any_offer(self, headers: list[tuple[bytes, bytes]]) -> None:
        for name, value in without_auth(headers):
            if name.lower() == b"sec-websocket-protocol":
                assert not any(entry.strip().startswith(AUTH_PREFIX.encode()) for entry in value.split(b","))


class TestHeaders:
    def test_the_first_of_a_name_is_found_in_any_case(self) -> None:
        headers = [(b"Host", b"a"), (b"host", b"b"), (b"x", b"\xe9")]
        assert header(headers, b"host") == "a"
        assert header(headers, b"x") == "é"
        assert header(headers, b"y") is None

    def test_repeated_headers_are_joined(self) -> None:
        headers = [(b"X-A", b"1"), (b"x-a", b"2"), (b"Cookie", b"a=1"), (b"cookie", b"b=2")]
        assert headers_dict(headers) == {"x-a": "1, 2", "cookie": "a=1; b=2"}

    @given(headers=st.lists(st.tuples(st.binary(), st.binary())))
    def test_any_headers_can_be_read(self, headers: list[tuple[bytes, bytes]]) -> None:
        assert set(headers_dict(headers)) == {name.decode("latin-1").lower() for name, _ in headers}


class TestCookies:
    def test_names_and_values(self) -> None:
        assert cookies_dict('a=1; b = "two" ;c=x=y; flag; =no; d=') == {"a": "1", "b": "two", "c": "x=y", "d": ""}

    def test_of_a_name_given_twice_the_first_counts(self) -> None:
        assert cookies_dict("a=1; a=2") == {"a": "1"}

    @given(text=st.text())
    @example(text=" = ; =")
    def test_any_text_can_be_read(self, text: str) -> None:
        assert all(isinstance(value, str) for value in cookies_dict(text).values())

    token = st.text("abcXYZ019-_", min_size=1)

    @given(cookies=st.dictionaries(token, token))
    def test_cookies_come_back(self, cookies: dict[str, str]) -> None:
        assert cookies_dict("; ".join(f"{name}={value}" for name, value in cookies.items())) == cookies


class TestSameHost:
    @pytest.mark.parametrize(
        ("origin", "host", "scheme"),
        [
            ("http://chat.example", "chat.example", "ws"),
            ("http://chat.example", "chat.example:80", "ws"),
            ("http://chat.example:80", "chat.example", "ws"),
            ("https://chat.example", "chat.example", "wss"),
            ("https://chat.example", "chat.example:443", "wss"),
            ("https://CHAT.example", "chat.EXAMPLE", "https"),
            ("http://chat.example:8000", "chat.example:8000", "ws"),
            ("http://[::1]:8000", "[::1]:8000", "ws"),
            ("http://chat.example.", "chat.example", "ws"),
            ("https://chat.example", "chat.example", "ws"),
        ],
    )
    def test_host_and_port_are_equal_with_default_ports(self, origin: str, host: str, scheme: str) -> None:
        assert same_host(origin, host, scheme)

    @pytest.mark.parametrize(
        ("origin", "host", "scheme"),
        [
            ("http://evil.example", "chat.example", "ws"),
            ("http://chat.example:8001", "chat.example:8000", "ws"),
            ("http://chat.example", "chat.example", "wss"),
            ("https://chat.example", "chat.example:80", "ws"),
            ("http://chat.example.evil.example", "chat.example", "ws"),
            ("http://chat.example@evil.example", "chat.example", "ws"),
            ("null", "chat.example", "ws"),
            ("null", "null", "ws"),
            ("", "", "ws"),
            ("file://chat.example", "chat.example", "ws"),
            ("http://chat.example/path", "chat.example", "ws"),
            ("http://chat.example:99999", "chat.example:99999", "ws"),
            ("http://[::1", "[::1", "ws"),
            ("http://chat.example", "chat.example:99999", "ws"),
            ("http://chat.example", "[chat.example", "ws"),
            ("http://chat.example", "x@chat.example", "ws"),
            ("http://chat.example", "chat.example/", "ws"),
            ("http://chat.example", ":80", "ws"),
            ("http://:80", ":80", "ws"),
        ],
    )
    def test_anything_else_is_another_host(self, origin: str, host: str, scheme: str) -> None:
        assert not same_host(origin, host, scheme)

    @given(origin=origins, host=st.text(), scheme=st.text() | st.sampled_from(["ws", "wss"]))
    def test_any_text_can_be_compared(self, origin: str, host: str, scheme: str) -> None:
        assert same_host(origin, host, scheme) in (True, False)
        assert is_loopback(origin) in (True, False)
        assert host_listed(host, [origin, host]) in (True, False)
        assert origin_listed(origin, [origin])


class TestLoopback:
    @pytest.mark.parametrize(
        "origin",
        ["http://localhost", "http://localhost:5173", "https://app.localhost", "http://127.0.0.1:1", "http://[::1]:3"],
    )
    def test_this_machine_on_any_port(self, origin: str) -> None:
        assert is_loopback(origin)

    @pytest.mark.parametrize(
        "origin", ["http://example", "http://notlocalhost", "http://localhost.evil.example", "http://10.0.0.1", "null"]
    )
    def test_other_machines(self, origin: str) -> None:
        assert not is_loopback(origin)


class TestListed:
    @pytest.mark.parametrize("origin", ["https://a.example", "https://A.example:443", "null"])
    def test_an_origin_is_listed_with_default_ports(self, origin: str) -> None:
        assert origin_listed(origin, ["https://a.example", "null"])

    @pytest.mark.parametrize(
        "origin", ["http://a.example", "https://b.example", "https://a.example:8443", "null", "", "garbage"]
    )
    def test_other_origins_are_not(self, origin: str) -> None:
        assert not origin_listed(origin, ["https://a.example", "rubbish"])

    @pytest.mark.parametrize("host", ["a.example", "A.EXAMPLE:9", "b.example:80"])
    def test_a_host_without_a_port_admits_every_port(self, host: str) -> None:
        assert host_listed(host, ["a.example", "b.example:80"])

    @pytest.mark.parametrize("host", ["c.example", "b.example", "b.example:81", "", "a.example/x", "a b", "[a.example"])
    def test_other_hosts_are_not_listed(self, host: str) -> None:
        assert not host_listed(host, ["/", "b.example:80", "a.example"])
