"""What the connections of one event loop share: the writers, the running handlers, and one timer for all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol

from .failures import Failures
from .middleware import Call
from .outbox import Writers

_LONGEST_TICK = 0.5
_SHORTEST_TICK = 0.01


class Ending(Protocol):
    """What the runtime asks of a connection."""

    def end(self, code: int, reason: str) -> None: ...


class TimeLimit:
    """`async with runtime.limit(seconds) as limit:` cancels the body when its time is over, and raises `TimeoutError`.

    It is looked at by the sweep, so it may come late by a quarter of the shortest limit. `asyncio.timeout` would cost
    6 us where this costs 1, three times for every connection.
    """

    __slots__ = ("_cancelling", "_limits", "_task", "deadline", "expired")

    def __init__(self, limits: set[TimeLimit], deadline: float) -> None:
        self._limits = limits
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self.deadline = deadline
        self.expired = False

    async def __aenter__(self) -> TimeLimit:
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        self._limits.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.discard(self)
        task, self._task = self._task, None
        if self.expired:
            assert task is not None
            # Somebody else may have cancelled it as well, which is then theirs to see.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def expire(self) -> None:
        """Its time is over."""
        self._limits.discard(self)
        if self._task is not None:
            self.expired = True
            self._task.cancel()


class Runtime:
    """One per application and event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, counters: Counter[str], failures: Failures) -> None:
        self.loop = loop
        self.counters = counters
        self.failures = failures
        self.writers = Writers(loop)
        self.connections: set[Ending] = set()
        self.per_ip: Counter[str] = Counter()
        self.endings: set[asyncio.Task[None]] = set()
        """Connections that are being taken down."""
        self.running: set[Call] = set()
        """Calls that have a time limit and have started."""
        self._limits: set[TimeLimit] = set()
        self._tick = _LONGEST_TICK
        self._timer: asyncio.TimerHandle | None = None

    def notice(self, seconds: float) -> None:
        """Sees to it that a time limit this short is kept to within a quarter of itself."""
        self._tick = max(_SHORTEST_TICK, min(self._tick, seconds / 4))

    def limit(self, seconds: float) -> TimeLimit:
        """A time limit for the task that enters it; there is a sweep only while there are connections."""
        return TimeLimit(self._limits, self.loop.time() + seconds)

    def enter(self, connection: Ending, ip: str | None) -> None:
        """Counts a connection."""
        self.connections.add(connection)
        if ip is not None:
            self.per_ip[ip] += 1
        if self._timer is None:
            self._timer = self.loop.call_later(self._tick, self._sweep)

    def leave(self, connection: Ending, ip: str | None) -> None:
        """Uncounts a connection."""
        self.connections.discard(connection)
        if ip is not None:
            self.per_ip[ip] -= 1
            if self.per_ip[ip] <= 0:
                del self.per_ip[ip]
        self._rest()

    def _rest(self) -> None:
        if self._timer is not None and not (self.connections or self.endings):
            self._timer.cancel()
            self._timer = None

    def take_down(self, ending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs the end of a connection in a task of its own, so that a server that cancels its own cannot cut it
        short."""
        task = self.loop.create_task(ending)
        self.endings.add(task)
        task.add_done_callback(self._taken_down)
        return task

    def _taken_down(self, task: asyncio.Task[None]) -> None:
        self.endings.discard(task)
        self._rest()

    async def settle(self, seconds: float) -> None:
        """Waits until the connections that are being taken down are through, at most for so long."""
        if self.endings:
            await asyncio.wait(set(self.endings), timeout=seconds)

    def _sweep(self) -> None:
        now = self.loop.time()
        for call in list(self.running):
            if now >= call.deadline:
                call.end(call.ended_by or "timeout", now)
        for limit in [each for each in self._limits if now >= each.deadline]:
            limit.expire()
        self.writers.sweep(now)
        self._timer = self.loop.call_later(self._tick, self._sweep)
