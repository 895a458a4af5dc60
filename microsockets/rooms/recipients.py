"""From `to=` and `skip=` to the sockets that get a frame, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from ..errors import UsageError
from ..targets import ALL, SocketLike, Targets, User
from .manager import RoomManager
from .membership import Membership, Room, RoomKey


class Recipients:
    """The sockets of one namespace: all, by id, by user, and by room."""

    def __init__(self, path: str | None, manager: Any) -> None:
        self._path = path
        self.manager = manager
        # A manager that answers members() itself is asked; the built-in one is read without a coroutine.
        own = isinstance(manager, RoomManager) and type(manager).members is RoomManager.members
        self._membership: Membership | None = manager.membership if own else None
        self.sockets: dict[Any, None] = {}
        self._by_id: dict[str, Any] = {}
        self._by_user: dict[str, dict[Any, None]] = {}

    def key(self, name: str) -> RoomKey:
        """What the manager knows a room of this namespace by."""
        return name if self._path is None else Room(self._path, name)

    def add(self, socket: Any) -> None:
        """Makes a socket a recipient."""
        self.sockets[socket] = None
        self._by_id[socket.id] = socket

    def remove(self, socket: Any) -> None:
        """Takes a socket out of the recipients; its rooms are the manager's."""
        self.sockets.pop(socket, None)
        self._by_id.pop(socket.id, None)

    def has_id(self, name: str) -> bool:
        """Whether a name is a socket's id, which no room may have."""
        return name in self._by_id

    def add_user(self, user_id: str, socket: Any) -> None:
        """Files a socket under its user."""
        self._by_user.setdefault(user_id, {})[socket] = None

    def remove_user(self, user_id: str, socket: Any) -> None:
        """Takes a socket from its user."""
        sockets = self._by_user.get(user_id)
        if sockets is not None:
            sockets.pop(socket, None)
            if not sockets:
                del self._by_user[user_id]

    def of_user(self, user_id: str) -> Collection[Any]:
        """The sockets of a user."""
        return self._by_user.get(user_id, ())

    async def select(self, to: Targets, skip: Targets | None) -> Collection[Any]:
        """The sockets meant by `to` and not by `skip`, each once. A live view: use it before the next `await`."""
        if type(to) is str and skip is None and self._membership is not None and to not in self._by_id:
            return self._membership.members(self.key(to))
        found: dict[Any, None] = {}
        await self._collect(to, found)
        if skip is not None:
            skipped: dict[Any, None] = {}
            await self._collect(skip, skipped)
            for socket in skipped:
                found.pop(socket, None)
        return found

    async def _collect(self, targets: Targets, found: dict[Any, None]) -> None:
        if isinstance(targets, str):
            if self._membership is not None:
                found.update(dict.fromkeys(self._membership.members(self.key(targets))))
            else:
                found.update(dict.fromkeys(await self.manager.members(self.key(targets))))
            if targets in self._by_id:
                found[self._by_id[targets]] = None
        elif isinstance(targets, User):
            found.update(dict.fromkeys(self.of_user(targets.id)))
        elif targets is ALL:
            found.update(self.sockets)
        elif isinstance(targets, Iterable):
            for target in targets:
                await self._collect(target, found)
        elif hasattr(targets, "protocol"):
            found[targets] = None
        else:
            raise UsageError(f"to={_kind(targets)}: give a room's name, a socket, user(id), ALL, or a list of those")


def _kind(targets: SocketLike | object) -> str:
    return "None" if targets is None else f"<{type(targets).__name__}>"
