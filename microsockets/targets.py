"""Whom a broadcast is for: a room's name, a socket, `user(id)`, `ALL`, or a list of those."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, TypeAlias


class SocketLike(Protocol):
    """What layers below the socket need to know of it."""

    @property
    def id(self) -> str: ...
    @property
    def protocol(self) -> str: ...


class All(Enum):
    """The type of `ALL`."""

    ALL = "ALL"


ALL: Final = All.ALL
"""Every socket of the namespace."""


@dataclass(frozen=True, slots=True)
class User:
    """All sockets of one person; made by `user(id)`."""

    id: str


def user(id: str | int) -> User:
    """All sockets whose `user_id` is this one."""
    return User(str(id))


def target_key(targets: Targets) -> Hashable:
    """What is equal for targets that mean the same rooms, sockets and users."""
    if isinstance(targets, str | User | All):
        return targets
    if isinstance(targets, Iterable):
        return frozenset(target_key(each) for each in targets)
    return ("socket", targets.id)


Target: TypeAlias = str | SocketLike | User | All
Targets: TypeAlias = Target | Iterable[Target]
