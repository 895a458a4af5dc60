"""Origin and Host: when they are checked, what a refusal says, and what is taken out of the scope.

Which origins and hosts are admitted is in test_application.py and test_security.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest
from microsockets import Application, ConnectCall, Namespace, Refuse, Socket
from microsockets.testing import Client, Refused

EVIL = {"origin": "http://evil.example"}
COOKIES = {"cookie": "session=1", "authorization": "Bearer 1", "x-other": "kept"}


class Room(Namespace, path="/"):
    async def on_connect(self, ws: Socket) -> Any:
        return [ws.cookies, ws.headers, [name for name, _ in ws.scope["headers"]]]

    async def on_seen(self, ws: Socket) -> Any:
        cookies, headers, names = ws.session
        return [cookies, sorted({*headers, *(name.decode() for name in names)} & COOKIES.keys())]


def behind(app: Application, change: Callable[[dict[str, Any]], None]) -> Any:
    """The application on a server that makes other scopes than the test's."""

    async def server(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            change(scope)
        await app(scope, receive, send)

    return server


def over_tls(scope: dict[str, Any]) -> None:
    scope["scheme"] = "wss"


def without_host(scope: dict[str, Any]) -> None:
    scope["headers"] = [each for each in scope["headers"] if each[0] != b"host"]


async def admitted(app: Any, headers: dict[str, str]) -> bool:
    async with Client(app) as client:
        try:
            await client.connect(headers=headers)
        except Refused as refused:
            return refused.status not in (400, 403)
    return True


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("https://chat.example", "chat.example", True),
        ("https://chat.example:443", "chat.example", True),
        ("https://chat.example", "chat.example:443", True),
        ("https://chat.example", "chat.example:80", False),
        ("https://chat.example:8443", "chat.example", False),
        ("http://chat.example", "chat.example", False),
        ("https://evil.example", "chat.example", False),
    ],
)
async def test_over_tls_the_default_port_is_443(origin: str, host: str, expected: bool) -> None:
    app = behind(Application(Room), over_tls)
    assert await admitted(app, {"origin": origin, "host": host}) is expected


async def test_without_a_host_no_origin_is_the_same() -> None:
    app = behind(Application(Room), without_host)
    assert not await admitted(app, {"origin": "http://testserver"})
    assert await admitted(app, {})


async def test_without_a_host_nothing_is_served_where_hosts_are_listed() -> None:
    assert not await admitted(behind(Application(Room, hosts=["testserver"]), without_host), {})


class Seen:
    """A middleware that notes that code of the application ran."""

    def __init__(self) -> None:
        self.count = 0

    async def connect(self, call: ConnectCall, call_next: Any) -> Any:
        self.count += 1
        return await call_next(call)


@pytest.mark.parametrize("headers", [EVIL, {"host": "evil.example"}])
async def test_a_refusal_comes_before_any_code_of_the_application_and_is_counted(headers: dict[str, str]) -> None:
    seen = Seen()
    app = Application(Room, middleware=[seen], hosts=["testserver"])
    assert not await admitted(app, headers)
    assert (seen.count, app.counters["refused"]) == (0, 1)
    assert await admitted(app, {})
    assert (seen.count, app.counters["refused"]) == (1, 1)


async def test_the_line_that_a_refusal_logs_admits_the_origin_when_it_is_added(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert not await admitted(Application(Room), {"origin": "https://shop.example:8443"})
    line = re.search(r"origins=(\[.*\])\)", caplog.text)
    assert line is not None
    assert await admitted(
        Application(Room, origins=ast.literal_eval(line.group(1))), {"origin": "https://shop.example:8443"}
    )


async def test_a_connection_that_is_admitted_logs_nothing_of_origins(caplog: pytest.LogCaptureFixture) -> None:
    assert await admitted(Application(Room), {"origin": "http://testserver"})
    assert await admitted(Application(Room), {})
    assert "origins=" not in caplog.text


async def seen(app: Application, headers: dict[str, str]) -> Any:
    async with Client(app) as client:
        return await (await client.connect(headers=headers)).request("seen")


async def test_a_star_takes_cookies_and_authorization_out_before_on_connect() -> None:
    for headers in (COOKIES, {**COOKIES, **EVIL}, {**COOKIES, "origin": "http://testserver"}):
        assert await seen(Application(Room, origins="*"), headers) == [{}, ["x-other"]]


async def test_a_listed_origin_keeps_cookies_and_authorization() -> None:
    app = Application(Room, origins=[EVIL["origin"]])
    assert await seen(app, {**COOKIES, **EVIL}) == [{"session": "1"}, sorted(COOKIES)]


async def test_a_star_on_a_namespace_is_for_its_path_alone() -> None:
    class Public(Room, path="/public"):
        origins = "*"

    app = Application(Room, Public)
    async with Client(app) as client:
        peer = await client.connect("/public", headers={**COOKIES, **EVIL})
        assert await peer.request("seen") == [{}, ["x-other"]]
        peer = await client.connect("/", headers=COOKIES)
        assert await peer.request("seen") == [{"session": "1"}, sorted(COOKIES)]
        with pytest.raises(Refused):
            await client.connect("/", headers=EVIL)


async def test_a_star_takes_them_from_app_on_too() -> None:
    app = Application(origins="*")

    @app.on("cookies")
    async def cookies(ws: Socket) -> None:
        await ws.emit("cookies", [ws.cookies, "authorization" in ws.headers])

    async with Client(app) as client:
        peer = await client.connect("/", headers={**COOKIES, **EVIL}, v1=False)
        await peer.send("cookies")
        assert await peer.receive("cookies") == [{}, False]


async def test_a_star_keeps_the_auth_data_that_the_page_sent_itself() -> None:
    class Private(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            if ws.auth != {"token": "t"}:
                raise Refuse("unauthorized")

    async with Client(Application(Private, origins="*")) as client:
        await client.connect(headers=EVIL, auth={"token": "t"})
        with pytest.raises(Refused, match="4401"):
            await client.connect(headers=EVIL)
