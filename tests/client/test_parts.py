"""The smaller parts of the client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets import Error, UsageError
from microsockets.client import MicroSocketError
from microsockets.client.auth import auth_entry
from microsockets.client.emitter import Emitter
from microsockets.client.frames import read_frame
from microsockets.client.message import Message, check_name
from microsockets.client.questions import Handler, Questions
from microsockets.client.requests import Requests
from microsockets.client.session import websocket_url
from microsockets.client.tasks import Tasks
from microsockets.errors import ConfigurationError
from microsockets.payloads import ANYTHING, Codec
from pydantic import BaseModel, Field


def auth_data(entry: str | None) -> Any:
    """What a server reads."""
    assert entry is not None
    text = entry.removeprefix("microsockets.auth.")
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


# Auth


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=4)))
def test_whatever_the_auth_data_a_subprotocol_may_carry_them_and_they_arrive(data: Any) -> None:
    entry = asyncio.run(auth_entry({"data": data}))
    assert entry is not None
    assert set(entry) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert auth_data(entry) == {"data": data}


async def test_auth_is_a_value_a_function_or_an_async_function_and_none_is_none() -> None:
    async def later() -> dict[str, int]:
        return {"n": 3}

    class Token(BaseModel):
        text: str = Field(serialization_alias="token")

    assert auth_data(await auth_entry({"n": 1})) == {"n": 1}
    assert auth_data(await auth_entry(lambda: {"n": 2})) == {"n": 2}
    assert auth_data(await auth_entry(later)) == {"n": 3}
    assert auth_data(await auth_entry(Token(text="abc"))) == {"token": "abc"}
    assert await auth_entry(None) is None
    assert await auth_entry(lambda: None) is None


async def test_4_kib_of_auth_are_enough_and_one_byte_more_is_too_much() -> None:
    assert len(auth_data(await auth_entry("x" * 4094))) == 4094
    with pytest.raises(ValueError, match="4097 bytes"):
        await auth_entry("x" * 4095)


# Addresses


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("ws://a/b?c=d#e", "ws://a/b?c=d"),
        ("http://a:80/", "ws://a:80/"),
        ("https://a", "wss://a"),
        ("wss://user:pass@a/", "wss://user:pass@a/"),
        ("ws://[::1]:8000/x", "ws://[::1]:8000/x"),
    ],
)
def test_http_stands_for_ws_and_fragments_are_left_out(given_url: str, url: str) -> None:
    assert websocket_url(given_url) == url


@pytest.mark.parametrize("url", ["", "/chat", "chat", "ftp://a/", "ws://", "ws://a:x/", "ws://a:70000/", None, 1, b""])
def test_what_is_no_address_is_refused_with_an_example(url: Any) -> None:
    with pytest.raises(UsageError, match=r"give an address like"):
        websocket_url(url)


# Messages


def test_a_message_is_encoded_at_once_and_gets_its_id_later() -> None:
    message = Message('a "b"', ..., b'{"n":1}')
    assert json.loads(message.encode()) == {"event": 'a "b"', "payload": {"n": 1}}
    message.id = 0
    assert json.loads(message.encode()) == {"event": 'a "b"', "id": 0, "payload": {"n": 1}}
    assert json.loads(Message("typing", ..., None).encode()) == {"event": "typing"}


@pytest.mark.parametrize("name", ["$", "$hello", "", "\ud800", 1, None, ["join"]])
def test_what_cannot_name_an_event_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match="cannot name an event"):
        check_name(name)


# Frames


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"joined"}',
        '{"event":"joined","payload":{"user":"Ada"},"later":1}',
        '{"event":"confirm","id":9007199254740991}',
        '{"ack":0}',
        '{"ack":1,"payload":null}',
        '{"ack":1,"error":{"code":"timeout","message":"Too slow","details":null}}',
        '{"ack":1,"item":3}',
        '{"event":"$from a later version"}',
    ],
)
def test_a_server_may_send_these(text: str) -> None:
    assert read_frame(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        *["", "{", "null", "1", '"event"', "[]", "{}", '{"payload":1}', '{"item":1}', '{"event":1}', '{"event":null}'],
        *['{"event":"x","id":1.5}', '{"event":"x","id":"1"}', '{"event":"x","id":9007199254740992}'],
        *['{"ack":"1","payload":1}', '{"ack":null}', '{"ack":-1}', "[" * 1_000_000],
    ],
)
def test_no_server_sends_these(text: str) -> None:
    assert read_frame(text) is None


# Requests


class Waits:
    """A reply that notes what it gets."""

    def __init__(self, streams: bool = False) -> None:
        self.streams = streams
        self.got: list[Any] = []

    def receive(self, frame: Any) -> None:
        self.got.append(bytes(frame.item) if frame.has_item else frame.data)

    def fail(self, error: MicroSocketError) -> None:
        self.got.append(error.code)


def settle(requests: Requests, text: str) -> None:
    frame = read_frame(text)
    assert frame is not None
    requests.settle(frame)


def test_replies_go_to_who_asked_once_and_others_are_passed_over() -> None:
    requests = Requests()
    answer, stream, failed = Waits(), Waits(streams=True), Waits()
    assert [requests.add(each) for each in (answer, stream, failed)] == [0, 1, 2]
    assert requests.unanswered == 2
    for text in (
        *['{"ack":7,"payload":1}', '{"ack":7,"item":1}', '{"ack":7,"error":{"code":"x"}}', '{"ack":7}'],
        *['{"ack":0,"payload":"two"}', '{"ack":0,"payload":"again"}'],
        *['{"ack":1,"item":1}', '{"ack":1,"item":null}', '{"ack":1}', '{"ack":1,"item":3}'],
        '{"ack":2,"error":{"code":"room_full"}}',
    ):
        settle(requests, text)
    assert (answer.got, stream.got, failed.got) == ([b'"two"'], [b"1", b"null", b"null"], ["room_full"])
    assert requests.unanswered == 0
    assert requests.add(answer) == 3


def test_when_no_reply_will_come_all_are_told_in_order_and_may_ask_again() -> None:
    requests = Requests()
    order: list[int] = []
    again = Waits()

    class Asks(Waits):
        def fail(self, error: MicroSocketError) -> None:
            order.append(len(order))
            requests.take(2)
            requests.add(again)

    taken = Waits()
    for each in (Asks(), Waits(streams=True), taken):
        requests.add(each)
    requests.fail_all(MicroSocketError("disconnected"))
    assert (order, taken.got, again.got, requests.unanswered) == ([0], [], [], 1)


# Questions


class Asked:
    """Questions, and what was reported of their handlers."""

    def __init__(self) -> None:
        self.reported: list[BaseException] = []
        self.questions = Questions(self.reported.append)

    def bind(self, function: Any, question: Codec[Any] = ANYTHING, answer: Codec[Any] = ANYTHING) -> Any:
        return self.questions.bind("confirm", Handler(function, question, answer))

    async def ask(self, payload: bytes = b"null", event: str = "confirm") -> Any:
        return json.loads(await self.questions.answer(1, event, payload))


def as_list(payload: Any) -> list[Any]:
    return [payload]


def always(answer: str) -> Callable[[Any], str]:
    return lambda payload: answer


async def test_a_question_is_answered_with_what_its_handler_returns_or_awaits() -> None:
    asked = Asked()
    asked.bind(as_list)
    assert await asked.ask(b'"sure?"') == {"ack": 1, "payload": ["sure?"]}

    async def later(payload: Any) -> None:
        await asyncio.sleep(0)

    asked.bind(later)
    assert await asked.ask() == {"ack": 1, "payload": None}


async def test_a_question_without_a_handler_is_unknown_and_the_last_handler_bound_counts() -> None:
    asked = Asked()
    unknown = {"ack": 1, "error": {"code": "unknown_event", "message": "No handler"}}
    assert await asked.ask() == unknown
    unbind_first = asked.bind(always("first"))
    unbind_second = asked.bind(always("second"))
    unbind_first()
    assert await asked.ask() == {"ack": 1, "payload": "second"}
    unbind_second()
    unbind_second()
    assert await asked.ask() == unknown


async def test_a_question_of_another_type_is_answered_with_its_problems() -> None:
    asked = Asked()
    asked.bind(as_list, Codec(int))
    error = (await asked.ask(b'"secret"'))["error"]
    assert (error["code"], error["details"][0]["type"]) == ("invalid_payload", "int_parsing")
    assert "secret" not in json.dumps(error)
    assert asked.reported == []


class Busy(Error):
    """Later"""

    code = "busy"
    details: int


@pytest.mark.parametrize("error", [MicroSocketError("busy", "Later", 5), Busy(details=5)])
async def test_an_error_with_a_code_is_the_answer(error: Exception) -> None:
    async def fail(payload: Any) -> None:
        raise error

    asked = Asked()
    asked.bind(fail)
    assert await asked.ask() == {"ack": 1, "error": {"code": "busy", "message": "Later", "details": 5}}
    assert asked.reported == []


async def test_what_else_goes_wrong_is_reported_here_and_the_server_learns_nothing_of_it() -> None:
    asked = Asked()
    failed = {"ack": 1, "error": {"code": "internal_error", "message": "The handler failed"}}

    def broken(payload: Any) -> None:
        raise ValueError("secret")

    def unwritable(payload: Any) -> None:
        raise MicroSocketError("busy", details=object())

    asked.bind(broken)
    assert await asked.ask() == failed
    asked.bind(unwritable)
    assert await asked.ask() == failed
    asked.bind(always("x"), answer=Codec(int))
    assert await asked.ask() == failed
    assert len(asked.reported) == 3


async def test_beyond_256_unanswered_questions_the_server_is_told_to_wait() -> None:
    asked = Asked()
    finish = asyncio.Event()

    async def confirm(payload: Any) -> str:
        await finish.wait()
        return "yes"

    asked.bind(confirm)
    waiting = [asyncio.create_task(asked.ask()) for _ in range(256)]
    await asyncio.sleep(0)
    error = {"code": "overloaded", "message": "Too many questions", "details": {"retry_after": 1}}
    assert await asked.ask() == {"ack": 1, "error": error}
    finish.set()
    assert await asyncio.gather(*waiting) == [{"ack": 1, "payload": "yes"}] * 256
    assert await asked.ask() == {"ack": 1, "payload": "yes"}


# Emitter


class Told:
    """An emitter, what it called, and what was reported."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.reported: list[BaseException] = []
        self.tasks = Tasks()
        self.emitter: Emitter[[int]] = Emitter(self.tasks, self.reported.append)

    def named(self, name: str) -> Callable[[int], None]:
        def note(n: int) -> None:
            self.calls.append((name, n))

        return note


async def test_functions_are_called_in_the_order_in_which_they_were_bound_until_they_are_unbound() -> None:
    told = Told()
    both = told.named("both")
    unbind = told.emitter.bind(both)
    told.emitter.bind(both)
    told.emitter.bind(told.named("other"))
    told.emitter.emit(1)
    unbind()
    unbind()
    told.emitter.emit(2)
    told.emitter.off(both)
    told.emitter.emit(3)
    told.emitter.off()
    told.emitter.off()
    told.emitter.emit(4)
    assert told.calls == [("both", 1), ("both", 1), ("other", 1), ("both", 2), ("other", 2), ("other", 3)]


async def test_who_binds_unbinds_and_emits_while_it_is_called_disturbs_nothing() -> None:
    told = Told()

    def once(n: int) -> None:
        told.calls.append(("once", n))
        told.emitter.bind(told.named("late"))
        told.emitter.emit(n + 1)

    told.emitter.bind(once, once=True)
    told.emitter.bind(told.named("second"), once=True)
    told.emitter.emit(1)
    assert told.calls == [("once", 1), ("second", 2), ("late", 2)]


async def test_calls_of_an_async_function_run_one_at_a_time_in_order() -> None:
    told = Told()
    running = 0

    async def slow(n: int) -> None:
        nonlocal running
        running += 1
        assert running == 1
        for _ in range(3 - n % 3):
            await asyncio.sleep(0)
        told.calls.append(("slow", n))
        running -= 1

    told.emitter.bind(slow)
    for n in range(9):
        told.emitter.emit(n)
    assert told.calls == []
    await told.tasks.finish(1)
    assert told.calls == [("slow", n) for n in range(9)]
    assert told.reported == []


async def test_a_call_that_waits_can_be_forgotten_and_one_that_runs_is_cancelled_with_its_owner() -> None:
    told = Told()

    async def stuck(n: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.calls.append(("ended", n))

    told.emitter.bind(stuck)
    for n in range(3):
        told.emitter.emit(n)
    await asyncio.sleep(0)
    told.emitter.forget()
    await told.tasks.finish(0)
    assert told.calls == [("ended", 0)]
    assert told.reported == []


async def test_a_cancelled_wait_of_the_application_is_reported_and_ends_nothing_else() -> None:
    told = Told()

    async def waits(n: int) -> None:
        if n == 0:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        told.calls.append(("went on", n))

    told.emitter.bind(waits)
    told.emitter.emit(0)
    told.emitter.emit(1)
    await told.tasks.finish(1)
    assert [type(error) for error in told.reported] == [asyncio.CancelledError]
    assert told.calls == [("went on", 1)]


async def test_a_task_does_not_wait_for_itself_to_finish() -> None:
    tasks = Tasks()
    ended: list[str] = []

    async def leave() -> None:
        await tasks.finish(1)
        ended.append("left")

    await tasks.spawn(leave())
    assert ended == ["left"]
    await tasks.finish(1)


def test_an_error_is_told_by_its_code_and_message() -> None:
    error = MicroSocketError("room_full", "No more chairs", {"capacity": 3})
    assert str(error) == "room_full: No more chairs"
    assert (error.code, error.message, error.details) == ("room_full", "No more chairs", {"capacity": 3})
    assert str(MicroSocketError("room_full")) == MicroSocketError("room_full").message == "room_full"
    assert not issubclass(MicroSocketError, Error | ConfigurationError)
