"""From `to=` and `skip=` to the sockets that get a frame, each once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from ..errors import UsageError
from ..outbox import OutFrame
from ..targets import ALL, RemoteSocket, SocketLike, Targets, User
from .elsewhere import Elsewhere, Following
from .manager import RoomManager
from .membership import Membership, Room, RoomKey, room_name

FanOut = Callable[[Collection[Any], OutFrame], None]
"""Puts a frame into the outboxes of sockets."""


class Recipients:
    """The sockets of one namespace on this process: all, by id, by user, and by room."""

    def __init__(self, path: str | None, manager: Any) -> None:
        self._path = path
        self.namespace = path or ""
        self.manager = manager
        self._own: RoomManager | None = manager if isinstance(manager, RoomManager) else None
        self.elsewhere: Elsewhere | None = self._own.elsewhere if self._own is not None else None
        # A manager that answers members() itself is asked; the built-in ones are read without a coroutine.
        own = self._own is not None and (self.elsewhere is not None or type(self._own).members is RoomManager.members)
        self._membership: Membership | None = manager.membership if own else None
        self.sockets: dict[Any, None] = {}
        self.when_absent: list[Callable[[Any, str | None], None]] = []
        """Told of sockets that leave a room, or all of them."""
        self._by_id: dict[str, Any] = {}
        self._by_user: dict[str, dict[Any, None]] = {}

    def key(self, name: str) -> RoomKey:
        """What the manager knows a room of this namespace by."""
        return name if self._path is None else Room(self._path, name)

    def new_socket_id(self) -> str:
        """For a socket of this namespace."""
        return (self._own or RoomManager()).new_socket_id()

    def add(self, socket: Any) -> Following:
        """Makes a socket a recipient."""
        is_first = not self.sockets
        self.sockets[socket] = None
        self._by_id[socket.id] = socket
        return self._own.namespace_in_use(self.namespace) if is_first and self._own is not None else None

    def remove(self, socket: Any) -> None:
        """Takes a socket out of the recipients; its rooms are the manager's."""
        if self.sockets.pop(socket, socket) is None and not self.sockets and self._own is not None:
            self._own.namespace_unused(self.namespace)
        self._by_id.pop(socket.id, None)

    def has_id(self, name: str) -> bool:
        """Whether a name is a socket's id, which no room may have."""
        return name in self._by_id

    def add_user(self, user_id: str, socket: Any) -> Following:
        """Files a socket under its user."""
        sockets = self._by_user.get(user_id)
        if sockets is not None:
            sockets[socket] = None
            return None
        self._by_user[user_id] = {socket: None}
        return self._own.user_in_use(self.namespace, user_id) if self._own is not None else None

    def remove_user(self, user_id: str, socket: Any) -> None:
        """Takes a socket from its user."""
        sockets = self._by_user.get(user_id)
        if sockets is not None:
            sockets.pop(socket, None)
            if not sockets:
                del self._by_user[user_id]
                if self._own is not None:
                    self._own.user_unused(self.namespace, user_id)

    def absent(self, socket: Any, room: str | None) -> None:
        """A socket leaves a room, or with None all rooms."""
        for tell in self.when_absent:
            tell(socket, room)

    def of_user(self, user_id: str) -> Collection[Any]:
        """The sockets of a user."""
        return self._by_user.get(user_id, ())

    def room_names(self, socket_id: str | None) -> list[str]:
        """The rooms of a socket; without one, those of the namespace that have members."""
        if self._membership is None:
            return []
        if socket_id is None:
            rooms: Iterable[RoomKey] = self._membership
        else:
            rooms = self._membership.rooms(self._by_id.get(socket_id))
        return [room_name(room) for room in rooms if self.key(room_name(room)) == room]

    async def select(self, to: Targets, skip: Targets | None) -> Collection[Any]:
        """The sockets meant by `to` and not by `skip`, each once. A live view: use it before the next `await`."""
        if self._membership is None:
            to, skip = await self._asked(to), None if skip is None else await self._asked(skip)
        return self.here(to, skip)

    def here(self, to: Targets, skip: Targets | None) -> Collection[Any]:
        """The same, where the membership is ours."""
        if type(to) is str and skip is None and self._membership is not None and to not in self._by_id:
            return self._membership.members(self.key(to))
        found: dict[Any, None] = {}
        self._collect(to, found)
        if skip is not None:
            skipped: dict[Any, None] = {}
            self._collect(skip, skipped)
            for socket in skipped:
                found.pop(socket, None)
        return found

    async def _asked(self, targets: Targets) -> Targets:
        """With the sockets that a manager of somebody else's says are in the rooms."""
        if isinstance(targets, str):
            return [*await self.manager.members(self.key(targets)), *self._with_id(targets)]
        if isinstance(targets, User) or targets is ALL or not isinstance(targets, Iterable):
            return targets
        return [await self._asked(target) for target in targets]  # type: ignore[misc]

    def _with_id(self, id: str) -> list[Any]:
        return [self._by_id[id]] if id in self._by_id else []

    def _collect(self, targets: Targets, found: dict[Any, None]) -> None:
        if isinstance(targets, str):
            if self._membership is not None:
                found.update(dict.fromkeys(self._membership.members(self.key(targets))))
            found.update(dict.fromkeys(self._with_id(targets)))
        elif isinstance(targets, User):
            found.update(dict.fromkeys(self.of_user(targets.id)))
        elif targets is ALL:
            found.update(self.sockets)
        elif isinstance(targets, Iterable):
            for target in targets:
                self._collect(target, found)
        elif isinstance(targets, RemoteSocket):
            return
        elif hasattr(targets, "protocol"):
            found[targets] = None
        else:
            raise UsageError(f"to={_kind(targets)}: give a room's name, a socket, user(id), ALL, or a list of those")


def _kind(targets: SocketLike | object) -> str:
    return "None" if targets is None else f"<{type(targets).__name__}>"
