"""One chain: everything that arrives passes the same members, in one order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from microsockets import (
    ALL,
    Application,
    Call,
    ConfigurationError,
    Depends,
    Error,
    Event,
    Namespace,
    Socket,
    UsageError,
    ValidatePayload,
    on,
)
from microsockets.middleware.chain import Next
from microsockets.testing import Client, RequestFailed
from pydantic import AfterValidator, BaseModel

Middleware = Callable[[Call, Next], Any]


def noting(name: str, notes: list[str]) -> Middleware:
    async def note(call: Call, call_next: Next) -> Any:
        notes.append(name)
        try:
            return await call_next(call)
        finally:
            notes.append(f"/{name}")

    return note


async def test_application_then_namespace_then_event_then_validation_then_dependencies_then_handler() -> None:
    notes: list[str] = []

    def validated(value: int) -> int:
        notes.append("validation")
        return value

    def dependency() -> int:
        notes.append("dependency")
        return 1

    class Room(Namespace, path="/"):
        middleware = [noting("namespace", notes), noting("namespace 2", notes)]

        @on(middleware=[noting("event", notes), noting("event 2", notes)])
        async def on_go(
            self,
            ws: Socket,
            payload: Annotated[int, AfterValidator(validated)],
            dep: Annotated[int, Depends(dependency)],
        ) -> None:
            notes.append("handler")

    async with Client(Application(Room, middleware=[noting("app", notes), noting("app 2", notes)])) as client:
        await (await client.connect()).request("go", 1)
    members = ["app", "app 2", "namespace", "namespace 2", "event", "event 2"]
    inside = ["validation", "dependency", "handler"]
    assert notes == [*members, *inside, *(f"/{name}" for name in reversed(members))]


async def test_an_events_middleware_runs_for_no_other_event() -> None:
    notes: list[str] = []

    class Room(Namespace, path="/"):
        @on(middleware=[noting("mine", notes)])
        async def on_mine(self, ws: Socket) -> None: ...

        async def on_other(self, ws: Socket) -> None: ...

    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.request("other")
        assert notes == []
        await peer.request("mine")
        assert notes == ["mine", "/mine"]


async def test_a_namespaces_middleware_runs_for_no_other_namespace() -> None:
    notes: list[str] = []

    class Room(Namespace, path="/room"):
        middleware = [noting("room", notes)]

        async def on_go(self, ws: Socket) -> None: ...

    class Other(Namespace, path="/other"):
        async def on_go(self, ws: Socket) -> None: ...

    async with Client(Application(Room, Other)) as client:
        await (await client.connect("/other")).request("go")
        assert notes == []


class Counted:
    """Counts how often its member for events is looked up."""

    def __init__(self) -> None:
        self.lookups = 0

    @property
    def event(self) -> Middleware:
        self.lookups += 1
        return noting("", [])


async def test_the_chain_is_built_once_per_route_at_start_up() -> None:
    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> None: ...

    counted = Counted()
    app = Application(Room, middleware=[counted])
    async with Client(app) as client:
        peer = await client.connect()
        await peer.request("go")
        lookups = counted.lookups
        for _ in range(5):
            await peer.request("go")
        await (await client.connect()).request("go")
    assert counted.lookups == lookups > 0


async def test_a_list_that_is_changed_after_start_up_changes_nothing() -> None:
    notes: list[str] = []
    middleware: list[Any] = []

    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket) -> None: ...

    app = Application(Room, middleware=middleware)
    middleware.append(noting("late", notes))
    async with Client(app) as client:
        await (await client.connect()).request("go")
    assert notes == []


def plain(call: Any, call_next: Next) -> Any:
    return call_next(call)


class Greeter(Namespace, path="/"):
    hello = Event[str]()

    async def on_connect(self, ws: Socket) -> str:
        return "S"

    async def on_greet(self, ws: Socket) -> None:
        await self.hello.broadcast("hi", to=ALL)

    async def on_tell(self, ws: Socket, payload: Any) -> None:
        await ws.emit("hello", payload)

    async def on_disconnect(self, ws: Socket) -> None: ...


@pytest.mark.parametrize("wrong", [Counted, plain, 3, object()])
def test_what_is_no_middleware_is_refused_at_start_up(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="middleware"):
        Application(Greeter, middleware=[wrong])


class Sum(BaseModel):
    a: int
    b: int = 2


async def test_a_call_has_the_socket_the_event_raw_payload_and_state() -> None:
    seen: list[Any] = []

    async def before(call: Call, call_next: Next) -> Any:
        seen.append((call.event, call.raw, call.state))
        call.state["by"] = "before"
        result = await call_next(call)
        seen.append((call.raw, call.payload))
        return result

    def note(call: Call) -> str:
        return str(call.state["by"])

    class Room(Namespace, path="/"):
        @on(middleware=[before])
        async def on_sum(self, ws: Socket, payload: Sum, by: Annotated[str, Depends(note)]) -> str:
            seen.append(ws)
            return by

    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send_text('{"event": "sum", "payload": {"a" : 1}, "id": 9}')
        assert await peer.receive_frame() == {"ack": 9, "payload": "before"}
        assert seen[0] == ("sum", b'{"a" : 1}', {"by": "before"})
        assert isinstance(seen[1], Socket)
        assert seen[1].id == peer.hello["id"]
        assert seen[2] == (b'{"a" : 1}', Sum(a=1, b=2))


async def test_raw_is_empty_when_there_is_no_payload() -> None:
    seen: list[bytes] = []

    async def before(call: Call, call_next: Next) -> Any:
        seen.append(call.raw)
        return await call_next(call)

    async with Client(Application(Greeter, middleware=[before])) as client:
        await (await client.connect()).request("greet")
    assert seen == [b""]


async def test_state_is_of_one_call() -> None:
    seen: list[dict[str, Any]] = []

    async def before(call: Call, call_next: Next) -> Any:
        seen.append(dict(call.state))
        call.state["x"] = 1
        return await call_next(call)

    async with Client(Application(Greeter, middleware=[before])) as client:
        peer = await client.connect()
        await peer.request("greet")
        await peer.request("greet")
    assert seen == [{}, {}]


async def test_reading_the_payload_before_validation_raises() -> None:
    raised: list[UsageError] = []

    async def early(call: Call, call_next: Next) -> Any:
        with pytest.raises(UsageError, match="raw") as info:
            _ = call.payload
        raised.append(info.value)
        return await call_next(call)

    async with Client(Application(Greeter, middleware=[early])) as client:
        await (await client.connect()).request("tell", "x")
    assert len(raised) == 1


async def test_results_flow_back_out() -> None:
    async def twice(call: Call, call_next: Next) -> Any:
        return 2 * await call_next(call)

    class Room(Namespace, path="/"):
        middleware = [twice]

        async def on_sum(self, ws: Socket, payload: Sum) -> int:
            return payload.a + payload.b

    async with Client(Application(Room, middleware=[twice])) as client:
        assert await (await client.connect()).request("sum", {"a": 1, "b": 2}) == 12


async def test_a_middleware_may_answer_without_calling_the_rest() -> None:
    async def cached(call: Call, call_next: Next) -> Any:
        return 42

    class Room(Namespace, path="/"):
        @on(middleware=[cached])
        async def on_sum(self, ws: Socket, payload: Sum) -> int:
            raise AssertionError("not reached")

    async with Client(Application(Room)) as client:
        assert await (await client.connect()).request("sum", "not even valid") == 42


class NotFound(Error):
    """There is no such thing"""

    code = "no_such_thing"


async def test_exceptions_flow_back_out_so_that_errors_can_be_mapped() -> None:
    async def mapping(call: Call, call_next: Next) -> Any:
        try:
            return await call_next(call)
        except KeyError:
            raise NotFound from None

    class Room(Namespace, path="/"):
        middleware = [mapping]

        @on(raises=[NotFound])
        async def on_find(self, ws: Socket, payload: str) -> str:
            return {"a": "A"}[payload]

    async with Client(Application(Room)) as client:
        peer = await client.connect()
        assert await peer.request("find", "a") == "A"
        with pytest.raises(RequestFailed) as failed:
            await peer.request("find", "b")
        assert failed.value.code == "no_such_thing"


async def test_a_failed_validation_flows_back_through_the_members_before_it() -> None:
    seen: list[str] = []

    async def watching(call: Call, call_next: Next) -> Any:
        try:
            return await call_next(call)
        except Error as error:
            seen.append(error.code)
            raise

    class Room(Namespace, path="/"):
        @on(middleware=[watching])
        async def on_sum(self, ws: Socket, payload: Sum) -> None: ...

    async with Client(Application(Room)) as client:
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await (await client.connect()).request("sum", {"a": "x"})
    assert seen == ["invalid_payload"]


async def test_validate_payload_is_an_ordinary_member() -> None:
    seen: list[Any] = []

    async def after(call: Call, call_next: Next) -> Any:
        seen.append(call.payload)
        call.payload = Sum(a=10, b=20)
        return await call_next(call)

    class Room(Namespace, path="/"):
        @on(middleware=[ValidatePayload(), after])
        async def on_sum(self, ws: Socket, payload: Sum) -> int:
            return payload.a + payload.b

    async with Client(Application(Room)) as client:
        assert await (await client.connect()).request("sum", {"a": 1}) == 30
    assert seen == [Sum(a=1, b=2)]


async def test_validate_payload_in_the_application_validates_before_the_namespaces_members() -> None:
    seen: list[Any] = []

    async def after(call: Call, call_next: Next) -> Any:
        seen.append(call.payload)
        return await call_next(call)

    class Room(Namespace, path="/"):
        middleware = [after]

        async def on_sum(self, ws: Socket, payload: Sum) -> None: ...

    async with Client(Application(Room, middleware=[ValidatePayload()])) as client:
        await (await client.connect()).request("sum", {"a": 1})
    assert seen == [Sum(a=1, b=2)]


@pytest.mark.parametrize("where", ["application", "namespace", "event"])
def test_validate_payload_listed_twice_is_a_start_up_error(where: str) -> None:
    class Room(Namespace, path="/"):
        middleware = [ValidatePayload()] * (2 if where == "namespace" else 1)

        @on(middleware=[ValidatePayload()] if where == "event" else [])
        async def on_sum(self, ws: Socket, payload: Sum) -> None: ...

    with pytest.raises(ConfigurationError, match="ValidatePayload"):
        Application(Room, middleware=[ValidatePayload()] if where == "application" else [])


async def test_a_payload_is_validated_once() -> None:
    count = 0

    def counted(value: int) -> int:
        nonlocal count
        count += 1
        return value

    class Room(Namespace, path="/"):
        async def on_go(self, ws: Socket, payload: Annotated[int, AfterValidator(counted)]) -> None: ...

    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.request("go", 1)
        assert count == 1
        await peer.request("go", 1)
        assert count == 2


LANGUAGE: ContextVar[str] = ContextVar("LANGUAGE", default="none")


async def speaking(call: Any, call_next: Next) -> Any:
    token = LANGUAGE.set("en")
    try:
        return await call_next(call)
    finally:
        LANGUAGE.reset(token)


async def test_a_contextvar_set_in_a_middleware_reaches_the_handler_and_can_be_reset() -> None:
    class Room(Namespace, path="/"):
        @on(middleware=[speaking])
        async def on_inside(self, ws: Socket) -> str:
            return LANGUAGE.get()

        @on(middleware=[speaking])
        async def on_stream(self, ws: Socket) -> AsyncIterator[str]:
            yield LANGUAGE.get()

        @on(middleware=[speaking], concurrent=2)
        async def on_beside(self, ws: Socket) -> str:
            return LANGUAGE.get()

        async def on_outside(self, ws: Socket) -> str:
            return LANGUAGE.get()

    async with Client(Application(Room)) as client:
        peer = await client.connect()
        assert await peer.request("inside") == "en"
        assert await peer.request("outside") == "none"
        assert [item async for item in peer.stream("stream")] == ["en"]
        assert await peer.request("beside") == "en"
        assert await peer.request("outside") == "none"
