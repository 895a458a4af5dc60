"""What the server's own classes say about an event."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from microsockets import Ask, ConfigurationError, Depends, Event, Namespace, Socket, UsageError, on
from microsockets.client import MicroSocket
from microsockets.client.declared import call_of, codec_of, event_of, name_of, question_of
from pydantic import BaseModel, Field


class Text(BaseModel):
    text: str = Field(alias="t")


def now() -> int:
    return 1


class Mixin:
    async def on_mixed(self, n: int) -> str:
        return str(n)


class Base(Namespace, path="/declared"):
    said = Event[Text]()
    left = Event[None]("went away")
    confirm = Ask[Text, bool]("sure?")

    async def on_say(self, ws: Socket, text: Text) -> Text:
        return text

    @on("user joined")
    async def on_join(self, ws: Socket, text: Text | None = None) -> None: ...

    async def on_time(self, ws: Socket, at: Annotated[int, Depends(now)]) -> int:
        return at

    async def on_count(self, limit: int) -> AsyncIterator[int]:
        yield limit

    async def helper(self) -> None: ...


class Derived(Mixin, Base):
    async def on_join(self, ws: Socket, text: Text | None = None) -> None: ...


def test_a_handlers_method_says_its_name_payload_and_answer() -> None:
    call = call_of(Base.on_say)
    assert (call.name, call.where, call.streams) == ("say", "Base.on_say", False)
    assert call.encode(Text(t="x")) == b'{"t":"x"}'
    assert call.answer.decode(b'{"t":"x"}') == Text(t="x")
    assert call_of(Base.on_count).streams is True
    assert call_of(Base.on_count).answer.decode(b"4") == 4


def test_names_that_are_given_or_inherited_are_known() -> None:
    assert call_of(Base.on_join).name == call_of(Derived.on_join).name == "user joined"
    assert call_of(Derived.on_mixed).name == "mixed"
    assert event_of(Base.left)[0] == name_of(Base.left) == "went away"
    assert question_of(Base.confirm)[0] == "sure?"


def test_a_class_within_a_function_is_known_too() -> None:
    class Local(BaseModel):
        n: int

    class Inside(Namespace, path="/inside"):
        told = Event[Local]()

        async def on_tell(self, payload: Local) -> Local:
            return payload

    assert call_of(Inside.on_tell).encode(Local(n=1)) == b'{"n":1}'
    assert event_of(Inside.told)[1].decode(b'{"n":1}') == Local(n=1)


def test_a_payload_is_due_where_there_is_no_default_and_refused_where_nothing_takes_it() -> None:
    assert call_of(Base.on_join).encode(...) is None
    assert call_of("anything").encode(...) is None
    with pytest.raises(UsageError, match=r"Base.on_say needs a payload: a Text"):
        call_of(Base.on_say).encode(...)
    # Dependencies are the server's own.
    assert call_of(Base.on_time).encode(...) is None
    with pytest.raises(UsageError, match=r"Base.on_time takes no payload"):
        call_of(Base.on_time).encode(1)
    with pytest.raises(UsageError, match=r"the value is no Text: t: Field required"):
        call_of(Base.on_say).encode({"secret": 1})


def other() -> None: ...


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (Base.helper, "Base.helper handles no event: give the on_<event> method of a namespace"),
        (other, "other handles no event"),
        (Base.said, r"Base.said is sent by the server: use on\(\) or handle\(\)"),
        (Base.confirm, "Base.confirm is sent by the server"),
        ("$hello", "names with \\$ are those of control frames"),
        (4, "4 cannot name an event"),
    ],
)
def test_what_a_client_cannot_send_is_refused(what: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call_of(what)


def test_what_a_server_does_not_send_is_refused() -> None:
    for wrong, message in (
        (Base.on_say, r"on\(\) takes what the server sends"),
        (Base.confirm, r"Base.confirm: use handle\(\), not on\(\)"),
        ("$hello", "cannot name an event"),
    ):
        with pytest.raises(UsageError, match=message):
            event_of(wrong)
    with pytest.raises(UsageError, match=r"Base.said: use on\(\), not handle\(\)"):
        question_of(Base.said)


def test_types_go_with_names_only() -> None:
    assert event_of("n", int)[1].decode(b"1") == 1
    name, question, answer = question_of("n", int, str)
    assert (name, question.decode(b"1"), answer.encode("x")) == ("n", 1, b'"x"')
    assert call_of("n", int).answer.decode(b"1") == 1
    for call in (
        lambda: event_of(Base.said, int),
        lambda: question_of(Base.confirm, int),
        lambda: question_of(Base.confirm, answer=int),
        lambda: call_of(Base.on_say, int),
    ):
        with pytest.raises(UsageError, match="goes with a name"):
            call()


def test_a_name_that_is_not_defined_yet_is_tried_again_and_then_told() -> None:
    class Early(Namespace, path="/early"):
        told = Event["Missing"]()  # type: ignore[name-defined]

        async def on_tell(self, payload: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    early: Any = Early
    for read in (lambda: event_of(early.told), lambda: call_of(early.on_tell)):
        with pytest.raises(ConfigurationError, match="the name 'Missing' in an annotation is not defined"):
            read()


def test_codecs_are_made_once_and_types_that_only_look_alike_are_told_apart() -> None:
    assert codec_of(list[int]) is codec_of(list[int])
    assert codec_of(int | str) is not codec_of(str | int)
    assert codec_of(Annotated[int, Unhashable()]).decode(b"1") == 1


class Unhashable:
    __hash__ = None  # type: ignore[assignment]


def test_options_that_contradict_each_other_are_refused() -> None:
    connect: Any = MicroSocket
    for options, message in (
        ({"plain": True, "auth": 1}, "sends no auth: use headers="),
        ({"subprotocols": "chat"}, "give a list"),
        ({"subprotocols": ["a b"]}, "a subprotocol has letters"),
        ({"ssl": ssl.create_default_context()}, "goes with wss://"),
    ):
        with pytest.raises(UsageError, match=message):
            connect("ws://127.0.0.1/", **options)


async def test_a_stream_and_an_answer_are_not_confused() -> None:
    socket = MicroSocket("ws://127.0.0.1/")
    wrong: Any = Base.on_count
    for call in (socket.request, socket.send):
        with pytest.raises(UsageError, match=r"Base.on_count answers with a stream: use stream\(\)"):
            await call(wrong, 1)
    wrong = Base.on_say
    with pytest.raises(UsageError, match=r"Base.on_say has one answer: use request\(\)"):
        socket.stream(wrong, Text(t=""))
