"""Time limits: how long a handler may take, and what its client is told."""

from __future__ import annotations

import asyncio

import pytest
from microsockets import Application, Limits, Namespace, Socket, on
from microsockets.testing import Client, RequestFailed

EVER = 3600.0


async def code_of(client: Client, event: str) -> str:
    with pytest.raises(RequestFailed) as failed:
        await (await client.connect()).request(event)
    return failed.value.code


def test_the_default_time_limit_is_30_seconds() -> None:
    assert Limits().handler_seconds == 30.0


class Slow(Namespace, path="/"):
    ended: list[str] = []

    async def on_sleep(self, ws: Socket) -> None:
        await self.sleep("sleep")

    @on(timeout=0.05)
    async def on_short(self, ws: Socket) -> None:
        await self.sleep("short")

    @on(timeout=EVER)
    async def on_patient(self, ws: Socket, payload: float) -> str:
        await asyncio.sleep(payload)
        return "done"

    @on(timeout=0.05)
    async def on_stubborn(self, ws: Socket) -> str:
        try:
            await asyncio.sleep(EVER)
        except asyncio.CancelledError:
            return "an answer of its own"
        return "never"

    @on(timeout=0.05)
    async def on_failing(self, ws: Socket) -> None:
        try:
            await asyncio.sleep(EVER)
        finally:
            raise LookupError("while cleaning up")

    async def on_fine(self, ws: Socket) -> str:
        return "fine"

    async def sleep(self, name: str) -> None:
        try:
            await asyncio.sleep(EVER)
        finally:
            self.ended.append(name)


async def test_a_handler_past_the_time_limit_is_cancelled_and_answers_timeout() -> None:
    Slow.ended.clear()
    async with Client(Application(Slow, limits=Limits(handler_seconds=0.05))) as client:
        assert await code_of(client, "sleep") == "timeout"
        assert Slow.ended == ["sleep"]
        assert await client.peers[0].request("fine") == "fine"


async def test_the_timeout_option_is_the_time_limit_of_one_event() -> None:
    async with Client(Application(Slow)) as client:
        assert await code_of(client, "short") == "timeout"


async def test_the_timeout_option_may_be_longer_than_the_limit() -> None:
    async with Client(Application(Slow, limits=Limits(handler_seconds=0.05))) as client:
        assert await (await client.connect()).request("patient", 0.2) == "done"


@pytest.mark.parametrize("event", ["stubborn", "failing"])
async def test_a_handler_that_does_not_take_its_cancellation_answers_timeout_once(event: str) -> None:
    async with Client(Application(Slow)) as client:
        alice = await client.connect()
        await alice.send(event, id=70)
        frame = await alice.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (70, "timeout")
        assert await alice.request("fine") == "fine"
        await alice.expect_nothing()


async def test_a_timeout_without_an_id_is_an_error_event() -> None:
    async with Client(Application(Slow)) as client:
        alice = await client.connect()
        await alice.send("short")
        error = await alice.receive("$error")
        assert (error["code"], error["event"]) == ("timeout", "short")


async def test_a_time_out_error_raised_by_a_handler_is_its_own_failure() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket) -> None:
            raise TimeoutError

    async with Client(Application(Chat)) as client:
        assert await code_of(client, "say") == "internal_error"
