"""rooms/membership.py: who is in which room."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from microsockets.rooms.membership import Membership, Room, RoomKey, room_name

ROOMS: list[RoomKey] = ["a", "b", Room("/chat", "a"), Room("/game", "a"), Room("/chat", "b")]
SOCKETS = ["s1", "s2", "s3", "s4"]
rooms = st.sampled_from(ROOMS)
sockets = st.sampled_from(SOCKETS)


class MembershipMachine(RuleBasedStateMachine):
    """The model is a plain list of pairs in the order of joining."""

    def __init__(self) -> None:
        super().__init__()
        self.membership = Membership()
        self.pairs: list[tuple[RoomKey, str]] = []

    @rule(room=rooms, socket=sockets)
    def join(self, room: RoomKey, socket: str) -> None:
        self.membership.join(room, socket)
        if (room, socket) not in self.pairs:
            self.pairs.append((room, socket))

    @rule(room=rooms, socket=sockets)
    def leave(self, room: RoomKey, socket: str) -> None:
        self.membership.leave(room, socket)
        self.pairs = [pair for pair in self.pairs if pair != (room, socket)]

    @rule(socket=sockets)
    def flush(self, socket: str) -> None:
        self.membership.flush(socket)
        self.pairs = [pair for pair in self.pairs if pair[1] != socket]

    @invariant()
    def members_are_in_the_order_of_joining(self) -> None:
        for room in ROOMS:
            assert list(self.membership.members(room)) == [socket for each, socket in self.pairs if each == room]

    @invariant()
    def rooms_are_in_the_order_of_joining(self) -> None:
        for socket in SOCKETS:
            assert list(self.membership.rooms(socket)) == [room for room, each in self.pairs if each == socket]

    @invariant()
    def rooms_exist_while_somebody_is_in_them(self) -> None:
        assert set(self.membership) == {room for room, _ in self.pairs}
        assert len(self.membership) == len({room for room, _ in self.pairs})


TestMembership = MembershipMachine.TestCase


def test_leaving_one_of_several_rooms_and_one_of_several_members() -> None:
    membership = Membership()
    for room, socket in (("a", 1), ("b", 1), ("a", 2)):
        membership.join(room, socket)
    membership.leave("a", 1)
    membership.leave("a", 1)
    membership.leave("c", 1)
    membership.leave("a", 3)
    assert list(membership.members("a")) == [2]
    assert list(membership.rooms(1)) == ["b"]
    membership.flush(1)
    membership.flush(2)
    assert list(membership) == []


def test_a_room_of_a_namespace_is_not_the_room_of_that_name_elsewhere() -> None:
    membership = Membership()
    membership.join(Room("/chat", "a"), 1)
    assert not membership.members("a")
    assert not membership.members(Room("/game", "a"))


def test_the_name_of_a_room_is_what_the_user_gave() -> None:
    assert room_name(Room("/chat", "a")) == room_name("a") == "a"
