"""The class users subclass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .declared import Declared
from .errors import ConfigurationError
from .hints import caller_locals
from .limits import Limits
from .paths import Path
from .rooms import Recipients
from .socket import Socket
from .targets import Targets


class NamespaceRooms:
    """The rooms of one namespace."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients

    async def members(self, room: Targets) -> list[Socket[Any]]:
        """The sockets in a room, in the order in which they joined; also of `user(id)`, `ALL`, or a list."""
        return list(await self._recipients.select(room, None))

    async def count(self, room: Targets) -> int:
        """How many sockets are in a room; also of `user(id)`, `ALL`, or a list, where each counts once."""
        return len(await self._recipients.select(room, None))


class Namespace:
    """The events of one path: `class Chat(Namespace, path="/chat")`.

    Each `async def on_<event>(self, ws, payload)` handles an event; `Event[T]()` and `Ask[Q, A]()` attributes are what
    the server sends. `on_connect(self, ws, params)` and `on_disconnect(self, ws)` are the connection's life. There is
    one instance per application, shared by all connections: what belongs to one of them goes into `ws.session`.

    `middleware`: this namespace's members of the chain. `origins` and `limits` replace the application's.
    """

    path: ClassVar[Path | None] = None
    middleware: ClassVar[Sequence[Any]] = ()
    origins: ClassVar[Sequence[str] | str | None] = None
    limits: ClassVar[Limits | None] = None
    declared: ClassVar[Declared]

    rooms: NamespaceRooms
    """The rooms of this namespace; there once it belongs to an application."""
    app: Any
    """The application."""

    def __init_subclass__(cls, path: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if path is not None:
            cls.path = Path(path, cls.__qualname__)
        elif not isinstance(cls.path, Path | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{cls.__qualname__}: write class {cls.__name__}(Namespace, path={cls.path!r})")
        for reserved in sorted(_RESERVED & vars(cls).keys()):
            raise ConfigurationError(f"{cls.__qualname__}.{reserved}: this name is the framework's; choose another")
        cls.declared = Declared(cls)
        cls.declared.resolve(caller_locals())

    def bind(self, app: Any, recipients: Recipients) -> None:
        """Makes the instance an application's."""
        self.app = app
        self.rooms = NamespaceRooms(recipients)


_RESERVED = frozenset({"app", "bind", "declared", "rooms"})
