"""Asking the client: `confirm = Ask[Question, Answer]()`, then `await self.confirm.ask(ws, question)`."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from microsockets import Application, Ask, AskError, Limits, Namespace, Socket, UsageError, on
from microsockets.testing import Client, RequestFailed
from pydantic import BaseModel, ConfigDict, Field

EVER = 3600.0


class Question(BaseModel):
    text: str
    due_day: date = Field(default=date(2026, 5, 1), alias="dueDay")


class Yes(BaseModel):
    model_config = ConfigDict(strict=True)

    kind: Literal["yes"]
    day: date


class No(BaseModel):
    kind: Literal["no"]


Answer = Annotated[Yes | No, Field(discriminator="kind")]


class Shop(Namespace, path="/"):
    confirm = Ask[Question, Answer]()
    renamed = Ask[str, int]("how many")
    nothing = Ask[None, None]()
    failures: list[AskError] = []

    async def on_buy(self, ws: Socket, payload: str) -> str:
        answer = await self.confirm.ask(ws, Question(text=payload), timeout=5)
        return answer.day.isoformat() if isinstance(answer, Yes) else "no"

    async def on_short(self, ws: Socket) -> str:
        try:
            await self.confirm.ask(ws, Question(text="quick"), timeout=0.02)
        except AskError as error:
            return error.code
        return "answered"

    async def on_careful(self, ws: Socket) -> list[Any]:
        try:
            await self.confirm.ask(ws, Question(text="sure?"))
        except AskError as error:
            self.failures.append(error)
            return [error.code, error.message, error.details]
        return []

    async def on_count(self, ws: Socket) -> int:
        return await self.renamed.ask(ws, "sheep")

    async def on_nothing(self, ws: Socket) -> None:
        await self.nothing.ask(ws, None)

    async def on_wrong_question(self, ws: Socket) -> None:
        await self.renamed.ask(ws, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    async def on_emit_question(self, ws: Socket, payload: str) -> None:
        await ws.emit(payload, "x")

    @on(timeout=0.05)
    async def on_impatient(self, ws: Socket) -> None:
        await self.renamed.ask(ws, "sheep", timeout=EVER)

    async def on_other(self, ws: Socket, payload: str) -> str:
        [member] = [each for each in await self.rooms.members("all") if each.id == payload]
        return f"{member.id} has {await self.renamed.ask(member, 'sheep')}"

    async def on_join(self, ws: Socket) -> None:
        await ws.join("all")

    async def on_ping(self) -> str:
        return "pong"


async def test_a_question_is_an_event_with_an_id_whose_payload_is_validated_and_aliased() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("buy", "bread", id=70)
        frame = await alice.receive_frame()
        assert frame == {
            "event": "confirm",
            "payload": {"text": "bread", "dueDay": "2026-05-01"},
            "id": frame["id"],
        }
        assert isinstance(frame["id"], int)


@pytest.mark.parametrize(
    ("answer", "result"), [({"kind": "yes", "day": "2026-12-24"}, "2026-12-24"), ({"kind": "no"}, "no")]
)
async def test_the_answer_is_validated_to_its_type(answer: Any, result: str) -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("buy", "bread", id=70)
        await alice.answer((await alice.receive_frame())["id"], answer)
        assert await alice.receive_frame() == {"ack": 70, "payload": result}


async def test_an_answer_is_a_payload_or_an_error() -> None:
    app = Application(Shop)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("nothing", id=70)
        question = await alice.receive_frame()
        assert question["payload"] is None
        await alice.send_frame({"ack": question["id"], "item": None})
        assert (await alice.receive("$error"))["code"] == "bad_frame"
        answer = await alice.receive_frame()
        assert (answer["ack"], answer["error"]["code"]) == (70, "internal_error")
    assert app.counters["bad_frame"] == 1


async def test_a_question_may_have_a_name_that_is_no_identifier() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("count", id=70)
        question = await alice.receive_frame()
        assert (question["event"], question["payload"]) == ("how many", "sheep")
        await alice.answer(question["id"], 3)
        assert await alice.receive_frame() == {"ack": 70, "payload": 3}


@pytest.mark.parametrize("answer", [{"kind": "maybe"}, {"kind": "yes", "day": "hunter2"}, None, "yes", 3])
async def test_an_answer_that_does_not_validate_is_an_ask_error(answer: Any) -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("careful", id=70)
        await alice.answer((await alice.receive_frame())["id"], answer)
        code, _, details = (await alice.receive_frame())["payload"]
    assert code == "invalid_payload"
    assert details[0].keys() == {"loc", "msg", "type"}
    assert "hunter2" not in str(details)


async def test_an_error_of_the_client_is_an_ask_error_with_its_code() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("careful", id=70)
        question = await alice.receive_frame()
        error = {"code": "busy", "message": "Not now", "details": {"until": 5}}
        await alice.send_frame({"ack": question["id"], "error": error})
        assert (await alice.receive_frame())["payload"] == ["busy", "Not now", {"until": 5}]


async def test_an_ask_error_nobody_catches_is_an_internal_error() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("buy", "bread", id=70)
        await alice.answer_error((await alice.receive_frame())["id"], "busy")
        assert (await alice.receive_frame())["error"]["code"] == "internal_error"
        assert await alice.request("ping") == "pong"


async def test_no_answer_within_the_timeout_is_an_ask_error() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("short", id=70)
        question = await alice.receive_frame()
        assert question["event"] == "confirm"
        assert await alice.receive_frame() == {"ack": 70, "payload": "timeout"}


async def test_an_answer_that_comes_too_late_is_counted_and_changes_nothing() -> None:
    app = Application(Shop)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("short", id=70)
        question = await alice.receive_frame()
        await alice.receive_frame()
        await alice.answer(question["id"], {"kind": "no"})
        await alice.expect_nothing()
        assert app.counters["late_answers"] == 1
        assert await alice.request("ping") == "pong"


@pytest.mark.parametrize("id", [0, 5, 2**53 - 1])
async def test_an_answer_nobody_asked_for_changes_nothing(id: int) -> None:
    app = Application(Shop)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.answer(id, "x")
        await alice.expect_nothing()
        assert app.counters["late_answers"] == 1


async def test_a_second_answer_to_one_question_changes_nothing() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("buy", "bread", id=70)
        question = await alice.receive_frame()
        await alice.answer(question["id"], {"kind": "no"})
        await alice.answer(question["id"], {"kind": "yes", "day": "2026-12-24"})
        assert await alice.receive_frame() == {"ack": 70, "payload": "no"}
        await alice.expect_nothing()


async def test_a_disconnect_ends_the_question_with_an_ask_error() -> None:
    Shop.failures.clear()
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("careful", id=70)
        await alice.receive_frame()
        await alice.close()
        assert [failure.code for failure in Shop.failures] == ["disconnected"]


async def test_asking_a_socket_that_is_gone_is_an_ask_error() -> None:
    sockets: list[Socket] = []

    class Door(Shop, path="/door"):
        async def on_connect(self, ws: Socket) -> None:
            sockets.append(ws)

    app = Application(Door)
    async with Client(app) as client:
        alice = await client.connect("/door")
        await alice.close()
        with pytest.raises(AskError) as failed:
            await app[Door].renamed.ask(sockets[0], "sheep", timeout=EVER)
        assert failed.value.code == "disconnected"


async def test_a_question_its_type_refuses_is_never_sent() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("wrong_question")
        await alice.expect_nothing()


async def test_a_handlers_time_limit_ends_its_question() -> None:
    app = Application(Shop, limits=Limits(handler_seconds=EVER))
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("impatient", id=70)
        question = await alice.receive_frame()
        frame = await alice.receive_frame()
        assert (frame["ack"], frame["error"]["code"]) == (70, "timeout")
        await alice.answer(question["id"], 3)
        await alice.expect_nothing()
        assert app.counters["late_answers"] == 1


async def test_cancel_ends_the_question_of_the_request_it_cancels() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("count", id=70)
        await alice.receive_frame()
        await alice.send("$cancel", 70)
        assert (await alice.receive_frame())["error"]["code"] == "cancelled"
        assert await alice.request("ping") == "pong"


async def test_a_handler_may_ask_another_connection() -> None:
    async with Client(Application(Shop)) as client:
        alice, bob = await client.connect(), await client.connect()
        await bob.request("join")
        await alice.send("other", bob.hello["id"], id=70)
        question = await bob.receive_frame()
        await alice.expect_nothing()
        await bob.answer(question["id"], 4)
        assert await alice.receive_frame() == {"ack": 70, "payload": f"{bob.hello['id']} has 4"}


async def test_only_the_connection_that_was_asked_can_answer() -> None:
    async with Client(Application(Shop)) as client:
        alice, mallory = await client.connect(), await client.connect()
        await alice.send("count", id=70)
        question = await alice.receive_frame()
        await mallory.answer(question["id"], 666)
        await alice.expect_nothing()
        await alice.answer(question["id"], 1)
        assert await alice.receive_frame() == {"ack": 70, "payload": 1}


async def test_several_questions_at_once_have_ids_of_their_own() -> None:
    app = Application(Shop)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.request("join")
        [ws] = await app[Shop].rooms.members("all")
        asked = [asyncio.create_task(app[Shop].renamed.ask(ws, f"{n}")) for n in range(3)]
        questions = [await alice.receive_frame() for _ in asked]
        assert len({question["id"] for question in questions}) == 3
        for question in reversed(questions):
            await alice.answer(question["id"], int(question["payload"]) * 10)
        assert await asyncio.gather(*asked) == [0, 10, 20]


async def test_ids_are_one_space_per_direction() -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        await alice.send("count", id=70)
        question = await alice.receive_frame()
        await alice.send("ping", id=question["id"])
        assert await alice.receive_frame() == {"ack": question["id"], "payload": "pong"}
        await alice.answer(question["id"], 12)
        assert await alice.receive_frame() == {"ack": 70, "payload": 12}


async def test_a_plain_peer_can_be_asked() -> None:
    async with Client(Application(Shop)) as client:
        bob = await client.connect(v1=False)
        await bob.send("count", id=70)
        await bob.answer((await bob.receive_frame())["id"], 3)
        assert await bob.receive_frame() == {"ack": 70, "payload": 3}


@pytest.mark.parametrize("name", ["how many", "confirm"])
async def test_a_question_cannot_be_emitted_as_an_event(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Client(Application(Shop)) as client:
        alice = await client.connect()
        with pytest.raises(RequestFailed, match="internal_error"):
            await alice.request("emit_question", name)
        await alice.expect_nothing()
    [record] = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], UsageError)
    assert ".ask(ws, question)" in str(record.exc_info[1])
