"""Whom a broadcast is for: a room's name, a socket, `user(id)`, `ALL`, or a list of those."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, Protocol, TypeAlias


class SocketLike(Protocol):
    """What layers below the socket need to know of it."""

    @property
    def id(self) -> str: ...
    @property
    def protocol(self) -> str: ...


class Reached(NamedTuple):
    """Whom a broadcast got to."""

    here: int
    """The sockets of this process that it is queued for."""
    elsewhere: bool = True
    """Whether the broker has it, for the sockets of other processes. False while the broker is down: then they do not
    get it."""


class All(Enum):
    """The type of `ALL`."""

    ALL = "ALL"


ALL: Final = All.ALL
"""Every socket of the namespace."""


@dataclass(frozen=True, slots=True)
class User:
    """All sockets of one person; made by `user(id)`."""

    id: str


@dataclass(frozen=True, slots=True)
class RemoteSocket:
    """A socket on another process of the application, as `members()` lists it. It may be a target."""

    id: str
    user_id: str | None
    protocol: str


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
