"""The client against a real server of ours, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import pytest
from microsockets import UsageError
from microsockets.client import Dropped, MicroSocket, MicroSocketError, QueueLimits

from tests.client.apps import Chat, Hall, Join
from tests.client.peers import Clock, Heard, reaches
from tests.e2e.servers import free_port
from tests.server.running import Running, serving

pytestmark = pytest.mark.e2e

LONGEST_DELAY = 20.0


def hall(server: Running, **options: Any) -> MicroSocket:
    return MicroSocket(f"ws://127.0.0.1:{server.port}/hall", **options)


async def cancelled(socket: MicroSocket, count: int) -> None:
    """Waits until the server has cancelled so many streams."""
    while await socket.request(Hall.on_cancelled) != count:
        pass


async def test_a_request_returns_its_answer(real: Running) -> None:
    async with hall(real) as socket:
        assert await socket.request(Hall.on_double, 21) == 42
        assert await socket.request("nothing") is None
        assert await asyncio.gather(*[socket.request("double", n) for n in (1, 2, 3)]) == [2, 4, 6]
        assert await socket.request("double", 4, answer=int) == 8


async def test_payloads_and_events_are_the_servers_own_models(real: Running) -> None:
    async with MicroSocket(f"ws://127.0.0.1:{real.port}/chat") as socket:
        joined = Heard()
        socket.on(Chat.user_joined, joined)
        assert await socket.request(Chat.on_join, Join(room="models", user="ada")) == 1
        assert await joined.next() == Join(room="models", user="ada")


async def test_errors_have_the_code_message_and_details_of_the_server(real: Running) -> None:
    async with hall(real) as socket:
        with pytest.raises(MicroSocketError) as full:
            await socket.request(Hall.on_enter)
        assert (full.value.code, full.value.message, full.value.details) == (
            "room_full",
            "The room has no place left",
            3,
        )
        with pytest.raises(MicroSocketError) as invalid:
            await socket.request("double", "x")
        assert invalid.value.code == "invalid_payload"
        assert invalid.value.details[0]["type"] == "int_parsing"
        with pytest.raises(MicroSocketError, match="unknown_event"):
            await socket.request("__class__")


async def test_what_fails_without_a_request_is_told_with_its_event(real: Running) -> None:
    async with hall(real) as socket:
        await socket.ready()
        failed = Heard()
        socket.on_error(failed)
        await socket.send("double", "x")
        error, event = await failed.next()
        assert (error.code, event) == ("invalid_payload", "double")


async def test_events_are_told_in_order(real: Running) -> None:
    async with hall(real) as socket:
        said, any_event = Heard(), Heard()
        socket.on(Hall.said, said)
        socket.on_any(any_event)
        await socket.request(Hall.on_say, "one")
        await socket.request(Hall.on_say, "two")
        assert said.calls == ["one", "two"]
        assert any_event.calls == [("said", "one"), ("said", "two")]


async def test_a_stream_yields_its_items_and_ends(real: Running) -> None:
    async with hall(real) as socket:
        assert [item async for item in socket.stream(Hall.on_count, 5)] == [0, 1, 2, 3, 4]
        assert [item async for item in socket.stream("count", 3, item=str | int)] == [0, 1, 2]


async def test_a_reader_that_keeps_up_gets_every_item(real: Running) -> None:
    async with hall(real) as socket:
        assert [item async for item in socket.stream(Hall.on_count, 20_000)] == list(range(20_000))


async def test_leaving_the_loop_cancels_the_stream_on_the_server(real: Running) -> None:
    async with hall(real) as socket:
        before = await socket.request(Hall.on_cancelled)
        async for item in socket.stream(Hall.on_count, 1_000_000):
            if item == 3:
                break
        await cancelled(socket, before + 1)
        async with socket.stream(Hall.on_count, 1_000_000) as items:
            assert await anext(items) == 0
        await cancelled(socket, before + 2)
        async with contextlib.aclosing(socket.stream(Hall.on_count, 1_000_000)) as items:
            assert await anext(items) == 0
        await cancelled(socket, before + 3)


async def test_an_error_in_the_loop_cancels_the_stream_on_the_server(real: Running) -> None:
    async with hall(real) as socket:
        before = await socket.request(Hall.on_cancelled)
        with pytest.raises(ZeroDivisionError):
            [item // 0 async for item in socket.stream(Hall.on_count, 1_000_000)]
        await cancelled(socket, before + 1)


async def test_a_reader_that_is_1000_items_behind_gets_those_and_then_overloaded(real: Running) -> None:
    async with hall(real) as socket:
        before = await socket.request(Hall.on_cancelled)
        stream = socket.stream(Hall.on_count, 1_000_000)
        assert await anext(stream) == 0
        await cancelled(socket, before + 1)
        assert [await anext(stream) for _ in range(1000)] == list(range(1, 1001))
        with pytest.raises(MicroSocketError, match="overloaded"):
            await anext(stream)


async def test_the_servers_questions_are_answered(real: Running) -> None:
    async def sure(text: str) -> bool:
        await asyncio.sleep(0)
        return text == "sure?"

    async with hall(real) as socket:
        unbind = socket.handle(Hall.confirm, sure)
        assert await socket.request(Hall.on_question, "sure?") is True
        assert await socket.request(Hall.on_question, "no") is False
        unbind()
        with pytest.raises(MicroSocketError, match="internal_error"):
            await socket.request(Hall.on_question, "sure?")


async def test_a_time_limit_and_a_cancellation_cancel_the_handler(real: Running) -> None:
    async with hall(real) as socket:
        await socket.ready()
        with pytest.raises(MicroSocketError, match="timeout"):
            await socket.request(Hall.on_wait, timeout=0.02)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await socket.request(Hall.on_wait)
        # The next event does not wait for them.
        assert await socket.request(Hall.on_double, 1) == 2


async def test_auth_is_asked_anew_before_each_attempt_and_arrives(real: Running) -> None:
    asked = 0

    async def token() -> dict[str, str]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return {"token": f"python-{asked}-ü"}

    async with hall(real, auth=token) as socket:
        assert "python-1-ü" in await socket.request(Hall.on_tokens)
        await socket.close()
        socket.open()
        assert "python-2-ü" in await socket.request(Hall.on_tokens)


async def test_a_refusal_with_4401_is_final_when_it_comes_twice_in_a_row(real: Running) -> None:
    asked = 0

    def token() -> dict[str, str]:
        nonlocal asked
        asked += 1
        return {"token": "unauthorized"}

    async with hall(real, auth=token) as socket:
        closed = Heard()
        socket.on_close(closed)
        end = await closed.next()
        assert (end.code, end.reason, asked) == (4401, "unauthorized", 2)
        with pytest.raises(MicroSocketError, match="4401 unauthorized"):
            await socket.ready()


async def test_a_new_token_after_4401_is_worth_a_try(real: Running) -> None:
    tokens = ["unauthorized", "good"]
    async with hall(real, auth=lambda: {"token": tokens.pop(0)}) as socket:
        assert await socket.request(Hall.on_double, 1) == 2


async def test_a_refusal_with_4503_is_final_at_once(real: Running) -> None:
    closed = Heard()
    async with hall(real, auth={"token": "forbidden"}) as socket:
        socket.on_close(closed)
        assert (await closed.next()).code == 4503
        assert socket.state == "closed"
        with pytest.raises(MicroSocketError, match="disconnected: The connection is closed: 4503 forbidden"):
            await socket.request("double", 1)


async def test_a_plain_client_speaks_to_an_application_of_1_0(real: Running) -> None:
    async with MicroSocket(f"ws://127.0.0.1:{real.port}/anywhere", plain=True) as socket:
        shouted = Heard()
        socket.on("shouted", shouted)
        await socket.send("shout", "hi")
        assert await shouted.next() == "hi"
        assert socket.hello is None
        await socket.send("shout")
        assert await shouted.next(2) == ""


async def test_a_queue_that_the_server_slows_down_arrives_whole_and_in_order(real: Running) -> None:
    said, dropped = Heard(), Heard()
    texts = [f"text {n}" for n in range(12)]
    async with hall(real) as socket:
        socket.on(Hall.said, said)
        socket.on_dropped(dropped)
        for text in texts:
            await socket.send(Hall.on_limited, text)
        await said.next(12)
        assert said.calls == texts
        assert dropped.calls == []


async def test_a_frame_that_the_server_does_not_take_is_lost_here(real: Running) -> None:
    large = "x" * 100_000
    async with hall(real) as socket:
        dropped = Heard()
        socket.on_dropped(dropped)
        await socket.ready()
        await socket.send(Hall.on_say, large)
        with pytest.raises(MicroSocketError, match="too_large"):
            await socket.request(Hall.on_say, large)
        assert dropped.calls == [Dropped("say", large, "too_large", sent=False)] * 2
        assert await socket.request(Hall.on_double, 1) == 2


async def test_after_a_killed_server_it_connects_again_joins_again_and_sends_what_waited(
    tmp_path: Path, clock: Clock
) -> None:
    port = free_port()

    def start(name: str) -> contextlib.AbstractContextManager[Running]:
        folder = tmp_path / name
        folder.mkdir()
        return serving(folder, "tests.client.apps:app", "--port", str(port))

    said, members, closed = Heard(), Heard(), Heard()
    texts = [f"text {n}" for n in range(30)]
    socket = MicroSocket(f"ws://127.0.0.1:{port}/hall")
    socket.on(Hall.said, said)
    socket.on_close(closed)

    @socket.on_open()
    async def join() -> None:
        members(await socket.request(Hall.on_join, "lobby"))

    with start("first") as first, contextlib.ExitStack() as later:
        async with socket:
            assert await members.next() == 1
            waiting = asyncio.create_task(socket.request(Hall.on_wait))
            # When this is answered, the other was sent.
            await socket.request(Hall.on_double, 1)
            first.signal(signal.SIGKILL)
            with pytest.raises(MicroSocketError, match="disconnected"):
                await waiting
            for text in texts:
                await socket.send(Hall.on_say, text)
            answer = asyncio.create_task(socket.request(Hall.on_double, 4))
            await asyncio.to_thread(first.ended)
            await asyncio.to_thread(later.enter_context, start("second"))
            clock.skip(LONGEST_DELAY)
            assert await answer == 8
            assert said.calls == texts
            assert members.calls == [1, 1]
            assert closed.calls == []


async def test_a_server_that_drains_is_left_for_another_without_a_loss(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.client.apps:app") as server:
        async with hall(server, queue=QueueLimits()) as socket:
            assert await socket.request(Hall.on_double, 1) == 2
            server.signal(signal.SIGTERM)
            change = await reaches(socket, "waiting")
            assert change is not None
            assert change.previous == "open"
        assert await asyncio.to_thread(server.ended) is not None


async def test_a_payload_of_another_type_never_leaves(real: Running) -> None:
    async with hall(real) as socket:
        wrong: Any = "x"
        with pytest.raises(UsageError, match="the value is no int"):
            await socket.request(Hall.on_double, wrong)
        with pytest.raises(UsageError, match=r"Hall.on_double needs a payload: a int"):
            await socket.request(Hall.on_double)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"Hall.on_nothing takes no payload"):
            await socket.request(Hall.on_nothing, 1)  # type: ignore[arg-type]


async def test_an_answer_of_another_type_is_an_error(real: Running) -> None:
    async with hall(real) as socket:
        with pytest.raises(MicroSocketError, match="invalid_answer: The answer is no list") as failed:
            await socket.request("double", 1, answer=list[int])
        assert failed.value.details[0]["type"] == "list_type"
        before = await socket.request(Hall.on_cancelled)
        stream = socket.stream("count", 1_000_000, item=str)
        with pytest.raises(MicroSocketError, match="invalid_answer"):
            await anext(stream)
        await cancelled(socket, before + 1)
