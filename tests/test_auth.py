"""Auth data in a subprotocol entry, for browsers, which cannot set headers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from microsockets import Application, Namespace, Refuse, Socket
from microsockets.testing import Client, Refused
from microsockets.types import Receive, Scope, Send
from pydantic import BaseModel

PREFIX = "microsockets.auth."
TOKEN = "hunter2"


def entry(data: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Room(Namespace, path="/"):
    connected: list[Any] = []

    async def on_connect(self, ws: Socket) -> None:
        self.connected.append(ws.auth)

    async def on_auth(self, ws: Socket) -> Any:
        return ws.auth

    async def on_headers(self, ws: Socket) -> dict[str, str]:
        return ws.headers


@pytest.mark.parametrize("auth", [{"token": "t", "n": 1}, "a string", [1, 2], 0, False, {"é": "ü?>~"}])
@pytest.mark.parametrize("v1", [True, False])
async def test_auth_data_is_decoded_json(auth: Any, v1: bool) -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(auth=auth, v1=v1)
        assert await peer.request("auth") == auth


async def test_without_an_entry_auth_is_none() -> None:
    async with Client(Application(Room)) as client:
        assert await (await client.connect()).request("auth") is None


@pytest.mark.parametrize("data", [b'{"a":"?>~"}', b'{"a":"?>~~"}', b'{"a":"?>~~~"}'])
async def test_it_is_base64url_without_padding(data: bytes) -> None:
    assert "=" not in entry(data)
    async with Client(Application(Room)) as client:
        peer = await client.connect(subprotocols=[entry(data)])
        assert await peer.request("auth") == json.loads(data)


@pytest.mark.parametrize("offered", [[], ["chat"], ["chat", "other"]])
async def test_it_is_never_selected(offered: list[str]) -> None:
    async with Client(Application(Room)) as client:
        assert (await client.connect(auth=TOKEN, subprotocols=offered)).subprotocol == "microsockets.v1"
        assert (await client.connect(auth=TOKEN, subprotocols=offered, v1=False)).subprotocol is None


async def test_it_is_removed_from_headers_and_subprotocols_before_any_user_code() -> None:
    scopes: list[Scope] = []

    class Nosy:
        async def connect(self, call: Any, call_next: Any) -> Any:
            scopes.append(call.socket.scope)
            return await call_next(call)

    class Mine(Room, path="/mine"):
        async def on_connect(self, ws: Socket) -> None:
            scopes.append(ws.scope)

    async with Client(Application(Mine, middleware=[Nosy()])) as client:
        peer = await client.connect("/mine", auth=TOKEN, subprotocols=["chat"])
        headers = await peer.request("headers")
        assert headers["sec-websocket-protocol"] == "microsockets.v1, chat"
        assert len(scopes) == 2
        for scope in scopes:
            assert scope["subprotocols"] == ["microsockets.v1", "chat"]
            assert "microsockets.auth" not in str(scope)


async def test_a_header_of_nothing_else_is_removed_altogether() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(auth=TOKEN, v1=False)
        assert "sec-websocket-protocol" not in await peer.request("headers")


async def test_it_is_removed_before_a_fallback_sees_the_scope() -> None:
    scopes: list[Scope] = []

    async def fallback(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scopes.append(scope)
            await send({"type": "websocket.close", "code": 1000})

    async with Client(Application(Room, fallback=fallback)) as client:
        with pytest.raises(Refused):
            await client.connect("/elsewhere", auth=TOKEN, v1=False)
    assert len(scopes) == 1
    assert "microsockets.auth" not in str(scopes[0])


MALFORMED = {
    "no base64": PREFIX + "!!!!",
    "no base64url": PREFIX + "ab/+",
    "no json": entry(b"{"),
    "no utf-8": entry(b'"\xff"'),
    "nan": entry(b"NaN"),
    "empty": PREFIX,
    "nested": entry(b"[" * 3000),
    "odd length": PREFIX + "a",
}


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_cannot_be_read_is_refused_as_unauthorized(malformed: str) -> None:
    Room.connected.clear()
    app = Application(Room)
    async with Client(app) as client:
        with pytest.raises(Refused) as refused:
            await client.connect(subprotocols=[malformed])
        assert (refused.value.code, refused.value.reason) == (4401, "unauthorized")
        with pytest.raises(Refused) as refused:
            await client.connect(subprotocols=[malformed], v1=False)
        assert refused.value.status == 401
    assert Room.connected == []
    assert app.counters["refused"] == 2


async def test_two_entries_are_refused() -> None:
    async with Client(Application(Room)) as client:
        with pytest.raises(Refused) as refused:
            await client.connect(auth="a", subprotocols=[entry(b'"b"')])
        assert refused.value.code == 4401


async def test_it_has_at_most_4_kib() -> None:
    async with Client(Application(Room)) as client:
        largest = "x" * (4096 - 2)
        peer = await client.connect(subprotocols=[entry(json.dumps(largest).encode())])
        assert await peer.request("auth") == largest
        with pytest.raises(Refused) as refused:
            await client.connect(subprotocols=[entry(json.dumps(largest + "x").encode())])
        assert refused.value.code == 4401


async def test_the_client_checks_the_size_itself() -> None:
    async with Client(Application(Room)) as client:
        with pytest.raises(ValueError, match="4096"):
            await client.connect(auth="x" * 4096)


async def test_its_keys_are_parameters_of_on_connect() -> None:
    class Params(BaseModel):
        token: str
        n: int = 0

    class Guarded(Namespace, path="/"):
        async def on_connect(self, ws: Socket[str], params: Params) -> str:
            if params.token != TOKEN:
                raise Refuse("unauthorized")
            return f"in {params.n}"

        async def on_session(self, ws: Socket[str]) -> str:
            return ws.session

    async with Client(Application(Guarded)) as client:
        peer = await client.connect(auth={"token": TOKEN, "n": 2})
        assert await peer.request("session") == "in 2"
        with pytest.raises(Refused) as refused:
            await client.connect(auth={"token": "x"})
        assert refused.value.code == 4401


async def test_cookies_and_headers_work_as_always() -> None:
    class Guarded(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            if ws.cookies.get("session") != TOKEN and ws.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refuse("unauthorized")

    async with Client(Application(Guarded)) as client:
        await client.connect(headers={"cookie": f"a=b; session={TOKEN}"})
        await client.connect(headers={"authorization": f"Bearer {TOKEN}"})
        with pytest.raises(Refused):
            await client.connect(headers={"cookie": "session=x"})
