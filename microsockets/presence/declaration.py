"""Declaring presence: `presence = Presence(Member)` in a namespace."""

from __future__ import annotations

from typing import Any, Generic, Protocol, cast, overload

from pydantic import BaseModel
from typing_extensions import TypeVar

from ..errors import UsageError
from ..events import Event
from ..targets import SocketLike

M = TypeVar("M")


class Present(BaseModel, Generic[M]):
    """Somebody who is here: the user's id, or that of a socket without a user, and its state."""

    id: str
    state: M


class PresenceState(BaseModel, Generic[M]):
    """Who is in a room."""

    room: str
    members: list[Present[M]]


class PresenceDifference(BaseModel, Generic[M]):
    """Who has come to a room, whose state is another one now, and who has left, since the last event about the room."""

    room: str
    joined: list[Present[M]]
    changed: list[Present[M]]
    left: list[str]


class BoundPresence(Protocol[M]):
    """Presence on a namespace of a running application."""

    async def enter(self, ws: SocketLike, room: str, state: M) -> None:
        """Makes the user of a socket present in a room, with this state; again is a change of state.

        A user (`ws.user_id`) is one member, however many sockets enter for it, and shows the state that was set last; a
        socket without a user is a member of its own. It ends with `leave`, when the socket leaves the room, and with
        the connection. The socket watches as well; see `watch`. In `on_connect` it takes effect when the connection is
        accepted. Raises `InvalidValue` for another state, and `UsageError` past the limits on rooms.
        """

    async def watch(self, ws: SocketLike, room: str) -> None:
        """Joins the room, and tells the socket who is present: first everybody in one event, named like the attribute,
        then every difference in events named with `_difference` added.

        A member's joining and leaving alternate, for every socket that watches. Members on other processes are there as
        far as this one knows, which is all of them while the broker is up.
        """

    async def leave(self, ws: SocketLike, room: str) -> None:
        """Ends what `enter` began. The socket stays in the room, and watches."""

    async def members(self, room: str) -> list[Present[M]]:
        """Who is present in a room, on all processes, each once. Raises `BrokerUnavailable`."""
        ...


class Presence(Generic[M]):
    """Declares who is here: `presence = Presence(Member)` in a namespace, with a model for the state of a member.

    Clients get two events, named `presence` and `presence_difference` after the attribute. On a running application it
    is a `BoundPresence`.
    """

    def __init__(self, model: type[M]) -> None:
        self.attribute = ""
        self.owner_name = ""
        self.model = model
        # The types are only known now, which is what __class_getitem__ is for.
        states: Any = cast("Any", PresenceState)[model]
        differences: Any = cast("Any", PresenceDifference)[model]
        self.state: Event[PresenceState[M]] = Event[states]()
        self.difference: Event[PresenceDifference[M]] = Event[differences]()
        self.state.description = "Who is in a room, when one begins to watch it."
        self.difference.description = "Who has come to a room, is in another state, or has left, since the last event."

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.owner_name = owner.__qualname__
        self.state.__set_name__(owner, attribute)
        self.difference.__set_name__(owner, f"{attribute}_difference")

    @property
    def events(self) -> tuple[Event[Any], Event[Any]]:
        """What it sends."""
        return self.state, self.difference

    @overload
    def __get__(self, instance: None, owner: type) -> Presence[M]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundPresence[M]: ...
    def __get__(self, instance: object | None, owner: type) -> Presence[M] | BoundPresence[M]:
        # What is bound sits in the instance's dict and hides this descriptor.
        if instance is None:
            return self
        raise self._unbound()

    def _unbound(self) -> UsageError:
        return UsageError(
            f"{self.owner_name}.{self.attribute} belongs to no application yet: "
            f"pass {self.owner_name} to Application(...) and use app[{self.owner_name}].{self.attribute}"
        )
