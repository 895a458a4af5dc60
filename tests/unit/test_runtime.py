"""runtime.py: one timer for the time limits of all running handlers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from microsockets.checks import Checks
from microsockets.failures import Failures
from microsockets.middleware import Call
from microsockets.middleware.calls import CLEAN_UP_SECONDS
from microsockets.runtime import Runtime

from .calls import make_call


class Quiet:
    def end(self, code: int, reason: str) -> None: ...


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    counters: Counter[str] = Counter()
    made = Runtime(asyncio.get_running_loop(), counters, Failures(counters, Checks(False), debug=False))
    made.notice(0.04)
    connection = Quiet()
    made.enter(connection, None)
    yield made
    made.leave(connection, None)


def running(runtime: Runtime, deadline: float) -> tuple[Call, list[str]]:
    """A call whose handler hides its first cancellation."""
    log: list[str] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("cancelled")
                if len(log) == 2:
                    raise

    call = make_call()
    call.task = asyncio.create_task(stubborn())
    call.deadline = deadline
    runtime.running.add(call)
    return call, log


async def test_a_handler_past_its_time_is_ended(runtime: Runtime) -> None:
    call, log = running(runtime, runtime.loop.time())
    early, none = running(runtime, runtime.loop.time() + 60)
    await asyncio.sleep(0.1)
    assert (call.ended_by, log) == ("timeout", ["cancelled"])
    assert (early.ended_by, none) == (None, [])
    assert call.deadline > runtime.loop.time() + CLEAN_UP_SECONDS / 2
    for each in (call, early):
        runtime.running.discard(each)
        assert each.task is not None
        for _ in range(2):
            each.task.cancel()
            await asyncio.sleep(0)


async def test_a_handler_that_goes_on_is_ended_again(runtime: Runtime) -> None:
    call, log = running(runtime, runtime.loop.time() + 60)
    await asyncio.sleep(0)
    call.end("cancelled", runtime.loop.time() - CLEAN_UP_SECONDS)
    assert call.task is not None
    await asyncio.wait({call.task}, timeout=2)
    assert (call.ended_by, log, call.cancels) == ("cancelled", ["cancelled", "cancelled"], 2)
    assert call.task.cancelled()
    runtime.running.discard(call)
