"""Order around questions: a handler that waits in `ask` gives up its slot and takes it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
from microsockets import Application, Ask, AskError, Call, Namespace, Next, Socket, on
from microsockets.testing import Client, Peer


class Order(Namespace, path="/"):
    how_many = Ask[str, int]()

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gate = asyncio.Event()

    async def on_ask(self, ws: Socket, payload: str) -> str:
        self.log.append(f"{payload} asks")
        answer = await self.how_many.ask(ws, payload)
        self.log.append(f"{payload} goes on")
        await asyncio.sleep(0)
        self.log.append(f"{payload} ends")
        return f"{payload} {answer}"

    async def on_twice(self, ws: Socket) -> list[int]:
        first = await self.how_many.ask(ws, "first")
        self.log.append("between")
        return [first, await self.how_many.ask(ws, "second")]

    async def on_note(self, payload: str) -> None:
        self.log.append(payload)

    async def on_wait(self) -> None:
        self.log.append("wait")
        await self.gate.wait()
        self.log.append("wait ends")


async def test_a_handler_that_waits_in_ask_gives_up_its_slot() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "a", id=70)
        question = await alice.receive_frame()
        await alice.request("note", "another event ran")
        await alice.answer(question["id"], 1)
        assert await alice.receive_frame() == {"ack": 70, "payload": "a 1"}
    assert app[Order].log == ["a asks", "another event ran", "a goes on", "a ends"]


async def test_a_handler_that_was_answered_takes_its_slot_again() -> None:
    app = Application(Order)
    log = app[Order].log
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "a", id=70)
        question = await alice.receive_frame()
        await alice.send("wait")
        await alice.send("note", "queued behind")
        await alice.answer(question["id"], 1)
        await alice.expect_nothing()
        assert log == ["a asks", "wait"]
        app[Order].gate.set()
        assert await alice.receive_frame() == {"ack": 70, "payload": "a 1"}
        await alice.expect_nothing()
    assert log == ["a asks", "wait", "wait ends", "a goes on", "a ends", "queued behind"]


async def test_handlers_that_ask_at_once_still_go_on_one_at_a_time() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        questions: dict[str, int] = {}
        for id, name in enumerate("abc", 70):
            await alice.send("ask", name, id=id)
            questions[name] = (await alice.receive_frame())["id"]
        for name in "cab":
            await alice.answer(questions[name], 0)
        assert [(await alice.receive_frame())["payload"] for _ in "abc"] == ["c 0", "a 0", "b 0"]
    log = app[Order].log
    assert log[:3] == ["a asks", "b asks", "c asks"]
    assert log[3:] == ["c goes on", "c ends", "a goes on", "a ends", "b goes on", "b ends"]


async def test_a_handler_whose_question_failed_takes_its_slot_again_too() -> None:
    log: list[str] = []
    gate = asyncio.Event()

    class Chat(Namespace, path="/"):
        how_many = Ask[str, int]()

        async def on_ask(self, ws: Socket) -> None:
            try:
                await self.how_many.ask(ws, "sheep")
            except AskError as error:
                log.append(error.code)

        async def on_wait(self) -> None:
            log.append("wait")
            await gate.wait()
            log.append("wait ends")

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("ask", id=70)
        question = await alice.receive_frame()
        await alice.send("wait")
        await alice.answer_error(question["id"], "busy")
        await alice.expect_nothing()
        gate.set()
        assert await alice.receive_frame() == {"ack": 70, "payload": None}
    assert log == ["wait", "wait ends", "busy"]


async def start_and_answer_late(alice: Peer) -> None:
    """Request 70 asked and was answered, but request 71 has its slot, and "behind" is queued."""
    await alice.send("ask", "a", id=70)
    question = await alice.receive_frame()
    await alice.send("wait", id=71)
    await alice.send("note", "behind", id=72)
    await alice.answer(question["id"], 1)
    await alice.expect_nothing()


async def test_cancel_of_a_handler_that_waits_for_its_slot_does_not_free_anybody_elses() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await start_and_answer_late(alice)
        await alice.send("$cancel", 70)
        assert (await alice.receive_frame())["error"]["code"] == "cancelled"
        await alice.expect_nothing()
        assert app[Order].log == ["a asks", "wait"]
        app[Order].gate.set()
        assert [(await alice.receive_frame())["ack"] for _ in range(2)] == [71, 72]
    assert app[Order].log == ["a asks", "wait", "wait ends", "behind"]


async def test_cancel_of_the_handler_that_has_the_slot_lets_the_one_that_was_answered_go_on() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await start_and_answer_late(alice)
        await alice.send("$cancel", 71)
        assert [(await alice.receive_frame())["ack"] for _ in range(3)] == [71, 70, 72]
    assert app[Order].log == ["a asks", "wait", "a goes on", "a ends", "behind"]


async def test_cancel_of_a_handler_that_asks_leaves_one_slot() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "a", id=70)
        await alice.receive_frame()
        await alice.send("wait", id=71)
        await alice.send("note", "behind", id=72)
        await alice.send("$cancel", 70)
        assert (await alice.receive_frame())["ack"] == 70
        await alice.expect_nothing()
        assert app[Order].log == ["a asks", "wait"]
        app[Order].gate.set()
        assert [(await alice.receive_frame())["ack"] for _ in range(2)] == [71, 72]


async def test_a_handler_may_ask_twice() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("twice", id=70)
        await alice.answer((await alice.receive_frame())["id"], 1)
        question = await alice.receive_frame()
        assert question["payload"] == "second"
        await alice.request("note", "meanwhile")
        await alice.answer(question["id"], 2)
        assert await alice.receive_frame() == {"ack": 70, "payload": [1, 2]}
    assert app[Order].log == ["between", "meanwhile"]


async def test_events_queued_behind_a_question_run_in_order_one_at_a_time() -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "a", id=70)
        question = await alice.receive_frame()
        await alice.send("wait", id=71)
        for n in range(5):
            await alice.send("note", str(n), id=100 + n)
        await alice.expect_nothing()
        assert app[Order].log == ["a asks", "wait"]
        app[Order].gate.set()
        assert [(await alice.receive_frame())["ack"] for _ in range(6)] == [71, *range(100, 105)]
        await alice.answer(question["id"], 1)
        assert (await alice.receive_frame())["ack"] == 70
    assert app[Order].log == ["a asks", "wait", "wait ends", *"01234", "a goes on", "a ends"]


@pytest.mark.parametrize("answered", [True, False])
async def test_a_disconnect_lets_a_handler_that_asked_and_those_behind_it_finish(answered: bool) -> None:
    app = Application(Order)
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", "a", id=70)
        question: Any = await alice.receive_frame()
        await alice.send("wait")
        await alice.send("note", "behind")
        if answered:
            await alice.answer(question["id"], 1)
        await alice.expect_nothing()
        app[Order].gate.set()
        await alice.close()
    log = app[Order].log
    assert log[:3] == ["a asks", "wait", "wait ends"]
    assert "behind" in log
    assert ("a ends" in log) is answered


async def test_a_handler_that_asks_another_client_gives_up_its_slot_too() -> None:
    class Trade(Namespace, path="/"):
        accept = Ask[str, bool]()

        async def on_connect(self, ws: Socket) -> None:
            await ws.join("market")

        async def on_offer(self, ws: Socket, payload: str) -> bool:
            (other,) = [each for each in await self.rooms.members("market") if each is not ws]
            return await self.accept.ask(other, payload)

        async def on_look(self) -> str:
            return "prices"

    async with Client(Application(Trade)) as client:
        alice, bob = await client.connect(), await client.connect()
        await alice.send("offer", "a horse", id=70)
        question = await bob.receive_frame()
        assert await alice.request("look") == "prices"
        assert await bob.request("look") == "prices"
        await bob.answer(question["id"], True)
        assert await alice.receive_frame() == {"ack": 70, "payload": True}


async def test_a_handler_that_asks_in_other_tasks_keeps_its_slot() -> None:
    class Both(Namespace, path="/"):
        number = Ask[str, int]()
        log: list[str] = []

        async def on_ask(self, ws: Socket) -> list[int]:
            # The handler itself may go on while its tasks ask, so nothing else may run beside it.
            return list(await asyncio.gather(self.number.ask(ws, "a"), self.number.ask(ws, "b")))

        async def on_note(self) -> None:
            self.log.append("note")

    async with Client(Application(Both)) as client:
        alice = await client.connect()
        await alice.send("ask", id=70)
        first, second = await alice.receive_frame(), await alice.receive_frame()
        await alice.send("note")
        await alice.expect_nothing()
        assert Both.log == []
        await alice.answer(first["id"], 1)
        await alice.answer(second["id"], 2)
        assert await alice.receive_frame() == {"ack": 70, "payload": [1, 2]}
        await alice.expect_nothing()
        assert Both.log == ["note"]


async def test_a_time_limit_of_its_own_around_a_question_leaves_the_order_as_it_is() -> None:
    class Hasty(Namespace, path="/"):
        number = Ask[str, int]()

        def __init__(self) -> None:
            self.log: list[str] = []
            self.waiting, self.gate = asyncio.Event(), asyncio.Event()

        async def on_ask(self, ws: Socket) -> str:
            try:
                async with asyncio.timeout(0.02):
                    await self.number.ask(ws, "quick")
            except TimeoutError:
                self.log.append("gave up")
            return "done"

        async def on_wait(self) -> None:
            self.log.append("wait")
            self.waiting.set()
            await self.gate.wait()
            self.log.append("wait ends")

    app = Application(Hasty)
    hasty = app[Hasty]
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", id=70)
        await alice.receive_frame()
        await alice.send("wait", id=71)
        await hasty.waiting.wait()
        asyncio.get_running_loop().call_later(0.1, hasty.gate.set)
        assert (await alice.receive_frame())["ack"] == 71
        assert await alice.receive_frame() == {"ack": 70, "payload": "done"}
    assert hasty.log == ["wait", "wait ends", "gave up"]


async def test_a_cancel_that_comes_with_the_answer_cancels() -> None:
    class Slow(Namespace, path="/"):
        number = Ask[str, int]()
        log: list[str] = []

        async def on_ask(self, ws: Socket) -> int:
            answer = await self.number.ask(ws, "?")
            self.log.append("went on")
            return answer

    async with Client(Application(Slow)) as client:
        alice = await client.connect()
        await alice.send("ask", id=70)
        question = await alice.receive_frame()
        await alice.answer(question["id"], 1)
        await alice.send("$cancel", 70)
        answer = await alice.receive_frame()
        assert (answer["ack"], answer["error"]["code"]) == (70, "cancelled")
    assert Slow.log == []


async def test_a_time_limit_of_its_own_that_ends_while_it_waits_for_its_slot_leaves_the_order_too() -> None:
    class Hasty(Namespace, path="/"):
        number = Ask[str, int]()

        def __init__(self) -> None:
            self.log: list[str] = []
            self.waiting, self.gate = asyncio.Event(), asyncio.Event()

        async def on_ask(self, ws: Socket) -> str:
            try:
                async with asyncio.timeout(0.05):
                    await self.number.ask(ws, "quick")
            except TimeoutError:
                self.log.append("gave up")
            await asyncio.sleep(0)
            self.log.append("ends")
            return "done"

        async def on_wait(self) -> None:
            self.waiting.set()
            await self.gate.wait()
            self.log.append("wait ends")

        async def on_last(self) -> None:
            self.log.append("last")

    app = Application(Hasty)
    hasty = app[Hasty]
    async with Client(app) as client:
        alice = await client.connect()
        await alice.send("ask", id=70)
        question = await alice.receive_frame()
        await alice.send("wait", id=71)
        await hasty.waiting.wait()
        await alice.answer(question["id"], 1)
        await alice.send("last", id=72)
        asyncio.get_running_loop().call_later(0.1, hasty.gate.set)
        assert [(await alice.receive_frame())["ack"] for _ in range(3)] == [71, 70, 72]
    assert hasty.log == ["wait ends", "gave up", "ends", "last"]


NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


async def test_context_variables_of_a_handler_that_asks_are_its_own() -> None:
    async def named(call: Call, call_next: Next) -> Any:
        token = NAME.set(call.event)
        try:
            return await call_next(call)
        finally:
            NAME.reset(token)

    class Told(Namespace, path="/"):
        number = Ask[str, int]()

        @on(middleware=[named])
        async def on_ask(self, ws: Socket) -> str:
            await self.number.ask(ws, "?")
            return NAME.get()

        async def on_name(self) -> str:
            return NAME.get()

        async def on_names(self) -> AsyncIterator[str]:
            yield NAME.get()

    async with Client(Application(Told)) as client:
        alice = await client.connect()
        await alice.send("ask", id=70)
        question = await alice.receive_frame()
        assert await alice.request("name") == "nobody"
        assert [item async for item in alice.stream("names")] == ["nobody"]
        await alice.answer(question["id"], 1)
        assert await alice.receive_frame() == {"ack": 70, "payload": "ask"}
        await alice.send("ask", id=71)
        await alice.receive_frame()
        await alice.send("$cancel", 71)
        await alice.receive_frame()
        assert await alice.request("name") == "nobody"
