"""Dependencies: made for one message, after validation, and closed when its answer is queued."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from microsockets import Application, Call, ConfigurationError, Depends, Error, Limits, Namespace, Refuse, Socket, on
from microsockets.testing import Client, Refused, RequestFailed

log: list[str] = []


@pytest.fixture(autouse=True)
def _fresh_log() -> None:
    log.clear()


def plain() -> str:
    return "plain"


async def coroutine() -> str:
    return "coroutine"


def generator() -> Iterator[str]:
    log.append("generator opened")
    yield "generator"
    log.append("generator closed")


async def async_generator() -> AsyncIterator[str]:
    log.append("async generator opened")
    try:
        yield "async generator"
    finally:
        log.append("async generator closed")


class Made:
    value = "class"


class Chat(Namespace, path="/"):
    async def on_plain(self, value: Annotated[str, Depends(plain)]) -> str:
        return value

    async def on_coroutine(self, value: Annotated[str, Depends(coroutine)]) -> str:
        return value

    async def on_generator(self, value: Annotated[str, Depends(generator)]) -> str:
        log.append("handled")
        return value

    async def on_async_generator(self, value: Annotated[str, Depends(async_generator)]) -> str:
        log.append("handled")
        return value

    async def on_class(self, made: Annotated[Made, Depends(Made)]) -> str:
        return made.value

    async def on_payload(self, ws: Socket, payload: int, value: Annotated[str, Depends(async_generator)]) -> str:
        return f"{value} {payload}"

    async def on_fail(self, value: Annotated[str, Depends(async_generator)]) -> str:
        raise LookupError(value)

    async def on_ticks(self, value: Annotated[str, Depends(async_generator)]) -> AsyncIterator[str]:
        yield "one"
        log.append("between")
        yield value


# What may be one


@pytest.mark.parametrize("event", ["plain", "coroutine", "generator", "async_generator", "class"])
async def test_a_dependency_is_a_function_of_any_kind(event: str) -> None:
    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request(event) == event.replace("_", " ")


async def test_a_dependency_may_take_the_socket_the_call_and_dependencies_of_its_own() -> None:
    def name(ws: Socket, call: Call) -> str:
        return f"{ws.headers['x-user']} {call.event}"

    def greeting(name: Annotated[str, Depends(name)]) -> str:
        return f"hello {name}"

    class Chat(Namespace, path="/"):
        async def on_greet(self, greeting: Annotated[str, Depends(greeting)]) -> str:
            return greeting

    async with Client(Application(Chat)) as client:
        alice = await client.connect(headers={"x-user": "alice"})
        assert await alice.request("greet") == "hello alice greet"


async def test_a_dependency_stands_beside_the_socket_and_the_payload() -> None:
    async with Client(Application(Chat)) as client:
        assert await (await client.connect()).request("payload", 7) == "async generator 7"


def test_a_parameter_of_a_dependency_that_cannot_be_filled_is_refused_at_start_up() -> None:
    def needs(number: int) -> int:
        return number

    class Chat(Namespace, path="/"):
        async def on_count(self, number: Annotated[int, Depends(needs)]) -> int:
            return number

    with pytest.raises(ConfigurationError, match="'number' cannot be filled"):
        Application(Chat)


def test_dependencies_that_need_each_other_are_refused_at_start_up() -> None:
    def head(tail: Any) -> None: ...

    def tail(head: Annotated[Any, Depends(head)]) -> None: ...

    head.__annotations__["tail"] = Annotated[Any, Depends(tail)]

    class Chat(Namespace, path="/"):
        async def on_bite(self, it: Annotated[Any, Depends(head)]) -> None: ...

    with pytest.raises(ConfigurationError, match="need each other"):
        Application(Chat)


# They live for one message


async def test_dependencies_are_made_anew_for_every_message() -> None:
    made: list[object] = []

    def thing() -> object:
        made.append(object())
        return made[-1]

    class Chat(Namespace, path="/"):
        async def on_use(self, one: Annotated[object, Depends(thing)], two: Annotated[object, Depends(thing)]) -> bool:
            return one is two

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("use") is True
        assert len(made) == 1
        await alice.request("use")
        assert len(made) == 2


async def test_dependencies_are_resolved_after_validation() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await alice.request("payload", "seven")
    assert log == []


@pytest.mark.parametrize("kind", ["generator", "async generator"])
async def test_yield_dependencies_are_closed_after_the_handler(kind: str) -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.request(kind.replace(" ", "_"))
        await alice.expect_nothing()
    assert log == [f"{kind} opened", "handled", f"{kind} closed"]


async def test_dependencies_are_closed_when_the_answer_is_queued() -> None:
    gate = asyncio.Event()

    async def session() -> AsyncIterator[str]:
        yield "session"
        log.append("closing")
        await gate.wait()
        log.append("closed")

    class Chat(Namespace, path="/"):
        async def on_use(self, session: Annotated[str, Depends(session)]) -> str:
            return session

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        # The answer is there although the dependency cannot finish closing.
        assert await alice.request("use") == "session"
        assert "closed" not in log
        gate.set()
        await alice.expect_nothing()
        assert log == ["closing", "closed"]


async def test_dependencies_are_closed_in_the_reverse_order() -> None:
    def outer() -> Iterator[str]:
        yield "outer"
        log.append("outer closed")

    def inner(outer: Annotated[str, Depends(outer)]) -> Iterator[str]:
        yield f"inner in {outer}"
        log.append("inner closed")

    class Chat(Namespace, path="/"):
        async def on_use(self, value: Annotated[str, Depends(inner)]) -> str:
            return value

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("use") == "inner in outer"
        await alice.expect_nothing()
    assert log == ["inner closed", "outer closed"]


async def test_dependencies_of_a_stream_are_closed_when_it_ends() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert [item async for item in alice.stream("ticks")] == ["one", "async generator"]
        await alice.expect_nothing()
    assert log == ["async generator opened", "between", "async generator closed"]


async def test_dependencies_of_a_stream_are_closed_when_it_is_cancelled() -> None:
    class Ticker(Namespace, path="/"):
        async def on_ticks(self, value: Annotated[str, Depends(async_generator)]) -> AsyncIterator[str]:
            yield value
            await asyncio.Event().wait()

    async with Client(Application(Ticker)) as client:
        alice = await client.connect()
        await alice.send("ticks", id=1000)
        await alice.receive_frame()
        assert log == ["async generator opened"]
        await alice.send("$cancel", 1000)
        await alice.receive_frame()
        await alice.expect_nothing()
    assert log == ["async generator opened", "async generator closed"]


async def test_dependencies_are_closed_when_the_handler_fails() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("fail")
        await alice.expect_nothing()
    assert log == ["async generator opened", "async generator closed"]


async def test_dependencies_are_closed_when_the_handler_runs_out_of_time() -> None:
    class Slow(Namespace, path="/"):
        @on(timeout=0.05)
        async def on_wait(self, value: Annotated[str, Depends(async_generator)]) -> None:
            await asyncio.Event().wait()

    async with Client(Application(Slow)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="timeout"):
            await alice.request("wait")
        await alice.expect_nothing()
    assert log == ["async generator opened", "async generator closed"]


async def test_a_dependency_sees_the_handlers_exception() -> None:
    async def transaction() -> AsyncIterator[None]:
        try:
            yield
            log.append("committed")
        except LookupError:
            log.append("rolled back")
            raise

    class Shop(Namespace, path="/"):
        async def on_buy(self, payload: str, _: Annotated[None, Depends(transaction)]) -> str:
            if payload == "nothing":
                raise LookupError
            return payload

    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        assert await alice.request("buy", "bread") == "bread"
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("buy", "nothing")
        await alice.expect_nothing()
    assert log == ["committed", "rolled back"]


async def test_a_dependency_may_answer_with_an_error_and_those_before_it_are_closed() -> None:
    class Banned(Error):
        code = "banned"

    def check(value: Annotated[str, Depends(async_generator)]) -> None:
        raise Banned

    class Chat(Namespace, path="/"):
        @on(raises=[Banned])
        async def on_say(self, _: Annotated[None, Depends(check)]) -> None:
            log.append("handled")

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="banned"):
            await alice.request("say")
        await alice.expect_nothing()
    assert log == ["async generator opened", "async generator closed"]


async def test_a_failure_while_closing_is_logged_and_answers_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Iterator[str]:
        yield "fine"
        raise LookupError("on closing")

    class Chat(Namespace, path="/"):
        async def on_use(self, value: Annotated[str, Depends(broken)]) -> str:
            return value

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("use") == "fine"
        assert await alice.request("use") == "fine"
        await alice.expect_nothing()
    assert [type(record.exc_info[1]) for record in caplog.records if record.exc_info] == [LookupError, LookupError]


async def test_dependencies_of_on_connect_are_closed_when_it_refuses() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, value: Annotated[str, Depends(async_generator)]) -> None:
            raise Refuse("forbidden")

    async with Client(Application(Chat)) as client:
        with pytest.raises(Refused):
            await client.connect()
    assert log == ["async generator opened", "async generator closed"]


# Overridable in tests


async def test_dependencies_are_overridable_in_tests() -> None:
    app = Application(Chat)
    app.dependency_overrides[plain] = lambda: "fake"
    async with Client(app) as client:
        alice = await client.connect()
        assert await alice.request("plain") == "fake"
        app.dependency_overrides.clear()
        assert await alice.request("plain") == "plain"


async def test_an_override_may_be_of_another_kind_and_reaches_dependencies_below() -> None:
    def greeting(name: Annotated[str, Depends(plain)]) -> str:
        return f"hello {name}"

    async def fake(ws: Socket) -> AsyncIterator[str]:
        yield ws.headers["x-user"]
        log.append("fake closed")

    class Greeter(Namespace, path="/"):
        async def on_greet(self, greeting: Annotated[str, Depends(greeting)]) -> str:
            return greeting

    app = Application(Greeter)
    app.dependency_overrides[plain] = fake
    async with Client(app) as client:
        alice = await client.connect(headers={"x-user": "alice"})
        assert await alice.request("greet") == "hello alice"
        await alice.expect_nothing()
    assert log == ["fake closed"]


async def test_overrides_belong_to_one_application() -> None:
    fake, real = Application(Chat), Application(Chat)
    fake.dependency_overrides[plain] = lambda: "fake"
    async with Client(real) as client:
        assert await (await client.connect()).request("plain") == "plain"


async def test_they_are_closed_when_their_handler_is_abandoned() -> None:
    class Slow(Namespace, path="/"):
        async def on_wait(self, value: Annotated[str, Depends(async_generator)]) -> None:
            await asyncio.Event().wait()

        async def on_disconnect(self, ws: Socket) -> None:
            log.append("disconnected")

    app = Application(Slow, limits=Limits(disconnect_seconds=0.05))
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("wait")
        await alice.expect_nothing()
        await alice.close()
    assert log == ["async generator opened", "async generator closed", "disconnected"]
    assert app.counters["events_abandoned"] == 1


async def test_a_clean_up_that_hangs_is_cut_off_and_the_connection_goes_on() -> None:
    async def hanging() -> AsyncIterator[str]:
        yield "made"
        await asyncio.Event().wait()

    class Slow(Namespace, path="/"):
        async def on_use(self, value: Annotated[str, Depends(hanging)]) -> str:
            return value

        async def on_next(self) -> str:
            return "next"

    app = Application(Slow, limits=Limits(handler_seconds=0.05))
    async with Client(app) as client:
        alice = await client.connect()
        assert await alice.request("use") == "made"
        assert await alice.request("next") == "next"
    assert app.counters["internal_error"] == 1


async def test_a_stalled_reader_does_not_keep_them_open() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        alice.pause_reading()
        await alice.send("async_generator", id=70)
        await alice.expect_nothing()
        assert log == ["async generator opened", "handled", "async generator closed"]
        alice.resume_reading()
        assert await alice.receive_frame() == {"ack": 70, "payload": "async generator"}


async def test_a_partial_is_called_as_what_it_wraps() -> None:
    async def scaled(factor: int, socket: Socket) -> str:
        return f"{factor} for {socket.user_id}"

    def opened(name: str) -> Iterator[str]:
        yield name
        log.append(f"{name} closed")

    class Scaled(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            ws.user_id = "alice"

        async def on_scale(self, value: Annotated[str, Depends(functools.partial(scaled, 3))]) -> str:
            return value

        async def on_open(self, value: Annotated[str, Depends(functools.partial(opened, "file"))]) -> str:
            return value

        async def on_make(self, value: Annotated[Any, Depends(functools.partial(Made))]) -> str:
            return str(value.value)

    async with Client(Application(Scaled)) as client:
        alice = await client.connect()
        assert await alice.request("scale") == "3 for alice"
        assert await alice.request("open") == "file"
        assert await alice.request("make") == "class"
    assert log == ["file closed"]


async def test_on_disconnect_has_them_too() -> None:
    class Leaving(Namespace, path="/"):
        async def on_disconnect(self, *, ws: Socket, value: Annotated[str, Depends(async_generator)]) -> None:
            log.append(f"{ws.code} {value}")

    class Silent(Namespace, path="/silent"):
        async def on_disconnect(self) -> None:
            log.append("silent")

    app = Application(Leaving, Silent)
    async with Client(app) as client:
        await (await client.connect()).close()
        assert log == ["async generator opened", "1000 async generator", "async generator closed"]
        await (await client.connect("/silent")).close()
        assert log[-1] == "silent"
    assert app.counters == {}
