"""What a namespace class declares: its handlers, events and questions, read once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args

from .errors import ConfigurationError
from .events import Ask, Event
from .handlers import HANDLER_ROLES, Handler, collect
from .payloads import Codec
from .presence import Presence
from .signatures import SOCKET, Role, Signature, read_signature


class Declared:
    """What a namespace class declares, read once."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        bases = [vars(base).get("declared") for base in cls.__mro__[1:]]
        self._inherited = [declared for declared in bases if isinstance(declared, Declared)]
        self.handlers: dict[str, Handler] = _reuse(collect(cls), self._inherited)
        self.events: dict[str, Event[Any]] = {}
        self.asks: dict[str, Ask[Any, Any]] = {}
        self.presences: list[Presence[Any]] = []
        self.connect: Signature | None = None
        self.disconnect: Signature | None = None
        self._missing: NameError | None = None
        for base in reversed(cls.__mro__):
            for value in vars(base).values():
                if isinstance(value, Event | Ask):
                    self._add(value, value.attribute)  # pyright: ignore[reportUnknownArgumentType]
                elif isinstance(value, Presence):
                    self._add_presence(value)  # pyright: ignore[reportUnknownArgumentType]

    def _add_presence(self, presence: Presence[Any]) -> None:
        if getattr(self.cls, presence.attribute, None) is presence:
            self.presences.append(presence)
            for event in presence.events:
                self._add(event)

    def _add(self, declaration: Event[Any] | Ask[Any, Any], attribute: str | None = None) -> None:
        if attribute is not None and getattr(self.cls, attribute, None) is not declaration:
            return
        other = self.events.get(declaration.name) or self.asks.get(declaration.name)
        if other is not None and other is not declaration:
            raise ConfigurationError(
                f"{self.cls.__qualname__}: {other.attribute} and {declaration.attribute} have one name, "
                f"{declaration.name!r}; rename one of them"
            )
        if isinstance(declaration, Event):
            self.events[declaration.name] = declaration
        else:
            self.asks[declaration.name] = declaration

    def resolve(self, locals_: dict[str, Any]) -> None:
        """Reads all types. A name that is missing is remembered, for another try at start-up."""
        self._missing = None
        names = {**vars(self.cls), **locals_}
        declarations: list[Handler | Event[Any] | Ask[Any, Any]] = [
            *self.handlers.values(),
            *self.events.values(),
            *self.asks.values(),
        ]
        steps: list[Callable[[dict[str, Any]], None]] = [each.resolve for each in declarations if not each.resolved]
        for step in (*steps, self._resolve_lifecycle):
            try:
                step(names)
            except NameError as error:
                self._missing = error

    def _resolve_lifecycle(self, names: dict[str, Any]) -> None:
        self.connect = self._inherited_lifecycle("connect") or self._read("on_connect", HANDLER_ROLES, names)
        self.disconnect = self._inherited_lifecycle("disconnect") or self._read(
            "on_disconnect", frozenset({SOCKET}), names
        )

    def _inherited_lifecycle(self, name: Literal["connect", "disconnect"]) -> Signature | None:
        # Read with the names of where it was written, which may not exist here.
        method = getattr(self.cls, f"on_{name}", None)
        same = (getattr(each, name) for each in self._inherited if getattr(each.cls, f"on_{name}", None) is method)
        return next(same, None)

    def _read(self, method: str, roles: frozenset[Role], names: dict[str, Any]) -> Signature | None:
        function = getattr(self.cls, method, None)
        if function is None:
            return None
        where = f"{self.cls.__qualname__}.{method}"
        if not inspect.iscoroutinefunction(function):
            raise ConfigurationError(f"{where}: write async def {method}(self, ws: Socket)")
        return read_signature(function, roles=roles, where=where, bound=True, locals_=names)

    def complete(self, locals_: dict[str, Any]) -> None:
        """The other try. Raises `ConfigurationError` for a name that is still missing."""
        if self._missing is not None:
            self.resolve(locals_)
        if self._missing is not None:
            name = self._missing.name or str(self._missing)
            raise ConfigurationError(
                f"{self.cls.__qualname__}: the name {name!r} in an annotation is not defined; "
                f"define or import it (outside of TYPE_CHECKING) before Application(...)"
            )
        for what, codec in self._codecs():
            variable = _open_variable(codec.annotation)
            if variable is not None:
                raise ConfigurationError(
                    f"{self.cls.__qualname__}: nothing says what {variable} is in {what}; declare it again in "
                    f"{self.cls.__qualname__}, with a type"
                )

    def _codecs(self) -> Iterator[tuple[str, Codec[Any]]]:
        for handler in self.handlers.values():
            yield handler.where, handler.payload
            yield handler.where, handler.result
        for event in self.events.values():
            yield event.attribute, event.codec
        for ask in self.asks.values():
            yield ask.attribute, ask.question
            yield ask.attribute, ask.answer


def _open_variable(annotation: Any) -> Any:
    """A type variable in a type that nothing fills, so that anything would pass for it; None if there is none."""
    if isinstance(annotation, TypeVar):
        return None if annotation.__bound__ or annotation.__constraints__ else annotation
    return next((found for part in get_args(annotation) if (found := _open_variable(part)) is not None), None)


def _reuse(collected: dict[str, Handler], inherited: list[Declared]) -> dict[str, Handler]:
    # An inherited handler was read with the names of where it was written, which may not exist here.
    known = {
        (event, handler.function): handler
        for declared in reversed(inherited)
        for event, handler in declared.handlers.items()
    }
    reused: dict[str, Handler] = {}
    for event, handler in collected.items():
        found = known.get((event, handler.function), handler)
        reused[event] = found if found.options == handler.options else handler
    return reused
