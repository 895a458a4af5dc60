"""Composing middlewares around an endpoint: data in, one callable out, once at start-up.

A middleware is `async def mw(call, call_next)`, for events, or an object with any of `connect`, `event`, `emit` and
`disconnect` of that shape. What `call_next(call)` returns is the result of the rest; its exceptions come through too.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from ..errors import ConfigurationError

Next: TypeAlias = Callable[[Any], Awaitable[Any]]
"""The type of `call_next`: the rest of the chain."""
Member: TypeAlias = Callable[[Any, Next], Awaitable[Any]]

KINDS = ("connect", "event", "emit", "disconnect")


class Chain:
    """The middlewares that apply somewhere, outermost first."""

    def __init__(self, middlewares: Iterable[Any] = (), where: str = "middleware") -> None:
        """Raises `ConfigurationError`, which names `where`, for what is no list or no middleware."""
        if not isinstance(middlewares, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{where}: give a list, like [{_name(middlewares)}(...)]")
        self.middlewares = tuple(middlewares)
        for middleware in self.middlewares:
            _check(middleware)

    def then(self, inner: Iterable[Any], where: str = "middleware") -> Chain:
        """This chain with more members inside it. Raises `ConfigurationError` as `Chain(inner, where)` does."""
        return Chain((*self.middlewares, *Chain(inner, where).middlewares))

    def members(self, kind: str) -> list[Member]:
        """The callables for one kind of call, outermost first."""
        found: list[Member] = []
        for middleware in self.middlewares:
            member = getattr(middleware, kind, None)
            if member is None and kind == "event" and not _is_object(middleware):
                member = middleware
            if member is not None:
                found.append(member)
        return found

    def around(self, kind: str, endpoint: Next) -> Next:
        """One callable that runs the members of this kind and then `endpoint`."""
        return compose(self.members(kind), endpoint)


def compose(members: Iterable[Member], endpoint: Next) -> Next:
    """Members around an endpoint. With no members it is the endpoint itself."""
    run = endpoint
    for member in reversed(list(members)):
        run = _link(member, run)
    return run


def _link(member: Member, call_next: Next) -> Next:
    # Not async: returning the member's own awaitable saves a coroutine for each member and message (0.2 us).
    def run(call: Any) -> Awaitable[Any]:
        return member(call, call_next)

    return run


def _is_object(middleware: Any) -> bool:
    return any(hasattr(middleware, kind) for kind in KINDS)


def _name(middleware: Any) -> str:
    return str(getattr(middleware, "__name__", type(middleware).__name__))


def _check(middleware: Any) -> None:
    name = _name(middleware)
    if inspect.isclass(middleware):
        raise ConfigurationError(f"middleware {name} is a class: write {name}()")
    if _is_object(middleware):
        return
    if not callable(middleware):
        raise ConfigurationError(
            f"middleware {name}: write async def mw(call, call_next), or an object with any of {', '.join(KINDS)}"
        )
    if inspect.isfunction(middleware) and not inspect.iscoroutinefunction(middleware):
        raise ConfigurationError(f"middleware {name} is a plain function: write async def {name}(call, call_next)")
