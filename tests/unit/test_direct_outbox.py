"""The outbox of a socket whose server takes frames at once: order, limits and loss, against a line that can be slow."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from microsockets.limits import Limits
from microsockets.outbox import DirectOutbox, Outbox, OutFrame
from microsockets.types import Direct, Sink, Write

from tests.unit.writing import frame


class Line:
    """A server's end: what it took, and when it says that the reader is slow."""

    def __init__(self, limits: Limits | None = None, *, deflate: bool = False, release: bool = True) -> None:
        self.taken: list[str] = []
        self.counters: Counter[str] = Counter()
        self.waiting: set[Outbox] = set()
        self.overflowed = 0
        self.room: int | None = None
        self.outbox = DirectOutbox(self.waiting, limits or Limits(), self.counters, self._overflow)
        self.direct: Direct | None = None
        self.outbox.connect(
            self.write,
            {"attach": self.attach, "direct": lambda: self.direct, "close": self.close, "deflate": deflate},
        )
        self.outbox.early = False
        if release:
            self.outbox.release()

    def _overflow(self) -> None:
        self.overflowed += 1

    def attach(self, sink: Sink) -> Write:
        raise AssertionError("the carrier attaches")

    def write(self, data: bytes) -> None:
        assert data[0] in (0x81, 0xC1)
        payload = data[2 if data[1] < 126 else 4 :]
        if data[0] == 0xC1:
            payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        self.taken.append(payload.decode())
        if self.room is not None:
            self.room -= 1
            if self.room == 0:
                self.outbox.congested(True)

    def close(self, code: int, reason: str, seconds: float = 5.0, /) -> None:
        self.taken.append(f"close {code} {reason}")

    def put(self, *texts: str) -> None:
        for text in texts:
            self.outbox.put(frame(text))


async def test_a_frame_is_written_at_once() -> None:
    line = Line()
    line.put("one", "two")
    assert line.outbox.write is not None
    line.outbox.write(frame("three").wire)
    assert line.taken == ["one", "two", "three"]
    assert len(line.outbox) == 0


async def test_the_shortest_way_is_there_while_nothing_waits() -> None:
    line = Line(release=False)
    line.direct = Direct(len, line.write, lambda: None)
    assert line.outbox.send is None
    line.outbox.release()
    assert line.outbox.send is len
    assert line.outbox.rest == line.write
    line.outbox.congested(True)
    assert line.outbox.send is None
    line.outbox.congested(False)
    assert line.outbox.send is len
    line.outbox.finish(1000, "bye")
    assert line.outbox.send is None
    line.outbox.detach()
    line.outbox.rest(b"nowhere")
    assert line.taken == ["close 1000 bye"]


async def test_before_the_connection_is_accepted_frames_wait() -> None:
    line = Line(release=False)
    line.put("one", "two")
    assert line.taken == []
    assert line.outbox.write is None
    line.outbox.release()
    assert line.taken == ["one", "two"]
    assert line.outbox.write is not None


async def test_while_the_reader_is_slow_frames_wait_in_order() -> None:
    line = Line()
    line.outbox.congested(True)
    assert line.outbox.write is None
    line.put("one", "two")
    assert line.taken == []
    assert line.waiting == {line.outbox}
    line.room = 1
    line.outbox.congested(False)
    assert line.taken == ["one"]
    assert line.waiting == {line.outbox}
    line.put("three")
    line.room = None
    line.outbox.congested(False)
    assert line.taken == ["one", "two", "three"]
    assert line.waiting == set()
    assert line.outbox.write is not None


async def test_what_was_held_can_be_more_than_the_reader_takes_at_once() -> None:
    line = Line(release=False)
    line.put("one", "two")
    line.room = 1
    line.outbox.release()
    assert line.taken == ["one"]
    assert line.waiting == {line.outbox}


async def test_what_was_held_waits_for_a_reader_that_is_slow_by_then() -> None:
    line = Line(release=False)
    line.put("one")
    line.outbox.congested(True)
    line.outbox.release()
    assert line.taken == []
    assert line.waiting == {line.outbox}
    line.outbox.congested(False)
    assert line.taken == ["one"]


async def test_a_slow_reader_is_no_news_before_the_connection_is_accepted() -> None:
    line = Line(release=False)
    line.outbox.congested(True)
    line.outbox.congested(False)
    line.put("one")
    assert line.taken == []
    line.outbox.release()
    assert line.taken == ["one"]


@pytest.mark.parametrize(
    ("limits", "name"), [(Limits(outbox_frames=2), "outbox_frames"), (Limits(outbox_bytes=8), "outbox_bytes")]
)
async def test_past_a_limit_what_waits_is_dropped_and_counted(limits: Limits, name: str) -> None:
    line = Line(limits)
    line.outbox.congested(True)
    line.put("one", "two")
    assert line.overflowed == 0
    line.put("three")
    assert line.overflowed == 1
    assert line.counters == {"slow_reader": 1, name: 1, "frames_dropped": 3}
    assert line.waiting == set()
    line.put("four")
    line.outbox.congested(False)
    assert line.taken == []
    assert line.counters["frames_dropped"] == 4


async def test_a_frame_that_waits_for_too_long_is_overdue() -> None:
    line = Line(Limits(outbox_seconds=5))
    line.outbox.congested(True)
    assert not line.outbox.is_overdue(100.0)
    line.outbox.put(frame("one", at=10.0))
    assert not line.outbox.is_overdue(15.0)
    assert line.outbox.is_overdue(15.1)


async def test_closing_comes_after_what_waits_and_nothing_after_it() -> None:
    line = Line()
    line.outbox.congested(True)
    line.put("one")
    line.outbox.finish(1000, "bye")
    line.outbox.finish(1001, "again")
    line.put("late")
    assert line.taken == []
    line.outbox.congested(False)
    assert line.taken == ["one", "close 1000 bye"]
    line.outbox.congested(True)
    line.outbox.congested(False)
    assert line.taken == ["one", "close 1000 bye"]


async def test_closing_does_not_wait_for_a_slow_reader_that_has_everything() -> None:
    line = Line()
    line.outbox.congested(True)
    line.outbox.finish(1000, "bye")
    assert line.taken == ["close 1000 bye"]


async def test_a_close_that_waits_for_too_long_is_given_up() -> None:
    line = Line()
    line.outbox.congested(True)
    line.put("one")
    line.outbox.finish(1012, "restart")
    line.outbox.overflow("outbox_seconds")
    line.outbox.overflow("outbox_seconds")
    assert line.overflowed == 1
    assert line.counters["frames_dropped"] == 1


async def test_a_newer_frame_replaces_one_that_waits() -> None:
    line = Line()
    line.outbox.congested(True)
    for text in ("a1", "b1", "a2"):
        line.outbox.put(frame(text, slot=text[0]))
    line.outbox.congested(False)
    assert line.taken == ["a2", "b1"]
    assert line.counters == {"latest_replaced": 1}


async def test_deflate_long_frames_are_compressed_and_none_is_written_past_the_outbox() -> None:
    line = Line(deflate=True)
    assert line.outbox.write is None
    line.put("short", "long " * 100)
    assert line.taken == ["short", "long " * 100]


async def test_a_broadcast_is_framed_and_compressed_once() -> None:
    shared = OutFrame(b"x" * 1000, 0.0)
    assert shared.wire is shared.wire
    assert shared.compressed is shared.compressed
    assert len(shared.compressed) < 50
    assert shared.message is shared.message


async def finished(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that has had every chance to end."""
    task = asyncio.create_task(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_who_delivers_to_a_slow_reader_waits_for_space() -> None:
    line = Line(Limits(outbox_frames=4))
    assert (await finished(line.outbox.deliver(frame("one")))).done()
    line.outbox.congested(True)
    line.put("two", "three")
    task = await finished(line.outbox.deliver(frame("four")))
    assert not task.done()
    line.outbox.congested(False)
    await task
    assert line.taken == ["one", "two", "three", "four"]


async def test_a_stream_lets_others_run_now_and_then() -> None:
    line = Line()
    turns = 0

    async def stream() -> None:
        nonlocal turns
        for _ in range(64):
            await line.outbox.space()
            turns += 1

    task = asyncio.create_task(stream())
    await asyncio.sleep(0)
    assert 0 < turns < 64
    await task


async def test_after_the_end_nothing_reaches_the_line() -> None:
    line = Line()
    line.outbox.discard()
    line.outbox.detach()
    line.put("late")
    line.outbox.overflow("outbox_frames")
    assert (line.taken, line.overflowed) == ([], 0)
    assert line.counters["frames_dropped"] == 1
