"""The application: what it is made of, whom it admits, and what is not its own."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest
from microsockets import ALL, Application, Call, ConfigurationError, Event, Limits, Namespace, Socket, user
from microsockets.testing import Client, Refused, RequestFailed


class Chat(Namespace, path="/chat"):
    said = Event[str]()

    async def on_connect(self, ws: Socket) -> None:
        ws.user_id = "alice"

    async def on_say(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_fail(self, ws: Socket) -> None:
        raise LookupError("no such table")

    async def on_cookies(self, ws: Socket) -> Any:
        return [ws.cookies, ws.headers.get("authorization")]


class Game(Namespace, path="/game/{id}"):
    async def on_where(self) -> str:
        return "game"


async def page(scope: Any, receive: Any, send: Any) -> None:
    """An application with pages and a socket of its own."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None})
        await send({"type": "websocket.send", "text": json.dumps({"fallback": scope["path"]})})
        await receive()
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"page {scope['path']}".encode()})


async def get(app: Any, path: str, *, host: str = "testserver", root_path: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
        return await http.get(path)


async def connect(app: Application, path: str = "/chat", **how: Any) -> None:
    """Raises `Refused`."""
    async with Client(app) as client:
        await client.connect(path, **how)


async def refused(app: Application, path: str = "/chat", **how: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await connect(app, path, **how)
    return caught.value


# What it is made of


async def test_an_application_is_made_of_namespaces() -> None:
    async with Client(Application(Chat, Game)) as client:
        assert await (await client.connect("/chat")).request("say", "hello") == "hello"
        assert await (await client.connect("/game/7")).request("where") == "game"


async def test_its_middleware_is_around_every_namespace_and_app_on() -> None:
    seen: list[str] = []

    async def record(call: Call, call_next: Any) -> Any:
        seen.append(call.event)
        return await call_next(call)

    app = Application(Chat, Game, middleware=[record])

    @app.on("classic")
    async def classic(ws: Socket) -> None: ...

    async with Client(app) as client:
        await (await client.connect("/chat")).request("say", "hello")
        await (await client.connect("/game/7")).request("where")
        await (await client.connect("/elsewhere")).request("classic")
    assert seen == ["say", "where", "classic"]


def test_app_of_a_class_is_its_instance() -> None:
    chat = Chat()
    app = Application(chat, Game)
    assert app[Chat] is chat
    assert type(app[Game]) is Game
    assert app.namespaces == [chat, app[Game]]


def test_app_of_a_class_it_does_not_have_says_so() -> None:
    with pytest.raises(KeyError, match="Game is not in this application"):
        Application(Chat)[Game]


async def test_events_are_sent_from_an_http_route() -> None:
    async def route(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await app[Chat].said.broadcast("from a route", to=user("alice"))
            await page(scope, receive, send)

    app = Application(Chat, fallback=route)
    async with Client(app) as client:
        alice = await client.connect("/chat")
        assert (await get(app, "/orders")).text == "page /orders"
        assert await alice.receive("said") == "from a route"


async def test_events_are_sent_from_a_task() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect("/chat")
        await asyncio.create_task(app[Chat].said.broadcast("from a task", to=ALL))
        assert await alice.receive("said") == "from a task"


async def test_sending_when_nobody_is_connected_is_fine() -> None:
    await Application(Chat)[Chat].said.broadcast("hello?", to=[ALL, "lobby", user("alice")])


# Unknown paths


@pytest.mark.parametrize("path", ["/", "/unknown", "/chat/", "/chatter", "/game", "/game/", "/game/7/8", ""])
async def test_an_unknown_path_is_404(path: str) -> None:
    app = Application(Chat, Game)
    assert (await refused(app, path, v1=False)).status == 404
    assert app.counters["refused"] == 1


async def test_an_unknown_path_is_4504_for_a_v1_peer() -> None:
    refusal = await refused(Application(Chat), "/unknown")
    assert (refusal.status, refusal.code, refusal.reason) == (None, 4504, "not_found")


async def test_an_unknown_page_is_404() -> None:
    assert (await get(Application(Chat), "/unknown")).status_code == 404


# fallback=


async def test_the_fallback_is_for_everything_that_is_not_ours() -> None:
    app = Application(Chat, fallback=page)
    assert (await get(app, "/")).text == "page /"
    # The path of a namespace is a socket's; a page may be there too.
    assert (await get(app, "/chat")).text == "page /chat"
    async with Client(app) as client:
        assert await (await client.connect("/chat")).request("say", "hello") == "hello"
        plain = await client.connect("/elsewhere", v1=False)
        assert await plain.receive_frame() == {"fallback": "/elsewhere"}


async def test_a_v1_peer_on_an_unknown_path_is_not_the_fallbacks() -> None:
    assert (await refused(Application(Chat, fallback=page), "/elsewhere")).code == 4504


# docs_url=


async def test_docs_url_is_where_the_documentation_is() -> None:
    app = Application(Chat, docs_url="/contract")
    assert (await get(app, "/contract")).status_code == 200
    assert (await get(app, "/docs")).status_code == 404


async def test_docs_url_none_is_no_documentation() -> None:
    assert (await get(Application(Chat, docs_url=None, fallback=page), "/docs")).text == "page /docs"


# origins=


@pytest.mark.parametrize("origin", ["http://testserver", "http://testserver:80", "http://TestServer"])
async def test_an_origin_that_is_the_host_is_admitted(origin: str) -> None:
    await connect(Application(Chat), headers={"origin": origin})


async def test_no_origin_is_admitted() -> None:
    await connect(Application(Chat))


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://testserver:8080", "http://testserver.evil.example", "null", "", "http://localhost"],
)
async def test_another_origin_is_refused_in_plain_http(origin: str, v1: bool) -> None:
    assert (await refused(Application(Chat), headers={"origin": origin}, v1=v1)).status == 403


async def test_a_refused_origin_logs_the_exact_line_to_add(caplog: pytest.LogCaptureFixture) -> None:
    await refused(Application(Chat), headers={"origin": "https://shop.example"})
    assert "origins=['https://shop.example']" in caplog.text


async def test_origins_lists_sites_that_are_admitted() -> None:
    app = Application(Chat, origins=["https://shop.example", "http://other.example:8080"])
    await connect(app, headers={"origin": "https://shop.example"})
    await connect(app, headers={"origin": "https://shop.example:443"})
    await connect(app, headers={"origin": "http://other.example:8080"})
    await connect(app, headers={"origin": "http://testserver"})
    assert (await refused(app, headers={"origin": "http://shop.example"})).status == 403
    assert (await refused(app, headers={"origin": "http://other.example"})).status == 403


async def test_origins_star_admits_all_and_strips_cookies_and_authorization() -> None:
    secrets = {"origin": "http://evil.example", "cookie": "session=1", "authorization": "Bearer 1"}
    async with Client(Application(Chat, origins="*")) as client:
        alice = await client.connect("/chat", headers=secrets)
        assert await alice.request("cookies") == [{}, None]
    async with Client(Application(Chat)) as client:
        alice = await client.connect("/chat", headers={**secrets, "origin": "http://testserver"})
        assert await alice.request("cookies") == [{"session": "1"}, "Bearer 1"]


async def test_origins_of_a_namespace_take_the_place_of_the_applications() -> None:
    class Public(Namespace, path="/public"):
        origins = ["https://shop.example"]

    app = Application(Chat, Public, origins=["https://admin.example"])
    await connect(app, "/public", headers={"origin": "https://shop.example"})
    assert (await refused(app, "/public", headers={"origin": "https://admin.example"})).status == 403
    assert (await refused(app, "/chat", headers={"origin": "https://shop.example"})).status == 403


def test_origins_is_a_list_and_not_a_string() -> None:
    with pytest.raises(ConfigurationError, match=r"\['https://shop.example'\]"):
        Application(Chat, origins="https://shop.example")


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:8000", "http://[::1]:3000"])
async def test_debug_admits_loopback_on_any_port(origin: str) -> None:
    await connect(Application(Chat, debug=True), headers={"origin": origin})
    assert (await refused(Application(Chat), headers={"origin": origin})).status == 403


@pytest.mark.parametrize("origin", ["http://localhost.evil.example", "http://127.0.0.1.evil.example", "null"])
async def test_debug_admits_nothing_else(origin: str) -> None:
    assert (await refused(Application(Chat, debug=True), headers={"origin": origin})).status == 403


async def test_an_application_without_namespaces_stays_open_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    async with Client(app) as client:
        for _ in range(3):
            await client.connect("/", headers={"origin": "http://evil.example"})
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "origins=[...]" in warnings[0].getMessage()


async def test_an_application_without_namespaces_with_origins_admits_only_those() -> None:
    app = Application(origins=["https://shop.example"])
    await connect(app, "/", headers={"origin": "https://shop.example"})
    assert (await refused(app, "/", headers={"origin": "http://evil.example"})).status == 403


@pytest.mark.parametrize(
    ("origin", "forwarded"),
    [
        ("http://shop.example", {}),
        ("https://shop.example:8443", {"x-forwarded-host": "shop.example:8443"}),
        ("https://shop.example", {"x-forwarded-proto": "https"}),
    ],
    ids=["http", "a port", "https ends at the proxy"],
)
async def test_x_forwarded_host_counts_only_from_trusted_proxies(origin: str, forwarded: dict[str, str]) -> None:
    headers = {"origin": origin, "x-forwarded-host": "shop.example", **forwarded}
    trusting = Application(Chat, trusted_proxies=["10.0.0.0/8"])
    await connect(trusting, headers=headers, client=("10.1.2.3", 1234))
    assert (await refused(trusting, headers=headers, client=("11.1.2.3", 1234))).status == 403
    assert (await refused(Application(Chat), headers=headers, client=("10.1.2.3", 1234))).status == 403


# hosts=


async def test_hosts_are_those_that_are_served() -> None:
    app = Application(Chat, hosts=["chat.example"])
    await connect(app, headers={"host": "chat.example"})
    await connect(app, headers={"host": "chat.example:8000"})
    for v1 in (True, False):
        assert (await refused(app, headers={"host": "evil.example"}, v1=v1)).status == 400


async def test_hosts_are_a_guard_against_rebinding_of_our_own_origin() -> None:
    headers = {"host": "evil.example", "origin": "http://evil.example"}
    await connect(Application(Chat), headers=headers)
    assert (await refused(Application(Chat, hosts=["chat.example"]), headers=headers)).status == 400


async def test_hosts_count_for_pages_and_the_fallback_too() -> None:
    app = Application(Chat, hosts=["chat.example"], fallback=page)
    assert (await get(app, "/", host="chat.example")).text == "page /"
    for path in ("/", "/docs"):
        assert (await get(app, path, host="evil.example")).status_code == 400
    refusal = await refused(app, "/elsewhere", headers={"host": "evil.example"}, v1=False)
    assert refusal.status == 400


# limits=


async def test_limits_are_for_all_namespaces_and_those_of_a_namespace_replace_them() -> None:
    class Roomy(Chat, path="/roomy"):
        limits = Limits(frame_bytes=200)

    app = Application(Chat, Roomy, limits=Limits(frame_bytes=100))
    async with Client(app) as client:
        chat, roomy = await client.connect("/chat"), await client.connect("/roomy")
        assert chat.hello["limits"]["frame_bytes"] == 100
        await chat.send("say", "x" * 120)
        assert (await chat.receive("$error"))["code"] == "too_large"
        assert await roomy.request("say", "x" * 120) == "x" * 120


async def test_limits_on_connections() -> None:
    async with Client(Application(Chat, limits=Limits(connections=1))) as client:
        alice = await client.connect("/chat")
        with pytest.raises(Refused) as caught:
            await client.connect("/chat")
        assert caught.value.status == 503
        await alice.close()
        await client.connect("/chat")


async def test_limits_on_connections_per_ip() -> None:
    async with Client(Application(Chat, limits=Limits(connections_per_ip=1))) as client:
        alice = await client.connect("/chat", client=("10.0.0.1", 1))
        await client.connect("/chat", client=("10.0.0.2", 1))
        with pytest.raises(Refused) as caught:
            await client.connect("/chat", client=("10.0.0.1", 2))
        assert caught.value.status == 429
        await alice.close()
        await client.connect("/chat", client=("10.0.0.1", 3))


# debug=


async def failure(app: Application) -> RequestFailed:
    async with Client(app) as client:
        alice = await client.connect("/chat")
        with pytest.raises(RequestFailed, match="internal_error") as caught:
            await alice.request("fail")
    return caught.value


async def test_details_of_a_failure_are_told_only_with_debug() -> None:
    told = await failure(Application(Chat))
    assert list(told.details) == ["correlation_id"]
    assert "table" not in told.message
    told = await failure(Application(Chat, debug=True))
    assert told.details["exception"] == "LookupError: no such table"
    assert "on_fail" in told.details["traceback"]


# Mounted


async def test_a_mounted_application_knows_its_paths_below_the_root_path() -> None:
    app = Application(Chat, fallback=page)

    async def mounting(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/api"} if scope["type"] != "lifespan" else scope, receive, send)

    async with Client(mounting) as client:
        assert await (await client.connect("/api/chat")).request("say", "hello") == "hello"
        with pytest.raises(Refused) as caught:
            await client.connect("/api/unknown")
        assert caught.value.code == 4504
    assert "said" in (await get(app, "/api/docs/contract.json", root_path="/api")).text


async def test_a_root_path_is_cut_off_only_where_a_segment_ends() -> None:
    class Api(Namespace, path="/chat"): ...

    app = Application(Api)

    async def mounting(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/ap"} if scope["type"] != "lifespan" else scope, receive, send)

    class Odd(Namespace, path="/i/chat"): ...

    async with Client(mounting) as client:
        with pytest.raises(Refused):
            await client.connect("/api/chat")
    app = Application(Odd)
    async with Client(mounting) as client:
        await client.connect("/ap/i/chat")


async def test_a_mount_at_exactly_the_root_path_is_the_root() -> None:
    class Root(Namespace, path="/"):
        async def on_where(self) -> str:
            return "root"

    app = Application(Root)

    async def mounting(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/ws"} if scope["type"] != "lifespan" else scope, receive, send)

    async with Client(mounting) as client:
        for path in ("/ws", "/ws/"):
            assert await (await client.connect(path)).request("where") == "root"
