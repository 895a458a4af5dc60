"""A v1 peer refused for auth, permission or path is accepted and closed at once; every other refusal is plain HTTP."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from microsockets import Application, Limits, Namespace, Refuse, Socket
from microsockets.testing import Client, Peer, Refused
from pydantic import BaseModel


class Params(BaseModel):
    why: Literal["", "bug", "unauthorized", "forbidden", "not_found"] = ""
    n: int = 0


class Door(Namespace, path="/door"):
    ran: list[str] = []

    async def on_connect(self, ws: Socket, params: Params) -> None:
        await ws.join("everyone")
        if params.why == "bug":
            raise LookupError("hunter2")
        if params.why:
            raise Refuse(params.why, "because")

    async def on_go(self, ws: Socket) -> None:
        self.ran.append("go")

    async def on_disconnect(self, ws: Socket) -> None:
        self.ran.append("disconnect")


TABLE = [("unauthorized", 401, 4401), ("forbidden", 403, 4503), ("not_found", 404, 4504)]


async def refusal(client: Client, path: str = "/door", **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await client.connect(path, **options)
    return refused.value


@pytest.mark.parametrize(("code", "status", "close"), TABLE)
async def test_a_plain_peer_gets_the_http_status_and_a_v1_peer_the_close_code(
    code: str, status: int, close: int
) -> None:
    app = Application(Door)
    async with Client(app) as client:
        plain = await refusal(client, query={"why": code}, v1=False)
        assert (plain.status, plain.code) == (status, None)
        assert json.loads(plain.body) == {"code": code, "message": "because"}
        v1 = await refusal(client, query={"why": code})
        assert (v1.status, v1.code, v1.reason) == (None, close, code)
        assert app.counters["refused"] == 2


@pytest.mark.parametrize(("code", "status", "close"), TABLE)
async def test_a_refused_v1_peer_is_accepted_and_gets_a_close_and_no_hello(code: str, status: int, close: int) -> None:
    async with Client(Application(Door)) as client:
        await refusal(client, query={"why": code})
        peer = client.peers[-1]
        assert peer.subprotocol == "microsockets.v1"
        assert peer.transcript == [f"<- close {close} {code}"]


@pytest.mark.parametrize("v1", [True, False])
async def test_no_handler_and_no_room_is_reachable_for_a_refused_peer(v1: bool) -> None:
    app = Application(Door)
    Door.ran.clear()
    async with Client(app) as client:
        await refusal(client, query={"why": "forbidden"}, v1=v1)
        peer = client.peers[-1]
        await peer.send("go")
        await peer.close()
        assert await app[Door].rooms.count("everyone") == 0
    assert Door.ran == []


@pytest.mark.parametrize("path", ["/", "/doo", "/door/x", "/door%2f"])
async def test_an_unknown_path_is_404_and_4504_for_a_v1_peer(path: str) -> None:
    async with Client(Application(Door)) as client:
        assert (await refusal(client, path, v1=False)).status == 404
        assert (await refusal(client, path)).code == 4504


async def test_an_origin_is_refused_in_plain_http_for_v1_too() -> None:
    app = Application(Door)
    async with Client(app) as client:
        for v1 in (True, False):
            refused = await refusal(client, headers={"origin": "https://evil.example"}, v1=v1)
            assert (refused.status, refused.code) == (403, None)
        assert app.counters["refused"] == 2


async def test_a_host_is_refused_in_plain_http_for_v1_too() -> None:
    app = Application(Door, hosts=["here.example"])
    async with Client(app) as client:
        for v1 in (True, False):
            refused = await refusal(client, v1=v1)
            assert (refused.status, refused.code) == (400, None)
        assert app.counters["refused"] == 2


async def test_overload_is_refused_in_plain_http_for_v1_too() -> None:
    app = Application(Door, limits=Limits(connections=1))
    async with Client(app) as client:
        await client.connect("/door")
        for v1 in (True, False):
            refused = await refusal(client, v1=v1)
            assert (refused.status, refused.code) == (503, None)
        assert app.counters["refused"] == 2


async def test_parameters_that_do_not_validate_are_400_and_never_echoed() -> None:
    async with Client(Application(Door)) as client:
        for v1 in (True, False):
            refused = await refusal(client, query={"n": "hunter2"}, v1=v1)
            assert refused.status == 400
            body = json.loads(refused.body)
            assert body["code"] == "invalid_payload"
            assert body["details"][0]["loc"] == ["n"]
            assert b"hunter2" not in refused.body


async def test_a_failure_is_500_without_its_details() -> None:
    app = Application(Door)
    async with Client(app) as client:
        for v1 in (True, False):
            refused = await refusal(client, query={"why": "bug"}, v1=v1)
            assert refused.status == 500
            body = json.loads(refused.body)
            assert body["code"] == "internal_error"
            assert set(body["details"]) == {"correlation_id"}
            assert b"hunter2" not in refused.body
        assert app.counters["internal_error"] == 2


async def test_a_server_that_cannot_send_http_refuses_with_403() -> None:
    app = Application(Door)
    async with Client(app) as client:
        template = await client.connect("/door", v1=False)
        scope: dict[str, Any] = {**template.scope, "path": "/nowhere", "extensions": {}}
        peer = Peer(app, scope, v1=False, timeout=2.0)
        with pytest.raises(Refused) as refused:
            await peer.open()
        assert refused.value.status == 403


async def test_after_a_refusal_the_same_address_may_connect() -> None:
    async with Client(Application(Door, limits=Limits(connections=1, connections_per_ip=1))) as client:
        await refusal(client, query={"why": "forbidden"})
        await refusal(client, query={"why": "bug"})
        peer = await client.connect("/door")
        await peer.request("go")
