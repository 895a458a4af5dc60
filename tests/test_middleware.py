"""The middlewares that come with the framework: rate limiting, timing and logging."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from microsockets import (
    Application,
    Call,
    ConfigurationError,
    Error,
    ErrorCode,
    Logging,
    Namespace,
    RateLimit,
    Refuse,
    Socket,
    Timing,
    on,
)
from microsockets.testing import Client, Peer, Refused, RequestFailed

SLOW = 0.001
"""Tokens a second: so few that none comes back within a test."""


class Denied(Error):
    """Not you"""

    code = "denied"


class Room(Namespace, path="/"):
    async def on_connect(self, ws: Socket) -> None:
        ws.user_id = ws.headers.get("x-user")
        if "x-refuse" in ws.headers:
            raise Refuse("forbidden")

    async def on_echo(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_bug(self, ws: Socket) -> None:
        raise LookupError("hunter2")

    @on(raises=[Denied])
    async def on_denied(self, ws: Socket) -> None:
        raise Denied

    async def on_stream(self, ws: Socket) -> AsyncIterator[int]:
        yield 1
        yield 2

    @on(timeout=0.05)
    async def on_slow(self, ws: Socket) -> None:
        await asyncio.sleep(3600)


async def limited(peer: Peer) -> bool:
    await peer.send("echo", "x", id=1000)
    frame = await peer.receive_frame()
    return "error" in frame and frame["error"]["code"] == str(ErrorCode.RATE_LIMITED)


async def test_more_than_the_burst_answers_rate_limited_with_retry_after_and_is_counted() -> None:
    app = Application(Room, middleware=[RateLimit(SLOW, burst=3)])
    async with Client(app) as client:
        peer = await client.connect()
        assert [await limited(peer) for _ in range(4)] == [False, False, False, True]
        with pytest.raises(RequestFailed) as failed:
            await peer.request("echo", "x")
        assert failed.value.code == "rate_limited"
        assert 0 < failed.value.details["retry_after"] <= 1 / SLOW
        assert app.counters["rate_limited"] == 2


async def test_without_an_id_rate_limited_is_an_error_event() -> None:
    async with Client(Application(Room, middleware=[RateLimit(SLOW, burst=1)])) as client:
        peer = await client.connect()
        await peer.send("echo", "x")
        await peer.send("echo", "x")
        error = await peer.receive("$error")
        assert error["code"] == "rate_limited"
        assert error["event"] == "echo"
        assert error["details"]["retry_after"] > 0


async def test_a_client_that_waits_for_retry_after_is_served() -> None:
    async with Client(Application(Room, middleware=[RateLimit(4, burst=1)])) as client:
        peer = await client.connect()
        await peer.request("echo", "x")
        with pytest.raises(RequestFailed) as failed:
            await peer.request("echo", "x")
        await asyncio.sleep(failed.value.details["retry_after"])
        assert await peer.request("echo", "x") == "x"


async def test_the_burst_defaults_to_one_second_of_the_rate() -> None:
    bucket = RateLimit(7)
    assert bucket.burst == 7
    assert RateLimit(0.1).burst == 1


async def test_each_socket_has_tokens_of_its_own() -> None:
    async with Client(Application(Room, middleware=[RateLimit(SLOW, burst=1)])) as client:
        alice, bob = await client.connect(), await client.connect()
        assert [await limited(peer) for peer in (alice, bob, alice, bob)] == [False, False, True, True]


async def test_per_user_counts_all_sockets_of_a_user_and_a_nameless_one_alone() -> None:
    async with Client(Application(Room, middleware=[RateLimit(SLOW, burst=1, per="user")])) as client:
        ann, ann2 = [await client.connect(headers={"x-user": "ann"}) for _ in range(2)]
        bob = await client.connect(headers={"x-user": "bob"})
        nobody, nobody2 = await client.connect(), await client.connect()
        assert [await limited(peer) for peer in (ann, ann2, bob)] == [False, True, False]
        assert [await limited(peer) for peer in (nobody, nobody2, nobody)] == [False, False, True]


async def test_per_ip_counts_all_sockets_of_an_address() -> None:
    async with Client(Application(Room, middleware=[RateLimit(SLOW, burst=1, per="ip")])) as client:
        one = await client.connect(client=("10.0.0.1", 1))
        same = await client.connect(client=("10.0.0.1", 2))
        other = await client.connect(client=("10.0.0.2", 1))
        assert [await limited(peer) for peer in (one, same, other)] == [False, True, False]


async def test_per_takes_a_function_of_the_call() -> None:
    def by_event(call: Call) -> str:
        return call.event

    async with Client(Application(Room, middleware=[RateLimit(SLOW, burst=1, per=by_event)])) as client:
        alice, bob = await client.connect(), await client.connect()
        assert await limited(alice) is False
        assert await limited(bob) is True
        with pytest.raises(RequestFailed, match="denied"):
            await bob.request("denied")


async def test_one_instance_limits_the_events_it_is_listed_for_together_and_no_others() -> None:
    limit = RateLimit(SLOW, burst=1)

    class Pair(Namespace, path="/"):
        @on(middleware=[limit])
        async def on_one(self, ws: Socket) -> None: ...

        @on(middleware=[limit])
        async def on_two(self, ws: Socket) -> None: ...

        async def on_free(self, ws: Socket) -> None: ...

    async with Client(Application(Pair)) as client:
        peer = await client.connect()
        await peer.request("one")
        with pytest.raises(RequestFailed, match="rate_limited"):
            await peer.request("two")
        await peer.request("free")


async def test_a_rate_limited_handler_does_not_run() -> None:
    runs: list[str] = []

    class Once(Namespace, path="/"):
        middleware = [RateLimit(SLOW, burst=1)]

        async def on_go(self, ws: Socket) -> None:
            runs.append("go")

    async with Client(Application(Once)) as client:
        peer = await client.connect()
        await peer.request("go")
        with pytest.raises(RequestFailed):
            await peer.request("go")
    assert runs == ["go"]


@pytest.mark.parametrize(("rate", "burst"), [(0, None), (-1, None), (1, 0)])
def test_a_rate_that_never_lets_anything_through_is_refused(rate: float, burst: int | None) -> None:
    with pytest.raises(ConfigurationError, match="RateLimit"):
        RateLimit(rate, burst)


async def test_timing_records_each_event_whether_it_succeeded_or_not() -> None:
    seen: list[tuple[str, float]] = []
    timing = Timing(lambda call, seconds: seen.append((call.event, seconds)))
    async with Client(Application(Room, middleware=[timing])) as client:
        peer = await client.connect()
        await peer.request("echo", "x")
        with pytest.raises(RequestFailed):
            await peer.request("bug")
        assert [item async for item in peer.stream("stream")] == [1, 2]
        with pytest.raises(RequestFailed, match="timeout"):
            await peer.request("slow")
    assert [event for event, _ in seen] == ["echo", "bug", "stream", "slow"]
    assert all(seconds >= 0 for _, seconds in seen)
    assert seen[3][1] >= 0.04


@pytest.fixture
def access(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "microsockets.access")
    return caplog


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "microsockets.access"]


async def test_logging_writes_a_line_for_each_connection_event_and_disconnect(
    access: pytest.LogCaptureFixture,
) -> None:
    async with Client(Application(Room, middleware=[Logging()])) as client:
        peer = await client.connect()
        await peer.request("echo", "hunter2")
        await peer.close(1001)
    connect, event, disconnect = lines(access)
    assert "connect" in connect
    assert "'echo'" in event
    assert "ok" in event
    assert "1001" in disconnect
    assert all(peer.hello["id"] in line for line in (connect, event, disconnect))
    assert "hunter2" not in access.text


@pytest.mark.parametrize(
    ("event", "payload", "outcome"),
    [
        ("echo", "x", "ok"),
        ("echo", 3, "invalid_payload"),
        ("bug", None, "internal_error"),
        ("denied", None, "denied"),
        ("slow", None, "timeout"),
    ],
)
async def test_logging_says_how_an_event_ended(
    access: pytest.LogCaptureFixture, event: str, payload: Any, outcome: str
) -> None:
    async with Client(Application(Room, middleware=[Logging()])) as client:
        peer = await client.connect()
        await peer.send(event, payload, id=1)
        await peer.receive_frame()
        assert outcome in lines(access)[-1]


async def test_logging_says_that_a_connection_was_refused(access: pytest.LogCaptureFixture) -> None:
    async with Client(Application(Room, middleware=[Logging()])) as client:
        with pytest.raises(Refused):
            await client.connect(headers={"x-refuse": "1"})
    (line,) = lines(access)
    assert "forbidden" in line


async def test_logging_takes_a_logger_and_a_level(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.access")
    caplog.set_level(logging.DEBUG, "tests.access")
    async with Client(Application(Room, middleware=[Logging(logger, logging.DEBUG)])) as client:
        await (await client.connect()).request("echo", "x")
    records = [record for record in caplog.records if record.name == "tests.access"]
    assert len(records) == 3
    assert {record.levelno for record in records} == {logging.DEBUG}
