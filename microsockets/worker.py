"""Runs the calls of one connection in the order of their arrival.

Calls wait in the inbox until the worker takes them, one at a time. A stream starts in its turn and goes on in a task of
its own, and so does a `concurrent=` handler; both are said to run beside. The worker's place is held by one task: a
handler that asks the client gives it up, so that the next calls run, and takes it again before it goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any, Final

from .errors import Cancelled, Error, Overloaded
from .middleware import Call
from .middleware.calls import RouteLike
from .place import current_place

RETRY_AFTER: Final = 1.0
"""Seconds an overloaded connection asks its client to wait."""

_LAST_STEP_SECONDS: Final = 1.0
"""How long an abandoned handler has to clean up."""


class Worker:
    """Made with a connection's first event.

    `run` runs a call in `call.task` and answers it, and raises nothing but cancellation; `refuse` answers a call that
    will not run. `holder` is a task that will `work()`, and has the place from the beginning.
    """

    __slots__ = (
        "_abandoned",
        "_beside",
        "_busy",
        "_context",
        "_counters",
        "_drained",
        "_ended",
        "_holder",
        "_idle",
        "_inbox",
        "_loop",
        "_parked",
        "_refuse",
        "_returning",
        "_run",
        "_streams",
        "_streams_ended",
        "_waiting",
        "queued",
        "queued_bytes",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        counters: Counter[str],
        streams: int,
        run: Callable[[Call], Awaitable[None]],
        refuse: Callable[[Call, Error], None],
        holder: asyncio.Task[Any] | None = None,
    ) -> None:
        self._loop = loop
        self._counters = counters
        self._streams = streams
        self._run = run
        self._refuse = refuse
        self._inbox: deque[Call] = deque()
        self._busy: set[Call] = set()
        self._holder: asyncio.Task[Any] | None = holder
        self._parked: asyncio.Future[None] | None = None
        # Most connections never need these.
        self._beside: dict[Call, asyncio.Task[None]] | None = None
        self._waiting: dict[RouteLike, deque[Call]] | None = None
        self._returning: deque[tuple[asyncio.Task[Any], asyncio.Future[None]]] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._ended = False
        self._streams_ended = False
        self._abandoned = False
        # That of the holder is not known before it works.
        self._context = copy_context() if holder is None else None
        self.queued = 0
        """Calls that have not started."""
        self.queued_bytes = 0
        """The size of their frames."""

    def add(self, call: Call) -> None:
        """Queues a call."""
        self.queued += 1
        self.queued_bytes += call.size
        self._inbox.append(call)
        if self._parked is not None:
            self._unpark()
        elif self._holder is None and not self._returning:
            self._start()

    def _start(self) -> None:
        # Not create_task: an eager task factory would run it before it holds the place. The context is that of the
        # connection: this may run within a handler, whose context variables are no business of the next.
        self._holder = asyncio.Task(self.work(), loop=self._loop, context=self._own_context())

    def _own_context(self) -> Context:
        if self._context is None:
            self._context = copy_context()
        return self._context.copy()

    def _unpark(self) -> None:
        parked, self._parked = self._parked, None
        if parked is not None and not parked.done():
            parked.set_result(None)

    async def work(self) -> None:
        """Runs what is queued while the task that calls this holds the place, and until `finish`."""
        task = asyncio.current_task()
        if self._context is None:
            self._context = copy_context()
        token = current_place.set(self)
        try:
            while self._holder is task:
                if self._returning:
                    self._holder = None
                    self._advance()
                elif self._inbox:
                    call = self._inbox.popleft()
                    if self._is_void(call):
                        continue
                    if call.route.streams or call.route.concurrent is not None:
                        self._start_beside(call)
                        # Its first step comes before the next call's.
                        await asyncio.sleep(0)
                    else:
                        call.task = task
                        await self._run_one(call)
                elif self._ended:
                    self._holder = None
                else:
                    # Parking costs 1.7 us a message, a task for each message 9 us.
                    self._parked = self._loop.create_future()
                    await self._parked
        finally:
            if self._holder is task:
                # Cancelled from outside; what was received still runs.
                self._holder = self._parked = None
                self._advance()
            self._settle()
            current_place.reset(token)

    def _is_void(self, call: Call) -> bool:
        """Takes a call out that was cancelled while it waited, or is a stream that nobody will read."""
        if call.ended_by is None and not (call.route.streams and self._streams_ended):
            return False
        self._take(call)
        if call.ended_by is None:
            self._refuse(call, Cancelled())
        return True

    def _take(self, call: Call) -> None:
        self.queued -= 1
        self.queued_bytes -= call.size

    async def _run_one(self, call: Call) -> None:
        self.queued -= 1
        self.queued_bytes -= call.size
        self._busy.add(call)
        try:
            await self._run(call)
        finally:
            self._busy.discard(call)
            if self._idle is not None:
                self._idle.set_result(None)
                self._idle = None

    # The worker's place

    def step_aside(self) -> bool:
        """See `Place.step_aside`."""
        if self._holder is not asyncio.current_task():
            return False
        self._holder = None
        self._advance()
        return True

    async def step_back(self) -> None:
        """See `Place.step_back`. A call that was ended only cleans up, and needs no place for that."""
        task = asyncio.current_task()
        assert task is not None
        if self._is_ended(task):
            return
        if self._holder is None or self._parked is not None:
            self._holder = task
            self._unpark()
            return
        future: asyncio.Future[None] = self._loop.create_future()
        if self._returning is None:
            self._returning = deque()
        self._returning.append((task, future))
        interruption: asyncio.CancelledError | None = None
        while self._holder is not task:
            try:
                await asyncio.shield(future)
            except asyncio.CancelledError as error:
                interruption = error
                if self._is_ended(task) or self._abandoned:
                    future.cancel()
                    break
        if interruption is not None:
            raise interruption

    def _is_ended(self, task: asyncio.Task[Any]) -> bool:
        return any(call.task is task and call.ended_by is not None for call in self._busy)

    def _advance(self) -> None:
        # Nobody holds the place: it goes to a handler that comes back, else to a new task if there is work.
        while self._returning:
            task, future = self._returning.popleft()
            if not future.done():
                self._holder = task
                future.set_result(None)
                return
        if self._inbox:
            self._start()

    # Beside it

    def _start_beside(self, call: Call) -> None:
        route = call.route
        if self._beside is None:
            self._beside = {}
        if route.streams and sum(each.route.streams for each in self._beside) >= self._streams:
            self._take(call)
            self._counters["streams"] += 1
            self._refuse(call, Overloaded("Too many streams are open", retry_after=RETRY_AFTER))
            return
        if route.concurrent is not None and sum(each.route is route for each in self._beside) >= route.concurrent:
            if self._waiting is None:
                self._waiting = {}
            self._waiting.setdefault(route, deque()).append(call)
            return
        # Set here, so that a $cancel or a disconnect before the task's first step finds it.
        call.task = self._beside[call] = self._loop.create_task(self._run_one(call), context=self._own_context())
        call.task.add_done_callback(lambda _: self._beside_done(call))

    def _beside_done(self, call: Call) -> None:
        assert self._beside is not None
        del self._beside[call]
        if not call.started:
            # Cancelled before its task's first step: it never ran, and still gets its answer.
            self._take(call)
            self._refuse(call, Cancelled())
        waiting = self._waiting.get(call.route) if self._waiting else None
        while waiting:
            follower = waiting.popleft()
            if not self._is_void(follower):
                self._start_beside(follower)
                break
        self._settle()

    # The end

    def end_streams(self) -> set[asyncio.Task[None]]:
        """Cancels the streams and returns their tasks; those that wait will not start."""
        self._streams_ended = True
        streams = {call: task for call, task in (self._beside or {}).items() if call.route.streams}
        for call in streams:
            if call.ended_by is None and not call.finished:
                call.end("disconnect", self._loop.time())
        return set(streams.values())

    async def idle(self) -> None:
        """Waits until nothing but streams is queued or running."""
        while self.queued or any(not call.route.streams for call in self._busy):
            if self._idle is None:
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)

    async def finish(self, seconds: float) -> int:
        """Lets what was queued and what is running finish. Returns how many calls had to be abandoned."""
        self._ended = True
        self._unpark()
        if await self._settled(seconds):
            return 0
        return await self._abandon()

    async def _settled(self, seconds: float) -> bool:
        """Waits until nothing is left to do, at most for so long. Returns whether that is so."""
        if self._is_settled():
            return True
        self._drained = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._drained
        except TimeoutError:
            return False
        return True

    async def _abandon(self) -> int:
        self._abandoned = True
        abandoned = self.queued + len(self._busy)
        self._inbox.clear()
        self._waiting = None
        tasks = {call.task for call in self._busy if call.task is not None} | set((self._beside or {}).values())
        for task in tasks:
            task.cancel()
        await self._settled(_LAST_STEP_SECONDS)
        return abandoned

    def _is_settled(self) -> bool:
        return not (self._busy or self._inbox or self._beside or self._returning) and self._holder is None

    def _settle(self) -> None:
        if self._drained is not None and not self._drained.done() and self._is_settled():
            self._drained.set_result(None)
