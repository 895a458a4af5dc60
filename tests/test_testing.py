"""`microsockets.testing`: an in-process client in which every wait ends, and a failure shows what happened so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from microsockets import Application, Ask, Error, Event, Limits, Namespace, Refuse, Socket, on
from microsockets.testing import Client, Refused, RequestFailed
from microsockets.types import Receive, Scope, Send


class Listed(Error):
    code = "listed"
    details: dict[str, int]


class Unlisted(Error):
    code = "unlisted"


class Chat(Namespace, path="/"):
    said = Event[str]()
    sure = Ask[str, bool]()

    async def on_connect(self, ws: Socket, params: dict[str, Any]) -> None:
        if params.get("refuse"):
            raise Refuse("forbidden", "members only")

    async def on_echo(self, payload: Any) -> Any:
        return payload

    async def on_say(self, ws: Socket, payload: str) -> None:
        await self.said.broadcast(payload, to=ws)

    async def on_count(self, payload: int) -> AsyncIterator[int]:
        for number in range(payload):
            yield number

    async def on_ask(self, ws: Socket) -> bool:
        return await self.sure.ask(ws, "sure?")

    async def on_leave(self, ws: Socket) -> None:
        await ws.close(4000, "bye")

    async def on_hang(self) -> None:
        await asyncio.Event().wait()

    @on(raises=[Listed])
    async def on_listed(self) -> None:
        raise Listed("no", details={"n": 1})

    async def on_unlisted(self) -> None:
        raise Unlisted


QUICK = 0.02


async def failure_of(waiting: Any) -> str:
    """What a wait that fails says."""
    with pytest.raises(AssertionError) as caught:
        await waiting
    return str(caught.value)


async def test_a_receive_that_gets_nothing_fails_with_the_transcript_so_far() -> None:
    async with Client(Application(Chat), timeout=QUICK) as client:
        alice = await client.connect()
        await alice.request("echo", 1)
        said = await failure_of(alice.receive("said"))
    assert said.startswith("a frame did not come within 0.02 s; so far:\n")
    assert '-> {"event": "echo", "payload": 1, "id": 0}\n  <- {"ack":0,"payload":1}' in said


async def test_a_request_that_gets_no_answer_fails() -> None:
    async with Client(Application(Chat, limits=Limits(disconnect_seconds=QUICK)), timeout=QUICK) as client:
        alice = await client.connect()
        assert "the answer to 'hang' did not come within 0.02 s" in await failure_of(alice.request("hang"))


async def test_another_event_than_the_expected_one_fails() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("say", "hello")
        said = await failure_of(alice.receive("shouted"))
    assert 'expected event \'shouted\', got {"event": "said"' in said


async def test_expecting_nothing_fails_when_something_came() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.expect_nothing()
        await alice.send("say", "hello")
        assert 'expected nothing, got {"event": "said"' in await failure_of(alice.expect_nothing())


async def test_a_close_ends_each_wait() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("leave")
        assert await alice.receive_close() == (4000, "bye")
        assert "closed while waiting for a frame" in await failure_of(alice.receive("said"))
        assert "closed before the answer to 'echo'" in await failure_of(alice.request("echo", 1))


async def test_a_stream_is_read_with_stream_and_not_with_request() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert [item async for item in alice.stream("count", 3)] == [0, 1, 2]
        assert "the answer to 'count' is a stream; use stream()" in await failure_of(alice.request("count", 1))


async def test_leaving_a_stream_early_cancels_it() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        stream = alice.stream("count", 1_000_000)
        async for item in stream:
            if item == 2:
                break
        await stream.aclose()
        assert '-> {"event": "$cancel", "payload": 0}' in alice.transcript
        # What still comes of it is for nobody.
        await alice.send("say", "hello")
        assert await alice.receive("said") == "hello"
        assert '"code":"cancelled"' in "".join(alice.transcript)


async def test_a_request_that_fails_raises_the_error() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="listed: no") as failed:
            await alice.request("listed")
    assert (failed.value.code, failed.value.message, failed.value.details) == ("listed", "no", {"n": 1})


async def test_questions_of_the_application_are_answered_by_the_test() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        asking = asyncio.create_task(alice.request("ask"))
        question = await alice.receive_frame()
        assert (question["event"], question["payload"]) == ("sure", "sure?")
        await alice.answer(question["id"], True)
        assert await asking is True


@pytest.mark.parametrize(("v1", "status", "code"), [(True, None, 4503), (False, 403, None)])
async def test_a_refused_connection_raises(v1: bool, status: int | None, code: int | None) -> None:
    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused) as refused:
            await client.connect(query={"refuse": "1"}, v1=v1)
    assert (refused.value.status, refused.value.code) == (status, code)


async def test_an_error_that_is_not_listed_fails_the_test() -> None:
    said = ""
    try:
        async with Client(Application(Chat)) as client:
            alice = await client.connect()
            with pytest.raises(RequestFailed, match="unlisted"):
                await alice.request("unlisted")
    except AssertionError as failure:
        said = str(failure)
    assert said == "event 'unlisted' answered with Unlisted: list it, @on(raises=[Unlisted])"


async def test_payloads_are_checked_strictly_within_the_client_and_only_there() -> None:
    app = Application(Chat)
    async with Client(app):
        assert app.checks.strict
    assert not app.checks.strict


async def test_the_query_may_be_in_the_path() -> None:
    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused):
            await client.connect("/?refuse=1")
        with pytest.raises(Refused):
            await client.connect("/?other=1", query={"refuse": "1"})
        await client.connect("/?refuse=")


@pytest.mark.parametrize(
    ("written", "path", "raw"),
    [
        ("/rooms/a%20b", "/rooms/a b", b"/rooms/a%20b"),
        ("/rooms/%C3%A9", "/rooms/é", b"/rooms/%C3%A9"),
        ("/rooms/é ", "/rooms/é ", b"/rooms/%C3%A9%20"),
        ("/rooms/a:@!$&'()*+,;=~-._", "/rooms/a:@!$&'()*+,;=~-._", b"/rooms/a:@!$&'()*+,;=~-._"),
    ],
)
async def test_a_path_is_written_as_in_an_address(written: str, path: str, raw: bytes) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async with Client(app) as client:
        with pytest.raises(AssertionError):
            await client.connect(written)
    assert (scopes[-1]["path"], scopes[-1]["raw_path"]) == (path, raw)


async def test_several_clients_talk_to_one_application() -> None:
    async with Client(Application(Chat)) as client:
        peers = [await client.connect() for _ in range(3)]
        assert await asyncio.gather(*[peer.request("echo", n) for n, peer in enumerate(peers)]) == [0, 1, 2]


class Stubborn:
    """An ASGI application that does not end with its connections; `fail` makes one raise at the end."""

    def __init__(self, *, fail: bool = False, lifespan: bool = True) -> None:
        self.fail = fail
        self.lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            if self.lifespan:
                await asyncio.Event().wait()
            return
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        if self.fail:
            raise LookupError("in the application")
        await asyncio.Event().wait()


async def leave(app: Stubborn, *, body: BaseException | None = None) -> BaseException | None:
    """What leaving a client of two peers raises."""
    try:
        async with Client(app, timeout=QUICK) as client:
            await client.connect(v1=False)
            await client.connect(v1=False)
            if body is not None:
                raise body
    except (AssertionError, LookupError) as failure:
        return failure
    return None


async def test_an_application_that_does_not_end_a_connection_fails_the_test() -> None:
    failure = await leave(Stubborn(lifespan=False))
    assert isinstance(failure, AssertionError)
    assert "the application did not finish the connection; so far:\n  -> close 1000" in str(failure)


async def test_what_the_application_raises_on_a_connection_is_raised_in_the_test() -> None:
    assert isinstance(await leave(Stubborn(fail=True, lifespan=False)), LookupError)


async def test_the_failure_of_the_body_is_not_hidden_by_those_of_leaving() -> None:
    first = AssertionError("the first")
    assert await leave(Stubborn(fail=True, lifespan=False), body=first) is first
    assert first.__notes__ == ["and while leaving: in the application"] * 2


async def test_an_application_that_does_not_start_fails_the_test() -> None:
    failure = await leave(Stubborn())
    assert str(failure) == "the application did not finish its startup within 0.02 s"
