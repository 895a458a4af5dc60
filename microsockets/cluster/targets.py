"""Targets as nodes write them to each other, and the channels by which they are reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from ..errors import UsageError
from ..targets import ALL, RemoteSocket, Target, Targets, User, user
from .messages import NODE_ID_BYTES

_EVERYONE: Final = "*"
_NAMED: Final = "."
"""A room, or a socket's id."""
_USER: Final = "@"
_NODE_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_MARK: Final = "~"
"""Between the node and the rest of a socket's id, so that few rooms have names of that form."""

KNOWN_CHANNELS: Final = 65_536
"""Channels whose names are kept: making one takes 2 us."""


def socket_id(node: str, token: str) -> str:
    """The id of a socket, from which every node sees where it is."""
    return f"{node}{_MARK}{token}"


def node_of(name: str) -> str | None:
    """The node of a socket's id; None for what can only be a room's name."""
    node, mark, _ = name.partition(_MARK)
    return node if mark and len(node) == NODE_ID_BYTES and _NODE_ID.fullmatch(node) else None


def write(targets: Targets) -> list[str]:
    """Without the sockets of this process, which no other can reach."""
    if isinstance(targets, str):
        return [_NAMED + targets]
    if isinstance(targets, User):
        return [_USER + targets.id]
    if targets is ALL:
        return [_EVERYONE]
    if isinstance(targets, RemoteSocket):
        return [_NAMED + targets.id]
    if isinstance(targets, Iterable):
        return [each for target in targets for each in write(target)]
    return []


def slot(event: str, to: Targets, key: object) -> bytes:
    """What a frame replaces and is replaced by, the same on every node."""
    return msgspec.msgpack.encode((event, sorted(write(to)), key), enc_hook=repr)


def read(written: Sequence[str]) -> Targets:
    """Raises `UsageError` for what `write` does not write."""
    if len(written) == 1:
        return _read(written[0])
    return [_read(each) for each in written]


def _read(written: str) -> Target:
    match written[:1]:
        case "*":
            return ALL
        case "@":
            return user(written[1:])
        case ".":
            return written[1:]
        case _:
            raise UsageError("not a target")


class Channels:
    """The channels of one application on a broker.

    One for each room, user and namespace, by hash, since names may be of any characters and length; one for each node,
    and one for all nodes.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.all = f"{prefix}.all"
        self._of: Callable[[str, str], str] = lru_cache(KNOWN_CHANNELS)(self._hashed)

    def node(self, id: str) -> str:
        """Of one node."""
        return f"{self.prefix}.node.{id}"

    def of(self, namespace: str, written: str) -> str:
        """Of one target, as `write` writes it."""
        return self._of(namespace, written)

    def room(self, namespace: str, name: str) -> str:
        """Of one room."""
        return self._of(namespace, _NAMED + name)

    def user(self, namespace: str, id: str) -> str:
        """Of one user."""
        return self._of(namespace, _USER + id)

    def namespace(self, namespace: str) -> str:
        """Of all sockets of a namespace."""
        return self._of(namespace, _EVERYONE)

    def roster(self, namespace: str, presence: str, room: str) -> str:
        """Of who is present in a room."""
        return self._of(namespace, f"?{presence}\0{room}")

    def reaching(self, namespace: str, to: Sequence[str]) -> list[str]:
        """Those by which a broadcast gets to all targets, each once."""
        channels: dict[str, None] = {}
        for written in to:
            channels[self._of(namespace, written)] = None
            node = node_of(written[1:]) if written[0] == _NAMED else None
            if node is not None:
                channels[self.node(node)] = None
        return list(channels)

    def _hashed(self, namespace: str, written: str) -> str:
        # Surrogates come from names that are no valid text; they are rooms like any other.
        named = f"{namespace}\0{written}".encode("utf-8", "surrogatepass")
        return f"{self.prefix}.{blake2b(named, digest_size=12).hexdigest()}"
