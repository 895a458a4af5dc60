"""outbox.py: order, bounds, and that no recipient waits for another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from microsockets.errors import UsageError
from microsockets.limits import Limits
from microsockets.outbox import Outbox, Writers

from .writing import Desk, Server, frame, put, settle


async def test_frames_are_written_in_order() -> None:
    desk, server = Desk(), Server()
    outbox = desk.outbox(server)
    put(outbox, "a", "b")
    await settle()
    put(outbox, "c")
    await settle()
    assert server.taken == ["a", "b", "c"]
    assert len(outbox) == 0


async def test_putting_a_frame_never_waits() -> None:
    desk, server = Desk(), Server()
    outbox = desk.outbox(server)
    put(outbox, "a")
    assert server.begun == 0
    assert len(outbox) == 1
    await settle()


async def test_a_frame_keeps_its_text_and_counts_in_bytes() -> None:
    assert frame("né").message == {"type": "websocket.send", "text": "né"}
    assert frame("né").size == 3


async def test_order_is_kept_through_a_server_that_waits() -> None:
    desk, server = Desk(), Server()
    server.block()
    outbox = desk.outbox(server)
    put(outbox, "a", "b")
    await settle()
    put(outbox, "c")
    server.go_on()
    await settle()
    assert server.taken == ["a"]
    server.unblock()
    await settle()
    put(outbox, "d")
    await settle()
    assert server.taken == ["a", "b", "c", "d"]


async def test_nothing_is_written_before_the_connection_is_accepted() -> None:
    desk, server = Desk(), Server()
    outbox = desk.outbox(server, release=False)
    put(outbox, "a", "b")
    await settle()
    assert server.taken == []
    outbox.release()
    await settle()
    assert server.taken == ["a", "b"]


async def test_releasing_an_empty_outbox_starts_no_writer() -> None:
    desk = Desk()
    desk.outbox(Server()).release()
    assert desk.writers.tasks == set()


async def test_one_writer_serves_all_ready_readers() -> None:
    desk = Desk()
    servers = [Server() for _ in range(1000)]
    for server in servers:
        put(desk.outbox(server), "a")
    assert len(desk.writers.tasks) == 1
    await asyncio.sleep(0)
    assert all(server.taken == ["a"] for server in servers)
    assert desk.writers.tasks == set()


async def test_a_blocked_reader_delays_nobody() -> None:
    desk = Desk()
    servers = [Server() for _ in range(50)]
    servers[0].block()
    servers[20].block()
    for server in servers:
        put(desk.outbox(server), "a", "b")
    await settle()
    assert [server.taken for server in servers if server.taken != ["a", "b"]] == [[], []]
    servers[0].unblock()
    servers[20].unblock()
    await settle()
    assert all(server.taken == ["a", "b"] for server in servers)


async def test_there_are_at_most_as_many_writers_as_waiting_outboxes_and_one_more() -> None:
    desk = Desk()
    servers = [Server() for _ in range(30)]
    outboxes = [desk.outbox(server) for server in servers]
    for server in servers[::3]:
        server.block()
    for turn in range(5):
        for outbox in outboxes:
            put(outbox, str(turn))
        for _ in range(15):
            await asyncio.sleep(0)
            assert len(desk.writers.tasks) <= len(desk.writers.waiting) + 1
    assert desk.writers.waiting == set(outboxes[::3])
    assert all(outbox.writer is not None for outbox in outboxes[::3])
    for server in servers:
        server.unblock()
    await settle()
    assert desk.writers.tasks == set()
    assert desk.writers.waiting == set()
    assert all(outbox.writer is None for outbox in outboxes)
    assert all(server.taken == list("01234") for server in servers)


async def test_a_writer_that_was_made_to_wait_takes_up_no_other_outbox() -> None:
    desk, slow, quick = Desk(), Server(), Server()
    slow.block()
    waiting, other = desk.outbox(slow), desk.outbox(quick)
    put(waiting, "a")
    await settle()
    slow.unblock()
    put(other, "b")
    await settle()
    assert (slow.taken, quick.taken) == (["a"], ["b"])


async def test_a_newer_frame_of_a_slot_replaces_the_older_in_its_place() -> None:
    desk, server = Desk(), Server()
    server.block()
    outbox = desk.outbox(server)
    put(outbox, "first")
    await settle()
    outbox.put(frame("x1", "x"))
    put(outbox, "between")
    outbox.put(frame("y1", "y"))
    outbox.put(frame("x2", "x"))
    outbox.put(frame("x3", "x"))
    assert len(outbox) == 3
    server.unblock()
    await settle()
    assert server.taken == ["first", "x3", "between", "y1"]
    assert desk.counters["latest_replaced"] == 2


async def test_a_frame_that_is_being_written_is_not_replaced() -> None:
    desk, server = Desk(), Server()
    server.block()
    outbox = desk.outbox(server)
    outbox.put(frame("x1", "x"))
    await settle()
    outbox.put(frame("x2", "x"))
    server.unblock()
    await settle()
    assert server.taken == ["x1", "x2"]
    assert desk.counters["latest_replaced"] == 0


async def test_a_slow_reader_of_a_slot_never_overflows() -> None:
    desk, server = Desk(), Server()
    server.block()
    outbox = desk.outbox(server, Limits(outbox_frames=2, outbox_bytes=10))
    for turn in range(100):
        outbox.put(frame(str(turn), "x"))
        await asyncio.sleep(0)
    assert desk.overflowed == []
    server.unblock()
    await settle()
    assert server.taken == ["0", "99"]


class TestLimits:
    async def blocked(self, limits: Limits) -> tuple[Desk, Server, Outbox]:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server, limits)
        put(outbox, "sending")
        await settle()
        return desk, server, outbox

    async def test_one_frame_more_than_allowed_overflows_once(self) -> None:
        desk, server, outbox = await self.blocked(Limits(outbox_frames=3))
        put(outbox, "a", "b", "c")
        assert desk.overflowed == []
        put(outbox, "d", "e", "f")
        assert desk.overflowed == [outbox]
        assert outbox.closed
        assert len(outbox) == 0
        assert desk.counters == {"slow_reader": 1, "outbox_frames": 1, "frames_dropped": 7}
        server.unblock()
        await settle()
        assert server.taken == []
        assert desk.writers.tasks == set()

    async def test_more_bytes_than_allowed_overflow(self) -> None:
        desk, _, outbox = await self.blocked(Limits(outbox_bytes=10))
        put(outbox, "12345", "12345")
        assert desk.overflowed == []
        put(outbox, "1")
        assert desk.overflowed == [outbox]

    async def test_bytes_that_were_written_do_not_count(self) -> None:
        desk, server, outbox = await self.blocked(Limits(outbox_bytes=10))
        for _ in range(20):
            put(outbox, "1234567890")
            server.go_on()
            await settle()
        assert desk.overflowed == []

    async def test_a_single_frame_may_be_of_any_size_while_nothing_else_waits(self) -> None:
        desk, server, outbox = await self.blocked(Limits(outbox_bytes=10))
        put(outbox, "x" * 1000)
        assert desk.overflowed == []
        server.unblock()
        await settle()
        assert server.taken == ["sending", "x" * 1000]

    async def test_replacements_that_grow_past_the_bytes_overflow(self) -> None:
        desk, _, outbox = await self.blocked(Limits(outbox_bytes=100))
        for slot in "abc":
            outbox.put(frame("small", slot))
        for slot in "abc":
            outbox.put(frame("large" * 16, slot))
        assert desk.overflowed == [outbox]

    async def test_too_many_frames_before_acceptance_overflow(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server, Limits(outbox_frames=2), release=False)
        put(outbox, "a", "b")
        assert desk.overflowed == []
        put(outbox, "c")
        assert desk.overflowed == [outbox]
        outbox.release()
        await settle()
        assert server.taken == []

    async def test_too_many_bytes_before_acceptance_overflow(self) -> None:
        desk = Desk()
        outbox = desk.outbox(Server(), Limits(outbox_bytes=10), release=False)
        put(outbox, "12345", "12345")
        assert desk.overflowed == []
        put(outbox, "1")
        assert desk.overflowed == [outbox]

    async def test_more_frames_than_allowed_are_told_to_on_connect(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server, Limits(outbox_frames=2), release=False, early=True)
        put(outbox, "a", "b")
        with pytest.raises(UsageError, match="the outbox is full"):
            put(outbox, "c")
        outbox.early = False
        outbox.release()
        await settle()
        assert (server.taken, desk.overflowed, desk.counters) == (["a", "b"], [], {})

    async def test_more_bytes_than_allowed_are_told_to_on_connect(self) -> None:
        outbox = Desk().outbox(Server(), Limits(outbox_bytes=10), release=False, early=True)
        put(outbox, "x" * 11)
        with pytest.raises(UsageError, match="the outbox is full"):
            put(outbox, "c")

    async def test_an_overflow_of_a_detached_outbox_is_told_to_nobody(self) -> None:
        desk = Desk()
        outbox = desk.outbox(Server(), Limits(outbox_frames=1), release=False)
        outbox.detach()
        put(outbox, "a", "b")
        assert (outbox.closed, desk.overflowed) == (True, [])

    async def test_the_age_of_the_oldest_frame_overflows(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox, idle = desk.outbox(server, Limits(outbox_seconds=5)), desk.outbox(Server())
        outbox.put(frame("a", at=100.0))
        outbox.put(frame("b", at=104.0))
        await settle()
        desk.writers.sweep(105.0)
        assert desk.overflowed == []
        assert not idle.is_overdue(1000.0)
        desk.writers.sweep(105.1)
        assert desk.overflowed == [outbox]
        assert desk.counters["frames_dropped"] == 2
        await settle()
        assert desk.writers.waiting == set()

    async def test_a_replaced_frame_keeps_the_age_of_its_place(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server, Limits(outbox_seconds=5))
        put(outbox, "first")
        await settle()
        outbox.put(frame("x1", "x", at=100.0))
        outbox.put(frame("x2", "x", at=200.0))
        server.go_on()
        await settle()
        assert outbox.is_overdue(106.0)

    async def test_giving_up_twice_counts_once(self) -> None:
        desk, _, outbox = await self.blocked(Limits())
        outbox.overflow("outbox_seconds")
        outbox.overflow("outbox_seconds")
        assert desk.counters["slow_reader"] == 1
        assert desk.overflowed == [outbox]


class TestFinish:
    async def test_it_closes_after_what_is_queued_and_takes_no_more(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server)
        put(outbox, "a")
        outbox.finish(4000, "bye")
        put(outbox, "late")
        outbox.finish(4001, "again")
        await settle()
        assert server.taken == ["a", 4000]

    async def test_an_idle_outbox_closes_at_once(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server)
        outbox.finish(1000, "")
        await settle()
        assert server.taken == [1000]

    async def test_before_acceptance_it_waits_for_it(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server, release=False)
        outbox.finish(1000, "")
        await settle()
        assert server.taken == []
        outbox.release()
        await settle()
        assert server.taken == [1000]

    async def test_discarding_takes_the_close_back(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server)
        outbox.finish(1000, "")
        outbox.discard()
        await settle()
        assert server.taken == []


class TestDeliver:
    """The task that made a frame hands it to the server itself."""

    async def test_the_frame_is_taken_without_a_writer(self) -> None:
        desk, server = Desk(), Server()
        await desk.outbox(server).deliver(frame("a"))
        assert (server.taken, desk.writers.tasks, desk.writers.waiting) == (["a"], set(), set())

    async def test_it_waits_its_turn_behind_what_is_queued(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server)
        put(outbox, "a")
        await outbox.deliver(frame("b"))
        await settle()
        assert server.taken == ["a", "b"]

    async def test_what_is_put_meanwhile_follows(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server)
        task = asyncio.create_task(outbox.deliver(frame("a")))
        await settle()
        put(outbox, "b")
        server.unblock()
        await task
        await settle()
        assert server.taken == ["a", "b"]

    async def test_a_close_that_came_meanwhile_follows(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server)
        task = asyncio.create_task(outbox.deliver(frame("a")))
        await settle()
        outbox.finish(1000, "")
        server.unblock()
        await task
        await settle()
        assert server.taken == ["a", 1000]

    async def test_a_failed_write_closes_the_outbox_and_is_not_raised(self) -> None:
        desk, server = Desk(), Server()
        server.failure = OSError("gone")
        outbox = desk.outbox(server)
        await outbox.deliver(frame("a"))
        assert (outbox.closed, desk.counters) == (True, {"frames_dropped": 1})

    async def test_a_reader_that_is_too_slow_does_not_cancel_its_caller(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server, Limits(outbox_seconds=5))
        task = asyncio.create_task(outbox.deliver(frame("a", at=100.0)))
        await settle()
        desk.writers.sweep(106.0)
        await task
        assert task.cancelling() == 0
        assert desk.overflowed == [outbox]
        assert desk.counters == {"slow_reader": 1, "outbox_seconds": 1, "frames_dropped": 1}

    async def test_a_server_that_swallows_the_cancellation_leaves_the_caller_as_it_was(self) -> None:
        desk = Desk()

        async def send(message: object) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()

        server = Server()
        server.send = send  # type: ignore[method-assign]
        outbox = desk.outbox(server)
        task = asyncio.create_task(outbox.deliver(frame("a")))
        await settle()
        outbox.discard()
        await task
        assert task.cancelling() == 0

    @pytest.mark.parametrize("closed_before", [False, True])
    async def test_the_callers_own_cancellation_is_raised(self, closed_before: bool) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server)
        task = asyncio.create_task(outbox.deliver(frame("a")))
        await settle()
        if closed_before:
            outbox.finish(1000, "")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert outbox.closed
        assert desk.writers.waiting == set()

    async def test_both_cancellations_at_once_are_the_callers_too(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server)
        task = asyncio.create_task(outbox.deliver(frame("a")))
        await settle()
        outbox.discard()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelling() == 1


class TestDiscard:
    async def test_what_was_queued_is_dropped_and_counted_once(self) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server)
        put(outbox, "a", "b", "c")
        await settle()
        outbox.discard()
        outbox.discard()
        assert desk.counters == {"frames_dropped": 3}
        server.unblock()
        await settle()
        outbox.discard()
        assert server.taken == []
        assert desk.counters == {"frames_dropped": 3}
        assert desk.writers.tasks == set()
        assert desk.writers.waiting == set()
        assert outbox.writer is None

    async def test_an_empty_outbox_counts_nothing(self) -> None:
        desk = Desk()
        desk.outbox(Server()).discard()
        assert desk.counters == {}

    async def test_frames_put_before_the_writer_ran_are_dropped(self) -> None:
        desk, server, other = Desk(), Server(), Server()
        outbox = desk.outbox(server)
        put(outbox, "a")
        put(desk.outbox(other), "b")
        outbox.discard()
        await settle()
        assert (server.taken, other.taken) == ([], ["b"])

    async def test_what_was_queued_for_a_refused_connection_is_no_loss(self) -> None:
        desk, server = Desk(), Server()
        outbox = desk.outbox(server, release=False)
        put(outbox, "a")
        outbox.put(frame("x", "x"))
        outbox.forget()
        put(outbox, "b")
        outbox.release()
        await settle()
        # What comes after the refusal has nobody to go to either, but somebody sent it.
        assert (len(outbox), server.taken, desk.counters) == (0, [], {"frames_dropped": 1})


class TestFailingServer:
    async def test_a_failed_write_closes_only_its_own_outbox(self) -> None:
        desk, broken, healthy = Desk(), Server(), Server()
        broken.failure = OSError("gone")
        first, second = desk.outbox(broken), desk.outbox(healthy)
        put(first, "a", "b", "c")
        put(second, "a")
        await settle()
        assert first.closed
        assert not second.closed
        assert healthy.taken == ["a"]
        assert broken.begun == 1

    async def test_every_frame_that_was_lost_is_counted(self) -> None:
        desk, broken = Desk(), Server()
        broken.failure = OSError("gone")
        put(desk.outbox(broken), "a", "b", "c")
        await settle()
        assert desk.counters["frames_dropped"] == 3

    async def test_a_write_that_fails_after_waiting_leaves_no_writer(self) -> None:
        desk, server = Desk(), Server()
        waiting = asyncio.Event()

        async def send(message: object) -> None:
            await waiting.wait()
            raise OSError("gone")

        server.send = send  # type: ignore[method-assign]
        outbox = desk.outbox(server)
        put(outbox, "a")
        await settle()
        assert desk.writers.waiting == {outbox}
        waiting.set()
        await settle()
        assert outbox.closed
        assert desk.writers.tasks == set()
        assert desk.writers.waiting == set()

    async def test_the_log_does_not_quote_the_frame(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG", "microsockets")
        desk, broken = Desk(), Server()
        broken.failure = OSError("secret")
        put(desk.outbox(broken), "secret")
        await settle()
        assert "OSError" in caplog.text
        assert "secret" not in caplog.text


class TestCancellation:
    @pytest.mark.parametrize("slot", [None, "x"])
    async def test_a_cancelled_writer_leaves_nothing_behind(self, slot: str | None) -> None:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server)
        outbox.put(frame("a", slot))
        await settle()
        outbox.put(frame("b", slot))
        assert outbox.writer is not None
        outbox.writer.cancel()
        await settle()
        assert desk.writers.tasks == set()
        assert desk.writers.waiting == set()
        assert outbox.writer is None
        server.unblock()
        outbox.put(frame("c", slot))
        await settle()
        assert desk.counters["frames_dropped"] == 3
        assert desk.counters["latest_replaced"] == 0
        assert server.taken == []

    async def test_the_writers_of_others_go_on(self) -> None:
        desk, slow, slower = Desk(), Server(), Server()
        slow.block()
        slower.block()
        first, second = desk.outbox(slow), desk.outbox(slower)
        put(first, "a")
        put(second, "b")
        await settle()
        assert first.writer is not None
        first.writer.cancel()
        await settle()
        assert desk.writers.waiting == {second}
        slower.unblock()
        await settle()
        assert slower.taken == ["b"]


def overflow(outbox: Outbox) -> None:
    outbox.overflow("outbox_seconds")


def finish(outbox: Outbox) -> None:
    outbox.finish(1000, "")


class TestSpace:
    async def full(self, limits: Limits, *texts: str) -> tuple[Server, Outbox]:
        desk, server = Desk(), Server()
        server.block()
        outbox = desk.outbox(server, limits)
        put(outbox, "sending")
        await settle()
        put(outbox, *texts)
        return server, outbox

    async def test_an_empty_outbox_has_room(self) -> None:
        await Desk().outbox(Server()).space()

    @pytest.mark.parametrize(
        ("limits", "texts"),
        [(Limits(outbox_frames=8), ["x"] * 6), (Limits(outbox_bytes=100), ["x" * 10, "y" * 80])],
    )
    async def test_it_waits_until_less_than_half_is_in_use(self, limits: Limits, texts: list[str]) -> None:
        server, outbox = await self.full(limits, *texts)
        waiters = [asyncio.create_task(outbox.space()) for _ in range(2)]
        await settle()
        assert not any(waiter.done() for waiter in waiters)
        server.go_on()
        await settle()
        assert not any(waiter.done() for waiter in waiters)
        server.unblock()
        await settle()
        assert all(waiter.done() for waiter in waiters)

    @pytest.mark.parametrize(
        "close",
        [Outbox.discard, overflow, finish],
        ids=["discard", "overflow", "finish"],
    )
    async def test_closing_ends_the_wait(self, close: Callable[[Outbox], None]) -> None:
        _, outbox = await self.full(Limits(outbox_frames=4), "a", "b", "c")
        waiter = asyncio.create_task(outbox.space())
        await settle()
        assert not waiter.done()
        close(outbox)
        await settle()
        assert waiter.done()

    async def test_a_waiter_that_is_cancelled_takes_no_other_with_it(self) -> None:
        server, outbox = await self.full(Limits(outbox_frames=4), "a", "b", "c")
        first, second = asyncio.create_task(outbox.space()), asyncio.create_task(outbox.space())
        await settle()
        first.cancel()
        await settle()
        assert first.cancelled()
        assert not second.done()
        server.unblock()
        await settle()
        assert second.done()
        assert not second.cancelled()

    async def test_a_lone_waiter_that_is_cancelled_does_not_disturb_the_writer(self) -> None:
        server, outbox = await self.full(Limits(outbox_frames=4), "a", "b", "c")
        waiter = asyncio.create_task(outbox.space())
        await settle()
        waiter.cancel()
        await settle()
        server.unblock()
        await settle()
        assert server.taken == ["sending", "a", "b", "c"]
        await outbox.space()


async def test_a_new_loop_of_writers_is_idle() -> None:
    writers = Writers(asyncio.get_running_loop())
    writers.sweep(0.0)
    assert (writers.tasks, writers.waiting) == (set(), set())
