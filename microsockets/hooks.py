"""The hooks of `@app.on` applications: any number of each, called in the order in which they were added."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


def is_plain(function: Any) -> bool:
    """Whether this is a function that is not async; objects that are called are taken at their word."""
    return inspect.isroutine(function) and not inspect.iscoroutinefunction(function)


class HookList(list[Callable[..., Awaitable[Any]]]):
    """A list that is its own decorator: `@app.hooks.on_connect`."""

    def __call__(self, function: F) -> F:
        """Adds a function and returns it unchanged. Raises `ConfigurationError` for a plain one."""
        if is_plain(function):
            raise ConfigurationError(f"hook {function.__name__} is a plain function: write async def")
        self.append(function)
        return function


class Hooks:
    """`before_on(ws, func)` wraps every `@app.on` handler and goes on with `await func(ws)`; `on_connect(ws)` runs
    before the socket is accepted; `on_disconnect(ws)` before its rooms are left; `on_startup()` and `on_shutdown()`
    with the server."""

    def __init__(self) -> None:
        self.before_on = HookList()
        self.on_startup = HookList()
        self.on_shutdown = HookList()
        self.on_connect = HookList()
        self.on_disconnect = HookList()
