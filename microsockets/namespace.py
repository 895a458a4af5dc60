"""The class users subclass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from .declared import Declared
from .errors import ConfigurationError
from .hints import caller_locals
from .limits import Limits
from .paths import Path
from .rooms import Recipients
from .socket import Socket, check_close
from .status import CloseCode
from .targets import Reached, RemoteSocket, Targets


class NamespaceRooms:
    """The rooms of one namespace, on all processes of the application.

    With a broker, whatever asks other processes raises `BrokerUnavailable` while it is down, and leaves out who does
    not answer within two seconds (counted as `broker_unanswered`).
    """

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients
        self._elsewhere = recipients.elsewhere
        self._namespace = recipients.namespace

    async def here(self, room: Targets) -> list[Socket[Any]]:
        """The sockets of this process in a room, in the order in which they joined; also of `user(id)`, `ALL`, or a
        list. Never asks a broker."""
        return list(await self._recipients.select(room, None))

    async def members(self, room: Targets) -> list[Socket[Any] | RemoteSocket]:
        """The sockets in a room, in the order in which they joined; also of `user(id)`, `ALL`, or a list. Those of this
        process come first, then those of others, as `RemoteSocket`s."""
        room = _kept(room)
        elsewhere = await self._elsewhere.sockets(self._namespace, room) if self._elsewhere is not None else []
        return [*await self._recipients.select(room, None), *elsewhere]

    async def count(self, room: Targets) -> int:
        """How many sockets are in a room; also of `user(id)`, `ALL`, or a list, where each counts once."""
        room = _kept(room)
        elsewhere = await self._elsewhere.count(self._namespace, room) if self._elsewhere is not None else 0
        return len(await self._recipients.select(room, None)) + elsewhere

    async def names(self) -> list[str]:
        """The rooms that have members, in no order."""
        elsewhere = await self._elsewhere.room_names(self._namespace, None) if self._elsewhere is not None else []
        return list(dict.fromkeys([*self._recipients.room_names(None), *elsewhere]))

    async def of(self, socket: Socket[Any] | RemoteSocket) -> list[str]:
        """The rooms that a socket is in."""
        if isinstance(socket, RemoteSocket):
            return await self._elsewhere.room_names(self._namespace, socket.id) if self._elsewhere is not None else []
        return await socket.rooms()


def _kept(targets: Targets) -> Targets:
    """What can be read twice."""
    return list(targets) if isinstance(targets, Iterator) else targets


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
    _recipients: Recipients

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
        self._recipients = recipients

    async def disconnect(
        self, to: Targets, *, skip: Targets | None = None, code: int = CloseCode.NORMAL, reason: str = ""
    ) -> Reached:
        """Closes sockets on all processes, after what was sent to them before: a socket, `user(id)`, a room, `ALL`, or
        a list of those. Clients connect again only after the codes that say so; 1000 is final.

        Returns whom it got to, like a broadcast. Raises `UsageError` for what no close frame can carry.
        """
        check_close(code, reason)
        to, skip = _kept(to), None if skip is None else _kept(skip)
        elsewhere = self._recipients.elsewhere
        reached = elsewhere is None or elsewhere.close(self._recipients.namespace, to, skip, code, reason)
        sockets = list(await self._recipients.select(to, skip))
        for socket in sockets:
            socket.end(code, reason)
        return Reached(len(sockets), reached)


_RESERVED = frozenset({"app", "bind", "declared", "disconnect", "rooms"})
