"""How an application binds what it wants to be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, overload

from typing_extensions import ParamSpec, TypeVar

from .emitter import Emitter, Unbind

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Hook(Generic[P]):
    """`hook(function)` binds a function, plain or async, and returns what unbinds it; `@hook()` decorates one.

    What it raises is logged (a `MicroSocketError` goes to `on_error`) and disturbs nothing else. Calls of an async
    function run one at a time, in order; one that would be the 1,001st to wait is not made.
    """

    def __init__(self, emitter: Emitter[P]) -> None:
        self._emitter = emitter

    @overload
    def __call__(self, function: Callable[P, object], /) -> Unbind: ...
    @overload
    def __call__(self, /) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def __call__(self, function: Any = None, /) -> Any:
        return bind_or_decorate(self._emitter.bind, function)


class Decorator(Protocol[T]):
    """Binds the function it decorates, which stays what it is."""

    def __call__(self, handler: Callable[[T], R], /) -> Callable[[T], R]: ...


def bind_or_decorate(bind: Callable[[Any], Unbind], function: Any) -> Any:
    """Binds the function, or returns what binds the one that it decorates."""
    if function is not None:
        return bind(function)

    def decorate(decorated: Any) -> Any:
        bind(decorated)
        return decorated

    return decorate
