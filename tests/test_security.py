"""Who may connect, and what never leaves: Origin, Host, proxies, values in errors, payloads and tokens in logs."""

from __future__ import annotations

import logging
import warnings
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from microsockets import Application, Ask, AskError, ConfigurationError, Event, Namespace, Socket
from microsockets.application import RELOAD_VARIABLE
from microsockets.testing import Client, Refused, RequestFailed
from pydantic import AnyUrl, AwareDatetime, Base64Bytes, BaseModel, ByteSize, Discriminator, Field, Json, Tag

SECRET = "hunter2"


class Room(Namespace, path="/"):
    async def on_headers(self, ws: Socket) -> dict[str, str]:
        return ws.headers


async def admitted(app: Application, headers: dict[str, str], **options: Any) -> bool:
    """Whether a peer with these headers may connect; a refusal must be plain HTTP with 403 or 400."""
    async with Client(app) as client:
        try:
            await client.connect(headers=headers, **options)
        except Refused as error:
            refused = error
        else:
            return True
    assert refused.status in (400, 403)
    return False


# Origin


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://chat.example", "chat.example", True),
        ("http://chat.example:80", "chat.example", True),
        ("http://chat.example", "chat.example:80", True),
        ("HTTP://Chat.Example", "chat.EXAMPLE", True),
        ("http://chat.example:8000", "chat.example:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://chat.example:8000", "chat.example:8001", False),
        ("http://chat.example:8000", "chat.example", False),
        ("http://evil.example", "chat.example", False),
        ("http://chat.example.evil.example", "chat.example", False),
        ("http://evilchat.example", "chat.example", False),
        ("http://sub.chat.example", "chat.example", False),
        ("http://chat.example@evil.example", "chat.example", False),
        ("http://evil.example#chat.example", "chat.example", False),
        ("http://evil.example/chat.example", "chat.example", False),
        ("null", "chat.example", False),
        ("file://", "chat.example", False),
        ("", "chat.example", False),
        ("chat.example", "chat.example", False),
        ("http://chat.example:x", "chat.example", False),
        ("http://localhost:3000", "chat.example", False),
    ],
)
@pytest.mark.parametrize("v1", [True, False])
async def test_the_origins_host_and_port_must_equal_host(origin: str, host: str, expected: bool, v1: bool) -> None:
    assert await admitted(Application(Room), {"origin": origin, "host": host}, v1=v1) is expected


async def test_a_default_port_is_that_of_its_own_scheme() -> None:
    assert await admitted(Application(Room), {"origin": "https://chat.example", "host": "chat.example:443"})
    assert not await admitted(Application(Room), {"origin": "https://chat.example", "host": "chat.example:80"})


async def test_no_origin_is_no_browser_and_allowed() -> None:
    assert await admitted(Application(Room), {"host": "anything.example"})


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://app.example", True),
        ("https://app.example:443", True),
        ("https://other.example:8443", True),
        ("http://app.example", False),
        ("https://app.example:8443", False),
        ("https://other.example", False),
        ("http://testserver", True),
    ],
)
async def test_an_origin_may_be_listed(origin: str, expected: bool) -> None:
    app = Application(Room, origins=["https://app.example", "https://other.example:8443"])
    assert await admitted(app, {"origin": origin}) is expected


async def test_a_namespaces_origins_replace_the_applications() -> None:
    class Open(Namespace, path="/open"):
        origins = ["https://b.example"]

    class Rest(Namespace, path="/rest"): ...

    async with Client(Application(Open, Rest, origins=["https://a.example"])) as client:
        await client.connect("/open", headers={"origin": "https://b.example"})
        await client.connect("/rest", headers={"origin": "https://a.example"})
        for path, origin in [("/open", "https://a.example"), ("/rest", "https://b.example")]:
            with pytest.raises(Refused):
                await client.connect(path, headers={"origin": origin})


async def test_a_refusal_logs_the_exact_line_to_add(caplog: pytest.LogCaptureFixture) -> None:
    assert not await admitted(Application(Room), {"origin": "https://evil.example"})
    assert "Application(..., origins=['https://evil.example'])" in caplog.text
    assert await admitted(Application(Room, origins=["https://evil.example"]), {"origin": "https://evil.example"})


def test_origins_is_a_list_or_a_star() -> None:
    with pytest.raises(ConfigurationError, match="list"):
        Application(Room, origins="https://app.example")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_a_star_admits_all_and_strips_cookies_and_authorization(origin: str | None) -> None:
    headers = [("cookie", f"a={SECRET}"), ("Authorization", SECRET), ("cookie", "b=1"), ("x-other", "kept")]
    if origin is not None:
        headers.append(("origin", origin))
    async with Client(Application(Room, origins="*")) as client:
        peer = await client.connect(headers=headers)
        seen = await peer.request("headers")
        assert seen["x-other"] == "kept"
        assert "cookie" not in seen
        assert "authorization" not in seen


async def test_without_a_star_cookies_and_authorization_stay() -> None:
    async with Client(Application(Room)) as client:
        seen = await (await client.connect(headers={"cookie": "a=1", "authorization": "b"})).request("headers")
        assert (seen["cookie"], seen["authorization"]) == ("a=1", "b")


# Proxies


@pytest.mark.parametrize(
    ("proxies", "ip", "expected"),
    [
        ([], "10.0.0.1", False),
        (["10.0.0.1"], "10.0.0.1", True),
        (["10.0.0.1"], "10.0.0.2", False),
        (["10.0.0.0/8"], "10.9.9.9", True),
        (["10.0.0.0/8"], "11.0.0.1", False),
        (["::1"], "::1", True),
        (["*"], "203.0.113.9", True),
    ],
)
async def test_x_forwarded_host_counts_only_from_trusted_proxies(proxies: list[str], ip: str, expected: bool) -> None:
    app = Application(Room, trusted_proxies=proxies)
    headers = {"origin": "https://chat.example", "host": "internal:8000", "x-forwarded-host": "chat.example:443"}
    assert await admitted(app, headers, client=(ip, 1)) is expected


async def test_a_trusted_proxys_host_takes_the_place_of_host() -> None:
    app = Application(Room, trusted_proxies=["10.0.0.1"])
    headers = {"origin": "http://internal", "host": "internal", "x-forwarded-host": "chat.example"}
    assert not await admitted(app, headers, client=("10.0.0.1", 1))
    assert await admitted(app, {"origin": "http://internal", "host": "internal"}, client=("10.0.0.1", 1))


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        Application(Room, trusted_proxies=["proxy.example"])


# Loopback

LOOPBACK = ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:1", "https://localhost", "http://127.1.2.3"]
ELSEWHERE = ["http://localhost.evil.example", "http://10.0.0.1", "http://127.0.0.1.evil.example", "null"]


@pytest.mark.parametrize("origin", LOOPBACK)
async def test_debug_admits_loopback_on_any_port(origin: str) -> None:
    assert await admitted(Application(Room, debug=True), {"origin": origin})
    assert not await admitted(Application(Room), {"origin": origin})


@pytest.mark.parametrize("origin", ELSEWHERE)
async def test_debug_admits_nobody_else(origin: str) -> None:
    assert not await admitted(Application(Room, debug=True), {"origin": origin})


async def test_reload_admits_loopback_on_any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RELOAD_VARIABLE, "1")
    assert await admitted(Application(Room), {"origin": LOOPBACK[0]})
    assert not await admitted(Application(Room), {"origin": ELSEWHERE[0]})


# Applications of 1.0


async def test_an_application_without_namespaces_stays_open_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()

    @app.on("hello")
    async def hello(ws: Socket) -> str:
        return ws.headers["cookie"]

    async with Client(app) as client:
        for _ in range(3):
            peer = await client.connect(headers={"origin": "https://evil.example", "cookie": "a=1"}, v1=False)
            assert await peer.request("hello") == "a=1"
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(records) == 1
    assert "origins=" in records[0].getMessage()


async def test_with_origins_it_is_guarded_like_any_other() -> None:
    app = Application(origins=["https://app.example"])
    assert await admitted(app, {"origin": "https://app.example"})
    assert not await admitted(app, {"origin": "https://evil.example"})


async def test_app_on_beside_a_namespace_is_guarded() -> None:
    app = Application(Room)

    @app.on("hello")
    async def hello(ws: Socket) -> None: ...

    async with Client(app) as client:
        with pytest.raises(Refused):
            await client.connect("/other", headers={"origin": "https://evil.example"})
        await client.connect("/other", headers={"origin": "http://testserver"})


# Host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("chat.example", True),
        ("CHAT.example", True),
        ("chat.example:8000", True),
        ("other.example:9", True),
        ("other.example", False),
        ("evil.example", False),
        ("chat.example.evil.example", False),
        ("evil.example@chat.example", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("v1", [True, False])
async def test_hosts_guards_against_dns_rebinding(host: str, expected: bool, v1: bool) -> None:
    app = Application(Room, hosts=["chat.example", "other.example:9"])
    assert await admitted(app, {"host": host}, v1=v1) is expected


async def test_without_hosts_any_host_is_served() -> None:
    assert await admitted(Application(Room), {"host": "whatever.example"})


# Values in errors


class Colour(Enum):
    RED = "red"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


def kind_of(value: Any) -> Any:
    return cast("dict[str, Any]", value).get("kind") if isinstance(value, dict) else None


Tagged = Annotated[
    Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")],
    Discriminator(kind_of),
]


class Extra(BaseModel, extra="forbid"):
    a: int = 0


TYPES: dict[str, tuple[Any, Any]] = {
    "int": (int, SECRET),
    "decimal": (Decimal, SECRET),
    "uuid": (UUID, SECRET),
    "url": (AnyUrl, SECRET),
    "url with a wrong port": (AnyUrl, f"http://a:{SECRET}/"),
    "ip": (IPv4Address, SECRET),
    "datetime": (AwareDatetime, SECRET),
    "enum": (Colour, SECRET),
    "literal": (Literal["a", "b"], SECRET),
    "pattern": (Annotated[str, Field(pattern="^a+$")], SECRET),
    "json": (Json[int], SECRET),
    "base64": (Base64Bytes, SECRET),
    "byte size": (ByteSize, SECRET),
    "byte size unit": (ByteSize, f"1{SECRET}"),
    "byte size of an unknown unit": (ByteSize, "12 hunterB"),
    "time zone": (ZoneInfo, SECRET),
    "discriminated union": (Annotated[Cat | Dog, Field(discriminator="kind")], {"kind": SECRET}),
    "union by a function": (Tagged, {"kind": SECRET}),
    "union": (int | list[int], SECRET),
    "value of an extra key": (Extra, {"x": SECRET}),
    "nested": (dict[str, list[int]], {"a": [1, SECRET]}),
}


@pytest.mark.parametrize(("annotation", "payload"), TYPES.values(), ids=TYPES.keys())
async def test_the_details_of_invalid_payload_are_never_the_input_value(annotation: Any, payload: Any) -> None:
    class Typed(Namespace, path="/"):
        async def on_go(self, ws: Socket, payload: Any) -> None: ...

        on_go.__annotations__["payload"] = annotation

    async with Client(Application(Typed)) as client:
        peer = await client.connect()
        with pytest.raises(RequestFailed) as failed:
            await peer.request("go", payload)
        assert failed.value.code == "invalid_payload"
        assert failed.value.details
        assert all(set(problem) == {"loc", "msg", "type"} for problem in failed.value.details)
        assert "hunter" not in peer.transcript[-1]


@pytest.mark.parametrize(
    "text",
    [
        f'{{"event":"{SECRET}"}}',
        f'{{"event":"{SECRET}","id":3}}',
        f'{{"event":"${SECRET}"}}',
        f'{{"event":{{"{SECRET}":1}}}}',
        f'{{"event":"headers","id":"{SECRET}"}}',
        f'{{"event":"$cancel","payload":"{SECRET}"}}',
        f'{{"ack":"{SECRET}"}}',
        f'{{"{SECRET}":1}}',
        f'"{SECRET}"',
        SECRET,
        f"[{SECRET}",
    ],
)
async def test_no_error_echoes_what_was_sent(text: str) -> None:
    async with Client(Application(Room, debug=True)) as client:
        peer = await client.connect()
        await peer.send_text(text)
        await peer.receive_frame()
        assert SECRET not in peer.transcript[-1]


# Logs


class Inner(BaseModel):
    n: int


class Leaky(Namespace, path="/leaky"):
    told = Event[int]()
    confirm = Ask[str, int]()

    async def on_connect(self, ws: Socket, params: dict[str, Any]) -> None: ...

    async def on_echo(self, ws: Socket, payload: Inner) -> None: ...

    async def on_answer(self, ws: Socket, payload: str) -> int:
        return payload  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def on_emit(self, ws: Socket, payload: str) -> None:
        await self.told.broadcast(payload, to=ws)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    async def on_validate(self, ws: Socket, payload: str) -> None:
        Inner.model_validate({"n": payload})

    async def on_chained(self, ws: Socket, payload: str) -> None:
        try:
            Inner.model_validate({"n": payload})
        except ValueError as error:
            raise LookupError("it failed") from error

    async def on_implicitly_chained(self, ws: Socket, payload: str) -> None:
        try:
            Inner.model_validate({"n": payload})
        except ValueError:
            raise LookupError("it failed")  # noqa: B904

    async def on_grouped(self, ws: Socket, payload: str) -> None:
        try:
            Inner.model_validate({"n": payload})
        except ValueError as error:
            raise ExceptionGroup("some failed", [error]) from None

    async def on_spawned(self, ws: Socket, payload: str) -> None:
        async def validate() -> None:
            Inner.model_validate({"n": payload})

        ws.spawn(validate())

    async def on_asked(self, ws: Socket, payload: str) -> None:
        with pytest.raises(AskError):
            await self.confirm.ask(ws, payload)


@pytest.mark.parametrize(
    "event",
    [
        "echo",
        "answer",
        "emit",
        "validate",
        "chained",
        "implicitly_chained",
        "grouped",
        "spawned",
        "asked",
        SECRET,
    ],
)
async def test_logs_never_contain_payloads_or_tokens(caplog: pytest.LogCaptureFixture, event: str) -> None:
    caplog.set_level(logging.DEBUG)
    async with Client(Application(Leaky)) as client:
        peer = await client.connect(
            "/leaky",
            query={"token": SECRET},
            headers={"cookie": f"session={SECRET}", "authorization": f"Bearer {SECRET}"},
            auth={"password": SECRET},
        )
        await peer.send(event, SECRET)
        if event == "asked":
            await peer.answer((await peer.receive_frame())["id"], SECRET)
        await peer.expect_nothing() if event in ("spawned", "asked") else await peer.receive("$error")
        await peer.close(1000, SECRET)
    assert SECRET not in caplog.text


async def test_logs_never_contain_tokens_of_a_refused_connection(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    class Strict(Namespace, path="/"):
        async def on_connect(self, ws: Socket, params: Inner) -> None:
            raise AssertionError

    async with Client(Application(Strict)) as client:
        with pytest.raises(Refused):
            await client.connect(query={"n": SECRET})
        with pytest.raises(Refused):
            await client.connect(auth={"n": SECRET})
        with pytest.raises(Refused):
            await client.connect(subprotocols=[f"microsockets.auth.{SECRET}"])
    assert SECRET not in caplog.text


def test_nothing_warns_about_the_types_above() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Application(Leaky)
