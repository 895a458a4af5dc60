"""Whatever fails, and wherever: one `internal_error`, one log record with its traceback, and the connection goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, NoReturn

import pytest
from microsockets import ALL, Application, Depends, Error, Event, Namespace, Refuse, Socket, on
from microsockets.errors import Forbidden, InternalError
from microsockets.testing import Client, Peer, RequestFailed
from pydantic import BaseModel, TypeAdapter, field_validator

SECRET = "hunter2"


class Odd(BaseException):
    """Neither an Exception nor anything asyncio knows."""


def raise_runtime_error() -> NoReturn:
    raise RuntimeError


def raise_system_exit() -> NoReturn:
    raise SystemExit(3)


def raise_generator_exit() -> NoReturn:
    raise GeneratorExit


def raise_cancelled_error() -> NoReturn:
    raise asyncio.CancelledError


def raise_timeout_error() -> NoReturn:
    raise TimeoutError


def raise_odd() -> NoReturn:
    raise Odd


def raise_group() -> NoReturn:
    raise BaseExceptionGroup("both", [Odd(), ValueError()])


def raise_refuse() -> NoReturn:
    raise Refuse("forbidden")


def raise_validation_error() -> NoReturn:
    TypeAdapter(int).validate_python(SECRET)
    raise AssertionError


FAILURES: list[Callable[[], NoReturn]] = [
    raise_runtime_error,
    raise_system_exit,
    raise_generator_exit,
    raise_cancelled_error,
    raise_timeout_error,
    raise_odd,
    raise_group,
    raise_refuse,
    raise_validation_error,
]
fails = pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__.removeprefix("raise_"))


class Room(Namespace, path="/"):
    told = Event[str]()

    async def on_go(self, ws: Socket) -> None: ...

    async def on_tell(self, ws: Socket) -> None:
        await self.told.broadcast("something", to=ALL)

    async def on_fine(self, ws: Socket) -> str:
        return "fine"


async def costs_one(app: Application, caplog: pytest.LogCaptureFixture, event: str = "go") -> None:
    """A request is answered with `internal_error` and the log holds one record that leads to it."""
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        with pytest.raises(RequestFailed) as failed:
            await peer.request(event)
        assert failed.value.code == "internal_error"
        assert_logged_once(caplog, failed.value)
        assert app.counters["internal_error"] == 1
        assert app.counters["invalid_payload"] == 0
        await both_go_on(peer, other)


def assert_logged_once(caplog: pytest.LogCaptureFixture, failed: RequestFailed) -> None:
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert failed.details["correlation_id"] in record.getMessage()
    assert SECRET not in caplog.text + failed.message + str(failed.details)


async def both_go_on(peer: Peer, other: Peer) -> None:
    for each in (peer, other):
        await each.expect_nothing()
        assert await each.request("fine") == "fine"


@fails
async def test_a_failing_handler_is_logged_once(fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Room):
        async def on_go(self, ws: Socket) -> None:
            fail()

    await costs_one(Application(Failing), caplog)


@fails
async def test_a_handler_that_fails_unasked_is_told_as_an_error_and_logged_once(
    fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Room):
        async def on_go(self, ws: Socket) -> None:
            fail()

    async with Client(Application(Failing)) as client:
        peer, other = await client.connect(), await client.connect()
        await peer.send("go")
        error = await peer.receive("$error")
        assert error["code"] == "internal_error"
        assert error["event"] == "go"
        assert_logged_once(caplog, RequestFailed(error["code"], error["message"], error["details"]))
        await both_go_on(peer, other)


@fails
async def test_a_failing_stream_is_logged_once(fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Room):
        async def on_count(self, ws: Socket) -> AsyncIterator[int]:
            yield 1
            fail()

    app = Application(Failing)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        items = peer.stream("count")
        assert await anext(items) == 1
        with pytest.raises(RequestFailed) as failed:
            await anext(items)
        assert failed.value.code == "internal_error"
        assert_logged_once(caplog, failed.value)
        assert app.counters["internal_error"] == 1
        await both_go_on(peer, other)


@fails
@pytest.mark.parametrize("after", [False, True], ids=["before the handler", "after the handler"])
async def test_a_failing_middleware_is_logged_once(
    fail: Callable[[], NoReturn], after: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(call: Any, call_next: Any) -> Any:
        result = await call_next(call) if after or call.event != "go" else None
        if call.event == "go":
            fail()
        return result

    await costs_one(Application(Room, middleware=[failing]), caplog)


@fails
async def test_a_failing_emit_middleware_is_logged_once_and_nobody_gets_the_event(
    fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        async def emit(self, call: Any, call_next: Any) -> Any:
            fail()

    await costs_one(Application(Room, middleware=[Failing()]), caplog, "tell")


@fails
async def test_a_dependency_that_fails_before_the_handler_is_logged_once(
    fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture
) -> None:
    async def failing() -> int:
        fail()

    class Failing(Room):
        async def on_leased(self, ws: Socket, value: Annotated[int, Depends(failing)]) -> None: ...

    await costs_one(Application(Failing), caplog, "leased")


@fails
async def test_a_dependency_that_fails_after_the_answer_is_logged_once(
    fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture
) -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        fail()

    class Failing(Room):
        async def on_leased(self, ws: Socket, value: Annotated[int, Depends(failing)]) -> int:
            return value

    app = Application(Failing)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        assert await peer.request("leased") == 1
        await both_go_on(peer, other)
        [record] = caplog.records
        assert record.exc_info is not None
        assert app.counters["internal_error"] == 1
        assert SECRET not in caplog.text


@fails
async def test_a_failing_hook_is_logged_once(fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    app.on("fine")(Room().on_fine)

    @app.on("go")
    async def go(ws: Socket) -> None: ...

    @app.hooks.before_on
    async def failing(ws: Socket, func: Any) -> Any:
        if ws.event == "go":
            fail()
        return await func(ws)

    caplog.set_level(logging.ERROR)
    await costs_one(app, caplog)


@fails
async def test_a_failing_disconnect_is_logged_once(
    fail: Callable[[], NoReturn], caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Room):
        async def on_disconnect(self, ws: Socket) -> None:
            if ws.headers.get("x-fail"):
                fail()

    app = Application(Failing)
    async with Client(app) as client:
        other = await client.connect()
        peer = await client.connect(headers={"x-fail": "yes"})
        await peer.close()
        [record] = caplog.records
        assert record.exc_info is not None
        assert SECRET not in caplog.text
        assert app.counters["internal_error"] == 1
        assert await other.request("fine") == "fine"


class Forgetful(Error):
    """Does not call its base class, as Python lets every exception do."""

    code = "forgetful"

    def __init__(self, limit: int) -> None:
        self.limit = limit


class Picky(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def fail(cls, number: int) -> int:
        raise KeyError(number)


class Detailed(Error):
    code = "detailed"
    details: Picky


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise LookupError


class Undescribable(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise LookupError


BADLY_MADE: list[tuple[BaseException, str, int]] = [
    (Forgetful(3), "forgetful", 0),
    (Forbidden("\ud800"), "forbidden", 0),
    (Detailed(details={"number": 1}), "internal_error", 1),
    (Forbidden(details=object()), "internal_error", 1),
    (InternalError(details=object()), "internal_error", 1),
    (Unspeakable(), "internal_error", 1),
    (Undescribable(), "internal_error", 1),
    (RuntimeError("\ud800"), "internal_error", 1),
]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(("failure", "code", "logged"), BADLY_MADE, ids=[repr(type(e[0]).__name__) for e in BADLY_MADE])
async def test_a_badly_made_exception_is_answered_and_the_next_request_too(
    failure: BaseException, code: str, logged: int, debug: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Room):
        @on(raises=[Forgetful, Detailed])
        async def on_go(self, ws: Socket) -> None:
            raise failure

    app = Application(Failing, debug=debug)
    async with Client(app) as client:
        peer, other = await client.connect(), await client.connect()
        await peer.send("go", id=70)
        await peer.send("fine", id=71)
        answer = await peer.receive_frame()
        assert (answer["ack"], answer["error"]["code"]) == (70, code)
        assert await peer.receive_frame() == {"ack": 71, "payload": "fine"}
        await both_go_on(peer, other)
    assert app.counters["internal_error"] == len(caplog.records) == logged
