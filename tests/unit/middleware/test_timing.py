"""middleware/timing.py: how long events take."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from microsockets.middleware import Call, Timing

from ..calls import answer, make_call


async def test_an_events_time_is_recorded_with_its_call() -> None:
    seen: list[tuple[Call, float]] = []
    call = make_call()
    assert await Timing(lambda each, seconds: seen.append((each, seconds))).event(call, answer) == "answer"
    [(recorded, seconds)] = seen
    assert recorded is call
    assert seconds >= 0


@pytest.mark.parametrize("failure", [ValueError, asyncio.CancelledError])
async def test_a_failure_is_recorded_and_goes_on(failure: type[BaseException]) -> None:
    async def failing(call: Any) -> Any:
        raise failure

    seen: list[Call] = []
    with pytest.raises(failure):
        await Timing(lambda each, seconds: seen.append(each)).event(make_call(), failing)
    assert len(seen) == 1
