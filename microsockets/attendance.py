"""What ties declared presence to a running namespace: who watches which room, and what they are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, Generic, TypeVar

from pydantic_core import to_json

from .outbox import OutFrame
from .payloads import Codec
from .presence import Entry, Presence, Present, Roster
from .protocol.frames import event_head
from .rooms import FanOut, Recipients
from .socket import Socket

M = TypeVar("M")

_HERE: Final = "here"
"""What stands for this process where there is no other."""


class _Room:
    __slots__ = ("arriving", "is_told_soon", "roster", "watching")

    def __init__(self) -> None:
        self.roster = Roster()
        self.watching: dict[Socket[Any], None] = {}
        self.arriving = 0
        self.is_told_soon = False


class Attendance(Generic[M]):
    """Presence on a namespace of a running application; see `BoundPresence`."""

    def __init__(self, presence: Presence[M], recipients: Recipients, fan_out: FanOut) -> None:
        self._attribute = presence.attribute
        self._state_head = event_head(presence.state.name)
        self._difference_head = event_head(presence.difference.name)
        self._codec: Codec[M] = Codec(presence.model)
        self._recipients = recipients
        self._elsewhere = recipients.elsewhere
        self._node = self._elsewhere.id if self._elsewhere is not None else _HERE
        self._fan_out = fan_out
        self._rooms: dict[str, _Room] = {}
        self._rooms_of: dict[Any, set[str]] = {}
        self._last_set = 0
        recipients.when_absent.append(self._absent)

    async def enter(self, ws: Socket[Any], room: str, state: M) -> None:
        """See `BoundPresence.enter`."""
        await ws.once_accepted(partial(self._enter, ws, room, self._codec.encode(state)))

    async def watch(self, ws: Socket[Any], room: str) -> None:
        """See `BoundPresence.watch`."""
        await ws.once_accepted(partial(self._watch, ws, room))

    async def leave(self, ws: Socket[Any], room: str) -> None:
        """See `BoundPresence.leave`."""
        self._remove(ws, room)

    async def members(self, room: str) -> list[Present[M]]:
        """See `BoundPresence.members`."""
        if self._elsewhere is not None:
            roster = await self._elsewhere.rosters.members(self._channel(room))
        else:
            known = self._rooms.get(room)
            roster = known.roster if known is not None else Roster()
        return [Present[Any](id=id, state=self._codec.decode(state)) for id, state in roster.members()]

    def _channel(self, room: str) -> str:
        assert self._elsewhere is not None
        return self._elsewhere.channels.roster(self._recipients.namespace, self._attribute, room)

    async def _watch(self, ws: Socket[Any], room: str) -> None:
        await ws.join(room)
        known = self._rooms.setdefault(room, _Room())
        if ws in known.watching:
            return
        known.arriving += 1
        try:
            if self._elsewhere is not None:
                await self._elsewhere.rosters.follow(self._channel(room), known.roster, partial(self._touched, room))
        finally:
            known.arriving -= 1
            if not ws.has_joined(room):
                self._forget(room)
        if ws in known.watching or not ws.has_joined(room):
            return
        # The others hear first of what this one sees at once.
        self._tell(room)
        known.watching[ws] = None
        self._rooms_of.setdefault(ws, set()).add(room)
        members = _present(known.roster.members())
        self._send([ws], self._state_head + b'{"room":' + to_json(room) + b',"members":' + members + b"}}")

    async def _enter(self, ws: Socket[Any], room: str, state: bytes) -> None:
        await self._watch(ws, room)
        known = self._rooms.get(room)
        if known is None or ws not in known.watching:
            return
        member = ws.user_id if ws.user_id is not None else ws.id
        # Two states of one socket must not be of the same time.
        self._last_set = max(self._last_set + 1, time.time_ns() // 1_000_000)
        entry = Entry(ws.id, member, state, self._last_set)
        before = known.roster.get(self._node, ws.id)
        if before is not None and (before.member, before.state) == (member, state):
            return
        known.roster.put(self._node, entry)
        self._changed(room, [entry], [])

    def _remove(self, ws: Any, room: str) -> None:
        known = self._rooms.get(room)
        if known is not None and known.roster.remove(self._node, ws.id):
            self._changed(room, [], [ws.id])

    def _changed(self, room: str, entered: list[Entry], left: list[str]) -> None:
        if self._elsewhere is not None:
            self._elsewhere.rosters.change(self._channel(room), entered, left)
        self._touched(room)

    def _absent(self, ws: Any, room: str | None) -> None:
        rooms = self._rooms_of.get(ws)
        if rooms is None:
            return
        for each in [room] if room is not None else list(rooms):
            if each in rooms:
                rooms.discard(each)
                self._rooms[each].watching.pop(ws, None)
                self._remove(ws, each)
                self._forget(each)
        if not rooms:
            del self._rooms_of[ws]

    def _forget(self, room: str) -> None:
        known = self._rooms.get(room)
        if known is not None and not known.watching and not known.arriving:
            del self._rooms[room]
            if self._elsewhere is not None:
                self._elsewhere.rosters.unfollow(self._channel(room))

    # Telling

    def _touched(self, room: str) -> None:
        known = self._rooms.get(room)
        if known is not None and not known.is_told_soon:
            # What happens at once is one event, and who comes and goes meanwhile is none.
            known.is_told_soon = True
            asyncio.get_running_loop().call_soon(self._tell, room)

    def _tell(self, room: str) -> None:
        known = self._rooms.get(room)
        if known is None:
            return
        known.is_told_soon = False
        difference = known.roster.take_difference()
        if difference is None or not known.watching:
            return
        self._send(
            list(known.watching),
            self._difference_head
            + b'{"room":'
            + to_json(room)
            + b',"joined":'
            + _present(difference.joined.items())
            + b',"changed":'
            + _present(difference.changed.items())
            + b',"left":'
            + to_json(difference.left)
            + b"}}",
        )

    def _send(self, sockets: list[Socket[Any]], data: bytes) -> None:
        self._fan_out(sockets, OutFrame(data, asyncio.get_running_loop().time()))


def _present(members: Iterable[tuple[str, bytes]]) -> bytes:
    return b"[" + b",".join(b'{"id":' + to_json(id) + b',"state":' + state + b"}" for id, state in members) + b"]"
