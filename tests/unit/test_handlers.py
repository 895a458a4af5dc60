"""handlers.py: from methods to routes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Annotated, Any

import pytest
from microsockets import handlers
from microsockets.checks import Checks
from microsockets.dependencies import Resolver
from microsockets.errors import BadFrame, ConfigurationError, Error, InvalidPayload, InvalidValue, RateLimited
from microsockets.events import Ask, Event, on
from microsockets.handlers import Handler, collect, fill_arguments, with_validation
from microsockets.middleware import Call, Chain, ValidatePayload
from microsockets.protocol.frames import NO_ID
from microsockets.signatures import CALL, ROLE_ATTRIBUTE, SOCKET, Depends
from pydantic import BaseModel

from .calls import Peer


class Ws(Peer):
    pass


setattr(Ws, ROLE_ATTRIBUTE, SOCKET)


class Point(BaseModel):
    x: int


class Full(Error):
    code = "full"


closed: list[str] = []


def opened(call: Call) -> Iterator[str]:
    yield f"for {call.event}"
    closed.append(call.event)


class Base:
    async def on_join(self, ws: Ws) -> str:
        return "base"

    @on("user joined", timeout=3)
    async def joined(self, ws: Ws) -> str:
        return "base"

    async def on_gone(self) -> None: ...

    async def helper(self) -> None: ...

    async def on_connect(self, ws: Ws) -> None: ...

    async def on_disconnect(self, ws: Ws) -> None: ...

    on_sent = Event[int]()
    on_asked = Ask[int, int]()


class Derived(Base):
    async def on_join(self, ws: Ws) -> str:
        return "derived"

    async def joined(self, ws: Ws) -> str:
        return "derived"

    on_gone: Any = None


def route(
    cls: type, event: str, *, chain: Chain | None = None, strict: bool = False, seconds: float = 30.0
) -> handlers.Route:
    handler = collect(cls)[event]
    handler.resolve({})
    return handlers.Route(
        handler,
        cls(),
        chain=chain or Chain(),
        resolver=Resolver(),
        seconds=seconds,
        checks=Checks(strict),
        send_item=send_item,
    )


sent: list[bytes] = []


async def send_item(call: Call, item: bytes) -> None:
    sent.append(item)


@pytest.fixture(autouse=True)
def _forget() -> None:
    sent.clear()
    closed.clear()


def call_of(route: handlers.Route, raw: bytes = b"", *, id: int = 1, protocol: str = "v1") -> Call:
    return Call(Ws(protocol=protocol), route.event, raw, id, route, len(raw))


async def run(cls: type, raw: bytes = b"", event: str = "x", **options: Any) -> Any:
    found = route(cls, event)
    call = call_of(found, raw, **options)
    result = await found.run(call)
    if call.exits is not None:
        assert closed == []
        await call.exits.aclose()
    return result


class TestCollect:
    def test_the_event_is_the_name_after_on_or_the_one_given(self) -> None:
        assert set(collect(Base)) == {"join", "user joined", "gone"}

    async def test_the_most_derived_counts_and_none_takes_one_away(self) -> None:
        assert set(collect(Derived)) == {"join", "user joined"}
        assert await run(Derived, event="join") == "derived"
        assert await run(Derived, event="user joined") == "derived"

    def test_an_override_keeps_the_options(self) -> None:
        assert collect(Derived)["user joined"].options.timeout == 3

    async def test_of_two_parents_the_first_counts(self) -> None:
        class Other:
            async def on_join(self, ws: Ws) -> str:
                return "other"

        class Both(Other, Base):
            pass

        assert await run(Both, event="join") == "other"

    async def test_a_derived_handler_of_another_name_takes_the_event_over(self) -> None:
        class Renamed(Base):
            @on("join")
            async def enter(self, ws: Ws) -> str:
                return "renamed"

        assert await run(Renamed, event="join") == "renamed"

    def test_two_of_one_class_for_one_event_are_refused(self) -> None:
        class Twice:
            async def on_join(self, ws: Ws) -> None: ...

            @on("join")
            async def enter(self, ws: Ws) -> None: ...

        with pytest.raises(ConfigurationError, match="on_join handles 'join' already; keep one of them"):
            collect(Twice)

    def test_a_plain_function_is_refused_with_advice(self) -> None:
        class Plain:
            def on_join(self, ws: Ws) -> None: ...

        with pytest.raises(ConfigurationError, match=r"plain function: write async def, and await asyncio\.to_thread"):
            collect(Plain)

    def test_what_is_no_method_is_refused(self) -> None:
        class Odd:
            on_join = 7

        with pytest.raises(ConfigurationError, match=r"Odd\.on_join is no method: write async def on_join"):
            collect(Odd)

    def test_options_need_a_name(self) -> None:
        class Nameless:
            @on()
            async def join(self, ws: Ws) -> None: ...

        with pytest.raises(ConfigurationError, match=r'name the event, @on\("join"\), or call the method on_join'):
            collect(Nameless)

    @pytest.mark.parametrize("name", ["connect", "disconnect"])
    def test_a_part_of_the_connections_life_is_no_event(self, name: str) -> None:
        class Odd:
            @on(name)
            async def other(self, ws: Ws) -> None: ...

        with pytest.raises(ConfigurationError, match=rf"'{name}' is a part of the connection's life"):
            collect(Odd)

    def test_a_name_that_no_event_may_have_is_refused(self) -> None:
        class Odd:
            @on("$ping")
            async def ping(self, ws: Ws) -> None: ...

        with pytest.raises(ConfigurationError, match=r"starts with \$"):
            collect(Odd)


class TestArguments:
    async def test_every_common_shape(self) -> None:
        class Chat:
            async def on_socket_payload(self, ws: Ws, point: Point) -> Any:
                return ws, point

            async def on_payload_socket(self, point: Point, ws: Ws) -> Any:
                return ws, point

            async def on_payload(self, point: Point) -> Any:
                return point

            async def on_socket(self, ws: Ws) -> Any:
                return ws

            async def on_nothing(self) -> Any:
                return "nothing"

        for event in ("socket_payload", "payload_socket"):
            ws, point = await run(Chat, b'{"x":1}', event)
            assert isinstance(ws, Ws)
            assert point == Point(x=1)
        assert await run(Chat, b'{"x":1}', "payload") == Point(x=1)
        assert isinstance(await run(Chat, event="socket"), Ws)
        assert await run(Chat, b'{"x":1}', "nothing") == "nothing"

    async def test_dependencies_are_made_and_closed_by_the_call(self) -> None:
        class Chat:
            async def on_x(self, point: Point, ws: Ws, a: Annotated[str, Depends(opened)]) -> Any:
                return point.x, a

        assert await run(Chat, b'{"x":1}') == (1, "for x")
        assert closed == ["x"]

    async def test_keyword_only_parameters(self) -> None:
        class Chat:
            async def on_x(self, *, point: Point, ws: Ws, a: Annotated[str, Depends(opened)]) -> Any:
                return point.x, a

        assert await run(Chat, b'{"x":1}') == (1, "for x")

    async def test_a_function_may_take_the_call_and_the_exits_are_shared(self) -> None:
        found = route(Derived, "join")
        call = call_of(found)
        call.exits = exits = AsyncExitStack()
        positional, named = await fill_arguments(
            ((None, CALL), ("a", Depends(opened))), call.socket, call, Resolver(), None
        )
        assert (positional, named) == ([call], {"a": "for join"})
        assert call.exits is exits
        await exits.aclose()
        assert closed == ["join"]

    def test_a_dependency_that_cannot_be_made_is_refused_at_start_up(self) -> None:
        class Chat:
            async def on_x(self, a: Annotated[str, Depends(impossible)]) -> None: ...

        with pytest.raises(ConfigurationError, match="'size' cannot be filled"):
            route(Chat, "x")


def impossible(size: int) -> None: ...


class TestPayload:
    class Chat:
        async def on_x(self, ws: Ws, point: Point) -> Any:
            return point

        async def on_default(self, point: Point | None = None) -> Any:
            return point

        async def on_text(self, text: str) -> Any:
            return text

        async def on_any(self, message) -> Any:  # type: ignore[no-untyped-def]
            return message  # pyright: ignore[reportUnknownVariableType]

        async def on_nothing(self) -> Any:
            return "nothing"

    async def test_a_payload_that_fails_is_refused(self) -> None:
        for raw in (b"{}", b'""', b"null", b"1"):
            with pytest.raises(InvalidPayload):
                await run(self.Chat, raw)

    async def test_an_absent_payload_is_the_default_else_refused(self) -> None:
        assert await run(self.Chat, event="default") is None
        with pytest.raises(InvalidPayload) as caught:
            await run(self.Chat)
        assert caught.value.details == [{"loc": [], "msg": "Field required", "type": "missing"}]

    async def test_empty_text_of_a_plain_peer_is_absent_where_the_type_refuses_it(self) -> None:
        assert await run(self.Chat, b'""', "default", protocol="plain") is None
        assert await run(self.Chat, b'""', "text", protocol="plain") == ""
        with pytest.raises(InvalidPayload, match="needs a payload"):
            await run(self.Chat, b'""', protocol="plain")
        with pytest.raises(InvalidPayload):
            await run(self.Chat, b"1", protocol="plain")
        with pytest.raises(InvalidPayload):
            await run(self.Chat, b'""', "default")

    async def test_a_handler_without_a_payload_ignores_it(self) -> None:
        assert await run(self.Chat, b'{"x":"y"}', "nothing") == "nothing"

    async def test_an_unannotated_payload_is_the_decoded_json(self) -> None:
        assert await run(self.Chat, b'{"a":[1]}', "any") == {"a": [1]}

    async def test_a_number_that_would_be_infinity_is_refused(self) -> None:
        with pytest.raises(BadFrame):
            await run(self.Chat, b"1e999", "any")


class TestStreams:
    class Chat:
        async def on_count(self, n: int) -> AsyncIterator[int]:
            for each in range(n):
                yield each

        async def on_made(self, n: int, a: Annotated[str, Depends(opened)]) -> AsyncGenerator[str, None]:
            try:
                for _ in range(n):
                    yield a
            finally:
                closed.append("stream")

        async def on_loose(self) -> AsyncIterator:  # type: ignore[type-arg]
            yield "anything"

        async def on_bare(self):  # type: ignore[no-untyped-def]
            yield 1

        async def on_wrong(self) -> int:  # type: ignore[misc]
            yield 1  # pyright: ignore[reportReturnType]

        @on(timeout=2)
        async def on_limited(self) -> AsyncIterator[int]:
            yield 1

    async def test_each_yield_is_an_item(self) -> None:
        assert await run(self.Chat, b"3", "count") is None
        assert sent == [b"0", b"1", b"2"]

    @pytest.mark.parametrize(("event", "item"), [("loose", b'"anything"'), ("bare", b"1")])
    async def test_the_type_of_items_may_be_left_out(self, event: str, item: bytes) -> None:
        await run(self.Chat, event=event)
        assert sent == [item]

    async def test_dependencies_live_as_long_as_the_stream(self) -> None:
        found = route(self.Chat, "made")
        call = call_of(found, b"2")
        await found.run(call)
        assert sent == [b'"for made"', b'"for made"']
        assert closed == ["stream"]
        assert call.exits is not None
        await call.exits.aclose()
        assert closed == ["stream", "made"]

    async def test_a_stream_that_cannot_be_sent_is_closed_at_once(self) -> None:
        handler = collect(self.Chat)["made"]
        handler.resolve({})

        async def failing(call: Call, item: bytes) -> None:
            raise OSError

        found = handlers.Route(
            handler,
            self.Chat(),
            chain=Chain(),
            resolver=Resolver(),
            seconds=1.0,
            checks=Checks(True),
            send_item=failing,
        )
        with pytest.raises(OSError):  # noqa: PT011
            await found.run(call_of(found, b"2"))
        assert closed == ["stream"]

    async def test_without_an_id_it_is_refused(self) -> None:
        with pytest.raises(BadFrame, match="send it with an id"):
            await run(self.Chat, b"3", "count", id=NO_ID)

    def test_its_annotation_says_what_it_yields(self) -> None:
        with pytest.raises(ConfigurationError, match=r"yields items: annotate it as -> AsyncIterator\[Item\]"):
            collect(self.Chat)["wrong"].resolve({})

    def test_only_a_time_limit_of_its_own_ends_it(self) -> None:
        assert route(self.Chat, "count", seconds=5).seconds == float("inf")
        assert route(self.Chat, "limited", seconds=5).seconds == 2


class TestRoute:
    class Chat:
        @on(raises=[Full], concurrent=3)
        async def on_x(self) -> int:
            return 1

        async def on_untyped(self):  # type: ignore[no-untyped-def]
            return 1

    def test_it_knows_its_options(self) -> None:
        found = route(self.Chat, "x", seconds=5)
        assert (found.event, found.streams, found.concurrent, found.seconds) == ("x", False, 3, 5)
        assert issubclass(Full, found.raises)
        assert issubclass(RateLimited, found.raises)
        assert not issubclass(Full, route(self.Chat, "untyped").raises)

    @pytest.mark.parametrize("strict", [False, True])
    def test_an_answer_is_validated_against_its_annotation(self, strict: bool) -> None:
        found = route(self.Chat, "x", strict=strict)
        assert found.encode("2") == b"2"
        with pytest.raises(InvalidValue):
            found.encode("two")
        assert route(self.Chat, "untyped", strict=strict).encode({"a": None}) == b'{"a":null}'

    async def test_validation_comes_last_unless_it_is_listed(self) -> None:
        seen: list[str] = []

        async def member(call: Call, call_next: Any) -> Any:
            try:
                seen.append(str(call.payload))
            except ValueError:
                seen.append("not yet")
            return await call_next(call)

        for chain in (Chain([member]), Chain([ValidatePayload(), member])):
            found = route(TestPayload.Chat, "text", chain=chain)
            assert await found.run(call_of(found, b'"hi"')) == "hi"
        assert seen == ["not yet", "hi"]

    def test_validation_listed_twice_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="Chat: ValidatePayload is listed 2 times in its chain; keep one"):
            with_validation(Chain([ValidatePayload(), ValidatePayload()]), "Chat")

    async def test_the_middleware_of_an_event_is_innermost(self) -> None:
        def member(name: str) -> Any:
            async def run(call: Call, call_next: Any) -> Any:
                return f"{name}({await call_next(call)})"

            return run

        class Chat:
            @on(middleware=[member("event")])
            async def on_x(self) -> str:
                return "handler"

        found = route(Chat, "x", chain=Chain([member("namespace")]))
        assert await found.run(call_of(found)) == "namespace(event(handler))"


def test_types_are_resolved_when_they_exist() -> None:
    class Chat:
        async def on_x(self, point: Later) -> Later: ...  # type: ignore[name-defined]  # noqa: F821

    handler: Handler = collect(Chat)["x"]
    with pytest.raises(NameError):
        handler.resolve({})
    assert not handler.resolved
    handler.resolve({"Later": Point})
    assert handler.resolved
    assert handler.payload.annotation is Point
    assert handler.result.annotation is Point
