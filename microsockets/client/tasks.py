"""The tasks of one socket: each has an owner, and none outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Starts tasks and sees to their end. What they raise is theirs to report."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def finish(self, seconds: float) -> None:
        """Waits for the tasks that run now, but not for the one that calls; after so many seconds they are cancelled.
        Also if the wait is cancelled itself."""
        others = self._running - {asyncio.current_task()}
        if not others:
            return
        try:
            await asyncio.wait(others, timeout=seconds)
        finally:
            for task in others:
                task.cancel()
        await asyncio.wait(others, timeout=seconds)
