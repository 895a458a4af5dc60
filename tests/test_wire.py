"""The frames of the wire, byte for byte where it matters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from microsockets import ALL, Application, Ask, CloseCode, Error, ErrorCode, Event, Limits, Namespace, Socket, on
from microsockets.status import RETRYABLE_CLOSE_CODES
from microsockets.testing import Client, Peer, RequestFailed
from pydantic import BaseModel, ConfigDict

MAX_ID = 2**53 - 1


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date
    n: int


class Full(Error):
    """The room is full"""

    code = "room_full"
    details: Strict


class Room(Namespace, path="/"):
    told = Event[Any]()
    confirm = Ask[str, bool]()

    async def on_echo(self, ws: Socket, payload: Any) -> Any:
        return payload

    async def on_default(self, ws: Socket, payload: int = 7) -> int:
        return payload

    async def on_text(self, ws: Socket, payload: str) -> str:
        return payload

    async def on_none(self, ws: Socket) -> None: ...

    async def on_strict(self, ws: Socket, payload: Strict) -> Strict:
        return payload

    async def on_number(self, ws: Socket, payload: float) -> float:
        return payload

    async def on_tell(self, ws: Socket, payload: Any) -> None:
        await self.told.broadcast(payload, to=ALL)

    @on(raises=[Full])
    async def on_full(self, ws: Socket) -> None:
        raise Full(details=Strict(day=date(2024, 2, 29), n=1))

    async def on_count(self, ws: Socket, payload: int) -> AsyncIterator[int]:
        for n in range(payload):
            yield n

    async def on_bad_count(self, ws: Socket) -> AsyncIterator[int]:
        yield 1
        raise LookupError

    async def on_hold(self, ws: Socket) -> None:
        await asyncio.sleep(3600)

    async def on_ask(self, ws: Socket) -> bool:
        return await self.confirm.ask(ws, "sure?")


def sent(peer: Peer) -> list[str]:
    return [line.removeprefix("<- ") for line in peer.transcript if line.startswith("<- ")]


async def test_an_event_is_a_frame_with_event_and_payload() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect(v1=False)
        await peer.send_text('{"event":"tell","payload":{"a":[1,null,"ä"]}}')
        assert await peer.receive_frame() == {"event": "told", "payload": {"a": [1, None, "ä"]}}


async def test_an_event_without_an_id_is_not_answered() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("echo", 1)
        await peer.expect_nothing()


@pytest.mark.parametrize("id", [0, 1, 2**31, MAX_ID])
async def test_an_event_with_an_id_from_0_to_2_53_minus_1_is_answered(id: int) -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("echo", "x", id=id)
        assert await peer.receive_frame() == {"ack": id, "payload": "x"}


@pytest.mark.parametrize("id", ["-1", str(2**53), "1.5", "1.0e2", '"1"', "true", "null", "[]", "9" * 5000])
async def test_any_other_id_is_a_bad_frame(id: str) -> None:
    app = Application(Room)
    async with Client(app) as client:
        peer = await client.connect()
        await peer.send_text(f'{{"event":"echo","payload":1,"id":{id}}}')
        assert (await peer.receive("$error"))["code"] == "bad_frame"
        assert await peer.request("echo", 2) == 2
        assert app.counters["bad_frame"] == 1


async def test_an_id_in_flight_is_a_bad_frame_and_the_first_request_goes_on() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("hold", id=4)
        await peer.send("echo", 1, id=4)
        assert (await peer.receive("$error"))["code"] == "bad_frame"
        await peer.send("$cancel", 4)
        assert (await peer.receive_frame())["error"]["code"] == "cancelled"
        await peer.send("echo", 1, id=4)
        assert await peer.receive_frame() == {"ack": 4, "payload": 1}


async def test_ids_are_one_space_per_direction() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("ask", id=0)
        question = await peer.receive_frame()
        assert question == {"event": "confirm", "payload": "sure?", "id": 0}
        await peer.answer(0, True)
        assert await peer.receive_frame() == {"ack": 0, "payload": True}


async def test_an_answer_always_has_a_payload_null_included() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("none", id=1)
        await peer.receive_frame()
        assert sent(peer)[-1] == '{"ack":1,"payload":null}'


async def test_an_error_answer_has_code_message_and_details() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("full", id=2)
        error = {"code": "room_full", "message": "The room is full", "details": {"day": "2024-02-29", "n": 1}}
        assert await peer.receive_frame() == {"ack": 2, "error": error}


async def test_a_stream_is_items_and_then_its_ack_alone() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("count", 2, id=3)
        for _ in range(3):
            await peer.receive_frame()
        assert sent(peer)[-3:] == ['{"ack":3,"item":0}', '{"ack":3,"item":1}', '{"ack":3}']


async def test_an_empty_stream_is_its_ack_alone() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("count", 0, id=3)
        assert await peer.receive_frame() == {"ack": 3}


async def test_a_stream_may_end_with_an_error_answer() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send("bad_count", id=3)
        assert await peer.receive_frame() == {"ack": 3, "item": 1}
        last = await peer.receive_frame()
        assert last["ack"] == 3
        assert last["error"]["code"] == "internal_error"
        await peer.expect_nothing()


async def test_unknown_keys_are_ignored() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send_frame(
            {"event": "echo", "id": 5, "payload": 1, "room": 3, "at": {}, "prev": [], "key": 1, "ns": 0, "x": "y"}
        )
        assert await peer.receive_frame() == {"ack": 5, "payload": 1}


async def test_of_a_key_given_twice_the_last_wins() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send_text('{"event":"nope","event":"echo","id":1,"id":6,"payload":1,"payload":{"a":1,"a":2}}')
        assert await peer.receive_frame() == {"ack": 6, "payload": {"a": 2}}
        await peer.send_text('{"event":"strict","id":7,"payload":{"day":"x","n":1,"day":"2024-02-29"}}')
        assert await peer.receive_frame() == {"ack": 7, "payload": {"day": "2024-02-29", "n": 1}}


async def test_space_around_a_frame_and_escapes_in_keys_are_json_too() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send_text(' \r\n\t{ "ev\\u0065nt" : "ech\\u006f" , "id" : 1 , "payload" : "\\u00e4" } ')
        assert await peer.receive_frame() == {"ack": 1, "payload": "ä"}


async def test_an_absent_payload_is_the_parameters_default() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        assert await peer.request("default") == 7
        assert await peer.request("default", 8) == 8


@pytest.mark.parametrize("event", ["echo", "text", "strict"])
async def test_an_absent_payload_without_a_default_is_invalid(event: str) -> None:
    app = Application(Room)
    async with Client(app) as client:
        peer = await client.connect()
        with pytest.raises(RequestFailed) as failed:
            await peer.request(event)
        assert failed.value.code == "invalid_payload"
        assert app.counters["invalid_payload"] == 1


async def test_null_is_a_payload() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        assert await peer.request("echo", None) is None
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await peer.request("default", None)


async def test_an_absent_payload_is_an_empty_string_for_app_on() -> None:
    app = Application()
    seen: list[Any] = []

    @app.on("hello")
    async def hello(ws: Socket) -> None:
        seen.append(ws.payload)

    async with Client(app) as client:
        peer = await client.connect(v1=False)
        await peer.send("hello", id=1)
        await peer.receive_frame()
    assert seen == [""]


async def test_from_a_plain_peer_an_empty_string_counts_as_absent_where_the_type_refuses_strings() -> None:
    async with Client(Application(Room)) as client:
        plain, v1 = await client.connect(v1=False), await client.connect()
        assert await plain.request("default", "") == 7
        assert await plain.request("text", "") == ""
        assert await plain.request("echo", "") == ""
        with pytest.raises(RequestFailed) as failed:
            await plain.request("strict", "")
        assert failed.value.details[0]["type"] == "missing"
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await v1.request("default", "")


async def test_strict_models_are_validated_in_json_mode() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        assert await peer.request("strict", {"day": "2024-02-29", "n": 1}) == {"day": "2024-02-29", "n": 1}
        with pytest.raises(RequestFailed) as failed:
            await peer.request("strict", {"day": "2024-02-29", "n": "1"})
        assert failed.value.details == [
            {"loc": ["n"], "msg": "Input should be a valid integer", "type": "int_type"},
        ]


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E+400", "0.1e9999", "9" * 400, "9" * 5000]


@pytest.mark.parametrize("event", ["number", "echo", "default"])
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("shape", ["%s", "[%s]", '{"a":[1,%s]}'])
async def test_what_is_no_finite_number_is_refused(event: str, number: str, shape: str) -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        await peer.send_text(f'{{"event":"{event}","id":1,"payload":{shape % number}}}')
        frame = await peer.receive_frame()
        error = frame["payload"] if frame.get("event") == "$error" else frame["error"]
        assert error["code"] in {"bad_frame", "invalid_payload"}
        assert await peer.request("number", 1.5) == 1.5


async def test_what_looks_like_such_a_number_in_a_string_is_only_text() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        for text in ["NaN", "1e999", '"1e999', "\\1e999", "9" * 400, "e" * 400]:
            assert await peer.request("echo", [text, {text: text}]) == [text, {text: text}]


async def test_large_finite_numbers_pass() -> None:
    async with Client(Application(Room)) as client:
        peer = await client.connect()
        for number in [1e308, -1e308, 5e-324, 1e-400, 2**53, int(1e300)]:
            assert await peer.request("number", number) == number


@pytest.mark.parametrize("payload", ['"\\ud800"', '"\\udc00x"', '{"\\ud800":1}', '["a","\\ud83d\\u0041"]'])
@pytest.mark.parametrize("event", ["echo", "tell", "text"])
async def test_a_lone_surrogate_is_refused_and_the_rooms_broadcasts_go_on(event: str, payload: str) -> None:
    async with Client(Application(Room)) as client:
        peer, other = await client.connect(), await client.connect()
        await peer.send_text(f'{{"event":"{event}","id":1,"payload":{payload}}}')
        frame = await peer.receive_frame()
        error = frame["payload"] if frame.get("event") == "$error" else frame["error"]
        assert error["code"] in {"bad_frame", "invalid_payload"}
        await peer.request("tell", "\U0001f600")
        assert await other.receive("told") == "\U0001f600"


async def test_a_broadcast_is_encoded_once_and_the_same_for_both_kinds_of_peer() -> None:
    async with Client(Application(Room)) as client:
        plain, v1 = await client.connect(v1=False), await client.connect()
        await v1.send("tell", {"a": 1.0})
        await plain.receive("told")
        await v1.receive("told")
        assert sent(plain)[-1] == sent(v1)[-1] == '{"event":"told","payload":{"a":1.0}}'


def test_the_close_codes_are_the_documented_ones() -> None:
    assert {code.value for code in CloseCode} == {
        1000, 1002, 1007, 1009, 1011, 1012, 1013, 4401, 4413, 4429, 4503, 4504, 4509,
    }  # fmt: skip
    assert frozenset({1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413, 4429}) == RETRYABLE_CLOSE_CODES


def test_the_error_codes_are_a_closed_enum() -> None:
    assert {code.value for code in ErrorCode} == {
        "bad_frame", "unknown_event", "invalid_payload", "unauthorized", "forbidden", "rate_limited", "overloaded",
        "timeout", "cancelled", "too_large", "unavailable", "internal_error",
    }  # fmt: skip


async def test_an_applications_own_code_is_beside_them() -> None:
    async with Client(Application(Room, limits=Limits())) as client:
        with pytest.raises(RequestFailed) as failed:
            await (await client.connect()).request("full")
        assert failed.value.code == "room_full"
        assert failed.value.code not in set(ErrorCode)
