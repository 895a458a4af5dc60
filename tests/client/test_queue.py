"""What waits for a connection."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets import UsageError
from microsockets.client.message import Message
from microsockets.client.queue import DropReason, Queue, QueueLimits

from tests.client.virtual import virtually


class Recorded:
    """A queue, and what it dropped."""

    def __init__(self, limits: QueueLimits | None = None) -> None:
        self.lost: list[tuple[str, DropReason]] = []
        self.queue = Queue(limits or QueueLimits(), lambda message, reason: self.lost.append((message.event, reason)))

    def push(self, *events: str) -> list[Message]:
        messages = [Message(event, ..., None) for event in events]
        for message in messages:
            self.queue.push(message)
        return messages


def sized(count: int) -> Message:
    """A message whose frame has so many bytes."""
    message = Message("x", ..., b'"%b"' % (b"x" * (count - 26)))
    assert message.size == len(message.encode()) == count
    return message


async def test_messages_come_out_in_the_order_in_which_they_came() -> None:
    recorded = Recorded()
    first, second = recorded.push("a", "b")
    assert recorded.queue.next() is first
    # One that was sent keeps its place.
    first.id = 0
    assert recorded.queue.next() is second
    assert len(recorded.queue) == 2
    first.id = None
    assert recorded.queue.next() is first
    assert recorded.queue.remove(first)
    assert not recorded.queue.remove(first)
    assert recorded.queue.next() is second
    recorded.queue.clear()
    assert recorded.queue.next() is None
    assert recorded.lost == [("b", "disconnected")]


async def test_where_there_is_no_room_the_newest_message_is_dropped() -> None:
    recorded = Recorded(QueueLimits(messages=2))
    first, _, third = recorded.push("a", "b", "c")
    assert recorded.lost == [("c", "overloaded")]
    recorded.queue.remove(first)
    recorded.queue.push(third)
    assert len(recorded.queue) == 2
    recorded.queue.clear()
    nothing = Recorded(QueueLimits(messages=0))
    nothing.push("a")
    assert nothing.lost == [("a", "overloaded")]


async def test_the_bytes_of_all_messages_together_are_bounded_and_those_taken_out_make_room() -> None:
    recorded = Recorded(QueueLimits(bytes=100))
    half, more = sized(50), sized(30)
    for message in (half, sized(50), more):
        recorded.queue.push(message)
    assert recorded.lost == [("x", "overloaded")]
    recorded.queue.remove(half)
    recorded.queue.push(more)
    assert len(recorded.queue) == 2
    recorded.queue.clear()


def test_without_limits_of_its_own_256_messages_and_1_mib_wait_for_a_minute() -> None:
    async def run() -> None:
        many = Recorded()
        many.push(*[str(n) for n in range(257)])
        assert many.lost == [("256", "overloaded")]
        large = Recorded()
        large.queue.push(sized(1024 * 1024))
        large.queue.push(sized(30))
        assert len(large.queue) == 1
        await asyncio.sleep(59.9)
        assert len(large.queue) == 1
        await asyncio.sleep(0.2)
        assert len(large.queue) == 0
        assert large.lost[-1] == ("x", "timeout")

    virtually(run())


def test_each_message_waits_for_as_long_as_it_may_and_one_that_was_sent_for_longer() -> None:
    async def run() -> None:
        recorded = Recorded(QueueLimits(seconds=1))
        (sent,) = recorded.push("sent")
        sent.id = 0
        await asyncio.sleep(0.5)
        recorded.push("b")
        await asyncio.sleep(0.75)
        assert recorded.lost == []
        await asyncio.sleep(0.5)
        assert recorded.lost == [("b", "timeout")]
        # It came back.
        sent.id = None
        await asyncio.sleep(1.5)
        assert recorded.lost == [("b", "timeout"), ("sent", "timeout")]
        forever = Recorded(QueueLimits(seconds=math.inf))
        forever.push("a")
        await asyncio.sleep(1e6)
        assert len(forever.queue) == 1

    virtually(run())


@pytest.mark.parametrize("limits", [{"messages": -1}, {"bytes": -1}, {"seconds": -0.1}, {"seconds": math.nan}])
def test_limits_that_are_none_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"give a number from 0 on"):
        QueueLimits(**limits)  # type: ignore[arg-type]


@given(
    st.builds(QueueLimits, messages=st.integers(1, 10), bytes=st.integers(30, 400), seconds=st.just(1.0)),
    st.lists(st.tuples(st.sampled_from(["push", "remove", "wait", "clear"]), st.integers(0, 100)), max_size=80),
)
def test_whatever_happens_the_bounds_hold_the_order_is_kept_and_nothing_is_lost_unseen(
    limits: QueueLimits, steps: list[tuple[str, int]]
) -> None:
    async def run() -> None:
        lost: set[Message] = set()
        queue = Queue(limits, lambda message, reason: lost.add(message))
        kept: list[Message] = []
        pushed = taken = 0
        for what, number in steps:
            if what == "push":
                message = Message("event", ..., b'"%b"' % (b"x" * number))
                pushed += 1
                kept.append(message)
                queue.push(message)
            elif what == "remove" and kept:
                message = kept.pop(number % len(kept))
                assert queue.remove(message)
                taken += 1
            elif what == "wait":
                await asyncio.sleep(number / 100)
            elif what == "clear" and number < 20:
                queue.clear()
            kept = [message for message in kept if message not in lost]
            assert len(queue) == len(kept) <= limits.messages
            assert queue.next() is (kept[0] if kept else None)
            assert sum(message.size for message in kept) <= limits.bytes
            assert pushed == len(kept) + taken + len(lost)
        queue.clear()

    virtually(run())
