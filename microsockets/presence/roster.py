"""Who is present in one room: what each process says of its sockets, merged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """One socket's part in who is present: its member, the member's state as JSON, and when it was set, in milliseconds
    since 1970."""

    socket: str
    member: str
    state: bytes
    set_at: int


class Difference(NamedTuple):
    """What observers have not been told yet: members by id, with their states."""

    joined: dict[str, bytes]
    changed: dict[str, bytes]
    left: list[str]


class Roster:
    """A member is present while any of its sockets is; its state is the one that was set last."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        """By node and socket."""
        self._members: dict[str, dict[tuple[str, str], Entry]] = {}
        self._told: dict[str, bytes | None] = {}
        """What observers know of members that were touched since."""

    def has(self, node: str) -> bool:
        """Whether somebody is present through a node."""
        return node in self._entries

    def of_node(self, node: str) -> list[Entry]:
        """What one node says."""
        return list(self._entries.get(node, {}).values())

    def get(self, node: str, socket: str) -> Entry | None:
        """What one node says of one of its sockets."""
        return self._entries.get(node, {}).get(socket)

    def put(self, node: str, entry: Entry) -> None:
        """Adds an entry, or replaces the socket's."""
        self.remove(node, entry.socket)
        self._touch(entry.member)
        self._entries.setdefault(node, {})[entry.socket] = entry
        self._members.setdefault(entry.member, {})[node, entry.socket] = entry

    def remove(self, node: str, socket: str) -> bool:
        """Takes a socket's entry out; whether there was one."""
        entries = self._entries.get(node, {})
        entry = entries.pop(socket, None)
        if entry is None:
            return False
        self._touch(entry.member)
        if not entries:
            del self._entries[node]
        parts = self._members[entry.member]
        del parts[node, socket]
        if not parts:
            del self._members[entry.member]
        return True

    def replace(self, node: str, entries: Iterable[Entry]) -> None:
        """All that a node says, instead of what it said before."""
        kept = {entry.socket: entry for entry in entries}
        for socket in list(self._entries.get(node, ())):
            if socket not in kept:
                self.remove(node, socket)
        for entry in kept.values():
            self.put(node, entry)

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Ids and states, in the order in which they came."""
        for member in self._members:
            state = self._state(member)
            assert state is not None
            yield member, state

    def take_difference(self) -> Difference | None:
        """What has changed since it was last taken; None if nothing has."""
        told, self._told = self._told, {}
        joined: dict[str, bytes] = {}
        changed: dict[str, bytes] = {}
        left: list[str] = []
        for member, before in told.items():
            now = self._state(member)
            if now is None:
                if before is not None:
                    left.append(member)
            elif before is None:
                joined[member] = now
            elif before != now:
                changed[member] = now
        return Difference(joined, changed, left) if joined or changed or left else None

    def _touch(self, member: str) -> None:
        if member not in self._told:
            self._told[member] = self._state(member)

    def _state(self, member: str) -> bytes | None:
        parts = self._members.get(member)
        if not parts:
            return None
        # Two that were set in the same millisecond are told apart the same way everywhere.
        return max(parts.items(), key=lambda part: (part[1].set_at, part[0]))[1].state
