"""`Annotated[T, Depends(f)]`: values a handler needs, made for one message and closed after its answer is queued."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from .errors import ConfigurationError
from .signatures import CALL, SOCKET, Depends, Source, read_signature, unwrap_partial


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to call one dependency."""

    make: Callable[..., Any]
    arguments: tuple[tuple[str | None, Source], ...]
    kind: str


class Resolver:
    """Makes dependencies. One per application; `overrides` replaces a function by another, for tests."""

    def __init__(self, locals_: Mapping[str, Any] | None = None) -> None:
        """`locals_`: names that annotations may use beside those of their modules."""
        self._locals = locals_ or {}
        self.overrides: dict[Callable[..., Any], Callable[..., Any]] = {}
        self._plans: dict[Callable[..., Any], _Plan] = {}

    def forget_locals(self) -> None:
        """Everything is read: the names are let go, with whatever they hold. Overrides use those of their modules."""
        self._locals = {}

    def check(self, depends: Depends) -> None:
        """Reads a dependency and all below it. Raises `ConfigurationError` if one cannot be called."""
        self._check(depends.function, ())

    def _check(self, function: Callable[..., Any], above: tuple[Callable[..., Any], ...]) -> None:
        if function in above:
            names = " -> ".join(_name(each) for each in (*above, function))
            raise ConfigurationError(f"these dependencies need each other: {names}")
        for _, source in self._plan(function).arguments:
            if isinstance(source, Depends):
                self._check(source.function, (*above, function))

    async def resolve(
        self, depends: Depends, socket: Any, call: Any, made: dict[Callable[..., Any], Any], exits: AsyncExitStack
    ) -> Any:
        """The value of a dependency; `made` holds those that this message has already, `exits` closes them."""
        function = self.overrides.get(depends.function, depends.function)
        if function in made:
            return made[function]
        plan = self._plan(function)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, source in plan.arguments:
            if source is SOCKET:
                value = socket
            elif source is CALL:
                value = call
            else:
                assert isinstance(source, Depends)
                value = await self.resolve(source, socket, call, made, exits)
            if name is None:
                positional.append(value)
            else:
                named[name] = value
        result = plan.make(*positional, **named)
        if plan.kind == "async context":
            result = await exits.enter_async_context(result)
        elif plan.kind == "context":
            result = exits.enter_context(result)
        elif plan.kind == "coroutine":
            result = await result
        made[function] = result
        return result

    def _plan(self, function: Callable[..., Any]) -> _Plan:
        plan = self._plans.get(function)
        if plan is None:
            plan = self._plans[function] = _read(function, self._locals)
        return plan


def _read(function: Callable[..., Any], locals_: Mapping[str, Any]) -> _Plan:
    where = f"dependency {_name(function)}"
    try:
        signature = read_signature(function, roles=frozenset({SOCKET, CALL}), where=where, locals_=locals_)
    except NameError as error:
        raise ConfigurationError(
            f"{where}: the name {error.name!r} in an annotation is not defined; define it in the module, before its use"
        ) from None
    except ValueError:
        raise ConfigurationError(f"{where}: its parameters cannot be read; wrap it in a function of your own") from None
    if inspect.isclass(unwrap_partial(function)):
        return _Plan(function, signature.arguments, "value")
    target: Any = unwrap_partial(function)
    target = target if inspect.isroutine(target) else type(target).__call__
    if inspect.isasyncgenfunction(target):
        return _Plan(asynccontextmanager(function), signature.arguments, "async context")
    if inspect.isgeneratorfunction(target):
        return _Plan(contextmanager(function), signature.arguments, "context")
    if inspect.iscoroutinefunction(target):
        return _Plan(function, signature.arguments, "coroutine")
    return _Plan(function, signature.arguments, "value")


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
