"""The seam of 1.0 that decides where membership lives."""

from __future__ import annotations

from typing import Any

from .membership import Membership, RoomKey


class RoomManager:
    """Keeps rooms in memory. Subclass or replace it with `Application(room_manager=...)`.

    A room is a `Room(namespace, name)`, or the bare name for `@app.on` sockets. Overriding `members` makes every
    broadcast ask it; otherwise broadcasts read the membership directly.
    """

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
