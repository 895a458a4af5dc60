"""How long events take."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from .calls import Call
from .chain import Next


class Timing:
    """Calls `record(call, seconds)` after each event, whether it succeeded or not; a stream is timed to its end."""

    def __init__(self, record: Callable[[Call, float], None]) -> None:
        self.record = record

    async def event(self, call: Call, call_next: Next) -> Any:
        started = perf_counter()
        try:
            return await call_next(call)
        finally:
            self.record(call, perf_counter() - started)
