"""Keeps the rosters of this node equal to what other nodes say.

Each node speaks for its own sockets. A change goes to those who follow the roster, and says which version it comes
after; who has missed one asks for all that the node says. Signs of life carry the last versions, so that even the loss
of a last change is found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from ..errors import BrokerUnavailable
from ..presence import Entry, Roster
from .messages import AskRosters, Change, Message, Rosters

_ASKED_AT_ONCE: Final = 500
_TOLD_AGAIN_SECONDS: Final = 3.0
_TOLD_AGAIN: Final = 1_000
_ANYWHERE: Final = "elsewhere"
_MESSAGE_BYTES: Final = 256 * 1024


class Wire(Protocol):
    """What the rosters need of the cluster."""

    id: str

    def follow(self, channel: str) -> asyncio.Future[None]: ...
    def unfollow(self, channel: str) -> None: ...
    def send(self, channel: str, message: Message) -> bool: ...
    def send_node(self, node: str, message: Message) -> bool: ...
    async def ask_rosters(self, channels: list[str]) -> list[Rosters]: ...


class _Followed:
    __slots__ = ("on_change", "roster", "synced", "version", "versions")

    def __init__(self, roster: Roster, on_change: Callable[[], None]) -> None:
        self.roster = roster
        self.on_change = on_change
        self.versions: dict[str, int] = {}
        """The last one of each node."""
        self.version = 0
        """Our own last one."""
        self.synced: asyncio.Task[None] | None = None


class RosterSync:
    """The rosters that somebody on this node watches or is in, by their channels."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._followed: dict[str, _Followed] = {}
        self._ours: set[str] = set()
        """Those that have an entry of ours."""
        self._version = 0
        self._changed: dict[str, tuple[int, float]] = {}

    @property
    def present(self) -> int:
        """How many rosters have an entry of ours."""
        return len(self._ours)

    # What happens here

    async def follow(self, channel: str, roster: Roster, on_change: Callable[[], None]) -> None:
        """Fills a roster, and keeps it up to date. Returns when every node that is alive has said who is present, or
        when none can be asked; again waits for the same."""
        followed = self._followed.get(channel)
        if followed is None:
            followed = self._followed[channel] = _Followed(roster, on_change)
        if followed.synced is None:
            followed.synced = asyncio.get_running_loop().create_task(self._sync(channel))
        # Not awaited itself: whoever is cancelled here must not cancel it for the others.
        await asyncio.wait({followed.synced})

    async def _sync(self, channel: str) -> None:
        await self._wire.follow(channel)
        await self._ask([channel])

    async def _ask(self, channels: list[str]) -> None:
        try:
            await self._wire.ask_rosters(channels)
        except BrokerUnavailable:
            # All are asked when it is up again.
            return

    async def members(self, channel: str) -> Roster:
        """A roster, whether it is followed or not. Raises `BrokerUnavailable`."""
        roster = Roster()
        for answer in await self._wire.ask_rosters([channel]):
            for entry in answer.rosters.get(channel, ()):
                roster.put(_ANYWHERE, entry)
        followed = self._followed.get(channel)
        for entry in followed.roster.of_node(self._wire.id) if followed is not None else ():
            roster.put(self._wire.id, entry)
        return roster

    def unfollow(self, channel: str) -> None:
        """Nobody here watches any more, nor is in it."""
        followed = self._followed.pop(channel, None)
        self._ours.discard(channel)
        if followed is not None:
            if followed.synced is not None:
                followed.synced.cancel()
            self._wire.unfollow(channel)

    def change(self, channel: str, entered: list[Entry], left: list[str]) -> None:
        """Somebody came or left through this node. The roster has it already."""
        followed = self._followed.get(channel)
        if followed is None:
            return
        previous = followed.version
        self._version += 1
        if followed.roster.has(self._wire.id):
            followed.version = self._version
            self._ours.add(channel)
        else:
            followed.version = 0
            self._ours.discard(channel)
        self._changed.pop(channel, None)
        self._changed[channel] = (self._version, asyncio.get_running_loop().time())
        self._wire.send(channel, Change(channel, self._version, previous, entered, left))

    def changed(self) -> dict[str, int]:
        """The last versions of what changed lately."""
        past = asyncio.get_running_loop().time() - _TOLD_AGAIN_SECONDS
        for channel, (_, at) in list(self._changed.items()):
            if at > past:
                break
            del self._changed[channel]
        newest = list(self._changed.items())[-_TOLD_AGAIN:]
        return {channel: version for channel, (version, _) in newest}

    def answer(self, question: AskRosters) -> Iterable[Rosters]:
        """What this node says of the rosters that it was asked for, in messages of bounded size."""
        part: dict[str, list[Entry]] = {}
        size = 0
        for channel in question.channels:
            followed = self._followed.get(channel)
            entries = followed.roster.of_node(self._wire.id) if followed is not None else []
            part[channel] = entries
            size += len(channel) + sum(len(each.state) + len(each.socket) + len(each.member) + 16 for each in entries)
            if size >= _MESSAGE_BYTES:
                yield Rosters(question.id, True, self._version, part)
                part, size = {}, 0
        yield Rosters(question.id, False, self._version, part)

    # What others say

    def told_change(self, node: str, change: Change) -> None:
        """Somebody came or left through another node."""
        followed = self._followed.get(change.channel)
        if followed is None:
            return
        known = followed.versions.get(node, 0)
        if change.version <= known:
            return
        if change.previous == 0:
            followed.roster.replace(node, change.entered)
        elif change.previous <= known:
            for entry in change.entered:
                followed.roster.put(node, entry)
            for socket in change.left:
                followed.roster.remove(node, socket)
        else:
            self.ask(node, [change.channel])
            return
        followed.versions[node] = change.version
        followed.on_change()

    def told_rosters(self, node: str, told: Rosters) -> None:
        """All that another node says of some rosters."""
        for channel, entries in told.rosters.items():
            followed = self._followed.get(channel)
            # What was asked before a change that has come already is older.
            if followed is None or told.version < followed.versions.get(node, 0):
                continue
            followed.versions[node] = told.version
            followed.roster.replace(node, entries)
            followed.on_change()

    def told_versions(self, node: str, changed: dict[str, int]) -> None:
        """The last versions of another node."""
        missed = [
            channel
            for channel, version in changed.items()
            if channel in self._followed and self._followed[channel].versions.get(node, 0) < version
        ]
        if missed:
            self.ask(node, missed)

    def ask(self, node: str, channels: Sequence[str] | None = None) -> None:
        """Asks a node for these rosters, or for all."""
        wanted = list(self._followed) if channels is None else channels
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            self._wire.send_node(node, AskRosters(0, list(wanted[start : start + _ASKED_AT_ONCE])))

    async def ask_all(self) -> None:
        """Asks all nodes for all rosters, since changes may have been missed."""
        channels = list(self._followed)
        for start in range(0, len(channels), _ASKED_AT_ONCE):
            await self._ask(channels[start : start + _ASKED_AT_ONCE])

    def drop(self, node: str) -> None:
        """A node is gone, and whoever was present through it."""
        for followed in list(self._followed.values()):
            followed.versions.pop(node, None)
            if followed.roster.has(node):
                followed.roster.replace(node, ())
                followed.on_change()
