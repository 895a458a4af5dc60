"""The seam of 1.0 that decides where membership lives."""

from __future__ import annotations

import secrets
from typing import Any

from .elsewhere import Elsewhere, Following
from .membership import Membership, RoomKey


class RoomManager:
    """Keeps rooms in memory. Subclass or replace it with `Application(room_manager=...)`.

    A room is a `Room(namespace, name)`, or the bare name for `@app.on` sockets. Overriding `members` makes every
    broadcast ask it; otherwise broadcasts read the membership directly.
    """

    elsewhere: Elsewhere | None = None
    """The other processes, if the manager knows of any."""

    def __init__(self) -> None:
        self.membership = Membership()

    async def join(self, room: RoomKey, socket: Any) -> None:
        """Adds a socket to a room."""
        self.membership.join(room, socket)

    async def leave(self, room: RoomKey, socket: Any) -> None:
        """Takes a socket out of a room."""
        self.membership.leave(room, socket)

    async def members(self, room: RoomKey) -> list[Any]:
        """The sockets in a room."""
        return list(self.membership.members(room))

    async def rooms(self, socket: Any) -> list[RoomKey]:
        """The rooms of a socket."""
        return list(self.membership.rooms(socket))

    async def flush(self, socket: Any) -> None:
        """Takes a socket out of all its rooms."""
        self.membership.flush(socket)

    # For the layers above

    def new_socket_id(self) -> str:
        """An id that no other socket has."""
        return secrets.token_urlsafe(12)

    def namespace_in_use(self, namespace: str) -> Following:
        """A namespace has its first socket here."""

    def namespace_unused(self, namespace: str) -> None:
        """The last one has gone."""

    def user_in_use(self, namespace: str, user_id: str) -> Following:
        """A user has the first socket here."""

    def user_unused(self, namespace: str, user_id: str) -> None:
        """The last one has gone."""
