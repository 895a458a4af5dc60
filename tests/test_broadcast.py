"""Sending: validation on the way out, what leaves, and in which order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from microsockets import ALL, Application, Event, Namespace, Socket, UsageError
from microsockets.errors import InvalidValue
from microsockets.testing import Client, RequestFailed
from pydantic import BaseModel, ConfigDict, Field, field_serializer


class Author(BaseModel):
    name: str


class Member(Author):
    password_hash: str


class Message(BaseModel):
    author: Author
    text: str = Field(alias="body", max_length=8)
    number: float = 0


class Counted(BaseModel):
    serialized: list[str]

    @field_serializer("serialized")
    def _serialize(self, value: list[str]) -> list[str]:
        value.append("once")
        return []


@dataclass
class Point:
    x: int


class Chat(Namespace, path="/"):
    message = Event[Message]()
    author = Event[Author]()
    authors = Event[list[Author] | dict[str, Author]]()
    ping = Event[None]()
    number = Event[int]()
    point = Event[Point]()
    counted = Event[Counted]()
    anything = Event[Any]()
    renamed = Event[int]("a name with spaces")

    async def on_number(self, ws: Socket, payload: int) -> str:
        await self.number.broadcast(payload, to=ALL)
        await ws.emit("number", payload + 1)
        await self.number.broadcast(payload + 2, to=ws)
        await ws.emit("other", payload + 3)
        return "answer"

    async def on_emit(self, ws: Socket, payload: list[Any]) -> None:
        await ws.emit(*payload)

    async def on_fail(self, ws: Socket) -> None:
        await ws.emit("number", 1)
        raise RuntimeError


async def sent(event: str, payload: Any) -> Any:
    """What a client gets when `payload` is broadcast."""
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect()
        await getattr(app[Chat], event).broadcast(payload, to=ALL)
        return await alice.receive(event)


async def sent_in_production(event: str, payload: Any, *, debug: bool = False) -> Any:
    """Likewise, without the closer look of tests, which the client takes only at an `Application`."""
    app = Application(Chat, debug=debug)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    async with Client(serve) as client:
        alice = await client.connect()
        await getattr(app[Chat], event).broadcast(payload, to=ALL)
        return await alice.receive(event)


# Validation


async def test_a_payload_is_sent_as_json_by_alias() -> None:
    message = Message(author=Author(name="alice"), body="hi")
    assert await sent("message", message) == {"author": {"name": "alice"}, "body": "hi", "number": 0}


async def test_a_payload_is_validated() -> None:
    assert await sent("message", {"author": {"name": "alice"}, "body": "hi", "number": "3"}) == {
        "author": {"name": "alice"},
        "body": "hi",
        "number": 3,
    }


@pytest.mark.parametrize("serve", [sent, sent_in_production])
@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("message", {"author": {"name": "alice"}, "body": "far too long"}),
        ("message", {"author": {"name": "alice"}}),
        ("author", "alice"),
        ("number", "seven"),
        ("number", None),
        ("ping", 1),
        ("anything", object()),
        ("anything", "\ud800"),
        ("author", {"name": "\ud800"}),
    ],
)
async def test_a_payload_that_does_not_validate_is_refused(serve: Any, event: str, payload: Any) -> None:
    with pytest.raises(InvalidValue):
        await serve(event, payload)


async def test_a_refused_payload_reaches_nobody_and_is_not_quoted() -> None:
    app = Application(Chat)
    wrong: Any = "hunter2"
    async with Client(app) as client:
        alice = await client.connect()
        with pytest.raises(InvalidValue) as caught:
            await app[Chat].number.broadcast(wrong, to=ALL)
        assert "hunter2" not in str(caught.value)
        await alice.expect_nothing()


async def test_an_event_of_none_needs_no_payload() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect()
        await app[Chat].ping.broadcast(to=ALL)
        assert await alice.receive_frame() == {"event": "ping", "payload": None}


async def test_an_event_has_the_name_it_was_given() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect()
        await app[Chat].renamed.broadcast(7, to=ALL)
        assert await alice.receive_frame() == {"event": "a name with spaces", "payload": 7}


async def test_any_type_pydantic_validates_is_sent() -> None:
    assert await sent("point", Point(3)) == {"x": 3}
    assert await sent("anything", {"a": [1, None, Point(3)]}) == {"a": [1, None, {"x": 3}]}


async def test_a_broadcast_is_encoded_once_however_many_get_it() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = [await client.connect() for _ in range(5)]
        payload = Counted(serialized=[])
        await app[Chat].counted.broadcast(payload, to=ALL)
        for peer in peers:
            await peer.receive("counted")
        assert payload.serialized == ["once"]


# Only declared fields leave


async def test_only_the_declared_types_fields_leave_of_a_subclass() -> None:
    member = Member(name="alice", password_hash="secret")
    assert await sent("author", member) == {"name": "alice"}


async def test_only_the_declared_fields_leave_of_something_nested() -> None:
    member = Member(name="alice", password_hash="secret")
    assert await sent("message", Message(author=member, body="hi")) == {
        "author": {"name": "alice"},
        "body": "hi",
        "number": 0,
    }


@pytest.mark.parametrize("serve", [sent, sent_in_production])
async def test_only_the_declared_fields_leave_of_what_is_in_containers(serve: Any) -> None:
    member = Member(name="alice", password_hash="secret")
    assert await serve("authors", [member, member]) == [{"name": "alice"}] * 2
    assert await serve("authors", {"a": member}) == {"a": {"name": "alice"}}


async def test_only_the_declared_fields_leave_of_a_dict() -> None:
    assert await sent("author", {"name": "alice", "password_hash": "secret"}) == {"name": "alice"}


async def test_only_the_declared_fields_leave_of_a_model_that_allows_extras() -> None:
    class Loose(Author):
        model_config = ConfigDict(extra="allow")

    loose = Loose.model_validate({"name": "alice", "password_hash": "secret"})
    assert await sent("author", loose) == {"name": "alice"}


async def test_only_the_declared_fields_leave_in_emit() -> None:
    class Leaky(Namespace, path="/"):
        author = Event[Author]()

        async def on_whoami(self, ws: Socket) -> None:
            await ws.emit("author", Member(name="alice", password_hash="secret"))

    async with Client(Application(Leaky)) as client:
        alice = await client.connect()
        await alice.send("whoami")
        assert await alice.receive("author") == {"name": "alice"}


# With debug=True and in tests


def mutated() -> Author:
    author = Author(name="alice")
    wrong: Any = 7
    author.name = wrong
    return author


def not_a_number() -> Message:
    return Message(author=Author(name="alice"), body="hi", number=float("nan"))


@pytest.mark.parametrize(("event", "payload"), [("author", mutated()), ("message", not_a_number())])
async def test_in_tests_a_mutated_model_and_bytes_that_do_not_validate_are_refused(event: str, payload: Any) -> None:
    with pytest.raises(InvalidValue):
        await sent(event, payload)


@pytest.mark.parametrize(("event", "payload"), [("author", mutated()), ("message", not_a_number())])
async def test_with_debug_a_mutated_model_and_bytes_that_do_not_validate_are_refused(event: str, payload: Any) -> None:
    with pytest.raises(InvalidValue):
        await sent_in_production(event, payload, debug=True)


async def test_in_production_what_passes_validation_is_sent() -> None:
    assert await sent_in_production("author", mutated()) == {"name": 7}


# ws.emit


async def test_emit_with_a_declared_name_validates() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.request("emit", ["number", "7"])
        assert await alice.receive("number") == 7
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("emit", ["number", "seven"])
        await alice.expect_nothing()


async def test_emit_with_the_declared_name_of_another_attribute_validates() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("emit", ["a name with spaces", "seven"])
        await alice.request("emit", ["renamed", "an attribute's name is no event's"])
        assert await alice.receive("renamed") == "an attribute's name is no event's"


@pytest.mark.parametrize("payload", [None, "", 0, [1, {"a": None}], 'ünï ☃ \n"', {"event": "x"}])
async def test_emit_with_an_undeclared_name_goes_out_as_it_is(payload: Any) -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.request("emit", ['undeclared "☃"', payload])
        assert await alice.receive_frame() == {"event": 'undeclared "☃"', "payload": payload}


async def test_emit_without_a_payload_sends_an_empty_string() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.request("emit", ["undeclared"])
        assert await alice.receive_frame() == {"event": "undeclared", "payload": ""}


async def test_emit_of_a_control_frame_is_refused() -> None:
    class Careless(Namespace, path="/"):
        async def on_say(self, ws: Socket) -> None:
            with pytest.raises(UsageError, match=r"\$hello"):
                await ws.emit("$hello")

    async with Client(Application(Careless)) as client:
        alice = await client.connect()
        await alice.request("say")
        await alice.expect_nothing()


# Order


async def test_order_is_fifo_per_socket_and_an_event_sent_before_a_handler_returns_precedes_its_answer() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("number", 1, id=1000)
        frames = [await alice.receive_frame() for _ in range(5)]
        assert frames == [
            {"event": "number", "payload": 1},
            {"event": "number", "payload": 2},
            {"event": "number", "payload": 3},
            {"event": "other", "payload": 4},
            {"ack": 1000, "payload": "answer"},
        ]


async def test_an_event_sent_before_a_handler_fails_precedes_its_error() -> None:
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("fail", id=1000)
        assert await alice.receive("number") == 1
        assert (await alice.receive_frame())["ack"] == 1000


async def test_order_is_fifo_for_many_broadcasts_from_many_sides() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        peers = [await client.connect() for _ in range(3)]
        for number in range(200):
            await app[Chat].number.broadcast(number, to=ALL)
        for peer in peers:
            assert [await peer.receive("number") for _ in range(200)] == list(range(200))


async def test_two_publishers_each_keep_their_order() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect()

        async def publish(start: int) -> None:
            for number in range(start, start + 50):
                await app[Chat].number.broadcast(number, to=ALL)
                await asyncio.sleep(0)

        await asyncio.gather(publish(0), publish(1000))
        got = [await alice.receive("number") for _ in range(100)]
        assert [number for number in got if number < 1000] == list(range(50))
        assert [number for number in got if number >= 1000] == list(range(1000, 1050))


async def test_an_event_that_belongs_to_no_application_says_what_to_write() -> None:
    class Loose(Namespace, path="/"):
        said = Event[str]()

    with pytest.raises(UsageError, match=r"app\[.*Loose\]\.said"):
        await Loose().said.broadcast("hello", to=ALL)
