"""Answers: return values, errors with codes, failures, time limits."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Never, NoReturn

import pytest
from microsockets import Application, Error, Event, Namespace, Socket, on
from microsockets.errors import Forbidden, InvalidPayload, RateLimited
from microsockets.testing import Client, RequestFailed
from pydantic import BaseModel, Field, TypeAdapter

SECRET = "hunter2"


class Seats(BaseModel):
    left: int
    hall_name: str = Field(default="main", alias="hallName")


class RoomFull(Error):
    """No seat is left"""

    code = "room_full"
    details: Seats


class Missing(Error):
    code = "no_such_thing"


class Reply(BaseModel):
    user_name: str = Field(alias="userName")
    at: datetime | None = None


class SecretReply(Reply):
    password: str


@dataclass
class Row:
    id: int


def build(namespace: type[Namespace], **options: Any) -> Client:
    return Client(Application(namespace, **options))


async def failure(client: Client, event: str, payload: Any = ...) -> RequestFailed:
    peer = client.peers[0] if client.peers else await client.connect()
    with pytest.raises(RequestFailed) as failed:
        await peer.request(event, payload)
    return failed.value


# Return values


class Answering(Namespace, path="/"):
    async def on_model(self, ws: Socket) -> Reply:
        return Reply(userName="ada", at=datetime(2026, 5, 1, tzinfo=UTC))

    async def on_dict_for_model(self, ws: Socket) -> Reply:
        return {"userName": "ada"}  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def on_subclass(self, ws: Socket) -> Reply:
        return SecretReply(userName="ada", password="hunter2")

    async def on_rows(self, ws: Socket) -> list[Row]:
        return [Row(1), Row(2)]

    async def on_text_for_int(self, ws: Socket) -> int:
        return "twelve"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def on_something_for_none(self, ws: Socket) -> None:
        return 3  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def on_none_for_int(self, ws: Socket) -> int:
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def on_changed(self, ws: Socket) -> Reply:
        reply = Reply(userName="ada")
        reply.user_name = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        return reply

    async def on_nothing(self, ws: Socket) -> None: ...

    async def on_unannotated(self, ws: Socket):  # type: ignore[no-untyped-def]
        return {"free": [1, None, datetime(2026, 5, 1, tzinfo=UTC)]}

    async def on_nothing_unannotated(self, ws: Socket): ...  # type: ignore[no-untyped-def]

    async def on_no_json(self, ws: Socket) -> Any:
        return object()

    async def on_circular(self, ws: Socket) -> Any:
        circle: list[Any] = []
        circle.append(circle)
        return circle


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ("model", {"userName": "ada", "at": "2026-05-01T00:00:00Z"}),
        ("dict_for_model", {"userName": "ada", "at": None}),
        ("rows", [{"id": 1}, {"id": 2}]),
        ("nothing", None),
        ("unannotated", {"free": [1, None, "2026-05-01T00:00:00Z"]}),
        ("nothing_unannotated", None),
    ],
)
async def test_the_return_value_is_the_answer(event: str, answer: Any) -> None:
    async with build(Answering) as client:
        assert await (await client.connect()).request(event) == answer


async def test_only_fields_the_annotation_declares_leave() -> None:
    async with build(Answering) as client:
        assert await (await client.connect()).request("subclass") == {"userName": "ada", "at": None}


@pytest.mark.parametrize(
    "event", ["text_for_int", "something_for_none", "none_for_int", "changed", "no_json", "circular"]
)
async def test_a_return_value_its_annotation_refuses_is_an_internal_error(
    event: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with build(Answering) as client:
        failed = await failure(client, event)
        assert failed.code == "internal_error"
        assert await client.peers[0].request("nothing") is None
    assert len(caplog.records) == 1


async def test_an_answer_always_has_a_payload_null_included() -> None:
    async with build(Answering) as client:
        alice = await client.connect()
        await alice.send("nothing", id=70)
        assert await alice.receive_frame() == {"ack": 70, "payload": None}


async def test_a_handler_without_an_id_runs_and_is_not_answered() -> None:
    ran: list[int] = []

    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket, payload: int) -> int:
            ran.append(payload)
            return payload

    async with build(Chat) as client:
        alice = await client.connect()
        await alice.send("say", 1)
        await alice.expect_nothing()
        assert ran == [1]


async def test_an_event_sent_before_a_handler_returns_precedes_its_answer() -> None:
    class Chat(Namespace, path="/"):
        said = Event[int]()

        async def on_say(self, ws: Socket) -> int:
            await self.said.broadcast(1, to=ws)
            await ws.emit("free", 2)
            return 3

    async with build(Chat) as client:
        alice = await client.connect()
        await alice.send("say", id=70)
        assert await alice.receive("said") == 1
        assert await alice.receive("free") == 2
        assert await alice.receive_frame() == {"ack": 70, "payload": 3}


# Errors


class Failing(Namespace, path="/"):
    @on(raises=[RoomFull, Missing])
    async def on_fail(self, ws: Socket, payload: str) -> int:
        match payload:
            case "typed":
                raise RoomFull("Come back later", details=Seats(left=0, hallName="blue"))
            case "as dict":
                raise RoomFull(details={"left": 2})
            case "bare":
                raise RoomFull
            case "wrong details":
                raise RoomFull(details={"left": "hunter2"})
            case "untyped":
                raise Missing(details=[1, {"a": None}])
            case _:
                raise Missing

    async def on_unlisted(self, ws: Socket) -> None:
        raise RoomFull

    async def on_forbidden(self, ws: Socket) -> None:
        raise Forbidden("Not for you")

    async def on_limited(self, ws: Socket) -> None:
        raise RateLimited(retry_after=1.5)

    async def on_invalid(self, ws: Socket) -> None:
        raise InvalidPayload("That date is in the past")

    async def on_bug(self, ws: Socket) -> None:
        raise LookupError("hunter2")

    async def on_validation(self, ws: Socket) -> None:
        TypeAdapter(int).validate_python(SECRET)

    async def on_cancelled(self, ws: Socket) -> None:
        raise asyncio.CancelledError

    async def on_exit(self, ws: Socket) -> None:
        raise SystemExit(3)

    async def on_fine(self, ws: Socket) -> str:
        return "fine"


@pytest.mark.parametrize(
    ("payload", "code", "message", "details"),
    [
        ("typed", "room_full", "Come back later", {"left": 0, "hallName": "blue"}),
        ("as dict", "room_full", "No seat is left", {"left": 2, "hallName": "main"}),
        ("bare", "room_full", "No seat is left", None),
        ("untyped", "no_such_thing", "no such thing", [1, {"a": None}]),
        ("", "no_such_thing", "no such thing", None),
    ],
)
async def test_a_listed_error_is_answered_with_its_code_message_and_details(
    payload: str, code: str, message: str, details: Any
) -> None:
    async with build(Failing) as client:
        failed = await failure(client, "fail", payload)
    assert (failed.code, failed.message, failed.details) == (code, message, details)


async def test_details_are_left_out_of_the_frame_where_there_are_none() -> None:
    async with build(Failing) as client:
        alice = await client.connect()
        await alice.send("fail", "bare", id=70)
        assert await alice.receive_frame() == {
            "ack": 70,
            "error": {"code": "room_full", "message": "No seat is left"},
        }


async def test_details_their_annotation_refuses_are_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    async with build(Failing) as client:
        failed = await failure(client, "fail", "wrong details")
    assert failed.code == "internal_error"
    assert "hunter2" not in str(failed.details) + caplog.text


async def test_an_error_without_an_id_is_an_error_event() -> None:
    async with build(Failing) as client:
        alice = await client.connect()
        await alice.send("fail", "typed")
        assert await alice.receive("$error") == {
            "code": "room_full",
            "message": "Come back later",
            "details": {"left": 0, "hallName": "blue"},
            "event": "fail",
        }


async def test_an_unlisted_error_still_goes_out_with_its_code_and_fails_the_test() -> None:
    async def use() -> None:
        async with build(Failing) as client:
            failures.append(await failure(client, "unlisted"))

    failures: list[RequestFailed] = []
    with pytest.raises(AssertionError, match=r"'unlisted' answered with RoomFull: list it, @on\(raises=\[RoomFull\]\)"):
        await use()
    assert [(each.code, each.message) for each in failures] == [("room_full", "No seat is left")]


async def test_an_error_listed_by_its_base_class_is_listed() -> None:
    class VeryFull(RoomFull):
        code = "very_full"

    class Chat(Namespace, path="/"):
        @on(raises=[RoomFull])
        async def on_join(self, ws: Socket) -> None:
            raise VeryFull(details=Seats(left=-1))

    async with build(Chat) as client:
        failed = await failure(client, "join")
    assert (failed.code, failed.details) == ("very_full", {"left": -1, "hallName": "main"})


@pytest.mark.parametrize(
    ("event", "code", "details"),
    [
        ("forbidden", "forbidden", None),
        ("limited", "rate_limited", {"retry_after": 1.5}),
        ("invalid", "invalid_payload", None),
    ],
)
async def test_the_frameworks_own_errors_need_no_listing(event: str, code: str, details: Any) -> None:
    async with build(Failing) as client:
        failed = await failure(client, event)
    assert (failed.code, failed.details) == (code, details)


# Internal errors


async def test_any_other_exception_answers_internal_error_with_a_correlation_id() -> None:
    app = Application(Failing)
    async with Client(app) as client:
        failed = await failure(client, "bug")
        assert failed.code == "internal_error"
        assert failed.details.keys() == {"correlation_id"}
        other = await failure(client, "bug")
        assert other.details != failed.details
        assert app.counters["internal_error"] == 2
    assert "hunter2" not in f"{failed} {failed.details}"


async def test_an_internal_error_is_logged_once_with_its_traceback_and_correlation_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with build(Failing) as client:
        failed = await failure(client, "bug")
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert failed.details["correlation_id"] in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)
    assert "in on_bug" in caplog.text


async def test_the_details_of_an_internal_error_are_told_only_with_debug() -> None:
    async with build(Failing, debug=True) as client:
        failed = await failure(client, "bug")
    assert failed.details.keys() == {"correlation_id", "exception", "traceback"}
    assert failed.details["exception"] == "LookupError: hunter2"
    assert re.search(r"in on_bug\n.*\n(.*\n)?LookupError: hunter2", failed.details["traceback"])


@pytest.mark.parametrize("event", ["bug", "validation", "fail", "forbidden", "exit", "cancelled"])
async def test_the_connection_lives_on_after_a_failure(event: str) -> None:
    async with build(Failing) as client:
        await failure(client, event, "")
        assert await client.peers[0].request("fine") == "fine"


async def test_a_pydantic_error_raised_inside_a_handler_is_the_handlers_own_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with build(Failing) as client:
        failed = await failure(client, "validation")
    assert failed.code == "internal_error"
    assert len(caplog.records) == 1
    assert "hunter2" not in caplog.text + str(failed.details)


async def test_invalid_payload_is_no_failure_of_the_application(caplog: pytest.LogCaptureFixture) -> None:
    async with build(Failing) as client:
        failed = await failure(client, "fail", 5)
    assert failed.code == "invalid_payload"
    assert caplog.records == []


# Exactly one answer


@pytest.mark.parametrize(
    ("event", "payload"),
    [("fine", None), ("fail", "bare"), ("fail", 5), ("bug", None), ("cancelled", None), ("unknown", None)],
)
async def test_every_request_gets_exactly_one_answer(event: str, payload: Any) -> None:
    async with build(Failing) as client:
        alice = await client.connect()
        await alice.send(event, payload, id=70)
        assert (await alice.receive_frame())["ack"] == 70
        await alice.send("$cancel", 70)
        await alice.expect_nothing()


async def test_every_one_of_many_requests_gets_its_own_answer() -> None:
    async with build(Failing) as client:
        alice = await client.connect()
        events = ["fine", "bug", "unknown", "forbidden"] * 5
        for id, event in enumerate(events, 100):
            await alice.send(event, id=id)
        frames = {frame["ack"]: frame for frame in [await alice.receive_frame() for _ in events]}
        await alice.expect_nothing()
    codes = {"fine": None, "bug": "internal_error", "unknown": "unknown_event", "forbidden": "forbidden"}
    assert {id: frame.get("error", {}).get("code") for id, frame in frames.items()} == {
        id: codes[event] for id, event in enumerate(events, 100)
    }


async def test_an_id_may_be_used_again_once_it_is_answered() -> None:
    async with build(Failing) as client:
        alice = await client.connect()
        for _ in range(3):
            await alice.send("fine", id=70)
            assert await alice.receive_frame() == {"ack": 70, "payload": "fine"}


async def test_a_handler_that_never_returns_may_say_so() -> None:
    class Full(Error):
        code = "full"

    class Door(Namespace, path="/"):
        @on(raises=[Full])
        async def on_knock(self) -> NoReturn:
            raise Full

        @on(raises=[Full])
        async def on_ring(self) -> Never:
            raise Full

    async with Client(Application(Door)) as client:
        alice = await client.connect()
        for event in ("knock", "ring"):
            with pytest.raises(RequestFailed, match="full"):
                await alice.request(event)
