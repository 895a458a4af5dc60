"""Which sockets are in which rooms, on this process. Pure and synchronous; joining and leaving are O(1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, TypeAlias


class Room(NamedTuple):
    """A room of a namespace, by the namespace's path template and the room's name."""

    namespace: str
    name: str


RoomKey: TypeAlias = Room | str
"""What a room manager sees; a room of `@app.on` sockets is its bare name, as in 1.0."""


def room_name(room: RoomKey) -> str:
    """The name the user gave."""
    return room.name if isinstance(room, Room) else room


class Membership:
    """Two dicts that mirror each other. Rooms exist while somebody is in them."""

    def __init__(self) -> None:
        # Dicts for sets, because they keep the order of joining.
        self._members: dict[RoomKey, dict[Any, None]] = {}
        self._rooms: dict[Any, dict[RoomKey, None]] = {}

    def join(self, room: RoomKey, socket: Any) -> None:
        """Adds a socket to a room; again is no change."""
        self._members.setdefault(room, {})[socket] = None
        self._rooms.setdefault(socket, {})[room] = None

    def leave(self, room: RoomKey, socket: Any) -> None:
        """Takes a socket out of a room; one that is not in it is no change."""
        rooms = self._rooms.get(socket)
        if rooms is None or room not in rooms:
            return
        del rooms[room]
        if not rooms:
            del self._rooms[socket]
        members = self._members[room]
        del members[socket]
        if not members:
            del self._members[room]

    def flush(self, socket: Any) -> None:
        """Takes a socket out of all its rooms."""
        for room in list(self._rooms.get(socket, ())):
            self.leave(room, socket)

    def members(self, room: RoomKey) -> Collection[Any]:
        """The sockets in a room, in the order in which they joined. A live view: do not keep it across a change."""
        return self._members.get(room, ())

    def rooms(self, socket: Any) -> Collection[RoomKey]:
        """The rooms of a socket, in the order in which it joined. A live view."""
        return self._rooms.get(socket, ())

    def __contains__(self, room: object) -> bool:
        return room in self._members

    def __iter__(self) -> Iterator[RoomKey]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
