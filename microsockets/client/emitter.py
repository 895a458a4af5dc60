"""Functions of the application that are told of something, plain or async."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, Protocol

from typing_extensions import ParamSpec

from .error import MicroSocketError
from .tasks import Tasks

P = ParamSpec("P")

Unbind = Callable[[], None]
"""Ends a binding. Calling it again does nothing."""

MOST_WAITING: Final = 1000


class Report(Protocol):
    """Takes what a function of the application raised."""

    def __call__(self, error: BaseException, /) -> object: ...


class Binding(Generic[P]):
    """One bound function. If it is async, its calls run one at a time, in order, in a task that lives while there are
    any; a call beyond the 1,000th that waits is not made and reported as `overloaded`."""

    __slots__ = ("_function", "_report", "_tasks", "_waiting", "_works", "key", "once")

    def __init__(self, function: Callable[P, object], key: object, once: bool, tasks: Tasks, report: Report) -> None:
        self.key = key
        """What the application bound."""
        self.once = once
        self._function = function
        self._tasks = tasks
        self._report = report
        self._waiting: deque[Awaitable[Any]] = deque()
        self._works = False

    def call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Calls the function. Never raises."""
        if len(self._waiting) >= MOST_WAITING:
            self._report(MicroSocketError("overloaded", f"a listener is {MOST_WAITING} events behind"))
            return
        result = attempt(lambda: self._function(*args, **kwargs), self._report)
        if inspect.isawaitable(result):
            self._waiting.append(result)
            if not self._works:
                self._works = True
                self._tasks.spawn(self._work())

    def forget(self) -> None:
        """Calls that did not start will not."""
        while self._waiting:
            discard(self._waiting.popleft())

    async def _work(self) -> None:
        try:
            while self._waiting:
                await attempt_async(self._waiting.popleft(), self._report)
        finally:
            self._works = False
            self.forget()


class Emitter(Generic[P]):
    """Bound functions, called in the order in which they were bound."""

    def __init__(self, tasks: Tasks, report: Report) -> None:
        self._tasks = tasks
        self._report = report
        # Replaced, never changed, so that who binds and unbinds while they are called disturbs nothing.
        self._bindings: tuple[Binding[P], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is bound."""
        return bool(self._bindings)

    def bind(self, function: Callable[P, object], *, key: object = None, once: bool = False) -> Unbind:
        """Binds a function; `key` is what `off` knows it by."""
        binding: Binding[P] = Binding(function, function if key is None else key, once, self._tasks, self._report)
        self._bindings = (*self._bindings, binding)
        return lambda: self._keep(lambda other: other is not binding)

    def off(self, key: object = None) -> None:
        """Unbinds what has this key, or all."""
        self._keep(lambda binding: key is not None and binding.key != key)

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Calls all that are bound now. What one of them raises is reported, and the others are called all the same."""
        for binding in self._bindings:
            if binding.once:
                # It may emit the same itself, or have been called by one before it that did.
                if binding not in self._bindings:
                    continue
                self._remove(binding)
            binding.call(*args, **kwargs)

    def forget(self) -> None:
        """Calls that wait for an earlier one of the same function are not made."""
        for binding in self._bindings:
            binding.forget()

    def functions(self) -> list[Callable[P, object]]:
        """What is bound, for who calls it otherwise."""
        return [binding._function for binding in self._bindings]

    def _remove(self, binding: Binding[P]) -> None:
        self._keep(lambda other: other is not binding)

    def _keep(self, wanted: Callable[[Binding[P]], bool]) -> None:
        self._bindings = tuple(binding for binding in self._bindings if wanted(binding))


def attempt(call: Callable[[], object], report: Report) -> object:
    """Calls a function of the application's. What it raises is reported, and goes no further."""
    try:
        return call()
    except (Exception, asyncio.CancelledError) as error:
        report(error)
        return None


async def attempt_async(awaitable: Awaitable[Any], report: Report) -> None:
    """Awaits what the application gave. What it raises is reported, and goes no further."""
    try:
        await awaitable
    except Exception as error:
        report(error)
    except asyncio.CancelledError as error:
        # It may be ours, or that of something that the application waits for.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        report(error)


def discard(awaitable: Awaitable[Any]) -> None:
    """Ends what was never awaited, without the warning that this was forgotten."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()
